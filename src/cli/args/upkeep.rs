use std::path::PathBuf;

use clap::Args;

use crate::cli::config::retention_keys;

/// `nodebook annotate`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook annotate 'deploy 4.2.0'
  nodebook annotate 'load test' --at now-2h --until now-1h
  nodebook annotate 'maintenance: disk swap' --at '2026-11-23 14:00' --until '2026-11-23 15:30' --node 'db-*'

What is odd during maintenance is expected: findings in an event with an end and the word maintenance in its text, on its nodes, are
counted but not told. `[analysis] mute = \"GLOB\"` says which texts do so instead (\"*\" all, \"\" none).")]
pub struct AnnotateArgs {
    /// What happened
    #[arg(value_name = "TEXT")]
    pub text: String,

    /// When, or the start [default: now]
    #[arg(long, value_name = "T")]
    pub at: Option<String>,

    /// The end, for something that lasts
    #[arg(long, value_name = "T")]
    pub until: Option<String>,

    /// Nodes that it concerns [default: all]
    #[arg(long, value_name = "GLOB")]
    pub node: Option<String>,
}

/// `nodebook info`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook info
  nodebook info --json | jq .bytes

The layers: head, recent rows; chunk, older samples, compressed; rollup_1h and rollup_1d, aggregates of hours and days, which stay when [retention] \
deletes samples. What is not in a layer are names, indexes, and room that comes back by `nodebook maintain`.")]
pub struct InfoArgs {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `nodebook check`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook check
  nodebook check --recover copy.db           of a damaged file what can be read; of a whole one a copy, also while it is recorded

Exit code 0: all is well; 5: something is damaged, and named. With --recover 0: everything is in the new file; 3: not all, and what is lost is named. \
The new file has samples, rollups, events, batches' runs and names. A copy that SQLite makes (`.backup`, VACUUM INTO of its shell) is as good, of a \
whole file; what its shell changes in a file counts as damage.")]
pub struct CheckArgs {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Write all that can be read into a new file, and say what is lost
    #[arg(long, value_name = "OUT")]
    pub recover: Option<PathBuf>,
}

const MAINTAIN_NOTE: &str = "\
What is kept is said by [retention] in the configuration file: raw = \"30d\", 1h = \"2y\", 1d = \"forever\", \
max_size = \"5GiB\", and rules for single metrics. Without it everything is kept for ever.";

/// `nodebook maintain`
#[derive(Args, Debug)]
#[command(after_help = MAINTAIN_NOTE, after_long_help = format!("{MAINTAIN_NOTE}\n\n{}", retention_keys()))]
pub struct MaintainArgs {
    /// Say what would be pruned, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `nodebook demo`
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  nodebook demo --db demo.db && nodebook report --db demo.db -o demo.html

The data is said to be simulated wherever it is shown. A database that holds other data is refused.")]
pub struct DemoArgs {
    /// Number of nodes
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub nodes: u32,

    /// Days of data, up to now
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,

    /// The same seed gives the same cluster
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// `nodebook completions`
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  nodebook completions bash > ~/.local/share/bash-completion/completions/nodebook")]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `nodebook man`
#[derive(Args, Debug)]
#[command(after_help = "Example: nodebook man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// An existing directory; a page a command is written there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
