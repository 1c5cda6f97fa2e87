//! Floor 6: when a batch runs, what time it tells of, and whether it is worth sending. Pure: `now` is an argument, so that a test can go through years.
//!
//! [`Schedule`] is a time that comes again (five fields of cron, or a word), [`due`] says which runs there are to make and which were missed,
//! [`Condition`] whether a report that was made goes out.
//!
//! What this floor never does: read the clock, wait, run anything.

mod condition;
mod cron;
mod due;
mod error;
mod field;

pub use condition::{Condition, Facts};
pub use cron::Schedule;
pub use due::{CatchUp, Due, Fate, MISSED_MAX, due};
pub use error::ScheduleError;
