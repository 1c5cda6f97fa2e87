//! Formats of which an input is one message: nothing of it can be read before its end.

use super::{Follows, Parser, Sink, Stop, TooLong};
use crate::ingest::limits::DOCUMENT_BYTES_MAX;

/// Reads a message.
pub(super) trait WholeFormat {
    /// Everything there is.
    fn message(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Stop>;

    /// See [`Parser::notes`].
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The parser of a [`WholeFormat`]. What it refuses stands in line 0, the input as a whole.
#[derive(Debug)]
pub(super) struct Whole<F>(pub(super) F);

impl<F: WholeFormat> Parser for Whole<F> {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        match follows {
            Follows::More => Ok(0),
            Follows::Nothing => self.0.message(bytes, sink).map(|()| bytes.len()),
        }
    }

    fn line(&self) -> u64 {
        0
    }

    fn line_dropped(&mut self) {}

    fn record_bytes_max(&self) -> usize {
        DOCUMENT_BYTES_MAX
    }

    fn too_long(&self) -> TooLong {
        TooLong::EndsReading
    }

    fn notes(&self) -> Vec<String> {
        self.0.notes()
    }
}
