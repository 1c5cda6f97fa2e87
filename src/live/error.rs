use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::net::NetError;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No address.
    #[error("`{text}` is no address to listen on: give HOST:PORT, as in 127.0.0.1:9464, or a port")]
    Address {
        /// What was given.
        text: String,
    },
    /// Somebody else listens there, or it is not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// An address that others reach, without a secret.
    #[error(
        "{address} can be reached from other machines: that needs a token, name its file with --token-file or `serve.token_file` (make one: openssl rand -hex 16), or listen on 127.0.0.1"
    )]
    Open {
        /// Which.
        address: SocketAddr,
    },
    /// A file with a secret that cannot be read, or that others can.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file without a token.
    #[error("{}: {what}", path.display())]
    Token {
        /// Where.
        path: PathBuf,
        /// What is wrong with it, never what is in it.
        what: String,
    },
    /// A certificate that cannot be used.
    #[error("{}: {what}", path.display())]
    Certificate {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("TLS needs both `serve.certificate` and `serve.key`")]
    HalfTls,
    /// No thread, no runtime.
    #[error("the server cannot be started: {0}")]
    Start(io::Error),
}
