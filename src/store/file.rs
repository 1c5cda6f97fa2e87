use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::StoreError;
use super::page_checksum::{self, RESERVED_BYTES};
use super::rollup_rows;
use super::schema::{self, APPLICATION_ID, PAGE_BYTES};

/// How long SQLite waits for another program's lock.
const BUSY_TIMEOUT_MS: i64 = 5_000;
/// The write-ahead log is cut back to this after a checkpoint, whatever a burst or a long reader made of it.
const WAL_BYTES_MAX: i64 = 16 << 20;
/// A commit that finds so many pages (1 MiB) in the log moves them into the file: on a small disk the log must not be what fills it, and the commit that does
/// so is the one somebody waits for. Of half as many, what is written over and over costs a tenth of the speed.
const WAL_PAGES_WANTED: i64 = (1 << 20) / PAGE_BYTES as i64;
/// SQLite's page cache, in KiB. A recorder fills whatever it is given, and is to stay below 40 MB in all.
const CACHE_KIB: i64 = 8 << 10;
/// Statements kept prepared on a connection: all of ours.
const STATEMENTS_MAX: usize = 64;

/// `<db><ending>`: the lock, the write-ahead log.
pub(super) fn beside(db: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(db);
    name.push(ending);
    PathBuf::from(name)
}

/// Readable and writable by the owner only.
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Looks at the file and changes nothing: is it there, a regular file, and ours? `false` where it is not there.
///
/// By SQLite, as everything that opens the file: whoever closes a descriptor of his own on it takes from the whole process all locks SQLite has on
/// it (POSIX says so). Another program then believes to be the last one and deletes the log that a writer here goes on to fill.
pub(super) fn is_ours(path: &Path) -> Result<bool, StoreError> {
    let metadata = match fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(|e| StoreError::io(path, "it cannot be looked at", e))?,
    };
    if metadata.is_dir() {
        return Err(StoreError::Directory { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(StoreError::NotAFile { path: path.to_owned() });
    }
    let foreign = |what| Err(StoreError::Foreign { path: path.to_owned(), what });
    if metadata.len() == 0 {
        return foreign("it is empty");
    }
    match header_of(path) {
        Ok((APPLICATION_ID, RESERVED_BYTES)) => Ok(true),
        Ok((APPLICATION_ID, _)) => Err(StoreError::damaged("its pages have no room for their checksums").at(path)),
        Ok(_) => foreign("another program's SQLite file"),
        Err(e) => match e.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) if is_packed(path) => {
                foreign("it is packed: unpack it first, with gunzip -k or zstd -d")
            }
            Some(ErrorCode::NotADatabase) => foreign("it is no SQLite file"),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Err(StoreError::Permission { path: path.to_owned(), doing: "it cannot be read" })
            }
            _ => Err(StoreError::from(e).at(path)),
        },
    }
}

/// Whether a file that is no SQLite file, so that SQLite has no locks on it to lose, begins as gzip or zstd.
fn is_packed(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && (magic.starts_with(b"\x1f\x8b") || magic == *b"\x28\xb5\x2f\xfd")
}

/// What the file's header says of the program that it belongs to, and how many bytes of each page are reserved. Looks at no log and makes no
/// file beside it.
fn header_of(path: &Path) -> rusqlite::Result<(u32, usize)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(immutable_uri(path), flags)?;
    // A checkpoint that was cut short leaves the file shorter than its header says, and what is missing in the log: no damage, and nothing to
    // refuse here. This is SQLite's switch for not looking at that.
    conn.pragma_update(None, "writable_schema", true)?;
    let application = conn.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))?;
    Ok((application.cast_unsigned(), page_checksum::reserved(&conn)?))
}

/// Removes a database that is closed.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(path, "it is empty and cannot be removed", e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes a new, empty database: under another name first, so that a file of this name is whole from its first moment.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let unborn = beside(path, ".new");
    let io = |e| StoreError::io(path, "it cannot be made in this directory", e);
    for leftover in [unborn.clone(), beside(&unborn, "-journal")] {
        match fs::remove_file(leftover) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    let file = options.open(&unborn).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => StoreError::Missing { path: parent_of(path) },
        _ => io(e),
    })?;
    let mut conn = open_sqlite(&unborn, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified)?;
    schema::create(&mut conn)?;
    conn.close().map_err(|(_, e)| StoreError::from(e))?;
    file.sync_all().map_err(io)?;
    drop(file); // before anyone has it open under its name, see `is_ours`
    // A log without its file belongs to one that was removed or renamed: SQLite would put its pages into ours.
    for ending in ["-wal", "-shm"] {
        match fs::rename(beside(path, ending), beside(path, &format!("{ending}.orphan"))) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
    }
    fs::rename(&unborn, path).map_err(io)?;
    sync_directory(path).map_err(io)
}

/// Which file a name leads to: another one, where it was removed, renamed or replaced. Opens nothing, see [`is_ours`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity((u64, u64));

impl Identity {
    pub(super) fn of(path: &Path) -> Result<Identity, StoreError> {
        let metadata = fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => StoreError::Replaced { path: path.to_owned() },
            _ => StoreError::io(path, "it cannot be looked at", e),
        })?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(Identity((metadata.dev(), metadata.ino())))
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Ok(Identity((0, 0)))
        }
    }
}

fn parent_of(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// A new name is durable once its directory is.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(parent_of(path))?.sync_all() } else { Ok(()) }
}

/// Whether the pages that a connection reads are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pages {
    Verified,
    /// To find what else is whole in a damaged file: rows have checksums of their own.
    AsTheyAre,
}

fn open_sqlite(path: &Path, flags: OpenFlags, pages: Pages) -> Result<Connection, StoreError> {
    // SQLite as it is built here takes any name that begins with `file:` for an address of another file.
    let is_name =
        !flags.contains(OpenFlags::SQLITE_OPEN_URI) && path.as_os_str().as_encoded_bytes().starts_with(b"file:");
    let path = if is_name { &Path::new(".").join(path) } else { path };
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match pages {
        Pages::Verified => Connection::open_with_flags_and_vfs(path, flags, page_checksum::vfs()?)?,
        Pages::AsTheyAre => Connection::open_with_flags(path, flags)?,
    };
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    if matches!(pages, Pages::AsTheyAre) {
        // Nothing can be written here; but only so SQLite reads what is left of a file that was cut, and does not refuse all of it. Before any other
        // pragma: some of them read the file.
        conn.execute_batch("PRAGMA writable_schema = ON")?;
    }
    // By pragma, as rusqlite's own way needs a newer SQLite than a host of the extension has.
    conn.execute_batch(&format!(
        "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
    ))?;
    // Our schema has neither: one that somebody put into a file could drop what is stored, or be in the place of a table and never end. A host of the extension
    // may be older than such switches, and only reads.
    for program in [DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW] {
        let _ = conn.set_db_config(program, false);
    }
    rollup_rows::register(&conn)?;
    Ok(conn)
}

/// Opens a file of ours for writing, and carries an older schema forward: the one that was found is told.
pub(super) fn open_for_writing(path: &Path, durability: super::Durability) -> Result<(Connection, i64), StoreError> {
    let mut conn = open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified)?;
    if conn.is_readonly(MAIN_DB)? {
        return Err(StoreError::Permission { path: path.to_owned(), doing: "it cannot be written" });
    }
    schema::refuse_newer_for_writing(&conn)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    set_durability(&conn, durability)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES_WANTED, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_MAX, |_| Ok(()))?;
    let found = schema::migrate(&mut conn)?;
    Ok((conn, found))
}

/// Opens a file of ours for a transaction beside the one writer, which keeps the log.
pub(super) fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    let conn = open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified)?;
    if conn.is_readonly(MAIN_DB)? {
        return Err(StoreError::Permission { path: path.to_owned(), doing: "it cannot be written" });
    }
    set_durability(&conn, super::Durability::Full)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    Ok(conn)
}

/// Moves the log of a damaged file of ours into it, as it is: only for a copy, whose pages lose their checksums.
pub(super) fn take_in_log(path: &Path) -> Result<(), StoreError> {
    if !has_log(path) {
        return Ok(());
    }
    let conn = open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::AsTheyAre)?;
    checkpoint(&conn).map_err(|e| e.at(path))
}

/// Moves the write-ahead log into the file and empties it, as far as no reader needs it.
pub(super) fn checkpoint(conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?)
}

pub(super) fn set_durability(conn: &Connection, durability: super::Durability) -> Result<(), StoreError> {
    let synchronous = match durability {
        super::Durability::Full => "FULL",
        super::Durability::Normal => "NORMAL",
    };
    Ok(conn.pragma_update(None, "synchronous", synchronous)?)
}

/// Opens a file of ours so that nothing can be written through the connection: for the reader here and for SQL of people.
///
/// A file we may write is opened writable with `query_only`: SQLite then tidies its `-wal` and `-shm` away with the last connection, and can
/// read what a killed recorder left in them. Otherwise read-only; and on a medium where no `-shm` can be made, as a file that never changes.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    if !is_ours(path)? {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    open_somehow(path).and_then(|conn| schema::refuse_newer_for_reading(&conn).map(|()| conn)).map_err(|e| e.at(path))
}

fn open_somehow(path: &Path) -> Result<Connection, StoreError> {
    match readable(open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified)) {
        // No other way to open it makes it whole, and one that may not write leaves files beside it.
        Err(error @ StoreError::Damaged { .. }) => Err(error),
        Err(_) => open_for_reading_only(path, Pages::Verified),
        opened => opened,
    }
}

/// A connection to a file of ours that reads on where a page is damaged.
pub(super) struct Unverified {
    conn: Connection,
    /// Closed after the other: it may write, so it is who takes `-wal` and `-shm` away.
    _tidies: Option<Connection>,
}

impl Deref for Unverified {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

/// Opens a file of ours for `check`. Never moves the log into the file: that is for connections that write checksums.
pub(super) fn open_unverified(path: &Path) -> Result<Unverified, StoreError> {
    // Where there is a log, somebody else writes, or what is left of him is not ours to move.
    let may_tidy = !has_log(path);
    let opened = open_for_reading_only(path, Pages::AsTheyAre).map_err(|e| e.at(path));
    let tidies = match open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified) {
        Ok(conn) if may_tidy => {
            let _ = probe(&conn); // it takes part from then on, whatever it could read
            Some(conn)
        }
        _ => None,
    };
    Ok(Unverified { conn: opened?, _tidies: tidies })
}

fn open_for_reading_only(path: &Path, pages: Pages) -> Result<Connection, StoreError> {
    match readable(open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_ONLY, pages)) {
        Err(StoreError::Permission { .. }) if !has_log(path) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            readable(open_sqlite(Path::new(&immutable_uri(path)), flags, pages))
        }
        other => other,
    }
}

/// A connection on which nothing can be written, after one real read: SQLite opens its files no earlier.
fn readable(conn: Result<Connection, StoreError>) -> Result<Connection, StoreError> {
    let conn = conn?;
    probe(&conn)?;
    Ok(conn)
}

fn probe(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "query_only", true)?;
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(())
}

fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|m| m.len() > 0)
}

fn immutable_uri(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?immutable=1"
}

/// For tests: a connection that can spoil the file as no program should, with the checksums of its pages right.
#[cfg(test)]
pub(crate) fn open_for_tampering(path: &Path) -> Connection {
    open_sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Pages::Verified).unwrap()
}
