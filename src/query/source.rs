use std::ops::ControlFlow;

use super::ahead::{Ahead, CourseSink, Told};
use super::{Bucket, Grid, QueryError};
use crate::model::catalogue::Catalogue;
use crate::model::{Annotation, NodeName, Selector, Series, SeriesId, Stretches, TimeRange};
use crate::store::AllOutlived;

/// Where the data came from, for the footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// File name (no directories) or URL without secrets.
    pub name: String,
    /// Short hash of what the file holds, where that is known.
    pub hash: Option<String>,
    /// What it said is missing in its answers so far; a file never does.
    pub partial: Vec<String>,
}

/// Takes runs of samples of one series (times, values); a break ends the answer.
pub type SampleSink<'a> = &'a mut dyn FnMut(SeriesId, &[i64], &[f64]) -> ControlFlow<()>;

/// Takes the times of runs of samples of one series; a break ends the answer.
pub type TimeSink<'a> = &'a mut dyn FnMut(SeriesId, &[i64]) -> ControlFlow<()>;

/// Takes the buckets and the quantiles of one series.
pub type MeasureSink<'a> = &'a mut dyn FnMut(SeriesId, &[Bucket], &[f64]);

/// What a report may ask. All ranges are half-open. A series that is asked for twice, or that does not exist, is answered all the same:
/// the second time again, the unknown one as empty.
pub trait Source {
    /// Where the data comes from.
    fn origin(&self) -> Origin;

    /// What is known of its metrics: what they make, and which of them only grow.
    fn catalogue(&self) -> &Catalogue {
        Catalogue::built_in()
    }

    /// From the first sample to 1 ms after the last; `None` for an empty source.
    fn span(&self) -> Result<Option<TimeRange>, QueryError>;

    /// The narrowest buckets that tell of all of `range`, in ms: 1 where its samples are kept, an hour or a day where most of the first of them were
    /// pruned and only rollups are left. Narrower buckets are empty there.
    fn finest_step_ms(&self, range: TimeRange) -> Result<i64, QueryError>;

    /// The selected series, sorted by key.
    fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError>;

    /// One call of `sink` for each of `series` (in that order) with `grid.len` buckets; an empty aggregate is a gap. Samples outside `range`
    /// are left out. Growth is told of counters only, see [`Bucket`].
    fn buckets(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError>;

    /// Quantiles of the samples of each series (linear interpolation between order statistics, type 7 of Hyndman and Fan 1996), within 1 % where
    /// some of them are only kept as sketches ([`Source::has_sketches`]); NaN where there is no sample or not all of them are told of any more. One
    /// call of `sink` a series, values in the order of `quantiles`.
    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        quantiles: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError>;

    /// What [`Source::buckets`] and [`Source::quantiles`] say together: every sample is looked at once where that can be. Of the first and the last
    /// sample only those of the whole range need be told, in their buckets.
    fn measures(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        quantiles: &[f64],
        sink: MeasureSink<'_>,
    ) -> Result<(), QueryError> {
        measured_apart(self, series, range, grid, quantiles, sink)
    }

    /// A line a series: what each of `wanted` tells of the buckets of `grid`, as [`Source::means`] has them. One call of `sink` for each, in any order. Where
    /// `ahead` is a question that the same samples answer, its answers may come along.
    fn courses(
        &self,
        wanted: &[(SeriesId, Told)],
        range: TimeRange,
        grid: Grid,
        ahead: Option<&Ahead>,
        sink: CourseSink<'_>,
    ) -> Result<(), QueryError> {
        let _ = ahead;
        courses_of_lines(self, wanted, range, grid, sink)
    }

    /// The times of the samples that are numbers, in runs as those of [`Source::samples`].
    fn times(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        let mut numbers = Vec::new();
        self.samples(series, range, &mut |id, times, values| {
            numbers.clear();
            numbers.extend(times.iter().zip(values).filter(|(_, v)| !v.is_nan()).map(|(t, _)| *t));
            if numbers.is_empty() { ControlFlow::Continue(()) } else { sink(id, &numbers) }
        })
    }

    /// As [`Source::times`], of series that are to tell when their nodes were scraped: those of a node that begin and end together and have as many samples
    /// may be taken to be sampled together.
    fn scrapes(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        self.times(series, range, sink)
    }

    /// Of how many nodes that is asked together, about `range`: a question takes its time whatever it asks for, and its answers take memory.
    fn nodes_at_once(&self, range: TimeRange) -> Result<usize, QueryError> {
        let _ = range;
        Ok(1)
    }

    /// What lines and their bands are drawn of: as [`Source::buckets`], but that of the first and the last sample of a bucket nothing need be told.
    fn lines(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        self.buckets(series, range, grid, sink)
    }

    /// As [`Source::lines`], but that of the samples of a bucket of a gauge nothing but their mean need be told, and whether there are any.
    fn means(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        self.lines(series, range, grid, sink)
    }

    /// Of each series the times of its first samples, at least `most` of them where it has as many, and the time of its last one; in runs as those of
    /// [`Source::times`].
    fn glimpses(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        most: usize,
        sink: TimeSink<'_>,
    ) -> Result<(), QueryError> {
        let _ = most;
        self.times(series, range, sink)
    }

    /// Raw samples, NaN and stale markers too; runs of one series in ascending time, the runs of different series interleave.
    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError>;

    /// What is left of the buckets of `series` that lie in `range` as a whole and whose samples were pruned.
    fn outlived(&self, _series: &[SeriesId], _range: TimeRange) -> Result<AllOutlived, QueryError> {
        Ok(AllOutlived::new())
    }

    /// Whether quantiles in `range` are within 1 % only, as samples of some series are kept as sketches.
    fn has_sketches(&self, _range: TimeRange) -> Result<bool, QueryError> {
        Ok(false)
    }

    /// Events that touch `range`.
    fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, QueryError>;

    /// The time of `range` that is in no answer about a node, since it does not count: its samples are not missing.
    fn left_out(&self, node: &NodeName, range: TimeRange) -> Stretches {
        let _ = (node, range);
        Stretches::default()
    }
}

/// Buckets held at once (64 bytes each).
const BUCKETS_MAX: usize = 1 << 19;

/// [`Source::measures`] by two questions, of so many series at a time that memory stays flat.
pub(super) fn measured_apart<S: Source + ?Sized>(
    source: &S,
    series: &[SeriesId],
    range: TimeRange,
    grid: Grid,
    quantiles: &[f64],
    sink: MeasureSink<'_>,
) -> Result<(), QueryError> {
    for some in series.chunks((BUCKETS_MAX / grid.len.max(1)).max(1)) {
        let mut buckets = Vec::with_capacity(some.len());
        source.buckets(some, range, grid, &mut |_, found| buckets.push(found.to_vec()))?;
        let mut buckets = buckets.into_iter();
        let mut both = |id, found: &[f64]| sink(id, &buckets.next().unwrap_or_default(), found);
        source.quantiles(some, range, quantiles, &mut both)?;
    }
    Ok(())
}

/// [`Source::courses`] of buckets.
pub(super) fn courses_of_lines<S: Source + ?Sized>(
    source: &S,
    wanted: &[(SeriesId, Told)],
    range: TimeRange,
    grid: Grid,
    sink: CourseSink<'_>,
) -> Result<(), QueryError> {
    let ids: Vec<SeriesId> = wanted.iter().map(|(id, _)| *id).collect();
    let mut next = wanted.iter().enumerate();
    source.means(&ids, range, grid, &mut |_, buckets| {
        if let Some((place, (_, told))) = next.next() {
            sink(place, buckets.iter().map(|bucket| told.of(bucket)).collect(), None);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::memory::{MemorySource, key, range};
    use super::*;

    /// Notes how many buckets it is asked for at once.
    struct Noting(MemorySource, Cell<usize>);

    impl Source for Noting {
        fn origin(&self) -> Origin {
            self.0.origin()
        }

        fn span(&self) -> Result<Option<TimeRange>, QueryError> {
            self.0.span()
        }

        fn finest_step_ms(&self, range: TimeRange) -> Result<i64, QueryError> {
            self.0.finest_step_ms(range)
        }

        fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
            self.0.series(selector)
        }

        fn buckets(
            &self,
            series: &[SeriesId],
            range: TimeRange,
            grid: Grid,
            sink: &mut dyn FnMut(SeriesId, &[Bucket]),
        ) -> Result<(), QueryError> {
            self.1.set(self.1.get().max(series.len() * grid.len));
            self.0.buckets(series, range, grid, sink)
        }

        fn quantiles(
            &self,
            series: &[SeriesId],
            range: TimeRange,
            quantiles: &[f64],
            sink: &mut dyn FnMut(SeriesId, &[f64]),
        ) -> Result<(), QueryError> {
            self.0.quantiles(series, range, quantiles, sink)
        }

        fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
            self.0.samples(series, range, sink)
        }

        fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
            self.0.annotations(range)
        }
    }

    #[test]
    fn two_questions_hold_a_bounded_number_of_buckets() {
        let one = |source: MemorySource, n: i64| source.with(key("a", &format!("m{n:02}"), &[]), [(n, n as f64)]);
        let source = Noting((0..20).fold(MemorySource::default(), one), Cell::new(0));
        let ids: Vec<SeriesId> = source.0.all().iter().map(|s| s.id).collect();
        let range = range(0, 100_000);
        let mut found = Vec::new();
        let mut sink = |id, buckets: &[Bucket], quantiles: &[f64]| {
            found.push((id, Bucket::total(buckets).aggregate.sum, quantiles[0]));
        };
        source.measures(&ids, range, Grid::covering(range, 1), &[0.5], &mut sink).unwrap();
        let expected: Vec<(SeriesId, f64, f64)> =
            ids.iter().zip(0..).map(|(id, n)| (*id, n.into(), n.into())).collect();
        assert_eq!(found, expected);
        assert!(source.1.get() <= BUCKETS_MAX, "{}", source.1.get());
    }
}
