//! Where the parts of a JSON text end, so that a large one is read piece by piece.

use memchr::memchr2;

/// The end of the value that starts at the start of `bytes`, spaces before it included; `None` where they end first. Looks at brackets and
/// quotes only: whoever reads the value finds what else is wrong with it.
pub(super) fn value_end(bytes: &[u8]) -> Option<usize> {
    let mut at = spaces(bytes);
    let mut depth = 0usize;
    loop {
        match bytes.get(at)? {
            b'"' => at += string_end(&bytes[at..])?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ if depth == 0 => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                return bytes[at..].iter().position(ends).map(|length| at + length.max(1));
            }
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Length of the string that starts with the quote at the start of `bytes`.
pub(super) fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

pub(super) fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Line ends in `bytes`.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_with_its_last_bracket() {
        for (text, end) in [
            (" {\"a\":[1,\"}\\\"]\"]} x", Some(17)),
            ("\"a\\\\\",", Some(5)),
            ("12,", Some(2)),
            ("12", None),
            ("{\"a", None),
            ("[[1]", None),
            ("", None),
        ] {
            assert_eq!(value_end(text.as_bytes()), end, "{text}");
        }
    }
}
