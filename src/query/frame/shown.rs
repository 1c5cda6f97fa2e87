use crate::model::catalogue::{Fold, Linear, Section, Unit, Worse};
use crate::model::{NodeName, SeriesId};

/// A metric that can be shown, and which stored series make it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Name: of the catalogue, or of the stored metric.
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
    /// What full is.
    pub capacity: Option<f64>,
    /// How a node's parts become one line.
    pub fold: Fold,
    /// Which lines it is shown as.
    pub lines: Lines,
    /// In words, how it is got from stored metrics: `rate of disk_read_bytes_total, summed over device`.
    pub made_of: String,
    /// The nodes that have it, sorted, each with its inputs.
    pub nodes: Vec<ShownNode>,
}

/// Which lines a metric is shown as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// As its nodes and parts suggest.
    #[default]
    Natural,
    /// A line a node.
    Nodes,
    /// A line a part, over all nodes.
    Parts,
    /// One line over all nodes.
    Whole,
}

/// One node's inputs of a shown metric.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownNode {
    /// The node.
    pub node: NodeName,
    /// Its parts (mounts, devices); one without a name where the metric has none.
    pub parts: Vec<ShownPart>,
}

/// One part of a node: the stored series that make it, in the order of the derivation's inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownPart {
    /// `/var`, `sda`; empty where there is one part only.
    pub name: String,
    /// What is done with the series.
    pub made: Made,
    /// The series, by input. Several series of one input are folded as the metric says.
    pub inputs: Vec<Vec<SeriesId>>,
    /// Of a histogram the upper bound of each input, ascending; else empty.
    pub bounds: Vec<f64>,
}

/// What is computed of the inputs of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Made {
    /// The gauge itself, times a factor.
    Gauge(f64),
    /// The rate of a counter, times a factor.
    Rate(f64),
    /// The largest sample of gauges.
    Largest,
    /// The smallest sample of gauges.
    Smallest,
    /// The sum of gauges.
    Sum,
    /// 100 less the sum of gauges.
    PercentRest,
    /// `100 * (1 - a / b)` of gauges.
    PercentLeft,
    /// `100 * a / b` of gauges.
    PercentOf,
    /// `100 * part / whole`, each added up of gauges.
    PercentShare {
        /// What is used.
        part: Linear,
        /// Of how much.
        whole: Linear,
    },
    /// `100 * rate(a) / b` of a counter and a gauge.
    PercentRateOf,
    /// `100 * (1 - rate(a) / rate(b))` of counters.
    PercentRateLeft,
    /// The quantile (0 to 1) of a histogram whose counters are the inputs.
    Quantile(f64),
}

impl ShownNode {
    /// All series it is made of; one that is the input of several things comes several times.
    pub fn series(&self) -> impl Iterator<Item = SeriesId> {
        self.parts.iter().flat_map(|part| part.inputs.iter().flatten().copied())
    }
}

impl ShownPart {
    /// The gauge that is shown as it is, and its factor, where the part is nothing else: its statistics are exact.
    pub fn sole_gauge(&self) -> Option<(SeriesId, f64)> {
        match (self.made, self.inputs.as_slice()) {
            (Made::Gauge(scale), [input]) if input.len() == 1 => Some((input[0], scale)),
            _ => None,
        }
    }
}
