//! nodebook records a cluster's metrics into one SQLite file and turns any stretch of them into one HTML file.

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
