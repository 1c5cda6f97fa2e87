//! LZ4 blocks, unpacked. Source: lz4, "LZ4 Block Format Description".

/// The bytes that `packed` holds, of which there are `length`; `None` for what is no such block.
pub(super) fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0;
    loop {
        let token = *packed.get(at)?;
        at += 1;
        let literals = count(packed, &mut at, token >> 4)?;
        let from = packed.get(at..at.checked_add(literals)?)?;
        at += literals;
        if out.len() + literals > length {
            return None;
        }
        out.extend_from_slice(from);
        if at == packed.len() {
            return (out.len() == length).then_some(out);
        }
        let offset = usize::from(u16::from_le_bytes(packed.get(at..at + 2)?.try_into().ok()?));
        at += 2;
        let matched = count(packed, &mut at, token & 15)? + 4;
        let start = out.len().checked_sub(offset).filter(|_| offset > 0)?;
        if out.len() + matched > length {
            return None;
        }
        // what is copied may reach into what it makes
        (start..start + matched).for_each(|from| out.push(out[from]));
    }
}

/// A length of a token's four bits: 15 is continued by bytes, of which 255 is continued again.
fn count(packed: &[u8], at: &mut usize, bits: u8) -> Option<usize> {
    let mut length = usize::from(bits);
    if bits == 15 {
        loop {
            let byte = *packed.get(*at)?;
            *at += 1;
            length += usize::from(byte);
            if byte < 255 {
                break;
            }
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_of_literals_and_a_match_that_overlaps() {
        // "ab", then 10 bytes from two back, then "!"
        let packed = [0x26, b'a', b'b', 2, 0, 0x10, b'!'];
        assert_eq!(unpack(&packed, 13).as_deref(), Some(b"abababababab!".as_slice()));
        assert_eq!((unpack(&packed, 12), unpack(&packed[..6], 13)), (None, None));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, length in 0usize..4096) {
            unpack(&bytes, length);
        }
    }
}
