//! Times that are written without a zone.

use chrono_tz::Tz;

use super::time::{self, Unit};
use crate::model::Timestamp;
use crate::model::range::moment;

/// Reads what a clock on a wall showed, in the zone it is told; remembers whether that had to be.
#[derive(Clone, Debug)]
pub(super) struct LocalTime {
    zone: Tz,
    asked: bool,
}

impl LocalTime {
    pub(super) fn new(zone: Tz) -> Self {
        LocalTime { zone, asked: false }
    }

    /// Milliseconds since the epoch of `2026-11-23 17:44:56`, of the same with a zone behind it, or of a number.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<i64> {
        let ms = time::parse(text, Unit::ByMagnitude)?;
        Some(if has_zone(text) { ms } else { self.of_wall(ms) })
    }

    /// Of a wall clock's time, given as if it were UTC.
    pub(super) fn of_wall(&mut self, ms: i64) -> i64 {
        let wall = Timestamp::from_millis(ms);
        if self.zone == Tz::UTC || !wall.is_storable() {
            return ms;
        }
        self.asked = true;
        moment(wall.to_utc().naive_utc(), self.zone).millis()
    }

    pub(super) fn note(&self) -> Option<String> {
        let said = || format!("times without a zone were taken as {}; --timezone says another", self.zone);
        self.asked.then(said)
    }
}

/// A number has no zone to lack; a date has one after its time of day.
fn has_zone(text: &[u8]) -> bool {
    let is_date = text.get(4) == Some(&b'-');
    let clock = text.get(11..).unwrap_or_default();
    !is_date || clock.iter().any(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'+' | b'-'))
}
