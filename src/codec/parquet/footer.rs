//! The footer, written.

use super::MAGIC;
use super::thrift::{Writer, kind};

/// A chunk as it was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) offset: u64,
    pub(super) dictionary: Option<u64>,
    pub(super) data: u64,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) values: u64,
    pub(super) nulls: u64,
    pub(super) encodings: Vec<i64>,
    /// Smallest and largest, of times.
    pub(super) span: Option<(i64, i64)>,
}

/// A column to be written.
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) physical: i64,
    /// The older word for what it means, and the number of the newer one.
    pub(super) meaning: Option<(i64, i16)>,
    pub(super) may_miss: bool,
}

/// The footer of what was written, with its length and the magic behind it.
pub(super) fn written(columns: &[Declared<'_>], groups: &[(u64, Vec<Written>)], by: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.i32(1, 2);
    writer.list(2, kind::STRUCT, columns.len() + 1);
    writer.structure_item(|root| {
        root.binary(4, b"schema");
        root.i32(5, columns.len() as i64);
    });
    columns.iter().for_each(|column| writer.structure_item(|element| declare(element, column)));
    writer.i64(3, groups.iter().map(|(rows, _)| *rows as i64).sum());
    writer.list(4, kind::STRUCT, groups.len());
    for (rows, chunks) in groups {
        writer.structure_item(|group| {
            group.list(1, kind::STRUCT, chunks.len());
            for (chunk, column) in chunks.iter().zip(columns) {
                group.structure_item(|outer| {
                    outer.i64(2, chunk.offset as i64);
                    outer.structure(3, |inner| describe(inner, chunk, column));
                });
            }
            group.i64(2, chunks.iter().map(|chunk| chunk.unpacked as i64).sum());
            group.i64(3, *rows as i64);
        });
    }
    writer.binary(6, by.as_bytes());
    // without an order of the columns nobody believes their smallest and largest
    writer.list(7, kind::STRUCT, columns.len());
    columns.iter().for_each(|_| writer.structure_item(|order| order.structure(1, |_| ())));
    let mut bytes = writer.finish();
    bytes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    bytes.extend_from_slice(MAGIC);
    bytes
}

fn declare(element: &mut Writer, column: &Declared<'_>) {
    element.i32(1, column.physical);
    element.i32(3, i64::from(column.may_miss));
    element.binary(4, column.name.as_bytes());
    if let Some((converted, logical)) = column.meaning {
        element.i32(6, converted);
        element.structure(10, |union| {
            union.structure(logical, |meaning| {
                if logical == 8 {
                    meaning.truth(1, true); // of UTC
                    meaning.structure(2, |unit| unit.structure(1, |_| ()));
                }
            });
        });
    }
}

fn describe(inner: &mut Writer, chunk: &Written, column: &Declared<'_>) {
    inner.i32(1, column.physical);
    inner.list(2, kind::I32, chunk.encodings.len());
    chunk.encodings.iter().for_each(|encoding| inner.integer_item(*encoding));
    inner.list(3, kind::BINARY, 1);
    inner.binary_item(column.name.as_bytes());
    inner.i32(4, 6); // zstd
    inner.i64(5, chunk.values as i64);
    inner.i64(6, chunk.unpacked as i64);
    inner.i64(7, chunk.packed as i64);
    inner.i64(9, chunk.data as i64);
    if let Some(at) = chunk.dictionary {
        inner.i64(11, at as i64);
    }
    inner.structure(12, |statistics| {
        statistics.i64(3, chunk.nulls as i64);
        if let Some((smallest, largest)) = chunk.span {
            statistics.binary(5, &largest.to_le_bytes());
            statistics.binary(6, &smallest.to_le_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::{Chunk, Codec, Footer, Group, Logical, Physical, TAIL_BYTES, TimeUnit, footer_length};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let columns = [
            Declared { name: "timestamp", physical: 2, meaning: Some((9, 8)), may_miss: false },
            Declared { name: "node", physical: 6, meaning: Some((0, 1)), may_miss: false },
            Declared { name: "ü", physical: 5, meaning: None, may_miss: true },
        ];
        let chunk = Written { offset: 4, data: 40, dictionary: Some(4), packed: 99, values: 7, ..Written::default() };
        let bytes = written(&columns, &[(7, vec![chunk; 3])], "us");
        let length = footer_length(&bytes[bytes.len() - TAIL_BYTES..]).unwrap() as usize;
        assert_eq!(length, bytes.len() - TAIL_BYTES);
        let footer = Footer::read(&bytes[..length]).unwrap();
        let told: Vec<_> = footer.columns.iter().map(|c| (c.name.as_str(), c.physical, c.logical, c.level)).collect();
        assert_eq!(
            told,
            [
                ("timestamp", Physical::Int64, Logical::Timestamp(TimeUnit::Millis), 0),
                ("node", Physical::Bytes, Logical::Text, 0),
                ("ü", Physical::Double, Logical::None, 1),
            ]
        );
        let read = Chunk { codec: Codec::Zstd, offset: 4, length: 99, values: 7, is_elsewhere: false };
        assert_eq!(footer.groups, [Group { rows: 7, chunks: vec![read; 3] }]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, at in 0usize..200, put: u8) {
            let _ = Footer::read(&bytes);
            let column = Declared { name: "x", physical: 2, meaning: Some((9, 8)), may_miss: true };
            let mut bytes = written(&[column], &[(7, vec![Written::default()])], "us");
            let at = at % bytes.len();
            bytes[at] = put;
            let _ = Footer::read(&bytes);
        }
    }
}
