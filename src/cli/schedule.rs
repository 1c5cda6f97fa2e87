//! `nodebook schedule`: when each batch runs next, and how its last run ended.

use serde::Serialize;

use super::args::{ScheduleArgs, ScheduleWhat};
use super::batch::when;
use super::config::BatchSection;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{Align, print_json, print_text, table};
use crate::model::Timestamp;
use crate::model::range::parse_moment;
use crate::store::{JobRun, Reader, RunState};

/// Runs that `schedule next` tells.
const NEXT_SHOWN: usize = 10;

/// A batch as programs read it.
#[derive(Serialize)]
struct Listed {
    batch: String,
    schedule: Option<String>,
    next: Option<String>,
    last: Option<String>,
    last_state: Option<RunState>,
    last_note: Option<String>,
    #[serde(skip)]
    moments: (Option<Timestamp>, Option<Timestamp>),
}

/// A run that comes.
#[derive(Serialize)]
struct Coming {
    at: String,
    batch: String,
    #[serde(skip)]
    moment: Timestamp,
}

/// Prints it.
pub fn run(args: &ScheduleArgs, context: &Context) -> Result<Code, CliError> {
    let now = match &args.at {
        Some(text) => parse_moment(text, context.now, context.settings.timezone)?,
        None => context.now,
    };
    super::batch::expect_sound(context)?;
    if context.settings.batches.is_empty() {
        context.terminal.say("the configuration has no [[batch]]");
    }
    match args.what {
        ScheduleWhat::List => list(args, now, context)?,
        ScheduleWhat::Next => next(args, now, context)?,
    }
    Ok(Code::Done)
}

/// When a batch runs next.
pub fn next_run(batch: &BatchSection, after: Timestamp, context: &Context) -> Option<Timestamp> {
    batch.schedule.as_ref()?.next(after, context.settings.timezone)
}

fn list(args: &ScheduleArgs, now: Timestamp, context: &Context) -> Result<(), CliError> {
    let reader = match context.reader() {
        Ok(reader) => Some(reader),
        Err(error) if error.code() == Code::NoData => None, // nothing was run yet
        Err(error) => return Err(error),
    };
    let batches = &context.settings.batches;
    let listed = batches.iter().map(|b| listed(b, now, reader.as_ref(), context)).collect::<Result<Vec<_>, _>>()?;
    if args.json {
        return print_json(&serde_json::json!({ "batches": listed }));
    }
    let zone = context.settings.timezone;
    let columns = ["batch", "schedule", "next run", "last run", "ended", "note"].map(|name| (name, Align::Left));
    let row = |batch: &Listed| {
        let shown = |t: Option<Timestamp>| t.map_or_else(|| "-".to_owned(), |t| when(t, zone));
        vec![
            batch.batch.clone(),
            batch.schedule.clone().unwrap_or_else(|| "by hand".to_owned()),
            shown(batch.moments.0),
            shown(batch.moments.1),
            batch.last_state.map_or("-", RunState::as_str).to_owned(),
            batch.last_note.clone().unwrap_or_default(),
        ]
    };
    if listed.is_empty() { Ok(()) } else { print_text(&table(&columns, listed.iter().map(row))) }
}

fn listed(
    batch: &BatchSection,
    now: Timestamp,
    reader: Option<&Reader>,
    context: &Context,
) -> Result<Listed, CliError> {
    let runs = reader.map_or(Ok(Vec::new()), |reader| reader.job_runs(Some(&batch.name.0), 1_000))?;
    // Of several reports of one run the worst tells.
    let due = runs.first().map(|run| run.due);
    let last: Option<&JobRun> = runs.iter().filter(|run| Some(run.due) == due).max_by_key(|run| badness(run.state));
    let next = next_run(batch, now, context);
    Ok(Listed {
        batch: batch.name.0.clone(),
        schedule: batch.schedule.as_ref().map(|schedule| schedule.text().to_owned()),
        next: next.map(|t| t.to_rfc3339()),
        last: due.map(|t| t.to_rfc3339()),
        last_state: last.map(|run| run.state),
        last_note: last.and_then(|run| run.note.clone()),
        moments: (next, due),
    })
}

fn badness(state: RunState) -> u8 {
    match state {
        RunState::Sent => 0,
        RunState::Skipped => 1,
        RunState::Missed => 2,
        RunState::Queued => 3,
        RunState::Failed => 4,
    }
}

fn next(args: &ScheduleArgs, now: Timestamp, context: &Context) -> Result<(), CliError> {
    let zone = context.settings.timezone;
    let mut coming = Vec::new();
    for batch in &context.settings.batches {
        let Some(schedule) = &batch.schedule else { continue };
        let moments = schedule.between(now, Timestamp::MAX, zone).take(NEXT_SHOWN);
        coming.extend(moments.map(|at| Coming { at: at.to_rfc3339(), batch: batch.name.0.clone(), moment: at }));
    }
    coming.sort_by_key(|run| run.moment);
    coming.truncate(NEXT_SHOWN);
    if args.json {
        return print_json(&serde_json::json!({ "runs": coming }));
    }
    let columns = [("when", Align::Left), ("batch", Align::Left)];
    let row = |run: &Coming| vec![when(run.moment, zone), run.batch.clone()];
    if coming.is_empty() { Ok(()) } else { print_text(&table(&columns, coming.iter().map(row))) }
}
