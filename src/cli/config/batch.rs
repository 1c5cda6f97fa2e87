use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::values::{Size, Span};
use crate::deliver::Pattern;
use crate::model::Language;
use crate::schedule::{CatchUp, Condition, Schedule};

/// `[[batch]]`: a report that is made again and again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSection {
    /// How it is called.
    pub name: BatchName,
    /// When it runs; never by itself where nothing is said.
    pub schedule: Option<Schedule>,
    /// Period; the closed one that suits the schedule where nothing is said.
    pub range: Option<String>,
    /// Globs of nodes.
    #[serde(default)]
    pub node: Vec<String>,
    /// Globs of metrics.
    #[serde(default)]
    pub metric: Vec<String>,
    /// Label globs.
    #[serde(default)]
    pub label: Vec<String>,
    /// Title, with macros.
    pub title: Option<Pattern>,
    /// File to write, with macros; `-` for stdout. Relative to the configuration file.
    pub output: Option<Pattern>,
    /// How many runs' files stay.
    pub keep: Option<std::num::NonZeroU32>,
    /// What becomes of runs that were missed.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// One report for each of them.
    pub each: Option<Each>,
    /// Groups of nodes, by name: one report for each.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Addresses, with macros.
    #[serde(default)]
    pub to: Vec<Pattern>,
    /// One mail for all, or one for each of them.
    #[serde(default)]
    pub send: Send,
    /// Subject, with macros.
    pub subject: Option<Pattern>,
    /// What goes along with a mail.
    pub attach: Option<AttachList>,
    /// Names of `[[webhook]]`s.
    #[serde(default)]
    pub webhook: Vec<String>,
    /// Whether a report goes out.
    pub when: Option<Condition>,
    /// Share of the samples without which it is marked or held.
    pub min_coverage: Option<Share>,
    /// How long after its moment a report waits for its data, before it goes out marked.
    pub hold: Option<Span>,
    /// Size of the page.
    pub max_size: Option<Size>,
    /// With what is odd, changed, related and running full.
    pub analyse: Option<bool>,
    /// With charts to zoom, or without any script.
    pub interactive: Option<bool>,
    /// Language of numbers and dates, where it is not that of `[report]`.
    #[serde(default, deserialize_with = "super::report::language")]
    pub language: Option<Language>,
}

/// A name that is good in a file name, a mail header and a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchName(pub String);

/// What a batch makes one report for each of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Its nodes.
    Node,
}

/// How a mail to several is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Send {
    /// One mail; nobody sees the others' addresses.
    #[default]
    Bcc,
    /// One mail each.
    Each,
}

/// What goes along with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// The report.
    Html,
    /// The report on paper.
    Pdf,
    /// The report in a ZIP archive: for gateways that stop `.html`.
    Zip,
    /// The samples, by the hour where there are many.
    CsvGz,
}

/// What goes along with a mail, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachList(pub Vec<Attach>);

/// A share, 0 to 1, written as `0.95` or `"95%"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl BatchName {
    /// From text.
    pub fn parse(text: &str) -> Result<BatchName, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty() || text.len() > 60 || !text.chars().all(is_plain) || text.starts_with(['.', '-']) {
            return Err(format!(
                "`{text}` is not a name: letters, digits, `.`, `_` and `-`, at most 60, and no `.` or `-` at its start"
            ));
        }
        Ok(BatchName(text.to_owned()))
    }
}

impl Share {
    /// From a number or text.
    pub fn parse(text: &str) -> Result<Share, String> {
        let number = match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
            None => text.trim().parse(),
        };
        match number {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Share(share)),
            _ => Err(format!("`{text}` is not a share: give 0.95 or \"95%\"")),
        }
    }
}

impl BatchSection {
    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> BatchSection {
        self.output = self.output.map(|output| match output.text() {
            "-" => output,
            text => {
                let joined = directory.join(text).to_string_lossy().into_owned();
                joined.parse().unwrap_or(output)
            }
        });
        self
    }

    /// What goes along with its mails.
    pub fn attachments(&self) -> &[Attach] {
        self.attach.as_ref().map_or(&[Attach::Html], |list| &list.0)
    }
}

/// `[[webhook]]`: where a summary is posted to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// How batches call it.
    pub name: BatchName,
    /// Its address in a file that is its owner's alone: addresses of chats are secrets.
    pub url_file: PathBuf,
    /// What it understands.
    #[serde(default)]
    pub shape: crate::deliver::WebhookShape,
    /// An authority beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl WebhookSection {
    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> WebhookSection {
        self.url_file = directory.join(&self.url_file);
        self.ca_file = self.ca_file.map(|file| directory.join(file));
        self
    }
}
