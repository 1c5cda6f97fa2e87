//! DDSketch: quantiles of many values from little room, each within 1 % of the value it stands for.
//!
//! Source: Masson, Rim and Lee, "DDSketch: A fast and fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12 (2019). A positive value
//! is counted in the bucket `(γ^(i-1), γ^i]`, `γ = (1 + α) / (1 - α)`, and told as `(1 - α) γ^i`, which is at most `α` times the value off. Negative
//! values have buckets of their own, zeros and infinities are counted. Buckets are never joined to save room, so that merging is exact: the
//! sketch of all is the merged sketches of the parts, in whichever order. A double has some 71,000 buckets at most; an hour of samples fills
//! a few dozen.

use std::cmp::Ordering;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

/// The relative error of what a [`Sketch`] tells: α.
pub const SKETCH_ERROR: f64 = 0.01;

/// So many buckets are counted in place, however few the values are.
const PLACES_FEW: usize = 1024;

/// How many values fell into a bucket: its index and their number.
pub type SketchBucket = (i32, u64);

/// A mergeable sketch of a distribution. NaN is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Below zero, by ascending magnitude.
    pub negative: Vec<SketchBucket>,
    /// Above zero, ascending.
    pub positive: Vec<SketchBucket>,
    /// Zeros of both signs.
    pub zeros: u64,
    /// Infinities: below zero, above.
    pub infinite: [u64; 2],
}

/// ln γ: the width of a bucket.
fn log_gamma() -> f64 {
    ((1.0 + SKETCH_ERROR) / (1.0 - SKETCH_ERROR)).ln()
}

/// The bucket of a magnitude: the logarithm nearby where that decides, the one of the system within a millionth of an edge.
fn index(magnitude: f64, per_log: f64) -> i32 {
    const EDGE: f64 = 1e-6;
    let place = near_ln(magnitude) * per_log;
    let whole = place as i32;
    let past = place - f64::from(whole);
    if (EDGE..1.0 - EDGE).contains(&past.abs()) {
        return whole + i32::from(past > 0.0);
    }
    (magnitude.ln() * per_log).ceil() as i32
}

/// The natural logarithm to 9 decimals, of a number above zero; NaN of one that is subnormal. In a third of the time, as it is made of little: `ln x = k ln 2 +
/// 2 atanh(s)`, `s = (m - 1) / (m + 1)`, `x = m 2^k`, `m` from `1/√2` to `√2`, five terms of the series.
fn near_ln(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return f64::NAN;
    }
    let octave = (x.to_bits().wrapping_sub(FRAC_1_SQRT_2.to_bits())).cast_signed() >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((octave << 52).cast_unsigned()));
    let s = (m - 1.0) / (m + 1.0);
    let t = s * s;
    octave as f64 * LN_2 + 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t / 9.0))))
}

/// What a bucket is told as.
fn magnitude(index: i32) -> f64 {
    let told = (f64::from(index) * log_gamma() + (1.0 - SKETCH_ERROR).ln()).exp();
    // At both ends of what a double holds the middle of a bucket may lie outside.
    told.clamp(f64::from_bits(1), f64::MAX)
}

impl Sketch {
    /// Of values in any order.
    pub fn of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        let per_log = 1.0 / log_gamma();
        let (mut below, mut above) = (Vec::new(), Vec::with_capacity(values.len()));
        for value in values {
            match value.partial_cmp(&0.0) {
                None => {}
                Some(Ordering::Equal) => sketch.zeros += 1,
                Some(_) if value.is_infinite() => sketch.infinite[usize::from(*value > 0.0)] += 1,
                Some(Ordering::Greater) => above.push(index(*value, per_log)),
                Some(Ordering::Less) => below.push(index(-value, per_log)),
            }
        }
        (sketch.negative, sketch.positive) = (counted(below), counted(above));
        sketch
    }

    /// How many values it has seen.
    pub fn count(&self) -> u64 {
        let of = |buckets: &[SketchBucket]| buckets.iter().map(|(_, count)| count).sum::<u64>();
        of(&self.negative) + of(&self.positive) + self.zeros + self.infinite[0] + self.infinite[1]
    }

    /// Whether it has seen none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Sketch) {
        self.negative = joined(&self.negative, &other.negative);
        self.positive = joined(&self.positive, &other.positive);
        self.zeros += other.zeros;
        self.infinite[0] += other.infinite[0];
        self.infinite[1] += other.infinite[1];
    }

    /// A quantile (0 to 1) by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996), each told within 1 %; NaN of nothing.
    pub fn quantile(&self, q: f64) -> f64 {
        let Some(last) = self.count().checked_sub(1) else { return f64::NAN };
        let place = q.clamp(0.0, 1.0) * last as f64;
        let (low, high) = (self.ranked(place.floor() as u64), self.ranked(place.ceil() as u64));
        if low == high { low } else { low + (high - low) * place.fract() }
    }

    /// The value with so many before it.
    fn ranked(&self, rank: u64) -> f64 {
        let below = self.negative.iter().rev().map(|(i, count)| (-magnitude(*i), *count));
        let above = self.positive.iter().map(|(i, count)| (magnitude(*i), *count));
        let all =
            [(f64::NEG_INFINITY, self.infinite[0])].into_iter().chain(below).chain([(0.0, self.zeros)]).chain(above);
        let mut left = rank;
        for (value, count) in all {
            if left < count {
                return value;
            }
            left -= count;
        }
        f64::INFINITY
    }
}

/// Sorted indices and how often each is there.
fn counted(mut indices: Vec<i32>) -> Vec<SketchBucket> {
    let (mut min, mut max) = (i32::MAX, i32::MIN);
    for index in &indices {
        (min, max) = (min.min(*index), max.max(*index));
    }
    if min > max {
        return Vec::new();
    }
    // Values of an hour lie close together: no more places than values, or few.
    let places = (max - min) as usize + 1;
    if places <= indices.len().max(PLACES_FEW) {
        let mut counts = vec![0u32; places];
        indices.iter().for_each(|index| counts[(index - min) as usize] += 1);
        let buckets = (min..).zip(counts).filter(|(_, count)| *count > 0);
        return buckets.map(|(index, count)| (index, count.into())).collect();
    }
    indices.sort_unstable();
    indices.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
}

fn joined(a: &[SketchBucket], b: &[SketchBucket]) -> Vec<SketchBucket> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    while let Some((i, count)) = match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if y.0 < x.0 => b.next(),
        (None, _) => b.next(),
        _ => a.next(),
    } {
        let more = b.next_if(|(other, _)| *other == i).map_or(0, |(_, more)| more);
        all.push((i, count + more));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By sorting: the two order statistics around a quantile, and where between them it lies.
    fn exact(values: &[f64], q: f64) -> (f64, f64, f64) {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let place = q * (sorted.len() - 1) as f64;
        (sorted[place.floor() as usize], sorted[place.ceil() as usize], place.fract())
    }

    /// Within 1 % of the values around it (and the rounding of a logarithm).
    fn is_near(told: f64, (low, high, share): (f64, f64, f64)) -> bool {
        let right = if low == high { low } else { low + (high - low) * share };
        let most = (low.abs() * (1.0 - share) + high.abs() * share) * SKETCH_ERROR * (1.0 + 1e-9);
        told == right || (told.is_nan() && right.is_nan()) || (told - right).abs() <= most
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => -1e3f64..1e3,
            3 => any::<f64>(),
            1 => Just(0.0),
            1 => prop::sample::select(vec![-0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324, 1e-310]),
        ]
    }

    fn merged(a: &Sketch, b: &Sketch) -> Sketch {
        let mut all = a.clone();
        all.merge(b);
        all
    }

    #[test]
    fn quantiles_of_a_hundred() {
        let sketch = Sketch::of(&(1..=101).map(f64::from).collect::<Vec<_>>());
        for (q, right) in [(0.0, 1.0), (0.5, 51.0), (0.95, 96.0), (1.0, 101.0)] {
            assert!((sketch.quantile(q) / right - 1.0).abs() <= SKETCH_ERROR + 1e-12, "{q}: {}", sketch.quantile(q));
        }
        assert!(Sketch::default().quantile(0.5).is_nan() && Sketch::of(&[f64::NAN]).is_empty());
        assert_eq!(Sketch::of(&[f64::INFINITY, 0.0, f64::NEG_INFINITY]).quantile(0.5), 0.0);
    }

    #[test]
    fn an_index_is_that_of_the_exact_logarithm() {
        let per_log = 1.0 / log_gamma();
        let exact = |m: f64| (m.ln() * per_log).ceil() as i32;
        let ends = [f64::from_bits(1), f64::MIN_POSITIVE, f64::from_bits(f64::MIN_POSITIVE.to_bits() - 1), f64::MAX];
        // The edges of buckets, and what is next to them.
        let edges = (-35_000..35_400).map(|i| (f64::from(i) * log_gamma()).exp());
        let near = edges.flat_map(|e| [-1, 0, 1].map(|d| f64::from_bits(e.to_bits().wrapping_add_signed(d))));
        for m in near.chain(ends).filter(|m| *m > 0.0 && m.is_finite()) {
            assert_eq!(index(m, per_log), exact(m), "{m:e}");
        }
        assert!((near_ln(3.0) - 3f64.ln()).abs() < 1e-9 && (near_ln(1.415e300) - 1.415e300f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn what_lies_far_apart_is_counted_as_what_lies_close() {
        let far: Vec<f64> = (0..100).map(|i| 2f64.powi(i % 50 * 20)).collect();
        let close: Vec<f64> = (0..100).map(|i| 2f64.powi(i % 50)).collect();
        for values in [far, close] {
            let sketch = Sketch::of(&values);
            assert!(sketch.positive.is_sorted_by(|a, b| a.0 < b.0));
            assert!(sketch.positive.iter().all(|(_, count)| *count == 2) && sketch.count() == 100);
        }
    }

    proptest! {
        #[test]
        fn an_index_is_exact_anywhere(bits in 1..f64::INFINITY.to_bits()) {
            let (m, per_log) = (f64::from_bits(bits), 1.0 / log_gamma());
            prop_assert_eq!(index(m, per_log), (m.ln() * per_log).ceil() as i32);
        }

        #[test]
        fn every_quantile_is_within_one_percent(values in prop::collection::vec(any_value(), 1..300), q in 0.0f64..=1.0) {
            prop_assume!(values.iter().any(|v| !v.is_nan()));
            let (low, high, share) = exact(&values, q);
            // Between two infinities of different sign, or values further apart than a double holds, there is nothing to tell.
            prop_assume!(low == high || (high - low).is_finite());
            let told = Sketch::of(&values).quantile(q);
            prop_assert!(is_near(told, (low, high, share)), "{told} for {low} {high} {share}");
        }

        #[test]
        fn merging_is_seeing_all(parts in prop::collection::vec(prop::collection::vec(any_value(), 0..80), 3)) {
            let [a, b, c] = [0, 1, 2].map(|i| Sketch::of(&parts[i]));
            let all = Sketch::of(&parts.concat());
            prop_assert_eq!(&merged(&merged(&a, &b), &c), &all);
            prop_assert_eq!(&merged(&a, &merged(&b, &c)), &all, "associative");
            prop_assert_eq!(&merged(&merged(&c, &a), &b), &all, "commutative");
            prop_assert_eq!(&merged(&a, &Sketch::default()), &a, "nothing changes nothing");
        }
    }
}
