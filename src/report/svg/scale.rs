use crate::model::catalogue::Unit;
use crate::model::{TimeRange, Timestamp};
use crate::report::figure::{LimitKind, LineFigure};
use crate::report::format::{Numerals, Scale};

/// Beyond this, differences of two numbers could overflow.
const BIG: f64 = 1e300;
/// Values that reach this share of a limit come near it.
const NEAR: f64 = 0.6;

/// Time to a share of the width.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeScale {
    from: f64,
    span: f64,
}

impl TimeScale {
    pub fn new(domain: TimeRange) -> TimeScale {
        TimeScale { from: domain.from().millis() as f64, span: (domain.millis() as f64).max(1.0) }
    }

    /// 0 to 1 inside of the domain; what lies outside is moved to its edge.
    pub fn share(&self, t: Timestamp) -> f64 {
        ((t.millis() as f64 - self.from) / self.span).clamp(0.0, 1.0)
    }
}

/// Value to height, with ticks at round numbers.
#[derive(Clone, Debug)]
pub(crate) struct ValueScale {
    pub lo: f64,
    pub hi: f64,
    pub ticks: Vec<f64>,
    pub scale: Scale,
}

impl ValueScale {
    /// The axis that holds every line and band of a figure.
    pub fn of(figure: &LineFigure<'_>) -> ValueScale {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let all = figure
            .lines
            .iter()
            .chain(&figure.behind)
            .map(|l| l.values)
            .chain(figure.bands.iter().flat_map(|b| [b.lo, b.hi]));
        for v in all.flatten().copied().filter(|v| v.is_finite()) {
            (min, max) = (min.min(v), max.max(v));
        }
        let full = figure.limits.iter().find(|limit| limit.kind == LimitKind::Full).map(|limit| limit.value);
        // A threshold is shown when the values come near.
        let near = figure.limits.iter().map(|limit| limit.value).filter(|limit| max > NEAR * limit && max < *limit);
        let max = near.filter(|limit| full.is_none_or(|full| *limit <= full)).fold(max, f64::max);
        ValueScale::new(figure.unit, min, max, full)
    }

    /// For values from `min` to `max`. Starts at zero unless the unit has no natural zero and the values are far from it; goes up
    /// to `capacity` where the values come near.
    pub fn new(unit: Unit, min: f64, max: f64, capacity: Option<f64>) -> ValueScale {
        let (mut min, mut max) = (min.clamp(-BIG, BIG), max.clamp(-BIG, BIG));
        if !(min.is_finite() && max.is_finite()) {
            (min, max) = (0.0, 1.0);
        }
        let far_from_zero = matches!(unit, Unit::Celsius | Unit::None) && max - min < 0.2 * max.abs().max(min.abs());
        if far_from_zero && max > min {
            let pad = (max - min) * 0.1;
            (min, max) = (min - pad, max + pad);
        } else {
            (min, max) = (min.min(0.0), max.max(0.0));
        }
        if let Some(full) = capacity
            && max > NEAR * full
        {
            max = max.max(full);
        }
        if max <= min {
            max = min + 1.0;
        }
        let scale = Scale::of(unit, max.abs().max(min.abs()));
        let step = nice((max - min) / scale.divisor / 4.0, unit) * scale.divisor;
        let (lo, hi) = ((min / step).floor() * step, (max / step).ceil() * step);
        let count = ((hi - lo) / step).round() as i64;
        let ticks = (0..=count).map(|i| lo + i as f64 * step).collect();
        ValueScale { lo, hi, ticks, scale }
    }

    /// Pixels from the top.
    pub fn y(&self, value: f64, height: f64) -> f64 {
        let share = (value.clamp(self.lo, self.hi) - self.lo) / (self.hi - self.lo);
        (1.0 - share) * height
    }

    /// What stands beside a tick.
    pub fn label(&self, say: Numerals, tick: f64) -> String {
        say.on(&self.scale, tick)
    }
}

/// The nearest of 1, 2, 2.5, 5 times a power of ten at or above `rough`; whole numbers for counts.
fn nice(rough: f64, unit: Unit) -> f64 {
    if !(rough > 0.0 && rough.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    if unit == Unit::Count { step.ceil().max(1.0) } else { step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ticks_and_hold_all_values() {
        let cases = [
            (Unit::Percent, 3.0, 97.0, Some(100.0), "0 25 50 75 100"),
            (Unit::Percent, 1.0, 7.3, Some(100.0), "0 2 4 6 8"),
            (Unit::BytesPerSecond, 0.0, 37.0 * 1048576.0, None, "0 10 20 30 40"),
            (Unit::Count, 3.0, 3.0, None, "0 1 2 3"),
            (Unit::Celsius, 40.0, 42.0, None, "39 40 41 42 43"),
            (Unit::None, -5.0, 20.0, None, "−10 0 10 20"),
            (Unit::None, 0.0, 0.0, None, "0 0.25 0.5 0.75 1"),
            (Unit::None, 1e300, 1e300, None, "0 2.5e299 5e299 7.5e299 1e300"),
            (Unit::None, f64::NAN, f64::NAN, None, "0 0.25 0.5 0.75 1"),
        ];
        for (unit, min, max, capacity, ticks) in cases {
            let scale = ValueScale::new(unit, min, max, capacity);
            let shown: Vec<String> = scale.ticks.iter().map(|t| scale.label(Numerals::default(), *t)).collect();
            assert_eq!(shown.join(" "), ticks, "{unit:?} {min} {max}");
            assert!(min.is_nan() || (scale.lo <= min && scale.hi >= max));
        }
    }

    #[test]
    fn extreme_values_stay_finite() {
        let scale = ValueScale::new(Unit::None, f64::MIN, f64::MAX, None);
        assert!(scale.y(f64::MAX, 100.0) >= 0.0 && scale.y(f64::MIN, 100.0) <= 100.0);
        assert!(scale.ticks.len() < 10 && scale.ticks.iter().all(|t| t.is_finite()));
        let tiny = ValueScale::new(Unit::None, 5e-324, 5e-324, None);
        assert!(tiny.y(5e-324, 100.0).is_finite() && tiny.ticks.len() < 10);
    }
}
