use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use crate::codec::{self, CodecError};
use crate::model::{Aggregate, SeriesId, Timestamp};

use super::StoreError;
use super::catalog::series_name;
use super::checksum::RowChecksum;
use super::run::Run;
use super::window::{Window, WindowSet};

/// Columns of a chunk as [`ChunkHead::of_row`] reads them. Without the values SQLite leaves most pages of a chunk alone.
pub(super) const HEAD_COLUMNS: &str = "id, n, nan, min, max, sum, first, last, increase, times, crc";
/// The same, and `vals` as number 11.
pub(super) const COLUMNS: &str = "id, n, nan, min, max, sum, first, last, increase, times, crc, vals";
const VALS: usize = 11;

/// A chunk row without its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChunkHead {
    pub(super) window: Window,
    pub(super) series: SeriesId,
    pub(super) n: usize,
    pub(super) nan: usize,
    /// Of the samples that are numbers.
    pub(super) aggregate: Aggregate,
    /// Which times of the window's.
    pub(super) times: u32,
    crc: i64,
}

impl ChunkHead {
    /// Reads a row of [`HEAD_COLUMNS`]; [`ChunkHead::verify`] has still to be asked.
    pub(super) fn of_row(row: &Row<'_>) -> Result<ChunkHead, StoreError> {
        let id: i64 = row.get(0)?;
        let Some((window, series)) = Window::of_id(id) else {
            return Err(StoreError::damaged(format!("chunk {id} lies in no window")));
        };
        let real = |column| Ok::<f64, rusqlite::Error>(row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN));
        let (n, nan): (u32, u32) = (row.get(1)?, row.get(2)?);
        let count = u64::from(n.saturating_sub(nan));
        let aggregate = if count == 0 {
            Aggregate::EMPTY
        } else {
            let (first, last, increase) = (real(6)?, real(7)?, real(8)?);
            Aggregate { count, min: real(3)?, max: real(4)?, sum: real(5)?, first, last, increase }
        };
        let (n, nan) = (n as usize, nan as usize);
        Ok(ChunkHead { window, series: SeriesId(series), n, nan, aggregate, times: row.get(9)?, crc: row.get(10)? })
    }

    fn checksum(&self, times_crc: u32) -> i64 {
        let numbers = [self.window.chunk_id(self.series), self.n as i64, self.nan as i64, i64::from(self.times)];
        const CHUNK: RowChecksum = RowChecksum::tag("chunk");
        CHUNK.aggregate(numbers, &self.aggregate).int(i64::from(times_crc)).stored()
    }

    /// Decodes the values of its row into `values`. Needs no connection: any thread may do it.
    pub(super) fn decode(&self, bytes: &[u8], values: &mut Vec<f64>) -> Result<(), CodecError> {
        values.clear();
        codec::decode_values(self.window.chunk_id(self.series) as u64, bytes, self.n, values)
            .and_then(|()| same_count(values.len(), self.n))
    }

    fn verify(&self, times: &Times) -> Result<(), CodecError> {
        let computed = self.checksum(times.crc) as u32;
        let found = self.crc as u32;
        if computed != found {
            return Err(CodecError::Checksum { found, computed });
        }
        Ok(())
    }
}

/// The bytes of the values in a row of [`COLUMNS`], for [`ChunkHead::decode`].
pub(super) fn packed_values<'r>(row: &'r Row<'_>) -> Result<&'r [u8], StoreError> {
    row.get_ref(VALS)?.as_blob().map_err(|e| StoreError::damaged(e.to_string()))
}

/// Decoded times, shared by the chunks that refer to them.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub(super) times: Arc<[i64]>,
    /// Of their bytes: part of what the checksum of a chunk covers.
    crc: u32,
}

/// Reads chunks of one window after the other; decodes shared times once.
pub(super) struct ChunkReader<'c> {
    conn: &'c Connection,
    window: Option<Window>,
    times: HashMap<u32, Times>,
}

impl<'c> ChunkReader<'c> {
    pub(super) fn new(conn: &'c Connection) -> ChunkReader<'c> {
        ChunkReader { conn, window: None, times: HashMap::new() }
    }

    /// The chunk of `series` in `window`, decoded into `values`; its head and times. `None` where there is none.
    pub(super) fn find(
        &mut self,
        window: Window,
        series: SeriesId,
        values: &mut Vec<f64>,
    ) -> Result<Option<(ChunkHead, Times)>, StoreError> {
        let mut select = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM chunk WHERE id = ?1"))?;
        let mut rows = select.query([window.chunk_id(series)])?;
        rows.next()?.map(|row| self.decode(row, values)).transpose()
    }

    /// Decodes a row of [`COLUMNS`] into `values`; its head and times.
    pub(super) fn decode(&mut self, row: &Row<'_>, values: &mut Vec<f64>) -> Result<(ChunkHead, Times), StoreError> {
        let (head, times) = self.head(row)?;
        head.decode(packed_values(row)?, values).map_err(|source| damaged_chunk(self.conn, &head, source))?;
        Ok((head, times))
    }

    /// The value of `series` at `ts`. The values are decoded only if the chunk has that time.
    pub(super) fn value_at(
        &mut self,
        window: Window,
        series: SeriesId,
        ts: i64,
        values: &mut Vec<f64>,
    ) -> Result<Option<f64>, StoreError> {
        let mut select = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM chunk WHERE id = ?1"))?;
        let mut rows = select.query([window.chunk_id(series)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (_, times) = self.head(row)?;
        let Ok(place) = times.times.binary_search(&ts) else { return Ok(None) };
        self.decode(row, values)?;
        Ok(values.get(place).copied())
    }

    /// Whether `series` has a sample at `ts`; no value is decoded.
    pub(super) fn has(&mut self, window: Window, series: SeriesId, ts: i64) -> Result<bool, StoreError> {
        let mut select = self.conn.prepare_cached(&format!("SELECT {HEAD_COLUMNS} FROM chunk WHERE id = ?1"))?;
        let mut rows = select.query([window.chunk_id(series)])?;
        let Some(row) = rows.next()? else { return Ok(false) };
        Ok(self.head(row)?.1.times.binary_search(&ts).is_ok())
    }

    /// The head of a row of [`HEAD_COLUMNS`] and its times, verified; the values are not looked at.
    pub(super) fn head(&mut self, row: &Row<'_>) -> Result<(ChunkHead, Times), StoreError> {
        let head = ChunkHead::of_row(row)?;
        let times = self.times_of(&head)?;
        head.verify(&times).map_err(|source| damaged_chunk(self.conn, &head, source))?;
        Ok((head, times))
    }

    fn times_of(&mut self, head: &ChunkHead) -> Result<Times, StoreError> {
        if self.window != Some(head.window) {
            self.times.clear();
            self.window = Some(head.window);
        }
        if let Some(times) = self.times.get(&head.times) {
            return Ok(times.clone());
        }
        let times = load_times(self.conn, head)
            .and_then(|found| found.map_err(|source| damaged_chunk(self.conn, head, source)))?;
        self.times.insert(head.times, times.clone());
        Ok(times)
    }
}

fn load_times(conn: &Connection, head: &ChunkHead) -> Result<Result<Times, CodecError>, StoreError> {
    let mut select = conn.prepare_cached("SELECT bytes FROM chunk_time WHERE id = ?1")?;
    let id = head.window.base_id() | i64::from(head.times);
    let Some(bytes) = select.query_row([id], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
        return Ok(Err(CodecError::Damaged { what: "its times are not there".to_owned() }));
    };
    let mut times = Vec::with_capacity(head.n.min(1 << 16));
    Ok(codec::decode_times(head.window.base_id() as u64, &bytes, head.n, &mut times)
        .and_then(|()| same_count(times.len(), head.n))
        .and_then(|()| inside(&times, head.window))
        .map(|()| Times { times: times.into(), crc: crc32c::crc32c(&bytes) }))
}

fn same_count(found: usize, n: usize) -> Result<(), CodecError> {
    if found == n { Ok(()) } else { Err(CodecError::Damaged { what: format!("it holds {found} of {n}") }) }
}

fn inside(times: &[i64], window: Window) -> Result<(), CodecError> {
    let inside = times.first().is_none_or(|t| *t >= window.start()) && times.last().is_none_or(|t| *t < window.end());
    if inside && times.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(CodecError::Damaged { what: "its times are not of its window".to_owned() })
}

pub(super) fn damaged_chunk(conn: &Connection, head: &ChunkHead, source: CodecError) -> StoreError {
    StoreError::DamagedChunk {
        path: PathBuf::new(),
        series: series_name(conn, head.series),
        from: Timestamp::from_millis(head.window.start()),
        to: Timestamp::from_millis(head.window.end()),
        source,
    }
}

/// A chunk ready to be written.
pub(super) struct EncodedChunk {
    head: ChunkHead,
    vals: Vec<u8>,
}

impl EncodedChunk {
    pub(super) fn id(&self) -> i64 {
        self.head.window.chunk_id(self.head.series)
    }

    pub(super) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let h = &self.head;
        let a = &h.aggregate;
        let real = |v: f64| (!h.aggregate.is_empty() && !v.is_nan()).then_some(v);
        let (min, max, sum) = (real(a.min), real(a.max), real(a.sum));
        let (first, last, increase) = (real(a.first), real(a.last), real(a.increase));
        let row: [&dyn ToSql; 12] = [
            &self.id(),
            &(h.n as i64),
            &(h.nan as i64),
            &min,
            &max,
            &sum,
            &first,
            &last,
            &increase,
            &h.times,
            &h.crc,
            &self.vals,
        ];
        conn.prepare_cached(&format!(
            "INSERT INTO chunk ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ))?
        .execute(row)?;
        Ok(())
    }
}

/// Encodes chunks of one window; equal times get one number.
pub(super) struct ChunkEncoder {
    window: Window,
    /// Numbers by the bytes of the times: of what the window holds already, and of what was added.
    by_bytes: HashMap<Vec<u8>, u32>,
    /// Number and checksum by the times themselves.
    by_times: HashMap<Arc<[i64]>, (u32, u32)>,
    /// The times met last, which the next series of a scrape most often has too.
    last: Option<(Arc<[i64]>, u32, u32)>,
    next_number: u32,
    /// What is to be inserted: `(number, n, first, last, bytes)`.
    new_times: Vec<NewTimes>,
}

struct NewTimes {
    number: u32,
    n: usize,
    first: i64,
    last: i64,
    bytes: Vec<u8>,
}

impl ChunkEncoder {
    /// For a window, knowing the times it holds already.
    pub(super) fn new(conn: &Connection, window: Window) -> Result<ChunkEncoder, StoreError> {
        let mut encoder = ChunkEncoder {
            window,
            by_bytes: HashMap::new(),
            by_times: HashMap::new(),
            last: None,
            next_number: 1,
            new_times: Vec::new(),
        };
        let mut select = conn.prepare_cached("SELECT id, bytes FROM chunk_time WHERE id BETWEEN ?1 AND ?2")?;
        let mut rows = select.query([*window.ids().start(), *window.ids().end()])?;
        while let Some(row) = rows.next()? {
            let number = row.get::<_, i64>(0)? as u32;
            encoder.next_number = encoder.next_number.max(number.saturating_add(1));
            encoder.by_bytes.insert(row.get(1)?, number);
        }
        Ok(encoder)
    }

    pub(super) fn encode(&mut self, series: SeriesId, run: &Run) -> EncodedChunk {
        let (times, times_crc) = self.number_of(&run.times);
        let nan = run.values.iter().filter(|v| v.is_nan()).count();
        let aggregate = Aggregate::of(&run.values);
        let mut head = ChunkHead { window: self.window, series, n: run.len(), nan, aggregate, times, crc: 0 };
        head.crc = head.checksum(times_crc);
        EncodedChunk { head, vals: codec::encode_values(self.window.chunk_id(series) as u64, &run.values) }
    }

    fn number_of(&mut self, times: &[i64]) -> (u32, u32) {
        if let Some((last, number, crc)) = &self.last
            && **last == *times
        {
            return (*number, *crc);
        }
        if let Some((known, (number, crc))) = self.by_times.get_key_value(times) {
            self.last = Some((Arc::clone(known), *number, *crc));
            return (*number, *crc);
        }
        let (number, crc) = self.encode_times(times);
        let shared: Arc<[i64]> = Arc::from(times);
        self.by_times.insert(Arc::clone(&shared), (number, crc));
        self.last = Some((shared, number, crc));
        (number, crc)
    }

    fn encode_times(&mut self, times: &[i64]) -> (u32, u32) {
        let bytes = codec::encode_times(self.window.base_id() as u64, times);
        let crc = crc32c::crc32c(&bytes);
        if let Some(number) = self.by_bytes.get(&bytes) {
            return (*number, crc);
        }
        let number = self.next_number;
        self.next_number += 1;
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        self.new_times.push(NewTimes { number, n: times.len(), first, last, bytes: bytes.clone() });
        self.by_bytes.insert(bytes, number);
        (number, crc)
    }

    /// Writes the times that are new.
    pub(super) fn write_times(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let mut insert = conn.prepare_cached(
            "INSERT INTO chunk_time (id, n, first, last, crc, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for t in self.new_times.drain(..) {
            let id = self.window.base_id() | i64::from(t.number);
            let crc = times_checksum(id, t.n as i64, t.first, t.last);
            insert.execute((id, t.n as i64, t.first, t.last, crc, t.bytes))?;
        }
        Ok(())
    }
}

pub(super) fn times_checksum(id: i64, n: i64, first: i64, last: i64) -> i64 {
    RowChecksum::of("chunk_time").ints([id, n, first, last]).stored()
}

/// Drops the times of `window` that no chunk refers to any more.
pub(super) fn drop_unused_times(conn: &Connection, window: Window) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM chunk_time WHERE id BETWEEN ?1 AND ?2
         AND id & 0xffffffff NOT IN (SELECT times FROM chunk WHERE id BETWEEN ?1 AND ?2)",
    )?
    .execute([*window.ids().start(), *window.ids().end()])?;
    Ok(())
}

/// First and last time of what a window holds.
fn window_span(conn: &Connection, window: Window) -> Result<Option<(i64, i64)>, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT id, n, first, last, crc FROM chunk_time WHERE id BETWEEN ?1 AND ?2")?;
    let mut rows = select.query([*window.ids().start(), *window.ids().end()])?;
    let mut span: Option<(i64, i64)> = None;
    while let Some(row) = rows.next()? {
        let (id, n, first, last) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if row.get::<_, i64>(4)? != times_checksum(id, n, first, last) {
            return Err(StoreError::damaged(format!("row {id} of `chunk_time` does not match its checksum")));
        }
        span = Some(span.map_or((first, last), |(a, b)| (first.min(a), last.max(b))));
    }
    Ok(span)
}

/// First and last time of all sealed samples. Looks at the outermost windows only.
pub(super) fn sealed_span(conn: &Connection, windows: &WindowSet) -> Result<Option<(i64, i64)>, StoreError> {
    let mut earliest: Option<i64> = None;
    for window in windows.iter() {
        if earliest.is_some_and(|first| window.start() >= first) {
            break;
        }
        let first = window_span(conn, window)?.map(|(first, _)| first);
        earliest = earliest.into_iter().chain(first).min();
    }
    let mut by_end: Vec<Window> = windows.iter().collect();
    by_end.sort_unstable_by_key(|w| std::cmp::Reverse(w.end()));
    let mut latest: Option<i64> = None;
    for window in by_end {
        if latest.is_some_and(|last| window.end() <= last) {
            break;
        }
        let last = window_span(conn, window)?.map(|(_, last)| last);
        latest = latest.max(last);
    }
    Ok(earliest.zip(latest))
}
