//! JSON lines: a series a line, with its values and times side by side, as VictoriaMetrics exports and imports them.
//!
//! `{"metric":{"__name__":"up","node":"db-1"},"values":[1,0],"timestamps":[1767571200000,1767571210000]}`; times are milliseconds. A value is a
//! number, `null` (a gap) or one of the texts `NaN`, `Infinity`, `-Infinity`, `StaleNaN`. Keys beside these three are passed over. The node
//! is the label `node`, `host` or `instance`.
//! Source: VictoriaMetrics, "How to export data in JSON line format".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::emitter::{Emitter, Point};
use super::lines::{LineFormat, Lines};
use super::{NodeRule, Parser, Reason, Sink, Stop, number};
use crate::ingest::limits::DOCUMENT_BYTES_MAX;

/// For one file.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Lines::new(JsonLines { emitter: Emitter::new(node) }))
}

#[derive(Debug)]
struct JsonLines {
    emitter: Emitter,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    metric: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    values: Vec<Value>,
    timestamps: Vec<i64>,
}

struct Value(f64);

/// Whether a line is one of this format, for detection: a whole one, or the start of a long one.
pub(super) fn looks_like(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(b"{")
        && memchr::memmem::find(line, b"\"metric\"").is_some_and(|at| at < 4096)
        && memchr::memmem::find(line, b"\"__name__\"").is_some()
}

impl LineFormat for JsonLines {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let line: Line<'_> = match serde_json::from_slice(text) {
            Ok(line) => line,
            Err(error) => return sink.refuse(number, &Reason::Json { column: error.column(), why: words(&error) }),
        };
        if line.values.len() != line.timestamps.len() {
            let (found, expected) = (line.timestamps.len(), line.values.len());
            return sink.refuse(number, &Reason::Lengths { found, expected });
        }
        let Some(metric) = line.metric.get("__name__") else {
            return sink.refuse(number, &Reason::Json { column: 1, why: "no `__name__` in `metric`".to_owned() });
        };
        let labels: Vec<(&str, &str)> =
            line.metric.iter().filter(|(key, _)| *key != "__name__").map(|(key, value)| (&**key, &**value)).collect();
        for (ms, value) in line.timestamps.iter().zip(&line.values) {
            let point = Point { node: None, metric, labels: &labels, meta: None, ms: *ms, value: value.0 };
            self.emitter.take(number, &point, sink)?;
        }
        Ok(())
    }

    fn bytes_max(&self) -> usize {
        DOCUMENT_BYTES_MAX
    }
}

/// The words of an error of the JSON reader, without its place.
pub(super) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, null, or a text like NaN or Infinity")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value(value as f64))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value(f64::NAN))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let value = number::parse(text.as_bytes());
        value.map(Value).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::super::collected::{collect, rule};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        collect(parser(rule()).as_mut(), text.as_bytes()).to_string()
    }

    #[test]
    fn a_series_a_line() {
        let text = "{\"metric\":{\"__name__\":\"up\",\"node\":\"a\",\"mode\":\"x \\\"y\\\"\"},\"values\":[1,-0,2.5,null,\"Infinity\",\"StaleNaN\"],\"timestamps\":[1,2,3,4,5,6]}\r\n\
                    \n{\"metric\":{\"__name__\":\"up\"},\"values\":[1],\"timestamps\":[]}\n{\"metric\":{},\"values\":[],\"timestamps\":[]}\n\
                    {\"metric\":{\"__name__\":\"x\"},\"values\":[\"no\"],\"timestamps\":[1]}\n{\"metric\":\n{\"metric\":{\"__name__\":\"x\"},\"values\":[1,2],\"timestamps\":[-1,9]}";
        insta::assert_snapshot!(read(text), @r#"
        a/up{mode="x \"y\""} 1 1
        a/up{mode="x \"y\""} 2 -0
        a/up{mode="x \"y\""} 3 2.5
        a/up{mode="x \"y\""} 4 NaN
        a/up{mode="x \"y\""} 5 inf
        a/up{mode="x \"y\""} 6 NaN
        file/x 9 2
        refused
        3: 0 timestamps for 1 values
        4: column 1: no `__name__` in `metric`
        5: column 41: invalid value: string "no", expected a number, null, or a text like NaN or Infinity
        6: column 10: EOF while parsing a value
        7: column 1: time `-1` is outside 1970 to 9999
        "#);
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            collect(parser(rule()).as_mut(), &text);
        }

        #[test]
        fn never_panics_on_nearly_right_text(cut in 0usize..90, put in "[\\[\\]{}\",:0-9a-z]{0,3}") {
            let line = "{\"metric\":{\"__name__\":\"up\",\"node\":\"a\"},\"values\":[1,2.5,null],\"timestamps\":[1,2,3]}";
            let cut = cut.min(line.len());
            let got = collect(parser(rule()).as_mut(), format!("{}{put}{}", &line[..cut], &line[cut..]).as_bytes());
            prop_assert!(got.samples.len() + got.refused.len() <= 5);
        }
    }
}
