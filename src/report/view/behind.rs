//! The other period, drawn behind a chart.

use crate::query::frame::{Frame, Row};

use crate::report::figure::{Ink, Line};
use crate::report::format::Numerals;
use crate::report::model::{Before, Model};

use super::shape::{Shape, mean_name};

/// A line of the other period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ghost<'a> {
    /// Of a row of the metric, counted over the nodes and, after them, the parts.
    Row(usize),
    /// Of all nodes together.
    All,
    /// Of a part over all nodes, the rows of the chart being folded; of all of them for an empty name.
    Fold(&'a str),
}

impl<'a> Ghost<'a> {
    /// What lies behind the lines of a shape: one behind each, or behind the mean where that stands for many.
    pub fn of(model: &Model, index: usize, frame: &Frame, shape: &'a Shape) -> Vec<Ghost<'a>> {
        let Some(before) = &model.before else { return Vec::new() };
        let wanted = match shape {
            Shape::Fold(_) => vec![Ghost::All],
            Shape::One | Shape::Each | Shape::Parts(_) => shape.drawn(frame).into_iter().map(Ghost::Row).collect(),
            Shape::PartMeans(rows) => Shape::part_lines(rows).iter().map(|row| Ghost::Fold(&row.part)).collect(),
            Shape::Whole(_) => vec![Ghost::Fold("")],
        };
        wanted.into_iter().filter(|ghost| ghost.values(before, index, frame).is_some()).collect()
    }

    /// Its values on the report's grid; `None` where there is no number among them.
    pub fn values<'b>(self, before: &'b Before, index: usize, frame: &Frame) -> Option<&'b [f64]> {
        let values = match self {
            Ghost::Row(row) => &before.row(index, row_of(frame, row)?)?.avg,
            Ghost::All => before.means.get(index)?,
            Ghost::Fold(part) => before.folds.get(index)?.get(part)?,
        };
        values.iter().any(|v| v.is_finite()).then_some(values)
    }

    /// As it is called beside the others.
    pub fn name(self, say: Numerals, frame: &Frame) -> String {
        match self {
            Ghost::All | Ghost::Fold("") => format!("{}, before", mean_name(say, frame)),
            Ghost::Fold(part) => format!("{part}, before"),
            Ghost::Row(row) => match row_of(frame, row) {
                Some(row) if !row.part.is_empty() => format!("{}, before", row.part),
                Some(row) => format!("{}, before", row.node),
                None => String::new(),
            },
        }
    }

    pub fn line<'b>(self, model: &'b Model, index: usize, frame: &Frame) -> Option<Line<'b>> {
        let values = self.values(model.before.as_ref()?, index, frame)?;
        let bridge = match self {
            Ghost::Row(row) => model.bridge(&row_of(frame, row)?.node, values),
            Ghost::All | Ghost::Fold(_) => model.bridge_all(values),
        };
        Some(Line { name: self.name(model.numerals(), frame), ink: Ink::Before, values, bridge })
    }
}

fn row_of(frame: &Frame, row: usize) -> Option<&Row> {
    frame.nodes.get(row).or_else(|| frame.parts.get(row.checked_sub(frame.nodes.len())?))
}

/// `Mon 9 – Sun 15 Nov 2026`, with the file that it is of where that is another one.
pub(crate) fn period(model: &Model, before: &Before) -> String {
    let period = model.clock.with_range(before.range).period();
    match &before.origin {
        Some(origin) => format!("{period} of {origin}"),
        None => period,
    }
}
