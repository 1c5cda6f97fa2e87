use std::fmt;
use std::time::Duration;

use hyper::body::Bytes;

use super::address::form;
use super::{Address, Secret};

/// How long and how much an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection: name, address, TLS.
    pub connect: Duration,
    /// From the call to the last byte, connection and redirects included.
    pub total: Duration,
    /// Most bytes as they come over the wire.
    pub packed: u64,
    /// Most bytes when unpacked.
    pub unpacked: u64,
}

impl Default for Limits {
    /// 10 s, of them 5 s for the connection; 64 MiB.
    fn default() -> Self {
        let bytes = 64 << 20;
        Limits { connect: Duration::from_secs(5), total: Duration::from_secs(10), packed: bytes, unpacked: bytes }
    }
}

/// Who we say we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

/// Whether a redirect is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// It is an answer like any other.
    #[default]
    Answer,
    /// At most 5 of them, to the same host: to another path, or from http to https. To anywhere else is an error.
    SameHost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// What is asked.
#[derive(Clone)]
pub struct Request {
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) redirects: Redirects,
    pub(super) repeatable: bool,
}

impl Request {
    /// Asks for what is at an address.
    pub fn get(address: &Address) -> Request {
        Request::new(Method::Get, address, Bytes::new())
    }

    /// Hands a body over.
    pub fn post(address: &Address, media_type: &str, body: Vec<u8>) -> Request {
        Request::new(Method::Post, address, body.into()).header("Content-Type", media_type)
    }

    /// Asks with parameters that may be too long for an address. Asking twice does no harm.
    pub fn ask(address: &Address, parameters: &[(&str, &str)]) -> Request {
        Request::post(address, "application/x-www-form-urlencoded", form(parameters).into_bytes()).repeatable()
    }

    fn new(method: Method, address: &Address, body: Bytes) -> Request {
        let repeatable = method == Method::Get;
        let (address, headers) = (address.clone(), Vec::new());
        Request { method, address, headers, body, redirects: Redirects::Answer, repeatable }
    }

    /// One more header. Its value is never shown.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a packed answer (gzip, zstd) too. What is packed is unpacked in any case.
    #[must_use]
    pub fn packed(self) -> Request {
        self.header("Accept-Encoding", "zstd, gzip")
    }

    /// Says what becomes of a redirect.
    #[must_use]
    pub fn following(self, redirects: Redirects) -> Request {
        Request { redirects, ..self }
    }

    /// It may arrive twice: it is sent again where a kept connection dies under it.
    #[must_use]
    pub fn repeatable(self) -> Request {
        Request { repeatable: true, ..self }
    }

    /// Where.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "Request({:?} {} {names:?} {} bytes)", self.method, self.address, self.body.len())
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 and so on.
    pub status: u16,
    /// Names in lower case, values as text; one that is no text is left out.
    pub headers: Vec<(String, String)>,
    /// Unpacked.
    pub body: Vec<u8>,
    /// Bytes of the body as they came over the wire.
    pub packed: u64,
}

impl Response {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first line of the body for a person: at most 200 characters, none of them a control character.
    pub fn first_line(&self) -> String {
        let start = &self.body[..self.body.len().min(1_024)];
        let text = String::from_utf8_lossy(start);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    }
}
