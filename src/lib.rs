//! nodebook records a cluster's metrics into one SQLite file and turns any stretch of them into one HTML file that opens offline.
//!
//! A program that wants just that takes [`MetricsVisualizer`]; one that wants the parts takes the floors below it.
//!
//! # Floors
//! Data flows one way: ingest -> store -> query -> analyse -> report or export -> deliver. A floor imports lower ones only, siblings do not know
//! each other, and `tests/integration/tidy.rs` holds these walls.
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 7 | [`cli`] | the command line: grammar, settings, one file a command |
//! | 6 | [`facade`] | the library as one value |
//! | 5 | [`deliver`] | an artifact to where it is wanted |
//! | 4 | [`report`], [`export`] | one HTML page; rows as CSV |
//! | 3 | [`analyse`] | findings: few, right, explained |
//! | 2 | [`ingest`], [`query`] | from the outside to samples; what may be asked of them |
//! | 1 | [`store`] | the one SQLite file |
//! | 0 | [`model`], [`codec`] | time, series, samples; chunk bytes |
//!
//! # What always holds
//! - Time is whole milliseconds UTC from 1970 to 9999, every range is half-open, NaN is a gap and never a number.
//! - A sample whose commit has returned survives the death of the process at any instant; a damaged file is an error, never a number.
//! - Only the edges ([`cli`], [`ingest::host`]) read the clock; everything else is given `now`.
//! - Names from data are hostile: whoever writes them down (HTML, JSON, CSV, SVG, a terminal, SQL) makes them harmless there.
//! - No global state, no panic for bad data; what is cut, left out or rejected is counted and said.

pub mod analyse;
pub mod cli;
pub mod codec;
pub mod deliver;
pub mod export;
pub mod facade;
pub mod ingest;
pub mod model;
pub mod query;
pub mod report;
pub mod store;

pub use facade::MetricsVisualizer;
