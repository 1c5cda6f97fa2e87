//! The series of a sample: `name{key="value",…}`, and since Prometheus 3 `{"any name","any key"="value",…}`.

use std::borrow::Cow;

use super::super::Reason;
use super::line::quoted_length;

/// Labels in the order they are written.
pub(in super::super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What a backslash in a label value may stand before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\\`, `"` and `n`; anything else is an error, as Prometheus has it for text 0.0.4.
    Known,
    /// Anything; before others than those three it is a backslash, as in OpenMetrics.
    Any,
}

/// Reads a series whose end is known; `column` is where it starts in its line.
pub(super) fn read_series(
    text: &[u8],
    column: usize,
    escapes: Escapes,
) -> Result<(Cow<'_, str>, Pairs<'_>), Reason<'_>> {
    let text = std::str::from_utf8(text).map_err(|e| Reason::NotUtf8 { column: column + e.valid_up_to() })?;
    let (name, rest) = match text.split_once('{') {
        None => (text, None),
        Some((name, rest)) => (name.trim_end_matches([' ', '\t']), Some(rest)),
    };
    let mut name = Cow::Borrowed(name);
    let mut pairs = Pairs::new();
    if let Some(block) = rest {
        let column = column + text.len() - block.len();
        read_block(block, column, escapes, &mut name, &mut pairs)?;
    } else if !is_name(&name, true) {
        return Err(Reason::Syntax { column, expected: "a metric name", found: text.as_bytes() });
    }
    if name.is_empty() || (!text.starts_with('{') && !is_name(&name, true)) {
        return Err(Reason::Syntax { column, expected: "a metric name", found: text.as_bytes() });
    }
    Ok((name, pairs))
}

/// What stands between the braces, closing one included.
fn read_block<'a>(
    block: &'a str,
    column: usize,
    escapes: Escapes,
    name: &mut Cow<'a, str>,
    pairs: &mut Pairs<'a>,
) -> Result<(), Reason<'a>> {
    let mut rest = block.trim_start_matches([' ', '\t']);
    let failed = |rest: &'a str, expected| {
        let column = column + block.len() - rest.len();
        Reason::Syntax { column, expected, found: rest.as_bytes() }
    };
    loop {
        if rest == "}" {
            return Ok(());
        }
        let key_at = rest;
        let key = if let Some(quoted) = rest.strip_prefix('"') {
            take_quoted(quoted, escapes, &mut rest).ok_or_else(|| failed(key_at, "a label name"))?
        } else {
            let length = rest.bytes().position(|byte| !is_name_byte(byte, false)).unwrap_or(rest.len());
            let (key, after) = rest.split_at(length);
            rest = after;
            if !is_name(key, false) {
                return Err(failed(key_at, "a label name"));
            }
            Cow::Borrowed(key)
        };
        rest = rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix('=') {
            Some(after) => {
                rest = after.trim_start_matches([' ', '\t']);
                let Some(quoted) = rest.strip_prefix('"') else { return Err(failed(rest, "a label value in quotes")) };
                let value_at = rest;
                match take_quoted(quoted, escapes, &mut rest) {
                    Some(value) => pairs.push((key, value)),
                    None => return Err(failed(value_at, "a label value with escapes \\\\, \\\" and \\n only")),
                }
            }
            None if name.is_empty() && key_at.starts_with('"') => *name = key,
            None => return Err(failed(rest, "`=`")),
        }
        rest = rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start_matches([' ', '\t']),
            None if rest == "}" => {}
            None => return Err(failed(rest, "`,` or `}`")),
        }
    }
}

/// The text up to the closing quote, unescaped; `rest` is what follows it. `None` for an unknown escape.
fn take_quoted<'a>(quoted: &'a str, escapes: Escapes, rest: &mut &'a str) -> Option<Cow<'a, str>> {
    let length = quoted_length(quoted.as_bytes())?;
    let (text, after) = (quoted.get(..length)?, quoted.get(length + 1..)?);
    *rest = after;
    match escapes {
        Escapes::Known => has_known_escapes(text).then(|| unescape_any(text)),
        Escapes::Any => Some(unescape_any(text)),
    }
}

fn has_known_escapes(text: &str) -> bool {
    if !text.contains('\\') {
        return true;
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && !matches!(bytes.next(), Some(b'\\' | b'"' | b'n')) {
            return false;
        }
    }
    true
}

/// `\\`, `\"` and `\n`; another backslash is one.
pub(super) fn unescape_any(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('\\' | '"')) => out.push(c),
                other => out.extend(std::iter::once('\\').chain(other)),
            },
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`; metric names may have `:` too.
fn is_name(text: &str, colon: bool) -> bool {
    let starts_well = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts_well && text.bytes().all(|byte| is_name_byte(byte, colon))
}

#[inline]
fn is_name_byte(byte: u8, colon: bool) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':')
}
