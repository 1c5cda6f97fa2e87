//! Of a file whose list of tables is lost, the rest.
//!
//! Without its list SQLite reads nothing of a file, whatever is whole of it. Every file that is made under this schema has its tables at the same
//! pages: in a copy the list of a new file takes the place of the lost one. Where that does not fit, a file that was carried here from an older
//! schema say, rows do not match their checksums, so nothing wrong is read.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::schema::{self, PAGE_BYTES};
use super::{StoreError, file};

/// The header of a file, which page 1 begins with.
const HEADER_BYTES: usize = 100;
/// Where the header has the schema, 4 bytes big endian.
const VERSION_AT: usize = 60;

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
            if from.exists() {
                fs::copy(&from, file::beside(&relisted.path, ending)).map_err(|e| io(out, e))?;
            }
        }
        let list = fs::read(&empty.path).map_err(|e| io(out, e))?;
        if !relisted.take(&list, &pages_of_list(&empty.path)?).map_err(|e| io(out, e))? {
            return Err(StoreError::ListLost { path: damaged.to_owned() });
        }
        Ok(relisted)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts pages of a new file in. `false` for a file of another schema.
    fn take(&self, list: &[u8], pages: &[usize]) -> std::io::Result<bool> {
        let mut copy = OpenOptions::new().read(true).write(true).open(&self.path)?; // SQLite has not opened it yet
        let mut header = [0; HEADER_BYTES];
        copy.read_exact(&mut header)?;
        let Some(version) = header[VERSION_AT..].first_chunk() else { return Ok(false) };
        if i64::from(i32::from_be_bytes(*version)) != schema::KNOWN {
            return Ok(false);
        }
        for page in pages {
            let from = if *page == 1 { HEADER_BYTES } else { (page - 1) * PAGE_BYTES };
            copy.seek(SeekFrom::Start(from as u64))?;
            copy.write_all(list.get(from..page * PAGE_BYTES).unwrap_or_default())?;
        }
        Ok(true)
    }
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
