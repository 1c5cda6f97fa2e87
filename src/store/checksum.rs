use crc32c::{crc32c, crc32c_append};

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

    fn bytes(self, bytes: &[u8]) -> Self {
        RowChecksum(crc32c_append(self.0, bytes))
    }

    pub(super) fn int(self, value: i64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn ints<const N: usize>(self, values: [i64; N]) -> Self {
        self.bytes(values.map(i64::to_le_bytes).as_flattened())
    }

    /// Reals as SQLite gives them back: -0.0 as 0.0, every NaN as NULL and so as one.
    pub(super) fn reals<const N: usize>(self, values: [f64; N]) -> Self {
        self.bytes(values.map(|v| (if v.is_nan() { f64::NAN } else { v + 0.0 }).to_bits().to_le_bytes()).as_flattened())
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
        let sum = |v: f64| RowChecksum::of("t").reals([v]).stored();
        assert_eq!(sum(-0.0), sum(0.0));
        assert_eq!(sum(f64::from_bits(crate::model::STALE_MARKER_BITS)), sum(f64::NAN));
        assert_ne!(of_sample(1, 1, -0.0), of_sample(1, 1, 0.0));
    }
}
