//! The message: mixed > related > alternative, so that every client finds a body it can show, charts that need no network, and attachments.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::MailAddress;
use crate::deliver::{Artifact, DeliverError};
use crate::model::Timestamp;

/// Most letters of a subject.
const SUBJECT_MAX: usize = 180;

/// What stands above a message.
#[derive(Clone, Debug)]
pub struct MailHead {
    /// Sender.
    pub from: MailAddress,
    /// Where answers go.
    pub reply_to: Option<MailAddress>,
    /// Who is seen to get it; the sender where nobody is to be seen.
    pub to: Option<MailAddress>,
    /// Subject; what is no letter in it is left out.
    pub subject: String,
    /// Its name in the world, with `<>`.
    pub message_id: String,
    /// When it was made.
    pub date: Timestamp,
}

/// What a message says.
#[derive(Clone, Debug, Default)]
pub struct MailBody {
    /// For those who read text.
    pub text: String,
    /// For the others.
    pub html: String,
    /// What the HTML shows.
    pub pictures: Vec<InlinePicture>,
}

/// A picture that the HTML refers to as `cid:ID`.
#[derive(Clone, Debug)]
pub struct InlinePicture {
    /// How it is called.
    pub id: String,
    /// PNG.
    pub png: Vec<u8>,
}

/// Says that nobody wrote it, so that nobody's absence answers (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The whole message, the same for the same arguments.
pub fn compose(head: &MailHead, body: MailBody, attachments: &[Artifact]) -> Result<Vec<u8>, DeliverError> {
    let failed = |what: String| DeliverError::Message { what };
    let media = |text: &str| ContentType::parse(text).map_err(|e| failed(e.to_string()));
    let date = SystemTime::UNIX_EPOCH + Duration::from_millis(head.date.millis().unsigned_abs());
    let mut builder = Message::builder()
        .from(head.from.0.clone())
        .to(head.to.as_ref().unwrap_or(&head.from).0.clone())
        .subject(subject(&head.subject))
        .date(date)
        .message_id(Some(head.message_id.clone()))
        .header(AutoSubmitted);
    if let Some(reply_to) = &head.reply_to {
        builder = builder.reply_to(reply_to.0.clone());
    }
    // Bounds that are the same for the same message; lettre's own are random.
    let bound = |part: &str| {
        let hash = Sha256::digest(format!("{part} {}", head.message_id));
        format!("nodebook-{part}-{}", hash.iter().take(12).map(|b| format!("{b:02x}")).collect::<String>())
    };
    let alternative = MultiPart::alternative()
        .boundary(bound("a"))
        .singlepart(SinglePart::plain(body.text))
        .singlepart(SinglePart::html(body.html));
    let png = media("image/png")?;
    let related = body
        .pictures
        .into_iter()
        .fold(MultiPart::related().boundary(bound("r")).multipart(alternative), |related, picture| {
            related.singlepart(Attachment::new_inline(picture.id).body(picture.png, png.clone()))
        });
    let mut mixed = MultiPart::mixed().boundary(bound("m")).multipart(related);
    for artifact in attachments {
        // As letters of its own it would be changed on its way, or end the message: its lines need not end as those of a mail do.
        let packed = Body::new_with_encoding(artifact.bytes.clone(), ContentTransferEncoding::Base64)
            .map_err(|_| failed(format!("{} cannot be packed", artifact.name)))?;
        mixed = mixed
            .singlepart(Attachment::new(attachment_name(&artifact.name)).body(packed, media(artifact.media_type)?));
    }
    builder.multipart(mixed).map(|message| message.formatted()).map_err(|e| failed(e.to_string()))
}

/// What nobody sees, and what could begin another header or turn a line around.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A name as it reads: with a letter that turns it around, `fdp.exe` would look like `exe.pdf`.
pub fn attachment_name(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !is_hidden(*c)).collect();
    if seen.trim().is_empty() { "attachment".to_owned() } else { seen }
}

/// One line of letters.
fn subject(text: &str) -> String {
    let words: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SUBJECT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(subject: &str) -> MailHead {
        MailHead {
            from: "Cluster <nodebook@example.org>".parse().unwrap(),
            reply_to: None,
            to: Some("ops@example.org".parse().unwrap()),
            subject: subject.to_owned(),
            message_id: "<1@example.org>".to_owned(),
            date: Timestamp::from_millis(1_767_571_200_000),
        }
    }

    fn body() -> MailBody {
        let pictures = vec![InlinePicture { id: "chart0@nodebook".into(), png: vec![0x89, b'P', b'N', b'G'] }];
        MailBody { text: "All is well – Größe.".into(), html: "<p>All is well</p>".into(), pictures }
    }

    #[test]
    fn the_parts_lie_in_each_other_as_clients_want_them() {
        let page = Artifact { name: "a.html".into(), media_type: "text/html; charset=utf-8", bytes: b"<p>x".to_vec() };
        let text = String::from_utf8(compose(&head("Weekly"), body(), std::slice::from_ref(&page)).unwrap()).unwrap();
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in {text}"));
        let order =
            ["multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png"];
        assert!(order.windows(2).all(|w| at(w[0]) < at(w[1])));
        assert!(at("Content-ID: <chart0@nodebook>") < at("filename=\"a.html\""));
        assert!(text.contains("Auto-Submitted: auto-generated") && text.contains("Message-ID: <1@example.org>"));
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998));
        assert_eq!(text.as_bytes(), compose(&head("Weekly"), body(), &[page]).unwrap(), "the same twice is the same");
    }

    #[test]
    fn no_name_adds_a_header() {
        for hostile in ["x\r\nBcc: all@example.org", "x\nBcc: all@example.org", "x\u{2028}Bcc: y", "x\r\n\r\nbody"] {
            let text = String::from_utf8(compose(&head(hostile), body(), &[]).unwrap()).unwrap();
            let above = text.split("\r\n\r\n").next().unwrap();
            assert!(!above.lines().any(|line| line.starts_with("Bcc") || line.starts_with("body")), "{above}");
            assert_eq!(above.matches("Subject:").count(), 1);
        }
        assert_eq!(subject("a\u{202e}b  c\u{200b}d"), "a b c d");
    }

    #[test]
    fn an_attachment_is_what_its_name_reads() {
        let named = |name: &str| {
            let file = Artifact { name: name.to_owned(), media_type: "text/plain", bytes: Vec::new() };
            let text = String::from_utf8(compose(&head("x"), body(), &[file]).unwrap()).unwrap();
            text.lines().filter(|line| line.contains("name")).map(str::trim).collect::<Vec<_>>().join(" ")
        };
        insta::assert_snapshot!(named("a\u{202e}fdp.exe"), @r#"Content-Disposition: attachment; filename="afdp.exe""#);
        insta::assert_snapshot!(named("\u{2066}a\r\nb\u{200f}.csv\u{0}"), @r#"Content-Disposition: attachment; filename="ab.csv""#);
        insta::assert_snapshot!(named("\u{202e}"), @r#"Content-Disposition: attachment; filename="attachment""#);
    }
}
