use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use rusqlite::Connection;

use crate::model::{SeriesId, TimeRange};

use super::chunk::{COLUMNS, ChunkReader};
use super::chunk_rows::ChunkRows;
use super::head::{HeadReader, Wanted};
use super::run::Run;
use super::setting::Setting;
use super::window::{Window, WindowSet};
use super::{StoreError, WriteCounts};

/// Head rows handed on at once: memory stays flat however much waits in the head.
const HEAD_ROWS_MIN: usize = 250_000;

/// Takes a run of samples of one series, times ascending; says whether to go on.
pub type VisitRun<'v> = &'v mut dyn FnMut(SeriesId, &[i64], &[f64]) -> ControlFlow<()>;

/// Raw samples of `series` (sorted by id) in `range` on the snapshot of `conn`, head and chunks as one. `visit` gets runs of one series,
/// times strictly ascending over the runs of a series; the runs of different series interleave window by window.
pub(crate) fn scan(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    visit: VisitRun<'_>,
) -> Result<(), StoreError> {
    if series.is_empty() || range.is_empty() {
        return Ok(());
    }
    let sealed_until = Setting::SealedUntil.read(conn)?.unwrap_or(i64::MIN);
    let range = range.from().millis()..range.to().millis();
    let rows = ChunkRows::new(conn, series, COLUMNS)?;
    let wanted = rows.wanted();
    // Late samples wait in the head for their window's chunk: they are joined with it here. They are few.
    let mut late = Late::load(conn, range.start..range.end.min(sealed_until), wanted)?;
    let mut scan = ChunkScan { conn, rows: &rows, range: range.clone(), scratch: Scratch::default() };
    for window in windows.iter().filter(|w| w.start() < range.end && w.end() > range.start) {
        if scan.window(window, &mut late, visit)?.is_break() {
            return Ok(());
        }
    }
    for (series, run) in late.rest() {
        if visit(series, &run.times, &run.values).is_break() {
            return Ok(());
        }
    }
    let mut tail = HeadReader::new(conn, range.start.max(sealed_until)..range.end);
    while let Some((runs, _)) = tail.next_slice(HEAD_ROWS_MIN, Some(wanted))? {
        for (series, run) in &runs {
            if visit(*series, &run.times, &run.values).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Late samples by series, taken window by window.
struct Late(HashMap<SeriesId, Run>);

impl Late {
    fn load(conn: &Connection, range: Range<i64>, wanted: &Wanted) -> Result<Late, StoreError> {
        let mut late: HashMap<SeriesId, Run> = HashMap::new();
        let mut reader = HeadReader::new(conn, range);
        while let Some((runs, _)) = reader.next_slice(usize::MAX, Some(wanted))? {
            late.extend(runs);
        }
        Ok(Late(late))
    }

    /// Those of `series` before `end`.
    fn take(&mut self, series: SeriesId, end: i64) -> Option<Run> {
        let run = self.0.get_mut(&series)?;
        let upto = run.times.partition_point(|t| *t < end);
        let rest = Run { times: run.times.split_off(upto), values: run.values.split_off(upto) };
        let taken = std::mem::replace(run, rest);
        if self.0.get(&series).is_some_and(Run::is_empty) {
            self.0.remove(&series);
        }
        (!taken.is_empty()).then_some(taken)
    }

    fn rest(self) -> Vec<(SeriesId, Run)> {
        let mut rest: Vec<_> = self.0.into_iter().collect();
        rest.sort_unstable_by_key(|(series, _)| *series);
        rest
    }
}

#[derive(Default)]
struct Scratch {
    values: Vec<f64>,
    merged: Run,
}

struct ChunkScan<'s> {
    conn: &'s Connection,
    rows: &'s ChunkRows<'s>,
    range: Range<i64>,
    scratch: Scratch,
}

impl ChunkScan<'_> {
    fn window(&mut self, window: Window, late: &mut Late, visit: VisitRun<'_>) -> Result<ControlFlow<()>, StoreError> {
        let mut reader = ChunkReader::new(self.conn);
        self.rows.each(window, &mut |row| self.chunk(&mut reader, row, late, visit))
    }

    /// One chunk, joined with the late samples of its window and of the time before it, cut to the range.
    fn chunk(
        &mut self,
        reader: &mut ChunkReader<'_>,
        row: &rusqlite::Row<'_>,
        late: &mut Late,
        visit: VisitRun<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let Scratch { values, merged } = &mut self.scratch;
        let (head, times) = reader.decode(row, values)?;
        let (mut times, mut values): (&[i64], &[f64]) = (&times.times, values);
        if let Some(late) = late.take(head.series, head.window.end()) {
            merged.merge((times, values), (&late.times, &late.values), &mut WriteCounts::default());
            (times, values) = (&merged.times, &merged.values);
        }
        let from = times.partition_point(|t| *t < self.range.start);
        let upto = times.partition_point(|t| *t < self.range.end);
        if from == upto {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(visit(head.series, &times[from..upto], &values[from..upto]))
    }
}
