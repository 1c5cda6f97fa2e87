//! Whole numbers as packed differences (`DELTA_BINARY_PACKED`).

use super::bits;
use crate::codec::varint;

/// Numbers of one miniblock that are believed: writers put 32 to some thousand in it.
const MINIBLOCK_MAX: u64 = 1 << 20;

/// Reads the numbers one at a time.
#[derive(Clone, Debug)]
pub(super) struct Deltas {
    /// Where the next block or miniblock is.
    at: usize,
    end: usize,
    miniblocks: usize,
    in_miniblock: u64,
    /// Numbers that are still to come, with the one that is next.
    left: u64,
    number: i64,
    smallest: i64,
    /// Where the widths of the block's miniblocks are, and how many of them are used up.
    widths: usize,
    used: usize,
    width: u32,
    bit: usize,
    left_in_miniblock: u64,
    is_first: bool,
}

impl Deltas {
    /// Of the bytes from `at` to `end`.
    pub(super) fn new(bytes: &[u8], at: usize, end: usize) -> Option<Self> {
        let bytes = bytes.get(..end)?;
        let mut at = at;
        let block = varint::read(bytes, &mut at)?;
        let miniblocks = varint::read(bytes, &mut at)?;
        let left = varint::read(bytes, &mut at)?;
        let number = varint::unzigzag(varint::read(bytes, &mut at)?);
        let in_miniblock = block.checked_div(miniblocks)?;
        if in_miniblock == 0 || in_miniblock % 8 != 0 || in_miniblock > MINIBLOCK_MAX || miniblocks > 4096 {
            return None;
        }
        let miniblocks = miniblocks as usize;
        let (smallest, widths, width, bit, left_in_miniblock) = (0, at, 0, 0, 0);
        let used = miniblocks;
        let is_first = true;
        Some(Deltas {
            at,
            end,
            miniblocks,
            in_miniblock,
            left,
            number,
            smallest,
            widths,
            used,
            width,
            bit,
            left_in_miniblock,
            is_first,
        })
    }

    /// How many numbers are to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next number.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.is_first) {
            return Some(self.number);
        }
        if self.left_in_miniblock == 0 {
            self.start(bytes.get(..self.end)?)?;
        }
        let delta = bits(bytes, self.bit, self.width)?;
        self.bit += self.width as usize;
        self.left_in_miniblock -= 1;
        self.number = self.number.wrapping_add(self.smallest).wrapping_add(delta as i64);
        Some(self.number)
    }

    fn start(&mut self, bytes: &[u8]) -> Option<()> {
        if self.used == self.miniblocks {
            self.smallest = varint::unzigzag(varint::read(bytes, &mut self.at)?);
            self.widths = self.at;
            self.at += self.miniblocks;
            self.used = 0;
        }
        self.width = u32::from(*bytes.get(self.widths + self.used)?);
        if self.width > 64 {
            return None;
        }
        self.used += 1;
        self.bit = self.at * 8;
        self.at += (self.in_miniblock * u64::from(self.width) / 8) as usize;
        self.left_in_miniblock = self.in_miniblock;
        Some(())
    }

    /// Where the bytes behind the numbers begin: reads to the end.
    pub(super) fn behind(mut self, bytes: &[u8]) -> Option<usize> {
        while self.left > 0 {
            self.next(bytes)?;
        }
        // the last miniblock is padded; those of the block behind it take nothing
        (self.at <= self.end).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_specification() {
        // blocks of 128 in 4 miniblocks; 8 numbers 7 5 3 1 2 3 4 5: smallest difference -2, two bits each
        let head = [128, 1, 4, 8, 14, 3, 2, 0, 0, 0];
        let packed = [0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0]; // 0 0 0 3 | 3 3 3 0
        let bytes: Vec<u8> = [head.as_slice(), &packed].concat();
        let mut deltas = Deltas::new(&bytes, 0, bytes.len()).unwrap();
        let behind = deltas.clone().behind(&bytes);
        let numbers: Vec<i64> = std::iter::from_fn(|| deltas.next(&bytes)).collect();
        assert_eq!((numbers, behind), (vec![7, 5, 3, 1, 2, 3, 4, 5], Some(bytes.len())));
    }

    proptest! {
        #[test]
        fn never_panics(mut bytes: Vec<u8>, likely: bool) {
            if likely {
                bytes.splice(..0, [128, 1, 4]);
            }
            if let Some(mut deltas) = Deltas::new(&bytes, 0, bytes.len()) {
                (0..1_000).find(|_| deltas.next(&bytes).is_none());
            }
        }
    }
}
