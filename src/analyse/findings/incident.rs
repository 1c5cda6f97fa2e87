//! Incidents: the odd stretches of nodes that belong together, as one finding.
//!
//! ```text
//!   web-1    ....###.........      began with db-2, the same metric the same way: one incident of two nodes
//!   db-2     ....#####.......
//!   web-3    .....##.....#...      began with them, but another metric: an incident of its own, unless
//!   kafka-1  ............##..      hardly anything is odd, so that beginning together is no chance
//!            +--------------> time
//! ```
//!
//! Stretches of two nodes belong together when they overlap, began within 10 min of each other, and the same metric moved the same way; or when so little is odd in all
//! that fewer than one stretch in twenty would begin so near another by chance. What at least half of the nodes do within an hour is one story of the cluster, whatever moved.
//!
//! Weight of a series' part: its surprise, twice the doublings of its effect (see [`Event::effect`]), more where a capacity is nearly used up, less where it moved in the good direction. The heaviest leads. The
//! incident weighs what its lead does and more the longer it lasts and the more nodes it has; most where half of the cluster took part. The lightest are counted, not told.
//!
//! Source: own rule; weights measured on planted anomalies, where surprise alone puts chance first (a week has ten thousand minutes) and the size of the effect puts it last.

use std::collections::BTreeSet;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, stretch, words};
use crate::analyse::alarm::{Alarm, window_rows};
use crate::analyse::anomaly::Event;
use crate::analyse::cluster::{ClusterJudgement, NodeEvent};
use crate::analyse::subject::Subject;
use crate::model::MetricName;
use crate::model::catalogue::Worse;
use crate::query::Grid;

const HOUR_MS: i64 = 3_600_000;
const NEAR_MS: i64 = 600_000;
const TOGETHER_MS: i64 = HOUR_MS;
/// Greatest share of stretches that begin near another by chance, where time alone joins them.
const CHANCE_MAX: f64 = 0.05;
/// Least weight that is told.
const WEIGHT_MIN: f64 = 9.0;
/// Least number of nodes that are a cluster.
const WIDE_NODES_MIN: usize = 3;

/// What the detectors found, and the names to it.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) subjects: &'a [Subject<'a>],
    pub(super) found: &'a ClusterJudgement,
    pub(super) grid: Grid,
    /// Factor on the least weight that is told; above 1 fewer findings.
    pub(super) factor: f64,
}

/// Findings of kind anomaly, and how many odd stretches of nodes were too small to be told.
pub(super) fn incidents(case: Case) -> (Vec<Finding>, usize) {
    let mut stories: Vec<Story> = case.found.nodes.iter().map(|event| case.story(event)).collect();
    let all = stories.len();
    stories.retain(|story| story.parts.iter().any(|part| part.is_told()));
    stories.sort_by_key(|story| (story.event.from, story.event.members.start));
    let nodes = case.subjects.iter().map(|s| &s.key.node).collect::<BTreeSet<_>>().len();
    let groups = case.widened(case.joined(stories), nodes);
    let findings = groups.iter().filter_map(|group| Some((case.finding(group, nodes)?, group.len())));
    let (told, stretches): (Vec<Finding>, Vec<usize>) =
        findings.filter(|(finding, _)| finding.strength >= WEIGHT_MIN * case.factor).unzip();
    (told, all - stretches.iter().sum::<usize>())
}

/// One series' part in a stretch.
struct Part<'a> {
    series: usize,
    event: &'a Event,
    subject: &'a Subject<'a>,
}

impl Part<'_> {
    fn is_told(&self) -> bool {
        self.event.alarm != Alarm::Quiet
    }

    fn rises(&self) -> bool {
        self.event.value > self.event.expected
    }

    /// Whether it moved where it is better.
    fn is_good(&self) -> bool {
        match self.subject.worse {
            Worse::High => !self.rises(),
            Worse::Low => self.rises(),
            Worse::Neither => false,
        }
    }

    fn weight(&self) -> f64 {
        /// Beyond this many everyday widths more is no more.
        const EFFECT_MAX: f64 = 32.0;
        /// What is nearly used up, percent.
        const NEARLY_FULL: f64 = 85.0;
        let effect = 2.0 * self.event.effect.clamp(0.5, EFFECT_MAX).log2();
        let full = self.subject.worse == Worse::High
            && self.subject.percent_of_capacity(self.event.value).is_some_and(|p| p >= NEARLY_FULL);
        self.event.strength + effect + if full { 3.0 } else { 0.0 } - if self.is_good() { 4.0 } else { 0.0 }
    }
}

/// A node's odd stretch with its series, the heaviest first; what was told of them before what was not.
struct Story<'a> {
    event: &'a NodeEvent,
    parts: Vec<Part<'a>>,
    /// What moved which way.
    moves: BTreeSet<(&'a MetricName, bool)>,
}

impl<'a> Case<'a> {
    fn story(self, event: &'a NodeEvent) -> Story<'a> {
        let mut parts: Vec<Part> = Vec::new();
        for series in event.members.clone() {
            // The strongest of the series' own stretches in this one; alarms before candidates.
            let own = self.found.series[series].events.iter().filter(|e| e.from < event.to && event.from < e.to);
            let strongest = own.max_by(|a, b| a.alarm.cmp(&b.alarm).then(a.strength.total_cmp(&b.strength)));
            let subject = &self.subjects[self.found.order[series]];
            parts.extend(strongest.map(|event| Part { series, event, subject }));
        }
        parts.sort_by(|a, b| {
            let by_weight = b.is_told().cmp(&a.is_told()).then(b.weight().total_cmp(&a.weight()));
            by_weight.then(a.series.cmp(&b.series))
        });
        let told = parts.iter().filter(|part| part.is_told());
        let moves = told.map(|part| (&part.subject.key.metric, part.rises())).collect();
        Story { event, parts, moves }
    }

    /// Stretches that belong together by the time they began and what moved; each group and all groups in order of time.
    fn joined(self, stories: Vec<Story<'a>>) -> Vec<Vec<Story<'a>>> {
        let near = window_rows(NEAR_MS, self.grid.step_ms, 2);
        let chance = stories.len().saturating_sub(1) as f64 * 2.0 * near as f64 / self.grid.len.max(1) as f64;
        let mut groups: Vec<Vec<Story>> = Vec::new();
        for story in stories {
            let belongs = |group: &&mut Vec<Story>| {
                let (from, to) = (group[0].event.from, end(group));
                let began_together = story.event.from - from <= near && story.event.from <= to;
                let alike = || group.iter().any(|other| !other.moves.is_disjoint(&story.moves));
                began_together && (chance <= CHANCE_MAX || alike())
            };
            match groups.iter_mut().rev().find(belongs) {
                Some(group) => group.push(story),
                None => groups.push(vec![story]),
            }
        }
        groups
    }

    /// Joins what half of the cluster did within an hour.
    fn widened(self, groups: Vec<Vec<Story<'a>>>, nodes: usize) -> Vec<Vec<Story<'a>>> {
        let together = window_rows(TOGETHER_MS, self.grid.step_ms, 2);
        let mut rest: Vec<Option<Vec<Story>>> = groups.into_iter().map(Some).collect();
        let mut all = Vec::new();
        for i in 0..rest.len() {
            let Some(mut group) = rest[i].take() else { continue };
            let first = group[0].event.from;
            let beside: Vec<usize> = (i + 1..rest.len())
                .take_while(|&j| rest[j].as_ref().is_none_or(|g| g[0].event.from - first <= together))
                .filter(|&j| rest[j].as_ref().is_some_and(|g| g[0].event.from <= end(&group)))
                .collect();
            let members = beside.iter().filter_map(|&j| rest[j].as_ref()).flatten().chain(&group);
            if is_wide(members.map(|s| s.event.members.start).collect::<BTreeSet<_>>().len(), nodes) {
                beside.iter().filter_map(|&j| rest[j].take()).for_each(|other| group.extend(other));
            }
            all.push(group);
        }
        all
    }

    fn finding(self, group: &[Story], nodes: usize) -> Option<Finding> {
        let lead = group.iter().filter_map(|s| s.parts.first()).max_by(|a, b| {
            a.is_told().cmp(&b.is_told()).then(a.weight().total_cmp(&b.weight())).then(b.series.cmp(&a.series))
        })?;
        let moved = |p: &Part| Moved {
            series: p.subject.key.clone(),
            from: self.grid.time(p.event.from),
            strength: p.event.strength,
        };
        let told = || group.iter().flat_map(|s| &s.parts).filter(|p| p.is_told());
        let mut others: Vec<&Part> = told().filter(|p| p.series != lead.series).collect();
        others.sort_by(|a, b| b.weight().total_cmp(&a.weight()).then(a.series.cmp(&b.series)));
        let first = told().min_by_key(|p| (p.event.from, p.series));
        let first = first.filter(|p| p.event.from < lead.event.from);
        let first_name = first.map(|p| words::name_beside(p.subject, lead.subject));
        let first = first.map(moved);
        let node_count = group.iter().map(|s| s.event.members.start).collect::<BTreeSet<_>>().len();
        let is_wide = is_wide(node_count, nodes);
        let from = group.iter().map(|s| s.event.from).min()?;
        let (from, to) = stretch(self.grid, from, end(group));
        let alarm = group.iter().map(|s| s.event.alarm).max().unwrap_or_default();
        let company = words::Company { nodes: node_count, others: others.len(), first: first_name.as_deref() };
        Some(Finding {
            kind: FindingKind::Anomaly,
            severity: severity(lead, alarm, is_wide),
            series: lead.subject.key.clone(),
            from,
            to,
            expected_from: from,
            value: lead.event.value,
            expected: lead.event.expected,
            unit: lead.subject.unit.as_str(),
            strength: lead.weight() + lasting(to.millis() - from.millis()) + breadth(node_count, is_wide),
            text: words::anomaly(lead.subject, lead.event, (from, to), &company),
            moved: others.iter().take(MOVED_MAX).map(|p| moved(p)).collect(),
            moved_count: others.len(),
            first,
        })
    }
}

fn end(group: &[Story]) -> usize {
    group.iter().map(|s| s.event.to).max().unwrap_or(0)
}

fn is_wide(nodes: usize, of: usize) -> bool {
    nodes >= WIDE_NODES_MIN && 2 * nodes >= of
}

/// Every doubling of a quarter of an hour, up to four of them.
fn lasting(ms: i64) -> f64 {
    (ms as f64 / (HOUR_MS / 4) as f64).log2().clamp(0.0, 4.0)
}

/// Every further node, up to six; much more where the cluster as a whole took part.
fn breadth(nodes: usize, is_wide: bool) -> f64 {
    (nodes - 1).min(6) as f64 + if is_wide { 12.0 } else { 0.0 }
}

/// Worth a warning: strong and large or all over the cluster, and not plainly in the good direction.
fn severity(lead: &Part, alarm: Alarm, is_wide: bool) -> Severity {
    const LARGE: f64 = 2.0;
    let warns = is_wide || (alarm == Alarm::Strong && lead.event.effect >= LARGE);
    if warns && !lead.is_good() { Severity::Warn } else { Severity::Info }
}
