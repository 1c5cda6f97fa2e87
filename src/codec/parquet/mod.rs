//! Parquet, as far as tables of samples go: flat columns of numbers, times and texts.
//!
//! What is read: pages of both versions, all encodings of the format but the deprecated bit-packed levels, uncompressed or compressed by Snappy,
//! gzip, zstd or LZ4, checksums where there are any. Values are handed over one at a time ([`Cells`]), so that no more is held than a page and a
//! dictionary of a column. What is written ([`Table`]): row groups of one page a column, zstd, dictionaries where they are shorter, checksums.
//!
//! It is our own because the official crate brings 14 others even without Arrow, for lists, maps and indices that no sample has.
//! Source: apache/parquet-format, `parquet.thrift`, "Encodings", "Compression". All bytes are taken to be hostile: nothing is reserved on their word alone.

mod cells;
mod chunk;
mod deltas;
mod footer;
mod lz4;
mod metadata;
mod page;
mod runs;
mod table;
mod thrift;

pub use cells::{Cell, Cells, Dictionary};
pub use metadata::{Chunk, Codec, Column, Footer, Group, Logical, Physical, TimeUnit, footer_length};
pub use page::{PageHead, PageKind, open, page_head};
pub use table::{Kind, Table, Values};

/// What a file begins and ends with.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// The last bytes of a file: the length of the footer and the magic.
pub const TAIL_BYTES: usize = 8;

/// Why Parquet's bytes are not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParquetError {
    /// No footer at the end.
    #[error("the Parquet file is cut off: it does not end with PAR1")]
    Cut,
    /// A footer that is encrypted.
    #[error("the Parquet file is encrypted, which import does not read")]
    Encrypted,
    /// A structure that is none.
    #[error("the Parquet file's metadata is damaged")]
    Metadata,
    /// A page whose bytes are not those that were written.
    #[error("a page is damaged: {0}")]
    Page(&'static str),
    /// A compression that is not read.
    #[error("compressed with {0}, which import does not read: write it with snappy, gzip, zstd or none")]
    Codec(&'static str),
    /// An encoding that is not read.
    #[error("a page has encoding {0}, which import does not know")]
    Encoding(u64),
    /// Something larger than is taken.
    #[error("{what} of {bytes} bytes is larger than the {limit} that are taken: write the file with smaller pages")]
    Large {
        /// What is large.
        what: &'static str,
        /// How large it is.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

/// `width` bits (at most 64) from bit `bit` on, low bits first.
fn bits(bytes: &[u8], bit: usize, width: u32) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    let (first, shift) = (bit / 8, bit % 8);
    let end = (bit + width as usize).div_ceil(8);
    let part = bytes.get(first..end)?;
    let mut all = [0; 16];
    all[..part.len()].copy_from_slice(part);
    let value = (u128::from_le_bytes(all) >> shift) as u64;
    Some(if width < 64 { value & ((1 << width) - 1) } else { value })
}
