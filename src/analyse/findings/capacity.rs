//! Capacities that fill, or that cannot be told.

use std::collections::BTreeSet;

use super::{Finding, FindingKind, Severity, words};
use crate::analyse::forecast::{self, Outlook};
use crate::analyse::options::Options;
use crate::analyse::subject::Subject;
use crate::analyse::threads;
use crate::model::SeriesKey;
use crate::query::Grid;

/// Days left that are bad.
const DAYS_BAD: f64 = 7.0;
/// Days left that are worth a warning.
const DAYS_WARN: f64 = 30.0;

/// The outlooks that are told, of the series whose capacity is known; of how many it is, and how many of those have too little history.
pub(super) fn outlooks(subjects: &[Subject], grid: Grid, options: &Options) -> (Vec<(usize, Outlook)>, (usize, usize)) {
    let full = |subject: &Subject| subject.capacity.filter(|c| *c > 0.0);
    let known: Vec<usize> = (0..subjects.len()).filter(|&place| full(&subjects[place]).is_some()).collect();
    let outlook = |percent: &mut Vec<f64>, place: &usize| {
        let subject = &subjects[*place];
        percent.clear();
        percent.extend(subject.values.iter().map(|v| 100.0 * v / full(subject).unwrap_or(f64::NAN)));
        (*place, forecast::outlook(percent, grid.step_ms, &options.forecast))
    };
    let mut all = threads::map_with(&known, options.thread_count(), Vec::new, outlook);
    let short = all.iter().filter(|(_, outlook)| matches!(outlook, Outlook::Short { .. })).count();
    all.retain(|(_, outlook)| is_told(outlook));
    (all, (known.len(), short))
}

/// That nothing fills is no finding of each of a thousand disks.
fn is_told(outlook: &Outlook) -> bool {
    !matches!(outlook, Outlook::Slow { .. } | Outlook::Flat { .. } | Outlook::Short { .. })
}

/// Findings of kind capacity. A jump is told once: not of the series that have `changed`.
pub(super) fn capacities(
    subjects: &[Subject],
    grid: Grid,
    outlooks: &[(usize, Outlook)],
    changed: &BTreeSet<SeriesKey>,
) -> Vec<Finding> {
    let once = |(place, outlook): &&(usize, Outlook)| {
        !(matches!(outlook, Outlook::Jump { .. }) && changed.contains(&subjects[*place].key))
    };
    outlooks.iter().filter(once).filter_map(|(place, outlook)| finding(&subjects[*place], grid, *outlook)).collect()
}

fn finding(subject: &Subject, grid: Grid, outlook: Outlook) -> Option<Finding> {
    let (severity, value, expected, unit, strength) = match outlook {
        Outlook::Full { days, level, .. } => {
            let severity = match days {
                d if d <= DAYS_BAD => Severity::Bad,
                d if d <= DAYS_WARN => Severity::Warn,
                _ => Severity::Info,
            };
            (severity, days, level, super::DAYS, 1000.0 - days)
        }
        Outlook::Sawtooth { peak, falls } => (Severity::Info, peak, f64::NAN, "percent", falls as f64),
        Outlook::Jump { level } => (Severity::Info, level, f64::NAN, "percent", 0.0),
        Outlook::Slow { .. } | Outlook::Flat { .. } | Outlook::Short { .. } => return None,
    };
    let from = grid.time(match outlook {
        Outlook::Full { since, .. } => since.unwrap_or(0),
        _ => 0,
    });
    Some(Finding {
        kind: FindingKind::Capacity,
        severity,
        series: subject.key.clone(),
        from,
        expected_from: from,
        to: grid.time(grid.len),
        value,
        expected,
        unit,
        strength,
        text: words::capacity(subject, outlook, grid),
        moved: Vec::new(),
        moved_count: 0,
        first: None,
    })
}
