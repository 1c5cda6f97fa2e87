//! One connection to a mail server: lettre's words over a stream on which every answer has to be whole in time. lettre's own connection bounds each read by itself:
//! a server that sends a letter now and then would hold it for ever.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error as WordError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Ehlo, Quit, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Most bytes of an answer: what a server offers is a few hundred.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Most questions of a login: LOGIN has two.
const CHALLENGES_MAX: usize = 4;
/// How long an answer to our goodbye is waited for.
const GOODBYE: Duration = Duration::from_secs(1);
/// A message arrives at this many bytes a second at least, or not at all.
const BYTES_A_SECOND: u64 = 4 << 10;
/// A server may take so much longer to answer to a whole message: it looks into it (RFC 5321, 4.5.3.2.6).
const LAST_ANSWER: u32 = 5;

/// Why it does not go on.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server says no.
    Refused(Response),
    /// The network, TLS, or the time that it had.
    Io(io::Error),
    /// What it says is no answer.
    Nonsense(String),
    /// It cannot what is needed.
    Unable(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl From<WordError> for Failure {
    fn from(error: WordError) -> Failure {
        Failure::Nonsense(error.to_string())
    }
}

/// A connection, and what the server has said that it can.
pub(super) struct Connection {
    stream: Stream,
    /// What was read and is not answered for.
    ahead: Vec<u8>,
    patience: Duration,
    hello: ClientId,
    info: ServerInfo,
}

impl Connection {
    /// Connects and says hello, in private where `tls` says so. Each step has as long as `patience`.
    pub(super) fn open(
        address: (&str, u16),
        hello: &str,
        tls: Option<&Arc<ClientConfig>>,
        patience: Duration,
    ) -> Result<Connection, Failure> {
        let (hello, info) = (ClientId::Domain(hello.to_owned()), ServerInfo::default());
        let stream = Stream::Open(connect(address, patience)?);
        let mut connection = Connection { stream, ahead: Vec::new(), patience, hello, info };
        if let Some(tls) = tls {
            connection = connection.made_private(address.0, tls)?;
        }
        connection.stream.socket().give(patience);
        connection.answer()?;
        connection.say_hello()?;
        Ok(connection)
    }

    /// Whether the server can do this.
    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.info.supports_feature(extension)
    }

    /// Makes it private; what the server has said before is forgotten.
    pub(super) fn starttls(mut self, host: &str, tls: &Arc<ClientConfig>) -> Result<Connection, Failure> {
        self.command(Starttls)?;
        let mut connection = self.made_private(host, tls)?;
        connection.say_hello()?;
        Ok(connection)
    }

    fn made_private(self, host: &str, tls: &Arc<ClientConfig>) -> Result<Connection, Failure> {
        if !self.ahead.is_empty() {
            // Whoever is between us could have put it there, to be taken for what the server says in private.
            return Err(Failure::Nonsense("it has said more than it was asked".to_owned()));
        }
        let Stream::Open(socket) = self.stream else { return Ok(self) };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Failure::Unable("its name is none of a host"))?;
        let private = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Connection { stream: Stream::Private(Box::new(StreamOwned::new(private, socket))), ..self })
    }

    fn say_hello(&mut self) -> Result<(), Failure> {
        let answer = self.command(Ehlo::new(self.hello.clone()))?;
        self.info = ServerInfo::from_response(&answer)?;
        Ok(())
    }

    /// Logs in.
    pub(super) fn log_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let known = [Mechanism::Plain, Mechanism::Login];
        let mechanism = self.info.get_auth_mechanism(&known);
        let mechanism = mechanism.ok_or(Failure::Unable(
            "it offers neither AUTH PLAIN nor AUTH LOGIN; one that knows nobody by a login is given none (no `user`)",
        ))?;
        let login = Credentials::new(user.to_owned(), password.to_owned());
        let mut answer = self.command(Auth::new(mechanism, login.clone(), None)?)?;
        for _ in 0..CHALLENGES_MAX {
            if !answer.has_code(334) {
                return Ok(());
            }
            answer = self.command(Auth::new_from_response(mechanism, login.clone(), &answer)?)?;
        }
        Err(Failure::Nonsense("it asks for the login again and again".to_owned()))
    }

    /// Says something and waits for the answer, which is not a no.
    pub(super) fn command(&mut self, command: impl Display) -> Result<Response, Failure> {
        self.stream.socket().give(self.patience);
        self.write(command.to_string().as_bytes())?;
        self.answer()
    }

    /// The lines of a message, without its end: it is not there yet.
    pub(super) fn content(&mut self, message: &[u8]) -> Result<(), Failure> {
        let time = Duration::from_secs(message.len() as u64 / BYTES_A_SECOND);
        self.stream.socket().give(self.patience.saturating_add(time));
        self.write(&without_an_end(message))
    }

    /// Its end, and what the server says to all of it.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.stream.socket().give(self.patience.saturating_mul(LAST_ANSWER));
        self.write(b".\r\n")?;
        self.answer().map(drop)
    }

    /// Leaves; whatever comes of that is nobody's trouble.
    pub(super) fn leave(mut self) {
        self.stream.socket().give(self.patience.min(GOODBYE));
        let _ = self.write(Quit.to_string().as_bytes()).and_then(|()| self.answer().map(drop));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// The lines up to the first that has no `-` behind its number.
    fn answer(&mut self) -> Result<Response, Failure> {
        let mut begin = 0;
        loop {
            while let Some(length) = self.ahead[begin..].iter().position(|byte| *byte == b'\n') {
                let end = begin + length + 1;
                let is_last = !matches!(self.ahead[begin..end], [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]);
                begin = end;
                if is_last {
                    let lines: Vec<u8> = self.ahead.drain(..end).collect();
                    let answer: Response = String::from_utf8_lossy(&lines)
                        .parse()
                        .map_err(|_| Failure::Nonsense("what it says is no answer of a mail server".to_owned()))?;
                    return if answer.is_positive() { Ok(answer) } else { Err(Failure::Refused(answer)) };
                }
            }
            if self.ahead.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Nonsense(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes")));
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(length) => self.ahead.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whole lines, none of which is the dot that ends a message.
fn without_an_end(message: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(message.len() + 2);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            lines.push(b'.');
        }
        lines.extend_from_slice(line);
    }
    if !lines.ends_with(b"\r\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

fn connect(address: (&str, u16), patience: Duration) -> Result<Socket, Failure> {
    let mut failed = io::Error::other("it has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(Socket { stream, begun: Instant::now(), time: patience }),
            Err(error) => failed = error,
        }
    }
    Err(failed.into())
}

enum Stream {
    Open(Socket),
    Private(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Stream::Open(socket) => socket,
            Stream::Private(private) => &mut private.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Open(socket) => socket.read(into),
            Stream::Private(private) => private.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Open(socket) => socket.write(bytes),
            Stream::Private(private) => private.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Open(socket) => socket.flush(),
            Stream::Private(private) => private.flush(),
        }
    }
}

/// A socket on which nothing is waited for when its time is over, however often something came before.
struct Socket {
    stream: TcpStream,
    begun: Instant,
    time: Duration,
}

impl Socket {
    /// It has so long from now on.
    fn give(&mut self, time: Duration) {
        (self.begun, self.time) = (Instant::now(), time);
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.time.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero());
        left.ok_or_else(|| self.late())
    }

    fn late(&self) -> io::Error {
        let what = format!("it has not answered within {} s", self.time.as_secs_f64());
        io::Error::new(io::ErrorKind::TimedOut, what)
    }

    fn in_time<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| if error.kind() == io::ErrorKind::WouldBlock { self.late() } else { error })
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let read = self.stream.read(into);
        self.in_time(read)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        let written = self.stream.write(bytes);
        self.in_time(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What comes of a server that says this.
    fn of(text: impl Iterator<Item = &'static str> + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = text;
            while text.next().is_some_and(|piece| stream.write_all(piece.as_bytes()).is_ok()) {}
        });
        let opened = Connection::open(("127.0.0.1", port), "here", None, Duration::from_secs(60));
        server.join().unwrap();
        match opened {
            Ok(_) => "open".to_owned(),
            Err(Failure::Refused(answer)) => answer.code().to_string(),
            Err(Failure::Io(error)) => error.to_string(),
            Err(Failure::Nonsense(what)) => what,
            Err(Failure::Unable(what)) => what.to_owned(),
        }
    }

    #[test]
    fn a_server_that_says_something_now_and_then_has_no_more_time_for_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"220-x\r\n220 y\r\n").unwrap();
        let mut socket = Socket { stream, begun: Instant::now(), time: Duration::ZERO };
        let mut piece = [0; 7];
        assert_eq!(socket.read(&mut piece).unwrap_err().to_string(), "it has not answered within 0 s");
        socket.give(Duration::from_secs(60));
        assert_eq!(socket.read(&mut piece).unwrap(), 7);
        assert_eq!(of(std::iter::repeat("220-x\r\n")), "its answer is longer than 65536 bytes");
    }

    #[test]
    fn answers_have_as_many_lines_as_they_have() {
        let of = |text: &'static str| of([text].into_iter());
        assert_eq!(of("220-a\r\n220 b\r\n250-c\r\n250-STARTTLS\r\n250 d\r\n"), "open");
        assert_eq!(of("554-no\r\n554 never\r\n"), "554");
        assert_eq!(of("SSH-2.0-x\r\n"), "what it says is no answer of a mail server");
        assert_eq!(of("22\r\n"), "what it says is no answer of a mail server");
    }

    #[test]
    fn no_line_of_a_message_ends_it() {
        assert_eq!(without_an_end(b"a\r\n.\r\n..b\r\nc"), b"a\r\n..\r\n...b\r\nc\r\n");
        assert_eq!(without_an_end(b"."), b"..\r\n");
        assert_eq!(without_an_end(b"a\r\n"), b"a\r\n");
    }
}
