//! One line of an exposition. Looks no further into a series than to its end: most are known by their bytes already.

use memchr::{memchr2, memchr3};

use super::super::{Reason, number};

/// What a line says.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Blank,
    Comment,
    Eof,
    Described(Description<'a>),
    Sample(Sample<'a>),
}

/// What a line says of a metric family.
#[derive(Debug)]
pub(super) enum Description<'a> {
    Help { name: &'a [u8], text: &'a [u8] },
    Type { name: &'a [u8], word: &'a [u8], column: usize },
    Unit { name: &'a [u8], unit: &'a [u8] },
}

/// A sample whose series is not looked into yet.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    /// Name and labels, to the closing brace.
    pub(super) series: &'a [u8],
    /// Where the series starts, from 1.
    pub(super) column: usize,
    pub(super) value: f64,
    /// Where the time stands, and its text.
    pub(super) time: Option<(usize, &'a [u8])>,
    pub(super) has_exemplar: bool,
}

/// A place in a line.
struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Everything to the next space, or to the end.
    fn token(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| is_space(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn expected(&self, expected: &'static str) -> Reason<'a> {
        Reason::Syntax { column: self.at + 1, expected, found: self.rest() }
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(super) fn read(line: &[u8]) -> Result<Line<'_>, Reason<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut cursor = Cursor { line, at: 0 };
    cursor.skip_spaces();
    match cursor.rest().first() {
        None => Ok(Line::Blank),
        Some(b'#') => read_comment(cursor),
        Some(_) => read_sample(cursor).map(Line::Sample),
    }
}

fn read_comment(mut cursor: Cursor<'_>) -> Result<Line<'_>, Reason<'_>> {
    cursor.at += 1;
    cursor.skip_spaces();
    let word = cursor.token();
    if word == b"EOF" && cursor.rest().is_empty() {
        return Ok(Line::Eof);
    }
    if !matches!(word, b"HELP" | b"TYPE" | b"UNIT") {
        return Ok(Line::Comment);
    }
    cursor.skip_spaces();
    let column = cursor.at + 1;
    let name = family_name(&mut cursor);
    cursor.skip_spaces();
    if name.is_empty() {
        return Err(Reason::Syntax { column, expected: "a metric name", found: &cursor.line[column - 1..] });
    }
    Ok(Line::Described(match word {
        b"HELP" => Description::Help { name, text: cursor.rest() },
        b"UNIT" => Description::Unit { name, unit: cursor.rest().trim_ascii_end() },
        _ => Description::Type { name, column: cursor.at + 1, word: cursor.rest().trim_ascii_end() },
    }))
}

/// A name, or one in quotes (then any text, since Prometheus 3).
fn family_name<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    match cursor.rest() {
        [b'"', quoted @ ..] => {
            let Some(length) = quoted_length(quoted) else { return cursor.token() };
            cursor.at += length + 2;
            &quoted[..length]
        }
        _ => cursor.token(),
    }
}

fn read_sample(mut cursor: Cursor<'_>) -> Result<Sample<'_>, Reason<'_>> {
    let start = cursor.at;
    let Some(length) = series_length(cursor.rest()) else {
        cursor.at += cursor.rest().iter().position(|byte| *byte == b'{').unwrap_or(0);
        return Err(cursor.expected("labels that end with `}`"));
    };
    cursor.at += length;
    let series = &cursor.line[start..cursor.at];
    cursor.skip_spaces();
    if cursor.rest().is_empty() {
        return Err(cursor.expected("a value"));
    }
    let column = cursor.at + 1;
    let text = cursor.token();
    let value = number::parse(text).ok_or(Reason::Value { column, text })?;
    cursor.skip_spaces();
    let mut time = None;
    if !matches!(cursor.rest().first(), None | Some(b'#')) {
        time = Some((cursor.at + 1, cursor.token()));
        cursor.skip_spaces();
    }
    let has_exemplar = match cursor.rest() {
        [] => false,
        [b'#', b' ', ..] => true,
        _ => return Err(cursor.expected("the end of the line")),
    };
    Ok(Sample { series, column: start + 1, value, time, has_exemplar })
}

/// Length of `name{…}` at the start of `text`, spaces before the brace included; `None` where the brace is never closed.
pub(super) fn series_length(text: &[u8]) -> Option<usize> {
    let name = memchr3(b'{', b' ', b'\t', text).unwrap_or(text.len());
    let spaces = text[name..].iter().take_while(|byte| is_space(**byte)).count();
    let open = name + spaces;
    if text.get(open) != Some(&b'{') {
        return Some(name);
    }
    let mut at = open + 1;
    loop {
        at += memchr2(b'}', b'"', &text[at..])?;
        if text[at] == b'}' {
            return Some(at + 1);
        }
        at += quoted_length(&text[at + 1..])? + 2;
    }
}

/// Length of what stands before the closing quote; a backslash hides the byte after it.
pub(super) fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
