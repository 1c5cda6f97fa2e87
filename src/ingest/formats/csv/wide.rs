//! Wide rows: one sample a column.

use std::collections::HashMap;

use super::super::{NodeRule, Reason, Sink, Stop, number};
use super::header::{TimeColumn, WideColumn, WideColumns};
use super::record::Record;
use crate::ingest::limits::SERIES_CACHED_MAX;
use crate::model::{Labels, NodeName, SeriesId, SeriesKey};

/// Reads the rows of a wide file.
#[derive(Debug)]
pub(super) struct Wide {
    columns: WideColumns,
    count: usize,
    rule: NodeRule,
    time: TimeColumn,
    rows: Vec<RowSeries>,
    /// Raw node field -> place in `rows`.
    by_node: HashMap<Box<[u8]>, usize>,
    last: usize,
}

/// The series of the rows of one node, made when their first value is met.
#[derive(Debug)]
struct RowSeries {
    bytes: Box<[u8]>,
    /// Node the rows name; `None`: as the columns say.
    node: Option<NodeName>,
    /// A node column under a node that was asked for: a label of all series.
    label: Option<String>,
    series: Vec<Option<SeriesId>>,
}

impl Wide {
    pub(super) fn new(columns: WideColumns, count: usize, rule: NodeRule) -> Self {
        let time = TimeColumn::by(columns.clock.clone());
        Wide { columns, count, rule, time, rows: Vec::new(), by_node: HashMap::new(), last: 0 }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.time.notes()
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

    /// The place of the series of this row's node.
    fn row<'a>(&mut self, record: &Record<'a>) -> Result<usize, Reason<'a>> {
        let bytes = self.columns.node.map_or(&b""[..], |field| record.raw(field));
        if let Some(row) = self.rows.get(self.last)
            && *row.bytes == *bytes
        {
            return Ok(self.last);
        }
        self.last = match self.by_node.get(bytes) {
            Some(row) => *row,
            None => {
                if self.rows.len() * self.columns.metrics.len() >= SERIES_CACHED_MAX {
                    self.rows.clear();
                    self.by_node.clear();
                }
                let row = self.new_row(record, bytes)?;
                self.rows.push(row);
                self.by_node.insert(bytes.into(), self.rows.len() - 1);
                self.rows.len() - 1
            }
        };
        Ok(self.last)
    }

    fn new_row<'a>(&self, record: &Record<'a>, bytes: &[u8]) -> Result<RowSeries, Reason<'a>> {
        let series = vec![None; self.columns.metrics.len()];
        let mut row = RowSeries { bytes: bytes.into(), node: None, label: None, series };
        let Some(field) = self.columns.node else { return Ok(row) };
        let column = field + 1;
        let text = record.text(field).ok_or(Reason::NotUtf8 { column })?;
        match &self.rule.given {
            _ if text.is_empty() => {}
            Some(_) => row.label = Some(text.into_owned()),
            None => row.node = Some(NodeName::new(&text).map_err(|source| Reason::Name { column, source })?),
        }
        Ok(row)
    }
}

impl RowSeries {
    fn key(&self, column: &WideColumn) -> Result<SeriesKey, crate::model::NameError> {
        let node = self.node.as_ref().unwrap_or(&column.node).clone();
        let labels = match &self.label {
            None => column.labels.clone(),
            Some(label) => Labels::new(column.labels.iter().chain([("node", label.as_str())]))?,
        };
        Ok(SeriesKey { node, metric: column.metric.clone(), labels })
    }
}
