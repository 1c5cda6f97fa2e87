//! The connection that a table reads through.

use std::cell::Cell;
use std::ops::Deref;
use std::path::Path;

use rusqlite::vtab::VTabConnection;
use rusqlite::{Connection, Error, Result};

use crate::store::open_read_only;

/// Who has opened the connection that tables are registered on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// We: its pages are verified, and whoever asks holds a snapshot. The tables read through it.
    Nodebook,
    /// A program that loads the extension and knows nothing of the pages' checksums. The tables read through a connection of their own.
    Host,
}

/// What a table has of its connection.
pub(super) struct Home {
    conn: Connection,
    opener: Opener,
    /// Cursors that are being read.
    cursors: Cell<usize>,
}

impl Home {
    /// Of a table on `db`.
    #[expect(unsafe_code, reason = "SQLite's interface")]
    pub(super) fn of(db: &mut VTabConnection, opener: Option<&Opener>) -> Result<Home> {
        // SAFETY: SQLite disconnects the table, and so drops this borrowed connection, before it closes the handle.
        let borrowed = unsafe { Connection::from_handle(db.handle()) }?;
        let opener = opener.copied().unwrap_or(Opener::Nodebook);
        let conn = match opener {
            Opener::Nodebook => borrowed,
            Opener::Host => {
                let path = borrowed.path().filter(|path| !path.is_empty());
                let path = path.ok_or_else(|| refused("the main database is no file: open one of nodebook's"))?;
                open_read_only(Path::new(path)).map_err(|error| refused(&error.to_string()))?
            }
        };
        Ok(Home { conn, opener, cursors: Cell::new(0) })
    }

    /// One state of the file for all cursors that are being read.
    pub(super) fn snapshot(&self) -> Result<Snapshot<'_>> {
        if self.opener == Opener::Host && self.cursors.get() == 0 {
            self.conn.execute_batch("BEGIN")?;
        }
        self.cursors.set(self.cursors.get() + 1);
        Ok(Snapshot(self))
    }
}

fn refused(why: &str) -> Error {
    Error::ModuleError(format!("nodebook: {why}"))
}

impl Deref for Home {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

/// Ends with the last cursor.
pub(super) struct Snapshot<'h>(&'h Home);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let Snapshot(home) = self;
        home.cursors.set(home.cursors.get() - 1);
        if home.opener == Opener::Host && home.cursors.get() == 0 {
            // Nothing was written: there is nothing to lose.
            let _ = home.conn.execute_batch("ROLLBACK");
        }
    }
}
