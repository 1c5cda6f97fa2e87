use std::fmt;

use chrono_tz::Tz;

use super::super::zone::offsets;
use super::super::{Stretches, TimeRange, Timestamp};
use super::MaskError;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const DAY_MINUTES: u32 = 24 * 60;
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of the week on the wall clock of a zone: `mon-fri`, `08:00-18:00`. Hours that end no later than they begin go on into the next day: the
/// night from Friday to Saturday is Friday's. Where clocks change, a moment is in it when the clock on the wall says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekHours {
    /// From Monday.
    days: [bool; 7],
    /// Minutes of the day, the end not part of it and after the start: up to two days.
    hours: Vec<(u32, u32)>,
    text: String,
}

impl WeekHours {
    /// From `mon-fri` or `sat,sun` (without it every day) and `08:00-12:00,13:00-18:00` (without it the whole day).
    pub fn parse(days: Option<&str>, hours: Option<&str>) -> Result<WeekHours, MaskError> {
        let text: Vec<&str> = [days, hours].into_iter().flatten().collect();
        Ok(WeekHours {
            days: days.map_or(Ok([true; 7]), parse_days)?,
            hours: hours.map_or(Ok(vec![(0, DAY_MINUTES)]), parse_hours)?,
            text: if text.is_empty() { "always".to_owned() } else { text.join(" ") },
        })
    }

    /// Its moments in `range`.
    pub fn stretches(&self, range: TimeRange, zone: Tz) -> Stretches {
        let parts = offsets(zone, range);
        Stretches::of(parts.iter().flat_map(|(part, offset)| self.by_the_clock(*part, *offset)))
    }

    /// Its moments in a range all through which clocks are `offset` ms ahead of UTC.
    fn by_the_clock(&self, range: TimeRange, offset: i64) -> impl Iterator<Item = TimeRange> {
        let day = |t: Timestamp| (t.millis() + offset).div_euclid(DAY_MS);
        // The hours of the day before may reach into the first day.
        let days = (day(range.from()) - 1)..=day(range.to());
        let wanted = days.filter(|day| self.days[weekday(*day)]);
        wanted.flat_map(move |day| {
            self.hours.iter().filter_map(move |(from, to)| {
                let at = |minute: u32| {
                    Timestamp::from_millis(day * DAY_MS + i64::from(minute) * MINUTE_MS).plus_millis(-offset)
                };
                TimeRange::new(at(*from), at(*to))?.intersect(range)
            })
        })
    }
}

impl fmt::Display for WeekHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Of a day since 1970, which began on a Thursday; Monday is 0.
fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

fn parse_days(text: &str) -> Result<[bool; 7], MaskError> {
    let wrong = || MaskError::Days { text: text.to_owned() };
    let day = |name: &str| {
        let name = name.trim().to_lowercase();
        NAMES.iter().position(|known| *known == name).ok_or_else(wrong)
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(part)?, day(part)?),
        };
        // `sat-mon` goes over the end of the week.
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|step| days[(first + step) % 7] = true);
    }
    Ok(days)
}

fn parse_hours(text: &str) -> Result<Vec<(u32, u32)>, MaskError> {
    let wrong = || MaskError::Hours { text: text.to_owned() };
    let hours = text.split(',').map(|part| {
        let (from, to) = part.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
        if from == DAY_MINUTES {
            return Err(wrong());
        }
        Ok((from, if to <= from { to + DAY_MINUTES } else { to }))
    });
    hours.collect()
}

/// Of `08:00`, `8:00` or `24:00`.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str, least: usize| {
        ((least..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hour, minute): (u32, u32) = (digits(hour, 1)?, digits(minute, 2)?);
    (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Datelike, Timelike, Utc};
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from(text.parse::<DateTime<Utc>>().unwrap())
    }

    fn range(from: &str, to: &str) -> TimeRange {
        TimeRange::new(at(from), at(to)).unwrap()
    }

    fn hours(days: &str, hours: &str) -> WeekHours {
        WeekHours::parse(Some(days), Some(hours)).unwrap()
    }

    fn shown(week: &WeekHours, range: TimeRange) -> Vec<String> {
        let minute = |t: Timestamp| t.to_rfc3339()[5..16].to_owned();
        let all = week.stretches(range, Tz::Europe__Berlin);
        all.as_slice().iter().map(|r| format!("{} {}", minute(r.from()), minute(r.to()))).collect()
    }

    #[test]
    fn business_hours_keep_to_the_clock_on_the_wall() {
        let week = range("2026-10-23T00:00:00Z", "2026-10-27T00:00:00Z");
        let office = hours("mon-fri", "08:00-18:00");
        // Clocks went back on Sunday.
        assert_eq!(shown(&office, week), ["10-23T06:00 10-23T16:00", "10-26T07:00 10-26T17:00"]);
        assert_eq!(office.to_string(), "mon-fri 08:00-18:00");
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let days = range("2026-11-20T12:00:00Z", "2026-11-22T12:00:00Z");
        assert_eq!(shown(&hours("fri", "22:00-06:00"), days), ["11-20T21:00 11-21T05:00"]);
        assert_eq!(shown(&hours("sat-sun", "00:00-24:00"), days), ["11-20T23:00 11-22T12:00"]);
    }

    #[test]
    fn an_hour_that_comes_twice_is_masked_twice_and_one_that_is_skipped_never() {
        let autumn = range("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
        let half_past_two = hours("mon-sun", "02:30-03:00");
        assert_eq!(shown(&half_past_two, autumn), ["10-25T00:30 10-25T01:00", "10-25T01:30 10-25T02:00"]);
        let spring = range("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z");
        assert!(shown(&half_past_two, spring).is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let say = |days: Option<&str>, hours: Option<&str>| WeekHours::parse(days, hours).unwrap_err().to_string();
        insta::assert_snapshot!(say(Some("mon-fry"), None), @"`mon-fry` are no days such as mon-fri or sat,sun");
        insta::assert_snapshot!(say(None, Some("8-18")), @"`8-18` are no hours such as 08:00-18:00 or 22:00-06:00");
        for wrong in ["25:00-26:00", "08:00", "08:60-09:00", "24:00-01:00", "-1:00-2:00", ""] {
            assert!(WeekHours::parse(None, Some(wrong)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_is_in_it_when_the_clock_says_so(
            minutes in 0i64..600 * 1440, from in 0u32..1440, to in 0u32..1441, mask in 1u8..128, zone in 0usize..4,
        ) {
            let zone = [Tz::Europe__Berlin, Tz::America__St_Johns, Tz::Australia__Lord_Howe, Tz::Pacific__Apia][zone];
            let t = at("2025-06-01T00:00:00Z").plus_millis(minutes * MINUTE_MS);
            let days: [bool; 7] = std::array::from_fn(|i| mask & (1 << i) != 0);
            let to = if to <= from { to + DAY_MINUTES } else { to };
            let week = WeekHours { days, hours: vec![(from, to)], text: String::new() };
            let local = t.to_utc().with_timezone(&zone);
            let (now, today) = (local.hour() * 60 + local.minute(), local.weekday().num_days_from_monday() as usize);
            let expected = (days[today] && (from..to).contains(&now))
                || (days[(today + 6) % 7] && (from..to).contains(&(now + DAY_MINUTES)));
            let around = TimeRange::new(t.plus_millis(-3 * DAY_MS), t.plus_millis(3 * DAY_MS)).unwrap();
            prop_assert_eq!(week.stretches(around, zone).contains(t), expected);
        }
    }
}
