//! `/write` and `/api/v2/write`: Influx line protocol, and what its clients ask before they send.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::super::answer::{JSON, Refusal, text};
use super::desk::{Desk, Sent};
use super::taken::{Taken, nothing};
use crate::ingest::formats::time::Unit;
use crate::ingest::limits::PUSH_BYTES_MAX;
use crate::ingest::push::influx;

/// What the clients of both versions say beside the precision: there is one database here, and whoever may push may push all of it.
const KNOWN: [&str; 9] = ["precision", "db", "rp", "consistency", "u", "p", "org", "orgID", "bucket"];
/// The version whose answers these are; some clients ask for it.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-influxdb-version"), HeaderValue::from_static("1.8.10"));

/// 204 when all of it is stored.
pub(super) async fn write(State(desk): State<Arc<Desk>>, request: Request) -> Response<Body> {
    let done = match take(&desk, request).await {
        Ok(taken) => refused(&taken).map_or_else(|| Ok(nothing(StatusCode::NO_CONTENT)), |why| Err(Refusal::bad(why))),
        Err(refusal) => Err(refusal),
    };
    done.unwrap_or_else(|refusal| versions_agree(&refusal))
}

async fn take(desk: &Arc<Desk>, request: Request) -> Result<Taken, Refusal> {
    let sent = desk.read(request, &KNOWN).await?;
    let (precision, packing) = (precision(&sent)?, sent.packing()?);
    let parse = move |body: &[u8], node, now| influx(body, node, precision, now);
    desk.take(sent, packing, PUSH_BYTES_MAX, parse).await
}

/// The unit of times. Where none is given it is nanoseconds by the protocol, and told by the size of the number here: those of nanoseconds are what they
/// were, and those of a client that forgot to say milliseconds are not of 1970.
fn precision(sent: &Sent) -> Result<Unit, Refusal> {
    Ok(match sent.parameter("precision") {
        None => Unit::ByMagnitude,
        Some("ns" | "n") => Unit::Nanos,
        Some("us" | "u" | "µ") => Unit::Micros,
        Some("ms") => Unit::Millis,
        Some("s") => Unit::Seconds,
        Some(other) => {
            return Err(Refusal::bad(format!("`{other}` is no precision that is read here: ns, us, ms or s")));
        }
    })
}

/// In the words by which clients know that sending again does not help.
fn refused(taken: &Taken) -> Option<String> {
    let why = taken.left_out()?;
    Some(if taken.samples > 0 { format!("partial write: {why}") } else { format!("unable to parse: {why}") })
}

/// A refusal as both versions of clients read it: `error`, and `code` with `message`.
fn versions_agree(refusal: &Refusal) -> Response<Body> {
    let code = match refusal.status {
        StatusCode::PAYLOAD_TOO_LARGE => "request too large",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_client_error() => "invalid",
        _ => "internal error",
    };
    let body = json!({ "error": refusal.text, "code": code, "message": refusal.text }).to_string() + "\n";
    let (mut parts, _) = refusal.clone().into_response().into_parts();
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// `/ping`: we are there.
pub(super) async fn ping() -> Response<Body> {
    let mut response = nothing(StatusCode::NO_CONTENT);
    response.headers_mut().insert(VERSION.0, VERSION.1);
    response
}

/// `/query`: clients make their database before they send. There is one already, so it is said to be done; nothing is.
pub(super) async fn query() -> Response<Body> {
    let mut response = text(StatusCode::OK, JSON, json!({ "results": [{ "statement_id": 0 }] }).to_string() + "\n");
    response.headers_mut().insert(VERSION.0, VERSION.1);
    response
}

/// `/health`: in the words of version 2.
pub(super) async fn health() -> Response<Body> {
    let body = json!({
        "name": "nodebook",
        "message": "ready for writes",
        "status": "pass",
        "checks": [],
        "version": env!("CARGO_PKG_VERSION"),
    });
    text(StatusCode::OK, JSON, body.to_string() + "\n")
}
