//! What moved with an incident: every series' window against the four times longer stretch before it, ranked by a Kolmogorov-Smirnov test.
//!
//! ```text
//!   share of values <= x
//!     1 |            .-----'''''
//!       |   before .'    .'   window
//!       |        .'  D .'                 D = greatest distance of the two empirical distributions
//!     0 |......''....'
//!       +----------------------------> x
//! ```
//!
//! Source: Netdata's metric correlations (KS2, baseline four times the window); p by Kolmogorov's series with Stephens' correction as in Numerical Recipes, 14.3.

use std::ops::Range;

/// How much a series moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movement {
    /// Index of the series.
    pub series: usize,
    /// Greatest distance of the distributions, 0 to 1.
    pub distance: f64,
    /// Probability of that for rows of one distribution (rows taken as independent, which they are not: for ranking only).
    pub p: f64,
    /// Median before.
    pub before: f64,
    /// Median in the window.
    pub during: f64,
}

/// The `limit` series that moved most in `window`, strongest first. Series without 3 rows in the window and 12 before it are left out.
pub fn moved_most(series: &[&[f64]], window: Range<usize>, limit: usize) -> Vec<Movement> {
    let length = window.len();
    let baseline = window.start.saturating_sub(4 * length)..window.start;
    let (mut before, mut during) = (Vec::new(), Vec::new());
    let mut all: Vec<Movement> = series
        .iter()
        .enumerate()
        .filter_map(|(i, values)| {
            sorted(values, &baseline, &mut before);
            sorted(values, &window, &mut during);
            (before.len() >= 12 && during.len() >= 3).then(|| movement(i, &before, &during))
        })
        .collect();
    all.sort_by(|a, b| a.p.total_cmp(&b.p).then(b.distance.total_cmp(&a.distance)).then(a.series.cmp(&b.series)));
    all.truncate(limit);
    all
}

fn sorted(values: &[f64], rows: &Range<usize>, out: &mut Vec<f64>) {
    let rows = values.get(rows.start.min(values.len())..rows.end.min(values.len())).unwrap_or_default();
    super::stats::finite_into(rows.iter().copied(), out);
    out.sort_unstable_by(f64::total_cmp);
}

fn movement(series: usize, before: &[f64], during: &[f64]) -> Movement {
    let (n, m) = (before.len() as f64, during.len() as f64);
    let (mut i, mut j, mut distance) = (0, 0, 0.0f64);
    while i < before.len() && j < during.len() {
        let x = before[i].min(during[j]);
        while i < before.len() && before[i] <= x {
            i += 1;
        }
        while j < during.len() && during[j] <= x {
            j += 1;
        }
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    let root = (n * m / (n + m)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    Movement {
        series,
        distance,
        p: kolmogorov(lambda),
        before: before[before.len() / 2],
        during: during[during.len() / 2],
    }
}

/// `2 sum (-1)^(k-1) exp(-2 k² lambda²)`.
fn kolmogorov(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0;
    }
    let sum: f64 = (1..=100)
        .map(|k| {
            let k = f64::from(k);
            let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
            sign * (-2.0 * k * k * lambda * lambda).exp()
        })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_series_that_stepped_is_first() {
        let still: Vec<f64> = (0..100).map(|i| f64::from(i % 7)).collect();
        let stepped: Vec<f64> = (0..100).map(|i| f64::from(i % 7) + if i >= 80 { 10.0 } else { 0.0 }).collect();
        let found = moved_most(&[&still, &stepped, &[f64::NAN; 100]], 80..100, 5);
        assert_eq!(found[0].series, 1);
        assert!(found[0].distance == 1.0 && found[0].p < 1e-6 && found[1].p > 0.5, "{found:?}");
        assert_eq!(found.len(), 2, "a series that is not there has not moved");
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..80), from in 0usize..100, len in 0usize..50) {
            moved_most(&[&values], from..from + len, 3);
        }
    }
}
