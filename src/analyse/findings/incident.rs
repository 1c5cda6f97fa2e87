//! Incidents: the odd stretches of nodes that began together, as one finding.
//!
//! A node's stretch joins an incident when it overlaps it (or lies within 10 min) and began within an hour of its start: what began hours later is another story,
//! even while the first one lasts. Strength: each node's greatest surprise, capped, added over distinct nodes, so that five nodes outrank one however odd.

use std::collections::BTreeMap;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, stretch, words};
use crate::analyse::alarm::Alarm;
use crate::analyse::anomaly::Event;
use crate::analyse::cluster::{ClusterJudgement, NodeEvent};
use crate::analyse::subject::Subject;
use crate::model::catalogue::Worse;
use crate::query::Grid;

const NEAR_MS: i64 = 600_000;
const TOGETHER_MS: i64 = 3_600_000;
/// Most that one node adds to an incident's strength.
const NODE_STRENGTH_MAX: f64 = 12.0;

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
    done.iter().filter_map(|incident| finding(subjects, found, grid, incident)).collect()
}

/// One series' part in an incident.
struct Part<'a> {
    series: usize,
    event: &'a Event,
}

fn finding(subjects: &[Subject], found: &ClusterJudgement, grid: Grid, nodes: &[&NodeEvent]) -> Option<Finding> {
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
    let mut by_node = BTreeMap::new();
    for node in nodes {
        let strength = by_node.entry(node.members.start).or_insert(0.0f64);
        *strength = strength.max(node.strength.min(NODE_STRENGTH_MAX));
    }
    let from = nodes.iter().map(|n| n.from).min()?;
    let to = nodes.iter().map(|n| n.to).max()?;
    let (from, to) = stretch(grid, from, to);
    let alarm = nodes.iter().map(|n| n.alarm).max().unwrap_or_default();
    let severity = severity(subject, lead.event, alarm, by_node.len());
    let text = words::anomaly(
        subject,
        lead.event,
        (from, to),
        &words::Company { nodes: by_node.len(), others: others.len(), first: first.as_ref() },
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
        strength: by_node.values().sum(),
        text,
        moved: others.iter().take(MOVED_MAX).map(|p| moved(p)).collect(),
        moved_count: others.len(),
        first,
    })
}

/// Worth a warning: strong, and not plainly in the good direction; or on several nodes at once.
fn severity(subject: &Subject, event: &Event, alarm: Alarm, nodes: usize) -> Severity {
    let good = match subject.worse {
        Worse::High => event.value < event.expected,
        Worse::Low => event.value > event.expected,
        Worse::Neither => false,
    };
    if nodes >= 3 || (alarm == Alarm::Strong && !good) { Severity::Warn } else { Severity::Info }
}
