//! Files that are small by what they are for: a device, a pipe or an archive that is named in the place of one is not read until memory ends.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a file with certificates: the system's authorities are a quarter of one MiB.
pub(crate) const CERTIFICATES_BYTES_MAX: u64 = 4 << 20;

/// The bytes of a file of at most `limit`. An error says what is wrong with the file, but not its name.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Opened, it would wait for somebody who writes. A shell's `<(…)` is a link to one, and has somebody.
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&fs::symlink_metadata(path)?.file_type()) {
        return Err(io::Error::other("is a pipe: write what comes out of it to a file, and name that"));
    }
    read_at_most(File::open(path)?, limit)
}

/// The text of a file of at most `limit` bytes.
pub(crate) fn read_small_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read_small(path, limit)?)
}

/// The text that comes out of `source`, of at most `limit` bytes.
pub(crate) fn read_text_at_most(source: impl Read, limit: u64) -> io::Result<String> {
    text(read_at_most(source, limit)?)
}

fn read_at_most(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let what = format!("has more than {limit} bytes, the most that is read: give the right one");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|e| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("is not UTF-8 from byte {} on", e.utf8_error().valid_up_to()),
        )
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            read_small_text(&path, 4)
        };
        assert_eq!(read("1234").unwrap(), "1234");
        let endless = Path::new("/dev/zero");
        insta::assert_snapshot!(read("12345").unwrap_err(), @"has more than 4 bytes, the most that is read: give the right one");
        insta::assert_snapshot!(read_small(endless, 4).unwrap_err(), @"has more than 4 bytes, the most that is read: give the right one");
        assert_eq!(read_small(Path::new("/dev/null"), 4).unwrap(), b"", "no settings are settings");
        fs::write(&path, b"a\xff").unwrap();
        insta::assert_snapshot!(read_small_text(&path, 4).unwrap_err(), @"is not UTF-8 from byte 1 on");
    }

    #[test]
    fn nobody_waits_for_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        insta::assert_snapshot!(read_small(&path, 4).unwrap_err(), @"is a pipe: write what comes out of it to a file, and name that");
    }
}
