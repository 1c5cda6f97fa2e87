use crate::query::frame::{Frame, Row};

/// What all nodes do together, bucket by bucket. NaN where no node has a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// Mean over the nodes of their means.
    pub mean: Vec<f64>,
    /// Smallest over the nodes of their minima.
    pub lo: Vec<f64>,
    /// Largest over the nodes of their maxima.
    pub hi: Vec<f64>,
}

impl Cluster {
    pub fn of(rows: &[Row], len: usize) -> Cluster {
        let mut mean = vec![0.0; len];
        let mut count = vec![0u32; len];
        let (mut lo, mut hi) = (vec![f64::NAN; len], vec![f64::NAN; len]);
        for row in rows {
            for i in 0..len.min(row.avg.len()) {
                if row.avg[i].is_finite() {
                    mean[i] += row.avg[i];
                    count[i] += 1;
                }
                // f64::min and max pass NaN over.
                lo[i] = lo[i].min(row.min[i]);
                hi[i] = hi[i].max(row.max[i]);
            }
        }
        for (sum, n) in mean.iter_mut().zip(&count) {
            *sum = if *n == 0 { f64::NAN } else { *sum / f64::from(*n) };
        }
        Cluster { mean, lo, hi }
    }
}

/// Numbers of a metric over all nodes and the whole range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Totals {
    /// Mean over the nodes of their means.
    pub avg: f64,
    /// Sum over the nodes of their means.
    pub sum: f64,
    /// Largest of all.
    pub max: f64,
    /// Smallest of all.
    pub min: f64,
    /// Sum over the nodes of their latest values.
    pub last_sum: f64,
}

impl Totals {
    /// `None` where no node has a number.
    pub fn of(frame: &Frame) -> Option<Totals> {
        let stats: Vec<_> = frame.nodes.iter().map(|r| r.stats).filter(|s| s.count > 0 && s.avg.is_finite()).collect();
        if stats.is_empty() {
            return None;
        }
        let sum: f64 = stats.iter().map(|s| s.avg).sum();
        Some(Totals {
            avg: sum / stats.len() as f64,
            sum,
            max: stats.iter().map(|s| s.max).fold(f64::NAN, f64::max),
            min: stats.iter().map(|s| s.min).fold(f64::NAN, f64::min),
            last_sum: stats.iter().map(|s| s.last).filter(|v| v.is_finite()).sum(),
        })
    }
}

/// The rows that stand out, most notable first, at most three: the one that is furthest from the others for long, the one that is furthest
/// from them for a moment, and the one with the highest peak. Often they are the same.
pub(crate) fn notable(rows: &[Row], len: usize) -> Vec<usize> {
    let medians: Vec<f64> = (0..len).map(|i| median(rows.iter().map(|r| r.avg[i]))).collect();
    let mut for_long: Option<(f64, usize)> = None;
    let mut for_a_moment: Option<(f64, usize)> = None;
    let mut peak: Option<(f64, usize)> = None;
    for (r, row) in rows.iter().enumerate() {
        let away = || row.avg.iter().zip(&medians).map(|(v, m)| (v - m).abs()).filter(|d| d.is_finite());
        let count = away().count();
        if count > 0 {
            keep_larger(&mut for_long, away().sum::<f64>() / count as f64, r);
            keep_larger(&mut for_a_moment, away().fold(0.0, f64::max), r);
        }
        keep_larger(&mut peak, row.max.iter().copied().filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max), r);
    }
    let mut found = Vec::new();
    for (_, r) in [for_a_moment, peak, for_long].into_iter().flatten() {
        if !found.contains(&r) {
            found.push(r);
        }
    }
    found
}

fn keep_larger(best: &mut Option<(f64, usize)>, score: f64, row: usize) {
    if score.is_finite() && best.is_none_or(|(largest, _)| score > largest) {
        *best = Some((score, row));
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;

    fn row(name: &str, avg: &[f64]) -> Row {
        let (min, max) = (avg.to_vec(), avg.to_vec());
        let stats = Default::default();
        Row { node: NodeName::new(name).unwrap(), part: String::new(), avg: avg.to_vec(), min, max, stats }
    }

    #[test]
    fn a_missing_node_neither_counts_nor_breaks_the_line() {
        let cluster = Cluster::of(&[row("a", &[1.0, f64::NAN]), row("b", &[3.0, f64::NAN])], 2);
        assert_eq!((cluster.mean[0], cluster.lo[0], cluster.hi[0]), (2.0, 1.0, 3.0));
        assert!(cluster.mean[1].is_nan() && cluster.lo[1].is_nan());
    }

    #[test]
    fn the_node_that_falls_is_as_notable_as_the_one_that_rises() {
        let rows: Vec<Row> = (0..10)
            .map(|n| match n {
                3 => row("falls", &[50.0, 0.0, 50.0]),
                7 => row("rises", &[50.0, 50.0, 70.0]),
                _ => row(&format!("n{n}"), &[50.0, 51.0, 50.0]),
            })
            .collect();
        assert_eq!(notable(&rows, 3), [3, 7]);
        assert!(notable(&[], 3).is_empty());
    }
}
