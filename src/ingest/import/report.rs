//! What an import did.

use std::collections::HashSet;
use std::fmt::Write;

use serde::Serialize;

use super::{NodeNames, Reason};
use crate::ingest::limits::REJECTIONS_NAMED;
use crate::model::{NodeName, SeriesId, Timestamp};
use crate::store::WriteCounts;

/// A rejected line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// File name as given, `-` for stdin.
    pub file: String,
    /// Line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// What is wrong and what was expected: one line without control characters.
    pub reason: String,
}

/// What an import did: `import --json` prints exactly this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Files read (also in part).
    pub files: u64,
    /// Well-formed samples read = stored + duplicates + replaced.
    pub samples: u64,
    /// New.
    pub stored: u64,
    /// There already with the same value.
    pub duplicates: u64,
    /// There already with another value: the new one won.
    pub replaced: u64,
    /// Lines, samples and files refused.
    pub rejected: u64,
    /// Distinct series met.
    pub series: u64,
    /// Distinct nodes met.
    pub nodes: u64,
    /// Earliest sample, RFC 3339 UTC.
    pub from: Option<String>,
    /// Latest sample, RFC 3339 UTC.
    pub to: Option<String>,
    /// Events read. Not part of the JSON.
    #[serde(skip)]
    pub events: u64,
    /// The first 20 rejections.
    pub errors: Vec<Rejection>,
    /// What a person should know of how files were read: `FILE: what was guessed or left out`. Not part of the JSON.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Files nothing was taken of: missing, of no known format, or with a bad line under `--strict`. Not part of the JSON.
    #[serde(skip)]
    pub files_refused: u64,
}

/// How an import ended, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was taken: exit 0.
    Complete,
    /// Something was refused, other things were taken: exit 3.
    Partial,
    /// Nothing was taken, whether something was refused or there was nothing: exit 1.
    Failed,
}

impl ImportReport {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        match (self.rejected, self.samples + self.events) {
            (_, 0) => Outcome::Failed,
            (0, _) => Outcome::Complete,
            _ => Outcome::Partial,
        }
    }
}

/// What was seen of one file.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) file: &'a str,
    pub(super) series: HashSet<SeriesId>,
    pub(super) nodes: HashSet<NodeName>,
    pub(super) events: u64,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    refused: u64,
    /// Refusals that are of a whole line or more: under `--strict` they refuse the file.
    lines_refused: u64,
    /// Whether nothing of the file could be read.
    unreadable: bool,
    errors: Vec<Rejection>,
    notes: Vec<String>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Seen {
            file,
            series: HashSet::new(),
            nodes: HashSet::new(),
            events: 0,
            from: Timestamp::MAX,
            to: Timestamp::MIN,
            refused: 0,
            lines_refused: 0,
            unreadable: false,
            errors: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        self.notes.push(format!("{}: {text}", self.file));
    }

    pub(super) fn sample(&mut self, ts: Timestamp) {
        self.from = self.from.min(ts);
        self.to = self.to.max(ts);
    }

    pub(super) fn refuse(&mut self, line: u64, reason: &Reason<'_>) {
        self.refused += 1;
        self.lines_refused += u64::from(!reason.spares_the_file());
        self.unreadable |= reason.refuses_the_input();
        if self.errors.len() < REJECTIONS_NAMED {
            self.errors.push(Rejection { file: self.file.to_owned(), line, reason: one_line(reason) });
        }
    }

    /// Whether a strict import takes nothing of the file.
    pub(super) fn is_refused(&self) -> bool {
        self.lines_refused > 0
    }

    /// Whether nothing of the file could be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }
}

/// What was seen of all files.
#[derive(Debug, Default)]
pub(super) struct Tally {
    report: ImportReport,
    series: HashSet<SeriesId>,
    nodes: HashSet<NodeName>,
    span: Option<(Timestamp, Timestamp)>,
    pub(super) names: NodeNames,
}

impl Tally {
    pub(super) fn new(names: NodeNames) -> Tally {
        Tally { names, ..Tally::default() }
    }

    /// A file that was read, and what the store did with its samples.
    pub(super) fn take(&mut self, seen: Seen<'_>, counts: WriteCounts) {
        let report = &mut self.report;
        report.files += 1;
        report.events += seen.events;
        report.samples += counts.stored + counts.duplicates + counts.replaced;
        report.stored += counts.stored;
        report.duplicates += counts.duplicates;
        report.replaced += counts.replaced;
        self.series.extend(&seen.series);
        self.nodes.extend(seen.nodes.iter().cloned());
        if seen.from <= seen.to {
            let (from, to) = self.span.unwrap_or((seen.from, seen.to));
            self.span = Some((from.min(seen.from), to.max(seen.to)));
        }
        report.notes.extend_from_slice(&seen.notes);
        self.refusals(seen);
    }

    /// A file nothing was taken of, for what was seen of it.
    pub(super) fn refuse_strictly(&mut self, seen: Seen<'_>) {
        self.report.files_refused += 1;
        self.refusals(seen);
    }

    /// A file that cannot be opened.
    pub(super) fn refuse_file(&mut self, file: &str, reason: &Reason<'_>) {
        let mut seen = Seen::new(file);
        seen.refuse(0, reason);
        self.refuse_strictly(seen);
    }

    fn refusals(&mut self, seen: Seen<'_>) {
        self.report.rejected += seen.refused;
        let room = REJECTIONS_NAMED - self.report.errors.len();
        self.report.errors.extend(seen.errors.into_iter().take(room));
    }

    pub(super) fn into_report(mut self) -> ImportReport {
        self.report.notes.extend(self.names.notes());
        ImportReport {
            series: self.series.len() as u64,
            nodes: self.nodes.len() as u64,
            from: self.span.map(|(from, _)| from.to_rfc3339()),
            to: self.span.map(|(_, to)| to.to_rfc3339()),
            ..self.report
        }
    }
}

/// Longest reason in characters; reasons quote names of up to some hundred bytes.
const REASON_CHARS_MAX: usize = 300;

/// Reasons may hold names and words of other libraries: no control character of them reaches a terminal.
fn one_line(reason: &Reason<'_>) -> String {
    let mut line = String::new();
    let text = reason.to_string();
    for c in text.chars().take(REASON_CHARS_MAX) {
        if c.is_control() {
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    if text.chars().nth(REASON_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_exactly_the_promised_keys() {
        let mut tally = Tally::default();
        tally.refuse_file("a", &Reason::Input("is a directory\u{1b}".into()));
        let report = tally.into_report();
        assert_eq!(report.outcome(), Outcome::Failed);
        insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"files":0,"samples":0,"stored":0,"duplicates":0,"replaced":0,"rejected":1,"series":0,"nodes":0,"from":null,"to":null,"errors":[{"file":"a","line":0,"reason":"is a directory\\u{1b}"}]}"#);
    }

    #[test]
    fn the_outcome_tells_the_exit_code() {
        let report = |samples, rejected| ImportReport { files: 1, samples, rejected, ..ImportReport::default() };
        assert_eq!(report(0, 0).outcome(), Outcome::Failed, "an empty file");
        assert_eq!(report(1, 0).outcome(), Outcome::Complete);
        assert_eq!(report(1, 5).outcome(), Outcome::Partial);
        assert_eq!(report(0, 1).outcome(), Outcome::Failed);
    }

    #[test]
    fn only_the_first_refusals_are_named() {
        let mut tally = Tally::default();
        for file in ["a", "b"] {
            let mut seen = Seen::new(file);
            (1..=15).for_each(|line| seen.refuse(line, &Reason::AfterEof));
            tally.take(seen, WriteCounts::default());
        }
        let report = tally.into_report();
        assert_eq!((report.rejected, report.errors.len()), (30, 20));
        assert_eq!((report.errors[19].file.as_str(), report.errors[19].line), ("b", 5));
    }
}
