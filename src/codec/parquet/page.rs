//! Pages: their heads, and their bytes unpacked.

use std::io::Read;

use super::thrift::{Reader, Writer, kind};
use super::{Codec, ParquetError};

type Result<T> = std::result::Result<T, ParquetError>;

/// What stands before a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageHead {
    /// What it holds.
    pub kind: PageKind,
    /// Bytes of the page in the file.
    pub packed: u64,
    /// Bytes of the page unpacked.
    pub unpacked: u64,
    /// CRC32 of the bytes in the file.
    pub checksum: Option<u32>,
    /// Number of values, with those that are missing.
    pub values: u64,
    /// How they are written.
    pub encoding: u64,
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Values, all of it packed together.
    Data,
    /// Values behind levels that are not packed.
    Data2 {
        /// Bytes of the levels of repetition.
        repetition: usize,
        /// Bytes of the levels of definition.
        definition: usize,
        /// Whether the values are packed.
        is_packed: bool,
    },
    /// The values that places mean.
    Dictionary,
    /// Something that nobody needs.
    Other,
}

/// The head at the start of `bytes`, and its length; an error also where it is not all there.
pub fn page_head(bytes: &[u8]) -> Result<(PageHead, usize)> {
    let (mut page, mut packed, mut unpacked, mut checksum) = (-1, 0, 0, None);
    let (mut values, mut encoding, mut repetition, mut definition, mut is_packed) = (0, 0, 0, 0, true);
    let mut reader = Reader::new(bytes);
    reader.fields(|reader, number, kind| {
        match (number, kind) {
            (1, kind::I32) => page = reader.integer()?,
            (2, kind::I32) => unpacked = reader.natural()?,
            (3, kind::I32) => packed = reader.natural()?,
            (4, kind::I32) => checksum = Some(reader.integer()? as u32),
            (5 | 7 | 8, kind::STRUCT) => reader.fields(|reader, part, kind| {
                match (number, part, kind) {
                    (_, 1, kind::I32) => values = reader.natural()?,
                    (5 | 7, 2, kind::I32) | (8, 4, kind::I32) => encoding = reader.natural()?,
                    (8, 5, kind::I32) => definition = reader.natural()?,
                    (8, 6, kind::I32) => repetition = reader.natural()?,
                    (8, 7, kind::TRUE | kind::FALSE) => is_packed = kind == kind::TRUE,
                    (_, _, kind) => reader.skip(kind)?,
                }
                Ok(())
            })?,
            (_, kind) => reader.skip(kind)?,
        }
        Ok(())
    })?;
    // the format has 31 bits for it: more would only be to keep us busy
    if values > u64::from(u32::MAX >> 1) {
        return Err(ParquetError::Metadata);
    }
    let kind = match page {
        0 => PageKind::Data,
        2 => PageKind::Dictionary,
        3 => PageKind::Data2 { repetition: repetition as usize, definition: definition as usize, is_packed },
        _ => PageKind::Other,
    };
    Ok((PageHead { kind, packed, unpacked, checksum, values, encoding }, reader.at()))
}

/// The bytes of a page, unpacked; `head.unpacked` has been found bearable. The levels of a page of the second version stay before its values.
pub fn open(head: &PageHead, codec: Codec, packed: &[u8]) -> Result<Vec<u8>> {
    if let Some(expected) = head.checksum {
        let mut crc = flate2::Crc::new();
        crc.update(packed);
        if crc.sum() != expected {
            return Err(ParquetError::Page("its checksum does not fit"));
        }
    }
    let unpacked = usize::try_from(head.unpacked).map_err(|_| ParquetError::Metadata)?;
    match head.kind {
        PageKind::Data2 { repetition, definition, is_packed } => {
            let levels = repetition.checked_add(definition).ok_or(ParquetError::Metadata)?;
            let (levels, values) = packed.split_at_checked(levels).ok_or(ParquetError::Page("its levels are cut"))?;
            let codec = if is_packed { codec } else { Codec::None };
            let length = unpacked.checked_sub(levels.len()).ok_or(ParquetError::Metadata)?;
            Ok([levels, &unpack(codec, values, length)?].concat())
        }
        _ => unpack(codec, packed, unpacked),
    }
}

fn unpack(codec: Codec, packed: &[u8], length: usize) -> Result<Vec<u8>> {
    // nothing packs an empty page the same way
    if length == 0 {
        return Ok(Vec::new());
    }
    let broken = ParquetError::Page("it cannot be unpacked");
    let unpacked = match codec {
        Codec::None => packed.to_vec(),
        Codec::Snappy => {
            if snap::raw::decompress_len(packed).ok() != Some(length) {
                return Err(broken);
            }
            snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| broken.clone())?
        }
        Codec::Gzip => read(flate2::read::MultiGzDecoder::new(packed), length).ok_or(broken.clone())?,
        Codec::Zstd => {
            let decoder = zstd::Decoder::with_buffer(packed).map_err(|_| broken.clone())?;
            read(decoder, length).ok_or(broken.clone())?
        }
        Codec::Lz4 => super::lz4::unpack(packed, length).ok_or(broken.clone())?,
        Codec::Unread(name) => return Err(ParquetError::Codec(name)),
    };
    if unpacked.len() == length { Ok(unpacked) } else { Err(broken) }
}

/// Everything of a reader, and a byte more than `length` at most, by which more than was said is known.
fn read(reader: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(length as u64 + 1).read_to_end(&mut out).ok()?;
    Some(out)
}

/// The head of a page that is written: of `values` values in `encoding`, `None` for a dictionary of them.
pub(super) fn head(packed: &[u8], unpacked: usize, values: usize, encoding: Option<i64>) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(packed);
    let mut writer = Writer::new();
    writer.i32(1, if encoding.is_some() { 0 } else { 2 });
    writer.i32(2, unpacked as i64);
    writer.i32(3, packed.len() as i64);
    writer.i32(4, i64::from(crc.sum() as i32));
    writer.structure(if encoding.is_some() { 5 } else { 7 }, |page| {
        page.i32(1, values as i64);
        page.i32(2, encoding.unwrap_or(super::cells::PLAIN as i64));
        if encoding.is_some() {
            page.i32(3, super::cells::RUNS as i64);
            page.i32(4, super::cells::RUNS as i64);
        }
    });
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_head_comes_back_and_a_changed_byte_is_seen() {
        let bytes = head(b"abc", 3, 7, Some(8));
        let (page, length) = page_head(&bytes).unwrap();
        assert_eq!((page.kind, page.packed, page.values, page.encoding), (PageKind::Data, 3, 7, 8));
        assert_eq!(length, bytes.len());
        assert_eq!(open(&page, Codec::None, b"abc").as_deref(), Ok(b"abc".as_slice()));
        assert_eq!(open(&page, Codec::None, b"abd"), Err(ParquetError::Page("its checksum does not fit")));
        assert!(page_head(&bytes[..length - 1]).is_err(), "a cut head is none");
        assert!(page_head(&head(b"abc", 3, 1 << 31, Some(8))).is_err(), "more values than there can be");
    }

    #[test]
    fn a_page_is_never_larger_than_it_says() {
        let zeros = zstd::encode_all([0; 100_000].as_slice(), 3).unwrap();
        let mut page = page_head(&head(&zeros, 100_000, 1, Some(0))).unwrap().0;
        assert_eq!(open(&page, Codec::Zstd, &zeros).unwrap().len(), 100_000);
        page.unpacked = 99;
        assert_eq!(open(&page, Codec::Zstd, &zeros), Err(ParquetError::Page("it cannot be unpacked")));
        assert_eq!(open(&page, Codec::Unread("LZO"), &zeros), Err(ParquetError::Codec("LZO")));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, unpacked in 0u64..5_000, codec in 0usize..5) {
            let _ = page_head(&bytes);
            let codec = [Codec::None, Codec::Snappy, Codec::Gzip, Codec::Zstd, Codec::Lz4][codec];
            let kind = PageKind::Data2 { repetition: 1, definition: 2, is_packed: true };
            for kind in [PageKind::Data, kind] {
                let head = PageHead { kind, packed: 0, unpacked, checksum: None, values: 9, encoding: 0 };
                let _ = open(&head, codec, &bytes);
            }
        }
    }
}
