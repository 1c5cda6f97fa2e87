//! The range grammar of the command line: moments, periods and ranges as people write them.
//!
//! A *moment* is
//! - RFC 3339 with an offset (`2026-11-23T14:00:00Z`, `2026-11-23 14:00+01:00`), or without one, read in the given time zone: `2026-11-23`
//!   (its midnight), `2026-11-23 14:00`, `2026-11-23T14:00:30.5`;
//! - seconds (below 10^11) or milliseconds since 1970, with any number of digits but four: four digits are a year;
//! - `now`, moved by `+` or `-` and a number of `s m h d w M Q y`, as often as one likes: `now-6h`, `now-1M+2d`.
//!
//! A *period* is `today`, `yesterday`, `tomorrow`, `this-` or `last-` and `hour day week month quarter year`, `2026-W14`
//! (ISO 8601, weeks start on Monday), `2026-Q1`, `2026-03`, `2026`, or `now` with a unit after a slash: `now/d`, `now-1w/w`. It
//! means its start where a range begins and its end where a range ends. Where only a period can be meant, a date is its day, and
//! `FROM..TO` joins two moments or periods.
//!
//! Seconds, minutes and hours are lengths; days, weeks, months, quarters and years are calendar steps in the time zone, so that `now-1d` is
//! the same time yesterday even where that day had 23 hours. A day of the month that does not exist becomes the last that does. A local time
//! that a clock change skips means the first moment after it; one that comes twice means the first of the two, at either
//! end of a range. What lies before 1970 or after 9999, where no sample can be, counts as that limit.
//!
//! A *duration* (`10s`, `7d`, `1h30m`, `2w`) is a length, always: a day has 24 hours, `M` 30 days, `y` 365 days.

mod calendar;
mod duration;
mod error;
mod moment;
mod spec;

pub use calendar::{local, moment};
pub use duration::parse_duration;
pub use error::RangeError;
pub use moment::{parse_moment, parse_period};
pub use spec::{RangeSpec, last_believed};

#[cfg(test)]
mod tests;
