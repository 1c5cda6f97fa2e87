use rusqlite::{Connection, TransactionBehavior};

use super::setting::Setting;
use super::{StoreError, page_checksum};

/// `PRAGMA application_id` of our files: "ndbk".
pub(super) const APPLICATION_ID: u32 = 0x6e64_626b;

/// SQL of the migrations, oldest first; migration `i` carries schema `i` to `i + 1`. Append only.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../migrations/0001_schema.sql"),
    include_str!("../../migrations/0002_hours_and_sketches.sql"),
    include_str!("../../migrations/0003_jobs.sql"),
    include_str!("../../migrations/0004_forward.sql"),
    include_str!("../../migrations/0005_forward_engines.sql"),
];

/// Of each schema, the oldest one a build must know to read it all the same.
const MIN_READERS: [i64; MIGRATIONS.len()] = [1, 2, 2, 2, 2];

/// The schema that brought quantile sketches.
pub(super) const SKETCHES_SINCE: i64 = 2;

/// The schema this build writes.
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Small pages: a chunk is some kilobytes, and what it leaves free in its last page is lost. Measured on 100 nodes x 20 metrics x 1 day, bytes a
/// sample in `chunk` by page size: 1.87 at 16 KiB, 1.86 at 8, 1.69 at 4, 1.59 at 2, 1.55 at 1 (the blobs alone are 1.45). A commit also logs whole
/// pages, so small ones make a scrape's commit smaller.
pub(super) const PAGE_BYTES: usize = 2 << 10;

/// Lays out an empty file.
pub(super) fn create(conn: &mut Connection) -> Result<(), StoreError> {
    // These have to come before the first table.
    page_checksum::reserve(conn)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(conn).map(drop)
}

/// Has page 1 go into the log with whatever else a transaction writes: where another program moves the log into the file, page 1 is then
/// unsigned, and with that the pages beside it are believed (page_checksum.rs).
pub(super) fn write_first_page(conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.pragma_update(None, "application_id", APPLICATION_ID)?)
}

pub(super) fn version(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Carries an older schema forward, all steps in one transaction; returns the one that was found.
pub(super) fn migrate(conn: &mut Connection) -> Result<i64, StoreError> {
    if version(conn)? == KNOWN {
        return Ok(KNOWN);
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for sql in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    Setting::MinReader.raise(&transaction, MIN_READERS[MIN_READERS.len() - 1])?;
    transaction.commit()?;
    Ok(found)
}

pub(super) fn refuse_newer_for_writing(conn: &Connection) -> Result<(), StoreError> {
    match version(conn)? {
        found if found > KNOWN => Err(newer(found)),
        _ => Ok(()),
    }
}

/// A newer schema may say that this build can read it.
pub(super) fn refuse_newer_for_reading(conn: &Connection) -> Result<(), StoreError> {
    let found = version(conn)?;
    if found <= KNOWN {
        return Ok(());
    }
    match Setting::MinReader.read(conn) {
        Ok(Some(reader)) if reader <= KNOWN => Ok(()),
        _ => Err(newer(found)),
    }
}

fn newer(found: i64) -> StoreError {
    StoreError::Newer { path: Default::default(), found, known: KNOWN }
}
