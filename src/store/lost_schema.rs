//! Of a file whose list of tables is lost, the rest.
//!
//! Without its list SQLite reads nothing of a file, whatever is whole of it. Every file that nodebook made or carried here from an older schema has the
//! roots of its tables at the same pages: SQLite puts them at the beginning, one after the other. Where the list itself goes on behind page 1 depends
//! on what the file held by then, so in a copy the list of a new file is put behind everything else, and page 1 points there. Where roots are
//! elsewhere, in what `VACUUM` of a `sqlite3` shell made say, rows do not match their checksums, so nothing wrong is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::schema::{self, PAGE_BYTES};
use super::{StoreError, file};

/// The header of a file, which page 1 begins with; its numbers are big endian.
const HEADER_BYTES: usize = 100;
/// Where the header has the count of changes, and the one for which the number of pages beside it is right.
const CHANGES_AT: usize = 24;
const CHANGES_KNOWN_AT: usize = 92;
/// Where the header has the number of pages.
const PAGES_AT: usize = 28;
/// Where the header has the schema.
const VERSION_AT: usize = 60;
/// In page 1: the kind of page, the number of its cells, its last child, and where each cell is that begins with a child.
const KIND_AT: usize = HEADER_BYTES;
const CELLS_AT: usize = HEADER_BYTES + 3;
const LAST_CHILD_AT: usize = HEADER_BYTES + 8;
const CELL_PLACES_AT: usize = HEADER_BYTES + 12;
/// The kind of a page of a table that has others below it.
const INTERIOR: u8 = 5;

/// A copy with a list of tables, which is gone with this.
pub(super) struct Relisted {
    path: PathBuf,
}

impl Relisted {
    /// Makes it beside `out`.
    pub(super) fn of(damaged: &Path, out: &Path) -> Result<Relisted, StoreError> {
        let empty = Relisted { path: file::beside(out, ".empty") };
        file::create(&empty.path)?;
        let relisted = Relisted { path: file::beside(out, ".rescue") };
        let io = |path: &Path, e| StoreError::io(path, "the copy to read from cannot be made", e);
        for ending in ["", "-wal"] {
            let from = file::beside(damaged, ending);
            if from.is_file() {
                copied(&from, &file::beside(&relisted.path, ending)).map_err(|e| io(out, e))?;
            }
        }
        // What the log has of the list would be in the way of the new one.
        file::take_in_log(&relisted.path)?;
        let list = fs::read(&empty.path).map_err(|e| io(out, e))?;
        if !relisted.take(&list, &pages_of_list(&empty.path)?).map_err(|e| io(out, e))? {
            return Err(StoreError::ListLost { path: damaged.to_owned() });
        }
        Ok(relisted)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the list of a new file in. `false` for a file of another schema.
    fn take(&self, list: &[u8], pages: &[usize]) -> io::Result<bool> {
        let mut copy = OpenOptions::new().read(true).write(true).open(&self.path)?; // SQLite has closed it
        let mut header = [0; HEADER_BYTES];
        copy.read_exact(&mut header)?;
        if i64::from(number(&header, VERSION_AT)) != schema::KNOWN {
            return Ok(false);
        }
        let Some(mut first) = list.get(..PAGE_BYTES).map(<[u8]>::to_vec) else { return Ok(false) };
        let end = copy.metadata()?.len().div_ceil(PAGE_BYTES as u64);
        let below: Vec<usize> = pages.iter().copied().filter(|page| *page != 1).collect();
        for at in children(&first) {
            let place = below.iter().position(|page| *page == number(&first, at) as usize);
            let Some(place) = place else { return Ok(false) };
            put(&mut first, at, end as u32 + 1 + place as u32);
        }
        first[..HEADER_BYTES].copy_from_slice(&header);
        let changes = number(&header, CHANGES_AT);
        put(&mut first, CHANGES_KNOWN_AT, changes);
        put(&mut first, PAGES_AT, end as u32 + below.len() as u32);
        copy.rewind()?;
        copy.write_all(&first)?;
        copy.seek(SeekFrom::Start(end * PAGE_BYTES as u64))?;
        for page in below {
            copy.write_all(list.get((page - 1) * PAGE_BYTES..page * PAGE_BYTES).unwrap_or_default())?;
        }
        Ok(true)
    }
}

/// Private and writable, whatever the original is.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    // Made anew: what lies there may be a link to another file.
    match fs::remove_file(to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    file::private(&mut options);
    io::copy(&mut File::open(from)?, &mut options.open(to)?).map(drop)
}

/// Where page 1 has the numbers of the pages below it.
fn children(first: &[u8]) -> Vec<usize> {
    if first[KIND_AT] != INTERIOR {
        return Vec::new();
    }
    let short = |at: usize| usize::from(u16::from_be_bytes([first[at], first[at + 1]]));
    (0..short(CELLS_AT)).map(|cell| short(CELL_PLACES_AT + 2 * cell)).chain([LAST_CHILD_AT]).collect()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

impl Drop for Relisted {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(file::beside(&self.path, ending));
        }
    }
}

fn pages_of_list(path: &Path) -> Result<Vec<usize>, StoreError> {
    let conn = file::open_read_only(path)?;
    let mut select = conn.prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'")?;
    let pages = select.query_map([], |row| row.get::<_, i64>(0))?;
    Ok(pages.map(|page| page.map(|page| page.unsigned_abs() as usize)).collect::<Result<_, _>>()?)
}
