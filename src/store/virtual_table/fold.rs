//! Samples of one series folded into buckets.

use std::collections::VecDeque;

use crate::model::{Aggregate, Growth, NEAR_MS_MIN, Sketch, near_ms};
use crate::store::outlived::Outlived;

use super::layers::Detail;

/// Quantiles a bucket is given.
pub(super) const QUANTILES: [f64; 3] = [0.50, 0.95, 0.99];

/// One bucket of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// Its start.
    pub(super) t: i64,
    /// `increase` includes the step from the sample before the bucket where that one is near, see [`Growth`].
    pub(super) aggregate: Aggregate,
    /// By [`QUANTILES`]; NaN where they were not asked for.
    pub(super) quantiles: [f64; 3],
}

/// Takes the samples of one series in ascending time.
pub(super) struct Fold {
    /// Width of buckets, aligned to 1970; `None`: one bucket from `start`.
    step: Option<i64>,
    start: Option<i64>,
    detail: Detail,
    t: i64,
    aggregate: Aggregate,
    numbers: Vec<f64>,
    sketch: Sketch,
    /// Samples of the bucket that nothing tells of but their aggregate.
    unknown: u64,
    growth: Growth,
    /// What was pruned and is still to come.
    pruned: VecDeque<Outlived>,
    /// The end of the last that came.
    told_until: i64,
    done: Vec<Bucket>,
}

impl Fold {
    pub(super) fn new(step: Option<i64>, start: Option<i64>, detail: Detail) -> Fold {
        let (aggregate, numbers, done) = (Aggregate::EMPTY, Vec::new(), Vec::new());
        let growth = Growth::new(step.map_or(i64::MAX, near_ms));
        let (sketch, pruned) = (Sketch::default(), VecDeque::new());
        Fold {
            step,
            start,
            detail,
            t: i64::MIN,
            aggregate,
            numbers,
            sketch,
            unknown: 0,
            growth,
            pruned,
            told_until: i64::MIN,
            done,
        }
    }

    /// Buckets to take in their place among the samples, ascending; samples of their time count for nothing beside them. One that is wider than
    /// a bucket of the fold tells nothing.
    pub(super) fn expect(&mut self, pruned: Vec<Outlived>) {
        let fits = |piece: &Outlived| self.step.is_none_or(|step| step % piece.range.millis() == 0);
        self.pruned = pruned.into_iter().filter(fits).collect();
    }

    /// How far before the first bucket a sample may be that tells what it grew from.
    pub(super) fn look_back_ms(step: Option<i64>) -> i64 {
        step.map_or(NEAR_MS_MIN, near_ms)
    }

    /// Takes samples before the first bucket.
    pub(super) fn push_before(&mut self, times: &[i64], values: &[f64]) {
        for (t, value) in times.iter().zip(values) {
            self.growth.step(*t, *value);
        }
    }

    pub(super) fn push(&mut self, times: &[i64], values: &[f64]) {
        let mut from = times.partition_point(|t| *t < self.told_until);
        let reaches = |piece: &Outlived| times.last().is_some_and(|last| piece.range.from().millis() <= *last);
        while self.pruned.front().is_some_and(reaches)
            && let Some(piece) = self.pruned.pop_front()
        {
            let upto = from + times[from..].partition_point(|t| *t < piece.range.from().millis());
            self.push_samples(&times[from..upto], &values[from..upto]);
            self.push_pruned(&piece);
            from = upto + times[upto..].partition_point(|t| *t < piece.range.to().millis());
        }
        self.push_samples(&times[from..], &values[from..]);
    }

    /// Begins the bucket of a moment where it is another than the current one.
    fn go_to(&mut self, at: i64) {
        let t = match self.step {
            Some(step) => at.div_euclid(step) * step,
            None => self.start.unwrap_or(if self.t == i64::MIN { at } else { self.t }),
        };
        if t != self.t {
            self.close();
            self.t = t;
        }
    }

    /// Takes samples by their aggregate, the first and last of them at these times, all of them in one bucket.
    pub(super) fn push_told(&mut self, first: i64, last: i64, told: &Aggregate) {
        self.go_to(first);
        let into = self.growth.step(first, told.first).map_or(0.0, |step| step.increase);
        // The steps between the two are told.
        let _ = self.growth.step(last, told.last);
        let increase = self.aggregate.increase + into + if told.increase.is_finite() { told.increase } else { 0.0 };
        self.aggregate.merge(told);
        self.aggregate.increase = increase;
    }

    fn push_pruned(&mut self, piece: &Outlived) {
        let row = &piece.aggregate;
        self.told_until = piece.range.to().millis();
        self.push_told(piece.range.from().millis(), self.told_until - 1, row);
        if self.detail == Detail::Quantiles {
            match &piece.sketch {
                Some(sketch) => self.sketch.merge(sketch),
                None => self.unknown += row.count,
            }
        }
    }

    fn push_samples(&mut self, times: &[i64], values: &[f64]) {
        let mut i = 0;
        while i < times.len() {
            self.go_to(times[i]);
            let t = self.t;
            let to = match self.step {
                Some(step) => i + times[i..].partition_point(|time| *time < t.saturating_add(step)),
                None => times.len(),
            };
            self.take(&times[i..to], &values[i..to]);
            i = to;
        }
    }

    fn take(&mut self, times: &[i64], values: &[f64]) {
        for (t, value) in times.iter().zip(values) {
            self.aggregate.push_level(*value);
            self.aggregate.increase += self.growth.step(*t, *value).map_or(0.0, |step| step.increase);
        }
        if self.detail == Detail::Quantiles {
            self.numbers.extend(values.iter().filter(|value| !value.is_nan()));
        }
    }

    fn close(&mut self) {
        if !self.aggregate.is_empty() {
            let quantiles = self.quantiles();
            self.done.push(Bucket { t: self.t, aggregate: self.aggregate, quantiles });
        }
        self.aggregate = Aggregate::EMPTY;
        self.numbers.clear();
        (self.sketch, self.unknown) = (Sketch::default(), 0);
    }

    /// Exact, or within 1 % where some of the samples were pruned.
    fn quantiles(&mut self) -> [f64; 3] {
        if self.unknown > 0 {
            return [f64::NAN; 3];
        }
        if self.sketch.is_empty() {
            return quantiles(&mut self.numbers, QUANTILES);
        }
        self.sketch.merge(&Sketch::of(&self.numbers));
        QUANTILES.map(|q| self.sketch.quantile(q))
    }

    /// The buckets that hold a number, by time.
    pub(super) fn finish(mut self) -> Vec<Bucket> {
        while let Some(piece) = self.pruned.pop_front() {
            self.push_pruned(&piece);
        }
        self.close();
        self.done
    }
}

/// One quantile, see [`quantiles`].
pub(super) fn quantile(numbers: &mut [f64], q: f64) -> f64 {
    quantiles(numbers, [q])[0]
}

/// Quantiles, ascending, by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996); NaN of nothing. Reorders the numbers: what
/// is below one quantile need not be looked at for the next.
fn quantiles<const N: usize>(numbers: &mut [f64], wanted: [f64; N]) -> [f64; N] {
    let Some(last) = numbers.len().checked_sub(1) else { return [f64::NAN; N] };
    let mut sorted_from = 0;
    wanted.map(|q| {
        let place = q * last as f64;
        let rest = &mut numbers[sorted_from..];
        let (_, low, above) = rest.select_nth_unstable_by(place as usize - sorted_from, f64::total_cmp);
        sorted_from = place as usize;
        let low = *low;
        let share = place.fract();
        if share == 0.0 {
            return low;
        }
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        // Not `low + share * (high - low)` where both are the same infinity.
        if low == high { low } else { low + share * (high - low) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), 2.5);
        let mut hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(quantiles(&mut hundred, QUANTILES), [50.0, 95.0, 99.0]);
        assert_eq!(quantiles(&mut [7.0], QUANTILES), [7.0; 3]);
        assert_eq!(quantiles(&mut [f64::INFINITY; 2], QUANTILES), [f64::INFINITY; 3]);
        assert!(quantile(&mut [], 0.5).is_nan());
    }

    #[test]
    fn a_bucket_without_a_number_is_a_gap_and_growth_spans_it() {
        let mut fold = Fold::new(Some(10), None, Detail::Growth);
        fold.push(&[0, 9, 10, 25], &[1.0, 4.0, f64::NAN, 6.0]);
        fold.push(&[29, 31], &[2.0, 3.0]);
        let found: Vec<_> = fold.finish().iter().map(|b| (b.t, b.aggregate.count, b.aggregate.increase)).collect();
        assert_eq!(found, [(0, 2, 3.0), (20, 2, 2.0 + 2.0), (30, 1, 1.0)]);
    }

    #[test]
    fn what_a_counter_grew_across_a_gap_is_not_told() {
        let minute = 60_000;
        let mut fold = Fold::new(Some(5 * minute), None, Detail::Growth);
        fold.push_before(&[-minute], &[1.0]);
        fold.push(&[0, minute, 25 * minute, 26 * minute], &[2.0, 3.0, 50.0, 51.0]);
        let grown: Vec<f64> = fold.finish().iter().map(|b| b.aggregate.increase).collect();
        assert_eq!(grown, [1.0 + 1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn buckets_add_up_to_the_whole_however_the_runs_are_cut(
            steps in prop::collection::vec((1i64..40, -5.0f64..5.0), 0..200), step in 1i64..100, cut in 0usize..200,
        ) {
            let times: Vec<i64> = steps.iter().scan(-300, |t, (d, _)| { *t += d; Some(*t) }).collect();
            let values: Vec<f64> = steps.iter().map(|(_, v)| v.round()).collect();
            let cut = cut.min(times.len());
            let mut fold = Fold::new(Some(step), None, Detail::Quantiles);
            fold.push(&times[..cut], &values[..cut]);
            fold.push(&times[cut..], &values[cut..]);
            let buckets = fold.finish();
            let whole = Aggregate::of(&values);
            prop_assert_eq!(buckets.iter().map(|b| b.aggregate.count).sum::<u64>(), whole.count);
            prop_assert_eq!(buckets.iter().map(|b| b.aggregate.sum).sum::<f64>(), whole.sum);
            prop_assert_eq!(buckets.iter().map(|b| b.aggregate.increase).sum::<f64>(), whole.increase);
            for b in &buckets {
                prop_assert!(b.t.rem_euclid(step) == 0 && b.quantiles.is_sorted());
                prop_assert!(b.quantiles[0] >= b.aggregate.min && b.quantiles[2] <= b.aggregate.max);
            }
        }
    }
}
