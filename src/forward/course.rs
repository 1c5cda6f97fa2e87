//! How far an engine is believed to be: pure.

use std::collections::VecDeque;

use crate::model::Timestamp;

/// What was acknowledged so long before an engine was last seen alive has stayed: VictoriaMetrics writes to its disk every few seconds.
pub const SETTLES_MS: i64 = 60_000;
/// Most steps that are remembered one by one: a catch-up makes thousands.
const STEPS_MAX: usize = 4_096;

/// A position in time, and the last late note before it was reached.
pub type Position = (Timestamp, i64);

/// Positions with the moments at which they were acknowledged, by a clock that only goes forward.
#[derive(Debug)]
pub struct Course {
    /// Surely there.
    base: Position,
    kept: Option<Position>,
    steps: VecDeque<(i64, Position)>,
    /// Steps that are nearer to each other are one, which began at `opened`.
    apart_ms: i64,
    opened: i64,
    alive: Option<i64>,
}

impl Course {
    /// From a position that is surely there.
    pub fn from(base: Position) -> Course {
        Course { base, kept: None, steps: VecDeque::new(), apart_ms: 0, opened: 0, alive: None }
    }

    /// Everything up to there was acknowledged, at `at`.
    pub fn arrived(&mut self, at: i64, position: Timestamp, late: i64) {
        if at - self.opened < self.apart_ms
            && let Some(last) = self.steps.back_mut()
        {
            *last = (at, (position, late));
            return;
        }
        self.opened = at;
        if self.steps.len() == STEPS_MAX {
            // From now on as far apart as those that stay: else the oldest, which are asked for first, would be the first to go.
            let since = self.steps.front().map_or(at, |(first, _)| *first);
            self.apart_ms = ((at - since) / (STEPS_MAX as i64 / 2)).max(1);
            // Of two neighbours the later tells less than is known: never too much.
            let mut i = 0;
            self.steps.retain(|_| {
                i += 1;
                i % 2 == 0
            });
        }
        self.steps.push_back((at, (position, late)));
    }

    /// The same process as before answered at `at`.
    pub fn seen_alive(&mut self, at: i64) {
        self.alive = Some(at);
        while let Some((_, position)) = self.steps.front().filter(|(acknowledged, _)| *acknowledged <= at - SETTLES_MS)
        {
            self.base = *position;
            self.steps.pop_front();
        }
        if self.steps.is_empty() {
            self.apart_ms = 0;
        }
    }

    /// It was started anew: where to begin again.
    pub fn back(&mut self) -> Position {
        self.steps.clear();
        self.apart_ms = 0;
        self.base
    }

    /// What is to be written down as surely there, where that is more than before.
    pub fn settled(&mut self) -> Option<Position> {
        (self.kept != Some(self.base)).then(|| {
            self.kept = Some(self.base);
            self.base
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = Timestamp::from_millis;

    #[test]
    fn an_engine_that_lived_on_for_a_minute_has_kept_it() {
        let mut course = Course::from((AT(5), 0));
        course.arrived(1_000, AT(10), 1);
        course.arrived(30_000, AT(20), 2);
        course.seen_alive(60_999);
        assert_eq!((course.settled(), course.settled()), (Some((AT(5), 0)), None));
        course.seen_alive(61_000);
        assert_eq!(course.settled(), Some((AT(10), 1)));
        course.arrived(62_000, AT(30), 2);
        assert_eq!(course.back(), (AT(10), 1), "what came after is sent again");
        course.seen_alive(300_000);
        assert_eq!(course.back(), (AT(10), 1), "and is not believed before it was");
    }

    #[test]
    fn a_long_catch_up_is_remembered_well_enough() {
        let mut course = Course::from((AT(0), 0));
        for i in 1..=100_000 {
            course.arrived(i, AT(i), 0);
        }
        assert!(course.steps.len() <= STEPS_MAX);
        course.seen_alive(50_000 + SETTLES_MS);
        let (position, _) = course.back();
        assert!(position <= AT(50_000) && position > AT(10_000), "{position}");
    }
}
