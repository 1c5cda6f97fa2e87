//! Reports that go out: batches, their schedule, mail, and the units that run them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `nodebook batch`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook batch weekly                      the report of last week, to wherever [[batch]] says
  nodebook batch --due                       what has come since the last time, from a timer
  nodebook batch --due --dry-run --at 'now+7d'
  nodebook batch --history

A run is in the ledger of the database before it is made, and each of its messages before it is sent: a process that is killed goes on with \
the next call, and no mail is sent twice. A server that is away is tried again with every call, for three days.")]
pub struct BatchArgs {
    /// Which batches of the configuration
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Those whose time has come, and what waits to be sent
    #[arg(long)]
    pub due: bool,

    /// Say what would be run, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Tell what was run, the latest first
    #[arg(long, conflicts_with_all = ["due", "dry_run"])]
    pub history: bool,

    /// As if it were then: which are due, and of which time they tell
    #[arg(long, value_name = "T")]
    pub at: Option<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `nodebook schedule`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook schedule
  nodebook schedule next --at 2026-12-24")]
pub struct ScheduleArgs {
    /// Each batch with its next and its last run, or the runs that come next
    #[arg(value_name = "WHAT", default_value = "list")]
    pub what: ScheduleWhat,

    /// As if it were then
    #[arg(long, value_name = "T")]
    pub at: Option<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What `schedule` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScheduleWhat {
    /// A line a batch
    List,
    /// A line a run
    Next,
}

/// `nodebook mail`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook mail weekly --to me@example.org      the report of that batch, as it would go out now: a test of [mail], too
                                                (where its period is not recorded yet, of what there is)
  nodebook mail report.html --to ops@example.org
  nodebook mail weekly --eml look-at-it.eml     written, not sent

Several --to get one mail in which nobody sees the others.")]
pub struct MailArgs {
    /// A batch of the configuration, or a file
    #[arg(value_name = "NAME|FILE")]
    pub what: String,

    /// Who gets it; repeatable
    #[arg(long, value_name = "ADDR")]
    pub to: Vec<String>,

    /// Subject [default: title, verdict and period, or the name of the file]
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,

    /// Write the message to a file instead of sending it
    #[arg(long, value_name = "FILE")]
    pub eml: Option<PathBuf>,
}

/// `nodebook units`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook units
  sudo nodebook units --dir /etc/systemd/system && sudo systemctl daemon-reload && sudo systemctl enable --now nodebook

nodebook.service records and runs what is due; where nothing is recorded, nodebook-batch.timer runs it.")]
pub struct UnitsArgs {
    /// Write them into this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
