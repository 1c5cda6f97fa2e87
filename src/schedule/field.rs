//! One of the five fields of a schedule as the set of numbers that it allows.

use super::ScheduleError;

/// What a field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    what: &'static str,
    min: u8,
    max: u8,
    /// Words for numbers from `min` on.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

pub(super) const MINUTE: Kind = Kind { what: "minute", min: 0, max: 59, names: &[] };
pub(super) const HOUR: Kind = Kind { what: "hour", min: 0, max: 23, names: &[] };
pub(super) const DAY: Kind = Kind { what: "day", min: 1, max: 31, names: &[] };
pub(super) const MONTH: Kind = Kind { what: "month", min: 1, max: 12, names: MONTHS };
/// 0 and 7 are Sunday.
pub(super) const WEEKDAY: Kind = Kind { what: "weekday", min: 0, max: 7, names: WEEKDAYS };

/// The numbers that a field allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    bits: u64,
    /// Written as `*` or `*/n`: of the days, the other field alone decides then.
    pub(super) is_free: bool,
}

impl Field {
    /// Reads a list of numbers, ranges and steps.
    pub(super) fn parse(text: &str, kind: Kind) -> Result<Field, ScheduleError> {
        let wrong = || ScheduleError::Field { field: text.to_owned(), what: kind.what, min: kind.min, max: kind.max };
        let mut bits = 0_u64;
        for part in text.split(',') {
            let (numbers, step) = match part.split_once('/') {
                Some((numbers, step)) => (numbers, step.parse().ok().filter(|s| *s > 0).ok_or_else(wrong)?),
                None => (part, 1_usize),
            };
            let (from, to) = match numbers.split_once('-') {
                _ if numbers == "*" => (kind.min, if kind == WEEKDAY { 6 } else { kind.max }),
                Some((from, to)) => (number(from, kind).ok_or_else(wrong)?, number(to, kind).ok_or_else(wrong)?),
                // `5/10` is from 5 on.
                None if part.contains('/') => (number(numbers, kind).ok_or_else(wrong)?, kind.max),
                None => {
                    let one = number(numbers, kind).ok_or_else(wrong)?;
                    (one, one)
                }
            };
            if from > to {
                return Err(wrong());
            }
            bits |= (from..=to).step_by(step).fold(0, |bits, n| bits | 1 << n);
        }
        if kind == WEEKDAY && bits & 1 << 7 != 0 {
            bits = bits & !(1 << 7) | 1;
        }
        Ok(Field { bits, is_free: text.starts_with('*') })
    }

    pub(super) fn has(self, number: u32) -> bool {
        number < 64 && self.bits & 1 << number != 0
    }

    pub(super) fn count(self) -> u32 {
        self.bits.count_ones()
    }

    /// Its numbers, ascending.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |n| self.has(*n))
    }
}

fn number(text: &str, kind: Kind) -> Option<u8> {
    let lower = text.to_ascii_lowercase();
    if let Some(place) = kind.names.iter().position(|name| *name == lower) {
        return Some(kind.min + place as u8);
    }
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| is_number && (kind.min..=kind.max).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str, kind: Kind) -> Vec<u32> {
        Field::parse(text, kind).unwrap().numbers().collect()
    }

    #[test]
    fn lists_ranges_steps_and_names() {
        assert_eq!(numbers("1,5-7", HOUR), [1, 5, 6, 7]);
        assert_eq!(numbers("*/20", MINUTE), [0, 20, 40]);
        assert_eq!(numbers("50/5", MINUTE), [50, 55]);
        assert_eq!(numbers("1-10/4", DAY), [1, 5, 9]);
        assert_eq!(numbers("Mon-fri", WEEKDAY), [1, 2, 3, 4, 5]);
        assert_eq!(numbers("5-7", WEEKDAY), [0, 5, 6]);
        assert_eq!(numbers("JAN,jul", MONTH), [1, 7]);
        assert_eq!(Field::parse("*", WEEKDAY).unwrap().count(), 7);
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, kind) in [
            ("60", MINUTE),
            ("", HOUR),
            ("5-1", HOUR),
            ("*/0", HOUR),
            ("0", DAY),
            ("+1", DAY),
            ("x", MONTH),
            ("1,", DAY),
            ("8", WEEKDAY),
            ("*-3", HOUR),
        ] {
            assert!(Field::parse(text, kind).is_err(), "{text}");
        }
        insta::assert_snapshot!(Field::parse("25", HOUR).unwrap_err(), @"`25` is not a hour of a schedule: give numbers from 0 to 23, as in 5, 1-5, 1,15, * or */10");
    }
}
