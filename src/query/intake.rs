//! What takes in the samples of a series, on whichever thread reads them.

use super::bucket::SeriesCells;
use super::line::LineMaker;
use super::{Distribution, Grid, beside};
use crate::model::TimeRange;
use crate::store::{Intake, Outlived};

/// Into cells.
pub(super) struct IntoCells<'c> {
    pub(super) cells: &'c mut SeriesCells,
    pub(super) grid: Grid,
    /// Samples outside of it only tell what a counter stood at before it.
    pub(super) range: TimeRange,
}

impl Intake for IntoCells<'_> {
    fn take(&mut self, times: &[i64], values: &[f64]) {
        self.cells.push(self.grid, self.range, times, values);
    }
}

/// Into quantiles. The values are held from the first to the last only.
pub(super) struct IntoQuantiles<'w> {
    wanted: &'w [f64],
    values: Distribution,
    /// What stands for the samples of its time.
    pruned: Vec<Outlived>,
    /// How many values there were once.
    had: u64,
    found: Vec<f64>,
}

impl<'w> IntoQuantiles<'w> {
    /// Of a series that had so many values, of which some may be `pruned`.
    pub(super) fn new(wanted: &'w [f64], pruned: Vec<Outlived>, had: u64) -> Self {
        let mut values = Distribution::default();
        pruned.iter().for_each(|bucket| values.add(bucket));
        IntoQuantiles { wanted, values, pruned, had, found: vec![f64::NAN; wanted.len()] }
    }

    /// The quantiles; NaN where there is no value, or not all are told of any more.
    pub(super) fn found(&self) -> &[f64] {
        &self.found
    }
}

impl Intake for IntoQuantiles<'_> {
    fn take(&mut self, times: &[i64], values: &[f64]) {
        beside(&self.pruned, times, values).for_each(|(_, part)| self.values.extend(part));
    }

    fn end(&mut self) {
        let mut values = std::mem::take(&mut self.values);
        if self.had <= values.count() {
            self.found = values.quantiles(self.wanted);
        }
    }
}

/// Into both.
pub(super) struct IntoMeasures<'c, 'w>(pub(super) IntoCells<'c>, pub(super) IntoQuantiles<'w>);

impl Intake for IntoMeasures<'_, '_> {
    fn take(&mut self, times: &[i64], values: &[f64]) {
        self.0.take(times, values);
        self.1.take(times, values);
    }

    fn end(&mut self) {
        self.1.end();
    }
}

/// Into lines, and beside them into what is asked for later.
pub(super) struct IntoLines<'w> {
    /// By their place in the question; most often one.
    pub(super) lines: Vec<(usize, LineMaker)>,
    pub(super) along: Option<Along<'w>>,
    /// Samples outside of it only tell what a counter stood at before it.
    pub(super) range: TimeRange,
}

/// What is asked for later, of one series.
pub(super) struct Along<'w> {
    pub(super) cells: SeriesCells,
    pub(super) grid: Grid,
    pub(super) range: TimeRange,
    pub(super) quantiles: Option<IntoQuantiles<'w>>,
}

impl Intake for IntoLines<'_> {
    fn take(&mut self, times: &[i64], values: &[f64]) {
        for (_, line) in &mut self.lines {
            line.push(self.range, times, values);
        }
        if let Some(Along { cells, grid, range, quantiles }) = &mut self.along {
            cells.push(*grid, *range, times, values);
            if let Some(quantiles) = quantiles {
                let from = times.partition_point(|t| *t < range.from().millis());
                let to = times.partition_point(|t| *t < range.to().millis());
                quantiles.take(&times[from..to], &values[from..to]);
            }
        }
    }

    fn end(&mut self) {
        if let Some(Along { quantiles: Some(quantiles), .. }) = &mut self.along {
            quantiles.end();
        }
        self.lines.iter_mut().for_each(|(_, line)| line.end());
    }
}
