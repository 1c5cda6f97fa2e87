//! Where an import's samples go: into the store, or nowhere in the first reading of a strict import.

use super::{ImportError, Reason, Seen, Sink, Tally};
use crate::ingest::formats::Stop;
use crate::model::{Annotation, MetricMeta, SeriesId, SeriesKey, Timestamp};
use crate::store::{Bulk, StoreError};

/// Only looks whether every line is good.
pub(super) struct CheckSink<'a> {
    pub(super) seen: Seen<'a>,
    series: u32,
}

impl<'a> CheckSink<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        CheckSink { seen: Seen::new(file), series: 0 }
    }
}

/// A sink of an import, which keeps what a person should know, too.
pub(super) trait ImportSink: Sink {
    /// What a person should know of how the file was read.
    fn note(&mut self, text: &str);

    /// The same as what parsers are given.
    fn as_sink(&mut self) -> &mut dyn Sink;
}

impl ImportSink for CheckSink<'_> {
    fn note(&mut self, _text: &str) {} // said when the file is taken

    fn as_sink(&mut self) -> &mut dyn Sink {
        self
    }
}

impl ImportSink for StoreSink<'_, '_> {
    fn note(&mut self, text: &str) {
        self.seen.note(text);
    }

    fn as_sink(&mut self) -> &mut dyn Sink {
        self
    }
}

impl Sink for CheckSink<'_> {
    fn series(&mut self, _key: &SeriesKey, _meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        self.series = self.series.wrapping_add(1);
        Ok(SeriesId(self.series))
    }

    fn sample(&mut self, _series: SeriesId, _ts: Timestamp, _value: f64) -> Result<(), Stop> {
        Ok(())
    }

    fn event(&mut self, _event: Annotation) -> Result<(), Stop> {
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.seen.refuse(line, reason);
        if reason.refuses_the_input() { Err(Stop) } else { Ok(()) }
    }
}

/// Into the store.
pub(super) struct StoreSink<'a, 's> {
    bulk: Bulk<'s>,
    seen: Seen<'a>,
    tally: &'a mut Tally,
    error: Option<StoreError>,
}

impl<'a, 's> StoreSink<'a, 's> {
    pub(super) fn new(bulk: Bulk<'s>, file: &'a str, tally: &'a mut Tally) -> Self {
        StoreSink { bulk, seen: Seen::new(file), tally, error: None }
    }

    /// Commits, and counts what became of the samples.
    pub(super) fn finish(self) -> Result<(), ImportError> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        if self.seen.is_unreadable() {
            self.tally.refuse_strictly(self.seen);
            return Ok(());
        }
        let counts = self.bulk.finish()?;
        self.tally.take(self.seen, counts);
        Ok(())
    }

    fn kept<T>(&mut self, result: Result<T, StoreError>) -> Result<T, Stop> {
        result.map_err(|error| {
            self.error = Some(error);
            Stop
        })
    }
}

impl Sink for StoreSink<'_, '_> {
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        let renamed = self.tally.names.key(key);
        let key = renamed.as_ref().unwrap_or(key);
        let made = self.bulk.series(key, meta);
        let series = self.kept(made)?;
        self.seen.series.insert(series);
        if !self.seen.nodes.contains(&key.node) {
            self.seen.nodes.insert(key.node.clone());
        }
        Ok(series)
    }

    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop> {
        self.seen.sample(ts);
        let pushed = self.bulk.push(series, ts, value);
        self.kept(pushed)
    }

    fn event(&mut self, event: Annotation) -> Result<(), Stop> {
        self.seen.events += 1;
        let event = self.tally.names.event(event);
        self.bulk.annotate(event);
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.seen.refuse(line, reason);
        if reason.refuses_the_input() { Err(Stop) } else { Ok(()) }
    }
}
