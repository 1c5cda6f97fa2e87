//! The ways out of a run: mail by the settings of `[mail]`, webhooks of `[[webhook]]`.

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::super::config::{BatchSection, MAIL_PASSWORD, MailSection, Send, WebhookSection};
use super::super::context::Context;
use super::super::error::CliError;
use super::history::RunRow;
use super::making::Parcel;
use crate::deliver::{
    Artifact, DeliverError, Envelope, InlinePicture, MailAddress, MailBody, MailHead, Pattern, Sendmail, SmtpServer,
    Trouble, Values, WebhookNote, compose, domain, post,
};
use crate::ingest::host::hostname;
use crate::model::Timestamp;
use crate::net::Secret;
use crate::report::{Outline, Report};
use crate::store::{JobRun, Message, NewMessage};

/// How long a server may take for an answer, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Name of the password among the credentials of systemd.
const CREDENTIAL: &str = "smtp-password";
/// The way of a message in the outbox.
const MAIL: &str = "mail";
const WEBHOOK: &str = "webhook ";

/// How mail leaves.
pub struct MailOutlet {
    from: MailAddress,
    reply_to: Option<MailAddress>,
    route: Route,
}

enum Route {
    Server(Box<SmtpServer>),
    Program(Sendmail),
    /// Messages are written, not sent.
    Nowhere,
}

impl MailOutlet {
    /// What is wrong with `[mail]`, before anything is made.
    pub fn expect_sound(context: &Context) -> Result<(), CliError> {
        Self::of(context).map(|_| ())
    }

    /// As `[mail]` says.
    pub fn of(context: &Context) -> Result<MailOutlet, CliError> {
        let mail = &context.settings.mail;
        let Some(from) = &mail.from else {
            return Err(CliError::Usage("[mail]: `from` is missing: the address that mail comes from".to_owned()));
        };
        let route = match (&mail.sendmail, &mail.server) {
            (Some(_), Some(_)) => {
                return Err(CliError::Usage("[mail]: `server` and `sendmail` are two ways: give one".to_owned()));
            }
            (Some(program), None) => Route::Program(Sendmail { program: program.clone() }),
            (None, Some(server)) => Route::Server(Box::new(smtp(mail, server)?)),
            (None, None) => {
                return Err(CliError::Usage("[mail]: `server` is missing: HOST:PORT, or `sendmail`".to_owned()));
            }
        };
        let reply_to = mail.reply_to.as_ref().map(|text| text.parse()).transpose()?;
        Ok(MailOutlet { from: from.parse()?, reply_to, route })
    }

    /// For messages that are written to a file: settings that only sending needs may be missing.
    pub fn for_files(context: &Context) -> Result<MailOutlet, CliError> {
        let mail = &context.settings.mail;
        let from = mail.from.as_deref().unwrap_or("nodebook@localhost").parse()?;
        let reply_to = mail.reply_to.as_ref().map(|text| text.parse()).transpose()?;
        Ok(MailOutlet { from, reply_to, route: Route::Nowhere })
    }

    /// The messages of a run: one for all, or one for each.
    pub fn messages(&self, run: &JobRun, batch: &BatchSection, parcel: &Parcel) -> Result<Vec<NewMessage>, CliError> {
        let addresses =
            batch.to.iter().map(|to| to.fill(&parcel.values).parse()).collect::<Result<Vec<MailAddress>, _>>()?;
        let together: Vec<&[MailAddress]> = match batch.send {
            Send::Bcc => vec![&addresses],
            Send::Each => addresses.chunks(1).collect(),
        };
        let subject = parcel.subject(batch);
        let one = |to: &[MailAddress]| {
            let all: Vec<String> = to.iter().map(ToString::to_string).collect();
            let name = format!("{} {} {} {}", run.job, run.due.millis(), run.part, all.join(" "));
            let message_id = self.message_id(&name);
            let payload = self.compose(to, &subject, &message_id, &parcel.sheet(), run.due)?;
            Ok(NewMessage { way: MAIL.to_owned(), recipients: all, message_id, payload })
        };
        together.into_iter().map(one).collect()
    }

    /// The same for the same run and reader, whoever makes it how often.
    pub fn message_id(&self, name: &str) -> String {
        let hash = Sha256::digest(name.as_bytes());
        let short: String = hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
        format!("<nodebook.{short}@{}>", domain(&self.from))
    }

    /// A message of a report.
    pub fn compose(
        &self,
        to: &[MailAddress],
        subject: &str,
        message_id: &str,
        sheet: &Sheet<'_>,
        date: Timestamp,
    ) -> Result<Vec<u8>, CliError> {
        let letter = sheet.report.letter(sheet.notes)?;
        let pictures = letter.pictures.into_iter().map(|p| InlinePicture { id: p.id, png: p.png }).collect();
        let head = MailHead { subject: subject.to_owned(), message_id: message_id.to_owned(), date, ..self.head(to) };
        let body = MailBody { text: letter.text, html: letter.html, pictures };
        Ok(compose(&head, body, sheet.attachments)?)
    }

    /// Above a message; with several recipients none of them is seen.
    pub fn head(&self, to: &[MailAddress]) -> MailHead {
        MailHead {
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            to: if let [one] = to { Some(one.clone()) } else { None },
            subject: String::new(),
            message_id: String::new(),
            date: Timestamp::from_millis(0),
        }
    }

    /// Sends a message.
    pub fn send(
        &self,
        recipients: &[String],
        message: &[u8],
        hand_over: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let to = recipients.iter().map(|text| text.parse()).collect::<Result<Vec<MailAddress>, DeliverError>>();
        let to = to.map_err(|e| Trouble::Lasting(e.to_string()))?;
        let envelope = Envelope { from: &self.from, to: &to, message };
        match &self.route {
            Route::Server(server) => server.send(&envelope, hand_over),
            Route::Program(program) => program.send(&envelope, hand_over),
            Route::Nowhere => Err(Trouble::Lasting("there is no server to send by".to_owned())),
        }
    }
}

/// `Cluster A: Warning · Mon 16 – Sun 22 Nov 2026`, marked where the data is incomplete.
pub fn subject_of(pattern: Option<&Pattern>, outline: &Outline, notes: &[String], values: &Values) -> String {
    let subject = match pattern {
        Some(pattern) => pattern.fill(values),
        None => format!("{}: {} · {}", outline.title, outline.verdict, outline.period),
    };
    let is_incomplete = notes.iter().any(|note| note.starts_with("Incomplete"));
    if is_incomplete { format!("[incomplete] {subject}") } else { subject }
}

/// What a mail is made of.
pub struct Sheet<'a> {
    /// The report.
    pub report: &'a Report,
    /// Told before everything else.
    pub notes: &'a [String],
    /// What goes along.
    pub attachments: &'a [Artifact],
}

fn smtp(mail: &MailSection, server: &str) -> Result<SmtpServer, CliError> {
    let timeout = mail.timeout.map_or(TIMEOUT, |span| Duration::from_millis(span.0.unsigned_abs()));
    let server = SmtpServer::new(server, mail.tls.unwrap_or_default(), timeout)?;
    let server = server.with_authority(mail.ca_file.clone()).with_hello(&hostname());
    let Some(user) = &mail.user else { return Ok(server) };
    match password(mail)? {
        Some(password) => Ok(server.with_login(user.clone(), password)),
        None => Err(CliError::Usage(format!(
            "[mail]: `user` needs a password: `password_file`, ${MAIL_PASSWORD}, or the systemd credential `{CREDENTIAL}`"
        ))),
    }
}

/// From the environment, from systemd, or from a file.
fn password(mail: &MailSection) -> Result<Option<Secret>, CliError> {
    if let Ok(text) = std::env::var(MAIL_PASSWORD)
        && !text.is_empty()
    {
        return Ok(Some(Secret::new(text)));
    }
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join(CREDENTIAL));
    if let Some(path) = credential.filter(|path| path.exists()) {
        return Ok(Some(Secret::from_credential(&path)?));
    }
    Ok(mail.password_file.as_deref().map(Secret::from_file).transpose()?)
}

/// What is posted of a run, a message a webhook.
pub fn webhook_messages(
    run: &JobRun,
    batch: &BatchSection,
    parcel: &Parcel,
    hooks: &[WebhookSection],
) -> Result<Vec<NewMessage>, CliError> {
    let hooks: Vec<&WebhookSection> = hooks.iter().filter(|hook| batch.webhook.contains(&hook.name.0)).collect();
    if hooks.is_empty() {
        return Ok(Vec::new());
    }
    let picture = parcel.report.picture()?;
    let note = WebhookNote {
        title: &parcel.outline.title,
        period: &parcel.outline.period,
        verdict: parcel.outline.verdict,
        text: &parcel.outline.text,
        findings: &parcel.outline.findings,
        more: serde_json::to_value(RunRow::of(run)).unwrap_or_default(),
        picture: picture.as_deref(),
    };
    let one = |hook: &&WebhookSection| NewMessage {
        way: format!("{WEBHOOK}{}", hook.name.0),
        recipients: vec![hook.name.0.clone()],
        message_id: format!("{} {} {} webhook {}", run.job, run.due.millis(), run.part, hook.name.0),
        payload: hook.shape.body(&note),
    };
    Ok(hooks.iter().map(one).collect())
}

/// Sends a message of the outbox by its way, as the settings are now.
pub fn send(
    message: &Message,
    mail: &mut Option<MailOutlet>,
    context: &Context,
    hand_over: &mut dyn FnMut() -> Result<(), String>,
) -> Result<(), Trouble> {
    let payload = message.payload.as_deref().unwrap_or_default();
    // What is wrong with the settings can be put right: the message waits.
    let waits = |e: &CliError| Trouble::Passing(e.to_string());
    let Some(name) = message.way.strip_prefix(WEBHOOK) else {
        if mail.is_none() {
            *mail = Some(MailOutlet::of(context).map_err(|e| waits(&e))?);
        }
        return match mail {
            Some(outlet) => outlet.send(&message.recipients, payload, hand_over),
            None => Ok(()),
        };
    };
    let hook = context.settings.webhooks.iter().find(|hook| hook.name.0 == name);
    let hook = hook.ok_or_else(|| Trouble::Lasting(format!("there is no [[webhook]] called `{name}` any more")))?;
    let url = Secret::from_file(&hook.url_file).map_err(|e| Trouble::Passing(e.to_string()))?;
    post(&url, hook.ca_file.as_deref(), payload, hand_over)
}
