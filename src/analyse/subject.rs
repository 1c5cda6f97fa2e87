//! What is judged: one series on the grid, with what its numbers mean.

use crate::model::SeriesKey;
use crate::model::catalogue::{Fold, Unit, Worse};

/// One series to judge. Counters come as rates.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Node, metric and labels.
    pub key: SeriesKey,
    /// The metric's title for people; the metric's name where there is none.
    pub title: String,
    /// Unit of the values.
    pub unit: Unit,
    /// Direction of badness.
    pub worse: Worse,
    /// What full is.
    pub capacity: Option<f64>,
    /// The shown metric that it is part of, where there is one.
    pub place: Option<Place<'a>>,
    /// One value a row of the grid; NaN is a gap.
    pub values: &'a [f64],
}

/// How a series is part of a shown metric. Limits are set for those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Name of the shown metric.
    pub metric: &'a str,
    /// The part of the node (mount, device); empty where it has one only.
    pub part: &'a str,
    /// How the series of a part become one line.
    pub within: Fold,
    /// How the parts become the node's line.
    pub across: Fold,
}

impl Subject<'_> {
    /// Percent of the capacity that `value` is, where a capacity is known.
    pub fn percent_of_capacity(&self, value: f64) -> Option<f64> {
        self.capacity.filter(|c| *c > 0.0).map(|c| 100.0 * value / c)
    }
}
