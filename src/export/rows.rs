//! Rows of a query as people and programs read them.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::push_csv_text;
use crate::query::sql::{RowSink, Value};

/// Where rows go; the end is said, so that brackets can be closed.
pub trait Rows: RowSink {
    /// After the last row; a sentence for each thing that is not shown as it is.
    fn finish(&mut self) -> io::Result<Vec<String>>;
}

/// Numbers as JSON writes them: the shortest text that reads back the same; infinity as SQLite's own shell does.
pub fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "9e999".to_owned(),
        f64::NEG_INFINITY => "-9e999".to_owned(),
        value => serde_json::Value::from(value).to_string(),
    }
}

/// Bytes as SQLite's `hex` has them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
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
        self.end_line()?;
        Ok(ControlFlow::Continue(()))
    }
}

impl Rows for CsvRows<'_> {
    fn finish(&mut self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
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

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.object(values)?;
        self.out.write_all(b"\n")?;
        Ok(ControlFlow::Continue(()))
    }
}

impl Rows for JsonLines<'_> {
    fn finish(&mut self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
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

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.lines.out.write_all(if self.first { b"[\n" } else { b",\n" })?;
        self.first = false;
        self.lines.object(values)?;
        Ok(ControlFlow::Continue(()))
    }
}

impl Rows for JsonRows<'_> {
    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.lines.out.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(make: impl for<'a> Fn(&'a mut dyn Write) -> Box<dyn Rows + 'a>) -> String {
        let mut out = Vec::new();
        let mut rows = make(&mut out);
        rows.columns(&["node", "a \"quoted\" name"]).unwrap();
        let all = [
            [Value::Text("=x".into()), Value::Real(36.0)],
            [Value::Null, Value::Integer(-7)],
            [Value::Blob(&[0, 255]), Value::Real(f64::INFINITY)],
        ];
        assert!(all.iter().all(|values| rows.row(values).unwrap().is_continue()));
        assert!(rows.finish().unwrap().is_empty());
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
