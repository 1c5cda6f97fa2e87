//! Thresholds: the lines they draw and the findings they make.

use crate::query::frame::{Frame, Row};
use crate::query::summary::{Finding, Severity};

use crate::report::figure::{Limit, LimitKind};
use crate::report::format::{duration, value};
use crate::report::model::Model;
use crate::report::thresholds::{Side, Threshold};

use super::title::at;

/// A node is told of where its means were beyond a limit for this share of the time it reported …
const SHARE_MIN: f64 = 0.05;
/// … or all along until its end, for at least this long.
const UNTIL_END_MS: i64 = 300_000;

/// Full, and the thresholds of a metric, as lines of its chart.
pub(super) fn limits(model: &Model, frame: &Frame) -> Vec<Limit> {
    let threshold = model.options.thresholds.of(&frame.shown.name).unwrap_or_default();
    let line = |value: Option<f64>, kind| value.filter(|v| v.is_finite()).map(|value| Limit { value, kind });
    let all = [
        line(frame.shown.capacity, LimitKind::Full),
        line(threshold.warn, LimitKind::Warn),
        line(threshold.bad, LimitKind::Bad),
    ];
    all.into_iter().flatten().collect()
}

/// The limits that were judged, in words: `Disk used 80 % and 90 %`.
pub(super) fn limits_in_words(model: &Model) -> Vec<String> {
    let words = |frame: &Frame| {
        let threshold = model.options.thresholds.of(&frame.shown.name)?;
        let both: Vec<String> =
            [threshold.warn, threshold.bad].into_iter().flatten().map(|v| value(frame.shown.unit, v)).collect();
        (!both.is_empty()).then(|| format!("{} {}", frame.shown.title, both.join(" / ")))
    };
    model.frames.iter().filter_map(words).collect()
}

/// The nodes that were beyond a limit, metric by metric, the worst first.
pub(super) fn limit_findings(model: &Model) -> Vec<Finding> {
    let of_frame = |frame: &Frame| {
        let Some(threshold) = model.options.thresholds.of(&frame.shown.name) else { return Vec::new() };
        let mut found: Vec<(f64, Finding)> =
            frame.nodes.iter().filter_map(|row| judge(model, frame, threshold, row)).collect();
        found.sort_by(|a, b| b.1.severity.cmp(&a.1.severity).then(b.0.total_cmp(&a.0)).then(a.1.node.cmp(&b.1.node)));
        found.into_iter().map(|(_, finding)| finding).collect()
    };
    model.frames.iter().flat_map(of_frame).collect()
}

/// The worse of the limits that a node was beyond, and for which share of the time.
fn judge(model: &Model, frame: &Frame, threshold: Threshold, row: &Row) -> Option<(f64, Finding)> {
    let side = threshold.side(frame.shown.worse);
    let levels = [(threshold.bad, Severity::Bad), (threshold.warn, Severity::Warn)];
    levels.into_iter().find_map(|(limit, severity)| {
        let limit = limit?;
        let beyond = Beyond::of(&row.avg, side, limit);
        let told = beyond.share() >= SHARE_MIN || beyond.until_end as i64 * model.grid.step_ms >= UNTIL_END_MS;
        (told && beyond.count > 0).then(|| (beyond.share(), finding(model, frame, row, severity, limit, side, &beyond)))
    })
}

/// How long a line was on the wrong side of a limit, in buckets.
#[derive(Debug, PartialEq)]
struct Beyond {
    count: usize,
    filled: usize,
    /// Buckets at the end that all were.
    until_end: usize,
    first: usize,
    /// Where it was furthest.
    worst: usize,
    /// The last bucket with a number.
    last: usize,
}

impl Beyond {
    fn of(values: &[f64], side: Side, limit: f64) -> Beyond {
        let mut found = Beyond { count: 0, filled: 0, until_end: 0, first: 0, worst: 0, last: 0 };
        for (i, v) in values.iter().copied().enumerate().filter(|(_, v)| v.is_finite()) {
            (found.filled, found.last) = (found.filled + 1, i);
            if !side.holds(v, limit) {
                found.until_end = 0;
                continue;
            }
            if found.count == 0 {
                (found.first, found.worst) = (i, i);
            }
            (found.count, found.until_end) = (found.count + 1, found.until_end + 1);
            if side.holds(v, values[found.worst]) && v != values[found.worst] {
                found.worst = i;
            }
        }
        found
    }

    fn share(&self) -> f64 {
        if self.filled == 0 { 0.0 } else { self.count as f64 / self.filled as f64 }
    }
}

fn finding(
    model: &Model,
    frame: &Frame,
    row: &Row,
    severity: Severity,
    limit: f64,
    side: Side,
    beyond: &Beyond,
) -> Finding {
    let unit = frame.shown.unit;
    let worst = row.avg[beyond.worst];
    let reach = match side {
        Side::Above => format!("at or above {}", value(unit, limit)),
        Side::Below => format!("at or below {}", value(unit, limit)),
    };
    let what = format!("{}: {}{}", frame.shown.title, row.node, part(frame, row, beyond.worst));
    let text = if beyond.until_end == beyond.filled {
        format!("{what} was {reach} all the time, {} at the end", value(unit, row.avg[beyond.last]))
    } else if beyond.until_end == beyond.count {
        let since = model.clock.moment(model.middle(beyond.first));
        format!("{what} has been {reach} since {since}, {} at the end", value(unit, row.avg[beyond.last]))
    } else {
        let long = duration(beyond.count as i64 * model.grid.step_ms);
        let when = at(model.clock, model.middle(beyond.worst));
        format!("{what} was {reach} for {long} in all; the furthest was {} {when}", value(unit, worst))
    };
    Finding {
        kind: "threshold",
        severity,
        node: Some(row.node.to_string()),
        metric: Some(frame.shown.name.clone()),
        from: model.grid.time(beyond.first).to_rfc3339(),
        to: model.grid.time(beyond.last + 1).to_rfc3339(),
        text,
        value: worst,
        expected: limit,
        unit: unit.as_str().to_owned(),
    }
}

/// ` (/var)`: the part of the node that its value is of, where the node has several and its value is that of one.
fn part(frame: &Frame, row: &Row, bucket: usize) -> String {
    let mut parts = frame.parts.iter().filter(|p| p.node == row.node && p.avg[bucket] == row.avg[bucket]);
    match (parts.next(), parts.next()) {
        (Some(part), None) => format!(" ({})", part.part),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::findings;
    use super::*;
    use crate::report::model::sample::{empty, frame};

    const GAP: f64 = f64::NAN;

    #[test]
    fn time_beyond_a_limit_is_counted_over_gaps() {
        let beyond = Beyond::of(&[95.0, 50.0, GAP, 91.0, GAP, 99.0], Side::Above, 90.0);
        assert_eq!(beyond, Beyond { count: 3, filled: 4, until_end: 2, first: 0, worst: 5, last: 5 });
        assert_eq!(Beyond::of(&[GAP], Side::Above, 90.0).share(), 0.0);
    }

    #[test]
    fn a_full_disk_is_bad_and_a_short_burst_is_nothing() {
        let mut model = empty(&["a", "b", "c"], 100, 60_000);
        let disk = |from: usize| (0..100).map(|i| if i < from { 70.0 } else { 93.0 }).collect::<Vec<_>>();
        let burst = (0..100).map(|i| if i == 50 { 99.0 } else { 10.0 }).collect::<Vec<_>>();
        model.frames = vec![
            frame(&model, "cpu_percent", vec![("a", "", burst)]),
            frame(
                &model,
                "disk_percent",
                vec![("a", "", disk(60)), ("a", "/var", disk(60)), ("b", "", vec![85.0; 100]), ("c", "", disk(98))],
            ),
        ];
        let found = findings(&model);
        let texts: Vec<String> =
            found.shown.iter().map(|f| format!("{} {}", f.severity, f.text.replace('\u{a0}', " "))).collect();
        assert_eq!(
            texts,
            [
                "bad Disk used: a (/var) has been at or above 90 % since 01:00, 93 % at the end.",
                "warn Disk used: b was at or above 80 % all the time, 85 % at the end.",
            ]
        );
        assert_eq!(found.worst, Some(Severity::Bad));
        assert!(found.checked.replace('\u{a0}', " ").contains("CPU busy 85 % / 95 % and Disk used 80 % / 90 %"));
    }
}
