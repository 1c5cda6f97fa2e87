use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::super::{QueryError, Source, TimeSink};
use super::counted::counted_coverage;
use super::up::{Answers, Told, first_asked};
use crate::model::{NodeName, Series, SeriesId, Stretches, TimeRange, Timestamp};

/// How complete the data of one node is.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// The node.
    pub node: NodeName,
    /// Its sampling interval: the median distance of its scrapes, ms; 0 where there is one scrape only.
    pub interval_ms: i64,
    /// Scrapes that should be there between the later of range start and the node's first scrape and the range's end.
    pub expected: u64,
    /// That stretch, as far as there is data of any node; `None` where scrapes are counted by buckets.
    pub owed: Option<TimeRange>,
    /// Scrapes that are there.
    pub present: u64,
    /// Stretches longer than three intervals without a scrape, longest first, at most 20.
    pub gaps: Vec<TimeRange>,
    /// How many such stretches there are.
    pub gap_count: usize,
    /// Whether it was asked at the end of the range and did not answer, as `up` has it.
    pub is_down: bool,
    /// To how many ms all this is known: 1, or the width of a bucket where samples were pruned and are counted by rollups. Buckets that are not
    /// whole in the range are then left out.
    pub step_ms: i64,
}

/// Most gaps that are told one by one.
const GAPS_MAX: usize = 20;
/// A gap is longer than so many intervals: one or two missed scrapes are not worth a line.
pub const GAP_INTERVALS: i64 = 3;
/// How many series of a node are read in full.
const WITNESSES: usize = 3;

impl Coverage {
    /// Of a node of which nothing is expected.
    pub(super) fn none(node: NodeName, step_ms: i64) -> Coverage {
        Coverage {
            node,
            interval_ms: 0,
            expected: 0,
            owed: None,
            present: 0,
            gaps: Vec::new(),
            gap_count: 0,
            is_down: false,
            step_ms,
        }
    }

    /// Share of expected scrapes that are there, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.expected == 0 { 1.0 } else { (self.present as f64 / self.expected as f64).min(1.0) }
    }

    /// The last scrape of a node that stopped before the end of `range`, which is the one that was asked about.
    pub fn stopped_at(&self, range: TimeRange) -> Option<Timestamp> {
        self.gaps.iter().find(|gap| gap.to() == range.to()).map(|gap| gap.from())
    }

    /// Of a node's scrapes. A gap at the end goes on to the end of `range`. Nothing is missing in what is `left_out`.
    fn of(node: NodeName, scrapes: &Scrapes, range: TimeRange, left_out: &Stretches) -> Coverage {
        let Scrapes { times, interval_ms, start, end } = scrapes;
        let expected = match (times.first(), *interval_ms) {
            (None, 0) => 0,
            (Some(_), 0) => 1,
            (first, interval_ms) => {
                let first = first.copied().unwrap_or(*start);
                let all = (first - start) / interval_ms + (end - 1 - first) / interval_ms + 1;
                all - scrapes.owed_in(left_out, first)
            }
        };
        let gaps = missing(scrapes.silences().filter_map(|(from, to)| millis(from, to)), left_out, *interval_ms);
        let (gaps, gap_count) = longest_gaps(gaps, Timestamp::from_millis(*end), range);
        Coverage {
            interval_ms: *interval_ms,
            expected: expected as u64,
            owed: millis(*start, *end),
            present: times.len() as u64,
            gaps,
            gap_count,
            ..Coverage::none(node, 1)
        }
    }
}

/// What is missing of some silences: the parts that are not left out, and are longer than three intervals.
pub(super) fn missing(
    silences: impl IntoIterator<Item = TimeRange>,
    left_out: &Stretches,
    interval_ms: i64,
) -> Vec<TimeRange> {
    let parts = silences.into_iter().flat_map(|silence| left_out.outside(silence).as_slice().to_vec());
    parts.filter(|part| part.millis() > GAP_INTERVALS * interval_ms).collect()
}

/// The longest of `gaps` (which are in time order), and how many there are. One that reaches to `end`, to which data is known, goes on to the end of
/// `range`: that a node stopped is told however short that is.
pub(super) fn longest_gaps(mut gaps: Vec<TimeRange>, end: Timestamp, range: TimeRange) -> (Vec<TimeRange>, usize) {
    let gap_count = gaps.len();
    let stopped = gaps.pop_if(|gap| gap.to() == end);
    gaps.sort_by_key(|gap| (-gap.millis(), gap.from()));
    gaps.truncate(GAPS_MAX - 1);
    gaps.extend(stopped.and_then(|gap| TimeRange::new(gap.from(), range.to())));
    gaps.sort_by_key(|gap| (-gap.millis(), gap.from()));
    (gaps, gap_count)
}

/// The scrapes of one node in `[start, end)`, and from when on it owed them.
struct Scrapes {
    times: Vec<i64>,
    interval_ms: i64,
    start: i64,
    end: i64,
}

impl Scrapes {
    /// How many scrapes would be expected in `stretches`, where they are taken at even distance from `first` on and before.
    fn owed_in(&self, stretches: &Stretches, first: i64) -> i64 {
        let before = |t: i64| (t - first + self.interval_ms - 1).div_euclid(self.interval_ms);
        let parts = stretches
            .as_slice()
            .iter()
            .map(|part| (part.from().millis().max(self.start), part.to().millis().min(self.end)));
        parts.filter(|(from, to)| from < to).map(|(from, to)| before(to) - before(from)).sum()
    }

    /// From one scrape to the next, where that took long; the start and the end are such points too.
    fn silences(&self) -> impl Iterator<Item = (i64, i64)> {
        let (first, last) = (self.times.first().copied(), self.times.last().copied());
        let inner = self.times.windows(2).map(|pair| (pair[0], pair[1]));
        let ends = (last.unwrap_or(self.start), self.end);
        let all = first.map(|first| (self.start, first)).into_iter().chain(inner).chain(std::iter::once(ends));
        all.filter(|(from, to)| self.interval_ms > 0 && to - from > GAP_INTERVALS * self.interval_ms)
    }
}

/// Coverage of every node in `series`, sorted by node. A scrape is there when at least one series of the node has a sample that is a number; what its
/// scraper notes of it is no sample of the node, and it owes from its first scrape on. It is
/// told by three series of the node, of different metrics where it has them, and wherever those have a gap by all of its series.
/// Scrapes are expected up to the end of the source's data: what has not happened yet is not missing. A node that was silent all
/// through owes the whole range where it was there in the range before, and nothing where it was not. Where samples of the range were pruned,
/// scrapes are counted by the buckets of a rollup instead ([`Coverage::step_ms`]).
pub fn coverage(source: &dyn Source, series: &[Series], range: TimeRange) -> Result<Vec<Coverage>, QueryError> {
    let Some(known) = source.span()?.and_then(|data| TimeRange::new(range.from(), range.to().min(data.to()))) else {
        return Ok(Vec::new());
    };
    let mut nodes: BTreeMap<&NodeName, Vec<&Series>> = BTreeMap::new();
    for one in series {
        nodes.entry(&one.key.node).or_default().push(one);
    }
    let step_ms = source.finest_step_ms(known)?;
    if step_ms > 1 {
        let of_node = |(node, series): (&NodeName, Vec<&Series>)| {
            let told = Told::of(series);
            let coverage = counted_coverage(source, node, &told, known, range, step_ms)?;
            with_word(source, coverage, &told, known, range)
        };
        return nodes.into_iter().map(of_node).collect();
    }
    let nodes: Vec<(&NodeName, Told<'_>)> = nodes.into_iter().map(|(node, series)| (node, Told::of(series))).collect();
    let mut all = Vec::with_capacity(nodes.len());
    // A week of times is a megabyte: it is asked of the system once, and not for every node.
    let (mut seen, mut lists) = (Vec::<Vec<i64>>::new(), Vec::<Vec<i64>>::new());
    for some in nodes.chunks(source.nodes_at_once(known)?.max(1)) {
        let asked: Vec<Vec<SeriesId>> = some.iter().map(|(_, told)| witnesses(&told.data)).collect();
        let ids = gather(&asked.concat(), &mut seen, |ids, sink| source.scrapes(ids, known, sink))?;
        for ((node, told), asked) in some.iter().zip(asked) {
            lists.resize_with(asked.len(), Vec::new);
            for (id, list) in asked.iter().zip(&mut lists) {
                ids.binary_search(id).into_iter().for_each(|place| std::mem::swap(list, &mut seen[place]));
            }
            let scrapes = match told.data.is_empty() {
                true => answered_scrapes(source, told, known)?,
                false => node_scrapes(source, told, known, asked, &mut lists)?,
            };
            let coverage = Coverage::of((*node).clone(), &scrapes, range, &source.left_out(node, range));
            all.push(with_word(source, coverage, told, known, range)?);
        }
    }
    Ok(all)
}

/// The same, with whether it was asked after it had stopped.
fn with_word(
    source: &dyn Source,
    coverage: Coverage,
    told: &Told<'_>,
    known: TimeRange,
    range: TimeRange,
) -> Result<Coverage, QueryError> {
    let silent = coverage.stopped_at(range).and_then(|at| TimeRange::new(at.plus_millis(1), known.to()));
    let is_down = match silent.filter(|_| !told.up.is_empty()) {
        Some(silent) => first_asked(source, &told.up, silent)?.is_some(),
        None => false,
    };
    Ok(Coverage { is_down, ..coverage })
}

/// The scrapes of a node that tells nothing itself.
fn answered_scrapes(source: &dyn Source, told: &Told<'_>, range: TimeRange) -> Result<Scrapes, QueryError> {
    let Answers { asked, answered } = Answers::of(source, &told.up, range)?;
    let interval_ms = interval(&asked);
    let (from, end) = (range.from().millis(), range.to().millis());
    let first = asked.iter().filter_map(|times| times.first()).min().copied();
    let is_late = |first: &i64| first - from > GAP_INTERVALS * interval_ms;
    Ok(Scrapes {
        times: joined(&answered, interval_ms),
        interval_ms,
        start: first.filter(is_late).unwrap_or(from),
        end,
    })
}

/// The scrapes of a node whose first witnesses, `asked`, were seen at the times in `lists`.
fn node_scrapes(
    source: &dyn Source,
    told: &Told<'_>,
    range: TimeRange,
    mut asked: Vec<SeriesId>,
    lists: &mut Vec<Vec<i64>>,
) -> Result<Scrapes, QueryError> {
    let all: Vec<SeriesId> = told.data.iter().map(|s| s.id).collect();
    if lists.iter().all(Vec::is_empty) {
        asked.clone_from(&all);
        scrape_times(source, &asked, range, lists)?;
    }
    let interval_ms = interval(lists);
    let (from, end) = (range.from().millis(), range.to().millis());
    let mut scrapes = Scrapes { times: joined(lists, interval_ms), interval_ms, start: from, end };
    if scrapes.times.is_empty() {
        scrape_times(source, &all, range.previous(), lists)?;
        scrapes.interval_ms = interval(lists);
        return Ok(scrapes);
    }
    if asked.len() < all.len() {
        let silences: Vec<(i64, i64)> = scrapes.silences().collect();
        let mut more = vec![std::mem::take(&mut scrapes.times)];
        for silence in silences.into_iter().filter_map(|(from, to)| millis(from, to)) {
            scrape_times(source, &all, silence, lists)?;
            more.extend_from_slice(lists);
        }
        scrapes.times = joined(&more, interval_ms);
    }
    let first = scrapes.times.first().copied().unwrap_or(from);
    // The first value of what is told by two readings comes one interval late.
    if interval_ms > 0 && first - from >= interval_ms && !is_there_before(source, &all, range)? {
        let asked = millis(from, first).filter(|_| !told.up.is_empty());
        let asked = asked.map(|before| first_asked(source, &told.up, before)).transpose()?.flatten();
        scrapes.start = asked.unwrap_or(first);
    }
    Ok(scrapes)
}

fn millis(from: i64, to: i64) -> Option<TimeRange> {
    TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to))
}

/// The series that are asked first.
fn witnesses(series: &[&Series]) -> Vec<SeriesId> {
    let mut sorted = series.to_vec();
    sorted.sort_by_key(|s| &s.key);
    let mut chosen: Vec<&Series> = Vec::new();
    for one in sorted {
        if chosen.len() < WITNESSES && chosen.iter().all(|c| c.key.metric != one.key.metric) {
            chosen.push(one);
        }
    }
    chosen.iter().map(|s| s.id).collect()
}

/// The times of the samples that are numbers, a list a series, into `lists`.
fn scrape_times(
    source: &dyn Source,
    ids: &[SeriesId],
    range: TimeRange,
    lists: &mut Vec<Vec<i64>>,
) -> Result<(), QueryError> {
    gather(ids, lists, |ids, sink| source.times(ids, range, sink)).map(drop)
}

/// What `ask` hands over, a list a series in the order of their numbers; gives back this order.
fn gather(
    ids: &[SeriesId],
    lists: &mut Vec<Vec<i64>>,
    ask: impl FnOnce(&[SeriesId], TimeSink<'_>) -> Result<(), QueryError>,
) -> Result<Vec<SeriesId>, QueryError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    lists.resize_with(ids.len(), Vec::new);
    lists.iter_mut().for_each(Vec::clear);
    ask(&ids, &mut |id, run| {
        if let Ok(place) = ids.binary_search(&id) {
            lists[place].extend_from_slice(run);
        }
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

fn is_there_before(source: &dyn Source, ids: &[SeriesId], range: TimeRange) -> Result<bool, QueryError> {
    let mut found = false;
    if let Some(before) = TimeRange::new(Timestamp::MIN, range.from()) {
        source.times(ids, before, &mut |_, _| {
            found = true;
            ControlFlow::Break(())
        })?;
    }
    Ok(found)
}

/// The median distance of the samples of the series that has most.
fn interval(times: &[Vec<i64>]) -> i64 {
    times.iter().max_by_key(|times| times.len()).map_or(0, |times| median_step(times))
}

fn median_step(times: &[i64]) -> i64 {
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = (steps.len() - 1) / 2;
    *steps.select_nth_unstable(middle).1
}

/// The scrapes of several series as one list: times less than half an interval after the scrape before belong to that one.
fn joined(times: &[Vec<i64>], interval_ms: i64) -> Vec<i64> {
    let mut lists: Vec<&[i64]> = times.iter().map(Vec::as_slice).collect();
    lists.dedup(); // the series of one scrape
    let mut all: Vec<i64> = lists.concat();
    all.sort(); // the stable sort merges runs that ascend already
    let mut last = None;
    all.retain(|t| {
        let new = last.is_none_or(|last| t - last > 0 && 2 * (t - last) >= interval_ms);
        if new {
            last = Some(*t);
        }
        new
    });
    all
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{MemorySource, key, range};
    use super::*;

    fn steps(from: i64, to: i64) -> impl Iterator<Item = (i64, f64)> {
        (from..to).map(|i| (i * 10_000, 1.0))
    }

    fn of(source: &MemorySource, from: i64, to: i64) -> Vec<Coverage> {
        coverage(source, &source.all(), range(from, to)).unwrap()
    }

    #[test]
    fn a_complete_node_is_complete_and_a_missing_scrape_is_counted() {
        let source = MemorySource::default()
            .with(key("a", "x", &[]), steps(0, 100))
            .with(key("b", "x", &[]), steps(0, 100).filter(|(t, _)| *t != 500_000));
        let got = of(&source, 0, 1_000_000);
        assert_eq!((got[0].interval_ms, got[0].expected, got[0].present, got[0].gap_count), (10_000, 100, 100, 0));
        assert_eq!((got[1].expected, got[1].present, got[1].gap_count), (100, 99, 0));
        assert_eq!(got[0].share(), 1.0);
    }

    #[test]
    fn the_future_is_not_missing_but_a_node_that_stopped_is() {
        let source =
            MemorySource::default().with(key("a", "x", &[]), steps(0, 100)).with(key("b", "x", &[]), steps(0, 50));
        let got = of(&source, 0, 9_000_000);
        assert_eq!((got[0].expected, got[0].present), (100, 100));
        assert_eq!((got[1].expected, got[1].present), (100, 50));
        assert_eq!(got[1].gaps, [range(490_000, 9_000_000)]);
        let stopped = |i: usize| got[i].stopped_at(range(0, 9_000_000));
        assert_eq!((stopped(0), stopped(1)), (None, Some(Timestamp::from_millis(490_000))));
    }

    #[test]
    fn a_node_that_came_later_owes_nothing_before_unless_it_was_there_already() {
        let source = MemorySource::default()
            .with(key("a", "x", &[]), steps(50, 100))
            .with(key("b", "x", &[]), steps(0, 10).chain(steps(50, 100)))
            .with(key("c", "x", &[]), steps(0, 100));
        let got = of(&source, 200_000, 1_000_000);
        assert_eq!((got[0].expected, got[0].present, got[0].gap_count), (50, 50, 0));
        assert_eq!((got[1].expected, got[1].present, got[1].gap_count), (80, 50, 1));
        assert_eq!(got[1].gaps, [range(200_000, 500_000)]);
        assert_eq!((got[2].expected, got[2].present), (80, 80));
    }

    #[test]
    fn a_rate_owes_no_value_for_the_first_reading() {
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), steps(60, 122))
            .with(key("b", "cpu_percent", &[]), steps(61, 122));
        let got = of(&source, 600_000, 1_220_000);
        assert_eq!((got[1].expected, got[1].present), (61, 61));
        let later = of(&source.with(key("b", "load1", &[]), [(100_000, 1.0)]), 600_000, 1_220_000);
        assert_eq!((later[1].expected, later[1].present), (62, 61), "one that was there before has missed it");
    }

    #[test]
    fn a_node_that_is_silent_all_through_owes_the_range_if_it_was_there_just_before() {
        let source = MemorySource::default()
            .with(key("a", "x", &[]), steps(0, 400))
            .with(key("b", "x", &[]), steps(150, 180))
            .with(key("c", "x", &[]), steps(0, 20));
        let got = of(&source, 2_000_000, 3_000_000);
        assert_eq!((got[1].expected, got[1].present, got[1].gap_count), (100, 0, 1));
        assert_eq!(got[1].gaps, [range(2_000_000, 3_000_000)]);
        assert_eq!((got[2].expected, got[2].present, got[2].gap_count), (0, 0, 0));
    }

    #[test]
    fn any_series_makes_a_scrape_and_nan_makes_none() {
        let nan = |from, to| steps(from, to).map(|(t, _)| (t, f64::NAN));
        let mut source = MemorySource::default().with(key("a", "zz", &[]), steps(40, 60));
        for metric in ["a", "b", "c", "d"] {
            source = source.with(key("a", metric, &[]), steps(0, 40).chain(nan(40, 80)).chain(steps(80, 100)));
        }
        let got = of(&source, 0, 1_000_000);
        assert_eq!((got[0].expected, got[0].present, got[0].gap_count), (100, 80, 1));
        assert_eq!(got[0].gaps, [range(590_000, 800_000)]);
    }

    #[test]
    fn a_series_that_began_before_those_that_are_asked_first_counts() {
        let mut source = MemorySource::default().with(key("a", "zz", &[]), steps(10, 100));
        for metric in ["a", "b", "c"] {
            source = source.with(key("a", metric, &[]), steps(50, 100));
        }
        let got = of(&source, 0, 1_000_000);
        assert_eq!((got[0].expected, got[0].present, got[0].gap_count), (90, 90, 0));
    }

    #[test]
    fn two_targets_of_one_node_are_one_scrape_an_interval() {
        let late = steps(0, 100).map(|(t, v)| (t + 300, v));
        let source = MemorySource::default().with(key("a", "x", &[]), steps(0, 100)).with(key("a", "y", &[]), late);
        assert_eq!((of(&source, 0, 1_000_000)[0].present, of(&source, 0, 1_000_000)[0].expected), (100, 100));
    }

    /// `up` = 0 counted as a sample of the target: what was down all week was complete.
    #[test]
    fn a_target_that_does_not_answer_is_not_there() {
        let up = |from, to, value: f64| steps(from, to).map(move |(t, _)| (t, value));
        let source = MemorySource::default()
            .with(key("dies", "up", &[]), up(0, 40, 1.0).chain(up(40, 100, 0.0)))
            .with(key("dies", "scrape_duration_seconds", &[]), steps(0, 100))
            .with(key("dies", "x", &[]), steps(0, 40))
            .with(key("late", "up", &[]), up(50, 70, 0.0).chain(up(70, 100, 1.0)))
            .with(key("late", "x", &[]), steps(70, 100))
            .with(key("never", "up", &[]), up(0, 100, 0.0))
            .with(key("never", "scrape_samples_scraped", &[]), steps(0, 100))
            .with(key("only up", "up", &[]), up(0, 20, 1.0).chain(up(20, 30, 0.0)).chain(up(30, 100, 1.0)));
        let got = of(&source, 0, 1_000_000);
        let told: Vec<_> = got.iter().map(|c| (c.expected, c.present, c.gap_count, c.is_down)).collect();
        assert_eq!(told, [(100, 40, 1, true), (50, 30, 1, false), (100, 0, 1, true), (100, 90, 1, false)]);
        assert_eq!(got[0].gaps, [range(390_000, 1_000_000)]);
        assert_eq!(got[2].stopped_at(range(0, 1_000_000)), Some(Timestamp::MIN));
    }

    #[test]
    fn one_scrape_is_all_that_is_expected() {
        let source = MemorySource::default().with(key("a", "x", &[]), [(5, 1.0)]);
        let got = of(&source, 0, 1_000);
        assert_eq!((got[0].interval_ms, got[0].expected, got[0].present), (0, 1, 1));
    }
}
