//! OpenMetrics text: one family after the other, in it one series after the other, each by time, and `# EOF`.
//!
//! A counter whose name ends with `_total` is a counter there; another one cannot be, and is `unknown`: imported again, its samples are
//! the same, and its kind goes by its name. Names that are none of Prometheus stand in quotes, as since Prometheus 3. A stale marker is written as NaN: the text has no word for
//! it.

use std::fmt::Write as _;
use std::io::Write;

use super::cells::push_value;
use super::{ExportError, named, slices};
use crate::model::{Kind, Selector, Series, TimeRange};
use crate::query::Source;

/// Writes the stored samples of the selected series; returns their number.
pub fn openmetrics(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let mut series = source.series(selector)?;
    series.sort_by(|a, b| (&a.key.metric, &a.key).cmp(&(&b.key.metric, &b.key)));
    let mut written = 0;
    for family in series.chunk_by(|a, b| a.key.metric == b.key.metric) {
        let mut head = Some(describe(family));
        for one in family {
            let name = series_text(one);
            // One series alone: its slices are long, and what one holds is written before the next is read.
            slices::by_series(source, std::slice::from_ref(one), range, &mut |_, samples| {
                let mut lines = head.take().unwrap_or_default().into_bytes();
                for sample in samples {
                    lines.extend_from_slice(name.as_bytes());
                    push_value(&mut lines, if sample.value.is_nan() { f64::NAN } else { sample.value });
                    let (seconds, ms) = (sample.ts.div_euclid(1_000), sample.ts.rem_euclid(1_000));
                    writeln!(lines, " {seconds}.{ms:03}")?;
                }
                out.write_all(&lines)?;
                written += samples.len() as u64;
                Ok(())
            })?;
        }
    }
    out.write_all(b"# EOF\n")?;
    Ok(written)
}

/// `# TYPE`, `# UNIT` and `# HELP` of a family.
fn describe(family: &[Series]) -> String {
    let Some(first) = family.first() else { return String::new() };
    let metric = first.key.metric.as_str();
    let counter = metric.strip_suffix("_total").filter(|_| first.kind == Kind::Counter);
    let (name, kind) = match (counter, first.kind) {
        (Some(name), _) => (name, "counter"),
        (None, Kind::Counter) => (metric, "unknown"),
        (None, Kind::Gauge) => (metric, "gauge"),
    };
    let name = if is_name(name, true) { name.to_owned() } else { quoted(name) };
    let mut text = format!("# TYPE {name} {kind}\n");
    if let Some(unit) = first.unit.as_deref().filter(|unit| name.ends_with(&format!("_{unit}"))) {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    if let Some(help) = &first.help {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        let _ = writeln!(text, "# HELP {name} {help}");
    }
    text
}

/// `name{labels} `
fn series_text(series: &Series) -> String {
    let metric = series.key.metric.as_str();
    let is_plain = is_name(metric, true);
    let mut text = if is_plain { format!("{metric}{{") } else { format!("{{{},", quoted(metric)) };
    for (i, (label, value)) in named::labels(&series.key).iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let label = if is_name(label, false) { label.clone() } else { quoted(label) };
        let _ = write!(text, "{comma}{label}={}", quoted(value));
    }
    text + "} "
}

/// The value of a label.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`; metric names may have `:` too.
fn is_name(text: &str, colon: bool) -> bool {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(belongs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn families_stand_together() {
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), [(0, 1.5), (1_500, f64::NAN)])
            .with(key("a", "up_total", &[("m", "x\"\n")]), [(5, 7.0)])
            .with(key("b", "any name", &[("a.b", "c")]), [(5, 1e22)])
            .with(key("b", "load1", &[]), [(0, f64::INFINITY)]);
        let mut out = Vec::new();
        assert_eq!(openmetrics(&source, &Selector::all(), range(0, 10_000), &mut out).unwrap(), 5);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        # TYPE "any name" gauge
        {"any name","a.b"="c",node="b"} 1e22 0.005
        # TYPE load1 gauge
        load1{node="a"} 1.5 0.000
        load1{node="a"} NaN 1.500
        load1{node="b"} +Inf 0.000
        # TYPE up counter
        up_total{m="x\"\n",node="a"} 7 0.005
        # EOF
        "#);
    }
}
