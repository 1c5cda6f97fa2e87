//! Known metrics: what a report shows with nothing configured, and how each is got from what exporters say.
//!
//! A [`Catalogue`] has one row a shown metric: title, unit, section, direction of badness, capacity, and the [`Derivation`]s tried in order.
//! The first derivation whose inputs a node has is used for that node. A metric stored under its own shown name is always taken first.
//! Every stored metric that no derivation uses is shown under "other metrics" by its own name.
//!
//! The rows that everybody has are in `table.rs`; a user adds to them ([`Own`]) in the same language, that of [`formula`].

mod formula;
mod own;
mod table;

use std::sync::LazyLock;

use super::Kind;
pub use formula::FormulaError;
pub use own::Own;

/// Unit of a shown metric; how it is written is the report's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0 to 100.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Degrees Celsius.
    Celsius,
    /// A plain number of things.
    Count,
    /// Nothing is known.
    None,
}

impl Unit {
    /// The word used in SQL, JSON and CSV.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Percent => "percent",
            Unit::Bytes => "bytes",
            Unit::BytesPerSecond => "bytes/s",
            Unit::PerSecond => "1/s",
            Unit::Seconds => "seconds",
            Unit::Celsius => "celsius",
            Unit::Count => "count",
            Unit::None => "",
        }
    }

    /// By the words of [`Unit::as_str`] and the usual signs; `None` for what is another quantity's name.
    pub fn from_word(text: &str) -> Option<Unit> {
        Some(match text {
            "percent" | "%" => Unit::Percent,
            "bytes" | "B" => Unit::Bytes,
            "bytes/s" | "B/s" => Unit::BytesPerSecond,
            "1/s" | "/s" => Unit::PerSecond,
            "seconds" | "s" => Unit::Seconds,
            "celsius" | "°C" => Unit::Celsius,
            "count" => Unit::Count,
            _ => return None,
        })
    }

    /// Of what a histogram counts, by the name of its parts: `http_request_duration_seconds_bucket` is about seconds.
    pub fn of_histogram(buckets: &str) -> Unit {
        Unit::from_name(buckets.strip_suffix("_bucket").unwrap_or(buckets), Kind::Gauge)
    }

    /// What the field's naming rule says: `_bytes`, `_percent`/`_pct`, `_seconds`, `_celsius`; a counter becomes a rate.
    pub fn from_name(metric: &str, kind: Kind) -> Unit {
        let base = metric.strip_suffix("_total").unwrap_or(metric);
        let unit = if base.ends_with("_bytes") {
            Unit::Bytes
        } else if base.ends_with("_bytes_per_second") || base.ends_with("_bps") {
            Unit::BytesPerSecond
        } else if base.ends_with("_per_second") {
            Unit::PerSecond
        } else if base.ends_with("_percent") || base.ends_with("_pct") {
            Unit::Percent
        } else if base.ends_with("_seconds") {
            Unit::Seconds
        } else if base.ends_with("_celsius") {
            Unit::Celsius
        } else if base.ends_with("_count") {
            Unit::Count
        } else {
            Unit::None
        };
        match (kind, unit) {
            (Kind::Counter, Unit::Bytes) => Unit::BytesPerSecond,
            (Kind::Counter, Unit::Seconds) => Unit::None, // seconds a second
            (Kind::Counter, _) => Unit::PerSecond,
            (Kind::Gauge, unit) => unit,
        }
    }
}

/// Where in the report a metric stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// CPU, memory, load, disk usage.
    Resources,
    /// Disk and network transfer.
    Io,
    /// Partition counts and balance.
    Partitions,
    /// Everything else.
    Other,
    /// A plot of one's own.
    Own,
}

/// Which direction is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// High values are bad.
    High,
    /// Low values are bad.
    Low,
    /// Neither by itself.
    Neither,
}

/// How the series of one node that differ in labels (devices, mounts, interfaces) become one line for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Added up (transfer of all disks).
    Sum,
    /// The largest (the fullest disk).
    Max,
    /// The smallest.
    Min,
    /// The mean (cores).
    Avg,
}

/// One input of a derivation: a stored metric, and which of its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The stored metric's name.
    pub metric: String,
    /// Only series whose label `key` has one of these values; or, with `not`, none of them.
    pub only: Option<Only>,
}

/// A condition on a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Only {
    /// Label key.
    pub key: String,
    /// Label values.
    pub values: Vec<String>,
    /// Leave those out instead of taking them.
    pub not: bool,
}

/// How a shown metric is computed, bucket by bucket, from stored ones. Gauges enter with their mean over the bucket, counters with
/// their reset-aware rate per second.
#[derive(Clone, Debug, PartialEq)]
pub enum Derivation {
    /// The gauge itself, times a factor. Exact minimum, maximum and quantiles are those of the samples.
    Gauge {
        /// What.
        input: Input,
        /// Factor to the base unit.
        scale: f64,
    },
    /// Rate of a counter, times a factor.
    Rate {
        /// What.
        input: Input,
        /// Factor to the base unit.
        scale: f64,
    },
    /// Sum of several gauges of the same node and labels.
    Sum(Vec<Input>),
    /// `100 * (1 - part / whole)`: used percent from what is free. Inputs are gauges.
    PercentLeft {
        /// What is free.
        part: Input,
        /// Of how much.
        whole: Input,
    },
    /// `100 * part / whole`. Inputs are gauges.
    PercentOf {
        /// What is used.
        part: Input,
        /// Of how much.
        whole: Input,
    },
    /// `100 * (A - B) / (A - B + C)`: percent of a whole, each added up of gauges: a disk as `df` counts it.
    PercentShare {
        /// The gauges, each once.
        inputs: Vec<Input>,
        /// What is used.
        part: Linear,
        /// Of how much.
        whole: Linear,
    },
    /// `100 * rate(part) / whole`: seconds of work a second, of so many cores.
    PercentRateOf {
        /// A counter.
        part: Input,
        /// A gauge.
        whole: Input,
    },
    /// 100 less the sum of several gauges in percent, of the same node and labels: busy from idle.
    PercentRest(Vec<Input>),
    /// `100 * (1 - rate(part) / rate(whole))` of counters, folded over all series of the node first: CPU busy from idle seconds.
    PercentRateLeft {
        /// What is idle.
        part: Input,
        /// All.
        whole: Input,
    },
    /// A quantile of a classic histogram, over all its series of the node.
    Quantile {
        /// The counters of what is at most `le`: `NAME_bucket`.
        buckets: Input,
        /// Which quantile, 0 to 100.
        percent: f64,
    },
}

/// A sum of inputs and a number, some of them taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Linear {
    /// Places of the inputs that are added, a bit each.
    pub plus: u8,
    /// Places of those that are taken away.
    pub minus: u8,
    /// The number.
    pub constant: f64,
}

impl Linear {
    /// Its value, where inputs have these; NaN where one of them is missing.
    pub fn of(&self, value: impl Fn(usize) -> f64) -> f64 {
        let sum = |places: u8| (0..8).filter(|place| places >> place & 1 == 1).map(&value).sum::<f64>();
        self.constant + sum(self.plus) - sum(self.minus)
    }

    /// Its terms as text: what is added first.
    pub fn words(&self, inputs: &[String], minus: &str) -> String {
        let names =
            |places: u8| (0..8).filter(move |place| places >> place & 1 == 1).filter_map(|place| inputs.get(place));
        let number = (self.constant != 0.0).then(|| self.constant.to_string());
        let added: Vec<&str> = number.iter().chain(names(self.plus)).map(String::as_str).collect();
        names(self.minus).fold(added.join(" + "), |text, name| format!("{text} {minus} {name}"))
    }
}

/// One known metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Name, as selected by `--metric` and shown in tables.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Unit of the shown value.
    pub unit: Unit,
    /// What it counts (`items`), where the unit does not say it.
    pub unit_name: Option<String>,
    /// Section of the report.
    pub section: Section,
    /// Direction of badness.
    pub worse: Worse,
    /// What full is, where there is such a thing.
    pub capacity: Option<f64>,
    /// The labels that tell the node's parts (mount, device), where it has any: the first one that a series has.
    pub part_labels: Vec<String>,
    /// How the parts become the node's line.
    pub fold: Fold,
    /// Where it comes from, best first.
    pub from: Vec<Derivation>,
}

/// The metrics that are known, in the order of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    rows: Vec<Known>,
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue { rows: table::rows() });

impl Catalogue {
    /// What everybody has.
    pub fn built_in() -> &'static Catalogue {
        &BUILT_IN
    }

    /// The rows.
    pub fn rows(&self) -> &[Known] {
        &self.rows
    }

    /// The row of a shown metric.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.rows.iter().find(|known| known.name == name)
    }

    /// Whether the metric is one that only grows, where nobody said so: rates are made of it.
    pub fn is_counter(&self, metric: &str) -> bool {
        let grows = |derivation: &Derivation| match derivation {
            Derivation::Rate { input, .. }
            | Derivation::PercentRateOf { part: input, .. }
            | Derivation::Quantile { buckets: input, .. } => input.metric == metric,
            Derivation::PercentRateLeft { part, whole } => part.metric == metric || whole.metric == metric,
            _ => false,
        };
        self.rows.iter().flat_map(|known| &known.from).any(grows)
    }
}

/// Label keys that mark the parts of histograms and summaries: such series stay out of node tables.
pub const HISTOGRAM_LABELS: &[&str] = &["le", "quantile", "vmrange"];

impl Derivation {
    /// The stored series it reads.
    pub fn inputs(&self) -> Vec<&Input> {
        match self {
            Derivation::Gauge { input, .. }
            | Derivation::Rate { input, .. }
            | Derivation::Quantile { buckets: input, .. } => vec![input],
            Derivation::Sum(inputs) | Derivation::PercentRest(inputs) | Derivation::PercentShare { inputs, .. } => {
                inputs.iter().collect()
            }
            Derivation::PercentLeft { part, whole }
            | Derivation::PercentOf { part, whole }
            | Derivation::PercentRateOf { part, whole }
            | Derivation::PercentRateLeft { part, whole } => vec![part, whole],
        }
    }
}

impl Input {
    /// Every series of a metric.
    pub fn all(metric: &str) -> Input {
        Input { metric: metric.to_owned(), only: None }
    }

    /// Whether a series of this metric with these labels is meant.
    pub fn matches(&self, metric: &str, labels: &super::Labels) -> bool {
        metric == self.metric
            && self.only.as_ref().is_none_or(|only| {
                let value = labels.get(&only.key).unwrap_or("");
                only.values.iter().any(|wanted| wanted == value) != only.not
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_row_can_be_stored_under_its_own_name_or_derived() {
        let rows = Catalogue::built_in().rows();
        for (i, row) in rows.iter().enumerate() {
            assert!(rows[..i].iter().all(|other| other.name != row.name), "{} twice", row.name);
            let itself = Derivation::Gauge { input: Input::all(&row.name), scale: 1.0 };
            assert!(row.from.contains(&itself), "{} cannot be stored by its own name", row.name);
        }
    }

    #[test]
    fn percent_has_a_capacity() {
        let rows = Catalogue::built_in().rows();
        assert!(rows.iter().filter(|k| k.unit == Unit::Percent).all(|k| k.capacity == Some(100.0)));
    }
}
