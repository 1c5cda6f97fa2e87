//! Answers that are written while they are sent: by a thread of its own, at the pace of the client, in bounded memory.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Response, StatusCode};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use super::answer::{Refusal, text};

/// Bytes that are sent at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for a client.
const PIECES: usize = 4;

type Piece = Result<Bytes, Refusal>;

/// An answer that `write` makes. What fails before the first piece was sent is a refusal; what fails later ends the connection in the middle of the
/// answer, so that nobody takes it for a whole one.
pub(super) async fn piped(
    media_type: &'static str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Refusal> + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    let (sender, mut receiver) = channel(PIECES);
    spawn_blocking(move || {
        let mut pipe = Pipe { sender, piece: Vec::with_capacity(PIECE_BYTES) };
        let done = write(&mut pipe).and_then(|()| pipe.flush().map_err(|_| Refusal::failed("the client has gone")));
        if let Err(refusal) = done {
            // A client that has gone is told nothing.
            let _ = pipe.sender.blocking_send(Err(refusal));
        }
    });
    let first = match receiver.recv().await {
        Some(Err(refusal)) => return Err(refusal),
        Some(Ok(bytes)) => Some(bytes),
        None => None,
    };
    Ok(text(StatusCode::OK, media_type, Body::new(Piped { first, receiver })))
}

/// The writer's end.
struct Pipe {
    sender: Sender<Piece>,
    piece: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The client's end.
struct Piped {
    first: Option<Bytes>,
    receiver: Receiver<Piece>,
}

impl HttpBody for Piped {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.receiver.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
