//! Nodes unlike their group, and series that move together.

use std::collections::BTreeMap;

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, words};
use crate::analyse::cluster::ClusterJudgement;
use crate::analyse::correlate::{self, Closeness, Group, Pair};
use crate::analyse::options::Options;
use crate::analyse::peers::{self, Outlier};
use crate::analyse::subject::Subject;
use crate::analyse::threads;
use crate::model::NodeName;
use crate::model::catalogue::Worse;
use crate::query::Grid;

/// Findings of kind peer: one metric (and label set) over all nodes is a group; those that are unlike it the same way are one finding, for then it is a role that differs.
pub(in crate::analyse) fn unlike(subjects: &[Subject], grid: Grid, options: &Options) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<&Subject>> = BTreeMap::new();
    for subject in subjects {
        groups.entry((&subject.key.metric, &subject.key.labels)).or_default().push(subject);
    }
    let groups: Vec<Vec<&Subject>> = groups.into_values().collect();
    let unlike = |group: &Vec<&Subject>| {
        let values: Vec<&[f64]> = group.iter().map(|s| s.values).collect();
        let floor = options.floors.of_subject(group[0]);
        let all = peers::outliers(&values, grid.step_ms, floor, &options.peers);
        let (above, below): (Vec<Outlier>, Vec<Outlier>) = all.into_iter().partition(|o| o.value > o.expected);
        [above, below].into_iter().filter_map(|side| unlike_one_way(group, side, grid)).collect::<Vec<Finding>>()
    };
    threads::map(&groups, options.thread_count(), unlike).concat()
}

fn unlike_one_way(group: &[&Subject], mut side: Vec<Outlier>, grid: Grid) -> Option<Finding> {
    let strength = |o: &Outlier| o.sds.min(50.0) * o.share;
    side.sort_by(|a, b| strength(b).total_cmp(&strength(a)).then(a.member.cmp(&b.member)));
    let outlier = side.first()?;
    let subject = group[outlier.member];
    let worse = match subject.worse {
        Worse::High => outlier.value > outlier.expected,
        Worse::Low => outlier.value < outlier.expected,
        Worse::Neither => false,
    };
    let nodes: Vec<&NodeName> = side.iter().map(|o| &group[o.member].key.node).collect();
    let moved = |o: &Outlier| Moved { series: group[o.member].key.clone(), from: grid.time(0), strength: o.sds };
    Some(Finding {
        kind: FindingKind::Peer,
        severity: if worse && side.len() == 1 { Severity::Warn } else { Severity::Info },
        series: subject.key.clone(),
        from: grid.time(0),
        expected_from: grid.time(0),
        to: grid.time(grid.len),
        value: outlier.value,
        expected: outlier.expected,
        unit: subject.unit.as_str(),
        strength: strength(outlier),
        text: words::peer(subject, outlier, &nodes, group.len()),
        moved: side[1..].iter().take(MOVED_MAX).map(moved).collect(),
        moved_count: side.len() - 1,
        first: None,
    })
}

/// Tells how close two subjects are: `r`, and by how many ms the second follows the first.
pub(super) type Close<'c, E> = &'c dyn Fn(usize, usize) -> Result<Closeness, E>;

/// Findings of kind correlation: groups, not pairs; and groups of the same metrics, each on a node of its own, are one.
/// `close` tells `r` and lag of the subjects with those places.
pub(super) fn correlated<E>(
    subjects: &[Subject],
    found: &ClusterJudgement,
    grid: Grid,
    options: &Options,
    close: Close<'_, E>,
) -> Result<Vec<Finding>, E> {
    let subject = |i: usize| &subjects[found.order[i]];
    let same_node = |a: usize, b: usize| subject(a).key.node == subject(b).key.node;
    let threads = options.thread_count();
    let groups = correlate::groups(&found.moves, grid.step_ms, &options.correlate, threads, &same_node);
    let mut alike: BTreeMap<_, Vec<Group>> = BTreeMap::new();
    for (place, group) in groups.into_iter().enumerate() {
        let is_of_one_node = group.members.iter().all(|&m| same_node(m, group.members[0]));
        let mut metrics: Vec<_> = group.members.iter().map(|&m| &subject(m).key.metric).collect();
        metrics.sort();
        alike.entry((metrics, (!is_of_one_node).then_some(place))).or_default().push(group);
    }
    let close = |pair: &Pair| close(found.order[pair.a], found.order[pair.b]);
    alike.into_values().filter_map(|groups| together(&subject, groups, grid, &close).transpose()).collect()
}

/// The closest pair stands first.
fn together<'a, E>(
    subject: &impl Fn(usize) -> &'a Subject<'a>,
    mut groups: Vec<Group>,
    grid: Grid,
    close: &dyn Fn(&Pair) -> Result<Closeness, E>,
) -> Result<Option<Finding>, E> {
    groups.sort_by(|a, b| b.best.r.abs().total_cmp(&a.best.r.abs()).then(a.best.a.cmp(&b.best.a)));
    let Some(group) = groups.first() else { return Ok(None) };
    let best = group.best;
    let (lead, other) = (subject(best.a), subject(best.b));
    let told = close(&best)?;
    let members: Vec<&Subject> = group.members.iter().map(|&m| subject(m)).collect();
    let moved = |m: usize, r: f64| Moved { series: subject(m).key.clone(), from: grid.time(0), strength: r };
    let others = groups.iter().flat_map(|g| g.members.iter().map(move |&m| (m, g)));
    let others = others.filter(|(m, _)| *m != best.a && *m != best.b).map(|(m, g)| moved(m, g.weakest));
    let count = groups.iter().map(|g| g.members.len()).sum::<usize>();
    Ok(Some(Finding {
        kind: FindingKind::Correlation,
        severity: Severity::Info,
        series: lead.key.clone(),
        from: grid.time(0),
        expected_from: grid.time(0),
        to: grid.time(grid.len),
        value: told.0,
        expected: f64::NAN,
        unit: "",
        strength: count as f64 * best.r.abs(),
        text: words::correlation((lead, other), told, &members, groups.len()),
        moved: std::iter::once(moved(best.b, best.r)).chain(others).take(MOVED_MAX).collect(),
        moved_count: count - 1,
        first: None,
    }))
}
