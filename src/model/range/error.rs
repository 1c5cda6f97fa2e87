use super::super::Timestamp;

/// Why a time or range was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not of the grammar of moments.
    #[error("`{text}` is not a time: {expected}")]
    Moment {
        /// What was given.
        text: String,
        /// What would have been understood.
        expected: String,
    },
    /// Not of the grammar of periods.
    #[error("`{text}` is not a period: {expected}")]
    Period {
        /// What was given.
        text: String,
        /// What would have been understood.
        expected: String,
    },
    /// Not a duration.
    #[error("`{text}` is not a duration: {expected}")]
    Duration {
        /// What was given.
        text: String,
        /// What would have been understood.
        expected: String,
    },
    /// Flags that exclude each other.
    #[error("{first} and {second} say two different ranges: give --last, or --range, or --from and --to")]
    Conflict {
        /// One flag.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// The end is before the start.
    #[error("the range ends before it starts: from {from} to {to}")]
    Backwards {
        /// Its start.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// Nothing lies between start and end.
    #[error(
        "the range is empty: it starts and ends at {at}, and an end is never part of a range (a whole day is --range DATE)"
    )]
    Empty {
        /// Start and end.
        at: Timestamp,
    },
}

impl RangeError {
    pub(super) fn moment(text: &str) -> Self {
        let expected = "give for example 2026-11-23, `2026-11-23 14:00`, 2026-11-23T14:00:00Z, epoch seconds or milliseconds, now-6h, now/d, \
                        yesterday, last-week, 2026-W14 or 2026-Q1";
        RangeError::Moment { text: shown(text), expected: expected.to_owned() }
    }

    pub(super) fn wrong_moment(text: &str, expected: &str) -> Self {
        RangeError::Moment { text: shown(text), expected: expected.to_owned() }
    }

    pub(super) fn period(text: &str) -> Self {
        let expected = "give for example today, yesterday, last-week, this-month, 2026-11-23, 2026-W14, 2026-Q1, 2026-03, 2026, now-1w/w, \
                        or FROM..TO";
        RangeError::Period { text: shown(text), expected: expected.to_owned() }
    }

    pub(super) fn duration(text: &str, expected: &str) -> Self {
        RangeError::Duration { text: shown(text), expected: expected.to_owned() }
    }
}

/// What was given, safe for a terminal and of bounded length.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
