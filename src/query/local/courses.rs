//! Courses of samples, and what is asked for later of the same samples.

use std::collections::BTreeMap;

use super::super::bucket::{SeriesCells, cell_grid};
use super::super::intake::{Along, IntoLines};
use super::super::line::LineMaker;
use super::super::resolution::{Layer, segments};
use super::super::{Ahead, CourseSink, Grid, Measured, QueryError, Told};
use super::{Known, LocalSource};
use crate::model::{Kind, SeriesId, TimeRange, Timestamp, near_ms};

/// Most cells (72 bytes each) that are filled along the way at once.
const ALONG_CELLS_MAX: usize = 1 << 22;

impl LocalSource {
    /// Courses over `range`, which lies in the grid, on a grid that no rollup answers for.
    pub(super) fn raw_courses(
        &self,
        wanted: &[(SeriesId, Told)],
        range: TimeRange,
        grid: Grid,
        ahead: Option<&Ahead>,
        sink: CourseSink<'_>,
    ) -> Result<(), QueryError> {
        let mut places: BTreeMap<SeriesId, Vec<(usize, Told)>> = BTreeMap::new();
        for (place, (id, told)) in wanted.iter().enumerate() {
            // What is no counter has no rate.
            if *told == Told::Mean || self.kind(*id) == Kind::Counter {
                places.entry(*id).or_default().push((place, *told));
            } else {
                sink(place, vec![f64::NAN; grid.len], None);
            }
        }
        let ids: Vec<SeriesId> = places.keys().copied().collect();
        let ahead = self.answerable(ahead)?;
        let known = self.known(ahead.map_or(grid, |ahead| ahead.grid))?;
        // What is not taken in along the way is asked for later, in several passes.
        let ahead = ahead.filter(|_| cell_grid(known.part).len.saturating_mul(places.len()) <= ALONG_CELLS_MAX);
        let maker = |(place, told): &(usize, Told)| (*place, LineMaker::new(*told, grid));
        let lines = places.values().map(|wanted| wanted.iter().map(maker).collect());
        let mut intakes: Vec<IntoLines> = lines
            .zip(self.along(&ids, ahead, known.part)?)
            .map(|(lines, along)| IntoLines { lines, along, range })
            .collect();
        self.reader.fold(&ids, self.reach(&ids, range, grid, ahead), &mut intakes)?;
        for IntoLines { lines, along, .. } in intakes {
            let mut along = along.zip(ahead).map(|(along, ahead)| measured(&along, known, ahead.grid.len));
            for (place, line) in lines {
                sink(place, line.line(), along.take());
            }
        }
        Ok(())
    }

    /// A question that samples alone answer.
    fn answerable<'a>(&self, ahead: Option<&'a Ahead>) -> Result<Option<&'a Ahead>, QueryError> {
        let Some(ahead) = ahead else { return Ok(None) };
        let is_inside = ahead.range.intersect(ahead.grid.range()) == Some(ahead.range);
        Ok((is_inside && !self.may_lack_samples(ahead.range)?).then_some(ahead))
    }

    /// What takes in, for each of `ids`, what is asked for later.
    fn along<'a>(
        &self,
        ids: &[SeriesId],
        ahead: Option<&'a Ahead>,
        part: Grid,
    ) -> Result<Vec<Option<Along<'a>>>, QueryError> {
        let Some(ahead) = ahead else { return Ok(ids.iter().map(|_| None).collect()) };
        let (grid, range, step_ms) = (cell_grid(part), ahead.range, ahead.grid.step_ms);
        // Growth by rollups is told in another way.
        let plan = segments(range, step_ms, Kind::Counter, self.watermark);
        let counters_by_samples = plan.iter().all(|segment| segment.layer == Layer::Raw);
        let quantiles = self.quantile_intakes(ids, range, &ahead.quantiles)?;
        let of = |(id, quantiles): (&SeriesId, _)| {
            let kind = self.kind(*id);
            let is_measured = ahead.measured.contains(id);
            let fits = if is_measured { kind == Kind::Gauge } else { kind == Kind::Gauge || counters_by_samples };
            (ahead.wants(*id) && fits).then(|| Along {
                cells: SeriesCells::new(kind, near_ms(step_ms), grid.len),
                grid,
                range,
                quantiles: is_measured.then_some(quantiles),
            })
        };
        Ok(ids.iter().zip(quantiles).map(of).collect())
    }

    /// The samples that both need: those of a counter from so far before that the first one in the range has one to grow from.
    fn reach(&self, ids: &[SeriesId], range: TimeRange, grid: Grid, ahead: Option<&Ahead>) -> TimeRange {
        let both = |ahead: &Ahead| {
            TimeRange::new(range.from().min(ahead.range.from()), range.to().max(ahead.range.to())).unwrap_or(range)
        };
        let range = ahead.map_or(range, both);
        if ids.iter().all(|id| self.kind(*id) == Kind::Gauge) {
            return range;
        }
        let near = near_ms(grid.step_ms).max(ahead.map_or(0, |ahead| near_ms(ahead.grid.step_ms)));
        let from = range.from().plus_millis(-near).max(Timestamp::MIN.min(range.from()));
        TimeRange::new(from, range.to()).unwrap_or(range)
    }
}

fn measured(along: &Along<'_>, known: Known, len: usize) -> Measured {
    let mut buckets = Vec::with_capacity(len);
    known.buckets(&along.cells, len, &mut buckets);
    let quantiles = along.quantiles.as_ref().map(|found| found.found().to_vec()).unwrap_or_default();
    Measured { buckets, quantiles }
}
