//! Runs and packed bits: levels, places in a dictionary, truths.

use super::bits;
use crate::codec::varint;

/// Reads numbers of `width` bits from runs of one number and groups of eight packed ones. Nothing is unpacked before it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    at: usize,
    end: usize,
    width: u32,
    left: u64,
    /// The number of a run, or the bit of the next packed one.
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    Same(u64),
    Packed(usize),
}

impl Runs {
    /// Of the bytes from `at` to `end`.
    pub(super) fn new(at: usize, end: usize, width: u32) -> Self {
        Runs { at, end, width, left: 0, run: Run::Same(0) }
    }

    /// The next number; `None` where the bytes hold no more.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<u64> {
        if self.left == 0 {
            self.start(bytes.get(..self.end)?)?;
        }
        self.left -= 1;
        match &mut self.run {
            Run::Same(number) => Some(*number),
            Run::Packed(bit) => {
                let number = bits(bytes, *bit, self.width);
                *bit += self.width as usize;
                number
            }
        }
    }

    fn start(&mut self, bytes: &[u8]) -> Option<()> {
        let width = self.width as usize;
        let head = varint::read(bytes, &mut self.at)?;
        if head & 1 == 1 {
            let groups = usize::try_from(head >> 1).ok()?;
            let length = groups.checked_mul(width)?;
            // the last group of a page may be cut where its numbers end
            let there = length.min(bytes.len() - self.at);
            let said = groups.saturating_mul(8);
            self.left = (there * 8).checked_div(width).map_or(said, |numbers| numbers.min(said)) as u64;
            self.run = Run::Packed(self.at * 8);
            self.at += there;
        } else {
            let number = bits(bytes, self.at * 8, width.div_ceil(8) as u32 * 8)?;
            self.left = head >> 1;
            self.run = Run::Same(number);
            self.at += width.div_ceil(8);
        }
        (self.left > 0).then_some(())
    }
}

/// Bits that numbers up to `largest` take.
pub(super) fn width(largest: u64) -> u32 {
    64 - largest.leading_zeros()
}

/// Appends `numbers` (below 2^`width`) as runs where eight or more are the same, else packed.
pub(super) fn push(out: &mut Vec<u8>, numbers: &[u32], width: u32) {
    let mut at = 0;
    let mut packed_from = 0;
    while at < numbers.len() {
        let same = numbers[at..].iter().take_while(|number| **number == numbers[at]).count();
        // what is packed before a run is whole groups: the run gives some of its numbers to the last
        let lent = (8 - (at - packed_from) % 8) % 8;
        if same >= 8 + lent {
            push_packed(out, &numbers[packed_from..at + lent], width);
            let length = same - lent;
            varint::write(out, (length as u64) << 1);
            out.extend_from_slice(&numbers[at].to_le_bytes()[..width.div_ceil(8) as usize]);
            at += same;
            packed_from = at;
        } else {
            at += same;
        }
    }
    push_packed(out, &numbers[packed_from..], width);
}

fn push_packed(out: &mut Vec<u8>, numbers: &[u32], width: u32) {
    if numbers.is_empty() {
        return;
    }
    varint::write(out, (numbers.len().div_ceil(8) as u64) << 1 | 1);
    let (mut held, mut holds) = (0u64, 0);
    for place in 0..numbers.len().div_ceil(8) * 8 {
        held |= u64::from(numbers.get(place).copied().unwrap_or(0)) << holds;
        holds += width;
        while holds >= 8 {
            out.push(held as u8);
            held >>= 8;
            holds -= 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_specification() {
        // 0 to 7 in three bits: 10001000 11000110 11111010
        let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut runs = Runs::new(0, bytes.len(), 3);
        let numbers: Vec<u64> = std::iter::from_fn(|| runs.next(&bytes)).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
        let mut written = Vec::new();
        push(&mut written, &[0, 1, 2, 3, 4, 5, 6, 7], 3);
        assert_eq!(written, bytes);
    }

    #[test]
    fn more_groups_than_can_be_counted_are_as_many_as_there_are() {
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0b10];
        for (width, numbers) in [(0, [0, 0]), (1, [0, 1])] {
            let mut runs = Runs::new(0, most.len(), width);
            assert_eq!([runs.next(&most), runs.next(&most)], numbers.map(Some), "{width}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(runs in prop::collection::vec((0u32..300, 1usize..40), 0..40)) {
            let numbers: Vec<u32> = runs.iter().flat_map(|(number, length)| std::iter::repeat_n(*number, *length)).collect();
            let width = width(numbers.iter().max().copied().unwrap_or(0).into());
            let mut bytes = Vec::new();
            push(&mut bytes, &numbers, width);
            let mut runs = Runs::new(0, bytes.len(), width);
            for number in &numbers {
                prop_assert_eq!(runs.next(&bytes), Some(u64::from(*number)));
            }
        }

        #[test]
        fn never_panics(bytes: Vec<u8>, width in 0u32..33) {
            let mut runs = Runs::new(0, bytes.len(), width);
            (0..1_000).find(|_| runs.next(&bytes).is_none());
        }
    }
}
