//! Samples in runs, pulled one after the other: first of the chunks, window by window, then of the head.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection};

use crate::model::SeriesId;
use crate::store::StoreError;
use crate::store::chunk::{COLUMNS, ChunkReader};
use crate::store::head::{HeadReader, Wanted};
use crate::store::run::Run;
use crate::store::setting::Setting;
use crate::store::window::Window;

use super::arguments::Bounds;
use super::names::Names;

/// Head rows read at a time, at least: a slice ends with an hour.
const HEAD_ROWS: usize = 16 << 10;

/// Whether values are looked at, or only times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Times,
    Values,
}

/// Samples of one series in ascending time.
pub(super) struct FeedRun<'f> {
    pub(super) series: SeriesId,
    pub(super) times: &'f [i64],
    /// As many as times; empty where only times were asked for.
    pub(super) values: &'f [f64],
}

/// Every wanted sample once. Times ascend within a run; over the runs of a series they do too, but that late samples come at the
/// end. Unlike `scan` it can stop between any two runs and go on, as a cursor has to.
pub(super) struct Feed<'c> {
    series: Rc<[SeriesId]>,
    bounds: Bounds,
    depth: Depth,
    /// Those still to be read, the next one last.
    windows: Vec<Window>,
    /// Where to go on within the current window.
    cursor: Option<Cursor>,
    select: CachedStatement<'c>,
    reader: ChunkReader<'c>,
    head: HeadReader<'c>,
    wanted: Wanted,
    head_runs: Vec<(SeriesId, Run)>,
    /// Times, by series, of head samples that lie where chunks do: they win over the chunk's.
    late: HashMap<SeriesId, Vec<i64>>,
    times: Arc<[i64]>,
    values: Vec<f64>,
    filtered: Run,
}

struct Cursor {
    window: Window,
    /// Place in the wanted series of the one that is looked for.
    next: usize,
}

impl<'c> Feed<'c> {
    /// Over `series`, sorted by id, in `bounds`.
    pub(super) fn new(
        conn: &'c Connection,
        names: &Names,
        series: Rc<[SeriesId]>,
        bounds: Bounds,
        depth: Depth,
    ) -> Result<Feed<'c>, StoreError> {
        let in_reach = |window: &Window| window.start() < bounds.to && window.end() > bounds.from && !series.is_empty();
        let windows: Vec<Window> = names.windows.iter().rev().filter(in_reach).collect();
        let sql = format!("SELECT {COLUMNS} FROM chunk WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1");
        let wanted = Wanted::of(&series);
        let late = if windows.is_empty() { HashMap::new() } else { late_times(conn, bounds, &wanted)? };
        let in_head = if series.is_empty() { 0..0 } else { bounds.from..bounds.to };
        Ok(Feed {
            series,
            bounds,
            depth,
            windows,
            cursor: None,
            select: conn.prepare_cached(&sql)?,
            reader: ChunkReader::new(conn),
            head: HeadReader::new(conn, in_head),
            wanted,
            head_runs: Vec::new(),
            late,
            times: Arc::from([]),
            values: Vec::new(),
            filtered: Run::default(),
        })
    }

    /// The next run; `None` at the end. Never an empty one.
    pub(super) fn next_run(&mut self) -> Result<Option<FeedRun<'_>>, StoreError> {
        while let Some(series) = self.next_chunk()? {
            let from = self.times.partition_point(|t| *t < self.bounds.from);
            let to = self.times.partition_point(|t| *t < self.bounds.to);
            if from == to {
                continue;
            }
            if !self.late.contains_key(&series) {
                let values = if self.depth == Depth::Values { &self.values[from..to] } else { &[] };
                return Ok(Some(FeedRun { series, times: &self.times[from..to], values }));
            }
            self.leave_out_late(series, from, to);
            if !self.filtered.is_empty() {
                return Ok(Some(FeedRun { series, times: &self.filtered.times, values: &self.filtered.values }));
            }
        }
        self.next_head_run()
    }

    /// Reads the next wanted chunk into `times` and `values`.
    fn next_chunk(&mut self) -> Result<Option<SeriesId>, StoreError> {
        loop {
            let Some(cursor) = &mut self.cursor else {
                let Some(window) = self.windows.pop() else { return Ok(None) };
                self.cursor = Some(Cursor { window, next: 0 });
                continue;
            };
            let Some(first) = self.series.get(cursor.next) else {
                self.cursor = None;
                continue;
            };
            let mut rows = self.select.query((cursor.window.chunk_id(*first), *cursor.window.ids().end()))?;
            let Some(row) = rows.next()? else {
                drop(rows);
                self.cursor = None;
                continue;
            };
            let found = SeriesId(row.get::<_, i64>(0)? as u32);
            let place = cursor.next + self.series[cursor.next..].partition_point(|s| *s < found);
            if self.series.get(place) != Some(&found) {
                cursor.next = place;
                continue;
            }
            cursor.next = place + 1;
            let (_, times) = match self.depth {
                Depth::Values => self.reader.decode(row, &mut self.values)?,
                Depth::Times => self.reader.head(row)?,
            };
            self.times = times.times;
            return Ok(Some(found));
        }
    }

    fn leave_out_late(&mut self, series: SeriesId, from: usize, to: usize) {
        self.filtered.clear();
        let late = self.late.get(&series).map_or(&[][..], Vec::as_slice);
        for i in (from..to).filter(|i| late.binary_search(&self.times[*i]).is_err()) {
            self.filtered.times.push(self.times[i]);
            if self.depth == Depth::Values {
                self.filtered.values.push(self.values[i]);
            }
        }
    }

    fn next_head_run(&mut self) -> Result<Option<FeedRun<'_>>, StoreError> {
        loop {
            if let Some((series, run)) = self.head_runs.pop() {
                self.filtered = run;
                let (times, values) = (&self.filtered.times, &self.filtered.values);
                return Ok(Some(FeedRun { series, times, values }));
            }
            let Some((mut runs, _)) = self.head.next_slice(HEAD_ROWS, Some(&self.wanted))? else {
                return Ok(None);
            };
            runs.reverse();
            self.head_runs = runs;
        }
    }
}

/// Head samples before the end of what is sealed: few, as sealing merges them, and none most of the time.
fn late_times(conn: &Connection, bounds: Bounds, wanted: &Wanted) -> Result<HashMap<SeriesId, Vec<i64>>, StoreError> {
    let mut late: HashMap<SeriesId, Vec<i64>> = HashMap::new();
    let Some(sealed_until) = Setting::SealedUntil.read(conn)? else { return Ok(late) };
    let mut select = conn.prepare_cached("SELECT ts, series_id FROM sample WHERE ts >= ?1 AND ts < ?2 ORDER BY ts")?;
    let mut rows = select.query([bounds.from, bounds.to.min(sealed_until)])?;
    while let Some(row) = rows.next()? {
        let series = SeriesId(row.get(1)?);
        if wanted.has(series) {
            late.entry(series).or_default().push(row.get(0)?);
        }
    }
    Ok(late)
}
