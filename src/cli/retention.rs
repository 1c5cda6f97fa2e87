//! Retention as `record` does it on the way and `maintain` when it is asked to.

use super::output::{Terminal, counted};
use crate::model::Timestamp;
use crate::store::retention::{Plan, Policy, held, plan};
use crate::store::{Store, StoreError};

/// What became of what a policy does not keep.
pub struct Retained {
    /// What went.
    pub pruned: Plan,
    /// Samples that stay until they were forwarded, however old they are.
    pub held: u64,
}

/// Prunes what `policy` does not keep at `now`; says what went.
pub fn prune(store: &mut Store, policy: &Policy, now: Timestamp) -> Result<Retained, StoreError> {
    let inventory = store.inventory(policy, now)?;
    let retained = Retained { pruned: plan(policy, &inventory, now), held: held(policy, &inventory, now) };
    store.prune(policy, &retained.pruned)?;
    Ok(retained)
}

impl Retained {
    /// Samples that went and were not forwarded yet.
    pub fn unsent(&self) -> u64 {
        self.pruned.iter().map(|prune| prune.unsent).sum()
    }

    /// Says what is not as somebody who forwards would have it.
    pub fn tell(&self, terminal: Terminal) {
        if self.unsent() > 0 {
            terminal.warn(&format!(
                "max_size is reached: up to {} were pruned before they were forwarded, and never will be",
                counted(self.unsent(), "sample")
            ));
        }
        if self.held > 0 {
            terminal.warn(&format!(
                "{} are older than [retention] says and are kept until they were forwarded",
                counted(self.held, "sample")
            ));
        }
    }
}
