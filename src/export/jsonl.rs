//! JSON lines: a series a line, with values and times side by side, as VictoriaMetrics exports and imports them.
//!
//! `null` is a sample that is no number, `"StaleNaN"` a stale marker, `"Infinity"` and `"-Infinity"` what they say; the rest are the shortest
//! numbers that read back as the same bits. A series has a line for each slice of time.

use std::io::Write;

use super::cells::push_value;
use super::{ExportError, named, slices};
use crate::model::{Selector, SeriesKey, TimeRange, is_stale_marker};
use crate::query::Source;

/// Writes the stored samples of the selected series, by slices of time and then by series; returns their number.
pub fn jsonl(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let series = source.series(selector)?;
    let heads: Vec<Vec<u8>> = series.iter().map(|s| head(&s.key)).collect();
    let mut written = 0;
    slices::by_series(source, &series, range, &mut |place, samples| {
        let mut line = heads[place as usize].clone();
        for (i, sample) in samples.iter().enumerate() {
            line.extend_from_slice(if i == 0 { b"" } else { b"," });
            push(&mut line, sample.value);
        }
        line.extend_from_slice(b"],\"timestamps\":[");
        for (i, sample) in samples.iter().enumerate() {
            line.extend_from_slice(if i == 0 { b"" } else { b"," });
            line.extend_from_slice(sample.ts.to_string().as_bytes());
        }
        line.extend_from_slice(b"]}\n");
        out.write_all(&line)?;
        written += samples.len() as u64;
        Ok(())
    })?;
    Ok(written)
}

/// `{"metric":{…},"values":[`
fn head(key: &SeriesKey) -> Vec<u8> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut pairs = format!("\"__name__\":{}", text(key.metric.as_str()));
    for (label, value) in named::labels(key) {
        pairs += &format!(",{}:{}", text(&label), text(value));
    }
    format!("{{\"metric\":{{{pairs}}},\"values\":[").into_bytes()
}

fn push(line: &mut Vec<u8>, value: f64) {
    match value {
        v if is_stale_marker(v) => line.extend_from_slice(b"\"StaleNaN\""),
        v if v.is_nan() => line.extend_from_slice(b"null"),
        f64::INFINITY => line.extend_from_slice(b"\"Infinity\""),
        f64::NEG_INFINITY => line.extend_from_slice(b"\"-Infinity\""),
        v => push_value(line, v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::STALE_MARKER_BITS;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn a_line_a_series() {
        let stale = f64::from_bits(STALE_MARKER_BITS);
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), [(0, 1.5), (1_000, f64::NAN), (2_000, stale), (3_000, f64::NEG_INFINITY)])
            .with(key("b\"", "up", &[("node", "x")]), [(5, -0.0), (9, 1e300)]);
        let mut out = Vec::new();
        assert_eq!(jsonl(&source, &Selector::all(), range(0, 10_000), &mut out).unwrap(), 6);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {"metric":{"__name__":"load1","node":"a"},"values":[1.5,null,"StaleNaN","-Infinity"],"timestamps":[0,1000,2000,3000]}
        {"metric":{"__name__":"up","exported_node":"x","node":"b\""},"values":[-0,1e300],"timestamps":[5,9]}
        "#);
    }
}
