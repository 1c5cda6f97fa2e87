use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::{Cli, Command};
use super::config::Settings;
use super::context::{Context, clock};
use super::error::{CliError, Code};
use super::output::{Terminal, plain};
use super::{
    analyse, annotate, batch, check, compare, demo, export, import, info, mail, maintain, plot, record, reference,
    report, schedule, serve, sql, summary, units,
};
use crate::model::word;
use crate::net::without_secrets;

/// Parses, runs, and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(mut error) => {
            suggest_db(&mut error, &arguments);
            // Help and version come this way too; a closed pipe is nobody's problem.
            let _ = error.print();
            return if error.use_stderr() { Code::Usage } else { Code::Done }.into();
        }
    };
    let terminal = Terminal::new(&cli.global);
    match run(cli, &arguments, terminal) {
        Ok(code) => code.into(),
        Err(error) if error.is_closed_pipe() => Code::Done.into(),
        Err(error) => {
            let hint = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
            terminal.error(&format!("{error}{hint}"));
            error.code().into()
        }
    }
}

/// Whoever gives a database as an argument is told how it is named.
fn suggest_db(error: &mut clap::Error, arguments: &[OsString]) {
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else { return };
    if error.kind() != ErrorKind::UnknownArgument {
        return;
    }
    // `sql cust.db QUERY`: what is unexpected is what follows it.
    let before = arguments.windows(2).filter(|pair| !pair[0].to_string_lossy().starts_with('-'));
    let mut all = before.filter_map(|pair| pair[1].to_str()).filter(|text| !text.starts_with('-'));
    let found = Some(unexpected.as_str()).filter(|text| names_db(text)).or_else(|| all.find(|text| names_db(text)));
    if let Some(db) = found {
        let tip = format!("did you mean --db {}?", word(&plain(db)));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

/// Whether this is a database, by its name or by what it is.
pub fn names_db(text: &str) -> bool {
    const SQLITE: &[u8] = b"SQLite format 3";
    let begins = |path: &Path| {
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(SQLITE.len() as u64).read_to_end(&mut start));
        read.is_ok() && start == SQLITE
    };
    let path = Path::new(text);
    path.extension().is_some_and(|ending| ending == "db") || (path.is_file() && begins(path))
}

fn run(cli: Cli, arguments: &[OsString], terminal: Terminal) -> Result<Code, CliError> {
    // These two need no settings: a broken configuration must not keep anybody from the manual.
    match &cli.command {
        Command::Completions(args) => return reference::completions(args),
        Command::Man(args) => return reference::man(args, terminal),
        _ => {}
    }
    if let Some(name) = asks_no_engine(&cli.command).filter(|_| !cli.global.source.is_empty()) {
        return Err(CliError::Usage(format!("--source: `{name}` does not ask an engine")));
    }
    let settings = Settings::load(&cli.global)?;
    let context = Context { settings, terminal, now: clock(), command_line: command_line(arguments) };
    match &cli.command {
        Command::Record(args) => record::run(args, &context),
        Command::Import(args) => import::run(args, &context),
        Command::Report(args) => report::run(args, &context),
        Command::Plot(args) => plot::run(args, &context),
        Command::Export(args) => export::run(args, &context),
        Command::Summary(args) => summary::run(args, &context),
        Command::Analyse(args) => analyse::run(args, &context),
        Command::Compare(args) => compare::run(args, &context),
        Command::Sql(args) => sql::run(args, &context),
        Command::Annotate(args) => annotate::run(args, &context),
        Command::Info(args) => info::run(args, &context),
        Command::Check(args) => check::run(args, &context),
        Command::Serve(args) => serve::run(args, &context),
        Command::Maintain(args) => maintain::run(args, &context),
        Command::Batch(args) => batch::run(args, &context),
        Command::Schedule(args) => schedule::run(args, &context),
        Command::Mail(args) => mail::run(args, &context),
        Command::Units(args) => units::run(args, &context),
        Command::Demo(args) => demo::run(args, &context),
        Command::Completions(_) | Command::Man(_) => Ok(Code::Done),
    }
}

/// The commands that are about a database and nothing else.
fn asks_no_engine(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Record(_) => "record",
        Command::Import(_) => "import",
        Command::Annotate(_) => "annotate",
        Command::Info(_) => "info",
        Command::Check(_) => "check",
        Command::Maintain(_) => "maintain",
        Command::Schedule(_) => "schedule",
        Command::Units(_) => "units",
        Command::Demo(_) => "demo",
        _ => return None,
    })
}

/// The command line as a person could type it again, but for what is secret: the program by its name, arguments with spaces in quotes.
fn command_line(arguments: &[OsString]) -> String {
    let quoted = arguments.iter().skip(1).map(|argument| {
        let text = told(argument.to_string_lossy());
        word(&text).into_owned()
    });
    std::iter::once("nodebook".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// An address without login and query: reports carry the command line to whoever reads them.
fn told(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("://") || text.contains(char::is_whitespace) {
        return text;
    }
    let query = if text.contains('?') { "?…" } else { "" };
    Cow::Owned(without_secrets(&text) + query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_tells_no_secret() {
        let of = |text: &str| command_line(&["nodebook", text].map(OsString::from));
        assert_eq!(of("db=http://ops:hunter2@db-1:9100/m?token=abc"), "nodebook 'db=http://***@db-1:9100/m?…'");
        assert_eq!(of("--scrape=https://ops:hunter2@db-1"), "nodebook '--scrape=https://***@db-1'");
        assert_eq!(of("http://db-1:9100/metrics"), "nodebook http://db-1:9100/metrics");
        assert_eq!(of("see http://wiki/?x"), "nodebook 'see http://wiki/?x'");
    }

    #[test]
    fn the_command_line_can_be_typed_again() {
        let line = command_line(&["/x/nodebook", "report", "--title", "it's A", "-o", "a.html"].map(OsString::from));
        assert_eq!(line, r"nodebook report --title 'it'\''s A' -o a.html");
    }

    #[test]
    fn the_grammar_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
