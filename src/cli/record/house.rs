use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::context::Context;
use super::super::error::CliError;
use super::super::output::Terminal;
use super::super::retention::prune;
use crate::model::Timestamp;
use crate::store::retention::Policy;
use crate::store::{Store, StoreError};

/// How often what has ended is sealed.
const SEALING: Duration = Duration::from_secs(60);
/// How often what is old is pruned.
const PRUNING: Duration = Duration::from_secs(3_600);

/// What a file needs now and then while it is recorded: what has ended is sealed, what is old is pruned.
pub struct House {
    sealed: Instant,
    /// What is not kept, and when that was last looked at; `None` where everything is.
    retention: Option<(Policy, Option<Instant>)>,
    /// Samples that were pruned before they were forwarded.
    pruned_unsent: Arc<AtomicU64>,
}

impl House {
    /// As the configuration wants it.
    pub fn new(context: &Context, pruned_unsent: Arc<AtomicU64>) -> Result<House, CliError> {
        let retention = &context.settings.retention;
        let retention = if retention.prunes() { Some((retention.policy()?, None)) } else { None };
        Ok(House { sealed: Instant::now(), retention, pruned_unsent })
    }

    /// Does what is due at `now`.
    pub fn keep(&mut self, store: &mut Store, now: Timestamp, terminal: Terminal) -> Result<(), StoreError> {
        if self.sealed.elapsed() >= SEALING {
            self.sealed = Instant::now();
            let samples = store.seal(now)?;
            terminal.detail(&format!("sealed {samples} samples"));
        }
        let Some((policy, looked)) = &mut self.retention else { return Ok(()) };
        if looked.is_some_and(|looked| looked.elapsed() < PRUNING) {
            return Ok(());
        }
        *looked = Some(Instant::now());
        let retained = prune(store, policy, now)?;
        retained.tell(terminal);
        self.pruned_unsent.fetch_add(retained.unsent(), Ordering::Relaxed);
        let pruned: u64 = retained.pruned.iter().map(|prune| prune.samples).sum();
        if pruned > 0 {
            let bytes = store.vacuum()?;
            terminal.detail(&format!("pruned {pruned} samples and rows, gave back {bytes} bytes"));
        }
        Ok(())
    }
}
