//! A steady trend as expectation: the line through the medians of both outer thirds.
//!
//! ```text
//!   value |                 . .:'        slope = (median of the last third - median of the first) / their distance
//!         |          . .:'''
//!         |   . .:'''                    taken where it leaves at most 0.3 of what a level leaves (mean absolute residual):
//!         +-----------------------> time   a step leaves a half of it, a staircase of three steps a third
//! ```
//!
//! Without it both ends of a disk that fills evenly are odd against its own history, and its middle a row of lasting shifts.
//!
//! Source: Tukey 1977, the resistant line (its first iteration); the share measured so that the development halves of NAB and JumpStarter are judged as before.

use super::stats;

/// Most of a level's mean absolute residual that a line may leave.
const LEFT_MAX: f64 = 0.3;
/// Least number of means.
const BLOCKS_MIN: usize = 24;

/// A line: what it adds at each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    middle: f64,
    at_middle: f64,
    slope: f64,
}

impl Line {
    /// Its value at a row.
    pub fn at(&self, row: usize) -> f64 {
        self.at_middle + self.slope * (row as f64 - self.middle)
    }
}

/// Looks for trends; holds the buffers.
#[derive(Debug, Default)]
pub struct TrendFinder {
    blocks: Vec<f64>,
    kept: Vec<f64>,
}

impl TrendFinder {
    /// The line that `residual` follows (NaN = gap), judged by means of `width` rows; `None` where a level says as much.
    pub fn find(&mut self, residual: &[f64], width: usize) -> Option<Line> {
        let width = width.max(1);
        stats::block_means(residual, width, &mut self.blocks);
        let n = self.blocks.len();
        if n < BLOCKS_MIN {
            return None;
        }
        let third = n / 3;
        let (left, right) = (self.median_of(0, third), self.median_of(n - third, n));
        let slope = (right - left) / (n - third) as f64;
        let middle = (n - 1) as f64 / 2.0;
        self.kept.clear();
        self.kept.extend(self.blocks.iter().enumerate().map(|(i, b)| b - slope * (i as f64 - middle)));
        self.kept.retain(|v| v.is_finite());
        let at_middle = stats::median(&mut self.kept);
        let level = self.median_of(0, n);
        let line = |i: usize| at_middle + slope * (i as f64 - middle);
        let (mut by_level, mut by_line) = (0.0, 0.0);
        for (i, b) in self.blocks.iter().enumerate().filter(|(_, b)| b.is_finite()) {
            by_level += (b - level).abs();
            by_line += (b - line(i)).abs();
        }
        let is_line = slope != 0.0 && slope.is_finite() && by_line <= LEFT_MAX * by_level;
        is_line.then(|| Line {
            middle: middle * width as f64 + (width - 1) as f64 / 2.0,
            at_middle,
            slope: slope / width as f64,
        })
    }

    fn median_of(&mut self, from: usize, to: usize) -> f64 {
        stats::finite_into(self.blocks[from..to].iter().copied(), &mut self.kept);
        stats::median(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(i: usize) -> f64 {
        ((i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    #[test]
    fn a_ramp_is_a_line_and_a_step_is_none() {
        let mut finder = TrendFinder::default();
        let ramp: Vec<f64> = (0..2016).map(|i| 0.02 * i as f64 + noise(i)).collect();
        let line = finder.find(&ramp, 12).unwrap();
        assert!((line.at(0) - 0.0).abs() < 0.5 && (line.at(2015) - 40.3).abs() < 0.5, "{line:?}");
        for at in [300, 700, 1008, 1500] {
            let step: Vec<f64> = (0..2016).map(|i| if i < at { 0.0 } else { 40.0 } + noise(i)).collect();
            assert_eq!(finder.find(&step, 12), None, "{at}");
        }
        let stairs: Vec<f64> = (0..2016).map(|i| (i / 672) as f64 * 40.0 + noise(i)).collect();
        assert_eq!(finder.find(&stairs, 12), None);
        let wave: Vec<f64> = (0..2016).map(|i| (i as f64 / 2016.0 * std::f64::consts::TAU).sin()).collect();
        assert_eq!(finder.find(&wave, 12), None);
        assert_eq!(finder.find(&[5.0; 2016], 12), None);
        assert_eq!(finder.find(&[f64::NAN; 2016], 12), None);
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..200), width in 0usize..20) {
            TrendFinder::default().find(&values, width);
        }
    }
}
