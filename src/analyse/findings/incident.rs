//! Incidents: the odd stretches of nodes that began together, as one finding.
//!
//! A node's stretch joins an incident when it overlaps it (or lies within 10 min) and began within an hour of its start: what began hours later is another story,
//! even while the first one lasts.
//!
//! Strength: the greatest surprise of the oddest node, and a little for every further one; much more where at least half of the nodes took part. Among ten nodes two or
//! three are odd within the same hour by chance every few days, so nodes alone say little: measured on planted anomalies, sums over nodes put chance first.

use std::collections::BTreeSet;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, stretch, words};
use crate::analyse::alarm::Alarm;
use crate::analyse::anomaly::Event;
use crate::analyse::cluster::{ClusterJudgement, NodeEvent};
use crate::analyse::subject::Subject;
use crate::model::catalogue::Worse;
use crate::query::Grid;

const NEAR_MS: i64 = 600_000;
const TOGETHER_MS: i64 = 3_600_000;
/// What every further node adds to an incident's strength.
const NODE_STRENGTH: f64 = 1.0;
/// What it adds that the cluster as a whole took part: half of what a single node can be odd by.
const WIDE_STRENGTH: f64 = 12.0;
/// Least number of nodes that are a cluster.
const WIDE_NODES_MIN: usize = 3;

/// Findings of kind anomaly.
pub(super) fn incidents(subjects: &[Subject], found: &ClusterJudgement, grid: Grid) -> Vec<Finding> {
    let mut events: Vec<&NodeEvent> = found.nodes.iter().collect();
    events.sort_by_key(|e| (e.from, e.members.start));
    let near = (NEAR_MS / grid.step_ms) as usize;
    let together = ((TOGETHER_MS / grid.step_ms) as usize).max(1);
    let mut open: Vec<Vec<&NodeEvent>> = Vec::new();
    let mut done = Vec::new();
    for event in events {
        let (still, closed) = open.drain(..).partition(|i: &Vec<&NodeEvent>| event.from - i[0].from <= together);
        done.extend::<Vec<_>>(closed);
        open = still;
        let end = |incident: &[&NodeEvent]| incident.iter().map(|e| e.to).max().unwrap_or(0);
        match open.iter_mut().find(|i| event.from <= end(i) + near) {
            Some(incident) => incident.push(event),
            None => open.push(vec![event]),
        }
    }
    done.extend(open);
    let cluster: BTreeSet<_> = subjects.iter().map(|s| &s.key.node).collect();
    done.iter().filter_map(|incident| finding(subjects, found, grid, incident, cluster.len())).collect()
}

/// One series' part in an incident.
struct Part<'a> {
    series: usize,
    event: &'a Event,
}

fn finding(
    subjects: &[Subject],
    found: &ClusterJudgement,
    grid: Grid,
    nodes: &[&NodeEvent],
    nodes_of_cluster: usize,
) -> Option<Finding> {
    let mut parts: Vec<Part> = Vec::new();
    for node in nodes {
        for series in node.members.clone() {
            let events = found.series[series].events.iter();
            // The strongest of the series' own stretches in this one; alarms before candidates.
            let strongest = events
                .filter(|e| e.from < node.to && node.from < e.to)
                .max_by(|a, b| a.alarm.cmp(&b.alarm).then(a.strength.total_cmp(&b.strength)));
            parts.extend(strongest.map(|event| Part { series, event }));
        }
    }
    parts.sort_by(|a, b| b.event.strength.total_cmp(&a.event.strength).then(a.series.cmp(&b.series)));
    let lead = parts.first()?;
    let subject = &subjects[found.order[lead.series]];
    let moved = |p: &Part| Moved {
        series: subjects[found.order[p.series]].key.clone(),
        from: grid.time(p.event.from),
        strength: p.event.strength,
    };
    let others: Vec<&Part> = parts[1..].iter().filter(|p| p.event.alarm != Alarm::Quiet).collect();
    let first = parts.iter().filter(|p| p.event.alarm != Alarm::Quiet).min_by_key(|p| p.event.from);
    let first = first.filter(|p| p.event.from < lead.event.from).map(moved);
    let node_count = nodes.iter().map(|n| n.members.start).collect::<BTreeSet<_>>().len();
    let is_wide = node_count >= WIDE_NODES_MIN && 2 * node_count >= nodes_of_cluster;
    let from = nodes.iter().map(|n| n.from).min()?;
    let to = nodes.iter().map(|n| n.to).max()?;
    let (from, to) = stretch(grid, from, to);
    let alarm = nodes.iter().map(|n| n.alarm).max().unwrap_or_default();
    let severity = if is_wide { Severity::Warn } else { severity(subject, lead.event, alarm) };
    let text = words::anomaly(
        subject,
        lead.event,
        (from, to),
        &words::Company { nodes: node_count, others: others.len(), first: first.as_ref() },
    );
    Some(Finding {
        kind: FindingKind::Anomaly,
        severity,
        series: subject.key.clone(),
        from,
        to,
        value: lead.event.value,
        expected: lead.event.expected,
        unit: subject.unit.as_str(),
        strength: nodes.iter().map(|n| n.strength).fold(0.0, f64::max)
            + NODE_STRENGTH * (node_count - 1) as f64
            + if is_wide { WIDE_STRENGTH } else { 0.0 },
        text,
        moved: others.iter().take(MOVED_MAX).map(|p| moved(p)).collect(),
        moved_count: others.len(),
        first,
    })
}

/// Worth a warning: strong, and not plainly in the good direction.
fn severity(subject: &Subject, event: &Event, alarm: Alarm) -> Severity {
    let good = match subject.worse {
        Worse::High => event.value < event.expected,
        Worse::Low => event.value > event.expected,
        Worse::Neither => false,
    };
    if alarm == Alarm::Strong && !good { Severity::Warn } else { Severity::Info }
}
