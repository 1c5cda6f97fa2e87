//! Loads files into a store.
//!
//! Lenient by default: what is good is taken, what is bad is counted, and the first refusals are named with file and line. With
//! [`ImportOptions::strict`] a file is read twice: the first time only to see whether every line is good, so that nothing of a file with a bad
//! line is stored; a pipe is staged for that. A file that cannot be read, or is of no known format, never keeps the others from being taken.
//!
//! The same input twice changes nothing: its samples are there already. That takes samples with times: a page without any is of the moment
//! it is imported, all of a file at the same one.

mod report;
mod sinks;
mod source;

use std::io::Read;

use crate::model::{NodeName, Timestamp};
use crate::store::{Store, StoreError};

use super::formats::csv::CsvParser;
use super::formats::detect::{DetectError, Detected, detect};
use super::formats::prometheus::{Dialect, Options, PrometheusParser};
use super::formats::{NodeRule, Parser, Reason, Sink, report_page, stream, time};
use super::limits::{DETECT_BYTES, REPORT_BYTES_MAX};
pub use report::{ImportReport, Outcome, Rejection};
use report::{Seen, Tally};
use sinks::{CheckSink, StoreSink};
pub use source::Input;
use source::{Meter, Source};

/// Why an import failed as a whole. Bad lines and unreadable files are not errors: they are counted in [`ImportReport`].
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A pipe could not be kept for the second reading of `--strict`.
    #[error("cannot stage {file} for strict reading: {source}; import it without --strict, or from a file")]
    Stage {
        /// Which input.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Formats that can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Found by looking at the content.
    #[default]
    Auto,
    /// Long or wide CSV.
    Csv,
    /// Prometheus text 0.0.4: times in milliseconds.
    Prometheus,
    /// OpenMetrics 1.0: times in seconds, ends with `# EOF`.
    OpenMetrics,
}

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Format.
    pub format: Format,
    /// Refuse a whole file for one bad line. A time that cannot be stored refuses its sample only.
    pub strict: bool,
    /// Node of every sample, where given. Else: the node column; the label `node`, `host` or `instance` of samples that carry a time; the name of
    /// the file without its endings, or `unknown` for stdin.
    pub node: Option<NodeName>,
    /// Time of samples without one: the moment of import, the same for all of them.
    pub now: Timestamp,
}

/// How far it is, for a progress bar: called every few megabytes with bytes read and bytes in all (0 = unknown).
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Imports the inputs, one after the other; one commit a file (or several for a large one). An error of the store ends the import; what was
/// committed before stays.
pub fn import(
    store: &mut Store,
    inputs: &[Input],
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<ImportReport, ImportError> {
    let mut tally = Tally::default();
    let mut meter = Meter::new(inputs, options.strict, progress);
    for input in inputs {
        match Source::open(input, store.path()) {
            Ok(source) => import_one(store, input, source, options, &mut tally, &mut meter)?,
            Err(reason) => tally.refuse_file(&input.name(), &Reason::Input(reason)),
        }
    }
    Ok(tally.into_report())
}

fn import_one(
    store: &mut Store,
    input: &Input,
    mut source: Source,
    options: &ImportOptions,
    tally: &mut Tally,
    meter: &mut Meter<'_>,
) -> Result<(), ImportError> {
    let file = input.name();
    if options.strict {
        source = source.rereadable().map_err(|source| ImportError::Stage { file: file.clone(), source })?;
        let mut sink = CheckSink::new(&file);
        read(input, &mut meter.over(&mut source), options, &mut sink);
        if sink.seen.is_refused() {
            tally.refuse_strictly(sink.seen);
            return Ok(());
        }
        source.rewind().map_err(|source| ImportError::Stage { file: file.clone(), source })?;
    }
    let mut sink = StoreSink::new(store.bulk(), &file, tally);
    let note = read(input, &mut meter.over(&mut source), options, &mut sink);
    sink.finish()?;
    tally.note(&file, note);
    Ok(())
}

/// What reads an input.
enum Reader {
    /// Line by line.
    Lines(Box<dyn Parser>),
    /// As a whole.
    Report,
}

/// Reads one input into a sink, which keeps what becomes of it. The sink stopping is no error here: it knows why. Says what its values are, where that is
/// not what they were.
fn read(input: &Input, raw: &mut dyn Read, options: &ImportOptions, sink: &mut dyn Sink) -> Option<String> {
    let refuse = |line: u64, reason: Reason<'_>, sink: &mut dyn Sink| {
        let _ = sink.refuse(line, &reason);
        None
    };
    let mut text = match source::decompressed(raw) {
        Ok(text) => text,
        Err(error) => return refuse(0, Reason::Input(error.to_string()), sink),
    };
    let (head, whole, failed) = source::head(&mut text, DETECT_BYTES);
    let reader = match reader_for(&head, whole, input, options) {
        Ok(Some(reader)) => reader,
        Ok(None) => return None,
        // what cannot be decompressed has no format either: the reason is the better word
        Err(reason) => {
            let reason = failed.map_or_else(|| reason.to_string(), |error| error.to_string());
            return refuse(0, Reason::Input(reason), sink);
        }
    };
    let rest: Box<dyn Read + '_> = match failed {
        Some(error) => Box::new(source::Failing::new(error)),
        None => text,
    };
    let mut all = head.as_slice().chain(rest);
    match reader {
        Reader::Lines(mut parser) => match stream::read(&mut all, parser.as_mut(), sink) {
            Ok(()) | Err(stream::StreamError::Stop) => None,
            Err(stream::StreamError::Read(error)) => refuse(parser.line(), Reason::Cut(error.to_string()), sink),
        },
        Reader::Report => match read_report(all, options, sink) {
            Ok(note) => note,
            Err(reason) => refuse(0, Reason::Input(reason), sink),
        },
    }
}

fn read_report(page: impl Read, options: &ImportOptions, sink: &mut dyn Sink) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    page.take(REPORT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(format!("a report page of more than {} MiB, which import does not read", REPORT_BYTES_MAX >> 20));
    }
    match report_page::read(&bytes, options.node.as_ref(), sink) {
        Ok(Ok(grain)) => Ok(Some(format!("a report: {grain}; samples, counters and labels are not in it"))),
        // The sink knows why.
        Ok(Err(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// What reads an input that begins with `head`; `None` where there is nothing to read.
fn reader_for(head: &[u8], whole: bool, input: &Input, options: &ImportOptions) -> Result<Option<Reader>, DetectError> {
    let node = NodeRule { given: options.node.clone(), fallback: input.node() };
    let exposition = |dialect, time_unit, node| {
        let options = Options { dialect, time_unit, node, now: options.now };
        Reader::Lines(Box::new(PrometheusParser::new(options)))
    };
    Ok(match options.format {
        Format::Csv => Some(Reader::Lines(Box::new(CsvParser::new(node)))),
        Format::Prometheus => Some(exposition(Dialect::Text, time::Unit::Millis, node)),
        Format::OpenMetrics => Some(exposition(Dialect::OpenMetrics, time::Unit::Seconds, node)),
        Format::Auto => match detect(head, whole)? {
            Detected::Empty => None,
            Detected::Csv => Some(Reader::Lines(Box::new(CsvParser::new(node)))),
            Detected::Report => Some(Reader::Report),
            Detected::Exposition { dialect, time_unit } => Some(exposition(dialect, time_unit, node)),
        },
    })
}

#[cfg(test)]
mod tests;
