//! What others send: the body of a request, to the samples in it.
//!
//! A request is small, and here as a whole: [`unpack`] takes it out of its packing up to a size, and a reader of its format gives what was [`Pushed`].
//! Pure: whoever took the request says when, and hands the samples on.

mod pushed;
mod read;
mod unpack;

pub use pushed::Pushed;
pub use read::{Encoding, collectd, exposition, influx, otlp, remote_write};
pub use unpack::{Packing, UnpackError, unpack};

pub use super::formats::collectd_json::{Counters, RateHosts};
pub use super::formats::otlp::Totals;
pub use super::formats::remote_write::Said;
