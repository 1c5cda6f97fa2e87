//! Numbers, units, times and words as people read them. Pure: the same value gives the same text.
//!
//! Decided once: three significant digits; bytes are binary (`MiB` = 2^20 bytes) everywhere; a number and its unit are joined by a
//! no-break space; an unknown value is an en dash. Signs and dates are those of the report's language ([`Numerals`], [`Clock`]).

mod number;
mod retold;
mod time;
mod words;

pub(crate) use number::{NBSP, NONE, Numerals, Scale, exact, unit_name};
pub(crate) use time::{Clock, duration, offset_rfc3339};
pub(crate) use words::{list, named, shorten};
