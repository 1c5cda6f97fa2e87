//! One message to a server, over a connection that is private or is none.
//!
//! The last moment at which a message is surely not there is before its last byte. `hand_over` is called when the server has taken sender and recipients and waits
//! for the content; from then on until its answer, a process or connection that ends leaves it open whether the message arrived.

use std::cell::Cell;
use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use super::Envelope;
use crate::deliver::{DeliverError, Trouble};
use crate::net::{Secret, authorities_of_the_system, authority_of_file};

/// A message is handed over in pieces of so many bytes.
const PIECE: usize = 16 << 10;
/// A server may take so much longer to answer to a whole message: it looks into it (RFC 5321, 4.5.3.2.6).
const LAST_ANSWER: u32 = 5;

/// How long an answer to our goodbye is waited for.
const GOODBYE: Duration = Duration::from_secs(1);

/// How the connection is made private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// It begins in the open and has to become private before anything is said.
    #[default]
    StartTls,
    /// It is from its first byte.
    Implicit,
    /// It is not: on this machine only.
    None,
}

/// A server that takes mail.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: TlsMode,
    login: Option<(String, Secret)>,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    hello: String,
}

impl SmtpServer {
    /// A server by `HOST:PORT` (the usual port of `tls` where there is none). Without TLS it has to be this machine.
    pub fn new(server: &str, tls: TlsMode, timeout: Duration) -> Result<SmtpServer, DeliverError> {
        let wrong = |what: &'static str| DeliverError::Server { server: server.to_owned(), what };
        let usual = if tls == TlsMode::Implicit { 465 } else { 587 };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.starts_with('[') => {
                (host, port.parse().map_err(|_| wrong("give HOST:PORT"))?)
            }
            _ => (server, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("give HOST:PORT"));
        }
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if tls == TlsMode::None && !is_here {
            return Err(wrong(
                "`tls = \"none\"` is for this machine only (localhost): use \"starttls\" or \"implicit\"",
            ));
        }
        let (host, hello) = (host.to_owned(), "localhost".to_owned());
        Ok(SmtpServer { host, port, tls, login: None, ca_file: None, timeout, hello })
    }

    /// Logs in.
    #[must_use]
    pub fn with_login(self, user: String, password: Secret) -> SmtpServer {
        SmtpServer { login: Some((user, password)), ..self }
    }

    /// Believes an authority beside the system's.
    #[must_use]
    pub fn with_authority(self, ca_file: Option<PathBuf>) -> SmtpServer {
        SmtpServer { ca_file, ..self }
    }

    /// Says who we are.
    #[must_use]
    pub fn with_hello(self, name: &str) -> SmtpServer {
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        if is_plain { SmtpServer { hello: name.to_owned(), ..self } } else { self }
    }

    /// Sends a message. `hand_over` writes down that it is on its way, right before it is.
    pub fn send(
        &self,
        envelope: &Envelope<'_>,
        hand_over: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), Trouble> {
        self.converse(envelope, hand_over).map_err(|trouble| match &self.login {
            Some((_, password)) => trouble.map_text(|text| password.scrub(text)),
            None => trouble,
        })
    }

    fn converse(
        &self,
        envelope: &Envelope<'_>,
        hand_over: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let mut connection = self.connect()?;
        let refused = self.recipients(&mut connection, envelope)?;
        connection.command(Data).map_err(|e| self.trouble(&e, "does not want the message"))?;
        hand_over().map_err(Trouble::Ledger)?;
        self.content(&mut connection, envelope.message)?;
        // It is there, whatever comes now; and as long as we wait nobody knows that.
        let _ = connection.set_timeout(Some(self.timeout.min(GOODBYE)));
        connection.abort();
        if refused.is_empty() {
            Ok(())
        } else {
            Err(Trouble::Lasting(format!("sent, but not to all: {}", refused.join("; "))))
        }
    }

    /// A private connection on which we have logged in.
    fn connect(&self) -> Result<SmtpConnection, Trouble> {
        let hello = ClientId::Domain(self.hello.clone());
        let tls = match self.tls {
            TlsMode::None => None,
            TlsMode::StartTls | TlsMode::Implicit => Some(self.tls().map_err(|e| Trouble::Lasting(e.to_string()))?),
        };
        let from_the_start = tls.as_ref().filter(|_| self.tls == TlsMode::Implicit);
        let address = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(address, Some(self.timeout), &hello, from_the_start, None)
            .map_err(|e| self.trouble(&e, "cannot be reached"))?;
        if let (TlsMode::StartTls, Some(tls)) = (self.tls, &tls) {
            if !connection.can_starttls() {
                connection.abort();
                return Err(Trouble::Lasting(format!(
                    "{} offers no STARTTLS: nothing is sent in the open",
                    self.place()
                )));
            }
            connection.starttls(tls, &hello).map_err(|e| self.trouble(&e, "does not make the connection private"))?;
        }
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.expose().to_owned());
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], &login)
                .map_err(|e| self.trouble(&e, &format!("does not let {user} in")))?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, DeliverError> {
        let failed = |what: String| DeliverError::Tls { what };
        let mut builder = TlsParameters::builder(self.host.clone());
        let certificates = |pem: &[u8]| Certificate::from_pem(pem).map_err(|e| failed(e.to_string()));
        if let Some(system) = authorities_of_the_system() {
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificates(&system)?);
        }
        if let Some(path) = &self.ca_file {
            builder = builder.add_root_certificate(certificates(&authority_of_file(path)?)?);
        }
        builder.build_rustls().map_err(|e| failed(e.to_string()))
    }

    /// Says from whom and to whom; returns who was refused. Nobody left is a refusal of all.
    fn recipients(&self, connection: &mut SmtpConnection, envelope: &Envelope<'_>) -> Result<Vec<String>, Trouble> {
        let addresses = || envelope.to.iter().chain([envelope.from]).map(|address| address.0.email.clone());
        let is_ascii = addresses().all(|address| address.to_string().is_ascii());
        if !is_ascii && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Trouble::Lasting(format!("{} takes addresses in ASCII only", self.place())));
        }
        let parameters = if is_ascii { vec![] } else { vec![MailParameter::SmtpUtfEight] };
        connection
            .command(Mail::new(Some(envelope.from.0.email.clone()), parameters))
            .map_err(|e| self.trouble(&e, "refuses the sender"))?;
        let mut refused = Vec::new();
        for to in envelope.to {
            match connection.command(Rcpt::new(to.0.email.clone(), vec![])) {
                Ok(_) => {}
                Err(e) => match self.trouble(&e, &format!("refuses {to}")) {
                    Trouble::Lasting(text) => refused.push(text),
                    passing => return Err(passing),
                },
            }
        }
        if refused.len() == envelope.to.len() {
            connection.abort();
            return Err(Trouble::Lasting(refused.join("; ")));
        }
        Ok(refused)
    }

    fn content(&self, connection: &mut SmtpConnection, message: &[u8]) -> Result<(), Trouble> {
        // lettre asks for the pieces one by one, and writes the end after the last.
        let ended = Cell::new(false);
        let end = std::iter::from_fn(|| {
            ended.set(true);
            None
        });
        let _ = connection.set_timeout(Some(self.timeout * LAST_ANSWER));
        match connection.message_iter(message.chunks(PIECE).chain(end)) {
            Ok(_) => Ok(()),
            Err(e) => match self.trouble(&e, "does not take the message") {
                Trouble::Passing(text) if ended.get() && e.status().is_none() => Err(Trouble::Unsure(text)),
                trouble => Err(trouble),
            },
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What may pass is tried again: 4xx, and all that the network does. What will not pass is told: 5xx, and a certificate that is not trusted.
    fn trouble(&self, error: &SmtpError, what: &str) -> Trouble {
        let text = |why: &str| format!("{} {what}: {why}", self.place());
        if let Some(tls) = tls_error(error) {
            return Trouble::Lasting(text(&tls));
        }
        let told = error.source().map_or_else(|| error.to_string(), |source| source.to_string());
        match error.status() {
            Some(code) if error.is_permanent() => Trouble::Lasting(text(&format!("{code} {told}"))),
            Some(code) => Trouble::Passing(text(&format!("{code} {told}"))),
            None if error.is_client() || error.is_tls() => Trouble::Lasting(text(&told)),
            None => Trouble::Passing(text(&match io_kind(error) {
                Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    format!("it has not answered for {} s", self.timeout.as_secs_f64())
                }
                // TLS has a longer word for it, with an address in it.
                Some(io::ErrorKind::UnexpectedEof) => "it closed the connection".to_owned(),
                _ => told,
            })),
        }
    }
}

/// The first error of TLS in a chain of causes; one of them may be inside of an error of the operating system.
fn tls_error(error: &SmtpError) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| inside.and_then(|e| e.downcast_ref()));
        if let Some(tls) = tls {
            return Some(match tls {
                rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                    "its certificate is not trusted (UnknownIssuer): name its authority with `ca_file`".to_owned()
                }
                rustls::Error::InvalidCertificate(why) => format!("its certificate is not trusted ({why})"),
                other => other.to_string(),
            });
        }
        cause = error.source();
    }
    None
}

/// What the operating system says of it, where it was asked.
fn io_kind(error: &SmtpError) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

impl Trouble {
    fn map_text(self, change: impl FnOnce(&str) -> String) -> Trouble {
        match self {
            Trouble::Passing(text) => Trouble::Passing(change(&text)),
            Trouble::Lasting(text) => Trouble::Lasting(change(&text)),
            Trouble::Unsure(text) => Trouble::Unsure(change(&text)),
            Trouble::Ledger(text) => Trouble::Ledger(change(&text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str, tls: TlsMode) -> Result<SmtpServer, DeliverError> {
        SmtpServer::new(text, tls, Duration::from_secs(1))
    }

    #[test]
    fn a_server_has_a_port_and_only_this_machine_may_do_without_tls() {
        assert_eq!(server("mail.example.org", TlsMode::Implicit).unwrap().place(), "mail.example.org:465");
        assert_eq!(server("mail.example.org:2525", TlsMode::StartTls).unwrap().place(), "mail.example.org:2525");
        assert_eq!(server("[::1]:25", TlsMode::None).unwrap().port, 25);
        assert!(server("localhost:25", TlsMode::None).is_ok() && server("127.0.0.1", TlsMode::None).is_ok());
        let said = server("mail.example.org:25", TlsMode::None).unwrap_err();
        insta::assert_snapshot!(said, @r#"mail server `mail.example.org:25`: `tls = "none"` is for this machine only (localhost): use "starttls" or "implicit""#);
        assert!(server("localhost.evil.org", TlsMode::None).is_err() && server("mail:x", TlsMode::StartTls).is_err());
    }

    #[test]
    fn the_password_is_not_in_what_is_printed() {
        let server = server("localhost", TlsMode::StartTls).unwrap();
        let server = server.with_login("ops".into(), Secret::new("hunter2".into()));
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn nobody_there_may_pass() {
        let server = server("127.0.0.1:1", TlsMode::StartTls).unwrap();
        let from = "a@example.org".parse().unwrap();
        let envelope = Envelope { from: &from, to: std::slice::from_ref(&from), message: b"x" };
        let told = server.send(&envelope, &mut || panic!("nothing is handed over")).unwrap_err();
        assert!(matches!(told, Trouble::Passing(_)), "{told:?}");
    }
}
