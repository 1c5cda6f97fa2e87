//! Bodies: read as far as there is room, and no longer than a client may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::answer::Refusal;
use super::super::limits::BODY_TIME;

/// The body, and the room that it takes until it is dropped. Only bytes that have come take room: one who announces much and sends little is in nobody's
/// way.
pub(super) async fn read(
    body: Body,
    length: Option<usize>,
    limit: usize,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, OwnedSemaphorePermit), Refusal> {
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let read = timeout(BODY_TIME, read_all(body, limit, room)).await;
    read.unwrap_or_else(|_| Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end")))
}

async fn read_all(
    mut body: Body,
    limit: usize,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, OwnedSemaphorePermit), Refusal> {
    let mut bytes = Vec::new();
    let mut taken = more_room(room, 0)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::bad("the request ends before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        taken.merge(more_room(room, data.len())?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, taken))
}

fn more_room(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
    let full = |_| Refusal::busy("too much is being sent at once: send again in a while", Duration::from_secs(1));
    Arc::clone(room).try_acquire_many_owned(wanted).map_err(full)
}

fn too_large(limit: usize) -> Refusal {
    let text = format!("the request is larger than {limit} bytes: send smaller batches");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}
