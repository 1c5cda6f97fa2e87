//! Limits: which nodes were beyond one, and for how long.
//!
//! A limit is set for a shown metric, so a node is judged by its line of that: the series of a part and the parts of a node folded as the metric says (the fullest of its disks:
//! each disk by itself). A node is told of where it was beyond for a twentieth of the time it reported, or for an hour and more at a stretch (which no longer range makes less),
//! or all along until its end for five minutes or more; of its limits, the worse one.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Finding, FindingKind, Severity, stretch, words};
use crate::analyse::subject::{Place, Subject};
use crate::analyse::thresholds::{Side, Threshold, Thresholds};
use crate::model::catalogue::{Catalogue, Fold};
use crate::model::{Labels, MetricName, SeriesKey};
use crate::query::Grid;
use crate::query::frame::fold_lines;

/// Least share of the time that a node reported …
const SHARE_MIN: f64 = 0.05;
/// … or least time at a stretch
const STRETCH_MS: i64 = 3_600_000;
/// (rows without a value or on the right side that do not end it) …
const BREAK_MAX: usize = 3;
/// … or least time until its end.
const UNTIL_END_MS: i64 = 300_000;

/// The findings of kind threshold: one a node and shown metric at most.
pub(super) fn beyond(subjects: &[Subject], grid: Grid, thresholds: &Thresholds) -> Vec<Finding> {
    let mut of_node: BTreeMap<(&str, &str), Vec<(&Subject, Place)>> = BTreeMap::new();
    for subject in subjects {
        let Some(place) = subject.place.filter(|place| thresholds.of(place.metric).is_some()) else { continue };
        of_node.entry((place.metric, subject.key.node.as_str())).or_default().push((subject, place));
    }
    of_node.into_iter().filter_map(|((metric, _), members)| judge(&members, grid, thresholds.of(metric)?)).collect()
}

/// The worst of a node's lines: each part by itself where the metric is that of the largest part, else what the parts make.
fn judge(members: &[(&Subject, Place)], grid: Grid, threshold: Threshold) -> Option<Finding> {
    let (lead, place) = *members.first()?;
    let mut parts = parts(members);
    if parts.len() > 1 && place.across != Fold::Max {
        let lines: Vec<&[f64]> = parts.iter().map(|part| part.line.as_slice()).collect();
        parts = vec![Part { name: "", line: fold_lines(&lines, place.across), alone: None }];
    }
    let side = threshold.side(lead.worse);
    let worst = |(limit, severity): (Option<f64>, Severity)| {
        let told = parts.iter().filter_map(|part| Some((part, Beyond::of(&part.line, grid.step_ms, side, limit?)?)));
        let told = told.filter(|(_, beyond)| beyond.is_told());
        // Of equals the first.
        let worst = told.rev().max_by(|a, b| a.1.share().total_cmp(&b.1.share()))?;
        Some((worst.0, worst.1, severity))
    };
    let levels = [(threshold.bad, Severity::Bad), (threshold.warn, Severity::Warn)];
    let (part, beyond, severity) = levels.into_iter().find_map(worst)?;
    let (series, name) = match part.alone {
        Some(subject) => (subject.key.clone(), words::name(subject)),
        None => whole(lead, place, part.name),
    };
    let rows = if beyond.is_long_in_all() { &beyond.rows } else { &beyond.longest };
    let (from, to) = stretch(grid, rows.start, rows.end);
    Some(Finding {
        kind: FindingKind::Threshold,
        severity,
        series,
        from,
        to,
        expected_from: from,
        value: beyond.furthest,
        expected: beyond.limit,
        unit: lead.unit.as_str(),
        strength: beyond.share(),
        text: words::threshold(&name, lead.unit, &beyond, grid.step_ms),
        moved: Vec::new(),
        moved_count: 0,
        first: None,
    })
}

/// The line of a part of a node.
struct Part<'a> {
    name: &'a str,
    line: Vec<f64>,
    /// The series, where it is one.
    alone: Option<&'a Subject<'a>>,
}

fn parts<'a>(members: &[(&'a Subject<'a>, Place<'a>)]) -> Vec<Part<'a>> {
    let mut by_name: BTreeMap<&str, Vec<&'a Subject<'a>>> = BTreeMap::new();
    for (subject, place) in members {
        by_name.entry(place.part).or_default().push(subject);
    }
    let within = members.first().map_or(Fold::Avg, |(_, place)| place.within);
    let part = |(name, subjects): (&'a str, Vec<&'a Subject<'a>>)| match subjects.as_slice() {
        [only] => Part { name, line: only.values.to_vec(), alone: Some(only) },
        several => {
            let lines: Vec<&[f64]> = several.iter().map(|s| s.values).collect();
            Part { name, line: fold_lines(&lines, within), alone: None }
        }
    };
    by_name.into_iter().map(part).collect()
}

/// Key and name of what several series make.
fn whole(lead: &Subject, place: Place, part: &str) -> (SeriesKey, String) {
    let metric = MetricName::new(place.metric).unwrap_or_else(|_| lead.key.metric.clone());
    let own = Some(lead.title.as_str()).filter(|title| *title != lead.key.metric.as_str());
    let known = || Catalogue::built_in().get(place.metric).map(|known| known.title.as_str());
    let title = own.or_else(known).unwrap_or(place.metric);
    let part = if part.is_empty() { String::new() } else { format!(" ({part})") };
    let name = format!("{title}{part} on {}", lead.key.node);
    (SeriesKey { metric, labels: Labels::default(), ..lead.key.clone() }, name)
}

/// How long a line was on the wrong side of a limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beyond {
    pub(super) limit: f64,
    pub(super) side: Side,
    /// Rows beyond, of those with a value; and how many at the end all were.
    pub(super) count: usize,
    pub(super) filled: usize,
    pub(super) until_end: usize,
    pub(super) count_ms: i64,
    /// From the first of the last rows to the end of the line, gaps included.
    pub(super) until_end_ms: i64,
    /// From the first row beyond to after the last one.
    pub(super) rows: Range<usize>,
    /// The longest stretch of them, and how long it is without its breaks.
    pub(super) longest: Range<usize>,
    pub(super) longest_ms: i64,
    /// Where it was furthest.
    pub(super) furthest: f64,
    /// The last value.
    pub(super) latest: f64,
}

impl Beyond {
    /// `None` where the line never was.
    fn of(values: &[f64], step_ms: i64, side: Side, limit: f64) -> Option<Beyond> {
        let rows = || values.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
        let beyond = || rows().filter(|(_, v)| side.holds(*v, limit));
        let (first, _) = beyond().next()?;
        let (last, _) = beyond().next_back()?;
        let (end, latest) = rows().next_back()?;
        let further = |best: f64, (_, v)| if side.holds(v, best) { v } else { best };
        let furthest = beyond().fold(values[first], further);
        let until_end = rows().rev().take_while(|(_, v)| side.holds(*v, limit)).count();
        let since = rows().rev().take(until_end).last().map_or(end + 1, |(row, _)| row);
        let count = beyond().count();
        let (longest, longest_count) = longest(beyond().map(|(row, _)| row));
        Some(Beyond {
            limit,
            side,
            count,
            filled: rows().count(),
            until_end,
            count_ms: count as i64 * step_ms,
            until_end_ms: (end + 1 - since) as i64 * step_ms,
            rows: first..last + 1,
            longest_ms: longest_count as i64 * step_ms,
            longest,
            furthest,
            latest,
        })
    }

    fn share(&self) -> f64 {
        self.count as f64 / self.filled.max(1) as f64
    }

    fn is_told(&self) -> bool {
        self.is_long_in_all() || self.longest_ms >= STRETCH_MS
    }

    /// Whether it is told of all of its time, and not of its longest stretch alone.
    pub(super) fn is_long_in_all(&self) -> bool {
        self.share() >= SHARE_MIN || self.until_end_ms >= UNTIL_END_MS
    }
}

/// The stretch with most of some ascending rows, and with how many; of equals the first. Short breaks do not end one.
fn longest(rows: impl Iterator<Item = usize>) -> (Range<usize>, usize) {
    let (mut longest, mut run) = ((0..0, 0), (0..0, 0));
    for row in rows {
        run = match run {
            (stretch, count) if count > 0 && row - stretch.end <= BREAK_MAX => (stretch.start..row + 1, count + 1),
            _ => (row..row + 1, 1),
        };
        if run.1 > longest.1 {
            longest = run.clone();
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::{Unit, Worse};
    use crate::model::{NodeName, Timestamp};

    const GAP: f64 = f64::NAN;

    fn subject<'a>(node: &str, (metric, part): (&'a str, &'a str), values: &'a [f64]) -> Subject<'a> {
        let labels = Labels::new(Some(("mount", part)).filter(|_| !part.is_empty())).unwrap();
        let place = Place { metric: "disk_percent", part, within: Fold::Sum, across: Fold::Max };
        Subject {
            key: SeriesKey { node: NodeName::new(node).unwrap(), metric: MetricName::new(metric).unwrap(), labels },
            title: "Disk used".to_owned(),
            unit: Unit::Percent,
            worse: Worse::High,
            capacity: Some(100.0),
            place: Some(place),
            values,
        }
    }

    fn texts(subjects: &[Subject]) -> Vec<String> {
        let grid = Grid { start: Timestamp::from_millis(0), step_ms: 60_000, len: subjects[0].values.len() };
        let found = beyond(subjects, grid, &Thresholds::default());
        found.iter().map(|f| format!("{} {}: {}", f.severity.as_str(), f.series, f.text)).collect()
    }

    #[test]
    fn time_beyond_a_limit_is_counted_over_gaps() {
        let found = Beyond::of(&[95.0, 50.0, GAP, 91.0, GAP, 99.0], 1_000, Side::Above, 90.0).unwrap();
        assert_eq!((found.count, found.filled, found.until_end, found.until_end_ms), (3, 4, 2, 3_000));
        assert_eq!((found.rows, found.longest, found.furthest, found.latest), (0..6, 0..6, 99.0, 99.0));
        assert_eq!(Beyond::of(&[GAP, 5.0], 1_000, Side::Above, 90.0), None);
    }

    #[test]
    fn a_full_disk_is_bad_with_its_mount_and_a_short_burst_is_nothing() {
        let full: Vec<f64> = (0..200).map(|i| if i < 120 { 70.0 } else { 93.0 }).collect();
        let burst: Vec<f64> = (0..200).map(|i| if i == 100 { 99.0 } else { 10.0 }).collect();
        let late: Vec<f64> = (0..200).map(|i| if i < 194 { 70.0 } else { 85.5 }).collect();
        let (disk, var) = (("disk_percent", ""), ("disk_percent", "/var"));
        let subjects = [
            subject("a", ("disk_percent", "/"), &burst),
            subject("a", var, &full),
            subject("b", disk, &[85.0; 200]),
            subject("c", disk, &burst),
            subject("d", disk, &late),
        ];
        assert_eq!(
            texts(&subjects),
            [
                "bad a/disk_percent{mount=\"/var\"}: Disk used (/var) on a has been at or above 90 % for the last 80 min by means of 1 min, the last 93 %",
                "warn b/disk_percent: Disk used on b was at or above 80 % all the time by means of 1 min, the last 85 %",
                "warn d/disk_percent: Disk used on d has been at or above 80 % for the last 6 min by means of 1 min, the last 85.5 %",
            ]
        );
    }

    /// Five hours of ten days are less than a twentieth of them, and were not told.
    #[test]
    fn a_long_stretch_is_told_whatever_the_range_and_short_ones_only_where_they_are_much_of_it() {
        let line = |rows: usize, stretches: &[(usize, usize)]| -> Vec<f64> {
            let is_beyond = |i: &usize| stretches.iter().any(|(from, len)| (*from..from + len).contains(i));
            (0..rows).map(|i| if is_beyond(&i) { 97.0 } else { 50.0 }).collect()
        };
        let disk = ("disk_percent", "/");
        let said = |values: Vec<f64>| texts(&[subject("a", disk, &values)]);
        let short: Vec<(usize, usize)> = (0..60).map(|i| (500 + 20 * i, 5)).collect();
        let both: Vec<(usize, usize)> = short.iter().copied().chain([(5_000, 300)]).collect();
        assert_eq!(
            said(line(14_400, &both)),
            [
                "bad a/disk_percent{mount=\"/\"}: Disk used (/) on a was at or above 90 % for 5 h at a stretch by means of 1 min (10 h in all); the furthest was 97 %, the last 50 %"
            ]
        );
        assert_eq!(said(line(14_400, &short)), [""; 0], "bursts of minutes are two of a hundred of the time");
        assert_eq!(said(line(4_320, &short)).len(), 1);
        let ten_days = line(14_400, &[(5_000, 300)]);
        let grid = Grid { start: Timestamp::from_millis(0), step_ms: 60_000, len: 14_400 };
        let found = beyond(&[subject("a", disk, &ten_days)], grid, &Thresholds::default());
        assert_eq!((found[0].from, found[0].to), (grid.time(5_000), grid.time(5_300)));
    }

    #[test]
    fn what_adds_up_is_judged_as_the_sum() {
        let (user, system) = ([60.0; 100], [35.0; 100]);
        let subjects = [subject("a", ("user", ""), &user), subject("a", ("system", ""), &system)];
        assert_eq!(
            texts(&subjects),
            ["bad a/disk_percent: Disk used on a was at or above 90 % all the time by means of 1 min, the last 95 %"]
        );
    }
}
