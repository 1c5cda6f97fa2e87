use std::io;
use std::path::PathBuf;

use crate::net::NetError;

/// Why something was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The place is a directory.
    #[error("{}: is a directory: name a file in it", path.display())]
    Directory {
        /// Where.
        path: PathBuf,
    },
    /// A database is there.
    #[error("{}: is a database, which is never replaced: choose another name", path.display())]
    Database {
        /// Where.
        path: PathBuf,
    },
    /// The directory of the place is missing.
    #[error("{}: no such directory", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A secret, an authority or a connection.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No address.
    #[error("`{text}` is not a mail address: give NAME@HOST, or `Name <NAME@HOST>`")]
    Address {
        /// What was given.
        text: String,
    },
    /// No server.
    #[error("mail server `{server}`: {what}")]
    Server {
        /// What was given.
        server: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A message that cannot be written.
    #[error("the message cannot be written: {what}")]
    Message {
        /// Why.
        what: String,
    },
    /// No room, no permission, or worse.
    #[error("{}: cannot write: {}", path.display(), reason(source))]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The reason of an I/O error in plain words, without the number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}
