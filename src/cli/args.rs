//! The grammar of the command line. The help texts here are the reference: README and manual pages follow them.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

mod commands;
mod deliveries;
mod selection;
mod serving;
mod upkeep;

pub use commands::*;
pub use deliveries::*;
pub use selection::{RangeArgs, SelectArgs};
pub use serving::ServeArgs;
pub use upkeep::*;

/// Records a cluster's metrics into one SQLite file and turns any stretch of them into one HTML file.
///
/// Data goes to stdout, everything said to a person to stderr. Settings come from, in this order: flags, environment
/// (NODEBOOK_DB, NODEBOOK_RECORD_INTERVAL, ...: the key in capitals), the configuration file, defaults.
#[derive(Debug, Parser)]
#[command(name = "nodebook", version, long_version = super::reference::long_version())]
#[command(arg_required_else_help = true, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  nodebook record --interval 1s --for 30s --report report.html
  nodebook import metrics.csv.gz && nodebook report --range last-week
  nodebook sql \"SELECT node, max(value) FROM samples WHERE metric = 'load1' GROUP BY node\"

Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  3  done in part: something was rejected (stderr says what)
  4  no data in range, or no such database
  5  the database is locked, damaged, not ours, or newer than this build";

/// Flags of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// The database [default: $NODEBOOK_DB, then `db` of the configuration file, then nodebook.db]
    #[arg(long, global = true, value_name = "PATH")]
    pub db: Option<PathBuf>,

    /// The configuration file [default: $NODEBOOK_CONFIG, ./nodebook.toml, ~/.config/nodebook/config.toml,
    /// /etc/nodebook/config.toml, whichever is there first]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// An engine to ask instead of the database, by its address: VictoriaMetrics, Prometheus, Mimir, Thanos, Cortex (report, plot, export, summary,
    /// analyse, compare, sql, batch, serve); again for one more that has the same: the one with the newest sample is asked, and one that does not answer is
    /// told [default: `url` of [source] in the configuration file]
    #[arg(long, global = true, value_name = "URL")]
    pub source: Vec<String>,

    /// What that engine is: auto, prometheus (Mimir, Thanos and Cortex too), victoria [default: auto]
    #[arg(long, global = true, value_name = "FLAVOUR")]
    pub source_flavour: Option<String>,

    /// Zone in which times are read and shown, an IANA name such as Europe/Berlin [default: the machine's]
    #[arg(long, global = true, value_name = "ZONE")]
    pub timezone: Option<String>,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say every step
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Colours on the terminal; `auto` heeds NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// Where a terminal shows them and NO_COLOR is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sample this machine, scrape targets and take pushes until stopped
    Record(RecordArgs),
    /// Load samples from files
    Import(ImportArgs),
    /// Write the HTML report of a stretch of time
    Report(ReportArgs),
    /// Write one figure
    Plot(PlotArgs),
    /// Write samples as CSV, Parquet, JSON lines, OpenMetrics or line protocol
    Export(ExportArgs),
    /// Show the findings and numbers of a stretch of time in the terminal
    Summary(SummaryArgs),
    /// Say what is odd, has changed, moves together or fills up
    Analyse(AnalyseArgs),
    /// Say what changed most between two periods, or two databases
    Compare(CompareArgs),
    /// Ask the database in SQL, read-only
    Sql(SqlArgs),
    /// Note an event that every chart shows: a deploy, a maintenance window
    Annotate(AnnotateArgs),
    /// Show what is in the database and what it costs
    Info(InfoArgs),
    /// Verify every checksum and count in the database
    Check(CheckArgs),
    /// Serve a live page, and answer questions over HTTP
    Serve(ServeArgs),
    /// Seal, roll up, prune, and give space back
    Maintain(MaintainArgs),
    /// Make configured reports, now or those that are due
    Batch(BatchArgs),
    /// Tell when each batch runs next, and how its last run ended
    Schedule(ScheduleArgs),
    /// Send one report or file by mail
    Mail(MailArgs),
    /// Print the systemd units of recorder and batches
    Units(UnitsArgs),
    /// Fill a database with a simulated cluster
    Demo(DemoArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}
