//! What will be asked later, read along with what is asked now.
//!
//! A report asks for the same samples twice: first in minutes for its analyses, then in the buckets that it shows, with quantiles. What is
//! decoded for the first question answers the second as well. And where the page of those buckets turns out too large, it asks again for wider ones, which
//! are made of those that were told before where that can be.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::{Bucket, Grid, MeasureSink, Origin, QueryError, SampleSink, Source, TimeSink};
use crate::model::catalogue::Catalogue;
use crate::model::{Annotation, NodeName, Selector, Series, SeriesId, Stretches, TimeRange};
use crate::store::AllOutlived;

/// What a course tells of a series, bucket by bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// The mean of its samples.
    Mean,
    /// The rate of a counter; nothing of a gauge.
    Rate,
}

impl Told {
    /// Of one bucket; NaN where there is nothing to tell.
    pub fn of(self, bucket: &Bucket) -> f64 {
        match self {
            Told::Mean => bucket.aggregate.avg(),
            Told::Rate => bucket.rate(),
        }
    }
}

/// A question that will be asked: the lines of some series over the whole range of the question before it, and quantiles of some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// Over which range.
    pub range: TimeRange,
    /// In which buckets.
    pub grid: Grid,
    /// Of which series quantiles too: what [`Source::measures`] tells.
    pub measured: HashSet<SeriesId>,
    /// Of which series buckets only: what [`Source::lines`] tells.
    pub counted: HashSet<SeriesId>,
    /// The quantiles.
    pub quantiles: Vec<f64>,
}

/// Most buckets (64 bytes each) that are kept until they are asked for.
const BUCKETS_MAX: usize = 3 << 19;

impl Ahead {
    /// Whether anything of a series is asked for.
    pub fn wants(&self, id: SeriesId) -> bool {
        self.measured.contains(&id) || self.counted.contains(&id)
    }

    /// As much of it as memory is to be held for.
    #[must_use]
    pub fn within_memory(mut self) -> Ahead {
        let most = BUCKETS_MAX / self.grid.len.max(1);
        let mut left = most;
        for ids in [&mut self.measured, &mut self.counted] {
            if ids.len() > left {
                let mut sorted: Vec<SeriesId> = ids.drain().collect();
                sorted.sort_unstable();
                ids.extend(sorted.into_iter().take(left));
            }
            left -= ids.len();
        }
        self
    }
}

/// The answer for one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// The quantiles; empty where they were not asked for.
    pub quantiles: Vec<f64>,
}

impl Measured {
    /// The same in the wider buckets of `to`, each of which holds whole buckets of `from`.
    fn widened(&self, from: Grid, to: Grid) -> Measured {
        let mut buckets = vec![Bucket::default(); to.len];
        for (i, bucket) in self.buckets.iter().enumerate() {
            buckets[to.index(from.time(i).millis())].merge(bucket);
        }
        Measured { buckets, quantiles: self.quantiles.clone() }
    }
}

/// Takes the course at a place of what was asked for, a number a bucket (NaN is a gap), and what was read along with it.
pub type CourseSink<'a> = &'a mut dyn FnMut(usize, Vec<f64>, Option<Measured>);

/// A source that is told what it will be asked.
pub struct Foreseeing<'a> {
    inner: &'a dyn Source,
    ahead: Ahead,
    /// Handed out once.
    kept: RefCell<HashMap<SeriesId, Measured>>,
    /// Whether everything was asked for that was not read along.
    is_fetched: Cell<bool>,
    /// What was handed out of gauges, for wider buckets of the same; as much as memory is held for. Of counters it would not do: how far apart their samples may be
    /// to make a step grows with the buckets.
    told: RefCell<HashMap<SeriesId, Measured>>,
    keeps: bool,
}

impl<'a> Foreseeing<'a> {
    /// `inner`, which will be asked for `ahead`, most often after some courses of the same range.
    pub fn new(inner: &'a dyn Source, ahead: Ahead) -> Foreseeing<'a> {
        Foreseeing {
            inner,
            ahead: ahead.within_memory(),
            kept: RefCell::default(),
            is_fetched: Cell::new(false),
            told: RefCell::default(),
            keeps: false,
        }
    }

    /// Keeps what it measures of gauges, so that the same can be told in wider buckets without being read again.
    #[must_use]
    pub fn keeping(self, keeps: bool) -> Foreseeing<'a> {
        Foreseeing { keeps, ..self }
    }

    /// That something else will be asked for after all.
    pub fn expect(&mut self, ahead: Ahead) {
        let ahead = ahead.within_memory();
        if ahead == self.ahead {
            return;
        }
        let (told, before) = (self.told.take(), std::mem::replace(&mut self.ahead, ahead));
        let (from, to) = (before.grid, self.ahead.grid);
        let nests = to.step_ms % from.step_ms == 0 && before.range == self.ahead.range;
        let is_enough = before.quantiles == self.ahead.quantiles && nests;
        let wanted = told.into_iter().filter(|(id, _)| is_enough && self.ahead.measured.contains(id));
        self.kept = RefCell::new(wanted.map(|(id, one)| (id, one.widened(from, to))).collect());
        self.is_fetched = Cell::new(false);
    }

    /// Keeps answers that were handed out.
    fn keep(&self, found: Found) {
        let mut told = self.told.borrow_mut();
        let room = (BUCKETS_MAX / self.ahead.grid.len.max(1)).saturating_sub(told.len());
        told.extend(found.0.into_iter().take(if self.keeps { room } else { 0 }));
    }

    /// Whether a question is a part of that which was foreseen. With the first one all of it is asked that is not known yet: the series of a node, which were sampled
    /// together, are cheaper together than metric by metric.
    fn has(&self, range: TimeRange, grid: Grid) -> Result<bool, QueryError> {
        if (range, grid) != (self.ahead.range, self.ahead.grid) {
            return Ok(false);
        }
        if !self.is_fetched.replace(true) {
            let mut kept = self.kept.borrow_mut();
            let [measured, counted] = [&self.ahead.measured, &self.ahead.counted].map(|ids| {
                let mut missing: Vec<SeriesId> = ids.iter().copied().filter(|id| !kept.contains_key(id)).collect();
                missing.sort_unstable();
                missing
            });
            if !measured.is_empty() {
                self.inner.measures(&measured, range, grid, &self.ahead.quantiles, &mut |id, buckets, quantiles| {
                    kept.insert(id, Measured { buckets: buckets.to_vec(), quantiles: quantiles.to_vec() });
                })?;
            }
            if !counted.is_empty() {
                self.inner.lines(&counted, range, grid, &mut |id, buckets| {
                    kept.insert(id, Measured { buckets: buckets.to_vec(), quantiles: Vec::new() });
                })?;
            }
        }
        Ok(true)
    }

    /// The answers that are kept of `series`, where they have so many quantiles, and those of which there is none.
    fn take(&self, series: &[SeriesId], quantiles: usize) -> (Found, Vec<SeriesId>) {
        let mut kept = self.kept.borrow_mut();
        let (mut found, mut missing) = (Found::default(), Vec::new());
        for id in series {
            match kept.remove(id) {
                Some(one) if one.quantiles.len() >= quantiles => drop(found.0.insert(*id, one)),
                _ if found.0.contains_key(id) => {}
                _ => missing.push(*id),
            }
        }
        (found, missing)
    }
}

/// Answers, to be handed out in the order of the question.
#[derive(Default)]
struct Found(HashMap<SeriesId, Measured>);

impl Found {
    fn put(&mut self, id: SeriesId, buckets: &[Bucket], quantiles: &[f64]) {
        self.0.insert(id, Measured { buckets: buckets.to_vec(), quantiles: quantiles.to_vec() });
    }

    fn hand_out(&self, series: &[SeriesId], sink: &mut dyn FnMut(SeriesId, &Measured)) {
        series.iter().filter_map(|id| self.0.get_key_value(id)).for_each(|(id, one)| sink(*id, one));
    }
}

impl Source for Foreseeing<'_> {
    fn origin(&self) -> Origin {
        self.inner.origin()
    }

    fn catalogue(&self) -> &Catalogue {
        self.inner.catalogue()
    }

    fn span(&self) -> Result<Option<TimeRange>, QueryError> {
        self.inner.span()
    }

    fn finest_step_ms(&self, range: TimeRange) -> Result<i64, QueryError> {
        self.inner.finest_step_ms(range)
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
        self.inner.buckets(series, range, grid, sink)
    }

    fn lines(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        if !self.has(range, grid)? {
            return self.inner.lines(series, range, grid, sink);
        }
        let (mut found, missing) = self.take(series, 0);
        if !missing.is_empty() {
            self.inner.lines(&missing, range, grid, &mut |id, buckets| found.put(id, buckets, &[]))?;
        }
        found.hand_out(series, &mut |id, one| sink(id, &one.buckets));
        Ok(())
    }

    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        quantiles: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError> {
        self.inner.quantiles(series, range, quantiles, sink)
    }

    fn measures(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        quantiles: &[f64],
        sink: MeasureSink<'_>,
    ) -> Result<(), QueryError> {
        if quantiles != self.ahead.quantiles || !self.has(range, grid)? {
            return self.inner.measures(series, range, grid, quantiles, sink);
        }
        let (mut found, missing) = self.take(series, quantiles.len());
        if !missing.is_empty() {
            let put = &mut |id, buckets: &[Bucket], quantiles: &[f64]| found.put(id, buckets, quantiles);
            self.inner.measures(&missing, range, grid, quantiles, put)?;
        }
        found.hand_out(series, &mut |id, one| sink(id, &one.buckets, &one.quantiles));
        self.keep(found);
        Ok(())
    }

    fn courses(
        &self,
        wanted: &[(SeriesId, Told)],
        range: TimeRange,
        grid: Grid,
        _ahead: Option<&Ahead>,
        sink: CourseSink<'_>,
    ) -> Result<(), QueryError> {
        let ahead = Some(&self.ahead).filter(|ahead| ahead.range == range);
        self.inner.courses(wanted, range, grid, ahead, &mut |place, line, along| {
            if let (Some(along), Some((id, _))) = (along, wanted.get(place)) {
                self.kept.borrow_mut().insert(*id, along);
            }
            sink(place, line, None);
        })
    }

    fn times(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        self.inner.times(series, range, sink)
    }

    fn scrapes(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        self.inner.scrapes(series, range, sink)
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
        self.inner.glimpses(series, range, most, sink)
    }

    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
        self.inner.samples(series, range, sink)
    }

    fn outlived(&self, series: &[SeriesId], range: TimeRange) -> Result<AllOutlived, QueryError> {
        self.inner.outlived(series, range)
    }

    fn has_sketches(&self, range: TimeRange) -> Result<bool, QueryError> {
        self.inner.has_sketches(range)
    }

    fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
        self.inner.annotations(range)
    }

    fn left_out(&self, node: &NodeName, range: TimeRange) -> Stretches {
        self.inner.left_out(node, range)
    }
}
