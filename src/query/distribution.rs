use crate::model::Sketch;
use crate::store::Outlived;

use super::quantile;

/// The values of a stretch of time: themselves, and of what was pruned their sketch.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    values: Vec<f64>,
    sketch: Sketch,
    /// Values that nothing tells of but their number.
    unknown: u64,
}

impl Distribution {
    /// Takes samples; NaN is a gap.
    pub fn extend(&mut self, values: &[f64]) {
        // Without a short way out, so that many are looked at at once; most runs have no gap.
        if values.iter().fold(false, |gap, v| gap | v.is_nan()) {
            self.values.extend(values.iter().filter(|v| !v.is_nan()));
        } else {
            self.values.extend_from_slice(values);
        }
    }

    /// Takes a bucket whose samples were pruned.
    pub fn add(&mut self, bucket: &Outlived) {
        match &bucket.sketch {
            Some(sketch) => self.sketch.merge(sketch),
            None => self.unknown += bucket.aggregate.count,
        }
    }

    /// How many values it knows.
    pub fn count(&self) -> u64 {
        self.values.len() as u64 + self.sketch.count()
    }

    /// The quantiles `wanted` (each 0 to 1): exact, or within 1 % where some values are told by a sketch. NaN of nothing, and where values are unknown.
    pub fn quantiles(&mut self, wanted: &[f64]) -> Vec<f64> {
        if self.unknown > 0 {
            return vec![f64::NAN; wanted.len()];
        }
        if self.sketch.is_empty() {
            return quantile::quantiles(&mut self.values, wanted);
        }
        let mut all = Sketch::of(&self.values);
        all.merge(&self.sketch);
        wanted.iter().map(|q| all.quantile(*q)).collect()
    }
}

/// The samples of a run that lie in none of `left` (ascending), in pieces.
pub fn beside<'r>(
    left: &'r [Outlived],
    times: &'r [i64],
    values: &'r [f64],
) -> impl Iterator<Item = (&'r [i64], &'r [f64])> + 'r {
    let first = times.first().map_or(left.len(), |t| left.partition_point(|piece| piece.range.to().millis() <= *t));
    let mut pieces = left[first..].iter();
    let mut from = 0;
    std::iter::from_fn(move || {
        while from < times.len() {
            let start = from;
            let Some(piece) = pieces.next() else {
                from = times.len();
                return Some((&times[start..], &values[start..]));
            };
            let upto = from + times[from..].partition_point(|t| *t < piece.range.from().millis());
            from = upto + times[upto..].partition_point(|t| *t < piece.range.to().millis());
            if upto > start {
                return Some((&times[start..upto], &values[start..upto]));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use crate::model::{Aggregate, TimeRange, Timestamp};

    use super::*;

    fn bucket(from: i64, to: i64, values: &[f64]) -> Outlived {
        let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
        Outlived { range, aggregate: Aggregate::of(values), sketch: Some(Sketch::of(values)) }
    }

    #[test]
    fn samples_beside_what_was_pruned() {
        let left = [bucket(10, 20, &[]), bucket(20, 30, &[]), bucket(40, 50, &[])];
        let times = [5, 9, 12, 29, 30, 39, 50, 60];
        let values = times.map(|t| t as f64);
        let pieces: Vec<&[i64]> = beside(&left, &times, &values).map(|(times, _)| times).collect();
        assert_eq!(pieces, [&[5, 9][..], &[30, 39], &[50, 60]]);
        assert_eq!(beside(&[], &times, &values).count(), 1);
        assert_eq!(beside(&left, &[], &[]).count(), 0);
    }

    #[test]
    fn exact_as_long_as_nothing_is_told_by_a_sketch() {
        let mut all = Distribution::default();
        all.extend(&[1.0, f64::NAN, 2.0]);
        assert_eq!(all.quantiles(&[0.5]), [1.5]);
        all.add(&bucket(0, 10, &[3.0, 4.0]));
        assert_eq!(all.count(), 4);
        assert!((all.quantiles(&[0.5])[0] / 2.5 - 1.0).abs() < 0.01);
        all.add(&Outlived { sketch: None, ..bucket(10, 20, &[9.0]) });
        assert!(all.quantiles(&[0.5])[0].is_nan(), "no quantile of a part of the values");
    }
}
