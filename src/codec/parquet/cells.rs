//! Values of a page, one at a time.

use super::deltas::Deltas;
use super::runs::{Runs, width};
use super::{Column, PageHead, PageKind, ParquetError, Physical};

type Result<T> = std::result::Result<T, ParquetError>;

pub(super) const PLAIN: u64 = 0;
pub(super) const RUNS: u64 = 3;
pub(super) const PLACES: u64 = 8;
const PLACES_OLD: u64 = 2;
const DELTAS: u64 = 5;
const LENGTHS: u64 = 6;
const PREFIXED: u64 = 7;
const SPLIT: u64 = 9;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// None.
    Missing,
    /// The bits of a number: of a whole one as `i64`, of a moment of 12 bytes as milliseconds since 1970, of a float of 4 bytes the lower four.
    Bits(u64),
    /// Bytes.
    Bytes(&'a [u8]),
}

const ENDS: ParquetError = ParquetError::Page("it ends before its values do");

/// How the values of a column travel.
#[derive(Clone, Copy, Debug)]
struct Shape {
    physical: Physical,
    width: usize,
}

impl Shape {
    fn of(column: &Column) -> Shape {
        let width = match column.physical {
            Physical::Boolean | Physical::Bytes => 0,
            Physical::Int32 | Physical::Float => 4,
            Physical::Int64 | Physical::Double => 8,
            Physical::Int96 => 12,
            Physical::Fixed => column.length,
        };
        Shape { physical: column.physical, width }
    }

    /// A value of fixed width.
    #[inline]
    fn cell<'a>(&self, bytes: &'a [u8]) -> Option<Cell<'a>> {
        let four = || bytes.try_into().ok().map(u32::from_le_bytes);
        Some(match self.physical {
            Physical::Int64 | Physical::Double => Cell::Bits(u64::from_le_bytes(bytes.try_into().ok()?)),
            Physical::Float => Cell::Bits(four()?.into()),
            Physical::Int32 => Cell::Bits(i64::from(four()? as i32) as u64),
            Physical::Int96 => Cell::Bits(moment(bytes)? as u64),
            Physical::Fixed => Cell::Bytes(bytes),
            Physical::Boolean | Physical::Bytes => return None,
        })
    }
}

/// Milliseconds since 1970 of a moment of 12 bytes: nanoseconds of the day, and the Julian day, of which 2,440,588 is the first of 1970.
fn moment(bytes: &[u8]) -> Option<i64> {
    let (nanos, day) = bytes.split_at_checked(8)?;
    let nanos = i64::from_le_bytes(nanos.try_into().ok()?);
    let day = i64::from(u32::from_le_bytes(day.try_into().ok()?)) - 2_440_588;
    day.checked_mul(86_400_000)?.checked_add(nanos / 1_000_000)
}

/// Bytes with their length before them.
#[inline]
fn counted<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(bytes.get(*at..*at + 4)?.try_into().ok()?) as usize;
    let value = bytes.get(*at + 4..*at + 4 + length)?;
    *at += 4 + length;
    Some(value)
}

/// The values that places in a page mean.
#[derive(Debug)]
pub struct Dictionary {
    shape: Shape,
    bytes: Vec<u8>,
    /// Where each value starts, of those that have a length of their own.
    starts: Vec<usize>,
}

impl Dictionary {
    /// Reads a page of a dictionary, unpacked.
    pub fn read(column: &Column, head: &PageHead, bytes: Vec<u8>) -> Result<Dictionary> {
        if head.encoding != PLAIN && head.encoding != PLACES_OLD {
            return Err(ParquetError::Encoding(head.encoding));
        }
        let mut starts = Vec::new();
        if column.physical == Physical::Bytes {
            let mut at = 0;
            for _ in 0..head.values {
                starts.push(at);
                counted(&bytes, &mut at).ok_or(ENDS)?;
            }
        }
        Ok(Dictionary { shape: Shape::of(column), bytes, starts })
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.bytes.len() + self.starts.len() * size_of::<usize>()
    }

    #[inline]
    fn cell(&self, place: u64) -> Option<Cell<'_>> {
        let place = place as usize;
        if self.shape.physical == Physical::Bytes {
            return counted(&self.bytes, &mut self.starts.get(place)?.clone()).map(Cell::Bytes);
        }
        let from = place.checked_mul(self.shape.width)?;
        self.shape.cell(self.bytes.get(from..from.checked_add(self.shape.width)?)?)
    }
}

/// The values of a page, in the order of rows.
#[derive(Debug)]
pub struct Cells {
    shape: Shape,
    bytes: Vec<u8>,
    /// Values still to come, with those that are missing.
    left: u64,
    /// Of columns whose values may be missing: the levels, and the one at which a value is there.
    levels: Option<(Runs, u64)>,
    coding: Coding,
    /// A value that is put together.
    value: Vec<u8>,
}

#[derive(Debug)]
enum Coding {
    Plain(usize),
    /// Truths, a bit each.
    Packed(usize),
    Places(Runs),
    Truths(Runs),
    Deltas(Deltas),
    Lengths {
        lengths: Deltas,
        at: usize,
    },
    Prefixed {
        prefixes: Deltas,
        lengths: Deltas,
        at: usize,
    },
    /// The first bytes of all values, the second ones, and so on.
    Split {
        at: usize,
        place: usize,
        count: usize,
    },
}

impl Cells {
    /// Of a page of values, unpacked.
    pub fn new(column: &Column, head: &PageHead, bytes: Vec<u8>) -> Result<Cells> {
        let length = |at: usize| -> Result<usize> {
            let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or(ENDS)?;
            Ok(u32::from_le_bytes(bytes) as usize)
        };
        let (from, at) = match head.kind {
            PageKind::Data2 { repetition, definition, .. } => (repetition, repetition + definition),
            _ if column.level > 0 => (4, 4 + length(0)?),
            _ => (0, 0),
        };
        if at > bytes.len() {
            return Err(ENDS);
        }
        let level = u64::from(column.level);
        let levels = (level > 0).then(|| (Runs::new(from, at, width(level)), level));
        let shape = Shape::of(column);
        let (end, deltas) = (bytes.len(), |at| Deltas::new(&bytes, at, bytes.len()).ok_or(ENDS));
        let behind = |deltas: &Deltas| {
            // a page says how many values it has: more would only be to keep us busy, and are not gone through
            let known = Some(deltas.clone()).filter(|deltas| deltas.left() <= head.values);
            known.and_then(|deltas| deltas.behind(&bytes)).filter(|at| *at <= end).ok_or(ENDS)
        };
        let coding = match (head.encoding, shape.physical) {
            (PLAIN, Physical::Boolean) => Coding::Packed(at * 8),
            (PLAIN, _) => Coding::Plain(at),
            (PLACES | PLACES_OLD, _) => {
                let width = u32::from(*bytes.get(at).unwrap_or(&0));
                if width > 32 {
                    return Err(ParquetError::Page("its places are wider than 32 bits"));
                }
                Coding::Places(Runs::new(at + 1, end.max(at + 1), width))
            }
            (RUNS, Physical::Boolean) => {
                let end = (at + 4).saturating_add(length(at)?);
                Coding::Truths(Runs::new(at + 4, end.min(bytes.len()), 1))
            }
            (DELTAS, Physical::Int32 | Physical::Int64) => Coding::Deltas(deltas(at)?),
            (LENGTHS, Physical::Bytes) => {
                let lengths = deltas(at)?;
                Coding::Lengths { at: behind(&lengths)?, lengths }
            }
            (PREFIXED, Physical::Bytes | Physical::Fixed) => {
                let prefixes = deltas(at)?;
                let lengths = deltas(behind(&prefixes)?)?;
                Coding::Prefixed { prefixes, at: behind(&lengths)?, lengths }
            }
            (SPLIT, _) if shape.width > 0 => Coding::Split { at, place: 0, count: (end - at) / shape.width },
            (encoding, _) => return Err(ParquetError::Encoding(encoding)),
        };
        Ok(Cells { shape, left: head.values, levels, coding, value: Vec::new(), bytes })
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Values still to come, with those that are missing.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next value; `None` after the last.
    #[inline]
    pub fn next<'a>(&'a mut self, dictionary: Option<&'a Dictionary>) -> Result<Option<Cell<'a>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if let Some((levels, there)) = &mut self.levels
            && levels.next(&self.bytes).ok_or(ENDS)? != *there
        {
            return Ok(Some(Cell::Missing));
        }
        self.value(dictionary).ok_or(ENDS).map(Some)
    }

    fn value<'a>(&'a mut self, dictionary: Option<&'a Dictionary>) -> Option<Cell<'a>> {
        let (shape, bytes) = (self.shape, self.bytes.as_slice());
        match &mut self.coding {
            Coding::Plain(at) if shape.physical == Physical::Bytes => counted(bytes, at).map(Cell::Bytes),
            Coding::Plain(at) => {
                let value = bytes.get(*at..*at + shape.width)?;
                *at += shape.width;
                shape.cell(value)
            }
            Coding::Packed(bit) => {
                let truth = super::bits(bytes, *bit, 1)?;
                *bit += 1;
                Some(Cell::Bits(truth))
            }
            Coding::Places(places) => dictionary?.cell(places.next(bytes)?),
            Coding::Truths(truths) => truths.next(bytes).map(Cell::Bits),
            Coding::Deltas(deltas) => {
                let number = deltas.next(bytes)?;
                // differences of four bytes overflow as such
                Some(Cell::Bits(if shape.width == 4 { i64::from(number as i32) } else { number } as u64))
            }
            Coding::Lengths { lengths, at } => {
                let length = usize::try_from(lengths.next(bytes)?).ok()?;
                let value = bytes.get(*at..at.checked_add(length)?)?;
                *at += length;
                Some(Cell::Bytes(value))
            }
            Coding::Prefixed { prefixes, lengths, at } => {
                let prefix = usize::try_from(prefixes.next(bytes)?).ok()?;
                let length = usize::try_from(lengths.next(bytes)?).ok()?;
                let rest = bytes.get(*at..at.checked_add(length)?)?;
                // what is put together is no longer than what the page could hold
                if prefix > self.value.len() || prefix + length > bytes.len() {
                    return None;
                }
                *at += length;
                self.value.truncate(prefix);
                self.value.extend_from_slice(rest);
                Some(Cell::Bytes(&self.value))
            }
            Coding::Split { at, place, count } => {
                if place == count {
                    return None;
                }
                self.value.clear();
                self.value.extend((0..shape.width).map(|stream| bytes[*at + stream * *count + *place]));
                *place += 1;
                shape.cell(&self.value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::parquet::Logical;
    use proptest::prelude::*;

    fn column(physical: Physical, level: u32) -> Column {
        Column { name: "x".to_owned(), physical, logical: Logical::None, length: 2, level, is_repeated: false }
    }

    fn head(encoding: u64, values: u64) -> PageHead {
        PageHead { kind: PageKind::Data, packed: 0, unpacked: 0, checksum: None, values, encoding }
    }

    fn all(column: &Column, head: &PageHead, bytes: &[u8], dictionary: Option<&Dictionary>) -> Vec<String> {
        let mut cells = Cells::new(column, head, bytes.to_vec()).unwrap();
        let mut all = Vec::new();
        while let Some(cell) = cells.next(dictionary).unwrap() {
            all.push(match cell {
                Cell::Missing => "-".to_owned(),
                Cell::Bits(bits) => (bits as i64).to_string(),
                Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            });
        }
        all
    }

    #[test]
    fn values_in_every_encoding() {
        let plain = [5i32.to_le_bytes(), (-7i32).to_le_bytes()].concat();
        assert_eq!(all(&column(Physical::Int32, 0), &head(PLAIN, 2), &plain, None), ["5", "-7"]);
        let levels = [2, 0, 0, 0, 3, 0b010]; // one group of bits: missing, there, missing
        let optional = [levels.as_slice(), &9i64.to_le_bytes()].concat();
        assert_eq!(all(&column(Physical::Int64, 1), &head(PLAIN, 3), &optional, None), ["-", "9", "-"]);
        let texts = b"\x02\0\0\0ab\x01\0\0\0c".to_vec();
        let of_texts = column(Physical::Bytes, 0);
        assert_eq!(all(&of_texts, &head(PLAIN, 2), &texts, None), ["ab", "c"]);
        let dictionary = Dictionary::read(&of_texts, &head(PLAIN, 2), texts).unwrap();
        assert_eq!(all(&of_texts, &head(PLACES, 3), &[1, 6, 1], Some(&dictionary)), ["c", "c", "c"]);
        assert_eq!(all(&column(Physical::Boolean, 0), &head(PLAIN, 3), &[0b101], None), ["1", "0", "1"]);
        let truths = [2, 0, 0, 0, 3, 0b110];
        assert_eq!(all(&column(Physical::Boolean, 0), &head(RUNS, 3), &truths, None), ["0", "1", "1"]);
        let split = [1, 2, 0, 0, 0, 0, 0, 0];
        assert_eq!(all(&column(Physical::Int32, 0), &head(SPLIT, 2), &split, None), ["1", "2"]);
        // lengths 1, 2 in a block of 128 in 4 miniblocks: the difference is the smallest one, no bits
        let lengths = [128, 1, 4, 2, 2, 2, 0, 0, 0, 0];
        let deltas = [lengths.as_slice(), b"abc"].concat();
        assert_eq!(all(&of_texts, &head(LENGTHS, 2), &deltas, None), ["a", "bc"]);
        let prefixes = [128, 1, 4, 2, 0, 2, 0, 0, 0, 0]; // none, then one
        let prefixed = [prefixes.as_slice(), &lengths, b"abc"].concat();
        assert_eq!(all(&of_texts, &head(PREFIXED, 2), &prefixed, None), ["a", "abc"]);
        let day = [0u64.to_le_bytes().as_slice(), &2_440_589u32.to_le_bytes()].concat();
        assert_eq!(all(&column(Physical::Int96, 0), &head(PLAIN, 1), &day, None), ["86400000"]);
    }

    #[test]
    fn more_values_than_a_page_has_are_not_gone_through() {
        // blocks of 2^32 in 4096 miniblocks of no bits: 2^32 - 1 lengths in 4 KB
        let head_of_deltas = [0x80, 0x80, 0x80, 0x80, 0x10, 0x80, 0x20, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let bytes = [head_of_deltas.as_slice(), &[0; 4096]].concat();
        let start = std::time::Instant::now();
        assert!(Cells::new(&column(Physical::Bytes, 0), &head(LENGTHS, 2), bytes).is_err());
        assert!(start.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, encoding in 0u64..11, physical in 0usize..8, level in 0u32..3, second: bool) {
            use Physical::{Boolean, Bytes, Double, Fixed, Float, Int32, Int64, Int96};
            let column = column([Boolean, Int32, Int64, Int96, Float, Double, Bytes, Fixed][physical], level);
            let kind = if second { PageKind::Data2 { repetition: 1, definition: 3, is_packed: false } } else { PageKind::Data };
            let head = PageHead { kind, ..head(encoding, 50) };
            let dictionary = Dictionary::read(&column, &PageHead { encoding: PLAIN, values: 2, ..head }, bytes.clone());
            if let Ok(mut cells) = Cells::new(&column, &head, bytes) {
                while let Ok(Some(_)) = cells.next(dictionary.as_ref().ok()) {}
            }
        }
    }
}
