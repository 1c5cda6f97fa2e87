//! `/collectd`: what collectd's write_http sends with `Format JSON`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::super::answer::Refusal;
use super::desk::Desk;
use crate::ingest::limits::PUSH_JSON_BYTES_MAX;
use crate::ingest::push::{Counters, collectd};

/// 204 when all of it is stored. `rates=true` or `false` is what `StoreRates` is: without it a host sends totals until one of its counters has a fraction.
pub(super) async fn write(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response<Body>, Refusal> {
    let sent = desk.read(request, &["rates"]).await?;
    let packing = sent.packing()?;
    let said = match sent.parameter("rates") {
        None => None,
        Some("true") => Some(Counters::Rates),
        Some("false") => Some(Counters::Totals),
        Some(other) => return Err(Refusal::bad(format!("`rates={other}` is neither true nor false"))),
    };
    let rates = Arc::clone(&desk.rates);
    let parse = move |body: &[u8], node, now| collectd(body, node, said, &rates, now);
    desk.take(sent, packing, PUSH_JSON_BYTES_MAX, parse).await?.answer()
}
