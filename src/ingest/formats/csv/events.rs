//! Rows of events: what happened when, for every chart.

use super::super::{Reason, Sink, Stop};
use super::header::{EventColumns, TimeColumn};
use super::record::Record;
use crate::model::{Annotation, Selector};

/// Reads the rows of a file of events.
#[derive(Debug)]
pub(super) struct Events {
    columns: EventColumns,
    count: usize,
}

impl Events {
    pub(super) fn new(columns: EventColumns, count: usize) -> Self {
        Events { columns, count }
    }

    /// Number of fields of a row.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn read(&mut self, line: u64, record: &Record<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        match self.event(record) {
            Ok(event) => sink.event(event),
            Err(reason) => sink.refuse(line, &reason),
        }
    }

    fn event<'a>(&self, record: &Record<'a>) -> Result<Annotation, Reason<'a>> {
        let EventColumns { at: (at_field, unit), until, node, text } = self.columns;
        if record.fields.len() != self.count {
            return Err(Reason::Fields { found: record.fields.len(), expected: self.count });
        }
        let time = |field: usize| TimeColumn::default().read(record, (field, unit));
        let filled = |field: Option<usize>| field.filter(|field| !record.bare(*field).is_empty());
        let expected =
            |field: usize, expected| Reason::Syntax { column: field + 1, expected, found: record.raw(field) };
        let words = |field: usize| record.text(field).ok_or(Reason::NotUtf8 { column: field + 1 });
        let at = time(at_field)?;
        let end = filled(until).map(|field| time(field).map(|t| (field, t))).transpose()?;
        if let Some((field, _)) = end.filter(|(_, t)| *t <= at) {
            return Err(expected(field, "an end after the start"));
        }
        let nodes = filled(node).map(|field| words(field).map(|glob| (field, glob.into_owned()))).transpose()?;
        if let Some((field, glob)) = &nodes
            && Selector::parse(std::slice::from_ref(glob), &[], &[]).is_err()
        {
            return Err(expected(*field, "a glob over nodes"));
        }
        let said = words(text)?;
        if said.trim().is_empty() {
            return Err(expected(text, "what happened"));
        }
        Ok(Annotation { at, until: end.map(|(_, t)| t), nodes: nodes.map(|(_, glob)| glob), text: said.into_owned() })
    }
}
