//! `samples`: head and chunks as one table.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::{CStr, c_int};
use std::rc::Rc;

use rusqlite::types::ValueRef;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor, sqlite3_vtab,
    sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Result};

use crate::model::SeriesId;

use super::arguments::{Bounds, Comparand, Order, listed, readable};
use super::feed::{Depth, Feed};
use super::home::{Home, Opener, Snapshot};
use super::names::{Name, Names, NamesCache};
use super::sql_error;

const DECLARATION: &CStr =
    c"CREATE TABLE samples(ts INTEGER, node TEXT, metric TEXT, labels TEXT, value REAL, series_id INTEGER, \
                             PRIMARY KEY (series_id, ts)) WITHOUT ROWID";
const TS: c_int = 0;
const NODE: c_int = 1;
const METRIC: c_int = 2;
const LABELS: c_int = 3;
const VALUE: c_int = 4;
const SERIES_ID: c_int = 5;

/// Adds the table to a connection.
pub(super) fn register(conn: &Connection, opener: Opener) -> Result<()> {
    // A sample is told from another by series and time, not by a number that two could share: SQLite removes doubles by it where
    // it answers an OR from two sides.
    const MODULE: &Module<'_, SamplesTable> = &Module::eponymous_only_module().without_rowid();
    conn.create_module(c"samples", MODULE, Some(opener))
}

/// One condition that SQLite leaves to the table: its letter in the plan, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Time(Order),
    Is(c_int),
    IsIn(c_int),
}

impl Condition {
    fn of(column: c_int, operator: IndexConstraintOp) -> Option<Condition> {
        let is_equal = operator == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ;
        match column {
            TS => Order::of(operator).map(Condition::Time),
            NODE | METRIC | LABELS | SERIES_ID if is_equal => Some(Condition::Is(column)),
            _ => None,
        }
    }

    const LETTERS: [(char, Condition); 8] = [
        ('n', Condition::Is(NODE)),
        ('N', Condition::IsIn(NODE)),
        ('m', Condition::Is(METRIC)),
        ('M', Condition::IsIn(METRIC)),
        ('l', Condition::Is(LABELS)),
        ('L', Condition::IsIn(LABELS)),
        ('s', Condition::Is(SERIES_ID)),
        ('S', Condition::IsIn(SERIES_ID)),
    ];

    fn letter(self) -> char {
        match self {
            Condition::Time(order) => order.letter(),
            other => Self::LETTERS.iter().find(|(_, condition)| *condition == other).map_or('?', |(letter, _)| *letter),
        }
    }

    fn of_letter(letter: char) -> Option<Condition> {
        let other = || Self::LETTERS.iter().find(|(l, _)| *l == letter).map(|(_, condition)| *condition);
        Order::of_letter(letter).map(Condition::Time).or_else(other)
    }

    /// Which share of the samples is left, by a rough guess that only has to rank plans.
    fn selectivity(self) -> f64 {
        match self {
            Condition::Time(Order::Equal) => 1e-5,
            Condition::Time(_) => 0.1,
            Condition::Is(SERIES_ID) => 1e-3,
            Condition::Is(NODE) => 1e-2,
            Condition::Is(_) => 5e-2,
            Condition::IsIn(SERIES_ID) => 1e-2,
            Condition::IsIn(_) => 0.1,
        }
    }
}

#[repr(C)]
struct SamplesTable {
    /// Base class. Must be first
    base: sqlite3_vtab,
    conn: Home,
    names: NamesCache,
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab`.
unsafe impl<'vtab> VTab<'vtab> for SamplesTable {
    type Aux = Opener;
    type Cursor = SamplesCursor<'vtab>;

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
        let table = SamplesTable { base: sqlite3_vtab::default(), conn, names: NamesCache::default() };
        Ok((Cow::Borrowed(DECLARATION), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut taken: Vec<(usize, Condition)> = Vec::new();
        for (i, constraint) in info.constraints().enumerate() {
            // LIMIT and OFFSET come as constraints on column 0: the operator decides.
            let Some(condition) = Condition::of(constraint.column(), constraint.operator()) else { continue };
            // Under another collation `=` means something else.
            if constraint.is_usable() && info.collation(i)?.eq_ignore_ascii_case("BINARY") {
                taken.push((i, condition));
            }
        }
        let (mut plan, mut rows) = (String::new(), 1e8);
        for (argument, (i, mut condition)) in taken.into_iter().enumerate() {
            if let Condition::Is(column) = condition
                && info.set_in_constraint(i, true)?
            {
                condition = Condition::IsIn(column);
            }
            let mut usage = info.constraint_usage(i);
            usage.set_argv_index(argument as c_int + 1);
            // The cursor compares exactly as SQLite would: it need not do so again for every row.
            usage.set_omit(true);
            plan.push(condition.letter());
            rows *= condition.selectivity();
        }
        info.set_idx_str(&plan);
        info.set_idx_num(c_int::from(info.col_used() >> VALUE & 1 == 1));
        info.set_estimated_rows(rows.max(1.0) as i64);
        info.set_estimated_cost(rows.max(1.0) + 1000.0);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<SamplesCursor<'vtab>> {
        Ok(SamplesCursor {
            base: sqlite3_vtab_cursor::default(),
            table: self,
            names: None,
            feed: None,
            series: 0,
            times: Vec::new(),
            values: Vec::new(),
            at: 0,
            snapshot: None,
        })
    }
}

#[repr(C)]
struct SamplesCursor<'vtab> {
    /// Base class. Must be first
    base: sqlite3_vtab_cursor,
    table: &'vtab SamplesTable,
    names: Option<Rc<Names>>,
    feed: Option<Feed<'vtab>>,
    /// The run that is handed out: place of its series in the names, samples, and how far it is.
    series: usize,
    times: Vec<i64>,
    values: Vec<f64>,
    at: usize,
    /// Last, as it ends when all that reads has ended.
    snapshot: Option<Snapshot<'vtab>>,
}

impl SamplesCursor<'_> {
    fn next_run(&mut self) -> Result<()> {
        self.at = 0;
        self.times.clear();
        self.values.clear();
        let (Some(feed), Some(names)) = (&mut self.feed, &self.names) else { return Ok(()) };
        let told = |e| sql_error(&self.table.conn, e);
        if let Some(run) = feed.next_run().map_err(told)? {
            self.series = names.place(run.series).map_err(told)?;
            self.times.extend_from_slice(run.times);
            self.values.extend_from_slice(run.values);
        }
        Ok(())
    }

    fn name(&self) -> Option<&Name> {
        self.names.as_ref()?.series.get(self.series)
    }
}

/// What a plan and its arguments leave of all samples.
struct Wish {
    bounds: Bounds,
    /// For each column that is compared, the values it may have; all must agree.
    names: Vec<(c_int, HashSet<String>)>,
    ids: Vec<HashSet<i64>>,
}

impl Wish {
    fn read(conn: &Connection, plan: &str, arguments: &Filters<'_>) -> Result<Wish> {
        let mut wish = Wish { bounds: Bounds::ALL, names: Vec::new(), ids: Vec::new() };
        for (i, condition) in plan.chars().filter_map(Condition::of_letter).enumerate() {
            let (column, values) = match condition {
                Condition::Time(order) => {
                    wish.bounds = wish.bounds.with(order, Comparand::of(arguments[i].get_raw()));
                    continue;
                }
                Condition::Is(column) => (column, Vec::from_iter(readable(arguments[i].get_raw()))),
                Condition::IsIn(column) => (column, listed(arguments, i)?),
            };
            if column == SERIES_ID {
                let ids = values.iter().filter_map(|value| Comparand::of(value.into()).as_integer());
                wish.ids.push(ids.collect());
            } else {
                let texts = values.iter().filter_map(|value| text_of(conn, value.into()).transpose());
                wish.names.push((column, texts.collect::<Result<_>>()?));
            }
        }
        Ok(wish)
    }

    fn wants(&self, name: &Name) -> bool {
        let column_is_one_of = |(column, values): &(c_int, HashSet<String>)| {
            let text = match *column {
                NODE => &name.node,
                METRIC => &name.metric,
                _ => &name.labels,
            };
            values.contains(text)
        };
        self.names.iter().all(column_is_one_of) && self.ids.iter().all(|ids| ids.contains(&i64::from(name.id.0)))
    }
}

/// A value as a text column compares with it; `None` for what equals no text.
fn text_of(conn: &Connection, value: ValueRef<'_>) -> Result<Option<String>> {
    match value {
        ValueRef::Text(text) => Ok(std::str::from_utf8(text).ok().map(str::to_owned)),
        ValueRef::Integer(n) => Ok(Some(n.to_string())),
        // SQLite knows how it writes a number.
        ValueRef::Real(n) => conn.prepare_cached("SELECT CAST(?1 AS TEXT)")?.query_row([n], |row| row.get(0)),
        ValueRef::Null | ValueRef::Blob(_) => Ok(None),
    }
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab_cursor`.
unsafe impl VTabCursor for SamplesCursor<'_> {
    fn filter(&mut self, with_values: c_int, plan: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        let conn = &self.table.conn;
        if self.snapshot.is_none() {
            self.snapshot = Some(conn.snapshot()?);
        }
        let wish = Wish::read(conn, plan.unwrap_or(""), arguments)?;
        let told = |e| sql_error(conn, e);
        let names = self.table.names.get(conn).map_err(told)?;
        let series: Rc<[SeriesId]> = match wish.bounds.is_empty() {
            true => Rc::from([]),
            false => names.series.iter().filter(|name| wish.wants(name)).map(|name| name.id).collect(),
        };
        let depth = if with_values == 0 { Depth::Times } else { Depth::Values };
        self.feed = Some(Feed::new(conn, &names, series, wish.bounds, depth).map_err(told)?);
        self.names = Some(names);
        self.next_run()
    }

    fn next(&mut self) -> Result<()> {
        self.at += 1;
        if self.at < self.times.len() { Ok(()) } else { self.next_run() }
    }

    fn eof(&self) -> bool {
        self.times.is_empty()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        match column {
            TS => context.set_result(self.times.get(self.at)),
            // NaN becomes NULL.
            VALUE => context.set_result(self.values.get(self.at)),
            NODE => context.set_result(self.name().map(|name| name.node.as_str())),
            METRIC => context.set_result(self.name().map(|name| name.metric.as_str())),
            LABELS => context.set_result(self.name().map(|name| name.labels.as_str())),
            _ => context.set_result(self.name().map(|name| name.id.0)),
        }
    }

    /// Never asked for: the table is without rowid.
    fn rowid(&self) -> Result<i64> {
        Ok(0)
    }
}
