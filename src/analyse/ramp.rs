//! A level that began to grow or fall evenly and still does: a broken line, where a step says less.
//!
//! ```text
//!   value |               /        broken line  y = a + b max(0, t - k)
//!         |             /            k where it explains most (least squares, means of 2 h);
//!         |___________/              taken where it leaves at most 0.3 of what the best step leaves (mean absolute
//!         |          k               residual), and each half of the climb has between half and twice its slope
//!         +-----------------> time
//!           12 h or more | a day or more, to the end
//! ```
//!
//! Without it a disk that fills since Tuesday is told as a level that rose "and stayed there", when it is the one thing that does not stay. Half a day is not enough: a day's wave climbs for so long.
//!
//! Source: Hinkley 1971 (two-phase regression); the shares as in [`trend`](super::trend), measured on the development halves of NAB and JumpStarter.

use super::stats;

/// Width of a mean.
const BLOCK_MS: i64 = 7_200_000;
/// Least time before it.
const BEFORE_MS: i64 = 43_200_000;
/// Least time that it lasts.
const LASTING_MS: i64 = 86_400_000;
/// Most of the best step's mean absolute residual that a broken line may leave.
const LEFT_MAX: f64 = 0.3;
/// How far the slope of a half may be from that of the whole.
const UNEVEN_MAX: f64 = 2.0;
/// Least growth in mean absolute residuals.
const GROWTH_MIN: f64 = 10.0;

/// A level, and what it has grown by since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// First row that is beyond the level.
    pub row: usize,
    /// The level before.
    pub level: f64,
    /// Growth a row; below 0 where it falls.
    pub slope: f64,
    /// Mean absolute residual of means of 2 h.
    pub stray: f64,
}

impl Ramp {
    /// Its value at a row.
    pub fn at(&self, row: usize) -> f64 {
        self.level + self.slope * row.saturating_sub(self.row) as f64
    }
}

/// Looks for ramps; holds the buffers.
#[derive(Debug, Default)]
pub struct RampFinder {
    blocks: Vec<f64>,
    /// Number and value of the blocks that are there.
    points: Vec<(f64, f64)>,
    kept: Vec<f64>,
}

/// A level and a slope from a block on.
#[derive(Clone, Copy)]
struct Broken {
    at: f64,
    level: f64,
    slope: f64,
}

impl Broken {
    fn of(&self, t: f64) -> f64 {
        self.level + self.slope * (t - self.at).max(0.0)
    }
}

impl RampFinder {
    /// The ramp at the end of `values` (NaN = gap; rows of `step_ms`), if that is one and has grown by `floor` or more.
    pub fn find(&mut self, values: &[f64], step_ms: i64, floor: f64) -> Option<Ramp> {
        let width = (BLOCK_MS / step_ms.max(1)).max(1) as usize;
        let block_ms = width as i64 * step_ms.max(1);
        stats::block_means(values, width, &mut self.blocks);
        self.points.clear();
        let there = self.blocks.iter().enumerate().filter(|(_, b)| b.is_finite());
        self.points.extend(there.map(|(i, b)| (i as f64, *b)));
        let (before, lasting) = ((BEFORE_MS / block_ms).max(6) as usize, (LASTING_MS / block_ms).max(12) as usize);
        let n = self.points.len();
        if n < before + lasting {
            return None;
        }
        let broken = self.best(before, n - lasting)?;
        let stray = self.left_by(|t| broken.of(t));
        let grown = (broken.of(self.points[n - 1].0) - broken.level).abs();
        let is_large = grown >= floor.max(GROWTH_MIN * stray);
        if !is_large || stray > LEFT_MAX * self.left_by_a_step() || !self.is_even(broken) {
            return None;
        }
        Some(Ramp {
            row: (broken.at * width as f64) as usize,
            level: broken.level,
            slope: broken.slope / width as f64,
            stray,
        })
    }

    /// The broken line that explains most, its knee at one of the points `from..to`.
    fn best(&self, from: usize, to: usize) -> Option<Broken> {
        let n = self.points.len() as f64;
        let mean = self.points.iter().map(|(_, v)| v).sum::<f64>() / n;
        let (mut count, mut t1, mut t2, mut v1, mut tv) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut best: Option<(f64, Broken)> = None;
        for (i, &(t, value)) in self.points.iter().enumerate().rev() {
            let v = value - mean;
            (count, t1, t2, v1, tv) = (count + 1.0, t1 + t, t2 + t * t, v1 + v, tv + t * v);
            if !(from..to).contains(&i) {
                continue;
            }
            // Of x = max(0, t - k): its sum, its square about the mean, its product with v.
            let x1 = t1 - count * t;
            let xx = t2 - 2.0 * t * t1 + count * t * t - x1 * x1 / n;
            let xv = tv - t * v1;
            let explained = xv * xv / xx;
            if xx > 0.0 && best.as_ref().is_none_or(|(most, _)| explained > *most) {
                let slope = xv / xx;
                best = Some((explained, Broken { at: t, level: mean - slope * x1 / n, slope }));
            }
        }
        best.map(|(_, broken)| broken).filter(|broken| broken.slope.is_finite() && broken.slope != 0.0)
    }

    fn left_by(&self, expected: impl Fn(f64) -> f64) -> f64 {
        self.points.iter().map(|&(t, v)| (v - expected(t)).abs()).sum::<f64>() / self.points.len() as f64
    }

    /// Mean absolute residual of two levels, split where their means differ most.
    fn left_by_a_step(&mut self) -> f64 {
        let n = self.points.len();
        let sum: f64 = self.points.iter().map(|(_, v)| v).sum();
        let (mut left, mut best) = (0.0, (n, 0.0));
        for i in 1..n {
            left += self.points[i - 1].1;
            let (l, r) = (i as f64, (n - i) as f64);
            let gain = l * r / n as f64 * (left / l - (sum - left) / r).powi(2);
            if gain > best.1 {
                best = (i, gain);
            }
        }
        let at = self.points.get(best.0).map_or(f64::INFINITY, |p| p.0);
        let (before, after) = (self.median_of(0, best.0), self.median_of(best.0, n));
        self.left_by(|t| if t < at { before } else { after })
    }

    fn median_of(&mut self, from: usize, to: usize) -> f64 {
        self.kept.clear();
        self.kept.extend(self.points[from..to].iter().map(|p| p.1));
        stats::median(&mut self.kept)
    }

    /// Whether it climbs all along: each half, and the last third.
    fn is_even(&mut self, broken: Broken) -> bool {
        let (from, n) = (self.points.partition_point(|p| p.0 < broken.at), self.points.len());
        let middle = from + (n - from) / 2;
        let parts = [(from, middle), (middle, n), (n - (n - from) / 3, n)];
        parts.into_iter().all(|(from, to)| {
            let share = self.slope_of(from, to) / broken.slope;
            (1.0 / UNEVEN_MAX..=UNEVEN_MAX).contains(&share)
        })
    }

    /// Between the medians of the outer thirds.
    fn slope_of(&mut self, from: usize, to: usize) -> f64 {
        let third = ((to - from) / 3).max(1);
        let rise = self.median_of(to - third, to) - self.median_of(from, from + third);
        rise / (self.points[to - third].0 - self.points[from].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use proptest::prelude::*;

    const STEP_MS: i64 = 300_000;

    fn find(values: &[f64]) -> Option<Ramp> {
        RampFinder::default().find(values, STEP_MS, 0.0)
    }

    fn week(of: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..2016).map(|i| of(i) + noise(i)).collect()
    }

    #[test]
    fn what_grows_since_a_day_and_still_does_is_one() {
        for knee in [400, 1000, 1600] {
            let up = week(|i| 40.0 + 0.05 * i.saturating_sub(knee) as f64);
            let ramp = find(&up).unwrap();
            assert!(ramp.row.abs_diff(knee) < 40 && (ramp.slope - 0.05).abs() < 0.003, "{knee}: {ramp:?}");
            let down: Vec<f64> = up.iter().map(|v| 100.0 - v).collect();
            assert!(find(&down).is_some_and(|r| r.slope < 0.0 && (r.level - 60.0).abs() < 1.0), "{knee}");
        }
    }

    #[test]
    fn a_step_a_day_wave_and_what_has_ended_are_none() {
        assert_eq!(find(&week(|_| 40.0)), None);
        assert_eq!(find(&[4.0; 2016]), None);
        for at in [500, 1000, 1500] {
            assert_eq!(find(&week(|i| if i < at { 40.0 } else { 70.0 })), None, "step at {at}");
        }
        assert_eq!(find(&week(|i| 40.0 + 10.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin())), None);
        assert_eq!(find(&week(|i| 40.0 + 0.05 * (i.clamp(1000, 1500) - 1000) as f64)), None, "at rest again");
        assert_eq!(find(&week(|i| 40.0 + 0.1 * i.saturating_sub(1900) as f64)), None, "nine hours");
        assert_eq!(find(&week(|i| (i % 700) as f64 / 20.0)), None, "teeth of two days and a half");
    }

    #[test]
    fn what_grows_by_less_than_the_floor_is_none() {
        let values = week(|i| 40.0 + 0.03 * i.saturating_sub(1000) as f64);
        let found = |floor| RampFinder::default().find(&values, STEP_MS, floor).is_some();
        assert_eq!((found(20.0), found(40.0)), (true, false));
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..400), step_ms in 1i64..100_000_000) {
            if let Some(ramp) = RampFinder::default().find(&values, step_ms, 0.0) {
                prop_assert!(ramp.row < values.len());
            }
        }
    }
}
