//! What is made of the grammar itself: completions, manual pages, the long version.

use std::sync::LazyLock;

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::error::{CliError, Code};
use super::output::{Terminal, to_stdout};
use crate::deliver::{Artifact, DeliverError, write_file};

/// Version of this build and of what it carries.
pub fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\nSQLite {}\nplotly.js {}",
            env!("CARGO_PKG_VERSION"),
            crate::store::sqlite_version(),
            crate::report::plotly::PLOTLY_VERSION
        )
    });
    &TEXT
}

/// Prints the completion script.
pub fn completions(args: &CompletionsArgs) -> Result<Code, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nodebook", &mut script);
    to_stdout(|out| out.write_all(&script).map_err(CliError::Stdout))?;
    Ok(Code::Done)
}

/// Writes a page a command.
pub fn man(args: &ManArgs, terminal: Terminal) -> Result<Code, CliError> {
    if !args.dir.is_dir() {
        return Err(DeliverError::NoDirectory { path: args.dir.clone() }.into());
    }
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    page(&root, "nodebook", args)?;
    for command in root.get_subcommands() {
        page(command, &format!("nodebook-{}", command.get_name()), args)?;
    }
    terminal.say(&format!("wrote {} pages to {}", 1 + root.get_subcommands().count(), args.dir.display()));
    Ok(Code::Done)
}

fn page(command: &clap::Command, name: &str, args: &ManArgs) -> Result<(), CliError> {
    let path = args.dir.join(format!("{name}.1"));
    let mut roff = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .render(&mut roff)
        .map_err(|source| DeliverError::Write { path: path.clone(), source })?;
    write_file(&path, &Artifact { name: format!("{name}.1"), media_type: "text/troff", bytes: roff })?;
    Ok(())
}
