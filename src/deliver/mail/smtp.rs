//! One message to a server, over a connection that is private or is none.
//!
//! The last moment at which a message is surely not there is before its last byte. `hand_over` is called when the server has taken sender and recipients and waits
//! for the content; from then on until its answer, a process or connection that ends leaves it open whether the message arrived.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailParameter};
use lettre::transport::smtp::response::Severity;

use super::Envelope;
use super::connection::{Connection, Failure};
use crate::deliver::{DeliverError, Trouble};
use crate::net::{Secret, Trust};

/// What is said of a server before it has said anything.
const UNREACHED: &str = "cannot be reached";

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
    /// A server by `HOST:PORT` (the usual port of `tls` where there is none). Without TLS it has to be this machine. It has `timeout` for each answer, five times as long
    /// for that to the whole message.
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
        if host.is_empty() || host.contains('/') {
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
        let refused = match self.recipients(&mut connection, envelope) {
            Err(trouble @ Trouble::Lasting(_)) => {
                connection.leave();
                return Err(trouble);
            }
            other => other?,
        };
        connection.command(Data).map_err(|e| self.trouble(&e, "does not want the message"))?;
        hand_over().map_err(Trouble::Ledger)?;
        connection.content(envelope.message).map_err(|e| self.trouble(&e, "does not take the message"))?;
        if let Err(failure) = connection.end() {
            let trouble = self.trouble(&failure, "does not take the message");
            return Err(match (trouble, failure) {
                (Trouble::Passing(text), Failure::Io(_) | Failure::Nonsense(_)) => Trouble::Unsure(text),
                (trouble, _) => trouble,
            });
        }
        // It is there, whatever comes now; and as long as we wait nobody knows that.
        connection.leave();
        if refused.is_empty() {
            Ok(())
        } else {
            Err(Trouble::Lasting(format!("sent, but not to all: {}", refused.join("; "))))
        }
    }

    /// A private connection on which we have logged in.
    fn connect(&self) -> Result<Connection, Trouble> {
        let tls = match self.tls {
            TlsMode::None => None,
            TlsMode::StartTls | TlsMode::Implicit => {
                let trust = Trust::system(self.ca_file.as_deref());
                Some(trust.map_err(|e| Trouble::Lasting(e.to_string()))?.config())
            }
        };
        let from_the_start = tls.as_ref().filter(|_| self.tls == TlsMode::Implicit);
        let address = (self.host.as_str(), self.port);
        let mut connection = Connection::open(address, &self.hello, from_the_start, self.timeout)
            .map_err(|e| self.trouble(&e, UNREACHED))?;
        if let (TlsMode::StartTls, Some(tls)) = (self.tls, &tls) {
            if !connection.offers(Extension::StartTls) {
                connection.leave();
                return Err(Trouble::Lasting(format!(
                    "{} offers no STARTTLS: nothing is sent in the open",
                    self.place()
                )));
            }
            connection = connection
                .starttls(&self.host, tls)
                .map_err(|e| self.trouble(&e, "does not make the connection private"))?;
        }
        if let Some((user, password)) = &self.login {
            connection
                .log_in(user, password.expose())
                .map_err(|e| self.trouble(&e, &format!("does not let {user} in")))?;
        }
        Ok(connection)
    }

    /// Says from whom and to whom; returns who was refused. Nobody left is a refusal of all.
    fn recipients(&self, connection: &mut Connection, envelope: &Envelope<'_>) -> Result<Vec<String>, Trouble> {
        let addresses = || envelope.to.iter().chain([envelope.from]).map(|address| address.0.email.clone());
        let is_ascii = addresses().all(|address| address.to_string().is_ascii());
        if !is_ascii && !connection.offers(Extension::SmtpUtfEight) {
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
            return Err(Trouble::Lasting(refused.join("; ")));
        }
        Ok(refused)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What may pass is tried again: 4xx, and all that the network does. What will not pass is told: 5xx, and a certificate that is not trusted.
    fn trouble(&self, failure: &Failure, what: &str) -> Trouble {
        let text = |why: &str| format!("{} {what}: {why}", self.place());
        match failure {
            Failure::Refused(answer) => {
                let code = answer.code();
                let told = text(&format!("{code} {}", answer.message().collect::<Vec<_>>().join(" ")));
                let is_permanent = code.severity == Severity::PermanentNegativeCompletion;
                if is_permanent { Trouble::Lasting(told) } else { Trouble::Passing(told) }
            }
            Failure::Io(error) => match tls_error(error) {
                Some(tls) => Trouble::Lasting(text(&tls)),
                // TLS has a longer word for it, with an address in it.
                None if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Trouble::Passing(text("it closed the connection"))
                }
                None if error.kind() == io::ErrorKind::TimedOut
                    && what == UNREACHED
                    && self.tls == TlsMode::StartTls =>
                {
                    Trouble::Passing(text(&format!(
                        "{error} (a port that begins with TLS waits for us: tls = \"implicit\")"
                    )))
                }
                None => Trouble::Passing(text(&error.to_string())),
            },
            Failure::Nonsense(what) => Trouble::Passing(text(what)),
            Failure::Unable(what) => Trouble::Lasting(text(what)),
        }
    }
}

/// What TLS has against the other side, where it is TLS that has.
fn tls_error(error: &io::Error) -> Option<String> {
    Some(match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "its certificate is not trusted (UnknownIssuer): name its authority with `ca_file`".to_owned()
        }
        // What `openssl req -x509` makes when it is asked for nothing else.
        rustls::Error::InvalidCertificate(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is not trusted (CaUsedAsEndEntity): it is that of an authority, and no server's; make one with \
             `basicConstraints=CA:FALSE`, and name its authority with `ca_file`"
                .to_owned()
        }
        rustls::Error::InvalidMessage(_) => "what it says is no TLS: if it begins in the open, say tls = \"starttls\"".to_owned(),
        rustls::Error::InvalidCertificate(why) => format!("its certificate is not trusted ({why})"),
        other => other.to_string(),
    })
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
        assert!(server("smtp://localhost:25", TlsMode::StartTls).is_err());
        assert!(server("localhost.evil.org", TlsMode::None).is_err() && server("mail:x", TlsMode::StartTls).is_err());
    }

    /// What a server says that begins in the open, and none, as one that begins with TLS does.
    #[test]
    fn the_other_way_to_make_it_private_is_named() {
        use std::io::Write;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let serving = std::thread::spawn(move || {
            let (mut open, _) = listener.accept().unwrap();
            open.write_all(b"220 mail ESMTP\r\n").unwrap();
            drop(open);
            listener.accept().unwrap() // held open until the end
        });
        let said = |tls, ms| match SmtpServer::new(&place, tls, Duration::from_millis(ms)).unwrap().connect() {
            Err(Trouble::Lasting(text) | Trouble::Passing(text)) => text.replace(&place, "mail:1"),
            _ => "connected".to_owned(),
        };
        insta::assert_snapshot!(said(TlsMode::Implicit, 60_000), @r#"mail:1 cannot be reached: what it says is no TLS: if it begins in the open, say tls = "starttls""#);
        insta::assert_snapshot!(said(TlsMode::StartTls, 100), @r#"mail:1 cannot be reached: it has not answered within 0.1 s (a port that begins with TLS waits for us: tls = "implicit")"#);
        serving.join().unwrap();
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
