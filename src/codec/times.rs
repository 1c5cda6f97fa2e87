//! The times of a chunk.

use super::varint::{self, Payload};
use super::{CodecError, checksum, integers};

const PLAIN: u8 = 16;
const REGULAR: u8 = 17;
const GRID: u8 = 18;

/// Encodes strictly ascending times (ms) of one chunk; a regular grid costs a few bytes.
pub fn encode_times(identity: u64, times: &[i64]) -> Vec<u8> {
    let chunk = regular(times).or_else(|| grid(times)).filter(|chunk| chunk.len() <= times.len() * 8 + 8);
    checksum::finish(identity, chunk.unwrap_or_else(|| plain(times)))
}

/// Decodes what [`encode_times`] wrote, appending to `out`. `count_max` bounds what is allocated; times that do not ascend strictly are
/// refused. On an error `out` is as it was.
pub fn decode_times(identity: u64, bytes: &[u8], count_max: usize, out: &mut Vec<i64>) -> Result<(), CodecError> {
    let (encoding, count, payload) = checksum::open(identity, bytes, count_max)?;
    let start = out.len();
    out.reserve(count);
    let read = match encoding {
        PLAIN => read_plain(payload, count, out),
        REGULAR => read_regular(payload, count, out),
        GRID => read_grid(payload, count, out),
        other => Err(CodecError::damaged(format!("encoding {other} is not one of times"))),
    };
    let read = read.and_then(|()| match out[start..].is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => Err(CodecError::damaged("times do not ascend")),
    });
    if read.is_err() {
        out.truncate(start);
    }
    read
}

fn plain(times: &[i64]) -> Vec<u8> {
    let mut chunk = checksum::begin(PLAIN, times.len());
    chunk.extend(times.iter().flat_map(|t| t.to_le_bytes()));
    chunk
}

fn read_plain(payload: Payload<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), CodecError> {
    let (whole, rest) = payload.0.as_chunks::<8>();
    if whole.len() != count || !rest.is_empty() {
        return Err(CodecError::damaged(format!("{} bytes for {count} times", payload.0.len())));
    }
    out.extend(whole.iter().map(|b| i64::from_le_bytes(*b)));
    Ok(())
}

fn step_of(before: i64, after: i64) -> u64 {
    after.wrapping_sub(before) as u64
}

fn regular(times: &[i64]) -> Option<Vec<u8>> {
    let first = *times.first()?;
    let step = times.get(1).map_or(0, |second| step_of(first, *second));
    if times.windows(2).any(|pair| step_of(pair[0], pair[1]) != step) {
        return None;
    }
    let mut chunk = checksum::begin(REGULAR, times.len());
    varint::write_signed(&mut chunk, first);
    varint::write(&mut chunk, step);
    Some(chunk)
}

/// Time `i` of the grid, for ever smaller `i` than 2^64: wraps, as the encoder does.
fn on_grid(start: i64, step: u64, i: usize) -> i64 {
    start.wrapping_add(step.wrapping_mul(i as u64) as i64)
}

fn read_regular(mut payload: Payload<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), CodecError> {
    let (start, step) = (payload.signed()?, payload.varint()?);
    payload.end()?;
    out.extend((0..count).map(|i| on_grid(start, step, i)));
    Ok(())
}

/// The two steps that fit most grids: the mean, exact where nothing is missing, and the median, which gaps do not move.
fn grid(times: &[i64]) -> Option<Vec<u8>> {
    let (&first, &last) = (times.first()?, times.last()?);
    let mut steps: Vec<u64> = times.windows(2).map(|pair| step_of(pair[0], pair[1])).collect();
    let spaces = steps.len() as u64;
    if spaces == 0 {
        return None;
    }
    let mean = step_of(first, last).saturating_add(spaces / 2) / spaces;
    let middle = steps.len() / 2;
    let median = *steps.select_nth_unstable(middle).1;
    let mut best = off_grid(times, mean);
    if median != mean {
        let other = off_grid(times, median);
        best = match (best, other) {
            (Some(a), Some(b)) => Some(if b.len() < a.len() { b } else { a }),
            (a, b) => a.or(b),
        };
    }
    best
}

fn off_grid(times: &[i64], step: u64) -> Option<Vec<u8>> {
    let first = *times.first()?;
    let off: Vec<i64> = times.iter().enumerate().map(|(i, t)| t.wrapping_sub(on_grid(first, step, i))).collect();
    let mut chunk = checksum::begin(GRID, times.len());
    varint::write_signed(&mut chunk, first);
    varint::write(&mut chunk, step);
    integers::encode(&off, &mut chunk).then_some(chunk)
}

fn read_grid(mut payload: Payload<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), CodecError> {
    let (start, step) = (payload.signed()?, payload.varint()?);
    let mut i = 0;
    integers::decode(payload, count, |run| {
        out.extend(run.iter().enumerate().map(|(n, off)| on_grid(start, step, i + n).wrapping_add(*off)));
        i += run.len();
    })
}
