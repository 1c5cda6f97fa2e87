//! `nodebook sql`: one question from the command line or stdin, or a prompt.

mod editor;
mod history;
mod materialised;
mod prompt;
mod statement;
mod table;

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::args::{SqlArgs, SqlFormat};
use super::context::Context;
use super::error::{CliError, Code};
use super::output::to_stdout;
use super::run::names_db;
use crate::export::{CsvRows, JsonLines, JsonRows, Rows};
use crate::model::range::parse_duration;
use crate::model::word;
use crate::net::read_text_at_most;
use crate::query::sql::{SqlConsole, SqlError, SqlLimits};
use crate::store::StoreError;
use table::{Room, TableRows};

/// Rows that a table shows: more than anybody reads, and little enough to keep.
const TABLE_ROWS_MAX: usize = 10_000;
/// The same at the prompt, where they push away what was there before.
const PROMPT_ROWS_MAX: usize = 500;

/// A number is less than any text, says SQLite, and finds nothing.
const TS_IS_NO_TEXT: &str = "ts is a number, ms since 1970, and never as large as a text: write \
                             ts >= unixepoch('2026-11-27') * 1000, or iso(ts) >= '2026-11-27'";

/// Most bytes of a query on stdin.
const QUERY_BYTES_MAX: u64 = 1 << 20;

/// Answers.
pub fn run(args: &SqlArgs, context: &Context) -> Result<Code, CliError> {
    let time = Duration::from_millis(parse_duration(&args.time_limit)?.unsigned_abs());
    let engine = match context.settings.source.url {
        Some(_) => Some(materialised::materialise(args, context)?),
        None if args.range.is_given() || args.select.is_given() => {
            return Err(CliError::Usage(
                "RANGE and SELECT say what is fetched of an engine (--source): the database is asked as a whole"
                    .to_owned(),
            ));
        }
        None => None,
    };
    let (path, code) = engine.as_ref().map_or((context.db(), Code::Done), |(found, code)| (found.path(), *code));
    let open = || SqlConsole::open(path, SqlLimits { time, ..SqlLimits::default() });
    match args.query.as_deref() {
        Some("-") => {
            let query = read_text_at_most(io::stdin().lock(), QUERY_BYTES_MAX).map_err(CliError::Stdin)?;
            once(open, &query, args.format, context)?;
        }
        Some(query) => once(open, query, args.format, context)?,
        None if io::stdin().is_terminal() => prompt::run(&mut open()?, args.format, context)?,
        None => return Err(CliError::Usage("no query: give one, or `-` to read it from stdin".to_owned())),
    }
    Ok(code)
}

/// One question, or one of the prompt's commands.
fn once(
    open: impl FnOnce() -> Result<SqlConsole, SqlError>,
    query: &str,
    format: SqlFormat,
    context: &Context,
) -> Result<(), CliError> {
    let text = query.trim();
    if !text.contains(char::is_whitespace) && names_db(text) {
        return Err(CliError::Usage(format!("{text} is no query: did you mean --db {}?", word(text))));
    }
    let mut console = open()?;
    if text.starts_with('.') {
        return prompt::once(&mut console, text, context);
    }
    let rows = answer(&mut console, query, format, TABLE_ROWS_MAX, context).map_err(|error| match error {
        // Of a page: nothing but the console knows the file, and nothing tells the way out.
        CliError::Sql(SqlError::Damaged { message }) if !message.contains("nodebook check") => {
            StoreError::Damaged { path: context.db().to_owned(), what: message }.into()
        }
        other => other,
    })?;
    if rows <= 1 && statement::compares_ts_with_text(query) {
        context.terminal.warn(TS_IS_NO_TEXT);
    }
    Ok(())
}

/// Runs a statement and prints its rows, of which a table shows `table_rows` at most; returns how many there were.
fn answer(
    console: &mut SqlConsole,
    query: &str,
    format: SqlFormat,
    table_rows: usize,
    context: &Context,
) -> Result<u64, CliError> {
    let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    let room = Room { rows: table_rows, width };
    to_stdout(|out| {
        let mut rows: Box<dyn Rows + '_> = match format {
            SqlFormat::Table => Box::new(TableRows::plain(out, room)),
            SqlFormat::Markdown => Box::new(TableRows::markdown(out, room)),
            SqlFormat::Csv => Box::new(CsvRows::new(out)),
            SqlFormat::Json => Box::new(JsonRows::new(out)),
            SqlFormat::Jsonl => Box::new(JsonLines::new(out)),
        };
        let count = console.run(query, &mut *rows)?;
        let said = rows.finish().map_err(CliError::Stdout)?;
        drop(rows);
        out.flush().map_err(CliError::Stdout)?;
        said.iter().for_each(|sentence| context.terminal.warn(sentence));
        Ok(count)
    })
}
