//! `/api/annotations`: an event on every chart.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono_tz::Tz;
use serde::Deserialize;

use super::super::answer::Refusal;
use super::desk::{Desk, cannot_be_written};
use super::taken::nothing;
use crate::ingest::push::Packing;
use crate::model::range::parse_moment;
use crate::model::{Annotation, Selector, Timestamp};
use crate::store::annotate_beside;

/// Longest text of an event, in bytes: it is shown on one line, and in full beside the chart.
const TEXT_BYTES_MAX: usize = 4_096;
/// Largest request.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// An event as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    /// A time as the command line has it, or a number: seconds or milliseconds.
    at: Option<Moment>,
    until: Option<Moment>,
    node: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Number(i64),
    Text(String),
}

/// 204 when it is stored; the same one twice changes nothing.
pub(super) async fn annotate(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response<Body>, Refusal> {
    let sent = desk.read(request, &[]).await?;
    let (db, zone) = (desk.db.clone(), desk.timezone);
    let stored = desk.turns.run(move || {
        let (body, node, now) = sent.unpacked(Packing::Plain, REQUEST_BYTES_MAX)?;
        let note: Note = serde_json::from_slice(&body).map_err(|error| {
            Refusal::bad(format!("expected {{\"text\": …, \"at\": …, \"until\": …, \"node\": …}}: {error}"))
        })?;
        let given = node.given.map(|node| node.to_string());
        let event = note.event(given, now, zone)?;
        match annotate_beside(&db, &event) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::busy("the database is of another version", Duration::from_secs(1))),
            Err(_) => Err(cannot_be_written()),
        }
    });
    stored.await?;
    Ok(nothing(StatusCode::NO_CONTENT))
}

impl Note {
    fn event(self, node: Option<String>, now: Timestamp, zone: Tz) -> Result<Annotation, Refusal> {
        let moment = |moment: Moment| {
            let text = match moment {
                Moment::Number(number) => number.to_string(),
                Moment::Text(text) => text,
            };
            parse_moment(&text, now, zone).map_err(|error| Refusal::bad(error.to_string()))
        };
        let at = self.at.map(moment).transpose()?.unwrap_or(now);
        let until = self.until.map(moment).transpose()?;
        if let Some(until) = until.filter(|until| *until <= at) {
            return Err(Refusal::bad(format!("the end {until} is not after the start {at}")));
        }
        let text = self.text.trim().to_owned();
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::bad(format!("say what happened in 1 to {TEXT_BYTES_MAX} bytes of text")));
        }
        let nodes = self.node.or(node).filter(|glob| !glob.is_empty());
        Selector::parse(nodes.as_slice(), &[], &[]).map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(Annotation { at, until, nodes, text })
    }
}
