//! How surprising a value is against its own history: tail probabilities by a generalised Pareto fit.
//!
//! ```text
//!           |        lower tail  |      body      |  upper tail
//!  density  |                    |     .-'''-.    |
//!           |             ___...-|---''       ''--|-...____
//!           +--------------------+----------------+---------------> residual
//!                           2 % quantile     98 % quantile = u
//! ```
//!
//! For `x > u`, with `z` the share of rows beyond `u` and `y = x - u`:
//! `p = z (1 + k y / s)^(-1/k)`, or `z exp(-y / s)` for `k = 0`; the surprise is `-log10 p`, at most the cap, and 0 in the body.
//! Shape and scale by moments of the excesses (mean `m`, variance `v`): `k = (1 - m²/v) / 2`, held to 0 to 0.4, `s = m (1 - k)`.
//!
//! Why moments and not likelihood: one pass, never fails to converge, and an outlier makes the tail heavier (so the next one is less
//! surprising) instead of breaking the fit. Why capped: one absurd value must not outweigh an hour of odd ones.
//!
//! Source: Pickands 1975 (excesses over a high threshold); Hosking and Wallis 1987 (moments); Siffer et al., KDD 2017 (SPOT) for its use here.

/// Parameters of the fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailOptions {
    /// Share of rows that is body on each side: 0.98.
    pub quantile: f64,
    /// Greatest shape: 0.4 (heavier, and nothing would ever be rare).
    pub shape_max: f64,
    /// Greatest surprise: 6, a one in a million.
    pub cap: f64,
}

impl Default for TailOptions {
    fn default() -> Self {
        TailOptions { quantile: 0.98, shape_max: 0.4, cap: 6.0 }
    }
}

/// The fit of one side.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    /// Where the tail begins (on the side's own, ascending axis).
    from: f64,
    share: f64,
    shape: f64,
    scale: f64,
}

impl Side {
    /// `tail` holds the values at or beyond `from`; `total` is the number of all rows.
    fn fit(from: f64, tail: &[f64], sign: f64, total: usize, options: &TailOptions) -> Side {
        let (mut count, mut sum, mut squares) = (0usize, 0.0, 0.0);
        for &x in tail {
            let excess = sign * x - from;
            if excess > 0.0 {
                count += 1;
                sum += excess;
                squares += excess * excess;
            }
        }
        if count == 0 || !squares.is_finite() {
            return Side { from, share: 0.0, shape: 0.0, scale: 0.0 };
        }
        let mean = sum / count as f64;
        let variance = squares / count as f64 - mean * mean;
        let shape = if variance > 0.0 { 0.5 * (1.0 - mean * mean / variance) } else { 0.0 };
        let shape = shape.clamp(0.0, options.shape_max);
        Side { from, share: count as f64 / total as f64, shape, scale: mean * (1.0 - shape) }
    }

    fn surprise(&self, x: f64, cap: f64) -> f64 {
        let excess = x - self.from;
        if excess.is_nan() || excess <= 0.0 || self.share <= 0.0 || self.scale <= 0.0 {
            return 0.0;
        }
        let ratio = excess / self.scale;
        let log_survival = if self.shape > 1e-3 { -(1.0 + self.shape * ratio).ln() / self.shape } else { -ratio };
        (-(self.share.ln() + log_survival) * std::f64::consts::LOG10_E).clamp(0.0, cap)
    }
}

/// The two tails of one residual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    upper: Side,
    lower: Side,
    cap: f64,
}

impl Tails {
    /// Fits both sides of `values` (finite; reordered). `None` for fewer than 50 rows: a 2 % tail of one row is no history.
    pub fn fit(values: &mut [f64], options: &TailOptions) -> Option<Tails> {
        const ROWS_MIN: usize = 50;
        let n = values.len();
        if n < ROWS_MIN {
            return None;
        }
        let high = ((options.quantile * (n - 1) as f64).round() as usize).clamp(1, n - 1);
        let low = n - 1 - high;
        // The second selection works on the body alone: one pass over everything, a cheap one over the rest.
        values.select_nth_unstable_by(high, f64::total_cmp);
        let (rest, upper) = values.split_at_mut(high);
        let low = low.min(rest.len() - 1);
        rest.select_nth_unstable_by(low, f64::total_cmp);
        Some(Tails {
            upper: Side::fit(upper[0], upper, 1.0, n, options),
            lower: Side::fit(-rest[low], &rest[..=low], -1.0, n, options),
            cap: options.cap,
        })
    }

    /// `-log10` of the probability of a value at least this far out on its side; 0 in the body and for a gap.
    pub fn surprise(&self, x: f64) -> f64 {
        if x > self.upper.from { self.upper.surprise(x, self.cap) } else { self.lower.surprise(-x, self.cap) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Quantiles of the exponential distribution: an even sample without a random number.
    fn exponential(n: usize) -> Vec<f64> {
        (0..n).map(|i| -(1.0 - (i as f64 + 0.5) / n as f64).ln()).collect()
    }

    #[test]
    fn the_tail_of_an_exponential_is_known() {
        let tails = Tails::fit(&mut exponential(10_000), &TailOptions::default()).unwrap();
        for x in [5.0, 7.0, 9.0] {
            let truth = x * std::f64::consts::LOG10_E;
            assert!((tails.surprise(x) - truth).abs() < 0.15, "{x}: {} {truth}", tails.surprise(x));
        }
        assert_eq!(tails.surprise(1.0), 0.0, "the body is no surprise");
        assert_eq!(tails.surprise(1e9), 6.0, "capped");
        assert_eq!(tails.surprise(f64::NAN), 0.0);
    }

    #[test]
    fn one_odd_row_of_a_constant_is_as_rare_as_the_history_is_long() {
        let mut values = vec![7.0; 1000];
        values[500] = 8.0;
        let tails = Tails::fit(&mut values, &TailOptions::default()).unwrap();
        assert!(tails.surprise(8.0) > 3.0 && tails.surprise(7.0) == 0.0);
        assert!(Tails::fit(&mut [1.0; 49], &TailOptions::default()).is_none());
    }

    proptest! {
        #[test]
        fn surprise_ignores_scale_and_shift_and_grows_outward(
            values in prop::collection::vec(-1e3..1e3f64, 50..300), scale in 0.01..100.0f64, shift in -1e3..1e3f64
        ) {
            let options = TailOptions::default();
            let tails = Tails::fit(&mut values.clone(), &options).unwrap();
            let mut moved: Vec<f64> = values.iter().map(|v| v * scale + shift).collect();
            let other = Tails::fit(&mut moved, &options).unwrap();
            for x in [-1e3, -900.0, 0.0, 500.0, 990.0, 1e3] {
                prop_assert!((tails.surprise(x) - other.surprise(x * scale + shift)).abs() < 1e-6);
            }
            prop_assert!(tails.surprise(2e3) >= tails.surprise(1e3));
            prop_assert!(tails.surprise(-2e3) >= tails.surprise(-1e3));
        }

        #[test]
        fn any_finite_floats_fit(values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..120), x in prop::num::f64::ANY) {
            if let Some(tails) = Tails::fit(&mut values.clone(), &TailOptions::default()) {
                let s = tails.surprise(x);
                prop_assert!((0.0..=6.0).contains(&s), "{}", s);
            }
        }
    }
}
