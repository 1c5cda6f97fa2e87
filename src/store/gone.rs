//! The samples that a recovery has lost, noted as an event in the new file: whoever looks at it later is to know.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::model::{Annotation, TimeRange, Timestamp};

use super::{StoreError, annotation};

/// What is gone so far.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// Series, and tables of which nobody knows what was in them.
    names: BTreeSet<String>,
    stretch: Option<(i64, i64)>,
}

impl Gone {
    /// Samples of `name`, a series or a table, in `[from, to)`, ms.
    pub(super) fn add(&mut self, name: &str, from: i64, to: i64) {
        self.names.insert(name.to_owned());
        self.stretch = Some(self.stretch.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
    }

    /// Writes the event, where something is gone; within `kept`, the span of what is not, as far as a time is not known.
    pub(super) fn note(&self, new: &Connection, kept: Option<TimeRange>) -> Result<(), StoreError> {
        let (Some((from, to)), Some(kept)) = (self.stretch, kept) else { return Ok(()) };
        let from = if from <= 0 { kept.from() } else { Timestamp::from_millis(from) };
        let to = if to >= Timestamp::MAX.millis() { kept.to() } else { Timestamp::from_millis(to) };
        let of = match self.names.iter().filter(|name| name.contains('/') || name.starts_with("series ")).count() {
            // A table by itself does not tell whose they were.
            count if count < self.names.len() => "of an unknown number of series".to_owned(),
            1 => "of 1 series".to_owned(),
            count => format!("of {count} series"),
        };
        // After the last sample that is kept nobody knows how far they went.
        let until = (to > from).then_some(to);
        let between = match until {
            Some(until) => format!("between {from} and {until}"),
            None => format!("from {from} on"),
        };
        let text = format!("recovered by nodebook check: samples {of} lost {between}");
        annotation::write(new, &Annotation { at: from, until, nodes: None, text })
    }
}
