//! Work that has to wait for its turn: so many at once, the others for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::answer::Refusal;
use super::limits::TURN_TIME;

/// Turns of one kind of work.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    /// What it is, in the plural.
    work: &'static str,
}

impl Turns {
    pub(super) fn new(at_once: usize, work: &'static str) -> Turns {
        Turns { free: Arc::new(Semaphore::new(at_once)), work }
    }

    /// The next turn; it ends when it is dropped.
    pub(super) async fn next(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy = || Refusal::busy(format!("too many {} at once: come again", self.work), Duration::from_secs(1));
        match timeout(TURN_TIME, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(busy()),
        }
    }

    /// Does something in its turn that keeps a thread busy.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.next().await?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.unwrap_or_else(|_| Err(Refusal::failed("the answer could not be made")))
    }
}
