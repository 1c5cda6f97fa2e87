//! Quantiles by linear interpolation between order statistics: type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
//! American Statistician 50 (1996), which is what numpy, R and Prometheus' `quantile_over_time` do.
//!
//! Order statistics are found without a sort. Of many values they are looked for by counting: every value is in one of many equal cells between the smallest and the
//! largest, the cells of the wanted ranks are told by their counts, and only what lies in those is selected from. That is exact, since the cell of a value never
//! falls as the value grows.

/// Fewer values are not worth counting.
const COUNTED_MIN: usize = 1_024;
/// Cells that values are counted in.
const CELLS: usize = 2_048;
/// Counts are taken in so many rows of cells by turns: neighbours are often equal, and would wait for each other.
const TURNS: usize = 4;

/// The quantiles `wanted` (each 0 to 1, in any order) of `values`, which are overwritten and must hold no NaN. NaN where there is no value.
///
/// Costs O(n) for all of them, no sort.
pub fn quantiles(values: &mut [f64], wanted: &[f64]) -> Vec<f64> {
    let mut found = vec![f64::NAN; wanted.len()];
    let Some(last) = values.len().checked_sub(1) else { return found };
    let place = |q: f64| q.clamp(0.0, 1.0) * last as f64;
    let mut ranks: Vec<usize> =
        wanted.iter().map(|q| place(*q).floor() as usize).flat_map(|below| [below, (below + 1).min(last)]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let statistics = order_statistics(values, &ranks);
    let at = |rank: usize| ranks.binary_search(&rank).map_or(f64::NAN, |i| statistics[i]);
    for (found, q) in found.iter_mut().zip(wanted) {
        let place = place(*q);
        let below = place.floor() as usize;
        *found = between(at(below), at((below + 1).min(last)), place - below as f64);
    }
    found
}

/// Equal neighbours give themselves, also where they are infinite.
fn between(low: f64, high: f64, share: f64) -> f64 {
    if share == 0.0 || low == high { low } else { low + (high - low) * share }
}

/// The values of these ranks (ascending, each once).
fn order_statistics(values: &mut [f64], ranks: &[usize]) -> Vec<f64> {
    if values.len() < COUNTED_MIN {
        return selected(values, ranks);
    }
    let (low, high) = ends(values);
    if low == high {
        return vec![low; ranks.len()];
    }
    let scale = (CELLS - 1) as f64 / (high - low);
    if !(scale.is_finite() && scale > 0.0) {
        return selected(values, ranks);
    }
    // Added to this, a number below 2^52 is rounded to an integer, which the low bits are: what a cast says, without its care for what lies outside.
    const ROUND: f64 = (1u64 << 52) as f64;
    let cell = |value: f64| ((value - low) * scale + ROUND).to_bits() as usize % CELLS;
    let mut counts = [[0u32; TURNS]; CELLS];
    for (i, value) in values.iter().enumerate() {
        counts[cell(*value)][i % TURNS] += 1;
    }
    let (wanted, ranks) = wanted_cells(counts.iter().map(|turns| turns.iter().sum::<u32>() as usize), ranks);
    // Those of the wanted cells are moved to the front: without a branch, as nobody could guess where it goes.
    let mut kept = 0;
    for i in 0..values.len() {
        let value = values[i];
        values[kept] = value;
        kept += usize::from(wanted[cell(value)]);
    }
    selected(&mut values[..kept], &ranks)
}

/// Which cells the wanted ranks lie in, and the ranks among the values of those cells alone.
fn wanted_cells(counts: impl Iterator<Item = usize>, ranks: &[usize]) -> ([bool; CELLS], Vec<usize>) {
    let (mut wanted, mut among) = ([false; CELLS], Vec::with_capacity(ranks.len()));
    let (mut left, mut end, mut passed_over) = (ranks.iter().peekable(), 0, 0);
    for (count, wanted) in counts.zip(&mut wanted) {
        end += count;
        while let Some(rank) = left.next_if(|rank| **rank < end) {
            *wanted = true;
            among.push(rank - passed_over);
        }
        passed_over += if *wanted { 0 } else { count };
    }
    (wanted, among)
}

/// By selection alone.
fn selected(values: &mut [f64], ranks: &[usize]) -> Vec<f64> {
    // All of values[..from] is below or equal to what is right of it, so the next selection needs to look there only; for the neighbour that is the smallest.
    let mut from = 0;
    let select = |rank: &usize| {
        let (_, value, _) = values[from..].select_nth_unstable_by(rank - from, f64::total_cmp);
        from = rank + 1;
        *value
    };
    ranks.iter().map(select).collect()
}

/// The smallest and the largest; several side by side, as each waits for the one before.
fn ends(values: &[f64]) -> (f64, f64) {
    let lesser = |a: f64, b: f64| if b < a { b } else { a };
    let greater = |a: f64, b: f64| if b > a { b } else { a };
    let (mut low, mut high) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for i in 0..8 {
            low[i] = lesser(low[i], eight[i]);
            high[i] = greater(high[i], eight[i]);
        }
    }
    let low = low.iter().chain(rest).copied().fold(f64::INFINITY, lesser);
    (low, high.iter().chain(rest).copied().fold(f64::NEG_INFINITY, greater))
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
        let mut many = vec![1.0; 2_000];
        many[..50].fill(f64::INFINITY);
        assert_eq!(quantiles(&mut many, &[0.5, 0.99]), [1.0, f64::INFINITY]);
    }

    /// Few distinct ones, many, one that is far out, huge and tiny ones.
    fn many() -> impl Strategy<Value = Vec<f64>> {
        let few = prop::collection::vec((0i32..5).prop_map(f64::from), 1_000..3_000);
        let even = prop::collection::vec(-1e9f64..1e9, 1_000..3_000);
        let skewed = prop::collection::vec((0.0f64..1.0).prop_map(|x| x.powi(9) * 1e6), 1_000..3_000);
        let any = prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 1_000..2_000);
        prop_oneof![few, even, skewed, any]
    }

    proptest! {
        #[test]
        fn as_by_sorting(mut values in prop::collection::vec(-1e9f64..1e9, 1..200), q in prop::collection::vec(0.0f64..=1.0, 1..6)) {
            let expected: Vec<f64> = q.iter().map(|q| by_sorting(&values, *q)).collect();
            prop_assert_eq!(quantiles(&mut values, &q), expected);
        }

        #[test]
        fn many_as_by_sorting(mut values in many(), q in prop::collection::vec(0.0f64..=1.0, 1..6)) {
            let expected: Vec<f64> = q.iter().map(|q| by_sorting(&values, *q)).collect();
            prop_assert_eq!(quantiles(&mut values, &q), expected);
        }
    }
}
