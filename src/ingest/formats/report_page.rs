//! The data that a report page carries, read back: what is left of the samples when the report is all that there is.
//!
//! A page (`report -o x.html`, `plot -o x.html`) has its series in two elements: their names as JSON, their values as the packed columns of
//! [`codec::page`](crate::codec::page). What is read is the mean of every bucket, as a sample at the bucket's start, of every node (of its parts, where
//! it has several) and every shown metric. What is lost:
//!
//! - everything within a bucket: samples, their smallest and largest, counters (they are shown as rates: `x_total` comes back as `x_per_second`);
//! - digits: a value is one of some hundred to thousand levels between the metric's smallest and largest, so it may be off by half a level;
//! - labels, but for the name of a part (`part="/var"`); derived metrics come back under the name they are shown by;
//! - metrics without a chart, annotations, and the other period of a comparison.
//!
//! The same page gives the same samples. A page is hostile like any input: whatever does not fit is refused as a whole, and no more is
//! held than the page and one inflated body of columns.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde::Deserialize;

use super::super::limits::{REPORT_COLUMNS_BYTES_MAX, REPORT_ROWS_MAX, REPORT_VALUES_MAX};
use super::whole::{Whole, WholeFormat};
use super::{NodeRule, Parser, Reason, Sink, Stop};
use crate::codec::page::{Columns, PageError};
use crate::model::{Kind, Labels, MetricMeta, MetricName, NameError, NodeName, SeriesKey, Timestamp};

/// Significant digits of a value: more than any page's levels tell apart.
const DIGITS: usize = 7;

/// Why nothing of a page was read.
#[derive(Debug, thiserror::Error)]
pub enum ReportPageError {
    /// A page by somebody else.
    #[error("an HTML page that is no report of nodebook")]
    Foreign,
    /// A report that carries no data.
    #[error("a report without the data of its charts (made with --interactive off): there is nothing to read back")]
    Still,
    /// It ends too early.
    #[error("the report is cut off: its data has no end")]
    Cut,
    /// A newer page.
    #[error("the report's data has format {found}, this build knows 2: upgrade nodebook")]
    Version {
        /// As it says.
        found: u64,
    },
    /// Its names.
    #[error("the report's data is damaged: {0}")]
    Names(serde_json::Error),
    /// Its columns are no base64.
    #[error("the report's columns are damaged: {0}")]
    Base64(base64::DecodeError),
    /// Its columns.
    #[error(transparent)]
    Columns(#[from] PageError),
    /// A name that cannot be stored.
    #[error("the report's data is damaged: {0}")]
    Name(#[from] NameError),
    /// Names and columns that do not belong together.
    #[error("the report's data is damaged: {what}")]
    Unfit {
        /// What does not fit.
        what: &'static str,
    },
    /// More than is taken.
    #[error("the report's data is larger than any report's: {what}")]
    Large {
        /// What is too large.
        what: &'static str,
    },
}

/// What a page's values are: to be told to whoever reads them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grain {
    /// Width of a bucket, ms.
    pub step_ms: i64,
    /// Levels between the smallest and the largest value of a metric.
    pub levels: u32,
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.step_ms / 1_000;
        let (number, unit) = match seconds {
            s if s > 0 && s % 86_400 == 0 => (s / 86_400, "d"),
            s if s > 0 && s % 3_600 == 0 => (s / 3_600, "h"),
            s if s > 0 && s % 60 == 0 => (s / 60, "min"),
            s if s > 0 => (s, "s"),
            _ => (self.step_ms, "ms"),
        };
        write!(f, "means over {number} {unit}, rounded to {} levels", self.levels)
    }
}

/// The names: the part of the page's JSON that is needed. What else is there is passed over.
#[derive(Deserialize)]
struct Page {
    v: u64,
    from: i64,
    grid: Grid,
    nodes: Vec<String>,
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Grid {
    start: i64,
    step: i64,
    len: usize,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    section: String,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    node: usize,
    #[serde(default)]
    part: String,
    avg: u32,
    /// So many rows: of one node after the other, each in the column after the one before.
    run: Option<u32>,
}

impl Page {
    /// With every row by itself.
    fn unrolled(mut self) -> Result<Page, ReportPageError> {
        let (nodes, mut count) = (self.nodes.len(), 0);
        for metric in &mut self.metrics {
            let mut rows = Vec::with_capacity(metric.rows.len());
            for row in metric.rows.drain(..) {
                let run = row.run.unwrap_or(1);
                let ends = (row.node.checked_add(run as usize), row.avg.checked_add(run));
                if run != 1 && !matches!(ends, (Some(end), Some(_)) if end <= nodes) {
                    return Err(ReportPageError::Unfit { what: "a run of its rows goes beyond its nodes" });
                }
                count += run as usize;
                if count > REPORT_ROWS_MAX {
                    return Err(ReportPageError::Large { what: "its rows" });
                }
                let row_of =
                    |i: u32| Row { node: row.node + i as usize, part: row.part.clone(), avg: row.avg + i, run: None };
                rows.extend((0..run).map(row_of));
            }
            metric.rows = rows;
        }
        Ok(self)
    }
}

/// Whether an input that begins with `head` is a page of ours, as far as that can be told: `None` where it is no HTML.
pub fn looks_like(head: &[u8]) -> Option<bool> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let start = &text[..text.len().min(512)];
    let starts_with = |tag: &[u8]| start.get(..tag.len()).is_some_and(|s| s.eq_ignore_ascii_case(tag));
    let is_html = starts_with(b"<!doctype html") || starts_with(b"<html");
    is_html.then(|| memmem::find(start, b" data-nodebook=\"").is_some())
}

/// A parser whose samples are of the given node where there is one, else of the page's.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Whole(ReportPage { node: node.given, grain: None }))
}

struct ReportPage {
    node: Option<NodeName>,
    grain: Option<Grain>,
}

impl WholeFormat for ReportPage {
    fn message(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        match read(bytes, self.node.as_ref(), sink) {
            Ok(read) => {
                self.grain = Some(read?);
                Ok(())
            }
            Err(error) => sink.refuse(0, &Reason::Input(error.to_string())),
        }
    }

    fn notes(&self) -> Vec<String> {
        let said = |grain| format!("a report: {grain}; samples, counters and labels are not in it");
        self.grain.map(said).into_iter().collect()
    }
}

/// Reads a whole page. `node`: the node of every sample, whatever the page says (its own names become a label).
pub fn read(page: &[u8], node: Option<&NodeName>, sink: &mut dyn Sink) -> Result<Result<Grain, Stop>, ReportPageError> {
    if looks_like(page) != Some(true) {
        return Err(ReportPageError::Foreign);
    }
    let names: Page = serde_json::from_slice(element(page, "nodebook-data")?).map_err(ReportPageError::Names)?;
    if !(1..=2).contains(&names.v) {
        return Err(ReportPageError::Version { found: names.v });
    }
    let names = names.unrolled()?;
    let columns = columns(element(page, "nodebook-columns")?)?;
    let times = times(&names)?;
    let wanted = rows(&names, &columns)?;
    let grain = Grain { step_ms: names.grid.step, levels: columns.levels() };
    let help = |title: &str| format!("{title} (from a report: {grain})");
    for (metric, row) in wanted {
        let key = key(&names, metric, row, node)?;
        let unit = (!metric.unit.is_empty()).then(|| metric.unit.clone());
        let meta = MetricMeta { kind: Some(Kind::Gauge), unit, help: Some(help(&metric.title)) };
        let values = columns.column(row.avg).unwrap_or_default();
        if let Err(Stop) = push(sink, &key, &meta, &times, &values) {
            return Ok(Err(Stop));
        }
    }
    Ok(Ok(grain))
}

fn push(
    sink: &mut dyn Sink,
    key: &SeriesKey,
    meta: &MetricMeta,
    times: &[Timestamp],
    values: &[f64],
) -> Result<(), Stop> {
    if !values.iter().any(|v| v.is_finite()) {
        return Ok(());
    }
    let series = sink.series(key, Some(meta))?;
    times.iter().zip(values).filter(|(_, v)| v.is_finite()).try_for_each(|(t, v)| sink.sample(series, *t, rounded(*v)))
}

/// The text of a data element of the page.
fn element<'a>(page: &'a [u8], id: &str) -> Result<&'a [u8], ReportPageError> {
    let opening = format!(" id=\"{id}\">");
    // Our names are escaped in it, so that the first such text is the element, and the first end is its end.
    let start = memmem::find(page, opening.as_bytes()).map(|at| at + opening.len());
    let ends = memmem::find(page, b"</html>").is_some();
    let start = start.ok_or(if ends { ReportPageError::Still } else { ReportPageError::Cut })?;
    let length = memmem::find(&page[start..], b"</script>").ok_or(ReportPageError::Cut)?;
    Ok(&page[start..start + length])
}

fn columns(text: &[u8]) -> Result<Columns, ReportPageError> {
    let bytes = STANDARD.decode(text.trim_ascii()).map_err(ReportPageError::Base64)?;
    if Columns::inflated_bytes(&bytes).is_some_and(|length| length > REPORT_COLUMNS_BYTES_MAX) {
        return Err(ReportPageError::Large { what: "its columns inflated" });
    }
    Ok(Columns::unpack(&bytes)?)
}

/// The time of every bucket's mean: its start, or that of the report where that is later.
fn times(names: &Page) -> Result<Vec<Timestamp>, ReportPageError> {
    let Grid { start, step, len } = names.grid;
    let end = i64::try_from(len).ok().and_then(|len| step.checked_mul(len)).and_then(|span| start.checked_add(span));
    let first = Timestamp::from_millis(start.max(names.from));
    let fits = step > 0 && first.is_storable() && end.is_some_and(|end| Timestamp::from_millis(end).is_storable());
    if !fits || len > REPORT_VALUES_MAX {
        return Err(ReportPageError::Unfit { what: "its buckets have no length, or are not of 1970 to 9999" });
    }
    let at = |i: usize| Timestamp::from_millis((start + i as i64 * step).max(names.from));
    let times: Vec<Timestamp> = (0..len).map(at).collect();
    if times.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(ReportPageError::Unfit { what: "it starts after its first bucket" });
    }
    Ok(times)
}

/// The rows to be read: a node's parts, or the node where it has none. All of them have a column as long as the grid.
fn rows<'a>(names: &'a Page, columns: &Columns) -> Result<Vec<(&'a Metric, &'a Row)>, ReportPageError> {
    let mut wanted = Vec::new();
    // A plot of one's own is made of metrics, and none itself.
    for metric in names.metrics.iter().filter(|metric| metric.section != "own") {
        let with_parts: std::collections::HashSet<usize> =
            metric.rows.iter().filter(|row| !row.part.is_empty()).map(|row| row.node).collect();
        wanted.extend(
            metric
                .rows
                .iter()
                .filter(|row| !row.part.is_empty() || !with_parts.contains(&row.node))
                .map(|row| (metric, row)),
        );
    }
    if wanted.len().saturating_mul(names.grid.len) > REPORT_VALUES_MAX {
        return Err(ReportPageError::Large { what: "its number of values" });
    }
    let fits = |row: &Row| columns.column_len(row.avg) == Some(names.grid.len) && row.node < names.nodes.len();
    match wanted.iter().all(|(_, row)| fits(row)) {
        true => Ok(wanted),
        false => Err(ReportPageError::Unfit { what: "a row names a column or a node that is not there" }),
    }
}

fn key(names: &Page, metric: &Metric, row: &Row, node: Option<&NodeName>) -> Result<SeriesKey, NameError> {
    let own = &names.nodes[row.node];
    let labels = [("node", own.as_str()), ("part", row.part.as_str())];
    let labels = Labels::new(labels.into_iter().filter(|(k, v)| !v.is_empty() && (*k != "node" || node.is_some())))?;
    let name = match metric.name.strip_suffix("_total") {
        Some(stem) => format!("{stem}_per_second"),
        // Shown as a rate, too; under its own name it would be taken for a counter.
        None if Kind::from_name(&metric.name) == Kind::Counter => format!("{}_per_second", metric.name),
        None => metric.name.clone(),
    };
    let node = node.cloned().map_or_else(|| NodeName::new(own), Ok)?;
    Ok(SeriesKey { node, metric: MetricName::new(&name)?, labels })
}

fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::super::collected::Collected;
    use super::*;
    use crate::codec::page::{Packer, Scale};
    use proptest::prelude::*;

    const START: i64 = 1_767_571_200_000;

    /// A page of two nodes, one of them with two parts, and a counter.
    fn page() -> String {
        let mut packer = Packer::new();
        let lines = [[1.0, 2.0, f64::NAN], [3.0, 4.0, 5.0], [60.0, 61.0, 62.0], [10.0, 20.0, 30.0]];
        let base = packer.add(Scale::of(lines.iter().flatten(), 10), lines.iter().map(|line| line.as_slice()));
        assert_eq!(base.first, 0);
        let data = format!(
            r#"{{"v":1,"from":{from},"grid":{{"start":{START},"step":60000,"len":3}},"nodes":["a","\u003cb\u003e"],"later":[1],"metrics":[
            {{"name":"load1","title":"Load","unit":"","rows":[{{"node":0,"avg":0}},{{"node":1,"avg":1}}]}},
            {{"name":"disk_percent","title":"Disk used","unit":"percent","rows":[{{"node":0,"avg":2}},{{"node":0,"part":"/","avg":1}},{{"node":0,"part":"/var","avg":2}}]}},
            {{"name":"requests_total","title":"requests","unit":"1/s","rows":[{{"node":1,"avg":3}}]}}]}}"#,
            from = START + 5_000
        );
        format!(
            "<!doctype html>\n<html lang=\"en\" data-nodebook=\"0.1.0\"><body><script type=\"application/json\" id=\"nodebook-data\">{data}</script>\
             <script type=\"application/octet-stream\" id=\"nodebook-columns\">{}</script></body></html>",
            STANDARD.encode(packer.finish())
        )
    }

    fn collect(page: &[u8]) -> Result<(Grain, Collected), String> {
        let mut collected = Collected::default();
        let grain = read(page, None, &mut collected).map_err(|error| error.to_string())?;
        Ok((grain.unwrap(), collected))
    }

    #[test]
    fn means_come_back_with_what_they_are() {
        let (grain, found) = collect(page().as_bytes()).unwrap();
        assert_eq!(grain.to_string(), "means over 1 min, rounded to 1023 levels");
        insta::assert_snapshot!(found, @r#"
        a/load1 1767571205000 1
        a/load1 1767571260000 2
        <b>/load1 1767571205000 3
        <b>/load1 1767571260000 4
        <b>/load1 1767571320000 5
        a/disk_percent{part="/"} 1767571205000 3
        a/disk_percent{part="/"} 1767571260000 4
        a/disk_percent{part="/"} 1767571320000 5
        a/disk_percent{part="/var"} 1767571205000 60
        a/disk_percent{part="/var"} 1767571260000 61
        a/disk_percent{part="/var"} 1767571320000 62
        <b>/requests_per_second 1767571205000 10
        <b>/requests_per_second 1767571260000 20
        <b>/requests_per_second 1767571320000 30
        "#);
        let (_, meta) = &found.meta[2];
        let meta = meta.as_ref().unwrap();
        assert_eq!((meta.unit.as_deref(), meta.kind), (Some("percent"), Some(Kind::Gauge)));
        assert_eq!(meta.help.as_deref(), Some("Disk used (from a report: means over 1 min, rounded to 1023 levels)"));
    }

    #[test]
    fn a_run_of_rows_is_those_rows() {
        let page = page();
        let plain = r#"[{"node":0,"avg":0},{"node":1,"avg":1}]"#;
        let with = |run: &str| {
            assert!(page.contains(plain));
            let run = format!(r#"[{{"node":0,"avg":0,"run":{run}}}]"#);
            collect(page.replace(plain, &run).replace("\"v\":1", "\"v\":2").as_bytes())
        };
        assert_eq!(with("2").unwrap().1.to_string(), collect(page.as_bytes()).unwrap().1.to_string());
        let beyond = "the report's data is damaged: a run of its rows goes beyond its nodes";
        assert_eq!(["3", "4294967295"].map(|run| with(run).map(|_| ()).unwrap_err()), [beyond; 2]);
        let names: Vec<String> = (0..1 << 10).map(|n| format!("\"n{n}\"")).collect();
        let many = vec![r#"{"node":0,"avg":0,"run":1024}"#; 1 << 11].join(",");
        let page = page.replace(plain, &format!("[{many}]")).replace("\"a\",", &format!("{},", names.join(",")));
        assert_eq!(
            collect(page.as_bytes()).map(|_| ()).unwrap_err(),
            "the report's data is larger than any report's: its rows"
        );
    }

    #[test]
    fn a_node_that_is_asked_for_keeps_the_others_apart() {
        let mut collected = Collected::default();
        let node = NodeName::new("old").unwrap();
        read(page().as_bytes(), Some(&node), &mut collected).unwrap().unwrap();
        assert_eq!(collected.meta[0].0.to_string(), "old/load1{node=\"a\"}");
        assert_eq!(collected.meta[3].0.to_string(), "old/disk_percent{node=\"a\",part=\"/var\"}");
    }

    #[test]
    fn what_cannot_be_read_is_one_line() {
        let page = page();
        let with = |from: &str, to: &str| {
            assert!(page.contains(from), "{from}");
            collect(page.replace(from, to).as_bytes()).map(|_| ()).unwrap_err()
        };
        let all = [
            collect(b"<!DOCTYPE html><html><p>hello").map(|_| ()).unwrap_err(),
            with("id=\"nodebook-data\"", "id=\"other\""),
            collect(&page.as_bytes()[..page.len() - 40]).map(|_| ()).unwrap_err(),
            collect(&page.as_bytes()[..200]).map(|_| ()).unwrap_err(),
            with("\"v\":1", "\"v\":7"),
            with("\"step\":60000", "\"step\":0"),
            with("\"len\":3", "\"len\":4"),
            with("\"avg\":3", "\"avg\":99"),
            with("\"node\":1,\"avg\":1", "\"node\":9,\"avg\":1"),
            with("\"name\":\"load1\"", "\"name\":\"\""),
            with("\"len\":3", "\"len\":90000000"),
            with("TkJQ", "TkJR"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r##"
        an HTML page that is no report of nodebook
        a report without the data of its charts (made with --interactive off): there is nothing to read back
        the report is cut off: its data has no end
        the report is cut off: its data has no end
        the report's data has format 7, this build knows 2: upgrade nodebook
        the report's data is damaged: its buckets have no length, or are not of 1970 to 9999
        the report's data is damaged: a row names a column or a node that is not there
        the report's data is damaged: a row names a column or a node that is not there
        the report's data is damaged: a row names a column or a node that is not there
        the report's data is damaged: the metric name is empty
        the report's data is damaged: its buckets have no length, or are not of 1970 to 9999
        these are not the packed columns of a report
        "##);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(at in 0usize..1_500, with in prop::collection::vec(any::<u8>(), 0..20), cut in 0usize..1_500) {
            let mut bytes = page().into_bytes();
            let at = at.min(bytes.len());
            bytes.splice(at..at, with);
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = collect(&bytes);
        }
    }
}
