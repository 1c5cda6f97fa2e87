//! Feeds a parser from a reader of any length, in bounded memory.

use std::io::{self, Read};

use super::super::limits::{LINE_PASSED_OVER_BYTES_MAX, READ_BYTES};
use super::{Follows, Parser, Reason, Sink, Stop, TooLong};

/// Why reading stopped before the end.
#[derive(Debug)]
pub enum StreamError {
    /// The sink takes no more.
    Stop,
    /// The input failed in the middle. Whole lines before that were taken; a piece of a line was not, since it may be cut in the middle of
    /// a number.
    Read(io::Error),
}

impl From<Stop> for StreamError {
    fn from(_: Stop) -> Self {
        StreamError::Stop
    }
}

/// Reads `input` to its end. A record longer than the parser takes is refused by its first line, and reading goes on after it, or ends there.
pub fn read(input: &mut dyn Read, parser: &mut dyn Parser, sink: &mut dyn Sink) -> Result<(), StreamError> {
    let mut buffer = vec![0; READ_BYTES];
    let longest = parser.record_bytes_max().max(READ_BYTES);
    let mut filled = 0;
    loop {
        let (end, failed) = fill(input, &mut buffer, &mut filled);
        let follows = if end && failed.is_none() { Follows::Nothing } else { Follows::More };
        let taken = parser.parse(&buffer[..filled], follows, sink)?;
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
        if let Some(error) = failed {
            return Err(StreamError::Read(error));
        }
        if end {
            return Ok(());
        }
        if filled == buffer.len() && buffer.len() < longest {
            buffer.resize((buffer.len() * 2).min(longest), 0);
        } else if filled == buffer.len() {
            sink.refuse(parser.line(), &Reason::TooLong { limit: longest })?;
            if parser.too_long() == TooLong::EndsReading || !drop_line(input, &mut buffer, &mut filled)? {
                return Ok(());
            }
            parser.line_dropped();
        }
    }
}

/// Reads until the buffer is full or the input ends or fails; the bytes read before a failure count.
fn fill(input: &mut dyn Read, buffer: &mut [u8], filled: &mut usize) -> (bool, Option<io::Error>) {
    while *filled < buffer.len() {
        match input.read(&mut buffer[*filled..]) {
            Ok(0) => return (true, None),
            Ok(n) => *filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (true, Some(error)),
        }
    }
    (false, None)
}

/// Drops everything up to and with the next line end; `false` where the input has none within reason.
fn drop_line(input: &mut dyn Read, buffer: &mut [u8], filled: &mut usize) -> Result<bool, StreamError> {
    let mut dropped = 0;
    loop {
        if let Some(at) = memchr::memchr(b'\n', &buffer[..*filled]) {
            buffer.copy_within(at + 1..*filled, 0);
            *filled -= at + 1;
            return Ok(true);
        }
        dropped += *filled as u64;
        if dropped > LINE_PASSED_OVER_BYTES_MAX {
            let why = format!("no line ended in {LINE_PASSED_OVER_BYTES_MAX} bytes");
            return Err(StreamError::Read(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        *filled = 0;
        match fill(input, buffer, filled) {
            (_, Some(error)) => return Err(StreamError::Read(error)),
            (true, None) if *filled == 0 => return Ok(false),
            _ => {}
        }
    }
}
