use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no answer. An address in it is shown as [`Address`](super::Address) shows itself: without what is secret.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// No address of ours.
    #[error("`{shown}` is not an address: {what}")]
    Address {
        /// What was given, without login and query.
        shown: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A header that cannot be sent.
    #[error("{url}: header `{name}` is none: ASCII without line ends")]
    Header {
        /// Who was to be asked.
        url: String,
        /// Its name.
        name: String,
    },
    /// A file with a secret.
    #[error("{}: {what}", path.display())]
    Secret {
        /// Where.
        path: PathBuf,
        /// What is wrong with it, never what is in it.
        what: String,
    },
    /// A file with certificates.
    #[error("{}: {what}", path.display())]
    Authority {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No connection can be made: no such host, nobody listens, no way there. Nothing was sent.
    #[error("{url}: cannot be reached: {why}")]
    Unreachable {
        /// Who was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// The connection cannot be made private. Nothing was sent.
    #[error("{url}: {why}")]
    Untrusted {
        /// Who was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// No whole answer in time.
    #[error("{url}: has not answered within {} s", limit.as_secs_f64())]
    Timeout {
        /// Who was asked.
        url: String,
        /// How long it had.
        limit: Duration,
    },
    /// The connection ended before the answer did.
    #[error("{url}: the connection ended before the answer did: {why}")]
    Cut {
        /// Who was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// It is not HTTP that is spoken there.
    #[error("{url}: does not speak HTTP: {why}")]
    Protocol {
        /// Who was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// An answer that is too long.
    #[error("{url}: the answer is longer than {limit} bytes{}", if *unpacked { " when unpacked" } else { "" })]
    TooLarge {
        /// Who was asked.
        url: String,
        /// Most bytes.
        limit: u64,
        /// Whether it was packed, and is too long only when unpacked.
        unpacked: bool,
    },
    /// An answer that cannot be unpacked.
    #[error("{url}: the answer cannot be unpacked: {why}")]
    Packing {
        /// Who was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: redirects to {to}: {why}")]
    Redirect {
        /// Who was asked.
        url: String,
        /// Where it sends us.
        to: String,
        /// Why we do not go.
        why: &'static str,
    },
    /// No runtime for a caller that has none.
    #[error("no connection can be made: {0}")]
    Runtime(io::Error),
}

impl NetError {
    /// Whether it is surely so that nothing of the request arrived.
    pub fn is_unsent(&self) -> bool {
        !matches!(
            self,
            NetError::Timeout { .. }
                | NetError::Cut { .. }
                | NetError::Protocol { .. }
                | NetError::TooLarge { .. }
                | NetError::Packing { .. }
                | NetError::Redirect { .. }
        )
    }

    /// Whether it may go well later: what is told of the network, not what is told of an address, a certificate or an answer.
    pub fn may_pass(&self) -> bool {
        matches!(self, NetError::Unreachable { .. } | NetError::Timeout { .. } | NetError::Cut { .. })
    }
}
