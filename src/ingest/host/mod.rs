//! Samples this machine: one [`Batch`] a reading, from `/proc`.
//!
//! Names are those of the [catalogue](crate::model::catalogue) where it has one; counters are stored as the kernel counts them (rates are the
//! query's work). A part that is missing or cannot be read leaves a gap for that part: it never fails the reading and is never
//! written as zero. Network filesystems are not asked, because a hanging server would stop the recorder.

#[cfg(target_os = "linux")]
mod cpu;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod filesystem;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod pressure;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(target_os = "linux")]
mod reading;

use crate::model::{Batch, NodeName, Timestamp};

/// Why this machine cannot be sampled.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Nothing of /proc can be read.
    #[error("this machine cannot be sampled: {what}: {reason}")]
    Read {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// Not Linux.
    #[error(
        "this machine cannot be sampled: the host sampler reads Linux's /proc, this is {os}: load what it measures with `nodebook import`"
    )]
    Unsupported {
        /// The operating system.
        os: &'static str,
    },
}

/// Reads this machine's counters. Percentages of CPU need two readings: the first batch has none.
#[derive(Debug)]
pub struct HostSampler {
    #[cfg(target_os = "linux")]
    node: NodeName,
    #[cfg(target_os = "linux")]
    proc: proc::Proc,
    #[cfg(target_os = "linux")]
    ticks: Option<cpu::Ticks>,
}

#[cfg(target_os = "linux")]
impl HostSampler {
    /// For this machine, under the given name.
    pub fn new(node: NodeName) -> Result<HostSampler, HostError> {
        let proc = proc::Proc::default();
        proc.text("stat").map_err(|error| unreadable(&error))?;
        Ok(HostSampler { node, proc, ticks: None })
    }

    /// One reading, stamped `now`.
    pub fn sample(&mut self, now: Timestamp) -> Result<Batch, HostError> {
        let mut reading = reading::Reading::new(&self.node, now);
        let stat = self.proc.text("stat");
        if let Ok(stat) = &stat {
            let ticks = cpu::Ticks::of(stat);
            cpu::read(self.ticks.as_ref(), ticks.as_ref(), &mut reading);
            self.ticks = ticks;
            kernel::read_stat(stat, &mut reading);
        }
        memory::read(&self.proc, &mut reading);
        filesystem::read(&self.proc, &mut reading);
        disk::read(&self.proc, &mut reading);
        network::read(&self.proc, &mut reading);
        pressure::read(&self.proc, &mut reading);
        kernel::read(&self.proc, &mut reading);
        match (reading.into_batch(), stat) {
            (batch, Err(error)) if batch.samples.is_empty() => Err(unreadable(&error)),
            (batch, _) => Ok(batch),
        }
    }
}

#[cfg(target_os = "linux")]
fn unreadable(error: &std::io::Error) -> HostError {
    HostError::Read { what: "/proc/stat".to_owned(), reason: error.to_string() }
}

#[cfg(not(target_os = "linux"))]
impl HostSampler {
    /// There is no sampler for this system.
    pub fn new(_node: NodeName) -> Result<HostSampler, HostError> {
        Err(HostError::Unsupported { os: std::env::consts::OS })
    }

    /// There is no sampler for this system.
    pub fn sample(&mut self, _now: Timestamp) -> Result<Batch, HostError> {
        Err(HostError::Unsupported { os: std::env::consts::OS })
    }
}

/// This machine's name, as `record` calls its node by default; `localhost` where the system does not tell.
pub fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" | "(none)" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::model::{Kind, catalogue};

    fn named<'a>(batch: &'a Batch, metric: &str) -> Vec<(&'a crate::model::SeriesKey, f64)> {
        let found = batch.samples.iter().map(|(key, sample)| (&batch.keys[*key as usize], sample.value));
        found.filter(|(key, _)| key.metric.as_str() == metric).collect()
    }

    #[test]
    fn two_readings_of_this_machine() {
        let mut sampler = HostSampler::new(NodeName::new("here").unwrap()).unwrap();
        let first = sampler.sample(Timestamp::from_millis(1_000)).unwrap();
        let memory = named(&first, "memory_total_bytes");
        assert_eq!(memory.len(), 1);
        assert!(memory[0].1 > 1e6);
        assert!(named(&first, "cpu_percent").is_empty(), "one reading has no time to take a share of");
        assert_eq!(named(&first, "load1").len(), 1);
        assert!(first.samples.iter().all(|(_, sample)| sample.ts.millis() == 1_000 && sample.value.is_finite()));
        assert_eq!(first.keys.len(), first.meta.len());
        assert_eq!(first.keys.len(), first.samples.len(), "a series is read once");
        let second = sampler.sample(Timestamp::from_millis(2_000)).unwrap();
        let growing = |batch: &Batch| named(batch, "context_switches_total")[0].1;
        assert!(growing(&second) >= growing(&first));
    }

    #[test]
    fn every_series_says_what_it_is() {
        let mut sampler = HostSampler::new(NodeName::new("here").unwrap()).unwrap();
        let batch = sampler.sample(Timestamp::from_millis(0)).unwrap();
        for (key, meta) in batch.keys.iter().zip(&batch.meta) {
            let meta = meta.as_ref().unwrap();
            assert!(meta.help.as_ref().is_some_and(|help| !help.contains('\n')), "{key}");
            let counter = key.metric.as_str().ends_with("_total");
            assert_eq!(
                meta.kind,
                Some(if counter { Kind::Counter } else { Kind::Gauge }),
                "{key} is named like another kind"
            );
        }
        let used = |metric: &str| {
            let rows = catalogue::Catalogue::built_in().rows();
            rows.iter().flat_map(|row| &row.from).flat_map(|from| from.inputs()).any(|input| input.metric == metric)
        };
        for metric in
            ["cpu_percent", "memory_percent", "disk_percent", "disk_read_bytes_total", "disk_written_bytes_total"]
        {
            assert!(used(metric), "{metric} is not shown by the catalogue");
        }
    }

    #[test]
    fn errors_name_the_thing_and_the_way_out() {
        let unsupported = HostError::Unsupported { os: "macos" }.to_string();
        insta::assert_snapshot!(unsupported, @"this machine cannot be sampled: the host sampler reads Linux's /proc, this is macos: load what it measures with `nodebook import`");
        let read = HostError::Read { what: "/proc/stat".into(), reason: "permission denied".into() }.to_string();
        insta::assert_snapshot!(read, @"this machine cannot be sampled: /proc/stat: permission denied");
    }
}
