//! `/api/query`: series in buckets.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};

use super::super::answer::{JSON, Refusal};
use super::super::face::Hall;
use super::super::limits::BUCKETS_MAX;
use super::super::piped::piped;
use super::{Parameters, expect_whole, of_export, of_query};
use crate::export::{Agg, TimeFormat, rollup_csv, rollup_json};
use crate::model::range::parse_duration;
use crate::model::{Selector, TimeRange};
use crate::query::{Grid, Source, grid_for};

/// Media type of CSV.
const CSV: &str = "text/csv; charset=utf-8";
/// Buckets of a series where no step is asked for.
const BUCKETS: usize = 300;

/// `format=json` (default) or `csv`; `step` as a duration; `agg=avg,max,p95`.
pub(in crate::live) async fn query(
    State(hall): State<Arc<Hall>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response<Body>, Refusal> {
    let parameters = Parameters::new(pairs, &["step", "agg", "format"])?;
    let question = Question::of(&parameters)?;
    let turn = hall.questions.next().await?;
    let (sources, timezone) = (Arc::clone(&hall.sources), hall.face.timezone);
    let media_type = if question.as_csv { CSV } else { JSON };
    piped(media_type, move |out| {
        let _turn = turn;
        sources.ask(|asked| {
            let source = asked.as_source();
            let span = source.span().map_err(|error| of_query(&error))?;
            let range = parameters.range(timezone, span)?;
            asked.look_at(range, None, &question.selector);
            let step_ms = question.step_ms(source, span.and_then(|span| span.intersect(range)).unwrap_or(range))?;
            // What an engine has no series of is mostly known now, before anything is sent.
            expect_whole(asked)?;
            let Question { selector, aggs, .. } = &question;
            let done = match question.as_csv {
                true => rollup_csv(source, selector, range, step_ms, aggs, TimeFormat::Rfc3339, out),
                false => rollup_json(source, selector, range, step_ms, aggs, out),
            };
            done.map_err(|error| of_export(&error))?;
            expect_whole(asked)
        })
    })
    .await
}

struct Question {
    selector: Selector,
    step_ms: Option<i64>,
    aggs: Vec<Agg>,
    as_csv: bool,
}

impl Question {
    fn of(parameters: &Parameters) -> Result<Question, Refusal> {
        let step_ms = parameters.one("step").map(parse_duration).transpose();
        let aggs = parameters.one("agg").unwrap_or("avg").split(',').map(|word| word.trim().parse::<Agg>());
        Ok(Question {
            selector: parameters.selector()?,
            step_ms: step_ms.map_err(|error| Refusal::bad(error.to_string()))?,
            aggs: aggs.collect::<Result<_, _>>().map_err(|error| of_export(&error))?,
            as_csv: match parameters.one("format") {
                None | Some("json") => false,
                Some("csv") => true,
                Some(other) => return Err(Refusal::bad(format!("`{other}` is no format: json or csv"))),
            },
        })
    }

    /// The step that is asked for, or one that gives a picture; refused where the answer would be too large.
    fn step_ms(&self, source: &dyn Source, range: TimeRange) -> Result<i64, Refusal> {
        let series = source.series(&self.selector).map_err(|error| of_query(&error))?.len();
        let step_ms = self.step_ms.unwrap_or_else(|| grid_for(range, BUCKETS, 1_000).step_ms);
        let buckets = Grid::covering(range, step_ms.max(1)).len.saturating_mul(series);
        let values = buckets.saturating_mul(self.aggs.len());
        if values > BUCKETS_MAX {
            let aggs =
                if self.aggs.len() > 1 { format!(", {} aggregates of each,", self.aggs.len()) } else { String::new() };
            let text = format!(
                "{series} series in {buckets} buckets{aggs} are too many, the limit is {BUCKETS_MAX}: choose fewer, a shorter range or a longer step"
            );
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok(step_ms)
    }
}
