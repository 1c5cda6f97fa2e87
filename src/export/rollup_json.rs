//! Aggregates as one JSON object: a list of buckets a series.

use std::io::Write;

use super::ExportError;
use super::cells::push_value;
use super::rollup::{Agg, CELLS_MAX, Slice, values};
use crate::model::{Selector, Series, TimeRange};
use crate::query::{Grid, Source};

/// Writes `{"from","to","step_ms","columns":["t",AGG,…],"series":[{"node","metric","labels","kind","unit","buckets":[[t,value,…],…]},…]}`: times are
/// the buckets' starts in ms, a bucket without a sample is left out, null is what is not known. Returns the number of buckets.
pub fn rollup_json(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    step_ms: i64,
    aggs: &[Agg],
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    written(source, selector, range, step_ms, aggs, CELLS_MAX, out)
}

/// In slices of `cells_max` cells: of some series, or of some time of a series that alone has more.
fn written(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    step_ms: i64,
    aggs: &[Agg],
    cells_max: usize,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    if step_ms < 1 {
        return Err(ExportError::Step { step_ms });
    }
    let series = source.series(selector)?;
    let columns: Vec<String> = std::iter::once("t".to_owned()).chain(aggs.iter().map(Agg::to_string)).collect();
    let (from, to) = (range.from().to_rfc3339(), range.to().to_rfc3339());
    let columns = serde_json::Value::from(columns);
    write!(out, "{{\"from\":\"{from}\",\"to\":\"{to}\",\"step_ms\":{step_ms},\"columns\":{columns},\"series\":[")?;
    let grid =
        source.span()?.and_then(|data| data.intersect(range)).map(|range| (range, Grid::covering(range, step_ms)));
    let mut buckets = 0;
    let at_once = grid.map_or(series.len(), |(_, grid)| cells_max / grid.len.max(1)).max(1);
    for (chunk, some) in series.chunks(at_once).enumerate() {
        let short = grid.filter(|(_, grid)| grid.len <= cells_max);
        let slice = short.map(|(range, grid)| Slice::of(source, some, range, grid, aggs)).transpose()?;
        for (place, one) in some.iter().enumerate() {
            let mut text = if chunk + place == 0 { b"\n".to_vec() } else { b",\n".to_vec() };
            text.extend_from_slice(head(one).as_bytes());
            match (&slice, grid) {
                (Some(slice), _) => buckets += push_buckets(&mut text, slice, place, aggs, 0),
                (None, Some((range, grid))) => {
                    let mut of_this = 0;
                    for at in (0..grid.len).step_by(cells_max.max(1)) {
                        let part = Grid { start: grid.time(at), len: cells_max.min(grid.len - at), ..grid };
                        let slice = Slice::of(source, std::slice::from_ref(one), range, part, aggs)?;
                        of_this += push_buckets(&mut text, &slice, 0, aggs, of_this);
                        out.write_all(&text)?;
                        text.clear();
                    }
                    buckets += of_this;
                }
                (None, None) => {}
            }
            text.extend_from_slice(b"]}");
            out.write_all(&text)?;
        }
    }
    out.write_all(b"\n]}\n")?;
    Ok(buckets)
}

/// All of a series but its buckets.
fn head(series: &Series) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let labels: serde_json::Map<String, serde_json::Value> =
        series.key.labels.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    format!(
        "{{\"node\":{},\"metric\":{},\"labels\":{},\"kind\":\"{}\",\"unit\":{},\"buckets\":[",
        text(series.key.node.as_str()),
        text(series.key.metric.as_str()),
        serde_json::Value::from(labels),
        series.kind,
        serde_json::Value::from(series.unit.as_deref()),
    )
}

/// Writes the buckets of a series, of which so many are there already; how many it wrote.
fn push_buckets(text: &mut Vec<u8>, slice: &Slice, place: usize, aggs: &[Agg], before: u64) -> u64 {
    let mut written = 0;
    for i in 0..slice.grid.len {
        let cell = place * slice.grid.len + i;
        let bucket = &slice.buckets[cell];
        if bucket.aggregate.is_empty() {
            continue;
        }
        text.extend_from_slice(if before + written == 0 { b"[" } else { b",[" });
        text.extend_from_slice(slice.grid.time(i).millis().to_string().as_bytes());
        for value in values(bucket, &slice.quantiles[cell * slice.width..], aggs) {
            text.push(b',');
            match value {
                v if v.is_nan() => text.extend_from_slice(b"null"),
                f64::INFINITY => text.extend_from_slice(b"\"Infinity\""),
                f64::NEG_INFINITY => text.extend_from_slice(b"\"-Infinity\""),
                v => push_value(text, v),
            }
        }
        text.push(b']');
        written += 1;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn every_series_has_its_buckets_and_null_is_what_is_not_known() {
        let source = MemorySource::default()
            .with(key("b", "load1", &[]), [(0, 1.0), (10_000, 2.0), (120_000, f64::INFINITY)])
            .with(key("a", "bytes_total", &[("x", "</script>")]), [(0, 5.0), (60_000, 65.0)]);
        let aggs: Vec<Agg> = ["avg", "p50", "rate"].iter().map(|a| a.parse().unwrap()).collect();
        let mut out = Vec::new();
        let buckets = rollup_json(&source, &Selector::all(), range(0, 180_000), 60_000, &aggs, &mut out).unwrap();
        assert_eq!(buckets, 4);
        let text = String::from_utf8(out).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        insta::assert_snapshot!(text, @r#"
        {"from":"1970-01-01T00:00:00.000Z","to":"1970-01-01T00:03:00.000Z","step_ms":60000,"columns":["t","avg","p50","rate"],"series":[
        {"node":"a","metric":"bytes_total","labels":{"x":"</script>"},"kind":"counter","unit":null,"buckets":[[0,5,5,null],[60000,65,65,1]]},
        {"node":"b","metric":"load1","labels":{},"kind":"gauge","unit":null,"buckets":[[0,1.5,1.5,null],[120000,"Infinity","Infinity",null]]}
        ]}
        "#);
    }

    #[test]
    fn however_it_is_sliced_the_answer_is_the_same() {
        let samples = |step: i64| (0..100).filter(|i| i % 7 != 0).map(move |i| (i * step, (i * i) as f64));
        let source = MemorySource::default()
            .with(key("a", "bytes_total", &[]), samples(10_000))
            .with(key("b", "load1", &[]), samples(9_000))
            .with(key("c", "load1", &[]), [(990_000, 1.0)]);
        let aggs: Vec<Agg> = ["avg", "p90", "rate"].iter().map(|a| a.parse().unwrap()).collect();
        let sliced = |cells_max| {
            let mut out = Vec::new();
            let range = range(0, 1_000_000);
            let buckets = written(&source, &Selector::all(), range, 20_000, &aggs, cells_max, &mut out).unwrap();
            (buckets, String::from_utf8(out).unwrap())
        };
        let whole = sliced(CELLS_MAX);
        assert!(whole.0 > 90 && serde_json::from_str::<serde_json::Value>(&whole.1).is_ok(), "{whole:?}");
        for cells_max in [1, 3, 7, 49, 50, 100] {
            assert_eq!(sliced(cells_max), whole, "{cells_max}");
        }
    }

    #[test]
    fn no_series_is_an_empty_list() {
        let mut out = Vec::new();
        let none = MemorySource::default();
        rollup_json(&none, &Selector::all(), range(0, 1_000), 1_000, &[Agg::Avg], &mut out).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["series"], serde_json::json!([]));
    }
}
