//! Several lines into one, bucket by bucket. NaN is a gap: what is missing in a bucket is left out there.

use crate::model::catalogue::Fold;

/// One bucket of several lines; NaN where all are missing.
pub(super) fn fold_bucket(values: impl Iterator<Item = f64>, fold: Fold) -> f64 {
    let mut present = values.filter(|v| !v.is_nan());
    let Some(first) = present.next() else { return f64::NAN };
    match fold {
        Fold::Sum => present.fold(first, |a, b| a + b),
        Fold::Max => present.fold(first, f64::max),
        Fold::Min => present.fold(first, f64::min),
        Fold::Avg => {
            let (sum, count) = present.fold((first, 1.0), |(sum, count), v| (sum + v, count + 1.0));
            sum / count
        }
    }
}

/// Lines of equal length into one.
pub fn fold_lines(lines: &[&[f64]], fold: Fold) -> Vec<f64> {
    let len = lines.first().map_or(0, |line| line.len());
    (0..len).map(|i| fold_bucket(lines.iter().map(|line| line[i]), fold)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_is_left_out_and_all_missing_is_a_gap() {
        let nan = f64::NAN;
        let lines: [&[f64]; 2] = [&[1.0, nan, nan], &[3.0, 5.0, nan]];
        for (fold, expected) in
            [(Fold::Sum, [4.0, 5.0]), (Fold::Max, [3.0, 5.0]), (Fold::Min, [1.0, 5.0]), (Fold::Avg, [2.0, 5.0])]
        {
            let line = fold_lines(&lines, fold);
            assert_eq!(line[..2], expected);
            assert!(line[2].is_nan());
        }
        assert!(fold_lines(&[], Fold::Sum).is_empty());
    }
}
