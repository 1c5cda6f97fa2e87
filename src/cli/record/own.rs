use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::context::clock;
use crate::forward::Progress;
use crate::live::{Figure, Figures};
use crate::store::ForwardKey;

/// What a recorder tells of itself on `/metrics`, beside what its server knows.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// How far samples were handed on to each engine.
    pub forwarded: Vec<(ForwardKey, Arc<Progress>)>,
    /// Samples that were pruned before they were handed on.
    pub pruned_unsent: Arc<AtomicU64>,
}

/// Its name, kind and help, and how much it is of an engine.
type Told = (&'static str, &'static str, &'static str, fn(&Progress) -> f64);

/// What is told of each engine.
const OF_AN_ENGINE: [Told; 4] = [
    ("nodebook_forward_up", "gauge", "Whether the engine takes what is forwarded.", |engine| {
        if engine.is_away() { 0.0 } else { 1.0 }
    }),
    (
        "nodebook_forward_lag_seconds",
        "gauge",
        "How far what the engine has acknowledged is behind the clock.",
        |engine| (clock().millis() - engine.position().millis()) as f64 / 1e3,
    ),
    ("nodebook_forward_samples_total", "counter", "Samples that were forwarded; some may be copies.", |engine| {
        engine.sent() as f64
    }),
    ("nodebook_forward_rejected_total", "counter", "Samples that the engine refuses for good.", |engine| {
        engine.rejected() as f64
    }),
];

impl Own {
    /// To be looked at from another thread. Of several engines each figure says of which it is.
    pub fn figures(self) -> Figures {
        Figures::new(move || {
            if self.forwarded.is_empty() {
                return Vec::new();
            }
            let label = |key: &ForwardKey| (self.forwarded.len() > 1).then(|| ("engine", key.to_string()));
            let of_engines = OF_AN_ENGINE.iter().flat_map(|(name, kind, help, value)| {
                let figure = |(key, engine): &(ForwardKey, Arc<Progress>)| Figure {
                    name,
                    kind,
                    help,
                    label: label(key),
                    value: value(engine),
                };
                self.forwarded.iter().map(figure).collect::<Vec<_>>()
            });
            let pruned = Figure {
                name: "nodebook_forward_pruned_total",
                kind: "counter",
                help: "Samples that were pruned before they were forwarded.",
                label: None,
                value: self.pruned_unsent.load(Ordering::Relaxed) as f64,
            };
            of_engines.chain([pruned]).collect()
        })
    }
}
