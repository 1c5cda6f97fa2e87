use chrono_tz::Tz;

use super::super::{TimeRange, Timestamp};
use super::moment::{between, parse_point};
use super::{RangeError, parse_duration, parse_period};

const DAY_MS: i64 = 86_400_000;
/// How far ahead of `now` data may end and still be taken for the present: clocks of machines differ.
const AHEAD_MS: i64 = 600_000;

/// What was typed: the flags `--last`, `--range`, `--from` and `--to`. No clock, no data: [`RangeSpec::resolve`] adds those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSpec {
    /// `--last 7d`
    pub last: Option<String>,
    /// `--range last-week`
    pub range: Option<String>,
    /// `--from`
    pub from: Option<String>,
    /// `--to`
    pub to: Option<String>,
}

impl RangeSpec {
    /// The range meant at `now` in `tz` over data that spans `data`; never empty.
    ///
    /// `--last D` ends at `now`, or at the end of the data where that is earlier, so that it finds something in a file that was recorded
    /// long ago. Nothing given: the last 24 h of data, the whole of data that spans less (without data: the 24 h before `now`). `--from` alone
    /// ends at the end of data (or now, the later); `--to` alone starts at the start of data, or in 1970 where the data starts later than it ends.
    pub fn resolve(&self, now: Timestamp, tz: Tz, data: Option<TimeRange>) -> Result<TimeRange, RangeError> {
        self.check_conflicts()?;
        if let Some(last) = &self.last {
            let to = data.map_or(now, |data| data.to().min(now));
            let from = to.plus_millis(-parse_duration(last)?).max(Timestamp::MIN);
            return between(from, to);
        }
        if let Some(period) = &self.range {
            return parse_period(period, now, tz);
        }
        let from = self.from.as_deref().map(|text| parse_point(text, now, tz)).transpose()?;
        let to = self.to.as_deref().map(|text| parse_point(text, now, tz)).transpose()?;
        match (from, to) {
            (Some(from), Some(to)) => between(from.start(), to.end()),
            (Some(from), None) => between(from.start(), data.map_or(now, |data| data.to().max(now))),
            (None, Some(to)) => {
                let to = to.end();
                let from = data.map(TimeRange::from).filter(|from| *from < to).unwrap_or(Timestamp::MIN);
                between(from, to)
            }
            (None, None) => {
                let (start, end) = data.map_or((Timestamp::MIN, now), |data| (data.from(), last_believed(data, now)));
                between(start.max(end.plus_millis(-DAY_MS)), end)
            }
        }
    }

    fn check_conflicts(&self) -> Result<(), RangeError> {
        let given = |flag: &'static str, value: &Option<String>| value.as_ref().map(|_| flag);
        let bound = given("--from", &self.from).or(given("--to", &self.to));
        let flags = [given("--last", &self.last), given("--range", &self.range), bound];
        let mut flags = flags.into_iter().flatten();
        match (flags.next(), flags.next()) {
            (Some(first), Some(second)) => Err(RangeError::Conflict { first, second }),
            _ => Ok(()),
        }
    }
}

/// Where the data ends, for one who did not say: a clock that was a year ahead for a minute does not move what is looked at into that minute.
/// Data that lies ahead as a whole is what was meant.
pub fn last_believed(data: TimeRange, now: Timestamp) -> Timestamp {
    let is_ahead = data.to() > now.plus_millis(AHEAD_MS) && data.from() < now;
    if is_ahead { now } else { data.to() }
}
