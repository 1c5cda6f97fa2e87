use std::time::{Duration, Instant};

use super::super::context::Context;
use super::super::error::CliError;
use super::super::output::{Terminal, counted};
use super::super::retention::prune;
use super::Recorded;
use super::batches::Batches;
use super::pace::set_back_ms;
use crate::ingest::host::HostSampler;
use crate::model::Timestamp;
use crate::store::retention::Policy;
use crate::store::{OnConflict, Store, StoreError};

/// How often what has ended is sealed.
const SEALING: Duration = Duration::from_secs(60);
/// How often what is old is pruned.
const PRUNING: Duration = Duration::from_secs(3_600);

/// Takes readings and stores them; lives through what may pass: a full disk, another program's lock, a device that fails for a while.
pub struct Recorder<'a> {
    store: Store,
    sampler: HostSampler,
    terminal: &'a Terminal,
    recorded: Recorded,
    /// When the last reading was taken, by the wall clock.
    previous: Option<Timestamp>,
    outage: Option<Outage>,
    sealed: Instant,
    /// What is not kept, and when that was last looked at; `None` where everything is.
    retention: Option<(Policy, Option<Instant>)>,
}

/// Nothing can be stored.
struct Outage {
    since: Timestamp,
    /// Readings that were not stored.
    lost: u64,
    /// What is said when it is over.
    over: &'static str,
}

impl<'a> Recorder<'a> {
    /// Over an open store.
    pub fn new(store: Store, sampler: HostSampler, context: &'a Context) -> Result<Self, CliError> {
        let retention = &context.settings.retention;
        let retention = if retention.prunes() { Some((retention.policy()?, None)) } else { None };
        let (terminal, recorded, sealed) = (&context.terminal, Recorded::default(), Instant::now());
        Ok(Recorder { store, sampler, terminal, recorded, previous: None, outage: None, sealed, retention })
    }

    /// One reading, stamped `now`, in one commit.
    pub fn take(&mut self, now: Timestamp, batches: &Batches<'_>) -> Result<(), CliError> {
        if let Some(back_ms) = set_back_ms(self.previous.replace(now), now) {
            let back = span(back_ms);
            self.terminal.warn(&format!("the clock went back by {back}: recording goes on at {now}"));
        }
        let mut batch = self.sampler.sample(now)?;
        batches.add_health(&mut batch, now);
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
            Err(error) if error.may_pass() => self.lost(now, &error),
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
        if let Some(Outage { since, lost, over }) = self.outage.take() {
            self.terminal
                .say(&format!("{over}: recording goes on at {now}, lost since {since}: {}", counted(lost, "reading")));
        }
        self.recorded.samples += samples;
        self.recorded.readings += 1;
        self.recorded.first.get_or_insert(now);
        self.recorded.last = self.recorded.last.max(now);
    }

    /// A reading that could not be stored.
    fn lost(&mut self, now: Timestamp, why: &StoreError) {
        self.outage(now, why).lost += 1;
    }

    /// Says once why nothing can be stored.
    fn outage(&mut self, now: Timestamp, why: &StoreError) -> &mut Outage {
        let terminal = self.terminal;
        self.outage.get_or_insert_with(|| {
            let (said, until, over) = match why {
                StoreError::Full { .. } => {
                    ("the disk is full".to_owned(), "there is room again", "there is room again")
                }
                _ => (why.to_string(), "that has passed", "the database can be written again"),
            };
            terminal.error(&format!("{said}: nothing is recorded until {until}"));
            Outage { since: now, lost: 0, over }
        })
    }

    /// Seals what has ended and prunes what is old, now and then. What keeps that from being done may pass; the reading itself is stored.
    fn keep_house(&mut self, now: Timestamp) -> Result<(), CliError> {
        if self.outage.is_some() {
            return Ok(());
        }
        match self.seal(now).and_then(|()| self.prune(now)) {
            Ok(()) => Ok(()),
            Err(error) if error.may_pass() => {
                self.outage(now, &error);
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
