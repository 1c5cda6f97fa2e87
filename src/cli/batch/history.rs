//! The ledger for eyes and programs.

use chrono_tz::Tz;
use indicatif::HumanBytes;
use serde::Serialize;

use super::super::context::Context;
use super::super::output::{self, Align};
use crate::model::Timestamp;
use crate::store::{JobRun, Occasion, RunState};

/// A run as programs read it.
#[derive(Serialize)]
pub struct RunRow {
    batch: String,
    part: String,
    due: String,
    occasion: Occasion,
    from: String,
    to: String,
    state: RunState,
    started: Option<String>,
    finished: Option<String>,
    took_ms: Option<i64>,
    output: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    recipients: Vec<String>,
    note: Option<String>,
}

impl RunRow {
    /// Of a row of the ledger.
    pub fn of(run: &JobRun) -> RunRow {
        RunRow {
            batch: run.job.clone(),
            part: run.part.clone(),
            due: run.due.to_rfc3339(),
            occasion: run.occasion,
            from: run.range.from().to_rfc3339(),
            to: run.range.to().to_rfc3339(),
            state: run.state,
            started: run.started.map(|t| t.to_rfc3339()),
            finished: run.finished.map(|t| t.to_rfc3339()),
            took_ms: run.took_ms,
            output: run.output.clone(),
            bytes: run.bytes,
            sha256: run.sha256.clone(),
            recipients: run.recipients.clone(),
            note: run.note.clone(),
        }
    }
}

/// A moment in the zone of the reader, to the minute.
pub fn when(t: Timestamp, zone: Tz) -> String {
    t.to_utc().with_timezone(&zone).format("%a %Y-%m-%d %H:%M").to_string()
}

/// A line a run, the newest first.
pub fn table(runs: &[JobRun], zone: Tz) -> String {
    let left = |name| (name, Align::Left);
    let right = |name| (name, Align::Right);
    let columns = [
        left("due"),
        left("batch"),
        left("state"),
        right("took"),
        right("size"),
        left("to"),
        left("file"),
        left("note"),
    ];
    let row = |run: &JobRun| {
        let took = run.took_ms.map_or_else(String::new, |ms| format!("{:.1} s", ms as f64 / 1_000.0));
        let size = run.bytes.map_or_else(String::new, |bytes| HumanBytes(bytes).to_string());
        let to = match run.recipients.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let (file, note) = (run.output.clone().unwrap_or_default(), run.note.clone().unwrap_or_default());
        vec![when(run.due, zone), run.name(), run.state.as_str().to_owned(), took, size, to, file, note]
    };
    output::table(&columns, runs.iter().map(row))
}

/// Says what became of a run.
pub fn tell(run: &JobRun, context: &Context) {
    let terminal = &context.terminal;
    let note = run.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let name = run.name();
    match run.state {
        RunState::Failed => terminal.error(&format!("{name}{note}")),
        RunState::Queued => terminal.warn(&format!("{name}: waits{note}")),
        RunState::Missed => terminal.warn(&format!("{name}: missed{note}")),
        RunState::Skipped => terminal.say(&format!("{name}: skipped{note}")),
        RunState::Sent => {
            let file = run.output.as_ref().map(|output| format!(", wrote {output}")).unwrap_or_default();
            let to = if run.recipients.is_empty() {
                String::new()
            } else {
                format!(", sent to {}", run.recipients.join(", "))
            };
            terminal.say(&format!("{name}: done{file}{to}{note}"));
        }
    }
}
