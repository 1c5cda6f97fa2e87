//! When to read, and which time a reading carries. No clock is read here: what it says is given.

use crate::model::Timestamp;

/// Keeps an interval.
///
/// The interval is kept by the monotonic clock, from the start of the run: it does not drift, and a moment that was missed
/// (a busy or sleeping machine) is left out, never made up. A reading carries the moment it was due, so that times
/// lie on an even grid, as long as the wall clock agrees to within a twentieth of the interval; where it does not (it
/// was set, or drifts), the grid is laid anew.
#[derive(Clone, Debug)]
pub struct Pace {
    interval_ms: i64,
    /// Wall clock at `elapsed = 0`, as far as the grid goes.
    origin: Timestamp,
    /// A wall clock that jumped ahead is believed when the next reading confirms it.
    doubted: bool,
}

/// A jump ahead by more than this is doubted once. Suspended machines do it as well: they lose one reading.
const DOUBT_MS: i64 = 600_000;

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Read, and stamp it so.
    Take(Timestamp),
    /// The wall clock is that far ahead of where it should be: wait for one more reading.
    Doubt {
        /// How far.
        ahead_ms: i64,
    },
}

impl Pace {
    /// A run that starts at `now`.
    pub fn new(interval_ms: i64, now: Timestamp) -> Pace {
        Pace { interval_ms, origin: now, doubted: false }
    }

    /// `elapsed_ms` after the start by the monotonic clock, with the wall clock at `wall`.
    pub fn tick(&mut self, elapsed_ms: i64, wall: Timestamp) -> Tick {
        let due = self.origin.plus_millis(elapsed_ms - elapsed_ms % self.interval_ms);
        let off_ms = wall.millis() - self.origin.plus_millis(elapsed_ms).millis();
        if off_ms > DOUBT_MS && !self.doubted {
            self.doubted = true;
            return Tick::Doubt { ahead_ms: off_ms };
        }
        self.doubted = false;
        if off_ms.abs() <= self.interval_ms / 20 {
            return Tick::Take(due);
        }
        self.origin = self.origin.plus_millis(off_ms);
        Tick::Take(due.plus_millis(off_ms))
    }

    /// The next moment to read after `elapsed_ms`, in ms since the start.
    pub fn next_ms(&self, elapsed_ms: i64) -> i64 {
        (elapsed_ms / self.interval_ms + 1) * self.interval_ms
    }
}

/// By how much a reading is before the one before it, ms: the clock was set back.
pub fn set_back_ms(previous: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    previous.map(|previous| previous.millis() - now.millis()).filter(|back| *back > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_571_200_123;

    fn pace() -> Pace {
        Pace::new(1_000, Timestamp::from_millis(START))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(START + ms)
    }

    #[test]
    fn readings_lie_on_an_even_grid_although_they_come_late() {
        let mut pace = pace();
        assert_eq!(pace.tick(0, at(0)), Tick::Take(at(0)));
        assert_eq!(pace.next_ms(3), 1_000);
        assert_eq!(pace.tick(1_017, at(1_017)), Tick::Take(at(1_000)));
        assert_eq!(pace.tick(2_048, at(2_049)), Tick::Take(at(2_000)));
    }

    #[test]
    fn a_missed_moment_is_left_out() {
        let mut pace = pace();
        pace.tick(0, at(0));
        assert_eq!(pace.next_ms(3_400), 4_000);
        assert_eq!(pace.tick(4_001, at(4_001)), Tick::Take(at(4_000)));
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let mut pace = pace();
        assert_eq!(pace.tick(1_000, at(1_000)), Tick::Take(at(1_000)));
        assert_eq!(pace.tick(2_000, at(2_000 - 7_200_000)), Tick::Take(at(2_000 - 7_200_000)));
        assert_eq!(pace.tick(3_010, at(3_010 - 7_200_000)), Tick::Take(at(3_000 - 7_200_000)));
        assert_eq!(set_back_ms(Some(at(1_000)), at(2_000 - 7_200_000)), Some(7_199_000), "and it is said");
        assert_eq!(set_back_ms(Some(at(2_000)), at(3_000)), None);
        assert_eq!(set_back_ms(None, at(0)), None);
    }

    #[test]
    fn a_small_drift_is_followed_too() {
        let mut pace = pace();
        assert_eq!(pace.tick(1_000, at(1_050)), Tick::Take(at(1_000)));
        assert_eq!(pace.tick(2_000, at(2_051)), Tick::Take(at(2_051)));
        assert_eq!(pace.tick(3_000, at(3_052)), Tick::Take(at(3_051)));
    }

    #[test]
    fn a_jump_far_ahead_is_believed_when_it_is_confirmed() {
        let mut pace = pace();
        let year = 365 * 86_400_000;
        assert_eq!(pace.tick(1_000, at(1_000 + year)), Tick::Doubt { ahead_ms: year });
        assert_eq!(pace.clone().tick(2_000, at(2_000)), Tick::Take(at(2_000)), "it was a slip");
        assert_eq!(pace.tick(2_000, at(2_000 + year)), Tick::Take(at(2_000 + year)), "it was set");
        assert_eq!(pace.tick(3_000, at(3_000 + year)), Tick::Take(at(3_000 + year)));
    }
}
