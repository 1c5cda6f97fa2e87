//! A summary posted to an address: JSON of ours, or the shapes that chats understand. The address is a secret: whoever knows it may post there.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Trouble;
use crate::net::{Address, Blocking, Client, Limits, NetError, Request, Secret, Trust};

/// How long the other side may take, and how much it may say: nobody reads it.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(30), total: Duration::from_secs(60), packed: 1 << 20, unpacked: 1 << 20 };

/// What the other side understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookShape {
    /// All of it, by name, with the picture as base64.
    #[default]
    Json,
    /// Slack's blocks.
    Slack,
    /// An adaptive card, as Teams takes it.
    Teams,
}

/// What is posted.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookNote<'a> {
    /// Title of the report.
    pub title: &'a str,
    /// Its period in words.
    pub period: &'a str,
    /// `OK`, `Warning` or `Problem`.
    pub verdict: &'a str,
    /// The verdict in a sentence.
    pub text: &'a str,
    /// Findings: word and sentence.
    pub findings: &'a [(&'static str, String)],
    /// All else, for `Json`.
    pub more: Value,
    /// A chart, PNG.
    pub picture: Option<&'a [u8]>,
}

impl WebhookShape {
    /// The body of the request.
    pub fn body(self, note: &WebhookNote<'_>) -> Vec<u8> {
        let value = match self {
            WebhookShape::Json => plain(note),
            WebhookShape::Slack => slack(note),
            WebhookShape::Teams => teams(note),
        };
        value.to_string().into_bytes()
    }
}

fn plain(note: &WebhookNote<'_>) -> Value {
    let findings: Vec<Value> =
        note.findings.iter().map(|(word, text)| json!({"severity": word, "text": text})).collect();
    let picture = note.picture.map(|png| STANDARD.encode(png));
    json!({
        "title": note.title, "period": note.period, "verdict": note.verdict, "text": note.text, "findings": findings,
        "run": note.more, "picture_png_base64": picture,
    })
}

/// Slack reads `&`, `<` and `>` as its own signs, and no others.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack(note: &WebhookNote<'_>) -> Value {
    let findings: Vec<String> =
        note.findings.iter().map(|(word, text)| format!("• {word}: {}", slack_text(text))).collect();
    let section = |text: String| {
        // Plain text: no name becomes a link or a mention.
        json!({"type": "section", "text": {"type": "plain_text", "text": text.chars().take(2_900).collect::<String>()}})
    };
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": note.title.chars().take(140).collect::<String>()}}),
        section(format!("{}\n{}: {}", note.period, note.verdict, note.text)),
    ];
    if !note.findings.is_empty() {
        let lines: Vec<String> = note.findings.iter().map(|(word, text)| format!("• {word}: {text}")).collect();
        blocks.push(section(lines.join("\n")));
    }
    let fallback =
        format!("{}: {}. {}\n{}", slack_text(note.title), note.verdict, slack_text(note.text), findings.join("\n"));
    json!({"text": fallback, "blocks": blocks})
}

fn teams(note: &WebhookNote<'_>) -> Value {
    let colour = match note.verdict {
        "Problem" => "attention",
        "Warning" => "warning",
        _ => "good",
    };
    // Rich text: no Markdown is read in it.
    let block = |text: String, extra: Value| {
        let mut run = json!({"type": "TextRun", "text": text});
        if let (Some(run), Some(extra)) = (run.as_object_mut(), extra.as_object()) {
            run.extend(extra.clone());
        }
        json!({"type": "RichTextBlock", "inlines": [run]})
    };
    let mut body = vec![
        block(note.title.to_owned(), json!({"size": "large", "weight": "bolder"})),
        block(note.period.to_owned(), json!({"isSubtle": true})),
        block(format!("{}: {}", note.verdict, note.text), json!({"color": colour})),
    ];
    body.extend(note.findings.iter().map(|(word, text)| block(format!("{word}: {text}"), json!({}))));
    if let Some(png) = note.picture.filter(|png| png.len() < 20_000) {
        body.push(json!({"type": "Image", "url": format!("data:image/png;base64,{}", STANDARD.encode(png))}));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body},
        }],
    })
}

/// Posts a body. `hand_over` writes down that it is on its way.
pub fn post(
    url: &Secret,
    ca_file: Option<&Path>,
    body: &[u8],
    hand_over: &mut dyn FnMut() -> Result<(), String>,
) -> Result<(), Trouble> {
    let address = address(url)?;
    let lasting = |e: NetError| Trouble::Lasting(e.to_string());
    let client = Client::new(&address, &Trust::system(ca_file).map_err(lasting)?).map_err(lasting)?;
    let client = Blocking::new(client).map_err(lasting)?;
    hand_over().map_err(Trouble::Ledger)?;
    let answer = client.send(&Request::post(&address, "application/json", body.to_vec()), &LIMITS);
    let text = |why: &str| url.scrub(&format!("{address}: {why}"));
    match answer {
        Ok(response) => match response.status {
            200..=299 => Ok(()),
            code @ (408 | 425 | 429 | 500..=599) => Err(Trouble::Passing(text(&format!("answers {code}")))),
            code => Err(Trouble::Lasting(text(&format!("answers {code}")))),
        },
        Err(error) => Err(trouble(&error, &url.scrub(&error.to_string()))),
    }
}

fn trouble(error: &NetError, text: &str) -> Trouble {
    match error {
        NetError::Unreachable { .. } => Trouble::Passing(text.to_owned()),
        _ if error.is_unsent() => Trouble::Lasting(text.to_owned()),
        _ => Trouble::Unsure(text.to_owned()),
    }
}

/// Where it goes: in the open to this machine only.
fn address(url: &Secret) -> Result<Address, Trouble> {
    let address = Address::secret(url).ok().filter(|address| address.is_private() || address.is_loopback());
    address.ok_or_else(|| {
        Trouble::Lasting("the address of the webhook is none: https://…, or http:// on this machine".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note<'a>(findings: &'a [(&'static str, String)]) -> WebhookNote<'a> {
        WebhookNote {
            title: "A <b> & <!channel>",
            period: "Mon",
            verdict: "Problem",
            text: "x",
            findings,
            more: json!({"batch": "weekly"}),
            picture: Some(b"PNG"),
        }
    }

    #[test]
    fn each_shape_is_what_its_reader_takes_and_no_name_is_a_link() {
        let findings = [("Problem", "<http://evil|db-1> [x](http://evil)".to_owned())];
        let read = |shape: WebhookShape| -> Value { serde_json::from_slice(&shape.body(&note(&findings))).unwrap() };
        assert_eq!(read(WebhookShape::Json)["run"]["batch"], "weekly");
        assert_eq!(read(WebhookShape::Json)["picture_png_base64"], "UE5H");
        let slack = read(WebhookShape::Slack);
        assert!(!slack["text"].as_str().unwrap().contains('<'));
        assert!(slack["blocks"].as_array().unwrap().iter().all(|block| block["text"]["type"] == "plain_text"));
        let card = read(WebhookShape::Teams)["attachments"][0]["content"].clone();
        assert_eq!(
            (card["type"].as_str(), card["body"][0]["type"].as_str()),
            (Some("AdaptiveCard"), Some("RichTextBlock"))
        );
    }

    #[test]
    fn only_the_host_of_an_address_is_told() {
        let read = |text: &str| address(&Secret::new(text.to_owned())).map(|address| address.to_string());
        let told = read("https://user:pw@hooks.example.org:8443/services/T0/B0/secret?x=1").unwrap();
        assert_eq!(told, "https://hooks.example.org:8443/…");
        for wrong in ["http://hooks.example.org/x", "file:///etc/passwd", "hooks.example.org", "https://"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let url = Secret::new("http://127.0.0.1:1/hook-secret".to_owned());
        let told = post(&url, None, b"{}", &mut || Ok(())).unwrap_err();
        assert!(matches!(told, Trouble::Passing(_)) && !told.to_string().contains("hook-secret"), "{told}");
    }
}
