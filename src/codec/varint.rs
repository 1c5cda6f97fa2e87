//! LEB128 integers and the cursor that payloads are read with.

use super::CodecError;

pub(super) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn write_signed(out: &mut Vec<u8>, value: i64) {
    write(out, ((value << 1) ^ (value >> 63)) as u64);
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
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::damaged("a number has more than ten bytes"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, CodecError> {
        self.varint().map(|z| (z >> 1) as i64 ^ -((z & 1) as i64))
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
