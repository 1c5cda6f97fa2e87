//! Calendar steps in a time zone, and what clock changes make of local times.

use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday,
};
use chrono_tz::Tz;

use super::super::{TimeRange, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// `s m h d w M Q y`
    pub(super) fn from_letter(letter: char) -> Option<Unit> {
        Some(match letter {
            's' => Unit::Second,
            'm' => Unit::Minute,
            'h' => Unit::Hour,
            'd' => Unit::Day,
            'w' => Unit::Week,
            'M' => Unit::Month,
            'Q' => Unit::Quarter,
            'y' => Unit::Year,
            _ => return None,
        })
    }

    /// The word after `this-` and `last-`.
    pub(super) fn from_word(word: &str) -> Option<Unit> {
        Some(match word {
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "quarter" => Unit::Quarter,
            "year" => Unit::Year,
            _ => return None,
        })
    }

    /// Milliseconds, for units that are lengths and not calendar steps.
    const fn millis(self) -> Option<i64> {
        match self {
            Unit::Second => Some(1000),
            Unit::Minute => Some(60_000),
            Unit::Hour => Some(3_600_000),
            _ => None,
        }
    }
}

/// The time on a clock in `tz`.
pub fn local(moment: Timestamp, tz: Tz) -> NaiveDateTime {
    moment.to_utc().with_timezone(&tz).naive_local()
}

/// The moment a clock in `tz` shows `local`: the first of two, and the first after a gap.
pub fn moment(local: NaiveDateTime, tz: Tz) -> Timestamp {
    let millis = match tz.from_local_datetime(&local) {
        LocalResult::Single(t) => t.timestamp_millis(),
        LocalResult::Ambiguous(a, b) => a.timestamp_millis().min(b.timestamp_millis()),
        LocalResult::None => after_gap(local, tz),
    };
    clamped(millis)
}

/// The first moment whose local time is not before `wanted`, which the clock skips: the clock change itself. The longest gap is the day
/// that Samoa left out in 2011.
fn after_gap(wanted: NaiveDateTime, tz: Tz) -> i64 {
    const REACH: i64 = 50 * 3_600_000;
    let as_utc = wanted.and_utc().timestamp_millis();
    let shown = |millis: i64| DateTime::from_timestamp_millis(millis).map(|t| t.with_timezone(&tz).naive_local());
    let (mut before, mut after) = (as_utc - REACH, as_utc + REACH);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if shown(middle).is_some_and(|local| local >= wanted) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

/// No sample lies before 1970 or after 9999: what does counts as the limit.
pub(super) fn clamped(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).clamp(TimeRange::ALL.from(), TimeRange::ALL.to())
}

/// `from` moved by `count` units; beyond the calendar's end it stays at the limit.
pub(super) fn shift(from: Timestamp, count: i64, unit: Unit, tz: Tz) -> Timestamp {
    let beyond = if count < 0 { TimeRange::ALL.from() } else { TimeRange::ALL.to() };
    if count == 0 {
        return from;
    }
    if let Some(millis) = unit.millis() {
        return count.checked_mul(millis).map_or(beyond, |ms| clamped(from.plus_millis(ms).millis()));
    }
    let there = local(from, tz);
    let moved = match unit {
        Unit::Day => add_days(there, count),
        Unit::Week => count.checked_mul(7).and_then(|days| add_days(there, days)),
        Unit::Quarter => count.checked_mul(3).and_then(|months| add_months(there, months)),
        Unit::Year => count.checked_mul(12).and_then(|months| add_months(there, months)),
        _ => add_months(there, count),
    };
    moved.map_or(beyond, |local| moment(local, tz))
}

fn add_days(local: NaiveDateTime, days: i64) -> Option<NaiveDateTime> {
    local.checked_add_signed(TimeDelta::try_days(days)?)
}

fn add_months(local: NaiveDateTime, months: i64) -> Option<NaiveDateTime> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 { local.checked_sub_months(count) } else { local.checked_add_months(count) }
}

/// The whole unit that holds `inside`.
pub(super) fn around(inside: Timestamp, unit: Unit, tz: Tz) -> TimeRange {
    let there = local(inside, tz);
    if let Some(width) = unit.millis() {
        // A clock hour, by the offset in force: it never spans a clock change.
        let offset = there.and_utc().timestamp_millis() - inside.millis();
        let start = inside.plus_millis(offset).floor_to(width).plus_millis(-offset);
        return range(start, start.plus_millis(width));
    }
    let date = there.date();
    let (year, month) = (date.year(), date.month());
    match unit {
        Unit::Week => week(date, tz),
        Unit::Month => months(year, month, 1, tz),
        Unit::Quarter => months(year, (month - 1) / 3 * 3 + 1, 3, tz),
        Unit::Year => months(year, 1, 12, tz),
        _ => Some(day(date, tz)),
    }
    .unwrap_or(TimeRange::ALL)
}

/// From midnight to midnight.
pub(super) fn day(date: NaiveDate, tz: Tz) -> TimeRange {
    dates(date, date.succ_opt(), tz)
}

/// The week, Monday to Monday, of `date`.
fn week(date: NaiveDate, tz: Tz) -> Option<TimeRange> {
    let monday = date.week(Weekday::Mon).checked_first_day()?;
    Some(dates(monday, monday.checked_add_days(Days::new(7)), tz))
}

/// Week `number` of the ISO year; `None` where the year has no such week.
pub(super) fn iso_week(year: i32, number: u32, tz: Tz) -> Option<TimeRange> {
    week(NaiveDate::from_isoywd_opt(year, number, Weekday::Mon)?, tz)
}

/// `count` months from the first of `month`; `None` where there is no such month.
pub(super) fn months(year: i32, month: u32, count: u32, tz: Tz) -> Option<TimeRange> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some(dates(first, first.checked_add_months(Months::new(count)), tz))
}

fn dates(from: NaiveDate, to: Option<NaiveDate>, tz: Tz) -> TimeRange {
    let midnight = |date: NaiveDate| moment(date.and_time(NaiveTime::MIN), tz);
    range(midnight(from), to.map_or(TimeRange::ALL.to(), midnight))
}

fn range(from: Timestamp, to: Timestamp) -> TimeRange {
    let (from, to) = (clamped(from.millis()), clamped(to.millis()));
    TimeRange::new(from, to).unwrap_or(TimeRange::ALL)
}
