//! Text formats: bytes in, samples out. Each is a [`Parser`], one file (or folder) a format.
//!
//! Parsers are pure: no clock, no files, no store. They are given bytes piece by piece (a file of any size in bounded memory, see
//! [`stream`]) and hand samples and refusals to a [`Sink`]. What they never do: panic for bad data, write zero in place of
//! what is missing, drop a line without counting it.

#[cfg(test)]
pub(in crate::ingest) mod collected;
pub mod csv;
pub mod detect;
mod node;
pub mod number;
pub mod prometheus;
mod reason;
pub mod report_page;
mod series_cache;
pub mod stream;
pub mod time;

pub use node::NodeRule;
pub use reason::{Quoted, Reason};

use crate::model::{MetricMeta, SeriesId, SeriesKey, Timestamp};

/// The sink takes no more; it knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Where a parser puts what it reads.
pub trait Sink {
    /// The handle of a series. A parser asks once and remembers, so this may cost something.
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop>;

    /// A sample whose time is storable (1970 to 9999).
    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop>;

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

/// Reads one format.
pub trait Parser {
    /// Reads the whole records at the start of `bytes` and says how many bytes they took; the caller gives the rest again, with more
    /// behind it. Where nothing follows everything is taken.
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop>;

    /// Number of the line that is read next, from 1.
    fn line(&self) -> u64;

    /// The caller dropped the line that would have been read next, because it is longer than any record may be.
    fn line_dropped(&mut self);
}
