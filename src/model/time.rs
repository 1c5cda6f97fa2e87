use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, the earliest time a sample may have.
    pub const MIN: Timestamp = Timestamp(0);
    /// 9999-12-31T23:59:59.999Z, the latest time a sample may have (four-digit years end there).
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// From milliseconds since the epoch; any value, see [`Timestamp::is_storable`].
    pub const fn from_millis(ms: i64) -> Self {
        Timestamp(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whether a sample may carry this time: 1970 to 9999.
    pub const fn is_storable(self) -> bool {
        self.0 >= Self::MIN.0 && self.0 <= Self::MAX.0
    }

    /// This moment moved by `ms` milliseconds (saturating).
    pub const fn plus_millis(self, ms: i64) -> Self {
        Timestamp(self.0.saturating_add(ms))
    }

    /// The start of the `step_ms` wide bucket (aligned to the epoch) that holds this moment.
    pub const fn floor_to(self, step_ms: i64) -> Self {
        Timestamp(self.0.div_euclid(step_ms) * step_ms)
    }

    /// The first multiple of `step_ms` at or after this moment.
    pub const fn ceil_to(self, step_ms: i64) -> Self {
        Timestamp(-((-self.0).div_euclid(step_ms)) * step_ms)
    }

    /// As a chrono value in UTC, clamped to what chrono can hold.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.clamp(Self::MIN.0 - 1, Self::MAX.0 + 1)).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-23T14:00:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// To the millisecond; what is before 1970 is 1970.
impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(t: DateTime<Utc>) -> Self {
        Timestamp(t.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A half-open stretch of time `[from, to)`; `from <= to` always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    from: Timestamp,
    to: Timestamp,
}

impl TimeRange {
    /// Everything a sample may carry.
    pub const ALL: TimeRange = TimeRange { from: Timestamp::MIN, to: Timestamp(Timestamp::MAX.0 + 1) };

    /// `[from, to)`, or `None` where `to` is before `from`.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from <= to).then_some(TimeRange { from, to })
    }

    /// Start, part of the range.
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// End, not part of the range.
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.to.0 - self.from.0
    }

    /// Whether nothing fits in.
    pub const fn is_empty(self) -> bool {
        self.to.0 <= self.from.0
    }

    /// Whether `t` lies inside.
    pub const fn contains(self, t: Timestamp) -> bool {
        t.0 >= self.from.0 && t.0 < self.to.0
    }

    /// What both ranges share; `None` where that is nothing.
    pub fn intersect(self, other: TimeRange) -> Option<TimeRange> {
        let both = TimeRange { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from < both.to).then_some(both)
    }

    /// The range of the same length that ends where this one starts.
    pub const fn previous(self) -> TimeRange {
        TimeRange { from: Timestamp(self.from.0 - self.millis()), to: self.from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_aligned_to_the_epoch_on_both_sides_of_it() {
        assert_eq!(Timestamp(7).floor_to(5), Timestamp(5));
        assert_eq!(Timestamp(-1).floor_to(5), Timestamp(-5));
        assert_eq!(Timestamp(7).ceil_to(5), Timestamp(10));
        assert_eq!(Timestamp(10).ceil_to(5), Timestamp(10));
    }

    #[test]
    fn a_range_is_half_open() {
        let r = TimeRange::new(Timestamp(10), Timestamp(20)).unwrap();
        assert!(r.contains(Timestamp(10)) && !r.contains(Timestamp(20)));
        assert_eq!(r.intersect(TimeRange::new(Timestamp(20), Timestamp(30)).unwrap()), None);
        assert_eq!(r.previous(), TimeRange::new(Timestamp(0), Timestamp(10)).unwrap());
        assert_eq!(TimeRange::new(Timestamp(20), Timestamp(10)), None);
    }

    #[test]
    fn times_are_written_as_rfc3339() {
        assert_eq!(Timestamp(1_767_571_200_123).to_string(), "2026-01-05T00:00:00.123Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }
}
