use std::collections::HashMap;
use std::ops::ControlFlow;

use rusqlite::{Connection, Row};

use crate::model::{Sample, SeriesId, Timestamp};

use super::StoreError;
use super::chunk::{ChunkReader, HEAD_COLUMNS};
use super::chunk_rows::ChunkRows;
use super::head::{self, Wanted};
use super::window::{Window, WindowSet};

/// The latest sample that is a number, of each of `series` that has one: from the head backwards, then from the windows.
pub(crate) fn latest(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
) -> Result<HashMap<SeriesId, Sample>, StoreError> {
    let wanted = Wanted::of(series);
    let mut found: HashMap<SeriesId, Sample> = HashMap::with_capacity(series.len());
    head::backwards(conn, |series, ts, value| {
        if wanted.has(series) && !value.is_nan() {
            found.entry(series).or_insert(Sample { ts: Timestamp::from_millis(ts), value });
        }
        found.len() < wanted.count()
    })?;
    let mut missing: Vec<SeriesId> = series.to_vec();
    let mut by_end: Vec<Window> = windows.iter().collect();
    by_end.sort_unstable_by_key(|w| std::cmp::Reverse(w.end()));
    let mut chunks = LastOfChunk { conn, reader: ChunkReader::new(conn), values: Vec::new() };
    for window in by_end {
        // A late sample in the head may be older than what is sealed.
        missing.retain(|s| found.get(s).is_none_or(|sample| sample.ts.millis() < window.end()));
        if missing.is_empty() {
            break;
        }
        chunks.each(window, &missing, |series, sample| {
            let known = found.entry(series).or_insert(sample);
            if sample.ts > known.ts {
                *known = sample;
            }
        })?;
    }
    Ok(found)
}

/// Finds the last number of a chunk, most often without decoding it.
struct LastOfChunk<'c> {
    conn: &'c Connection,
    reader: ChunkReader<'c>,
    values: Vec<f64>,
}

impl LastOfChunk<'_> {
    /// The last number of each of `series` that has one in `window`.
    fn each(
        &mut self,
        window: Window,
        series: &[SeriesId],
        mut visit: impl FnMut(SeriesId, Sample),
    ) -> Result<(), StoreError> {
        let rows = ChunkRows::new(self.conn, series, HEAD_COLUMNS)?;
        let _ = rows.each(window, &mut |row| {
            let series = SeriesId(row.get::<_, i64>(0)? as u32);
            if let Some(sample) = self.last(window, series, row)? {
                visit(series, sample);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }

    fn last(&mut self, window: Window, series: SeriesId, row: &Row<'_>) -> Result<Option<Sample>, StoreError> {
        let (head, times) = self.reader.head(row)?;
        // The column has no time beside it, which only NaN could make another than the last; and it cannot hold -0.0.
        let (at, value) = if head.nan == 0 && head.aggregate.last != 0.0 {
            (head.n.checked_sub(1), head.aggregate.last)
        } else {
            self.reader.find(window, series, &mut self.values)?;
            let place = self.values.iter().rposition(|v| !v.is_nan());
            (place, place.map_or(f64::NAN, |place| self.values[place]))
        };
        let ts = at.and_then(|at| times.times.get(at));
        Ok(ts.map(|ts| Sample { ts: Timestamp::from_millis(*ts), value }))
    }
}
