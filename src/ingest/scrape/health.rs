//! How a target is, and what of it is news: a change is told once, not each scrape anew.

use std::fmt;

use crate::model::Timestamp;

/// Something a person wants to know of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It fails. Said of the first failure.
    Down {
        /// Which.
        target: String,
        /// Why, with the address.
        why: String,
    },
    /// It answers again.
    Up {
        /// Which.
        target: String,
        /// How long it did not, in ms.
        down_ms: i64,
    },
    /// It answers, and not all of its page is taken.
    Partial {
        /// Which.
        target: String,
        /// What is left out.
        what: String,
    },
}

impl News {
    /// Whether something is not as it should be.
    pub fn is_bad(&self) -> bool {
        !matches!(self, News::Up { .. })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            News::Down { why, .. } => write!(f, "{why}: a gap until it does better"),
            News::Up { target, down_ms } => {
                let seconds = std::time::Duration::from_secs(down_ms.unsigned_abs() / 1_000);
                write!(f, "{target}: answers again, after {}", humantime::format_duration(seconds))
            }
            News::Partial { target, what } => write!(f, "{target}: {what}"),
        }
    }
}

/// What became of a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The page was taken; `Some` is what was left out of it.
    Taken(Option<String>),
    /// There is no page; why.
    Failed(String),
}

/// What is known of a target.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Since when it fails.
    down: Option<Timestamp>,
    /// Not all of its last page was taken.
    partial: bool,
}

impl Health {
    /// Takes what became of the scrape of `at`; gives what is new.
    pub fn observe(&mut self, target: &str, at: Timestamp, outcome: &Outcome) -> Vec<News> {
        let target = || target.to_owned();
        match outcome {
            Outcome::Failed(why) => match self.down {
                Some(_) => Vec::new(),
                None => {
                    self.down = Some(at);
                    vec![News::Down { target: target(), why: why.clone() }]
                }
            },
            Outcome::Taken(left_out) => {
                let since = self.down.take();
                let up = since.map(|since| News::Up { target: target(), down_ms: at.millis() - since.millis() });
                let was_partial = std::mem::replace(&mut self.partial, left_out.is_some());
                let new = left_out.as_ref().filter(|_| !was_partial);
                let partial = new.map(|what| News::Partial { target: target(), what: what.clone() });
                up.into_iter().chain(partial).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        let mut health = Health::default();
        let mut said = Vec::new();
        let failed = |why: &str| Outcome::Failed(format!("http://a: {why}"));
        let partial = |what: &str| Outcome::Taken(Some(what.to_owned()));
        let outcomes = [
            Outcome::Taken(None),
            failed("nobody listens there"),
            failed("has not answered within 10 s"),
            partial("2 lines were refused"),
            partial("3 lines were refused"),
            Outcome::Taken(None),
            partial("1 line was refused"),
            failed("nobody listens there"),
        ];
        for (i, outcome) in outcomes.iter().enumerate() {
            let at = Timestamp::from_millis(i as i64 * 10_000);
            said.extend(health.observe("http://a", at, outcome).iter().map(|news| format!("{i}: {news}")));
        }
        insta::assert_snapshot!(said.join("\n"), @"
        1: http://a: nobody listens there: a gap until it does better
        3: http://a: answers again, after 20s
        3: http://a: 2 lines were refused
        6: http://a: 1 line was refused
        7: http://a: nobody listens there: a gap until it does better
        ");
    }
}
