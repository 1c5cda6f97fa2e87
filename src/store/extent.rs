//! Roughly how much there is of a stretch of time, for who plans how much of it to hold at once. Counts rows and looks at none.

use rusqlite::Connection;

use super::setting::Setting;
use super::window::{DAY_MS, WindowSet};
use super::{StoreError, head};
use crate::model::{SeriesId, TimeRange};

/// A window with so many chunks is one of most series, for all that is known.
const CHUNKS_MANY: i64 = 8;

/// See [`Reader::days_about`](super::Reader::days_about): whatever is sealed has a row a day, until that is pruned.
pub(super) fn days_about(conn: &Connection, series: &[SeriesId], range: TimeRange) -> Result<Vec<u64>, StoreError> {
    let range = range.from().millis()..range.to().millis();
    let pruned = Setting::PrunedDays.read(conn)?.map_or(0, |mark| (mark.min(range.end) - range.start).max(0) / DAY_MS);
    let others = head::days_in(conn, &range)? + pruned.unsigned_abs();
    let mut count =
        conn.prepare_cached("SELECT count(*) FROM main.rollup_1d WHERE series_id = ?1 AND t > ?2 AND t < ?3")?;
    let mut of = |id: &SeriesId| -> Result<u64, StoreError> {
        let days: i64 = count.query_row((id.0, range.start - DAY_MS, range.end), |row| row.get(0))?;
        Ok(days.unsigned_abs() + others)
    };
    series.iter().map(&mut of).collect()
}

/// See [`Reader::samples_about`](super::Reader::samples_about). A window with a handful of chunks is of a handful of series.
pub(super) fn samples_about(
    conn: &Connection,
    windows: &WindowSet,
    range: TimeRange,
) -> Result<(u64, u64), StoreError> {
    let range = range.from().millis()..range.to().millis();
    let mut some =
        conn.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM chunk WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)")?;
    let (mut common, mut rare) = (0, 0);
    for window in windows.iter().filter(|w| w.start() < range.end && w.end() > range.start) {
        let chunks: i64 = some.query_row((window.ids().start(), window.ids().end(), CHUNKS_MANY), |row| row.get(0))?;
        if chunks < CHUNKS_MANY {
            rare += window.samples_about() * chunks.unsigned_abs();
        } else {
            common += window.samples_about();
        }
    }
    Ok((common, rare + head::count_in(conn, &range)? as u64))
}
