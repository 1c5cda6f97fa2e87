//! When and how often a series was sampled.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::HOUR_MS;
use crate::analyse::step_ms;
use crate::model::{SeriesId, TimeRange, Timestamp};
use crate::query::{Bucket, Grid, QueryError, Source};

/// Distances of neighbours that are kept to find the usual one.
const DISTANCES_MAX: usize = 512;

/// First and last sample of a series in a range, and its usual distance of samples, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rhythm {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) interval_ms: i64,
}

impl Rhythm {
    fn step_for(&self, interval_ms: i64) -> i64 {
        let (first, last) = (Timestamp::from_millis(self.first), Timestamp::from_millis(self.last));
        TimeRange::new(first, last).map_or(HOUR_MS, |range| step_ms(range, interval_ms))
    }

    /// Whether the other can share a grid that is made for this one: the same step, and at least half of the time of both is common.
    pub(super) fn leads(&self, other: &Rhythm) -> bool {
        let common = self.last.min(other.last) - self.first.max(other.first);
        let whole = self.last.max(other.last) - self.first.min(other.first);
        self.step_for(self.interval_ms) == self.step_for(other.interval_ms) && 2 * common >= whole
    }

    /// The grid that buckets are filled by, up to `last`, and whether a bucket holds about one sample.
    pub(super) fn grid(&self, last: i64) -> (Grid, bool) {
        let step_ms = self.step_for(self.interval_ms);
        let single = 2 * self.interval_ms > step_ms;
        let start = match single {
            // Rollups are asked for whole hours only, and those start on the hour.
            _ if step_ms % HOUR_MS == 0 => Timestamp::from_millis(self.first).floor_to(step_ms),
            true => Timestamp::from_millis(self.first - step_ms / 2),
            false => Timestamp::from_millis(self.first).floor_to(step_ms),
        };
        let len = ((last - start.millis()) / step_ms + 1).max(0) as usize;
        (Grid { start, step_ms, len }, single)
    }
}

#[derive(Default)]
struct Listener {
    first: Option<i64>,
    last: i64,
    distances: Vec<i64>,
}

impl Listener {
    fn hear(&mut self, times: &[i64]) {
        let Some((&first, &last)) = times.first().zip(times.last()) else { return };
        let before = self.first.map(|_| self.last);
        self.first.get_or_insert(first);
        self.last = last;
        let left = DISTANCES_MAX - self.distances.len();
        let joints = before.map(|before| first - before).into_iter();
        let distances = joints.chain(times.windows(2).map(|pair| pair[1] - pair[0]));
        self.distances.extend(distances.filter(|d| *d > 0).take(left));
    }

    fn rhythm(mut self) -> Option<Rhythm> {
        self.distances.sort_unstable();
        let interval_ms = self.distances.get(self.distances.len() / 2).copied().unwrap_or(1);
        Some(Rhythm { first: self.first?, last: self.last, interval_ms })
    }
}

/// The rhythm of every series that has data in `range`: of its samples, or of its rollups where samples are no longer kept.
pub(super) fn rhythms(
    source: &dyn Source,
    ids: &[SeriesId],
    range: TimeRange,
) -> Result<HashMap<SeriesId, Rhythm>, QueryError> {
    let finest_ms = source.finest_step_ms(range)?;
    if finest_ms >= HOUR_MS {
        return of_rollups(source, ids, range, finest_ms);
    }
    let mut listeners: HashMap<SeriesId, Listener> = HashMap::new();
    source.glimpses(ids, range, DISTANCES_MAX + 1, &mut |id, times| {
        listeners.entry(id).or_default().hear(times);
        ControlFlow::Continue(())
    })?;
    Ok(listeners.into_iter().filter_map(|(id, heard)| Some((id, heard.rhythm()?))).collect())
}

fn of_rollups(
    source: &dyn Source,
    ids: &[SeriesId],
    range: TimeRange,
    width_ms: i64,
) -> Result<HashMap<SeriesId, Rhythm>, QueryError> {
    let known = source.span()?.and_then(|data| data.intersect(range)).unwrap_or(range);
    let grid = Grid::covering(known, width_ms);
    let mut rhythms = HashMap::new();
    source.buckets(ids, known, grid, &mut |id, buckets| {
        let is_there = |bucket: &Bucket| !bucket.aggregate.is_empty();
        if let Some((first, last)) = buckets.iter().position(is_there).zip(buckets.iter().rposition(is_there)) {
            let [first, last] = [first, last].map(|row| grid.time(row).millis());
            rhythms.insert(id, Rhythm { first, last, interval_ms: width_ms });
        }
    })?;
    Ok(rhythms)
}
