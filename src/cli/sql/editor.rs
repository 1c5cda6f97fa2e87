//! The line that is typed: over several lines up to a semicolon, with history and completion.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, CompletionType, Config, Helper};

use super::history::{self, ENTRIES_MAX};
use super::statement;

/// Before the first line of a statement; before its others is nothing, so that it can be copied as it stands.
const SIGN: &str = "nodebook> ";
/// What Tab knows in any database.
const WORDS: [&str; 47] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "DISTINCT",
    "JOIN",
    "BETWEEN",
    "DESC",
    "PARTITION BY",
    "OVER",
    "samples",
    "buckets(",
    "node",
    "metric",
    "series",
    "sample",
    "rollup_1h",
    "rollup_1d",
    "labels",
    "value",
    "series_id",
    "node_id",
    "metric_id",
    "name",
    "kind",
    "unit",
    "count",
    "first",
    "last",
    "increase",
    "p50",
    "p95",
    "p99",
    "rate(",
    "percentile(",
    "time_bucket(",
    "iso(",
    "sqrt(",
    "count(*)",
    ".help",
    ".mode",
    ".quit",
    ".schema",
    ".tables",
];

/// What a person has typed.
pub enum Typed {
    /// A command, or statements.
    Text(String),
    /// Ctrl-C: the line is given up.
    Nothing,
    /// Ctrl-D on an empty line.
    End,
}

/// Reads statements from the terminal.
pub struct Editor {
    lines: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// Knows `names` (of metrics and nodes) beside the words of SQL. The second says why the history is not kept, if so.
    pub fn new(names: Vec<String>) -> io::Result<(Editor, Option<String>)> {
        let config = Config::builder()
            .max_history_size(ENTRIES_MAX)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(failed)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .behavior(Behavior::PreferTerm) // `nodebook sql > rows.txt` still asks on the terminal
            .build();
        let mut lines = rustyline::Editor::with_config(config).map_err(failed)?;
        lines.set_helper(Some(Assistant { names }));
        let (history, why) = match history::path() {
            Ok(path) => (Some(path), None),
            Err(why) => (None, Some(why)),
        };
        if let Some(path) = history.as_deref().filter(|path| path.exists()) {
            // One that cannot be read is none.
            let _ = lines.load_history(path);
        }
        Ok((Editor { lines, history }, why))
    }

    /// Waits for the next.
    pub fn read(&mut self) -> io::Result<Typed> {
        match self.lines.readline(SIGN) {
            Ok(text) => {
                let new = !text.trim().is_empty() && self.lines.add_history_entry(text.as_str()).unwrap_or(false);
                if let Some(path) = self.history.as_deref().filter(|_| new) {
                    // At once, and not at the end: two prompts may be open, and one may be killed.
                    let _ = self.lines.append_history(path);
                }
                Ok(Typed::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Says where a statement ends, and how a word may go on.
struct Assistant {
    names: Vec<String>,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let complete = statement::is_complete(context.input());
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let is_part = |c: char| c.is_alphanumeric() || "_.-:".contains(c);
        let start =
            line[..at].rfind(|c| !is_part(c)).map_or(0, |i| i + line[i..].chars().next().map_or(1, char::len_utf8));
        Ok((start, self.candidates(&line[start..at])))
    }
}

impl Assistant {
    fn candidates(&self, begun: &str) -> Vec<String> {
        if begun.is_empty() {
            return Vec::new();
        }
        let lower = begun.to_lowercase();
        let known = WORDS.iter().copied().map(Cow::from).chain(self.names.iter().map(Cow::from));
        known.filter(|word| word.to_lowercase().starts_with(&lower)).map(Cow::into_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_go_on() {
        let assistant = Assistant { names: vec!["cpu_percent".to_owned(), "db-1".to_owned()] };
        assert_eq!(assistant.candidates("sam"), ["samples", "sample"]);
        assert_eq!(assistant.candidates("db"), ["db-1"]);
        assert_eq!(assistant.candidates("percentile"), ["percentile("]);
        assert!(assistant.candidates("").is_empty());
    }
}
