use crate::query::summary::{Finding as Found, Severity, coverage_findings};

use crate::report::format::{capped, count, list};
use crate::report::model::Model;
use crate::report::section::SectionId;

use super::limits::{limit_findings, limits_in_words};

/// Sentences shown; the others are counted.
const SHOWN_MAX: usize = 7;
/// Sentences shown of one kind, metric and severity: ten full disks must not hide that a node is silent.
const ALIKE_MAX: usize = 3;

/// One sentence with its evidence.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub severity: &'static str,
    pub word: &'static str,
    pub kind: &'static str,
    pub node: String,
    /// Empty where it is of no single metric.
    pub metric: String,
    pub text: String,
    /// Anchor of the evidence, and what it is; empty where the page does not have it.
    pub link: String,
    pub link_text: &'static str,
}

/// All findings, worst first.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    pub shown: Vec<Finding>,
    /// How many are not shown, in words; empty for none.
    pub more: String,
    pub worst: Option<Severity>,
    pub count: usize,
    /// What was looked at.
    pub checked: String,
}

pub(super) fn findings(model: &Model) -> Findings {
    let mut all = coverage_findings(&model.coverage, model.options.range, &|t| model.clock.moment(t));
    all.extend(limit_findings(model));
    // Stable: of equals, silent nodes come first, then metrics in the order of the report, each with its worst node first.
    all.sort_by_key(|found| std::cmp::Reverse(found.severity));
    let (shown, hidden) = choose(&all);
    let limits = limits_in_words(model);
    let limits = if limits.is_empty() { String::new() } else { format!(", and these limits: {}", list(&limits)) };
    Findings {
        more: more(&hidden),
        worst: all.first().map(|found| found.severity),
        count: all.len(),
        shown: shown.into_iter().map(|found| finding(model, found)).collect(),
        checked: format!(
            "Looked at: whether every node delivered its data{limits}. Anomalies and trends are not looked for here; the command “nodebook analyse” does that."
        ),
    }
}

/// The first few, and those that are left out.
fn choose(all: &[Found]) -> (Vec<&Found>, Vec<&Found>) {
    let alike = |a: &Found, b: &Found| a.kind == b.kind && a.metric == b.metric && a.severity == b.severity;
    let mut shown: Vec<&Found> = Vec::new();
    let mut hidden = Vec::new();
    for found in all {
        let same = shown.iter().filter(|s| alike(s, found)).count();
        if shown.len() < SHOWN_MAX && same < ALIKE_MAX { shown.push(found) } else { hidden.push(found) }
    }
    (shown, hidden)
}

fn more(hidden: &[&Found]) -> String {
    if hidden.is_empty() {
        return String::new();
    }
    let mut nodes: Vec<&str> = hidden.iter().filter_map(|found| found.node.as_deref()).collect();
    nodes.dedup();
    let verb = if hidden.len() == 1 { "is" } else { "are" };
    let of = if nodes.is_empty() { String::new() } else { format!(", of {}", capped(&nodes, 5)) };
    format!("{} like these {verb} not listed{of}.", count(hidden.len(), "more finding"))
}

fn finding(model: &Model, found: &Found) -> Finding {
    let metric = found.metric.clone().unwrap_or_default();
    let chart = model.frames.iter().enumerate().find(|(_, f)| f.shown.name == metric);
    let (home, link, link_text) = match chart {
        Some((index, frame)) => (SectionId::of_charts(frame.shown.section), format!("#chart-line-{index}"), "Chart"),
        None => (SectionId::Quality, "#quality".to_owned(), "Data quality"),
    };
    let link = if model.options.sections.have(home) { link } else { String::new() };
    Finding {
        severity: match found.severity {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Bad => "bad",
        },
        word: match found.severity {
            Severity::Info => "Note",
            Severity::Warn => "Warning",
            Severity::Bad => "Problem",
        },
        kind: found.kind,
        node: found.node.clone().unwrap_or_default(),
        metric,
        text: format!("{}.", found.text),
        link,
        link_text,
    }
}
