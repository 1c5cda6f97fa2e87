use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::codec::CodecError;
use crate::model::{Timestamp, word};

/// Why the store failed. Sharp kinds ([`StoreError::kind`]): the command line gives each its exit code.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such file.
    #[error("{}: no such database", path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// A file where a new one is to be made.
    #[error("{}: exists already, name a new file", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A hard link.
    #[error("{}: has another name (a hard link), under which it could be written at the same time: make a copy, or remove the other name", path.display())]
    Linked {
        /// Where.
        path: PathBuf,
    },
    /// Not the file that was opened any more.
    #[error("{}: was removed, renamed or replaced while it was written: what is stored from now on would be lost, start again", path.display())]
    Replaced {
        /// Where.
        path: PathBuf,
    },
    /// A directory where a file is needed.
    #[error("{}: is a directory, name the database file in it", path.display())]
    Directory {
        /// Where.
        path: PathBuf,
    },
    /// A pipe, socket or device.
    #[error("{}: is not a regular file", path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// A file that is not ours; it was not touched.
    #[error("{}: is not a nodebook database ({what}); it was left as it is", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// Made by a newer build.
    #[error("{}: store is schema {found}, this build knows {known}: upgrade nodebook", path.display())]
    Newer {
        /// Where.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest this build knows.
        known: i64,
    },
    /// Another process records into it.
    #[error("{}: {} is writing: stop it first, or use another --db", path.display(), holder(*pid))]
    Locked {
        /// Where.
        path: PathBuf,
        /// Which process, where it said so.
        pid: Option<u32>,
    },
    /// Another process makes reports of it.
    #[error("{}: {} is running: what is due, it makes", path.display(), batch(*pid))]
    BatchRuns {
        /// Where.
        path: PathBuf,
        /// Which process, where it said so.
        pid: Option<u32>,
    },
    /// SQLite's own lock did not come free in time.
    #[error("{}: is busy: another program holds a lock on it", path.display())]
    Busy {
        /// Where.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{}: permission denied: {doing}", path.display())]
    Permission {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// No space left.
    #[error("{}: the disk is full: free some space, nothing written before is lost", path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("{}: is damaged ({what}): `nodebook check --db {}` says what is lost", path.display(), word(&path.to_string_lossy()))]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The list of tables of a damaged file is lost, and cannot be had from another file.
    #[error("{}: is damaged, and the list of its tables is lost: nothing can be read of it, go back to a copy", path.display())]
    ListLost {
        /// Where.
        path: PathBuf,
    },
    /// A chunk is not what was written.
    #[error("{}: the samples of {series} from {from} to {to} are damaged ({source}): `nodebook check --db {}` says what is lost", path.display(), word(&path.to_string_lossy()))]
    DamagedChunk {
        /// Where.
        path: PathBuf,
        /// `node/metric{labels}`, or its number where the name cannot be read.
        series: String,
        /// Start of its window.
        from: Timestamp,
        /// End of its window.
        to: Timestamp,
        /// What does not fit.
        source: CodecError,
    },
    /// A time that no sample may carry.
    #[error("time {ms} ms is outside 1970 to 9999")]
    Time {
        /// Milliseconds since 1970.
        ms: i64,
    },
    /// More series than a file may have.
    #[error("the file has {limit} series, the most it may hold: leave out labels that never repeat")]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// A handle that this store did not give.
    #[error("a sample refers to series {id}, which was not named before")]
    UnknownSeries {
        /// The handle.
        id: u32,
    },
    /// A bulk import that has failed before.
    #[error("the import failed before and cannot go on: start it again, what is stored already is skipped")]
    ImportFailed,
    /// The operating system.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Anything else SQLite said.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// Where.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// The sort of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// There is no file.
    Missing,
    /// The path is no database of ours.
    Foreign,
    /// A newer build made it.
    Newer,
    /// Another recorder or program holds it.
    Locked,
    /// It is not what was written.
    Damaged,
    /// No space left.
    Full,
    /// The file system refuses.
    Permission,
    /// What was asked for cannot be stored.
    Invalid,
    /// The operating system or SQLite failed otherwise.
    Other,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another recorder".to_owned(), |pid| format!("recorder with pid {pid}"))
}

fn batch(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another batch".to_owned(), |pid| format!("a batch with pid {pid}"))
}

impl StoreError {
    /// The sort, for an exit code.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            StoreError::Missing { .. } => StoreErrorKind::Missing,
            StoreError::Directory { .. } | StoreError::NotAFile { .. } | StoreError::Foreign { .. } => {
                StoreErrorKind::Foreign
            }
            StoreError::Newer { .. } => StoreErrorKind::Newer,
            StoreError::Locked { .. } | StoreError::BatchRuns { .. } | StoreError::Busy { .. } => {
                StoreErrorKind::Locked
            }
            StoreError::Damaged { .. } | StoreError::DamagedChunk { .. } | StoreError::ListLost { .. } => {
                StoreErrorKind::Damaged
            }
            StoreError::Full { .. } => StoreErrorKind::Full,
            StoreError::Permission { .. } => StoreErrorKind::Permission,
            StoreError::Time { .. }
            | StoreError::TooManySeries { .. }
            | StoreError::UnknownSeries { .. }
            | StoreError::Exists { .. }
            | StoreError::Linked { .. }
            | StoreError::ImportFailed => StoreErrorKind::Invalid,
            StoreError::Io { .. } | StoreError::Sqlite { .. } | StoreError::Replaced { .. } => StoreErrorKind::Other,
        }
    }

    /// A row that is not what was written; the path is filled in by [`StoreError::at`].
    pub(super) fn damaged(what: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: PathBuf::new(), what: what.into() }
    }

    /// Whether the same may go well later: no room, a lock that another program holds, a device that failed. What was written before is whole.
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Full { .. } | StoreError::Busy { .. } | StoreError::Io { .. }) || self.is_io()
    }

    /// Whether the operating system failed below SQLite.
    pub(super) fn is_io(&self) -> bool {
        let StoreError::Sqlite { source, .. } = self else { return false };
        source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
    }

    pub(super) fn io(path: &Path, doing: &'static str, source: io::Error) -> StoreError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::Permission { path, doing }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
            _ => StoreError::Io { path, source },
        }
    }

    /// Names the file in an error that was raised below where it is known.
    pub(super) fn at(mut self, file: &Path) -> StoreError {
        match &mut self {
            StoreError::Busy { path }
            | StoreError::Permission { path, .. }
            | StoreError::Full { path }
            | StoreError::Damaged { path, .. }
            | StoreError::DamagedChunk { path, .. }
            | StoreError::Newer { path, .. }
            | StoreError::Foreign { path, .. }
            | StoreError::Missing { path }
            | StoreError::Sqlite { path, .. }
                if path.as_os_str().is_empty() =>
            {
                *path = file.to_owned();
            }
            _ => {}
        }
        self
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        let path = PathBuf::new();
        if source.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_DATA) {
            return StoreError::damaged("a page does not match its checksum");
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, what: source.to_string() },
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { path, what: "SQLite cannot read it" },
            // SQLite says the same of files beside it, which a reader leaves who may write the directory and not the file.
            Some(ErrorCode::ReadOnly) => StoreError::Permission {
                path,
                doing: "it, or another user's -wal or -shm beside it, cannot be written",
            },
            Some(ErrorCode::PermissionDenied) => StoreError::Permission { path, doing: "SQLite may not use it" },
            Some(ErrorCode::CannotOpen) => {
                StoreError::Permission { path, doing: "it, or a file beside it, cannot be opened" }
            }
            _ => match source {
                // A column of another type than was written: no SQL of ours asks for it.
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => StoreError::Damaged { path, what: source.to_string() },
                source => StoreError::Sqlite { path, source },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_names_the_file_and_the_way_out() {
        let path = PathBuf::from("cluster.db");
        let time = Timestamp::from_millis(1_767_571_200_000);
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let errors = [
            StoreError::Missing { path: path.clone() },
            StoreError::Exists { path: path.clone() },
            StoreError::Linked { path: path.clone() },
            StoreError::Replaced { path: path.clone() },
            StoreError::Directory { path: path.clone() },
            StoreError::NotAFile { path: path.clone() },
            StoreError::Foreign { path: path.clone(), what: "it is empty" },
            StoreError::Newer { path: path.clone(), found: 9, known: 7 },
            StoreError::Locked { path: path.clone(), pid: Some(123) },
            StoreError::Locked { path: path.clone(), pid: None },
            StoreError::BatchRuns { path: path.clone(), pid: Some(123) },
            StoreError::Busy { path: path.clone() },
            StoreError::Permission { path: path.clone(), doing: "it cannot be written" },
            StoreError::Full { path: path.clone() },
            StoreError::damaged("row 1 of `node` does not match its checksum").at(&path),
            StoreError::ListLost { path: path.clone() },
            StoreError::DamagedChunk {
                path: path.clone(),
                series: "db-1/load1".to_owned(),
                from: time,
                to: time.plus_millis(3_600_000),
                source: CodecError::Checksum { found: 1, computed: 2 },
            },
            StoreError::Time { ms: -1 },
            StoreError::TooManySeries { limit: 5_000_000 },
            StoreError::UnknownSeries { id: 7 },
            StoreError::ImportFailed,
            StoreError::Io { path: path.clone(), source: io::Error::other("device on fire") },
            StoreError::from(rusqlite::Error::QueryReturnedNoRows).at(&path),
            StoreError::from(failure(rusqlite::ffi::SQLITE_READONLY)).at(&path),
        ];
        let texts: Vec<String> = errors.iter().map(|e| format!("{:?}: {e}", e.kind())).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        Missing: cluster.db: no such database
        Invalid: cluster.db: exists already, name a new file
        Invalid: cluster.db: has another name (a hard link), under which it could be written at the same time: make a copy, or remove the other name
        Other: cluster.db: was removed, renamed or replaced while it was written: what is stored from now on would be lost, start again
        Foreign: cluster.db: is a directory, name the database file in it
        Foreign: cluster.db: is not a regular file
        Foreign: cluster.db: is not a nodebook database (it is empty); it was left as it is
        Newer: cluster.db: store is schema 9, this build knows 7: upgrade nodebook
        Locked: cluster.db: recorder with pid 123 is writing: stop it first, or use another --db
        Locked: cluster.db: another recorder is writing: stop it first, or use another --db
        Locked: cluster.db: a batch with pid 123 is running: what is due, it makes
        Locked: cluster.db: is busy: another program holds a lock on it
        Permission: cluster.db: permission denied: it cannot be written
        Full: cluster.db: the disk is full: free some space, nothing written before is lost
        Damaged: cluster.db: is damaged (row 1 of `node` does not match its checksum): `nodebook check --db cluster.db` says what is lost
        Damaged: cluster.db: is damaged, and the list of its tables is lost: nothing can be read of it, go back to a copy
        Damaged: cluster.db: the samples of db-1/load1 from 2026-01-05T00:00:00.000Z to 2026-01-05T01:00:00.000Z are damaged (chunk checksum is 00000001, computed 00000002): `nodebook check --db cluster.db` says what is lost
        Invalid: time -1 ms is outside 1970 to 9999
        Invalid: the file has 5000000 series, the most it may hold: leave out labels that never repeat
        Invalid: a sample refers to series 7, which was not named before
        Invalid: the import failed before and cannot go on: start it again, what is stored already is skipped
        Other: cluster.db: device on fire
        Other: cluster.db: Query returned no rows
        Permission: cluster.db: permission denied: it, or another user's -wal or -shm beside it, cannot be written
        "#);
    }
}
