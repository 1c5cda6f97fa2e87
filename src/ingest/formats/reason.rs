//! Why a line was not taken.

use std::fmt;

use super::super::limits;
use crate::model::{LabelsJsonError, NameError};

/// Why a line, or a sample of it, was not taken: what is wrong and what was expected. Costs nothing until it is written.
/// Columns count from 1: fields in CSV, bytes elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum Reason<'a> {
    /// Not a time.
    #[error(
        "column {column}: {} is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z",
        Quoted(text)
    )]
    Time {
        /// Where.
        column: usize,
        /// What stands there.
        text: &'a [u8],
    },
    /// A time that cannot be stored. The sample is refused, never the file.
    #[error("column {column}: time {} is outside 1970 to 9999", Quoted(text))]
    TimeOutside {
        /// Where.
        column: usize,
        /// What stands there.
        text: &'a [u8],
    },
    /// Not a number.
    #[error("column {column}: {} is no number", Quoted(text))]
    Value {
        /// Where.
        column: usize,
        /// What stands there.
        text: &'a [u8],
    },
    /// Another number of fields than the header has.
    #[error("{found} fields, the header has {expected}")]
    Fields {
        /// In this line.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// A CSV field with something after its closing quote, or without one.
    #[error("column {column}: a field that starts with a quote ends with one, right before the delimiter")]
    Quote {
        /// Which field.
        column: usize,
    },
    /// A header nothing can be read under.
    #[error("{0}")]
    Header(HeaderReason),
    /// A name out of its limits.
    #[error("column {column}: {source}")]
    Name {
        /// Where.
        column: usize,
        /// Why.
        source: NameError,
    },
    /// Labels that cannot be read.
    #[error("column {column}: {source}")]
    Labels {
        /// Where.
        column: usize,
        /// Why.
        source: LabelsJsonError,
    },
    /// Bytes that are no text.
    #[error("column {column}: not UTF-8")]
    NotUtf8 {
        /// Where.
        column: usize,
    },
    /// Something else was expected.
    #[error("column {column}: expected {expected}, found {}", Found(found))]
    Syntax {
        /// Where.
        column: usize,
        /// What was expected.
        expected: &'static str,
        /// What stands there, to the end of the line.
        found: &'a [u8],
    },
    /// A bucket or quantile whose label is none.
    #[error("column {column}: label `{key}` is no number, and the metric's type asks for one")]
    LabelNumber {
        /// Where the series starts.
        column: usize,
        /// `le` or `quantile`.
        key: &'static str,
    },
    /// A second `# TYPE` of the same metric.
    #[error("the type of {} was given before", Quoted(name))]
    TypeTwice {
        /// Which.
        name: &'a [u8],
    },
    /// JSON that is none, or not what was expected.
    #[error("column {column}: {why}")]
    Json {
        /// Where, in bytes of the line.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// As many times as values were expected.
    #[error("{found} timestamps for {expected} values")]
    Lengths {
        /// Number of times.
        found: usize,
        /// Number of values.
        expected: usize,
    },
    /// Something that is known, and not read.
    #[error("{0} is not read")]
    Unread(&'static str),
    /// A rule of OpenMetrics beyond single lines.
    #[error("{}: {rule}", Quoted(family.as_bytes()))]
    OpenMetrics {
        /// Family that breaks it.
        family: String,
        /// The rule.
        rule: &'static str,
    },
    /// Something after `# EOF`.
    #[error("nothing may follow # EOF")]
    AfterEof,
    /// An OpenMetrics page without its end.
    #[error("the page does not end with # EOF: it may have been cut")]
    NoEof,
    /// A record beyond the limit of its format.
    #[error("the line is longer than {limit} bytes, or a quote in it is never closed")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Reading stopped in the middle of the input.
    #[error("reading stopped here: {0}; what came before was taken")]
    Cut(String),
    /// A stretch of a table of which the rest could be read.
    #[error("rows {first} to {last} are not taken, or in part: {why}")]
    Rows {
        /// From 1.
        first: u64,
        /// From 1.
        last: u64,
        /// What is wrong.
        why: String,
    },
    /// The input as a whole.
    #[error("{0}")]
    Input(String),
}

/// Why a CSV header was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderReason {
    /// No time column.
    #[error("no time column in the header {header}: expected one named timestamp, timestamp_ms, ts or time")]
    NoTime {
        /// The header, quoted.
        header: String,
    },
    /// Nothing but times and nodes.
    #[error(
        "no values in the header {header}: expected timestamp,node,metric,labels,value, or a time column and one column a metric"
    )]
    NoValues {
        /// The header, quoted.
        header: String,
    },
    /// The same column twice.
    #[error("columns {first} and {second} of the header are both {name}")]
    Twice {
        /// From 1.
        first: usize,
        /// From 1.
        second: usize,
        /// Their name, quoted.
        name: String,
    },
    /// Too many.
    #[error("the header has {columns} columns, the limit is {limit}")]
    TooMany {
        /// How many there are.
        columns: usize,
        /// The most allowed.
        limit: usize,
    },
    /// A column name out of its limits, or not text.
    #[error("column {column} of the header: {why}")]
    Column {
        /// From 1.
        column: usize,
        /// Why.
        why: String,
    },
}

impl Reason<'_> {
    /// Whether nothing of the input can be read.
    pub fn refuses_the_input(&self) -> bool {
        matches!(self, Reason::Header(_) | Reason::Input(_))
    }

    /// Whether only a sample is refused, for a time that cannot be stored: that never refuses a whole file.
    pub fn spares_the_file(&self) -> bool {
        matches!(self, Reason::TimeOutside { .. })
    }
}

/// A piece of hostile text, for people: in backquotes, shortened, on one line, without control characters.
pub struct Quoted<'a>(pub &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // four bytes a character at most, so this much is enough whatever it is
        let shown = &self.0[..self.0.len().min(4 * (limits::QUOTED_CHARS_MAX + 1))];
        let text = String::from_utf8_lossy(shown);
        f.write_str("`")?;
        for c in text.chars().take(limits::QUOTED_CHARS_MAX) {
            match c {
                '`' => f.write_str("'")?,
                c if is_invisible(c) => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        let cut = text.chars().nth(limits::QUOTED_CHARS_MAX).is_some();
        f.write_str(if cut { "…`" } else { "`" })
    }
}

/// Control characters, and those that turn the direction of writing or take no room.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

struct Found<'a>(&'a [u8]);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("the end of the line") } else { Quoted(self.0).fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_short_and_harmless() {
        let text = Quoted("\u{1b}[31m`x`\u{202e}\r\n\u{0}".as_bytes()).to_string();
        insta::assert_snapshot!(text, @r"`\u{1b}[31m'x'\u{202e}\r\n\u{0}`");
        assert_eq!(Quoted(&[b'a'; 1_000_000]).to_string().chars().count(), 43);
        assert_eq!(Quoted(b"a\xff").to_string(), "`a\u{fffd}`");
    }

    #[test]
    fn reasons_say_what_was_expected() {
        let header = || Quoted(b"a,b").to_string();
        let all: Vec<Reason<'_>> = vec![
            Reason::Time { column: 1, text: b"yesterday" },
            Reason::TimeOutside { column: 1, text: b"-5" },
            Reason::Value { column: 5, text: b"12,5" },
            Reason::Fields { found: 3, expected: 5 },
            Reason::Quote { column: 2 },
            Reason::Header(HeaderReason::NoTime { header: header() }),
            Reason::Header(HeaderReason::NoValues { header: header() }),
            Reason::Header(HeaderReason::Twice { first: 1, second: 3, name: "`value`".into() }),
            Reason::Header(HeaderReason::TooMany { columns: 30_000, limit: limits::COLUMNS_MAX }),
            Reason::Header(HeaderReason::Column { column: 4, why: "not UTF-8".into() }),
            Reason::Name { column: 2, source: NameError::Empty { what: "metric name" } },
            Reason::Labels { column: 4, source: LabelsJsonError::NotText { key: "a".into() } },
            Reason::NotUtf8 { column: 2 },
            Reason::Syntax { column: 7, expected: "a label name", found: b"=\"x\"} 1" },
            Reason::Syntax { column: 7, expected: "a value", found: b"" },
            Reason::LabelNumber { column: 1, key: "le" },
            Reason::TypeTwice { name: b"up" },
            Reason::OpenMetrics { family: "a".into(), rule: "a state is 0 or 1" },
            Reason::AfterEof,
            Reason::NoEof,
            Reason::TooLong { limit: limits::RECORD_BYTES_MAX },
            Reason::Json { column: 9, why: "expected value".into() },
            Reason::Lengths { found: 2, expected: 3 },
            Reason::Unread("a native histogram"),
            Reason::Cut("unexpected end of file".into()),
            Reason::Rows { first: 1, last: 9, why: "a page is damaged".into() },
            Reason::Input("is a directory".into()),
        ];
        let lines = all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(lines, @r##"
    column 1: `yesterday` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    column 1: time `-5` is outside 1970 to 9999
    column 5: `12,5` is no number
    3 fields, the header has 5
    column 2: a field that starts with a quote ends with one, right before the delimiter
    no time column in the header `a,b`: expected one named timestamp, timestamp_ms, ts or time
    no values in the header `a,b`: expected timestamp,node,metric,labels,value, or a time column and one column a metric
    columns 1 and 3 of the header are both `value`
    the header has 30000 columns, the limit is 20000
    column 4 of the header: not UTF-8
    column 2: the metric name is empty
    column 4: label `a` is not a text, number or boolean
    column 2: not UTF-8
    column 7: expected a label name, found `="x"} 1`
    column 7: expected a value, found the end of the line
    column 1: label `le` is no number, and the metric's type asks for one
    the type of `up` was given before
    `a`: a state is 0 or 1
    nothing may follow # EOF
    the page does not end with # EOF: it may have been cut
    the line is longer than 1048576 bytes, or a quote in it is never closed
    column 9: expected value
    2 timestamps for 3 values
    a native histogram is not read
    reading stopped here: unexpected end of file; what came before was taken
    rows 1 to 9 are not taken, or in part: a page is damaged
    is a directory
    "##);
    }
}
