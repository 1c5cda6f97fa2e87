//! The selected samples in the order of time, slice by slice, so that a few million are held at once however many there are.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::ExportError;
use crate::model::{Series, SeriesId, TimeRange, Timestamp};
use crate::query::Source;

/// One sample and its series' place in the list of series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) ts: i64,
    pub(super) place: u32,
    pub(super) value: f64,
}

/// About how many samples (24 bytes each) a slice is made to hold; one with twice as many is cut.
const SLICE_SAMPLES: usize = 1 << 20;
const FIRST_SLICE_MS: i64 = 3_600_000;

/// One call of `each` a slice, with its samples ordered by time and then by place. Every sample of `series` in `range` comes exactly once.
pub(super) fn by_time(
    source: &dyn Source,
    series: &[Series],
    range: TimeRange,
    each: &mut dyn FnMut(&[Placed]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let Some(range) = source.span()?.and_then(|data| data.intersect(range)) else { return Ok(()) };
    let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
    let places: HashMap<SeriesId, u32> = ids.iter().enumerate().map(|(place, id)| (*id, place as u32)).collect();
    let mut samples: Vec<Placed> = Vec::new();
    let mut length = FIRST_SLICE_MS;
    let mut at = range.from();
    while at < range.to() {
        let to = at.plus_millis(length).min(range.to());
        let Some(slice) = TimeRange::new(at, to) else { break };
        samples.clear();
        // A slice of one millisecond cannot be cut: it holds a sample a series.
        let limit = if length == 1 { usize::MAX } else { 2 * SLICE_SAMPLES };
        source.samples(&ids, slice, &mut |id, times, values| {
            if let Some(place) = places.get(&id) {
                let placed =
                    times.iter().zip(values).map(|(ts, value)| Placed { ts: *ts, place: *place, value: *value });
                samples.extend(placed);
            }
            if samples.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if samples.len() > limit {
            length = (length / 4).max(1);
            continue;
        }
        // Made of runs that ascend: the stable sort merges them.
        samples.sort_by_key(|s| (s.ts, s.place));
        each(&samples)?;
        at = to;
        length = next_length(length, samples.len());
    }
    Ok(())
}

/// Takes the samples of one series in one slice: its place and they.
pub(super) type OfSeries<'a> = &'a mut dyn FnMut(u32, &[Placed]) -> Result<(), ExportError>;

/// One call of `each` a series and slice, with its samples ordered by time; slices one after the other, in each the series in the order of their
/// places. Every sample of `series` in `range` comes exactly once.
pub(super) fn by_series(
    source: &dyn Source,
    series: &[Series],
    range: TimeRange,
    each: OfSeries<'_>,
) -> Result<(), ExportError> {
    let mut sorted: Vec<Placed> = Vec::new();
    by_time(source, series, range, &mut |samples| {
        sorted.clear();
        sorted.extend_from_slice(samples);
        sorted.sort_by_key(|sample| sample.place); // stable: in each place by time
        sorted.chunk_by(|a, b| a.place == b.place).try_for_each(|run| each(run[0].place, run))
    })
}

/// Towards slices of [`SLICE_SAMPLES`]; a sparse stretch lets it grow fourfold at once.
fn next_length(length: i64, samples: usize) -> i64 {
    let fitting = length as i128 * SLICE_SAMPLES as i128 / samples.max(1) as i128;
    let grown = length.saturating_mul(4).min(Timestamp::MAX.millis());
    (fitting.min(grown as i128) as i64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn slices_follow_the_density() {
        assert_eq!(next_length(1_000, SLICE_SAMPLES), 1_000);
        assert_eq!(next_length(1_000, 0), 4_000);
        assert_eq!(next_length(1_000, SLICE_SAMPLES * 2), 500);
        assert_eq!(next_length(i64::MAX / 2, 0), Timestamp::MAX.millis());
        assert_eq!(next_length(1, SLICE_SAMPLES * 9), 1);
    }

    #[test]
    fn every_sample_comes_once_in_order() {
        let hours = |from: i64| (0..50).map(move |i| (from + i * 1_800_000, i as f64));
        let source = MemorySource::default()
            .with(key("b", "x", &[]), hours(0))
            .with(key("a", "x", &[]), hours(7))
            .with(key("a", "y", &[]), hours(7).chain([(400 * 86_400_000, 1.0)]));
        let mut seen: Vec<(i64, u32)> = Vec::new();
        by_time(&source, &source.all(), range(1, i64::MAX), &mut |slice| {
            seen.extend(slice.iter().map(|s| (s.ts, s.place)));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.len(), 150);
        assert!(seen.windows(2).all(|w| w[0] < w[1]));
    }
}
