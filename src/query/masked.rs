use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::source::{courses_of_lines, measured_apart};
use super::{
    Ahead, Bucket, CourseSink, Distribution, Grid, MeasureSink, Origin, QueryError, SampleSink, Source, TimeSink, Told,
    beside,
};
use crate::model::catalogue::Catalogue;
use crate::model::{Annotation, Masks, NodeName, Selector, Series, SeriesId, Stretches, TimeRange};
use crate::store::AllOutlived;

/// Series whose values are held at once for quantiles.
const QUANTILE_SERIES: usize = 8;
/// Buckets held at once (64 bytes each).
const BUCKETS_MAX: usize = 1 << 19;

/// A source without the time that does not count: no sample of it is in any answer, as if none had been taken.
///
/// The step of a counter from its last sample in left out time to its first one after it belongs to the latter, as everywhere. Where samples were
/// pruned, a rollup's bucket that is partly left out is left out as a whole.
pub struct Masked<'a> {
    inner: &'a dyn Source,
    /// What is left out of the inner source's span, each once.
    sets: Vec<Stretches>,
    of_node: HashMap<NodeName, usize>,
    of_series: HashMap<SeriesId, usize>,
}

impl<'a> Masked<'a> {
    /// `inner` without what `masks` leave out.
    pub fn new(inner: &'a dyn Source, masks: &Masks) -> Result<Masked<'a>, QueryError> {
        let mut masked = Masked { inner, sets: Vec::new(), of_node: HashMap::new(), of_series: HashMap::new() };
        let Some(span) = inner.span()?.filter(|_| masks.leave_out()) else { return Ok(masked) };
        let events = inner.annotations(span)?;
        for series in inner.series(&Selector::all())? {
            let node = &series.key.node;
            let set = match masked.of_node.get(node) {
                Some(set) => *set,
                None => {
                    let set = masked.place(masks.left_out(node.as_str(), &events, span));
                    masked.of_node.insert(node.clone(), set);
                    set
                }
            };
            masked.of_series.insert(series.id, set);
        }
        Ok(masked)
    }

    fn leaves_out_nothing(&self) -> bool {
        self.sets.iter().all(|set| set.as_slice().is_empty())
    }

    fn place(&mut self, left_out: Stretches) -> usize {
        self.sets.iter().position(|set| *set == left_out).unwrap_or_else(|| {
            self.sets.push(left_out);
            self.sets.len() - 1
        })
    }

    /// The series by what counts of them in `range`.
    fn groups(&self, series: &[SeriesId], range: TimeRange) -> Vec<(Stretches, Vec<SeriesId>)> {
        let mut groups: BTreeMap<Option<usize>, Vec<SeriesId>> = BTreeMap::new();
        for id in series {
            groups.entry(self.of_series.get(id).copied()).or_default().push(*id);
        }
        let counts = |set: Option<usize>| match set.and_then(|set| self.sets.get(set)) {
            Some(left_out) => left_out.outside(range),
            None => Stretches::of([range]),
        };
        groups.into_iter().map(|(set, ids)| (counts(set), ids)).collect()
    }

    /// The values of a few series in the time that counts: samples, and what is left of those that were pruned.
    fn values(&self, ids: &[SeriesId], counts: &Stretches) -> Result<HashMap<SeriesId, Distribution>, QueryError> {
        let mut values: HashMap<SeriesId, Distribution> = HashMap::new();
        for part in counts.as_slice() {
            let pruned = self.inner.outlived(ids, *part)?;
            for (id, left) in &pruned {
                let values = values.entry(*id).or_default();
                left.iter().for_each(|bucket| values.add(bucket));
            }
            self.inner.samples(ids, *part, &mut |id, times, run| {
                let values = values.entry(id).or_default();
                let left = pruned.get(&id).map(Vec::as_slice).unwrap_or_default();
                beside(left, times, run).for_each(|(_, part)| values.extend(part));
                ControlFlow::Continue(())
            })?;
        }
        Ok(values)
    }

    /// How many values a few series had in the time that counts, by buckets of `step_ms`: more than there are values where samples were pruned and nothing tells how
    /// they were distributed.
    fn had(&self, ids: &[SeriesId], range: TimeRange, step_ms: i64) -> Result<HashMap<SeriesId, u64>, QueryError> {
        let mut had = HashMap::new();
        self.buckets(ids, range, Grid::covering(range, step_ms), &mut |id, buckets| {
            had.insert(id, buckets.iter().map(|bucket| bucket.aggregate.count).sum());
        })?;
        Ok(had)
    }
}

impl Source for Masked<'_> {
    fn origin(&self) -> Origin {
        self.inner.origin()
    }

    fn span(&self) -> Result<Option<TimeRange>, QueryError> {
        self.inner.span()
    }

    fn finest_step_ms(&self, range: TimeRange) -> Result<i64, QueryError> {
        self.inner.finest_step_ms(range)
    }

    fn catalogue(&self) -> &Catalogue {
        self.inner.catalogue()
    }

    fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        self.inner.series(selector)
    }

    fn buckets(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        if self.leaves_out_nothing() {
            return self.inner.buckets(series, range, grid, sink);
        }
        let empty = vec![Bucket::default(); grid.len];
        for series in series.chunks((BUCKETS_MAX / grid.len.max(1)).max(1)) {
            let mut all: HashMap<SeriesId, Vec<Bucket>> = HashMap::new();
            for (counts, ids) in self.groups(series, range) {
                for part in counts.as_slice().iter().filter_map(|part| part.intersect(grid.range())) {
                    let (first, part_grid) = grid.touched(part);
                    self.inner.buckets(&ids, part, part_grid, &mut |id, buckets| {
                        let whole = all.entry(id).or_insert_with(|| empty.clone());
                        whole.iter_mut().skip(first).zip(buckets).for_each(|(bucket, more)| bucket.merge(more));
                    })?;
                }
            }
            series.iter().for_each(|id| sink(*id, all.get(id).unwrap_or(&empty)));
        }
        Ok(())
    }

    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        quantiles: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError> {
        if self.leaves_out_nothing() {
            return self.inner.quantiles(series, range, quantiles, sink);
        }
        let nothing = vec![f64::NAN; quantiles.len()];
        let mut found: HashMap<SeriesId, Vec<f64>> = HashMap::new();
        let finest_ms = self.inner.finest_step_ms(range)?;
        for (counts, ids) in self.groups(series, range) {
            for some in ids.chunks(QUANTILE_SERIES) {
                let had = if finest_ms > 1 { self.had(some, range, finest_ms)? } else { HashMap::new() };
                for (id, mut values) in self.values(some, &counts)? {
                    if had.get(&id).is_none_or(|had| *had <= values.count()) {
                        found.insert(id, values.quantiles(quantiles));
                    }
                }
            }
        }
        series.iter().for_each(|id| sink(*id, found.get(id).unwrap_or(&nothing)));
        Ok(())
    }

    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
        if self.leaves_out_nothing() {
            return self.inner.samples(series, range, sink);
        }
        let ended = Cell::new(false);
        for (counts, ids) in self.groups(series, range) {
            for part in counts.as_slice() {
                self.inner.samples(&ids, *part, &mut |id, times, values| {
                    let flow = sink(id, times, values);
                    ended.set(flow.is_break());
                    flow
                })?;
                if ended.get() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn measures(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        quantiles: &[f64],
        sink: MeasureSink<'_>,
    ) -> Result<(), QueryError> {
        if self.leaves_out_nothing() {
            return self.inner.measures(series, range, grid, quantiles, sink);
        }
        measured_apart(self, series, range, grid, quantiles, sink)
    }

    fn courses(
        &self,
        wanted: &[(SeriesId, Told)],
        range: TimeRange,
        grid: Grid,
        ahead: Option<&Ahead>,
        sink: CourseSink<'_>,
    ) -> Result<(), QueryError> {
        if self.leaves_out_nothing() {
            return self.inner.courses(wanted, range, grid, ahead, sink);
        }
        courses_of_lines(self, wanted, range, grid, sink)
    }

    fn times(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        for (counts, ids) in self.groups(series, range) {
            for part in counts.as_slice() {
                let mut flow = ControlFlow::Continue(());
                self.inner.times(&ids, *part, &mut |id, times| {
                    flow = sink(id, times);
                    flow
                })?;
                if flow.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn outlived(&self, series: &[SeriesId], range: TimeRange) -> Result<AllOutlived, QueryError> {
        let mut all = AllOutlived::new();
        for (counts, mut ids) in self.groups(series, range) {
            ids.sort_unstable();
            for part in counts.as_slice() {
                for (id, left) in self.inner.outlived(&ids, *part)? {
                    all.entry(id).or_default().extend(left);
                }
            }
        }
        Ok(all)
    }

    fn has_sketches(&self, range: TimeRange) -> Result<bool, QueryError> {
        self.inner.has_sketches(range)
    }

    fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
        self.inner.annotations(range)
    }

    fn lines(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        match self.leaves_out_nothing() {
            true => self.inner.lines(series, range, grid, sink),
            false => self.buckets(series, range, grid, sink),
        }
    }

    fn means(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        match self.leaves_out_nothing() {
            true => self.inner.means(series, range, grid, sink),
            false => self.buckets(series, range, grid, sink),
        }
    }

    fn scrapes(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        match self.leaves_out_nothing() {
            true => self.inner.scrapes(series, range, sink),
            false => self.times(series, range, sink),
        }
    }

    fn nodes_at_once(&self, range: TimeRange) -> Result<usize, QueryError> {
        self.inner.nodes_at_once(range)
    }

    fn glimpses(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        most: usize,
        sink: TimeSink<'_>,
    ) -> Result<(), QueryError> {
        match self.leaves_out_nothing() {
            true => self.inner.glimpses(series, range, most, sink),
            false => self.times(series, range, sink),
        }
    }

    fn left_out(&self, node: &NodeName, range: TimeRange) -> Stretches {
        let set = self.of_node.get(node).and_then(|set| self.sets.get(*set));
        set.map(|left_out| left_out.within(range)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Coverage, coverage};
    use super::super::memory::{MemorySource, key, range};
    use super::*;
    use crate::model::{Mask, MaskAction, MaskTime, WeekHours};
    use chrono_tz::Tz;

    const HOUR: i64 = 3_600_000;
    const MINUTE: i64 = 60_000;

    fn masks(hours: &str, nodes: &[&str], action: MaskAction) -> Masks {
        let time = MaskTime::Week(WeekHours::parse(None, Some(hours)).unwrap());
        let nodes = Selector::parse(nodes, &[], &[]).unwrap();
        Masks::new(vec![Mask { name: "m".into(), time, nodes, action }], Tz::UTC)
    }

    /// Two days of two nodes, a gauge and a counter each, once a minute.
    fn source() -> MemorySource {
        let day = |value: fn(i64) -> f64| (0..2 * 1440).map(move |i| (i * MINUTE, value(i)));
        ["a", "b"].into_iter().fold(MemorySource::default(), |source, node| {
            let source = source.with(key(node, "load1", &[]), day(|i| (i % 1440) as f64));
            source.with(key(node, "reads_total", &[]), day(|i| (i * 60) as f64))
        })
    }

    fn buckets(source: &dyn Source, id: u32, r: TimeRange, step: i64) -> Vec<Bucket> {
        let mut found = Vec::new();
        source.buckets(&[SeriesId(id)], r, Grid::covering(r, step), &mut |_, b| found = b.to_vec()).unwrap();
        found
    }

    #[test]
    fn numbers_are_those_of_the_samples_that_count() {
        let memory = source();
        let masked = Masked::new(&memory, &masks("06:30-12:00", &[], MaskAction::Only)).unwrap();
        let days = range(0, 48 * HOUR);
        for bucket in buckets(&masked, 1, days, 24 * HOUR) {
            let all = bucket.aggregate;
            assert_eq!((all.count, all.avg(), all.min, all.max, all.last), (330, 554.5, 390.0, 719.0, 719.0));
        }
        let mut median = f64::NAN;
        masked.quantiles(&[SeriesId(1)], days, &[0.5], &mut |_, q| median = q[0]).unwrap();
        assert_eq!(median, 554.5);
        // A gap stays a gap, and a counter has its rate where it counts.
        let hours = buckets(&masked, 2, days, HOUR);
        assert!(hours[5].aggregate.is_empty() && hours[12].aggregate.is_empty() && hours[5].rate().is_nan());
        assert_eq!((hours[6].aggregate.count, hours[6].rate(), hours[8].rate()), (30, 1.0, 1.0));
    }

    #[test]
    fn a_mask_of_some_nodes_leaves_the_others_whole() {
        let memory = source();
        let masked = Masked::new(&memory, &masks("00:00-12:00", &["a"], MaskAction::LeaveOut)).unwrap();
        let day = range(0, 24 * HOUR);
        assert_eq!(buckets(&masked, 1, day, 24 * HOUR)[0].aggregate.count, 720);
        assert_eq!(buckets(&masked, 3, day, 24 * HOUR)[0].aggregate, buckets(&memory, 3, day, 24 * HOUR)[0].aggregate);
        let mut ids = Vec::new();
        let wanted = [SeriesId(3), SeriesId(1), SeriesId(9)];
        masked.buckets(&wanted, day, Grid::covering(day, HOUR), &mut |id, b| ids.push((id, b.len()))).unwrap();
        assert_eq!(ids, wanted.map(|id| (id, 24)));
    }

    #[test]
    fn what_is_left_out_is_neither_expected_nor_a_gap() {
        let memory = source().with(key("c", "load1", &[]), (600..660).map(|i| (i * MINUTE, 1.0)));
        let masked = Masked::new(&memory, &masks("18:00-09:00", &[], MaskAction::LeaveOut)).unwrap();
        let found = coverage(&masked, &memory.all(), range(0, 48 * HOUR)).unwrap();
        let told = |c: &Coverage| (c.expected, c.present, c.gap_count);
        assert_eq!(told(&found[0]), (2 * 540, 2 * 540, 0));
        // Since ten it was there for an hour; two stretches are missing, the night between them is not.
        assert_eq!(told(&found[2]), (480 + 540, 60, 2));
        assert_eq!(found[2].gaps, [range(33 * HOUR, 42 * HOUR), range(11 * HOUR - MINUTE, 18 * HOUR)]);
    }

    #[test]
    fn of_pruned_samples_the_sketches_tell_the_quantiles_of_the_time_that_counts() {
        use crate::model::{Batch, Sample, Timestamp};
        use crate::query::LocalSource;
        use crate::store::{Durability, OnConflict, Store, StoreOptions, retention};
        const DAY: i64 = 24 * HOUR;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let mut batch = Batch::default();
        for minute in 0..3 * 1_440 {
            let sample = Sample { ts: Timestamp::from_millis(minute * MINUTE), value: (minute % 1_440) as f64 + 1.0 };
            batch.push(key("a", "load1", &[]), None, sample);
        }
        let mut store = Store::open(&path, StoreOptions { durability: Durability::Normal }).unwrap();
        store.append(&batch, OnConflict::Keep).unwrap();
        let now = Timestamp::from_millis(3 * DAY);
        store.seal(now).unwrap();
        let policy = retention::Policy { raw: retention::Keep::Millis(DAY), ..retention::Policy::default() };
        let plan = retention::plan(&policy, &store.inventory(&policy, now).unwrap(), now);
        store.prune(&policy, &plan).unwrap();
        store.close().unwrap();
        let local = LocalSource::open(&path).unwrap();
        assert!(local.finest_step_ms(range(0, 3 * DAY)).unwrap() > 1);
        let masked = Masked::new(&local, &masks("06:00-12:00", &[], MaskAction::Only)).unwrap();
        let median = |source: &dyn Source, r: TimeRange| {
            let mut found = f64::NAN;
            source.quantiles(&[SeriesId(1)], r, &[0.5], &mut |_, q| found = q[0]).unwrap();
            found
        };
        let told = median(&masked, range(0, 3 * DAY));
        assert!((told / 540.5 - 1.0).abs() < 0.01, "{told}");
        assert_eq!(median(&masked, range(2 * DAY, 3 * DAY)), 540.5, "of samples that are kept exactly");
        assert!(masked.has_sketches(range(0, DAY)).unwrap());
    }

    #[test]
    fn without_masks_everything_is_as_it_was() {
        let memory = source();
        let masked = Masked::new(&memory, &Masks::none()).unwrap();
        let r = range(HOUR, 30 * HOUR);
        assert_eq!(buckets(&masked, 2, r, HOUR), buckets(&memory, 2, r, HOUR));
        assert!(masked.left_out(&NodeName::new("a").unwrap(), r).is_empty());
    }
}
