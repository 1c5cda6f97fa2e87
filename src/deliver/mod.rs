//! Floor 5: an [`Artifact`] to where it is wanted.
//!
//! A file is written beside its place, synced and renamed over it: whoever reads sees the old one or the new one, never
//! half of one. It belongs to its owner alone (0600).
//!
//! A message goes by mail ([`SmtpServer`], [`Sendmail`]) or to a webhook ([`post`]). Whoever sends one is told right before it can be there
//! (`hand_over`), and gets a [`Trouble`] that says whether trying again is right: never where the message may have arrived. A [`Secret`](crate::net::Secret) cannot be printed.
//!
//! What this floor never does: know what a report is, ask the data, choose names, read the clock.

mod artifact;
mod error;
mod file;
mod mail;
mod pattern;
mod trouble;
mod webhook;
mod zip;

pub use artifact::Artifact;
pub use error::DeliverError;
pub use file::{FileWriter, expect_writable, write_file};
pub use mail::{
    Envelope, InlinePicture, MailAddress, MailBody, MailHead, Sendmail, SmtpServer, TlsMode, attachment_name, compose,
    domain,
};
pub use pattern::{NoSuchMacro, Pattern, Values, file_name};
pub use trouble::{Trouble, next_try};
pub use webhook::{WebhookNote, WebhookShape, post};
pub use zip::zip;
