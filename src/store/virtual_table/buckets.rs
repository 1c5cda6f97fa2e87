//! `buckets`: aggregates computed here, not row by row in SQLite's machine.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, c_int};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use rusqlite::types::ValueRef;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor, sqlite3_vtab,
    sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use crate::model::{Selector, SeriesId, TimeRange, Timestamp};
use crate::store::StoreError;
use crate::store::outlived::outlived;
use crate::store::reader::span;
use crate::store::rollup::{rollups, watermark};
use crate::store::scan::{Piece, scan_pieces};

use super::arguments;
use super::fold::{Bucket, Fold};
use super::home::{Home, Opener, Snapshot};
use super::layers::{Complete, Detail, Layer, parts, resolution_for};
use super::names::{Name, Names, NamesCache};
use super::sql_error;

const DECLARATION: &CStr =
    c"CREATE TABLE buckets(node TEXT, metric TEXT, labels TEXT, t INTEGER, count INTEGER, sum REAL, min REAL, \
                             max REAL, avg REAL, first REAL, last REAL, increase REAL, p50 REAL, p95 REAL, p99 REAL, \
                             metric_glob HIDDEN, node_glob HIDDEN, range_from HIDDEN, range_to HIDDEN, step HIDDEN)";
const INCREASE: c_int = 11;
const QUANTILE_COLUMNS: Range<c_int> = 12..15;
/// The hidden columns are the arguments, in the order they are given.
const ARGUMENTS: Range<c_int> = 15..20;

/// Buckets that one pass over the chunks may hold, and samples kept for quantiles: what memory is used follows from them.
const BUCKETS_A_PASS: i64 = 500_000;
const KEPT_A_PASS: i64 = 8_000_000;
/// Every pass reads the head again: it should serve some series at least.
const SERIES_A_PASS: std::ops::RangeInclusive<i64> = 16..=8192;

/// Adds the table-valued function to a connection.
pub(super) fn register(conn: &Connection, opener: Opener) -> Result<()> {
    const MODULE: &Module<'_, BucketsTable> = &Module::eponymous_only_module();
    conn.create_module(c"buckets", MODULE, Some(opener))
}

#[repr(C)]
struct BucketsTable {
    /// Base class. Must be first
    base: sqlite3_vtab,
    conn: Home,
    names: NamesCache,
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab`.
unsafe impl<'vtab> VTab<'vtab> for BucketsTable {
    type Aux = Opener;
    type Cursor = BucketsCursor<'vtab>;

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
        let table = BucketsTable { base: sqlite3_vtab::default(), conn, names: NamesCache::default() };
        Ok((Cow::Borrowed(DECLARATION), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut given = [None; 5];
        for (i, constraint) in info.constraints().enumerate() {
            if !ARGUMENTS.contains(&constraint.column())
                || constraint.operator() != IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ
            {
                continue;
            }
            // An argument from a table that comes later in this plan: another order has to be found.
            if !constraint.is_usable() {
                return Ok(false);
            }
            given[(constraint.column() - ARGUMENTS.start) as usize] = Some(i);
        }
        let mut plan = String::new();
        for (argument, place) in given.iter().enumerate().filter_map(|(argument, i)| Some((argument, (*i)?))) {
            let mut usage = info.constraint_usage(place);
            usage.set_argv_index(plan.len() as c_int + 1);
            usage.set_omit(true);
            plan.push(char::from(b'0' + argument as u8));
        }
        let quantiles = QUANTILE_COLUMNS.fold(0, |mask, column| mask | 1u64 << column);
        let uses = |columns: u64| info.col_used() & columns != 0;
        info.set_idx_num(c_int::from(uses(1 << INCREASE)) | c_int::from(uses(quantiles)) << 1);
        info.set_idx_str(&plan);
        info.set_estimated_rows(100_000);
        info.set_estimated_cost(1e6);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<BucketsCursor<'vtab>> {
        Ok(BucketsCursor {
            base: sqlite3_vtab_cursor::default(),
            table: self,
            question: None,
            left: Vec::new(),
            passed: 0,
            rows: Vec::new(),
            at: 0,
            snapshot: None,
        })
    }
}

/// What was asked for.
struct Question {
    names: Rc<Names>,
    range: TimeRange,
    parts: Vec<(Layer, TimeRange)>,
    from: Option<i64>,
    step: Option<i64>,
    detail: Detail,
}

impl Question {
    fn new_fold(&self) -> Fold {
        Fold::new(self.step, self.from, self.detail)
    }

    /// How many series are folded together.
    fn series_a_pass(&self) -> usize {
        let length = self.range.millis();
        let step = self.step.unwrap_or(length).clamp(1, length);
        let mut series = BUCKETS_A_PASS / (length / step + 1);
        if self.detail == Detail::Quantiles {
            // As if there were a sample a second, which is the most that is usual.
            series = series.min(KEPT_A_PASS / (step / 1000 + 1));
        }
        series.clamp(*SERIES_A_PASS.start(), *SERIES_A_PASS.end()) as usize
    }
}

#[repr(C)]
struct BucketsCursor<'vtab> {
    /// Base class. Must be first
    base: sqlite3_vtab_cursor,
    table: &'vtab BucketsTable,
    question: Option<Question>,
    /// The selected series, and how many of them are done.
    left: Vec<SeriesId>,
    passed: usize,
    /// What the last pass gave, with the place of the series in the names.
    rows: Vec<(usize, Bucket)>,
    at: usize,
    snapshot: Option<Snapshot<'vtab>>,
}

impl BucketsCursor<'_> {
    /// Folds the next series until there are rows or no series are left.
    fn next_rows(&mut self) -> Result<()> {
        self.rows.clear();
        self.at = 0;
        let Some(question) = &self.question else { return Ok(()) };
        let width = question.series_a_pass();
        while self.rows.is_empty() && self.passed < self.left.len() {
            let to = self.left.len().min(self.passed + width);
            let folded = fold_all(&self.table.conn, question, &self.left[self.passed..to]);
            self.rows = folded.map_err(|e| sql_error(&self.table.conn, e))?;
            self.passed = to;
        }
        Ok(())
    }

    /// The layers that answer what was asked, of which the file has `range`.
    fn parts(
        &self,
        asked: TimeRange,
        range: TimeRange,
        step: Option<i64>,
        detail: Detail,
    ) -> std::result::Result<Vec<(Layer, TimeRange)>, StoreError> {
        let conn = &self.table.conn;
        let Some(resolution) = resolution_for(step, detail) else { return Ok(parts(asked, range, None)) };
        let pruned = resolution.pruned().read(conn)?.map_or(Timestamp::MIN, Timestamp::from_millis);
        let until = watermark(conn, resolution)?.unwrap_or(Timestamp::MIN);
        Ok(parts(asked, range, Some((resolution, Complete { from: pruned, until }))))
    }

    fn name(&self) -> Option<&Name> {
        let (place, _) = self.rows.get(self.at)?;
        self.question.as_ref()?.names.series.get(*place)
    }
}

/// The folds of some series, by id.
type Folds = BTreeMap<SeriesId, Fold>;

fn fold_all(
    conn: &Connection,
    question: &Question,
    series: &[SeriesId],
) -> std::result::Result<Vec<(usize, Bucket)>, StoreError> {
    let mut folds = Folds::new();
    for (layer, range) in &question.parts {
        match layer {
            Layer::Samples => fold_samples(conn, question, series, *range, &mut folds)?,
            Layer::Rollup(resolution) => {
                rollups(conn, &question.names.windows, series, *resolution, *range, &mut |id, t, told| {
                    let last = t.millis() + resolution.millis() - 1;
                    folds.entry(id).or_insert_with(|| question.new_fold()).push_told(t.millis(), last, told);
                })?;
            }
        }
    }
    let mut rows = Vec::new();
    for (id, fold) in folds {
        let place = question.names.place(id)?;
        rows.extend(fold.finish().into_iter().map(|bucket| (place, bucket)));
    }
    Ok(rows)
}

fn fold_samples(
    conn: &Connection,
    question: &Question,
    series: &[SeriesId],
    range: TimeRange,
    folds: &mut Folds,
) -> std::result::Result<(), StoreError> {
    let Question { names, step, detail, .. } = question;
    // What was pruned is told by rollups, in its place among the samples.
    let mut pruned = BTreeSet::new();
    for (id, left) in outlived(conn, &names.windows, series, range)? {
        pruned.insert(id);
        folds.entry(id).or_insert_with(|| question.new_fold()).expect(left);
    }
    let from = range.from().millis();
    let look_back = if *detail == Detail::Levels { 0 } else { Fold::look_back_ms(*step) };
    let earlier = range.from().plus_millis(-look_back);
    let wide = TimeRange::new(earlier.max(Timestamp::MIN), range.to()).unwrap_or(range);
    let whole = |id: SeriesId, first: i64, last: i64| {
        let is_one = step.is_none_or(|step| first.div_euclid(step) == last.div_euclid(step));
        *detail != Detail::Quantiles && is_one && first >= from && !pruned.contains(&id)
    };
    scan_pieces(conn, &names.windows, series, wide, &whole, &mut |id, piece| {
        let fold = folds.entry(id).or_insert_with(|| question.new_fold());
        match piece {
            Piece::Whole { times, aggregate } => fold.push_told(times[0], times[times.len() - 1], aggregate),
            Piece::Samples(times, values) => {
                let first = times.partition_point(|t| *t < from);
                fold.push_before(&times[..first], &values[..first]);
                fold.push(&times[first..], &values[first..]);
            }
            Piece::Times(_) => {} // nobody asks for times alone here
        }
        ControlFlow::Continue(())
    })
}

/// Globs as on the command line; NULL selects all.
fn glob(what: &str, value: ValueRef<'_>) -> Result<Vec<String>> {
    match value {
        ValueRef::Null => Ok(Vec::new()),
        ValueRef::Text(text) => Ok(vec![String::from_utf8_lossy(text).into_owned()]),
        ValueRef::Integer(n) => Ok(vec![n.to_string()]),
        _ => Err(Error::ModuleError(format!("{what} is not a glob: give a text, or NULL for all"))),
    }
}

#[expect(unsafe_code, reason = "SQLite's interface")]
// SAFETY: `#[repr(C)]`, and the first field is `sqlite3_vtab_cursor`.
unsafe impl VTabCursor for BucketsCursor<'_> {
    fn filter(&mut self, used: c_int, plan: Option<&str>, given: &Filters<'_>) -> Result<()> {
        let mut values = [ValueRef::Null; 5];
        for (i, argument) in plan.unwrap_or("").bytes().enumerate() {
            if let Some(value) = values.get_mut(usize::from(argument.wrapping_sub(b'0'))) {
                *value = given[i].get_raw();
            }
        }
        if self.snapshot.is_none() {
            self.snapshot = Some(self.table.conn.snapshot()?);
        }
        let [metric, node, from, to, step] = values;
        let selector = Selector::parse(&glob("node", node)?, &glob("metric", metric)?, &[])
            .map_err(|e| Error::ModuleError(e.to_string()))?;
        let (from, to) = (arguments::moment("from", from)?, arguments::moment("to", to)?);
        let step = arguments::step(step)?;
        let names = self.table.names.get(&self.table.conn).map_err(|e| sql_error(&self.table.conn, e))?;
        let data = span(&self.table.conn, &names.windows).map_err(|e| sql_error(&self.table.conn, e))?;
        let asked = TimeRange::new(
            from.map_or(Timestamp::MIN, Timestamp::from_millis),
            to.map_or(TimeRange::ALL.to(), Timestamp::from_millis),
        );
        let range = asked.and_then(|range| range.intersect(data?));
        let wanted = |name: &&Name| selector.matches_node(&name.node) && selector.matches_metric(&name.metric);
        self.left = match range {
            None => Vec::new(),
            Some(_) => names.series.iter().filter(wanted).map(|name| name.id).collect(),
        };
        self.passed = 0;
        let detail = match used {
            0 => Detail::Levels,
            1 => Detail::Growth,
            _ => Detail::Quantiles,
        };
        self.question = match asked.zip(range) {
            None => None,
            Some((asked, range)) => {
                let parts = self.parts(asked, range, step, detail).map_err(|e| sql_error(&self.table.conn, e))?;
                Some(Question { names, range, parts, from, step, detail })
            }
        };
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
        let Some((_, bucket)) = self.rows.get(self.at) else { return Ok(()) };
        let a = &bucket.aggregate;
        match column {
            0 => context.set_result(self.name().map(|name| name.node.as_str())),
            1 => context.set_result(self.name().map(|name| name.metric.as_str())),
            2 => context.set_result(self.name().map(|name| name.labels.as_str())),
            3 => context.set_result(bucket.t),
            4 => context.set_result(a.count as i64),
            5 => context.set_result(a.sum),
            6 => context.set_result(a.min),
            7 => context.set_result(a.max),
            8 => context.set_result(a.avg()),
            9 => context.set_result(a.first),
            10 => context.set_result(a.last),
            11 => context.set_result(a.increase),
            12..15 => context.set_result(bucket.quantiles[(column - QUANTILE_COLUMNS.start) as usize]),
            _ => Ok(()),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(((self.passed as i64) << 32) + self.at as i64)
    }
}
