use rusqlite::Connection;

use super::StoreError;
use super::chunk_writer::ChunkWriter;
use super::head::{self, HeadReader};
use super::setting::Setting;
use super::window::{HOUR_MS, WindowSet};

/// So many head rows are sealed in one transaction: enough for whole windows, little enough for memory (16 bytes a row).
const ROWS_MIN: usize = 4_000_000;

/// Moves head rows before `until` (a full hour) into chunks, the oldest `ROWS_MIN` of them. Runs inside a transaction of the caller, so
/// that head and chunks never both hold or miss a sample. `None` where there was nothing to do.
pub(super) fn seal_slice(conn: &Connection, windows: &mut WindowSet, until: i64) -> Result<Option<u64>, StoreError> {
    let Some((runs, upto)) = HeadReader::new(conn, i64::MIN..until).next_slice(ROWS_MIN, None)? else {
        return Ok(None);
    };
    let rows: usize = runs.iter().map(|(_, run)| run.len()).sum();
    let last = runs.iter().filter_map(|(_, run)| run.times.last().copied()).max();
    ChunkWriter::new(conn, windows).write(&runs)?;
    head::delete_before(conn, upto, rows)?;
    if let Some(last) = last {
        Setting::SealedUntil.raise(conn, hour_after(last))?;
    }
    Ok(Some(rows as u64))
}

/// The full hour after a moment: `sealed_until` once a sample of that moment is sealed.
pub(super) fn hour_after(ts: i64) -> i64 {
    (ts.div_euclid(HOUR_MS) + 1) * HOUR_MS
}
