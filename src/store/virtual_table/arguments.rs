//! What SQL hands over, unconverted: numbers as text, reals for integers, NULL.

use fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::types::{Value, ValueRef};
use rusqlite::vtab::{Filters, IndexConstraintOp};

use crate::model::range::{parse_duration, parse_moment};
use crate::model::{TimeRange, Timestamp};

/// A value compared with an integer column, as SQLite compares them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparand {
    /// Nothing compares with NULL.
    Null,
    Integer(i64),
    Real(f64),
    /// Text that is no number, and blobs: greater than any number.
    Beyond,
}

impl Comparand {
    pub(super) fn of(value: ValueRef<'_>) -> Comparand {
        match value {
            ValueRef::Null => Comparand::Null,
            ValueRef::Integer(n) => Comparand::Integer(n),
            ValueRef::Real(n) => Comparand::Real(n),
            ValueRef::Text(text) => std::str::from_utf8(text).map_or(Comparand::Beyond, Comparand::of_text),
            ValueRef::Blob(_) => Comparand::Beyond,
        }
    }

    /// Text beside an integer column counts as the number it spells, where it spells one.
    fn of_text(text: &str) -> Comparand {
        let text = text.trim_ascii();
        if let Ok(n) = text.parse() {
            return Comparand::Integer(n);
        }
        // Rust would take `inf` and `nan` too.
        let spelled = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        text.parse().ok().filter(|_| spelled).map_or(Comparand::Beyond, Comparand::Real)
    }

    /// The one integer equal to it.
    pub(super) fn as_integer(self) -> Option<i64> {
        match self {
            Comparand::Integer(n) => Some(n),
            Comparand::Real(n) if n.floor() == n && n.abs() < 9e18 => Some(n as i64),
            _ => None,
        }
    }

    /// The least integer that is not below it (`>= x`), or that is above it.
    fn ceiling(self, above: bool) -> i64 {
        match self {
            Comparand::Integer(n) => n.saturating_add(i64::from(above)),
            // The cast stops at the limits.
            Comparand::Real(n) if n.floor() == n => (n as i64).saturating_add(i64::from(above)),
            Comparand::Real(n) => n.ceil() as i64,
            Comparand::Null | Comparand::Beyond => i64::MAX,
        }
    }
}

/// Operators on `ts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Order {
    const LETTERS: [(char, IndexConstraintOp, Order); 5] = [
        ('=', IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ, Order::Equal),
        ('>', IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GT, Order::Above),
        (']', IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GE, Order::AtLeast),
        ('<', IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LT, Order::Below),
        ('[', IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LE, Order::AtMost),
    ];

    pub(super) fn of(operator: IndexConstraintOp) -> Option<Order> {
        Self::LETTERS.iter().find(|(_, op, _)| *op == operator).map(|(_, _, order)| *order)
    }

    /// What it is in a plan.
    pub(super) fn letter(self) -> char {
        Self::LETTERS.iter().find(|(_, _, order)| *order == self).map_or('?', |(letter, _, _)| *letter)
    }

    pub(super) fn of_letter(letter: char) -> Option<Order> {
        Self::LETTERS.iter().find(|(l, _, _)| *l == letter).map(|(_, _, order)| *order)
    }
}

/// Times `[from, to)` that pass every comparison so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Bounds {
    /// All that can be stored.
    pub(super) const ALL: Bounds = Bounds { from: TimeRange::ALL.from().millis(), to: TimeRange::ALL.to().millis() };

    const NONE: Bounds = Bounds { from: 0, to: 0 };

    /// What is left after one more comparison.
    pub(super) fn with(self, order: Order, value: Comparand) -> Bounds {
        let (mut from, mut to) = (self.from, self.to);
        match (order, value) {
            (_, Comparand::Null) => return Bounds::NONE,
            (Order::Equal, value) => match value.as_integer() {
                Some(ts) => (from, to) = (from.max(ts), to.min(ts.saturating_add(1))),
                None => return Bounds::NONE,
            },
            (Order::Above, value) => from = from.max(value.ceiling(true)),
            (Order::AtLeast, value) => from = from.max(value.ceiling(false)),
            (Order::Below, value) => to = to.min(value.ceiling(false)),
            (Order::AtMost, value) => to = to.min(value.ceiling(true)),
        }
        if from < to { Bounds { from, to } } else { Bounds::NONE }
    }

    pub(super) fn is_empty(self) -> bool {
        self.from >= self.to
    }
}

/// A value to keep; `None` for text that is no UTF-8, which no name is.
pub(super) fn readable(value: ValueRef<'_>) -> Option<Value> {
    Value::try_from(value).ok()
}

/// The values of an IN list.
pub(super) fn listed(arguments: &Filters<'_>, i: usize) -> rusqlite::Result<Vec<Value>> {
    let mut list = arguments.in_values(i)?;
    let mut values = Vec::new();
    while let Some(value) = list.next()? {
        values.extend(readable(value.get_raw()));
    }
    Ok(values)
}

fn refused(what: &str, value: ValueRef<'_>, expected: &str) -> rusqlite::Error {
    let shown = match value {
        ValueRef::Text(text) => String::from_utf8_lossy(text).chars().take(60).flat_map(char::escape_debug).collect(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Blob(_) => "a blob".to_owned(),
        ValueRef::Null => "NULL".to_owned(),
    };
    rusqlite::Error::ModuleError(format!("{what} `{shown}` is not {expected}"))
}

/// A moment: ms, or a date or time (in UTC where it says nothing else).
pub(super) fn moment(what: &str, value: ValueRef<'_>) -> rusqlite::Result<Option<i64>> {
    let wrong = || refused(what, value, "a time: give ms since 1970, RFC 3339, or NULL");
    match Comparand::of(value) {
        Comparand::Null => Ok(None),
        Comparand::Integer(ms) => Ok(Some(ms)),
        Comparand::Real(ms) => Ok(Some(ms.floor() as i64)),
        Comparand::Beyond => {
            let text = value.as_str().map_err(|_| wrong())?;
            // Only what means the same at any time and in any place: a date, with or without a time of day.
            let dated = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
            let read = dated.then(|| parse_moment(text, Timestamp::MIN, chrono_tz::Tz::UTC));
            read.and_then(Result::ok).map(|at| Some(at.millis())).ok_or_else(wrong)
        }
    }
}

/// A width of buckets: ms, or a duration.
pub(super) fn step(value: ValueRef<'_>) -> rusqlite::Result<Option<i64>> {
    let wrong = || refused("step", value, "a duration: give ms, or a text such as '1h', '15m', '1d'");
    match Comparand::of(value) {
        Comparand::Null => Ok(None),
        Comparand::Beyond => {
            let text = value.as_str().map_err(|_| wrong())?;
            parse_duration(text).map(Some).map_err(|_| wrong())
        }
        number => number.as_integer().filter(|ms| *ms > 0).map(Some).ok_or_else(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(order: Order, value: ValueRef<'_>) -> (i64, i64) {
        let b = Bounds { from: 0, to: 1000 }.with(order, Comparand::of(value));
        (b.from, b.to)
    }

    #[test]
    fn comparisons_are_those_of_sqlite() {
        let none = (0, 0);
        for (order, value, expected) in [
            (Order::AtLeast, ValueRef::Integer(5), (5, 1000)),
            (Order::Above, ValueRef::Integer(5), (6, 1000)),
            (Order::Below, ValueRef::Integer(5), (0, 5)),
            (Order::AtMost, ValueRef::Integer(5), (0, 6)),
            (Order::Equal, ValueRef::Integer(5), (5, 6)),
            (Order::AtLeast, ValueRef::Real(4.5), (5, 1000)),
            (Order::Above, ValueRef::Real(4.5), (5, 1000)),
            (Order::Above, ValueRef::Real(5.0), (6, 1000)),
            (Order::Below, ValueRef::Real(4.5), (0, 5)),
            (Order::AtMost, ValueRef::Real(4.5), (0, 5)),
            (Order::Equal, ValueRef::Real(4.5), none),
            (Order::Equal, ValueRef::Real(4.0), (4, 5)),
            (Order::AtLeast, ValueRef::Text(b" 5 "), (5, 1000)),
            (Order::AtLeast, ValueRef::Text(b"5e1"), (50, 1000)),
            (Order::AtLeast, ValueRef::Text(b"soon"), none),
            (Order::Below, ValueRef::Text(b"inf"), (0, 1000)),
            (Order::Below, ValueRef::Blob(b"5"), (0, 1000)),
            (Order::Equal, ValueRef::Text(b"soon"), none),
            (Order::Below, ValueRef::Null, none),
            (Order::AtLeast, ValueRef::Real(1e300), none),
            (Order::AtMost, ValueRef::Real(1e300), (0, 1000)),
            (Order::Above, ValueRef::Integer(i64::MAX), none),
            (Order::AtLeast, ValueRef::Integer(i64::MIN), (0, 1000)),
        ] {
            assert_eq!(bounds(order, value), expected, "{order:?} {value:?}");
        }
    }

    #[test]
    fn moments_and_steps_of_every_form() {
        let at = |value| moment("from", value).unwrap();
        assert_eq!(at(ValueRef::Null), None);
        assert_eq!(at(ValueRef::Integer(1_767_571_200_000)), Some(1_767_571_200_000));
        assert_eq!(at(ValueRef::Text(b"1767571200000")), Some(1_767_571_200_000));
        assert_eq!(at(ValueRef::Text(b"2026-01-05")), Some(1_767_571_200_000));
        assert_eq!(at(ValueRef::Text(b"2026-01-05T01:00:00+01:00")), Some(1_767_571_200_000));
        assert_eq!(step(ValueRef::Text(b"1h")).unwrap(), Some(3_600_000));
        assert_eq!(step(ValueRef::Integer(1000)).unwrap(), Some(1000));
        let said = [
            moment("from", ValueRef::Text(b"now-1h")).unwrap_err(),
            step(ValueRef::Integer(0)).unwrap_err(),
            step(ValueRef::Text(b"\x1bsoon")).unwrap_err(),
        ];
        insta::assert_snapshot!(said.map(|e| e.to_string()).join("\n"), @r"
        from `now-1h` is not a time: give ms since 1970, RFC 3339, or NULL
        step `0` is not a duration: give ms, or a text such as '1h', '15m', '1d'
        step `\u{1b}soon` is not a duration: give ms, or a text such as '1h', '15m', '1d'
        ");
    }
}
