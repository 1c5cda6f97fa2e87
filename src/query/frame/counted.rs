//! Coverage where samples were pruned: scrapes are not known one by one any more, only how many there were in each bucket of a rollup.

use super::super::resolution::DAY_MS;
use super::super::{Grid, QueryError, Source};
use super::coverage::{Coverage, GAP_INTERVALS, longest_gaps, missing};
use super::up::Told;
use crate::model::{Aggregate, NodeName, SeriesId, TimeRange, Timestamp};

/// Coverage of a node by the whole buckets of `step_ms` in `known`, the part of `range` that there is data of. What the series with most samples has in
/// a bucket is taken for the node's scrapes. Where the node came later it owes nothing before; a first bucket that it did not fill is complete.
/// The last bucket is whole too where data ends in it, and owed up to there.
pub(super) fn counted_coverage(
    source: &dyn Source,
    node: &NodeName,
    told: &Told<'_>,
    known: TimeRange,
    range: TimeRange,
    step_ms: i64,
) -> Result<Coverage, QueryError> {
    let from = known.from().ceil_to(step_ms);
    let to = known.to().ceil_to(step_ms).min(range.to().floor_to(step_ms));
    let none = Coverage::none(node.clone(), step_ms);
    let Some(whole) = TimeRange::new(from, to).filter(|whole| !whole.is_empty()) else { return Ok(none) };
    let left_out = source.left_out(node, whole);
    let counts = scrapes(source, told, whole, step_ms)?;
    let Some(first) = counts.iter().position(|count| *count > 0) else {
        let before = match told.data.is_empty() {
            true => self::counts(source, &told.up, whole, step_ms, &|up| up.count)?,
            false => scrapes(source, told, whole.previous(), step_ms)?,
        };
        return Ok(match interval(&before, step_ms) {
            0 => none,
            interval_ms => Coverage {
                interval_ms,
                expected: (left_out.outside(whole).millis() / interval_ms).unsigned_abs(),
                gaps: TimeRange::new(from, range.to()).into_iter().collect(),
                gap_count: 1,
                ..none
            },
        });
    };
    let interval_ms = interval(&counts, step_ms).max(1);
    let full = (step_ms / interval_ms).max(1).unsigned_abs();
    let was_there = match source.span()?.and_then(|data| TimeRange::new(data.from(), from)) {
        Some(before) if !before.is_empty() => {
            scrapes(source, told, before, DAY_MS.max(step_ms))?.iter().any(|n| *n > 0)
        }
        _ => false,
    };
    let start = if was_there { 0 } else { first };
    let before_it_came = if was_there { 0 } else { full - counts[first].min(full) };
    let owed_from = from.plus_millis(start as i64 * step_ms);
    let owed_ms = TimeRange::new(owed_from, known.to().min(to)).map_or(0, |owed| left_out.outside(owed).millis());
    let owed = owed_ms.unsigned_abs().div_ceil(interval_ms.unsigned_abs());
    let present = counts.iter().map(|count| (*count).min(full)).sum();
    let silences = silences(&counts, start, from, step_ms, interval_ms);
    let (gaps, gap_count) = longest_gaps(missing(silences, &left_out, interval_ms), to, range);
    Ok(Coverage {
        interval_ms,
        expected: owed.saturating_sub(before_it_came).max(present),
        present,
        gaps,
        gap_count,
        ..none
    })
}

/// What is there of the node, bucket by bucket: the samples of its fullest series, or how often it answered, where it tells nothing itself.
fn scrapes(source: &dyn Source, told: &Told<'_>, range: TimeRange, step_ms: i64) -> Result<Vec<u64>, QueryError> {
    let ids: Vec<SeriesId> = told.data.iter().map(|s| s.id).collect();
    match ids.is_empty() {
        true => counts(source, &told.up, range, step_ms, &|up| up.sum.round() as u64),
        false => counts(source, &ids, range, step_ms, &|one| one.count),
    }
}

/// Most of one series, bucket by bucket.
fn counts(
    source: &dyn Source,
    ids: &[SeriesId],
    range: TimeRange,
    step_ms: i64,
    of: &dyn Fn(&Aggregate) -> u64,
) -> Result<Vec<u64>, QueryError> {
    let grid = Grid::covering(range, step_ms);
    let mut most = vec![0; grid.len];
    source.buckets(ids, range, grid, &mut |_, buckets| {
        for (most, bucket) in most.iter_mut().zip(buckets) {
            *most = of(&bucket.aggregate).max(*most);
        }
    })?;
    Ok(most)
}

/// The usual distance of samples: by what is usual in a bucket, or by the distance of buckets where that is one; 0 where nothing is there.
fn interval(counts: &[u64], step_ms: i64) -> i64 {
    let mut filled: Vec<u64> = counts.iter().copied().filter(|count| *count > 0).collect();
    filled.sort_unstable();
    match filled.get(filled.len() / 2) {
        None => 0,
        Some(1) => {
            let places: Vec<usize> = (0..counts.len()).filter(|i| counts[*i] > 0).collect();
            let mut apart: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
            apart.sort_unstable();
            apart.get(apart.len() / 2).map_or(step_ms, |steps| *steps as i64 * step_ms)
        }
        Some(usual) => (step_ms / i64::try_from(*usual).unwrap_or(step_ms)).max(1),
    }
}

/// The runs of empty buckets that are a gap, in time order.
fn silences(counts: &[u64], start: usize, from: Timestamp, step_ms: i64, interval_ms: i64) -> Vec<TimeRange> {
    let at = |i: usize| from.plus_millis(step_ms * i as i64);
    let mut gaps = Vec::new();
    let mut i = start;
    for run in counts[start..].chunk_by(|a, b| (*a > 0) == (*b > 0)) {
        let end = i + run.len();
        if run[0] == 0 && run.len() as i64 * step_ms > GAP_INTERVALS * interval_ms {
            gaps.extend(TimeRange::new(at(i), at(end)));
        }
        i = end;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{MemorySource, key, range};
    use super::super::coverage;
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn minutes(from: i64, to: i64) -> impl Iterator<Item = (i64, f64)> {
        (from..to).map(|i| (i * 60_000, 1.0))
    }

    fn of(mut source: MemorySource, from: i64, to: i64) -> Vec<Coverage> {
        source.finest_step_ms = HOUR;
        coverage(&source, &source.all(), range(from, to)).unwrap()
    }

    #[test]
    fn what_is_missing_is_told_by_the_hour() {
        let source = MemorySource::default()
            .with(key("a", "x", &[]), minutes(0, 600))
            .with(key("b", "x", &[]), minutes(0, 420).chain(minutes(540, 590)))
            .with(key("c", "x", &[]), minutes(380, 480))
            .with(key("d", "x", &[]), minutes(0, 20));
        let got = of(source, 6 * HOUR, 10 * HOUR);
        let told: Vec<_> = got.iter().map(|c| (c.interval_ms, c.expected, c.present, c.gap_count)).collect();
        assert_eq!(told, [(60_000, 240, 240, 0), (60_000, 240, 110, 1), (60_000, 220, 100, 1), (0, 0, 0, 0)]);
        assert_eq!(got[1].gaps, [range(7 * HOUR, 9 * HOUR)]);
        assert_eq!(got[2].stopped_at(range(6 * HOUR, 10 * HOUR)), Some(Timestamp::from_millis(8 * HOUR)));
        assert!(got.iter().all(|c| c.step_ms == HOUR));
    }

    #[test]
    fn a_target_that_does_not_answer_is_not_there_either() {
        let down = |from, to| minutes(from, to).map(|(t, _)| (t, 0.0));
        let source = MemorySource::default()
            .with(key("a", "up", &[]), minutes(0, 360).chain(down(360, 600)))
            .with(key("a", "x", &[]), minutes(0, 360))
            .with(key("b", "up", &[]), down(0, 600));
        let got = of(source, 4 * HOUR, 10 * HOUR);
        let told: Vec<_> = got.iter().map(|c| (c.expected, c.present, c.gap_count)).collect();
        assert_eq!(told, [(360, 120, 1), (360, 0, 1)]);
    }

    #[test]
    fn a_node_that_was_silent_all_through_owes_what_it_gave_before() {
        let source =
            MemorySource::default().with(key("a", "x", &[]), minutes(0, 600)).with(key("b", "x", &[]), minutes(0, 200));
        let got = of(source, 5 * HOUR, 8 * HOUR);
        assert_eq!(
            (got[1].expected, got[1].present, got[1].gaps.as_slice()),
            (180, 0, &[range(5 * HOUR, 8 * HOUR)][..])
        );
    }

    #[test]
    fn sampling_wider_than_a_bucket_is_no_gap() {
        let source = MemorySource::default().with(key("a", "x", &[]), (0..10).map(|i| (i * 3 * HOUR, 1.0)));
        let got = of(source, 0, 28 * HOUR);
        assert_eq!((got[0].interval_ms, got[0].expected, got[0].present, got[0].gap_count), (3 * HOUR, 10, 10, 0));
    }
}
