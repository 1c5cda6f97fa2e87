//! LEB128 integers (7 bits a byte, low bits first, at most 10 bytes), zigzag, and the cursor that payloads are read with.

use super::CodecError;

/// Bytes that 64 bits take at most.
const BYTES_MAX: usize = 10;

pub(super) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn write_signed(out: &mut Vec<u8>, value: i64) {
    write(out, zigzag(value));
}

/// The number at `at`, which moves behind it.
pub(super) fn read(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for (i, byte) in bytes.get(*at..)?.iter().enumerate().take(BYTES_MAX) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *at += i + 1;
            return Some(value);
        }
    }
    None
}

/// `0, 1, 2, 3` from `0, -1, 1, -2`.
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// `0, -1, 1, -2` from `0, 1, 2, 3`.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// What is left of a payload. Every read is checked; nothing is allocated.
pub(super) struct Payload<'a>(pub(super) &'a [u8]);

impl<'a> Payload<'a> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(|| CodecError::damaged("a field is cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, CodecError> {
        self.bytes().map(|[byte]| byte)
    }

    pub(super) fn varint(&mut self) -> Result<u64, CodecError> {
        let mut at = 0;
        let cut = || match self.0.len() < BYTES_MAX {
            true => CodecError::damaged("a field is cut off"),
            false => CodecError::damaged("a number has more than ten bytes"),
        };
        let value = read(self.0, &mut at).ok_or_else(cut)?;
        self.0 = &self.0[at..];
        Ok(value)
    }

    pub(super) fn signed(&mut self) -> Result<i64, CodecError> {
        self.varint().map(unzigzag)
    }

    /// A varint that may not be above `max`.
    pub(super) fn bounded(&mut self, what: &str, max: usize) -> Result<usize, CodecError> {
        let value = self.varint()?;
        match usize::try_from(value) {
            Ok(n) if n <= max => Ok(n),
            _ => Err(CodecError::damaged(format!("{what} {value} is above {max}"))),
        }
    }

    /// All that is left must have been read.
    pub(super) fn end(self) -> Result<(), CodecError> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(CodecError::damaged(format!("{more} bytes too many"))),
        }
    }
}
