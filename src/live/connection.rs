//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::limits::{CONNECTIONS_MAX, HANDSHAKE_TIME, HEAD_BYTES_MAX, HEAD_TIME, STOP_TIME, WRITE_TIME};
use super::slots::{Slot, Slots};
use super::tally::Tally;
use super::timed::Timed;

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    slots: Slots,
    tally: Arc<Tally>,
    /// Told when one has ended.
    ended: tokio::sync::Notify,
}

impl Connections {
    pub(super) fn new(tally: Arc<Tally>) -> Arc<Connections> {
        Arc::new(Connections { slots: Slots::new(CONNECTIONS_MAX), tally, ended: tokio::sync::Notify::new() })
    }

    /// A place for one more.
    pub(super) fn open(self: &Arc<Self>) -> Option<Arc<Open>> {
        let Some(slot) = self.slots.take() else {
            self.tally.turned_away();
            return None;
        };
        Some(Arc::new(Open { slot, of: Arc::clone(self) }))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Waits until all have ended, or so long.
    pub(super) async fn ended(&self, patience: Duration) {
        let all = async {
            while self.slots.len() > 0 {
                self.ended.notified().await;
            }
        };
        let _ = timeout(patience, all).await;
    }
}

/// A connection that is open. Requests carry it, for those who read their bodies.
#[derive(Debug)]
pub(super) struct Open {
    slot: Arc<Slot>,
    of: Arc<Connections>,
}

impl Open {
    /// Its request is whole: from now on it waits for us.
    pub(super) fn serves(&self) {
        self.of.slots.serves(&self.slot);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.of.slots.give_back(&self.slot);
        self.of.ended.notify_one();
    }
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) here: SocketAddr,
}

/// Answers whatever comes over a connection, until it ends, loses its place, or the server stops.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    open: Arc<Open>,
    stopped: watch::Receiver<bool>,
) {
    let (Ok(client), Ok(here)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let _ = stream.set_nodelay(true);
    let stream = Timed::new(stream, WRITE_TIME);
    let one = One { router, open: Arc::clone(&open), ends: Ends { client, here } };
    let answered = async {
        match tls {
            None => one.answer(stream, stopped).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                    one.answer(stream, stopped).await;
                }
            }
        }
    };
    tokio::select! {
        () = answered => {}
        () = open.slot.closed() => {}
    }
}

struct One {
    router: Router,
    open: Arc<Open>,
    ends: Ends,
}

impl One {
    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin, mut stopped: watch::Receiver<bool>) {
        let service = service_fn(|request: Request<Incoming>| {
            let (router, open, ends) = (self.router.clone(), Arc::clone(&self.open), self.ends);
            respond(router, request, open, ends)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // What ends badly (a client that has gone, is too slow or talks nonsense) has been answered as far as it can be.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(STOP_TIME, connection).await;
            }
        }
    }
}

async fn respond(
    router: Router,
    mut request: Request<Incoming>,
    open: Arc<Open>,
    ends: Ends,
) -> Result<Response<Body>, Infallible> {
    let has_body = !request.body().is_end_stream();
    if has_body {
        open.of.slots.waits_for(&open.slot);
    } else {
        open.serves();
    }
    request.extensions_mut().insert(Arc::clone(&open));
    request.extensions_mut().insert(ends);
    let response = TowerToHyperService::new(router).call(request).await;
    open.of.slots.waits_for(&open.slot);
    response.map(|response| response.map(|body| Body::new(Taken { body, open })))
}

/// A body on its way: a client that takes it does not keep us waiting, and those that say nothing go before it.
struct Taken {
    body: Body,
    open: Arc<Open>,
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.open.of.slots.waits_for(&self.open.slot);
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
