//! Read-only SQL of a stranger over the file: what `nodebook sql` runs.
//!
//! The connection is its own, opened for reading, and guarded thrice: an authorizer that allows reading and nothing else (a list of what may be,
//! not of what may not), SQLite's defensive settings and limits, and a clock. So no statement can write, attach, make a file, load code, or
//! run for ever; what is cut off is said, never left out in silence. `samples`, `buckets` and the functions of the store are there.
//!
//! A result that has to be sorted and does not fit into memory goes through a temporary file that SQLite deletes as it opens it.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement, ffi};

use crate::store::{self, StoreError};

/// What a query may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlLimits {
    /// How long it may run.
    pub time: Duration,
    /// How many rows it may give.
    pub rows: u64,
    /// How many bytes of text, blobs and numbers it may give.
    pub bytes: u64,
}

impl Default for SqlLimits {
    /// 30 s, ten million rows, 1 GiB.
    fn default() -> Self {
        SqlLimits { time: Duration::from_secs(30), rows: 10_000_000, bytes: 1 << 30 }
    }
}

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number; never NaN.
    Real(f64),
    /// Text; bytes that are no UTF-8 are replaced.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(&'a [u8]),
}

/// Takes a result as it comes.
pub trait RowSink {
    /// The columns' names, once, before any row.
    fn columns(&mut self, names: &[&str]) -> io::Result<()>;

    /// The next row: as many values as there are columns. Says whether more are wanted.
    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>>;
}

/// Why a query gave nothing, or not all. Rows that came before the error were handed on.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No statement.
    #[error("there is no query: give one statement, for example `SELECT node, count(*) FROM samples GROUP BY node`")]
    Empty,
    /// More than one statement.
    #[error("there is more than one statement: give one, without anything after its semicolon")]
    Several,
    /// Something that is not reading.
    #[error("{what} is refused: queries only read")]
    Refused {
        /// What it would have done.
        what: String,
    },
    /// Not SQL, or names that do not exist.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What SQLite says.
        message: String,
    },
    /// It ran too long.
    #[error("the query was stopped after {} s, its time limit: narrow it by ts, node or metric, or raise --time-limit", limit.as_secs_f64())]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// Somebody wanted it to end, see [`SqlConsole::stop_on`].
    #[error("the query was stopped")]
    Stopped,
    /// It gives too many rows.
    #[error("the query was stopped after {limit} rows, the most it may give: add a LIMIT, or aggregate")]
    Rows {
        /// The limit.
        limit: u64,
    },
    /// It gives too many bytes.
    #[error("the query was stopped after {limit} bytes, the most it may give: add a LIMIT, or aggregate")]
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// Samples, names or pages are not what was written.
    #[error("{message}")]
    Damaged {
        /// Which, and what does not fit.
        message: String,
    },
    /// SQLite failed otherwise: a function was called wrongly, a value is too large.
    #[error("{message}")]
    Failed {
        /// What SQLite says.
        message: String,
    },
    /// Whoever takes the rows failed.
    #[error(transparent)]
    Sink(#[from] io::Error),
}

/// Pragmas that only tell, and take the name of what to tell about.
const TELLING_PRAGMAS: [&str; 6] =
    ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"];

/// Pragmas that tell as long as they are given no value.
const READABLE_PRAGMAS: [&str; 6] =
    ["user_version", "application_id", "data_version", "page_size", "page_count", "freelist_count"];

/// Functions that reach outside of the database, in any build of SQLite.
const OUTSIDE_FUNCTIONS: [&str; 6] = ["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "zipfile"];

/// How many steps of SQLite's machine pass between two looks at the clock: some tens of microseconds.
const STEPS_A_LOOK: i32 = 4000;

/// A file open for queries.
pub struct SqlConsole {
    conn: Connection,
    limits: SqlLimits,
    stop: Arc<AtomicBool>,
    /// What the authorizer refused last.
    refused: Arc<Mutex<Option<String>>>,
}

impl SqlConsole {
    /// Opens an existing file for reading; creates and changes nothing.
    pub fn open(path: &Path, limits: SqlLimits) -> Result<SqlConsole, SqlError> {
        let mut conn = store::open_read_only(path)?;
        let refused = Arc::new(Mutex::new(None));
        let guarded = guard(&mut conn, Arc::clone(&refused));
        guarded.map_err(|e| SqlError::Store(StoreError::from(e)))?;
        Ok(SqlConsole { conn, limits, stop: Arc::default(), refused })
    }

    /// What a query may cost.
    pub fn limits(&self) -> SqlLimits {
        self.limits
    }

    /// Ends the query that runs as soon as `stop` is true; the next one makes it false.
    pub fn stop_on(&mut self, stop: Arc<AtomicBool>) {
        self.stop = stop;
    }

    /// Runs one statement and hands on its rows, until no more are wanted; returns how many those were.
    pub fn run(&mut self, query: &str, sink: &mut dyn RowSink) -> Result<u64, SqlError> {
        let start = Instant::now();
        let limit = self.limits.time;
        self.stop.store(false, Ordering::Relaxed);
        let stop = Arc::clone(&self.stop);
        let has_to_end = move || stop.load(Ordering::Relaxed) || start.elapsed() >= limit;
        self.conn.progress_handler(STEPS_A_LOOK, Some(has_to_end)).map_err(|e| self.explain(query, e))?;
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.answer(query, sink)
    }

    fn answer(&self, query: &str, sink: &mut dyn RowSink) -> Result<u64, SqlError> {
        let explain = |e| self.explain(query, e);
        // Held open, it keeps the snapshot that the virtual tables' own reads are to see too.
        let mut snapshot = self.conn.prepare("SELECT 1 FROM sqlite_schema").map_err(explain)?;
        let mut held = snapshot.query([]).map_err(explain)?;
        held.next().map_err(explain)?;
        let mut statement = self.conn.prepare(query).map_err(explain)?;
        if !statement.readonly() {
            return Err(SqlError::Refused { what: "writing".to_owned() });
        }
        if statement.parameter_count() > 0 {
            let message = "the query has parameters (? or :name): write the values into it".to_owned();
            return Err(SqlError::Failed { message });
        }
        sink.columns(&statement.column_names().collect::<Vec<_>>())?;
        self.hand_on(&mut statement, query, sink)
    }

    fn hand_on(&self, statement: &mut Statement<'_>, query: &str, sink: &mut dyn RowSink) -> Result<u64, SqlError> {
        let width = statement.column_count();
        let mut rows = statement.query([]).map_err(|e| self.explain(query, e))?;
        let (mut count, mut bytes) = (0u64, 0u64);
        while let Some(row) = rows.next().map_err(|e| self.explain(query, e))? {
            if count == self.limits.rows {
                return Err(SqlError::Rows { limit: count });
            }
            let values = values_of(row, width).map_err(|e| self.explain(query, e))?;
            bytes += values.iter().map(size_of_value).sum::<u64>();
            if bytes > self.limits.bytes {
                return Err(SqlError::Bytes { limit: self.limits.bytes });
            }
            if sink.row(&values)?.is_break() {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    fn explain(&self, query: &str, error: rusqlite::Error) -> SqlError {
        match error {
            rusqlite::Error::Empty => SqlError::Empty,
            rusqlite::Error::MultipleStatement => SqlError::Several,
            rusqlite::Error::SqlInputError { msg, offset, sql, .. } => {
                // The offset counts from where the failing statement starts, which is not always the start of the query.
                let start = query.len().saturating_sub(sql.len());
                let (line, column) = position(query, start + usize::try_from(offset).unwrap_or(0));
                SqlError::Syntax { line, column, message: msg }
            }
            rusqlite::Error::SqliteFailure(code, message) => {
                match (code.extended_code & 0xff, self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()) {
                    (ffi::SQLITE_INTERRUPT, _) if self.stop.load(Ordering::Relaxed) => SqlError::Stopped,
                    (ffi::SQLITE_INTERRUPT, _) => SqlError::Time { limit: self.limits.time },
                    (ffi::SQLITE_AUTH, Some(what)) => SqlError::Refused { what },
                    (ffi::SQLITE_ERROR | ffi::SQLITE_AUTH, _) => {
                        SqlError::Failed { message: message.unwrap_or_else(|| code.to_string()) }
                    }
                    (ffi::SQLITE_CORRUPT, _) => {
                        SqlError::Damaged { message: message.unwrap_or_else(|| code.to_string()) }
                    }
                    (ffi::SQLITE_IOERR, _) if code.extended_code == ffi::SQLITE_IOERR_DATA => {
                        SqlError::Damaged { message: "a page does not match its checksum".to_owned() }
                    }
                    (ffi::SQLITE_TOOBIG, _) => SqlError::Failed { message: "a text or blob is too large".to_owned() },
                    _ => SqlError::Store(StoreError::from(rusqlite::Error::SqliteFailure(code, message))),
                }
            }
            other => SqlError::Store(StoreError::from(other)),
        }
    }
}

/// Line and column, from 1, of a byte of the text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    // Characters, counted by their first bytes.
    let column = before[line_start..].iter().filter(|b| **b & 0xc0 != 0x80).count() + 1;
    (line, column)
}

fn values_of<'r>(row: &'r Row<'_>, width: usize) -> rusqlite::Result<Vec<Value<'r>>> {
    (0..width)
        .map(|i| {
            Ok(match row.get_ref(i)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(n) => Value::Integer(n),
                ValueRef::Real(n) => Value::Real(n),
                ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes)),
                ValueRef::Blob(bytes) => Value::Blob(bytes),
            })
        })
        .collect()
}

fn size_of_value(value: &Value<'_>) -> u64 {
    match value {
        Value::Null => 1,
        Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len() as u64,
        Value::Blob(bytes) => bytes.len() as u64,
    }
}

/// Makes a connection safe for a stranger's SQL. The tables and functions of the store come before the guard: they are ours.
fn guard(conn: &mut Connection, refused: Arc<Mutex<Option<String>>>) -> rusqlite::Result<()> {
    // A sort of millions of rows spills to disk, so that memory stays bounded.
    conn.pragma_update(None, "temp_store", "FILE")?;
    store::virtual_table::register(conn)?;
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        conn.set_db_config(setting, on)?;
    }
    conn.pragma_update(None, "query_only", true)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, 16 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 300), // the query of a forecast is nested deeper than 100
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        conn.set_limit(limit, most)?;
    }
    conn.authorizer(Some(move |context: AuthContext<'_>| match refusal(&context.action) {
        None => Authorization::Allow,
        Some(what) => {
            *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
            Authorization::Deny
        }
    }))
}

/// What of an action is refused; `None` where it only reads.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    let is_any = |name: &str, names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => {
            is_any(function_name, &OUTSIDE_FUNCTIONS).then(|| format!("the function {function_name}"))
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let told = is_any(pragma_name, &TELLING_PRAGMAS)
                || (pragma_value.is_none() && is_any(pragma_name, &READABLE_PRAGMAS));
            (!told).then(|| format!("PRAGMA {pragma_name}"))
        }
        AuthAction::Attach { .. } => Some("ATTACH".to_owned()),
        AuthAction::Detach { .. } => Some("DETACH".to_owned()),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some("a transaction".to_owned()),
        AuthAction::Insert { .. } | AuthAction::Update { .. } | AuthAction::Delete { .. } => Some("writing".to_owned()),
        _ => Some("changing the database".to_owned()),
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
