//! Loads files into a store.
//!
//! Lenient by default: what is good is taken, what is bad is counted, and the first refusals are named with file and line. With
//! [`ImportOptions::strict`] a file is read twice: the first time only to see whether every line is good, so that nothing of a file with a bad
//! line is stored; a pipe is staged for that. A file that cannot be read, or is of no known format, never keeps the others from being taken.
//!
//! A compressed file is read twice as well: first to its checksum, as text from a damaged one is text of nobody, and may look like samples.
//!
//! The same input twice changes nothing: its samples are there already. That takes samples with times: a page without any is of the moment
//! it is imported, all of a file at the same one.

mod choice;
mod database;
mod names;
mod report;
mod sinks;
mod source;

use std::io::{self, Read};

use chrono_tz::Tz;

use crate::model::{NodeName, Timestamp};
use crate::store::{Store, StoreError};

use super::formats::detect::DetectError;
use super::formats::{Reason, Sink, Stop, parquet, stream, time};
use super::limits::DETECT_BYTES;
use choice::{is_parquet, node_rule, parser_for};
pub use names::{NodeNames, NodeNamesError};
pub use report::{ImportReport, Outcome, Rejection};
use report::{Seen, Tally};
use sinks::{CheckSink, ImportSink, StoreSink};
pub use source::Input;
use source::{Meter, Metered, Source};

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
    /// A series a line, as VictoriaMetrics exports them.
    JsonLines,
    /// Influx line protocol.
    Influx,
    /// Graphite's plain text.
    Graphite,
    /// The body of a Prometheus remote write 1.0 request.
    RemoteWrite,
    /// `sadf -j`, `-d` or `-p` of sysstat, or the text of `sar`.
    Sadf,
    /// The text of `vmstat`, `iostat` or `mpstat`, or the JSON of the latter two.
    Vmstat,
    /// collectd's CSV tree, or a JSON body of its write_http.
    Collectd,
    /// `pmrep -o csv` of PCP.
    Pcp,
    /// OpenTelemetry, JSON or protobuf.
    Otlp,
    /// Parquet, long or wide.
    Parquet,
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
    /// Other names for nodes, of whatever format and in the labels that name a node.
    pub names: NodeNames,
    /// Time of samples without one: the moment of import, the same for all of them.
    pub now: Timestamp,
    /// Zone of times that a tool writes as the clock on the wall showed them (sysstat, vmstat, PCP). Times without a zone in CSV are UTC.
    pub zone: Tz,
    /// Unit of the times of Influx line protocol.
    pub precision: time::Unit,
}

impl ImportOptions {
    /// Everything found out by looking, local times in UTC.
    pub fn at(now: Timestamp) -> Self {
        let precision = time::Unit::ByMagnitude;
        let names = NodeNames::default();
        ImportOptions { format: Format::Auto, strict: false, node: None, names, now, zone: Tz::UTC, precision }
    }
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
    let mut tally = Tally::new(options.names.clone());
    let inputs = source::expanded(inputs, store.path());
    let mut meter = Meter::new(&inputs, options.strict, progress);
    for input in &inputs {
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
    if let Input::File(path) = input
        && database::is_database(path)
    {
        drop(source);
        let mut sink = StoreSink::new(store.bulk(), &file, tally);
        database::copy(path, options.node.as_ref(), &mut sink);
        return sink.finish();
    }
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
    // the first reading of a strict import has found out already
    if !options.strict
        && let Err(error) = source::verify(&mut source)
    {
        let why = format!(
            "{error}, and nobody knows which of its lines are wrong: none is taken. What can be read is taken from a pipe: `gzip -dc FILE | nodebook import -`, `zstd -dc` likewise"
        );
        tally.refuse_file(&file, &Reason::Input(why));
        return Ok(());
    }
    let mut sink = StoreSink::new(store.bulk(), &file, tally);
    read(input, &mut meter.over(&mut source), options, &mut sink);
    sink.finish()
}

/// Reads one input into a sink, which keeps what becomes of it. The sink stopping is no error here: it knows why.
fn read(input: &Input, raw: &mut Metered<'_, '_>, options: &ImportOptions, sink: &mut dyn ImportSink) {
    let refuse = |line: u64, reason: Reason<'_>, sink: &mut dyn ImportSink| {
        let _ = sink.as_sink().refuse(line, &reason);
    };
    let can_seek = raw.can_seek();
    let (mut text, is_packed) = match source::decompressed(raw) {
        Ok(text) => text,
        Err(error) => return refuse(0, Reason::Input(error.to_string()), sink),
    };
    let (head, whole, failed) = source::head(&mut text, DETECT_BYTES);
    if failed.is_none() && is_parquet(&head, options.format) {
        let rule = node_rule(input, options);
        let read = if can_seek && !is_packed {
            drop(text);
            parquet::read(raw, &rule, sink.as_sink())
        } else {
            match source::staged(&mut head.as_slice().chain(text)) {
                Ok(file) => parquet::read(file, &rule, sink.as_sink()),
                Err(error) => return refuse(0, Reason::Input(error.to_string()), sink),
            }
        };
        return read.unwrap_or_default().iter().for_each(|note| sink.note(note));
    }
    if is_packed && database::looks_like(&head) {
        return refuse(0, Reason::Input(DetectError::PackedSqlite.to_string()), sink);
    }
    let mut parser = match parser_for(&head, whole, input, options) {
        Ok(Some(parser)) => parser,
        Ok(None) => return,
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
    let read = stream::read(&mut head.as_slice().chain(rest), parser.as_mut(), sink.as_sink());
    parser.notes().iter().for_each(|note| sink.note(note));
    match read {
        Ok(()) | Err(stream::StreamError::Stop) => {}
        Err(stream::StreamError::Read(error)) => {
            // A pipe is read as it comes: where damage shows is behind where it began.
            let doubt = if error.kind() == io::ErrorKind::InvalidData { ", and lines before may be wrong" } else { "" };
            refuse(parser.line(), Reason::Cut(format!("{error}{doubt}")), sink);
        }
    }
}

#[cfg(test)]
mod attack;
#[cfg(test)]
mod tests;
