//! Floor 2: from the outside to samples.
//!
//! [`formats`] are pure (bytes -> samples, one file or folder a format); [`import`] loads files into the store; [`host`] samples this
//! machine; [`scrape`] asks targets; [`push`] reads what others send; [`demo`] simulates a cluster; in the [`inbox`] samples wait for the one writer of the file. [`limits`] are the limits of all of them, with their reasons.
//!
//! What this floor never does: read what is stored, compute rates or percentages from stored samples, or drop anything without counting it.
//! Only [`host`] reads this machine, and only [`scrape`] the network; times of samples that carry none are given by the caller.

pub mod demo;
pub mod formats;
pub mod host;
pub mod import;
pub mod inbox;
pub mod limits;
pub mod pace;
pub mod push;
pub mod scrape;
