//! `/api/series`: which series there are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use serde_json::json;

use super::super::answer::{JSON, Refusal};
use super::super::face::Hall;
use super::super::piped::piped;
use super::{Parameters, expect_whole, of_query};

/// An array of objects. A file's series have no range of their own; an engine is asked for those of a range, by default of its last day.
pub(in crate::live) async fn series(
    State(hall): State<Arc<Hall>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response<Body>, Refusal> {
    let parameters = Parameters::new(pairs, &[])?;
    let selector = parameters.selector()?;
    let turn = hall.questions.next().await?;
    let (sources, timezone) = (Arc::clone(&hall.sources), hall.face.timezone);
    piped(JSON, move |out| {
        let _turn = turn;
        let series = sources.ask(|asked| {
            let source = asked.as_source();
            if sources.is_engine() {
                let span = source.span().map_err(|error| of_query(&error))?;
                asked.look_at(parameters.range(timezone, span)?, None, &selector);
            }
            let series = source.series(&selector).map_err(|error| of_query(&error))?;
            expect_whole(asked)?;
            Ok(series)
        })?;
        let gone = |_| Refusal::failed("the client has gone");
        out.write_all(b"[").map_err(gone)?;
        for (i, one) in series.iter().enumerate() {
            let labels: serde_json::Map<String, serde_json::Value> =
                one.key.labels.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            let object = json!({
                "node": one.key.node.as_str(),
                "metric": one.key.metric.as_str(),
                "labels": labels,
                "kind": one.kind.as_str(),
            });
            write!(out, "{}{object}", if i == 0 { "\n" } else { ",\n" }).map_err(gone)?;
        }
        out.write_all(b"\n]\n").map_err(gone)
    })
    .await
}
