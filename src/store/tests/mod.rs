//! Tests of the floor as a whole; what one file does is tested there.

mod damage;
mod fold;
mod killed;
mod model;
mod mutants;
mod opening;
mod recovered;
mod retained;

use std::ops::ControlFlow;
use std::path::Path;

use crate::figure::figure;
use crate::model::{Batch, Labels, MetricName, NodeName, Sample, SeriesId, SeriesKey, TimeRange, Timestamp};

use super::*;

/// 2023-11-14T22:00:00Z, a full hour.
pub(super) const T0: i64 = 1_700_000_000_000 / 3_600_000 * 3_600_000;

pub(super) fn key(i: usize) -> SeriesKey {
    SeriesKey {
        node: NodeName::new(&format!("node-{}", i / 2)).unwrap(),
        metric: MetricName::new(["load1", "bytes_total"][i % 2]).unwrap(),
        labels: Labels::default(),
    }
}

pub(super) fn sample(ts: i64, value: f64) -> Sample {
    Sample { ts: Timestamp::from_millis(ts), value }
}

pub(super) fn batch(samples: &[(usize, i64, f64)]) -> Batch {
    let mut batch = Batch::default();
    samples.iter().for_each(|(i, ts, value)| batch.push(key(*i), None, sample(*ts, *value)));
    batch
}

/// A number without a pattern, so that chunks take the space real ones do.
pub(super) fn noise(i: i64) -> f64 {
    let mixed = (i as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29) as f64 / 1e9
}

pub(super) fn open(path: &Path) -> Store {
    Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap()
}

/// All samples as `(series, ts, bits)`, after checking that runs of a series ascend.
pub(super) fn scan_all(reader: &Reader, series: &[SeriesId], range: TimeRange) -> Vec<(SeriesId, i64, u64)> {
    let mut all = Vec::new();
    let mut last = std::collections::HashMap::new();
    let mut visit = |series, times: &[i64], values: &[f64]| {
        assert_eq!(times.len(), values.len());
        for (t, v) in times.iter().zip(values) {
            assert!(last.insert(series, *t).is_none_or(|before| before < *t), "times of a series ascend");
            all.push((series, *t, v.to_bits()));
        }
        ControlFlow::Continue(())
    };
    reader.scan(series, range, &mut visit).unwrap();
    all.sort_unstable();
    all
}
