//! Which stored layer answers which stretch of time: a pure plan.
//!
//! Raw samples answer everything, but cost 360 times the work of an hourly rollup at a 10 s interval. A rollup answers the same, to the last
//! bit, where three things hold: the buckets asked for are made of whole rollup buckets, the rollup is complete (its time lies
//! before the watermark), and what is asked is in it. The time over which a counter grew is not in it, only how much it grew: so
//! counters are read from raw samples up to [`COUNTER_RAW_RANGE_MS_MAX`], and over longer ranges their rate is told to the hour.

use crate::model::{Kind, TimeRange, Timestamp};

/// One hour in ms: bucket width of `rollup_1h`.
pub const HOUR_MS: i64 = 3_600_000;
/// One day in ms: bucket width of `rollup_1d`.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Up to this range counters are read from raw samples even where rollups are there: a month, and the weeks around it.
pub const COUNTER_RAW_RANGE_MS_MAX: i64 = 45 * DAY_MS;

/// A stored layer, finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Samples.
    Raw,
    /// `rollup_1h`
    Hour,
    /// `rollup_1d`
    Day,
}

impl Layer {
    /// The next finer one, which is asked where this one has nothing.
    pub const fn finer(self) -> Layer {
        match self {
            Layer::Raw | Layer::Hour => Layer::Raw,
            Layer::Day => Layer::Hour,
        }
    }

    /// Bucket width in ms; 1 for samples.
    pub const fn width_ms(self) -> i64 {
        match self {
            Layer::Raw => 1,
            Layer::Hour => HOUR_MS,
            Layer::Day => DAY_MS,
        }
    }
}

/// A stretch of time and the layer that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which layer.
    pub layer: Layer,
    /// Which time; whole buckets of the layer.
    pub range: TimeRange,
}

/// How `range` in buckets of `step_ms` is answered: segments in ascending time that cover it exactly. Rollups are complete before `watermark`.
pub fn segments(range: TimeRange, step_ms: i64, kind: Kind, watermark: Timestamp) -> Vec<Segment> {
    let raw_only = step_ms % HOUR_MS != 0 || (kind == Kind::Counter && range.millis() <= COUNTER_RAW_RANGE_MS_MAX);
    let coarsest = match () {
        () if raw_only => Layer::Raw,
        () if step_ms % DAY_MS == 0 => Layer::Day,
        () => Layer::Hour,
    };
    let mut out = Vec::with_capacity(5);
    divide(range, coarsest, watermark, &mut out);
    out
}

/// Whole buckets of `layer` before the watermark, and what is left of both sides by the next finer layer.
fn divide(range: TimeRange, layer: Layer, watermark: Timestamp, out: &mut Vec<Segment>) {
    if range.is_empty() {
        return;
    }
    if layer == Layer::Raw {
        out.push(Segment { layer, range });
        return;
    }
    let from = range.from().ceil_to(layer.width_ms());
    let to = range.to().min(watermark).floor_to(layer.width_ms());
    match TimeRange::new(from, to).filter(|whole| !whole.is_empty()) {
        None => divide(range, layer.finer(), watermark, out),
        Some(whole) => {
            divide(between(range.from(), from), layer.finer(), watermark, out);
            out.push(Segment { layer, range: whole });
            divide(between(to, range.to()), layer.finer(), watermark, out);
        }
    }
}

/// The range of two moments that are known to be in order.
fn between(from: Timestamp, to: Timestamp) -> TimeRange {
    TimeRange::new(from, to.max(from)).unwrap_or(TimeRange::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(from: i64, to: i64, step: i64, kind: Kind, watermark: i64) -> Vec<(Layer, i64, i64)> {
        segments(
            between(Timestamp::from_millis(from), Timestamp::from_millis(to)),
            step,
            kind,
            Timestamp::from_millis(watermark),
        )
        .into_iter()
        .map(|s| (s.layer, s.range.from().millis(), s.range.to().millis()))
        .collect()
    }

    #[test]
    fn whole_hours_before_the_watermark_come_from_rollups() {
        let h = HOUR_MS;
        assert_eq!(
            plan(h / 2, 5 * h + 7, h, Kind::Gauge, 4 * h),
            [(Layer::Raw, h / 2, h), (Layer::Hour, h, 4 * h), (Layer::Raw, 4 * h, 5 * h + 7)]
        );
        assert_eq!(plan(0, 2 * h, h / 2, Kind::Gauge, 9 * h), [(Layer::Raw, 0, 2 * h)]);
        assert_eq!(plan(0, 2 * h, h, Kind::Gauge, 0), [(Layer::Raw, 0, 2 * h)]);
    }

    #[test]
    fn days_hours_and_samples_in_one_answer() {
        let (h, d) = (HOUR_MS, DAY_MS);
        assert_eq!(
            plan(d - 2 * h - 1, 3 * d + 2 * h + 1, d, Kind::Gauge, 3 * d + h + 5),
            [
                (Layer::Raw, d - 2 * h - 1, d - 2 * h),
                (Layer::Hour, d - 2 * h, d),
                (Layer::Day, d, 3 * d),
                (Layer::Hour, 3 * d, 3 * d + h),
                (Layer::Raw, 3 * d + h, 3 * d + 2 * h + 1)
            ]
        );
    }

    #[test]
    fn a_counter_needs_its_samples_unless_the_range_is_long() {
        let d = DAY_MS;
        assert_eq!(plan(0, 7 * d, HOUR_MS, Kind::Counter, 9 * d), [(Layer::Raw, 0, 7 * d)]);
        assert_eq!(plan(0, 90 * d, HOUR_MS, Kind::Counter, 99 * d), [(Layer::Hour, 0, 90 * d)]);
    }

    proptest! {
        #[test]
        fn segments_cover_the_range_exactly(from in 0i64..DAY_MS * 5, len in 0i64..DAY_MS * 5, hours in 1i64..50, watermark in 0i64..DAY_MS * 10) {
            let plan = plan(from, from + len, hours * HOUR_MS, Kind::Gauge, watermark);
            let mut at = from;
            for (layer, a, b) in plan {
                prop_assert_eq!(a, at);
                prop_assert!(b > a && a % layer.width_ms() == 0 && b % layer.width_ms() == 0);
                prop_assert!(layer == Layer::Raw || b <= watermark);
                at = b;
            }
            prop_assert_eq!(at, from + len);
        }
    }
}
