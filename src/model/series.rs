use std::fmt;
use std::sync::Arc;

use super::{Kind, limits};

/// Why a name was refused. Names the limit, never repeats a hostile name unbounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty where a name is needed.
    #[error("the {what} is empty")]
    Empty {
        /// Which name.
        what: &'static str,
    },
    /// Longer than the limit.
    #[error("the {what} has {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Which name.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// A NUL byte, which SQLite and terminals cut at.
    #[error("the {what} contains a NUL character")]
    Nul {
        /// Which name.
        what: &'static str,
    },
    /// More labels than the limit.
    #[error("a series has {count} labels, the limit is {limit}")]
    TooManyLabels {
        /// How many there are.
        count: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The same label key twice.
    #[error("label `{key}` is given twice")]
    DuplicateLabel {
        /// The key.
        key: String,
    },
}

fn checked(what: &'static str, text: &str, limit: usize) -> Result<Arc<str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    bounded(what, text, limit)?;
    Ok(Arc::from(text))
}

fn bounded(what: &'static str, text: &str, limit: usize) -> Result<(), NameError> {
    if text.len() > limit {
        return Err(NameError::TooLong { what, bytes: text.len(), limit });
    }
    if text.contains('\0') {
        return Err(NameError::Nul { what });
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text that is not empty, has no NUL and is within the limit.
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked($what, text, $limit).map($name)
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// A named quantity in one unit, such as `cpu_percent`. Any text: names from data are hostile until escaped.
    MetricName, "metric name", limits::METRIC_NAME_BYTES_MAX
);
name_type!(
    /// A machine or member of the cluster (Prometheus calls it instance).
    NodeName, "node name", limits::NODE_NAME_BYTES_MAX
);

/// A label set: unique keys, sorted; cheap to clone.
///
/// One text: each key and each value with a NUL behind it, which none of them has. As NUL is below any other character, texts are in the
/// order of their pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// Sorts the pairs. One with an empty value is the same as no label (as in Prometheus) and is left out, but its key is given: a second one of it says otherwise.
    pub fn new<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, NameError> {
        let mut all: Vec<(K, V)> = pairs.into_iter().collect();
        all.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        if let Some(twice) = all.windows(2).find(|w| w[0].0.as_ref() == w[1].0.as_ref()) {
            let key = twice[0].0.as_ref();
            bounded("label key", key, limits::LABEL_KEY_BYTES_MAX)?;
            return Err(NameError::DuplicateLabel { key: key.to_owned() });
        }
        all.retain(|(_, value)| !value.as_ref().is_empty());
        let mut bytes = 0;
        for (key, value) in &all {
            let (key, value) = (key.as_ref(), value.as_ref());
            if key.is_empty() {
                return Err(NameError::Empty { what: "label key" });
            }
            bounded("label key", key, limits::LABEL_KEY_BYTES_MAX)?;
            bounded("label value", value, limits::LABEL_VALUE_BYTES_MAX)?;
            bytes += key.len() + value.len() + 2;
        }
        if all.len() > limits::LABELS_MAX {
            return Err(NameError::TooManyLabels { count: all.len(), limit: limits::LABELS_MAX });
        }
        let mut text = String::with_capacity(bytes);
        for (key, value) in &all {
            text.extend([key.as_ref(), "\0", value.as_ref(), "\0"]);
        }
        Ok(Labels(Arc::from(text)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Pairs in order of key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut words = self.0.split_terminator('\0');
        std::iter::from_fn(move || Some((words.next()?, words.next()?)))
    }

    /// The canonical text kept in the store and in CSV: a JSON object with sorted keys, or empty for no labels.
    pub fn to_json(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let object: serde_json::Map<String, serde_json::Value> =
            self.iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// Reads what [`Labels::to_json`] writes: a JSON object of strings (numbers and booleans are taken as text), or nothing.
    pub fn from_json(text: &str) -> Result<Self, LabelsJsonError> {
        if text.trim().is_empty() {
            return Ok(Labels::default());
        }
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)?;
        let pairs = object
            .into_iter()
            .map(|(key, value)| match value {
                serde_json::Value::String(s) => Ok((key, s)),
                serde_json::Value::Number(n) => Ok((key, n.to_string())),
                serde_json::Value::Bool(b) => Ok((key, b.to_string())),
                _ => Err(LabelsJsonError::NotText { key }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Labels::new(pairs)?)
    }
}

/// `{key="value",…}`, for people; values are quoted and escaped as in the Prometheus text format.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (key, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{comma}{key}=\"{value}\"")?;
        }
        f.write_str("}")
    }
}

/// Why a labels text was refused.
#[derive(Debug, thiserror::Error)]
pub enum LabelsJsonError {
    /// Not a JSON object.
    #[error("labels are not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// A nested value.
    #[error("label `{key}` is not a text, number or boolean")]
    NotText {
        /// The key.
        key: String,
    },
    /// A name out of its limits.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// What identifies a series: a metric of a node under a label set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The node.
    pub node: NodeName,
    /// The metric.
    pub metric: MetricName,
    /// The labels, without the node.
    pub labels: Labels,
}

/// A handle of a series, given by the store or source that holds it; stable while that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// A series and what is known of its metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Handle.
    pub id: SeriesId,
    /// Node, metric, labels.
    pub key: SeriesKey,
    /// Gauge or counter.
    pub kind: Kind,
    /// Unit, where a source said one.
    pub unit: Option<String>,
    /// One line of help, where a source gave one.
    pub help: Option<String>,
}

/// `node/metric{labels}`
impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.node, self.metric, self.labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_without_empty_values() {
        let l = Labels::new([("b", "2"), ("a", "1"), ("c", "")]).unwrap();
        assert_eq!(l.to_string(), r#"{a="1",b="2"}"#);
        assert_eq!(l.to_json(), r#"{"a":"1","b":"2"}"#);
        assert_eq!(Labels::from_json(&l.to_json()).unwrap(), l);
        for twice in [[("a", "1"), ("a", "2")], [("a", "1"), ("a", "")]] {
            assert!(matches!(Labels::new(twice), Err(NameError::DuplicateLabel { .. })));
        }
        assert_eq!(Labels::from_json("").unwrap(), Labels::default());
        assert!(Labels::from_json("[1]").is_err());
    }

    #[test]
    fn names_have_limits() {
        assert!(matches!(NodeName::new(""), Err(NameError::Empty { .. })));
        assert!(matches!(NodeName::new("a\0b"), Err(NameError::Nul { .. })));
        assert!(matches!(MetricName::new(&"x".repeat(257)), Err(NameError::TooLong { .. })));
        assert_eq!(NodeName::new("<img onerror=…>").unwrap().as_str(), "<img onerror=…>");
    }
}
