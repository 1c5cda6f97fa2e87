//! All samples of many series into what takes them in, on all cores.
//!
//! The connection is one thread's, so that everything is of its snapshot: this one reads the rows, which is a small part of the work. Others decode
//! them and take them in, a series from its first sample to its last on one of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use rusqlite::Connection;

use crate::codec::CodecError;
use crate::model::{SeriesId, TimeRange};

use super::chunk::{COLUMNS, ChunkHead, ChunkReader, Times, damaged_chunk, packed_values};
use super::chunk_rows::ChunkRows;
use super::head::{self, HeadReader, Wanted};
use super::run::Run;
use super::setting::Setting;
use super::window::{Window, WindowSet};
use super::{StoreError, WriteCounts};

/// Takes in the samples of one series.
pub trait Intake: Send {
    /// The next run; times strictly ascending over all runs.
    fn take(&mut self, times: &[i64], values: &[f64]);

    /// There are no more.
    fn end(&mut self) {}
}

/// Rows (some 4 KB each) read before they are handed on, and the most series they are of.
const CHUNKS_A_GROUP: usize = 512;
const SERIES_A_GROUP: usize = 64;
/// Fewer chunks are not worth a thread.
const CHUNKS_A_THREAD: usize = 16;
const THREADS_MAX: usize = 8;
/// Head rows (16 bytes each) held at once: of more, the series are gone through in several passes.
const HEAD_ROWS_MAX: usize = 4 << 20;

/// Gives the samples of `series` (sorted by id) in `range`, head and chunks as one, to the intake at the same place.
pub(crate) fn fold<I: Intake>(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    intakes: &mut [I],
) -> Result<(), StoreError> {
    let sealed_until = Setting::SealedUntil.read(conn)?.unwrap_or(i64::MIN);
    let range = range.from().millis()..range.to().millis();
    let head = range.start.max(sealed_until)..range.end;
    let passes = head::count_in(conn, &range)? / HEAD_ROWS_MAX + 1;
    let each = series.len().div_ceil(passes).max(1);
    let windows: Vec<Window> = windows.iter().filter(|w| w.start() < range.end && w.end() > range.start).collect();
    for (series, intakes) in series.chunks(each).zip(intakes.chunks_mut(each)) {
        let wanted = Wanted::of(series);
        let late = rows_of(conn, range.start..range.end.min(sealed_until), &wanted)?;
        let head = rows_of(conn, head.clone(), &wanted)?;
        let mut gatherer = Gatherer { conn, windows: &windows, late, head };
        match threads_for(series.len() * windows.len()) {
            0 | 1 => one_by_one(&mut gatherer, series, &range, intakes)?,
            threads => on_threads(&mut gatherer, series, &range, intakes, threads)?,
        }
    }
    Ok(())
}

fn threads_for(chunks: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (chunks / CHUNKS_A_THREAD).min(cores).min(THREADS_MAX)
}

fn rows_of(conn: &Connection, range: Range<i64>, wanted: &Wanted) -> Result<HashMap<SeriesId, Run>, StoreError> {
    let mut reader = HeadReader::new(conn, range);
    let mut rows = HashMap::new();
    while let Some((runs, _)) = reader.next_slice(usize::MAX, Some(wanted))? {
        rows.extend(runs);
    }
    Ok(rows)
}

fn one_by_one<I: Intake>(
    gatherer: &mut Gatherer<'_>,
    series: &[SeriesId],
    range: &Range<i64>,
    intakes: &mut [I],
) -> Result<(), StoreError> {
    let mut scratch = Scratch::default();
    let mut intakes = intakes.iter_mut();
    for group in series.chunks(gatherer.series_a_group()) {
        for (gathered, intake) in gatherer.gather(group)?.into_iter().zip(intakes.by_ref()) {
            Work { gathered, intake }.done(range, &mut scratch).map_err(|e| e.of(gatherer.conn))?;
        }
    }
    Ok(())
}

fn on_threads<I: Intake>(
    gatherer: &mut Gatherer<'_>,
    series: &[SeriesId],
    range: &Range<i64>,
    intakes: &mut [I],
    threads: usize,
) -> Result<(), StoreError> {
    let (send, receive) = sync_channel(2 * threads);
    let receive = Mutex::new(receive);
    let failed = OnceLock::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&receive, range, &failed));
        }
        hand_out(gatherer, series, intakes, send, &failed)
    })?;
    failed.into_inner().map_or(Ok(()), |e: Undecoded| Err(e.of(gatherer.conn)))
}

/// Reads on for as long as nothing failed; the workers end when `send` does.
fn hand_out<'i, I: Intake>(
    gatherer: &mut Gatherer<'_>,
    series: &[SeriesId],
    intakes: &'i mut [I],
    send: SyncSender<Work<'i, I>>,
    failed: &OnceLock<Undecoded>,
) -> Result<(), StoreError> {
    let mut intakes = intakes.iter_mut();
    for group in series.chunks(gatherer.series_a_group()) {
        for (gathered, intake) in gatherer.gather(group)?.into_iter().zip(intakes.by_ref()) {
            if failed.get().is_some() || send.send(Work { gathered, intake }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn work<I: Intake>(receive: &Mutex<Receiver<Work<'_, I>>>, range: &Range<i64>, failed: &OnceLock<Undecoded>) {
    let next = || receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut scratch = Scratch::default();
    while let Ok(work) = next() {
        if failed.get().is_none()
            && let Err(e) = work.done(range, &mut scratch)
        {
            let _ = failed.set(e); // the first one is told
        }
    }
}

/// A chunk that could not be decoded.
struct Undecoded(Box<ChunkHead>, CodecError);

impl Undecoded {
    fn of(self, conn: &Connection) -> StoreError {
        damaged_chunk(conn, &self.0, self.1)
    }
}

/// A chunk as it was read.
struct PackedChunk {
    head: ChunkHead,
    times: Times,
    bytes: Vec<u8>,
}

/// What there is of one series.
#[derive(Default)]
struct Gathered {
    /// In time order.
    chunks: Vec<PackedChunk>,
    /// Samples that are to be merged into those.
    late: Run,
    /// Those after them.
    head: Run,
}

struct Gatherer<'c> {
    conn: &'c Connection,
    windows: &'c [Window],
    late: HashMap<SeriesId, Run>,
    head: HashMap<SeriesId, Run>,
}

impl Gatherer<'_> {
    fn series_a_group(&self) -> usize {
        (CHUNKS_A_GROUP / self.windows.len().max(1)).clamp(1, SERIES_A_GROUP)
    }

    fn gather(&mut self, series: &[SeriesId]) -> Result<Vec<Gathered>, StoreError> {
        let mut gathered: Vec<Gathered> = Vec::with_capacity(series.len());
        for id in series {
            let [late, head] = [&mut self.late, &mut self.head].map(|rows| rows.remove(id).unwrap_or_default());
            gathered.push(Gathered { chunks: Vec::with_capacity(self.windows.len()), late, head });
        }
        let rows = ChunkRows::new(self.conn, series, COLUMNS)?;
        for window in self.windows {
            let mut reader = ChunkReader::new(self.conn);
            let _ = rows.each(*window, &mut |row| {
                let (head, times) = reader.head(row)?;
                if let Ok(place) = series.binary_search(&head.series) {
                    let bytes = packed_values(row)?.to_vec();
                    gathered[place].chunks.push(PackedChunk { head, times, bytes });
                }
                Ok(std::ops::ControlFlow::Continue(()))
            })?;
        }
        Ok(gathered)
    }
}

struct Work<'i, I> {
    gathered: Gathered,
    intake: &'i mut I,
}

#[derive(Default)]
struct Scratch {
    values: Vec<f64>,
    merged: Run,
}

impl<I: Intake> Work<'_, I> {
    /// Chunk by chunk, each joined with the late samples of its window and of the time before it, cut to the range.
    fn done(self, range: &Range<i64>, scratch: &mut Scratch) -> Result<(), Undecoded> {
        let Work { gathered: Gathered { chunks, mut late, head }, intake } = self;
        let Scratch { values, merged } = scratch;
        for PackedChunk { head, times, bytes } in chunks {
            head.decode(&bytes, values).map_err(|source| Undecoded(Box::new(head), source))?;
            let (mut times, mut values): (&[i64], &[f64]) = (&times.times, values);
            let late = late.take_before(head.window.end());
            if !late.is_empty() {
                merged.merge((times, values), (&late.times, &late.values), &mut WriteCounts::default());
                (times, values) = (&merged.times, &merged.values);
            }
            let from = times.partition_point(|t| *t < range.start);
            let upto = times.partition_point(|t| *t < range.end);
            if from < upto {
                intake.take(&times[from..upto], &values[from..upto]);
            }
        }
        for run in [late, head].iter().filter(|run| !run.is_empty()) {
            intake.take(&run.times, &run.values);
        }
        intake.end();
        Ok(())
    }
}
