//! What is asked for a question: which series together, and which windows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Grid;
use super::roster::Roster;
use crate::model::{SeriesId, TimeRange, Timestamp};

/// Longest selector: VictoriaMetrics takes queries of 16 KiB.
pub(super) const SELECTOR_BYTES_MAX: usize = 6_000;
/// Points (some 25 bytes each) of an answer: few enough to be read in one go, and to be asked for side by side.
const POINTS_A_QUESTION: usize = 250_000;
/// Most points of a series: Prometheus gives 11,000.
const POINTS_A_SERIES: usize = 10_000;

/// Series that are asked for together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// `{__name__="load1",node=~"a|b"}`
    pub(super) selector: String,
    /// The metric, where it is one: functions of PromQL drop the name.
    pub(super) metric: Option<String>,
    /// Which are wanted, by metric.
    pub(super) ids: Vec<SeriesId>,
}

/// Windows of one width, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The bucket of the first.
    pub(super) cell: usize,
    /// How many.
    pub(super) len: usize,
    /// Width of each, ms.
    pub(super) width_ms: i64,
    /// End of the first, ms.
    pub(super) end_ms: i64,
}

/// Who is asked about together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// Series of one metric: where the answer has no names.
    OneMetric,
    /// As many as fit, with so many points of each.
    Points(usize),
}

/// The groups of `ids`. An answer may have series that were not asked for.
pub(super) fn groups(roster: &Roster, ids: &[SeriesId], together: Together) -> Vec<Group> {
    let mut by_metric: BTreeMap<&str, BTreeSet<SeriesId>> = BTreeMap::new();
    for id in ids {
        if let Some(series) = roster.get(*id) {
            by_metric.entry(series.key.metric.as_str()).or_default().insert(*id);
        }
    }
    let mut by_filter: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (metric, ids) in &by_metric {
        let filter = if roster.has_just(ids.len(), metric) { String::new() } else { node_filter(roster, ids) };
        by_filter.entry(filter).or_default().push(metric);
    }
    let points = match together {
        Together::OneMetric => usize::MAX,
        Together::Points(points) => points.max(1),
    };
    let mut groups = Vec::new();
    for (filter, metrics) in by_filter {
        let mut open: Vec<&str> = Vec::new();
        let (mut bytes, mut series) = (0, Vec::new());
        for metric in metrics {
            let ids = &by_metric[metric];
            let is_full = together == Together::OneMetric
                || (series.len() + ids.len()).saturating_mul(points) > POINTS_A_QUESTION
                || bytes + metric.len() > SELECTOR_BYTES_MAX;
            if is_full && !open.is_empty() {
                groups.push(group(&open, &filter, std::mem::take(&mut series)));
                open.clear();
                bytes = 0;
            }
            open.push(metric);
            bytes += metric.len() + 1;
            series.extend(ids);
        }
        if !open.is_empty() {
            groups.push(group(&open, &filter, series));
        }
    }
    groups
}

fn group(metrics: &[&str], filter: &str, ids: Vec<SeriesId>) -> Group {
    let (name, metric) = match metrics {
        [one] => (format!("__name__={}", quoted(one)), Some((*one).to_owned())),
        many => (format!("__name__=~{}", quoted(&any_of(many.iter().copied()))), None),
    };
    Group { selector: format!("{{{name}{filter}}}"), metric, ids }
}

/// The same series in smaller groups: half of the metrics each, and of a single metric half of the nodes, or as many as can be named. None where it cannot
/// be cut.
pub(super) fn cut(roster: &Roster, group: &Group) -> Vec<Group> {
    let metric_of = |id: &SeriesId| roster.get(*id).map_or("", |series| series.key.metric.as_str());
    let Some(metric) = &group.metric else {
        let metrics: BTreeSet<&str> = group.ids.iter().map(metric_of).collect();
        let Some(middle) = metrics.iter().nth(metrics.len() / 2) else { return Vec::new() };
        let (first, second): (Vec<SeriesId>, Vec<SeriesId>) = group.ids.iter().partition(|id| metric_of(id) < *middle);
        return groups(roster, &first, Together::Points(1))
            .into_iter()
            .chain(groups(roster, &second, Together::Points(1)))
            .collect();
    };
    let mut by_node: BTreeMap<(&str, &str), BTreeSet<SeriesId>> = BTreeMap::new();
    for id in &group.ids {
        let Some(label) = roster.node_label(*id) else { return Vec::new() };
        by_node.entry(label).or_default().insert(*id);
    }
    let mut parts: Vec<(BTreeSet<SeriesId>, usize)> = Vec::new();
    let (most, mut label) = (by_node.len().div_ceil(2), "");
    if by_node.len() < 2 {
        return Vec::new();
    }
    let mut nodes = 0;
    for ((other, node), ids) in by_node {
        // Characters that have to be masked count twice.
        let more = 2 * node.len() + 1;
        match parts.last_mut() {
            Some((part, bytes)) if nodes < most && other == label && *bytes + more < SELECTOR_BYTES_MAX => {
                part.extend(ids);
                *bytes += more;
                nodes += 1;
            }
            _ => {
                parts.push((ids, more));
                (nodes, label) = (1, other);
            }
        }
    }
    let of = |ids: BTreeSet<SeriesId>| group_of(roster, metric, ids);
    parts.into_iter().map(|(ids, _)| of(ids)).collect()
}

fn group_of(roster: &Roster, metric: &str, ids: BTreeSet<SeriesId>) -> Group {
    group(&[metric], &node_filter(roster, &ids), ids.into_iter().collect())
}

/// Asks for the nodes of some series; for all of them where that would be too long, or where they are named by several labels.
fn node_filter(roster: &Roster, ids: &BTreeSet<SeriesId>) -> String {
    let labels: Option<BTreeSet<(&str, &str)>> = ids.iter().map(|id| roster.node_label(*id)).collect();
    let labels = labels.unwrap_or_default();
    let Some((label, first)) = labels.first().copied() else { return String::new() };
    let text = match labels.len() {
        1 => format!(",{label}={}", quoted(first)),
        _ => format!(",{label}=~{}", quoted(&any_of(labels.iter().map(|(_, node)| *node)))),
    };
    if labels.iter().any(|(other, _)| *other != label) || text.len() > SELECTOR_BYTES_MAX {
        String::new()
    } else {
        text
    }
}

pub(super) fn any_of<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join("|")
}

/// As a regular expression (RE2) that matches nothing else.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As a string of PromQL.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The windows of the buckets of `grid` in `range`, which cuts the first and the last of them; `points` answers are wanted of each.
pub(super) fn runs(range: TimeRange, grid: Grid, points: usize) -> Vec<Run> {
    let Some(range) = range.intersect(grid.range()).filter(|range| !range.is_empty()) else { return Vec::new() };
    let window = |cell: usize| {
        let (from, to) = (grid.time(cell).max(range.from()), grid.time(cell + 1).min(range.to()));
        (to.millis() - from.millis(), to.millis())
    };
    let most = (POINTS_A_QUESTION / points.max(1)).clamp(1, POINTS_A_SERIES);
    let mut runs: Vec<Run> = Vec::new();
    for cell in grid.index(range.from().millis())..=grid.index(range.to().millis() - 1) {
        let (width_ms, end_ms) = window(cell);
        match runs.last_mut() {
            Some(run) if run.len < most && run.width_ms == width_ms && run.last_end(grid) + width_ms == end_ms => {
                run.len += 1;
            }
            _ => runs.push(Run { cell, len: 1, width_ms, end_ms }),
        }
    }
    runs
}

impl Run {
    fn last_end(&self, grid: Grid) -> i64 {
        self.end_ms + (self.len as i64 - 1) * grid.step_ms
    }

    /// The evaluation moments of a question for it: the first, the last and their distance.
    pub(super) fn moments(&self, grid: Grid) -> (i64, i64, i64) {
        (self.end_ms, self.last_end(grid), grid.step_ms)
    }

    /// The bucket that an answer of the moment `ms` is of.
    pub(super) fn cell_at(&self, ms: i64, grid: Grid) -> Option<usize> {
        let place = ms.saturating_sub(self.end_ms).div_euclid(grid.step_ms);
        (0..self.len as i64).contains(&place).then(|| self.cell + place as usize)
    }
}

/// Stretches of a range in which some series are asked for their samples: the next is longer where there were few.
pub(super) fn next_slice(at: Timestamp, length_ms: i64, range: TimeRange) -> Option<TimeRange> {
    TimeRange::new(at, at.plus_millis(length_ms).min(range.to())).filter(|slice| !slice.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::answer::RawLabels;
    use super::*;
    use crate::model::NodeName;
    use crate::model::catalogue::Catalogue;

    fn roster() -> Roster {
        let series = |metric: &str, node: &str| -> RawLabels {
            [("__name__", metric), ("node", node)].iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let all = vec![series("a", "n.1"), series("a", "n\"2"), series("b", "n.1"), series("b", "n\"2")];
        Roster::new(all, true, &BTreeMap::new(), Catalogue::built_in(), &NodeName::new("vm").unwrap())
    }

    fn selectors(ids: &[u32], together: Together) -> Vec<String> {
        let ids: Vec<SeriesId> = ids.iter().map(|id| SeriesId(*id)).collect();
        groups(&roster(), &ids, together).into_iter().map(|group| group.selector).collect()
    }

    #[test]
    fn series_are_asked_for_together() {
        let all = [1, 2, 3, 4, 9];
        assert_eq!(selectors(&all, Together::Points(10)), [r#"{__name__=~"a|b"}"#]);
        assert_eq!(selectors(&all, Together::Points(100_000)), [r#"{__name__="a"}"#, r#"{__name__="b"}"#]);
        assert_eq!(selectors(&all, Together::OneMetric), [r#"{__name__="a"}"#, r#"{__name__="b"}"#]);
        assert_eq!(selectors(&[3], Together::OneMetric), [r#"{__name__="a",node="n.1"}"#]);
        assert_eq!(any_of(["n.1", "n\"2"].into_iter()), r#"n\.1|n"2"#);
        assert_eq!(quoted(&any_of(["n.1", "n\"2"].into_iter())), r#""n\\.1|n\"2""#);
    }

    #[test]
    fn windows_end_where_the_range_does() {
        let at = Timestamp::from_millis;
        let range = TimeRange::new(at(5_000), at(35_000)).unwrap();
        let grid = Grid::covering(range, 10_000);
        let run = |cell, len, width_ms, end_ms| Run { cell, len, width_ms, end_ms };
        let found = runs(range, grid, 1);
        assert_eq!(found, [run(0, 1, 5_000, 10_000), run(1, 2, 10_000, 20_000), run(3, 1, 5_000, 35_000)]);
        assert_eq!((found[1].moments(grid), found[1].cell_at(30_000, grid)), ((20_000, 30_000, 10_000), Some(2)));
        assert_eq!([40_000, i64::MIN, i64::MAX].map(|ms| found[1].cell_at(ms, grid)), [None; 3]);
        let whole = TimeRange::new(at(0), at(40_000)).unwrap();
        assert_eq!(runs(whole, grid, POINTS_A_QUESTION / 3), [run(0, 3, 10_000, 10_000), run(3, 1, 10_000, 40_000)]);
        assert_eq!(runs(TimeRange::new(at(99_000), at(99_001)).unwrap(), grid, 1), []);
    }
}
