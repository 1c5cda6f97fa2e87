//! All series of all nodes on all cores: every series judged, every node's alarms, and the movements that correlation needs.
//!
//! ```text
//!   series 1 ──detector──► surprise ─┐
//!   series 2 ──detector──► surprise ─┼─ greatest a row ──► alarm levels for n series ──► the node's stretches
//!   series n ──detector──► surprise ─┘
//! ```
//!
//! A node's judgement is of the greatest surprise over its series, with levels that rise with their number: a service with 19 metrics must not speak
//! 19 times as often. Measured on JumpStarter, the greatest beats the mean of three, the sum and a distance in the principal components.
//!
//! Memory: a detector's buffers a thread, the events, one row of means a series for correlation, and one row of greatest surprise for nodes
//! that are split over threads.

use std::ops::Range;

use super::alarm::{Alarm, Alarms};
use super::anomaly::{Detector, Judgement};
use super::correlate;
use super::options::Options;
use super::subject::Subject;
use super::threads;
use crate::query::Grid;

/// Most series one piece of work holds; nodes with more are judged in pieces.
const PIECE: usize = 64;

/// A stretch on which a node as a whole is odd.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeEvent {
    /// First row.
    pub from: usize,
    /// Row after the last.
    pub to: usize,
    /// How sure.
    pub alarm: Alarm,
    /// Greatest mean surprise over the shortest window, over the node's series.
    pub strength: f64,
    /// The node's series (indices of subjects).
    pub members: Range<usize>,
}

/// What [`judge`] finds.
#[derive(Debug, Default)]
pub struct ClusterJudgement {
    /// Subjects in order of node; all indices here count in this order.
    pub order: Vec<usize>,
    /// Of every series in that order.
    pub series: Vec<Judgement>,
    /// Of every node.
    pub nodes: Vec<NodeEvent>,
    /// Differences of block means of every series' seasonal residual, for correlation; empty where it was not judged.
    pub moves: Vec<Vec<f32>>,
}

impl ClusterJudgement {
    /// Takes what was found in the nodes that come after these: as if all had been judged together.
    pub fn append(&mut self, later: ClusterJudgement) {
        let first = self.order.len();
        let moved =
            |event: NodeEvent| NodeEvent { members: event.members.start + first..event.members.end + first, ..event };
        self.order.extend(later.order.into_iter().map(|place| place + first));
        self.series.extend(later.series);
        self.nodes.extend(later.nodes.into_iter().map(moved));
        self.moves.extend(later.moves);
    }
}

/// Judges all subjects. Rows are those of `grid`.
pub fn judge(subjects: &[Subject], grid: Grid, options: &Options) -> ClusterJudgement {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by(|&a, &b| subjects[a].key.cmp(&subjects[b].key));
    let nodes = node_ranges(subjects, &order);
    let pieces: Vec<(usize, Range<usize>)> =
        nodes.iter().enumerate().flat_map(|(n, range)| pieces(range).map(move |piece| (n, piece))).collect();
    let done = threads::map_with(
        &pieces,
        options.thread_count(),
        || Worker::new(grid, options),
        |worker, (node, range)| worker.piece(subjects, &order[range.clone()], range.len() == nodes[*node].len()),
    );
    let mut all = ClusterJudgement { order, ..ClusterJudgement::default() };
    let mut worker = Worker::new(grid, options);
    let mut split: Vec<f64> = Vec::new();
    for ((node, _), piece) in pieces.iter().zip(done) {
        all.series.extend(piece.series);
        all.moves.extend(piece.moves);
        merge_greatest(&mut split, &piece.greatest);
        let range = nodes[*node].clone();
        if all.series.len() == range.end {
            let judged = all.series[range.clone()].iter().filter(|j| j.unjudged.is_none()).count();
            let events = piece.events.unwrap_or_else(|| worker.node_events(&split, judged));
            all.nodes.extend(events.into_iter().map(|e| NodeEvent { members: range.clone(), ..e }));
            split.clear();
        }
    }
    all
}

fn node_ranges(subjects: &[Subject], order: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    order
        .chunk_by(|&a, &b| subjects[a].key.node == subjects[b].key.node)
        .map(|node| {
            let range = start..start + node.len();
            start = range.end;
            range
        })
        .collect()
}

fn pieces(range: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let (start, end) = (range.start, range.end);
    (start..end).step_by(PIECE).map(move |from| from..(from + PIECE).min(end))
}

/// The larger of both, row by row; associative and commutative, so that pieces may come in any grouping.
fn merge_greatest(into: &mut Vec<f64>, from: &[f64]) {
    if into.len() < from.len() {
        into.resize(from.len(), 0.0);
    }
    for (a, &b) in into.iter_mut().zip(from) {
        *a = a.max(b);
    }
}

struct Piece {
    series: Vec<Judgement>,
    moves: Vec<Vec<f32>>,
    /// Of a whole node.
    events: Option<Vec<NodeEvent>>,
    /// Of a part of a node.
    greatest: Vec<f64>,
}

struct Worker<'a> {
    grid: Grid,
    options: &'a Options,
    detector: Detector,
    mover: correlate::Mover,
    alarms: Alarms,
    greatest: Vec<f64>,
}

impl<'a> Worker<'a> {
    fn new(grid: Grid, options: &'a Options) -> Self {
        Worker {
            grid,
            options,
            detector: Detector::new(grid, options.utc_offset_ms, options.anomaly_levels(), options.change),
            mover: correlate::Mover::default(),
            alarms: Alarms::default(),
            greatest: Vec::new(),
        }
    }

    fn piece(&mut self, subjects: &[Subject], members: &[usize], whole: bool) -> Piece {
        self.greatest.clear();
        self.greatest.resize(self.grid.len, 0.0);
        let mut piece = Piece { series: Vec::new(), moves: Vec::new(), events: None, greatest: Vec::new() };
        for &member in members {
            let subject = &subjects[member];
            let judgement = self.detector.judge(subject.values, self.options.floors.of_subject(subject));
            merge_greatest(&mut self.greatest, self.detector.surprise());
            let moves = match judgement.unjudged {
                None => self.mover.moves(self.detector.residual(), self.grid.step_ms, &self.options.correlate),
                Some(_) => Vec::new(),
            };
            piece.series.push(judgement);
            piece.moves.push(moves);
        }
        if whole {
            let greatest = std::mem::take(&mut self.greatest);
            let judged = piece.series.iter().filter(|j| j.unjudged.is_none()).count();
            piece.events = Some(self.node_events(&greatest, judged));
            self.greatest = greatest;
        } else {
            piece.greatest.clone_from(&self.greatest);
        }
        piece
    }

    fn node_events(&mut self, greatest: &[f64], series: usize) -> Vec<NodeEvent> {
        let levels = self.options.anomaly_levels().levels.over(series);
        self.alarms.judge(greatest, self.grid.step_ms, levels);
        let stretches = self.alarms.stretches(self.grid.step_ms);
        stretches
            .into_iter()
            .map(|(from, to)| NodeEvent {
                from,
                to,
                alarm: self.alarms.rows()[from..to].iter().copied().max().unwrap_or_default(),
                strength: self.alarms.short_means()[from..to].iter().copied().fold(0.0, f64::max),
                members: 0..0,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use crate::model::catalogue::{Unit, Worse};
    use crate::model::{Labels, MetricName, NodeName, SeriesKey, Timestamp};

    #[test]
    fn threads_and_pieces_do_not_change_what_is_found() {
        let values: Vec<Vec<f64>> = (0..150)
            .map(|s| {
                (0..4000)
                    .map(|i| noise(s * 1000 + i) + if s % 40 == 7 && (300..318).contains(&i) { 90.0 } else { 0.0 })
                    .collect()
            })
            .collect();
        let subjects: Vec<Subject> = values
            .iter()
            .enumerate()
            .map(|(s, values)| Subject {
                key: SeriesKey {
                    node: NodeName::new(if s < 130 { "big" } else { "small" }).unwrap(),
                    metric: MetricName::new(&format!("m{s}")).unwrap(),
                    labels: Labels::default(),
                },
                title: String::new(),
                unit: Unit::None,
                worse: Worse::Neither,
                capacity: None,
                place: None,
                values,
            })
            .collect();
        let grid = Grid { start: Timestamp::from_millis(0), step_ms: 300_000, len: 4000 };
        let run = |threads| judge(&subjects, grid, &Options { threads, ..Options::default() });
        let (one, four) = (run(1), run(4));
        assert_eq!((&one.series, &one.nodes, &one.moves), (&four.series, &four.nodes, &four.moves));
        assert_eq!(one.nodes.iter().map(|n| n.members.clone()).collect::<Vec<_>>(), vec![0..130]);
        assert!(one.nodes[0].from <= 302 && one.nodes[0].to >= 310, "{:?}", one.nodes);
    }

    #[test]
    fn the_greatest_of_pieces_is_associative() {
        let parts = [vec![1.0, 5.0], vec![], vec![4.0, 2.0, 3.0]];
        let all = |order: [usize; 3]| {
            let mut sum = Vec::new();
            order.iter().for_each(|&i| merge_greatest(&mut sum, &parts[i]));
            sum
        };
        assert_eq!(all([0, 1, 2]), vec![4.0, 5.0, 3.0]);
        assert_eq!(all([2, 1, 0]), all([0, 1, 2]));
    }
}
