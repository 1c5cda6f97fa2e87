//! Aggregates that an engine computes, put into buckets.

use std::collections::HashMap;

use super::super::{Bucket, Grid};
use super::answer::{Data, RawLabels};
use super::dialect::Dialect;
use super::engine::Ask;
use super::error::RemoteError;
use super::plan::{Group, Run, Together, cut, groups, runs};
use super::replicas::Replicas;
use super::roster::Roster;
use crate::model::{Aggregate, Kind, SeriesId, TimeRange, near_ms, step_up};

/// One aggregate of the samples of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Sum,
    Count,
    Min,
    Max,
    First,
    Last,
    /// Of the first and the last sample.
    FirstTime,
    LastTime,
    Mean,
    /// How often a sample is below the one before it.
    Falls,
}

/// What makes a line.
pub(super) const MEAN: &[Part] = &[Part::Mean];
/// What makes a line with its band.
pub(super) const LINE: &[Part] = &[Part::Sum, Part::Count, Part::Min, Part::Max];
/// All that is told of a gauge.
pub(super) const LEVEL: &[Part] = &[Part::Sum, Part::Count, Part::Min, Part::Max, Part::First, Part::Last];
/// All that is told of a counter that never falls: its first value is the smallest, and its last one the largest.
pub(super) const COUNTER: &[Part] = &[Part::Sum, Part::Count, Part::First, Part::Last, Part::FirstTime, Part::LastTime];
/// How much there is of a counter.
pub(super) const EXTENT: &[Part] = &[Part::Count, Part::Falls];
/// What a counter stood at.
const LAST: &[Part] = &[Part::Last, Part::LastTime];

impl Part {
    fn function(self) -> &'static str {
        match self {
            Part::Sum => "sum_over_time",
            Part::Count => "count_over_time",
            Part::Min => "min_over_time",
            Part::Max => "max_over_time",
            Part::First => "first_over_time",
            Part::Last => "last_over_time",
            Part::FirstTime => "tfirst_over_time",
            Part::LastTime => "tlast_over_time",
            Part::Mean => "avg_over_time",
            Part::Falls => "decreases_over_time",
        }
    }
}

/// What is known of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    values: [f64; 10],
}

impl Default for Window {
    fn default() -> Self {
        Window { values: [f64::NAN; 10] }
    }
}

impl Window {
    pub(super) fn get(&self, part: Part) -> f64 {
        self.values[part as usize]
    }

    /// A moment in ms.
    pub(super) fn time(&self, part: Part) -> Option<i64> {
        let seconds = self.get(part);
        (!seconds.is_nan()).then(|| (seconds * 1e3).round() as i64)
    }

    fn set(&mut self, part: Part, value: f64) {
        self.values[part as usize] = value;
    }

    fn aggregate(&self) -> Aggregate {
        let (count, mean) = (self.get(Part::Count), self.get(Part::Mean));
        if !mean.is_nan() {
            return Aggregate { count: 1, sum: mean, ..Aggregate::EMPTY };
        }
        if count.is_nan() || count < 1.0 {
            return Aggregate::EMPTY;
        }
        Aggregate {
            count: count as u64,
            sum: self.get(Part::Sum),
            min: self.get(Part::Min),
            max: self.get(Part::Max),
            first: self.get(Part::First),
            last: self.get(Part::Last),
            increase: 0.0,
        }
    }
}

/// The windows of some series, one for each bucket.
pub(super) struct Windows {
    places: HashMap<SeriesId, usize>,
    len: usize,
    all: Vec<Window>,
}

impl Windows {
    /// Asks for `parts` of the samples of `ids` in the buckets of `grid` that lie in `range`.
    pub(super) fn ask(
        engine: &Replicas,
        roster: &Roster,
        ids: &[SeriesId],
        (range, grid): (TimeRange, Grid),
        parts: &[Part],
    ) -> Result<Windows, RemoteError> {
        let mut windows = Windows::empty(ids, grid);
        let questions = questions(engine.dialect(), roster, ids, (range, grid), parts);
        engine.in_parts(
            questions,
            &|question| question.ask(engine.dialect(), grid),
            &|question| question.cut(roster),
            &mut |question, data| {
                windows.put(question, data, roster, grid);
                Ok(())
            },
        )?;
        Ok(windows)
    }

    /// One that is there twice has two places, of which the later is filled.
    fn empty(ids: &[SeriesId], grid: Grid) -> Windows {
        let places = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Windows { len: grid.len, all: vec![Window::default(); ids.len() * grid.len], places }
    }

    /// Of one series, by bucket.
    pub(super) fn of(&self, id: SeriesId) -> &[Window] {
        let place = self.places.get(&id).map(|place| place * self.len);
        place.map_or(&[], |at| &self.all[at..at + self.len])
    }

    fn put(&mut self, question: &Question, data: Data, roster: &Roster, grid: Grid) {
        for mut line in data.result {
            let Some(part) = question.part_of(&mut line.metric) else { continue };
            let metric = line.metric.get("__name__").or(question.group.metric.as_ref()).map_or("", String::as_str);
            // Series that nobody asked for come along where nodes are too many to be named.
            let Some(at) = roster.find(metric, &line.metric).and_then(|id| self.places.get(&id)) else { continue };
            for point in line.values {
                if let Some(cell) = question.run.cell_at(point.ms, grid) {
                    self.all[at * self.len + cell].set(part, point.value);
                }
            }
        }
    }
}

/// One query: aggregates of the series of a group in the windows of a run.
struct Question {
    group: Group,
    run: Run,
    parts: Vec<Part>,
}

fn questions(
    dialect: Dialect,
    roster: &Roster,
    ids: &[SeriesId],
    (range, grid): (TimeRange, Grid),
    parts: &[Part],
) -> Vec<Question> {
    // MetricsQL gives several aggregates of several metrics at once.
    let sets: Vec<Vec<Part>> = match dialect {
        Dialect::Victoria => vec![parts.to_vec()],
        Dialect::Prometheus { .. } => parts.iter().map(|part| vec![*part]).collect(),
    };
    let mut questions = Vec::new();
    for parts in sets {
        let together = match dialect {
            Dialect::Victoria => Together::Points(grid.len * parts.len()),
            Dialect::Prometheus { .. } => Together::OneMetric,
        };
        for group in groups(roster, ids, together) {
            for run in runs(range, grid, group.ids.len() * parts.len()) {
                questions.push(Question { group: group.clone(), run, parts: parts.clone() });
            }
        }
    }
    questions
}

impl Question {
    fn ask(&self, dialect: Dialect, grid: Grid) -> Ask {
        let vector = format!("{}{}", self.group.selector, dialect.window(self.run.width_ms));
        let query = match (dialect, self.parts.as_slice()) {
            (Dialect::Prometheus { .. }, [part, ..]) => format!("{}({vector})", part.function()),
            (_, [part]) => format!("{}({vector}) keep_metric_names", part.function()),
            (_, parts) => {
                let names: Vec<String> = parts.iter().map(|part| format!("\"{}\"", part.function())).collect();
                format!("aggr_over_time(({}),{vector}) keep_metric_names", names.join(","))
            }
        };
        let (start, end, step) = self.run.moments(grid);
        Ask::range(query, start, end, step)
    }

    /// The same of fewer series each.
    fn cut(&self, roster: &Roster) -> Vec<Question> {
        let of = |group| Question { group, run: self.run, parts: self.parts.clone() };
        cut(roster, &self.group).into_iter().map(of).collect()
    }

    /// Which aggregate a line is; that is no label of the series.
    fn part_of(&self, labels: &mut RawLabels) -> Option<Part> {
        match self.parts.as_slice() {
            [part] => Some(*part),
            parts => {
                let name = labels.remove("rollup")?;
                parts.iter().copied().find(|part| part.function() == name)
            }
        }
    }
}

/// Buckets of levels.
pub(super) fn levels(windows: &[Window], len: usize) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> =
        windows.iter().map(|window| Bucket { aggregate: window.aggregate(), increase_seconds: 0.0 }).collect();
    buckets.resize(len, Bucket::default());
    buckets
}

/// Buckets of a counter that never falls. A step from the sample before a bucket belongs to it, where that one is near; within a bucket samples always are.
pub(super) fn grown(windows: &[Window], before: Option<(i64, f64)>, step_ms: i64) -> Vec<Bucket> {
    let mut last = before;
    let mut buckets = levels(windows, windows.len());
    for (bucket, window) in buckets.iter_mut().zip(windows) {
        let (Some(first_ms), Some(last_ms)) = (window.time(Part::FirstTime), window.time(Part::LastTime)) else {
            continue;
        };
        let aggregate = &mut bucket.aggregate;
        (aggregate.min, aggregate.max) = (aggregate.first, aggregate.last);
        let inner = step_up(aggregate.first, aggregate.last);
        let mut millis = 0;
        if inner.is_finite() {
            aggregate.increase = inner;
            millis = last_ms.saturating_sub(first_ms);
        }
        if let Some((before_ms, before)) = last {
            let step = step_up(before, aggregate.first);
            let apart_ms = first_ms.saturating_sub(before_ms);
            if apart_ms <= near_ms(step_ms) && step.is_finite() {
                aggregate.increase += step;
                millis = millis.saturating_add(apart_ms);
            }
        }
        bucket.increase_seconds = millis as f64 / 1e3;
        last = Some((last_ms, bucket.aggregate.last));
    }
    buckets
}

/// What counters stood at before `range`, and when; of those that were sampled near it.
pub(super) fn before(
    engine: &Replicas,
    roster: &Roster,
    ids: &[SeriesId],
    range: TimeRange,
    step_ms: i64,
) -> Result<HashMap<SeriesId, (i64, f64)>, RemoteError> {
    let near = near_ms(step_ms);
    let start = range.from().plus_millis(-near);
    let Some(window) = TimeRange::new(start, range.from()) else { return Ok(HashMap::new()) };
    let windows = Windows::ask(engine, roster, ids, (window, Grid { start, step_ms: near, len: 1 }), LAST)?;
    let stood = |id: &SeriesId| {
        let window = windows.of(*id).first()?;
        Some((*id, (window.time(Part::LastTime)?, window.get(Part::Last))))
    };
    Ok(ids.iter().filter_map(stood).collect())
}

/// The quantiles of the samples of `ids` in `range`.
pub(super) fn quantiles(
    engine: &Replicas,
    roster: &Roster,
    ids: &[SeriesId],
    range: TimeRange,
    wanted: &[f64],
) -> Result<HashMap<SeriesId, Vec<f64>>, RemoteError> {
    let mut found: HashMap<SeriesId, Vec<f64>> = HashMap::new();
    if range.is_empty() || wanted.is_empty() {
        return Ok(found);
    }
    let dialect = engine.dialect();
    let (at, width) = (range.to().millis(), range.millis());
    // Of a group and, where an answer is of one quantile only, its place.
    let questions: Vec<(Group, Option<usize>)> = match dialect {
        Dialect::Victoria => {
            groups(roster, ids, Together::Points(wanted.len())).into_iter().map(|g| (g, None)).collect()
        }
        Dialect::Prometheus { .. } => groups(roster, ids, Together::OneMetric)
            .into_iter()
            .flat_map(|group| (0..wanted.len()).map(move |place| (group.clone(), Some(place))))
            .collect(),
    };
    let shares = wanted.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let ask = |(group, place): &(Group, Option<usize>)| {
        let vector = format!("{}{}", group.selector, dialect.window(width));
        let query = match place {
            None => format!("quantiles_over_time(\"phi\",{shares},{vector}) keep_metric_names"),
            Some(place) => format!("quantile_over_time({},{vector})", wanted[*place]),
        };
        Ask::range(query, at, at, width.max(1_000))
    };
    let smaller =
        |(group, place): &(Group, Option<usize>)| cut(roster, group).into_iter().map(|group| (group, *place)).collect();
    engine.in_parts(questions, &ask, &smaller, &mut |(group, place), data| {
        for mut line in data.result {
            let told = |text: String| wanted.iter().position(|share| text.parse() == Ok(*share));
            let place = place.or_else(|| line.metric.remove("phi").and_then(told));
            let metric = line.metric.get("__name__").or(group.metric.as_ref()).map_or("", String::as_str);
            let (Some(place), Some(id)) = (place, roster.find(metric, &line.metric)) else { continue };
            if let Some(point) = line.values.first() {
                found.entry(id).or_insert_with(|| vec![f64::NAN; wanted.len()])[place] = point.value;
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The first value and the last one of each series in a whole range.
pub(super) fn ends(
    engine: &Replicas,
    roster: &Roster,
    ids: &[SeriesId],
    range: TimeRange,
) -> Result<HashMap<SeriesId, (f64, f64)>, RemoteError> {
    let whole = Grid { start: range.from(), step_ms: range.millis().max(1), len: 1 };
    let parts: &[Part] = match engine.dialect() {
        Dialect::Victoria => &[Part::First, Part::Last],
        Dialect::Prometheus { .. } => &[Part::Last],
    };
    let windows = Windows::ask(engine, roster, ids, (range, whole), parts)?;
    let of = |id: &SeriesId| {
        let window = windows.of(*id).first()?;
        Some((*id, (window.get(Part::First), window.get(Part::Last))))
    };
    Ok(ids.iter().filter_map(of).collect())
}

/// Puts the ends of a range into the buckets that have them.
pub(super) fn put_ends(buckets: &mut [Bucket], ends: Option<(f64, f64)>) {
    let Some((first, last)) = ends else { return };
    if let Some(bucket) = buckets.iter_mut().find(|bucket| !bucket.aggregate.is_empty()) {
        bucket.aggregate.first = first;
    }
    if let Some(bucket) = buckets.iter_mut().rfind(|bucket| !bucket.aggregate.is_empty()) {
        bucket.aggregate.last = last;
    }
}

/// The series of `ids` that are counters, and the others.
pub(super) fn by_kind(roster: &Roster, ids: &[SeriesId]) -> (Vec<SeriesId>, Vec<SeriesId>) {
    ids.iter().partition(|id| roster.kind(**id) == Kind::Counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(parts: &[(Part, f64)]) -> Window {
        let mut window = Window::default();
        parts.iter().for_each(|(part, value)| window.set(*part, *value));
        window
    }

    fn counter(first: (f64, f64), last: (f64, f64)) -> Window {
        let told = [
            (Part::Count, 2.0),
            (Part::FirstTime, first.0),
            (Part::First, first.1),
            (Part::LastTime, last.0),
            (Part::Last, last.1),
        ];
        window(&told)
    }

    #[test]
    fn steps_between_buckets_belong_to_the_later_one_where_they_are_near() {
        let told = [
            counter((10.0, 100.0), (50.0, 140.0)),
            counter((70.0, 150.0), (110.0, 155.0)),
            Window::default(),
            counter((600.0, 159.0), (640.0, 160.0)), // too far from the one before
        ];
        let buckets = grown(&told, Some((-10_000, 90.0)), 60_000);
        let grew: Vec<(f64, f64)> = buckets.iter().map(|b| (b.aggregate.increase, b.increase_seconds)).collect();
        assert_eq!(grew, [(50.0, 60.0), (15.0, 60.0), (0.0, 0.0), (1.0, 40.0)]);
        assert!(buckets[2].aggregate.is_empty() && buckets[3].aggregate.count == 2);
        assert_eq!((buckets[1].aggregate.min, buckets[1].aggregate.max), (150.0, 155.0));
    }

    #[test]
    fn a_series_may_be_asked_for_twice() {
        let grid = Grid { start: crate::model::Timestamp::MIN, step_ms: 1_000, len: 3 };
        let windows = Windows::empty(&[SeriesId(1), SeriesId(1), SeriesId(2)], grid);
        assert_eq!([1, 2, 3].map(|id| windows.of(SeriesId(id)).len()), [3, 3, 0]);
    }

    #[test]
    fn times_that_nobody_has_break_nothing() {
        let far = |ms: f64| counter((-ms, 1.0), (ms, 2.0));
        let buckets = grown(&[far(1e300), far(1e18), far(f64::INFINITY)], Some((i64::MIN, 0.0)), 60_000);
        assert!(buckets.iter().all(|bucket| bucket.aggregate.count == 2));
    }

    #[test]
    fn one_sample_is_no_growth() {
        let lone = window(&[(Part::Count, 1.0), (Part::FirstTime, 5.0), (Part::LastTime, 5.0), (Part::First, 3.0)]);
        assert!(grown(&[lone], None, 60_000)[0].rate().is_nan());
    }
}
