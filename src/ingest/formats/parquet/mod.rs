//! Parquet, long or wide, found by its first and last bytes.
//!
//! Long: a time, `metric` and `value`, with `node` and `labels` (JSON) if wanted; further columns of text are labels. Wide: a time, a node if wanted, columns of
//! text, which are labels, and any number of columns of numbers, each a metric named as in the wide CSV. The time is the column named as one (`timestamp`, `time`, `ts`, …),
//! or the first of the type of moments or dates, whatever its name. A value that is missing is no sample; NaN is one. Lists, maps and other moments are left out, and said.
//! A file needs its end to be read, so this is the one format that is no [`Parser`](super::Parser): it reads from what can be sought in.
//!
//! Memory: a page and a dictionary of each column that is read side by side ([`PARQUET_HELD_BYTES_MAX`](crate::ingest::limits)); a wide table is read some columns at a time.

mod chunks;
mod layout;

use std::io::{self, Read, Seek};

use super::series_cache::SeriesCache;
use super::{NodeRule, Reason, Sink, Stop};
use crate::codec::parquet::{Cell, Column, Footer, Group, MAGIC, ParquetError};
use crate::model::{Labels, LabelsJsonError, MetricName, NameError, NodeName, SeriesId, SeriesKey, Timestamp};
use chunks::{File, Values};
use layout::{Layout, Measured, Rows};

/// Columns of a wide table that are read side by side: each holds a page. The times are read again for so many.
const SIDE_BY_SIDE: usize = 16;

/// Whether an input is in this format, for detection.
pub(in crate::ingest) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(b"PARE")
}

/// Why a group is not read to its end.
#[derive(Debug)]
enum Trouble {
    Stop,
    Read(io::Error),
    Parquet(ParquetError),
}

impl From<Stop> for Trouble {
    fn from(_: Stop) -> Self {
        Trouble::Stop
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Read(error)
    }
}

impl From<ParquetError> for Trouble {
    fn from(error: ParquetError) -> Self {
        Trouble::Parquet(error)
    }
}

/// Reads a file. What cannot be read of a group is refused by its rows, and the next one is read; a line is a row, from 1. Returns what a person should know.
pub fn read<F: Read + Seek>(file: F, rule: &NodeRule, sink: &mut dyn Sink) -> Result<Vec<String>, Stop> {
    let opened = File::new(file).map_err(Trouble::from).and_then(|file| Ok((file.footer()?, file)));
    let (footer, file) = match opened {
        Ok(opened) => opened,
        Err(trouble) => return refuse_all(&trouble, sink),
    };
    let layout = match Layout::of(&footer.columns) {
        Ok(layout) => layout,
        Err(reason) => return sink.refuse(0, &Reason::Header(reason)).map(|()| Vec::new()),
    };
    let mut rows = RowReader { layout: &layout, rule, series: SeriesCache::default(), named: Named::default() };
    let mut first = 1u64;
    for group in &footer.groups {
        let read = rows.group(&file, &footer, group, first, sink);
        let last = first.saturating_add(group.rows.saturating_sub(1));
        let why = match read {
            Ok(()) => None,
            Err(Trouble::Stop) => return Err(Stop),
            Err(Trouble::Read(error)) => Some(error.to_string()),
            Err(Trouble::Parquet(error)) => Some(error.to_string()),
        };
        if let Some(why) = why {
            sink.refuse(first, &Reason::Rows { first, last, why })?;
        }
        first = last.saturating_add(u64::from(group.rows > 0));
    }
    Ok(layout_notes(&layout))
}

fn refuse_all(trouble: &Trouble, sink: &mut dyn Sink) -> Result<Vec<String>, Stop> {
    let why = match trouble {
        Trouble::Stop => return Err(Stop),
        Trouble::Read(error) => error.to_string(),
        Trouble::Parquet(error) => error.to_string(),
    };
    sink.refuse(0, &Reason::Input(why)).map(|()| Vec::new())
}

fn layout_notes(layout: &Layout) -> Vec<String> {
    if layout.left_out.is_empty() {
        return Vec::new();
    }
    let names = super::Quoted(layout.left_out.join(", ").as_bytes()).to_string();
    vec![format!("columns that hold neither numbers nor text, or further times, are left out: {names}")]
}

struct RowReader<'l> {
    layout: &'l Layout,
    rule: &'l NodeRule,
    series: SeriesCache<SeriesId>,
    named: Named,
}

/// The texts that name a series, one behind the other.
#[derive(Default)]
struct Named {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Named {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The length stands before each text, so that none can look like two.
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn text(&self, place: usize) -> Option<&str> {
        let from = if place == 0 { 0 } else { *self.ends.get(place - 1)? } + 4;
        std::str::from_utf8(self.bytes.get(from..*self.ends.get(place)?)?).ok()
    }
}

/// What names a series beside its node and labels.
enum Metric<'a> {
    /// The texts of the row, behind the labels: the metric, and its labels as JSON if there are any.
    InRow { column: usize, json: Option<usize> },
    /// A column's.
    Column(&'a Measured),
}

impl RowReader<'_> {
    fn group<F: Read + Seek>(
        &mut self,
        file: &File<F>,
        footer: &Footer,
        group: &Group,
        first: u64,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let open = |column: usize| -> Result<Values<'_, F>, Trouble> {
            let of: &Column = footer.columns.get(column).ok_or(ParquetError::Metadata)?;
            Values::new(file, of, *group.chunks.get(column).ok_or(ParquetError::Metadata)?)
        };
        let layout = self.layout;
        let all = |places: &[usize]| places.iter().map(|place| open(*place)).collect::<Result<Vec<_>, _>>();
        let mut naming: Vec<usize> = layout.node.into_iter().chain(layout.labels.iter().map(|(i, _)| *i)).collect();
        match &layout.rows {
            Rows::Long { metric, json, value } => {
                naming.push(*metric);
                naming.extend(*json);
                let (mut time, mut texts, mut number) = (open(layout.time.0)?, all(&naming)?, open(value.0)?);
                for row in first..first.saturating_add(group.rows) {
                    let at = layout.time.1.millis(time.next()?);
                    self.name(&mut texts)?;
                    let Some(value) = value.1.value(number.next()?) else { continue };
                    let Some(ts) = self.time(row, at, sink)? else { continue };
                    let metric = Metric::InRow { column: *metric, json: *json };
                    self.sample(row, ts, value, &metric, sink)?;
                }
            }
            Rows::Wide(measured) => {
                for (pass, measured) in measured.chunks(SIDE_BY_SIDE).enumerate() {
                    let (mut time, mut texts) = (open(layout.time.0)?, all(&naming)?);
                    let mut numbers = all(&measured.iter().map(|measured| measured.column).collect::<Vec<_>>())?;
                    for row in first..first.saturating_add(group.rows) {
                        let at = layout.time.1.millis(time.next()?);
                        self.name(&mut texts)?;
                        // a row without a time is told once
                        let ts = if at.is_none() && pass > 0 { None } else { self.time(row, at, sink)? };
                        for (number, measured) in numbers.iter_mut().zip(measured) {
                            let value = measured.number.value(number.next()?);
                            if let (Some(ts), Some(value)) = (ts, value) {
                                self.sample(row, ts, value, &Metric::Column(measured), sink)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn name<F: Read + Seek>(&mut self, texts: &mut [Values<'_, F>]) -> Result<(), Trouble> {
        self.named.clear();
        for text in texts {
            match text.next()? {
                Cell::Bytes(text) => self.named.push(text),
                _ => self.named.push(b""),
            }
        }
        Ok(())
    }

    fn time(&self, row: u64, ms: Option<i64>, sink: &mut dyn Sink) -> Result<Option<Timestamp>, Stop> {
        let column = self.layout.time.0 + 1;
        let Some(ms) = ms else {
            return sink.refuse(row, &Reason::Time { column, text: b"" }).map(|()| None);
        };
        let ts = Timestamp::from_millis(ms);
        if ts.is_storable() {
            return Ok(Some(ts));
        }
        sink.refuse(row, &Reason::TimeOutside { column, text: ms.to_string().as_bytes() }).map(|()| None)
    }

    fn sample(
        &mut self,
        row: u64,
        ts: Timestamp,
        value: f64,
        metric: &Metric<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let length = self.named.bytes.len();
        if let Metric::Column(measured) = metric {
            self.named.bytes.extend_from_slice(&(measured.column as u32).to_le_bytes());
        }
        let found = self.series.get(&self.named.bytes);
        let series = match found {
            Ok(series) => Ok(series),
            Err(missing) => match self.key(metric) {
                Ok(key) => {
                    let series = sink.series(&key, None)?;
                    self.series.insert(missing, &self.named.bytes, series);
                    Ok(series)
                }
                Err(reason) => Err(reason),
            },
        };
        self.named.bytes.truncate(length);
        match series {
            Ok(series) => sink.sample(series, ts, value),
            Err(reason) => sink.refuse(row, &reason),
        }
    }

    fn key(&self, metric: &Metric<'_>) -> Result<SeriesKey, Reason<'static>> {
        let layout = self.layout;
        let refused = |column: usize| move |source: NameError| Reason::Name { column: column + 1, source };
        let mut places = 0..;
        let mut next = |column: usize| {
            let text = places.next().and_then(|place| self.named.text(place));
            text.ok_or(Reason::NotUtf8 { column: column + 1 })
        };
        let node = layout.node.map(&mut next).transpose()?.filter(|node| !node.is_empty());
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (column, name) in &layout.labels {
            pairs.push((name.clone(), next(*column)?.to_owned()));
        }
        let (metric, column) = match metric {
            Metric::Column(measured) => {
                pairs.extend(measured.labels.iter().cloned());
                (measured.metric.as_str(), measured.column)
            }
            Metric::InRow { column, json } => {
                let metric = next(*column)?;
                if let Some(json) = json {
                    let labels = Labels::from_json(next(*json)?);
                    let labels =
                        labels.map_err(|source: LabelsJsonError| Reason::Labels { column: json + 1, source })?;
                    pairs.extend(labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
                }
                (metric, *column)
            }
        };
        let name = MetricName::new(metric).map_err(refused(column))?;
        let (node, labels) = match (layout.node, node) {
            (Some(place), Some(node)) if self.rule.given.is_none() => {
                (NodeName::new(node).map_err(refused(place))?, Labels::new(pairs).map_err(refused(column))?)
            }
            // under a node that was asked for, the column is a label like any other
            (_, node) => {
                pairs.extend(node.map(|node| ("node".to_owned(), node.to_owned())));
                self.rule.split(&pairs).map_err(refused(column))?
            }
        };
        Ok(SeriesKey { node, metric: name, labels })
    }
}

#[cfg(test)]
mod tests;
