//! The other period that a report is compared with: which one, and its data beside the report's own.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::model::{NodeName, Selector, TimeRange, Timestamp};
use crate::query::frame::{Coverage, Frame, Lines, Row, Shown, coverage, fold_lines, load, plan};
use crate::query::{Grid, Source};
use crate::report::error::ReportError;
use crate::report::options::{Compare, ReportOptions};
use crate::report::plots::across;

use super::ask::{nodes_of, own_plot};
use super::{Cluster, Totals, parts_stand_apart};

const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;

/// The other period with its data.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    pub range: TimeRange,
    /// Name of the database, where it is another one.
    pub origin: Option<String>,
    /// How much later it is drawn than it was, ms.
    pub shift_ms: i64,
    pub coverage: Vec<Coverage>,
    /// In the order of the model's frames and on the model's grid, moved by the shift; numbers of a row are of its whole period.
    /// `None` where the metric was not there.
    pub frames: Vec<Option<Frame>>,
    /// The mean of the nodes of each of them.
    pub means: Vec<Vec<f64>>,
    /// What charts that fold rows draw of each of them: every part over all nodes, by its name; all nodes as one under an empty one.
    pub folds: Vec<BTreeMap<String, Vec<f64>>>,
}

impl Before {
    /// The row of the same node and part in the metric with number `index`.
    pub fn row(&self, index: usize, row: &Row) -> Option<&Row> {
        let frame = self.frames.get(index)?.as_ref()?;
        let rows = if row.part.is_empty() { &frame.nodes } else { &frame.parts };
        rows.iter().find(|old| old.node == row.node && old.part == row.part && old.stats.count > 0)
    }

    /// Share of its expected samples that are there.
    pub fn share(&self) -> f64 {
        let (present, expected) = self.coverage.iter().fold((0, 0), |(p, e), c| (p + c.present, e + c.expected));
        if expected == 0 { 1.0 } else { (present as f64 / expected as f64).min(1.0) }
    }

    /// Numbers of the metric with number `index` over all nodes.
    pub fn totals(&self, index: usize) -> Option<Totals> {
        Totals::of(self.frames.get(index)?.as_ref()?)
    }
}

/// What is asked of the other period, known before its data is.
pub(super) struct Earlier<'a> {
    source: &'a dyn Source,
    other_file: bool,
    range: TimeRange,
    coverage: Vec<Coverage>,
    step_min: i64,
    shown: Vec<Shown>,
    /// A node of another name that stands for the report's only one.
    renamed: Option<(NodeName, NodeName)>,
}

impl<'a> Earlier<'a> {
    /// The period that the options name, in `source`; `None` where there is nothing to compare with. A range that was asked for and holds nothing is an error.
    pub fn of(
        source: &'a dyn Source,
        other_file: bool,
        options: &ReportOptions,
        now: &[Coverage],
    ) -> Result<Option<Earlier<'a>>, ReportError> {
        let range = match options.compare {
            Compare::Nothing => return Ok(None),
            Compare::Range(range) => range,
            Compare::Previous | Compare::PreviousIfThere => previous(options.range, options.timezone),
        };
        let span = source.span()?;
        let is_there = span.is_some_and(|span| span.intersect(range).is_some());
        if !is_there || range.is_empty() {
            return match options.compare {
                Compare::Range(range) => Err(ReportError::NothingToCompare { range }),
                _ => Ok(None),
            };
        }
        // A tenth may be missing: a weekly report is rarely first made to the minute.
        let late = span.is_some_and(|span| span.from().millis() > range.from().millis() + range.millis() / 10);
        if late && options.compare == Compare::PreviousIfThere {
            return Ok(None);
        }
        let series = source.series(&Selector::all())?;
        let mut shown = plan(source.catalogue(), &series, &options.selector);
        let own = |plot| own_plot(source.catalogue(), &series, options, plot).shown;
        shown.extend(options.plots.iter().filter_map(own));
        let coverage = coverage(source, &nodes_of(series, &options.selector), range)?;
        let step_min = source.finest_step_ms(range)?;
        let renamed = renamed(now, &coverage);
        Ok(Some(Earlier { source, other_file, range, coverage, step_min, shown, renamed }))
    }

    /// Fetches what the model shows.
    pub fn load(&self, options: &ReportOptions, frames: &[Frame], grid: Grid) -> Result<Option<Before>, ReportError> {
        let shift_ms = shift_ms(options.range, self.range, options.timezone, grid.step_ms);
        let fetch = |frame: &Frame| -> Result<Option<Frame>, ReportError> {
            let Some(shown) = self.shown.iter().find(|shown| shown.name == frame.shown.name) else { return Ok(None) };
            let wide = Grid::covering(self.range, grid.step_ms.max(self.step_min));
            let found = load(self.source, shown, self.range, wide)?;
            let is_there = found.nodes.iter().any(|row| row.stats.count > 0);
            Ok(is_there.then(|| self.moved(found, grid, shift_ms)))
        };
        let frames = frames.iter().map(fetch).collect::<Result<Vec<_>, _>>()?;
        if frames.iter().all(Option::is_none) {
            return match options.compare {
                Compare::Range(range) => Err(ReportError::NothingToCompare { range }),
                _ => Ok(None),
            };
        }
        let mut coverage = self.coverage.clone();
        coverage.iter_mut().for_each(|c| self.rename(&mut c.node));
        let mean = |frame: &Option<Frame>| match frame {
            Some(frame) => Cluster::of(&frame.nodes, frame.grid.len).mean,
            None => Vec::new(),
        };
        let means = frames.iter().map(mean).collect();
        let folds = frames.iter().map(|frame| frame.as_ref().map(folded).unwrap_or_default()).collect();
        let origin = self.other_file.then(|| self.source.origin().name);
        Ok(Some(Before { range: self.range, origin, shift_ms, coverage, frames, means, folds }))
    }

    /// The frame on the report's grid: every bucket shows what lay `shift_ms` before it.
    fn moved(&self, frame: Frame, grid: Grid, shift_ms: i64) -> Frame {
        let wide = frame.grid;
        let place = |i: usize| {
            let before = grid.time(i).millis() - shift_ms - wide.start.millis();
            usize::try_from(before.div_euclid(wide.step_ms)).ok()
        };
        let places: Vec<Option<usize>> = (0..grid.len).map(place).collect();
        let line = |values: &[f64]| -> Vec<f64> {
            places.iter().map(|i| i.and_then(|i| values.get(i)).copied().unwrap_or(f64::NAN)).collect()
        };
        let moved = |mut row: Row| {
            self.rename(&mut row.node);
            Row { avg: line(&row.avg), min: line(&row.min), max: line(&row.max), ..row }
        };
        Frame {
            grid,
            nodes: frame.nodes.into_iter().map(moved).collect(),
            parts: frame.parts.into_iter().map(moved).collect(),
            shown: frame.shown,
        }
    }

    fn rename(&self, node: &mut NodeName) {
        if let Some((was, is)) = &self.renamed
            && node == was
        {
            *node = is.clone();
        }
    }
}

/// The lines of charts that do not draw the rows themselves.
pub(crate) fn folded(frame: &Frame) -> BTreeMap<String, Vec<f64>> {
    let fold = |rows: Vec<&Row>| {
        let lines: Vec<&[f64]> = rows.iter().map(|row| row.avg.as_slice()).collect();
        fold_lines(&lines, across(frame))
    };
    match frame.shown.lines {
        Lines::Whole => BTreeMap::from([(String::new(), fold(frame.nodes.iter().collect()))]),
        Lines::Nodes => BTreeMap::new(),
        Lines::Natural if !parts_stand_apart(frame) => BTreeMap::new(),
        Lines::Natural | Lines::Parts => {
            let mut parts: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
            for row in &frame.parts {
                parts.entry(row.part.clone()).or_default().push(row);
            }
            parts.into_iter().map(|(part, rows)| (part, fold(rows))).collect()
        }
    }
}

/// Two runs of one machine each are compared whatever the machines are called.
fn renamed(now: &[Coverage], before: &[Coverage]) -> Option<(NodeName, NodeName)> {
    match (now, before) {
        ([now], [before]) if now.node != before.node => Some((before.node.clone(), now.node.clone())),
        _ => None,
    }
}

/// The period of the same length that ends where `range` starts; of as many days of the zone where `range` is of whole days, however long those are.
pub(crate) fn previous(range: TimeRange, zone: Tz) -> TimeRange {
    let local = |t: Timestamp| t.to_utc().with_timezone(&zone).naive_local();
    let (from, to) = (local(range.from()), local(range.to()));
    if from.time() != NaiveTime::MIN || to.time() != NaiveTime::MIN {
        return range.previous();
    }
    let start = from.date() - (to.date() - from.date());
    let start = zone.from_local_datetime(&start.and_time(NaiveTime::MIN)).earliest();
    let start = start.map(|start| Timestamp::from_millis(start.timestamp_millis()));
    start.and_then(|start| TimeRange::new(start, range.from())).unwrap_or(range.previous())
}

/// From the start of `other` to that of `range`. Where those are a week and more apart and `range` is as long, the nearest number of whole weeks by
/// the clocks of the zone: weekdays stand on weekdays. A multiple of `step_ms`, so that buckets stay buckets.
fn shift_ms(range: TimeRange, other: TimeRange, zone: Tz, step_ms: i64) -> i64 {
    use chrono::Offset;
    let apart = range.from().millis() - other.from().millis();
    let ahead = |t: Timestamp| i64::from(t.to_utc().with_timezone(&zone).offset().fix().local_minus_utc()) * 1_000;
    let weeks = (apart + WEEK_MS / 2).div_euclid(WEEK_MS);
    let by_weeks = range.millis() >= WEEK_MS - DAY_MS / 2 && weeks != 0;
    let shift = if by_weeks {
        let then = range.from().plus_millis(-weeks * WEEK_MS);
        weeks * WEEK_MS + ahead(then) - ahead(range.from())
    } else {
        apart
    };
    (shift + step_ms / 2).div_euclid(step_ms) * step_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key};
    use crate::report::model::Question;

    const BERLIN: Tz = chrono_tz::Europe::Berlin;
    const HOUR_MS: i64 = 3_600_000;

    fn range(from: &str, to: &str) -> TimeRange {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        TimeRange::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn days_before_days_and_weekdays_on_weekdays_though_the_clocks_change() {
        // The clocks of Berlin go back on 25 October 2026: that day has 25 hours.
        let week = range("2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z");
        let before = previous(week, BERLIN);
        assert_eq!(before, range("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"));
        assert_eq!(shift_ms(week, before, BERLIN, HOUR_MS), WEEK_MS + HOUR_MS);
        let hours = range("2026-10-25T05:00:00Z", "2026-10-25T11:00:00Z");
        assert_eq!(previous(hours, BERLIN), range("2026-10-24T23:00:00Z", "2026-10-25T05:00:00Z"));
        // Thirty days before: drawn four weeks later, not thirty days.
        let month = range("2026-05-31T22:00:00Z", "2026-06-30T22:00:00Z");
        let before = previous(month, BERLIN);
        assert_eq!(before.millis(), 30 * DAY_MS);
        assert_eq!(shift_ms(month, before, BERLIN, HOUR_MS), 4 * WEEK_MS);
        assert_eq!(shift_ms(hours, previous(hours, BERLIN), BERLIN, 5 * 60_000), 6 * HOUR_MS);
    }

    /// `load1` of a node, `minutes` from `from`: the number of the minute plus `level`.
    fn samples(from: i64, minutes: i64, level: f64) -> impl Iterator<Item = (i64, f64)> {
        (0..minutes).map(move |i| (from + i * 60_000, level + i as f64))
    }

    fn options(compare: Compare) -> ReportOptions {
        let hour = TimeRange::new(Timestamp::from_millis(10 * HOUR_MS), Timestamp::from_millis(11 * HOUR_MS)).unwrap();
        ReportOptions { compare, ..ReportOptions::new(hour, Selector::all(), Tz::UTC) }
    }

    #[test]
    fn the_other_period_lies_bucket_on_bucket() {
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), samples(9 * HOUR_MS, 120, 0.0))
            .with(key("b", "load1", &[]), samples(10 * HOUR_MS, 60, 5.0));
        let options = options(Compare::PreviousIfThere);
        let question = Question::of(&source, None, &options).unwrap();
        let model = question.model(&source, Default::default()).unwrap();
        let before = model.before.as_ref().unwrap();
        assert_eq!(before.shift_ms, HOUR_MS);
        let old = before.row(0, &model.frames[0].nodes[0]).unwrap();
        assert!(old.avg.iter().zip(&model.frames[0].nodes[0].avg).all(|(old, new)| old + 60.0 == *new));
        assert_eq!((old.stats.min, old.stats.max, old.stats.avg), (0.0, 59.0, 29.5));
        assert!(before.row(0, &model.frames[0].nodes[1]).is_none(), "b was not there");
    }

    #[test]
    fn what_was_not_recorded_is_not_compared_with() {
        let source = MemorySource::default().with(key("a", "load1", &[]), samples(9 * HOUR_MS + HOUR_MS / 2, 90, 0.0));
        let before = |compare| {
            let options = options(compare);
            let question = Question::of(&source, None, &options)?;
            question.model(&source, Default::default()).map(|model| model.before.is_some())
        };
        assert!(!before(Compare::PreviousIfThere).unwrap(), "half of it is missing");
        assert!(before(Compare::Previous).unwrap());
        assert!(!before(Compare::Nothing).unwrap());
        let long_ago = TimeRange::new(Timestamp::from_millis(0), Timestamp::from_millis(HOUR_MS)).unwrap();
        assert!(matches!(before(Compare::Range(long_ago)), Err(ReportError::NothingToCompare { .. })));
    }

    #[test]
    fn two_runs_on_two_machines_are_compared() {
        let run = |node: &str, from| MemorySource::default().with(key(node, "load1", &[]), samples(from, 60, 0.0));
        let (first, second) = (run("ci-17", HOUR_MS), run("ci-42", 10 * HOUR_MS));
        let whole = TimeRange::new(Timestamp::from_millis(HOUR_MS), Timestamp::from_millis(2 * HOUR_MS)).unwrap();
        let options = options(Compare::Range(whole));
        let model = Question::of(&second, Some(&first), &options).unwrap().model(&second, Default::default()).unwrap();
        let before = model.before.as_ref().unwrap();
        assert_eq!(before.coverage[0].node.as_str(), "ci-42");
        assert!(before.row(0, &model.frames[0].nodes[0]).is_some());
    }
}
