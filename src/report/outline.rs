use crate::query::summary::Severity;

use super::model::Model;
use super::view::View;

/// What a report comes to, for those who decide whether and to whom it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its title.
    pub title: String,
    /// Its period, in words.
    pub period: String,
    /// `OK`, `Warning` or `Problem`.
    pub verdict: &'static str,
    /// The verdict in a sentence.
    pub text: String,
    /// The findings that are told, the worst first: word and sentence.
    pub findings: Vec<(&'static str, String)>,
    /// How many findings there are.
    pub count: usize,
    /// The worst of them.
    pub worst: Option<Severity>,
    /// Share of the expected samples that are there, 0 to 1.
    pub coverage: f64,
}

impl Outline {
    pub(super) fn of(model: &Model, view: &View) -> Outline {
        let (present, expected) =
            model.coverage.iter().fold((0, 0), |(p, e), c| (p + c.present.min(c.expected), e + c.expected));
        Outline {
            title: view.header.title.clone(),
            period: view.header.period.clone(),
            verdict: view.header.verdict_word,
            text: view.header.verdict_text.clone(),
            findings: view.findings.shown.iter().map(|found| (found.word, found.sentence())).collect(),
            count: view.findings.count,
            worst: view.findings.worst,
            coverage: if expected == 0 { 1.0 } else { present as f64 / expected as f64 },
        }
    }
}
