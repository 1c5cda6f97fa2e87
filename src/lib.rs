//! nodebook records a cluster's metrics into one SQLite file and turns any stretch of them into one HTML file that opens offline.
//!
//! A program that wants just that takes [`MetricsVisualizer`]; one that wants the parts takes the floors below it.
//!
//! # Floors
//! ```text
//!   this machine, targets, files of a dozen formats
//!             |
//!          ingest      bytes -> samples
//!             |
//!          store       one SQLite file: head (rows) -> chunks (compressed, checksummed) -> hourly and daily rollups
//!             |
//!          query       buckets, rates that know resets, quantiles, gaps; read-only SQL
//!           /  \
//!     analyse   \      findings, in words
//!         |      \
//!     report   export  one HTML page of ready strings and SVG, plotly on top  |  rows as text, streaming
//!           \  /
//!     deliver  live    a whole file or none | answers over HTTP, to whom may ask
//! ```
//! Data flows one way. A floor imports lower ones only, and those of one height do not know each other.
//!
//! | height | floor | what it is |
//! |---|---|---|
//! | 7 | [`cli`] | the command line: grammar, settings, one file a command |
//! | 6 | [`facade`] | the library as one value |
//! | 6 | [`schedule`] | when a batch runs, and what was missed; pure |
//! | 5 | [`deliver`], [`live`], [`forward`] | an artifact to where it is wanted: file, mail, webhook; answers over HTTP; samples to engines |
//! | 4 | [`report`], [`export`] | one HTML page; rows as CSV, Parquet, JSON lines, OpenMetrics, line protocol |
//! | 3 | [`analyse`] | findings: few, right, explained |
//! | 2 | [`ingest`], [`query`] | from the outside to samples; what may be asked of them |
//! | 1 | [`store`], [`net`] | the one SQLite file; one HTTP client, bounded in time and size |
//! | 0 | [`model`], [`codec`] | time, series, samples; chunk bytes |
//!
//! # Walls
//! A dependency is known to its rooms only, so that it can be changed there: SQLite to [`store`] and [`query::sql`], clap to [`cli`],
//! lettre to [`deliver`], hyper and TLS to [`net`] and [`live`], axum to [`live`], askama to [`report`], plotly to the charts of [`report`], pco to [`codec`], procfs to [`ingest::host`]. `tests/integration/tidy.rs` holds these
//! walls and the floors, and names whoever breaks one.
//!
//! # What is never there
//! - No clock but at the edges ([`cli`], [`live`], [`ingest::host`], [`ingest::scrape`]): everything else is given `now`.
//! - No table of the file above [`store`]: [`query`] has a [`store::Reader`], [`report`] has a [`query::Source`], [`deliver`] has bytes with a
//!   name.
//! - No number out of a damaged file: an error instead. No loss of a sample whose commit has returned when the process dies.
//! - No NaN as a number: it is a gap. No range that is not half-open, no time but whole milliseconds UTC from 1970 to 9999.
//! - No name from data that is trusted: whoever writes one down (HTML, JSON, CSV, SVG, a terminal, SQL) makes it harmless there.
//! - No global state, no panic for bad data, no silent cut: what is left out or rejected is counted and said.
//! - No arithmetic in a template, no input or output in a view, no clock in a planner.
//!
//! # Where do I put …
//! | what | where |
//! |---|---|
//! | a metric that reports know: its unit, section, which way is worse | [`model::catalogue`] |
//! | a reading of this machine | a file of `ingest/host`, called by `ingest/host/reading.rs` |
//! | what is done with a target or its page | `ingest/scrape`; it hands samples to `ingest/inbox.rs` |
//! | a format to import | a file of `ingest/formats`, found out by `ingest/formats/detect.rs` |
//! | a format or shape to export | a file of `export`, named in `export/output.rs` or `export/shape.rs` |
//! | a section of the report | a view in `report/view` and its template in `templates/report/parts` |
//! | a flag or a command | `cli/args/commands.rs` (`deliveries.rs` for what goes out, `upkeep.rs` for the file itself); a command is one file of `cli` |
//! | what is asked or told over HTTP | a [`net::Client`] of whoever asks; what the client itself can do: `net` |
//! | an engine that is asked | `query/remote`: what its dialect does differently in `dialect.rs`, what is asked in `plan.rs` |
//! | how samples are handed on | `forward`; the cursor in `store/forward.rs` |
//! | a path of the server | a handler in `live`, named in `live/face.rs` |
//! | a form in which others push | a reader in `ingest/push`, a handler in `live/push` |
//! | what a live page does | `live/page` and `templates/live`; what it shows is the report's |
//! | a way out for a report | `deliver`, and `cli/batch/outlet.rs` |
//! | a key of `[[batch]]` | `cli/config/batch.rs` and `cli/config/keys.rs` |
//! | a key of the configuration | `cli/config/keys.rs` and `cli/config/file.rs` |
//! | a table or column of the file | a new migration in `migrations`; a released one is never edited |
//! | a test through the real binary | a module of `tests/integration`, driven by its `harness.rs` |

// The README's Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod analyse;
pub mod cli;
pub mod codec;
pub mod deliver;
pub mod export;
pub mod facade;
#[cfg(test)]
mod figure;
pub mod forward;
pub mod ingest;
pub mod live;
pub mod model;
pub mod net;
pub mod query;
pub mod report;
pub mod schedule;
pub mod store;

pub use facade::MetricsVisualizer;
