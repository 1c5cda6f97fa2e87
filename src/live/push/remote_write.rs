//! `/api/v1/write`: Prometheus remote write 1.0.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;

use super::super::answer::Refusal;
use super::desk::Desk;
use crate::ingest::limits::PUSH_BYTES_MAX;
use crate::ingest::push::{Packing, remote_write};

/// How many samples are stored, of requests that are taken in part, too. Source: remote write 2.0, which its senders of 1.0 read.
const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");

/// 204 when all of it is stored.
pub(super) async fn write(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response<Body>, Refusal> {
    let sent = desk.read(request, &[]).await?;
    let unsupported = |text: String| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    if sent.header(header::CONTENT_TYPE).contains("io.prometheus.write.v2") {
        return Err(unsupported("remote write 2.0 is not read here, 1.0 is".to_owned()));
    }
    let packing = sent.header(header::CONTENT_ENCODING);
    if !packing.is_empty() && !packing.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!(
            "Content-Encoding `{packing}` is not read here: remote write is a snappy block"
        )));
    }
    let said = Arc::clone(&desk.said);
    let parse = move |body: &[u8], node, now| remote_write(body, node, &said, now);
    let taken = desk.take(sent, Packing::Plain, PUSH_BYTES_MAX, parse).await?;
    let samples = HeaderValue::from(taken.samples);
    let mut response = taken.answer().unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(SAMPLES_WRITTEN, samples);
    Ok(response)
}
