//! A simulated cluster.
use crate::model::{Batch, Timestamp};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct DemoOptions {
    /// Number of nodes.
    pub nodes: usize,
    /// Days of data.
    pub days: u32,
    /// Same seed, same data.
    pub seed: u64,
    /// The data ends here.
    pub until: Timestamp,
    /// Distance of samples, ms.
    pub interval_ms: i64,
}

/// Batches in time order, one a scrape of the whole cluster.
pub fn batches(_options: DemoOptions) -> impl Iterator<Item = Batch> {
    std::iter::empty()
}
