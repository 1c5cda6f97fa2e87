//! Who may ask: what is looked at before a request is answered.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Instant;

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::Refusal;
use super::limits::{ADDRESSES_MAX, REQUESTS_A_SECOND, REQUESTS_AT_ONCE, WRONG_TOKENS_A_SECOND, WRONG_TOKENS_AT_ONCE};
use super::rate::Rate;
use super::secret::Token;
use super::tally::Barred;

/// The one path that needs no token: it tells nothing but whether we live.
pub(super) const HEALTH: &str = "/healthz";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets requests through, or says why not.
#[derive(Debug)]
pub(super) struct Gate {
    token: Option<Token>,
    /// Names that we answer to, in lower case.
    hosts: Vec<String>,
    requests: Rate,
    wrong_tokens: Rate,
}

/// What is looked at of a request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    /// The client's address.
    pub(super) from: IpAddr,
    /// Ours that the client has found.
    pub(super) at: IpAddr,
}

impl Gate {
    pub(super) fn new(token: Option<Token>, hosts: &[String]) -> Gate {
        Gate {
            token,
            hosts: hosts.iter().map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect(),
            requests: Rate::new(REQUESTS_A_SECOND, REQUESTS_AT_ONCE, ADDRESSES_MAX),
            wrong_tokens: Rate::new(WRONG_TOKENS_A_SECOND, WRONG_TOKENS_AT_ONCE, ADDRESSES_MAX),
        }
    }

    pub(super) fn check(&self, asked: &Asked<'_>, now: Instant) -> Result<(), (Barred, Refusal)> {
        let too_many = |what: &str, status, again| {
            let text = format!("too many {what} from {}: come again later", asked.from);
            (Barred::Rate, Refusal { again: Some(again), ..Refusal::new(status, text) })
        };
        // Prometheus sends again what was answered with 503, and throws away what was answered with 429 unless it is told not to.
        let busy =
            if asked.method == Method::POST { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::TOO_MANY_REQUESTS };
        self.requests.take(asked.from, now).map_err(|again| too_many("requests", busy, again))?;
        let authority = self.host(asked).map_err(|refusal| (Barred::Host, refusal))?;
        if let Some(token) = self.token.as_ref().filter(|_| asked.uri.path() != HEALTH) {
            let wrong = |again| too_many("wrong tokens", StatusCode::TOO_MANY_REQUESTS, again);
            match given_token(asked.headers) {
                // Whoever knows it comes in, whatever others of the address (a proxy's, a whole network's) have tried: 128 bits are not guessed.
                Some(given) if token.is(&given) => {}
                Some(_) => {
                    self.wrong_tokens.take(asked.from, now).map_err(wrong)?;
                    return Err((Barred::Token, unauthorized("the token is a wrong one")));
                }
                None => return Err((Barred::Token, unauthorized("a token is needed"))),
            }
        }
        same_site(asked, &authority).map_err(|refusal| (Barred::Origin, refusal))
    }

    /// The host that the client believes to talk to. A page of another site whose name was made to lead here (DNS rebinding) still sends its own name.
    fn host(&self, asked: &Asked<'_>) -> Result<Authority, Refusal> {
        let mut hosts = asked.headers.get_all(header::HOST).iter();
        let named = hosts.next().and_then(|value| value.to_str().ok());
        if hosts.next().is_some() {
            // A proxy before us may have looked at the other one (RFC 9112, 3.2).
            return Err(Refusal::bad("the request names two hosts: send one Host header"));
        }
        let named = named.or(asked.uri.authority().map(Authority::as_str)).unwrap_or_default();
        let authority = Authority::from_str(named).map_err(|_| Refusal::bad("the request names no host"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_ours = match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address.to_canonical() == asked.at.to_canonical(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        };
        if is_ours || self.hosts.contains(&host) {
            return Ok(authority);
        }
        let text = format!("`{host}` is not a host that is answered here: name it in `serve.hosts`");
        Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text))
    }
}

fn unauthorized(why: &str) -> Refusal {
    let how = "send `Authorization: Bearer TOKEN`, or it as the password of any user";
    Refusal::new(StatusCode::UNAUTHORIZED, format!("{why}: {how}"))
}

/// As Bearer, as Influx's Token, or as the password of Basic.
fn given_token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = text.split_once(' ')?;
    let given = given.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(given.to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
            pair.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

/// A browser that was sent here by another site says so. Nothing is changed then, and no question answered that costs something; a link to a page
/// is fine.
fn same_site(asked: &Asked<'_>, authority: &Authority) -> Result<(), Refusal> {
    let is_safe = matches!(*asked.method, Method::GET | Method::HEAD) && !asked.uri.path().starts_with("/api/");
    if is_safe {
        return Ok(());
    }
    let refusal = || Refusal::new(StatusCode::FORBIDDEN, "requests from other sites are refused");
    let text = |name: HeaderName| asked.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text(SEC_FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(refusal());
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(origin) => {
            let from = origin.split_once("://").map(|(_, from)| from);
            if from.is_some_and(|from| from.eq_ignore_ascii_case(authority.as_str())) { Ok(()) } else { Err(refusal()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    struct Request {
        method: Method,
        uri: Uri,
        headers: HeaderMap,
    }

    fn request(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Request {
        let pairs = headers.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_str(v).unwrap()));
        Request { method: method.parse().unwrap(), uri: uri.parse().unwrap(), headers: pairs.collect() }
    }

    fn status(gate: &Gate, request: &Request) -> u16 {
        let asked = Asked {
            method: &request.method,
            uri: &request.uri,
            headers: &request.headers,
            from: IpAddr::from([192, 0, 2, 1]),
            at: IpAddr::from([192, 0, 2, 9]),
        };
        gate.check(&asked, Instant::now()).map_or_else(|(_, refusal)| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_hosts_of_ours_are_answered() {
        let gate = Gate::new(None, &["Metrics.example.org".to_owned()]);
        let of = |host: &str| status(&gate, &request("GET", "/", &[("host", host)]));
        for ours in ["localhost", "LOCALHOST:9464", "127.0.0.1:9464", "[::1]:9464", "192.0.2.9", "metrics.example.org."]
        {
            assert_eq!(of(ours), 200, "{ours}");
        }
        for other in ["evil.example.org:9464", "192.0.2.8", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert_eq!(of(other), 421, "{other}");
        }
        assert_eq!((of(""), status(&gate, &request("GET", "/", &[]))), (400, 400));
        for other in ["localhost", "evil.example.org"] {
            let mut twice = request("GET", "/", &[("host", "localhost")]);
            twice.headers.append("host", HeaderValue::from_static(other));
            assert_eq!(status(&gate, &twice), 400, "{other}");
        }
    }

    #[test]
    fn other_sites_change_nothing_and_cost_nothing() {
        let gate = Gate::new(None, &[]);
        let of = |method: &str, uri: &str, name: &'static str, value: &str| {
            status(&gate, &request(method, uri, &[("host", "localhost:9464"), (name, value)]))
        };
        assert_eq!(of("POST", "/write", "origin", "https://evil.example"), 403);
        assert_eq!(of("POST", "/write", "origin", "null"), 403);
        assert_eq!(of("POST", "/write", "origin", "http://localhost:9464"), 200);
        assert_eq!(of("POST", "/write", "sec-fetch-site", "cross-site"), 403);
        assert_eq!(of("POST", "/write", "sec-fetch-site", "same-site"), 403);
        assert_eq!(of("POST", "/write", "sec-fetch-site", "same-origin"), 200);
        assert_eq!(of("POST", "/write", "user-agent", "Prometheus/2.42"), 200);
        assert_eq!(of("GET", "/api/sql", "sec-fetch-site", "cross-site"), 403);
        assert_eq!(of("GET", "/", "sec-fetch-site", "cross-site"), 200);
    }

    #[test]
    fn who_pushes_too_often_is_told_to_send_again() {
        let gate = Gate::new(None, &[]);
        let many = REQUESTS_AT_ONCE as usize + 20;
        let of = |method| (0..many).map(|_| status(&gate, &request(method, "/write", &[("host", "localhost")]))).last();
        assert_eq!((of("POST"), of("GET")), (Some(503), Some(429)));
    }

    #[test]
    fn a_token_comes_in_three_ways_and_a_wrong_one_not_often() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "0123456789abcdef0123456789abcdef").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let gate = Gate::new(Some(Token::from_file(&path).unwrap()), &[]);
        let of = |uri: &str, text: &str| {
            status(&gate, &request("GET", uri, &[("host", "localhost"), ("authorization", text)]))
        };
        let basic = format!("Basic {}", STANDARD.encode("anybody:0123456789abcdef0123456789abcdef"));
        for right in ["Bearer 0123456789abcdef0123456789abcdef", "token 0123456789abcdef0123456789abcdef", &basic] {
            assert_eq!(of("/", right), 200, "{right}");
        }
        assert_eq!(status(&gate, &request("GET", "/", &[("host", "localhost")])), 401);
        assert_eq!(status(&gate, &request("GET", HEALTH, &[("host", "localhost")])), 200);
        let wrong: Vec<u16> = (0..12).map(|_| of("/", "Bearer wrong")).collect();
        assert_eq!(wrong[..10], [401; 10]);
        assert_eq!(wrong[10..], [429; 2]);
        assert_eq!(of("/", &basic), 200, "others of the same address are not locked out with it");
    }
}
