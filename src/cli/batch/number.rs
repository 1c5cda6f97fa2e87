//! The one number of a query in a condition.

use std::io;
use std::ops::ControlFlow;

use super::super::context::Context;
use super::super::error::CliError;
use crate::model::{Selector, TimeRange};
use crate::query::Materialised;
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

/// Most samples of an engine that a condition's query is asked of.
const ENGINE_SAMPLES_MAX: u64 = 50_000_000;

/// Answers a query of a condition; `{from}` and `{to}` in it are the run's range, in ms. Where an engine is asked, what the query sees of it are the samples
/// of that range and of `selector`.
pub fn number_of(query: &str, range: TimeRange, selector: &Selector, context: &Context) -> Result<f64, CliError> {
    let query =
        query.replace("{from}", &range.from().millis().to_string()).replace("{to}", &range.to().millis().to_string());
    let mut sink = OneNumber::default();
    let engine = context.settings.source.url.is_some().then(|| of_the_engine(range, selector, context)).transpose()?;
    let path = engine.as_ref().map_or(context.db(), Materialised::path);
    SqlConsole::open(path, SqlLimits::default())?.run(&query, &mut sink)?;
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

/// A condition is never judged by a part of what it asks for.
fn of_the_engine(range: TimeRange, selector: &Selector, context: &Context) -> Result<Materialised, CliError> {
    let asked = context.asked()?;
    asked.look_at(range, None, selector);
    let found = Materialised::of(asked.as_source(), selector, range, ENGINE_SAMPLES_MAX)?;
    let engine = asked.as_source().origin().name;
    match (found.is_cut, asked.missing().first()) {
        (true, _) => Err(CliError::Usage(format!(
            "the condition's query is asked of at most {ENGINE_SAMPLES_MAX} samples of {engine}, and there are more: choose fewer with `node`, `metric` or `label`"
        ))),
        (false, Some(why)) => Err(CliError::Usage(format!(
            "the condition's query is not asked, as the answer of {engine} is partial: {why}"
        ))),
        (false, None) => Ok(found),
    }
}
