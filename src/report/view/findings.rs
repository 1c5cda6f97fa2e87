use crate::model::{NodeName, TimeRange};
use crate::query::frame::Coverage;

use crate::report::format::{capped, count, duration, share};
use crate::report::model::Model;

use super::title::at;

/// Sentences shown; the others are counted.
const SHOWN_MAX: usize = 7;
/// Below these shares of expected samples a node is told of.
const INFO_BELOW: f64 = 0.99;
const WARN_BELOW: f64 = 0.95;
const BAD_BELOW: f64 = 0.5;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Info,
    Warn,
    Bad,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Bad => "bad",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "Note",
            Severity::Warn => "Warning",
            Severity::Bad => "Problem",
        }
    }
}

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
    /// Anchor of the evidence.
    pub link: &'static str,
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
    let mut found: Vec<(Severity, f64, &Coverage)> = model
        .coverage
        .iter()
        .filter_map(|c| severity(c, model.options.range).map(|severity| (severity, c.share(), c)))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)).then_with(|| a.2.node.cmp(&b.2.node)));
    let worst = found.first().map(|f| f.0);
    let all: Vec<Finding> = found.iter().map(|(severity, _, c)| finding(model, *severity, c)).collect();
    let count_all = all.len();
    let rest: Vec<&str> = all.iter().skip(SHOWN_MAX).map(|f| f.node.as_str()).collect();
    let more = if rest.is_empty() {
        String::new()
    } else {
        format!("{} like these, of {}: see data quality.", count(rest.len(), "more finding"), capped(&rest, 5))
    };
    Findings {
        shown: all.into_iter().take(SHOWN_MAX).collect(),
        more,
        worst,
        count: count_all,
        checked: "Looked at: whether every node delivered its data. Limits, anomalies and trends are not judged by this version."
            .into(),
    }
}

fn severity(c: &Coverage, range: TimeRange) -> Option<Severity> {
    let share = c.share();
    if c.present == 0 || share < BAD_BELOW {
        Some(Severity::Bad)
    } else if share < WARN_BELOW || c.stopped_at(range).is_some() {
        Some(Severity::Warn)
    } else if share < INFO_BELOW {
        Some(Severity::Info)
    } else {
        None
    }
}

fn finding(model: &Model, severity: Severity, c: &Coverage) -> Finding {
    Finding {
        severity: severity.as_str(),
        word: severity.word(),
        kind: "coverage",
        node: c.node.to_string(),
        metric: String::new(),
        text: text(model, &c.node, c),
        link: "#quality",
    }
}

fn text(model: &Model, node: &NodeName, c: &Coverage) -> String {
    if c.present == 0 {
        return format!("{node} delivered nothing in this period.");
    }
    if let Some(since) = c.stopped_at(model.options.range) {
        let silent = model.options.range.to().millis() - since.millis();
        return format!(
            "{node} fell silent {} and stayed so for {}, to the end of the period; {} of its expected samples are there.",
            at(model.clock, since),
            duration(silent),
            share(c.share())
        );
    }
    let share = share(c.share());
    match c.gaps.first() {
        Some(gap) => format!(
            "{node} delivered {share} of its expected samples. It was silent for {}, from {}{}.",
            duration(gap.millis()),
            model.clock.moment(gap.from()),
            if c.gap_count > 1 { format!(", the longest of {} gaps", c.gap_count) } else { String::new() }
        ),
        None => format!("{node} delivered {share} of its expected samples; single ones are missing here and there."),
    }
}
