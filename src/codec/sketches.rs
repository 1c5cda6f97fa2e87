//! The quantile sketches of several buckets of one series.

use super::varint::{self, Payload};
use super::{CodecError, checksum, integers};

const SKETCHES: u8 = 32;
/// The format version that brought the encoding.
const VERSION: u8 = 2;

/// Sketches in one chunk, at most.
const SKETCHES_MAX: usize = 64;
/// Buckets of one sketch and sign, at most: a double has fewer.
const BUCKETS_MAX: usize = 1 << 17;

/// One sketch as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredSketch {
    /// Which bucket of time it is of, counted from the chunk's first.
    pub slot: u32,
    /// Index and count of the buckets below zero, ascending, of those above.
    pub buckets: [Vec<(i32, u64)>; 2],
    /// How many zeros, infinities below zero, and above.
    pub others: [u64; 3],
}

/// Encodes the sketches of one chunk, by ascending slot. `identity` is mixed into the checksum.
pub fn encode_sketches(identity: u64, sketches: &[StoredSketch]) -> Vec<u8> {
    let mut chunk = checksum::begin_version(SKETCHES, VERSION, sketches.len());
    let (mut gaps, mut counts) = (Vec::new(), Vec::new());
    let (mut slot, mut first) = (0, 0);
    for sketch in sketches {
        let flag = |on: bool, bit: u8| u8::from(on) << bit;
        let [below, above] = &sketch.buckets;
        let others = (0..3).map(|i| flag(sketch.others[i] > 0, i as u8 + 2)).sum::<u8>();
        chunk.push(flag(!below.is_empty(), 0) | flag(!above.is_empty(), 1) | others);
        varint::write(&mut chunk, u64::from(sketch.slot.wrapping_sub(slot)));
        slot = sketch.slot;
        for buckets in sketch.buckets.iter().filter(|buckets| !buckets.is_empty()) {
            varint::write(&mut chunk, buckets.len() as u64);
            varint::write_signed(&mut chunk, i64::from(buckets[0].0) - first);
            first = i64::from(buckets[0].0);
            gaps.extend(buckets.windows(2).map(|pair| i64::from(pair[1].0) - i64::from(pair[0].0) - 1));
            counts.extend(buckets.iter().map(|(_, count)| *count as i64 - 1));
        }
        sketch.others.iter().filter(|n| **n > 0).for_each(|n| varint::write(&mut chunk, *n));
    }
    write_column(&gaps, &mut chunk);
    write_column(&counts, &mut chunk);
    checksum::finish(identity, chunk)
}

/// Decodes what [`encode_sketches`] wrote.
pub fn decode_sketches(identity: u64, bytes: &[u8]) -> Result<Vec<StoredSketch>, CodecError> {
    let (encoding, count, mut payload) = checksum::open_version(identity, bytes, SKETCHES_MAX, VERSION)?;
    if encoding != SKETCHES {
        return Err(CodecError::damaged(format!("encoding {encoding} is not one of sketches")));
    }
    let mut sketches = Vec::with_capacity(count);
    // Of each list of buckets: its sketch, sign, length and first index.
    let mut lists: Vec<(usize, usize, usize, i64)> = Vec::new();
    let (mut slot, mut first, mut total, mut heads) = (0u32, 0i64, 0usize, 0usize);
    for place in 0..count {
        let flags = payload.byte()?;
        slot = slot.wrapping_add(payload.bounded("slot", SKETCHES_MAX)? as u32);
        for sign in (0..2).filter(|sign| flags >> sign & 1 == 1) {
            let len = payload.bounded("buckets", BUCKETS_MAX)?;
            first = first.wrapping_add(payload.signed()?);
            lists.push((place, sign, len, first));
            (total, heads) = (total + len, heads + usize::from(len > 0));
        }
        let mut others = [0; 3];
        for (_, other) in others.iter_mut().enumerate().filter(|(i, _)| flags >> (i + 2) & 1 == 1) {
            *other = payload.varint()?;
        }
        sketches.push(StoredSketch { slot, others, ..StoredSketch::default() });
    }
    let gaps = read_column(&mut payload, total - heads)?;
    let counts = read_column(&mut payload, total)?;
    payload.end()?;
    let (mut gaps, mut counts) = (gaps.into_iter(), counts.into_iter());
    for (place, sign, len, first) in lists {
        let mut index = first;
        let mut buckets = Vec::with_capacity(len);
        for i in 0..len {
            if i > 0 {
                index = index.wrapping_add(gaps.next().unwrap_or(0)).wrapping_add(1);
            }
            let told = i32::try_from(index).map_err(|_| CodecError::damaged("a bucket lies outside"))?;
            buckets.push((told, counts.next().unwrap_or(0).wrapping_add(1) as u64));
        }
        if let Some(sketch) = sketches.get_mut(place) {
            sketch.buckets[sign] = buckets;
        }
    }
    Ok(sketches)
}

/// Length in bytes and how they are made (low bit: 0 varints, 1 packed), then the bytes. Few numbers are shorter as they are.
fn write_column(numbers: &[i64], out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(numbers.len());
    numbers.iter().for_each(|n| varint::write_signed(&mut plain, *n));
    let mut packed = Vec::new();
    let is_shorter = plain.len() > 16 && integers::encode(numbers, &mut packed) && packed.len() < plain.len();
    let bytes = if is_shorter { packed } else { plain };
    varint::write(out, (bytes.len() as u64) << 1 | u64::from(is_shorter));
    out.extend_from_slice(&bytes);
}

fn read_column(payload: &mut Payload<'_>, count: usize) -> Result<Vec<i64>, CodecError> {
    let head = payload.bounded("column", 1 << 26)?;
    let (length, is_packed) = (head >> 1, head & 1 == 1);
    let Some((bytes, rest)) = payload.0.split_at_checked(length) else {
        return Err(CodecError::damaged("a column is cut off"));
    };
    payload.0 = rest;
    let mut column = Payload(bytes);
    let mut numbers = Vec::new();
    if is_packed {
        integers::decode(column, count, |run| numbers.extend(run))?;
        return Ok(numbers);
    }
    for _ in 0..count {
        numbers.push(column.signed()?);
    }
    column.end()?;
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(slot: u32, below: usize, above: usize, others: [u64; 3]) -> StoredSketch {
        let list = |n: usize, at: i32| (0..n).map(|i| (at + i as i32 * 2, (i as u64 * 7919) % 40 + 1)).collect();
        StoredSketch { slot, buckets: [list(below, -700), list(above, 180)], others }
    }

    #[test]
    fn sketches_come_back_and_are_small() {
        let day: Vec<StoredSketch> = (0..24).map(|slot| sketch(slot, 0, 25, [0, 0, 0])).collect();
        let bytes = encode_sketches(7, &day);
        assert_eq!(decode_sketches(7, &bytes).unwrap(), day);
        assert!(bytes.len() < 24 * 25, "{} bytes", bytes.len());
        assert!(matches!(decode_sketches(8, &bytes), Err(CodecError::Checksum { .. })));
        assert_eq!(decode_sketches(7, &encode_sketches(7, &[])).unwrap(), []);
    }

    /// Written by the first build that had sketches; never edited.
    #[test]
    fn the_released_bytes_are_read_for_ever() {
        let kept = include_str!("../../tests/golden/chunks/sketches-v2.txt");
        let bytes: Vec<u8> = kept
            .trim()
            .as_bytes()
            .chunks(2)
            .map(|h| u8::from_str_radix(str::from_utf8(h).unwrap(), 16).unwrap())
            .collect();
        let sketches = [sketch(0, 3, 0, [0, 0, 1]), sketch(5, 0, 70, [9, 0, 0]), sketch(23, 1, 1, [1, 300, 0])];
        assert_eq!(decode_sketches(42, &bytes).unwrap(), sketches);
    }

    #[test]
    fn cut_anywhere_or_flipped_it_is_an_error() {
        let bytes = encode_sketches(1, &[sketch(0, 3, 40, [1, 2, 3]), sketch(9, 0, 9, [0, 0, 0])]);
        for cut in 0..bytes.len() {
            assert!(decode_sketches(1, &bytes[..cut]).is_err(), "cut at {cut}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[cut] ^= 1 << bit;
                assert!(decode_sketches(1, &flipped).is_err(), "bit {bit} of {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_has_a_right_checksum_never_panics(payload in prop::collection::vec(any::<u8>(), 0..80), count in 0usize..5) {
            let mut chunk = checksum::begin_version(SKETCHES, VERSION, count);
            chunk.extend(payload);
            let _ = decode_sketches(3, &checksum::finish(3, chunk));
        }
    }
}
