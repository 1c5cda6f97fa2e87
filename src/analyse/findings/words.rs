//! The sentences of findings, and how numbers stand in them.
//!
//! Said as a colleague would: what, where, how much against what, for how long, what else. Never why. No times of day: a sentence does not know the reader's zone,
//! the finding carries both ends. Names stand as they came from the data; whoever prints a sentence escapes it.

use std::collections::BTreeSet;

use super::Judged;
use super::threshold::Beyond;
use crate::analyse::anomaly::{Event, Unjudged};
use crate::analyse::compare::Shift;
use crate::analyse::forecast::Outlook;
use crate::analyse::peers::Outlier;
use crate::analyse::season::Cycle;
use crate::analyse::subject::Subject;
use crate::analyse::thresholds::Side;
use crate::model::catalogue::Unit;
use crate::model::{NodeName, SeriesKey, Timestamp};
use crate::query::Grid;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Who else was part of an incident.
pub(super) struct Company<'a> {
    pub(super) nodes: usize,
    pub(super) others: usize,
    /// Name of the series that moved first.
    pub(super) first: Option<&'a str>,
}

pub(super) fn anomaly(
    subject: &Subject,
    event: &Event,
    (from, to): (Timestamp, Timestamp),
    company: &Company,
) -> String {
    let mut text = format!(
        "{} was {} where {} was expected, in a stretch of {}",
        name(subject),
        amount(event.value, subject.unit),
        amount(event.expected, subject.unit),
        duration(to.millis() - from.millis()),
    );
    match (company.nodes, company.others) {
        (1, 0) => {}
        (1, n) => text += &format!("; {n} other {} of the node moved too", series(n)),
        (nodes, n) => text += &format!("; {n} other {} on {nodes} nodes moved too", series(n)),
    }
    if let Some(first) = company.first {
        text += &format!(", {first} first");
    }
    text
}

/// `others`: how many other series shifted, and on how many nodes in all.
pub(super) fn change(
    subject: &Subject,
    (before, after): (f64, f64),
    uncertain_ms: i64,
    (others, nodes): (usize, usize),
) -> String {
    let verb = if after > before { "rose" } else { "fell" };
    let mut text = format!(
        "{} {verb} from about {} to about {} and stayed there (time known to ± {})",
        name(subject),
        amount(before, subject.unit),
        amount(after, subject.unit),
        duration(uncertain_ms.max(MINUTE_MS)),
    );
    if others > 0 {
        let place = if nodes > 1 { format!("on {nodes} nodes") } else { "of the node".to_owned() };
        text += &format!("; {others} other {} {place} shifted with it", series(others));
    }
    text
}

pub(super) fn peer(subject: &Subject, outlier: &Outlier, nodes: &[&NodeName], of: usize) -> String {
    let about = if nodes.len() > 1 { "about " } else { "" };
    format!(
        "{} on {} {} unlike the other {} nodes: {about}{} where they have {}, {} of the time",
        titled(&subject.title, &subject.key),
        listed(nodes),
        if nodes.len() > 1 { "are" } else { "is" },
        of - nodes.len(),
        amount(outlier.value, subject.unit),
        amount(outlier.expected, subject.unit),
        amount(100.0 * outlier.share, Unit::Percent),
    )
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(nodes: &[&NodeName]) -> String {
    const NAMED_MAX: usize = 4;
    let named = if nodes.len() > NAMED_MAX { NAMED_MAX - 1 } else { nodes.len() };
    let mut parts: Vec<String> = nodes[..named].iter().map(|node| node.to_string()).collect();
    if nodes.len() > named {
        parts.push(format!("{} more", nodes.len() - named));
    }
    match parts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => parts.concat(),
    }
}

/// `r` and lag of the pair that is closest; `nodes`: on how many of them a group of the same metrics moves so.
pub(super) fn correlation(
    (a, b): (&Subject, &Subject),
    (r, lag_ms): (f64, Option<i64>),
    members: &[&Subject],
    nodes: usize,
) -> String {
    let own: BTreeSet<_> = members.iter().map(|s| &s.key.node).collect();
    let is_of_one = own.len() == 1 && nodes == 1;
    let name = |s: &Subject| if is_of_one { titled(&s.title, &s.key) } else { name(s) };
    let pair = match a.key.node == b.key.node {
        true => format!("{} and {}", titled(&a.title, &a.key), name(b)),
        false => format!("{} and {}", name(a), name(b)),
    };
    let n = members.len();
    let place = match own.first() {
        _ if nodes > 1 => format!("each of {nodes} nodes"),
        Some(node) if is_of_one => node.to_string(),
        _ => format!("{} nodes", own.len()),
    };
    let same = if nodes > 1 { "The same " } else { "" };
    let against = if r < 0.0 { "against each other" } else { "together" };
    let mut text = match n {
        2 => format!("{same}2 series on {place} move {against} (r = {r:.2}): {pair}"),
        _ if r < 0.0 => {
            format!("{same}{n} series on {place} move together; closest, {against}, are {pair} (r = {r:.2})")
        }
        _ => format!("{same}{n} series on {place} move together; closest are {pair} (r = {r:.2})"),
    };
    if let Some(lag) = lag_ms {
        let (leader, follower) = if lag > 0 { (a, b) } else { (b, a) };
        text += &format!("; {} follows {} by about {}", name(follower), name(leader), duration(lag.abs()));
    }
    text
}

/// What grows or falls evenly, for how long by now, and what by.
pub(super) fn ramp(subject: &Subject, (before, now): (f64, f64), lasting_ms: i64) -> String {
    let verb = if now > before { "rising" } else { "falling" };
    let a_day = (now - before).abs() * DAY_MS as f64 / lasting_ms.max(1) as f64;
    let a_day = match subject.unit {
        Unit::Percent => format!("{} points", number(a_day)),
        unit => amount(a_day, unit),
    };
    format!(
        "{} has been {verb} evenly for {}, from about {} to {}: by {a_day} a day",
        name(subject),
        duration(lasting_ms),
        amount(before, subject.unit),
        amount(now, subject.unit),
    )
}

pub(super) fn capacity(subject: &Subject, outlook: Outlook, grid: Grid) -> String {
    let what = name(subject);
    let percent = |v: f64| amount(v, Unit::Percent);
    match outlook {
        Outlook::Full { days, earliest, latest, slope, level, since } => {
            // Hours where days would say too little.
            let (unit, size) = if days < 2.0 { ("hour", 24.0) } else { ("day", 1.0) };
            let latest = latest.filter(|l| *l < 365.0);
            let latest = latest.map_or("or later".to_owned(), |l| format!("to {}", number((size * l).ceil())));
            // What has been growing for as long as there is data needs no word of it.
            let since = since.filter(|row| 10 * row > grid.len).map_or_else(String::new, |row| {
                format!(" for {}", duration((grid.len.saturating_sub(row)) as i64 * grid.step_ms))
            });
            let when = match level < 100.0 {
                true => {
                    let about = plural((size * days).round().max(0.0), unit);
                    format!("full in about {about} ({} {latest})", number((size * earliest).floor()))
                }
                false => "full already".to_owned(),
            };
            let (slope, level) = (number(slope), percent(level));
            format!("{what} has been growing by {slope} points a day{since} and is at {level}: {when}")
        }
        Outlook::Slow { slope, level } => {
            format!("{what} is at {} and grows {} points a day: not full within 90 days", percent(level), number(slope))
        }
        Outlook::Flat { level } => format!("{what} is at {}, no trend", percent(level)),
        Outlook::Jump { level } => {
            format!("{what} jumped to {}: a jump, not a trend, so no date is given", percent(level))
        }
        Outlook::Sawtooth { peak, falls } => {
            format!(
                "{what} fills and is cleaned up again ({}), its peaks reach {}",
                plural(falls as f64, "time"),
                percent(peak)
            )
        }
        Outlook::Short { days } => {
            format!("{what}: {} of history is too short for a forecast", plural(days as f64, "day"))
        }
    }
}

/// `nodes`: on how many of how many nodes it is so; the figures are those of `subject`.
pub(super) fn compared(subject: &Subject, shift: &Shift, (nodes, of): (usize, usize)) -> String {
    let verb = if shift.now > shift.before { "higher" } else { "lower" };
    let share = 100.0 * ((shift.now - shift.before) / shift.before).abs();
    let share =
        if share.is_finite() && share < 1000.0 { format!(" ({} %)", number(share.round())) } else { String::new() };
    let place = match nodes {
        1 => format!("{} is {verb} than in the period before", name(subject)),
        _ => format!(
            "{} is {verb} than in the period before on {nodes} of {of} nodes, most on {}",
            subject.title,
            place(subject)
        ),
    };
    format!(
        "{place}: median {}, was {}{share}; 95 % below {}, was {}; on {} of {} days",
        amount(shift.now, subject.unit),
        amount(shift.before, subject.unit),
        amount(shift.p95_now, subject.unit),
        amount(shift.p95_before, subject.unit),
        shift.days,
        shift.of_days,
    )
}

/// The node, with the labels that tell its series apart.
fn place(subject: &Subject) -> String {
    titled(subject.key.node.as_str(), &subject.key)
}

/// What is judged are means over `step_ms`: single samples may lie elsewhere, so that is said.
pub(super) fn threshold(what: &str, unit: Unit, beyond: &Beyond, step_ms: i64) -> String {
    let side = match beyond.side {
        Side::Above => "at or above",
        Side::Below => "at or below",
    };
    let reach = format!("{side} {}", amount(beyond.limit, unit));
    let (by, last) = (format!("by means of {}", duration(step_ms)), amount(beyond.latest, unit));
    if beyond.until_end == beyond.filled {
        return format!("{what} was {reach} all the time {by}, the last {last}");
    }
    if beyond.until_end == beyond.count {
        return format!("{what} has been {reach} for the last {} {by}, the last {last}", duration(beyond.until_end_ms));
    }
    let all = duration(beyond.count_ms);
    let long = match beyond.is_long_in_all() {
        true => format!("for {all} in all {by}"),
        false if beyond.longest_ms == beyond.count_ms => format!("for {all} at a stretch {by}"),
        false => format!("for {} at a stretch {by} ({all} in all)", duration(beyond.longest_ms)),
    };
    match amount(beyond.furthest, unit) {
        furthest if furthest == last => format!("{what} was {reach} {long}, furthest in the last of them: {furthest}"),
        furthest => format!("{what} was {reach} {long}; the furthest was {furthest}, the last {last}"),
    }
}

/// What the history is too short for, and what was not judged.
pub(super) fn notes(judged: &Judged) -> Vec<String> {
    let Judged { span_ms, small, slight, muted, ref unjudged, .. } = *judged;
    let mut notes = Vec::new();
    let have = duration(span_ms);
    if span_ms < Cycle::Day.needs_ms() {
        notes.push(format!("{have} of history is too short for a daily rhythm (3 days) and for forecasts (5 days)"));
    } else if span_ms < 5 * DAY_MS {
        notes.push(format!("{have} of history is too short for forecasts (5 days)"));
    }
    for &(why, n) in unjudged {
        let why = match why {
            Unjudged::Empty => "no value in this range",
            Unjudged::Constant => "the same value all the time",
            Unjudged::Short => "too little history in this range (50 rows and 6 hours are needed)",
            Unjudged::Sparse => "values on too few rows (a fifth is needed)",
        };
        notes.push(format!("{n} {} not judged: {why}", series(n)));
    }
    if slight > 0 {
        let what = if slight == 1 { "lasting change" } else { "lasting changes" };
        notes.push(format!(
            "{slight} {what} of less than a twentieth of the level: not told (nodebook analyse --what changes has them)"
        ));
    }
    if small > 0 {
        let what = if small == 1 { "more odd stretch" } else { "more odd stretches" };
        notes.push(format!("{small} {what} of nodes: too small to be told one by one"));
    }
    if muted > 0 {
        notes.push(format!("{} muted by maintenance", plural(muted as f64, "finding")));
    }
    notes
}

/// What a forecast lacks.
pub(super) fn no_forecast(judged: &Judged) -> String {
    const NEEDED_MS: i64 = 5 * DAY_MS;
    let needed = "nothing could be judged for a forecast: it needs 5 days of history";
    if judged.span_ms >= NEEDED_MS {
        return format!("{needed} since the last clean-up");
    }
    let longer = match judged.known_ms {
        ms if ms >= NEEDED_MS => format!("; there are {}, a longer range tells it", duration(ms)),
        _ => String::new(),
    };
    format!("{needed}, and this range has {}{longer}", duration(judged.span_ms))
}

fn series(_count: usize) -> &'static str {
    "series" // the same in singular and plural
}

/// A series in words: title, part and node.
pub fn name(subject: &Subject) -> String {
    format!("{} on {}", titled(&subject.title, &subject.key), subject.key.node)
}

/// The same beside `another` series in one sentence, whose node is not told twice.
pub(super) fn name_beside(subject: &Subject, another: &Subject) -> String {
    match subject.key.node == another.key.node {
        true => titled(&subject.title, &subject.key),
        false => name(subject),
    }
}

/// The title with the labels that tell its series apart.
fn titled(title: &str, key: &SeriesKey) -> String {
    let labels: Vec<&str> = key.labels.iter().map(|(_, value)| value).collect();
    if labels.is_empty() { title.to_owned() } else { format!("{title} ({})", labels.join(", ")) }
}

fn plural(n: f64, word: &str) -> String {
    if n == 1.0 { format!("1 {word}") } else { format!("{} {word}s", number(n)) }
}

/// A value with its unit.
fn amount(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "nothing".to_owned();
    }
    match unit {
        Unit::Percent => format!("{} %", number(value)),
        Unit::Bytes => scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
        Unit::BytesPerSecond => scaled(value, 1024.0, &["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"]),
        Unit::PerSecond => format!("{} a second", number(value)),
        Unit::Seconds if value.abs() < 1.0 => format!("{} ms", number(value * 1000.0)),
        Unit::Seconds => format!("{} s", number(value)),
        Unit::Celsius => format!("{} °C", number(value)),
        Unit::Count | Unit::None => number(value),
    }
}

fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let (mut value, mut at) = (value, 0);
    while value.abs() >= base && at + 1 < units.len() {
        value /= base;
        at += 1;
    }
    format!("{} {}", number(value), units[at])
}

/// Three significant digits, thousands apart; very large and very small ones as powers.
fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        s if !(1e-4..1e15).contains(&s) => format!("{value:.2e}"),
        s if s >= 10_000.0 => grouped(value.round()),
        s if s >= 100.0 => format!("{value:.0}"),
        s => {
            let decimals = if s >= 10.0 {
                1
            } else if s >= 1.0 {
                2
            } else {
                3
            };
            let text = format!("{value:.decimals$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0.0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push('\u{202f}'); // narrow no-break space
        }
        text.push(digit);
    }
    text
}

/// `45 min`, `2 h 30 min`, `3 days`.
fn duration(ms: i64) -> String {
    let minutes = (ms + MINUTE_MS / 2) / MINUTE_MS;
    match ms {
        ms if ms < MINUTE_MS => format!("{} s", ms / 1000),
        ms if ms < 2 * HOUR_MS => format!("{minutes} min"),
        ms if ms < 2 * DAY_MS => match (minutes / 60, minutes % 60) {
            (h, 0) => format!("{h} h"),
            (h, m) => format!("{h} h {m} min"),
        },
        ms => match ((ms + HOUR_MS / 2) / DAY_MS, (ms + HOUR_MS / 2) % DAY_MS / HOUR_MS) {
            (d, 0) => format!("{d} days"),
            (d, h) => format!("{d} days {h} h"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::Worse;
    use crate::model::{Labels, MetricName};

    #[test]
    fn numbers_as_people_write_them() {
        let texts = [0.0, 0.00001, 0.1234, 1.5, 97.04, 123.4, 12_345.6, -7_654_321.0, 1e18].map(number);
        assert_eq!(
            texts,
            ["0", "1.00e-5", "0.123", "1.5", "97", "123", "12\u{202f}346", "-7\u{202f}654\u{202f}321", "1.00e18"]
        );
        assert_eq!(amount(3.5 * 1024.0 * 1024.0, Unit::Bytes), "3.5 MiB");
        assert_eq!(amount(0.004, Unit::Seconds), "4 ms");
        assert_eq!(amount(f64::NAN, Unit::Count), "nothing");
    }

    #[test]
    fn durations_as_people_say_them() {
        let texts =
            [30_000, 45 * MINUTE_MS, 150 * MINUTE_MS, 3 * HOUR_MS, 3 * DAY_MS, 3 * DAY_MS + 5 * HOUR_MS].map(duration);
        assert_eq!(texts, ["30 s", "45 min", "2 h 30 min", "3 h", "3 days", "3 days 5 h"]);
    }

    #[test]
    fn what_is_beyond_full_has_no_date() {
        let subject = Subject {
            key: SeriesKey {
                node: NodeName::new("db-1").unwrap(),
                metric: MetricName::new("disk_percent").unwrap(),
                labels: Labels::default(),
            },
            title: "Disk".to_owned(),
            unit: Unit::Percent,
            worse: Worse::High,
            capacity: Some(100.0),
            place: None,
            values: &[],
        };
        let grid = Grid { start: Timestamp::from_millis(0), step_ms: HOUR_MS, len: 1000 };
        let said = |level| {
            let days = (100.0 - level) / 2.0;
            let outlook = Outlook::Full { days, earliest: days, latest: Some(days), slope: 2.0, level, since: None };
            capacity(&subject, outlook, grid)
        };
        assert_eq!(
            said(80.0),
            "Disk on db-1 has been growing by 2 points a day and is at 80 %: full in about 10 days (10 to 10)"
        );
        assert_eq!(said(102.0), "Disk on db-1 has been growing by 2 points a day and is at 102 %: full already");
    }
}
