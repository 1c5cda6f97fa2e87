//! Wide rows: one sample a column.

use std::collections::HashMap;

use super::super::{NodeRule, Quoted, Reason, Sink, Stop, number};
use super::header::{TimeColumn, WideColumn, WideColumns};
use super::record::Record;
use crate::ingest::limits::SERIES_CACHED_MAX;
use crate::model::{Labels, NameError, NodeName, SeriesId, SeriesKey};

/// Reads the rows of a wide file.
#[derive(Debug)]
pub(super) struct Wide {
    columns: WideColumns,
    count: usize,
    rule: NodeRule,
    time: TimeColumn,
    rows: Vec<RowSeries>,
    /// Raw node field, and those of labels -> place in `rows`.
    by_name: HashMap<Box<[u8]>, usize>,
    last: usize,
    /// Room for a name of several fields.
    name: Vec<u8>,
}

/// The series of the rows of one node and one set of labels, made when their first value is met.
#[derive(Debug)]
struct RowSeries {
    bytes: Box<[u8]>,
    /// Node the rows name; `None`: as the columns say.
    node: Option<NodeName>,
    /// Columns of labels, and a node column under a node that was asked for: labels of all series.
    labels: Labels,
    series: Vec<Option<SeriesId>>,
}

impl Wide {
    pub(super) fn new(columns: WideColumns, count: usize, rule: NodeRule) -> Self {
        let time = TimeColumn::by(columns.clock.clone());
        Wide { columns, count, rule, time, rows: Vec::new(), by_name: HashMap::new(), last: 0, name: Vec::new() }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let named = |(_, key): &(usize, String)| Quoted(key.as_bytes()).to_string();
        let labels: Vec<String> = self.columns.labels.iter().map(named).collect();
        let note = match labels.len() {
            0 => None,
            1 => Some(format!("column {} is taken as a label", labels[0])),
            _ => Some(format!("columns {} are taken as labels", labels.join(", "))),
        };
        self.time.notes().into_iter().chain(note).collect()
    }

    /// Number of fields of a row.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn read(&mut self, line: u64, record: &Record<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        if record.fields.len() != self.count {
            return sink.refuse(line, &Reason::Fields { found: record.fields.len(), expected: self.count });
        }
        let ts = match self.time.read(record, self.columns.time) {
            Ok(ts) => ts,
            Err(reason) => return sink.refuse(line, &reason),
        };
        let row = match self.row(record) {
            Ok(row) => row,
            Err(reason) => return sink.refuse(line, &reason),
        };
        for (i, column) in self.columns.metrics.iter().enumerate() {
            let text = record.bare(column.field);
            if text.is_empty() {
                continue;
            }
            let Some(value) = number::parse(text) else {
                sink.refuse(line, &Reason::Value { column: column.field + 1, text })?;
                continue;
            };
            let row = &mut self.rows[row];
            let series = match row.series[i] {
                Some(series) => series,
                None => match row.key(column) {
                    Ok(key) => *row.series[i].insert(sink.series(&key, None)?),
                    Err(source) => {
                        sink.refuse(line, &Reason::Name { column: column.field + 1, source })?;
                        continue;
                    }
                },
            };
            sink.sample(series, ts, value)?;
        }
        Ok(())
    }

    /// The place of the series of this row's node and labels.
    fn row<'a>(&mut self, record: &Record<'a>) -> Result<usize, Reason<'a>> {
        let node = self.columns.node;
        if self.columns.labels.is_empty() {
            return self.row_named(node.map_or(&b""[..], |field| record.raw(field)), record);
        }
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        for field in node.into_iter().chain(self.columns.labels.iter().map(|(field, _)| *field)) {
            name.extend_from_slice(record.raw(field));
            name.push(b'\n'); // stands in no unquoted field
        }
        let row = self.row_named(&name, record);
        self.name = name;
        row
    }

    fn row_named<'a>(&mut self, bytes: &[u8], record: &Record<'a>) -> Result<usize, Reason<'a>> {
        if let Some(row) = self.rows.get(self.last)
            && *row.bytes == *bytes
        {
            return Ok(self.last);
        }
        self.last = match self.by_name.get(bytes) {
            Some(row) => *row,
            None => {
                if self.rows.len() * self.columns.metrics.len() >= SERIES_CACHED_MAX {
                    self.rows.clear();
                    self.by_name.clear();
                }
                let row = self.new_row(record, bytes)?;
                self.rows.push(row);
                self.by_name.insert(bytes.into(), self.rows.len() - 1);
                self.rows.len() - 1
            }
        };
        Ok(self.last)
    }

    fn new_row<'a>(&self, record: &Record<'a>, bytes: &[u8]) -> Result<RowSeries, Reason<'a>> {
        let text = |field: usize| record.text(field).ok_or(Reason::NotUtf8 { column: field + 1 });
        let name = |field: usize| move |source: NameError| Reason::Name { column: field + 1, source };
        let mut pairs = Vec::new();
        for (field, key) in &self.columns.labels {
            pairs.push((key.as_str(), text(*field)?));
        }
        let mut node = None;
        if let Some(field) = self.columns.node {
            let said = text(field)?;
            match &self.rule.given {
                _ if said.is_empty() => {}
                Some(_) => pairs.push(("node", said)),
                None => node = Some(NodeName::new(&said).map_err(name(field))?),
            }
        }
        let at = self.columns.labels.first().map(|(field, _)| *field).or(self.columns.node).unwrap_or_default();
        let labels = Labels::new(pairs.iter().map(|(key, value)| (*key, value.as_ref()))).map_err(name(at))?;
        Ok(RowSeries { bytes: bytes.into(), node, labels, series: vec![None; self.columns.metrics.len()] })
    }
}

impl RowSeries {
    fn key(&self, column: &WideColumn) -> Result<SeriesKey, NameError> {
        let node = self.node.as_ref().unwrap_or(&column.node).clone();
        let labels = match self.labels.is_empty() {
            true => column.labels.clone(),
            false => Labels::new(column.labels.iter().chain(self.labels.iter()))?,
        };
        Ok(SeriesKey { node, metric: column.metric.clone(), labels })
    }
}
