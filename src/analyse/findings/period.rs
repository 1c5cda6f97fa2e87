//! This period against the one before, as findings: those of one metric that went the same way are one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, FindingKind, MOVED_MAX, Moved, Severity, words};
use crate::analyse::compare::{self, Shift};
use crate::analyse::options::Options;
use crate::analyse::subject::Subject;
use crate::analyse::threads;
use crate::model::SeriesKey;
use crate::model::catalogue::Worse;
use crate::query::Grid;

struct Told<'a> {
    subject: &'a Subject<'a>,
    shift: Shift,
}

impl Told<'_> {
    fn severity(&self) -> Severity {
        let worse = match self.subject.worse {
            Worse::High => self.shift.now > self.shift.before,
            Worse::Low => self.shift.now < self.shift.before,
            Worse::Neither => false,
        };
        if worse && self.shift.is_large() { Severity::Warn } else { Severity::Info }
    }

    /// Percent of the larger of both.
    fn size(&self) -> f64 {
        let Shift { before, now, .. } = self.shift;
        100.0 * (now - before).abs() / now.abs().max(before.abs())
    }
}

/// What differs of each series of one period, with its grid, against the same series of the period before.
pub(in crate::analyse) fn shifts(
    (now, grid): (&[Subject], Grid),
    (before, grid_before): (&[Subject], Grid),
    options: &Options,
) -> Vec<Option<Shift>> {
    let pairs: Vec<(&Subject, &Subject)> = now.iter().zip(before).collect();
    threads::map(&pairs, options.thread_count(), |(now, before)| {
        let (old, new) = ((before.values, grid_before), (now.values, grid));
        compare::shift(old, new, options.utc_offset_ms, options.floors.of_subject(now), &options.compare)
    })
}

/// Findings of kind compare, of what differs of each of `subjects`: one a metric and direction. The node on which it changed most leads. Nothing is told of the series that are `told` already, and of
/// subjects everything is asked but their values.
pub(in crate::analyse) fn compared(
    subjects: &[Subject],
    shifts: &[Option<Shift>],
    told: &BTreeSet<&SeriesKey>,
    now: Grid,
) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<Told>> = BTreeMap::new();
    let mut nodes: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (subject, shift) in subjects.iter().zip(shifts).filter(|(subject, _)| !told.contains(&subject.key)) {
        nodes.entry(&subject.key.metric).or_default().insert(&subject.key.node);
        if let Some(shift) = *shift {
            let rose = shift.now > shift.before;
            groups.entry((&subject.key.metric, rose)).or_default().push(Told { subject, shift });
        }
    }
    let of = |metric| nodes.get(metric).map_or(0, BTreeSet::len);
    groups.into_iter().filter_map(|((metric, _), told)| finding(told, of(metric), now)).collect()
}

fn finding(mut told: Vec<Told>, of: usize, now: Grid) -> Option<Finding> {
    told.sort_by(|a, b| {
        let by_size = b.severity().cmp(&a.severity()).then(b.size().total_cmp(&a.size()));
        by_size.then_with(|| a.subject.key.cmp(&b.subject.key))
    });
    let (lead, others) = told.split_first()?;
    let nodes = told.iter().map(|one| &one.subject.key.node).collect::<BTreeSet<_>>().len();
    let moved =
        |one: &Told| Moved { series: one.subject.key.clone(), from: now.time(0), strength: one.shift.sds.min(50.0) };
    Some(Finding {
        kind: FindingKind::Compare,
        severity: lead.severity(),
        series: lead.subject.key.clone(),
        from: now.time(0),
        expected_from: now.time(0),
        to: now.time(now.len),
        value: lead.shift.now,
        expected: lead.shift.before,
        unit: lead.subject.unit.as_str(),
        strength: lead.size() + nodes as f64,
        text: words::compared(lead.subject, &lead.shift, (nodes, of)),
        moved: others.iter().take(MOVED_MAX).map(moved).collect(),
        moved_count: others.len(),
        first: None,
    })
}
