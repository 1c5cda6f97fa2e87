//! Nodes unlike their group, and series that move together.

use std::collections::BTreeMap;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, words};
use crate::analyse::cluster::ClusterJudgement;
use crate::analyse::options::Options;
use crate::analyse::subject::Subject;
use crate::analyse::{correlate, peers};
use crate::model::catalogue::Worse;
use crate::query::Grid;

/// Findings of kind peer: one metric (and label set) over all nodes is a group.
pub(super) fn unlike(subjects: &[Subject], grid: Grid, options: &Options) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<&Subject>> = BTreeMap::new();
    for subject in subjects {
        groups.entry((&subject.key.metric, &subject.key.labels)).or_default().push(subject);
    }
    let mut findings = Vec::new();
    for group in groups.values() {
        let values: Vec<&[f64]> = group.iter().map(|s| s.values).collect();
        let floor = options.floors.of_subject(group[0]);
        for outlier in peers::outliers(&values, grid.step_ms, floor, &options.peers) {
            let subject = group[outlier.member];
            let worse = match subject.worse {
                Worse::High => outlier.value > outlier.expected,
                Worse::Low => outlier.value < outlier.expected,
                Worse::Neither => false,
            };
            findings.push(Finding {
                kind: FindingKind::Peer,
                severity: if worse { Severity::Warn } else { Severity::Info },
                series: subject.key.clone(),
                from: grid.time(0),
                to: grid.time(grid.len),
                value: outlier.value,
                expected: outlier.expected,
                unit: subject.unit.as_str(),
                strength: outlier.sds.min(50.0) * outlier.share,
                text: words::peer(subject, &outlier, group.len()),
                moved: Vec::new(),
                moved_count: 0,
                first: None,
            });
        }
    }
    findings
}

/// Findings of kind correlation: groups, not pairs.
pub(super) fn correlated(
    subjects: &[Subject],
    found: &ClusterJudgement,
    grid: Grid,
    options: &Options,
) -> Vec<Finding> {
    let subject = |i: usize| &subjects[found.order[i]];
    let same_node = |a: usize, b: usize| subject(a).key.node == subject(b).key.node;
    let threads = options.thread_count();
    let groups = correlate::groups(&found.moves, grid.step_ms, &options.correlate, threads, &same_node);
    groups
        .iter()
        .map(|group| {
            let best = group.best;
            let lead = subject(best.a);
            let others = group.members.iter().filter(|&&m| m != best.a);
            let moved = |&m: &usize| Moved {
                series: subject(m).key.clone(),
                from: grid.time(0),
                strength: if m == best.b { best.r } else { group.weakest },
            };
            Finding {
                kind: FindingKind::Correlation,
                severity: Severity::Info,
                series: lead.key.clone(),
                from: grid.time(0),
                to: grid.time(grid.len),
                value: best.r,
                expected: f64::NAN,
                unit: "",
                strength: group.members.len() as f64 * best.r.abs(),
                text: words::correlation(
                    lead,
                    subject(best.b),
                    group,
                    &group.members.iter().map(|&m| subject(m)).collect::<Vec<_>>(),
                ),
                moved: others.take(MOVED_MAX).map(moved).collect(),
                moved_count: group.members.len() - 1,
                first: None,
            }
        })
        .collect()
}
