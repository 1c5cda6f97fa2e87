use crate::model::catalogue::Fold;
use crate::query::frame::{Frame, Lines, Row, Stats, fold_lines};

use crate::report::format::Numerals;
use crate::report::model::{notable, parts_stand_apart};
use crate::report::plots::{across, fold_word};

/// Lines one chart can hold and still be read.
const LINES_MAX: usize = 5;

/// Which lines a chart of a metric has.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One node without parts: its line, and the band from its smallest to its largest.
    One,
    /// One node: the lines of these of its parts.
    Parts(Vec<usize>),
    /// Several nodes whose parts stand for themselves: each part over all nodes, the highest first.
    PartMeans(Vec<Row>),
    /// Everything as one line.
    Whole(Vec<Row>),
    /// A handful of nodes: a line each.
    Each,
    /// Many nodes: their mean, the band from the lowest to the highest, and the lines of these that stand out.
    Fold(Vec<usize>),
}

impl Shape {
    pub fn of(say: Numerals, frame: &Frame) -> Shape {
        match (frame.shown.lines, frame.nodes.len()) {
            (Lines::Whole, _) => {
                Shape::Whole(folded(&frame.nodes, across(frame), mean_name(say, frame)).into_iter().collect())
            }
            (Lines::Parts, _) => Shape::PartMeans(part_means(frame)),
            (Lines::Natural, 0 | 1) if frame.parts.len() > 1 => Shape::Parts(largest(&frame.parts)),
            (_, 0 | 1) => Shape::One,
            (Lines::Natural, _) if parts_stand_apart(frame) => Shape::PartMeans(part_means(frame)),
            (_, 2..=LINES_MAX) => Shape::Each,
            (_, _) => Shape::Fold(notable(&frame.nodes, frame.grid.len)),
        }
    }

    /// What titles and tables speak of.
    pub fn rows<'a>(&'a self, frame: &'a Frame) -> &'a [Row] {
        match self {
            Shape::Parts(_) => &frame.parts,
            Shape::PartMeans(rows) | Shape::Whole(rows) => rows,
            Shape::One | Shape::Each | Shape::Fold(_) => &frame.nodes,
        }
    }

    /// Whether the rows are parts of a node.
    pub fn by_part(&self) -> bool {
        matches!(self, Shape::Parts(_) | Shape::PartMeans(_))
    }

    /// How a row is called.
    pub fn name(&self, row: &Row) -> String {
        match self {
            Shape::Parts(_) | Shape::PartMeans(_) | Shape::Whole(_) => row.part.clone(),
            Shape::One | Shape::Each | Shape::Fold(_) => row.node.to_string(),
        }
    }

    /// The rows with a line of their own, counted over the nodes and, after them, the parts.
    pub fn drawn(&self, frame: &Frame) -> Vec<usize> {
        match self {
            Shape::One | Shape::Each => (0..frame.nodes.len()).collect(),
            Shape::Parts(shown) => shown.iter().map(|part| frame.nodes.len() + part).collect(),
            Shape::PartMeans(_) | Shape::Whole(_) => Vec::new(),
            Shape::Fold(shown) => shown.clone(),
        }
    }

    /// The first of the parts are drawn, the others are in the table.
    pub fn part_lines(rows: &[Row]) -> &[Row] {
        &rows[..rows.len().min(LINES_MAX)]
    }
}

/// The parts with the highest peaks.
fn largest(parts: &[Row]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| parts[*b].stats.max.total_cmp(&parts[*a].stats.max).then(a.cmp(b)));
    order.truncate(LINES_MAX);
    order
}

/// Every part over all nodes, the highest mean first.
fn part_means(frame: &Frame) -> Vec<Row> {
    let mut names: Vec<&str> = frame.parts.iter().map(|row| row.part.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut rows: Vec<Row> = names.into_iter().filter_map(|name| part_mean(frame, name)).collect();
    rows.sort_by(|a, b| b.stats.avg.total_cmp(&a.stats.avg).then_with(|| a.part.cmp(&b.part)));
    rows
}

fn part_mean(frame: &Frame, name: &str) -> Option<Row> {
    let rows: Vec<Row> = frame.parts.iter().filter(|row| row.part == name).cloned().collect();
    folded(&rows, across(frame), name.to_owned())
}

/// Several rows as one, called `name`. The numbers of a mean are the means of theirs; those of all else are of its line.
fn folded(rows: &[Row], fold: Fold, name: String) -> Option<Row> {
    let lines: Vec<&[f64]> = rows.iter().map(|row| row.avg.as_slice()).collect();
    let line = fold_lines(&lines, fold);
    let of_line = Stats::of_line(&line);
    let stats: Vec<Stats> = rows.iter().map(|row| row.stats).filter(|s| s.count > 0).collect();
    let average = |pick: fn(&Stats) -> f64| stats.iter().map(pick).sum::<f64>() / stats.len() as f64;
    let stats = match fold {
        Fold::Avg => Stats {
            count: stats.iter().map(|s| s.count).sum(),
            avg: average(|s| s.avg),
            p50: average(|s| s.p50),
            p95: average(|s| s.p95),
            p99: average(|s| s.p99),
            last: average(|s| s.last),
            ..of_line
        },
        Fold::Sum | Fold::Max | Fold::Min => of_line,
    };
    let node = rows.first()?.node.clone();
    Some(Row { node, part: name, min: line.clone(), max: line.clone(), avg: line, stats })
}

/// How the line of all nodes is called.
pub(crate) fn mean_name(say: Numerals, frame: &Frame) -> String {
    format!("{} of {}", fold_word(across(frame)), say.count(frame.nodes.len(), "node"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{empty, frame};

    #[test]
    fn parts_of_several_nodes_are_averaged_part_by_part() {
        let model = empty(&["a", "b"], 2, 1_000);
        let rows = |node, user: f64, idle: f64| {
            [(node, "", vec![50.0, 50.0]), (node, "user", vec![user; 2]), (node, "idle", vec![idle; 2])]
        };
        let rows = rows("a", 10.0, 90.0).into_iter().chain(rows("b", 30.0, 70.0)).collect();
        let frame = frame(&model, "cpu_mode_percent", rows);
        let Shape::PartMeans(parts) = Shape::of(model.numerals(), &frame) else {
            panic!("{:?}", Shape::of(model.numerals(), &frame))
        };
        let shown: Vec<(&str, f64)> = parts.iter().map(|row| (row.part.as_str(), row.avg[1])).collect();
        assert_eq!(shown, [("idle", 80.0), ("user", 20.0)]);
    }
}
