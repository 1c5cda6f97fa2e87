use crate::net::NetError;

/// The status of an engine that would have to look at more than it may.
pub(super) const TOO_LARGE: u16 = 422;

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
    #[error(
        "{url}: has {series} series in that time, the limit is {limit}: take a shorter range, or fewer nodes with --node"
    )]
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
    /// Whether fewer series, or a shorter time, may be answered for.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, RemoteError::Refused { status: TOO_LARGE, .. })
    }

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
pub(super) fn hint(status: u16, said: &str) -> &'static str {
    match status {
        TOO_LARGE if said.contains("matching timeseries exceeds") => {
            ": take a shorter range, or fewer series with --node and --metric, or give it a larger -search.maxUniqueTimeseries (for lists of series -search.maxSeries)"
        }
        401 => ": give token_file, or user and password_file, in [source]",
        403 => ": this login may not ask there",
        404 => {
            ": is the path of the address right? (of a cluster of VictoriaMetrics: /select/0/prometheus; of Mimir: /prometheus)"
        }
        TOO_LARGE => ": take a shorter range, or fewer series with --node and --metric",
        _ => "",
    }
}
