//! What others push: samples in the forms that senders have, and events.
//!
//! A request is answered with 2xx when the commit with its samples has returned, and not before. What is wrong with a request and stays wrong is told
//! with 4xx, so that it is not sent again; what may pass with 503 and `Retry-After`. Where some of a request was taken, the answer says how much was
//! not, and why.

mod annotations;
mod body;
mod collectd;
mod desk;
mod exposition;
mod influx;
mod otlp;
mod remote_write;
mod taken;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(super) use desk::Desk;
pub use desk::Intake;

/// The paths under which something is taken.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(desk: Arc<Desk>) -> Router<S> {
    Router::new()
        .route("/api/v1/write", post(remote_write::write))
        .route("/write", post(influx::write))
        .route("/api/v2/write", post(influx::write))
        .route("/ping", get(influx::ping))
        .route("/query", get(influx::query).post(influx::query))
        .route("/health", get(influx::health))
        .route("/api/v1/import/prometheus", post(exposition::import))
        .route("/v1/metrics", post(otlp::export))
        .route("/collectd", post(collectd::write))
        .route("/api/annotations", post(annotations::annotate))
        .with_state(desk)
}
