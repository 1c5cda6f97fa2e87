//! What the Prometheus HTTP API answers, as values.
//!
//! Source: Prometheus, "HTTP API" (format overview, range and instant queries, series); VictoriaMetrics, "JSON line format".

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// Labels as an engine has them, `__name__` too.
pub(super) type RawLabels = BTreeMap<String, String>;

/// The frame around every answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    #[serde(default)]
    pub(super) status: String,
    #[serde(default = "none")]
    pub(super) data: Option<T>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) warnings: Option<Vec<String>>,
    #[serde(default, rename = "isPartial")]
    pub(super) is_partial: bool,
}

fn none<T>() -> Option<T> {
    None
}

/// Of a query.
#[derive(Debug, Deserialize)]
pub(super) struct Data {
    pub(super) result: Vec<Line>,
}

/// One series of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) metric: RawLabels,
    #[serde(default)]
    pub(super) values: Vec<Point>,
}

/// A line of `/api/v1/export`.
#[derive(Debug, Deserialize)]
pub(super) struct Exported {
    pub(super) metric: RawLabels,
    pub(super) values: Vec<Value>,
    pub(super) timestamps: Vec<i64>,
}

/// Time in ms, and value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) ms: i64,
    pub(super) value: f64,
}

/// A number, or a text for what JSON has no number for; `null` is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value(pub(super) f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text like \"NaN\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                match text.parse() {
                    Ok(number) => Ok(Value(number)),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value(f64::NAN))
            }
        }
        source.deserialize_any(Number)
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Point;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in seconds and a value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Point, A::Error> {
                let seconds: Value = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let value: Value = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                while pair.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Point { ms: (seconds.0 * 1e3).round() as i64, value: value.0 })
            }
        }
        source.deserialize_seq(Pair)
    }
}

/// A list of which only the first `MOST` are kept; the others are counted.
#[derive(Debug)]
pub(super) struct First<T, const MOST: usize> {
    pub(super) kept: Vec<T>,
    pub(super) count: usize,
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for First<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Items<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
            type Value = First<T, MOST>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<First<T, MOST>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MOST {
                    match items.next_element()? {
                        Some(item) => kept.push(item),
                        None => return Ok(First { count: kept.len(), kept }),
                    }
                }
                let mut count = kept.len();
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(First { kept, count })
            }
        }
        source.deserialize_seq(Items(PhantomData))
    }
}

/// What names a series among those of an engine: its labels in order, each with a NUL behind it.
pub(super) fn raw_key(metric: &str, labels: &RawLabels) -> String {
    let mut key = format!("{metric}\0");
    for (label, value) in labels.iter().filter(|(label, _)| *label != "__name__") {
        key.extend([label, "\0", value, "\0"]);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_counted_and_not_kept() {
        let read = |text: &str| serde_json::from_str::<First<u8, 2>>(text).map(|first| (first.kept, first.count)).ok();
        assert_eq!(read("[]"), Some((vec![], 0)));
        assert_eq!(read("[1,2]"), Some((vec![1, 2], 2)));
        assert_eq!(read("[1,2,{\"x\":[3]},4]"), Some((vec![1, 2], 4)));
        assert_eq!(read("[1,{}]"), None);
    }
}
