use std::fmt;
use std::str::FromStr;

use hyper::Uri;

use super::{Login, NetError, Secret};

/// Where something is asked: `http://` or `https://`, host, port, path and query. A login in it (`user:password@`) is taken out of it.
///
/// It is shown without login, and with `?…` for its query: tokens travel there.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    private: bool,
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
    login: Option<Login>,
    shows_path: bool,
}

impl FromStr for Address {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Address, NetError> {
        let wrong = |what| NetError::Address { shown: without_secrets(text), what };
        let uri: Uri = text.trim().parse().map_err(|_| wrong("give http://HOST[:PORT]/PATH, in ASCII"))?;
        let private = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it begins with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let place = authority.as_str().rsplit('@').next().unwrap_or_default();
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let usual = if private { 443 } else { 80 };
        let port = match authority.port_u16() {
            Some(port) => port,
            None if has_port => return Err(wrong("its port is none")),
            None => usual,
        };
        let login = authority.as_str().rsplit_once('@').map(|(login, _)| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Login::Basic { user: plain(user), password: Secret::new(plain(password)) }
        });
        let path = if uri.path().is_empty() { "/" } else { uri.path() }.to_owned();
        let query = uri.query().map(str::to_owned);
        Ok(Address { private, host, port, path, query, login, shows_path: true })
    }
}

impl Address {
    /// An address whose path is a secret too (a webhook's): only scheme and host are ever shown of it.
    pub fn secret(text: &Secret) -> Result<Address, NetError> {
        let address: Result<Address, NetError> = text.expose().parse();
        match address {
            Ok(address) => Ok(Address { shows_path: false, ..address }),
            Err(NetError::Address { what, .. }) => Err(NetError::Address { shown: "***".to_owned(), what }),
            Err(other) => Err(other),
        }
    }

    /// `path` below this address (`/api/v1/query` below `http://vm/select/0/prometheus`), with the query's parameters, which are encoded here. What stands in
    /// the query of this address stays: it may be what only some may see (`extra_label`), or a token.
    pub fn below(&self, path: &str, query: &[(&str, &str)]) -> Address {
        let path = format!("{}/{}", self.path.trim_end_matches('/'), path.trim_start_matches('/'));
        let asked = (!query.is_empty()).then(|| form(query));
        let query = [self.query.clone(), asked].into_iter().flatten().reduce(|own, asked| format!("{own}&{asked}"));
        Address { path, query, ..self.clone() }
    }

    /// `path` of the same service.
    pub fn at(&self, path: &str) -> Address {
        Address { path: path.to_owned(), query: None, ..self.clone() }
    }

    /// Host, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Port, the scheme's own where none was given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https`.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host().parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Whether the same service answers there.
    pub fn same_origin(&self, other: &Address) -> bool {
        (self.private, &self.host, self.port) == (other.private, &other.host, other.port)
    }

    /// What the first line of a request asks for.
    pub(super) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Host as a request names it: with the port where it is not the usual one.
    pub(super) fn host_header(&self) -> String {
        let usual = if self.private { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Where a `Location` leads from here.
    pub(super) fn leads_to(&self, location: &str) -> Result<Address, NetError> {
        let scheme = if self.private { "https" } else { "http" };
        // A path or a query may hold another address.
        let is_whole = location.split(['/', '?', '#']).next().is_some_and(|first| first.ends_with(':'));
        let text = if is_whole {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.host_header())
        } else if location.starts_with('?') {
            format!("{scheme}://{}{}{location}", self.host_header(), self.path)
        } else {
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{}{folder}/{location}", self.host_header())
        };
        let text = text.split('#').next().unwrap_or_default();
        Ok(Address { login: None, shows_path: self.shows_path, ..text.parse()? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.private { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host_header())?;
        if !self.shows_path {
            return f.write_str("/…");
        }
        f.write_str(&self.path)?;
        if self.query.is_some() { f.write_str("?…") } else { Ok(()) }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Parameters as a form's body and a query write them.
pub(super) fn form(parameters: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| format!("{}={}", encoded(name), encoded(value));
    parameters.iter().map(one).collect::<Vec<_>>().join("&")
}

/// All but the unreserved characters of RFC 3986 as `%XX`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `%XX` as its byte; what is none stays.
fn plain(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => (out.push(byte), rest = &after[2..]),
            None => (out.push(*first), rest = after),
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What may be told of a text that is meant as an address, perhaps with a password in it, or a token in its query.
pub(crate) fn without_secrets(text: &str) -> String {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let scheme = || text.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    match shown.rsplit_once('@') {
        // The password may have been cut in two.
        _ if text[shown.len()..].contains('@') => format!("{}***", scheme()),
        Some((_, place)) => format!("{}***@{place}", scheme()),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_shown_without_what_is_secret() {
        let address = read("https://ops:pa%40ss@VM.example.org:8443/api?token=abc");
        assert_eq!(
            format!("{address} {address:?}"),
            "https://vm.example.org:8443/api?… Address(https://vm.example.org:8443/api?…)"
        );
        assert_eq!(
            address.login().unwrap(),
            &Login::Basic { user: "ops".into(), password: Secret::new("pa@ss".into()) }
        );
        let hook = Address::secret(&Secret::new("https://u:p@hooks.example.org/services/T0/s3cr3t".into())).unwrap();
        assert_eq!(hook.to_string(), "https://hooks.example.org/…");
        let said = Address::secret(&Secret::new("hooks.example.org/s3cr3t".into())).unwrap_err().to_string();
        assert_eq!(said, "`***` is not an address: give http://HOST[:PORT]/PATH, in ASCII");
        let said = "ftp://ops:hunter2@vm/x?token=abc".parse::<Address>().unwrap_err().to_string();
        assert_eq!(said, "`ftp://***@vm/x` is not an address: it begins with http:// or https://");
        for password in ["hunt?er2", "hunt#er2", "?hunter2", "hunt@er?2"] {
            let said = format!("http://ops:{password}@vm/x").parse::<Address>().map_err(|e| e.to_string());
            assert!(!format!("{said:?}").contains("hunt"), "{said:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "vm:8428",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "http://vm:99999/",
            "http://vm:/",
            "http://a b/",
            "http://ü/",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        let six = read("http://[::1]:8428/x");
        assert_eq!((six.host(), six.port(), six.is_loopback()), ("::1", 8428, true));
        assert_eq!(six.host_header(), "[::1]:8428");
        assert_eq!((read("https://vm").port(), read("https://vm").path_and_query().as_str()), (443, "/"));
    }

    #[test]
    fn a_path_below_keeps_what_is_above_and_encodes_what_is_asked() {
        let base = read("http://vm:8428/select/0/prometheus/");
        let below = base.below("/api/v1/query", &[("query", "a{b=\"ü &\"}"), ("step", "1")]);
        assert_eq!(
            below.path_and_query(),
            "/select/0/prometheus/api/v1/query?query=a%7Bb%3D%22%C3%BC%20%26%22%7D&step=1"
        );
    }

    #[test]
    fn what_an_address_asks_for_itself_is_asked_below_it_too() {
        let base = read("http://vm:8428/?extra_label=team%3Da");
        assert_eq!(base.below("q", &[]).path_and_query(), "/q?extra_label=team%3Da");
        assert_eq!(base.below("q", &[("step", "1")]).path_and_query(), "/q?extra_label=team%3Da&step=1");
    }

    #[test]
    fn a_location_leads_from_where_we_are() {
        let from = read("http://u:p@vm:81/a/b?x");
        let to = |location: &str| from.leads_to(location).unwrap().to_string();
        assert_eq!(to("/c"), "http://vm:81/c");
        assert_eq!(to("c?d=1#e"), "http://vm:81/a/c?…");
        assert_eq!(to("https://vm/c"), "https://vm/c");
        assert_eq!(to("//other/c"), "http://other/c");
        assert_eq!(to("/login?next=http://vm/a"), "http://vm:81/login?…");
        assert_eq!(from.leads_to("c?next=http://x").unwrap().path_and_query(), "/a/c?next=http://x");
        assert_eq!(from.leads_to("?d=1").unwrap().path_and_query(), "/a/b?d=1");
        assert!(from.leads_to("/c").unwrap().login().is_none());
    }
}
