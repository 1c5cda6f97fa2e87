//! `rollup_1h` with every hour: a temporary view over the table and the hours that have no row in it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::{CStr, c_int};
use std::rc::Rc;

use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor, sqlite3_vtab,
    sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Result};

use crate::model::{Aggregate, SeriesId};
use crate::store::hours::{folded, series_a_pass};

use super::arguments::{Bounds, Comparand, Order, listed};
use super::home::{Home, Opener, Snapshot};
use super::names::{Names, NamesCache};
use super::sql_error;

const DECLARATION: &CStr =
    c"CREATE TABLE rollup_1h_folded(series_id INTEGER, t INTEGER, count INTEGER, sum REAL, min REAL, max REAL, \
                             first REAL, last REAL, increase REAL, PRIMARY KEY (series_id, t)) WITHOUT ROWID";
const SERIES_ID: c_int = 0;
const T: c_int = 1;

const VIEW: &str =
    "CREATE TEMP VIEW IF NOT EXISTS rollup_1h (series_id, t, count, sum, min, max, first, last, increase) AS
    SELECT series_id, t, count, sum, min, max, first, last, increase FROM main.rollup_1h
    UNION ALL
    SELECT series_id, t, count, sum, min, max, first, last, increase FROM rollup_1h_folded";

/// Adds the table to a connection.
pub(super) fn register(conn: &Connection, opener: Opener) -> Result<()> {
    const MODULE: &Module<'_, HoursTable> = &Module::eponymous_only_module().without_rowid();
    conn.create_module(c"rollup_1h_folded", MODULE, Some(opener))
}

/// Lets `rollup_1h` be every hour on a connection of ours, be it one on which nothing can be written.
pub(super) fn show_all(conn: &Connection) -> Result<()> {
    // A view of the connection's own is no writing of the file, but SQLite takes it for such.
    let query_only: bool = conn.pragma_query_value(None, "query_only", |row| row.get(0))?;
    conn.pragma_update(None, "query_only", false)?;
    let made = conn.execute_batch(VIEW);
    conn.pragma_update(None, "query_only", query_only)?;
    made
}

/// A condition that SQLite leaves to the table: its letter in the plan.
fn letter(column: c_int, operator: IndexConstraintOp) -> Option<char> {
    match column {
        SERIES_ID => (operator == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ).then_some('s'),
        T => Order::of(operator).map(Order::letter),
        _ => None,
    }
}

#[repr(C)]
struct HoursTable {
    /// Base class. Must be first
    base: sqlite3_vtab,
    conn: Home,
    names: NamesCache,
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab`.
unsafe impl<'vtab> VTab<'vtab> for HoursTable {
    type Aux = Opener;
    type Cursor = HoursCursor<'vtab>;

    fn connect(
        db: &mut VTabConnection,
        opener: Option<&Opener>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        db.config(VTabConfig::Innocuous)?;
        let conn = Home::of(db, opener)?;
        let table = HoursTable { base: sqlite3_vtab::default(), conn, names: NamesCache::default() };
        Ok((Cow::Borrowed(DECLARATION), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let taken: Vec<(usize, char)> = info
            .constraints()
            .enumerate()
            .filter(|(_, constraint)| constraint.is_usable())
            .filter_map(|(i, constraint)| Some((i, letter(constraint.column(), constraint.operator())?)))
            .collect();
        let (mut plan, mut rows) = (String::new(), 1e6);
        for (argument, (i, mut letter)) in taken.into_iter().enumerate() {
            if letter == 's' && info.set_in_constraint(i, true)? {
                letter = 'S';
            }
            let mut usage = info.constraint_usage(i);
            usage.set_argv_index(argument as c_int + 1);
            usage.set_omit(true);
            plan.push(letter);
            rows *= if letter == 's' || letter == '=' { 1e-3 } else { 0.1 };
        }
        info.set_idx_str(&plan);
        info.set_estimated_rows(f64::max(rows, 1.0) as i64);
        // An hour is folded from some dozen samples.
        info.set_estimated_cost(rows * 20.0 + 1000.0);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<HoursCursor<'vtab>> {
        Ok(HoursCursor {
            base: sqlite3_vtab_cursor::default(),
            table: self,
            names: None,
            bounds: Bounds::ALL,
            left: Vec::new(),
            passed: 0,
            rows: Vec::new(),
            at: 0,
            snapshot: None,
        })
    }
}

#[repr(C)]
struct HoursCursor<'vtab> {
    /// Base class. Must be first
    base: sqlite3_vtab_cursor,
    table: &'vtab HoursTable,
    names: Option<Rc<Names>>,
    bounds: Bounds,
    /// The wanted series, and how many of them are done.
    left: Vec<SeriesId>,
    passed: usize,
    /// What the last pass gave.
    rows: Vec<(SeriesId, i64, Aggregate)>,
    at: usize,
    /// Last, as it ends when all that reads has ended.
    snapshot: Option<Snapshot<'vtab>>,
}

impl HoursCursor<'_> {
    /// Folds the next series until there are rows or no series are left.
    fn next_rows(&mut self) -> Result<()> {
        self.rows.clear();
        self.at = 0;
        let Some(names) = &self.names else { return Ok(()) };
        let range = self.bounds.from..self.bounds.to;
        let width = series_a_pass(&names.windows, &range);
        while self.rows.is_empty() && self.passed < self.left.len() {
            let to = self.left.len().min(self.passed + width);
            let hours = folded(&self.table.conn, &names.windows, &self.left[self.passed..to], range.clone())
                .map_err(|e| sql_error(&self.table.conn, e))?;
            let rows =
                hours.into_iter().flat_map(|(series, hours)| hours.into_iter().map(move |(t, a)| (series, t, a)));
            self.rows.extend(rows);
            self.passed = to;
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab_cursor`.
unsafe impl VTabCursor for HoursCursor<'_> {
    fn filter(&mut self, _number: c_int, plan: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        let conn = &self.table.conn;
        if self.snapshot.is_none() {
            self.snapshot = Some(conn.snapshot()?);
        }
        let names = self.table.names.get(conn).map_err(|e| sql_error(conn, e))?;
        let mut bounds = Bounds::ALL;
        let mut ids: Option<HashSet<i64>> = None;
        for (i, letter) in plan.unwrap_or("").chars().enumerate() {
            let these: HashSet<i64> = match (letter, Order::of_letter(letter)) {
                (_, Some(order)) => {
                    bounds = bounds.with(order, Comparand::of(arguments[i].get_raw()));
                    continue;
                }
                ('S', None) => {
                    listed(arguments, i)?.iter().filter_map(|v| Comparand::of(v.into()).as_integer()).collect()
                }
                _ => Comparand::of(arguments[i].get_raw()).as_integer().into_iter().collect(),
            };
            ids = Some(ids.map_or(these.clone(), |known| known.intersection(&these).copied().collect()));
        }
        let wanted = |id: &SeriesId| ids.as_ref().is_none_or(|ids| ids.contains(&i64::from(id.0)));
        self.left = match bounds.is_empty() || names.windows.iter().all(|w| w.has_hour_rows()) {
            true => Vec::new(),
            false => names.series.iter().map(|name| name.id).filter(wanted).collect(),
        };
        (self.bounds, self.names, self.passed) = (bounds, Some(names), 0);
        self.next_rows()
    }

    fn next(&mut self) -> Result<()> {
        self.at += 1;
        if self.at < self.rows.len() { Ok(()) } else { self.next_rows() }
    }

    fn eof(&self) -> bool {
        self.rows.is_empty()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some((series, t, a)) = self.rows.get(self.at) else { return Ok(()) };
        match column {
            SERIES_ID => context.set_result(series.0),
            T => context.set_result(*t),
            2 => context.set_result(a.count as i64),
            3 => context.set_result(a.sum),
            4 => context.set_result(a.min),
            5 => context.set_result(a.max),
            6 => context.set_result(a.first),
            7 => context.set_result(a.last),
            _ => context.set_result(a.increase),
        }
    }

    /// Never asked for: the table is without rowid.
    fn rowid(&self) -> Result<i64> {
        Ok(0)
    }
}
