//! Which layer answers which stretch of time of `buckets`: a pure plan.
//!
//! Samples answer everything. A chunk that lies in one bucket as a whole is told by its columns, undecoded, unless quantiles are asked for (`scan_pieces`).
//! Where only levels are asked for, in buckets of whole hours, the rollups answer: `increase` is not taken from them, as they do not
//! say whether there was a gap before it.

use crate::model::{TimeRange, Timestamp};
use crate::store::Resolution;

/// What is asked of a bucket, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Count, sum, min, max, first, last.
    Levels,
    /// How a counter grew too.
    Growth,
    /// Quantiles too.
    Quantiles,
}

/// Where an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Samples, or chunks as a whole.
    Samples,
    Rollup(Resolution),
}

/// From where to where the rows of a resolution are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Complete {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The resolution that may answer buckets of `step`.
pub(super) fn resolution_for(step: Option<i64>, detail: Detail) -> Option<Resolution> {
    let step = step.filter(|_| detail == Detail::Levels)?;
    [Resolution::Day, Resolution::Hour].into_iter().find(|resolution| step % resolution.millis() == 0)
}

/// The layers that answer what was `asked` of a file that has `data`, in order of time. What lies outside of the data needs no answer.
pub(super) fn parts(
    asked: TimeRange,
    data: TimeRange,
    rollup: Option<(Resolution, Complete)>,
) -> Vec<(Layer, TimeRange)> {
    let mut parts = Vec::with_capacity(3);
    let mut add = |layer, from: Timestamp, to: Timestamp| {
        parts.extend(TimeRange::new(from, to).filter(|range| !range.is_empty()).map(|range| (layer, range)));
    };
    let Some(range) = asked.intersect(data) else { return parts };
    let Some((resolution, complete)) = rollup else {
        add(Layer::Samples, range.from(), range.to());
        return parts;
    };
    let width = resolution.millis();
    // A bucket that reaches beyond the data is whole all the same, where it lies in what was asked.
    let from = asked.from().max(data.from().floor_to(width)).max(complete.from).ceil_to(width);
    let to = asked.to().min(data.to().ceil_to(width)).min(complete.until).floor_to(width);
    if from >= to {
        add(Layer::Samples, range.from(), range.to());
        return parts;
    }
    add(Layer::Samples, range.from(), from);
    add(Layer::Rollup(resolution), from, to);
    add(Layer::Samples, to, range.to());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const H: i64 = 3_600_000;
    const D: i64 = 24 * H;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
    }

    fn planned(asked: TimeRange, step: Option<i64>, detail: Detail, complete: (i64, i64)) -> Vec<(Layer, i64, i64)> {
        let complete = Complete { from: Timestamp::from_millis(complete.0), until: Timestamp::from_millis(complete.1) };
        let rollup = resolution_for(step, detail).map(|resolution| (resolution, complete));
        let data = range(90, 3 * D - 10_000);
        parts(asked, data, rollup).iter().map(|(layer, r)| (*layer, r.from().millis(), r.to().millis())).collect()
    }

    #[test]
    fn levels_of_whole_hours_come_from_rollups_and_all_else_from_samples() {
        let (samples, hours, days) = (Layer::Samples, Layer::Rollup(Resolution::Hour), Layer::Rollup(Resolution::Day));
        let all = TimeRange::ALL;
        let plan = |asked, step, detail| planned(asked, step, detail, (0, 3 * D));
        assert_eq!(plan(all, Some(H), Detail::Levels), [(hours, 0, 3 * D)]);
        assert_eq!(plan(all, Some(7 * D), Detail::Levels), [(days, 0, 3 * D)]);
        for (step, detail) in [(Some(H), Detail::Growth), (Some(H / 2), Detail::Levels), (None, Detail::Levels)] {
            assert_eq!(plan(all, step, detail), [(samples, 90, 3 * D - 10_000)]);
        }
        assert_eq!(
            plan(range(H / 2, 5 * H + 7), Some(6 * H), Detail::Levels),
            [(samples, H / 2, H), (hours, H, 5 * H), (samples, 5 * H, 5 * H + 7)]
        );
        assert_eq!(plan(range(9 * D, 10 * D), Some(H), Detail::Levels), []);
    }

    #[test]
    fn rows_that_are_not_complete_are_not_asked() {
        let (samples, days) = (Layer::Samples, Layer::Rollup(Resolution::Day));
        let plan = |complete| planned(TimeRange::ALL, Some(D), Detail::Levels, complete);
        assert_eq!(plan((D - 1, 2 * D + H)), [(samples, 90, D), (days, D, 2 * D), (samples, 2 * D, 3 * D - 10_000)]);
        assert_eq!(plan((0, 0)), [(samples, 90, 3 * D - 10_000)]);
    }
}
