//! Changes: lasting shifts of level; those of one node at one time are one finding, and with them those of the same metric on other nodes.

use std::collections::BTreeSet;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, words};
use crate::analyse::changepoint::Change;
use crate::analyse::cluster::ClusterJudgement;
use crate::analyse::subject::Subject;
use crate::model::catalogue::Worse;
use crate::query::Grid;

/// Changes at most this far apart on one node are one finding: the width of two means.
const TOGETHER_MS: i64 = 3_600_000;
/// Changes of one series that are told: three in a week, one more for every further week. One that changes more often wanders between levels.
fn changes_max(grid: Grid) -> usize {
    const WEEK_MS: i64 = 604_800_000;
    2 + ((grid.step_ms.saturating_mul(grid.len as i64) + WEEK_MS - 1) / WEEK_MS).max(1) as usize
}

#[derive(Clone)]
struct Step<'a> {
    series: usize,
    change: &'a Change,
}

/// Findings of kind change.
pub(super) fn changes(subjects: &[Subject], found: &ClusterJudgement, grid: Grid) -> Vec<Finding> {
    let together = ((TOGETHER_MS / grid.step_ms) as usize).max(1);
    let most = changes_max(grid);
    let mut steps: Vec<Step> = found
        .series
        .iter()
        .enumerate()
        .filter(|(_, judgement)| judgement.changes.len() <= most)
        .flat_map(|(series, judgement)| judgement.changes.iter().map(move |change| Step { series, change }))
        .collect();
    let node = |step: &Step| &subjects[found.order[step.series]].key.node;
    steps.sort_by(|a, b| node(a).cmp(node(b)).then(a.change.row.cmp(&b.change.row)).then(a.series.cmp(&b.series)));
    let mut groups: Vec<Vec<Step>> = Vec::new();
    for own in steps.chunk_by(|a, b| node(a) == node(b) && b.change.row - a.change.row <= together) {
        let metric = |step: &Step| &subjects[found.order[step.series]].key.metric;
        let joins = |group: &&mut Vec<Step>| {
            own[0].change.row.abs_diff(group[0].change.row) <= together
                && own.iter().any(|a| group.iter().any(|b| metric(a) == metric(b)))
        };
        match groups.iter_mut().find(joins) {
            Some(group) => group.extend_from_slice(own),
            None => groups.push(own.to_vec()),
        }
    }
    groups.iter().filter_map(|group| finding(subjects, found, grid, group)).collect()
}

fn finding(subjects: &[Subject], found: &ClusterJudgement, grid: Grid, steps: &[Step]) -> Option<Finding> {
    let lead = steps.iter().max_by(|a, b| a.change.sds.total_cmp(&b.change.sds).then(b.series.cmp(&a.series)))?;
    let subject = &subjects[found.order[lead.series]];
    let judgement = &found.series[lead.series];
    // Residual levels become values by the median the season stands on.
    let base = judgement.centre;
    let (before, after) = (base + lead.change.before, base + lead.change.after);
    let mut others: Vec<&Step> = steps.iter().filter(|s| s.series != lead.series).collect();
    others.sort_by(|a, b| b.change.sds.total_cmp(&a.change.sds));
    let moved = |s: &Step| Moved {
        series: subjects[found.order[s.series]].key.clone(),
        from: grid.time(s.change.row),
        strength: s.change.sds,
    };
    let worse = match subject.worse {
        Worse::High => after > before,
        Worse::Low => after < before,
        Worse::Neither => false,
    };
    let nodes = steps.iter().map(|s| &subjects[found.order[s.series]].key.node).collect::<BTreeSet<_>>().len();
    let uncertain_ms = (lead.change.rows.1 - lead.change.rows.0) as i64 * grid.step_ms / 2;
    Some(Finding {
        kind: FindingKind::Change,
        severity: if worse { Severity::Warn } else { Severity::Info },
        series: subject.key.clone(),
        from: grid.time(lead.change.row),
        to: grid.time(lead.change.end),
        value: after,
        expected: before,
        unit: subject.unit.as_str(),
        strength: weight(lead.change.sds, others.len()),
        text: words::change(subject, (before, after), uncertain_ms, (others.len(), nodes)),
        moved: others.iter().take(MOVED_MAX).map(|s| moved(s)).collect(),
        moved_count: others.len(),
        first: None,
    })
}

/// On the scale of an incident's: twice the doublings of the least step that is told, and half for every other series.
fn weight(sds: f64, others: usize) -> f64 {
    const SMALLEST: f64 = 8.0;
    const SDS_MIN: f64 = 2.5;
    SMALLEST + 2.0 * (sds / SDS_MIN).clamp(1.0, 32.0).log2() + 0.5 * others.min(12) as f64
}
