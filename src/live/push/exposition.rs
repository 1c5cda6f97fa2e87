//! `/api/v1/import/prometheus`: a page of Prometheus text or OpenMetrics.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, header};

use super::super::answer::Refusal;
use super::desk::Desk;
use crate::ingest::formats::prometheus::Dialect;
use crate::ingest::limits::PUSH_BYTES_MAX;
use crate::ingest::push::exposition;

/// 204 when all of it is stored; a line that is wrong is told, and the others are stored.
pub(super) async fn import(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response<Body>, Refusal> {
    let sent = desk.read(request, &[]).await?;
    let is_open_metrics = sent.header(header::CONTENT_TYPE).starts_with("application/openmetrics-text");
    let dialect = if is_open_metrics { Dialect::OpenMetrics } else { Dialect::Text };
    let packing = sent.packing()?;
    let parse = move |body: &[u8], node, now| exposition(body, node, dialect, now);
    desk.take(sent, packing, PUSH_BYTES_MAX, parse).await?.answer()
}
