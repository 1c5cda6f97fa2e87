//! This period against the one before, as findings.

use super::{Finding, FindingKind, Severity, words};
use crate::analyse::compare;
use crate::analyse::options::Options;
use crate::analyse::subject::Subject;
use crate::model::catalogue::Worse;
use crate::query::Grid;

/// A change of half of the median before and four sd of its days is large.
const LARGE_SHARE: f64 = 0.5;
const LARGE_SDS: f64 = 4.0;

/// The two periods of one series.
#[derive(Clone, Debug)]
pub struct Periods<'a> {
    /// The series with its values of this period.
    pub now: Subject<'a>,
    /// Its values in the period before.
    pub before: &'a [f64],
}

/// Findings of kind compare.
pub fn compared(series: &[Periods], before: Grid, now: Grid, options: &Options) -> Vec<Finding> {
    series
        .iter()
        .filter_map(|periods| {
            let subject = &periods.now;
            let floor = options.floors.of_subject(subject);
            let (old, new) = ((periods.before, before), (subject.values, now));
            let shift = compare::shift(old, new, options.utc_offset_ms, floor, &options.compare)?;
            let worse = match subject.worse {
                Worse::High => shift.now > shift.before,
                Worse::Low => shift.now < shift.before,
                Worse::Neither => false,
            };
            let is_large =
                (shift.now - shift.before).abs() >= LARGE_SHARE * shift.before.abs() && shift.sds >= LARGE_SDS;
            Some(Finding {
                kind: FindingKind::Compare,
                severity: if worse && is_large { Severity::Warn } else { Severity::Info },
                series: subject.key.clone(),
                from: now.time(0),
                to: now.time(now.len),
                value: shift.now,
                expected: shift.before,
                unit: subject.unit.as_str(),
                strength: shift.sds.min(50.0),
                text: words::compared(subject, &shift),
                moved: Vec::new(),
                moved_count: 0,
                first: None,
            })
        })
        .collect()
}
