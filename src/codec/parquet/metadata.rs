//! The footer: which columns there are, and where their bytes lie.

use super::thrift::{Reader, kind};
use super::{MAGIC, ParquetError, TAIL_BYTES};

type Result<T> = std::result::Result<T, ParquetError>;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footer {
    /// Columns without parts, in the order of each group's chunks.
    pub columns: Vec<Column>,
    /// Pieces of the table, one after the other.
    pub groups: Vec<Group>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name; of a part of a structure the names from the outermost on, with dots between.
    pub name: String,
    /// How its values travel.
    pub physical: Physical,
    /// What they mean.
    pub logical: Logical,
    /// Bytes of a value of fixed length.
    pub length: usize,
    /// Level at which a value is there: the number of parts on the way that may be missing.
    pub level: u32,
    /// Whether a row has any number of values.
    pub is_repeated: bool,
}

/// How values travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    /// A bit.
    Boolean,
    /// 4 bytes, signed.
    Int32,
    /// 8 bytes, signed.
    Int64,
    /// 12 bytes: nanoseconds of the day and the Julian day.
    Int96,
    /// 4 bytes.
    Float,
    /// 8 bytes.
    Double,
    /// Any bytes.
    Bytes,
    /// So many bytes.
    Fixed,
}

/// What values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// What their bytes are.
    None,
    /// UTF-8.
    Text,
    /// A moment, in so many units since 1970.
    Timestamp(TimeUnit),
    /// Days since 1970.
    Date,
    /// A whole number without a sign.
    Unsigned,
    /// A whole number, to be divided by ten to the power of this.
    Decimal(u32),
    /// Two bytes.
    Float16,
    /// Something that is no number, time or text.
    Other,
}

/// Unit of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// A piece of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Number of rows.
    pub rows: u64,
    /// The bytes of each column.
    pub chunks: Vec<Chunk>,
}

/// Where the pages of a column lie in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// How they are compressed.
    pub codec: Codec,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// Number of values, with those that are missing.
    pub values: u64,
    /// They lie in another file.
    pub is_elsewhere: bool,
}

/// How pages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// Snappy blocks.
    Snappy,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// LZ4 blocks.
    Lz4,
    /// Something that is not read.
    Unread(&'static str),
}

/// Parts of a schema, and columns of all groups together, that are believed: an empty one takes a byte in the file, and a hundred of them here.
const ELEMENTS_MAX: usize = 200_000;
const CHUNKS_MAX: usize = 4_000_000;

fn few(count: usize, most: usize) -> Result<()> {
    if count > most { Err(ParquetError::Metadata) } else { Ok(()) }
}

/// Length of the footer, from the last [`TAIL_BYTES`] of a file.
pub fn footer_length(tail: &[u8]) -> Result<u64> {
    let (length, magic) = tail.split_at_checked(4).filter(|_| tail.len() == TAIL_BYTES).ok_or(ParquetError::Cut)?;
    match magic {
        b"PARE" => Err(ParquetError::Encrypted),
        magic if magic == MAGIC => Ok(u64::from(u32::from_le_bytes(length.try_into().map_err(|_| ParquetError::Cut)?))),
        _ => Err(ParquetError::Cut),
    }
}

impl Footer {
    /// Reads the footer's bytes.
    pub fn read(bytes: &[u8]) -> Result<Footer> {
        let (mut elements, mut groups) = (Vec::new(), Vec::new());
        let (mut encrypted, mut parts) = (false, 0);
        Reader::new(bytes).fields(|reader, number, kind| match (number, kind) {
            (2, kind::LIST) => reader.list(|reader, _| {
                elements.push(Element::read(reader)?);
                few(elements.len(), ELEMENTS_MAX)
            }),
            (4, kind::LIST) => reader.list(|reader, _| {
                let group = group(reader)?;
                parts += 1 + group.chunks.len();
                groups.push(group);
                few(parts, CHUNKS_MAX)
            }),
            (8, kind) => {
                encrypted = true;
                reader.skip(kind)
            }
            (_, kind) => reader.skip(kind),
        })?;
        if encrypted {
            return Err(ParquetError::Encrypted);
        }
        let mut columns = Vec::new();
        let mut elements = elements.into_iter();
        let root = elements.next().ok_or(ParquetError::Metadata)?;
        leaves(root.children, &mut elements, &Place::default(), &mut columns)?;
        if groups.iter().any(|group| group.chunks.len() != columns.len()) {
            return Err(ParquetError::Metadata);
        }
        Ok(Footer { columns, groups })
    }
}

/// A part of the schema, which is a tree told from its root on, each part before its own.
#[derive(Debug, Default)]
struct Element {
    physical: Option<i64>,
    length: i64,
    repetition: i64,
    name: String,
    children: u64,
    converted: Option<i64>,
    scale: i64,
    logical: Option<Logical>,
}

impl Element {
    fn read(reader: &mut Reader<'_>) -> Result<Element> {
        let mut element = Element::default();
        reader.fields(|reader, number, kind| {
            match (number, kind) {
                (1, kind::I32) => element.physical = Some(reader.integer()?),
                (2, kind::I32) => element.length = reader.integer()?,
                (3, kind::I32) => element.repetition = reader.integer()?,
                (4, kind::BINARY) => element.name = reader.text()?,
                (5, kind::I32) => element.children = reader.natural()?,
                (6, kind::I32) => element.converted = Some(reader.integer()?),
                (7, kind::I32) => element.scale = reader.integer()?,
                (10, kind::STRUCT) => element.logical = logical(reader)?,
                (_, kind) => reader.skip(kind)?,
            }
            Ok(())
        })?;
        Ok(element)
    }

    fn logical(&self) -> Logical {
        let converted = match self.converted {
            None => Logical::None,
            Some(0 | 4 | 19) => Logical::Text,
            Some(5) => Logical::Decimal(u32::try_from(self.scale).unwrap_or(0)),
            Some(6) => Logical::Date,
            Some(9) => Logical::Timestamp(TimeUnit::Millis),
            Some(10) => Logical::Timestamp(TimeUnit::Micros),
            Some(11..=14) => Logical::Unsigned,
            Some(15..=18) => Logical::None,
            Some(_) => Logical::Other,
        };
        self.logical.unwrap_or(converted)
    }

    fn physical(&self) -> Result<Physical> {
        Ok(match self.physical {
            Some(0) => Physical::Boolean,
            Some(1) => Physical::Int32,
            Some(2) => Physical::Int64,
            Some(3) => Physical::Int96,
            Some(4) => Physical::Float,
            Some(5) => Physical::Double,
            Some(6) => Physical::Bytes,
            Some(7) => Physical::Fixed,
            _ => return Err(ParquetError::Metadata),
        })
    }
}

/// A union: one field, whose number says which.
fn logical(reader: &mut Reader<'_>) -> Result<Option<Logical>> {
    let mut found = None;
    reader.fields(|reader, number, kind| {
        let (mut unit, mut signed, mut scale) = (TimeUnit::Millis, true, 0);
        if kind != kind::STRUCT {
            return reader.skip(kind);
        }
        reader.fields(|reader, part, kind| match (number, part, kind) {
            (5, 1, kind::I32) => reader.natural().map(|read| scale = u32::try_from(read).unwrap_or(u32::MAX)),
            (8, 2, kind::STRUCT) => reader.fields(|reader, which, kind| {
                unit = match which {
                    2 => TimeUnit::Micros,
                    3 => TimeUnit::Nanos,
                    _ => TimeUnit::Millis,
                };
                reader.skip(kind)
            }),
            (10, 2, kind::TRUE | kind::FALSE) => {
                signed = kind == kind::TRUE;
                Ok(())
            }
            (_, _, kind) => reader.skip(kind),
        })?;
        found = Some(match number {
            1 | 4 | 12 => Logical::Text,
            5 => Logical::Decimal(scale),
            6 => Logical::Date,
            8 => Logical::Timestamp(unit),
            10 if signed => Logical::None,
            10 => Logical::Unsigned,
            15 => Logical::Float16,
            _ => Logical::Other,
        });
        Ok(())
    })?;
    Ok(found)
}

/// Where a part of the schema stands.
#[derive(Clone, Debug, Default)]
struct Place {
    name: String,
    level: u32,
    is_repeated: bool,
    depth: u32,
}

/// Deepest part of a schema that is followed.
const DEPTH_MAX: u32 = 64;

fn leaves(
    children: u64,
    elements: &mut impl Iterator<Item = Element>,
    within: &Place,
    columns: &mut Vec<Column>,
) -> Result<()> {
    for _ in 0..children {
        let element = elements.next().ok_or(ParquetError::Metadata)?;
        let name = match &*within.name {
            "" => element.name.clone(),
            outer => format!("{outer}.{}", element.name),
        };
        let level = within.level + u32::from(element.repetition != 0);
        let is_repeated = within.is_repeated || element.repetition == 2;
        let place = Place { name, level, is_repeated, depth: within.depth + 1 };
        if place.depth > DEPTH_MAX {
            return Err(ParquetError::Metadata);
        }
        if element.children > 0 {
            leaves(element.children, elements, &place, columns)?;
            continue;
        }
        columns.push(Column {
            physical: element.physical()?,
            logical: element.logical(),
            length: usize::try_from(element.length).unwrap_or(0),
            name: place.name,
            level,
            is_repeated,
        });
    }
    Ok(())
}

fn group(reader: &mut Reader<'_>) -> Result<Group> {
    let mut group = Group::default();
    reader.fields(|reader, number, kind| match (number, kind) {
        (1, kind::LIST) => reader.list(|reader, _| {
            group.chunks.push(chunk(reader)?);
            few(group.chunks.len(), CHUNKS_MAX)
        }),
        (3, kind::I64) => reader.natural().map(|rows| group.rows = rows),
        (_, kind) => reader.skip(kind),
    })?;
    Ok(group)
}

fn chunk(reader: &mut Reader<'_>) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    let (mut data, mut dictionary) = (0, None);
    reader.fields(|reader, number, kind| match (number, kind) {
        (1, kind::BINARY) => reader.binary().map(|path| chunk.is_elsewhere = !path.is_empty()),
        (3, kind::STRUCT) => reader.fields(|reader, number, kind| {
            match (number, kind) {
                (4, kind::I32) => chunk.codec = codec(reader.integer()?),
                (5, kind::I64) => chunk.values = reader.natural()?,
                (7, kind::I64) => chunk.length = reader.natural()?,
                (9, kind::I64) => data = reader.natural()?,
                (11, kind::I64) => dictionary = Some(reader.natural()?),
                (_, kind) => reader.skip(kind)?,
            }
            Ok(())
        }),
        (_, kind) => reader.skip(kind),
    })?;
    // some writers say 0 where there is none
    chunk.offset = dictionary.filter(|at| *at > 0 && *at < data).unwrap_or(data);
    Ok(chunk)
}

fn codec(number: i64) -> Codec {
    match number {
        0 => Codec::None,
        1 => Codec::Snappy,
        2 => Codec::Gzip,
        3 => Codec::Unread("LZO"),
        4 => Codec::Unread("Brotli"),
        5 => Codec::Unread("LZ4 in Hadoop's frames"),
        6 => Codec::Zstd,
        7 => Codec::Lz4,
        _ => Codec::Unread("something newer"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::thrift::Writer;
    use super::*;

    #[test]
    fn a_tail_says_how_long_the_footer_is() {
        assert_eq!(footer_length(b"\x05\0\0\0PAR1"), Ok(5));
        assert_eq!(footer_length(b"\x05\0\0\0PARE"), Err(ParquetError::Encrypted));
        assert_eq!(footer_length(b"\x05\0\0\0PAR2"), Err(ParquetError::Cut));
        assert_eq!(footer_length(b"PAR1"), Err(ParquetError::Cut));
    }

    #[test]
    fn a_byte_in_the_file_is_no_hundred_here() {
        let footer = |elements: usize, groups: usize| {
            let mut writer = Writer::new();
            for (number, empty) in [(2, elements), (4, groups)] {
                writer.list(number, kind::STRUCT, empty);
                (0..empty).for_each(|_| writer.structure_item(|_| ()));
            }
            Footer::read(&writer.finish()).map(|footer| footer.groups.len())
        };
        assert_eq!(footer(1, 3), Ok(3));
        assert_eq!(footer(ELEMENTS_MAX + 1, 1), Err(ParquetError::Metadata));
        assert_eq!(footer(1, CHUNKS_MAX + 1), Err(ParquetError::Metadata));
    }
}
