//! `nodebook import`: files into the database.

use std::path::{Path, PathBuf};

use super::args::{ImportArgs, ImportFormat, ImportPrecision};
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{counted, print_json};
use super::progress::ByteBar;
use crate::ingest::formats::time::Unit;
use crate::ingest::import::{Format, ImportOptions, ImportReport, Input, NodeNames, Outcome, import};
use crate::model::NodeName;
use crate::store::Durability;

/// Loads the files.
pub fn run(args: &ImportArgs, context: &Context) -> Result<Code, CliError> {
    let options = ImportOptions {
        format: format(args.format),
        strict: args.strict,
        node: args.node.as_deref().map(NodeName::new).transpose()?,
        names: NodeNames::parse(&args.rename_node).map_err(|e| CliError::Usage(e.to_string()))?,
        zone: context.settings.timezone,
        precision: match args.precision {
            None => Unit::ByMagnitude,
            Some(ImportPrecision::Ns) => Unit::Nanos,
            Some(ImportPrecision::Us) => Unit::Micros,
            Some(ImportPrecision::Ms) => Unit::Millis,
            Some(ImportPrecision::S) => Unit::Seconds,
        },
        ..ImportOptions::at(context.now)
    };
    let inputs: Vec<Input> = args.files.iter().map(input).collect();
    let is_new = !context.db().exists();
    let mut store = context.store(Durability::Normal)?;
    let bar = ByteBar::new(&context.terminal);
    let imported = import(&mut store, &inputs, &options, &mut |done, total| bar.advance(done, total));
    drop(bar);
    let closed = if is_new { store.close_unless_empty() } else { store.close() };
    let report = imported?;
    closed?;
    if args.json {
        print_json(&report)?;
    }
    tell(&report, context);
    Ok(match report.outcome() {
        Outcome::Complete => Code::Done,
        Outcome::Partial => Code::Partial,
        Outcome::Failed => Code::Failed,
    })
}

fn format(asked: ImportFormat) -> Format {
    match asked {
        ImportFormat::Auto => Format::Auto,
        ImportFormat::Csv => Format::Csv,
        ImportFormat::Jsonl => Format::JsonLines,
        ImportFormat::Prom => Format::Prometheus,
        ImportFormat::Openmetrics => Format::OpenMetrics,
        ImportFormat::Influx => Format::Influx,
        ImportFormat::Graphite => Format::Graphite,
        ImportFormat::RemoteWrite => Format::RemoteWrite,
        ImportFormat::Sadf => Format::Sadf,
        ImportFormat::Vmstat => Format::Vmstat,
        ImportFormat::Collectd => Format::Collectd,
        ImportFormat::Pcp => Format::Pcp,
        ImportFormat::Otlp => Format::Otlp,
        ImportFormat::Parquet => Format::Parquet,
    }
}

fn input(path: &PathBuf) -> Input {
    if path == Path::new("-") { Input::Stdin } else { Input::File(path.clone()) }
}

fn tell(report: &ImportReport, context: &Context) {
    let terminal = &context.terminal;
    for error in &report.errors {
        let line = if error.line > 0 { format!("line {}: ", error.line) } else { String::new() };
        terminal.error(&format!("{}: {line}{}", error.file, error.reason));
    }
    for note in &report.notes {
        terminal.say(note);
    }
    let untold = report.rejected.saturating_sub(report.errors.len() as u64);
    if untold > 0 {
        terminal.error(&format!("{untold} more rejected"));
    }
    if report.outcome() == Outcome::Failed && report.rejected == 0 {
        terminal.error("nothing was taken: there are no samples and no events in it");
    }
    if report.events > 0 {
        let files = counted(report.files, "file");
        terminal.say(&format!("{} from {files} into {}", counted(report.events, "event"), context.db().display()));
        if report.samples == 0 && report.rejected == 0 {
            return;
        }
    }
    terminal.say(&format!(
        "{} of {} on {} from {} into {}: {} new, {} there already, {} replaced, {} rejected",
        counted(report.samples, "sample"),
        counted(report.series, "series"),
        counted(report.nodes, "node"),
        counted(report.files, "file"),
        context.db().display(),
        report.stored,
        report.duplicates,
        report.replaced,
        report.rejected
    ));
}
