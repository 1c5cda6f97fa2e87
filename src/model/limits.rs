//! Limits that hold everywhere, in one place, each with its reason.

/// Longest metric name in bytes. Prometheus names stay below 100; a longer one is a mistake or an attack.
pub const METRIC_NAME_BYTES_MAX: usize = 256;
/// Longest node name in bytes: a DNS name has 253.
pub const NODE_NAME_BYTES_MAX: usize = 256;
/// Longest label key in bytes.
pub const LABEL_KEY_BYTES_MAX: usize = 256;
/// Longest label value in bytes: long enough for a path or an SQL digest, short enough to keep the catalogue in memory.
pub const LABEL_VALUE_BYTES_MAX: usize = 4096;
/// Most labels of one series.
pub const LABELS_MAX: usize = 64;
/// Most series in one file. The catalogue of names lives in memory: 5 M series are about 1 GB.
pub const SERIES_MAX: usize = 5_000_000;
