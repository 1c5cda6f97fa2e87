use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::values::{Size, Span};
use crate::deliver::TlsMode;

/// `[mail]`: how mail leaves this machine. The password is not here: it is in a file, in the environment (NODEBOOK_MAIL_PASSWORD), or a credential of
/// systemd (`smtp-password`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailSection {
    /// HOST:PORT.
    pub server: Option<String>,
    /// How the connection is made private.
    pub tls: Option<TlsMode>,
    /// Who logs in.
    pub user: Option<String>,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// An authority beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Sender.
    pub from: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// A program that takes messages instead of a server.
    pub sendmail: Option<PathBuf>,
    /// How long the server may take for an answer.
    pub timeout: Option<Span>,
    /// How large the attachments of a mail may be.
    pub attach_max: Option<Size>,
}

impl MailSection {
    /// `self` where it says something, else `below`: of another server nothing that `below` shows to its own.
    pub fn over(self, below: MailSection) -> MailSection {
        let leads_elsewhere =
            self.server.iter().any(|server| below.server.iter().any(|known| !known.eq_ignore_ascii_case(server)));
        let below = if leads_elsewhere {
            MailSection { user: None, password_file: None, ca_file: None, ..below }
        } else {
            below
        };
        MailSection {
            server: self.server.or(below.server),
            tls: self.tls.or(below.tls),
            user: self.user.or(below.user),
            password_file: self.password_file.or(below.password_file),
            ca_file: self.ca_file.or(below.ca_file),
            from: self.from.or(below.from),
            reply_to: self.reply_to.or(below.reply_to),
            sendmail: self.sendmail.or(below.sendmail),
            timeout: self.timeout.or(below.timeout),
            attach_max: self.attach_max.or(below.attach_max),
        }
    }

    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> MailSection {
        self.password_file = self.password_file.map(|file| directory.join(file));
        self.ca_file = self.ca_file.map(|file| directory.join(file));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_not_told_to_another_server() {
        let server = |server: &str| MailSection { server: Some(server.to_owned()), ..MailSection::default() };
        let file = MailSection {
            user: Some("ops".to_owned()),
            password_file: Some("pw".into()),
            ca_file: Some("ca.pem".into()),
            from: Some("a@example.org".to_owned()),
            ..server("mail.example.org:587")
        };
        let elsewhere = server("mail.example.net:587").over(file.clone());
        assert_eq!(elsewhere, MailSection { from: file.from.clone(), ..server("mail.example.net:587") });
        assert_eq!(server("Mail.Example.Org:587").over(file.clone()).user, file.user);
        let timeout = MailSection { timeout: Some(Span(1)), ..MailSection::default() };
        assert_eq!(timeout.over(file.clone()).password_file, file.password_file);
    }
}
