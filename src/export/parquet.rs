//! Tables as Parquet: for pandas, DuckDB, Spark and whatever reads columns.
//!
//! The columns are those of the CSV: `timestamp` (milliseconds, UTC), `node`, `metric`, `labels` (JSON) and `value`, or a column a metric, or one an aggregate.
//! Values are doubles, bit for bit; a missing cell is a null. Pages are compressed by themselves (zstd).

use std::io::Write;

use super::rollup::{Agg, buckets};
use super::wide::Columns;
use super::{ExportError, Shape, slices};
use crate::codec::parquet::{Kind, Table, Values};
use crate::model::{Selector, SeriesKey, TimeRange};
use crate::query::Source;

/// Rows of a group: pages of a megabyte, of which readers take one a column at a time.
const GROUP_ROWS: usize = 1 << 17;
/// Most cells of a group of a wide table, which are held until it is full.
const GROUP_CELLS: usize = 1 << 22;

/// Writes the stored samples of the selected series, in the order of the CSV; returns their number.
pub fn parquet(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    shape: Shape,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    match shape {
        Shape::Long => long(source, selector, range, out),
        Shape::Wide => wide(source, selector, range, out),
    }
}

/// `timestamp`, `node` and what follows.
fn columns(texts: &[&str], numbers: impl IntoIterator<Item = (String, Kind)>) -> Vec<(String, Kind)> {
    let texts = texts.iter().map(|name| ((*name).to_owned(), Kind::Texts));
    std::iter::once(("timestamp".to_owned(), Kind::Times)).chain(texts).chain(numbers).collect()
}

/// Node, metric and labels of each series, as texts.
struct Names(Vec<[String; 3]>);

impl Names {
    fn of<'a>(keys: impl Iterator<Item = &'a SeriesKey>) -> Names {
        let texts = |key: &SeriesKey| [key.node.to_string(), key.metric.to_string(), key.labels.to_json()];
        Names(keys.map(texts).collect())
    }

    /// One of the three for each place.
    fn column(&self, part: usize, places: &[u32]) -> Vec<&str> {
        places.iter().map(|place| self.0[*place as usize][part].as_str()).collect()
    }
}

/// The naming columns of a group of long rows.
struct Group<'n> {
    names: &'n Names,
    times: Vec<i64>,
    places: Vec<u32>,
}

impl Group<'_> {
    fn write(&mut self, table: &mut Table<&mut dyn Write>, numbers: &[Values<'_>]) -> Result<(), ExportError> {
        let texts: Vec<Vec<&str>> = (0..3).map(|part| self.names.column(part, &self.places)).collect();
        let mut values = vec![Values::Times(&self.times)];
        values.extend(texts.iter().map(|texts| Values::Texts(texts)));
        values.extend_from_slice(numbers);
        table.group(&values)?;
        self.times.clear();
        self.places.clear();
        Ok(())
    }
}

fn long(source: &dyn Source, selector: &Selector, range: TimeRange, out: &mut dyn Write) -> Result<u64, ExportError> {
    let series = source.series(selector)?;
    let names = Names::of(series.iter().map(|series| &series.key));
    let value = [("value".to_owned(), Kind::Numbers)];
    let mut table = Table::new(out, columns(&["node", "metric", "labels"], value))?;
    let mut group = Group { names: &names, times: Vec::new(), places: Vec::new() };
    let mut numbers = Vec::new();
    let mut written = 0;
    slices::by_time(source, &series, range, &mut |samples| {
        for sample in samples {
            group.times.push(sample.ts);
            group.places.push(sample.place);
            numbers.push(sample.value);
            if numbers.len() == GROUP_ROWS {
                group.write(&mut table, &[Values::Numbers(&numbers)])?;
                numbers.clear();
            }
        }
        written += samples.len() as u64;
        Ok(())
    })?;
    group.write(&mut table, &[Values::Numbers(&numbers)])?;
    table.finish()?;
    Ok(written)
}

fn wide(source: &dyn Source, selector: &Selector, range: TimeRange, out: &mut dyn Write) -> Result<u64, ExportError> {
    // Sorted by node, metric and labels: the samples of one time are grouped by node already.
    let series = source.series(selector)?;
    let wide = Columns::of(&series);
    let numbers = wide.titles.iter().map(|title| (title.clone(), Kind::Perhaps));
    let mut table = Table::new(out, columns(&["node"], numbers))?;
    let rows_max = (GROUP_CELLS / wide.titles.len().max(1)).clamp(1, GROUP_ROWS);
    let (mut times, mut nodes): (Vec<i64>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut cells: Vec<Vec<Option<f64>>> = vec![Vec::new(); wide.titles.len()];
    let mut written = 0;
    let mut flush = |times: &mut Vec<i64>, nodes: &mut Vec<&str>, cells: &mut Vec<Vec<Option<f64>>>| {
        cells.iter_mut().for_each(|column| column.resize(times.len(), None));
        let mut values = vec![Values::Times(times), Values::Texts(nodes)];
        values.extend(cells.iter().map(|column| Values::Perhaps(column)));
        table.group(&values)?;
        times.clear();
        nodes.clear();
        cells.iter_mut().for_each(Vec::clear);
        Ok::<(), ExportError>(())
    };
    slices::by_time(source, &series, range, &mut |samples| {
        for sample in samples {
            let node = series[sample.place as usize].key.node.as_str();
            if times.last() != Some(&sample.ts) || nodes.last() != Some(&node) {
                if times.len() == rows_max {
                    flush(&mut times, &mut nodes, &mut cells)?;
                }
                times.push(sample.ts);
                nodes.push(node);
            }
            let column = &mut cells[wide.of_series[sample.place as usize]];
            column.resize(times.len() - 1, None);
            column.push(Some(sample.value));
        }
        written += samples.len() as u64;
        Ok(())
    })?;
    flush(&mut times, &mut nodes, &mut cells)?;
    table.finish()?;
    Ok(written)
}

/// Writes aggregates: a row a series and bucket, as [`rollup_csv`](super::rollup_csv) does; returns the number of rows.
pub fn rollup_parquet(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    step_ms: i64,
    aggs: &[Agg],
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let series = source.series(selector)?;
    let names = Names::of(series.iter().map(|series| &series.key));
    let numbers = aggs.iter().map(|agg| (agg.to_string(), Kind::Perhaps));
    let mut table = Table::new(out, columns(&["node", "metric", "labels"], numbers))?;
    let mut group = Group { names: &names, times: Vec::new(), places: Vec::new() };
    let mut cells: Vec<Vec<Option<f64>>> = vec![Vec::new(); aggs.len()];
    let mut flush = |group: &mut Group<'_>, cells: &mut Vec<Vec<Option<f64>>>| {
        let numbers: Vec<Values<'_>> = cells.iter().map(|column| Values::Perhaps(column)).collect();
        group.write(&mut table, &numbers)?;
        cells.iter_mut().for_each(Vec::clear);
        Ok::<(), ExportError>(())
    };
    let written = buckets(source, &series, range, step_ms, aggs, &mut |ts, place, values| {
        group.times.push(ts);
        group.places.push(place as u32);
        for (column, value) in cells.iter_mut().zip(values) {
            column.push(Some(*value).filter(|value| !value.is_nan()));
        }
        if group.times.len() == GROUP_ROWS { flush(&mut group, &mut cells) } else { Ok(()) }
    })?;
    flush(&mut group, &mut cells)?;
    table.finish()?;
    Ok(written)
}
