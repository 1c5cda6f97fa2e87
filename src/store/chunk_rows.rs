use std::ops::ControlFlow;

use rusqlite::{Connection, Row};

use crate::model::SeriesId;

use super::StoreError;
use super::head::Wanted;
use super::window::Window;

/// Looking a chunk up costs as much as passing over so many others.
const ROWS_A_LOOKUP: usize = 8;

/// The rows of `chunk` of some series, window by window.
pub(super) struct ChunkRows<'c> {
    conn: &'c Connection,
    series: &'c [SeriesId],
    wanted: Wanted,
    /// Each is looked up; else a window is read from end to end.
    lookups: bool,
    one: String,
    all: String,
}

impl<'c> ChunkRows<'c> {
    /// Of `series`, sorted by id, with the columns `columns`, of which the first is the id.
    pub(super) fn new(
        conn: &'c Connection,
        series: &'c [SeriesId],
        columns: &str,
    ) -> Result<ChunkRows<'c>, StoreError> {
        let last: Option<i64> = conn.prepare_cached("SELECT max(id) FROM series")?.query_row([], |row| row.get(0))?;
        let in_file = usize::try_from(last.unwrap_or(0)).unwrap_or(usize::MAX);
        Ok(ChunkRows {
            conn,
            series,
            wanted: Wanted::of(series),
            lookups: series.len().saturating_mul(ROWS_A_LOOKUP) <= in_file,
            one: format!("SELECT {columns} FROM chunk WHERE id = ?1"),
            all: format!("SELECT {columns} FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
        })
    }

    /// Whose rows they are.
    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Visits the rows of `window`, by series, for as long as `visit` says so.
    pub(super) fn each(
        &self,
        window: Window,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<ControlFlow<()>, StoreError> {
        if self.lookups {
            let mut select = self.conn.prepare_cached(&self.one)?;
            for series in self.series {
                let mut rows = select.query([window.chunk_id(*series)])?;
                if let Some(row) = rows.next()?
                    && visit(row)?.is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let mut select = self.conn.prepare_cached(&self.all)?;
        let mut rows = select.query([*window.ids().start(), *window.ids().end()])?;
        while let Some(row) = rows.next()? {
            if self.wanted.has(SeriesId(row.get::<_, i64>(0)? as u32)) && visit(row)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
