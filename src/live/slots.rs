//! How many connections are open, and which of them has to go for another.
//!
//! A connection *keeps us waiting* while its next request is not whole, and since it last took of the answer that is on the way to it. At the limit the
//! one that has done so longest is closed for the new one: thousands of sockets that say nothing keep nobody out, and nobody is closed while we work for him.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// All open connections.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    start: Instant,
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Slot>>>,
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Slot {
    number: u64,
    is_served: AtomicBool,
    /// Since when it has been in its state, in µs after the start of [`Slots`].
    since: AtomicU64,
    closing: Notify,
}

impl Slots {
    pub(super) fn new(most: usize) -> Slots {
        Slots { most, start: Instant::now(), next: AtomicU64::new(0), open: Mutex::default() }
    }

    /// A place for a new connection; `None` where all are being served.
    pub(super) fn take(&self) -> Option<Arc<Slot>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.most {
            let waiting = open.values().filter(|slot| !slot.is_served.load(Ordering::Relaxed));
            let longest = waiting.min_by_key(|slot| slot.since.load(Ordering::Relaxed))?.number;
            open.remove(&longest)?.closing.notify_one();
        }
        let slot = Slot { number: self.next.fetch_add(1, Ordering::Relaxed), ..Slot::default() };
        slot.since.store(self.now(), Ordering::Relaxed);
        let slot = Arc::new(slot);
        open.insert(slot.number, Arc::clone(&slot));
        Some(slot)
    }

    /// A connection has ended.
    pub(super) fn give_back(&self, slot: &Slot) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot.number);
    }

    /// We work for it.
    pub(super) fn serves(&self, slot: &Slot) {
        slot.is_served.store(true, Ordering::Relaxed);
    }

    /// It keeps us waiting.
    pub(super) fn waits_for(&self, slot: &Slot) {
        slot.since.store(self.now(), Ordering::Relaxed);
        slot.is_served.store(false, Ordering::Relaxed);
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Slot {
    /// Ends when its place was given to another.
    pub(super) async fn closed(&self) {
        self.closing.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_waits_longest_goes_and_never_one_that_is_served() {
        let slots = Slots::new(3);
        let open: Vec<_> = (0..3).map(|_| slots.take().unwrap()).collect();
        for (slot, since) in open.iter().zip([5, 3, 9]) {
            slot.since.store(since, Ordering::Relaxed);
        }
        slots.serves(&open[1]);
        let new = slots.take().unwrap();
        let numbers = || slots.open.lock().unwrap().keys().copied().collect::<Vec<_>>();
        assert_eq!(numbers(), [1, 2, 3], "the first, as the second is served");
        open.iter().chain([&new]).for_each(|slot| slots.serves(slot));
        assert!(slots.take().is_none());
        slots.waits_for(&open[2]);
        assert!(slots.take().is_some());
        assert_eq!(numbers(), [1, 3, 4]);
        slots.give_back(&open[2]);
        assert_eq!(slots.len(), 3, "one that has lost its place has nothing to give back");
    }
}
