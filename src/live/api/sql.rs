//! `/api/sql`: the console's questions, by the console's rules. Of an engine they are asked of the samples of a range and a selection, as `nodebook sql` does.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use chrono_tz::Tz;

use super::super::answer::{JSON, Refusal};
use super::super::connection::Open;
use super::super::face::Hall;
use super::super::limits::{BODY_TIME, QUERY_TIME, SQL_BYTES_MAX, SQL_SAMPLES_MAX};
use super::super::piped::piped;
use super::{Parameters, expect_whole, of_materialised, of_query, of_store};
use crate::export::{CsvRows, JsonLines, JsonRows, Rows};
use crate::model::range::parse_duration;
use crate::query::sql::{SqlConsole, SqlError, SqlLimits};
use crate::query::{Asked, Materialised};

const OWN: [&str; 3] = ["q", "format", "time_limit"];

/// `GET /api/sql?q=…`
pub(in crate::live) async fn asked(
    State(hall): State<Arc<Hall>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response<Body>, Refusal> {
    let parameters = Parameters::new(pairs, &OWN)?;
    let query = parameters.one("q").unwrap_or_default().to_owned();
    answer(&hall, query, &parameters).await
}

/// `POST /api/sql` with the query as the body.
pub(in crate::live) async fn sent(
    State(hall): State<Arc<Hall>>,
    Extension(open): Extension<Arc<Open>>,
    Query(pairs): Query<Vec<(String, String)>>,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let parameters = Parameters::new(pairs, &OWN)?;
    let too_large = || {
        let text = format!("the query is longer than {SQL_BYTES_MAX} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let read = tokio::time::timeout(BODY_TIME, to_bytes(body, SQL_BYTES_MAX)).await;
    let bytes = read.map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the query did not come"))?;
    let bytes = bytes.map_err(|_| too_large())?;
    open.serves();
    let query = String::from_utf8(bytes.into()).map_err(|_| Refusal::bad("the query is not UTF-8"))?;
    answer(&hall, query, &parameters).await
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    JsonLines,
    Csv,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Format::Json => JSON,
            Format::JsonLines => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
        }
    }
}

async fn answer(hall: &Hall, query: String, parameters: &Parameters) -> Result<Response<Body>, Refusal> {
    let format = match parameters.one("format") {
        None | Some("json") => Format::Json,
        Some("jsonl") => Format::JsonLines,
        Some("csv") => Format::Csv,
        Some(other) => return Err(Refusal::bad(format!("`{other}` is no format: json, jsonl or csv"))),
    };
    let asked = parameters.one("time_limit").map(parse_duration).transpose();
    let asked = asked.map_err(|error| Refusal::bad(error.to_string()))?;
    let time = asked.map_or(QUERY_TIME, |ms| Duration::from_millis(ms.unsigned_abs()).min(QUERY_TIME));
    let limits = SqlLimits { time, ..SqlLimits::default() };
    if !hall.sources.is_engine() && parameters.narrows() {
        return Err(Refusal::bad(
            "range and selection say what is fetched of an engine: the database is asked as a whole",
        ));
    }
    let turn = hall.queries.next().await?;
    let (db, sources, timezone) = (hall.face.db.clone(), Arc::clone(&hall.sources), hall.face.timezone);
    let parameters = parameters.clone();
    piped(format.media_type(), move |out| {
        let _turn = turn;
        let engine = sources.is_engine().then(|| sources.ask(|asked| fetched(asked, &parameters, timezone)));
        let engine = engine.transpose()?;
        let db = engine.as_ref().map_or(db.as_path(), Materialised::path);
        run(db, limits, &query, format, out).map_err(|error| of_sql(&error))
    })
    .await
}

/// The samples of an engine that a query is asked of: all that are wanted, or none.
fn fetched(asked: &Asked, parameters: &Parameters, timezone: Tz) -> Result<Materialised, Refusal> {
    let source = asked.as_source();
    let range = parameters.range(timezone, source.span().map_err(|error| of_query(&error))?)?;
    let selector = parameters.selector()?;
    asked.look_at(range, None, &selector);
    let found = Materialised::of(source, &selector, range, SQL_SAMPLES_MAX);
    let found = found.map_err(|error| of_materialised(&error))?;
    expect_whole(asked)?;
    if found.is_cut {
        let text = format!(
            "SQL is asked of at most {SQL_SAMPLES_MAX} samples of an engine, and there are more: choose a shorter range, or fewer with node, metric and label"
        );
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    Ok(found)
}

fn run(db: &Path, limits: SqlLimits, query: &str, format: Format, mut out: &mut dyn Write) -> Result<(), SqlError> {
    let mut console = SqlConsole::open(db, limits)?;
    let mut rows: Box<dyn Rows + '_> = match format {
        Format::Json => Box::new(JsonRows::new(&mut out)),
        Format::JsonLines => Box::new(JsonLines::new(&mut out)),
        Format::Csv => Box::new(CsvRows::new(&mut out)),
    };
    console.run(query, &mut *rows)?;
    rows.finish()?;
    Ok(())
}

fn of_sql(error: &SqlError) -> Refusal {
    let text = error.to_string();
    match error {
        SqlError::Store(error) => of_store(error),
        SqlError::Empty
        | SqlError::Several
        | SqlError::Refused { .. }
        | SqlError::Syntax { .. }
        | SqlError::Failed { .. } => Refusal::bad(text),
        SqlError::Rows { .. } | SqlError::Bytes { .. } => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text),
        SqlError::Time { limit } => {
            let seconds = limit.as_secs_f64();
            let text = format!("the query was stopped after {seconds} s: narrow it by ts, node or metric");
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, text)
        }
        SqlError::Damaged { .. } => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text),
        SqlError::Stopped | SqlError::Sink(_) => Refusal::failed(text),
    }
}
