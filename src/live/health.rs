//! `/healthz`: whether we live, and since when nothing has come in.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::answer::{JSON, Refusal, text};
use super::face::{Hall, clock};

/// 200 where the database, or the engine in its place, can be read, else 503. Names nothing of it: this needs no token.
pub(super) async fn health(State(hall): State<Arc<Hall>>) -> Result<Response<Body>, Refusal> {
    let sources = Arc::clone(&hall.sources);
    let look = move || Ok(sources.try_ask(|asked| asked?.as_source().span()).ok());
    let span = hall.looks.run(look).await?;
    let latest = span.flatten().map(|span| span.to().plus_millis(-1));
    let body = json!({
        "ok": span.is_some(),
        "version": env!("CARGO_PKG_VERSION"),
        "started": hall.started.to_rfc3339(),
        "latest_sample": latest.map(|latest| latest.to_rfc3339()),
        "latest_sample_age_seconds": latest.map(|latest| (clock().millis() - latest.millis()) as f64 / 1e3),
    });
    let status = if span.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(text(status, JSON, body.to_string() + "\n"))
}
