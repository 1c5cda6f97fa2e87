//! Every way to end, in one table: what is said, and which exit code programs see.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::config::ConfigError;
use crate::deliver::DeliverError;
use crate::export::ExportError;
use crate::forward::ForwardError;
use crate::ingest::host::HostError;
use crate::ingest::import::ImportError;
use crate::live::LiveError;
use crate::model::range::RangeError;
use crate::model::{NameError, SelectorError, word};
use crate::net::NetError;
use crate::query::remote::RemoteError;
use crate::query::sql::SqlError;
use crate::query::{MaterialiseError, QueryError};
use crate::report::ReportError;
use crate::store::{StoreError, StoreErrorKind};

/// Exit codes: part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Done in part: something was rejected.
    Partial = 3,
    /// No data in range, or no such database.
    NoData = 4,
    /// The database is locked by another recorder, damaged, not ours, or newer than this build.
    Database = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A time or range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A glob.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Arguments that do not go together.
    #[error("{0}")]
    Usage(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question to it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A question in SQL.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// This machine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An import.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// An export.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// An output file.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// The network, a secret or an authority.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Handing on.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A server.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// There is nothing to show.
    #[error("{0}")]
    NoData(String),
    /// Standard output; a closed pipe is not an error, see [`CliError::is_closed_pipe`].
    #[error("cannot write to stdout: {0}")]
    Stdout(io::Error),
    /// Standard input.
    #[error("cannot read stdin: {0}")]
    Stdin(io::Error),
    /// A message that did not go.
    #[error("{0}")]
    Mail(String),
    /// There is no room for what is only needed now.
    #[error("cannot make a temporary directory: {0}")]
    Temporary(io::Error),
    /// Signals cannot be caught.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// No thread can be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A database that must not be mixed with a demo.
    #[error("{}: holds data that is not a demo: choose a new file with --db", path.display())]
    NotADemo {
        /// Which.
        path: PathBuf,
    },
}

impl From<MaterialiseError> for CliError {
    fn from(error: MaterialiseError) -> CliError {
        match error {
            MaterialiseError::Query(error) => error.into(),
            MaterialiseError::Store(error) => error.into(),
            MaterialiseError::Temporary(error) => CliError::Temporary(error),
        }
    }
}

impl CliError {
    /// The way out, where the floor that failed cannot know it: it does not know the commands.
    pub fn hint(&self) -> Option<String> {
        let store = match self {
            CliError::Store(error)
            | CliError::Query(QueryError::Store(error))
            | CliError::Sql(SqlError::Store(error))
            | CliError::Import(ImportError::Store(error))
            | CliError::Report(ReportError::Query(QueryError::Store(error)))
            | CliError::Export(ExportError::Query(QueryError::Store(error))) => error,
            CliError::Deliver(DeliverError::NoDirectory { .. }) => return Some("make it first".to_owned()),
            CliError::Sql(SqlError::Syntax { message, .. } | SqlError::Failed { message })
                if message.starts_with("no such table") || message.starts_with("no such column") =>
            {
                return Some("`nodebook sql .schema`, or its --help, tells what there is".to_owned());
            }
            _ => return None,
        };
        // Advice is pasted: it names the database, which need not be the one that is meant without.
        match store {
            StoreError::Missing { path } => {
                let db = with_db(path);
                Some(format!(
                    "name another with --db, or make one by `nodebook record{db}` or `nodebook import{db} FILE`"
                ))
            }
            StoreError::NotAFile { .. } => Some("name a file with --db".to_owned()),
            StoreError::Busy { .. } => Some("try again when it has ended".to_owned()),
            StoreError::Damaged { path, .. } | StoreError::DamagedChunk { path, .. } => Some(format!(
                "go back to a copy of it, or keep what can still be read: `nodebook check{} --recover NEW.db`",
                with_db(path)
            )),
            _ => None,
        }
    }

    /// What programs see.
    pub fn code(&self) -> Code {
        match self {
            CliError::Config(_)
            | CliError::Range(_)
            | CliError::Selector(_)
            | CliError::Name(_)
            | CliError::Usage(_)
            | CliError::NotADemo { .. } => Code::Usage,
            CliError::Store(error) => store_code(error),
            CliError::Query(error) => query_code(error),
            CliError::Sql(error) => sql_code(error),
            CliError::Import(ImportError::Store(error)) => store_code(error),
            CliError::Report(error) => report_code(error),
            CliError::Export(error) => export_code(error),
            CliError::NoData(_) => Code::NoData,
            CliError::Deliver(DeliverError::Address { .. } | DeliverError::Server { .. }) => Code::Usage,
            CliError::Net(error) | CliError::Deliver(DeliverError::Net(error)) => net_code(error),
            CliError::Forward(ForwardError::Store(error)) => store_code(error),
            CliError::Forward(ForwardError::Net(error)) => net_code(error),
            CliError::Live(LiveError::Bind { .. } | LiveError::Start(_)) => Code::Failed,
            CliError::Live(_) => Code::Usage,
            CliError::Host(_)
            | CliError::Import(_)
            | CliError::Deliver(_)
            | CliError::Stdout(_)
            | CliError::Stdin(_)
            | CliError::Mail(_)
            | CliError::Temporary(_)
            | CliError::Signals(_)
            | CliError::Thread(_) => Code::Failed,
        }
    }

    /// Whether the reader of stdout has simply gone (`nodebook export … | head`): a quiet end.
    pub fn is_closed_pipe(&self) -> bool {
        let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        match self {
            CliError::Stdout(error) => is_pipe(error),
            CliError::Export(ExportError::Write(error)) => is_pipe(error),
            CliError::Sql(SqlError::Sink(error)) => is_pipe(error),
            _ => false,
        }
    }
}

/// ` --db PATH`, for a command that is to be pasted.
pub fn with_db(path: &Path) -> String {
    format!(" --db {}", word(&path.to_string_lossy()))
}

/// What was given is wrong, or the network is.
fn net_code(error: &NetError) -> Code {
    match error {
        NetError::Address { .. } | NetError::Secret { .. } | NetError::Authority { .. } => Code::Usage,
        _ => Code::Failed,
    }
}

fn store_code(error: &StoreError) -> Code {
    // These two are of the kind `Foreign`, but what is wrong is the path that was given, not a database.
    if matches!(error, StoreError::Directory { .. } | StoreError::NotAFile { .. }) {
        return Code::Failed;
    }
    match error.kind() {
        StoreErrorKind::Missing => Code::NoData,
        StoreErrorKind::Foreign | StoreErrorKind::Newer | StoreErrorKind::Locked | StoreErrorKind::Damaged => {
            Code::Database
        }
        StoreErrorKind::Full | StoreErrorKind::Permission | StoreErrorKind::Invalid | StoreErrorKind::Other => {
            Code::Failed
        }
    }
}

fn query_code(error: &QueryError) -> Code {
    match error {
        QueryError::Store(error) => store_code(error),
        QueryError::Remote(RemoteError::Net(error)) => net_code(error),
        QueryError::Remote(_) => Code::Failed,
    }
}

fn report_code(error: &ReportError) -> Code {
    match error {
        ReportError::Query(error) => query_code(error),
        ReportError::NoData { .. }
        | ReportError::LeftOut { .. }
        | ReportError::NothingToCompare { .. }
        | ReportError::NoSuchMetric { .. } => Code::NoData,
        ReportError::WithoutPng => Code::Usage,
        ReportError::Render(_) | ReportError::Image(_) | ReportError::Pdf(_) => Code::Failed,
    }
}

fn export_code(error: &ExportError) -> Code {
    match error {
        ExportError::Query(error) => query_code(error),
        ExportError::Write(_) => Code::Failed,
        ExportError::Format { .. } | ExportError::Agg { .. } | ExportError::Step { .. } => Code::Usage,
    }
}

fn sql_code(error: &SqlError) -> Code {
    match error {
        SqlError::Store(error) => store_code(error),
        SqlError::Damaged { .. } => Code::Database,
        SqlError::Empty
        | SqlError::Several
        | SqlError::Refused { .. }
        | SqlError::Syntax { .. }
        | SqlError::Failed { .. } => Code::Usage,
        SqlError::Time { .. }
        | SqlError::Stopped
        | SqlError::Rows { .. }
        | SqlError::Bytes { .. }
        | SqlError::Sink(_) => Code::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_is_not_a_dead_end() {
        let path = PathBuf::from("a.db");
        let say = |error: StoreError| {
            let error = CliError::from(ExportError::from(QueryError::from(error)));
            format!("{error}: {}", error.hint().unwrap_or_default())
        };
        insta::assert_snapshot!(say(StoreError::Busy { path }), @"a.db: is busy: another program holds a lock on it: try again when it has ended");
        let damaged = StoreError::Damaged { path: PathBuf::from("b b.db"), what: "a page".to_owned() };
        insta::assert_snapshot!(say(damaged), @"b b.db: is damaged (a page): `nodebook check --db 'b b.db'` says what is lost: go back to a copy of it, or keep what can still be read: `nodebook check --db 'b b.db' --recover NEW.db`");
    }
}
