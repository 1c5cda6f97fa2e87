//! Single cells: text, number, time.

use std::borrow::Cow;
use std::io::Write;

use super::TimeFormat;
use crate::model::{SeriesKey, Timestamp, is_stale_marker};

/// Appends a text cell: quoted where CSV needs it, and never a formula.
pub fn push_text(row: &mut Vec<u8>, text: &str) {
    let text = unformula(text);
    if !text.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        row.extend_from_slice(text.as_bytes());
        return;
    }
    row.push(b'"');
    for part in text.split_inclusive('"') {
        row.extend_from_slice(part.as_bytes());
        if part.ends_with('"') {
            row.push(b'"');
        }
    }
    row.push(b'"');
}

/// With a `'` in front of what a spreadsheet would run. A text that looks as if that had been done already gets one more, so that taking
/// one away always gives the text back.
fn unformula(text: &str) -> Cow<'_, str> {
    let runs = text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// `,node,metric,labels,`: what stands between the time and the value.
pub(super) fn key_cells(key: &SeriesKey) -> Vec<u8> {
    let mut cells = vec![b','];
    for text in [key.node.as_str(), key.metric.as_str(), &key.labels.to_json()] {
        push_text(&mut cells, text);
        cells.push(b',');
    }
    cells
}

/// Appends a value: the shortest text that reads back as the same bits.
pub(super) fn push_value(row: &mut Vec<u8>, value: f64) {
    let written = match value {
        v if is_stale_marker(v) => write!(row, "StaleNaN"),
        v if v.is_nan() => write!(row, "NaN"),
        f64::INFINITY => write!(row, "+Inf"),
        f64::NEG_INFINITY => write!(row, "-Inf"),
        v if v == 0.0 || (1e-5..1e16).contains(&v.abs()) => write!(row, "{v}"),
        v => write!(row, "{v:e}"),
    };
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}

/// Writes times, and remembers the last one: rows of one scrape share theirs.
pub(super) struct TimeCell {
    format: TimeFormat,
    ts: Option<i64>,
    text: Vec<u8>,
}

impl TimeCell {
    pub(super) fn new(format: TimeFormat) -> Self {
        TimeCell { format, ts: None, text: Vec::new() }
    }

    pub(super) fn push(&mut self, row: &mut Vec<u8>, ts: i64) {
        if self.ts != Some(ts) {
            self.ts = Some(ts);
            self.text.clear();
            let text = match self.format {
                TimeFormat::Rfc3339 => Timestamp::from_millis(ts).to_rfc3339(),
                TimeFormat::Millis => ts.to_string(),
                TimeFormat::Seconds if ts % 1_000 == 0 => (ts / 1_000).to_string(),
                TimeFormat::Seconds => format!("{}.{:03}", ts.div_euclid(1_000), ts.rem_euclid(1_000)),
            };
            self.text.extend_from_slice(text.as_bytes());
        }
        row.extend_from_slice(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::STALE_MARKER_BITS;
    use proptest::prelude::*;

    fn value(v: f64) -> String {
        let mut row = Vec::new();
        push_value(&mut row, v);
        String::from_utf8(row).unwrap()
    }

    fn text(t: &str) -> String {
        let mut row = Vec::new();
        push_text(&mut row, t);
        String::from_utf8(row).unwrap()
    }

    #[test]
    fn values_as_people_write_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (21.5, "21.5"),
            (-3.0, "-3"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (-f64::NAN, "NaN"),
            (f64::from_bits(STALE_MARKER_BITS), "StaleNaN"),
        ];
        for (v, expected) in cases {
            assert_eq!(value(v), expected);
        }
    }

    #[test]
    fn a_text_is_no_formula_and_a_number_is_no_text() {
        assert_eq!(text("=1+1"), "'=1+1");
        assert_eq!(text("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(text("-1"), "'-1");
        assert_eq!(text("'=1"), "''=1");
        assert_eq!(text("'tis"), "'tis");
        assert_eq!(text("\tx"), "'\tx");
        assert_eq!(text("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(text("\"\""), "\"\"\"\"\"\"");
        assert_eq!(value(-1.0), "-1");
    }

    #[test]
    fn times() {
        let of = |format, ts| {
            let mut row = Vec::new();
            TimeCell::new(format).push(&mut row, ts);
            String::from_utf8(row).unwrap()
        };
        assert_eq!(of(TimeFormat::Rfc3339, 1_767_571_200_123), "2026-01-05T00:00:00.123Z");
        assert_eq!(of(TimeFormat::Millis, 1_767_571_200_123), "1767571200123");
        assert_eq!(of(TimeFormat::Seconds, 1_767_571_200_123), "1767571200.123");
        assert_eq!(of(TimeFormat::Seconds, 1_767_571_200_000), "1767571200");
    }

    proptest! {
        #[test]
        fn every_finite_value_reads_back_with_the_same_bits(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            prop_assume!(v.is_finite());
            prop_assert_eq!(value(v).parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn every_text_reads_back(t in "[='+@,\"\r\n\ta-c-]{0,8}") {
            let row = format!("{}\n", text(&t));
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(row.as_bytes());
            let read = reader.records().next().map(|r| r.unwrap().get(0).unwrap().to_owned()).unwrap_or_default();
            let formula = read.starts_with('\'') && read.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']);
            prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert_eq!(if formula { &read[1..] } else { &read[..] }, t.as_str());
        }
    }
}
