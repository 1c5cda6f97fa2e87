//! Answers that are written while they are sent: by a thread of its own, at the pace of the client, in bounded memory.
//!
//! Whoever writes has a turn and a snapshot of the database, which cannot shrink its log meanwhile: a client that is too slow loses both.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Response, StatusCode};
use hyper::body::Frame;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use super::answer::{Refusal, text};
use super::limits::{ANSWER_TIME, PIECE_TIME};

/// Bytes that are sent at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for a client.
const PIECES: usize = 4;
/// Longest pause between two looks whether the client has taken one.
const PAUSE_MAX: Duration = Duration::from_millis(10);

pub(super) type Piece = Result<Bytes, Refusal>;

/// An answer that `write` makes. What fails before the first piece was sent is a refusal; what fails later ends the connection in the middle of the
/// answer, so that nobody takes it for a whole one.
pub(super) async fn piped(
    media_type: &'static str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Refusal> + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    piped_within(PIECE_TIME, media_type, write).await
}

async fn piped_within(
    piece_time: Duration,
    media_type: &'static str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Refusal> + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    let (sender, receiver) = channel(PIECES);
    let is_whole = Arc::new(AtomicBool::new(false));
    let when_whole = Arc::clone(&is_whole);
    spawn_blocking(move || {
        let until = Instant::now() + ANSWER_TIME;
        let mut pipe = Pipe { sender, piece: Vec::with_capacity(PIECE_BYTES), piece_time, until };
        let done = write(&mut pipe).and_then(|()| pipe.flush().map_err(|_| Refusal::failed("the client has gone")));
        match done {
            Ok(()) => when_whole.store(true, Ordering::Release),
            // A client that has gone, or takes nothing, is told nothing.
            Err(refusal) => drop(pipe.sender.try_send(Err(refusal))),
        }
    });
    let mut piped = Piped { first: None, receiver, is_whole };
    piped.first = match piped.receiver.recv().await {
        Some(Err(refusal)) => return Err(refusal),
        None if !piped.is_whole() => return Err(broken()),
        first => first.and_then(Result::ok),
    };
    Ok(text(StatusCode::OK, media_type, Body::new(piped)))
}

/// What ends an answer whose writer has ended without a word.
fn broken() -> Refusal {
    Refusal::failed("the answer could not be made")
}

/// An answer whose pieces come when they come, and which may end after any of them.
pub(super) fn flowing(media_type: &'static str, receiver: Receiver<Piece>) -> Response<Body> {
    let is_whole = Arc::new(AtomicBool::new(true));
    text(StatusCode::OK, media_type, Body::new(Piped { first: None, receiver, is_whole }))
}

/// The writer's end.
struct Pipe {
    sender: Sender<Piece>,
    piece: Vec<u8>,
    /// How long the client may take for a piece, and until when for all of them.
    piece_time: Duration,
    until: Instant,
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
        self.hand_on(Ok(piece.into()))
    }
}

impl Pipe {
    /// Waits for the client, but not for ever.
    fn hand_on(&self, mut piece: Piece) -> io::Result<()> {
        let until = self.until.min(Instant::now() + self.piece_time);
        let mut pause = Duration::from_micros(100);
        if Instant::now() >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        loop {
            piece = match self.sender.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(TrySendError::Full(_)) if Instant::now() >= until => return Err(io::ErrorKind::TimedOut.into()),
                Err(TrySendError::Full(piece)) => piece,
            };
            std::thread::park_timeout(pause);
            pause = (2 * pause).min(PAUSE_MAX);
        }
    }
}

/// The client's end.
struct Piped {
    first: Option<Bytes>,
    receiver: Receiver<Piece>,
    /// The writer has come to its end: nothing but that is the end of the answer.
    is_whole: Arc<AtomicBool>,
}

impl Piped {
    fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }
}

impl HttpBody for Piped {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.receiver.poll_recv(cx).map(|piece| match piece {
            None if !self.is_whole() => Some(Err(broken())),
            piece => piece.map(|piece| piece.map(Frame::data)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn an_answer_is_whole_or_ends_in_an_error() {
        let answer = |write: fn(&mut dyn Write) -> Result<(), Refusal>| {
            block_on(async {
                let response = piped("text/plain", write).await.map_err(|refusal| refusal.text)?;
                to_bytes(response.into_body(), usize::MAX).await.map(|body| body.len()).map_err(|e| e.to_string())
            })
        };
        assert_eq!(answer(|out| out.write_all(&[b'a'; 500_000]).map_err(|_| Refusal::bad(""))), Ok(500_000));
        assert_eq!(answer(|_| Ok(())), Ok(0));
        assert_eq!(answer(|_| Err(Refusal::bad("no"))), Err("no".to_owned()));
        assert_eq!(answer(|_| panic!("a writer's")), Err("the answer could not be made".to_owned()));
        let cut = answer(|out| {
            out.write_all(&[b'a'; 100_000]).map_err(|_| Refusal::bad(""))?;
            panic!("another writer's, in the middle");
        });
        assert_eq!(cut, Err("the answer could not be made".to_owned()));
    }

    #[test]
    fn a_client_that_is_too_slow_loses_its_turn() {
        block_on(async {
            let (ended, end) = tokio::sync::oneshot::channel();
            let write = move |out: &mut dyn Write| {
                let piece = vec![b'a'; PIECE_BYTES];
                let mut pieces = (0..100).map(|_| out.write_all(&piece).map_err(|e| Refusal::bad(e.to_string())));
                let done = pieces.try_for_each(|done| done);
                let _ = ended.send(done.clone());
                done
            };
            let response = piped_within(Duration::from_millis(20), "text/plain", write).await.unwrap();
            assert!(end.await.unwrap().is_err());
            assert!(to_bytes(response.into_body(), usize::MAX).await.is_err(), "what was sent is not taken for all");
        });
    }
}
