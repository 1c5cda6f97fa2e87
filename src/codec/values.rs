//! The values of a chunk.

use super::varint::{self, Payload};
use super::{CodecError, checksum, integers};

const PLAIN: u8 = 1;
const CONSTANT: u8 = 2;
const DECIMAL: u8 = 3;
const BITS: u8 = 4;

/// Most decimals that are tried.
const SCALE_MAX: usize = 6;
const POWERS_OF_TEN: [f64; SCALE_MAX + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Above this an f64 has no room for the rounding that makes an integer of `v * 10^k`.
const SCALED_MAX: f64 = 9e15;
const SIGN: u64 = 1 << 63;

/// Encodes the values of one chunk (any f64, bit-exact: NaN payloads, -0, infinities). `identity` is mixed into the checksum, so that a
/// chunk read under another series or window is refused.
pub fn encode_values(identity: u64, values: &[f64]) -> Vec<u8> {
    let chunk = constant(values).or_else(|| decimal(values)).or_else(|| bits(values));
    let plain_bytes = values.len() * 8;
    let chunk = match chunk {
        Some(chunk) if chunk.len() <= plain_bytes + 8 => chunk,
        _ => plain(values),
    };
    checksum::finish(identity, chunk)
}

/// Decodes what [`encode_values`] wrote, appending to `out`. `count_max` bounds what is allocated. On an error `out` is as it was.
pub fn decode_values(identity: u64, bytes: &[u8], count_max: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
    let (encoding, count, payload) = checksum::open(identity, bytes, count_max)?;
    let start = out.len();
    out.reserve(count);
    let read = match encoding {
        PLAIN => read_plain(payload, count, out),
        CONSTANT => read_constant(payload, count, out),
        DECIMAL => read_decimal(payload, count, out),
        BITS => read_bits(payload, count, out),
        other => Err(CodecError::damaged(format!("encoding {other} is not one of values"))),
    };
    if read.is_err() {
        out.truncate(start);
    }
    read
}

fn plain(values: &[f64]) -> Vec<u8> {
    let mut chunk = checksum::begin(PLAIN, values.len());
    chunk.extend(values.iter().flat_map(|v| v.to_bits().to_le_bytes()));
    chunk
}

fn read_plain(payload: Payload<'_>, count: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
    let (whole, rest) = payload.0.as_chunks::<8>();
    if whole.len() != count || !rest.is_empty() {
        return Err(CodecError::damaged(format!("{} bytes for {count} values", payload.0.len())));
    }
    out.extend(whole.iter().map(|b| f64::from_bits(u64::from_le_bytes(*b))));
    Ok(())
}

fn constant(values: &[f64]) -> Option<Vec<u8>> {
    let first = values.first()?.to_bits();
    if values.iter().any(|v| v.to_bits() != first) {
        return None;
    }
    let mut chunk = checksum::begin(CONSTANT, values.len());
    let significant = 8 - first.trailing_zeros() as usize / 8;
    chunk.extend_from_slice(&first.to_be_bytes()[..significant]);
    Some(chunk)
}

fn read_constant(payload: Payload<'_>, count: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
    let mut bits = [0; 8];
    let Some(significant) = bits.get_mut(..payload.0.len()) else {
        return Err(CodecError::damaged("a constant has more than eight bytes"));
    };
    significant.copy_from_slice(payload.0);
    out.resize(out.len() + count, f64::from_bits(u64::from_be_bytes(bits)));
    Ok(())
}

fn decimal(values: &[f64]) -> Option<Vec<u8>> {
    let scale = choose_scale(values)?;
    let (numbers, exceptions) = split(values, scale);
    // An exception costs ten bytes; where they cost more than a byte a value, the bits themselves are shorter.
    if exceptions.len() * 10 > values.len() + 20 {
        return None;
    }
    let mut chunk = checksum::begin(DECIMAL, values.len());
    chunk.push(scale as u8);
    write_exceptions(&exceptions, &mut chunk);
    integers::encode(&numbers, &mut chunk).then_some(chunk)
}

/// The integer `i` for which `i / 10^scale` has the very bits of `value`.
fn scaled(value: f64, scale: usize) -> Option<i64> {
    let power = POWERS_OF_TEN[scale];
    let raised = value * power;
    if raised.is_nan() || raised.abs() >= SCALED_MAX {
        return None;
    }
    let integer = (raised + 0.5f64.copysign(raised)) as i64;
    ((integer as f64 / power).to_bits() == value.to_bits()).then_some(integer)
}

/// The fewest decimals that leave the fewest exceptions; `None` where most values are not decimals.
fn choose_scale(values: &[f64]) -> Option<usize> {
    let never = values.iter().filter(|v| !v.is_finite() || v.to_bits() == SIGN).count();
    let finite = values.len() - never;
    let allowed = finite / 10 + 2;
    let mut best: Option<(usize, usize)> = None;
    for scale in 0..=SCALE_MAX {
        let limit = best.map_or(allowed, |(fewest, _)| fewest - 1);
        let misses = values
            .iter()
            .filter(|v| v.is_finite() && v.to_bits() != SIGN && scaled(**v, scale).is_none())
            .take(limit + 1)
            .count();
        if misses <= limit {
            best = Some((misses, scale));
            if misses == 0 {
                break;
            }
        }
    }
    best.map(|(_, scale)| scale)
}

/// Neighbouring values of the same bits that are no decimal of the chunk's scale.
struct Exception {
    start: usize,
    length: usize,
    bits: u64,
}

fn split(values: &[f64], scale: usize) -> (Vec<i64>, Vec<Exception>) {
    let mut exceptions: Vec<Exception> = Vec::new();
    let mut numbers = Vec::with_capacity(values.len());
    let first = values.iter().find_map(|v| scaled(*v, scale)).unwrap_or(0);
    let mut neighbour = first;
    for (i, value) in values.iter().enumerate() {
        match scaled(*value, scale) {
            Some(number) => neighbour = number,
            None => match exceptions.last_mut() {
                Some(run) if run.start + run.length == i && run.bits == value.to_bits() => run.length += 1,
                _ => exceptions.push(Exception { start: i, length: 1, bits: value.to_bits() }),
            },
        }
        numbers.push(neighbour);
    }
    (numbers, exceptions)
}

fn write_exceptions(exceptions: &[Exception], out: &mut Vec<u8>) {
    varint::write(out, exceptions.len() as u64);
    let mut end = 0;
    for run in exceptions {
        varint::write(out, (run.start - end) as u64);
        varint::write(out, run.length as u64);
        out.extend_from_slice(&run.bits.to_le_bytes());
        end = run.start + run.length;
    }
}

fn read_decimal(mut payload: Payload<'_>, count: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
    let scale = payload.byte()?;
    let Some(power) = POWERS_OF_TEN.get(usize::from(scale)) else {
        return Err(CodecError::damaged(format!("scale {scale} is above {SCALE_MAX}")));
    };
    let exceptions = Payload(payload.0);
    skip_exceptions(&mut payload, count)?;
    let start = out.len();
    integers::decode(payload, count, |run| match scale {
        0 => out.extend(run.iter().map(|integer| *integer as f64)),
        _ => out.extend(run.iter().map(|integer| *integer as f64 / power)),
    })?;
    put_exceptions(exceptions, &mut out[start..])
}

fn skip_exceptions(payload: &mut Payload<'_>, count: usize) -> Result<(), CodecError> {
    for _ in 0..payload.bounded("count of exceptions", count)? {
        payload.varint()?;
        payload.varint()?;
        payload.bytes::<8>()?;
    }
    Ok(())
}

fn put_exceptions(mut payload: Payload<'_>, values: &mut [f64]) -> Result<(), CodecError> {
    let mut left = values;
    for _ in 0..payload.bounded("count of exceptions", left.len())? {
        let gap = payload.bounded("distance of an exception", left.len())?;
        let length = payload.bounded("length of an exception", left.len() - gap)?;
        let (run, rest) = left[gap..].split_at_mut(length);
        run.fill(f64::from_bits(u64::from_le_bytes(payload.bytes()?)));
        left = rest;
    }
    Ok(())
}

fn bits(values: &[f64]) -> Option<Vec<u8>> {
    let all = values.iter().fold(0, |all, v| all | (v.to_bits() & !SIGN));
    let shift = all.trailing_zeros().min(63);
    let ordered: Vec<i64> = values
        .iter()
        .map(|v| {
            let magnitude = ((v.to_bits() & !SIGN) >> shift) as i64;
            if v.is_sign_negative() { -1 - magnitude } else { magnitude }
        })
        .collect();
    let mut chunk = checksum::begin(BITS, values.len());
    chunk.push(shift as u8);
    integers::encode(&ordered, &mut chunk).then_some(chunk)
}

fn read_bits(mut payload: Payload<'_>, count: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
    let shift = payload.byte()?;
    if shift > 63 {
        return Err(CodecError::damaged(format!("shift {shift} is above 63")));
    }
    integers::decode(payload, count, |run| {
        out.extend(run.iter().map(|&integer| {
            let (sign, magnitude) = if integer < 0 { (SIGN, !integer) } else { (0, integer) };
            f64::from_bits(sign | (magnitude as u64) << shift)
        }));
    })
}
