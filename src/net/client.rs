use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use tokio_rustls::rustls::ClientConfig;

use super::connection::{Connection, cut};
use super::message::Method;
use super::{Address, Limits, Login, NetError, Redirects, Request, Response, Trust, body};

/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Most connections that are kept while they are not used.
const KEPT_MAX: usize = 8;

/// Asks one host, on connections that are kept. Clones share them.
#[derive(Clone)]
pub struct Client {
    home: Address,
    login: Option<Login>,
    tls: Arc<ClientConfig>,
    /// Idle connections and where they lead: home, or home by https where it redirects there.
    kept: Arc<Mutex<Vec<(Address, Connection)>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.home)
    }
}

impl Client {
    /// A client for the host of `address`, with the login that is in it. Nothing is connected yet.
    pub fn new(address: &Address, trust: &Trust) -> Result<Client, NetError> {
        let login = address.login().cloned();
        Ok(Client { home: address.clone(), login, tls: trust.config(), kept: Arc::default() })
    }

    /// Logs in. It is never told to another host; to another port of this one only where a redirect leads there by https.
    #[must_use]
    pub fn with_login(self, login: Login) -> Client {
        Client { login: Some(login), ..self }
    }

    /// Sends a request and reads the whole answer. Any status is an answer; an address of another host is an error. A call that is dropped closes its
    /// connection.
    pub async fn send(&self, request: &Request, limits: &Limits) -> Result<Response, NetError> {
        let late = |_| NetError::Timeout { url: request.address.to_string(), limit: limits.total };
        tokio::time::timeout(limits.total, self.follow(request, limits)).await.map_err(late)?
    }

    async fn follow(&self, request: &Request, limits: &Limits) -> Result<Response, NetError> {
        if !self.home.same_origin(&request.address) {
            let (url, to) = (self.home.to_string(), request.address.to_string());
            return Err(NetError::Redirect { url, to, why: "that is another host" });
        }
        let mut at = request.address.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.exchange(request, &at, limits).await?;
            let follows = request.redirects == Redirects::SameHost && request.method == Method::Get;
            let location = matches!(response.status, 301 | 302 | 303 | 307 | 308)
                .then(|| response.header(LOCATION.as_str()).map(str::to_owned))
                .flatten();
            let Some(location) = location.filter(|_| follows) else { return Ok(response) };
            at = self.next(&at, &location)?;
        }
        let (url, to) = (request.address.to_string(), at.to_string());
        Err(NetError::Redirect { url, to, why: "those are too many redirects" })
    }

    /// Where a redirect leads, if we go there: to the same service, or to its private one.
    fn next(&self, at: &Address, location: &str) -> Result<Address, NetError> {
        let to = at.leads_to(location)?;
        let becomes_private = to.host() == at.host() && to.is_private() && !at.is_private();
        if to.same_origin(at) || becomes_private {
            return Ok(to);
        }
        let why = if to.host() == at.host() { "that is another service" } else { "that is another host" };
        Err(NetError::Redirect { url: at.to_string(), to: to.to_string(), why })
    }

    /// One request and its answer, sent once more where a kept connection turns out to be dead.
    async fn exchange(&self, request: &Request, at: &Address, limits: &Limits) -> Result<Response, NetError> {
        let url = at.to_string();
        let first = self.hyper_request(request, at)?; // what cannot be sent needs no connection
        while let Some(mut connection) = self.take_kept(at) {
            if connection.sender.ready().await.is_err() {
                continue; // it had ended: nothing was sent
            }
            match connection.sender.send_request(self.hyper_request(request, at)?).await {
                Ok(answer) => return self.whole(answer, connection, at, limits).await,
                Err(e) if e.is_canceled() || request.repeatable && !e.is_parse() => {}
                Err(e) => return Err(cut(&url, &e)),
            }
        }
        let mut connection = Connection::open(at, &self.tls, limits.connect).await?;
        let answer = connection.sender.send_request(first).await;
        self.whole(answer.map_err(|e| cut(&url, &e))?, connection, at, limits).await
    }

    /// Reads an answer to its end, then keeps the connection.
    async fn whole(
        &self,
        answer: hyper::Response<Incoming>,
        connection: Connection,
        at: &Address,
        limits: &Limits,
    ) -> Result<Response, NetError> {
        let url = at.to_string();
        let (head, incoming) = answer.into_parts();
        let bytes = body::read(incoming, &url, limits.packed).await?;
        self.keep(at, connection);
        let packed = bytes.len() as u64;
        let encodings: Vec<&str> =
            head.headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
        let body = body::unpack(bytes, &encodings.join(","), &url, limits)?;
        let body = if head.status.is_success() { body } else { self.without_login(body) };
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = head.headers.iter().filter_map(text).collect();
        Ok(Response { status: head.status.as_u16(), headers, body, packed })
    }

    fn hyper_request(
        &self,
        request: &Request,
        at: &Address,
    ) -> Result<hyper::Request<Full<hyper::body::Bytes>>, NetError> {
        let wrong = |name: &str| NetError::Header { url: at.to_string(), name: name.escape_debug().to_string() };
        let value = |name: &str, text: &str| HeaderValue::from_str(text).map_err(|_| wrong(name));
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value("Host", &at.host_header())?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("nodebook/", env!("CARGO_PKG_VERSION"))));
        if let Some(login) = &self.login {
            let mut login = value("Authorization", &authorization(login))?;
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        for (name, text) in &request.headers {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name))?, value(name, text)?);
        }
        let mut out = hyper::Request::new(Full::new(request.body.clone()));
        *out.method_mut() = match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        *out.uri_mut() = at.path_and_query().parse().map_err(|_| NetError::Address {
            shown: at.to_string(),
            what: "its path or query is not one that can be asked for",
        })?;
        *out.headers_mut() = headers;
        Ok(out)
    }

    /// What a refusal says is shown to people, and some repeat what they were asked with.
    fn without_login(&self, body: Vec<u8>) -> Vec<u8> {
        let Some(login) = &self.login else { return body };
        let sent = authorization(login);
        let (_, credentials) = sent.split_once(' ').unwrap_or_default();
        let secrets = match login {
            Login::Basic { password, .. } => [credentials, password.expose()],
            Login::Bearer(_) => [credentials, ""],
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        let masked = secrets.iter().filter(|secret| !secret.is_empty());
        masked.fold(text, |text, secret| text.replace(secret, "***")).into_bytes()
    }

    fn take_kept(&self, at: &Address) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, connection)| !connection.sender.is_closed());
        let place = kept.iter().position(|(address, _)| address.same_origin(at))?;
        Some(kept.swap_remove(place).1)
    }

    fn keep(&self, at: &Address, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX && !connection.sender.is_closed() {
            kept.push((at.clone(), connection));
        }
    }
}

fn authorization(login: &Login) -> String {
    match login {
        Login::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
        }
        Login::Bearer(token) => format!("Bearer {}", token.expose()),
    }
}
