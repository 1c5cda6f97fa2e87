use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::ExportError;

/// What a file is written as; its ending says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.csv`
    Csv,
    /// `.csv.gz`
    CsvGz,
}

impl Format {
    /// By the ending of the file's name, in any case; `-` (stdout) is plain CSV.
    pub fn from_path(path: &Path) -> Result<Format, ExportError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        match name.to_ascii_lowercase() {
            lower if lower == "-" || lower.ends_with(".csv") => Ok(Format::Csv),
            lower if lower.ends_with(".csv.gz") => Ok(Format::CsvGz),
            _ => Err(ExportError::Format { name: name.into_owned() }),
        }
    }
}

/// Where an export goes, compressed where the format says so. Must be finished: what is left is written then.
pub enum Output<W: Write> {
    /// As it is.
    Plain(W),
    /// Compressed by gzip, with no time and no name in its header: the same rows give the same bytes.
    Gz(Box<GzEncoder<W>>),
}

impl<W: Write> Output<W> {
    /// Writes in `format` to `inner`.
    pub fn new(format: Format, inner: W) -> Self {
        match format {
            Format::Csv => Output::Plain(inner),
            Format::CsvGz => Output::Gz(Box::new(GzBuilder::new().mtime(0).write(inner, Compression::default()))),
        }
    }

    /// Writes what is left and gives the inner writer back, flushed.
    pub fn finish(self) -> io::Result<W> {
        let mut inner = match self {
            Output::Plain(inner) => inner,
            Output::Gz(encoder) => encoder.finish()?,
        };
        inner.flush()?;
        Ok(inner)
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Plain(inner) => inner.write(bytes),
            Output::Gz(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Plain(inner) => inner.flush(),
            Output::Gz(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_ending_says_the_format() {
        let of = |name: &str| Format::from_path(Path::new(name)).ok();
        assert_eq!(of("/tmp/a.csv"), Some(Format::Csv));
        assert_eq!(of("A.CSV.GZ"), Some(Format::CsvGz));
        assert_eq!(of("-"), Some(Format::Csv));
        assert_eq!(of("a.gz"), None);
        assert_eq!(of("csv"), None);
    }

    #[test]
    fn gzip_carries_no_time_and_reads_back() {
        let mut output = Output::new(Format::CsvGz, Vec::new());
        output.write_all(b"timestamp,node\n").unwrap();
        let bytes = output.finish().unwrap();
        assert_eq!(bytes[3..8], [0, 0, 0, 0, 0], "no flags, no modification time");
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "timestamp,node\n");
        assert_eq!(Output::new(Format::Csv, Vec::new()).finish().unwrap(), Vec::<u8>::new());
    }
}
