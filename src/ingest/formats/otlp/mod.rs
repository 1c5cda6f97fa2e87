//! OpenTelemetry metrics as OTLP: protobuf messages, or JSON (one request after the other, as the collector's file exporter writes them).
//!
//! Names and attributes stay as they are (`system.cpu.time{cpu="cpu0",state="user"}`). The node is the resource's `host.name`, else its
//! `service.instance.id`, else its `service.name`; what of these is left over becomes labels. A sum that only grows is a counter; one of deltas
//! is added up from 0 over the file, or over the requests since the start; what was added up already is not added again. Histograms become `_bucket` with `le`, `_count` and `_sum`, exponential ones `_count` and `_sum`,
//! summaries `_count`, `_sum` and series with `quantile`. A point that says there is no value ends its series.
//! Source: opentelemetry-proto 1.x, metrics/v1/metrics.proto; OTLP specification, "JSON Protobuf Encoding".

mod data;
mod json;
mod points;
mod proto;
mod totals;

pub use json::{parser as json, read as read_json};
pub use proto::{parser as protobuf, read as read_protobuf};
pub use totals::Totals;

pub(super) use json::looks_like as looks_like_json;
pub(super) use proto::looks_like as looks_like_protobuf;
