//! Times as text.

/// What a number means as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since the epoch.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// Told by the size of the number: below 1e11 seconds (to the year 5138), below 1e14 milliseconds (from 1973), below 1e17
    /// microseconds, nanoseconds beyond.
    ByMagnitude,
}

/// Milliseconds since the epoch, of any year; `None` for text that is no time. Reads a number in `unit`, or ISO 8601 with or without a zone
/// (then UTC): `2026-11-23`, `2026-11-23 14:00`, `2026-11-23T14:00:00.123456+01:00`. Parts of a millisecond are cut off.
/// A number too large for any unit is the largest time there is, which no sample may carry.
pub fn parse(text: &[u8], unit: Unit) -> Option<i64> {
    let text = text.trim_ascii();
    if text.len() >= 10 && text[4] == b'-' { iso(text) } else { epoch(text, unit) }
}

fn epoch(text: &[u8], unit: Unit) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let point = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(point);
    let fraction = match rest {
        [] => rest,
        [b'.', fraction @ ..] if fraction.iter().all(u8::is_ascii_digit) => fraction,
        _ => return scientific(text, unit),
    };
    if whole.is_empty() {
        return None;
    }
    let number = whole.iter().try_fold(0i64, |n, byte| n.checked_mul(10)?.checked_add(i64::from(byte - b'0')));
    let Some(number) = number else { return Some(if negative { i64::MIN } else { i64::MAX }) };
    let ms = match resolve(unit, number as f64) {
        Unit::Seconds => {
            let thousandths = (0..3).fold(0, |n, i| n * 10 + fraction.get(i).map_or(0, |byte| i64::from(byte - b'0')));
            number.saturating_mul(1000).saturating_add(thousandths)
        }
        Unit::Micros => number / 1_000,
        Unit::Nanos => number / 1_000_000,
        Unit::Millis | Unit::ByMagnitude => number,
    };
    Some(if negative { -ms } else { ms })
}

/// `1.7954571439376805e+09`, as some exporters write seconds.
fn scientific(text: &[u8], unit: Unit) -> Option<i64> {
    super::number::parse(text).and_then(|number| of_number(number, unit))
}

/// Milliseconds since the epoch of a number in `unit`; `None` for one that is none.
pub(super) fn of_number(number: f64, unit: Unit) -> Option<i64> {
    let number = Some(number).filter(|number| number.is_finite())?;
    let factor = match resolve(unit, number.abs()) {
        Unit::Seconds => 1e3,
        Unit::Micros => 1e-3,
        Unit::Nanos => 1e-6,
        Unit::Millis | Unit::ByMagnitude => 1.0,
    };
    // from a binary fraction only rounding gives back the thousandths that were written; `as` saturates
    Some((number * factor).round() as i64)
}

pub(super) fn resolve(unit: Unit, number: f64) -> Unit {
    match unit {
        Unit::ByMagnitude if number < 1e11 => Unit::Seconds,
        Unit::ByMagnitude if number < 1e14 => Unit::Millis,
        Unit::ByMagnitude if number < 1e17 => Unit::Micros,
        Unit::ByMagnitude => Unit::Nanos,
        known => known,
    }
}

fn iso(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at(10);
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * 86_400_000;
    match rest {
        [] => Some(midnight),
        [b'T' | b't' | b' ', clock @ ..] => Some(midnight + clock_ms(clock)?),
        _ => None,
    }
}

/// `HH:MM`, `HH:MM:SS`, `HH:MM:SS.fraction`, then a zone or nothing.
fn clock_ms(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (two(*h1, *h2)?, two(*m1, *m2)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        rest => (0, rest),
    };
    // 60 is a leap second: it is taken as the first moment of the next minute
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (ms, zone) = match rest {
        [b'.' | b',', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let (fraction, zone) = rest.split_at(digits);
            ((0..3).fold(0, |n, i| n * 10 + fraction.get(i).map_or(0, |byte| i64::from(byte - b'0'))), zone)
        }
        rest => (0, rest),
    };
    Some(((hour * 60 + minute) * 60 + second) * 1000 + ms - zone_ms(zone)?)
}

/// Offset from UTC: nothing, `Z`, `+01:00`, `+0100`, `+01`, with a space before it or not; ` UTC`.
fn zone_ms(text: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match text.trim_ascii_start() {
        [] | [b'Z' | b'z'] | b"UTC" => return Some(0),
        [sign, h1, h2] => (sign, two(*h1, *h2)?, 0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two(*h1, *h2)?, two(*m1, *m2)?),
        _ => return None,
    };
    if hour > 23 || minute > 59 {
        return None;
    }
    let ms = (hour * 60 + minute) * 60_000;
    match sign {
        b'+' => Some(ms),
        b'-' => Some(-ms),
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// days_from_civil.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes(), Unit::ByMagnitude).map(|ms| Timestamp::from_millis(ms).to_rfc3339())
    }

    #[test]
    fn numbers_are_taken_by_magnitude() {
        for text in
            ["1767571200", "1767571200000", "1767571200000000", "1767571200000000000", "1767571200.0004", "1.7675712e9"]
        {
            assert_eq!(read(text).as_deref(), Some("2026-01-05T00:00:00.000Z"), "{text}");
        }
        assert_eq!(read("1767571200.1239").as_deref(), Some("2026-01-05T00:00:00.123Z"));
        assert_eq!(parse(b"60000", Unit::Millis), Some(60_000));
        assert_eq!(parse(b"-1", Unit::Seconds), Some(-1_000));
        assert_eq!(parse(b"1795457143.9388528", Unit::Seconds), Some(1_795_457_143_938));
    }

    #[test]
    fn iso_with_and_without_a_zone() {
        for text in [
            "2026-11-23T14:00:00Z",
            "2026-11-23 14:00",
            "2026-11-23 14:00:00.000",
            "2026-11-23T15:00:00+01:00",
            "2026-11-23 09:30:00 -0430",
            "2026-11-23t14:00:00,000z",
            "2026-11-23 14:00:00 UTC",
        ] {
            assert_eq!(read(text).as_deref(), Some("2026-11-23T14:00:00.000Z"), "{text}");
        }
        assert_eq!(read("2024-02-29").as_deref(), Some("2024-02-29T00:00:00.000Z"));
        assert_eq!(read("2026-11-23T14:00:00.123999Z").as_deref(), Some("2026-11-23T14:00:00.123Z"));
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "-",
            "abc",
            "2026-13-01",
            "2026-02-29",
            "2026-11-23T",
            "2026-11-23T24:00",
            "2026-11-23X14:00",
            "NaN",
            "1.2.3",
        ] {
            assert_eq!(parse(text.as_bytes(), Unit::ByMagnitude), None, "{text}");
        }
        assert_eq!(parse(b"99999999999999999999", Unit::Seconds), Some(i64::MAX));
    }

    proptest! {
        #[test]
        fn reads_back_what_is_written(ms in Timestamp::MIN.millis()..=Timestamp::MAX.millis()) {
            prop_assert_eq!(parse(Timestamp::from_millis(ms).to_rfc3339().as_bytes(), Unit::ByMagnitude), Some(ms));
            prop_assert_eq!(parse(ms.to_string().as_bytes(), Unit::Millis), Some(ms));
            let seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
            prop_assert_eq!(parse(seconds.as_bytes(), Unit::Seconds), Some(ms));
        }

        #[test]
        fn never_panics(text: Vec<u8>) {
            parse(&text, Unit::ByMagnitude);
        }
    }
}
