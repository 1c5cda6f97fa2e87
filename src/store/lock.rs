use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::file::beside;

/// The right to write a file, held by one process at a time: an OS lock on `<db>.lock`, which the system gives back however the
/// process ends. The file holds the pid, for the one who is refused.
#[derive(Debug)]
pub(super) struct WriterLock {
    path: PathBuf,
    file: File,
}

impl WriterLock {
    pub(super) fn take(db: &Path) -> Result<WriterLock, StoreError> {
        Self::take_beside(db, ".lock", |path, pid| StoreError::Locked { path, pid })
    }

    /// The same for those who run batches, beside the one who records.
    pub(super) fn take_for_batches(db: &Path) -> Result<WriterLock, StoreError> {
        Self::take_beside(db, ".batch", |path, pid| StoreError::BatchRuns { path, pid })
    }

    fn take_beside(
        db: &Path,
        ending: &str,
        taken: fn(PathBuf, Option<u32>) -> StoreError,
    ) -> Result<WriterLock, StoreError> {
        // By whatever name it is reached: a link beside another directory's file must find the same lock.
        let path = beside(&fs::canonicalize(db).unwrap_or_else(|_| db.to_owned()), ending);
        if has_another_name(db) {
            return Err(StoreError::Linked { path: db.to_owned() });
        }
        loop {
            let mut file = open(&path).map_err(|e| StoreError::io(db, "a lock file beside it cannot be made", e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(taken(db.to_owned(), read_pid(&mut file)));
                }
                Err(TryLockError::Error(e)) => return Err(StoreError::io(db, "it cannot be locked", e)),
            }
            // Another writer may have removed the file between our opening and locking it: then our lock guards nothing.
            if is_at(&file, &path) {
                write_pid(&mut file).map_err(|e| StoreError::io(db, "its lock file cannot be written", e))?;
                return Ok(WriterLock { path, file });
            }
        }
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Removed while still locked, so that nobody else's lock file is. A file that stays behind is harmless.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// By a hard link it is reached beside another lock, and another log.
#[cfg(unix)]
fn has_another_name(db: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(db).is_ok_and(|metadata| metadata.is_file() && metadata.nlink() > 1)
}

#[cfg(not(unix))]
fn has_another_name(_db: &Path) -> bool {
    false
}

fn open(path: &Path) -> std::io::Result<File> {
    // What it leads to would be emptied for our pid.
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(std::io::Error::other("it is a link to another file"));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    super::file::private(&mut options);
    options.open(path)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    Read::take(&mut *file, 16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_the_first_ones_pid_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        let first = WriterLock::take(&db).unwrap();
        let Err(StoreError::Locked { pid, .. }) = WriterLock::take(&db) else { panic!("taken twice") };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(!beside(&db, ".lock").exists());
        WriterLock::take(&db).unwrap();
    }

    /// Both were recorded into, and what one had acknowledged was gone.
    #[cfg(unix)]
    #[test]
    fn a_file_with_two_names_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (db, other) = (dir.path().join("a.db"), dir.path().join("b.db"));
        fs::write(&db, "x").unwrap();
        fs::hard_link(&db, &other).unwrap();
        assert!(matches!(WriterLock::take(&db), Err(StoreError::Linked { .. })));
        fs::remove_file(other).unwrap();
        WriterLock::take(&db).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_lock_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (db, victim) = (dir.path().join("a.db"), dir.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, beside(&db, ".lock")).unwrap();
        assert!(WriterLock::take(&db).is_err());
        assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    }

    #[test]
    fn a_lock_file_left_by_a_killed_process_does_not_refuse_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        fs::write(beside(&db, ".lock"), "4000000\n").unwrap();
        WriterLock::take(&db).unwrap();
    }
}
