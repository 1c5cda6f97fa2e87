//! Long rows: one sample each.

use super::super::series_cache::SeriesCache;
use super::super::{NodeRule, Reason, Sink, Stop, number};
use super::header::{LongColumns, TimeColumn};
use super::record::Record;
use crate::model::{Labels, LabelsJsonError, MetricName, NameError, NodeName, SeriesId, SeriesKey};

/// Reads the rows of a long file.
#[derive(Debug)]
pub(super) struct Long {
    columns: LongColumns,
    count: usize,
    rule: NodeRule,
    time: TimeColumn,
    series: SeriesCache<SeriesId>,
    named: Named,
}

/// The fields that name a series. Where they stand beside each other their bytes are the key of the series as they are; else the key is
/// put together.
#[derive(Debug)]
enum Named {
    Span(usize, usize),
    Apart { fields: Vec<usize>, key: Vec<u8> },
}

impl Named {
    fn of(columns: &LongColumns) -> Named {
        let mut fields = vec![columns.metric];
        fields.extend(columns.node);
        fields.extend(columns.labels);
        fields.extend(columns.extra.iter().map(|(field, _)| *field));
        fields.sort_unstable();
        match (fields.first(), fields.last()) {
            (Some(first), Some(last)) if last - first + 1 == fields.len() => Named::Span(*first, *last),
            _ => Named::Apart { fields, key: Vec::new() },
        }
    }

    fn key<'a>(&'a mut self, record: &Record<'a>) -> &'a [u8] {
        match self {
            Named::Span(first, last) => record.raw_span(*first, *last),
            Named::Apart { fields, key } => {
                key.clear();
                for field in fields {
                    key.extend_from_slice(record.raw(*field));
                    key.push(b'\n'); // stands in no unquoted field
                }
                key
            }
        }
    }
}

impl Long {
    pub(super) fn new(columns: LongColumns, count: usize, rule: NodeRule) -> Self {
        let named = Named::of(&columns);
        Long { columns, count, rule, time: TimeColumn::default(), series: SeriesCache::default(), named }
    }

    /// Number of fields of a row.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn read(&mut self, line: u64, record: &Record<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        match self.sample(record, sink)? {
            Ok(()) => Ok(()),
            Err(reason) => sink.refuse(line, &reason),
        }
    }

    fn sample<'a>(&mut self, record: &Record<'a>, sink: &mut dyn Sink) -> Result<Result<(), Reason<'a>>, Stop> {
        if record.fields.len() != self.count {
            return Ok(Err(Reason::Fields { found: record.fields.len(), expected: self.count }));
        }
        let ts = match self.time.read(record, self.columns.time) {
            Ok(ts) => ts,
            Err(reason) => return Ok(Err(reason)),
        };
        let text = record.bare(self.columns.value);
        if text.is_empty() {
            return Ok(Ok(()));
        }
        let Some(value) = number::parse(text) else {
            return Ok(Err(Reason::Value { column: self.columns.value + 1, text }));
        };
        let series = match self.series.get(self.named.key(record)) {
            Ok(series) => series,
            Err(missing) => {
                let key = match series_key(record, &self.columns, &self.rule) {
                    Ok(key) => key,
                    Err(reason) => return Ok(Err(reason)),
                };
                let series = sink.series(&key, None)?;
                self.series.insert(missing, self.named.key(record), series);
                series
            }
        };
        sink.sample(series, ts, value).map(Ok)
    }
}

fn series_key<'a>(record: &Record<'a>, columns: &LongColumns, rule: &NodeRule) -> Result<SeriesKey, Reason<'a>> {
    let text = |field: usize| record.text(field).ok_or(Reason::NotUtf8 { column: field + 1 });
    let name = |field: usize| move |source: NameError| Reason::Name { column: field + 1, source };
    let metric = MetricName::new(&text(columns.metric)?).map_err(name(columns.metric))?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut labels_column = columns.metric;
    if let Some(field) = columns.labels {
        labels_column = field;
        let refused = |source: LabelsJsonError| Reason::Labels { column: field + 1, source };
        let labels = Labels::from_json(&text(field)?).map_err(refused)?;
        pairs.extend(labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    for (field, key) in &columns.extra {
        pairs.push((key.clone(), text(*field)?.into_owned()));
    }
    let node = columns.node.map(text).transpose()?.filter(|node| !node.is_empty());
    let (node, labels) = match (columns.node, node) {
        (Some(field), Some(node)) if rule.given.is_none() => {
            let node = NodeName::new(&node).map_err(name(field))?;
            (node, Labels::new(pairs).map_err(name(labels_column))?)
        }
        (_, node) => {
            // under a node that was asked for, the column is a label like any other
            pairs.extend(node.map(|node| ("node".to_owned(), node.into_owned())));
            rule.split(&pairs).map_err(name(labels_column))?
        }
    };
    Ok(SeriesKey { node, metric, labels })
}
