use crate::query::summary::Severity;
use crate::report::format::{duration, offset_rfc3339};
use crate::report::look::Logo;
use crate::report::model::Model;
use crate::report::section::SectionId;

use super::findings::Findings;
use super::masks::masks;

/// The head of the page.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub version: &'static str,
    pub title: String,
    /// Range as RFC 3339 with offset.
    pub from: String,
    pub to: String,
    /// Address of the logo; empty for none.
    pub logo: String,
    /// The database, where it is compared with another one: `burn.db, `.
    pub origin: String,
    pub period: String,
    /// What a page that was made to compare is compared with: `, compared with idle.db, Mon 30 Nov 2026`.
    pub compared: String,
    pub length: String,
    pub zone: String,
    pub nodes: String,
    /// What does not count or is shaded; may be empty.
    pub masks: String,
    /// `ok`, `warn` or `bad`.
    pub verdict: &'static str,
    pub verdict_word: &'static str,
    pub verdict_text: String,
}

pub(super) fn header(model: &Model, findings: &Findings) -> Header {
    let say = model.numerals();
    let range = model.options.range;
    let zone = model.options.timezone;
    let (verdict, verdict_word) = match findings.worst {
        Some(Severity::Bad) => ("bad", "Problem"),
        Some(Severity::Warn) => ("warn", "Warning"),
        _ if !model.origin.partial.is_empty() => ("warn", "Warning"),
        Some(Severity::Info) | None => ("ok", "OK"),
    };
    let (origin, compared) = compared(model);
    Header {
        version: env!("CARGO_PKG_VERSION"),
        title: title(model),
        from: offset_rfc3339(range.from(), zone),
        to: offset_rfc3339(range.to(), zone),
        logo: model.options.look.logo.as_ref().map_or_else(String::new, Logo::address),
        origin,
        period: model.clock.period(),
        compared,
        length: duration(range.millis()),
        zone: model.clock.zone(),
        nodes: say.count(model.coverage.len(), "node"),
        masks: masks(model),
        verdict,
        verdict_word,
        verdict_text: partial(model) + &verdict_text(model, findings),
    }
}

/// An answer that is known to be partial is told before everything else.
fn partial(model: &Model) -> String {
    match model.origin.partial.as_slice() {
        [] => String::new(),
        told => format!("Partial: the engine did not answer for all of its data ({}). ", told.join("; ")),
    }
}

fn title(model: &Model) -> String {
    let say = model.numerals();
    if let Some(title) = &model.options.title {
        return title.clone();
    }
    let names: Vec<&str> = model.coverage.iter().map(|c| c.node.as_str()).collect();
    match names.len() {
        0..=3 => say.capped(&names, 3),
        n => format!("Cluster of {}", say.count(n, "node")),
    }
}

/// Which two are compared, where that is what the page is for: the database, and the other one with its period.
fn compared(model: &Model) -> (String, String) {
    let Some(before) = &model.before else { return Default::default() };
    let period = model.clock.with_range(before.range).period();
    match &before.origin {
        Some(other) => (format!("{}, ", model.origin.name), format!(", compared with {other}, {period}")),
        None if model.options.sections.subject == Some(SectionId::Compare) => {
            (String::new(), format!(", compared with {period}"))
        }
        None => Default::default(),
    }
}

fn verdict_text(model: &Model, findings: &Findings) -> String {
    let say = model.numerals();
    let (present, expected) =
        model.coverage.iter().fold((0, 0), |(p, e), c| (p + c.present.min(c.expected), e + c.expected));
    let reporting = model.coverage.iter().filter(|c| c.present > 0).count();
    // Who came later, or had gone before, was not to report.
    let all = model.coverage.iter().filter(|c| c.present > 0 || c.expected > 0).count();
    let who = match (reporting, all) {
        (1, 1) => "The node reported".to_owned(),
        (2, 2) => "Both nodes reported".to_owned(),
        (r, a) if r == a => format!("All {} reported", say.count(a, "node")),
        (r, a) => format!("{r} of {} reported", say.count(a, "node")),
    };
    let complete = if expected == 0 { 1.0 } else { present as f64 / expected as f64 };
    let data = format!("{} of the expected samples are there", say.share(complete));
    let late = begins_late(model);
    match findings.shown.first() {
        None => format!("Nothing found. {who}; {data}.{late}"),
        Some(first) if findings.shown.len() == 1 => format!("{} {who}; {data}.{late}", first.text),
        Some(first) => format!("{} In all {}. {who}; {data}.{late}", first.text, findings.counts),
    }
}

/// That nobody was recorded for a good part of the period yet: what is said of all of it holds for the rest.
fn begins_late(model: &Model) -> String {
    const SHARE: i64 = 20;
    let range = model.options.range;
    let rows = model.frames.iter().flat_map(|frame| &frame.nodes);
    let first = rows.filter_map(|row| row.avg.iter().position(|value| value.is_finite())).min();
    let Some(begin) = first.map(|bucket| model.grid.time(bucket)).filter(|_| !model.options.masks.leave_out()) else {
        return String::new();
    };
    let missing_ms = begin.millis() - range.from().millis();
    if missing_ms.saturating_mul(SHARE) < range.millis() {
        return String::new();
    }
    format!(
        " The data begins {}: of the {} before nothing is recorded.",
        model.clock.moment(begin),
        duration(missing_ms)
    )
}
