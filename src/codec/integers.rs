//! The integers that values and times become: smallest and divisor taken out, the rest through pco.

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

use super::CodecError;
use super::varint::{self, Payload};

/// More than pco takes in one chunk.
pub(super) const COUNT_MAX: usize = 1 << 24;

/// Numbers decoded at a time; a multiple of pco's batch of 256, small enough to stay in the L1 cache.
const BATCH: usize = 1024;

/// pco's level: above 4 it gets slower and no smaller on such data.
const LEVEL: usize = 4;

/// Orders of delta that cost, by estimate, at most this many bits a number more than the best one are tried in earnest.
const CLOSE_BITS: f64 = 0.5;

/// Appends the integers; `false`, and nothing appended, where pco refuses them (none, or more than [`COUNT_MAX`]).
pub(super) fn encode(integers: &[i64], out: &mut Vec<u8>) -> bool {
    let Some(&smallest) = integers.iter().min() else { return false };
    let mut numbers: Vec<u64> = integers.iter().map(|i| i.wrapping_sub(smallest) as u64).collect();
    let divisor = common_divisor(&numbers);
    if divisor > 1 {
        numbers.iter_mut().for_each(|n| *n /= divisor);
    }
    let mut best: Option<Vec<u8>> = None;
    for order in orders_worth_trying(&numbers) {
        let Ok(bytes) = compress(&numbers, order) else { return false };
        if best.as_ref().is_none_or(|b| bytes.len() < b.len()) {
            best = Some(bytes);
        }
    }
    let Some(best) = best else { return false };
    varint::write_signed(out, smallest);
    varint::write(out, divisor);
    out.extend_from_slice(&best);
    true
}

/// Hands the integers to `take`, in order, some at a time.
pub(super) fn decode(payload: Payload<'_>, count: usize, mut take: impl FnMut(&[i64])) -> Result<(), CodecError> {
    let mut payload = payload;
    let smallest = payload.signed()?;
    let divisor = payload.varint()? as i64;
    let (mut batch, mut integers) = ([0u64; BATCH], [0i64; BATCH]);
    let mut left = count;
    let numbers = classic_only(payload.0)?;
    let (file, rest) = FileDecompressor::new(numbers).map_err(broken)?;
    let (mut chunk, rest) = file.chunk_decompressor::<u64, _>(rest).map_err(broken)?;
    let mut page = chunk.page_decompressor(rest, count).map_err(broken)?;
    while left > 0 {
        let progress = page.read(&mut batch).map_err(broken)?;
        if progress.n_processed != left.min(BATCH) {
            return Err(CodecError::damaged("numbers are missing"));
        }
        let integers = &mut integers[..progress.n_processed];
        for (integer, number) in integers.iter_mut().zip(&batch) {
            *integer = (*number as i64).wrapping_mul(divisor).wrapping_add(smallest);
        }
        take(integers);
        left -= progress.n_processed;
    }
    Payload(page.into_src()).end()
}

/// Refuses pco's modes that this format never writes, before pco allocates for them: the byte after the two of pco's version holds the
/// mode (0 classic) in its low and the delta encoding (0 none, 1 consecutive) in its high half.
fn classic_only(pco: &[u8]) -> Result<&[u8], CodecError> {
    match pco.get(2).map(|b| (b & 0x0f, b >> 4)) {
        Some((0, 0 | 1)) => Ok(pco),
        Some(_) => Err(CodecError::damaged("numbers are packed in an unknown way")),
        None => Err(CodecError::damaged("numbers are cut off")),
    }
}

fn broken(e: pco::errors::PcoError) -> CodecError {
    CodecError::damaged(e.message)
}

fn compress(numbers: &[u64], order: usize) -> pco::errors::PcoResult<Vec<u8>> {
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::TryConsecutive(order))
        .with_paging_spec(PagingSpec::EqualPagesUpTo(COUNT_MAX));
    let file = FileCompressor::default();
    let mut chunk = file.chunk_compressor(numbers, &config)?;
    let out = file.write_header(Vec::new())?;
    let out = chunk.write_meta(out)?;
    chunk.write_page(0, out)
}

fn common_divisor(numbers: &[u64]) -> u64 {
    let mut divisor = 0u64;
    for &number in numbers {
        if divisor == 0 {
            divisor = number;
        } else if number % divisor != 0 {
            divisor = greatest_common_divisor(number, divisor);
        }
        if divisor == 1 {
            break;
        }
    }
    divisor.max(1)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Which orders of consecutive deltas may be the shortest, best guess first.
fn orders_worth_trying(numbers: &[u64]) -> Vec<usize> {
    let bits = [estimated_bits::<0>(numbers), estimated_bits::<1>(numbers), estimated_bits::<2>(numbers)];
    let least = bits.iter().copied().fold(f64::INFINITY, f64::min);
    // The second order adds noise and rarely wins: it must look better, not just close.
    let second = (bits[2] < bits[0].min(bits[1])).then_some(2);
    (0..2).filter(|&order| bits[order] <= least + CLOSE_BITS).chain(second).collect()
}

/// What a number costs, roughly, after `ORDER` deltas: the entropy of the residuals' bit lengths, and the bits below the leading one.
fn estimated_bits<const ORDER: usize>(numbers: &[u64]) -> f64 {
    let n = numbers.len();
    if n <= ORDER {
        return 0.0;
    }
    let residual = |i: usize| match ORDER {
        0 => numbers[i] as i64,
        1 => numbers[i].wrapping_sub(numbers[i - 1]) as i64,
        _ => numbers[i].wrapping_sub(numbers[i - 1].wrapping_mul(2)).wrapping_add(numbers[i - 2]) as i64,
    };
    let middle = sampled_median(ORDER, n, residual);
    let mut lengths = [0u32; 65];
    for i in ORDER..n {
        let off = residual(i).wrapping_sub(middle);
        lengths[(64 - off.unsigned_abs().leading_zeros()) as usize] += 1;
    }
    let total = (n - ORDER) as f64;
    lengths
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(length, &count)| {
            let share = f64::from(count) / total;
            share * (length as f64 - share.log2())
        })
        .sum()
}

/// The median of a few numbers taken at even distances: the one value that a mostly idle series has, found without sorting all.
fn sampled_median(from: usize, to: usize, number: impl Fn(usize) -> i64) -> i64 {
    let mut sample = [0i64; 33];
    for (k, place) in sample.iter_mut().enumerate() {
        *place = number(from + k * (to - from) / 33);
    }
    *sample.select_nth_unstable(16).1
}
