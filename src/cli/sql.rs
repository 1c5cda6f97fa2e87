//! `nodebook sql`: one question from the command line or stdin, or a prompt.

mod formats;

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::time::Duration;

use super::args::{SqlArgs, SqlFormat};
use super::context::Context;
use super::error::{CliError, Code};
use super::output::to_stdout;
use crate::model::range::parse_duration;
use crate::query::sql::{SqlConsole, SqlLimits};
use formats::{CsvRows, JsonLines, JsonRows, Rows, TableRows};

/// Answers.
pub fn run(args: &SqlArgs, context: &Context) -> Result<Code, CliError> {
    let time = Duration::from_millis(parse_duration(&args.time_limit)?.unsigned_abs());
    let open = || SqlConsole::open(context.db(), SqlLimits { time, ..SqlLimits::default() });
    match args.query.as_deref() {
        Some("-") => {
            let mut query = String::new();
            io::stdin().lock().read_to_string(&mut query).map_err(CliError::Stdin)?;
            answer(&mut open()?, &query, args.format, context)?;
        }
        Some(query) => answer(&mut open()?, query, args.format, context)?,
        None if io::stdin().is_terminal() => prompt(&mut open()?, args.format, context)?,
        None => return Err(CliError::Usage("no query: give one, or `-` to read it from stdin".to_owned())),
    }
    Ok(Code::Done)
}

fn answer(console: &mut SqlConsole, query: &str, format: SqlFormat, context: &Context) -> Result<(), CliError> {
    to_stdout(|out| {
        let mut rows: Box<dyn Rows + '_> = match format {
            SqlFormat::Table => Box::new(TableRows::plain(out)),
            SqlFormat::Markdown => Box::new(TableRows::markdown(out)),
            SqlFormat::Csv => Box::new(CsvRows::new(out)),
            SqlFormat::Json => Box::new(JsonRows::new(out)),
            SqlFormat::Jsonl => Box::new(JsonLines::new(out)),
        };
        console.run(query, &mut *rows)?;
        if let Some(cut) = rows.finish().map_err(CliError::Stdout)? {
            context.terminal.warn(&cut);
        }
        Ok(())
    })
}

/// Reads a statement a line, or over several lines up to a semicolon; a wrong one is told and the next is asked for.
fn prompt(console: &mut SqlConsole, format: SqlFormat, context: &Context) -> Result<(), CliError> {
    context.terminal.say(
        "tables: samples, buckets(metric, node, from, to, step), node, metric, series, sample, rollup_1h, rollup_1d",
    );
    context.terminal.say("end a query with a semicolon; Ctrl-D leaves");
    let mut query = String::new();
    loop {
        let sign = if query.is_empty() { "nodebook> " } else { "     ...> " };
        let mut stderr = io::stderr().lock();
        // A prompt that cannot be shown is not missed.
        let _ = write!(stderr, "{sign}").and_then(|()| stderr.flush());
        drop(stderr);
        if io::stdin().lock().read_line(&mut query).map_err(CliError::Stdin)? == 0 {
            context.terminal.say("");
            return Ok(());
        }
        if query.trim().is_empty() {
            query.clear();
        } else if query.trim_end().ends_with(';') {
            match answer(console, &query, format, context) {
                Err(CliError::Sql(error)) => context.terminal.error(&error.to_string()),
                other => other?,
            }
            query.clear();
        }
    }
}
