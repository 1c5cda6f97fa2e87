//! Rows of a query as people and programs read them.

use std::io::{self, Write};

use super::super::output::{Align, markdown_table, table};
use crate::export::push_csv_text;
use crate::query::sql::{RowSink, Value};

/// Rows that a table shows: more than anybody reads, and little enough to keep.
const TABLE_ROWS_MAX: usize = 10_000;

/// Where rows go; the end is said, so that brackets can be closed.
pub trait Rows: RowSink {
    /// After the last row; a sentence where rows were left out.
    fn finish(&mut self) -> io::Result<Option<String>>;
}

/// Numbers as JSON writes them: the shortest text that reads back the same; infinity as SQLite's own shell does.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "9e999".to_owned(),
        f64::NEG_INFINITY => "-9e999".to_owned(),
        value => serde_json::Value::from(value).to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    names: Vec<String>,
    /// A column of numbers stands to the right.
    numeric: Vec<bool>,
    rows: Vec<Vec<String>>,
    seen: usize,
}

impl<'a> TableRows<'a> {
    /// For a terminal.
    pub fn plain(out: &'a mut dyn Write) -> Self {
        TableRows::new(out, Layout::Plain)
    }

    /// For a ticket.
    pub fn markdown(out: &'a mut dyn Write) -> Self {
        TableRows::new(out, Layout::Markdown)
    }

    fn new(out: &'a mut dyn Write, layout: Layout) -> Self {
        TableRows { out, layout, names: Vec::new(), numeric: Vec::new(), rows: Vec::new(), seen: 0 }
    }

    fn cell(value: &Value<'_>) -> String {
        match value {
            Value::Null => String::new(),
            Value::Integer(whole) => whole.to_string(),
            Value::Real(value) => number(*value),
            Value::Text(text) => text.clone().into_owned(),
            Value::Blob(bytes) => hex(bytes),
        }
    }
}

impl RowSink for TableRows<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self.numeric = vec![true; names.len()];
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        self.seen += 1;
        if self.rows.len() < TABLE_ROWS_MAX {
            for (numeric, value) in self.numeric.iter_mut().zip(values) {
                *numeric &= matches!(value, Value::Null | Value::Integer(_) | Value::Real(_));
            }
            self.rows.push(values.iter().map(TableRows::cell).collect());
        }
        Ok(())
    }
}

impl Rows for TableRows<'_> {
    fn finish(&mut self) -> io::Result<Option<String>> {
        let align = |numeric: &bool| if *numeric { Align::Right } else { Align::Left };
        let columns: Vec<(&str, Align)> =
            self.names.iter().map(String::as_str).zip(self.numeric.iter().map(align)).collect();
        let rows = std::mem::take(&mut self.rows);
        let text = match self.layout {
            Layout::Plain => table(&columns, rows),
            Layout::Markdown => markdown_table(&columns, rows),
        };
        self.out.write_all(text.as_bytes())?;
        let seen = self.seen;
        Ok((seen > TABLE_ROWS_MAX)
            .then(|| format!("the first {TABLE_ROWS_MAX} of {seen} rows are shown: --format csv or jsonl gives all")))
    }
}

/// CSV with a header; NULL is empty.
pub struct CsvRows<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
}

impl<'a> CsvRows<'a> {
    /// Onto `out`.
    pub fn new(out: &'a mut dyn Write) -> Self {
        CsvRows { out, line: Vec::new() }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

impl RowSink for CsvRows<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                self.line.push(b',');
            }
            push_csv_text(&mut self.line, name);
        }
        self.end_line()
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                self.line.push(b',');
            }
            match value {
                Value::Null => {}
                Value::Integer(whole) => write!(self.line, "{whole}")?,
                Value::Real(value) => self.line.extend(number(*value).bytes()),
                Value::Text(text) => push_csv_text(&mut self.line, text),
                Value::Blob(bytes) => self.line.extend(hex(bytes).bytes()),
            }
        }
        self.end_line()
    }
}

impl Rows for CsvRows<'_> {
    fn finish(&mut self) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// An object a line.
pub struct JsonLines<'a> {
    out: &'a mut dyn Write,
    /// Column names as JSON, each with its colon.
    keys: Vec<String>,
}

impl<'a> JsonLines<'a> {
    /// Onto `out`.
    pub fn new(out: &'a mut dyn Write) -> Self {
        JsonLines { out, keys: Vec::new() }
    }

    fn object(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        for (i, (key, value)) in self.keys.iter().zip(values).enumerate() {
            self.out.write_all(if i == 0 { b"{" } else { b"," })?;
            self.out.write_all(key.as_bytes())?;
            match value {
                Value::Null => self.out.write_all(b"null")?,
                Value::Integer(whole) => write!(self.out, "{whole}")?,
                Value::Real(value) => self.out.write_all(number(*value).as_bytes())?,
                Value::Text(text) => serde_json::to_writer(&mut *self.out, text)?,
                Value::Blob(bytes) => serde_json::to_writer(&mut *self.out, &hex(bytes))?,
            }
        }
        self.out.write_all(b"}")
    }
}

impl RowSink for JsonLines<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.keys = names.iter().map(|name| format!("{}:", serde_json::Value::from(*name))).collect();
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        self.object(values)?;
        self.out.write_all(b"\n")
    }
}

impl Rows for JsonLines<'_> {
    fn finish(&mut self) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// One array of objects.
pub struct JsonRows<'a> {
    lines: JsonLines<'a>,
    first: bool,
}

impl<'a> JsonRows<'a> {
    /// Onto `out`.
    pub fn new(out: &'a mut dyn Write) -> Self {
        JsonRows { lines: JsonLines::new(out), first: true }
    }
}

impl RowSink for JsonRows<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.lines.columns(names)
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        self.lines.out.write_all(if self.first { b"[\n" } else { b",\n" })?;
        self.first = false;
        self.lines.object(values)
    }
}

impl Rows for JsonRows<'_> {
    fn finish(&mut self) -> io::Result<Option<String>> {
        self.lines.out.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(make: impl for<'a> Fn(&'a mut dyn Write) -> Box<dyn Rows + 'a>) -> String {
        let mut out = Vec::new();
        let mut rows = make(&mut out);
        rows.columns(&["node", "a \"quoted\" name"]).unwrap();
        rows.row(&[Value::Text("=x".into()), Value::Real(36.0)]).unwrap();
        rows.row(&[Value::Null, Value::Integer(-7)]).unwrap();
        rows.row(&[Value::Blob(&[0, 255]), Value::Real(f64::INFINITY)]).unwrap();
        assert_eq!(rows.finish().unwrap(), None);
        drop(rows);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_json() {
        let text = written(|out| Box::new(JsonRows::new(out)));
        insta::assert_snapshot!(text, @r#"
        [
        {"node":"=x","a \"quoted\" name":36.0},
        {"node":null,"a \"quoted\" name":-7},
        {"node":"00ff","a \"quoted\" name":9e999}
        ]
        "#);
        let lines = written(|out| Box::new(JsonLines::new(out)));
        assert_eq!(lines.lines().nth(1), Some(r#"{"node":null,"a \"quoted\" name":-7}"#));
    }

    #[test]
    fn csv_holds_no_formula() {
        insta::assert_snapshot!(written(|out| Box::new(CsvRows::new(out))), @r#"
        node,"a ""quoted"" name"
        '=x,36.0
        ,-7
        00ff,9e999
        "#);
    }

    #[test]
    fn no_row_is_an_empty_array() {
        let mut out = Vec::new();
        let mut rows = JsonRows::new(&mut out);
        rows.columns(&["a"]).unwrap();
        rows.finish().unwrap();
        assert_eq!(out, b"[]\n");
    }
}
