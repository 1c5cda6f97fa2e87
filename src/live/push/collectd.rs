//! `/collectd`: what collectd's write_http sends with `Format JSON`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::super::answer::Refusal;
use super::desk::Desk;
use crate::ingest::limits::PUSH_JSON_BYTES_MAX;
use crate::ingest::push::collectd;

/// 204 when all of it is stored.
pub(super) async fn write(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response<Body>, Refusal> {
    let sent = desk.read(request, &[]).await?;
    let packing = sent.packing()?;
    desk.take(sent, packing, PUSH_JSON_BYTES_MAX, collectd).await?.answer()
}
