use crate::model::Timestamp;

/// Why a message is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It may go well later: the network, a server that is busy.
    #[error("{0}")]
    Passing(String),
    /// It will not: an address that is refused, a wrong password, a certificate that is not trusted.
    #[error("{0}")]
    Lasting(String),
    /// All of it was handed over and nothing was heard: it may be there.
    #[error("{0}: it may have arrived, and is not sent again")]
    Unsure(String),
    /// What was to be written down before the last byte could not be.
    #[error("{0}")]
    Ledger(String),
}

/// Minutes between the tries of a message.
const PAUSES_MIN: [i64; 4] = [1, 5, 10, 15];
/// How long a message is tried, ms: three days, as mail servers do.
const PATIENCE_MS: i64 = 3 * 86_400_000;

/// When a message that was tried `attempts` times, the first time for a run that was due at `since`, is tried again; `None` where it is given up.
pub fn next_try(attempts: u32, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let place = usize::try_from(attempts).unwrap_or(usize::MAX).min(PAUSES_MIN.len() - 1);
    let next = now.plus_millis(PAUSES_MIN[place] * 60_000);
    (next.millis() - since.millis() <= PATIENCE_MS).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_after_three_days_it_is_given_up() {
        let since = Timestamp::from_millis(1_767_571_200_000);
        let (mut now, mut tries) = (since, 0);
        while let Some(next) = next_try(tries, since, now) {
            assert!(next > now);
            (now, tries) = (next, tries + 1);
        }
        assert!((285..290).contains(&tries), "{tries}");
    }
}
