//! Floor 3: findings. Few, right, explained.
//!
//! [`find`] takes series on a grid ([`Subject`]) and gives [`Finding`]s in order of rank. The detectors below it are pure functions on slices and can be used by themselves:
//!
//! | module | says |
//! |---|---|
//! | [`season`] | what is usual at this time of day or week |
//! | [`trend`], [`ramp`] | what rises or falls evenly, all the time or since some day |
//! | [`changepoint`] | where a level shifted for good |
//! | [`anomaly`], [`tail`], [`alarm`] | which stretches are odd against the series' own history |
//! | [`cluster`] | all series of all nodes on all cores |
//! | [`peers`] | which node is unlike its group |
//! | [`correlate`] | what moves together |
//! | [`forecast`] | when a capacity is full |
//! | [`compare`] | how this period differs from the one before |
//! | [`aligned`] | how a short run differs from another |
//! | [`moved`] | what else moved in a window |
//! | [`thresholds`] | which limits hold |
//! | [`findings`] | statements, ranked, in words |
//! | [`load`] | which series of a source, on which grid |
//! | [`mod@examine`], [`mod@dense`] | everything of a source; every row of it |
//! | [`mod@evidence`], [`relations`] | what shows a finding; how far series move together |
//!
//! ```text
//!   values ─► season ─► change points ─► anomalies ─► node ─► incident ─┐
//!                │                                                      ├─► findings, ranked
//!                └──► movements ─► correlation groups                   │
//!   values ─► peers, forecast, comparison ──────────────────────────────┘
//! ```
//!
//! [`load`] and [`mod@examine`] ask a [`Source`](crate::query::Source), the others know slices only. What this floor never does: SQL, reading the clock, stating a cause, learning from labels. NaN is a gap; nothing panics on any float. The same input gives the same
//! findings on any number of threads.

pub mod alarm;
pub mod aligned;
pub mod anomaly;
mod case;
pub mod changepoint;
pub mod cluster;
pub mod compare;
pub mod correlate;
pub mod dense;
pub mod evidence;
pub mod examine;
pub mod findings;
pub mod forecast;
pub mod load;
#[cfg(test)]
mod made;
pub mod moved;
pub mod options;
pub mod peers;
pub mod ramp;
pub mod relations;
pub mod season;
pub mod stats;
pub mod subject;
pub mod tail;
mod threads;
pub mod thresholds;
pub mod trend;

pub use dense::{Dense, dense};
pub use evidence::Evidence;
pub use examine::{Examined, KINDS, examine, examine_closely, moved_with, ranked, summarise};
pub use findings::{Finding, FindingKind, Findings, Moved, Mute, Severity, find, rank};
pub use options::{Changes, Floors, Options, Sensitivity};
pub use relations::Relations;
pub use subject::{Place, Subject};
pub use thresholds::{Side, Threshold, Thresholds};

use crate::model::TimeRange;

/// The step to analyse `range` at, for data sampled every `interval_ms`: a minute up to two weeks, five minutes up to a quarter of a year, then an hour
/// (which rollups answer for); never finer than the data, and half an hour where that is what the data has.
pub fn step_ms(range: TimeRange, interval_ms: i64) -> i64 {
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 1440 * MINUTE;
    let least = match range.millis() {
        ms if ms <= 14 * DAY => MINUTE,
        ms if ms <= 92 * DAY => 5 * MINUTE,
        _ if interval_ms > 15 * MINUTE => 30 * MINUTE,
        _ => 60 * MINUTE,
    };
    least.max((interval_ms.max(1) + MINUTE / 2) / MINUTE * MINUTE)
}
