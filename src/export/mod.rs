//! Floor 4: rows -> bytes, streaming, in constant memory.
//!
//! [`csv()`] writes stored samples, long or wide, [`jsonl()`], [`openmetrics()`] and [`influx()`] write them for other programs, [`parquet()`] for those that read columns; [`rollup_csv`], [`rollup_json`] and [`rollup_parquet`] write aggregates
//! of them, a row a bucket, [`CsvRows`] and its like the rows of a query in SQL; [`Format`] says what an ending means and [`Output`] compresses. What is written long, as Parquet or as JSON lines is imported as it was, bit
//! for bit; OpenMetrics has no stale markers, line protocol none but finite numbers. The same data gives the same bytes: rows are ordered by time, then by series (node, metric, labels), compressed
//! files carry no time.
//!
//! # Cells
//! - Times are RFC 3339 with milliseconds in UTC, or epoch ms or s ([`TimeFormat`]).
//! - Labels are a JSON object with sorted keys, or empty.
//! - A value is the shortest decimal that reads back as the same bits; `+Inf`, `-Inf`; `NaN` for a sample that is no number (a gap; its payload is not
//!   kept), and `StaleNaN` for the stale marker that ends a series.
//! - A text that a spreadsheet would run as a formula (it starts with `=`, `+`, `-`, `@`, TAB or CR, after any number of `'`) gets a `'` in
//!   front, which the import takes away. Numbers never.
//!
//! What this floor never does: open files, or export what is derived: only stored metrics are exported.

mod cells;
mod error;
mod influx;
mod jsonl;
mod long;
pub(crate) mod named;
mod openmetrics;
mod output;
mod parquet;
mod rollup;
mod rollup_json;
#[cfg(test)]
mod round_trip;
mod rows;
mod shape;
mod slices;
mod wide;

pub use cells::push_text as push_csv_text;
pub use error::ExportError;
pub use influx::{Written, influx};
pub use jsonl::jsonl;
pub use openmetrics::openmetrics;
pub(crate) use openmetrics::quoted as quoted_label;
pub use output::{Encoding, Format, Output, Packing};
pub use parquet::{parquet, rollup_parquet};
pub use rollup::{Agg, rollup_csv};
pub use rollup_json::rollup_json;
pub use rows::{CsvRows, JsonLines, JsonRows, Rows, hex, number};
pub use shape::{Shape, TimeFormat, csv};
