//! The one number of a query in a condition.

use std::io;
use std::ops::ControlFlow;

use super::super::context::Context;
use super::super::error::CliError;
use crate::model::TimeRange;
use crate::query::sql::{RowSink, SqlConsole, SqlLimits, Value};

/// Takes one number.
#[derive(Default)]
struct OneNumber {
    rows: usize,
    number: Option<f64>,
    what: &'static str,
}

impl RowSink for OneNumber {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        if names.len() != 1 {
            self.what = "several columns";
        }
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.rows += 1;
        match values {
            [Value::Integer(n)] => self.number = Some(*n as f64),
            [Value::Real(n)] => self.number = Some(*n),
            [Value::Null] => self.what = "NULL",
            [_] => self.what = "a text",
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Answers a query of a condition; `{from}` and `{to}` in it are the run's range, in ms.
pub fn number_of(query: &str, range: TimeRange, context: &Context) -> Result<f64, CliError> {
    let query =
        query.replace("{from}", &range.from().millis().to_string()).replace("{to}", &range.to().millis().to_string());
    let mut sink = OneNumber::default();
    SqlConsole::open(context.db(), SqlLimits::default())?.run(&query, &mut sink)?;
    let what = match sink.rows {
        0 => "no row",
        1 => sink.what,
        _ => "several rows",
    };
    match sink.number {
        Some(number) if what.is_empty() => Ok(number),
        _ => Err(CliError::Usage(format!("the condition's query gives {what}, wanted is one number: {query}"))),
    }
}
