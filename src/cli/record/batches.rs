use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::context::Context;
use super::super::schedule::next_run;
use crate::model::{Batch, Labels, MetricMeta, MetricName, NodeName, Sample, SeriesKey, Timestamp};
use crate::store::{Reader, RunState, StoreError};

/// Least time between two looks that make reports, ms: what cannot be made does not spin.
const PAUSE_MS: i64 = 60_000;
/// How long a stop waits for reports that are being made. What is left of them is made by the next start.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Runs that tell how the batches are.
const RUNS: u32 = 200;
/// Whether the last run of a batch has failed: 1, or 0.
const METRIC: &str = "nodebook_batch_failed";

/// Has reports made when they are due: by a process of their own, so that no reading is late for them, none of their memory stays, and nothing
/// that goes wrong there ends the recording.
pub struct Batches<'a> {
    context: &'a Context,
    /// The process that makes some now.
    child: Option<Child>,
    /// When to look again; `None` where nothing is ever due.
    next: Option<Timestamp>,
    /// The last state of each batch, with its series.
    health: Vec<(SeriesKey, f64)>,
    node: NodeName,
}

impl<'a> Batches<'a> {
    /// Of the configuration. What was due before `now` is made first.
    pub fn new(context: &'a Context, node: NodeName, now: Timestamp) -> Batches<'a> {
        let is_scheduled = context.settings.batches.iter().any(|batch| batch.schedule.is_some());
        let next = is_scheduled.then_some(now);
        Batches { context, child: None, next, health: Vec::new(), node }
    }

    /// Starts what is due at `now`, and looks after what was started.
    pub fn look(&mut self, now: Timestamp) {
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) => return,
                Ok(Some(_)) => self.child = None, // what became of it is in the ledger, and it has said so
                Err(error) => self.context.terminal.warn(&format!("the reports that are being made: {error}")),
            }
            match self.learn(now) {
                Ok(()) => {}
                Err(error) => self.context.terminal.warn(&format!("the runs of batches: {error}")),
            }
        }
        if self.child.is_none() && self.next.is_some_and(|next| next <= now) {
            self.next = Some(now.plus_millis(PAUSE_MS));
            match self.start() {
                Ok(child) => self.child = Some(child),
                Err(error) => self.context.terminal.error(&format!("the reports that are due cannot be made: {error}")),
            }
        }
    }

    /// Adds how the batches are to a reading.
    pub fn add_health(&self, reading: &mut Batch, now: Timestamp) {
        let meta = MetricMeta {
            help: Some("1 where the last run of the batch has failed".to_owned()),
            ..MetricMeta::default()
        };
        for (key, value) in &self.health {
            reading.push(key.clone(), Some(meta.clone()), Sample { ts: now, value: *value });
        }
    }

    /// Asks those who make reports to stop after what they are doing, and waits a little.
    pub fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        #[cfg(target_os = "linux")]
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(child.try_wait(), Ok(None)) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let absolute = |path: &PathBuf| std::path::absolute(path);
        let settings = &self.context.settings;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["batch", "--due", "--timezone", settings.timezone.name()]);
        command.arg("--db").arg(absolute(&settings.db)?);
        if let Some(config) = &settings.path {
            command.arg("--config").arg(config);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()
    }

    /// From the ledger: when to look again, and how the batches are.
    fn learn(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let reader = Reader::open(&self.context.settings.db)?;
        let runs = reader.job_runs(None, RUNS)?;
        let mut next: Option<Timestamp> = None;
        let mut sooner = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
        for batch in &self.context.settings.batches {
            let handled = reader.job_handled(&batch.name.0)?.unwrap_or(now);
            next_run(batch, handled, self.context).into_iter().for_each(&mut sooner);
        }
        reader.next_message()?.into_iter().for_each(&mut sooner);
        if runs.iter().any(|run| run.state == RunState::Queued) {
            sooner(now.plus_millis(PAUSE_MS)); // one is held, or was left over
        }
        self.next = next.map(|next| next.max(now.plus_millis(PAUSE_MS).min(self.next.unwrap_or(now))));
        self.health.clear();
        for batch in &self.context.settings.batches {
            let Some(last) = runs.iter().find(|run| run.job == batch.name.0) else { continue };
            let failed =
                runs.iter().any(|run| (&run.job, run.due) == (&last.job, last.due) && run.state == RunState::Failed);
            let labels = Labels::new([("batch", batch.name.0.as_str())]);
            let (Ok(metric), Ok(labels)) = (MetricName::new(METRIC), labels) else { continue };
            self.health.push((SeriesKey { node: self.node.clone(), metric, labels }, f64::from(u8::from(failed))));
        }
        Ok(())
    }
}
