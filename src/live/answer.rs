//! What is answered: refusals, and the headers that every answer has.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

/// Media type of JSON.
pub(super) const JSON: &str = "application/json";

/// Why a request is not answered as it was asked. Its text goes to the client: it names what was given and the way out, and nothing else.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// When to come again, where that helps.
    pub(super) again: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Refusal {
        Refusal { status, text: text.into(), again: None }
    }

    /// What was asked cannot be understood.
    pub(super) fn bad(text: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, text)
    }

    /// We failed.
    pub(super) fn failed(text: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// Not now.
    pub(super) fn busy(text: impl Into<String>, again: Duration) -> Refusal {
        Refusal { again: Some(again), ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }

    /// Whole seconds until it helps to come again.
    fn seconds(&self) -> Option<u64> {
        self.again.map(|again| (again.as_secs_f64().ceil() as u64).max(1))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = text(self.status, JSON, json!({ "error": self.text }).to_string() + "\n");
        if let Some(seconds) = self.seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // Browsers ask for name and password then; the token is the password.
            let challenge = HeaderValue::from_static("Basic realm=\"nodebook\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An answer of one piece.
pub(super) fn text(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// What browsers are told of every answer: nothing in it runs, frames it, guesses its type, keeps it or tells others where it was found.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds them; a page that has a policy of its own keeps it.
pub(super) fn dress(response: &mut Response<Body>) {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}
