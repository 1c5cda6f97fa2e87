//! Formats: bytes in, samples out. Each is a [`Parser`], one file (or folder) a format.
//!
//! Parsers are pure: no clock, no files, no store. They are given bytes piece by piece (a file of any size in bounded memory, see
//! [`stream`]) and hand samples and refusals to a [`Sink`]. What they never do: panic for bad data, write zero in place of
//! what is missing, drop a line without counting it.

pub mod collectd;
pub mod collectd_json;
#[cfg(test)]
pub(in crate::ingest) mod collected;
pub mod csv;
pub mod detect;
mod emitter;
pub mod graphite;
pub mod influx;
mod json;
pub mod jsonl;
mod lines;
mod local_time;
pub mod number;
pub mod otlp;
pub mod parquet;
pub mod prometheus;
mod reason;
pub mod remote_write;
pub mod report_page;
mod series_cache;
pub mod stream;
pub mod sysstat;
pub mod time;
pub mod vmstat;
mod whole;

pub use crate::model::NodeRule;
pub use reason::{Quoted, Reason};

use crate::model::{Annotation, MetricMeta, SeriesId, SeriesKey, Timestamp};

/// The sink takes no more; it knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Where a parser puts what it reads.
pub trait Sink {
    /// The handle of a series. A parser asks once and remembers, so this may cost something.
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop>;

    /// A sample whose time is storable (1970 to 9999).
    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop>;

    /// Something that happened.
    fn event(&mut self, event: Annotation) -> Result<(), Stop>;

    /// A line (or one sample of it) that is not taken. Lines count from 1.
    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop>;
}

/// What follows the bytes given to [`Parser::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// More bytes: a line without its end is not whole yet.
    More,
    /// Nothing: the last line needs no end.
    Nothing,
}

/// What becomes of an input with a record longer than [`Parser::record_bytes_max`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// The rest of its line is passed over, and reading goes on.
    DropsLine,
    /// It has no lines to find the way back by.
    EndsReading,
}

/// Reads one format.
pub trait Parser {
    /// Reads the whole records at the start of `bytes` and says how many bytes they took; the caller gives the rest again, with more
    /// behind it. Where nothing follows everything is taken.
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop>;

    /// Number of the line that is read next, from 1.
    fn line(&self) -> u64;

    /// The caller dropped the line that would have been read next, because it is longer than any record may be.
    fn line_dropped(&mut self);

    /// Longest record of the format, in bytes.
    fn record_bytes_max(&self) -> usize {
        super::limits::RECORD_BYTES_MAX
    }

    /// What a longer one does.
    fn too_long(&self) -> TooLong {
        TooLong::DropsLine
    }

    /// What a person should know of how the input was read, after its end: what was left out, what was guessed.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
