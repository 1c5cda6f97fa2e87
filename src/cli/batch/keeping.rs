//! Which files of a batch stay, and the page that lists them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::config::BatchSection;
use super::super::context::Context;
use super::super::error::CliError;
use super::super::report_file::HTML;
use super::making::place_of;
use crate::deliver::{Artifact, write_file};
use crate::net::{read_small, read_small_text};
use crate::report::{ShelfEntry, shelf_html};
use crate::store::{JobRun, Ledger};

/// Runs that are looked at, the latest.
const RUNS: u32 = 5_000;
/// Name of the page.
const SHELF: &str = "index.html";
/// Most bytes of it: an entry has some hundred.
const SHELF_BYTES_MAX: u64 = 16 << 20;
/// By this a page of ours is known: another one is not replaced.
const MARK: &str = "data-shelf";

/// Lets go of files that are not kept any more, and lists the others.
pub fn keep_shelf(ledger: &Ledger, batch: &BatchSection, context: &Context) -> Result<(), CliError> {
    let Some(output) = batch.output.as_ref().filter(|output| output.text() != "-") else { return Ok(()) };
    if let Some(keep) = batch.keep {
        let runs = ledger.history(Some(&batch.name.0), RUNS)?;
        for path in outdated(&runs, keep.get() as usize) {
            // What a ledger says may come from somebody else's file: only where this batch writes is anything of its own.
            let is_here = path.starts_with(directory_of(output.fixed_start()));
            if is_here && is_as_it_was_made(&path, &runs) && std::fs::remove_file(&path).is_ok() {
                context.terminal.detail(&format!("{}: removed {}", batch.name.0, path.display()));
            }
        }
    }
    // A page of one file that is always the same needs no list.
    if output.fixed_start() == output.text() { Ok(()) } else { write_shelf(ledger, output.fixed_start(), context) }
}

/// Files of all runs but the latest `keep`; of several reports of one run all count once.
fn outdated(runs: &[JobRun], keep: usize) -> Vec<PathBuf> {
    let with_file: Vec<(i64, &String)> =
        runs.iter().filter_map(|run| Some((run.due.millis(), run.output.as_ref()?))).collect();
    let moments: BTreeSet<i64> = with_file.iter().map(|(due, _)| *due).collect();
    let kept: BTreeSet<i64> = moments.into_iter().rev().take(keep).collect();
    // A file that a later run has written again stays.
    let needed: BTreeSet<&String> =
        with_file.iter().filter(|(due, _)| kept.contains(due)).map(|(_, path)| *path).collect();
    with_file.iter().filter(|(_, path)| !needed.contains(path)).map(|(_, path)| PathBuf::from(path)).collect()
}

/// Whether the file is what one of the runs wrote there: what somebody else has put in its place is not ours to remove.
fn is_as_it_was_made(path: &Path, runs: &[JobRun]) -> bool {
    let made = || runs.iter().filter(|run| run.output.as_deref().map(Path::new) == Some(path));
    let most = made().filter_map(|run| run.bytes).max().unwrap_or(0);
    let Ok(bytes) = read_small(path, most) else { return false };
    let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    made().any(|run| run.sha256.as_deref() == Some(&hash))
}

fn directory_of(fixed_start: &str) -> PathBuf {
    place_of(fixed_start.rsplit_once('/').map_or(".", |(directory, _)| directory))
}

fn write_shelf(ledger: &Ledger, fixed_start: &str, context: &Context) -> Result<(), CliError> {
    let directory = directory_of(fixed_start);
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for run in ledger.history(None, RUNS)? {
        let Some(output) = run.output.as_ref().map(PathBuf::from) else { continue };
        let inside = output.strip_prefix(&directory).ok().map(|path| path.to_string_lossy().into_owned());
        let Some(path) = inside.filter(|_| output.exists() && seen.insert(output.clone())) else { continue };
        entries.push(ShelfEntry {
            batch: run.job,
            part: run.part,
            range: run.range,
            path,
            bytes: run.bytes.unwrap_or(0),
        });
    }
    let place = directory.join(SHELF);
    if place.exists() && !read_small_text(&place, SHELF_BYTES_MAX).is_ok_and(|text| text.contains(MARK)) {
        let text = format!("{}: is not ours, so the reports are not listed there", place.display());
        return Err(CliError::Usage(text));
    }
    let bytes = shelf_html(&entries, context.settings.timezone, context.settings.report.language())?.into_bytes();
    Ok(write_file(&place, &Artifact { name: SHELF.to_owned(), media_type: HTML, bytes })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TimeRange, Timestamp};
    use crate::store::{Occasion, RunState};

    fn run(due: i64, output: &str) -> JobRun {
        JobRun {
            id: due,
            job: "weekly".into(),
            due: Timestamp::from_millis(due),
            part: String::new(),
            occasion: Occasion::Schedule,
            range: TimeRange::ALL,
            state: RunState::Sent,
            started: None,
            finished: None,
            took_ms: None,
            output: Some(output.into()),
            bytes: None,
            sha256: None,
            recipients: Vec::new(),
            note: None,
        }
    }

    #[test]
    fn the_latest_runs_keep_all_their_files() {
        let runs = [run(3, "c"), run(3, "c2"), run(2, "b"), run(1, "a"), run(0, "c")];
        assert_eq!(outdated(&runs, 1), [PathBuf::from("b"), PathBuf::from("a")]);
        assert_eq!(outdated(&runs, 2), [PathBuf::from("a")]);
        assert!(outdated(&runs, 9).is_empty());
    }
}
