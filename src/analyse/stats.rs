//! Small robust statistics on slices. NaN is a gap everywhere: it takes no part and breaks nothing.

use std::ops::Range;

/// What a standard normal variable's median absolute deviation has to be multiplied by to give its standard deviation.
pub const MAD_TO_SD: f64 = 1.4826;

/// Puts the finite ones of `values` into `kept`, which is emptied first.
pub fn finite_into(values: impl IntoIterator<Item = f64>, kept: &mut Vec<f64>) {
    kept.clear();
    kept.extend(values.into_iter().filter(|v| v.is_finite()));
}

/// The `q` quantile (0 to 1) of finite values by selection: the order statistic next to `q * (n - 1)`. Reorders the slice. NaN for none.
pub fn select_quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = (q.clamp(0.0, 1.0) * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// The `q` quantile (0 to 1) of finite values, interpolated between its two neighbours as `percentile` of the SQL is. Reorders the slice. NaN for none.
pub fn interpolated_quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (_, &mut low, above) = values.select_nth_unstable_by(rank.floor() as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + rank.fract() * (high - low)
}

/// The median of finite values: the mean of the two middle ones where their number is even. Reorders the slice. NaN for none.
pub fn median(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, &mut middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return middle;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lower + (middle - lower) / 2.0
}

/// Median and robust standard deviation (1.4826 times the median absolute deviation) of finite values. Reorders and overwrites the slice.
pub fn median_and_sd(values: &mut [f64]) -> (f64, f64) {
    let centre = median(values);
    for v in values.iter_mut() {
        *v = (*v - centre).abs();
    }
    (centre, MAD_TO_SD * median(values))
}

/// Mean of the finite ones, NaN for none.
pub fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for v in values.iter().filter(|v| v.is_finite()) {
        sum += v;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// Probability that a Poisson variable of mean `expected` is at least `count`.
pub fn poisson_at_least(count: usize, expected: f64) -> f64 {
    let (mut term, mut below) = ((-expected).exp(), 0.0);
    for i in 0..count {
        below += term;
        term *= expected / (i + 1) as f64;
    }
    (1.0 - below).max(0.0)
}

/// Centred running mean over `window` rows of the finite values in it; NaN where fewer than a third of the window is there.
///
/// Sums are taken afresh every window's length, so that one huge value leaves no rounding error behind it.
pub fn running_mean(values: &[f64], window: usize, out: &mut Vec<f64>) {
    let window = window.max(1);
    let length = window.saturating_add(1);
    out.clear();
    out.resize(values.len(), f64::NAN);
    let mut start = 0;
    while start < values.len() {
        start += if means_side_by_side(values, window, start, out) {
            SIDE_BY_SIDE * length
        } else {
            means_of_stretch(values, window, start..(start + length).min(values.len()), out);
            length
        };
    }
}

/// Means of some rows, by one sum that is taken afresh for the first of them.
fn means_of_stretch(values: &[f64], window: usize, stretch: Range<usize>, out: &mut [f64]) {
    let (before, after) = (window / 2, window - window / 2);
    let rows = |i: usize| (i.saturating_sub(before), (i + after).min(values.len()));
    let mean = |sum: f64, count: usize, (lo, hi): (usize, usize)| {
        if count > 0 && count * 3 >= hi - lo { sum / count as f64 } else { f64::NAN }
    };
    let (lo, hi) = rows(stretch.start);
    let (mut sum, mut count) = sum_finite(&values[lo..hi]);
    out[stretch.start] = mean(sum, count, (lo, hi));
    for i in stretch.skip(1) {
        // One comes in at most, and one goes out.
        if let Some(&comes) = values.get(i + after - 1).filter(|v| v.is_finite()) {
            sum += comes;
            count += 1;
        }
        if let Some(&goes) = i.checked_sub(before + 1).map(|row| &values[row]).filter(|v| v.is_finite()) {
            sum -= goes;
            count -= 1;
        }
        out[i] = mean(sum, count, rows(i));
    }
}

/// So many stretches are gone through at once where nothing is missing: a row of one waits for the row before it, but not for other stretches.
const SIDE_BY_SIDE: usize = 4;

/// The same of some stretches from `start` on; `false`, and nothing done, where they are not whole or something in their windows is missing.
fn means_side_by_side(values: &[f64], window: usize, start: usize, out: &mut [f64]) -> bool {
    let (before, after, length) = (window / 2, window - window / 2, window + 1);
    let Some(first) = start.checked_sub(before) else { return false };
    let Some(seen) = values.get(first..start + SIDE_BY_SIDE * length - 1 + after) else { return false };
    // Without a short way out, so that many are looked at at once.
    if seen.iter().fold(false, |gap, v| gap | !v.is_finite()) {
        return false;
    }
    let stretches: [&[f64]; SIDE_BY_SIDE] = std::array::from_fn(|k| &seen[k * length..]);
    let mut sums = stretches.map(|stretch| sum_finite(&stretch[..window]).0);
    let count = window as f64;
    let (goes, comes) = (stretches.map(|s| &s[..window]), stretches.map(|s| &s[window..2 * window]));
    let mut means = out[start..start + SIDE_BY_SIDE * length].chunks_exact_mut(length);
    let mut means: [&mut [f64]; SIDE_BY_SIDE] = std::array::from_fn(|_| means.next().unwrap_or_default());
    for (mean, sum) in means.iter_mut().zip(sums) {
        mean[0] = sum / count;
    }
    for row in 0..window {
        for k in 0..SIDE_BY_SIDE {
            sums[k] += comes[k][row];
            sums[k] -= goes[k][row];
            means[k][row + 1] = sums[k] / count;
        }
    }
    true
}

fn sum_finite(values: &[f64]) -> (f64, usize) {
    values.iter().filter(|v| v.is_finite()).fold((0.0, 0), |(sum, count), v| (sum + v, count + 1))
}

/// Means of the finite values of `width` rows each; the last block may be shorter. NaN where fewer than a third of a block is there.
pub fn block_means(values: &[f64], width: usize, out: &mut Vec<f64>) {
    out.clear();
    out.extend(values.chunks(width.max(1)).map(|block| {
        let (sum, count) = sum_finite(block);
        if count > 0 && count * 3 >= block.len() { sum / count as f64 } else { f64::NAN }
    }));
}

/// A median over a window that slides, by binary search in a sorted copy: O(window) a step, which is cheapest for some dozens.
#[derive(Debug, Default)]
pub struct SlidingMedian {
    sorted: Vec<f64>,
}

impl SlidingMedian {
    /// Centred running median over `window` values (gaps left out); NaN where the window holds fewer than a third.
    pub fn run(&mut self, values: &[f64], window: usize, out: &mut Vec<f64>) {
        let n = values.len();
        let window = window.max(1);
        let (before, after) = (window / 2, window - window / 2);
        self.sorted.clear();
        out.clear();
        let mut end = 0;
        for i in 0..n {
            while end < (i + after).min(n) {
                self.insert(values[end]);
                end += 1;
            }
            if i > before {
                self.remove(values[i - before - 1]);
            }
            let span = end - i.saturating_sub(before);
            out.push(if self.sorted.len() * 3 >= span { self.middle() } else { f64::NAN });
        }
    }

    fn insert(&mut self, v: f64) {
        if v.is_finite() {
            let at = self.sorted.partition_point(|s| s.total_cmp(&v).is_lt());
            self.sorted.insert(at, v);
        }
    }

    fn remove(&mut self, v: f64) {
        if v.is_finite() {
            let at = self.sorted.partition_point(|s| s.total_cmp(&v).is_lt());
            self.sorted.remove(at);
        }
    }

    fn middle(&self) -> f64 {
        let n = self.sorted.len();
        if n == 0 {
            f64::NAN
        } else {
            let lower = self.sorted[(n - 1) / 2];
            lower + (self.sorted[n / 2] - lower) / 2.0
        }
    }
}

/// Upper tail of the standard normal distribution, `P(Z > z)`, to 1.2e-7 of its value.
///
/// Source: the rational Chebyshev fit of erfc in Press et al., Numerical Recipes, 2nd ed., section 6.2.
pub fn normal_upper_tail(z: f64) -> f64 {
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let poly = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * (-x * x + poly).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// Ranks from 0 (ties share their mean rank) of `values`; a gap has NaN.
pub fn ranks(values: &[f64], order: &mut Vec<usize>, out: &mut Vec<f64>) {
    order.clear();
    order.extend((0..values.len()).filter(|&i| values[i].is_finite()));
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    out.clear();
    out.resize(values.len(), f64::NAN);
    let mut i = 0;
    while i < order.len() {
        let mut j = i;
        while j + 1 < order.len() && values[order[j + 1]] == values[order[i]] {
            j += 1;
        }
        for &row in &order[i..=j] {
            out[row] = (i + j) as f64 / 2.0;
        }
        i = j + 1;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn poisson_by_hand() {
        let near = |count, expected: f64, p: f64| assert!((poisson_at_least(count, expected) - p).abs() < 1e-6);
        near(0, 3.0, 1.0);
        near(1, 1.0, 0.632_121);
        near(3, 0.119, 0.000_257);
        near(2, 0.0, 0.0);
        near(5, 1e4, 1.0);
    }

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians() {
        assert!(median(&mut []).is_nan());
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median_and_sd(&mut [1.0, 2.0, 3.0, 4.0, 100.0]), (3.0, MAD_TO_SD));
    }

    #[test]
    fn a_running_mean_forgets_a_huge_value() {
        let mut values = vec![1.0; 50];
        values[10] = 1e18;
        let mut out = Vec::new();
        running_mean(&values, 4, &mut out);
        assert!(out[20..].iter().all(|&m| m == 1.0), "{out:?}");
        assert_eq!(out[2], 1.0);
        values[30..40].fill(f64::NAN);
        running_mean(&values, 4, &mut out);
        assert!(out[35].is_nan() && out[45] == 1.0);
    }

    #[test]
    fn normal_tails() {
        for (z, p) in [(0.0, 0.5), (1.959_964, 0.025), (3.290_527, 0.000_5), (6.0, 9.866e-10)] {
            assert!((normal_upper_tail(z) / p - 1.0).abs() < 1e-4, "{z}");
            assert!((normal_upper_tail(-z) - (1.0 - p)).abs() < 1e-6);
        }
    }

    #[test]
    fn ties_share_their_rank() {
        let (mut order, mut out) = (Vec::new(), Vec::new());
        ranks(&[5.0, f64::NAN, 1.0, 5.0, 7.0], &mut order, &mut out);
        assert!(out[1].is_nan());
        assert_eq!([out[0], out[2], out[3], out[4]], [1.5, 0.0, 1.5, 3.0]);
    }

    proptest! {
        #[test]
        fn a_sliding_median_is_the_median_of_its_window(
            values in prop::collection::vec(prop_oneof![4 => -1e6..1e6f64, 1 => Just(f64::NAN)], 0..60), window in 1usize..12
        ) {
            let (mut out, mut kept) = (Vec::new(), Vec::new());
            SlidingMedian::default().run(&values, window, &mut out);
            prop_assert_eq!(out.len(), values.len());
            for (i, &found) in out.iter().enumerate() {
                let (lo, hi) = (i.saturating_sub(window / 2), (i + window - window / 2).min(values.len()));
                finite_into(values[lo..hi].iter().copied(), &mut kept);
                if kept.len() * 3 >= hi - lo && !kept.is_empty() {
                    prop_assert_eq!(found, median(&mut kept));
                } else {
                    prop_assert!(found.is_nan());
                }
            }
        }

        #[test]
        fn nothing_here_panics_on_any_float(values in prop::collection::vec(prop::num::f64::ANY, 0..40), window in 0usize..9, q in 0.0..1.0f64) {
            let (mut out, mut order) = (Vec::new(), Vec::new());
            running_mean(&values, window, &mut out);
            block_means(&values, window, &mut out);
            SlidingMedian::default().run(&values, window, &mut out);
            ranks(&values, &mut order, &mut out);
            let mut kept = Vec::new();
            finite_into(values.iter().copied(), &mut kept);
            select_quantile(&mut kept, q);
            median_and_sd(&mut kept);
        }
    }
}
