//! What shows a finding: its series around the time, with what was expected, the usual band, and what else moved.
//!
//! ```text
//!   value |            ,-.           hi = expected + what 99 of 100 rows stay below
//!         |~~~~~~~~~~~/   \~~~~~~    expected: season, trend, level before a change; the peers' median; the forecast
//!         |..................        lo = expected + what 99 of 100 rows stay above
//!         +-----|-----|----------> time
//!    baseline    window     after    the baseline is four times as long as the window
//! ```
//!
//! Made again for the few findings that a page draws, from the values that were judged: nothing is kept of the others.

use std::collections::BTreeMap;
use std::ops::Range;

use super::alarm::Alarm;
use super::anomaly::Detector;
use super::findings::{Finding, FindingKind, name_of};
use super::forecast::{self, Basis, Outlook};
use super::moved::{self, Movement, moved_most};
use super::options::Options;
use super::stats;
use super::subject::Subject;
use super::threads;
use crate::model::catalogue::Unit;
use crate::model::{SeriesKey, TimeRange, Timestamp};
use crate::query::Grid;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Most rows of a line: a chart is some hundred pixels wide.
const ROWS_MAX: usize = 240;
/// The baseline is so many times as long as the window.
const BASELINE: usize = 4;
/// What moved in a longer window says little of what began with it.
const MOVED_WINDOW_MS: i64 = 6 * HOUR_MS;
/// Most series that are told to have moved with an incident.
const MOVED_MAX: usize = 8;
/// Series that are looked at together for what moved.
const PART: usize = 256;
/// The band holds the rows between these quantiles of the residual.
const BAND: (f64, f64) = (0.01, 0.99);

/// What a chart of a finding draws, and what is told beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The finding: its kind, series and start.
    pub of: (FindingKind, SeriesKey, Timestamp),
    /// The series in words.
    pub name: String,
    /// Unit of the lines.
    pub unit: Unit,
    /// What full is.
    pub capacity: Option<f64>,
    /// The rows of all lines; coarser than what was judged where there are many.
    pub grid: Grid,
    /// What was seen (NaN = gap).
    pub values: Vec<f64>,
    /// What was expected; empty where nothing is.
    pub expected: Vec<f64>,
    /// Lower edge of the usual band; empty where there is none.
    pub lo: Vec<f64>,
    /// Upper edge.
    pub hi: Vec<f64>,
    /// What else moved, strongest first.
    pub moved: Vec<Movement>,
    /// When a capacity is full.
    pub outlook: Option<Outlook>,
    /// What that was computed of: rows of what was judged, not of `grid`.
    pub basis: Option<Basis>,
}

/// How many findings of a kind are shown with their evidence.
pub const fn shown_max(kind: FindingKind) -> usize {
    match kind {
        FindingKind::Anomaly => 6,
        FindingKind::Change => 4,
        FindingKind::Peer => 2,
        FindingKind::Capacity => 20,
        _ => 0,
    }
}

/// The evidence of the first findings of each kind. `found` is in order of rank; `subjects`, sorted by key, are what it was found in.
pub fn evidence(subjects: &[Subject], grid: Grid, found: &[Finding], options: &Options) -> Vec<Evidence> {
    let mut shown = Exhibits::of(subjects, grid, found, options);
    shown.see(subjects, grid, options);
    shown.told()
}

/// The findings that are shown: the first of each kind.
pub(super) fn charted(found: &[Finding]) -> Vec<&Finding> {
    let mut counts: BTreeMap<FindingKind, usize> = BTreeMap::new();
    let is_shown = |finding: &&Finding| {
        let count = counts.entry(finding.kind).or_default();
        *count += 1;
        *count <= shown_max(finding.kind)
    };
    found.iter().filter(is_shown).collect()
}

/// What is shown of findings, while it is looked for what else moved.
pub(super) struct Exhibits(Vec<(Evidence, Option<TimeRange>)>);

impl Exhibits {
    /// `subjects` has at least the series of what is [`charted`], and of unlike nodes the series of all nodes.
    pub(super) fn of(subjects: &[Subject], grid: Grid, found: &[Finding], options: &Options) -> Exhibits {
        let place = |finding: &Finding| subjects.binary_search_by(|s| s.key.cmp(&finding.series)).ok();
        let witnesses: Vec<Witness> = charted(found)
            .into_iter()
            .filter_map(|finding| Some(Witness { subjects, grid, place: place(finding)?, finding, options }))
            .collect();
        let detector = || Detector::new(grid, options.utc_offset_ms, options.anomaly_levels(), options.change);
        let exhibit = |detector: &mut Detector, one: &Witness| (one.evidence(detector), one.moved_in());
        Exhibits(threads::map_with(&witnesses, options.thread_count(), detector, exhibit))
    }

    /// Looks for what else moved among some series.
    pub(super) fn see(&mut self, subjects: &[Subject], grid: Grid, options: &Options) {
        let windows = self.0.iter().enumerate().filter_map(|(place, (_, window))| Some((place, (*window)?)));
        let parts: Vec<(usize, TimeRange, &[Subject])> =
            windows.flat_map(|(place, window)| subjects.chunks(PART).map(move |part| (place, window, part))).collect();
        let most = |(_, window, part): &(usize, TimeRange, &[Subject])| {
            moved_most(part, grid, *window, &options.floors, MOVED_MAX + 1)
        };
        for ((place, ..), more) in parts.iter().zip(threads::map(&parts, options.thread_count(), most)) {
            let evidence = &mut self.0[*place].0;
            evidence.moved.extend(more);
            moved::rank(&mut evidence.moved);
            evidence.moved.truncate(MOVED_MAX + 1);
        }
    }

    /// All of it.
    pub(super) fn told(self) -> Vec<Evidence> {
        let others = |(mut evidence, _): (Evidence, Option<TimeRange>)| {
            evidence.moved.retain(|movement| movement.series != evidence.of.1);
            evidence.moved.truncate(MOVED_MAX);
            evidence
        };
        self.0.into_iter().map(others).collect()
    }
}

struct Witness<'a> {
    subjects: &'a [Subject<'a>],
    grid: Grid,
    place: usize,
    finding: &'a Finding,
    options: &'a Options,
}

impl Witness<'_> {
    fn evidence(&self, detector: &mut Detector) -> Evidence {
        match self.finding.kind {
            FindingKind::Change => self.change(),
            FindingKind::Peer => self.peer(),
            FindingKind::Capacity => self.capacity(),
            _ => self.anomaly(detector),
        }
    }

    fn subject(&self) -> &Subject<'_> {
        &self.subjects[self.place]
    }

    fn row(&self, t: Timestamp) -> usize {
        let row = (t.millis() - self.grid.start.millis()) / self.grid.step_ms.max(1);
        (row.max(0) as usize).min(self.grid.len)
    }

    /// The row after the last one of a stretch that ends there.
    fn end(&self, t: Timestamp) -> usize {
        self.row(t.plus_millis(self.grid.step_ms.max(1) - 1))
    }

    fn rows(&self, ms: i64) -> usize {
        (ms / self.grid.step_ms.max(1)).max(1) as usize
    }

    /// `before` rows before `window`, and `after` after it.
    fn around(&self, window: &Range<usize>, before: usize, after: usize) -> Range<usize> {
        window.start.saturating_sub(before)..(window.end + after).min(self.grid.len)
    }

    fn anomaly(&self, detector: &mut Detector) -> Evidence {
        let values = self.subject().values;
        detector.judge(values, self.options.floors.of_subject(self.subject()));
        let window = self.row(self.finding.from)..self.end(self.finding.to);
        // What is usual is told by the other time.
        let calm = |row: &usize| detector.alarms()[*row] == Alarm::Quiet && !window.contains(row);
        let mut residual = Vec::new();
        stats::finite_into((0..values.len()).filter(calm).map(|row| detector.residual()[row]), &mut residual);
        let lo = stats::select_quantile(&mut residual, BAND.0);
        let hi = stats::select_quantile(&mut residual, BAND.1);
        let expected = detector.expected();
        let shown = self.around(
            &window,
            (BASELINE * window.len()).max(self.rows(3 * HOUR_MS)),
            self.rows(HOUR_MS).max(window.len()),
        );
        let line = |add: f64| expected[shown.clone()].iter().map(|e| e + add).collect::<Vec<f64>>();
        self.drawn(&shown, &values[shown.clone()], [line(0.0), line(lo), line(hi)])
    }

    /// The level before the change is what was expected after it.
    fn change(&self) -> Evidence {
        let values = self.subject().values;
        let row = self.row(self.finding.from);
        let shown = self.around(&(row..row), self.rows(2 * DAY_MS), self.rows(2 * DAY_MS));
        let mut before = Vec::new();
        stats::finite_into(values[shown.start..row].iter().map(|v| v - self.finding.expected), &mut before);
        let lo = self.finding.expected + stats::select_quantile(&mut before, BAND.0);
        let hi = self.finding.expected + stats::select_quantile(&mut before, BAND.1);
        let level = |v: f64| vec![v; shown.len()];
        self.drawn(&shown, &values[shown.clone()], [level(self.finding.expected), level(lo), level(hi)])
    }

    /// The other nodes' median, and the band in which nine of ten of them lie.
    fn peer(&self) -> Evidence {
        let subject = self.subject();
        let alike = |s: &&Subject| s.key.metric == subject.key.metric && s.key.labels == subject.key.labels;
        let others: Vec<&[f64]> = self.subjects.iter().filter(alike).map(|s| s.values).collect();
        let whole = 0..self.grid.len;
        let width = width_of(whole.len());
        let mut blocks: Vec<Vec<f64>> = vec![Vec::new(); others.len()];
        others.iter().zip(&mut blocks).for_each(|(values, out)| stats::block_means(values, width, out));
        let len = blocks.first().map_or(0, Vec::len);
        let mut column = Vec::new();
        let mut quantile = |q: f64| -> Vec<f64> {
            let one = |i: usize| {
                stats::finite_into(blocks.iter().map(|b| b[i]), &mut column);
                stats::select_quantile(&mut column, q)
            };
            (0..len).map(one).collect()
        };
        let [expected, lo, hi] = [0.5, 0.05, 0.95].map(&mut quantile);
        let mut drawn = self.drawn(&whole, subject.values, [Vec::new(), Vec::new(), Vec::new()]);
        (drawn.expected, drawn.lo, drawn.hi) = (expected, lo, hi);
        drawn
    }

    fn capacity(&self) -> Evidence {
        let subject = self.subject();
        let capacity = subject.capacity.unwrap_or(100.0);
        let percent: Vec<f64> = subject.values.iter().map(|v| 100.0 * v / capacity).collect();
        let (outlook, basis) = forecast::outlook_and_basis(&percent, self.grid.step_ms, &self.options.forecast);
        let whole = 0..self.grid.len;
        let drawn = self.drawn(&whole, subject.values, [Vec::new(), Vec::new(), Vec::new()]);
        Evidence { outlook: Some(outlook), basis: Some(basis), ..drawn }
    }

    /// In which time it is told what else moved: in that of an anomaly, or in its first hours.
    fn moved_in(&self) -> Option<TimeRange> {
        let start = self.row(self.finding.from);
        let longest = start + self.rows(MOVED_WINDOW_MS);
        let end = match self.finding.kind {
            FindingKind::Peer | FindingKind::Capacity => return None,
            FindingKind::Change => longest,
            _ => self.end(self.finding.to).min(longest),
        };
        TimeRange::new(self.grid.time(start), self.grid.time(end.min(self.grid.len).max(start)))
    }

    /// Lines over `shown`, with no more rows than can be drawn.
    fn drawn(&self, shown: &Range<usize>, values: &[f64], usual: [Vec<f64>; 3]) -> Evidence {
        let (subject, finding) = (self.subject(), self.finding);
        let width = width_of(shown.len());
        let thinned = |line: &[f64]| {
            let mut out = Vec::new();
            stats::block_means(line, width, &mut out);
            out
        };
        let values = thinned(values);
        let [expected, mut lo, mut hi] = usual.map(|line| thinned(&line));
        // Nothing is usual that cannot be.
        if subject.values.iter().all(|v| v.is_nan() || *v >= 0.0) {
            lo.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        if let Some(full) = subject.capacity {
            hi.iter_mut().for_each(|v| *v = v.min(full));
        }
        Evidence {
            of: (finding.kind, finding.series.clone(), finding.from),
            name: name_of(subject),
            unit: subject.unit,
            capacity: subject.capacity,
            grid: Grid {
                start: self.grid.time(shown.start),
                step_ms: self.grid.step_ms * width as i64,
                len: values.len(),
            },
            values,
            expected,
            lo,
            hi,
            moved: Vec::new(),
            outlook: None,
            basis: None,
        }
    }
}

fn width_of(rows: usize) -> usize {
    rows.div_ceil(ROWS_MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::findings::find;
    use crate::model::catalogue::Worse;
    use crate::model::{Labels, MetricName, NodeName};

    fn noise(i: usize) -> f64 {
        let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 29;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    fn subject<'a>(node: &str, values: &'a [f64]) -> Subject<'a> {
        let key = SeriesKey {
            node: NodeName::new(node).unwrap(),
            metric: MetricName::new("load1").unwrap(),
            labels: Labels::default(),
        };
        let title = "Load".to_owned();
        Subject { key, title, unit: Unit::None, worse: Worse::High, capacity: None, place: None, values }
    }

    #[test]
    fn an_incident_is_shown_with_its_baseline_and_with_what_moved() {
        let mut lines: Vec<Vec<f64>> =
            (0..8).map(|n| (0..2016).map(|i| 30.0 + 6.0 * noise(n * 5000 + i)).collect()).collect();
        for node in [1, 2] {
            lines[node][1000..1012].iter_mut().for_each(|v| *v += 50.0 + 9.0 * node as f64);
        }
        let subjects: Vec<Subject> = lines.iter().zip('a'..).map(|(v, n)| subject(&n.to_string(), v)).collect();
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: 2016 };
        let options = Options::default();
        let found = find(&subjects, grid, &[FindingKind::Anomaly], &options);
        assert_eq!(found.all.len(), 1);
        let shown = evidence(&subjects, grid, &found.all, &options);
        let one = &shown[0];
        assert_eq!((one.name.as_str(), shown.len()), ("Load on c", 1));
        assert!(one.grid.start < found.all[0].from && one.grid.time(one.grid.len) > found.all[0].to);
        assert!(one.values.iter().zip(&one.hi).any(|(v, hi)| v > hi), "the value leaves the band");
        assert!(one.lo.iter().zip(&one.expected).all(|(lo, e)| lo < e));
        assert_eq!(one.moved.iter().map(|m| m.series.node.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(one.moved[0].during > one.moved[0].before + 40.0);
    }
}
