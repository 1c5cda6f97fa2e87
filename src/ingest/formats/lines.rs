//! Formats of which each line stands for itself.

use memchr::memchr;

use super::{Follows, Parser, Sink, Stop};

/// Reads a format line by line.
pub(super) trait LineFormat {
    /// The next line, without its end; `number` counts from 1.
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop>;

    /// Longest line that is a good one.
    fn bytes_max(&self) -> usize {
        crate::ingest::limits::RECORD_BYTES_MAX
    }

    /// What a person should know of how it was read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The parser of a [`LineFormat`]. Ends of lines are LF or CR LF; a byte order mark before the first is no part of it.
#[derive(Debug)]
pub(super) struct Lines<F> {
    format: F,
    number: u64,
}

impl<F: LineFormat> Lines<F> {
    pub(super) fn new(format: F) -> Self {
        Lines { format, number: 1 }
    }
}

impl<F: LineFormat> Parser for Lines<F> {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let (text, length) = match memchr(b'\n', rest) {
                Some(at) => (&rest[..at], at + 1),
                None if follows == Follows::Nothing => (rest, rest.len()),
                None => break,
            };
            let text = if self.number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
            self.format.line(self.number, text.strip_suffix(b"\r").unwrap_or(text), sink)?;
            self.number += 1;
            taken += length;
        }
        Ok(taken)
    }

    fn line(&self) -> u64 {
        self.number
    }

    fn line_dropped(&mut self) {
        self.number += 1;
    }

    fn record_bytes_max(&self) -> usize {
        self.format.bytes_max()
    }

    fn notes(&self) -> Vec<String> {
        self.format.notes()
    }
}
