//! Floor 7: what a person types. It wires the floors below and decides nothing that they could decide.
//!
//! [`args`] is the grammar (clap), [`config`] turns flags, environment and file into settings, [`error`] turns every
//! floor's error into one line and an exit code, [`output`] is the only way to the terminal. One file a command.
//!
//! Rules that hold for all commands: data goes to stdout, everything said to a person goes to stderr; exit codes are
//! those of [`error::Code`]; a closed pipe ends quietly.
//!
//! What this floor never does: SQL, statistics, HTML, formats.

mod analyse;
mod annotate;
mod args;
mod artifact;
mod batch;
mod check;
mod compare;
mod config;
mod context;
mod demo;
mod error;
mod export;
mod findings;
mod import;
mod info;
mod mail;
mod maintain;
mod output;
mod plot;
mod progress;
mod record;
mod reference;
mod report;
mod report_file;
mod retention;
mod run;
mod schedule;
mod serve;
mod sql;
mod summary;
mod units;

pub use error::Code;
pub use run::main;
