//! What was typed at the prompt, kept from one session to the next: the owner's alone, as queries name nodes and people.

use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};

/// Statements kept.
pub const ENTRIES_MAX: usize = 1_000;

/// Where it is: `$XDG_STATE_HOME/nodebook/sql_history`, by default in `~/.local/state`. Makes the directory; says why there is none.
pub fn path() -> Result<PathBuf, String> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    let directory = state.ok_or("no home directory")?.join("nodebook");
    make(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    Ok(directory.join("sql_history"))
}

fn make(directory: &Path) -> std::io::Result<()> {
    if fs::metadata(directory).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)
}
