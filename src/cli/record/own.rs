use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::context::clock;
use crate::forward::Progress;
use crate::live::{Figure, Figures};

/// What a recorder tells of itself on `/metrics`, beside what its server knows.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// How far samples were handed on, where they are.
    pub forwarded: Option<Arc<Progress>>,
    /// Samples that were pruned before they were handed on.
    pub pruned_unsent: Arc<AtomicU64>,
}

impl Own {
    /// To be looked at from another thread.
    pub fn figures(self) -> Figures {
        Figures::new(move || {
            let Some(forwarded) = &self.forwarded else { return Vec::new() };
            let lag = (clock().millis() - forwarded.position().millis()) as f64 / 1e3;
            let up = if forwarded.is_away() { 0.0 } else { 1.0 };
            let pruned = self.pruned_unsent.load(Ordering::Relaxed) as f64;
            let figure = |name, kind, help, value| Figure { name, kind, help, value };
            vec![
                figure("nodebook_forward_up", "gauge", "Whether the engine takes what is forwarded.", up),
                figure(
                    "nodebook_forward_lag_seconds",
                    "gauge",
                    "How far what the engine has acknowledged is behind the clock.",
                    lag,
                ),
                figure(
                    "nodebook_forward_samples_total",
                    "counter",
                    "Samples that were forwarded; some may be copies.",
                    forwarded.sent() as f64,
                ),
                figure(
                    "nodebook_forward_rejected_total",
                    "counter",
                    "Samples that the engine refuses for good.",
                    forwarded.rejected() as f64,
                ),
                figure(
                    "nodebook_forward_pruned_total",
                    "counter",
                    "Samples that were pruned before they were forwarded.",
                    pruned,
                ),
            ]
        })
    }
}
