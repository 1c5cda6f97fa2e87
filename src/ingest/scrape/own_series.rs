//! What is known of a scrape beside its page.

use std::time::Duration;

use super::target::Owner;
use crate::model::{Batch, Kind, Labels, MetricMeta, MetricName, Sample, SeriesKey, Timestamp};

/// What became of a scrape, in numbers.
#[derive(Clone, Copy, Debug)]
pub struct Scraped {
    /// When it was due.
    pub at: Timestamp,
    /// Whether its page was taken.
    pub is_up: bool,
    /// How long it took.
    pub took: Duration,
    /// Samples that were taken of the page.
    pub samples: u64,
}

/// Name, unit and help.
const UP: [&str; 3] = ["up", "", "1 where the target's page was taken, 0 where it was not"];
const DURATION: [&str; 3] = ["scrape_duration_seconds", "seconds", "how long the scrape took"];
const SAMPLES: [&str; 3] = ["scrape_samples_scraped", "", "samples that were taken of the page"];

/// Adds them to a batch, as Prometheus names them.
pub fn add_to(batch: &mut Batch, owner: &Owner, scraped: Scraped) {
    let Scraped { at, is_up, took, samples } = scraped;
    let values = [(UP, f64::from(u8::from(is_up))), (DURATION, took.as_secs_f64()), (SAMPLES, samples as f64)];
    for ([name, unit, help], value) in values {
        let Ok(metric) = MetricName::new(name) else { continue };
        let key = SeriesKey { node: owner.node.clone(), metric, labels: owner.labels(&Labels::default()) };
        let unit = (!unit.is_empty()).then(|| unit.to_owned());
        let meta = MetricMeta { kind: Some(Kind::Gauge), unit, help: Some(help.to_owned()) };
        batch.push(key, Some(meta), Sample { ts: at, value });
    }
}
