//! Inputs as readers.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::Progress;
use crate::ingest::limits::{
    DIRECTORY_FILES_MAX, LINE_PASSED_OVER_BYTES_MAX, PARQUET_STAGED_BYTES_MAX, PROGRESS_BYTES, READ_BYTES,
    STAGED_BYTES_IN_MEMORY, ZSTD_WINDOW_LOG_MAX,
};
use crate::model::NodeName;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file (gzip and zstd are read as they are; another nodebook database too), or a directory: all files in it.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Endings that are no part of the name of a file's node.
const ENDINGS: [&str; 24] = [
    "gz",
    "zst",
    "csv",
    "tsv",
    "prom",
    "om",
    "txt",
    "text",
    "metrics",
    "openmetrics",
    "dat",
    "log",
    "out",
    "json",
    "jsonl",
    "ndjson",
    "lp",
    "influx",
    "graphite",
    "snappy",
    "pb",
    "db",
    "parquet",
    "pq",
];
/// Node of samples from stdin that name none.
const UNKNOWN_NODE: &str = "unknown";

impl Input {
    /// As it is named in reports: the path as given, `-` for stdin.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Stdin => "-".to_owned(),
        }
    }

    /// Node of samples that name none: the file's name without endings, so that pages saved from several machines stay apart.
    pub(super) fn node(&self) -> NodeName {
        let stem = match self {
            Input::File(path) => node_stem(path),
            Input::Stdin => UNKNOWN_NODE.to_owned(),
        };
        NodeName::new(&stem).or_else(|_| NodeName::new(UNKNOWN_NODE)).unwrap_or_else(|_| unreachable!("a literal"))
    }
}

/// The files that are meant: of a directory all in it and in its directories, in the order of their names, but for hidden ones and the database
/// at `db` with what belongs to it. A directory without files stays, to be refused by its name.
pub(super) fn expanded(inputs: &[Input], db: &Path) -> Vec<Input> {
    let mut files = Vec::new();
    for input in inputs {
        match input {
            Input::File(path) if path.is_dir() => {
                let before = files.len();
                walk(path, db, &mut files);
                if files.len() == before {
                    files.push(input.clone());
                }
            }
            input => files.push(input.clone()),
        }
    }
    files
}

fn walk(directory: &Path, db: &Path, files: &mut Vec<Input>) {
    // one that cannot be read gives nothing: it is named where nothing else is in it
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut entries: Vec<_> = entries.filter_map(|entry| Some((entry.path(), entry.file_type().ok()?))).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (path, kind) in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || files.len() >= DIRECTORY_FILES_MAX || belongs_to(&path, db) {
            continue;
        }
        // links to directories are not followed: they may lead in a circle
        if kind.is_dir() {
            walk(&path, db, files);
        } else if path.is_file() {
            files.push(Input::File(path));
        }
    }
}

/// Whether a file is the database, or one that SQLite or the lock puts beside it.
fn belongs_to(path: &Path, db: &Path) -> bool {
    let name = db.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.file_name().is_some_and(|file| {
        let file = file.to_string_lossy();
        file.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-') || rest.starts_with(".lock"))
    });
    is_same_file(path, db)
        || (beside && path.parent().is_some_and(|parent| is_same_file(parent, db.parent().unwrap_or(parent))))
}

fn node_stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut stem = &*name;
    while let Some((rest, ending)) = stem.rsplit_once('.')
        && !rest.is_empty()
        && ENDINGS.contains(&ending)
    {
        stem = rest;
    }
    stem.to_owned()
}

/// An open input.
pub(super) enum Source {
    /// Can be read twice.
    Rereadable(Box<dyn ReadSeek>),
    /// A pipe.
    Once(Box<dyn Read>),
}

/// What a file and a staged pipe have in common.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    /// Opens an input; else says why not, for people. Never opens the database at `db`: to close it again would give up SQLite's locks on it.
    pub(super) fn open(input: &Input, db: &Path) -> Result<Source, String> {
        let path = match input {
            Input::Stdin => return Ok(Source::Once(Box::new(io::stdin().lock()))),
            Input::File(path) => path,
        };
        let metadata = std::fs::metadata(path).map_err(|error| plain(&error))?;
        if metadata.is_dir() {
            return Err("is a directory without files".to_owned());
        }
        if is_same_file(path, db) {
            return Err("is the database itself: name another one with --db, or leave it out".to_owned());
        }
        let file = File::open(path).map_err(|error| plain(&error))?;
        Ok(if metadata.is_file() { Source::Rereadable(Box::new(file)) } else { Source::Once(Box::new(file)) })
    }

    /// The same input, to be read twice: a pipe is read to its end and kept.
    pub(super) fn rereadable(self) -> io::Result<Source> {
        match self {
            Source::Rereadable(_) => Ok(self),
            Source::Once(mut pipe) => {
                let mut staged = tempfile::spooled_tempfile(STAGED_BYTES_IN_MEMORY);
                io::copy(&mut pipe, &mut staged)?;
                staged.seek(SeekFrom::Start(0))?;
                Ok(Source::Rereadable(Box::new(staged)))
            }
        }
    }

    pub(super) fn rewind(&mut self) -> io::Result<()> {
        match self {
            Source::Rereadable(file) => file.seek(SeekFrom::Start(0)).map(|_| ()),
            Source::Once(_) => Ok(()),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Rereadable(file) => file.read(buffer),
            Source::Once(pipe) => pipe.read(buffer),
        }
    }
}

/// Whether both names mean one file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path| std::fs::metadata(path).map(|file| (file.dev(), file.ino()));
        matches!((identity(a), identity(b)), (Ok(a), Ok(b)) if a == b)
    }
    #[cfg(not(unix))]
    {
        matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    }
}

/// The system's words without its error number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Decompresses what begins like gzip or zstd (also several of them after each other); anything else is given as it is. A small file that
/// decompresses to a huge text is read piece by piece like any other. Says whether it was compressed.
pub(super) fn decompressed<'a>(raw: &'a mut dyn Read) -> io::Result<(Box<dyn Read + 'a>, bool)> {
    let (magic, _, failed) = head(raw, 4);
    if let Some(error) = failed {
        return Err(error);
    }
    let (gzip, zstd) = (magic.starts_with(b"\x1f\x8b"), magic == b"\x28\xb5\x2f\xfd");
    let all = Cursor::new(magic).chain(raw);
    let reader: Box<dyn Read + 'a> = match (gzip, zstd) {
        (true, _) => Box::new(Decompressed { name: "gzip", reader: MultiGzDecoder::new(all) }),
        (_, true) => {
            let mut reader = zstd::Decoder::new(all)?;
            reader.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(Decompressed { name: "zstd", reader })
        }
        _ => Box::new(all),
    };
    Ok((reader, gzip || zstd))
}

/// Whether a compressed file is whole, as far as its checksums say: an error where it is damaged. One that ends too early is not: what is there of it is right.
/// Where damage shows is not where it began, and what lies between is text of nobody. A pipe cannot be read twice, and is not looked at.
pub(super) fn verify(source: &mut Source) -> io::Result<()> {
    if !matches!(source, Source::Rereadable(_)) {
        return Ok(());
    }
    let (mut reader, is_packed) = decompressed(source)?;
    if is_packed {
        let mut piece = vec![0; READ_BYTES];
        let mut since_line = 0;
        loop {
            let length = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            };
            since_line =
                memchr::memrchr(b'\n', &piece[..length]).map_or(since_line + length as u64, |at| (length - at) as u64);
            // there reading stops as well
            if since_line > LINE_PASSED_OVER_BYTES_MAX {
                break;
            }
        }
    }
    drop(reader);
    source.rewind()
}

/// A copy of an input that can be sought in.
pub(super) fn staged(input: &mut dyn Read) -> io::Result<tempfile::SpooledTempFile> {
    let mut staged = tempfile::spooled_tempfile(STAGED_BYTES_IN_MEMORY);
    if io::copy(&mut input.take(PARQUET_STAGED_BYTES_MAX), &mut staged)? == PARQUET_STAGED_BYTES_MAX {
        let why = format!("more than {PARQUET_STAGED_BYTES_MAX} bytes come through a pipe: import it from a file");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(staged)
}

/// Decompresses, with errors that say what is wrong with the file.
struct Decompressed<R> {
    name: &'static str,
    reader: R,
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), format!("the {} data ends too early", self.name))
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
                io::Error::new(io::ErrorKind::InvalidData, format!("the {} data is damaged", self.name))
            }
            _ => error,
        })
    }
}

/// The first bytes of a reader, whether they are all there is, and the error that came after them.
pub(super) fn head(reader: &mut dyn Read, length: usize) -> (Vec<u8>, bool, Option<io::Error>) {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => {
                bytes.truncate(filled);
                return (bytes, true, None);
            }
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.truncate(filled);
                return (bytes, false, Some(error));
            }
        }
    }
    (bytes, false, None)
}

/// Gives the error that came after the bytes that were looked at already.
pub(super) struct Failing(Option<io::Error>);

impl Failing {
    pub(super) fn new(error: io::Error) -> Self {
        Failing(Some(error))
    }
}

impl Read for Failing {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Tells how far an import is.
pub(super) struct Meter<'p> {
    done: u64,
    told: u64,
    total: u64,
    progress: Progress<'p>,
}

impl<'p> Meter<'p> {
    pub(super) fn new(inputs: &[Input], strict: bool, progress: Progress<'p>) -> Self {
        let length = |input: &Input| match input {
            Input::File(path) => std::fs::metadata(path).map_or(Some(0), |m| m.is_file().then_some(m.len())),
            Input::Stdin => None,
        };
        let once: u64 = inputs.iter().map(length).sum::<Option<u64>>().unwrap_or(0);
        let total = if strict { once.saturating_mul(2) } else { once };
        Meter { done: 0, told: 0, total, progress }
    }

    /// A reader whose bytes are counted, before they are decompressed.
    pub(super) fn over<'m>(&'m mut self, source: &'m mut Source) -> Metered<'m, 'p> {
        Metered { meter: self, source }
    }
}

pub(super) struct Metered<'m, 'p> {
    meter: &'m mut Meter<'p>,
    source: &'m mut Source,
}

impl Metered<'_, '_> {
    /// Whether it can be read from any place.
    pub(super) fn can_seek(&self) -> bool {
        matches!(self.source, Source::Rereadable(_))
    }
}

impl Seek for Metered<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self.source {
            Source::Rereadable(file) => file.seek(to),
            Source::Once(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl Read for Metered<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        let meter = &mut *self.meter;
        meter.done += n as u64;
        if meter.done - meter.told >= PROGRESS_BYTES {
            meter.told = meter.done;
            (meter.progress)(meter.done, meter.total);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_node() {
        for (path, node) in [
            ("pages/db-1.prom", "db-1"),
            ("db-1.example.org.prom.gz", "db-1.example.org"),
            ("cluster.csv.zst", "cluster"),
            ("10.0.0.1", "10.0.0.1"),
            (".prom", ".prom"),
            ("/", "unknown"),
        ] {
            assert_eq!(Input::File(path.into()).node().as_str(), node);
        }
        assert_eq!(Input::Stdin.node().as_str(), "unknown");
    }
}
