//! Known metrics: what a report shows with nothing configured, and how each is got from what exporters say.
//!
//! [`KNOWN`] is one row a shown metric: title, unit, section, direction of badness, capacity, and the [`Derivation`]s tried in order.
//! The first derivation whose inputs a node has is used for that node. A metric stored under its own shown name is always taken first.
//! Every stored metric that no derivation uses is shown under "other metrics" by its own name.

use super::Kind;

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// The stored metric's name.
    pub metric: &'static str,
    /// Only series whose label `key` has one of these values; or, with `not`, none of them.
    pub only: Option<Only>,
}

/// A condition on a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Only {
    /// Label key.
    pub key: &'static str,
    /// Label values.
    pub values: &'static [&'static str],
    /// Leave those out instead of taking them.
    pub not: bool,
}

/// How a shown metric is computed, bucket by bucket, from stored ones. Gauges enter with their mean over the bucket, counters with
/// their reset-aware rate per second.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    Sum(&'static [Input]),
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
    /// `100 * (1 - rate(part) / rate(whole))` of counters, folded over all series of the node first: CPU busy from idle seconds.
    PercentRateLeft {
        /// What is idle.
        part: Input,
        /// All.
        whole: Input,
    },
}

/// One known metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Name, as selected by `--metric` and shown in tables.
    pub name: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// Unit of the shown value.
    pub unit: Unit,
    /// Section of the report.
    pub section: Section,
    /// Direction of badness.
    pub worse: Worse,
    /// What full is, where there is such a thing.
    pub capacity: Option<f64>,
    /// The labels that tell the node's parts (mount, device), where it has any: the first one that a series has.
    pub part_labels: &'static [&'static str],
    /// How the parts become the node's line.
    pub fold: Fold,
    /// Where it comes from, best first.
    pub from: &'static [Derivation],
}

const fn all(metric: &'static str) -> Input {
    Input { metric, only: None }
}

const fn only(metric: &'static str, key: &'static str, values: &'static [&'static str]) -> Input {
    Input { metric, only: Some(Only { key, values, not: false }) }
}

const fn but(metric: &'static str, key: &'static str, values: &'static [&'static str]) -> Input {
    Input { metric, only: Some(Only { key, values, not: true }) }
}

const fn gauge(metric: &'static str) -> Derivation {
    Derivation::Gauge { input: all(metric), scale: 1.0 }
}

const fn rate(metric: &'static str) -> Derivation {
    Derivation::Rate { input: all(metric), scale: 1.0 }
}

const fn rate_of(input: Input) -> Derivation {
    Derivation::Rate { input, scale: 1.0 }
}

/// Filesystems that are no disks: they are always full, or live in memory.
const NO_DISK: &[&str] =
    &["tmpfs", "devtmpfs", "overlay", "squashfs", "iso9660", "ramfs", "proc", "sysfs", "autofs", "fuse.lxcfs", "nsfs"];
/// Interfaces whose bytes are counted again on a real one, or never leave the machine.
const NO_NETWORK: &[&str] = &["lo", "docker0"];

/// The table. Order is the order of the report.
pub const KNOWN: &[Known] = &[
    Known {
        name: "cpu_percent",
        title: "CPU busy",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Avg,
        from: &[
            gauge("cpu_percent"),
            Derivation::PercentRateLeft {
                part: only("node_cpu_seconds_total", "mode", &["idle", "iowait"]),
                whole: but("node_cpu_seconds_total", "mode", &["guest", "guest_nice"]),
            },
            Derivation::Sum(&[all("cpu_user_pct"), all("cpu_system_pct")]),
        ],
    },
    Known {
        name: "memory_percent",
        title: "Memory used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            gauge("memory_percent"),
            Derivation::PercentLeft { part: all("memory_available_bytes"), whole: all("memory_total_bytes") },
            Derivation::PercentLeft {
                part: all("node_memory_MemAvailable_bytes"),
                whole: all("node_memory_MemTotal_bytes"),
            },
        ],
    },
    Known {
        name: "memory_used_bytes",
        title: "Memory used",
        unit: Unit::Bytes,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Sum,
        from: &[gauge("memory_used_bytes"), gauge("mem_used_bytes")],
    },
    Known {
        name: "swap_percent",
        title: "Swap used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            gauge("swap_percent"),
            Derivation::PercentLeft {
                part: all("node_memory_SwapFree_bytes"),
                whole: all("node_memory_SwapTotal_bytes"),
            },
        ],
    },
    Known {
        name: "disk_percent",
        title: "Disk used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["mount", "mountpoint"],
        fold: Fold::Max,
        from: &[
            gauge("disk_percent"),
            gauge("disk_used_pct"),
            Derivation::PercentLeft {
                part: but("node_filesystem_avail_bytes", "fstype", NO_DISK),
                whole: but("node_filesystem_size_bytes", "fstype", NO_DISK),
            },
        ],
    },
    Known {
        name: "load1",
        title: "Load (1 min)",
        unit: Unit::None,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Max,
        from: &[gauge("load1"), gauge("node_load1")],
    },
    Known {
        name: "disk_read_bytes_per_second",
        title: "Disk read",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device"],
        fold: Fold::Sum,
        from: &[
            gauge("disk_read_bytes_per_second"),
            rate("disk_read_bytes_total"),
            rate("node_disk_read_bytes_total"),
            gauge("disk_read_bps"),
        ],
    },
    Known {
        name: "disk_write_bytes_per_second",
        title: "Disk write",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device"],
        fold: Fold::Sum,
        from: &[
            gauge("disk_write_bytes_per_second"),
            rate("disk_written_bytes_total"),
            rate("node_disk_written_bytes_total"),
            gauge("disk_write_bps"),
        ],
    },
    Known {
        name: "net_receive_bytes_per_second",
        title: "Network received",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device"],
        fold: Fold::Sum,
        from: &[
            gauge("net_receive_bytes_per_second"),
            rate_of(but("net_receive_bytes_total", "interface", NO_NETWORK)),
            rate_of(but("node_network_receive_bytes_total", "device", NO_NETWORK)),
            rate("net_rx_bytes_total"),
        ],
    },
    Known {
        name: "net_transmit_bytes_per_second",
        title: "Network sent",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device"],
        fold: Fold::Sum,
        from: &[
            gauge("net_transmit_bytes_per_second"),
            rate_of(but("net_transmit_bytes_total", "interface", NO_NETWORK)),
            rate_of(but("node_network_transmit_bytes_total", "device", NO_NETWORK)),
            rate("net_tx_bytes_total"),
        ],
    },
    Known {
        name: "disk_io_percent",
        title: "Disk busy",
        unit: Unit::Percent,
        section: Section::Io,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["device"],
        fold: Fold::Max,
        from: &[
            gauge("disk_io_percent"),
            Derivation::Rate { input: all("disk_io_seconds_total"), scale: 100.0 },
            Derivation::Rate { input: all("node_disk_io_time_seconds_total"), scale: 100.0 },
        ],
    },
    Known {
        name: "partition_count",
        title: "Partitions",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &[gauge("partition_count"), gauge("kafka_topic_partitions")],
    },
    Known {
        name: "partition_leader_count",
        title: "Partition leaders",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &[gauge("partition_leader_count"), gauge("leader_count")],
    },
];

/// The row of a shown metric.
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|k| k.name == name)
}

/// Label keys that mark the parts of histograms and summaries: such series stay out of node tables.
pub const HISTOGRAM_LABELS: &[&str] = &["le", "quantile", "vmrange"];

impl Derivation {
    /// The stored series it reads.
    pub fn inputs(&self) -> Vec<Input> {
        match self {
            Derivation::Gauge { input, .. } | Derivation::Rate { input, .. } => vec![*input],
            Derivation::Sum(inputs) => inputs.to_vec(),
            Derivation::PercentLeft { part, whole }
            | Derivation::PercentOf { part, whole }
            | Derivation::PercentRateLeft { part, whole } => vec![*part, *whole],
        }
    }
}

impl Input {
    /// Whether a series of this metric with these labels is meant.
    pub fn matches(&self, metric: &str, labels: &super::Labels) -> bool {
        metric == self.metric
            && self.only.is_none_or(|only| {
                let value = labels.get(only.key).unwrap_or("");
                only.values.contains(&value) != only.not
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_row_can_be_stored_under_its_own_name_or_derived() {
        for (i, row) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..i].iter().all(|other| other.name != row.name), "{} twice", row.name);
            assert!(row.from.contains(&gauge(row.name)), "{} cannot be stored by its own name", row.name);
        }
    }

    #[test]
    fn percent_has_a_capacity() {
        assert!(KNOWN.iter().filter(|k| k.unit == Unit::Percent).all(|k| k.capacity == Some(100.0)));
    }
}
