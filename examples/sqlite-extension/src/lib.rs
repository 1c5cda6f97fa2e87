//! `samples`, `buckets`, `rate`, `percentile`, `time_bucket` and `iso` as a loadable extension of SQLite.
//!
//! ```text
//! $ cargo build --release --manifest-path examples/sqlite-extension/Cargo.toml
//! $ sqlite3 cluster.db
//! sqlite> .load examples/sqlite-extension/target/release/libnodebook
//! sqlite> SELECT node, max(value) FROM samples WHERE metric = 'load1' GROUP BY node;
//! ```
//!
//! The tables read the file through a connection of their own, which verifies the checksum of every page: what is damaged is an error here too.
//! Plain tables (`rollup_1h`, `node`, ...) are read by the host, which knows no checksums.

// The floors are those of the program, of which this needs the reading half.
#![allow(dead_code, unused_imports)]

#[path = "../../../src/codec/mod.rs"]
mod codec;
mod host;
#[path = "../../../src/model/mod.rs"]
mod model;
#[path = "../../../src/store/mod.rs"]
mod store;

use std::ffi::{c_char, c_int};

use rusqlite::{Connection, ffi};

/// What SQLite calls when it loads the library.
///
/// # Safety
/// To be called by SQLite: with an open connection, a place for an error text, and the table of SQLite's functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_nodebook_init(
    db: *mut ffi::sqlite3,
    error: *mut *mut c_char,
    functions: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: the pointers are what SQLite says they are.
    unsafe {
        let Some(functions) = functions.as_ref() else { return ffi::SQLITE_ERROR };
        match host::functions_for(functions) {
            Ok(functions) => Connection::extension_init2(db, error, functions, register),
            Err(message) => host::tell(functions, error, &message),
        }
    }
}

/// Stays loaded when the connection is closed: SQLite keeps the VFS that verifies pages for ever.
fn register(conn: Connection) -> rusqlite::Result<bool> {
    store::virtual_table::register_in_host(&conn).map(|()| true)
}
