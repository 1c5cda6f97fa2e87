//! What changed most against the other period.

use std::collections::BTreeSet;

use crate::analyse::{Finding, FindingKind};
use crate::model::NodeName;
use crate::model::catalogue::Worse;
use crate::query::frame::{Coverage, Frame};
use crate::query::summary::{Finding as Found, Severity};

use crate::report::format::{NBSP, NONE, Numerals};
use crate::report::model::{Before, Change, Model, Slices, changes};
use crate::report::options::Compare;
use crate::report::section::SectionId;

use super::Table;
use super::behind::period;
use super::change::delta;
use super::sql::query_of_periods;

/// Sentences shown; the others are counted.
const SHOWN_MAX: usize = 10;
/// Sentences on what differs much by its mean, but not steadily.
const UNSTEADY_MAX: usize = 3;
/// The least share of the larger mean that is much there: it has doubled, or halved.
const UNSTEADY_SHARE: f64 = 0.5;
/// Rows of the table.
const ROWS_MAX: usize = 20;
/// Names of nodes in a sentence.
const NAMES_MAX: usize = 5;

/// The section.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// What is compared with what, and how complete that is.
    pub lead: String,
    /// Nodes that are in one period only; empty for none.
    pub nodes: String,
    pub shown: Vec<Told>,
    /// How many are not shown, in words; empty for none.
    pub more: String,
    pub rule: String,
    pub table: Table,
}

/// One change in a sentence: of a node, or of all nodes whose metric changed the same way.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// `warn` for what got worse, `ok` for what got better, `info`.
    pub class: &'static str,
    pub word: &'static str,
    pub node: String,
    pub metric: String,
    pub text: String,
    /// Anchor of the chart; empty where it is not in the page.
    pub link: String,
    /// The query that gives its figures again.
    pub sql: String,
}

pub(super) fn comparison(model: &Model) -> Option<Comparison> {
    let say = model.numerals();
    let before = model.before.as_ref()?;
    let all = changes(model, before);
    let groups = grouped(&all);
    let unsteady = unsteady(model, &all).into_iter().map(|(change, text)| Told {
        class: "info",
        word: "Not steady",
        text: format!("{text}."),
        ..told(model, &[change])
    });
    let more = match groups.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        hidden => {
            format!("{} are not listed; the table and the charts have them.", say.count(hidden, "smaller change"))
        }
    };
    Some(Comparison {
        lead: lead(model, before, &all),
        nodes: nodes(model.numerals(), &model.coverage, &before.coverage),
        shown: groups.iter().take(SHOWN_MAX).map(|group| told(model, group)).chain(unsteady).collect(),
        more,
        rule: rule(&all),
        table: table(model, &all),
    })
}

/// Changes of one metric into one direction together, in the order of the largest of each.
fn grouped(all: &[Change]) -> Vec<Vec<&Change>> {
    alike(all.iter().filter(|c| c.told.is_some()))
}

fn alike<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<Vec<&'a Change>> {
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    let rose = |c: &Change| c.told.map_or(c.difference() > 0.0, |shift| shift.now > shift.before);
    for change in changes {
        let alike = |group: &&mut Vec<&Change>| {
            group.first().is_some_and(|first| first.metric == change.metric && rose(first) == rose(change))
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// The largest of what differs much by its mean, but in bursts or one part of the time only; without full stops.
pub(crate) fn unsteady<'a>(model: &Model, all: &'a [Change]) -> Vec<(&'a Change, String)> {
    let is_much = |c: &&Change| c.told.is_none() && c.is_worth(UNSTEADY_SHARE);
    let told = |group: Vec<&'a Change>| {
        let (change, say) = (group[0], model.numerals());
        let frame = &model.frames[change.metric];
        let (unit, then, now) = (frame.shown.unit, change.before, change.now);
        let text = format!(
            "{}{}: mean {}, was {} ({}); 95{NBSP}% below {}, was {}; not all along, and so not told as a steady change",
            frame.shown.title,
            where_(say, frame, &group),
            say.value(unit, now.avg),
            say.value(unit, then.avg),
            delta(say, unit, then.avg, now.avg),
            say.value(unit, now.p95),
            say.value(unit, then.p95),
        );
        (change, text)
    };
    alike(all.iter().filter(is_much)).into_iter().take(UNSTEADY_MAX).map(told).collect()
}

fn lead(model: &Model, before: &Before, all: &[Change]) -> String {
    let say = model.numerals();
    let complete = match before.share() {
        complete if complete < 1.0 => format!(", of which {} of the expected samples are there", say.share(complete)),
        _ => String::new(),
    };
    let told = all.iter().filter(|c| c.told.is_some()).count();
    let found = match told {
        0 => "none of them changed much and steadily".to_owned(),
        n if n == all.len() => "all of them changed much and steadily".to_owned(),
        n => format!("{} changed much and steadily", say.plain(n as f64)),
    };
    let lines = say.count(all.len(), "line");
    let rhythm = if is_at_other_times(model, before) {
        " It lies at other times of day: what goes by the day shows as a change."
    } else {
        ""
    };
    format!("Compared with {}{complete}: of {lines}, {found}.{rhythm}", period(model, before))
}

/// Whether two periods of hours do not show the same hours.
fn is_at_other_times(model: &Model, before: &Before) -> bool {
    const HOUR_MS: i64 = 3_600_000;
    let apart = before.shift_ms.rem_euclid(24 * HOUR_MS);
    let apart = apart.min(24 * HOUR_MS - apart);
    model.options.range.millis() >= 3 * HOUR_MS && before.origin.is_none() && apart > HOUR_MS
}

/// Nodes that came and nodes that went.
pub(crate) fn nodes(say: Numerals, now: &[Coverage], before: &[Coverage]) -> String {
    let only = |these: &[Coverage], those: &[Coverage]| -> Vec<String> {
        let has = |c: &Coverage| those.iter().any(|other| other.node == c.node && other.present > 0);
        these.iter().filter(|c| c.present > 0 && !has(c)).map(|c| c.node.to_string()).collect()
    };
    let (new, gone) = (only(now, before), only(before, now));
    let mut words = Vec::new();
    if !new.is_empty() {
        words.push(format!("New since then: {}.", say.capped(&new, NAMES_MAX)));
    }
    if !gone.is_empty() {
        words.push(format!("Not there any more: {}.", say.capped(&gone, NAMES_MAX)));
    }
    words.join(" ")
}

/// What changed as statements among the other findings, in the words of this section; not what they have told by then: what fills, and what has changed in the period.
pub(super) struct Changed {
    pub plain: Found,
    /// Anchor of the chart, or of this section.
    pub link: String,
    pub sql: String,
}

pub(super) fn changed(model: &Model) -> Vec<Changed> {
    let Some(before) = model.before.as_ref() else { return Vec::new() };
    if !model.options.kinds.contains(&FindingKind::Compare) {
        return Vec::new();
    }
    let mut all = changes(model, before);
    let explained = model.examined.findings.all.iter().flat_map(Finding::explains);
    let explained: BTreeSet<(&NodeName, usize)> =
        explained.filter_map(|key| Some((&key.node, model.frame_of(key)?.0))).collect();
    all.retain(|change| !explained.contains(&(&change.node, change.metric)));
    let than = match model.options.compare {
        Compare::Range(_) => " than in the period compared with",
        _ => " than in the period before",
    };
    let statement = |group: Vec<&Change>| {
        let change = group[0];
        let shift = change.told?;
        let shown = &model.frames[change.metric].shown;
        let is_worse = change.is_worse(shown.worse) == Some(true);
        let link = told(model, &group).link;
        Some(Changed {
            plain: Found {
                kind: FindingKind::Compare.as_str(),
                severity: if is_worse && shift.is_large() { Severity::Warn } else { Severity::Info },
                node: Some(change.node.to_string()),
                metric: Some(shown.name.clone()),
                from: model.options.range.from().to_rfc3339(),
                to: model.options.range.to().to_rfc3339(),
                text: sentence(model.numerals(), &model.frames[change.metric], &group, than),
                value: shift.now,
                expected: shift.before,
                unit: shown.unit.as_str().to_owned(),
            },
            link: if link.is_empty() { "#compare".to_owned() } else { link },
            sql: query_of_periods(model, before, change),
        })
    };
    let mut groups = grouped(&all);
    // What is plainly worse comes before what is only different.
    groups.sort_by_key(|group| group[0].is_worse(model.frames[group[0].metric].shown.worse) != Some(true));
    groups.into_iter().take(SHOWN_MAX).filter_map(statement).collect()
}

fn told(model: &Model, group: &[&Change]) -> Told {
    let change = group[0];
    let frame = &model.frames[change.metric];
    let is_shown = model.options.sections.have(SectionId::of_charts(frame.shown.section));
    let (class, word) = match change.is_worse(frame.shown.worse) {
        Some(true) => ("warn", "Worse"),
        Some(false) => ("ok", "Better"),
        None => ("info", "Changed"),
    };
    Told {
        class,
        word,
        node: change.node.to_string(),
        metric: frame.shown.name.clone(),
        text: format!("{}.", sentence(model.numerals(), frame, group, "")),
        link: if is_shown { format!("#chart-line-{}", change.metric) } else { String::new() },
        sql: model.before.as_ref().map_or_else(String::new, |before| query_of_periods(model, before, change)),
    }
}

/// `CPU busy is higher on 3 of 12 nodes, most on db-2: median 31 %, was 24 % (▲ 29 %); 95 % below 60 %, was 50 %; on 7 of 7 days`.
fn sentence(say: Numerals, frame: &Frame, group: &[&Change], than: &str) -> String {
    let change = group[0];
    let Some(shift) = change.told else { return String::new() };
    let unit = frame.shown.unit;
    let rose = if shift.now > shift.before { "higher" } else { "lower" };
    format!(
        "{} is {rose}{than}{}: median {}, was {} ({}); 95{NBSP}% below {}, was {}; {}",
        frame.shown.title,
        where_(say, frame, group),
        say.value(unit, shift.now),
        say.value(unit, shift.before),
        delta(say, unit, shift.before, shift.now),
        say.value(unit, shift.p95_now),
        say.value(unit, shift.p95_before),
        steadiness(change),
    )
}

/// ` on db-2`, ` on 3 of 12 nodes, most on db-2`.
fn where_(say: Numerals, frame: &Frame, group: &[&Change]) -> String {
    let whom = place(group[0]);
    match group.len() {
        1 => format!(" on {whom}"),
        n => format!(" on {} of {}, most on {whom}", say.plain(n as f64), rows(say, frame, group[0])),
    }
}

fn rows(say: Numerals, frame: &Frame, change: &Change) -> String {
    if change.part.is_empty() { say.count(frame.nodes.len(), "node") } else { say.count(frame.parts.len(), "part") }
}

/// The node, with its part where it is of one.
fn place(change: &Change) -> String {
    if change.part.is_empty() { change.node.to_string() } else { format!("{} ({})", change.node, change.part) }
}

/// `on 7 of 7 days`.
fn steadiness(change: &Change) -> String {
    let Some(shift) = change.told else { return NONE.to_owned() };
    match change.slices {
        Slices::Days => format!("on {} of {} days", shift.days, shift.of_days),
        Slices::Stretches => format!("in {} of {} stretches", shift.days, shift.of_days),
    }
}

fn rule(all: &[Change]) -> String {
    let slices = match all.first().map(|c| c.slices) {
        Some(Slices::Days) => {
            "every day against the same hours of the week before, and of one sign on five of seven days or more"
        }
        _ => "in up to 12 stretches from the start on, and of one sign in five of six of them or more",
    };
    format!(
        "Told is what changed by a tenth or more, by more than it varies by itself, judged {slices}. \
         The table has means and quantiles of both whole periods, the largest change first; {NONE} is not large, or not steady."
    )
}

fn table(model: &Model, all: &[Change]) -> Table {
    let say = model.numerals();
    let hidden = all.len().saturating_sub(ROWS_MAX);
    Table {
        caption: "What changed most, in numbers".to_owned(),
        head: vec!["Metric", "Node", "Mean before", "Mean", "Change", "95 % below, before", "95 % below", "Steady"],
        rows: all
            .iter()
            .take(ROWS_MAX)
            .map(|change| cells(model, change, &model.frames[change.metric].shown.title))
            .collect(),
        note: if hidden > 0 { format!("Not listed: {}.", say.count(hidden, "smaller change")) } else { String::new() },
    }
}

/// A row of the table under a name of the metric.
pub(crate) fn cells(model: &Model, change: &Change, name: &str) -> Vec<String> {
    let say = model.numerals();
    let unit = model.frames[change.metric].shown.unit;
    let (then, now) = (change.before, change.now);
    vec![
        name.to_owned(),
        place(change),
        say.value(unit, then.avg),
        say.value(unit, now.avg),
        delta(say, unit, then.avg, now.avg),
        say.value(unit, then.p95),
        say.value(unit, now.p95),
        steadiness(change),
    ]
}

/// The sentence of one change by itself, without a full stop, and whether it got worse.
pub(crate) fn alone(model: &Model, change: &Change) -> (String, bool) {
    let frame = &model.frames[change.metric];
    (
        sentence(model.numerals(), frame, &[change], ""),
        frame.shown.worse != Worse::Neither && change.is_worse(frame.shown.worse) == Some(true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{before, cluster};

    #[test]
    fn alike_changes_are_one_sentence() {
        let mut model = cluster(12, 336, 1_800_000);
        model.frames.retain(|f| matches!(f.shown.name.as_str(), "cpu_percent" | "partition_count"));
        model.before = Some(before(&model, 0.6));
        let found = comparison(&model).unwrap();
        assert_eq!(found.shown.len(), 2, "{:?}", found.shown);
        let cpu = found.shown.iter().find(|t| t.metric == "cpu_percent").unwrap();
        assert_eq!((cpu.class, cpu.word), ("warn", "Worse"));
        let text = cpu.text.replace(NBSP, " ");
        assert!(text.starts_with("CPU busy is higher on 12 of 12 nodes, most on "), "{text}");
        assert!(text.ends_with("on 7 of 7 days."), "{text}");
        assert!(found.lead.ends_with("of 24 lines, all of them changed much and steadily."), "{}", found.lead);
        assert_eq!(found.table.rows.len(), ROWS_MAX);
    }

    /// A test that wrote twenty times as much, in bursts, was a dash in a table.
    #[test]
    fn what_differs_much_in_bursts_is_told_below_what_is_steady() {
        let mut model = cluster(12, 336, 1_800_000);
        model.frames.retain(|f| matches!(f.shown.name.as_str(), "cpu_percent" | "disk_read_bytes_per_second"));
        let mut then = before(&model, 1.0);
        let burst = model.frames.iter().position(|f| f.shown.name == "disk_read_bytes_per_second").unwrap();
        then.frames[burst].as_mut().unwrap().nodes[2].stats.avg /= 20.0;
        then.frames[1 - burst].as_mut().unwrap().nodes[2].stats.avg /= 1.2;
        model.before = Some(then);
        let found = comparison(&model).unwrap();
        assert_eq!(found.shown.len(), 1, "{:?}", found.shown);
        assert_eq!((found.shown[0].class, found.shown[0].word), ("info", "Not steady"));
        let text = found.shown[0].text.replace(NBSP, " ");
        assert!(text.contains(": mean ") && text.contains("▲ 1,900 %"), "{text}");
        assert!(text.ends_with("; not all along, and so not told as a steady change."), "{text}");
        assert!(found.rule.ends_with("– is not large, or not steady."), "{}", found.rule);
    }

    #[test]
    fn nodes_that_came_and_went_are_named() {
        let model = cluster(3, 10, 60_000);
        let mut then = model.coverage.clone();
        then[0].node = crate::model::NodeName::new("old-1").unwrap();
        then[1].present = 0;
        assert_eq!(
            nodes(Numerals::default(), &model.coverage, &then),
            "New since then: db-01 and queue-01. Not there any more: old-1."
        );
        assert_eq!(nodes(Numerals::default(), &model.coverage, &model.coverage), "");
    }
}
