//! `nodebook record`: samples of this machine and of targets, at an even interval, until stopped.

mod batches;
mod descriptors;
mod forwarding;
mod house;
mod listening;
mod own;
mod readings;
mod scraping;
mod signals;
mod targets;
mod writer;

use std::path::Path;
use std::time::{Duration, Instant};

use super::args::{Analyse, Interactive, RangeArgs, RecordArgs, ReportArgs, SelectArgs};
use super::context::{Context, clock};
use super::error::{CliError, Code};
use super::output::counted;
use super::{batch, report};
use crate::forward::{ForwardTarget, Forwarder};
use crate::ingest::host::{HostSampler, hostname};
use crate::ingest::inbox::inbox;
use crate::ingest::pace::{Pace, Tick};
use crate::ingest::scrape::Target;
use crate::live::{Intake, Server};
use crate::model::range::parse_duration;
use crate::model::{NodeName, Timestamp};
use crate::store::ForwardKey;
use batches::Batches;
use forwarding::Forwarding;
use own::Own;
use readings::Readings;
use scraping::Scraping;
pub use signals::{Stop, Wake};
use targets::targets;
use writer::{Recorded, Writer};

/// Default distance of samples, ms.
const INTERVAL_MS: i64 = 10_000;
/// Below this a reading of /proc would be a good part of the interval.
const INTERVAL_MS_MIN: i64 = 100;

/// Records until stopped.
pub fn run(args: &RecordArgs, context: &Context) -> Result<Code, CliError> {
    args.report.as_deref().map(super::report_file::expect_output).transpose()?;
    batch::expect_sound(context)?;
    let run = Run::plan(args, context)?;
    let sampler = run.samples_host.then(|| HostSampler::new(run.node.clone())).transpose()?;
    let stop = Stop::listen_and_reload().map_err(CliError::Signals)?;
    let recorded = record(run, sampler, &stop)?;
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

/// What is to be recorded.
struct Run<'a> {
    args: &'a RecordArgs,
    context: &'a Context,
    interval_ms: i64,
    /// How long; `None` until stopped.
    duration_ms: Option<i64>,
    /// This machine.
    node: NodeName,
    samples_host: bool,
    targets: Vec<Target>,
    /// Where pushes are taken.
    server: Option<Server>,
}

impl<'a> Run<'a> {
    fn plan(args: &'a RecordArgs, context: &'a Context) -> Result<Run<'a>, CliError> {
        let section = &context.settings.record;
        let interval_ms = interval(args, context)?;
        let duration_ms = args.duration.as_deref().map(parse_duration).transpose()?;
        let node = NodeName::new(args.node.as_deref().unwrap_or(&hostname()))?;
        let targets = targets(section, &args.scrape, interval_ms)?;
        let samples_host = !args.no_host && section.host.is_none_or(|host| host.0);
        let server = listening::listen(args, context)?;
        if !samples_host && targets.is_empty() && server.is_none() {
            return Err(CliError::Usage(
                "there is nothing to record: this machine is not to be sampled, there is no target (--scrape, or \
                 [[record.target]] in the configuration), and nobody can push (--listen)"
                    .to_owned(),
            ));
        }
        Ok(Run { args, context, interval_ms, duration_ms, node, samples_host, targets, server })
    }

    /// `here and 3 targets`
    fn what(&self) -> String {
        let targets = (!self.targets.is_empty()).then(|| counted(self.targets.len() as u64, "target"));
        let host = self.samples_host.then(|| self.node.to_string());
        let pushes = self.server.is_some().then(|| "what is pushed".to_owned());
        host.into_iter().chain(targets).chain(pushes).collect::<Vec<_>>().join(" and ")
    }

    fn announce(&self) {
        let every = humantime::format_duration(Duration::from_millis(self.interval_ms.unsigned_abs()));
        let until = self.args.duration.as_deref();
        let until = until.map_or_else(|| "until stopped (Ctrl-C)".to_owned(), |text| format!("for {text}"));
        let (what, db) = (self.what(), self.context.db().display());
        self.context.terminal.say(&format!("recording {what} into {db} every {every} {until}"));
    }
}

/// Starts everybody, waits for the end, and stops them: who hands samples over first, the writer last.
fn record(run: Run<'_>, sampler: Option<HostSampler>, stop: &Stop) -> Result<Recorded, CliError> {
    let Run { args, context, interval_ms, duration_ms, .. } = run;
    let targets = context.settings.record.forward.targets()?;
    let keys: Vec<ForwardKey> = targets.iter().map(ForwardTarget::key).collect();
    let mut store = context.store(context.settings.record.durability.unwrap_or_default())?;
    store.forward_to(&keys)?;
    run.announce();
    let open = |target| Forwarder::open(context.db().to_owned(), target);
    let forwarders = targets.iter().map(open).collect::<Result<Vec<Forwarder>, _>>()?;
    let forwarded = keys.iter().cloned().zip(forwarders.iter().map(Forwarder::progress)).collect();
    let own = Own { forwarded, ..Own::default() };
    let (inbox, arrivals) = inbox();
    let writer = Writer::new(store, &own, context)?;
    let stop_with_writer = stop.on_drop();
    let writing = std::thread::Builder::new().name("writer".into()).spawn(move || {
        let _stop = stop_with_writer;
        writer.run(arrivals)
    });
    let writing = writing.map_err(CliError::Thread)?;
    let intake = Intake { inbox: inbox.clone(), node: run.node.clone() };
    let listening = run.server.map(|server| listening::start(server, intake, own, context)).transpose()?;
    let forwarding = Forwarding::start(keys.into_iter().zip(forwarders).collect(), context)?;
    let scraping = Scraping::start(run.targets, args, context, interval_ms, inbox.clone())?;
    let mut batches = Batches::new(context, run.node, clock());
    let readings = Readings::new(sampler, inbox.clone(), context.terminal);
    let kept = keep_time(readings, &mut batches, &scraping, Pace::new(interval_ms, clock()), duration_ms, stop);
    scraping.stop();
    if let Some(running) = listening {
        running.stop();
    }
    inbox.close();
    batches.end();
    drop(forwarding);
    let recorded = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    kept?;
    Ok(recorded)
}

fn interval(args: &RecordArgs, context: &Context) -> Result<i64, CliError> {
    let asked = args.interval.as_deref().map(parse_duration).transpose()?;
    let interval_ms = asked.or(context.settings.record.interval.map(|span| span.0)).unwrap_or(INTERVAL_MS);
    expect_interval(interval_ms)?;
    Ok(interval_ms)
}

fn expect_interval(interval_ms: i64) -> Result<(), CliError> {
    if interval_ms < INTERVAL_MS_MIN {
        return Err(CliError::Usage(format!(
            "an interval of {interval_ms} ms is too short: the least is {INTERVAL_MS_MIN} ms"
        )));
    }
    Ok(())
}

/// The loop: waits for the next moment, reads, hands over. Ends by a signal, with the writer, or when `duration_ms` is over.
fn keep_time(
    mut readings: Readings,
    batches: &mut Batches<'_>,
    scraping: &Scraping<'_>,
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
        // The run lasts as long as was asked for, also where that is no multiple of the interval.
        let until_ms = duration_ms.map_or(next_ms, |duration_ms| duration_ms.min(next_ms));
        loop {
            match stop.wake(start, until_ms) {
                Wake::Time => break,
                Wake::Reload => scraping.reload(),
                Wake::Stop => return Ok(()),
            }
        }
        if until_ms < next_ms {
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
        language: None,
        interactive: Interactive::On,
        analyse: Analyse::On,
        range,
        select: SelectArgs::default(),
    };
    let settings = context.settings.clone().of_the_database();
    report::run(&args, &Context { settings, ..context.clone() })
}
