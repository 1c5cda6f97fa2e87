//! Quantiles by linear interpolation between order statistics: type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
//! American Statistician 50 (1996), which is what numpy, R and Prometheus' `quantile_over_time` do.

/// The quantiles `wanted` (each 0 to 1, in any order) of `values`, which are reordered and must hold no NaN. NaN where there is no value.
///
/// Costs O(n) a quantile by selection, no sort: only the order statistics that are asked for are put in their place.
pub fn quantiles(values: &mut [f64], wanted: &[f64]) -> Vec<f64> {
    let mut found = vec![f64::NAN; wanted.len()];
    if values.is_empty() {
        return found;
    }
    let mut ascending: Vec<usize> = (0..wanted.len()).collect();
    ascending.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // All of values[..sorted_from] is below or equal to what is right of it, so the next selection needs to look right of it only.
    let mut sorted_from = 0;
    for i in ascending {
        let place = wanted[i].clamp(0.0, 1.0) * (values.len() - 1) as f64;
        let below = place.floor() as usize;
        let right = &mut values[sorted_from..];
        let (_, low, above) = right.select_nth_unstable_by(below - sorted_from, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        found[i] = between(low, high, place - below as f64);
        sorted_from = below;
    }
    found
}

/// Equal neighbours give themselves, also where they are infinite.
fn between(low: f64, high: f64, share: f64) -> f64 {
    if share == 0.0 || low == high { low } else { low + (high - low) * share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sorting(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let place = q * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        if place.fract() == 0.0 || low == high { low } else { low + (high - low) * place.fract() }
    }

    #[test]
    fn like_numpy() {
        // numpy.quantile([1, 2, 3, 4, 10], [0.99, 0, 0.5, 0.25, 0.9])
        let found = quantiles(&mut [10.0, 3.0, 1.0, 4.0, 2.0], &[0.99, 0.0, 0.5, 0.25, 0.9]);
        let expected = [9.76, 1.0, 3.0, 2.0, 7.6];
        assert!(found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn nothing_has_no_quantile_and_infinities_are_values() {
        assert!(quantiles(&mut [], &[0.5])[0].is_nan());
        assert_eq!(quantiles(&mut [f64::INFINITY; 3], &[0.5, 0.9]), [f64::INFINITY; 2]);
    }

    proptest! {
        #[test]
        fn as_by_sorting(mut values in prop::collection::vec(-1e9f64..1e9, 1..200), q in prop::collection::vec(0.0f64..=1.0, 1..6)) {
            let expected: Vec<f64> = q.iter().map(|q| by_sorting(&values, *q)).collect();
            prop_assert_eq!(quantiles(&mut values, &q), expected);
        }
    }
}
