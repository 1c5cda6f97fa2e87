//! One connection, plain or private, and who keeps it going.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

use super::{Address, NetError};

/// Most bytes of an answer's head.
const HEAD_MAX: usize = 64 << 10;

/// A connection on which one request after another is sent. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub(super) async fn open(
        address: &Address,
        tls: &Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<Connection, NetError> {
        let url = || address.to_string();
        let opened = tokio::time::timeout(limit, stream(address, tls)).await;
        let stream = opened.map_err(|_| NetError::Unreachable {
            url: url(),
            why: format!("no connection within {} s", limit.as_secs_f64()),
        })??;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(HEAD_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| cut(&url(), &e))?;
        // What it ends with is told to whoever waits for an answer.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, driver })
    }
}

async fn stream(address: &Address, tls: &Arc<ClientConfig>) -> Result<Stream, NetError> {
    let unreachable = |e: &io::Error| NetError::Unreachable { url: address.to_string(), why: reason(e) };
    let plain = TcpStream::connect((address.host(), address.port())).await.map_err(|e| unreachable(&e))?;
    let _ = plain.set_nodelay(true); // slower without, not wrong
    if !address.is_private() {
        return Ok(Stream::Plain(plain));
    }
    let untrusted = |why: String| NetError::Untrusted { url: address.to_string(), why };
    let name = ServerName::try_from(address.host().to_owned()).map_err(|e| untrusted(e.to_string()))?;
    match TlsConnector::from(Arc::clone(tls)).connect(name, plain).await {
        Ok(private) => Ok(Stream::Private(Box::new(private))),
        Err(e) => Err(match tls_reason(&e) {
            Some(why) => untrusted(why),
            None => unreachable(&e),
        }),
    }
}

/// What TLS has against the other side, where it is TLS that has.
fn tls_reason(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not trusted (UnknownIssuer): name its authority with `ca_file`".to_owned()
        }
        rustls::Error::InvalidCertificate(why) => format!("its certificate is not trusted ({why})"),
        other => format!("no private connection: {other}"),
    })
}

/// Plain words for what the system says.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}

/// What an error of hyper's means for who asked.
pub(super) fn cut(url: &str, error: &hyper::Error) -> NetError {
    let io = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    let url = url.to_owned();
    if error.is_parse() || error.is_parse_too_large() {
        return NetError::Protocol { url, why: error.to_string() };
    }
    match io {
        // Also where TLS has something against the other side: the handshake is over, and something may have been sent.
        Some(e) => NetError::Cut { url, why: tls_reason(e).unwrap_or_else(|| reason(e)) },
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            NetError::Cut { url, why: "it closed the connection".to_owned() }
        }
        None => NetError::Cut { url, why: error.to_string() },
    }
}

enum Stream {
    Plain(TcpStream),
    Private(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Private(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Private(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Private(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Private(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
