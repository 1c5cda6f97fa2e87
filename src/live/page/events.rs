//! `/api/events`: tells pages that there is something new.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use tokio::sync::mpsc::channel;
use tokio::time::timeout;

use super::super::face::Hall;
use super::super::limits::LIVE_HEARTBEAT;
use super::super::piped::flowing;

/// How long a page waits before it comes again when the server has gone, and that the stream has begun.
const BEGIN: &[u8] = b"retry: 2000\n\n: nodebook\n\n";

/// A stream of server-sent events: the number of the news, whenever it changes; and something now and then, by which a client that has gone is noticed.
pub(super) async fn events(State(hall): State<Arc<Hall>>) -> Response<Body> {
    let (sender, receiver) = channel(1);
    let mut news = hall.studio.news();
    let mut stopped = hall.stopped.clone();
    tokio::spawn(async move {
        let mut text = Bytes::from_static(BEGIN);
        while sender.send(Ok(text)).await.is_ok() {
            let told = tokio::select! {
                told = timeout(LIVE_HEARTBEAT, news.changed()) => told,
                () = sender.closed() => return,
                _ = stopped.changed() => return,
            };
            text = match told {
                Ok(Ok(())) => format!("data: {}\n\n", *news.borrow_and_update()).into(),
                Ok(Err(_)) => return,
                Err(_) => Bytes::from_static(b": still here\n\n"),
            };
        }
    });
    flowing("text/event-stream", receiver)
}
