use chrono::{DateTime, Datelike, Offset, SecondsFormat, Timelike};
use chrono_tz::Tz;

use crate::model::{Calendar, Language, TimeRange, Timestamp};

use super::{NBSP, Numerals};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Writes moments of one report: in its zone and its language's form of dates, as precisely as its range and step need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zone: Tz,
    range: TimeRange,
    language: Language,
}

impl Clock {
    pub fn new(zone: Tz, range: TimeRange, language: Language) -> Clock {
        Clock { zone, range, language }
    }

    /// Writes the numbers beside the moments.
    pub fn numerals(&self) -> Numerals {
        Numerals::new(self.language)
    }

    /// The forms of dates.
    pub fn calendar(&self) -> &'static Calendar {
        self.language.calendar()
    }

    /// The moment on the wall clock of the report's zone.
    pub fn local(&self, t: Timestamp) -> DateTime<Tz> {
        t.to_utc().with_timezone(&self.zone)
    }

    /// `14:10`, `Tue 14:10`, `Tue 24 Nov 14:10` or `24 Nov 2025 14:10`: no more than is needed to tell moments of the range apart.
    pub fn moment(&self, t: Timestamp) -> String {
        let at = self.local(t);
        let time = if self.range.millis() <= 30 * MINUTE { at.format("%H:%M:%S") } else { at.format("%H:%M") };
        let (from, to) = (self.local(self.range.from()), self.local(self.last_moment()));
        if from.date_naive() == to.date_naive() && from.date_naive() == at.date_naive() {
            time.to_string()
        } else if self.range.millis() <= 7 * DAY {
            format!("{} {time}", self.date("%a", &at))
        } else if self.range.millis() < 200 * DAY {
            format!("{} {time}", self.date(self.calendar().weekday_date, &at))
        } else {
            format!("{} {time}", self.date(self.calendar().date, &at))
        }
    }

    fn date(&self, form: &str, at: &DateTime<Tz>) -> String {
        self.calendar().write(form, at.date_naive())
    }

    /// The same zone and language, for a stretch of time that needs other precision.
    pub fn with_range(&self, range: TimeRange) -> Clock {
        Clock { range, ..*self }
    }

    /// A day, whatever the range: `6 Dec 2026`.
    pub fn day(&self, t: Timestamp) -> String {
        self.date(self.calendar().date, &self.local(t))
    }

    /// From one moment to another; the day is said once where it is the same.
    pub fn stretch(&self, from: Timestamp, to: Timestamp) -> String {
        let (first, last) = (self.moment(from), self.moment(to));
        let time = last.rsplit_once(' ').map_or(last.as_str(), |(_, time)| time);
        if first == last {
            first
        } else if self.local(from).date_naive() == self.local(to).date_naive() {
            format!("{first} – {time}")
        } else {
            format!("{first} – {last}")
        }
    }

    /// A moment with its date, whatever the range.
    pub fn full(&self, t: Timestamp) -> String {
        let at = self.local(t);
        format!("{} {}", self.date(self.calendar().full, &at), at.format("%H:%M:%S"))
    }

    /// The local date and time as plotly takes it: no zone, since axes are local to the report.
    pub fn plotly(&self, t: Timestamp) -> String {
        self.local(t).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The report's range: `Mon 16 – Sun 22 Nov 2026` for whole days, with times otherwise.
    pub fn period(&self) -> String {
        let (from, to) = (self.local(self.range.from()), self.local(self.range.to()));
        let midnight = |t: &DateTime<Tz>| t.num_seconds_from_midnight() == 0 && t.timestamp_subsec_millis() == 0;
        if midnight(&from) && midnight(&to) && !self.range.is_empty() {
            return self.days(&from, &self.local(self.last_moment()));
        }
        let time = if self.range.millis() <= 30 * MINUTE { "%H:%M:%S" } else { "%H:%M" };
        let dated = |at: &DateTime<Tz>| format!("{}, {}", self.date(self.calendar().full, at), at.format(time));
        let start = dated(&from);
        if self.range.millis() < SECOND {
            return start;
        }
        if from.date_naive() == to.date_naive() {
            format!("{start} – {}", to.format(time))
        } else {
            format!("{start} – {}", dated(&to))
        }
    }

    /// `Europe/Berlin, UTC+02:00 then UTC+01:00`.
    pub fn zone(&self) -> String {
        let offset = |t: Timestamp| self.local(t).offset().fix().to_string();
        let (first, last) = (offset(self.range.from()), offset(self.last_moment()));
        let name = self.zone.name();
        if first != last {
            format!("{name}, UTC{first} then UTC{last}")
        } else if name == "UTC" {
            name.to_owned()
        } else {
            format!("{name}, UTC{first}")
        }
    }

    fn days(&self, first: &DateTime<Tz>, last: &DateTime<Tz>) -> String {
        let (calendar, end) = (self.calendar(), self.date(self.calendar().full, last));
        let form = if first.date_naive() == last.date_naive() {
            return end;
        } else if first.year() != last.year() {
            calendar.full
        } else if first.month() != last.month() {
            calendar.weekday_date
        } else {
            calendar.day
        };
        format!("{} – {end}", self.date(form, first))
    }

    fn last_moment(&self) -> Timestamp {
        if self.range.is_empty() { self.range.to() } else { self.range.to().plus_millis(-1) }
    }
}

/// RFC 3339 with the zone's offset.
pub(crate) fn offset_rfc3339(t: Timestamp, zone: Tz) -> String {
    t.to_utc().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// `7 days`, `2 h 30 min`, `30 s`, `250 ms`: the two largest units.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let unit = |n: i64, name: &str| format!("{n}{NBSP}{name}");
    let pair = |big: i64, name: &str, small: i64, small_name: &str| {
        let big_text = unit(ms / big, name);
        match ms % big / small {
            0 => big_text,
            rest => format!("{big_text} {}", unit(rest, small_name)),
        }
    };
    if ms >= DAY {
        let days = if ms / DAY == 1 { "day" } else { "days" };
        pair(DAY, days, HOUR, "h")
    } else if ms >= HOUR {
        pair(HOUR, "h", MINUTE, "min")
    } else if ms >= MINUTE {
        pair(MINUTE, "min", SECOND, "s")
    } else if ms >= SECOND {
        unit((ms + SECOND / 2) / SECOND, "s")
    } else {
        unit(ms, "ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn clock(from: &str, to: &str) -> Clock {
        clock_in("en", from, to)
    }

    fn clock_in(language: &str, from: &str, to: &str) -> Clock {
        let range = TimeRange::new(at(from), at(to)).unwrap();
        Clock::new(chrono_tz::Europe::Berlin, range, language.parse().unwrap())
    }

    #[test]
    fn dates_have_the_form_of_the_language() {
        let week = |language| clock_in(language, "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00").period();
        assert_eq!(week("de"), "Mo., 16. – So., 22. Nov. 2026");
        assert_eq!(week("fi"), "ma 16. – su 22.11.2026");
        let t = at("2026-11-24T13:10:05Z");
        let fortnight = |language| clock_in(language, "2026-11-17T00:00:00Z", "2026-11-25T00:00:00Z").moment(t);
        assert_eq!(fortnight("fr"), "mar. 24 nov. 14:10");
        assert_eq!(fortnight("pt"), "ter., 24 de nov. 14:10");
        assert_eq!(
            clock_in("de", "2026-11-24T13:10:00Z", "2026-11-24T13:11:00Z").full(t),
            "Di., 24. Nov. 2026 14:10:05"
        );
    }

    #[test]
    fn moments_say_no_more_than_the_range_needs() {
        let t = at("2026-11-24T13:10:05Z");
        assert_eq!(clock("2026-11-24T13:10:00Z", "2026-11-24T13:11:00Z").moment(t), "14:10:05");
        assert_eq!(clock("2026-11-24T00:00:00+01:00", "2026-11-25T00:00:00+01:00").moment(t), "14:10");
        assert_eq!(clock("2026-11-18T00:00:00Z", "2026-11-25T00:00:00Z").moment(t), "Tue 14:10");
        assert_eq!(clock("2026-11-17T00:00:00Z", "2026-11-25T00:00:00Z").moment(t), "Tue 24 Nov 14:10");
        assert_eq!(clock("2025-11-17T00:00:00Z", "2026-11-25T00:00:00Z").moment(t), "24 Nov 2026 14:10");
    }

    #[test]
    fn whole_days_are_named_by_their_dates() {
        assert_eq!(
            clock("2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00").period(),
            "Mon 16 – Sun 22 Nov 2026"
        );
        assert_eq!(clock("2026-11-16T00:00:00+01:00", "2026-11-17T00:00:00+01:00").period(), "Mon 16 Nov 2026");
        assert_eq!(
            clock("2026-11-16T08:00:00+01:00", "2026-11-16T10:30:00+01:00").period(),
            "Mon 16 Nov 2026, 08:00 – 10:30"
        );
    }

    #[test]
    fn a_change_of_the_clocks_is_told() {
        assert_eq!(
            clock("2026-10-20T00:00:00Z", "2026-10-27T00:00:00Z").zone(),
            "Europe/Berlin, UTC+02:00 then UTC+01:00"
        );
        assert_eq!(offset_rfc3339(at("2026-11-24T13:10:05Z"), chrono_tz::Europe::Berlin), "2026-11-24T14:10:05+01:00");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let shown: Vec<String> =
            [250, 1500, 90_000, 9_000_000, 604_800_000, 90_000_000].map(|ms| duration(ms).replace(NBSP, " ")).into();
        assert_eq!(shown, ["250 ms", "2 s", "1 min 30 s", "2 h 30 min", "7 days", "1 day 1 h"]);
    }
}
