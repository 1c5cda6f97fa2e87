//! The only way to the terminal. Names come from data: what could move a cursor or turn the reading direction is cut.

use std::io::{self, BufWriter, IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::args::{ColorChoice, GlobalArgs};
use super::error::CliError;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// Every step.
    Verbose,
}

/// Says things to a person, on stderr. A closed stderr is nobody's problem.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// How much is said.
    pub verbosity: Verbosity,
    colour: bool,
}

impl Terminal {
    /// As the flags want it.
    pub fn new(global: &GlobalArgs) -> Self {
        let verbosity = match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stderr().is_terminal() && !no_color,
        };
        Terminal { verbosity, colour }
    }

    /// Something a person wants to know.
    pub fn say(&self, text: &str) {
        self.line(Verbosity::Normal, "", text);
    }

    /// A step, for `-v`.
    pub fn detail(&self, text: &str) {
        self.line(Verbosity::Verbose, "", text);
    }

    /// Something that is not as it should be, and does not end the run.
    pub fn warn(&self, text: &str) {
        self.line(Verbosity::Normal, &self.painted("33", "warning: "), text);
    }

    /// Why the run ends; said always.
    pub fn error(&self, text: &str) {
        self.line(Verbosity::Quiet, &self.painted("31", "error: "), text);
    }

    /// Whether a progress bar is seen by anybody.
    pub fn shows_progress(&self) -> bool {
        self.verbosity >= Verbosity::Normal && io::stderr().is_terminal()
    }

    fn painted(&self, colour: &str, word: &str) -> String {
        if self.colour { format!("\x1b[1;{colour}m{word}\x1b[0m") } else { word.to_owned() }
    }

    fn line(&self, from: Verbosity, prefix: &str, text: &str) {
        if self.verbosity >= from {
            let _ = writeln!(io::stderr().lock(), "{prefix}{}", plain(text));
        }
    }
}

/// `text` on one line and without anything that a terminal would obey: control characters and marks of direction; nor
/// what cannot be seen at all, by which one name could pass for another.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => None,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// `1 node`, `12 nodes`; `series` stays as it is.
pub fn counted(n: u64, noun: &str) -> String {
    if n == 1 || noun.ends_with('s') { format!("{n} {noun}") } else { format!("{n} {noun}s") }
}

/// Writes data to stdout through `write`, buffered; a failure knows that it was stdout.
pub fn to_stdout<T>(write: impl FnOnce(&mut dyn Write) -> Result<T, CliError>) -> Result<T, CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = write(&mut out)?;
    out.flush().map_err(CliError::Stdout)?;
    Ok(done)
}

/// Prints one JSON value and a newline.
pub fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    to_stdout(|out| {
        serde_json::to_writer_pretty(&mut *out, value).map_err(|error| CliError::Stdout(error.into()))?;
        writeln!(out).map_err(CliError::Stdout)
    })
}

/// Prints lines of text.
pub fn print_text(text: &str) -> Result<(), CliError> {
    to_stdout(|out| writeln!(out, "{}", text.trim_end()).map_err(CliError::Stdout))
}

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table of text for eyes: no frame, as wide as it must be.
pub fn table(columns: &[(&str, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let cell = |text: &str, align: Align| {
        let alignment = if align == Align::Right { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(plain(text)).set_alignment(alignment)
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(name, align)| cell(name, *align)).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row.iter().zip(columns).map(|(text, (_, align))| cell(text, *align)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Text in Markdown that stays text: in a ticket a name must not become a tag, a link or a picture that is fetched.
pub fn markdown(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside_word = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '_' if inside_word => out.push(c),
            '\\' | '|' | '[' | ']' | '`' | '*' | '_' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Text in HTML that stays text.
pub fn html_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The same as Markdown.
pub fn markdown_table(columns: &[(&str, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = line(columns.iter().map(|(name, _)| markdown(name)).collect());
    let rule =
        line(columns.iter().map(|(_, align)| if *align == Align::Right { "---:" } else { "---" }.to_owned()).collect());
    rows.into_iter().fold(header + &rule, |text, row| text + &line(row.iter().map(|cell| markdown(cell)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(plain("a\x1b]0;x\x07b\u{202e}c\u{9b}d\ne"), "a]0;xbcd e");
        assert_eq!(plain("Größe µs 日本"), "Größe µs 日本");
        assert_eq!(plain("db\u{200b}-1\u{feff}\u{2028}x"), "db-1 x");
    }

    #[test]
    fn a_name_in_a_ticket_is_no_picture_and_no_tag() {
        assert_eq!(markdown("![x](http://evil/p.png)"), r"!\[x\](http://evil/p.png)");
        assert_eq!(markdown("<b>&lt;`*a*`"), r"&lt;b>&amp;lt;\`\*a\*\`");
        assert_eq!(markdown("cpu_percent __proto__ a|b\\"), r"cpu_percent \_\_proto\_\_ a\|b\\");
    }

    #[test]
    fn tables_are_plain_columns() {
        let columns = [("node", Align::Left), ("value", Align::Right)];
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long|name".to_owned(), "23.5".to_owned()]];
        insta::assert_snapshot!(table(&columns, rows.clone()), @"
        node       value
        a              1
        long|name   23.5
        ");
        insta::assert_snapshot!(markdown_table(&columns, rows), @r"
        | node | value |
        | --- | ---: |
        | a | 1 |
        | long\|name | 23.5 |
        ");
    }
}
