//! Retention as `record` does it on the way and `maintain` when it is asked to.

use crate::model::Timestamp;
use crate::store::retention::{Plan, Policy, plan};
use crate::store::{Store, StoreError};

/// Prunes what `policy` does not keep at `now`; says what went.
pub fn prune(store: &mut Store, policy: &Policy, now: Timestamp) -> Result<Plan, StoreError> {
    let planned = plan(policy, &store.inventory(policy)?, now);
    store.prune(policy, &planned)?;
    Ok(planned)
}
