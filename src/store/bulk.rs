use crate::model::{Annotation, MetricMeta, SeriesId, SeriesKey, Timestamp};

use super::chunk_writer::ChunkWriter;
use super::run::{Run, Runs};
use super::seal::hour_after;
use super::setting::Setting;
use super::window::{HOUR_MS, Window};
use super::writer::{Durability, HeadAppend, Known, OnConflict, Store, head_last};
use super::{StoreError, WriteCounts, annotation, forward, schema};

use rusqlite::Connection;

/// Samples buffered before they are written: 16 bytes each, and room for more than a window (8 h) of 2,000 series at 10 s.
const SAMPLES_MAX: usize = 8_000_000;

/// Level of the windows that are written as soon as they are complete: those of samples 10 and 15 s apart.
const WINDOW_FLUSHED: u8 = 2;

/// An import of fewer samples a series than this leaves the newest hour in the head: cheaper than encoding a chunk for each.
const SAMPLES_A_SERIES_WORTH_A_CHUNK: usize = 32;

/// A bulk import under way: samples of any order, straight to chunks, in bounded memory. Of equal times the later pushed sample wins.
///
/// A crash leaves the transactions that were done; nothing more is promised until [`Bulk::finish`]. After an error the import is over: every
/// later call fails too.
#[derive(Debug)]
pub struct Bulk<'a> {
    store: &'a mut Store,
    /// Buffers by series number, taken from the store and given back: many small imports make them once.
    runs: Vec<Run>,
    /// Numbers of the buffers that hold something.
    touched: Vec<u32>,
    buffered: usize,
    events: Vec<Annotation>,
    counts: WriteCounts,
    durability: Option<Durability>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Flushed,
    Failed,
    Finished,
}

impl<'a> Bulk<'a> {
    pub(super) fn new(store: &'a mut Store) -> Bulk<'a> {
        // One sync at the end does for all; if the pragma fails, each commit is synced.
        let durability = store.set_durability(Durability::Normal).ok();
        let (runs, touched, counts) = (std::mem::take(&mut store.runs), Vec::new(), WriteCounts::default());
        Bulk { store, runs, touched, buffered: 0, events: Vec::new(), counts, durability, state: State::Empty }
    }

    /// The handle of a series, made if new.
    pub fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, StoreError> {
        self.refuse_failed()?;
        let id = self.store.known()?.catalog.resolve(key, meta)?;
        if self.runs.len() <= id.0 as usize {
            self.runs.resize_with(id.0 as usize + 1, Run::default);
        }
        Ok(id)
    }

    /// Takes one sample.
    #[inline]
    pub fn push(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), StoreError> {
        if !ts.is_storable() {
            return Err(StoreError::Time { ms: ts.millis() });
        }
        let Some(run) = self.runs.get_mut(series.0 as usize) else {
            return Err(StoreError::UnknownSeries { id: series.0 });
        };
        if run.is_empty() {
            self.touched.push(series.0);
        }
        run.push(ts.millis(), value);
        self.buffered += 1;
        if self.buffered >= SAMPLES_MAX { self.flush() } else { Ok(()) }
    }

    /// Takes an event, which is stored with the end of the import; the same one twice changes nothing.
    pub fn annotate(&mut self, event: Annotation) {
        self.events.push(event);
    }

    /// Writes what is buffered and says what became of all samples.
    pub fn finish(mut self) -> Result<WriteCounts, StoreError> {
        self.refuse_failed()?;
        if let Some(durability) = self.durability.take() {
            self.store.set_durability(durability)?;
        }
        let runs = self.take_before(i64::MAX);
        let total: usize = runs.iter().map(|(_, run)| run.len()).sum();
        let few = self.state == State::Empty && total < runs.len() * SAMPLES_A_SERIES_WORTH_A_CHUNK;
        let newest = if few { Newest::ToHead } else { Newest::ToChunks };
        let flushed = self.state == State::Flushed;
        let events = std::mem::take(&mut self.events);
        self.state = State::Failed;
        let counts = self.store.transact(|conn, known| {
            let counts = write(conn, known, runs, newest)?;
            events.iter().try_for_each(|event| annotation::write(conn, event))?;
            if flushed {
                // Those commits were not synced. This one syncs the log, and with it them, but only if it has something to write itself.
                schema::write_first_page(conn)?;
            }
            Ok(counts)
        })?;
        self.counts.add(counts);
        self.state = State::Finished;
        Ok(self.counts)
    }

    /// Writes the windows that are complete as far as the buffer knows; all of it where that would not free half of it.
    fn flush(&mut self) -> Result<(), StoreError> {
        self.refuse_failed()?;
        let touched = || self.touched.iter().map(|number| &self.runs[*number as usize]);
        let latest = touched().filter_map(|run| run.times.last().copied()).max().unwrap_or(0);
        let cut = Window::holding(latest, WINDOW_FLUSHED).start();
        let before: usize = touched().map(|run| run.times.partition_point(|t| *t < cut)).sum();
        let runs = self.take_before(if before * 2 >= self.buffered { cut } else { i64::MAX });
        self.state = State::Failed;
        let counts = self.store.transact(|conn, known| write(conn, known, runs, Newest::ToChunks))?;
        self.counts.add(counts);
        self.state = State::Flushed;
        Ok(())
    }

    /// Takes the samples before `cut` out of the buffers, in order.
    fn take_before(&mut self, cut: i64) -> Runs {
        let mut taken = Runs::new();
        self.touched.sort_unstable();
        for number in &self.touched {
            let run = &mut self.runs[*number as usize];
            run.sort(&mut self.counts);
            let upto = run.times.partition_point(|t| *t < cut);
            let rest = Run { times: run.times.split_off(upto), values: run.values.split_off(upto) };
            let part = std::mem::replace(run, rest);
            if !part.is_empty() {
                taken.push((SeriesId(*number), part));
            }
        }
        self.touched.retain(|number| !self.runs[*number as usize].is_empty());
        self.buffered = self.touched.iter().map(|number| self.runs[*number as usize].len()).sum();
        taken
    }

    fn refuse_failed(&self) -> Result<(), StoreError> {
        if self.state == State::Failed { Err(StoreError::ImportFailed) } else { Ok(()) }
    }
}

impl Drop for Bulk<'_> {
    fn drop(&mut self) {
        if let Some(durability) = self.durability.take() {
            // Where this fails, so will the next commit.
            let _ = self.store.set_durability(durability);
        }
        if self.state != State::Finished {
            self.store.forget(); // series that were named but never written
        }
        self.touched.iter().for_each(|number| self.runs[*number as usize] = Run::default());
        self.store.runs = std::mem::take(&mut self.runs);
    }
}

/// Notes which of the runs an engine that is handed on to has passed already.
fn note_late(conn: &Connection, runs: &Runs) -> Result<(), StoreError> {
    let Some(claimed) = forward::claimed(conn)? else { return Ok(()) };
    let late = runs.iter().filter_map(|(series, run)| {
        let late = &run.times[..run.times.partition_point(|t| *t < claimed)];
        Some((*series, *late.first()?, *late.last()?))
    });
    forward::note(conn, late)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Newest {
    ToHead,
    ToChunks,
}

/// Writes runs in one transaction of the caller: what belongs to the newest hour into the head where `newest` says so, all else into chunks.
fn write(conn: &Connection, known: &mut Known, runs: Runs, newest: Newest) -> Result<WriteCounts, StoreError> {
    known.catalog.write(conn)?;
    note_late(conn, &runs)?;
    let Some(latest) = runs.iter().filter_map(|(_, run)| run.times.last().copied()).max() else {
        return Ok(WriteCounts::default());
    };
    let boundary = match newest {
        Newest::ToChunks => hour_after(latest),
        Newest::ToHead => {
            let latest = head_last(conn)?.map_or(latest, |t| t.max(latest));
            known.sealed_until.max(latest.div_euclid(HOUR_MS) * HOUR_MS)
        }
    };
    let (mut old, mut new) = (Runs::new(), Runs::new());
    for (series, mut run) in runs {
        let upto = run.times.partition_point(|t| *t < boundary);
        let rest = Run { times: run.times.split_off(upto), values: run.values.split_off(upto) };
        new.extend((!rest.is_empty()).then_some((series, rest)));
        old.extend((!run.is_empty()).then_some((series, run)));
    }
    let mut counts = WriteCounts::default();
    if !old.is_empty() {
        // The head wins over chunks: what waits there goes first, so that the import wins over it.
        while known.seal_slice(conn, boundary)?.is_some() {}
        let last = old.iter().filter_map(|(_, run)| run.times.last().copied()).max().unwrap_or(latest);
        counts.add(ChunkWriter::new(conn, &mut known.windows).write(&old)?);
        Setting::SealedUntil.raise(conn, hour_after(last))?;
        known.sealed_until = known.sealed_until.max(hour_after(last));
    }
    let mut head = HeadAppend::new(conn, known, OnConflict::Replace)?;
    for (series, run) in &new {
        for (ts, value) in run.times.iter().zip(&run.values) {
            head.push(*series, *ts, *value)?;
        }
    }
    counts.add(head.counts);
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{T0, key};
    use super::*;

    /// An import whose last sample filled the buffer was acknowledged without a sync: nothing was left for the last commit, which alone does one.
    #[test]
    fn an_import_that_ends_with_a_full_buffer_is_synced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, super::super::StoreOptions::default()).unwrap();
        let other = super::super::file::open_for_tampering(&path);
        let version = || other.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
        let mut bulk = store.bulk();
        let id = bulk.series(&key(0), None).unwrap();
        bulk.push(id, Timestamp::from_millis(T0), 1.0).unwrap();
        bulk.flush().unwrap();
        assert_eq!(bulk.buffered, 0);
        let flushed = version();
        assert_eq!(bulk.finish().unwrap().stored, 1);
        assert_ne!(version(), flushed, "the last commit wrote to the log");
    }
}
