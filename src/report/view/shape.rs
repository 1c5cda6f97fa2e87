use crate::query::frame::{Frame, Row};

use crate::report::format::count;
use crate::report::model::notable;

/// Lines one chart can hold and still be read.
const LINES_MAX: usize = 5;

/// Which lines a chart of a metric has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// One node without parts: its line, and the band from its smallest to its largest.
    One,
    /// One node: the lines of these of its parts.
    Parts(Vec<usize>),
    /// A handful of nodes: a line each.
    Each,
    /// Many nodes: their mean, the band from the lowest to the highest, and the lines of these that stand out.
    Fold(Vec<usize>),
}

impl Shape {
    pub fn of(frame: &Frame) -> Shape {
        match frame.nodes.len() {
            0 | 1 if frame.parts.len() > 1 => Shape::Parts(largest(&frame.parts)),
            0 | 1 => Shape::One,
            2..=LINES_MAX => Shape::Each,
            _ => Shape::Fold(notable(&frame.nodes, frame.grid.len)),
        }
    }
}

/// The parts with the highest peaks.
fn largest(parts: &[Row]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| parts[*b].stats.max.total_cmp(&parts[*a].stats.max).then(a.cmp(b)));
    order.truncate(LINES_MAX);
    order
}

/// How the line of all nodes is called.
pub(crate) fn mean_name(frame: &Frame) -> String {
    format!("mean of {}", count(frame.nodes.len(), "node"))
}
