//! Samples into a line: one number a bucket, without the rest of what a [`Bucket`](super::Bucket) knows. A line of minutes over a week is 80 KB, its buckets are 640.

use crate::model::{Growth, TimeRange, near_ms};

use super::bucket::in_cells;
use super::{Grid, Told};

/// One series on its way into a line.
#[derive(Debug)]
pub(super) struct LineMaker {
    grid: Grid,
    told: Told,
    growth: Growth,
    line: Vec<f64>,
    /// The bucket that is being filled.
    at: usize,
    /// Of its samples: sum and number, or growth and the seconds it took.
    open: (f64, f64),
}

impl LineMaker {
    /// Nothing yet. The line is made by whoever takes the first samples, on a thread of its own.
    pub(super) fn new(told: Told, grid: Grid) -> LineMaker {
        let growth = Growth::new(near_ms(grid.step_ms));
        LineMaker { grid, told, growth, line: Vec::new(), at: 0, open: (0.0, 0.0) }
    }

    /// Takes a run of samples. Those outside `range` only tell what a counter stood at before it.
    pub(super) fn push(&mut self, range: TimeRange, times: &[i64], values: &[f64]) {
        self.line.resize(self.grid.len, f64::NAN);
        let from = times.partition_point(|t| *t < range.from().millis());
        let to = times.partition_point(|t| *t < range.to().millis());
        if self.told == Told::Rate {
            for (t, v) in times[..from].iter().zip(&values[..from]) {
                self.growth.step(*t, *v);
            }
        }
        for (at, part) in in_cells(self.grid, &times[from..to]) {
            if at != self.at {
                self.close();
                self.at = at;
            }
            let part = part.start + from..part.end + from;
            match self.told {
                Told::Mean => self.add(&values[part]),
                Told::Rate => self.grow(&times[part.clone()], &values[part]),
            }
        }
    }

    fn add(&mut self, values: &[f64]) {
        let sum = values.iter().fold(self.open.0, |sum, value| sum + value);
        if !sum.is_nan() {
            self.open = (sum, self.open.1 + values.len() as f64);
            return;
        }
        for value in values.iter().filter(|value| !value.is_nan()) {
            self.open = (self.open.0 + value, self.open.1 + 1.0);
        }
    }

    fn grow(&mut self, times: &[i64], values: &[f64]) {
        let mut millis = 0;
        for (t, v) in times.iter().zip(values) {
            if let Some(step) = self.growth.step(*t, *v) {
                self.open.0 += step.increase;
                millis += step.millis;
            }
        }
        self.open.1 += millis as f64 / 1e3;
    }

    fn close(&mut self) {
        let (sum, over) = std::mem::take(&mut self.open);
        if let Some(value) = self.line.get_mut(self.at) {
            *value = if over > 0.0 { sum / over } else { f64::NAN };
        }
    }

    /// There are no more samples.
    pub(super) fn end(&mut self) {
        self.line.resize(self.grid.len, f64::NAN);
        self.close();
    }

    /// What it tells.
    pub(super) fn line(self) -> Vec<f64> {
        self.line
    }
}
