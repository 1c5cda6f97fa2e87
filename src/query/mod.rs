//! Floor 2: what a report may ask, and how it is answered.
//!
//! [`Source`] is the question. [`local`] answers it from the file, choosing for every stretch of time the stored layer that is exact and
//! cheapest ([`resolution`]), [`remote`] from an engine that speaks the Prometheus HTTP API; [`Masked`] leaves out of any source what does not count, [`Foreseeing`] reads along what will be asked later. [`bucket`] and [`quantile`] are the arithmetic, pure. [`frame`] makes shown metrics of stored
//! ones by the catalogue, [`summary`] the numbers and findings that `summary` prints, [`missing`] those of what was not delivered.
//!
//! What this floor never does: know a table of the file (it has [`Reader`](crate::store::Reader)), read the clock, put anything into
//! words for a page.

mod ahead;
mod asked;
pub mod bucket;
mod cells;
mod distribution;
mod error;
pub mod frame;
mod grid;
mod intake;
mod line;
pub mod local;
mod masked;
mod materialised;
#[cfg(test)]
pub(crate) mod memory;
pub mod missing;
pub mod quantile;
pub mod remote;
pub mod resolution;
mod source;
pub mod sql;
pub mod summary;

pub use ahead::{Ahead, CourseSink, Foreseeing, Measured, Told};
pub use asked::Asked;
pub use bucket::Bucket;
pub use distribution::{Distribution, beside};
pub use error::QueryError;
pub use grid::{Grid, STEPS_MS, grid_for};
pub use local::LocalSource;
pub use masked::Masked;
pub use materialised::{MaterialiseError, Materialised};
pub use source::{MeasureSink, Origin, SampleSink, Source, TimeSink};
