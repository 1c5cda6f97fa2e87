//! The prompt of `nodebook sql`: statements and a few commands, until Ctrl-D.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::ValueEnum;
use signal_hook::consts::SIGINT;

use super::super::args::SqlFormat;
use super::super::context::Context;
use super::super::error::CliError;
use super::super::output::{counted, plain, print_text};
use super::editor::{Editor, Typed};
use super::{answer, statement};
use crate::query::sql::{RowSink, SqlConsole, SqlError, Value};

const HELP: &str = "\
.help            this
.mode [FORMAT]   how rows are printed: table, csv, json, jsonl, markdown
.quit            the end, as Ctrl-D
.schema [TABLE]  columns of all tables, or of one
.tables          what there is to ask

A statement ends with a semicolon and may have many lines. Ctrl-C stops a query
or gives up a line, Tab completes a word, arrows and Ctrl-R go back to what was
asked. Functions beside SQLite's: rate(ts, value), percentile(value, p),
time_bucket(step, ts), iso(ts), sqrt(x); `nodebook sql --help` explains them.";

const TABLES: &str = "\
samples              every sample: ts (ms UTC), node, metric, labels, value, series_id
buckets(metric, node, from, to, step)
                     aggregates by series and stretch of time; for example
                     SELECT * FROM buckets('cpu*', NULL, NULL, NULL, '1h');
node, metric, series names and their numbers
rollup_1h, rollup_1d stored aggregates of hours and of UTC days, by series_id and t
sample               recent samples that are not compressed yet";

/// Names that Tab knows at most.
const NAMES_MAX: u64 = 5_000;

/// A command by itself, without a prompt: those that tell something.
pub fn once(console: &mut SqlConsole, text: &str, context: &Context) -> Result<(), CliError> {
    let text = text.trim_start_matches('.').trim();
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match name.trim_end_matches(';') {
        "tables" => print_text(TABLES),
        "help" | "h" => print_text(HELP),
        "schema" => {
            let table = argument.trim().trim_end_matches(';');
            if (Session { console, format: SqlFormat::Table, context }).schema(table)? {
                return Ok(());
            }
            Err(CliError::Usage(format!("there is no table `{table}`: .tables names them")))
        }
        name => Err(CliError::Usage(format!(
            ".{name} is not known here: .tables, .schema [TABLE] and .help are, other commands are of the prompt \
             (`nodebook sql` without a query)"
        ))),
    }
}

/// Asks and answers until the end.
pub fn run(console: &mut SqlConsole, format: SqlFormat, context: &Context) -> Result<(), CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&stop)).map_err(CliError::Signals)?;
    console.stop_on(stop);
    let (mut editor, no_history) = Editor::new(names(console)?).map_err(CliError::Stdin)?;
    if let Some(why) = no_history {
        context.terminal.warn(&format!("history is not kept: {why}"));
    }
    let limits = console.limits();
    let seconds = limits.time.as_secs_f64();
    context.terminal.say(&format!("{}: read only; a query may take {seconds} s", context.db().display()));
    context.terminal.say("end a query with a semicolon; .help helps, .tables tells what there is, Ctrl-D leaves");
    let mut session = Session { console, format, context };
    loop {
        match editor.read().map_err(CliError::Stdin)? {
            Typed::Nothing => {}
            Typed::End => return Ok(()),
            Typed::Text(text) => {
                if session.take(text.trim())?.is_break() {
                    return Ok(());
                }
            }
        }
    }
}

struct Session<'s> {
    console: &'s mut SqlConsole,
    format: SqlFormat,
    context: &'s Context,
}

impl Session<'_> {
    fn take(&mut self, text: &str) -> Result<ControlFlow<()>, CliError> {
        if let Some(command) = text.strip_prefix('.') {
            return self.command(command);
        }
        let (statements, rest) = statement::split(text);
        for statement in statements.into_iter().chain(Some(rest).filter(|rest| !rest.trim().is_empty())) {
            if !self.ask(statement.trim())? {
                break; // what follows was meant to come after it
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether it was answered.
    fn ask(&mut self, query: &str) -> Result<bool, CliError> {
        let start = Instant::now();
        match answer(self.console, query, self.format, super::PROMPT_ROWS_MAX, self.context) {
            Ok(rows) => {
                let seconds = start.elapsed().as_secs_f64();
                self.context.terminal.say(&format!("{} in {seconds:.3} s", counted(rows, "row")));
                Ok(true)
            }
            Err(CliError::Sql(error)) => {
                self.tell(query, &error);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// An error, and where it is.
    fn tell(&self, query: &str, error: &SqlError) {
        let terminal = &self.context.terminal;
        let SqlError::Syntax { line, column, message } = error else { return terminal.error(&error.to_string()) };
        terminal.error(message);
        if let Some(text) = query.lines().nth(line - 1) {
            let before: String = text.chars().take(column - 1).collect();
            terminal.say(&format!("  {text}"));
            terminal.say(&format!("  {}^", " ".repeat(unicode_width::UnicodeWidthStr::width(plain(&before).as_str()))));
        }
    }

    fn command(&mut self, command: &str) -> Result<ControlFlow<()>, CliError> {
        let terminal = &self.context.terminal;
        let (name, argument) = command.trim().split_once(char::is_whitespace).unwrap_or((command.trim(), ""));
        match (name, argument.trim()) {
            ("quit" | "exit" | "q", _) => return Ok(ControlFlow::Break(())),
            ("help" | "h", _) => HELP.lines().for_each(|line| terminal.say(line)),
            ("tables", _) => TABLES.lines().for_each(|line| terminal.say(line)),
            ("mode", "") => terminal.say(&format!("rows are printed as {}", name_of(self.format))),
            ("mode", wanted) => match SqlFormat::from_str(wanted, true) {
                Ok(format) => self.format = format,
                Err(_) => {
                    let known: Vec<String> = SqlFormat::value_variants().iter().map(|f| name_of(*f)).collect();
                    terminal.error(&format!("there is no format `{wanted}`: {}", known.join(", ")));
                }
            },
            ("schema", table) => {
                if !self.schema(table)? {
                    terminal.error(&format!("there is no table `{table}`: .tables names them"));
                }
            }
            _ => terminal.error(&format!("there is no command .{name}: .help names them")),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether there is such a table.
    fn schema(&mut self, table: &str) -> Result<bool, CliError> {
        let table = table.trim_end_matches(';').replace('\'', "''");
        let which = match table.as_str() {
            "" => "SELECT 'samples' UNION ALL SELECT 'buckets' UNION ALL
                   SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
                .to_owned(),
            one => format!("SELECT '{one}'"),
        };
        let sql = format!(
            "WITH t(name) AS ({which}) SELECT t.name || '(' || group_concat(c.name || ' ' || c.type, ', ') || ')'
             FROM t, pragma_table_xinfo(t.name) c WHERE c.hidden <> 1 GROUP BY t.name ORDER BY t.name"
        );
        let mut lines = Lines::default();
        match self.console.run(&sql, &mut lines) {
            Ok(0) => return Ok(false),
            Ok(_) => print_text(&lines.0.join("\n"))?,
            Err(error) => self.tell(&sql, &error),
        }
        Ok(true)
    }
}

fn name_of(format: SqlFormat) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Metrics and nodes that can be typed between quotes and shown on a terminal as they are.
fn names(console: &mut SqlConsole) -> Result<Vec<String>, CliError> {
    let mut lines = Lines::default();
    let sql = format!("SELECT name FROM metric UNION SELECT name FROM node LIMIT {NAMES_MAX}");
    match console.run(&sql, &mut lines) {
        Ok(_) => Ok(lines.0.into_iter().filter(|name| plain(name) == *name && !name.contains('\'')).collect()),
        // A damaged file may still answer questions.
        Err(SqlError::Damaged { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The texts of one column.
#[derive(Default)]
struct Lines(Vec<String>);

impl RowSink for Lines {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        if let Some(Value::Text(text)) = values.first() {
            self.0.push(text.clone().into_owned());
        }
        Ok(ControlFlow::Continue(()))
    }
}
