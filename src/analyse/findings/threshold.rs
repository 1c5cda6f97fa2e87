//! Limits the user has set: how long a series was beyond them.

use super::{Finding, FindingKind, Severity, stretch, words};
use crate::analyse::subject::Subject;
use crate::model::catalogue::Worse;
use crate::query::Grid;

/// A limit. Values at or above it count (at or below it where low is bad).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Where a warning begins.
    pub warn: Option<f64>,
    /// Where it is bad.
    pub bad: Option<f64>,
}

/// The findings of kind threshold of one series: one, of the worst limit it passed, over the whole range.
pub fn thresholds(subject: &Subject, grid: Grid, threshold: Threshold) -> Option<Finding> {
    let low = subject.worse == Worse::Low;
    let beyond = |v: f64, limit: f64| v.is_finite() && if low { v <= limit } else { v >= limit };
    let passed = |limit: f64| subject.values.iter().filter(|v| beyond(**v, limit)).count();
    let (limit, severity, rows) = [(threshold.bad, Severity::Bad), (threshold.warn, Severity::Warn)]
        .into_iter()
        .filter_map(|(limit, severity)| limit.map(|l| (l, severity, passed(l))))
        .find(|(_, _, rows)| *rows > 0)?;
    let first = subject.values.iter().position(|v| beyond(*v, limit))?;
    let last = subject.values.iter().rposition(|v| beyond(*v, limit))?;
    let further = |a: f64, b: f64| if low { a.min(b) } else { a.max(b) };
    let worst = subject.values.iter().copied().filter(|v| v.is_finite()).fold(limit, further);
    let (from, to) = stretch(grid, first, last + 1);
    Some(Finding {
        kind: FindingKind::Threshold,
        severity,
        series: subject.key.clone(),
        from,
        to,
        value: worst,
        expected: limit,
        unit: subject.unit.as_str(),
        strength: rows as f64,
        text: words::threshold(subject, worst, limit, rows as i64 * grid.step_ms),
        moved: Vec::new(),
        moved_count: 0,
        first: None,
    })
}
