//! What the columns are.

use chrono_tz::Tz;

use super::super::local_time::LocalTime;
use super::super::reason::HeaderReason;
use super::super::time::Unit;
use super::super::{NodeRule, Quoted, Reason, prometheus};
use super::record::{self, Record};
use crate::ingest::limits::COLUMNS_MAX;
use crate::model::{Labels, MetricName, NodeName};

/// A header that was understood.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) columns: Columns,
    /// Number of columns.
    pub(super) count: usize,
}

#[derive(Debug)]
pub(super) enum Columns {
    Long(LongColumns),
    Wide(WideColumns),
    Events(EventColumns),
}

/// Where the parts of an event are.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventColumns {
    pub(super) at: (usize, Unit),
    pub(super) until: Option<usize>,
    pub(super) node: Option<usize>,
    pub(super) text: usize,
}

/// Where the parts of a long row are.
#[derive(Clone, Debug)]
pub(super) struct LongColumns {
    pub(super) time: (usize, Unit),
    pub(super) node: Option<usize>,
    pub(super) metric: usize,
    pub(super) labels: Option<usize>,
    pub(super) value: usize,
    /// Further columns: labels by the name of the column.
    pub(super) extra: Vec<(usize, String)>,
}

/// Where the parts of a wide row are.
#[derive(Clone, Debug)]
pub(super) struct WideColumns {
    pub(super) time: (usize, Unit),
    pub(super) node: Option<usize>,
    pub(super) metrics: Vec<WideColumn>,
    /// Columns of text: labels by the name of the column.
    pub(super) labels: Vec<(usize, String)>,
    /// Reads times that are those of a clock on a wall.
    pub(super) clock: Option<LocalTime>,
}

/// A column of values.
#[derive(Clone, Debug)]
pub(super) struct WideColumn {
    pub(super) field: usize,
    pub(super) metric: MetricName,
    /// Node its header names, where there is no node column.
    pub(super) node: NodeName,
    pub(super) labels: Labels,
}

impl WideColumns {
    /// With columns of values as labels.
    pub(super) fn with_labels(mut self, fields: &[usize]) -> WideColumns {
        let (labels, metrics) = self.metrics.into_iter().partition(|column| fields.contains(&column.field));
        let labels: Vec<WideColumn> = labels;
        self.labels = labels.into_iter().map(|column| (column.field, column.metric.as_str().to_owned())).collect();
        WideColumns { metrics, ..self }
    }
}

/// Names of a time column and what its numbers are.
pub(in super::super) fn time_unit(name: &str) -> Option<Unit> {
    Some(match name {
        "timestamp" | "ts" | "time" | "datetime" | "date" => Unit::ByMagnitude,
        "timestamp_s" | "ts_s" | "time_s" => Unit::Seconds,
        "timestamp_ms" | "ts_ms" | "time_ms" => Unit::Millis,
        "timestamp_us" | "ts_us" | "time_us" => Unit::Micros,
        "timestamp_ns" | "ts_ns" | "time_ns" => Unit::Nanos,
        _ => return None,
    })
}

/// Whether a first line is a header with a time column, for detection.
pub(in super::super) fn looks_like(line: &[u8]) -> bool {
    let delimiter = record::delimiter(line);
    let mut names = line.split(|byte| *byte == delimiter).map(|name| String::from_utf8_lossy(name).into_owned());
    !line.starts_with(b"#")
        && line.contains(&delimiter)
        && names.any(|name| {
            let name = simple(name.trim().trim_matches('"'));
            // `at` is that of a file of events.
            name == "at" || time_unit(&name).is_some()
        })
}

/// Column names are compared without case and spaces around them.
pub(in super::super) fn simple(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

impl Header {
    pub(super) fn read(record: &Record<'_>, rule: &NodeRule, zone: Tz) -> Result<Header, HeaderReason> {
        let count = record.fields.len();
        if count > COLUMNS_MAX {
            return Err(HeaderReason::TooMany { columns: count, limit: COLUMNS_MAX });
        }
        let name = |field| {
            let text =
                record.text(field).ok_or(HeaderReason::Column { column: field + 1, why: "not UTF-8".to_owned() });
            text.map(|text| text.trim().to_owned())
        };
        let names: Vec<String> = (0..count).map(name).collect::<Result<_, _>>()?;
        refuse_twice(&names)?;
        let find = |wanted: &str| names.iter().position(|name| simple(name) == wanted);
        let quoted = || Quoted(record.raw_span(0, count - 1)).to_string();
        let timed = |(field, name): (usize, &String)| Some((field, time_unit(&simple(name))?));
        if let (Some(text), None) = (find("text"), find("value")) {
            let at = find("at").map(|field| (field, Unit::ByMagnitude));
            let Some(at) = at.or_else(|| names.iter().enumerate().find_map(timed)) else {
                return Err(HeaderReason::NoTime { header: quoted() });
            };
            let columns = EventColumns { at, until: find("until"), node: find("node"), text };
            return Ok(Header { columns: Columns::Events(columns), count });
        }
        let Some(time) = names.iter().enumerate().find_map(timed) else {
            return Err(HeaderReason::NoTime { header: quoted() });
        };
        let node = NodeRule::LABELS.into_iter().find_map(find);
        let columns = match (find("metric"), find("value")) {
            (Some(metric), Some(value)) => {
                let labels = find("labels");
                let known = [Some(time.0), node, Some(metric), labels, Some(value)];
                let others = names.iter().enumerate().filter(|(field, _)| !known.contains(&Some(*field)));
                let extra = others.map(|(field, name)| (field, name.clone())).collect();
                Columns::Long(LongColumns { time, node, metric, labels, value, extra })
            }
            _ => {
                let values: Vec<(usize, &str)> = names
                    .iter()
                    .enumerate()
                    .filter(|(field, _)| *field != time.0 && Some(*field) != node)
                    .map(|(field, name)| (field, name.as_str()))
                    .collect();
                let said = if node.is_some() { NodeSaid::Elsewhere } else { NodeSaid::PerhapsByLabel };
                let is_pcp = node.is_none() && values.iter().all(|(_, name)| pcp(name).is_some());
                let metrics = values
                    .iter()
                    .map(|(field, name)| match pcp(name).filter(|_| is_pcp) {
                        Some((metric, pairs)) => wide_column(*field, metric, &pairs, NodeSaid::Elsewhere, rule),
                        None => wide_column_of(*field, name, said, rule),
                    })
                    .collect::<Result<_, _>>()?;
                let clock = is_pcp.then(|| LocalTime::new(zone));
                Columns::Wide(WideColumns { time, node, metrics, labels: Vec::new(), clock })
            }
        };
        match &columns {
            Columns::Wide(wide) if wide.metrics.is_empty() => Err(HeaderReason::NoValues { header: quoted() }),
            _ => Ok(Header { columns, count }),
        }
    }
}

/// Where the node of a column is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeSaid {
    /// By a column of its own, or nowhere.
    Elsewhere,
    /// By a label `node`, `host` or `instance`, if there is one.
    PerhapsByLabel,
}

/// A column headed `metric{key="value"}`, or with any other text, which is the metric's name then.
fn wide_column_of(field: usize, name: &str, said: NodeSaid, rule: &NodeRule) -> Result<WideColumn, HeaderReason> {
    match prometheus::series_of(name.as_bytes()) {
        Some((metric, pairs)) => wide_column(field, &metric, &pairs, said, rule),
        None => wide_column::<&str, &str>(field, name, &[], said, rule),
    }
}

fn wide_column<K: AsRef<str>, V: AsRef<str>>(
    field: usize,
    metric: &str,
    pairs: &[(K, V)],
    said: NodeSaid,
    rule: &NodeRule,
) -> Result<WideColumn, HeaderReason> {
    let refused = |error: crate::model::NameError| HeaderReason::Column { column: field + 1, why: error.to_string() };
    let (node, labels) = match said {
        NodeSaid::Elsewhere => rule.keep(pairs),
        NodeSaid::PerhapsByLabel => rule.split(pairs),
    }
    .map_err(refused)?;
    Ok(WideColumn { field, metric: MetricName::new(metric).map_err(refused)?, node, labels })
}

/// `disk.dev.read-sda`: a name of PCP, which has no `-` in it, and its instance, which may.
fn pcp(header: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let (name, instance) = header.split_once('-').unwrap_or((header, ""));
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let is_name = name.contains('.') && name.split('.').all(is_part);
    is_name.then(|| (name, if instance.is_empty() { Vec::new() } else { vec![("instance", instance)] }))
}

fn refuse_twice(names: &[String]) -> Result<(), HeaderReason> {
    let mut seen = std::collections::HashMap::new();
    for (field, name) in names.iter().enumerate() {
        if let Some(first) = seen.insert(name, field) {
            let name = Quoted(name.as_bytes()).to_string();
            return Err(HeaderReason::Twice { first: first + 1, second: field + 1, name });
        }
    }
    Ok(())
}

/// The time of a row: read once for all rows that carry it.
#[derive(Debug, Default)]
pub(super) struct TimeColumn {
    text: Vec<u8>,
    ms: i64,
    clock: Option<LocalTime>,
}

impl TimeColumn {
    /// With a clock for times that have no zone.
    pub(super) fn by(clock: Option<LocalTime>) -> Self {
        TimeColumn { clock, ..TimeColumn::default() }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.clock.iter().filter_map(LocalTime::note).collect()
    }

    pub(super) fn read<'a>(
        &mut self,
        record: &Record<'a>,
        (field, unit): (usize, Unit),
    ) -> Result<crate::model::Timestamp, Reason<'a>> {
        let text = record.bare(field);
        if self.text.is_empty() || self.text != text {
            let read = match &mut self.clock {
                Some(clock) => clock.read(text),
                None => super::super::time::parse(text, unit),
            };
            let ms = read.ok_or(Reason::Time { column: field + 1, text })?;
            if !crate::model::Timestamp::from_millis(ms).is_storable() {
                return Err(Reason::TimeOutside { column: field + 1, text });
            }
            self.text.clear();
            self.text.extend_from_slice(text);
            self.ms = ms;
        }
        Ok(crate::model::Timestamp::from_millis(self.ms))
    }
}
