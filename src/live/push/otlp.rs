//! `/v1/metrics`: OTLP over HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::super::answer::{JSON, Refusal, text};
use super::desk::{Desk, Sent};
use super::taken::Taken;
use crate::codec::protobuf::{put_bytes, put_number};
use crate::ingest::limits::{PUSH_BYTES_MAX, PUSH_JSON_BYTES_MAX};
use crate::ingest::push::{Encoding, otlp};

const PROTOBUF: &str = "application/x-protobuf";
/// `INVALID_ARGUMENT` of gRPC, for a request that stays wrong; and `UNAVAILABLE`.
const CODES: (u64, u64) = (3, 14);

/// 200 when what could be taken is stored; what could not is told in `partial_success`.
pub(super) async fn export(State(desk): State<Arc<Desk>>, request: Request) -> Response<Body> {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoding = match named.split(';').next().unwrap_or_default().trim() {
        PROTOBUF => Encoding::Protobuf,
        JSON => Encoding::Json,
        other => {
            let text = format!("Content-Type `{other}` is not read here: {PROTOBUF} or {JSON}");
            return Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
        }
    };
    let taken = match desk.read(request, &[]).await {
        // By a task of its own: what the deltas have come to is decided also where the client does not wait for it.
        Ok(sent) => tokio::spawn(async move { take(&desk, sent, encoding).await }).await,
        Err(refusal) => return refused(&refusal, encoding),
    };
    match taken.unwrap_or_else(|_| Err(Refusal::failed("the request could not be read"))) {
        Ok(taken) => success(&taken, encoding),
        Err(refusal) => refused(&refusal, encoding),
    }
}

/// One request after the other as long as they are parsed, and until they are stored where they hold deltas: the next one adds to what this one has come to.
async fn take(desk: &Arc<Desk>, sent: Sent, encoding: Encoding) -> Result<Taken, Refusal> {
    let (packing, at) = (sent.packing()?, sent.at);
    let limit = if encoding == Encoding::Json { PUSH_JSON_BYTES_MAX } else { PUSH_BYTES_MAX };
    let mut totals = Arc::clone(&desk.totals).lock_owned().await;
    let parsed = desk.turns.run(move || {
        let (bytes, node, at) = sent.unpacked(packing, limit)?;
        let pushed = otlp(&bytes, node, encoding, &mut totals, at);
        Ok((pushed, totals))
    });
    let (pushed, mut totals) = parsed.await?;
    if !totals.has_grown() {
        drop(totals);
        return desk.store(at, pushed).await;
    }
    let stored = desk.store(at, pushed).await;
    if stored.is_ok() {
        totals.keep()
    } else {
        totals.take_back()
    }
    stored
}

fn success(taken: &Taken, encoding: Encoding) -> Response<Body> {
    let left_out = taken.left_out();
    if left_out.is_some() && taken.samples == 0 {
        let refusal = Refusal::bad(left_out.unwrap_or_default());
        return refused(&refusal, encoding);
    }
    match encoding {
        Encoding::Json => {
            let partial =
                left_out.map(|why| json!({ "rejectedDataPoints": taken.refused.to_string(), "errorMessage": why }));
            let body = partial.map_or_else(|| json!({}), |partial| json!({ "partialSuccess": partial }));
            text(StatusCode::OK, JSON, body.to_string())
        }
        Encoding::Protobuf => {
            let mut body = Vec::new();
            if let Some(why) = left_out {
                let mut partial = Vec::new();
                put_number(&mut partial, 1, taken.refused);
                put_bytes(&mut partial, 2, why.as_bytes());
                put_bytes(&mut body, 1, &partial);
            }
            text(StatusCode::OK, PROTOBUF, body)
        }
    }
}

/// The status of gRPC, as the protocol wants it.
fn refused(refusal: &Refusal, encoding: Encoding) -> Response<Body> {
    let code = if refusal.again.is_some() { CODES.1 } else { CODES.0 };
    let (media_type, body) = match encoding {
        Encoding::Json => (JSON, json!({ "code": code, "message": refusal.text }).to_string().into_bytes()),
        Encoding::Protobuf => {
            let mut body = Vec::new();
            put_number(&mut body, 1, code);
            put_bytes(&mut body, 2, refusal.text.as_bytes());
            (PROTOBUF, body)
        }
    };
    let (mut parts, _) = refusal.clone().into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    Response::from_parts(parts, Body::from(body))
}
