//! Lasting shifts of level: binary segmentation of the seasonal residual.
//!
//! ```text
//!  residual |            .  . ...:...                gain(k) = nL nR / (nL + nR) (meanL - meanR)²
//!           |           .:.:..  .                    a shift is kept where gain > c · V · ln n
//!           | ..:...:..                              V: long-run variance (Bartlett), because neighbours are alike
//!           +------------^-----------------> 30 min means, 12 h or more on either side
//! ```
//!
//! Steps: 30 min means of the residual; a scale `sd` (1.4826 times the median absolute deviation of the means from their running median of a day); means clipped at
//! ±8 sd around it; recursive splitting at the greatest gain; then shifts whose medians differ by less than 2.5 sd, or by less than the floor of the unit, are
//! taken out, smallest first. The time is refined to a row; the interval holds all splits whose gain is within 8 V of the best.
//!
//! Why not Bayesian online detection: at default settings it finds dozens of changes in a sine plus noise, and costs a hundred times as much.
//!
//! Source: Scott and Knott 1974 (binary segmentation), Yao 1988 (penalty in ln n), Newey and West 1987 (long-run variance).

use super::stats::{self, SlidingMedian};

/// Parameters, defaults measured on clean weeks of real metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeOptions {
    /// `c`: 15.
    pub penalty: f64,
    /// Least difference of medians in sd: 2.5.
    pub sds_min: f64,
    /// Width of a mean: 30 min.
    pub block_ms: i64,
    /// Least length of either side: 12 h.
    pub side_ms: i64,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        ChangeOptions { penalty: 15.0, sds_min: 2.5, block_ms: 1_800_000, side_ms: 43_200_000 }
    }
}

/// A lasting shift of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// First row of the new level.
    pub row: usize,
    /// Earliest and latest row at which it may have been.
    pub rows: (usize, usize),
    /// First row after the stretch that has the new level.
    pub end: usize,
    /// Median residual before.
    pub before: f64,
    /// Median residual after.
    pub after: f64,
    /// Difference in sd of the residual's fast part.
    pub sds: f64,
}

/// Finds changes; holds the buffers.
#[derive(Debug, Default)]
pub struct ChangeFinder {
    blocks: Vec<f64>,
    slow: Vec<f64>,
    at: Vec<usize>,
    clipped: Vec<f64>,
    sums: Vec<f64>,
    kept: Vec<f64>,
    median: SlidingMedian,
}

impl ChangeFinder {
    /// The shifts in `residual` (rows of `step_ms`, NaN = gap), in order of time. `floor` is the least difference worth telling, in the metric's own unit.
    pub fn find(&mut self, residual: &[f64], step_ms: i64, floor: f64, options: &ChangeOptions) -> Vec<Change> {
        let width = (options.block_ms / step_ms).max(1) as usize;
        let block_ms = width as i64 * step_ms;
        let side = (options.side_ms / block_ms).max(6) as usize;
        stats::block_means(residual, width, &mut self.blocks);
        let Some((sd, variance)) = self.prepare((86_400_000 / block_ms).max(3) as usize) else {
            return Vec::new();
        };
        let n = self.clipped.len();
        if n < 2 * side {
            return Vec::new();
        }
        let least_gain = options.penalty * variance * (n as f64).ln();
        let mut splits = Vec::new();
        self.split(0, n, side, least_gain, &mut splits);
        splits.sort_unstable();
        self.drop_small(&mut splits, (options.sds_min * sd).max(floor));
        self.describe(&splits, residual, width, variance, sd)
    }

    /// Fills `at` (numbers of the blocks that are there), `clipped` and `sums`; gives sd and long-run variance, `None` where nothing varies or little is there.
    fn prepare(&mut self, day: usize) -> Option<(f64, f64)> {
        self.median.run(&self.blocks, day, &mut self.slow);
        stats::finite_into(self.blocks.iter().zip(&self.slow).map(|(b, s)| b - s), &mut self.kept);
        if self.kept.len() < 24 {
            return None;
        }
        let (_, fast_sd) = stats::median_and_sd(&mut self.kept);
        stats::finite_into(self.blocks.iter().copied(), &mut self.kept);
        let (centre, all_sd) = stats::median_and_sd(&mut self.kept);
        let spread = self.kept.iter().copied().fold(0.0, f64::max);
        // A series that hardly ever moves has no median deviation: a thousandth of what it spans stands in.
        let sd = fast_sd.max(1e-3 * all_sd).max(1e-4 * spread);
        if !(sd.is_finite() && sd > 0.0) {
            return None;
        }
        let variance = self.long_run_variance(sd, day / 2);
        let reach = 8.0 * sd.max(all_sd);
        self.at.clear();
        self.clipped.clear();
        for (i, &b) in self.blocks.iter().enumerate().filter(|(_, b)| b.is_finite()) {
            self.at.push(i);
            self.clipped.push((b - centre).clamp(-reach, reach));
        }
        self.sums.clear();
        self.sums.push(0.0);
        let mut sum = 0.0;
        self.sums.extend(self.clipped.iter().map(|c| {
            sum += c;
            sum
        }));
        Some((sd, variance))
    }

    /// Of the fast part, clipped: `g0 + 2 sum (1 - k / (lags + 1)) gk`, not less than `g0`.
    fn long_run_variance(&mut self, sd: f64, lags: usize) -> f64 {
        self.kept.clear();
        let fast = self.blocks.iter().zip(&self.slow).map(|(b, s)| (b - s).clamp(-8.0 * sd, 8.0 * sd));
        self.kept.extend(fast.map(|f| if f.is_finite() { f } else { 0.0 }));
        let n = self.kept.len();
        let autocovariance =
            |lag: usize| self.kept[lag.min(n)..].iter().zip(&self.kept).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        let at_zero = autocovariance(0);
        let weighted: f64 = (1..=lags).map(|k| (1.0 - k as f64 / (lags + 1) as f64) * autocovariance(k)).sum();
        (at_zero + 2.0 * weighted).max(at_zero)
    }

    fn gain(&self, from: usize, split: usize, to: usize) -> f64 {
        let (left, right) = ((split - from) as f64, (to - split) as f64);
        let mean_left = (self.sums[split] - self.sums[from]) / left;
        let mean_right = (self.sums[to] - self.sums[split]) / right;
        left * right / (left + right) * (mean_left - mean_right).powi(2)
    }

    fn split(&self, from: usize, to: usize, side: usize, least_gain: f64, splits: &mut Vec<usize>) {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            if to - from < 2 * side {
                continue;
            }
            let best = (from + side..=to - side)
                .map(|k| (k, self.gain(from, k, to)))
                .fold((from, 0.0), |best, next| if next.1 > best.1 { next } else { best });
            if best.1 > least_gain {
                splits.push(best.0);
                open.extend([(from, best.0), (best.0, to)]);
            }
        }
    }

    fn level(&mut self, from: usize, to: usize) -> f64 {
        self.kept.clear();
        self.kept.extend(self.at[from..to].iter().map(|&i| self.blocks[i]));
        stats::median(&mut self.kept)
    }

    /// Bounds of the stretches between splits.
    fn bounds(&self, splits: &[usize]) -> Vec<usize> {
        let mut bounds = Vec::with_capacity(splits.len() + 2);
        bounds.push(0);
        bounds.extend_from_slice(splits);
        bounds.push(self.clipped.len());
        bounds
    }

    fn drop_small(&mut self, splits: &mut Vec<usize>, least: f64) {
        loop {
            let bounds = self.bounds(splits);
            let levels: Vec<f64> = bounds.windows(2).map(|w| self.level(w[0], w[1])).collect();
            let smallest =
                levels.windows(2).map(|w| (w[1] - w[0]).abs()).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            match smallest {
                Some((i, step)) if step < least => splits.remove(i),
                _ => return,
            };
        }
    }

    fn describe(&mut self, splits: &[usize], residual: &[f64], width: usize, variance: f64, sd: f64) -> Vec<Change> {
        let bounds = self.bounds(splits);
        let mut changes = Vec::with_capacity(splits.len());
        for w in bounds.windows(3) {
            let (from, split, to) = (w[0], w[1], w[2]);
            let (before, after) = (self.level(from, split), self.level(split, to));
            let best = self.gain(from, split, to);
            let near = |k: &usize| self.gain(from, *k, to) >= best - 8.0 * variance;
            let earliest = (from + 1..split).rev().take_while(near).last().unwrap_or(split);
            let latest = (split + 1..to).take_while(near).last().unwrap_or(split);
            let row_of = |k: usize| self.at.get(k).map_or(residual.len(), |&i| (i * width).min(residual.len()));
            let row = refine(residual, row_of(split), 2 * width, before, after);
            changes.push(Change {
                row,
                rows: (row_of(earliest).min(row), (row_of(latest) + width).min(residual.len()).max(row)),
                end: row_of(to),
                before,
                after,
                sds: (after - before).abs() / sd,
            });
        }
        for i in 1..changes.len() {
            changes[i - 1].end = changes[i].row;
        }
        changes
    }
}

/// The row within `reach` of `row` from which on the values fit `after` better than `before` (least absolute error).
fn refine(residual: &[f64], row: usize, reach: usize, before: f64, after: f64) -> usize {
    let from = row.saturating_sub(reach);
    let to = (row + reach).min(residual.len());
    let (mut cost, mut best) = (0.0, (row.min(residual.len()), f64::INFINITY));
    for (k, &x) in residual.iter().enumerate().take(to).skip(from) {
        if cost < best.1 {
            best = (k, cost);
        }
        if x.is_finite() {
            cost += (x - before).abs() - (x - after).abs();
        }
    }
    if cost < best.1 { to } else { best.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use proptest::prelude::*;

    fn find(values: &[f64]) -> Vec<Change> {
        ChangeFinder::default().find(values, 300_000, 0.0, &ChangeOptions::default())
    }

    #[test]
    fn one_step_is_one_change_at_its_row() {
        let mut values: Vec<f64> = (0..2016).map(noise).collect();
        values[1000..].iter_mut().for_each(|v| *v += 3.0);
        values[300..330].fill(f64::NAN);
        let changes = find(&values);
        assert_eq!(changes.len(), 1, "{changes:?}");
        let c = changes[0];
        assert!(c.row.abs_diff(1000) <= 1 && c.rows.0 <= 1000 && c.rows.1 >= 1000, "{c:?}");
        assert!((c.after - c.before - 3.0).abs() < 0.2 && c.end == 2016);
    }

    #[test]
    fn noise_a_spike_and_a_constant_have_none() {
        let mut values: Vec<f64> = (0..2016).map(noise).collect();
        assert_eq!(find(&values), vec![]);
        values[900..912].iter_mut().for_each(|v| *v += 1e4);
        assert_eq!(find(&values), vec![]);
        assert_eq!(find(&[4.0; 2016]), vec![]);
        assert_eq!(find(&[]), vec![]);
    }

    #[test]
    fn a_clean_square_step_of_a_constant_is_found() {
        let values: Vec<f64> = (0..2016).map(|i| if i < 700 { 1.0 } else { 2.0 }).collect();
        let changes = find(&values);
        assert_eq!(changes.iter().map(|c| c.row).collect::<Vec<_>>(), vec![700]);
    }

    #[test]
    fn a_step_below_the_floor_of_its_unit_is_not_told() {
        let values: Vec<f64> = (0..2016).map(|i| noise(i) * 0.01 + if i < 700 { 1.0 } else { 2.0 }).collect();
        let found = |floor| ChangeFinder::default().find(&values, 300_000, floor, &ChangeOptions::default()).len();
        assert_eq!((found(0.5), found(5.0)), (1, 0));
    }

    proptest! {
        #[test]
        fn scale_and_shift_do_not_matter(step in 2.0..9.0f64, at in 400usize..1600, scale in 0.01..100.0f64, shift in -1e3..1e3f64) {
            let values: Vec<f64> = (0..2016).map(|i| noise(i + at) + if i < at { 0.0 } else { step }).collect();
            let moved: Vec<f64> = values.iter().map(|v| v * scale + shift).collect();
            let rows = |v: &[f64]| find(v).iter().map(|c| c.row).collect::<Vec<_>>();
            prop_assert_eq!(rows(&values), rows(&moved));
        }

        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..400), step in 1i64..10_000_000) {
            for c in ChangeFinder::default().find(&values, step, 0.0, &ChangeOptions::default()) {
                prop_assert!(c.row <= values.len() && c.end <= values.len() && c.rows.0 <= c.row && c.row <= c.rows.1);
            }
        }
    }
}
