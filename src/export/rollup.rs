//! Aggregates: a row a series and bucket.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::ops::ControlFlow;
use std::str::FromStr;

use super::cells::{TimeCell, key_cells, push_text, push_value};
use super::{ExportError, TimeFormat};
use crate::model::{Selector, Series, SeriesId, TimeRange};
use crate::query::{Bucket, Distribution, Grid, Source, beside, quantile};
use crate::store::AllOutlived;

/// A column of a rollup export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Agg {
    /// Mean of the samples.
    Avg,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Sum.
    Sum,
    /// Number.
    Count,
    /// Earliest.
    First,
    /// Latest.
    Last,
    /// Reset-aware growth of a counter; empty for a gauge.
    Increase,
    /// Reset-aware growth of a counter per second; empty for a gauge.
    Rate,
    /// Quantile (type 7), 0 to 1, exact or, where samples were pruned, within 1 %; written as a percentile: `p95`, `p99.9`.
    Quantile(f64),
}

impl FromStr for Agg {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        let percentile = |p: &str| p.parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p));
        match text {
            "avg" => Ok(Agg::Avg),
            "min" => Ok(Agg::Min),
            "max" => Ok(Agg::Max),
            "sum" => Ok(Agg::Sum),
            "count" => Ok(Agg::Count),
            "first" => Ok(Agg::First),
            "last" => Ok(Agg::Last),
            "increase" => Ok(Agg::Increase),
            "rate" => Ok(Agg::Rate),
            _ => match text.strip_prefix('p').and_then(percentile) {
                Some(percent) => Ok(Agg::Quantile(percent / 100.0)),
                None => Err(ExportError::Agg { text: text.to_owned() }),
            },
        }
    }
}

impl fmt::Display for Agg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Agg::Avg => "avg",
            Agg::Min => "min",
            Agg::Max => "max",
            Agg::Sum => "sum",
            Agg::Count => "count",
            Agg::First => "first",
            Agg::Last => "last",
            Agg::Increase => "increase",
            Agg::Rate => "rate",
            // 0.999 * 100 is 99.9 only after rounding.
            Agg::Quantile(q) => return write!(f, "p{}", (q * 1e8).round() / 1e6),
        };
        f.write_str(word)
    }
}

/// Most cells (series x buckets) held at once: output is made in slices of time of so many.
pub(super) const CELLS_MAX: usize = 1 << 18;
/// Rows are handed on in pieces of this many bytes.
const PIECE_BYTES: usize = 1 << 16;
/// Series whose samples of one bucket are held at once for quantiles.
const QUANTILE_SERIES: usize = 128;

/// Writes `timestamp,node,metric,labels,AGG…` of the selected series: one row a series and bucket of `step_ms` with at least one sample, one column an
/// aggregate, ordered by time (the bucket's start), then by node, metric and labels. Buckets are aligned to multiples of the step since the
/// epoch (UTC); samples outside `range` are in none. Returns the number of rows.
pub fn rollup_csv(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    step_ms: i64,
    aggs: &[Agg],
    time: TimeFormat,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    if step_ms < 1 {
        return Err(ExportError::Step { step_ms });
    }
    let series = source.series(selector)?;
    out.write_all(&header(aggs))?;
    let keys: Vec<Vec<u8>> = series.iter().map(|s| key_cells(&s.key)).collect();
    let mut time = TimeCell::new(time);
    let mut rows = Vec::new();
    let written = buckets(source, &series, range, step_ms, aggs, &mut |ts, place, values| {
        time.push(&mut rows, ts);
        let key = &keys[place];
        rows.extend_from_slice(&key[..key.len() - 1]); // each value brings its comma
        push_values(&mut rows, values);
        rows.push(b'\n');
        if rows.len() >= PIECE_BYTES {
            out.write_all(&rows)?;
            rows.clear();
        }
        Ok(())
    })?;
    out.write_all(&rows)?;
    Ok(written)
}

/// Takes a row: the bucket's start, the place of the series, and a value an aggregate, NaN for what is not known.
pub(super) type EachBucket<'a> = &'a mut dyn FnMut(i64, usize, &[f64]) -> Result<(), ExportError>;

/// One call of `each` for every bucket with at least one sample, by time and then by series; returns their number.
pub(super) fn buckets(
    source: &dyn Source,
    series: &[Series],
    range: TimeRange,
    step_ms: i64,
    aggs: &[Agg],
    each: EachBucket<'_>,
) -> Result<u64, ExportError> {
    if step_ms < 1 {
        return Err(ExportError::Step { step_ms });
    }
    let Some(range) = source.span()?.and_then(|data| data.intersect(range)) else { return Ok(0) };
    let whole = Grid::covering(range, step_ms);
    let slice_len = (CELLS_MAX / series.len().max(1)).max(1);
    let (mut at, mut rows_written) = (0, 0);
    while at < whole.len {
        let grid = Grid { start: whole.time(at), step_ms, len: slice_len.min(whole.len - at) };
        let slice = Slice::of(source, series, range, grid, aggs)?;
        rows_written += slice.each(series.len(), aggs, each)?;
        at += grid.len;
    }
    Ok(rows_written)
}

fn header(aggs: &[Agg]) -> Vec<u8> {
    let mut header = b"timestamp,node,metric,labels".to_vec();
    for agg in aggs {
        header.push(b',');
        push_text(&mut header, &agg.to_string());
    }
    header.push(b'\n');
    header
}

/// Some buckets of some series.
pub(super) struct Slice {
    pub(super) grid: Grid,
    /// A series after the other.
    pub(super) buckets: Vec<Bucket>,
    /// For each of `buckets`, as many values as quantiles are asked for.
    pub(super) quantiles: Vec<f64>,
    /// Number of quantiles.
    pub(super) width: usize,
}

impl Slice {
    pub(super) fn of(
        source: &dyn Source,
        series: &[Series],
        range: TimeRange,
        grid: Grid,
        aggs: &[Agg],
    ) -> Result<Slice, ExportError> {
        let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
        let mut buckets: Vec<Bucket> = Vec::with_capacity(ids.len() * grid.len);
        let mut take = |_, row: &[Bucket]| buckets.extend_from_slice(row);
        // Not every source has them at hand.
        match aggs.iter().any(|agg| matches!(agg, Agg::First | Agg::Last)) {
            true => source.buckets(&ids, range, grid, &mut take)?,
            false => source.lines(&ids, range, grid, &mut take)?,
        }
        let wanted: Vec<f64> =
            aggs.iter().filter_map(|agg| if let Agg::Quantile(q) = agg { Some(*q) } else { None }).collect();
        let width = wanted.len();
        let mut quantiles = vec![f64::NAN; buckets.len() * width];
        if let Some(range) = range.intersect(grid.range()).filter(|_| width > 0) {
            for (group, ids) in ids.chunks(QUANTILE_SERIES).enumerate() {
                let first = group * QUANTILE_SERIES * grid.len * width;
                bucket_quantiles(source, ids, range, grid, &wanted, &mut quantiles[first..])?;
            }
        }
        Ok(Slice { grid, buckets, quantiles, width })
    }

    fn each(&self, series: usize, aggs: &[Agg], each: EachBucket<'_>) -> Result<u64, ExportError> {
        let mut row: Vec<f64> = Vec::with_capacity(aggs.len());
        let mut written = 0;
        for i in 0..self.grid.len {
            for place in 0..series {
                let cell = place * self.grid.len + i;
                let bucket = &self.buckets[cell];
                if bucket.aggregate.is_empty() {
                    continue;
                }
                row.clear();
                row.extend(values(bucket, &self.quantiles[cell * self.width..], aggs));
                each(self.grid.time(i).millis(), place, &row)?;
                written += 1;
            }
        }
        Ok(written)
    }
}

/// The aggregates of one row, each with a comma in front; what is not known is an empty cell.
fn push_values(row: &mut Vec<u8>, values: &[f64]) {
    for value in values {
        row.push(b',');
        if !value.is_nan() {
            push_value(row, *value);
        }
    }
}

/// The aggregates of one bucket in the order of `aggs`; NaN for what is not known.
pub(super) fn values(bucket: &Bucket, quantiles: &[f64], aggs: &[Agg]) -> impl Iterator<Item = f64> {
    let all = &bucket.aggregate;
    let mut quantiles = quantiles.iter();
    aggs.iter().map(move |agg| match agg {
        Agg::Avg => all.avg(),
        Agg::Min => all.min,
        Agg::Max => all.max,
        Agg::Sum => all.sum,
        Agg::Count => all.count as f64,
        Agg::First => all.first,
        Agg::Last => all.last,
        Agg::Increase if bucket.increase_seconds > 0.0 => all.increase,
        Agg::Increase => f64::NAN,
        Agg::Rate => bucket.rate(),
        Agg::Quantile(_) => quantiles.next().copied().unwrap_or(f64::NAN),
    })
}

/// What is left of pruned samples, by place of the series and bucket. A bucket narrower than what is left tells nothing.
fn pruned(
    left: &AllOutlived,
    places: &HashMap<SeriesId, usize>,
    bucket_of: impl Fn(i64) -> usize,
) -> HashMap<(usize, usize), Distribution> {
    let mut pruned: HashMap<(usize, usize), Distribution> = HashMap::new();
    for (id, pieces) in left {
        let Some(place) = places.get(id) else { continue };
        for piece in pieces {
            let bucket = bucket_of(piece.range.from().millis());
            if bucket == bucket_of(piece.range.to().millis() - 1) {
                pruned.entry((*place, bucket)).or_default().add(piece);
            }
        }
    }
    pruned
}

/// Fills `out` (series after series, bucket after bucket) with quantiles: exact ones, and within 1 % where samples were pruned. Holds the samples of
/// one bucket a series.
fn bucket_quantiles(
    source: &dyn Source,
    ids: &[SeriesId],
    range: TimeRange,
    grid: Grid,
    wanted: &[f64],
    out: &mut [f64],
) -> Result<(), ExportError> {
    let places: HashMap<SeriesId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let bucket_of = |ts: i64| ((ts - grid.start.millis()) / grid.step_ms) as usize;
    let left = source.outlived(ids, range)?;
    let mut pruned = pruned(&left, &places, bucket_of);
    let mut put = |place: usize, bucket: usize, found: &[f64]| {
        let cell = (place * grid.len + bucket) * wanted.len();
        out[cell..cell + wanted.len()].copy_from_slice(found);
    };
    let mut close = |place: usize, bucket: usize, values: &mut Vec<f64>| {
        match pruned.remove(&(place, bucket)) {
            None => put(place, bucket, &quantile::quantiles(values, wanted)),
            Some(mut all) => {
                all.extend(values);
                put(place, bucket, &all.quantiles(wanted));
            }
        }
        values.clear();
    };
    let mut open: Vec<(usize, Vec<f64>)> = vec![(0, Vec::new()); ids.len()];
    source.samples(ids, range, &mut |id, times, values| {
        let Some(place) = places.get(&id).copied() else { return ControlFlow::Continue(()) };
        let (bucket, held) = &mut open[place];
        for (times, values) in beside(left.get(&id).map_or(&[], Vec::as_slice), times, values) {
            for (ts, value) in times.iter().zip(values).filter(|(_, v)| !v.is_nan()) {
                let now = bucket_of(*ts);
                if now != *bucket && !held.is_empty() {
                    close(place, *bucket, held);
                }
                *bucket = now;
                held.push(*value);
            }
        }
        ControlFlow::Continue(())
    })?;
    for (place, (bucket, mut held)) in open.into_iter().enumerate() {
        if !held.is_empty() {
            close(place, bucket, &mut held);
        }
    }
    for ((place, bucket), mut rest) in pruned {
        put(place, bucket, &rest.quantiles(wanted));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn aggregates_have_words() {
        for word in [
            "avg", "min", "max", "sum", "count", "first", "last", "increase", "rate", "p50", "p95", "p99.9", "p0",
            "p100",
        ] {
            assert_eq!(word.parse::<Agg>().unwrap().to_string(), word);
        }
        for word in ["p101", "p", "pNaN", "mean", ""] {
            assert!(word.parse::<Agg>().is_err(), "{word}");
        }
    }

    #[test]
    fn a_row_a_bucket_and_an_empty_cell_for_what_is_unknown() {
        let minute = 60_000;
        let gauge = [(0, 1.0), (10_000, 2.0), (50_000, 6.0), (2 * minute, -4.0)];
        let source = MemorySource::default()
            .with(key("b", "load1", &[]), gauge)
            .with(key("a", "bytes_total", &[("x", "y")]), [(0, 5.0), (minute, 65.0)]);
        let aggs: Vec<Agg> = ["avg", "count", "p50", "rate"].iter().map(|a| a.parse().unwrap()).collect();
        let mut out = Vec::new();
        let rows =
            rollup_csv(&source, &Selector::all(), range(0, i64::MAX), minute, &aggs, TimeFormat::Rfc3339, &mut out)
                .unwrap();
        assert_eq!(rows, 4);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        timestamp,node,metric,labels,avg,count,p50,rate
        1970-01-01T00:00:00.000Z,a,bytes_total,"{""x"":""y""}",5,1,5,
        1970-01-01T00:00:00.000Z,b,load1,,3,3,2,
        1970-01-01T00:01:00.000Z,a,bytes_total,"{""x"":""y""}",65,1,65,1
        1970-01-01T00:02:00.000Z,b,load1,,-4,1,-4,
        "#);
    }

    #[test]
    fn slices_do_not_show() {
        let many = (0..300).map(|i| key(&format!("n{i}"), "x", &[]));
        let source = many.fold(MemorySource::default(), |s, k| s.with(k, (0..5).map(|i| (i * 250, i as f64))));
        let aggs = [Agg::Quantile(0.5), Agg::Sum];
        let whole =
            Slice::of(&source, &source.all(), range(0, 2_000), Grid::covering(range(0, 2_000), 500), &aggs).unwrap();
        assert_eq!(whole.quantiles[299 * 4], 0.5);
        assert_eq!(whole.quantiles[299 * 4 + 2], 4.0);
        assert!(whole.quantiles[299 * 4 + 3].is_nan());
        let rows =
            rollup_csv(&source, &Selector::all(), range(0, 2_000), 500, &aggs, TimeFormat::Millis, &mut Vec::new());
        assert_eq!(rows.unwrap(), 900);
    }

    #[test]
    fn a_step_of_nothing_is_refused() {
        let source = MemorySource::default();
        let refused =
            rollup_csv(&source, &Selector::all(), TimeRange::ALL, 0, &[Agg::Avg], TimeFormat::Millis, &mut Vec::new());
        assert!(matches!(refused, Err(ExportError::Step { .. })));
    }
}
