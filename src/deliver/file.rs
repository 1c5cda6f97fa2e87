use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::{Artifact, DeliverError};

/// Writes an artifact as the file at `path`, in place of what was there. The artifact's own name does not matter here.
pub fn write_file(path: &Path, artifact: &Artifact) -> Result<(), DeliverError> {
    let mut file = FileWriter::create(path)?;
    file.write_all(&artifact.bytes).map_err(|source| DeliverError::Write { path: path.to_owned(), source })?;
    file.commit()
}

/// Fails now where [`FileWriter::create`] would later: for work that goes on for hours before there is something to write.
pub fn expect_writable(path: &Path) -> Result<(), DeliverError> {
    // A pipe is left alone: its reader would take this for the end.
    if is_special(path) && !path.is_dir() { Ok(()) } else { FileWriter::create(path).map(drop) }
}

/// A file under way: grows under another name in the same directory and appears by [`FileWriter::commit`]. Dropped
/// without, it leaves nothing behind. A device or a pipe is written straight: there is nothing to put in its place.
pub struct FileWriter {
    path: PathBuf,
    /// Where the bytes go until then; `None` once it is in its place, and for what is written straight.
    temporary: Option<PathBuf>,
    file: BufWriter<File>,
}

impl FileWriter {
    /// Starts. A symbolic link at `path` is followed to the file it means, so that the link stays a link. A database is
    /// never replaced: a slip of the finger would cost everything.
    pub fn create(path: &Path) -> Result<FileWriter, DeliverError> {
        let path = target(path)?;
        let temporary = (!is_special(&path)).then(|| beside(&path));
        let opened = match &temporary {
            Some(temporary) => open_new(temporary),
            None => OpenOptions::new().write(true).open(&path),
        };
        let file = opened.map_err(|source| {
            let directory = directory_of(&path);
            if source.kind() == io::ErrorKind::NotFound && !directory.exists() {
                return DeliverError::NoDirectory { path: directory.to_owned() };
            }
            DeliverError::Write { path: path.clone(), source }
        })?;
        Ok(FileWriter { path, temporary, file: BufWriter::with_capacity(1 << 16, file) })
    }

    /// Makes it durable and puts it in its place.
    pub fn commit(mut self) -> Result<(), DeliverError> {
        self.finish().map_err(|source| DeliverError::Write { path: self.path.clone(), source })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.file.get_ref().sync_all()?;
        fs::rename(temporary, &self.path)?;
        self.temporary = None;
        // The name is durable when its directory is; some file systems cannot sync one, which costs nothing but that.
        if let Ok(directory) = File::open(directory_of(&self.path)) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = fs::remove_file(temporary);
        }
    }
}

/// The file that `path` means, or the place of one that is not there yet.
fn target(path: &Path) -> Result<PathBuf, DeliverError> {
    let path =
        if path.is_symlink() { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
    match fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => Err(DeliverError::Directory { path }),
        _ if path.as_os_str().as_encoded_bytes().ends_with(b"/") => Err(DeliverError::NoDirectory { path }),
        Ok(meta) if meta.is_file() && is_database(&path) => Err(DeliverError::Database { path }),
        _ => Ok(path),
    }
}

/// Whether something is there that is no regular file: a device, a pipe.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// Whether the file there is an SQLite database, ours or another program's. One that cannot be read is not known to be one.
fn is_database(path: &Path) -> bool {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *MAGIC
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A hidden name in the same directory, this process's own.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let short: String = name.chars().take(60).collect(); // a name has 255 bytes at most
    path.with_file_name(format!(".{short}.{}.tmp", std::process::id()))
}

/// Never through a link, never into a file that is there: both would write where somebody else pointed.
fn open_new(path: &Path) -> io::Result<File> {
    let _ = fs::remove_file(path); // of a process that died and had our number
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(text: &str) -> Artifact {
        Artifact { name: "x.txt".into(), media_type: "text/plain", bytes: text.into() }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.html");
        write_file(&path, &artifact("one")).unwrap();
        write_file(&path, &artifact("two")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(dir.path()), ["a.html"]);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn an_abandoned_file_leaves_the_old_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.html");
        write_file(&path, &artifact("old")).unwrap();
        let mut half = FileWriter::create(&path).unwrap();
        half.write_all(b"half").unwrap();
        drop(half);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["a.html"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_the_file_it_means_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.html"), dir.path().join("link.html"));
        write_file(&real, &artifact("old")).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_file(&link, &artifact("new")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn a_database_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        fs::write(&path, b"SQLite format 3\0 and so on").unwrap();
        let said = write_file(&path, &artifact("x")).unwrap_err().to_string();
        let said = said.replace(&dir.path().display().to_string(), "DIR");
        insta::assert_snapshot!(said, @"DIR/a.db: is a database, which is never replaced: choose another name");
        assert!(fs::read(&path).unwrap().starts_with(b"SQLite"));
        fs::write(&path, b"SQLite").unwrap();
        write_file(&path, &artifact("x")).unwrap();
    }

    #[test]
    fn a_place_is_tried_before_the_work_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.html");
        expect_writable(&path).unwrap();
        assert_eq!(names(dir.path()), [""; 0]);
        write_file(&path, &artifact("old")).unwrap();
        expect_writable(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert!(expect_writable(dir.path()).is_err() && expect_writable(&dir.path().join("no/a.html")).is_err());
        #[cfg(unix)]
        expect_writable(Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn a_place_that_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let say = |path: &Path| {
            let text = write_file(path, &artifact("x")).unwrap_err().to_string();
            text.replace(&dir.path().display().to_string(), "DIR")
        };
        insta::assert_snapshot!(say(dir.path()), @"DIR: is a directory: name a file in it");
        insta::assert_snapshot!(say(&dir.path().join("no/such.html")), @"DIR/no: no such directory");
        #[cfg(target_os = "linux")]
        insta::assert_snapshot!(say(Path::new("/dev/full")), @"/dev/full: cannot write: the disk is full");
    }

    #[test]
    fn reasons_are_words() {
        let full = DeliverError::Write { path: "a".into(), source: io::Error::from(io::ErrorKind::StorageFull) };
        insta::assert_snapshot!(full, @"a: cannot write: the disk is full");
    }
}
