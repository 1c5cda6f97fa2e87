//! A request, as both encodings have it. Only what is read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceMetrics {
    pub(super) resource: Resource,
    pub(super) scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScopeMetrics {
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) unit: String,
    pub(super) gauge: Option<Box<Data>>,
    pub(super) sum: Option<Box<Data>>,
    pub(super) histogram: Option<Box<Data>>,
    pub(super) exponential_histogram: Option<Box<Data>>,
    pub(super) summary: Option<Box<Data>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Data {
    pub(super) data_points: Vec<DataPoint>,
    #[serde(deserialize_with = "temporality")]
    pub(super) aggregation_temporality: i64,
    pub(super) is_monotonic: bool,
}

/// Of deltas, in `aggregation_temporality`.
pub(super) const DELTA: i64 = 1;
/// In `flags`: there is no value.
pub(super) const NO_VALUE: i64 = 1;

/// A point of any kind of metric: the fields of the others are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DataPoint {
    pub(super) attributes: Vec<Attribute>,
    #[serde(deserialize_with = "integer")]
    pub(super) time_unix_nano: i64,
    #[serde(deserialize_with = "some_double")]
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "some_integer")]
    pub(super) as_int: Option<i64>,
    #[serde(deserialize_with = "integer")]
    pub(super) flags: i64,
    #[serde(deserialize_with = "integer")]
    pub(super) count: i64,
    #[serde(deserialize_with = "some_double")]
    pub(super) sum: Option<f64>,
    #[serde(deserialize_with = "integers")]
    pub(super) bucket_counts: Vec<i64>,
    pub(super) explicit_bounds: Vec<f64>,
    pub(super) quantile_values: Vec<Quantile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quantile {
    pub(super) quantile: f64,
    #[serde(deserialize_with = "double")]
    pub(super) value: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attribute {
    pub(super) key: String,
    #[serde(deserialize_with = "attribute_value")]
    pub(super) value: String,
}

/// `{"stringValue": "x"}` and its sisters, as text.
fn attribute_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let inner = value.as_object().and_then(|kinds| kinds.values().next()).unwrap_or(&Value::Null);
    Ok(match inner {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// A 64-bit integer: a text in JSON, since its numbers lose the last digits; numbers are seen too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Integer(i64),
    Double(f64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl Number<'_> {
    fn integer<E: serde::de::Error>(self) -> Result<i64, E> {
        match self {
            Number::Integer(number) => Ok(number),
            Number::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(number as i64),
            Number::Text(text) => text.parse().map_err(|_| E::custom("expected an integer")),
            Number::Double(_) => Err(E::custom("expected an integer")),
        }
    }

    fn double<E: serde::de::Error>(self) -> Result<f64, E> {
        match self {
            Number::Integer(number) => Ok(number as f64),
            Number::Double(number) => Ok(number),
            Number::Text(text) => {
                super::super::number::parse(text.as_bytes()).ok_or_else(|| E::custom("expected a number"))
            }
        }
    }
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Number::deserialize(deserializer)?.integer()
}

fn some_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Option::<Number<'_>>::deserialize(deserializer)?.map(Number::integer).transpose()
}

fn integers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    Vec::<Number<'_>>::deserialize(deserializer)?.into_iter().map(Number::integer).collect()
}

fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer)?.double()
}

fn some_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::<Number<'_>>::deserialize(deserializer)?.map(Number::double).transpose()
}

/// A number, or its name.
fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(name) => i64::from(name == "AGGREGATION_TEMPORALITY_DELTA"),
        number => number.as_i64().unwrap_or_default(),
    })
}
