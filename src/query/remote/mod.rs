//! [`Source`] over an engine that speaks the Prometheus HTTP API: VictoriaMetrics, Prometheus, Mimir, Thanos, Cortex.
//!
//! What is computed there and what here:
//!
//! | question | VictoriaMetrics | others |
//! |---|---|---|
//! | buckets of a gauge | there: sum, count, min, max, first, last | there, but for the first value |
//! | growth of a counter | of first and last values and their times; of its samples where it falls, or they are fewer than the answers | of its samples |
//! | quantiles | there | there |
//! | samples, times | `/api/v1/export` | a range vector |
//!
//! The windows of PromQL end where ours begin: [`dialect`] makes them half-open. Numbers are those of the same samples in a file, to 1e-12 (quantiles
//! to 1e-9), as far as the engine keeps them: VictoriaMetrics keeps some 12 digits of the
//! largest among a few thousand. A sample that an engine has twice counts twice there: give
//! VictoriaMetrics `-dedup.minScrapeInterval=1ms`.
//!
//! What an engine says is missing in its answers is kept and told ([`Origin::partial`]).

mod answer;
mod cells;
mod dialect;
mod engine;
mod error;
mod extent;
mod glimpse;
mod plan;
mod raw;
mod replicas;
mod roster;
mod shares;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

pub use dialect::Flavour;
pub use engine::EngineAccess;
pub use error::RemoteError;

use super::bucket::SeriesCells;
use super::{Bucket, Grid, MeasureSink, Origin, QueryError, SampleSink, Source, TimeSink};
use crate::model::catalogue::Catalogue;
use crate::model::{Annotation, Kind, NodeName, Selector, Series, SeriesId, TimeRange, Timestamp, near_ms};
use answer::{First, RawLabels};
use cells::{COUNTER, EXTENT, LEVEL, LINE, MEAN, Part, Windows, before, by_kind, grown, levels};
use dialect::Dialect;
use engine::{Ask, Asker, seconds};
use replicas::Replicas;
use roster::{Descriptions, Roster};
use shares::{Share, each_share, of_nodes};

/// Most windows (80 bytes each) asked for at once: requests over more series are answered in several passes.
const WINDOWS_MAX: usize = 1 << 20;
/// Most series of an answer: a report of more is no report.
const SERIES_MAX: usize = 200_000;
/// Answers of a bucket of a counter cost as much as so many of its samples.
const SAMPLES_A_BUCKET: f64 = 6.0;
/// Nodes whose scrapes are fetched together: of a week at 10 s those of three series each take 35 MB.
const NODES_AT_ONCE: usize = 24;
/// For sinks that take all.
const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

/// Answers by asking an engine. What it has is looked at once: a question of the same range has the same answer in all sections of a report.
pub struct RemoteSource {
    replicas: Replicas,
    catalogue: Catalogue,
    /// The time whose series are known.
    scope: RefCell<TimeRange>,
    /// Whose nodes are asked about.
    chosen: RefCell<Selector>,
    roster: OnceCell<Roster>,
}

impl RemoteSource {
    /// Connects to an engine, finds out what it speaks, and from when to when it has data: that is looked for back from `now`. Of several that have the same
    /// the one with the newest sample is asked. A question on which it ceases to answer is asked of the next one that speaks the same, as is all that follows;
    /// which one did not answer, or no more, is told ([`Origin::partial`]).
    pub fn connect(access: EngineAccess, now: Timestamp) -> Result<RemoteSource, QueryError> {
        let replicas = Replicas::connect(access, now)?;
        let (catalogue, roster) = (Catalogue::built_in().clone(), OnceCell::new());
        Ok(RemoteSource { replicas, catalogue, scope: RefCell::new(up_to(now)), chosen: RefCell::default(), roster })
    }

    /// The same at a later moment: what the engine had and said is forgotten. What it speaks is known still, and for ten minutes when its data begins.
    pub fn at_later(self, now: Timestamp) -> Result<RemoteSource, QueryError> {
        let replicas = self.replicas.choose_again(now)?;
        Ok(RemoteSource {
            replicas,
            catalogue: self.catalogue,
            scope: RefCell::new(up_to(now)),
            chosen: RefCell::default(),
            roster: OnceCell::new(),
        })
    }

    /// With another catalogue than the one that everybody has.
    #[must_use]
    pub fn knowing(self, catalogue: Catalogue) -> Self {
        RemoteSource { catalogue, ..self }
    }

    /// Only the series of `range`, of the range before it and of another one are looked at: an engine may have had millions. Where it has more than can be
    /// told at once even so, only those of the nodes that `selector` names, and those that name no node.
    pub fn look_at(&self, range: TimeRange, other: Option<TimeRange>, selector: &Selector) {
        self.chosen.replace(selector.clone());
        let ranges = [Some(range), Some(range.previous()), other].into_iter().flatten();
        let scope = ranges.reduce(|a, b| TimeRange::new(a.from().min(b.from()), a.to().max(b.to())).unwrap_or(a));
        self.scope.replace(scope.unwrap_or(range));
    }

    /// What the engines that were asked said, or are known, to lack in their answers so far.
    pub fn missing(&self) -> Vec<String> {
        self.replicas.missing()
    }

    fn roster(&self) -> Result<&Roster, QueryError> {
        if let Some(roster) = self.roster.get() {
            return Ok(roster);
        }
        let scope = self.span()?.and_then(|span| span.intersect(*self.scope.borrow()));
        let (all, is_whole) = match scope.filter(|scope| !scope.is_empty()) {
            None => (Vec::new(), true),
            Some(scope) => self.listed(scope)?,
        };
        // Not every engine has it, and nothing depends on it.
        let described: Descriptions = self.replicas.one(Ask::new("metadata", [])).unwrap_or_default();
        let fallback = NodeName::new(self.replicas.host()).or_else(|_| NodeName::new("engine"));
        let roster = match fallback {
            Ok(fallback) => Roster::new(all, is_whole, &described, &self.catalogue, &fallback),
            Err(_) => Roster::default(),
        };
        if roster.left_out > 0 {
            self.replicas
                .tell(&format!("{} series have names that are too long, or no other than another's", roster.left_out));
        }
        Ok(self.roster.get_or_init(|| roster))
    }

    /// The series of some time, and whether those are all of it.
    fn listed(&self, scope: TimeRange) -> Result<(Vec<RawLabels>, bool), RemoteError> {
        let time = [("start", seconds(scope.from().millis())), ("end", seconds(scope.to().millis() - 1))];
        let ask = |selector: String| Ask::new("series", [("match[]", selector)].into_iter().chain(time.clone()));
        let list = |shares: Vec<Share>| {
            let (mut all, mut series) = (Vec::new(), 0);
            each_share(&self.replicas, scope, shares, &ask, &mut |found: First<RawLabels, SERIES_MAX>| {
                series += found.count;
                all.extend(found.kept.into_iter().take(SERIES_MAX - all.len()));
                Ok(())
            })?;
            match series {
                0..=SERIES_MAX => Ok(all),
                series => Err(RemoteError::TooMany { url: self.replicas.url(), series, limit: SERIES_MAX }),
            }
        };
        let chosen = self.chosen.borrow();
        if !chosen.names_node() {
            return Ok((list(vec![Share::everything()])?, true));
        }
        match self.replicas.one::<First<RawLabels, SERIES_MAX>>(ask(Share::everything().selector())) {
            Ok(found) if found.count <= SERIES_MAX => Ok((found.kept, true)),
            Err(error) if !error.is_too_large() => Err(error),
            _ => Ok((list(of_nodes(&self.replicas, scope, &chosen)?)?, false)),
        }
    }

    /// Buckets of each of `ids`, by the aggregates that are needed of gauges.
    fn answer(
        &self,
        ids: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        of_gauges: &[Part],
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        let roster = self.roster()?;
        let nothing = vec![Bucket::default(); grid.len];
        // PromQL has no word for the first value.
        let is_told = self.replicas.dialect() == Dialect::Victoria || !of_gauges.contains(&Part::First);
        for some in ids.chunks((WINDOWS_MAX / grid.len.max(1)).max(1)) {
            let mut wanted = some.to_vec();
            wanted.sort_unstable();
            wanted.dedup();
            let (counters, gauges) = by_kind(roster, &wanted);
            let mut found: HashMap<SeriesId, Vec<Bucket>> = HashMap::with_capacity(wanted.len());
            if let Some(range) = range.intersect(grid.range()).filter(|range| !range.is_empty()) {
                if !is_told {
                    self.by_samples(&gauges, range, grid, &mut found)?;
                } else if !gauges.is_empty() {
                    let windows = Windows::ask(&self.replicas, roster, &gauges, (range, grid), of_gauges)?;
                    found.extend(gauges.iter().map(|id| (*id, levels(windows.of(*id), grid.len))));
                }
                if !counters.is_empty() {
                    self.counters(&counters, range, grid, &mut found)?;
                }
            }
            some.iter().for_each(|id| sink(*id, found.get(id).unwrap_or(&nothing)));
        }
        Ok(())
    }

    fn counters(
        &self,
        ids: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        found: &mut HashMap<SeriesId, Vec<Bucket>>,
    ) -> Result<(), QueryError> {
        let roster = self.roster()?;
        // PromQL tells neither the first value nor when it was.
        if self.replicas.dialect() != Dialect::Victoria {
            return self.by_samples(ids, range, grid, found);
        }
        let wide = TimeRange::new(range.from().plus_millis(-near_ms(grid.step_ms)), range.to()).unwrap_or(range);
        let whole = Grid { start: wide.from(), step_ms: wide.millis(), len: 1 };
        let extents = Windows::ask(&self.replicas, roster, ids, (wide, whole), EXTENT)?;
        let told = |id: &SeriesId, part| extents.of(*id).first().map(|w| w.get(part)).filter(|n| n.is_finite());
        let samples: f64 = ids.iter().filter_map(|id| told(id, Part::Count)).sum();
        let (falling, steady): (Vec<SeriesId>, Vec<SeriesId>) =
            ids.iter().partition(|id| told(id, Part::Falls).is_some_and(|falls| falls > 0.0));
        if samples < SAMPLES_A_BUCKET * (grid.len * ids.len()) as f64 {
            return self.by_samples(ids, range, grid, found);
        }
        // What a fall means is for us to say: VictoriaMetrics takes a small one for two recorders that take turns.
        if !falling.is_empty() {
            self.by_samples(&falling, range, grid, found)?;
        }
        let ids = &steady;
        let windows = Windows::ask(&self.replicas, roster, ids, (range, grid), COUNTER)?;
        let before = before(&self.replicas, roster, ids, range, grid.step_ms)?;
        found.extend(ids.iter().map(|id| {
            let mut buckets = grown(windows.of(*id), before.get(id).copied(), grid.step_ms);
            buckets.resize(grid.len, Bucket::default());
            (*id, buckets)
        }));
        Ok(())
    }

    /// Buckets as a file makes them, of the samples themselves.
    fn by_samples(
        &self,
        ids: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        found: &mut HashMap<SeriesId, Vec<Bucket>>,
    ) -> Result<(), QueryError> {
        let roster = self.roster()?;
        let near = near_ms(grid.step_ms);
        let mut cells: BTreeMap<SeriesId, SeriesCells> =
            ids.iter().map(|id| (*id, SeriesCells::new(roster.kind(*id), near, grid.len))).collect();
        // A counter's first step may begin before the range.
        let wide = TimeRange::new(range.from().plus_millis(-near), range.to()).unwrap_or(range);
        raw::samples(&self.replicas, roster, ids, wide, &mut |id, times, values| {
            if let Some(cells) = cells.get_mut(&id) {
                cells.push(grid, range, times, values);
            }
            GO_ON
        })?;
        for (id, cells) in cells {
            let mut buckets = Vec::with_capacity(grid.len);
            cells.buckets(grid, &mut buckets);
            found.insert(id, buckets);
        }
        Ok(())
    }
}

/// All time before `now`.
fn up_to(now: Timestamp) -> TimeRange {
    TimeRange::new(Timestamp::MIN, now).unwrap_or(TimeRange::ALL)
}

impl Source for RemoteSource {
    fn origin(&self) -> Origin {
        let partial = self.replicas.away().into_iter().chain(self.missing()).collect();
        Origin { name: self.replicas.url(), hash: None, partial }
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn span(&self) -> Result<Option<TimeRange>, QueryError> {
        Ok(self.replicas.span())
    }

    fn finest_step_ms(&self, _range: TimeRange) -> Result<i64, QueryError> {
        Ok(1)
    }

    fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        Ok(self.roster()?.series().iter().filter(|series| selector.matches(&series.key)).cloned().collect())
    }

    fn buckets(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        self.answer(series, range, grid, LEVEL, sink)
    }

    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        quantiles: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError> {
        let found = cells::quantiles(&self.replicas, self.roster()?, series, range, quantiles)?;
        let nothing = vec![f64::NAN; quantiles.len()];
        series.iter().for_each(|id| sink(*id, found.get(id).unwrap_or(&nothing)));
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
        let roster = self.roster()?;
        let nothing = vec![f64::NAN; quantiles.len()];
        for some in series.chunks((WINDOWS_MAX / grid.len.max(1)).max(1)) {
            let found = cells::quantiles(&self.replicas, roster, some, range, quantiles)?;
            let ends = cells::ends(&self.replicas, roster, some, range)?;
            self.answer(some, range, grid, LINE, &mut |id, buckets| {
                let mut buckets = buckets.to_vec();
                if roster.kind(id) == Kind::Gauge {
                    cells::put_ends(&mut buckets, ends.get(&id).copied());
                }
                sink(id, &buckets, found.get(&id).unwrap_or(&nothing));
            })?;
        }
        Ok(())
    }

    fn glimpses(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        most: usize,
        sink: TimeSink<'_>,
    ) -> Result<(), QueryError> {
        match self.replicas.dialect() {
            Dialect::Victoria => glimpse::glimpses(&self.replicas, self.roster()?, series, range, most, sink)?,
            Dialect::Prometheus { .. } => self.times(series, range, sink)?,
        }
        Ok(())
    }

    fn scrapes(&self, series: &[SeriesId], range: TimeRange, sink: TimeSink<'_>) -> Result<(), QueryError> {
        self.glimpses(series, range, usize::MAX, sink)
    }

    fn nodes_at_once(&self, _range: TimeRange) -> Result<usize, QueryError> {
        Ok(NODES_AT_ONCE)
    }

    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
        let Some(range) = self.span()?.and_then(|span| span.intersect(range)) else { return Ok(()) };
        Ok(raw::samples(&self.replicas, self.roster()?, series, range, sink)?)
    }

    fn annotations(&self, _range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
        Ok(Vec::new())
    }

    fn lines(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        self.answer(series, range, grid, LINE, sink)
    }

    fn means(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        self.answer(series, range, grid, MEAN, sink)
    }
}
