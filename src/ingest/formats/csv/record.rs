//! One record: fields of raw bytes, still quoted. Most fields are compared, not read, so unquoting waits until it is needed.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

use super::super::Follows;

/// Delimiters, likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A record: where its fields are in `text`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) text: &'a [u8],
    pub(super) fields: &'a [Range<usize>],
}

impl<'a> Record<'a> {
    /// A field as it stands in the file, with its quotes.
    pub(super) fn raw(&self, field: usize) -> &'a [u8] {
        &self.text[self.fields[field].clone()]
    }

    /// Several fields beside each other, with the delimiters between them.
    pub(super) fn raw_span(&self, first: usize, last: usize) -> &'a [u8] {
        &self.text[self.fields[first].start..self.fields[last].end]
    }

    /// A field without its quotes, for numbers and times: they have no quotes inside.
    pub(super) fn bare(&self, field: usize) -> &'a [u8] {
        let raw = self.raw(field);
        raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw).trim_ascii()
    }

    /// A text field: unquoted, without the mark of a formula; `None` where it is not UTF-8.
    pub(super) fn text(&self, field: usize) -> Option<Cow<'a, str>> {
        let raw = std::str::from_utf8(self.raw(field)).ok()?;
        let text = match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(quoted) if quoted.contains("\"\"") => Cow::Owned(quoted.replace("\"\"", "\"")),
            Some(quoted) => Cow::Borrowed(quoted),
            None => Cow::Borrowed(raw),
        };
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(without_formula_mark(text)),
            Cow::Owned(text) => Cow::Owned(without_formula_mark(&text).to_owned()),
        })
    }

    pub(super) fn is_blank(&self) -> bool {
        self.fields.len() == 1 && self.bare(0).is_empty()
    }
}

/// Takes one `'` away where it hides the start of a formula. Text that had such a mark of its own was given another one, so that what was
/// written is read back.
fn without_formula_mark(text: &str) -> &str {
    let Some(marked) = text.strip_prefix('\'') else { return text };
    if marked.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']) { marked } else { text }
}

/// What is at the start of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A record of so many bytes and lines.
    Record { length: usize, lines: u64 },
    /// A line whose field in `column` is not quoted well: `length` is that of the line. `spans_lines` where it was looked for in the lines after.
    Broken { column: usize, length: usize, spans_lines: bool },
    /// No record ends in these bytes.
    Unfinished,
}

/// Finds the fields of the first record. Looks at no byte twice, except after a stray quote.
pub(super) fn next(
    text: &[u8],
    delimiter: u8,
    follows: Follows,
    lines_join: bool,
    fields: &mut Vec<Range<usize>>,
) -> Found {
    fields.clear();
    let text = match memchr(b'\n', text) {
        _ if lines_join => text,
        Some(at) => &text[..=at],
        None if follows == Follows::More => return Found::Unfinished,
        None => text,
    };
    let mut start = 0;
    let mut lines = 1;
    let done = |fields: &mut Vec<Range<usize>>, start: usize, end: usize| {
        let crlf = end > start && text[end - 1] == b'\r';
        fields.push(start..end - usize::from(crlf));
    };
    loop {
        let mut from = start;
        if text.get(start) == Some(&b'"') {
            match quoted_end(text, start, &mut lines) {
                Some(end) => from = end,
                None if follows == Follows::More && lines_join => return Found::Unfinished,
                None => return broken(text, fields.len() + 1, lines > 1),
            }
            let ends_line = matches!(&text[from..], [] | [b'\n', ..] | [b'\r', b'\n', ..] | [b'\r']);
            if !ends_line && text[from] != delimiter {
                if follows == Follows::More && memchr(b'\n', text).is_none() {
                    return Found::Unfinished;
                }
                return broken(text, fields.len() + 1, lines > 1);
            }
        }
        match memchr2(delimiter, b'\n', &text[from..]).map(|at| from + at) {
            Some(at) if text[at] == b'\n' => {
                done(fields, start, at);
                return Found::Record { length: at + 1, lines };
            }
            Some(at) => {
                fields.push(start..at);
                start = at + 1;
            }
            None if follows == Follows::Nothing => {
                done(fields, start, text.len());
                return Found::Record { length: text.len(), lines };
            }
            None => return Found::Unfinished,
        }
    }
}

/// Where the quoted field that begins at `start` ends, after its closing quote. Counts the lines it goes over.
fn quoted_end(text: &[u8], start: usize, lines: &mut u64) -> Option<usize> {
    let mut at = start + 1;
    let end = loop {
        let Some(quote) = memchr(b'"', &text[at..]) else { break None };
        at += quote + 1;
        if text.get(at) != Some(&b'"') {
            break Some(at);
        }
        at += 1;
    };
    let inside = &text[start..end.unwrap_or(text.len())];
    *lines += memchr::memchr_iter(b'\n', inside).count() as u64;
    end
}

/// The first line, as one with a stray quote.
pub(super) fn broken(text: &[u8], column: usize, spans_lines: bool) -> Found {
    let length = memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    Found::Broken { column, length, spans_lines }
}

/// The delimiter the first line has most of, outside quotes and braces.
pub(super) fn delimiter(text: &[u8]) -> u8 {
    let line = &text[..memchr(b'\n', text).unwrap_or(text.len())];
    let mut counts = [0usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in line {
        quoted ^= *byte == b'"';
        if !quoted && let Some(i) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
            counts[i] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let best = counts.iter().position(|count| *count == most).unwrap_or(0);
    DELIMITERS[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> (Found, Vec<String>) {
        let mut fields = Vec::new();
        let found = next(text.as_bytes(), b',', Follows::Nothing, true, &mut fields);
        let record = Record { text: text.as_bytes(), fields: &fields };
        (found, (0..fields.len()).map(|i| record.text(i).unwrap().into_owned()).collect())
    }

    #[test]
    fn quotes_as_in_rfc_4180() {
        assert_eq!(
            fields("a,b,\r\nc"),
            (Found::Record { length: 6, lines: 1 }, vec!["a".into(), "b".into(), String::new()])
        );
        let quoted = "\"a,\"\"b\"\"\nc\",d\"e\r\n";
        assert_eq!(fields(quoted), (Found::Record { length: 17, lines: 2 }, vec!["a,\"b\"\nc".into(), "d\"e".into()]));
        assert_eq!(fields("x,\"a\"b\nc\n").0, Found::Broken { column: 2, length: 7, spans_lines: false });
        assert_eq!(fields("\"a\nc\n").0, Found::Broken { column: 1, length: 3, spans_lines: true });
    }

    #[test]
    fn a_record_waits_for_its_end() {
        let mut fields = Vec::new();
        for text in ["a,b", "a,\"b", "a,\"b\nc", "a,\"b\""] {
            let found = next(text.as_bytes(), b',', Follows::More, true, &mut fields);
            assert_eq!(found, Found::Unfinished, "{text}");
        }
    }

    #[test]
    fn the_mark_of_a_formula_is_taken_away() {
        for (marked, text) in
            [("'=1+1", "=1+1"), ("'@x", "@x"), ("'plain", "'plain"), ("''=x", "'=x"), ("-x", "-x"), ("'", "'")]
        {
            assert_eq!(without_formula_mark(marked), text);
        }
    }

    #[test]
    fn the_delimiter_is_found() {
        for (line, expected) in [
            ("ts,a,b\n1;2;3;4", b','),
            ("ts;a;b", b';'),
            ("ts\ta", b'\t'),
            ("ts|a", b'|'),
            ("ts;\"a,b,c\";d", b';'),
            ("x", b','),
        ] {
            assert_eq!(delimiter(line.as_bytes()) as char, expected as char, "{line}");
        }
    }
}
