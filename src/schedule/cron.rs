//! A time that comes again, in a zone.
//!
//! Where the clocks change, a schedule that names hours runs once for each local time it names: one that is skipped runs at the moment of the change,
//! one that comes twice runs the first time. A schedule of all hours runs by the time that passes: in both of a repeated hour, in none that is
//! skipped. That is what cron(8) of Vixie does. (The `croner` crate agrees; it brings ten crates, and this is a hundred lines.)

use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;

use super::ScheduleError;
use super::field::{DAY, Field, HOUR, MINUTE, MONTH, WEEKDAY};
use crate::model::Timestamp;
use crate::model::range::{local, moment};

const MINUTE_MS: i64 = 60_000;
/// The rarest day, a 29 February on a given weekday, comes once in 40 years at worst.
const DAYS_AHEAD_MAX: u32 = 41 * 366;

/// When something runs: five fields of cron, or a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    text: String,
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let fields = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" => "0 0 * * *",
            // Weeks are those of ISO 8601: at its first moment the one before is complete.
            "@weekly" => "0 0 * * 1",
            "@monthly" => "0 0 1 * *",
            fields => fields,
        };
        let [minute, hour, day, month, weekday] = fields.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(ScheduleError::Shape { text: text.to_owned() });
        };
        let schedule = Schedule {
            minute: Field::parse(minute, MINUTE)?,
            hour: Field::parse(hour, HOUR)?,
            day: Field::parse(day, DAY)?,
            month: Field::parse(month, MONTH)?,
            weekday: Field::parse(weekday, WEEKDAY)?,
            text: text.trim().to_owned(),
        };
        match schedule.next(Timestamp::from_millis(0), Tz::UTC) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never { text: text.to_owned() }),
        }
    }
}

impl Schedule {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first moment after `after`; `None` at the end of the calendar.
    pub fn next(&self, after: Timestamp, zone: Tz) -> Option<Timestamp> {
        if self.is_of_all_hours() { self.next_minute(after, zone) } else { self.next_named(after, zone) }
    }

    /// The moments after `after`, up to and with `until`.
    pub fn between(&self, after: Timestamp, until: Timestamp, zone: Tz) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(after, zone), move |at| self.next(*at, zone)).take_while(move |at| *at <= until)
    }

    /// The closed period of the calendar that such a run tells of where nothing else is asked for, in words of the range grammar.
    pub fn period(&self) -> &'static str {
        match (self.day.is_free, self.weekday.is_free) {
            (false, _) if self.day.count() == 1 => match self.month.count() {
                1 => "last-year",
                4 => "last-quarter",
                _ => "last-month",
            },
            (true, false) if self.weekday.count() == 1 => "last-week",
            _ if self.is_of_all_hours() => "last-hour",
            _ => "yesterday",
        }
    }

    fn is_of_all_hours(&self) -> bool {
        self.hour.count() == 24
    }

    /// Local times that are named, each once.
    fn next_named(&self, after: Timestamp, zone: Tz) -> Option<Timestamp> {
        // From the day before: a day that a zone has left out counts as the start of the next.
        let first = local(after, zone).date().checked_sub_days(Days::new(1))?;
        let days = first.iter_days().take(DAYS_AHEAD_MAX as usize).filter(|date| self.has_date(*date));
        let times = days.flat_map(|date| {
            let hours = self.hour.numbers().flat_map(|hour| self.minute.numbers().map(move |minute| (hour, minute)));
            hours.filter_map(move |(hour, minute)| date.and_hms_opt(hour, minute, 0))
        });
        times.map(|time: NaiveDateTime| moment(time, zone)).find(|at| *at > after)
    }

    /// Minutes as they pass.
    fn next_minute(&self, after: Timestamp, zone: Tz) -> Option<Timestamp> {
        let mut at = after.floor_to(MINUTE_MS).plus_millis(MINUTE_MS);
        let mut days = 0;
        while days < DAYS_AHEAD_MAX {
            let there = local(at, zone);
            if !self.has_date(there.date()) {
                at = moment(there.date().succ_opt()?.and_hms_opt(0, 0, 0)?, zone).max(at.plus_millis(MINUTE_MS));
                days += 1;
            } else if self.minute.has(there.minute()) {
                return Some(at);
            } else {
                at = at.plus_millis(MINUTE_MS);
            }
        }
        None
    }

    /// Where both day and weekday are named, either will do.
    fn has_date(&self, date: NaiveDate) -> bool {
        let day = self.day.has(date.day());
        let weekday = self.weekday.has(date.weekday().num_days_from_sunday());
        let is_day = if self.day.is_free || self.weekday.is_free { day && weekday } else { day || weekday };
        self.month.has(date.month()) && is_day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    /// The next `count` runs, in local time.
    fn runs(schedule: &str, after: &str, zone: Tz, count: usize) -> Vec<String> {
        let schedule: Schedule = schedule.parse().unwrap();
        let all = schedule.between(at(after), Timestamp::MAX, zone).take(count);
        all.map(|t| t.to_utc().with_timezone(&zone).format("%a %-d %b %Y %H:%M %z").to_string()).collect()
    }

    const BERLIN: Tz = Tz::Europe__Berlin;

    #[test]
    fn a_named_time_that_is_skipped_runs_at_the_change_and_one_that_repeats_runs_once() {
        let spring = runs("30 2 * * *", "2026-03-28T12:00:00+01:00", BERLIN, 2);
        assert_eq!(spring, ["Sun 29 Mar 2026 03:00 +0200", "Mon 30 Mar 2026 02:30 +0200"]);
        let autumn = runs("30 2 * * *", "2026-10-24T12:00:00+02:00", BERLIN, 2);
        assert_eq!(autumn, ["Sun 25 Oct 2026 02:30 +0200", "Mon 26 Oct 2026 02:30 +0100"]);
        // Two named times in the gap are one run.
        let both = runs("0,30 2 * * *", "2026-03-28T12:00:00+01:00", BERLIN, 2);
        assert_eq!(both, ["Sun 29 Mar 2026 03:00 +0200", "Mon 30 Mar 2026 02:00 +0200"]);
    }

    #[test]
    fn a_schedule_of_all_hours_goes_by_the_time_that_passes() {
        let spring = runs("*/30 * * * *", "2026-03-29T01:20:00+01:00", BERLIN, 2);
        assert_eq!(spring, ["Sun 29 Mar 2026 01:30 +0100", "Sun 29 Mar 2026 03:00 +0200"]);
        let autumn = runs("@hourly", "2026-10-25T01:30:00+02:00", BERLIN, 3);
        assert_eq!(
            autumn,
            ["Sun 25 Oct 2026 02:00 +0200", "Sun 25 Oct 2026 02:00 +0100", "Sun 25 Oct 2026 03:00 +0100"]
        );
    }

    #[test]
    fn day_and_weekday_together_are_either() {
        let either = runs("0 7 13 * fri", "2026-11-01T00:00:00Z", Tz::UTC, 3);
        assert_eq!(
            either,
            ["Fri 6 Nov 2026 07:00 +0000", "Fri 13 Nov 2026 07:00 +0000", "Fri 20 Nov 2026 07:00 +0000"]
        );
        assert_eq!(
            runs("0 0 29 2 *", "2026-11-01T00:00:00Z", Tz::UTC, 2),
            ["Tue 29 Feb 2028 00:00 +0000", "Sun 29 Feb 2032 00:00 +0000"]
        );
    }

    #[test]
    fn a_wrong_schedule_says_what_would_be_right() {
        let say = |text: &str| text.parse::<Schedule>().unwrap_err().to_string();
        insta::assert_snapshot!(say("weekly"), @"`weekly` is not a schedule: give five fields (minute hour day month weekday), as in `0 7 * * 1`, or @hourly, @daily, @weekly or @monthly");
        insta::assert_snapshot!(say("0 0 31 feb *"), @"`0 0 31 feb *` never comes: no such day is in the calendar");
        assert!("0 7 * *".parse::<Schedule>().is_err() && "@yearly".parse::<Schedule>().is_err());
    }

    #[test]
    fn a_schedule_has_its_period() {
        let period = |text: &str| text.parse::<Schedule>().unwrap().period();
        assert_eq!(
            ["@hourly", "@daily", "@weekly", "@monthly"].map(period),
            ["last-hour", "yesterday", "last-week", "last-month"]
        );
        assert_eq!(
            ["0 7 * * 1", "0 7 * * 1-5", "0 6,18 * * *", "0 7 2 * *"].map(period),
            ["last-week", "yesterday", "yesterday", "last-month"]
        );
        assert_eq!(["0 7 1 1,4,7,10 *", "0 7 1 jan *"].map(period), ["last-quarter", "last-year"]);
    }
}
