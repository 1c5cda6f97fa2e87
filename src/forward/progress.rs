use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::model::Timestamp;

/// How far samples were handed on, for who looks at it from another thread.
#[derive(Debug)]
pub struct Progress {
    position: AtomicI64,
    sent: AtomicU64,
    rejected: AtomicU64,
    away: AtomicBool,
}

impl Progress {
    pub(super) fn from(position: Timestamp) -> Progress {
        let (sent, rejected, away) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Progress { position: AtomicI64::new(position.millis()), sent, rejected, away }
    }

    /// Everything before it was acknowledged.
    pub fn position(&self) -> Timestamp {
        Timestamp::from_millis(self.position.load(Ordering::Relaxed))
    }

    /// Samples that were sent since the start.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Samples that were refused for good since the start.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Whether the engine does not take samples now.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, position: Timestamp) {
        self.position.store(position.millis(), Ordering::Relaxed);
    }

    pub(super) fn has_sent(&self, samples: u64, rejected: u64) {
        self.sent.fetch_add(samples, Ordering::Relaxed);
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    pub(super) fn goes_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }
}
