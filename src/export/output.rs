use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::ExportError;

/// What a file is written as; its ending says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The text.
    pub encoding: Encoding,
    /// How it is compressed.
    pub packing: Packing,
}

/// What samples are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `.csv`
    Csv,
    /// `.jsonl`
    JsonLines,
    /// `.om`
    OpenMetrics,
    /// `.lp`
    Influx,
    /// `.parquet`
    Parquet,
}

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// `.gz`
    Gz,
    /// `.zst`
    Zstd,
}

impl Format {
    /// By the ending of the file's name, in any case; `-` (stdout) is plain CSV.
    pub fn from_path(path: &Path) -> Result<Format, ExportError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let lower = name.to_ascii_lowercase();
        if lower == "-" {
            return Ok(Format { encoding: Encoding::Csv, packing: Packing::None });
        }
        let packed = [(".gz", Packing::Gz), (".zst", Packing::Zstd)];
        let found = packed.iter().find_map(|(ending, packing)| Some((lower.strip_suffix(ending)?, *packing)));
        let (stem, packing) = found.unwrap_or((&lower, Packing::None));
        let encodings = [
            (".csv", Encoding::Csv),
            (".jsonl", Encoding::JsonLines),
            (".om", Encoding::OpenMetrics),
            (".lp", Encoding::Influx),
            (".parquet", Encoding::Parquet),
        ];
        match encodings.into_iter().find(|(ending, _)| stem.ends_with(ending)) {
            // its pages are compressed by themselves, and it is read from its end
            Some((_, Encoding::Parquet)) if packing != Packing::None => {
                Err(ExportError::Format { name: name.into_owned() })
            }
            Some((_, encoding)) => Ok(Format { encoding, packing }),
            None => Err(ExportError::Format { name: name.into_owned() }),
        }
    }
}

/// Level of zstd: the default of its own tool.
const ZSTD_LEVEL: i32 = 3;

/// Where an export goes, compressed where the format says so. Must be finished: what is left is written then.
pub enum Output<W: Write> {
    /// As it is.
    Plain(W),
    /// Compressed by gzip, with no time and no name in its header: the same rows give the same bytes.
    Gz(Box<GzEncoder<W>>),
    /// Compressed by zstd.
    Zstd(Box<zstd::Encoder<'static, W>>),
}

impl<W: Write> Output<W> {
    /// Writes compressed as `packing` says to `inner`.
    pub fn new(packing: Packing, inner: W) -> io::Result<Self> {
        Ok(match packing {
            Packing::None => Output::Plain(inner),
            Packing::Gz => Output::Gz(Box::new(GzBuilder::new().mtime(0).write(inner, Compression::default()))),
            Packing::Zstd => {
                let mut encoder = zstd::Encoder::new(inner, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Output::Zstd(Box::new(encoder))
            }
        })
    }

    /// Writes what is left and gives the inner writer back, flushed.
    pub fn finish(self) -> io::Result<W> {
        let mut inner = match self {
            Output::Plain(inner) => inner,
            Output::Gz(encoder) => encoder.finish()?,
            Output::Zstd(encoder) => encoder.finish()?,
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
            Output::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Plain(inner) => inner.flush(),
            Output::Gz(encoder) => encoder.flush(),
            Output::Zstd(encoder) => encoder.flush(),
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
        let format = |encoding, packing| Some(Format { encoding, packing });
        assert_eq!(of("/tmp/a.csv"), format(Encoding::Csv, Packing::None));
        assert_eq!(of("A.CSV.GZ"), format(Encoding::Csv, Packing::Gz));
        assert_eq!(of("a.csv.zst"), format(Encoding::Csv, Packing::Zstd));
        assert_eq!(of("a.jsonl.gz"), format(Encoding::JsonLines, Packing::Gz));
        assert_eq!(of("a.om"), format(Encoding::OpenMetrics, Packing::None));
        assert_eq!(of("a.lp"), format(Encoding::Influx, Packing::None));
        assert_eq!(of("-"), format(Encoding::Csv, Packing::None));
        assert_eq!(of("a.Parquet"), format(Encoding::Parquet, Packing::None));
        assert_eq!((of("a.gz"), of("csv"), of("a.parquet.gz")), (None, None, None));
    }

    #[test]
    fn gzip_carries_no_time_and_reads_back() {
        let mut output = Output::new(Packing::Gz, Vec::new()).unwrap();
        output.write_all(b"timestamp,node\n").unwrap();
        let bytes = output.finish().unwrap();
        assert_eq!(bytes[3..8], [0, 0, 0, 0, 0], "no flags, no modification time");
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "timestamp,node\n");
        assert_eq!(Output::new(Packing::None, Vec::new()).unwrap().finish().unwrap(), Vec::<u8>::new());
    }
}
