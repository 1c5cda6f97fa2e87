//! Samples into buckets: the arithmetic, without a store.

use std::ops::Range;

use crate::model::{Aggregate, Growth, Kind, TimeRange, Timestamp};

use super::Grid;
use super::cells::Cells;
use super::resolution::{DAY_MS, HOUR_MS, Layer};

const HOURS_A_DAY: usize = (DAY_MS / HOUR_MS) as usize;

/// The samples of one series in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Their aggregate. `increase` is told of counters only: their reset-aware growth, with the step from the sample before the bucket where
    /// that one is near (not across a gap, see [`Growth`]); 0 for a gauge.
    pub aggregate: Aggregate,
    /// The time over which `increase` grew, in seconds; 0 where there is nothing to tell.
    pub increase_seconds: f64,
}

impl Bucket {
    /// Reset-aware growth per second, NaN where unknown.
    pub fn rate(&self) -> f64 {
        if self.increase_seconds > 0.0 { self.aggregate.increase / self.increase_seconds } else { f64::NAN }
    }

    /// Joins the bucket of the time right after this one. Steps between the two are in the later one already, so growth just adds up.
    pub fn merge(&mut self, later: &Bucket) {
        let increase = self.aggregate.increase + later.aggregate.increase;
        self.aggregate.merge(&later.aggregate);
        self.aggregate.increase = increase;
        self.increase_seconds += later.increase_seconds;
    }

    /// All of them, in time order, as one.
    pub fn total(buckets: &[Bucket]) -> Bucket {
        let mut total = Bucket::default();
        buckets.iter().for_each(|bucket| total.merge(bucket));
        total
    }
}

/// One series on its way into the cells of a grid. Where the grid's step is a number of hours, cells are hours, whatever the step: then the sums
/// of rollups and of samples are added up in the same order and are equal to the last bit.
#[derive(Debug)]
pub(super) struct SeriesCells {
    kind: Kind,
    growth: Growth,
    cells: Cells,
}

/// The grid of the cells that make the buckets of `grid`.
pub(super) fn cell_grid(grid: Grid) -> Grid {
    if grid.step_ms % HOUR_MS != 0 {
        return grid;
    }
    Grid { start: grid.start, step_ms: HOUR_MS, len: grid.len * (grid.step_ms / HOUR_MS) as usize }
}

impl SeriesCells {
    /// Empty cells.
    pub(super) fn new(kind: Kind, near_ms: i64, len: usize) -> Self {
        SeriesCells { kind, growth: Growth::new(near_ms), cells: Cells::new(len) }
    }

    /// Takes a run of samples. Those outside `range` only tell what a counter stood at before it.
    pub(super) fn push(&mut self, grid: Grid, range: TimeRange, times: &[i64], values: &[f64]) {
        let from = times.partition_point(|t| *t < range.from().millis());
        let to = times.partition_point(|t| *t < range.to().millis());
        if self.kind == Kind::Counter {
            for (t, v) in times[..from].iter().zip(&values[..from]) {
                self.growth.step(*t, *v);
            }
        }
        for (index, part) in in_cells(grid, &times[from..to]) {
            let part = part.start + from..part.end + from;
            let Some(cell) = self.cells.cell_mut(index) else { break };
            cell.aggregate.push_levels(&values[part.clone()]);
            if self.kind == Kind::Counter {
                grow(cell, &mut self.growth, &times[part.clone()], &values[part]);
            }
        }
    }

    /// Puts a rollup bucket of `layer` in its place. A day is put where its first hour is.
    pub(super) fn put(&mut self, grid: Grid, layer: Layer, at: Timestamp, bucket: Bucket) {
        let part = bucket_of(grid, layer, at);
        self.cells.clear(part.clone());
        if let Some(cell) = self.cells.cell_mut(part.start) {
            *cell = bucket;
        }
    }

    /// How many samples the cells hold of the bucket of `layer` at `at`.
    pub(super) fn count(&self, grid: Grid, layer: Layer, at: Timestamp) -> u64 {
        self.cells.held(bucket_of(grid, layer, at)).map(|(_, cell)| cell.aggregate.count).sum()
    }

    /// The stretches of `range`, which is whole buckets of `layer`, whose buckets are all empty.
    pub(super) fn missing(&self, grid: Grid, layer: Layer, range: TimeRange) -> Vec<TimeRange> {
        let mut out: Vec<TimeRange> = Vec::new();
        let mut at = range.from();
        let part = grid.index(range.from().millis())..grid.index(range.to().millis());
        for (place, _) in self.cells.held(part).filter(|(_, cell)| !cell.aggregate.is_empty()) {
            let start = grid.time(place).floor_to(layer.width_ms());
            if start >= at {
                out.extend(TimeRange::new(at, start).filter(|gap| !gap.is_empty()));
                at = start.plus_millis(layer.width_ms());
            }
        }
        out.extend(TimeRange::new(at, range.to()).filter(|gap| !gap.is_empty()));
        out
    }

    /// The buckets of `grid`, into `out`. Hours make days and days make buckets, as the store's rollups are made.
    pub(super) fn buckets(&self, grid: Grid, out: &mut Vec<Bucket>) {
        out.clear();
        out.resize(grid.len, Bucket::default());
        let cells_a_bucket = self.cells.len().checked_div(grid.len).unwrap_or(1).max(1);
        let day = if cells_a_bucket > HOURS_A_DAY && grid.step_ms % DAY_MS == 0 { HOURS_A_DAY } else { cells_a_bucket };
        let (mut known, mut total) = ((0, 0), Bucket::default());
        for (place, cell) in self.cells.held(0..self.cells.len()) {
            if cells_a_bucket == 1 {
                out[place] = *cell;
                continue;
            }
            let at = (place / cells_a_bucket, place % cells_a_bucket / day);
            if at != known {
                out[known.0].merge(&total);
                (known, total) = (at, Bucket::default());
            }
            total.merge(cell);
        }
        if let Some(last) = out.get_mut(known.0) {
            last.merge(&total);
        }
    }
}

/// The cells that make the bucket of `layer` at `at`.
fn bucket_of(grid: Grid, layer: Layer, at: Timestamp) -> Range<usize> {
    let first = grid.index(at.millis());
    first..first + (layer.width_ms() / grid.step_ms).max(1) as usize
}

/// Which of some times (ascending, in the grid's range or after it) lie in which cell.
pub(super) fn in_cells(grid: Grid, times: &[i64]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let (mut i, mut usual) = (0, 1);
    std::iter::from_fn(move || {
        let index = grid.index(*times.get(i)?);
        let end = grid.time(index + 1).millis();
        // As many as were in the cell before, most often.
        let guess = (i + usual).min(times.len());
        let is_it = times[guess - 1] < end && times.get(guess).is_none_or(|t| *t >= end);
        let j = if is_it { guess } else { i + times[i..].partition_point(|t| *t < end) };
        let part = i..j;
        (i, usual) = (j, j - i);
        Some((index, part))
    })
}

fn grow(cell: &mut Bucket, growth: &mut Growth, times: &[i64], values: &[f64]) {
    let mut millis = 0;
    for (t, v) in times.iter().zip(values) {
        if let Some(step) = growth.step(*t, *v) {
            cell.aggregate.increase += step.increase;
            millis += step.millis;
        }
    }
    cell.increase_seconds += millis as f64 / 1e3;
}

/// One series' rollup rows (ascending, one layer) as buckets. Of a gauge they are what the samples would give. Of a counter the growth is exact, with the step
/// from the row before where that one is near; the time it took is told to the bucket: all of it where there is a row right before, else the
/// share that its number of samples has of the fullest row.
pub(super) fn from_rollups(
    kind: Kind,
    layer: Layer,
    near_ms: i64,
    rows: &[(Timestamp, Aggregate)],
) -> impl Iterator<Item = (Timestamp, Bucket)> {
    let width = layer.width_ms();
    let fullest = rows.iter().map(|(_, row)| row.count).max().unwrap_or(0).max(1);
    rows.iter().enumerate().map(move |(i, (at, row))| {
        let mut bucket = Bucket { aggregate: *row, increase_seconds: 0.0 };
        if kind == Kind::Gauge {
            bucket.aggregate.increase = 0.0;
            return (*at, bucket);
        }
        let before = i.checked_sub(1).map(|i| rows[i]).filter(|(t, _)| at.millis() - t.millis() - width < near_ms);
        let millis = match before {
            Some((t, before)) => {
                bucket.aggregate.increase += crate::model::step_up(before.last, row.first);
                (at.millis() - t.millis()) as f64
            }
            None if row.count > 1 => width as f64 * row.count as f64 / fullest as f64,
            None => 0.0,
        };
        bucket.increase_seconds = millis / 1e3;
        (*at, bucket)
    })
}

#[cfg(test)]
mod tests {
    use super::super::memory::naive_buckets;
    use super::*;
    use crate::model::near_ms;
    use proptest::prelude::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
    }

    fn filled(kind: Kind, range: TimeRange, step: i64, runs: &[&[(i64, f64)]]) -> Vec<Bucket> {
        let grid = Grid::covering(range, step);
        let cells = cell_grid(grid);
        let mut series = SeriesCells::new(kind, near_ms(step), cells.len);
        for run in runs {
            let (times, values): (Vec<i64>, Vec<f64>) = run.iter().copied().unzip();
            series.push(cells, range, &times, &values);
        }
        let mut out = Vec::new();
        series.buckets(grid, &mut out);
        out
    }

    #[test]
    fn the_step_into_a_bucket_counts_and_a_gap_does_not() {
        let m = 60_000;
        let samples = [(-m, 1.0), (m, 3.0), (2 * m, 4.0), (20 * m, 9.0), (21 * m, 2.0)];
        let got = filled(Kind::Counter, range(0, 25 * m), 5 * m, &[&samples]);
        let grown: Vec<_> = got.iter().map(|b| (b.aggregate.increase, b.increase_seconds)).collect();
        assert_eq!(grown, [(3.0, 180.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (2.0, 60.0)]);
        assert_eq!(got[0].rate(), 3.0 / 180.0);
        assert!(got[1].rate().is_nan());
        assert_eq!((got[4].aggregate.count, got[4].aggregate.last), (2, 2.0));
    }

    #[test]
    fn the_parts_of_a_range_join_to_the_whole() {
        let buckets = filled(Kind::Counter, range(0, 400), 100, &[&[(0, 1.0), (150, 4.0), (399, 2.0)]]);
        let total = Bucket::total(&buckets);
        assert_eq!((total.aggregate.count, total.aggregate.increase), (3, 5.0));
        assert!((total.increase_seconds - 0.399).abs() < 1e-12);
    }

    #[test]
    fn rollups_of_a_counter_tell_growth_exactly_and_time_to_the_hour() {
        let h = HOUR_MS;
        let row = |values: &[f64]| Aggregate::of(values);
        let rows = [(0, row(&[1.0, 2.0])), (h, row(&[3.0, 1.0, 2.0, 3.0])), (5 * h, row(&[9.0, 9.5]))];
        let rows: Vec<_> = rows.into_iter().map(|(t, a)| (Timestamp::from_millis(t), a)).collect();
        let got: Vec<_> = from_rollups(Kind::Counter, Layer::Hour, near_ms(h), &rows)
            .map(|(_, b)| (b.aggregate.increase, b.increase_seconds))
            .collect();
        assert_eq!(got, [(1.0, 1800.0), (1.0 + 3.0, 3600.0), (0.5, 1800.0)]);
    }

    #[test]
    fn missing_hours_are_joined() {
        let grid = Grid::covering(range(0, 5 * HOUR_MS), HOUR_MS);
        let mut series = SeriesCells::new(Kind::Gauge, 0, grid.len);
        let full = Bucket { aggregate: Aggregate::of(&[1.0]), increase_seconds: 0.0 };
        series.put(grid, Layer::Hour, Timestamp::from_millis(2 * HOUR_MS), full);
        let missing = series.missing(grid, Layer::Hour, range(0, 5 * HOUR_MS));
        assert_eq!(missing, [range(0, 2 * HOUR_MS), range(3 * HOUR_MS, 5 * HOUR_MS)]);
    }

    fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
        let value = prop_oneof![6 => -100.0f64..1e6, 1 => Just(f64::NAN), 1 => Just(f64::from_bits(crate::model::STALE_MARKER_BITS))];
        prop::collection::vec((1i64..900_000, value), 0..120).prop_map(|steps| {
            let mut t = 0;
            steps
                .into_iter()
                .map(|(step, v)| {
                    t += step;
                    (t, v)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn as_the_naive_way_however_the_samples_are_cut(samples in samples(), cut in 0usize..120, from in 0i64..9_000_000, len in 1i64..60_000_000,
            step in prop_oneof![Just(60_000i64), Just(300_000), Just(HOUR_MS), Just(6 * HOUR_MS)], counter in any::<bool>()) {
            let kind = if counter { Kind::Counter } else { Kind::Gauge };
            let r = range(from, from + len);
            let (a, b) = samples.split_at(cut.min(samples.len()));
            let got = filled(kind, r, step, &[a, b]);
            let expected = naive_buckets(&samples, kind, r, Grid::covering(r, step));
            prop_assert_eq!(got.len(), expected.len());
            for (g, e) in got.iter().zip(&expected) {
                prop_assert_eq!(g.aggregate.count, e.aggregate.count);
                prop_assert!(near(g.aggregate.sum, e.aggregate.sum) && near(g.aggregate.increase, e.aggregate.increase));
                prop_assert!(near(g.increase_seconds, e.increase_seconds));
                prop_assert!(g.aggregate.min == e.aggregate.min && g.aggregate.max == e.aggregate.max);
                prop_assert_eq!(g.aggregate.last.to_bits(), e.aggregate.last.to_bits());
                prop_assert_eq!(g.aggregate.first.to_bits(), e.aggregate.first.to_bits());
            }
        }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }
}
