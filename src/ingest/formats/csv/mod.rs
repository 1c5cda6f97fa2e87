//! CSV, long or wide, found by its header.
//!
//! Long: `timestamp,node,metric,labels,value` in any order, `node` and `labels` optional; any further column becomes a label. Wide: a
//! time column, an optional node column, and one column a metric, headed `metric` or `metric{key="value"}`; a column of
//! text is a label of the row's metrics; where all are headed like `disk.dev.read-sda` it is
//! what PCP's `pmrep -o csv` writes, and what stands behind the first `-` is the label `instance`. The delimiter (`,` `;`
//! TAB `|`) is the one the header has most of. Quotes as in RFC 4180, a line feed inside them included. An empty value is no sample. The `'` that
//! [`export`](crate::export) puts before text a spreadsheet would take for a formula is taken away again.
//!
//! Events, which `annotate` notes one by one: `at,text`, with `until` and `node` (a glob) if wanted.

mod events;
mod header;
mod labels;
mod long;
mod record;
mod wide;

use std::ops::Range;

use chrono_tz::Tz;

use super::{Follows, NodeRule, Parser, Reason, Sink, Stop};
use events::Events;
use header::{Columns, Header, WideColumns};
pub(super) use header::{looks_like, simple as simple_name, time_unit};
use long::Long;
use record::{Found, Record};
use wide::Wide;

/// Reads a CSV file.
#[derive(Debug)]
pub struct CsvParser {
    node: NodeRule,
    state: State,
    delimiter: u8,
    line: u64,
    /// Whether a quoted field may go on in the next line. One that turned out not to be well-formed ends the trust for the rest of the
    /// file: otherwise a stray quote could hide good lines, and a file of stray quotes would be searched again from each of them.
    lines_join: bool,
    zone: Tz,
}

#[derive(Debug)]
enum State {
    Header,
    Long(Box<Long>),
    /// A wide file of so many columns whose first rows tell which of them are labels.
    Looking(Box<WideColumns>, usize),
    Wide(Box<Wide>),
    Events(Box<Events>),
    /// Nothing can be read: the refusal of the header stands for the whole file.
    Refused,
}

impl CsvParser {
    /// For one file.
    pub fn new(node: NodeRule) -> Self {
        CsvParser { node, state: State::Header, delimiter: b',', line: 1, lines_join: true, zone: Tz::UTC }
    }

    /// With the zone of times that a tool writes without one (PCP); those of other files are UTC then.
    pub fn in_zone(self, zone: Tz) -> Self {
        CsvParser { zone, ..self }
    }

    fn read_header(&mut self, record: &Record<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        match Header::read(record, &self.node, self.zone) {
            Ok(Header { columns: Columns::Long(columns), count }) => {
                self.state = State::Long(Box::new(Long::new(columns, count, self.node.clone())));
                Ok(())
            }
            Ok(Header { columns: Columns::Wide(columns), count }) => {
                // of PCP's all are metrics
                self.state = match columns.clock {
                    Some(_) => State::Wide(Box::new(Wide::new(columns, count, self.node.clone()))),
                    None => State::Looking(Box::new(columns), count),
                };
                Ok(())
            }
            Ok(Header { columns: Columns::Events(columns), count }) => {
                self.state = State::Events(Box::new(Events::new(columns, count)));
                Ok(())
            }
            Err(reason) => {
                self.state = State::Refused;
                sink.refuse(self.line, &Reason::Header(reason))
            }
        }
    }

    /// A record over several lines that has another number of fields than the header began with a stray quote.
    fn doubt(&self, found: Found, fields: &[Range<usize>], text: &[u8]) -> Found {
        let expected = match &self.state {
            State::Long(long) => long.count(),
            State::Wide(wide) => wide.count(),
            State::Events(events) => events.count(),
            State::Header | State::Looking(..) | State::Refused => return found,
        };
        match found {
            Found::Record { lines: 2.., .. } if fields.len() != expected => record::broken(text, 1, true),
            found => found,
        }
    }

    fn read_record(&mut self, record: &Record<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        if record.is_blank() {
            return Ok(());
        }
        match &mut self.state {
            State::Header => self.read_header(record, sink),
            State::Long(long) => long.read(self.line, record, sink),
            State::Wide(wide) => wide.read(self.line, record, sink),
            State::Events(events) => events.read(self.line, record, sink),
            State::Looking(..) | State::Refused => Ok(()),
        }
    }

    /// Settles what the columns of a wide file are; `false` where its rows do not tell yet.
    fn settle(&mut self, bytes: &[u8], follows: Follows) -> bool {
        let State::Looking(columns, count) = &self.state else { return true };
        let (delimiter, lines_join, count) = (self.delimiter, self.lines_join, *count);
        let shape = labels::Shape { delimiter, lines_join, count };
        let Some(fields) = labels::find(columns, bytes, follows, shape) else { return false };
        let columns = columns.as_ref().clone().with_labels(&fields);
        self.state = State::Wide(Box::new(Wide::new(columns, count, self.node.clone())));
        true
    }
}

impl Parser for CsvParser {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        let mut fields = Vec::new();
        let mut taken = 0;
        while taken < bytes.len() {
            let mut rest = &bytes[taken..];
            if matches!(self.state, State::Header) {
                if self.line == 1
                    && let Some(after) = rest.strip_prefix(b"\xef\xbb\xbf")
                {
                    rest = after;
                    taken += 3;
                }
                self.delimiter = record::delimiter(rest);
            }
            if !self.settle(rest, follows) {
                return Ok(taken);
            }
            let found = record::next(rest, self.delimiter, follows, self.lines_join, &mut fields);
            match self.doubt(found, &fields, rest) {
                Found::Record { length, lines } => {
                    self.read_record(&Record { text: rest, fields: &fields }, sink)?;
                    taken += length;
                    self.line += lines;
                }
                Found::Broken { column, length, spans_lines } => {
                    self.lines_join &= !spans_lines;
                    sink.refuse(self.line, &Reason::Quote { column })?;
                    taken += length;
                    self.line += 1;
                }
                Found::Unfinished => return Ok(taken),
            }
        }
        Ok(taken)
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn line_dropped(&mut self) {
        self.line += 1;
        self.lines_join = false;
    }

    fn notes(&self) -> Vec<String> {
        match &self.state {
            State::Wide(wide) => wide.notes(),
            State::Header | State::Looking(..) | State::Long(_) | State::Events(_) | State::Refused => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
