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
    /// How long the server may keep silent.
    pub timeout: Option<Span>,
    /// How large the attachments of a mail may be.
    pub attach_max: Option<Size>,
}

impl MailSection {
    /// `self` where it says something, else `below`.
    pub fn over(self, below: MailSection) -> MailSection {
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
