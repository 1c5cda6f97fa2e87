//! [`Source`] over a [`Reader`]: the file answers.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use super::bucket::{SeriesCells, cell_grid, from_rollups};
use super::cells::PAGE;
use super::intake::{IntoCells, IntoMeasures, IntoQuantiles};
use super::resolution::{DAY_MS, HOUR_MS, Layer, segments};
use super::source::{courses_of_lines, measured_apart};
use super::{Ahead, Bucket, CourseSink, Grid, MeasureSink, Origin, QueryError, SampleSink, Source, TimeSink, Told};
use crate::model::catalogue::Catalogue;
use crate::model::{Aggregate, Annotation, Kind, Selector, Series, SeriesId, TimeRange, Timestamp, near_ms};
use crate::store::{AllOutlived, Reader, Resolution};

/// Scrapes of nodes that are held at once: three series each, 8 bytes a time, 24 MB.
const SCRAPES_AT_ONCE: u64 = 1 << 20;

/// Most cells (64 bytes each) filled at once: requests over more series are answered in several passes, so that memory stays flat.
const CELLS_MAX: usize = 1 << 20;

/// How far from a range's start the first bucket is looked for that tells whether what it is made of is kept.
const LOOK_AHEAD_MS: i64 = 7 * DAY_MS;

/// Of a shorter range all times are looked at, of a longer one those of its first and its last day.
const GLIMPSED_MIN_MS: i64 = 3 * DAY_MS;

/// Takes all rows of one series, ascending.
type RollupSink<'a> = &'a mut dyn FnMut(SeriesId, &[(Timestamp, Aggregate)]);

/// Answers from one database file.
pub struct LocalSource {
    reader: Reader,
    name: String,
    /// Sorted by key.
    series: Vec<Series>,
    kinds: HashMap<SeriesId, Kind>,
    catalogue: Catalogue,
    /// Hourly rollups before it are complete; daily ones too, as whole days go.
    watermark: Timestamp,
}

/// The part of a grid in which there may be samples: what is asked about centuries costs what is known of them.
#[derive(Clone, Copy)]
struct Known {
    /// Whole days.
    range: TimeRange,
    /// Place of the part's first bucket in the grid.
    first: usize,
    part: Grid,
}

/// One request for buckets on its way: what is asked, and the cells filled so far, by place in the request.
struct Fill<'a> {
    grid: Grid,
    known: TimeRange,
    near_ms: i64,
    places: HashMap<SeriesId, usize>,
    cells: Vec<SeriesCells>,
    source: &'a LocalSource,
}

impl LocalSource {
    /// Opens an existing database for reading.
    pub fn open(path: &Path) -> Result<Self, QueryError> {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        LocalSource::new(Reader::open(path)?, name)
    }

    /// Over an open reader; `name` is what reports call it.
    pub fn new(reader: Reader, name: String) -> Result<Self, QueryError> {
        let mut series = reader.series()?;
        series.sort_by(|a, b| a.key.cmp(&b.key));
        let watermark = reader.watermark(Resolution::Hour)?.unwrap_or(Timestamp::MIN);
        let catalogue = Catalogue::built_in().clone();
        let kinds = kinds(&series, &catalogue);
        Ok(LocalSource { reader, name, series, kinds, catalogue, watermark })
    }

    /// With another catalogue than the one that everybody has.
    #[must_use]
    pub fn knowing(self, catalogue: Catalogue) -> Self {
        LocalSource { kinds: kinds(&self.series, &catalogue), catalogue, ..self }
    }

    fn known(&self, grid: Grid) -> Result<Known, QueryError> {
        let whole_days = |data: TimeRange| TimeRange::new(data.from().floor_to(DAY_MS), data.to().ceil_to(DAY_MS));
        let none = Grid { len: 0, ..grid };
        let range = self.span()?.and_then(whole_days).unwrap_or(none.range());
        let (first, part) = range.intersect(grid.range()).map_or((0, none), |shared| grid.touched(shared));
        Ok(Known { range, first, part })
    }

    /// `series` in groups whose cells are held at once.
    fn groups<'s>(
        &self,
        series: &'s [SeriesId],
        known: TimeRange,
        cells: Grid,
    ) -> Result<Vec<&'s [SeriesId]>, QueryError> {
        if series.len().saturating_mul(cells.len) <= CELLS_MAX {
            return Ok(vec![series]);
        }
        let ids = ascending(series);
        let days = self.reader.days_about(&ids, cells.range().intersect(known).unwrap_or(known))?;
        let a_day = (DAY_MS / cells.step_ms) as usize + PAGE;
        let cells_of =
            |id: &SeriesId| ids.binary_search(id).map_or(0, |place| (days[place] as usize * a_day).min(cells.len));
        let (mut groups, mut rest) = (Vec::new(), series);
        while let Some(first) = rest.first() {
            let mut held = cells_of(first);
            let more = rest[1..].iter().take_while(|id| {
                held += cells_of(id);
                held <= CELLS_MAX
            });
            let (group, others) = rest.split_at(1 + more.count());
            groups.push(group);
            rest = others;
        }
        Ok(groups)
    }

    fn kind(&self, id: SeriesId) -> Kind {
        self.kinds.get(&id).copied().unwrap_or_default()
    }

    fn rollups(
        &self,
        ids: &[SeriesId],
        layer: Layer,
        range: TimeRange,
        each: RollupSink<'_>,
    ) -> Result<(), QueryError> {
        let resolution = match layer {
            Layer::Raw => return Ok(()),
            Layer::Hour => Resolution::Hour,
            Layer::Day => Resolution::Day,
        };
        let mut rows: Vec<(Timestamp, Aggregate)> = Vec::new();
        let mut current: Option<SeriesId> = None;
        self.reader.rollups(ids, resolution, range, &mut |id, at, aggregate| {
            if let Some(done) = current.replace(id).filter(|done| *done != id) {
                each(done, &rows);
                rows.clear();
            }
            rows.push((at, *aggregate));
        })?;
        if let Some(last) = current {
            each(last, &rows);
        }
        Ok(())
    }

    /// Whether samples of `range` may have been pruned.
    fn may_lack_samples(&self, range: TimeRange) -> Result<bool, QueryError> {
        Ok(self.reader.raw_pruned_before()?.is_some_and(|pruned| range.from() < pruned))
    }

    /// Of `ids` (ascending), in their order.
    fn quantile_intakes<'w>(
        &self,
        ids: &[SeriesId],
        range: TimeRange,
        wanted: &'w [f64],
    ) -> Result<Vec<IntoQuantiles<'w>>, QueryError> {
        let mut pruned = self.reader.outlived(ids, range)?;
        let had = if self.may_lack_samples(range)? { self.counts_by_rollups(ids, range)? } else { HashMap::new() };
        let of = |id: &SeriesId| {
            let pruned = pruned.remove(id).unwrap_or_default();
            IntoQuantiles::new(wanted, pruned, had.get(id).copied().unwrap_or_default())
        };
        Ok(ids.iter().map(of).collect())
    }

    /// The width of the finest layer that still has most of what the first bucket of a rollup in `range` was made of. A mark in the file would not do:
    /// it says that some were pruned, be it of one metric with a rule of its own.
    fn finest_kept(&self, range: TimeRange) -> Result<i64, QueryError> {
        let mut ids: Vec<SeriesId> = self.series.iter().map(|s| s.id).collect();
        ids.sort_unstable();
        let from = range.from().floor_to(DAY_MS);
        let near = TimeRange::new(from, range.to().min(from.plus_millis(LOOK_AHEAD_MS))).unwrap_or(range);
        let day = self.first_bucket(&ids, Layer::Day, near)?;
        let hour = self.first_bucket(&ids, Layer::Hour, day.map_or(near, |(bucket, _)| bucket))?;
        let mut samples = 0;
        let Some((bucket, had)) = hour.or(day) else { return Ok(HOUR_MS) };
        self.reader.scan(&ids, bucket, &mut |_, times, _| {
            samples += times.len() as u64;
            ControlFlow::Continue(())
        })?;
        if 2 * samples > had {
            return Ok(1);
        }
        let Some((bucket, had)) = day else { return Ok(HOUR_MS) };
        let mut in_hours = 0;
        self.rollups(&ids, Layer::Hour, bucket, &mut |_, rows| {
            in_hours += rows.iter().map(|(_, row)| row.count).sum::<u64>();
        })?;
        Ok(if 2 * in_hours > had { HOUR_MS } else { DAY_MS })
    }

    /// The first bucket of `layer` in `range` that any of the series has, and how many samples all of them have there.
    fn first_bucket(
        &self,
        ids: &[SeriesId],
        layer: Layer,
        range: TimeRange,
    ) -> Result<Option<(TimeRange, u64)>, QueryError> {
        let mut counts: BTreeMap<Timestamp, u64> = BTreeMap::new();
        self.rollups(ids, layer, range, &mut |_, rows| {
            for (at, row) in rows {
                *counts.entry(*at).or_default() += row.count;
            }
        })?;
        let first = counts.into_iter().next();
        Ok(first.and_then(|(at, had)| Some((TimeRange::new(at, at.plus_millis(layer.width_ms()))?, had))))
    }

    /// How many samples each series had in the whole hours and days of `range`, by the rollups: more than the samples that are kept
    /// where those were pruned.
    fn counts_by_rollups(&self, ids: &[SeriesId], range: TimeRange) -> Result<HashMap<SeriesId, u64>, QueryError> {
        let mut counts: HashMap<SeriesId, u64> = HashMap::new();
        for layer in [Layer::Hour, Layer::Day] {
            let Some(whole) = whole(range, layer) else { continue };
            self.rollups(ids, layer, whole, &mut |id, rows| {
                let count: u64 = rows.iter().map(|(_, row)| row.count).sum();
                let known = counts.entry(id).or_default();
                *known = count.max(*known);
            })?;
        }
        Ok(counts)
    }
}

fn kinds(series: &[Series], catalogue: &Catalogue) -> HashMap<SeriesId, Kind> {
    series.iter().map(|s| (s.id, growing(s, catalogue))).collect()
}

/// What is treated as a counter: what is said to be one, what is named like one, and what the catalogue makes rates of.
fn growing(series: &Series, catalogue: &Catalogue) -> Kind {
    let metric = series.key.metric.as_str();
    match series.kind {
        Kind::Counter => Kind::Counter,
        Kind::Gauge if catalogue.is_counter(metric) => Kind::Counter,
        Kind::Gauge => Kind::from_name(metric),
    }
}

fn ascending(ids: &[SeriesId]) -> Vec<SeriesId> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// The whole buckets of `layer` inside `range`.
fn whole(range: TimeRange, layer: Layer) -> Option<TimeRange> {
    let (from, to) = (range.from().ceil_to(layer.width_ms()), range.to().floor_to(layer.width_ms()));
    TimeRange::new(from, to).filter(|r| !r.is_empty())
}

impl Known {
    /// All `len` buckets of the grid, into `out`.
    fn buckets(&self, cells: &SeriesCells, len: usize, out: &mut Vec<Bucket>) {
        cells.buckets(self.part, out);
        out.resize(len, Bucket::default());
        out.rotate_right(self.first);
    }
}

impl Fill<'_> {
    /// By the planned layers, coarsest first; where a layer has nothing the next finer one is asked (its rows may have been pruned earlier).
    fn answer(&mut self, ids: &[SeriesId], layer: Layer, range: TimeRange) -> Result<(), QueryError> {
        if layer == Layer::Raw {
            return self.scan(ids, range);
        }
        self.roll(ids, layer, range, |_, _| true)?;
        let mut missing: BTreeMap<(Timestamp, Timestamp), Vec<SeriesId>> = BTreeMap::new();
        for id in ids {
            for gap in self.cells[self.places[id]].missing(self.grid, layer, range) {
                missing.entry((gap.from(), gap.to())).or_default().push(*id);
            }
        }
        for ((from, to), ids) in missing {
            if let Some(gap) = TimeRange::new(from, to) {
                self.answer(&ids, layer.finer(), gap)?;
            }
        }
        Ok(())
    }

    fn scan(&mut self, ids: &[SeriesId], range: TimeRange) -> Result<(), QueryError> {
        let counters = ids.iter().any(|id| self.source.kind(*id) == Kind::Counter);
        let look_back = if counters { self.near_ms } else { 0 };
        let from = range.from().plus_millis(-look_back).max(Timestamp::MIN.min(range.from()));
        let wide = TimeRange::new(from, range.to()).unwrap_or(range);
        // The cells are in the order of ids, as `ids` are.
        let mut next = ids.iter().filter_map(|id| self.places.get(id)).peekable();
        let cells = self.cells.iter_mut().enumerate();
        let asked = cells.filter(|(place, _)| next.next_if(|asked| *asked == place).is_some());
        let mut intakes: Vec<IntoCells> = asked.map(|(_, cells)| IntoCells { cells, grid: self.grid, range }).collect();
        Ok(self.source.reader.fold(ids, wide, &mut intakes)?)
    }

    /// Puts in the rollup rows for which `wanted` holds of the samples that are there and those of the row.
    fn roll(
        &mut self,
        ids: &[SeriesId],
        layer: Layer,
        range: TimeRange,
        wanted: impl Fn(u64, u64) -> bool,
    ) -> Result<(), QueryError> {
        let Fill { grid, near_ms, places, cells, source, .. } = self;
        // The row before the range tells what a counter stood at.
        let look_back = (*near_ms).max(layer.width_ms());
        let from = range.from().plus_millis(-look_back).floor_to(layer.width_ms());
        let wide = TimeRange::new(from, range.to()).unwrap_or(range);
        source.rollups(ids, layer, wide, &mut |id, rows| {
            let Some(place) = places.get(&id) else { return };
            let cells = &mut cells[*place];
            for (at, bucket) in from_rollups(source.kind(id), layer, *near_ms, rows) {
                if range.contains(at) && wanted(cells.count(*grid, layer, at), bucket.aggregate.count) {
                    cells.put(*grid, layer, at, bucket);
                }
            }
        })
    }

    /// Everything of one kind.
    fn fill(&mut self, ids: &[SeriesId], kind: Kind, range: TimeRange, step_ms: i64) -> Result<(), QueryError> {
        let plan = segments(range, step_ms, kind, self.source.watermark);
        for segment in &plan {
            if let Some(known) = segment.range.intersect(self.known) {
                self.answer(ids, segment.layer, known)?;
            }
        }
        // Samples answered it all, and some of them were pruned: where a rollup knows more, it is taken.
        if plan.iter().all(|s| s.layer == Layer::Raw)
            && step_ms % HOUR_MS == 0
            && self.source.may_lack_samples(range)?
        {
            let layers = if step_ms % DAY_MS == 0 { &[Layer::Hour, Layer::Day][..] } else { &[Layer::Hour] };
            for layer in layers {
                if let Some(whole) = whole(range, *layer).and_then(|whole| whole.intersect(self.known)) {
                    self.roll(ids, *layer, whole, |there, row| row > there)?;
                }
            }
        }
        Ok(())
    }
}

impl Source for LocalSource {
    fn origin(&self) -> Origin {
        Origin { name: self.name.clone(), hash: self.reader.content_hash().ok(), partial: Vec::new() }
    }

    fn span(&self) -> Result<Option<TimeRange>, QueryError> {
        Ok(self.reader.span()?)
    }

    fn finest_step_ms(&self, range: TimeRange) -> Result<i64, QueryError> {
        let pruned = self.reader.raw_pruned_before()?.unwrap_or(Timestamp::MIN);
        let Some(known) = self.span()?.and_then(|data| data.intersect(range)).filter(|known| known.from() < pruned)
        else {
            return Ok(1);
        };
        self.finest_kept(known)
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        Ok(self.series.iter().filter(|s| selector.matches(&s.key)).cloned().collect())
    }

    fn buckets(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        let known = self.known(grid)?;
        let cells = cell_grid(known.part);
        let near_ms = near_ms(grid.step_ms);
        let mut buckets = Vec::with_capacity(grid.len);
        for group in self.groups(series, known.range, cells)? {
            let ids = ascending(group);
            let mut fill = Fill {
                grid: cells,
                known: known.range,
                near_ms,
                places: ids.iter().enumerate().map(|(place, id)| (*id, place)).collect(),
                cells: ids.iter().map(|id| SeriesCells::new(self.kind(*id), near_ms, cells.len)).collect(),
                source: self,
            };
            if let Some(range) = range.intersect(grid.range()) {
                for kind in [Kind::Gauge, Kind::Counter] {
                    let of_kind: Vec<SeriesId> = ids.iter().copied().filter(|id| self.kind(*id) == kind).collect();
                    if !of_kind.is_empty() {
                        fill.fill(&of_kind, kind, range, grid.step_ms)?;
                    }
                }
            }
            for id in group {
                known.buckets(&fill.cells[fill.places[id]], grid.len, &mut buckets);
                sink(*id, &buckets);
            }
        }
        Ok(())
    }

    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        wanted: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError> {
        let ids = ascending(series);
        let mut intakes = self.quantile_intakes(&ids, range, wanted)?;
        self.reader.fold(&ids, range, &mut intakes)?;
        for id in series {
            if let Ok(place) = ids.binary_search(id) {
                sink(*id, intakes[place].found());
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
        let all_levels = series.iter().all(|id| self.kind(*id) == Kind::Gauge);
        let is_inside = range.intersect(grid.range()) == Some(range);
        if !all_levels || !is_inside || self.may_lack_samples(range)? {
            return measured_apart(self, series, range, grid, quantiles, sink);
        }
        let known = self.known(grid)?;
        let cell_grid = cell_grid(known.part);
        let mut buckets = Vec::with_capacity(grid.len);
        for group in self.groups(series, known.range, cell_grid)? {
            let ids = ascending(group);
            let mut cells: Vec<SeriesCells> =
                ids.iter().map(|_| SeriesCells::new(Kind::Gauge, near_ms(grid.step_ms), cell_grid.len)).collect();
            let into_cells = cells.iter_mut().map(|cells| IntoCells { cells, grid: cell_grid, range });
            let into_quantiles = self.quantile_intakes(&ids, range, quantiles)?;
            let mut intakes: Vec<IntoMeasures> =
                into_cells.zip(into_quantiles).map(|(cells, quantiles)| IntoMeasures(cells, quantiles)).collect();
            self.reader.fold(&ids, range, &mut intakes)?;
            for id in group {
                if let Ok(place) = ids.binary_search(id) {
                    known.buckets(intakes[place].0.cells, grid.len, &mut buckets);
                    sink(*id, &buckets, intakes[place].1.found());
                }
            }
        }
        Ok(())
    }

    fn courses(
        &self,
        wanted: &[(SeriesId, Told)],
        range: TimeRange,
        grid: Grid,
        ahead: Option<&Ahead>,
        sink: CourseSink<'_>,
    ) -> Result<(), QueryError> {
        let inside = range.intersect(grid.range()).filter(|_| grid.step_ms % HOUR_MS != 0);
        match inside {
            Some(inside) => self.raw_courses(wanted, inside, grid, ahead, sink),
            None => courses_of_lines(self, wanted, range, grid, sink),
        }
    }

    fn times(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        Ok(self.reader.times(&ascending(series), range, sink)?)
    }

    /// The rows that are not compressed yet are in the order of their time: who asks for one series goes through those of all.
    fn nodes_at_once(&self, range: TimeRange) -> Result<usize, QueryError> {
        let (usual, others) = self.reader.samples_about(range)?;
        let samples_a_series = usual + others / self.series.len().max(1) as u64;
        Ok((SCRAPES_AT_ONCE / samples_a_series.max(1)).max(1) as usize)
    }

    fn glimpses(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        most: usize,
        sink: TimeSink<'_>,
    ) -> Result<(), QueryError> {
        let ids = ascending(series);
        let known = self.span()?.and_then(|data| data.intersect(range)).unwrap_or(range);
        let (from, to) = (known.from(), known.to());
        let ends = TimeRange::new(from, from.plus_millis(DAY_MS)).zip(TimeRange::new(to.plus_millis(-DAY_MS), to));
        let Some((first_day, last_day)) = ends.filter(|_| known.millis() >= GLIMPSED_MIN_MS) else {
            return self.times(series, range, sink);
        };
        let mut first: HashMap<SeriesId, Vec<i64>> = HashMap::new();
        self.reader.times(&ids, first_day, &mut |id, times| {
            let first = first.entry(id).or_default();
            first.extend(times.iter().take(most - first.len().min(most)));
            ControlFlow::Continue(())
        })?;
        let mut last: HashMap<SeriesId, i64> = HashMap::new();
        self.reader.times(&ids, last_day, &mut |id, times| {
            last.extend(times.last().map(|last| (id, *last)));
            ControlFlow::Continue(())
        })?;
        first.retain(|_, times| times.len() >= most);
        for (id, times) in &first {
            if let Some(last) = last.get(id)
                && (sink(*id, times).is_break() || sink(*id, &[*last]).is_break())
            {
                return Ok(());
            }
        }
        // Those that began later, are slower or have ended are looked at all along.
        let others = ids.iter().copied().filter(|id| !(first.contains_key(id) && last.contains_key(id)));
        self.times(&others.collect::<Vec<SeriesId>>(), range, sink)
    }

    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
        Ok(self.reader.scan(&ascending(series), range, sink)?)
    }

    fn outlived(&self, series: &[SeriesId], range: TimeRange) -> Result<AllOutlived, QueryError> {
        Ok(self.reader.outlived(&ascending(series), range)?)
    }

    fn has_sketches(&self, range: TimeRange) -> Result<bool, QueryError> {
        Ok(self.reader.has_sketches(range)?)
    }

    fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
        Ok(self.reader.annotations(range)?)
    }
}

mod courses;
#[cfg(test)]
mod tests;
