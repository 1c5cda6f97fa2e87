//! Rows as a table for eyes: within the terminal's width, and no more of them than anybody reads.

use std::io::{self, Write};
use std::ops::ControlFlow;

use unicode_width::UnicodeWidthStr;

use super::super::output::{Align, counted, markdown_table, plain, table};
use crate::export::{Rows, hex, number};
use crate::query::sql::{RowSink, Value};

/// A column of text is never made narrower than this.
const TEXT_WIDTH_MIN: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// What there is room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Rows that are shown.
    pub rows: usize,
    /// Columns of the terminal; `None` where nobody counts them.
    pub width: Option<usize>,
}

#[derive(Clone, Copy)]
enum Layout {
    Plain,
    Markdown,
}

/// A table, laid out when all rows are there.
pub struct TableRows<'a> {
    out: &'a mut dyn Write,
    layout: Layout,
    room: Room,
    names: Vec<String>,
    /// A column of numbers stands to the right.
    numeric: Vec<bool>,
    rows: Vec<Vec<String>>,
    more: bool,
}

impl<'a> TableRows<'a> {
    /// For a terminal.
    pub fn plain(out: &'a mut dyn Write, room: Room) -> Self {
        TableRows::new(out, Layout::Plain, room)
    }

    /// For a ticket.
    pub fn markdown(out: &'a mut dyn Write, room: Room) -> Self {
        TableRows::new(out, Layout::Markdown, Room { width: None, ..room })
    }

    fn new(out: &'a mut dyn Write, layout: Layout, room: Room) -> Self {
        TableRows { out, layout, room, names: Vec::new(), numeric: Vec::new(), rows: Vec::new(), more: false }
    }

    fn cell(value: &Value<'_>) -> String {
        match value {
            Value::Null => String::new(),
            Value::Integer(whole) => whole.to_string(),
            Value::Real(value) => number(*value),
            Value::Text(text) => plain(text),
            Value::Blob(bytes) => hex(bytes),
        }
    }
}

impl RowSink for TableRows<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| plain(name)).collect();
        self.numeric = vec![true; names.len()];
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        if self.rows.len() == self.room.rows {
            self.more = true;
            return Ok(ControlFlow::Break(()));
        }
        for (numeric, value) in self.numeric.iter_mut().zip(values) {
            *numeric &= matches!(value, Value::Null | Value::Integer(_) | Value::Real(_));
        }
        self.rows.push(values.iter().map(TableRows::cell).collect());
        Ok(ControlFlow::Continue(()))
    }
}

impl Rows for TableRows<'_> {
    fn finish(&mut self) -> io::Result<Vec<String>> {
        let mut said = Vec::new();
        let mut rows = std::mem::take(&mut self.rows);
        let shown = rows.len() as u64;
        let fit = self.room.width.map_or(Fit::Whole, |width| Fit::of(&self.names, &self.numeric, &rows, width));
        if let Fit::Cut { text_width } = fit {
            let cut = cut_all(&mut self.names, &mut rows, &self.numeric, text_width);
            said.push(format!("{} cut to fit the terminal: other formats have them whole", counted(cut, "text")));
        }
        let align = |numeric: &bool| if *numeric { Align::Right } else { Align::Left };
        let columns: Vec<(&str, Align)> =
            self.names.iter().map(String::as_str).zip(self.numeric.iter().map(align)).collect();
        let text = match (self.layout, fit) {
            (Layout::Markdown, _) => markdown_table(&columns, rows),
            (Layout::Plain, Fit::No) => {
                said.push(format!("{} columns do not fit side by side", columns.len()));
                records(&self.names, &rows)
            }
            (Layout::Plain, _) => table(&columns, rows),
        };
        self.out.write_all(text.as_bytes())?;
        if self.more {
            said.push(format!(
                "only the first {} shown, there are more: csv and jsonl give all",
                counted(shown, "row")
            ));
        }
        Ok(said)
    }
}

/// Whether a table stays within a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Whole,
    /// With no text wider than this; numbers are never cut.
    Cut {
        text_width: usize,
    },
    No,
}

impl Fit {
    fn of(names: &[String], numeric: &[bool], rows: &[Vec<String>], width: usize) -> Fit {
        let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        for row in rows {
            widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.width()));
        }
        let total = |text_width: usize| {
            let shown = widths.iter().zip(numeric).map(|(w, numeric)| if *numeric { *w } else { (*w).min(text_width) });
            shown.sum::<usize>() + GAP * names.len().saturating_sub(1)
        };
        if total(usize::MAX) <= width {
            return Fit::Whole;
        }
        let text_width = (TEXT_WIDTH_MIN..width).rev().find(|text_width| total(*text_width) <= width);
        text_width.map_or(Fit::No, |text_width| Fit::Cut { text_width })
    }
}

/// Cuts what is wider; says how many cells that were.
fn cut_all(names: &mut [String], rows: &mut [Vec<String>], numeric: &[bool], text_width: usize) -> u64 {
    let mut cut = 0;
    for row in std::iter::once(names).chain(rows.iter_mut().map(Vec::as_mut_slice)) {
        for (cell, _) in row.iter_mut().zip(numeric).filter(|(_, numeric)| !**numeric) {
            if cell.width() > text_width {
                shorten(cell, text_width);
                cut += 1;
            }
        }
    }
    cut
}

fn shorten(text: &mut String, width: usize) {
    while text.width() >= width && text.pop().is_some() {}
    text.push('…');
}

/// One value a line.
fn records(names: &[String], rows: &[Vec<String>]) -> String {
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        text += &format!("row {}\n", i + 1);
        for (name, cell) in names.iter().zip(row) {
            let line = format!("  {name}{}  {cell}", " ".repeat(width - name.width()));
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(room: Room) -> (String, Vec<String>) {
        let mut out = Vec::new();
        let mut rows = TableRows::plain(&mut out, room);
        rows.columns(&["node", "labels", "value"]).unwrap();
        for (node, labels) in [("db-1", "a label that is quite long"), ("日本-2", "日本日本日本日本日本"), ("c", "x")]
        {
            let values = [Value::Text(node.into()), Value::Text(labels.into()), Value::Real(123456.789)];
            if rows.row(&values).unwrap().is_break() {
                break;
            }
        }
        let said = rows.finish().unwrap();
        (String::from_utf8(out).unwrap(), said)
    }

    #[test]
    fn texts_are_cut_to_the_width_and_numbers_are_not() {
        let (text, said) = shown(Room { rows: 9, width: Some(36) });
        insta::assert_snapshot!(text, @"
        node    labels                 value
        db-1    a label that is…  123456.789
        日本-2  日本日本日本日…   123456.789
        c       x                 123456.789
        ");
        assert_eq!(said, ["2 texts cut to fit the terminal: other formats have them whole"]);
        assert!(text.lines().all(|line| line.width() <= 36));
    }

    #[test]
    fn what_does_not_fit_at_all_is_shown_value_by_value() {
        let (text, said) = shown(Room { rows: 1, width: Some(20) });
        insta::assert_snapshot!(text, @"
        row 1
          node    db-1
          labels  a label that is quite long
          value   123456.789
        ");
        assert_eq!(
            said,
            ["3 columns do not fit side by side", "only the first 1 row shown, there are more: csv and jsonl give all"]
        );
    }

    #[test]
    fn what_fits_is_whole() {
        let (text, said) = shown(Room { rows: 3, width: None });
        assert!(text.contains("a label that is quite long") && said.is_empty());
        assert_eq!(shown(Room { rows: 3, width: Some(200) }), (text, said));
    }
}
