use std::fmt;

use crate::model::Timestamp;

/// What is worth to be told of forwarding.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The engine does not take samples; told once until it does again.
    Away(String),
    /// It takes them again.
    Back,
    /// It was started anew: what it may have lost is sent again.
    Again {
        /// From when on.
        from: Timestamp,
    },
    /// It refuses samples for good; told of the first ones.
    Rejected(String),
    /// The file cannot be read or written now.
    Later(String),
    /// How far it is.
    Lag {
        /// Samples so far.
        sent: u64,
        /// How far the cursor is behind the clock.
        behind_ms: i64,
    },
    /// The end.
    Stopped {
        /// Samples in all.
        sent: u64,
        /// Of them refused.
        rejected: u64,
        /// The cursor.
        upto: Timestamp,
    },
}

impl News {
    /// Whether somebody should look after it.
    pub fn is_bad(&self) -> bool {
        matches!(self, News::Away(_) | News::Rejected(_) | News::Later(_))
    }

    /// Whether only who asks for details wants to know.
    pub fn is_detail(&self) -> bool {
        matches!(self, News::Lag { .. })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            News::Away(why) => write!(f, "forwarding waits: {why}"),
            News::Back => f.write_str("forwarding goes on"),
            News::Again { from } => write!(f, "the engine was started anew: samples from {from} on are sent again"),
            News::Rejected(why) => write!(f, "samples are refused and not sent again: {why}"),
            News::Later(why) => write!(f, "forwarding waits: {why}"),
            News::Lag { sent, behind_ms } => {
                write!(f, "forwarded {sent} samples, {} s behind", behind_ms / 1_000)
            }
            News::Stopped { sent, rejected: 0, upto } => write!(f, "forwarded {sent} samples, up to {upto}"),
            News::Stopped { sent, rejected, upto } => {
                write!(f, "forwarded {sent} samples, up to {upto}, of which {rejected} were refused")
            }
        }
    }
}
