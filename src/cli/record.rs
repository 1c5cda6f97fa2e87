//! `nodebook record`: this machine's samples, at an even interval, until stopped.

mod batches;
mod house;
mod pace;
mod readings;
mod signals;
mod writer;

use std::path::Path;
use std::time::Instant;

use super::args::{Analyse, Interactive, RangeArgs, RecordArgs, ReportArgs, SelectArgs};
use super::context::{Context, clock};
use super::error::{CliError, Code};
use super::output::counted;
use super::{batch, report};
use crate::ingest::host::{HostSampler, hostname};
use crate::ingest::inbox::inbox;
use crate::model::range::parse_duration;
use crate::model::{NodeName, Timestamp};
use batches::Batches;
use pace::{Pace, Tick};
use readings::Readings;
pub use signals::Stop;
use writer::Writer;

/// Default distance of samples, ms.
const INTERVAL_MS: i64 = 10_000;
/// Below this a reading of /proc would be a good part of the interval.
const INTERVAL_MS_MIN: i64 = 100;

/// Records until stopped.
pub fn run(args: &RecordArgs, context: &Context) -> Result<Code, CliError> {
    let interval_ms = interval(args, context)?;
    args.report.as_deref().map(super::report_file::expect_output).transpose()?;
    batch::expect_sound(context)?;
    let duration_ms = args.duration.as_deref().map(parse_duration).transpose()?;
    let node = NodeName::new(args.node.as_deref().unwrap_or(&hostname()))?;
    let sampler = HostSampler::new(node.clone())?;
    let stop = Stop::listen().map_err(CliError::Signals)?;
    let store = context.store(context.settings.record.durability.unwrap_or_default())?;

    let every = humantime::format_duration(std::time::Duration::from_millis(interval_ms.unsigned_abs()));
    let until =
        args.duration.as_deref().map_or_else(|| "until stopped (Ctrl-C)".to_owned(), |text| format!("for {text}"));
    context.terminal.say(&format!("recording {node} into {} every {every} {until}", context.db().display()));

    let (inbox, arrivals) = inbox();
    let writer = Writer::new(store, context)?;
    let stop_with_writer = stop.on_drop();
    let writing = std::thread::Builder::new().name("writer".into()).spawn(move || {
        let _stop = stop_with_writer;
        writer.run(arrivals)
    });
    let writing = writing.map_err(CliError::Thread)?;
    let mut batches = Batches::new(context, node, clock());
    let readings = Readings::new(sampler, inbox.clone(), context.terminal);
    let kept = keep_time(readings, &mut batches, Pace::new(interval_ms, clock()), duration_ms, &stop);
    inbox.close();
    batches.end();
    let recorded = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    kept?;
    context.terminal.say(&format!(
        "recorded {} in {} into {}",
        counted(recorded.samples, "sample"),
        recorded.arrivals.in_words(),
        context.db().display()
    ));
    match (&args.report, recorded.first) {
        (Some(file), Some(first)) => report_of(file, first, recorded.last, context),
        (Some(_), None) => Err(CliError::NoData("nothing was recorded: no report".to_owned())),
        (None, _) => Ok(Code::Done),
    }
}

fn interval(args: &RecordArgs, context: &Context) -> Result<i64, CliError> {
    let asked = args.interval.as_deref().map(parse_duration).transpose()?;
    let interval_ms = asked.or(context.settings.record.interval.map(|span| span.0)).unwrap_or(INTERVAL_MS);
    if interval_ms < INTERVAL_MS_MIN {
        return Err(CliError::Usage(format!(
            "an interval of {interval_ms} ms is too short: the least is {INTERVAL_MS_MIN} ms"
        )));
    }
    Ok(interval_ms)
}

/// The loop: waits for the next moment, reads, hands over. Ends by a signal, with the writer, or when `duration_ms` is over.
fn keep_time(
    mut readings: Readings,
    batches: &mut Batches<'_>,
    mut pace: Pace,
    duration_ms: Option<i64>,
    stop: &Stop,
) -> Result<(), CliError> {
    let start = Instant::now();
    let elapsed_ms = || i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
    loop {
        match pace.tick(elapsed_ms(), clock()) {
            Tick::Take(now) => {
                readings.take(now, batches)?;
                batches.look(now);
            }
            Tick::Doubt { ahead_ms } => readings.doubt(ahead_ms),
        }
        let next_ms = pace.next_ms(elapsed_ms());
        if duration_ms.is_some_and(|duration_ms| next_ms > duration_ms) {
            // The run lasts as long as was asked for, also where that is no multiple of the interval.
            stop.wait_until(start, duration_ms.unwrap_or(next_ms));
            return Ok(());
        }
        if stop.wait_until(start, next_ms) {
            return Ok(());
        }
    }
}

/// The report of what was recorded, as `nodebook report` would write it.
fn report_of(file: &Path, first: Timestamp, last: Timestamp, context: &Context) -> Result<Code, CliError> {
    let range = RangeArgs {
        from: Some(first.to_rfc3339()),
        to: Some(last.plus_millis(1).to_rfc3339()),
        ..RangeArgs::default()
    };
    let args = ReportArgs {
        max_size: None,
        output: vec![file.to_owned()],
        title: None,
        compare: None,
        interactive: Interactive::On,
        analyse: Analyse::On,
        range,
        select: SelectArgs::default(),
    };
    report::run(&args, context)
}
