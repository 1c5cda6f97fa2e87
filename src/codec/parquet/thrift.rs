//! Thrift's compact protocol, as far as Parquet's metadata goes, without a schema compiler.
//! Source: apache/thrift, "Thrift Compact protocol encoding".

use super::ParquetError;
use crate::codec::varint;

/// Structures within structures that are followed: Parquet's own are five deep.
const DEPTH_MAX: u32 = 32;

/// Kinds of values, as they travel.
pub(super) mod kind {
    pub(in super::super) const TRUE: u8 = 1;
    pub(in super::super) const FALSE: u8 = 2;
    pub(in super::super) const I8: u8 = 3;
    pub(in super::super) const I16: u8 = 4;
    pub(in super::super) const I32: u8 = 5;
    pub(in super::super) const I64: u8 = 6;
    pub(in super::super) const DOUBLE: u8 = 7;
    pub(in super::super) const BINARY: u8 = 8;
    pub(in super::super) const LIST: u8 = 9;
    pub(in super::super) const SET: u8 = 10;
    pub(in super::super) const STRUCT: u8 = 12;
}

type Result<T> = std::result::Result<T, ParquetError>;

/// Reads values one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0, depth: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(ParquetError::Metadata)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64> {
        varint::read(self.bytes, &mut self.at).ok_or(ParquetError::Metadata)
    }

    /// A whole number of any width but 8 bits.
    pub(super) fn integer(&mut self) -> Result<i64> {
        self.varint().map(varint::unzigzag)
    }

    /// A length, an offset, a count.
    pub(super) fn natural(&mut self) -> Result<u64> {
        u64::try_from(self.integer()?).map_err(|_| ParquetError::Metadata)
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.varint()?).map_err(|_| ParquetError::Metadata)?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(ParquetError::Metadata)?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.binary()?).into_owned())
    }

    /// Calls `field` with the number and kind of each field of a structure; it must read the value, or [`Reader::skip`] it.
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Result<()>) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ParquetError::Metadata);
        }
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Ok(());
            }
            number = if head >> 4 == 0 { self.integer()? } else { number.wrapping_add(i64::from(head >> 4)) };
            field(self, number, head & 0x0f)?;
        }
    }

    /// Calls `item` for each item of a list; it must read it.
    pub(super) fn list(&mut self, mut item: impl FnMut(&mut Self, u8) -> Result<()>) -> Result<()> {
        let head = self.byte()?;
        let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // each item takes a byte at least
        if length > (self.bytes.len() - self.at) as u64 {
            return Err(ParquetError::Metadata);
        }
        (0..length).try_for_each(|_| item(self, head & 0x0f))
    }

    /// Passes over a value of a field.
    pub(super) fn skip(&mut self, kind: u8) -> Result<()> {
        match kind {
            kind::TRUE | kind::FALSE => Ok(()),
            kind => self.skip_item(kind),
        }
    }

    /// Passes over an item of a list: there truth takes a byte.
    fn skip_item(&mut self, kind: u8) -> Result<()> {
        match kind {
            kind::TRUE | kind::FALSE | kind::I8 => self.byte().map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(drop),
            kind::DOUBLE => (0..8).try_for_each(|_| self.byte().map(drop)),
            kind::BINARY => self.binary().map(drop),
            kind::LIST | kind::SET => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(ParquetError::Metadata);
                }
                self.list(|reader, kind| reader.skip_item(kind))?;
                self.depth -= 1;
                Ok(())
            }
            kind::STRUCT => self.fields(|reader, _, kind| reader.skip(kind)),
            // Parquet has no maps, and an unknown kind has no known length
            _ => Err(ParquetError::Metadata),
        }
    }
}

/// Writes values one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: Vec<u8>,
    /// Number of the field written last, of each open structure.
    last: Vec<i16>,
}

impl Writer {
    /// With one open structure, which [`Writer::finish`] ends.
    pub(super) fn new() -> Self {
        Writer { out: Vec::new(), last: vec![0] }
    }

    fn varint(&mut self, value: u64) {
        varint::write(&mut self.out, value);
    }

    fn field(&mut self, number: i16, kind: u8) {
        let last = self.last.last_mut().map(|last| std::mem::replace(last, number)).unwrap_or_default();
        match number - last {
            step @ 1..=15 => self.out.push((step as u8) << 4 | kind),
            _ => {
                self.out.push(kind);
                self.varint(varint::zigzag(i64::from(number)));
            }
        }
    }

    pub(super) fn i32(&mut self, number: i16, value: i64) {
        self.field(number, kind::I32);
        self.varint(varint::zigzag(value));
    }

    pub(super) fn i64(&mut self, number: i16, value: i64) {
        self.field(number, kind::I64);
        self.varint(varint::zigzag(value));
    }

    pub(super) fn truth(&mut self, number: i16, value: bool) {
        self.field(number, if value { kind::TRUE } else { kind::FALSE });
    }

    pub(super) fn binary(&mut self, number: i16, value: &[u8]) {
        self.field(number, kind::BINARY);
        self.binary_item(value);
    }

    /// An item of a list of texts.
    pub(super) fn binary_item(&mut self, value: &[u8]) {
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// An item of a list of numbers.
    pub(super) fn integer_item(&mut self, value: i64) {
        self.varint(varint::zigzag(value));
    }

    /// The head of a list; its items follow.
    pub(super) fn list(&mut self, number: i16, kind: u8, length: usize) {
        self.field(number, kind::LIST);
        if length < 15 {
            self.out.push((length as u8) << 4 | kind);
        } else {
            self.out.push(0xf0 | kind);
            self.varint(length as u64);
        }
    }

    /// A structure in a field.
    pub(super) fn structure(&mut self, number: i16, write: impl FnOnce(&mut Self)) {
        self.field(number, kind::STRUCT);
        self.structure_item(write);
    }

    /// A structure in a list.
    pub(super) fn structure_item(&mut self, write: impl FnOnce(&mut Self)) {
        self.last.push(0);
        write(self);
        self.last.pop();
        self.out.push(0);
    }

    /// The bytes, with the end of the outermost structure.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_and_what_is_unknown_passed_over() {
        let mut writer = Writer::new();
        writer.i32(1, -5);
        writer.truth(2, true);
        writer.structure(40, |inner| {
            inner.binary(3, b"x");
            inner.list(4, kind::BINARY, 20);
            (0..20).for_each(|_| inner.binary_item(b"item"));
        });
        writer.i64(41, i64::MIN);
        let bytes = writer.finish();
        let (mut numbers, mut seen) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(&bytes);
        reader
            .fields(|reader, number, kind| {
                seen.push(number);
                match kind {
                    kind::I32 | kind::I64 => reader.integer().map(|n| numbers.push(n)),
                    kind => reader.skip(kind),
                }
            })
            .unwrap();
        assert_eq!((numbers, seen, reader.at()), (vec![-5, i64::MIN], vec![1, 2, 40, 41], bytes.len()));
        let skipped = Reader::new(&bytes[..bytes.len() - 1]).fields(|reader, _, kind| reader.skip(kind));
        assert!(skipped.is_err(), "a cut structure has no end");
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(bytes: Vec<u8>, kind in 0u8..16) {
            let _ = Reader::new(&bytes).skip(kind);
            let _ = Reader::new(&bytes).fields(|reader, _, kind| reader.skip(kind));
        }
    }
}
