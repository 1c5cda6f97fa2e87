//! Floor 0: the words of the field as types.
//!
//! Time ([`Timestamp`], [`TimeRange`], the range grammar in [`range`]), series ([`MetricName`], [`NodeName`],
//! [`Labels`], [`SeriesKey`], [`Selector`]), samples ([`Sample`], [`Batch`], [`Kind`], [`Aggregate`] and its merge law), how
//! counters grow ([`Growth`]), what is kept of a distribution ([`Sketch`]), what time does not count ([`Masks`], on the clocks of a [`zone`]), how a [`Language`] writes numbers and dates, and the catalogue of known metrics ([`catalogue`]).
//!
//! What this floor never does: I/O, reading the clock, knowing how anything is stored or shown.

mod annotation;
pub mod catalogue;
mod growth;
mod language;
pub mod limits;
mod mask;
mod node_rule;
pub mod range;
mod sample;
mod selector;
mod series;
mod sketch;
mod stretches;
mod time;
mod word;
pub mod zone;

pub use annotation::Annotation;
pub use growth::{Grown, Growth, NEAR_MS_MIN, near_ms};
pub use language::{Calendar, Language, NoSuchLanguage, Signs};
pub use mask::{EventGlob, Mask, MaskAction, MaskError, MaskTime, Masks, WeekHours};
pub use node_rule::NodeRule;
pub use sample::{Aggregate, Batch, Kind, MetricMeta, STALE_MARKER_BITS, Sample, is_stale_marker, step_up};
pub use selector::{Selector, SelectorError};
pub use series::{Labels, LabelsJsonError, MetricName, NameError, NodeName, Series, SeriesId, SeriesKey};
pub use sketch::{SKETCH_ERROR, Sketch, SketchBucket};
pub use stretches::Stretches;
pub use time::{TimeRange, Timestamp};
pub(crate) use word::word;
