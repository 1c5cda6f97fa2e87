use super::super::error::CliError;
use super::super::output::Terminal;
use super::batches::Batches;
use super::writer::span;
use crate::ingest::host::HostSampler;
use crate::ingest::inbox::{Inbox, NotStored, Origin};
use crate::ingest::pace::set_back_ms;
use crate::model::{Batch, Timestamp};

/// The recorder's own interval: takes readings and hands them over, without a wait for the writer.
pub struct Readings {
    /// `None` where this machine is not sampled: then only how the batches are is told.
    sampler: Option<HostSampler>,
    inbox: Inbox,
    terminal: Terminal,
    /// When the last reading was taken, by the wall clock.
    previous: Option<Timestamp>,
    /// The writer does not come after, and that was said.
    crowded: bool,
}

impl Readings {
    /// Of this machine, where there is a sampler.
    pub fn new(sampler: Option<HostSampler>, inbox: Inbox, terminal: Terminal) -> Readings {
        Readings { sampler, inbox, terminal, previous: None, crowded: false }
    }

    /// One reading, stamped `now`.
    pub fn take(&mut self, now: Timestamp, batches: &Batches<'_>) -> Result<(), CliError> {
        if let Some(back_ms) = set_back_ms(self.previous.replace(now), now) {
            let back = span(back_ms);
            self.terminal.warn(&format!("the clock went back by {back}: recording goes on at {now}"));
        }
        let mut batch = self.sampler.as_mut().map(|sampler| sampler.sample(now)).transpose()?.unwrap_or_default();
        batches.add_health(&mut batch, now);
        self.hand_over(now, batch);
        Ok(())
    }

    /// The clock jumped ahead: one reading is left out.
    pub fn doubt(&mut self, ahead_ms: i64) {
        let ahead = span(ahead_ms);
        self.terminal.warn(&format!("the clock is {ahead} ahead of where it should be: waiting for one more reading"));
    }

    fn hand_over(&mut self, now: Timestamp, batch: Batch) {
        match self.inbox.put(Origin::Reading, now, batch) {
            Ok(_) => self.crowded = false,
            Err(NotStored::Closing) => {} // the writer has ended, and says why
            Err(why) if !self.crowded => {
                self.crowded = true;
                self.terminal.error(&format!("the reading of {now} is lost: {why}"));
            }
            Err(_) => {}
        }
    }
}
