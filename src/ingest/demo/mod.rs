//! A simulated cluster, for `demo`, pictures and benchmarks: databases, brokers and web servers with the rhythm of days and weeks, and one of each
//! thing a report should find. Same options, same data: no clock, a random stream of its own for every node.
//!
//! What happens, at fixed shares of the time: a database is overloaded for some hours ([`story::STORM`]), a broker's disk fills
//! ([`story::FILLING`]), a web server reboots ([`story::REBOOT`]: a gap, counters from zero), partitions move from one broker to another
//! ([`story::MOVE`]), a database is not reachable for a while, the collector stops once for all nodes, and the last node has nothing to do.

mod node;
mod noise;
pub mod story;

use crate::model::{Batch, Kind, Labels, MetricMeta, MetricName, NodeName, Sample, SeriesKey, Timestamp};
use node::{Machine, Role};
use story::Story;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct DemoOptions {
    /// Number of nodes.
    pub nodes: usize,
    /// Days of data.
    pub days: u32,
    /// Same seed, same data.
    pub seed: u64,
    /// The data ends here: no sample is at or after it.
    pub until: Timestamp,
    /// Distance of samples, ms.
    pub interval_ms: i64,
}

/// Time that one batch holds.
const BATCH_MS: i64 = 3_600_000;

/// Batches in time order, each an hour of the whole cluster. Kinds, units and help are said in the first one.
pub fn batches(options: DemoOptions) -> impl Iterator<Item = Batch> {
    Simulation::new(options)
}

struct Simulation {
    machines: Vec<Machine>,
    keys: Vec<SeriesKey>,
    meta: Vec<Option<MetricMeta>>,
    /// Place of each machine's first series in `keys`.
    first: Vec<u32>,
    story: Story,
    at: Timestamp,
    options: DemoOptions,
    values: Vec<f64>,
}

impl Simulation {
    fn new(options: DemoOptions) -> Self {
        let interval_ms = options.interval_ms.max(1);
        let options = DemoOptions { interval_ms, ..options };
        let length = i64::from(options.days) * 86_400_000;
        let from = options.until.plus_millis(-length).ceil_to(interval_ms).max(Timestamp::MIN);
        let until = options.until.min(Timestamp::MAX);
        let roles: Vec<Role> = (0..options.nodes).map(Role::of_place).collect();
        let story = Story::new(&roles, from, until);
        let mut simulation = Simulation {
            machines: Vec::new(),
            keys: Vec::new(),
            meta: Vec::new(),
            first: Vec::new(),
            story,
            at: from,
            options: DemoOptions { until, ..options },
            values: Vec::new(),
        };
        for (place, role) in roles.iter().enumerate() {
            let number = 1 + roles[..place].iter().filter(|other| *other == role).count();
            simulation.add(Machine::new(*role, place, options), &format!("{}-{number}", role.word()));
        }
        simulation
    }

    fn add(&mut self, machine: Machine, name: &str) {
        self.first.push(self.keys.len() as u32);
        for series in machine.role().series() {
            let labels = series.label.into_iter();
            let (Ok(node), Ok(metric), Ok(labels)) =
                (NodeName::new(name), MetricName::new(series.metric), Labels::new(labels))
            else {
                continue; // never: these are our own names
            };
            self.keys.push(SeriesKey { node, metric, labels });
            self.meta.push(Some(MetricMeta {
                kind: Some(if series.metric.ends_with("_total") { Kind::Counter } else { Kind::Gauge }),
                unit: (!series.unit.is_empty()).then(|| series.unit.to_owned()),
                help: Some(format!("{} (simulated)", series.help)),
            }));
        }
        self.machines.push(machine);
    }

    /// Every machine lives through this moment; those that can be reached are read.
    fn read(&mut self, samples: &mut Vec<(u32, Sample)>) {
        for (place, machine) in self.machines.iter_mut().enumerate() {
            let moment = self.story.moment(place, self.at);
            self.values.clear();
            machine.live(&moment, &mut self.values);
            if moment.reachable {
                let series = self.first[place]..;
                samples
                    .extend(series.zip(&self.values).map(|(key, value)| (key, Sample { ts: self.at, value: *value })));
            }
        }
    }
}

impl Iterator for Simulation {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.at >= self.options.until {
            return None;
        }
        let end = self.at.floor_to(BATCH_MS).plus_millis(BATCH_MS).min(self.options.until);
        let mut samples = Vec::new();
        while self.at < end {
            self.read(&mut samples);
            self.at = self.at.plus_millis(self.options.interval_ms);
        }
        let unsaid = vec![None; self.keys.len()];
        Some(Batch { keys: self.keys.clone(), meta: std::mem::replace(&mut self.meta, unsaid), samples })
    }
}

#[cfg(test)]
mod tests;
