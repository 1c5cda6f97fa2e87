//! `nodebook batch`: configured reports, now or those that are due, each once.
//!
//! A run goes through the ledger in steps, each of which is in the file before the next begins ([`plan`] claims it, [`making`] makes it and writes its
//! messages down, [`sending`] sends them): a process that is killed between two of them goes on where it was.

mod history;
mod keeping;
mod making;
mod number;
mod outlet;
mod plan;
mod sending;
mod stopping;

use super::args::BatchArgs;
use super::config::BatchSection;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{print_json, print_text};
use super::schedule::next_run;
use crate::model::range::parse_moment;
use crate::store::{Durability, JobRun, Ledger, RunState, StoreError};
use making::Outcome;
use stopping::Stopping;

pub use history::{RunRow, when};
pub use making::{ATTACH_MAX, attach, parcel};
pub use outlet::{MailOutlet, Sheet, subject_of};
pub use plan::{expect_sound, run_now};

/// Runs batches, or tells of their runs.
pub fn run(args: &BatchArgs, context: &Context) -> Result<Code, CliError> {
    let now = match &args.at {
        Some(text) => parse_moment(text, context.now, context.settings.timezone)?,
        None => context.now,
    };
    let context = &Context { now, ..context.clone() };
    let batches = chosen(args, context)?;
    if args.history {
        return tell_history(args, &batches, context);
    }
    plan::expect_sound(context)?;
    if args.dry_run {
        return tell_plan(args, &batches, context);
    }
    if context.settings.source.url.is_some() && !context.db().exists() {
        // Who asks an engine has perhaps no database, but runs are to be written down.
        context.store(Durability::Full)?.close()?;
    }
    let mut ledger = match Ledger::open(context.db()) {
        // Whoever runs them makes what is due, this too.
        Err(error @ StoreError::BatchRuns { .. }) if args.due => {
            context.terminal.say(&error.to_string());
            return Ok(Code::Done);
        }
        ledger => ledger?,
    };
    let stopping = Stopping::listen().map_err(CliError::Signals)?;
    let mut done = Done::default();
    for batch in &batches {
        let claimed = if args.due {
            plan::claim_due(&mut ledger, batch, context)
        } else {
            plan::claim_now(&mut ledger, batch, context)
        };
        if let Err(error) = claimed {
            done.fail(&format!("{}: {error}", batch.name.0), error.code(), context);
        }
    }
    make_queued(&mut ledger, args, &batches, context, &stopping, &mut done)?;
    sending::send_ready(&mut ledger, context, &stopping)?;
    done.finish(&ledger, args, &batches, context)
}

/// The batches that are named, or all (with `--due`, and to be told of).
fn chosen<'c>(args: &BatchArgs, context: &'c Context) -> Result<Vec<&'c BatchSection>, CliError> {
    let all = &context.settings.batches;
    if args.names.is_empty() && !(args.due || args.history || args.dry_run) {
        return Err(CliError::Usage("say which batch, or --due for those whose time has come".to_owned()));
    }
    if args.names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |name: &String| {
        let known = || all.iter().map(|batch| batch.name.0.as_str()).collect::<Vec<_>>().join(", ");
        all.iter().find(|batch| batch.name.0 == *name).ok_or_else(|| {
            CliError::Usage(format!("no [[batch]] of the configuration is called `{name}`; there are: {}", known()))
        })
    };
    args.names.iter().map(find).collect()
}

/// Makes what is queued and has no messages yet: what was claimed now, and what a process that was killed has left.
fn make_queued(
    ledger: &mut Ledger,
    args: &BatchArgs,
    batches: &[&BatchSection],
    context: &Context,
    stopping: &Stopping,
    done: &mut Done,
) -> Result<(), CliError> {
    let is_chosen = |run: &JobRun| args.names.is_empty() || batches.iter().any(|batch| batch.name.0 == run.job);
    for run in ledger.queued()?.into_iter().filter(is_chosen) {
        done.runs.push(run.id);
        if stopping.is_wanted() || ledger.has_messages(run.id)? {
            continue;
        }
        let outcome = match context.settings.batches.iter().find(|batch| batch.name.0 == run.job) {
            Some(batch) => making::make(&run, batch, context),
            None => making::Outcome::failed("the configuration has no such batch any more".to_owned(), context),
        };
        match outcome {
            Outcome::Held(note) => {
                context.terminal.say(&format!("{}: held: {note}", run.name()));
                ledger.hold(run.id, &note)?;
            }
            Outcome::Made { made, messages, code } => {
                ledger.made(run.id, &made, &messages)?;
                done.codes.extend(code);
            }
        }
        let of = context.settings.batches.iter().find(|batch| batch.name.0 == run.job);
        if let Some(problem) = of.and_then(|batch| keeping::keep_shelf(ledger, batch, context).err()) {
            context.terminal.warn(&format!("{}: {problem}", run.job));
        }
    }
    Ok(())
}

/// What this process has come to.
#[derive(Default)]
struct Done {
    runs: Vec<i64>,
    /// Exit codes of what failed.
    codes: Vec<Code>,
    /// Whether a batch could not even be planned.
    unplanned: usize,
}

impl Done {
    fn fail(&mut self, text: &str, code: Code, context: &Context) {
        context.terminal.error(text);
        self.unplanned += 1;
        self.codes.push(code);
    }

    fn finish(
        self,
        ledger: &Ledger,
        args: &BatchArgs,
        batches: &[&BatchSection],
        context: &Context,
    ) -> Result<Code, CliError> {
        let mut runs = Vec::new();
        for id in &self.runs {
            runs.extend(ledger.run(*id)?);
        }
        for run in &runs {
            history::tell(run, context);
        }
        if args.json {
            let rows: Vec<RunRow> = runs.iter().map(RunRow::of).collect();
            print_json(&serde_json::json!({ "runs": rows }))?;
        } else if runs.is_empty() && self.unplanned == 0 {
            context.terminal.say(&nothing_due(batches, context));
        }
        let failed = runs.iter().filter(|run| run.state == RunState::Failed).count() + self.unplanned;
        // A message that waits for a server that is away: not all is where it is wanted.
        let waiting = runs.iter().filter(|run| run.state == RunState::Queued).count();
        Ok(match (failed, waiting) {
            (0, 0) => Code::Done,
            (failed, 0) if failed == runs.len() + self.unplanned => match self.codes.as_slice() {
                [first, rest @ ..] if self.codes.len() == failed && rest.iter().all(|code| code == first) => *first,
                _ => Code::Failed,
            },
            _ => Code::Partial,
        })
    }
}

/// That there is nothing to do, and until when.
fn nothing_due(batches: &[&BatchSection], context: &Context) -> String {
    let next = batches.iter().filter_map(|batch| Some((next_run(batch, context.now, context)?, &batch.name.0)));
    match next.min() {
        Some((at, name)) => format!("nothing is due: {name} is next, {}", when(at, context.settings.timezone)),
        None => "nothing is due: no [[batch]] has a schedule".to_owned(),
    }
}

fn tell_history(args: &BatchArgs, batches: &[&BatchSection], context: &Context) -> Result<Code, CliError> {
    const SHOWN: u32 = 200;
    let reader = context.reader()?;
    let mut runs = Vec::new();
    if args.names.is_empty() {
        runs = reader.job_runs(None, SHOWN)?; // of batches, too, that are not configured any more
    }
    for batch in batches.iter().filter(|_| !args.names.is_empty()) {
        runs.extend(reader.job_runs(Some(&batch.name.0), SHOWN)?);
    }
    if args.json {
        print_json(&serde_json::json!({ "runs": runs.iter().map(RunRow::of).collect::<Vec<_>>() }))?;
    } else if runs.is_empty() {
        context.terminal.say("nothing was run yet");
    } else {
        print_text(&history::table(&runs, context.settings.timezone))?;
    }
    Ok(Code::Done)
}

fn tell_plan(args: &BatchArgs, batches: &[&BatchSection], context: &Context) -> Result<Code, CliError> {
    let mut planned = Vec::new();
    for batch in batches {
        planned.extend(plan::planned(batch, args.due, context)?);
    }
    if args.json {
        print_json(&serde_json::json!({ "runs": planned }))?;
    } else if planned.is_empty() {
        context.terminal.say(&nothing_due(batches, context));
    } else {
        print_text(&plan::table(&planned, context.settings.timezone))?;
    }
    Ok(Code::Done)
}
