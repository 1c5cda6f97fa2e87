//! Mail: a message that every client shows, and its way to a server.

mod address;
mod connection;
mod message;
mod sendmail;
mod smtp;

pub use address::{MailAddress, domain};
pub use message::{InlinePicture, MailBody, MailHead, attachment_name, compose};
pub use sendmail::Sendmail;
pub use smtp::{SmtpServer, TlsMode};

/// A message for the way it goes.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Sender.
    pub from: &'a MailAddress,
    /// Who is to get it.
    pub to: &'a [MailAddress],
    /// The whole message.
    pub message: &'a [u8],
}
