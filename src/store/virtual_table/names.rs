//! The names of all series, kept while the file does not change.

use std::cell::RefCell;
use std::rc::Rc;

use rusqlite::Connection;

use crate::model::SeriesId;
use crate::store::StoreError;
use crate::store::catalog::load_series;
use crate::store::window::WindowSet;

/// How a series is called.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) id: SeriesId,
    pub(super) node: String,
    pub(super) metric: String,
    /// JSON, or empty.
    pub(super) labels: String,
}

/// What a query needs to know of the file before it reads samples.
#[derive(Debug)]
pub(super) struct Names {
    /// By id.
    pub(super) series: Vec<Name>,
    /// The windows that hold chunks.
    pub(super) windows: WindowSet,
}

impl Names {
    fn load(conn: &Connection) -> Result<Names, StoreError> {
        let name = |series: crate::model::Series| Name {
            id: series.id,
            node: series.key.node.as_str().to_owned(),
            metric: series.key.metric.as_str().to_owned(),
            labels: series.key.labels.to_json(),
        };
        let series = load_series(conn)?.into_iter().map(name).collect();
        Ok(Names { series, windows: WindowSet::load(conn)? })
    }

    /// The place of a series in the list.
    pub(super) fn place(&self, id: SeriesId) -> Result<usize, StoreError> {
        let found = self.series.binary_search_by_key(&id, |name| name.id);
        found.map_err(|_| StoreError::damaged(format!("there are samples of series {}, which has no name", id.0)))
    }
}

/// Loads names anew only after another connection has committed, so that a join may ask for them row by row.
#[derive(Debug, Default)]
pub(super) struct NamesCache(RefCell<Option<(Version, Rc<Names>)>>);

/// SQLite's counter of others' commits, and of this connection's own changes.
type Version = (i64, u64);

impl NamesCache {
    pub(super) fn get(&self, conn: &Connection) -> Result<Rc<Names>, StoreError> {
        let others: i64 = conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        let version = (others, conn.total_changes());
        if let Some((known, names)) = &*self.0.borrow()
            && *known == version
        {
            return Ok(Rc::clone(names));
        }
        let names = Rc::new(Names::load(conn)?);
        *self.0.borrow_mut() = Some((version, Rc::clone(&names)));
        Ok(names)
    }
}
