//! One reading under way.

use crate::model::{Batch, Kind, Labels, MetricMeta, MetricName, NodeName, Sample, SeriesKey, Timestamp};

/// A metric of the host sampler: what is stored of it beside its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
}

/// A metric that goes up and down; an empty `unit` is none.
pub(super) const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Described {
    Described { name, kind: Kind::Gauge, unit, help }
}

/// A metric that only grows until the machine boots again.
pub(super) const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Described {
    Described { name, kind: Kind::Counter, unit, help }
}

/// The samples of one moment.
pub(super) struct Reading<'a> {
    node: &'a NodeName,
    now: Timestamp,
    batch: Batch,
}

impl<'a> Reading<'a> {
    pub(super) fn new(node: &'a NodeName, now: Timestamp) -> Self {
        Reading { node, now, batch: Batch::default() }
    }

    /// Adds a value. A name beyond the limits (a mount point of 5,000 bytes) is left out: a gap for that part.
    pub(super) fn add(&mut self, metric: Described, labels: &[(&str, &str)], value: f64) {
        let (Ok(name), Ok(labels)) = (MetricName::new(metric.name), Labels::new(labels.iter().copied())) else {
            return;
        };
        let key = SeriesKey { node: self.node.clone(), metric: name, labels };
        let meta = MetricMeta {
            kind: Some(metric.kind),
            unit: (!metric.unit.is_empty()).then(|| metric.unit.to_owned()),
            help: Some(metric.help.to_owned()),
        };
        self.batch.push(key, Some(meta), Sample { ts: self.now, value });
    }

    /// Adds a value that may be missing: then nothing is added.
    pub(super) fn add_some(&mut self, metric: Described, labels: &[(&str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            self.add(metric, labels, value);
        }
    }

    pub(super) fn into_batch(self) -> Batch {
        self.batch
    }
}

/// What a part added, as `metric{labels} value`, for tests.
#[cfg(test)]
pub(super) fn printed(read: impl FnOnce(&mut Reading<'_>)) -> Vec<String> {
    let node = NodeName::new("n").unwrap();
    let mut reading = Reading::new(&node, Timestamp::MIN);
    read(&mut reading);
    let batch = reading.into_batch();
    let line = |(key, sample): &(u32, Sample)| {
        let key = &batch.keys[*key as usize];
        format!("{}{} {}", key.metric, key.labels, sample.value)
    };
    batch.samples.iter().map(line).collect()
}
