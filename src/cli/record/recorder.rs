use std::time::{Duration, Instant};

use super::super::context::Context;
use super::super::error::CliError;
use super::super::maintain::prune;
use super::super::output::Terminal;
use super::Recorded;
use super::pace::set_back_ms;
use crate::ingest::host::HostSampler;
use crate::model::Timestamp;
use crate::store::retention::Policy;
use crate::store::{OnConflict, Store, StoreError};

/// How often what has ended is sealed.
const SEALING: Duration = Duration::from_secs(60);
/// How often what is old is pruned.
const PRUNING: Duration = Duration::from_secs(3_600);

/// Takes readings and stores them; lives through a full disk.
pub struct Recorder<'a> {
    store: Store,
    sampler: HostSampler,
    terminal: &'a Terminal,
    recorded: Recorded,
    /// When the last reading was taken, by the wall clock.
    previous: Option<Timestamp>,
    /// Since when nothing can be stored, and how many readings that has cost.
    full: Option<(Timestamp, u64)>,
    sealed: Instant,
    /// What is not kept, and when that was last looked at; `None` where everything is.
    retention: Option<(Policy, Option<Instant>)>,
}

impl<'a> Recorder<'a> {
    /// Over an open store.
    pub fn new(store: Store, sampler: HostSampler, context: &'a Context) -> Result<Self, CliError> {
        let retention = &context.settings.retention;
        let retention = if retention.prunes() { Some((retention.policy()?, None)) } else { None };
        let (terminal, recorded, sealed) = (&context.terminal, Recorded::default(), Instant::now());
        Ok(Recorder { store, sampler, terminal, recorded, previous: None, full: None, sealed, retention })
    }

    /// One reading, stamped `now`, in one commit.
    pub fn take(&mut self, now: Timestamp) -> Result<(), CliError> {
        if let Some(back_ms) = set_back_ms(self.previous.replace(now), now) {
            let back = span(back_ms);
            self.terminal.warn(&format!("the clock went back by {back}: recording goes on at {now}"));
        }
        let batch = self.sampler.sample(now)?;
        match self.store.append(&batch, OnConflict::Keep) {
            Ok(counts) => {
                self.terminal.detail(&format!("stored {} samples at {now}", counts.stored));
                if counts.dropped > 0 {
                    self.terminal.warn(&format!(
                        "{} samples at {now} are there already (the clock went back?) and were kept",
                        counts.dropped
                    ));
                }
                self.stored(now, counts.stored);
            }
            Err(StoreError::Full { .. }) => self.no_room(now),
            Err(error) => return Err(error.into()),
        }
        self.keep_house(now)
    }

    /// The clock jumped ahead: one reading is left out.
    pub fn doubt(&mut self, ahead_ms: i64) {
        let ahead = span(ahead_ms);
        self.terminal.warn(&format!("the clock is {ahead} ahead of where it should be: waiting for one more reading"));
    }

    /// Leaves one file and says what was done.
    pub fn finish(self) -> Result<Recorded, CliError> {
        self.store.close()?;
        Ok(self.recorded)
    }

    fn stored(&mut self, now: Timestamp, samples: u64) {
        if let Some((since, lost)) = self.full.take() {
            self.terminal.say(&format!(
                "there is room again: recording goes on at {now}, {lost} readings since {since} are lost"
            ));
        }
        self.recorded.samples += samples;
        self.recorded.readings += 1;
        self.recorded.first.get_or_insert(now);
        self.recorded.last = self.recorded.last.max(now);
    }

    fn no_room(&mut self, now: Timestamp) {
        match &mut self.full {
            Some((_, lost)) => *lost += 1,
            None => {
                self.full = Some((now, 1));
                self.terminal.error("the disk is full: nothing is recorded until there is room again");
            }
        }
    }

    /// Seals what has ended and prunes what is old, now and then. A disk that is full meanwhile is a full disk.
    fn keep_house(&mut self, now: Timestamp) -> Result<(), CliError> {
        if self.full.is_some() {
            return Ok(());
        }
        match self.seal(now).and_then(|()| self.prune(now)) {
            Ok(()) => Ok(()),
            Err(StoreError::Full { .. }) => {
                self.no_room(now);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn seal(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.sealed.elapsed() >= SEALING {
            self.sealed = Instant::now();
            let samples = self.store.seal(now)?;
            self.terminal.detail(&format!("sealed {samples} samples"));
        }
        Ok(())
    }

    fn prune(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some((policy, looked)) = &mut self.retention else { return Ok(()) };
        if looked.is_some_and(|looked| looked.elapsed() < PRUNING) {
            return Ok(());
        }
        *looked = Some(Instant::now());
        let pruned: u64 = prune(&mut self.store, policy, now)?.iter().map(|prune| prune.samples).sum();
        if pruned > 0 {
            let bytes = self.store.vacuum()?;
            self.terminal.detail(&format!("pruned {pruned} samples and rows, gave back {bytes} bytes"));
        }
        Ok(())
    }
}

/// A stretch of time in words, to the second where it is longer than one.
fn span(ms: i64) -> humantime::FormattedDuration {
    let ms = ms.unsigned_abs();
    humantime::format_duration(Duration::from_millis(if ms < 1_000 { ms } else { ms - ms % 1_000 }))
}
