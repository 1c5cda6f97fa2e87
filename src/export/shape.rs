use std::io::Write;

use super::{ExportError, long, wide};
use crate::model::{Selector, TimeRange};
use crate::query::Source;

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339 with milliseconds, UTC.
    #[default]
    Rfc3339,
    /// Milliseconds since the epoch.
    Millis,
    /// Seconds since the epoch, with a fraction where there is one.
    Seconds,
}

/// Long: a row a sample. Wide: a row a time and node, a column a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `timestamp,node,metric,labels,value`
    #[default]
    Long,
    /// `timestamp,node,METRIC{labels}…`, columns sorted by metric and labels; an empty cell is no sample.
    Wide,
}

/// Writes the stored samples of the selected series as CSV, ordered by time, then by node, metric and labels; returns the number of samples
/// written. The header is written even where there is no sample.
pub fn csv(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    shape: Shape,
    time: TimeFormat,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    match shape {
        Shape::Long => long::write(source, selector, range, time, out),
        Shape::Wide => wide::write(source, selector, range, time, out),
    }
}
