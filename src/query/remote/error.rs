use crate::net::NetError;

/// Why an engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The network, a secret or an authority.
    #[error(transparent)]
    Net(#[from] NetError),
    /// It says no.
    #[error("{url}: answers {status}: {said}{hint}")]
    Refused {
        /// Who was asked.
        url: String,
        /// 400 and so on.
        status: u16,
        /// Its words.
        said: String,
        /// The way out, where one is known.
        hint: &'static str,
    },
    /// What it answers is not what the Prometheus HTTP API says.
    #[error("{url}: is no engine that speaks the Prometheus HTTP API: {why}")]
    Answer {
        /// Who was asked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// No address was given.
    #[error("no engine is named")]
    Nowhere,
    /// It has ceased to answer, and no other can be asked in its place.
    #[error("{error}; no other replica takes its place: {others}")]
    NoneLeft {
        /// What became of the last one that was asked.
        error: Box<RemoteError>,
        /// Why not the others.
        others: String,
    },
    /// More series than can be held.
    #[error("{url}: has {series} series in that time, the limit is {limit}: take a shorter range")]
    TooMany {
        /// Who was asked.
        url: String,
        /// How many there are.
        series: usize,
        /// The most that are taken.
        limit: usize,
    },
}

impl RemoteError {
    /// Whether it tells of who was asked, and nothing of what was asked: another that has the same may answer.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            RemoteError::Net(error) => error.may_pass(),
            // Of a proxy that finds nobody behind it, and of an engine that is about to end.
            RemoteError::Refused { status, .. } => matches!(status, 502..=504),
            _ => false,
        }
    }
}

/// What a status means for who asked.
pub(super) fn hint(status: u16) -> &'static str {
    match status {
        401 => ": give token_file, or user and password_file, in [source]",
        403 => ": this login may not ask there",
        404 => {
            ": is the path of the address right? (of a cluster of VictoriaMetrics: /select/0/prometheus; of Mimir: /prometheus)"
        }
        422 => ": take a shorter range, or fewer series with --node and --metric",
        _ => "",
    }
}
