use crate::model::{TimeRange, Timestamp};

/// Equal buckets `[start + i*step, start + (i+1)*step)`, `i < len`, aligned to multiples of the step since the epoch (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Start of the first bucket.
    pub start: Timestamp,
    /// Width in ms.
    pub step_ms: i64,
    /// Number of buckets.
    pub len: usize,
}

impl Grid {
    /// The grid of `step_ms` that covers `range`. The first and last bucket may be wider than the range; samples outside of it are left out all the same.
    pub fn covering(range: TimeRange, step_ms: i64) -> Grid {
        let start = range.from().floor_to(step_ms);
        let len = (range.to().millis() - start.millis() + step_ms - 1).div_euclid(step_ms).max(0) as usize;
        Grid { start, step_ms, len }
    }

    /// Start of bucket `i`.
    pub fn time(&self, i: usize) -> Timestamp {
        self.start.plus_millis(self.step_ms * i as i64)
    }

    /// From the start of the first bucket to the end of the last.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.start, self.time(self.len)).unwrap_or(TimeRange::ALL)
    }

    /// The buckets that `part` touches, and the place of the first.
    pub(super) fn touched(self, part: TimeRange) -> (usize, Grid) {
        let first = self.index(part.from().max(self.start).millis()).min(self.len);
        let end = self.index(part.to().plus_millis(-1).millis()).min(self.len.saturating_sub(1)) + 1;
        (first, Grid { start: self.time(first), len: end.saturating_sub(first), ..self })
    }

    /// The bucket that holds `t`, which lies in the grid's range.
    pub(super) fn index(&self, t: i64) -> usize {
        ((t - self.start.millis()) / self.step_ms) as usize
    }
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps that people read easily, each a divisor of a day or a number of days, so that buckets start on the full hour.
pub const STEPS_MS: &[i64] = &[
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
];

/// The finest grid over `range` with at most `points_max` buckets, none of them narrower than the sampling interval `interval_ms` (a narrower
/// one would be empty every other time, and the line full of holes). Beyond a day the step is a whole number of days.
pub fn grid_for(range: TimeRange, points_max: usize, interval_ms: i64) -> Grid {
    let points_max = points_max.max(1);
    let fits = |step: i64| step >= interval_ms && Grid::covering(range, step).len <= points_max;
    if let Some(step) = STEPS_MS.iter().copied().find(|step| fits(*step)) {
        return Grid::covering(range, step);
    }
    // A bucket more than the division says: the range need not start on a multiple of the step.
    let by_length = range.millis().div_euclid(points_max as i64 * DAY) + 1;
    let by_interval = (interval_ms + DAY - 1) / DAY;
    let mut days = by_length.max(by_interval);
    while Grid::covering(range, days * DAY).len > points_max && days * DAY <= range.to().millis() {
        days += 1;
    }
    Grid::covering(range, days * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
    }

    #[test]
    fn a_day_at_ten_seconds_becomes_five_minutes() {
        let grid = grid_for(range(DAY * 20_000, DAY * 20_001), 300, 10_000);
        assert_eq!((grid.step_ms, grid.len), (5 * MINUTE, 288));
        let grid = grid_for(range(DAY * 20_000, DAY * 20_007), 336, 10_000);
        assert_eq!((grid.step_ms, grid.len), (30 * MINUTE, 336));
    }

    #[test]
    fn no_bucket_is_narrower_than_the_interval() {
        assert_eq!(grid_for(range(0, 30_000), 300, 1_000).step_ms, SECOND);
        assert_eq!(grid_for(range(0, 30_000), 300, 10_000).step_ms, 10 * SECOND);
        assert_eq!(grid_for(range(0, HOUR), 300, 20_000).step_ms, 30 * SECOND);
        assert_eq!(grid_for(range(0, DAY * 30), 300, DAY * 3).step_ms, DAY * 3);
    }

    proptest! {
        #[test]
        fn there_are_never_more_points_than_asked_for(from in 0i64..DAY * 30_000, len in 1i64..DAY * 9_000, points in 2usize..2_000, interval in 0i64..DAY * 3) {
            let r = range(from, from + len);
            let grid = grid_for(r, points, interval);
            prop_assert!(grid.len <= points && grid.len >= 1);
            prop_assert!(grid.step_ms >= interval);
            prop_assert_eq!(grid.start.millis() % grid.step_ms, 0);
            prop_assert!(grid.range().from() <= r.from() && grid.range().to() >= r.to());
        }
    }
}
