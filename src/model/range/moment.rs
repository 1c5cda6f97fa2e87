//! Text to moments and periods.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::super::{TimeRange, Timestamp};
use super::RangeError;
use super::calendar::{self, Unit};

/// What a word means at either end of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point {
    Moment(Timestamp),
    /// A date: its midnight, or its day where only a period can be meant.
    Date(TimeRange),
    Period(TimeRange),
}

impl Point {
    pub(super) fn start(self) -> Timestamp {
        match self {
            Point::Moment(at) => at,
            Point::Date(range) | Point::Period(range) => range.from(),
        }
    }

    pub(super) fn end(self) -> Timestamp {
        match self {
            Point::Moment(at) => at,
            Point::Date(range) => range.from(),
            Point::Period(range) => range.to(),
        }
    }
}

/// A moment; a period gives its start.
pub fn parse_moment(text: &str, now: Timestamp, tz: Tz) -> Result<Timestamp, RangeError> {
    parse_point(text, now, tz).map(Point::start)
}

/// A period (`yesterday`, `2026-W14`, `now/d`, a date for its day, `FROM..TO`) as a range; never empty.
pub fn parse_period(text: &str, now: Timestamp, tz: Tz) -> Result<TimeRange, RangeError> {
    if let Some((from, to)) = text.split_once("..") {
        return between(parse_point(from, now, tz)?.start(), parse_point(to, now, tz)?.end());
    }
    match parse_point(text, now, tz) {
        Ok(Point::Date(range) | Point::Period(range)) => between(range.from(), range.to()),
        Ok(Point::Moment(_)) => Err(RangeError::period(text)),
        Err(RangeError::Moment { text: shown, expected }) => match RangeError::moment(text) {
            // Nothing is known of the text: say what periods look like, not what moments do.
            RangeError::Moment { expected: any, .. } if any == expected => Err(RangeError::period(text)),
            _ => Err(RangeError::Period { text: shown, expected }),
        },
        Err(other) => Err(other),
    }
}

/// `[from, to)`, unless that is nothing.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Result<TimeRange, RangeError> {
    match TimeRange::new(from, to) {
        None => Err(RangeError::Backwards { from, to }),
        Some(range) if range.is_empty() => Err(RangeError::Empty { at: from }),
        Some(range) => Ok(range),
    }
}

pub(super) fn parse_point(text: &str, now: Timestamp, tz: Tz) -> Result<Point, RangeError> {
    let word = text.trim();
    if let Some(rest) = word.strip_prefix("now") {
        return relative(rest, now, tz).ok_or_else(|| {
            RangeError::wrong_moment(
                text,
                "after `now` come steps such as -6h or +1M and at most one /d (units s, m, h, d, w, M, Q, y)",
            )
        });
    }
    if let Some(range) = named(word, now, tz) {
        return Ok(Point::Period(range));
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return numeric(word, tz).unwrap_or_else(|| Err(RangeError::moment(text)));
    }
    Err(RangeError::moment(text))
}

/// What follows `now`: steps, then at most one `/unit`.
fn relative(rest: &str, now: Timestamp, tz: Tz) -> Option<Point> {
    let (mut steps, unit) = match rest.split_once('/') {
        Some((steps, unit)) => (steps.trim(), Some(only_letter(unit.trim())?)),
        None => (rest.trim(), None),
    };
    let mut at = now;
    while !steps.is_empty() {
        let sign = match steps.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let counted = steps[1..].trim_start();
        let digits = counted.find(|c: char| !c.is_ascii_digit())?;
        // More digits than an i64 holds lie beyond every calendar all the same.
        let count = match counted[..digits].parse::<i64>() {
            Ok(count) => count,
            Err(_) if digits > 0 => i64::MAX,
            Err(_) => return None,
        };
        let letter = counted[digits..].chars().next()?;
        at = calendar::shift(at, sign * count, Unit::from_letter(letter)?, tz);
        steps = counted[digits + letter.len_utf8()..].trim_start();
    }
    Some(match unit {
        Some(unit) => Point::Period(calendar::around(at, unit, tz)),
        None => Point::Moment(at),
    })
}

fn only_letter(text: &str) -> Option<Unit> {
    let mut letters = text.chars();
    let unit = Unit::from_letter(letters.next()?)?;
    letters.next().is_none().then_some(unit)
}

/// `today`, `last-week` and their like.
fn named(word: &str, now: Timestamp, tz: Tz) -> Option<TimeRange> {
    let (back, unit) = match word {
        "today" => (0, Unit::Day),
        "yesterday" => (-1, Unit::Day),
        "tomorrow" => (1, Unit::Day),
        _ => match word.split_once('-')? {
            ("this", unit) => (0, Unit::from_word(unit)?),
            ("last", unit) => (-1, Unit::from_word(unit)?),
            _ => return None,
        },
    };
    Some(calendar::around(calendar::shift(now, back, unit, tz), unit, tz))
}

/// What starts with a digit; `None` where it has no known shape, an error where a known shape says nonsense.
fn numeric(word: &str, tz: Tz) -> Option<Result<Point, RangeError>> {
    let wrong = |expected: &str| Some(Err(RangeError::wrong_moment(word, expected)));
    if let Some(number) = word.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| epoch_or_year(word, tz)) {
        return number.map(Ok);
    }
    let (year, rest) = word.split_once('-')?;
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    if let Some(week) = rest.strip_prefix('W') {
        let range = digits(week, 2).and_then(|week| calendar::iso_week(year, week, tz));
        return range.map_or_else(
            || wrong("the year has no such ISO week (W01 to W52 or W53)"),
            |r| Some(Ok(Point::Period(r))),
        );
    }
    if let Some(quarter) = rest.strip_prefix('Q') {
        let range = match digits(quarter, 1) {
            Some(q @ 1..=4) => calendar::months(year, q * 3 - 2, 3, tz),
            _ => None,
        };
        return range.map_or_else(|| wrong("quarters are Q1 to Q4"), |r| Some(Ok(Point::Period(r))));
    }
    if let Some(month) = digits(rest, 2) {
        let range = calendar::months(year, month, 1, tz);
        return range.map_or_else(|| wrong("months are 01 to 12"), |r| Some(Ok(Point::Period(r))));
    }
    let date = rest.get(..5).and_then(|rest| rest.split_once('-'))?;
    let (Some(month), Some(day)) = (digits(date.0, 2), digits(date.1, 2)) else { return None };
    let Some(date) = NaiveDate::from_ymd_opt(year, month, day) else {
        return wrong("there is no such day");
    };
    match rest[5..].strip_prefix(['T', 't', ' ']) {
        None if rest.len() == 5 => Some(Ok(Point::Date(calendar::day(date, tz)))),
        None => None,
        Some(clock) => match clock_time(clock.trim_start()) {
            Some((time, offset)) => Some(Ok(Point::Moment(placed(date, time, offset, tz)))),
            None => wrong(
                "a time of day is HH:MM, HH:MM:SS or HH:MM:SS.fff, with Z or an offset such as +01:00 after it or none",
            ),
        },
    }
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A year of four digits, or seconds (with decimals, if any) or milliseconds since 1970.
fn epoch_or_year(word: &str, tz: Tz) -> Option<Point> {
    const MILLIS_FROM: f64 = 1e11;
    if let Some(year) = digits(word, 4) {
        return calendar::months(year as i32, 1, 12, tz).map(Point::Period);
    }
    let number: f64 = word.parse().ok()?;
    let millis = if number < MILLIS_FROM { number * 1000.0 } else { number };
    // Times that can be meant lie far below 2^53, where this is exact; beyond, the cast stops at the limit.
    Some(Point::Moment(calendar::clamped(millis.round() as i64)))
}

/// A time of day, its offset from UTC in seconds where one is given.
type Clock = (TimeOfDay, Option<i32>);

struct TimeOfDay {
    time: NaiveTime,
    /// A leap second, `23:59:60`, is the second after `23:59:59`.
    leap: bool,
}

fn clock_time(text: &str) -> Option<Clock> {
    let time_end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (time, offset) = text.split_at(time_end);
    let mut parts = time.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, ""),
        Some(part) => match part.split_once('.') {
            Some((second, fraction)) if !fraction.is_empty() => (digits(second, 2)?, fraction),
            Some(_) => return None,
            None => (digits(part, 2)?, ""),
        },
    };
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Cut to milliseconds, as sample times are.
    let millis = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + u32::from(digit - b'0'));
    let leap = second == 60;
    let time = NaiveTime::from_hms_milli_opt(hour, minute, if leap { 59 } else { second }, millis)?;
    Some((TimeOfDay { time, leap }, utc_offset(offset.trim())?))
}

/// Nothing, `Z`, `UTC`, `+01:00`, `+0100` or `+01`, in seconds.
fn utc_offset(text: &str) -> Option<Option<i32>> {
    if text.is_empty() {
        return Some(None);
    }
    if matches!(text, "Z" | "z" | "UTC") {
        return Some(Some(0));
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 2)?, digits(minutes, 2)?),
        None if rest.len() == 2 => (digits(rest, 2)?, 0),
        None => (digits(rest.get(..2)?, 2)?, digits(rest.get(2..)?, 2)?),
    };
    (hours < 24 && minutes < 60).then(|| Some(sign * (hours * 3600 + minutes * 60) as i32))
}

fn placed(date: NaiveDate, time: TimeOfDay, offset: Option<i32>, tz: Tz) -> Timestamp {
    let local: NaiveDateTime = date.and_time(time.time);
    let at = match offset {
        Some(seconds) => calendar::clamped(local.and_utc().timestamp_millis() - i64::from(seconds) * 1000),
        None => calendar::moment(local, tz),
    };
    if time.leap { calendar::clamped(at.millis() + 1000) } else { at }
}
