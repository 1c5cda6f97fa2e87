//! The live pages, their parts, and the same as a report.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::super::answer::{JSON, Refusal, text};
use super::super::api::of_query;
use super::super::face::Hall;
use super::asked::{Asked, Kind};
use super::studio::{Made, compared, of_report};
use crate::analyse::KINDS;
use crate::report::{LivePart, Report, ReportOptions, html, live_page, policy_within};

/// Media type of pages.
pub(super) const HTML: &str = "text/html; charset=utf-8";

type Pairs = Query<Vec<(String, String)>>;

/// `/`
pub(super) async fn live(State(hall): State<Arc<Hall>>, Query(pairs): Pairs) -> Result<Response<Body>, Refusal> {
    page(&hall, &Asked::new(Kind::Overview, pairs)?).await
}

/// `/findings`
pub(super) async fn findings(State(hall): State<Arc<Hall>>, Query(pairs): Pairs) -> Result<Response<Body>, Refusal> {
    page(&hall, &Asked::new(Kind::Findings, of_a_day(pairs))?).await
}

/// Where no time is asked for.
fn of_a_day(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    if !pairs.iter().any(|(key, _)| matches!(key.as_str(), "last" | "range" | "from" | "to")) {
        pairs.push(("last".to_owned(), "1d".to_owned()));
    }
    pairs
}

async fn page(hall: &Hall, asked: &Asked) -> Result<Response<Body>, Refusal> {
    let (made, _) = hall.studio.page(asked).await?;
    let mut frame = asked.frame(hall.face.report.title.as_deref().unwrap_or("nodebook"));
    frame.version = made.version;
    frame.status = status(hall, &made);
    frame.nothing.clone_from(&made.nothing);
    let parts: Vec<LivePart> = made.parts.iter().map(|(part, _)| part.clone()).collect();
    let (body, policy) = live_page(&frame, &parts, &hall.face.report.look).map_err(|error| of_report(&error))?;
    Ok(with_policy(text(StatusCode::OK, HTML, body), &policy))
}

/// `/api/page`: what has changed `since` a version of the page.
pub(super) async fn parts(State(hall): State<Arc<Hall>>, Query(pairs): Pairs) -> Result<Response<Body>, Refusal> {
    let of = |key: &str| pairs.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    let since = of("since").and_then(|text| text.parse().ok()).unwrap_or(0);
    let (kind, pairs) = match of("view") {
        Some("findings") => (Kind::Findings, of_a_day(pairs)),
        _ => (Kind::Overview, pairs),
    };
    let (made, again) = hall.studio.page(&Asked::new(kind, pairs)?).await?;
    // A version from before we were started is of other parts.
    let since: u64 = if since > made.version { 0 } else { since };
    let is_nothing = (!made.nothing.is_empty()).then_some("section[data-section=nothing]");
    let places: Vec<&str> =
        is_nothing.into_iter().chain(made.parts.iter().map(|(part, _)| part.place.as_str())).collect();
    let changed = made.parts.iter().filter(|(_, changed)| *changed > since);
    let parts: Vec<[&str; 2]> = changed.map(|(part, _)| [part.place.as_str(), part.html.as_str()]).collect();
    let again = again.map(|again| u64::try_from((again + Duration::from_millis(1)).as_millis()).unwrap_or(u64::MAX));
    let body = json!({
        "version": made.version,
        "status": status(&hall, &made),
        "places": places,
        "parts": parts,
        "again_ms": again,
    });
    Ok(text(StatusCode::OK, JSON, body.to_string()))
}

/// `Up to 14:03:20`
fn status(hall: &Hall, made: &Made) -> String {
    let Some(to) = made.to else { return "No samples".to_owned() };
    let local = to.to_utc().with_timezone(&hall.face.timezone);
    let now = super::super::face::clock().to_utc().with_timezone(&hall.face.timezone);
    let format = if local.date_naive() == now.date_naive() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    format!("Live, up to {}", local.format(format))
}

/// `/report`: the same as `nodebook report` writes it, with charts that can be zoomed.
pub(super) async fn report(State(hall): State<Arc<Hall>>, Query(pairs): Pairs) -> Result<Response<Body>, Refusal> {
    let asked = Asked::new(Kind::Overview, pairs)?;
    let (face, sources) = (hall.face.clone(), Arc::clone(&hall.sources));
    let body = hall.questions.run(move || {
        sources.ask(|opened| {
            let source = opened.as_source();
            let span = source.span().map_err(|error| of_query(&error))?;
            let options = asked.options(&face, span)?;
            opened.look_at(options.range, compared(&options), &options.selector);
            let max_bytes = face.report.max_bytes;
            let options = ReportOptions { interactive: true, kinds: KINDS.to_vec(), max_bytes, ..options };
            let report = Report::of(source, &options).map_err(|error| of_report(&error))?;
            html(&report.view).map_err(|error| of_report(&error))
        })
    });
    with_own_policy(body.await?)
}

/// A page of ours with the policy that it has within.
pub(super) fn with_own_policy(page: String) -> Result<Response<Body>, Refusal> {
    let policy = policy_within(&page).ok_or_else(|| Refusal::failed("the page has no policy"))?;
    Ok(with_policy(text(StatusCode::OK, HTML, page), &format!("{policy}; frame-ancestors 'none'")))
}

fn with_policy(mut response: Response<Body>, policy: &str) -> Response<Body> {
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
