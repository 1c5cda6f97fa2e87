//! Protocol buffers, field by field, without a schema compiler: a handful of messages is all that is read and written of them.
//! Source: protobuf.dev, "Encoding".

use super::varint;

/// Bytes that are no message of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the protobuf message is damaged, or none of this kind")]
pub struct Broken;

/// The fields of a message, in their order. What is broken is the last that is told.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a>(pub &'a [u8]);

/// A field's value, as it travels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A whole number, in as many bytes as it takes.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Bytes, a text or a message.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32(u32),
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Broken))
    }
}

impl<'a> Message<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        (tag >> 3 > 0).then_some((tag >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut length = 0;
        let value = varint::read(self.0, &mut length)?;
        self.0 = &self.0[length..];
        Some(value)
    }

    /// Whether the bytes are the start of a message whose fields are all of `known`, for detection.
    pub fn looks_like(bytes: &[u8], known: &[u64]) -> bool {
        let mut message = Message(bytes);
        let mut fields = 0;
        while let Some((tag, Value::Bytes(_))) = message.field() {
            if !known.contains(&tag) {
                return false;
            }
            fields += 1;
        }
        fields > 0 && message.0.is_empty()
    }
}

impl<'a> Value<'a> {
    /// As a message within this one.
    pub fn message(self) -> Result<Message<'a>, Broken> {
        self.bytes().map(Message)
    }

    /// As bytes.
    pub fn bytes(self) -> Result<&'a [u8], Broken> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Broken),
        }
    }

    /// As a text, of UTF-8.
    pub fn text(self) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Broken)
    }

    /// As a float of eight bytes.
    pub fn double(self) -> Result<f64, Broken> {
        match self {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(Broken),
        }
    }

    /// Of a varint or a fixed number, as the signed one of the same bits.
    pub fn integer(self) -> Result<i64, Broken> {
        match self {
            Value::Varint(bits) | Value::Fixed64(bits) => Ok(bits as i64),
            Value::Fixed32(bits) => Ok(i64::from(bits)),
            Value::Bytes(_) => Err(Broken),
        }
    }

    /// Numbers of 8 bytes one after the other (packed), or one alone.
    pub fn fixed64s(self, into: &mut Vec<u64>) -> Result<(), Broken> {
        match self {
            Value::Fixed64(bits) => into.push(bits),
            Value::Bytes(bytes) if bytes.len() % 8 == 0 => {
                let numbers = bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok()).map(u64::from_le_bytes);
                into.extend(numbers);
            }
            _ => return Err(Broken),
        }
        Ok(())
    }
}

/// Appends a field with a whole number. Numbers of fields up to 15 are all that is written.
pub fn put_number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint::write(out, value);
}

/// Appends a field with a float.
pub fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field with bytes, a text or a message.
pub fn put_bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint::write(out, value.len() as u64);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_of_all_kinds() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x19, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x25, 1, 0, 0, 0];
        let fields: Vec<_> = Message(&bytes).map(Result::unwrap).collect();
        assert_eq!(fields[..2], [(1, Value::Varint(150)), (2, Value::Bytes(b"hi"))]);
        assert_eq!((fields[2].1.double(), fields[3].1.integer()), (Ok(1.5), Ok(1)));
        assert_eq!(Message(&bytes[..6]).last(), Some(Err(Broken)));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        put_number(&mut out, 1, 300);
        put_bytes(&mut out, 2, b"hi");
        put_double(&mut out, 3, 1.5);
        assert_eq!(out[..7], [0x08, 0xac, 0x02, 0x12, 2, b'h', b'i']);
        let fields: Vec<_> = Message(&out).map(Result::unwrap).collect();
        assert_eq!(fields, [(1, Value::Varint(300)), (2, Value::Bytes(b"hi")), (3, Value::Fixed64(1.5f64.to_bits()))]);
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(bytes: Vec<u8>) {
            let fields: Vec<_> = Message(&bytes).take(bytes.len() + 1).collect();
            prop_assert!(fields.len() <= bytes.len());
            prop_assert!(fields.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
