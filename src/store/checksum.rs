use crc32c::{crc32c, crc32c_append};

use crate::model::Aggregate;

/// CRC-32C over the columns of one row: a tag of the table, then each column in order; integers and reals as 8 bytes little endian,
/// texts with their length before them, NULL as a byte of its own.
#[derive(Clone, Copy)]
pub(super) struct RowChecksum(u32);

const PRESENT: &[u8] = &[1];
const ABSENT: &[u8] = &[0];

impl RowChecksum {
    pub(super) fn of(table: &str) -> Self {
        RowChecksum(crc32c(table.as_bytes()))
    }

    /// The same as [`RowChecksum::of`], when the program is built: for tables of which millions of rows are read.
    pub(super) const fn tag(table: &str) -> Self {
        const CASTAGNOLI: u32 = 0x82f6_3b78;
        let (bytes, mut crc, mut i) = (table.as_bytes(), u32::MAX, 0);
        while i < 8 * bytes.len() {
            if i % 8 == 0 {
                crc ^= bytes[i / 8] as u32;
            }
            crc = if crc & 1 == 1 { crc >> 1 ^ CASTAGNOLI } else { crc >> 1 };
            i += 1;
        }
        RowChecksum(!crc)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        RowChecksum(crc32c_append(self.0, bytes))
    }

    pub(super) fn int(self, value: i64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn ints<const N: usize>(self, values: [i64; N]) -> Self {
        self.bytes(values.map(i64::to_le_bytes).as_flattened())
    }

    /// Integers, and then the columns of an aggregate, of which an empty one has the count only: in one go.
    pub(super) fn aggregate<const N: usize>(self, before: [i64; N], a: &Aggregate) -> Self {
        // Of rows by the hundred thousand: plain loops over one array.
        let mut bytes = [[0; 8]; 16];
        for (bytes, integer) in bytes.iter_mut().zip(before) {
            *bytes = integer.to_le_bytes();
        }
        bytes[N] = a.count.to_le_bytes();
        let mut len = N + 1;
        if !a.is_empty() {
            for (bytes, real) in bytes[len..].iter_mut().zip([a.sum, a.min, a.max, a.first, a.last, a.increase]) {
                *bytes = real_bits(real).to_le_bytes();
            }
            len += 6;
        }
        self.bytes(bytes[..len].as_flattened())
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.int(text.len() as i64).bytes(text.as_bytes())
    }

    pub(super) fn optional_text(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.bytes(PRESENT).text(text),
            None => self.bytes(ABSENT),
        }
    }

    pub(super) fn optional_int(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.bytes(PRESENT).int(value),
            None => self.bytes(ABSENT),
        }
    }

    /// As it is stored: signed, so that SQLite needs 4 bytes at most.
    pub(super) fn stored(self) -> i64 {
        i64::from(self.0 as i32)
    }
}

/// A real as SQLite gives it back: -0.0 as 0.0, every NaN as NULL and so as one.
fn real_bits(value: f64) -> u64 {
    (if value.is_nan() { f64::NAN } else { value + 0.0 }).to_bits()
}

/// The checksum of a head row, in one go: the hot path of recording and sealing.
pub(super) fn of_sample(ts: i64, series: u32, value: f64) -> i64 {
    let mut bytes = [0u8; 20];
    bytes[..8].copy_from_slice(&ts.to_le_bytes());
    bytes[8..12].copy_from_slice(&series.to_le_bytes());
    bytes[12..].copy_from_slice(&value.to_bits().to_le_bytes());
    i64::from(crc32c(&bytes) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_do_not_run_into_each_other() {
        let sum = |a: &str, b: Option<&str>| RowChecksum::of("t").text(a).optional_text(b).stored();
        assert_ne!(sum("ab", Some("c")), sum("a", Some("bc")));
        assert_ne!(sum("a", None), sum("a", Some("")));
        assert_ne!(RowChecksum::of("rollup_1h").int(1).stored(), RowChecksum::of("rollup_1d").int(1).stored());
    }

    #[test]
    fn reals_are_taken_as_sqlite_gives_them_back() {
        let sum = |v: f64| RowChecksum::of("t").aggregate([], &Aggregate { sum: v, ..Aggregate::of(&[1.0]) }).stored();
        assert_eq!(sum(-0.0), sum(0.0));
        assert_eq!(sum(f64::from_bits(crate::model::STALE_MARKER_BITS)), sum(f64::NAN));
        assert_ne!(of_sample(1, 1, -0.0), of_sample(1, 1, 0.0));
    }

    #[test]
    fn a_row_of_numbers_is_its_columns_one_after_the_other() {
        for table in ["", "chunk", "rollup_1h"] {
            assert_eq!(RowChecksum::tag(table).stored(), RowChecksum::of(table).stored());
        }
        let a = Aggregate::of(&[1.5, 0.5, 2.0]);
        let reals = [a.sum, a.min, a.max, a.first, a.last, a.increase];
        let apart = reals.iter().fold(RowChecksum::of("t").int(7).int(3), |row, v| row.int(v.to_bits().cast_signed()));
        assert_eq!(RowChecksum::of("t").aggregate([7], &a).stored(), apart.stored());
        assert_eq!(
            RowChecksum::of("t").aggregate([7], &Aggregate::EMPTY).stored(),
            RowChecksum::of("t").int(7).int(0).stored()
        );
    }
}
