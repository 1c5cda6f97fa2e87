//! Changes: lasting shifts of level by a twentieth and more; those of one node at one time are one finding, and with them those of the same metric on other nodes.
//!
//! Nodes are joined only where chance would hardly do it: of `m` further changes of the metric in a range of `len` rows, `m (spread + block) / len` are expected within the `spread` of a
//! group, and a group of `k` nodes is one finding where so many expected make `k - 1` or more (Poisson) less than once in a thousand.
//!
//! ```text
//!   web-1  -----.=====      a roll-out: three of three within ten minutes, one finding
//!   web-2  -----.=====
//!   web-3  ------.====
//!          +---------> time
//! ```
//!
//! Source: own rule. A twentieth: a week of partition counts has a dozen shifts of one in a hundred, each beyond doubt and of no interest.

use std::collections::BTreeSet;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, stretch, words};
use crate::analyse::anomaly::Judgement;
use crate::analyse::changepoint::Change;
use crate::analyse::cluster::ClusterJudgement;
use crate::analyse::options::Changes;
use crate::analyse::stats;
use crate::analyse::subject::Subject;
use crate::model::catalogue::{Unit, Worse};
use crate::model::{MetricName, SeriesKey, Timestamp};
use crate::query::Grid;

/// Changes at most this far apart on one node are one finding: the width of two means.
const TOGETHER_MS: i64 = 3_600_000;
/// Width of a mean: nearer than that nothing is known to be.
const BLOCK_MS: i64 = 1_800_000;
/// Greatest probability with which chance joins nodes.
const CHANCE_MAX: f64 = 1e-3;
/// Least share of the level that is told.
const SHARE_MIN: f64 = 0.05;
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

/// Findings of kind change, and how many changes are too slight to be told where not everything is asked for.
pub(super) fn changes(
    subjects: &[Subject],
    found: &ClusterJudgement,
    grid: Grid,
    told: Changes,
) -> (Vec<Finding>, usize) {
    let most = changes_max(grid);
    let steps: Vec<Step> = found
        .series
        .iter()
        .enumerate()
        .filter(|(_, judgement)| judgement.changes.len() <= most)
        .flat_map(|(series, judgement)| judgement.changes.iter().map(move |change| Step { series, change }))
        .collect();
    let joiner = Joiner { subjects, found, grid };
    let (groups, slight): (Vec<Vec<Step>>, usize) = match told {
        Changes::Each => (steps.into_iter().map(|step| vec![step]).collect(), 0),
        Changes::Together => {
            let (steps, slight): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(|step| joiner.is_worth(step));
            (joiner.groups(steps), slight.len())
        }
    };
    (groups.iter().filter_map(|group| finding(subjects, found, grid, group)).collect(), slight)
}

#[derive(Clone, Copy)]
struct Joiner<'a> {
    subjects: &'a [Subject<'a>],
    found: &'a ClusterJudgement,
    grid: Grid,
}

impl<'a> Joiner<'a> {
    fn subject(&self, step: &Step) -> &'a Subject<'a> {
        &self.subjects[self.found.order[step.series]]
    }

    /// Whether it is more than a twentieth of the level, where the unit has a zero to count from: two partitions more of four hundred are no news, however still
    /// their number stood before.
    fn is_worth(&self, step: &Step) -> bool {
        let centre = self.found.series[step.series].centre;
        let (before, after) = (centre + step.change.before, centre + step.change.after);
        let has_own_scale = matches!(self.subject(step).unit, Unit::Percent | Unit::Celsius);
        has_own_scale || (after - before).abs() >= SHARE_MIN * before.abs().max(after.abs())
    }

    fn metrics(&self, steps: &[Step]) -> BTreeSet<&'a MetricName> {
        steps.iter().map(|step| &self.subject(step).key.metric).collect()
    }

    /// Steps of one node at one time, and of the same metric on others.
    fn groups(self, mut steps: Vec<Step<'a>>) -> Vec<Vec<Step<'a>>> {
        let together = ((TOGETHER_MS / self.grid.step_ms) as usize).max(1);
        let node = |step: &Step| &self.subject(step).key.node;
        steps.sort_by(|a, b| node(a).cmp(node(b)).then(a.change.row.cmp(&b.change.row)).then(a.series.cmp(&b.series)));
        let mut groups: Vec<Vec<Vec<Step>>> = Vec::new();
        for own in steps.chunk_by(|a, b| node(a) == node(b) && b.change.row - a.change.row <= together) {
            let metrics = self.metrics(own);
            let joins = |group: &&mut Vec<Vec<Step>>| {
                own[0].change.row.abs_diff(group[0][0].change.row) <= together
                    && group.iter().any(|other| !metrics.is_disjoint(&self.metrics(other)))
            };
            match groups.iter_mut().find(joins) {
                Some(group) => group.push(own.to_vec()),
                None => groups.push(vec![own.to_vec()]),
            }
        }
        let metrics_of: Vec<BTreeSet<&MetricName>> = groups.iter().flatten().map(|own| self.metrics(own)).collect();
        let apart = |group: Vec<Vec<Step<'a>>>| match self.is_beyond_chance(&group, &metrics_of) {
            true => vec![group.concat()],
            false => group,
        };
        groups.into_iter().flat_map(apart).collect()
    }

    /// Whether so many nodes hardly change so near each other by chance; `all` are the metrics of what changed on a node at one time, of all nodes.
    fn is_beyond_chance(self, group: &[Vec<Step>], all: &[BTreeSet<&MetricName>]) -> bool {
        let rows = || group.iter().map(|own| own[0].change.row);
        let spread = rows().max().unwrap_or(0) - rows().min().unwrap_or(0);
        let own = self.metrics(&group.concat());
        let further = all.iter().filter(|metrics| !metrics.is_disjoint(&own)).count().saturating_sub(group.len());
        let window = spread as f64 + (BLOCK_MS / self.grid.step_ms).max(1) as f64;
        let expected = further as f64 * window / self.grid.len.max(1) as f64;
        stats::poisson_at_least(group.len() - 1, expected) <= CHANCE_MAX || group.len() == 1
    }
}

/// Findings of kind change, of what has been growing or falling evenly until the end; not of the series whose full day is `told`.
pub(super) fn ramps(
    subjects: &[Subject],
    found: &ClusterJudgement,
    grid: Grid,
    told: &BTreeSet<SeriesKey>,
) -> Vec<Finding> {
    let of = |(series, judgement): (usize, &Judgement)| {
        let subject = &subjects[found.order[series]];
        let ramp = judgement.ramp.filter(|_| !told.contains(&subject.key))?;
        let (before, now) = (judgement.centre + ramp.level, judgement.centre + ramp.at(grid.len));
        let sds = (now - before).abs() / ramp.stray.max(f64::MIN_POSITIVE);
        let (from, to) = stretch(grid, ramp.row, grid.len);
        let text = words::ramp(subject, (before, now), to.millis() - from.millis());
        Some(statement(subject, (from, to), (before, now), weight(sds, 0), text))
    };
    found.series.iter().enumerate().filter_map(of).collect()
}

fn finding(subjects: &[Subject], found: &ClusterJudgement, grid: Grid, steps: &[Step]) -> Option<Finding> {
    let lead = steps.iter().max_by(|a, b| a.change.sds.total_cmp(&b.change.sds).then(b.series.cmp(&a.series)))?;
    let subject = &subjects[found.order[lead.series]];
    // Residual levels become values by the median the season stands on.
    let base = found.series[lead.series].centre;
    let levels = (base + lead.change.before, base + lead.change.after);
    let mut others: Vec<&Step> = steps.iter().filter(|s| s.series != lead.series).collect();
    others.sort_by(|a, b| b.change.sds.total_cmp(&a.change.sds));
    let moved = |s: &&Step| Moved {
        series: subjects[found.order[s.series]].key.clone(),
        from: grid.time(s.change.row),
        strength: s.change.sds,
    };
    let nodes = steps.iter().map(|s| &subjects[found.order[s.series]].key.node).collect::<BTreeSet<_>>().len();
    let uncertain_ms = (lead.change.rows.1 - lead.change.rows.0) as i64 * grid.step_ms / 2;
    let text = words::change(subject, levels, uncertain_ms, (others.len(), nodes));
    let strength = weight(lead.change.sds, others.len());
    let statement = statement(subject, stretch(grid, lead.change.row, lead.change.end), levels, strength, text);
    let moved = others.iter().take(MOVED_MAX).map(moved).collect();
    let earlier = found.series[lead.series].changes.iter().rfind(|change| change.row < lead.change.row);
    let expected_from = grid.time(earlier.map_or(0, |change| change.row));
    Some(Finding { moved, moved_count: others.len(), expected_from, ..statement })
}

fn statement(
    subject: &Subject,
    (from, to): (Timestamp, Timestamp),
    (before, after): (f64, f64),
    strength: f64,
    text: String,
) -> Finding {
    let worse = match subject.worse {
        Worse::High => after > before,
        Worse::Low => after < before,
        Worse::Neither => false,
    };
    Finding {
        kind: FindingKind::Change,
        severity: if worse { Severity::Warn } else { Severity::Info },
        series: subject.key.clone(),
        from,
        to,
        expected_from: from,
        value: after,
        expected: before,
        unit: subject.unit.as_str(),
        strength,
        text,
        moved: Vec::new(),
        moved_count: 0,
        first: None,
    }
}

/// On the scale of an incident's: twice the doublings of the least step that is told, and half for every other series.
fn weight(sds: f64, others: usize) -> f64 {
    const SMALLEST: f64 = 8.0;
    const SDS_MIN: f64 = 2.5;
    SMALLEST + 2.0 * (sds / SDS_MIN).clamp(1.0, 32.0).log2() + 0.5 * others.min(12) as f64
}
