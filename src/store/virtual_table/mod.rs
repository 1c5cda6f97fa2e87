//! What SQL sees of the store beyond its plain tables. [`register`] adds to a connection:
//!
//! - `samples(ts, node, metric, labels, value, series_id)`: every sample, of head and chunks as one; `ts` in ms UTC, `value` NULL
//!   where it is NaN. Comparisons of `ts` with numbers, and `=` and `IN` of `node`, `metric`, `labels` and `series_id`, are answered
//!   by looking only at the chunks that can match; the column must stand bare (`ts / 1000 > x` reads everything). Rows come in no
//!   promised order.
//! - `buckets(metric, node, from, to, step)` giving `(node, metric, labels, t, count, sum, min, max, avg, first, last, increase,
//!   p50, p95, p99)`: a row for every series and bucket `[t, t + step)` that holds a number, by series and time. `metric` and `node`
//!   are globs as on the command line, `from` and `to` (half open) are ms or RFC 3339, `step` is ms or a duration (`'1h'`); each may be
//!   NULL or left out: all series, all time, one bucket (whose `t` is `from`, or the first sample). Buckets are aligned to
//!   1970-01-01T00:00Z. `increase` is the growth of a counter, resets handled, from the sample before the bucket (where the range holds
//!   one): the sum over all buckets is the growth over the range. Quantiles are of the samples, with linear interpolation (type 7 of
//!   Hyndman and Fan 1996). Where samples were pruned, buckets of whole hours (or days) are made of the rollups, and quantiles are within 1 %;
//!   of narrower buckets there is nothing left to tell.
//! - `rollup_1h`, as a temporary view that hides the table of this name: its rows and, as `rollup_1h_folded`, the hours of slow series, which have
//!   none (`migrations/0002_hours_and_sketches.sql`). A connection's `temp_store` is set before: SQLite drops the view when that changes.
//! - `iso(ms)`: RFC 3339 in UTC. `time_bucket(step, ms)`: the start of the bucket that holds `ms`, `step` as above. `sqrt(x)`.
//! - `rate(ts, value)`: how fast a counter grew, per second, resets handled; of a group (`GROUP BY series_id`) or of a frame (`OVER (PARTITION BY
//!   series_id ORDER BY ts ROWS 1 PRECEDING)`). The growth from each sample to the next over the time from the first to the last; NULL of fewer than
//!   two samples. `rate(ts, value, gap)` leaves out where samples are further apart than `gap` (as `step`). The order of the rows does not matter;
//!   two samples of one time are an error, as they cannot be of one series. NULL, which `samples` has for NaN, is passed over.
//! - `percentile(value, p)`: of a group or frame, `p` from 0 to 100; exact, by the interpolation of `buckets` (and of the function of that name in
//!   newer `sqlite3` shells). NULL is passed over; NULL of nothing; infinity is a value.
//!
//! All of them read through the connection they are registered on, inside the snapshot of the query, and verify checksums as every
//! read does: a damaged chunk is an SQL error, never a number. In a program that loads them as an extension (`examples/sqlite-extension`) they
//! read through a connection of their own, since that program's verifies no page. Nothing here writes, and no virtual table is ever declared
//! in a file.

mod arguments;
mod buckets;
mod feed;
mod fold;
mod functions;
mod home;
mod hours;
mod layers;
mod names;
mod percentile;
mod rate;
mod samples;

use std::path::Path;

use rusqlite::{Connection, ffi};

use home::Opener;

use super::{StoreError, StoreErrorKind};

/// Adds the virtual tables and functions to a connection of ours.
pub(crate) fn register(conn: &Connection) -> rusqlite::Result<()> {
    register_on(conn, Opener::Nodebook)?;
    hours::show_all(conn)
}

/// Adds them to the connection of a program that loads the extension. `rollup_1h` stays the table there: a view that hides a table is nothing to
/// put into somebody else's connection.
#[allow(dead_code, reason = "for examples/sqlite-extension, which compiles this floor too")]
pub(crate) fn register_in_host(conn: &Connection) -> rusqlite::Result<()> {
    register_on(conn, Opener::Host)
}

fn register_on(conn: &Connection, opener: Opener) -> rusqlite::Result<()> {
    samples::register(conn, opener)?;
    buckets::register(conn, opener)?;
    hours::register(conn, opener)?;
    functions::register(conn)
}

/// As an error that SQLite hands on to whoever asked; what SQLite itself said stays as it was, and damage keeps its own code.
fn sql_error(conn: &Connection, error: StoreError) -> rusqlite::Error {
    let error = match conn.path() {
        Some(path) => error.at(Path::new(path)),
        None => error,
    };
    match error {
        StoreError::Sqlite { source, .. } => source,
        other if other.kind() == StoreErrorKind::Damaged => {
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT_VTAB), Some(other.to_string()))
        }
        other => rusqlite::Error::ModuleError(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
