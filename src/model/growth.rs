//! Growth of counters: steps from sample to sample, resets and gaps handled.
//!
//! Two samples of a counter that are near each other make a step: it grew by their difference, or, after a reset (the value fell), by what it
//! shows now. Steps belong to the time of their later sample. The same sum is what VictoriaMetrics' `increase()` gives (Prometheus
//! extrapolates to the window's edges instead). Samples that are further apart than [`near_ms`] make no step: nobody saw what happened
//! between them, and a rate over that time would be invented. Reports, exports and `buckets` in SQL all go by this one rule.

use super::{is_stale_marker, step_up};

/// Samples this near are always neighbours, however narrow the buckets: five minutes, as far as Prometheus looks back too.
pub const NEAR_MS_MIN: i64 = 5 * 60_000;

/// How far apart two samples may be to make a step, in a grid of `step_ms`: within one bucket there is never a gap.
pub fn near_ms(step_ms: i64) -> i64 {
    step_ms.max(NEAR_MS_MIN)
}

/// What a counter grew from one sample to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grown {
    /// By how much.
    pub increase: f64,
    /// In which time.
    pub millis: i64,
}

/// Follows one counter through its samples.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    near_ms: i64,
    last: Option<(i64, f64)>,
}

impl Growth {
    /// Before the first sample.
    pub const fn new(near_ms: i64) -> Self {
        Growth { near_ms, last: None }
    }

    /// Takes the next sample in time order. NaN is a gap and passed over; a stale marker ends the series, what follows starts anew.
    #[inline]
    pub fn step(&mut self, ts: i64, value: f64) -> Option<Grown> {
        if value.is_nan() {
            if is_stale_marker(value) {
                self.last = None;
            }
            return None;
        }
        let (before_ts, before) = self.last.replace((ts, value))?;
        let millis = ts - before_ts;
        let increase = step_up(before, value);
        // An infinite counter cannot be told a growth, and would make every sum it is part of useless.
        (millis <= self.near_ms && increase.is_finite()).then_some(Grown { increase, millis })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::STALE_MARKER_BITS;

    fn steps(near: i64, samples: &[(i64, f64)]) -> Vec<Option<(f64, i64)>> {
        let mut growth = Growth::new(near);
        samples.iter().map(|(t, v)| growth.step(*t, *v).map(|s| (s.increase, s.millis))).collect()
    }

    #[test]
    fn a_reset_counts_from_zero_and_a_gap_counts_nothing() {
        let got = steps(300_000, &[(0, 5.0), (10_000, 8.0), (20_000, 2.0), (400_000, 9.0), (410_000, 9.0)]);
        assert_eq!(got, [None, Some((3.0, 10_000)), Some((2.0, 10_000)), None, Some((0.0, 10_000))]);
    }

    #[test]
    fn nan_is_passed_over_and_a_stale_marker_ends_the_series() {
        let stale = f64::from_bits(STALE_MARKER_BITS);
        let got = steps(300_000, &[(0, 5.0), (10, f64::NAN), (20, 6.0), (30, stale), (40, 9.0)]);
        assert_eq!(got, [None, None, Some((1.0, 20)), None, None]);
    }

    #[test]
    fn an_infinite_counter_grows_by_nothing() {
        assert_eq!(steps(1_000, &[(0, 1.0), (10, f64::INFINITY), (20, f64::INFINITY)]), [None, None, None]);
    }

    #[test]
    fn near_is_at_least_five_minutes() {
        assert_eq!((near_ms(1_000), near_ms(3_600_000)), (300_000, 3_600_000));
    }
}
