use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use rusqlite::Connection;

use crate::model::{Aggregate, SeriesId, TimeRange};

use super::chunk::{COLUMNS, ChunkHead, ChunkReader, damaged_chunk, packed_values};
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

/// Takes the times of a run, ascending; says whether to go on.
pub type VisitTimes<'v> = &'v mut dyn FnMut(SeriesId, &[i64]) -> ControlFlow<()>;

/// What of a chunk need not be decoded.
#[derive(Clone, Copy)]
enum Undecoded<'w> {
    /// Chunks of which that is said.
    Whole(MayBeWhole<'w>),
    /// Values: times alone are asked for.
    Values,
}

/// What a scan that need not see every sample gives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'p> {
    /// Samples, times ascending.
    Samples(&'p [i64], &'p [f64]),
    /// A chunk as a whole, by its columns: exact but for the order in which the sum was added up.
    Whole {
        /// Times of its samples, ascending; at least one.
        times: &'p [i64],
        /// Of all its samples, none of which is NaN.
        aggregate: &'p Aggregate,
    },
    /// Times of samples that are numbers, ascending, where nothing else is asked for.
    Times(&'p [i64]),
}

/// Takes a piece of a series; says whether to go on.
pub(crate) type VisitPiece<'v> = &'v mut dyn FnMut(SeriesId, Piece<'_>) -> ControlFlow<()>;

/// Says whether a chunk of a series with its first and last sample at these times may be given as a whole.
pub(crate) type MayBeWhole<'w> = &'w dyn Fn(SeriesId, i64, i64) -> bool;

/// Raw samples of `series` (sorted by id) in `range` on the snapshot of `conn`, head and chunks as one. `visit` gets runs of one series,
/// times strictly ascending over the runs of a series; the runs of different series interleave window by window.
pub(crate) fn scan(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    visit: VisitRun<'_>,
) -> Result<(), StoreError> {
    scan_pieces(conn, windows, series, range, &|_, _, _| false, &mut |series, piece| match piece {
        Piece::Samples(times, values) => visit(series, times, values),
        Piece::Whole { .. } | Piece::Times(_) => ControlFlow::Continue(()),
    })
}

/// As [`scan`], but chunks that lie in `range` and of which `whole` says so are given undecoded, where their columns tell all: no sample is NaN, none
/// waits in the head to be merged, and the growth is a number.
pub(crate) fn scan_pieces(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    whole: MayBeWhole<'_>,
    visit: VisitPiece<'_>,
) -> Result<(), StoreError> {
    scan_undecoded(conn, windows, series, range, Undecoded::Whole(whole), visit)
}

fn scan_undecoded(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    undecoded: Undecoded<'_>,
    visit: VisitPiece<'_>,
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
    let mut scan = ChunkScan { conn, rows: &rows, range: range.clone(), undecoded, scratch: Scratch::default() };
    for window in windows.iter().filter(|w| w.start() < range.end && w.end() > range.start) {
        if scan.window(window, &mut late, visit)?.is_break() {
            return Ok(());
        }
    }
    for (series, run) in late.rest() {
        if visit(series, Piece::Samples(&run.times, &run.values)).is_break() {
            return Ok(());
        }
    }
    let mut tail = HeadReader::new(conn, range.start.max(sealed_until)..range.end);
    while let Some((runs, _)) = tail.next_slice(HEAD_ROWS_MIN, Some(wanted))? {
        for (series, run) in &runs {
            if visit(*series, Piece::Samples(&run.times, &run.values)).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The times of the samples of `series` (sorted by id) in `range` that are numbers; runs as those of [`scan`]. Values are decoded only where some are NaN or late
/// samples wait to be merged with them.
pub(crate) fn times(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
    visit: VisitTimes<'_>,
) -> Result<(), StoreError> {
    let mut numbers: Vec<i64> = Vec::new();
    scan_undecoded(conn, windows, series, range, Undecoded::Values, &mut |series, piece| match piece {
        Piece::Whole { times, .. } | Piece::Times(times) => visit(series, times),
        Piece::Samples(times, values) => {
            numbers.clear();
            numbers.extend(times.iter().zip(values).filter(|(_, v)| !v.is_nan()).map(|(t, _)| *t));
            if numbers.is_empty() { ControlFlow::Continue(()) } else { visit(series, &numbers) }
        }
    })
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

    /// Whether there are some of `series` before `end`.
    fn waits(&self, series: SeriesId, end: i64) -> bool {
        self.0.get(&series).is_some_and(|run| run.times.first().is_some_and(|first| *first < end))
    }

    /// Those of `series` before `end`.
    fn take(&mut self, series: SeriesId, end: i64) -> Option<Run> {
        let taken = self.0.get_mut(&series)?.take_before(end);
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
    undecoded: Undecoded<'s>,
    scratch: Scratch,
}

impl ChunkScan<'_> {
    fn window(
        &mut self,
        window: Window,
        late: &mut Late,
        visit: VisitPiece<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let mut reader = ChunkReader::new(self.conn);
        self.rows.each(window, &mut |row| self.chunk(&mut reader, row, late, visit))
    }

    /// One chunk, joined with the late samples of its window and of the time before it, cut to the range.
    fn chunk(
        &mut self,
        reader: &mut ChunkReader<'_>,
        row: &rusqlite::Row<'_>,
        late: &mut Late,
        visit: VisitPiece<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let (head, times) = reader.head(row)?;
        if let Some(piece) = self.undecoded(&head, &times.times, late) {
            return Ok(match piece {
                Piece::Times([]) => ControlFlow::Continue(()),
                piece => visit(head.series, piece),
            });
        }
        let Scratch { values, merged } = &mut self.scratch;
        head.decode(packed_values(row)?, values).map_err(|source| damaged_chunk(self.conn, &head, source))?;
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
        Ok(visit(head.series, Piece::Samples(&times[from..upto], &values[from..upto])))
    }

    /// What is told of a chunk that need not be decoded.
    fn undecoded<'c>(&self, head: &'c ChunkHead, times: &'c [i64], late: &Late) -> Option<Piece<'c>> {
        if head.nan > 0 || late.waits(head.series, head.window.end()) {
            return None;
        }
        let (&first, &last) = times.first().zip(times.last())?;
        match self.undecoded {
            Undecoded::Values => {
                let from = times.partition_point(|t| *t < self.range.start);
                let upto = times.partition_point(|t| *t < self.range.end);
                Some(Piece::Times(&times[from..upto]))
            }
            Undecoded::Whole(whole) => {
                let is_inside = self.range.contains(&first) && self.range.contains(&last);
                let may = is_inside && head.aggregate.increase.is_finite() && whole(head.series, first, last);
                may.then_some(Piece::Whole { times, aggregate: &head.aggregate })
            }
        }
    }
}
