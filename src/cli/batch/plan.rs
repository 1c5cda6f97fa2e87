//! What is to be run: moments, parts and the time they tell of.

use chrono_tz::Tz;
use serde::Serialize;

use super::super::config::{BatchSection, Each};
use super::super::context::Context;
use super::super::error::{CliError, Code};
use super::super::output::{self, Align};
use super::history::when;
use super::outlet::MailOutlet;
use crate::model::range::parse_period;
use crate::model::{Selector, TimeRange, Timestamp};
use crate::schedule::{Due, Fate, due};
use crate::store::{JobRun, Ledger, NewRun, Occasion, RunState};

/// Most reports of one run.
const PARTS_MAX: usize = 1_000;

/// A run that would be made.
#[derive(Serialize)]
pub struct Planned {
    batch: String,
    part: String,
    due: String,
    from: String,
    to: String,
    /// `run` or `missed`.
    fate: &'static str,
    #[serde(skip)]
    at: Timestamp,
    #[serde(skip)]
    range: TimeRange,
}

/// What is wrong with the batches of the configuration, whichever of them are run.
pub fn expect_sound(context: &Context) -> Result<(), CliError> {
    let batches = &context.settings.batches;
    for (i, batch) in batches.iter().enumerate() {
        let name = &batch.name.0;
        let wrong = |what: &str| Err(CliError::Usage(format!("[[batch]] {name}: {what}")));
        if batches[..i].iter().any(|other| other.name == batch.name) {
            return wrong("there are two of this name");
        }
        if batch.each.is_some() && !batch.groups.is_empty() {
            return wrong("`each` and `groups` both say what it is split by: give one");
        }
        if batch.to.is_empty() && batch.output.is_none() && batch.webhook.is_empty() {
            return wrong("goes nowhere: give `output`, `to` or `webhook`");
        }
        let is_split = batch.each.is_some() || !batch.groups.is_empty();
        let tells_parts =
            |output: &crate::deliver::Pattern| output.has("part") || output.has("node") || output.text() == "-";
        if is_split && batch.output.as_ref().is_some_and(|output| !tells_parts(output)) {
            return wrong("makes several reports, which `output` has to tell apart by {part}");
        }
        let hooks = &context.settings.webhooks;
        if let Some(unknown) = batch.webhook.iter().find(|hook| !hooks.iter().any(|known| known.name.0 == **hook)) {
            return wrong(&format!("there is no [[webhook]] called `{unknown}`"));
        }
        if !batch.to.is_empty() {
            MailOutlet::expect_sound(context)?;
        }
        range_of(batch, context.now, context.settings.timezone)?;
        Selector::parse(&batch.node, &batch.metric, &batch.label)?;
    }
    Ok(())
}

/// The time that a run of this moment tells of.
fn range_of(batch: &BatchSection, at: Timestamp, zone: Tz) -> Result<TimeRange, CliError> {
    let by_schedule = batch.schedule.as_ref().map_or("yesterday", |schedule| schedule.period());
    Ok(parse_period(batch.range.as_deref().unwrap_or(by_schedule), at, zone)?)
}

/// One report, or one for each node or group.
fn parts(batch: &BatchSection, context: &Context) -> Result<Vec<String>, CliError> {
    if !batch.groups.is_empty() {
        return Ok(batch.groups.keys().cloned().collect());
    }
    match batch.each {
        None => Ok(vec![String::new()]),
        Some(Each::Node) => {
            let selector = Selector::parse(&batch.node, &batch.metric, &batch.label)?;
            let series = context.asked()?.as_source().series(&selector)?;
            let mut nodes: Vec<String> = series.iter().map(|series| series.key.node.to_string()).collect();
            nodes.dedup();
            match nodes.len() {
                0 => Err(CliError::NoData("no node is of that selection".to_owned())),
                n if n > PARTS_MAX => {
                    Err(CliError::Usage(format!("one report for each of {n} nodes: the limit is {PARTS_MAX}")))
                }
                _ => Ok(nodes),
            }
        }
    }
}

/// The globs of nodes of a part: those that leave out hold for every part.
pub fn node_globs(batch: &BatchSection, part: &str) -> Vec<String> {
    let but = || batch.node.iter().filter(|glob| glob.starts_with('!')).cloned();
    match batch.groups.get(part) {
        Some(globs) => globs.iter().cloned().chain(but()).collect(),
        None if part.is_empty() => batch.node.clone(),
        None => std::iter::once(exactly(part)).chain(but()).collect(),
    }
}

/// A glob that only this name matches.
fn exactly(name: &str) -> String {
    let mut glob = String::with_capacity(name.len());
    for c in name.chars() {
        if "*?[]{}!\\,".contains(c) {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

fn new_runs(
    batch: &BatchSection,
    come: &[Due],
    occasion: Occasion,
    context: &Context,
) -> Result<Vec<NewRun>, CliError> {
    // Missed runs have one row: which parts there were then nobody knows.
    let all = vec![String::new()];
    let made = if come.iter().any(|due| due.fate == Fate::Run) { parts(batch, context)? } else { Vec::new() };
    let mut runs = Vec::new();
    for due in come {
        let range = range_of(batch, due.at, context.settings.timezone)?;
        let (state, parts) = match due.fate {
            Fate::Run => (RunState::Queued, &made),
            Fate::Missed => (RunState::Missed, &all),
        };
        runs.extend(parts.iter().map(|part| NewRun { due: due.at, part: part.clone(), occasion, range, state }));
    }
    Ok(runs)
}

/// The moments of `batch` that have come since it was last looked after.
fn come(batch: &BatchSection, handled: Option<Timestamp>, context: &Context) -> Vec<Due> {
    let Some(schedule) = &batch.schedule else { return Vec::new() };
    due(schedule, handled, context.now, context.settings.timezone, batch.catch_up)
}

/// Writes down the runs whose time has come.
pub fn claim_due(ledger: &mut Ledger, batch: &BatchSection, context: &Context) -> Result<(), CliError> {
    let handled = ledger.handled(&batch.name.0)?;
    let come = come(batch, handled, context);
    let runs = new_runs(batch, &come, Occasion::Schedule, context)?;
    let upto = match (come.last(), handled) {
        (Some(last), _) => Some(last.at),
        (None, None) if batch.schedule.is_some() => Some(context.now), // from now on it is looked after
        (None, _) => None,
    };
    ledger.claim(&batch.name.0, upto, &runs)?;
    for missed in come.iter().filter(|due| due.fate == Fate::Missed) {
        let at = when(missed.at, context.settings.timezone);
        context.terminal.warn(&format!("{}: the run of {at} was missed", batch.name.0));
    }
    Ok(())
}

/// Writes down a run that was asked for.
pub fn claim_now(ledger: &mut Ledger, batch: &BatchSection, context: &Context) -> Result<(), CliError> {
    let now = [Due { at: context.now, fate: Fate::Run }];
    let runs = new_runs(batch, &now, Occasion::Hand, context)?;
    Ok(ledger.claim(&batch.name.0, None, &runs)?)
}

/// A run of now that nobody writes down: of all parts together.
pub fn run_now(batch: &BatchSection, context: &Context) -> Result<JobRun, CliError> {
    let range = range_of(batch, context.now, context.settings.timezone)?;
    let new =
        NewRun { due: context.now, part: String::new(), occasion: Occasion::Hand, range, state: RunState::Queued };
    Ok(JobRun::new(0, &batch.name.0, &new))
}

/// What would be run.
pub fn planned(batch: &BatchSection, only_due: bool, context: &Context) -> Result<Vec<Planned>, CliError> {
    let come = if only_due {
        let handled = match context.reader() {
            Ok(reader) => reader.job_handled(&batch.name.0)?,
            Err(error) if error.code() == Code::NoData => None,
            Err(error) => return Err(error),
        };
        come(batch, handled, context)
    } else {
        vec![Due { at: context.now, fate: Fate::Run }]
    };
    let runs = new_runs(batch, &come, Occasion::Schedule, context)?;
    let told = |run: NewRun| Planned {
        batch: batch.name.0.clone(),
        part: run.part,
        due: run.due.to_rfc3339(),
        from: run.range.from().to_rfc3339(),
        to: run.range.to().to_rfc3339(),
        fate: if run.state == RunState::Missed { "missed" } else { "run" },
        at: run.due,
        range: run.range,
    };
    Ok(runs.into_iter().map(told).collect())
}

/// A line a run.
pub fn table(planned: &[Planned], zone: Tz) -> String {
    let columns = ["batch", "of", "due", "from", "to", "would be"].map(|name| (name, Align::Left));
    let row = |run: &Planned| {
        let (from, to) = (when(run.range.from(), zone), when(run.range.to(), zone));
        let fate = if run.fate == "run" { "run" } else { "told as missed" };
        vec![run.batch.clone(), run.part.clone(), when(run.at, zone), from, to, fate.to_owned()]
    };
    output::table(&columns, planned.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_any_name_is_meant_by_itself() {
        for name in ["db-1", "!a", "a*b", "[x]", "{a,b}", "a\\b", "?"] {
            let selector = Selector::parse(&[exactly(name)], &[], &[]).unwrap();
            assert!(
                selector.matches_node(name) && !selector.matches_node("axb") && !selector.matches_node("other"),
                "{name}"
            );
        }
    }
}
