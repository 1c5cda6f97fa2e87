//! One line, by the letter of the grammar: single spaces, no tabs, names and numbers as written down there.
//! Source: OpenMetrics 1.0, section "ABNF"; names in quotes since Prometheus 3.

use std::borrow::Cow;

use memchr::memchr2;

use super::super::super::{Reason, number as decimal};
use super::super::line::quoted_length;

/// What a line says.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Eof,
    /// `# HELP`, `# TYPE` or `# UNIT`.
    Described {
        word: &'a str,
        name: Cow<'a, str>,
        text: &'a str,
    },
    Sample(Sample<'a>),
}

/// A sample, its parts read.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) labels: Labels<'a>,
    pub(super) value: f64,
    /// Nanoseconds since the epoch.
    pub(super) time: Option<i128>,
    pub(super) has_exemplar: bool,
}

pub(super) type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Characters of the names and values of an exemplar's labels, together.
const EXEMPLAR_CHARS_MAX: usize = 128;

/// What names are made of, beside `:`.
const NAME_BYTES: [bool; 256] = {
    let mut belongs = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        belongs[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    belongs
};

pub(super) fn read(text: &str) -> Result<Line<'_>, Reason<'_>> {
    let mut cursor = Cursor { text, at: 0 };
    match text.as_bytes().first() {
        None => Err(cursor.expected("a sample or a comment, no blank line")),
        Some(b'#') => described(cursor),
        Some(_) => cursor.sample().map(Line::Sample),
    }
}

fn described(mut cursor: Cursor<'_>) -> Result<Line<'_>, Reason<'_>> {
    if cursor.text == "# EOF" {
        return Ok(Line::Eof);
    }
    cursor.take_word("# ", "`# ` and HELP, TYPE, UNIT or EOF")?;
    let word = cursor.until_space();
    if !matches!(word, "HELP" | "TYPE" | "UNIT") {
        cursor.at = 2;
        return Err(cursor.expected("HELP, TYPE, UNIT or EOF"));
    }
    cursor.take(b' ', "a space")?;
    let name = if cursor.next() == Some(b'"') { cursor.quoted()? } else { cursor.name(Names::Metric)? };
    cursor.take(b' ', "a space")?;
    Ok(Line::Described { word, name, text: cursor.rest() })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `:` too.
    Metric,
    Label,
}

/// A place in a line.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn expected(&self, expected: &'static str) -> Reason<'a> {
        Reason::Syntax { column: self.at + 1, expected, found: self.rest().as_bytes() }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, sign: u8, expected: &'static str) -> Result<(), Reason<'a>> {
        if self.next() != Some(sign) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn take_word(&mut self, word: &str, expected: &'static str) -> Result<(), Reason<'a>> {
        if !self.rest().starts_with(word) {
            return Err(self.expected(expected));
        }
        self.at += word.len();
        Ok(())
    }

    fn until_space(&mut self) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.bytes().position(|b| b == b' ').unwrap_or(rest.len())]; // a few bytes, most often
        self.at += taken.len();
        taken
    }

    fn name(&mut self, names: Names) -> Result<Cow<'a, str>, Reason<'a>> {
        let rest = self.rest();
        let belongs = |b: u8| NAME_BYTES[usize::from(b)] || (b == b':' && names == Names::Metric);
        let name = &rest[..rest.bytes().position(|b| !belongs(b)).unwrap_or(rest.len())];
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
            return Err(self.expected("a name"));
        }
        self.at += name.len();
        Ok(Cow::Borrowed(name))
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, Reason<'a>> {
        let Some(inside) = self.rest().strip_prefix('"') else { return Err(self.expected("a quote")) };
        if let Some(length) = memchr2(b'"', b'\\', inside.as_bytes())
            && inside.as_bytes()[length] == b'"'
        {
            self.at += length + 2;
            return Ok(Cow::Borrowed(&inside[..length]));
        }
        let Some(length) = quoted_length(inside.as_bytes()) else { return Err(self.expected("a closing quote")) };
        self.at += length + 2;
        Ok(super::super::labels::unescape_any(&inside[..length]))
    }

    fn sample(&mut self) -> Result<Sample<'a>, Reason<'a>> {
        let mut name = if self.next() == Some(b'{') { Cow::Borrowed("") } else { self.name(Names::Metric)? };
        let labels = if self.next() == Some(b'{') { self.labels(&mut name)? } else { Labels::new() };
        if name.is_empty() {
            return Err(self.expected("a metric name"));
        }
        self.take(b' ', "a space and a value")?;
        let value = self.value()?;
        let mut time = None;
        if self.next() == Some(b' ') && self.text.as_bytes().get(self.at + 1) != Some(&b'#') {
            self.at += 1;
            time = Some(self.time()?);
        }
        let has_exemplar = !self.rest().is_empty();
        if has_exemplar {
            self.exemplar()?;
        }
        Ok(Sample { name, labels, value, time, has_exemplar })
    }

    fn exemplar(&mut self) -> Result<(), Reason<'a>> {
        self.take_word(" # ", "the end of the line, or ` # ` and an exemplar")?;
        let labels_at = self.at;
        let mut no_name = Cow::Borrowed("exemplar");
        let labels = self.labels(&mut no_name)?;
        let chars: usize = labels.iter().map(|(key, value)| key.chars().count() + value.chars().count()).sum();
        if chars > EXEMPLAR_CHARS_MAX {
            self.at = labels_at;
            return Err(self.expected("an exemplar whose labels have 128 characters at most"));
        }
        self.take(b' ', "a space and a value")?;
        self.value()?;
        if self.rest().is_empty() {
            return Ok(());
        }
        self.take(b' ', "the end of the line, or a time")?;
        self.time()?;
        if self.rest().is_empty() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    /// `{key="value",…}`; a quoted name without a value is the metric's, where it has none yet.
    fn labels(&mut self, name: &mut Cow<'a, str>) -> Result<Labels<'a>, Reason<'a>> {
        let mut labels = Labels::new();
        self.take(b'{', "`{`")?;
        while self.next() != Some(b'}') {
            if !labels.is_empty() || self.text.as_bytes().get(self.at - 1) != Some(&b'{') {
                self.take(b',', "`,` or `}`")?;
            }
            let in_quotes = self.next() == Some(b'"');
            let at = self.at;
            let key = if in_quotes { self.quoted()? } else { self.name(Names::Label)? };
            if in_quotes && name.is_empty() && self.next() != Some(b'=') {
                *name = key;
                continue;
            }
            if labels.iter().any(|(known, _)| *known == key) || key == "__name__" {
                self.at = at;
                return Err(self.expected("each label once"));
            }
            self.take(b'=', "`=`")?;
            labels.push((key, self.quoted()?));
        }
        self.at += 1;
        Ok(labels)
    }

    fn value(&mut self) -> Result<f64, Reason<'a>> {
        let at = self.at;
        let text = self.until_space();
        number(text).ok_or(Reason::Value { column: at + 1, text: text.as_bytes() })
    }

    fn time(&mut self) -> Result<i128, Reason<'a>> {
        let at = self.at;
        let text = self.until_space();
        let seconds = real(text).ok_or(Reason::Time { column: at + 1, text: text.as_bytes() })?;
        Ok(nanoseconds(text).unwrap_or((seconds * 1e9) as i128))
    }
}

/// A real number, an infinity or NaN, in any case.
pub(super) fn number(text: &str) -> Option<f64> {
    real(text).or_else(|| {
        let word = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
        match word.as_str() {
            "inf" | "infinity" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
            "nan" if word.len() == text.len() => Some(f64::NAN),
            _ => None,
        }
    })
}

/// Digits, point and exponent only; what is read beside them (`inf`) has other letters.
fn real(text: &str) -> Option<f64> {
    let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let any = || text.bytes().all(known).then(|| decimal::parse(text.as_bytes())).flatten();
    decimal::short_decimal(text.as_bytes()).or_else(any)
}

/// Of a plain decimal, exactly: a double of today's seconds has a step of 240 ns.
fn nanoseconds(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = (0..9).fold(0, |n, i| n * 10 + fraction.as_bytes().get(i).map_or(0, |byte| i128::from(byte - b'0')));
    let whole = whole.parse::<i128>().ok()?.checked_mul(1_000_000_000)?;
    Some(if text.starts_with('-') { whole - part } else { whole + part })
}
