use std::collections::BTreeMap;
use std::io::Write;

use super::cells::{TimeCell, push_text, push_value};
use super::slices::Placed;
use super::{ExportError, TimeFormat, slices};
use crate::model::{Labels, MetricName, Selector, Series, TimeRange};
use crate::query::Source;

/// Column names with a meaning of their own, for import and for other readers; `timestamp` and its like begin with one of the last.
const TAKEN: [&str; 6] = ["node", "host", "instance", "metric", "value", "labels"];
const TAKEN_STARTS: [&str; 3] = ["time", "ts", "date"];

/// `METRIC{key="value"}`, as Prometheus writes a series; a name that would not be read back as itself is in quotes, inside of the braces, as
/// Prometheus 3 does: `{"any name",key="value"}`.
fn title(metric: &str, labels: &Labels) -> String {
    let lower = metric.to_ascii_lowercase();
    let is_taken = TAKEN.contains(&lower.as_str()) || TAKEN_STARTS.iter().any(|start| lower.starts_with(start));
    let is_itself = !is_taken && metric.trim() == metric && !metric.contains('{') && labels.is_empty();
    let mut parts: Vec<String> = labels
        .iter()
        .map(|(key, value)| {
            let key = if is_plain(key) { key.to_owned() } else { quoted(key) };
            format!("{key}={}", quoted(value))
        })
        .collect();
    if is_itself {
        return metric.to_owned();
    }
    if is_plain(metric) && !is_taken {
        return format!("{metric}{{{}}}", parts.join(","));
    }
    parts.insert(0, quoted(metric));
    format!("{{{}}}", parts.join(","))
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`: needs no quotes.
fn is_plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Which column and node each series has.
pub(super) struct Columns {
    /// `METRIC{labels}`, in order.
    pub(super) titles: Vec<String>,
    /// By place of the series.
    pub(super) of_series: Vec<usize>,
    /// `,node`, by place of the series.
    nodes: Vec<Vec<u8>>,
}

impl Columns {
    pub(super) fn of(series: &[Series]) -> Columns {
        let mut columns: BTreeMap<(&MetricName, &Labels), usize> =
            series.iter().map(|s| ((&s.key.metric, &s.key.labels), 0)).collect();
        columns.values_mut().enumerate().for_each(|(i, column)| *column = i);
        let nodes = series.iter().map(|s| {
            let mut cell = vec![b','];
            push_text(&mut cell, s.key.node.as_str());
            cell
        });
        Columns {
            titles: columns.keys().map(|(metric, labels)| title(metric.as_str(), labels)).collect(),
            of_series: series.iter().map(|s| columns[&(&s.key.metric, &s.key.labels)]).collect(),
            nodes: nodes.collect(),
        }
    }

    fn header(&self) -> Vec<u8> {
        let mut header = b"timestamp,node".to_vec();
        for title in &self.titles {
            header.push(b',');
            push_text(&mut header, title);
        }
        header.push(b'\n');
        header
    }

    /// One row: the samples of one node at one time, ascending by column, as series of a node are.
    fn push_row(&self, row: &mut Vec<u8>, samples: &[Placed]) {
        let Some(first) = samples.first() else { return };
        row.extend_from_slice(&self.nodes[first.place as usize]);
        let mut at = 0;
        for sample in samples {
            let column = self.of_series[sample.place as usize];
            row.extend(std::iter::repeat_n(b',', column + 1 - at));
            at = column + 1;
            push_value(row, sample.value);
        }
        row.extend(std::iter::repeat_n(b',', self.titles.len() - at));
        row.push(b'\n');
    }
}

pub(super) fn write(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    time: TimeFormat,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    // Sorted by node, metric and labels: the samples of one time are grouped by node already.
    let series = source.series(selector)?;
    let columns = Columns::of(&series);
    let mut time = TimeCell::new(time);
    let mut written = 0;
    let mut row = columns.header();
    slices::by_time(source, &series, range, &mut |samples| {
        let same_row = |a: &Placed, b: &Placed| {
            a.ts == b.ts && series[a.place as usize].key.node == series[b.place as usize].key.node
        };
        for samples in samples.chunk_by(same_row) {
            time.push(&mut row, samples[0].ts);
            columns.push_row(&mut row, samples);
            out.write_all(&row)?;
            row.clear();
        }
        written += samples.len() as u64;
        Ok(())
    })?;
    out.write_all(&row)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, csv};
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn a_title_is_read_back_as_what_it_was() {
        let of = |metric: &str, labels: &[(&str, &str)]| title(metric, &Labels::new(labels.iter().copied()).unwrap());
        assert_eq!(of("load1", &[]), "load1");
        assert_eq!(of("kernel.all.load-1 minute", &[]), "kernel.all.load-1 minute");
        assert_eq!(of("disk_percent", &[("mount", "/"), ("a b", "\"\n")]), r#"disk_percent{"a b"="\"\n",mount="/"}"#);
        assert_eq!(of("load 1", &[("a", "b")]), r#"{"load 1",a="b"}"#);
        for metric in ["value", "Metric", "timestamp", "ts_ms", " lead", "{x}", "\u{a0}"] {
            assert!(of(metric, &[]).starts_with("{\""), "{metric}");
        }
    }

    #[test]
    fn a_row_a_time_and_node_with_empty_cells_where_there_is_no_sample() {
        let source = MemorySource::default()
            .with(key("b", "load1", &[]), [(0, 1.5), (1_500, 2.0)])
            .with(key("a", "load1", &[]), [(0, 3.0)])
            .with(key("a", "disk_percent", &[("mount", "/")]), [(0, 10.0), (1_500, f64::NAN)])
            .with(key("b", "up", &[]), [(0, 1.0)]);
        let mut out = Vec::new();
        let n = csv(&source, &Selector::all(), range(0, 9_000), Shape::Wide, TimeFormat::Seconds, &mut out).unwrap();
        assert_eq!(n, 6);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        timestamp,node,"disk_percent{mount=""/""}",load1,up
        0,a,10,3,
        0,b,,1.5,1
        1.500,a,NaN,,
        1.500,b,,2,
        "#);
    }
}
