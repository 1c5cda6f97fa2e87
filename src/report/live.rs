//! The page that is kept up to date: the report's own parts, each by itself, so that a browser takes in those that have changed.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::error::ReportError;
use super::escape::without_turns;
use super::html::{CSS, Scripts};
use super::look::Look;
use super::plotly::{APP_SCRIPT, script_policy};
use super::section::SectionId;
use super::view::{Drawn, View};

const LIVE_CSS: &str = include_str!("../../templates/live/live.css");
const LIVE_SCRIPT: &str = include_str!("../../templates/live/live.js");

/// One element of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePart {
    /// Where it stands, as a CSS selector.
    pub place: String,
    /// The element.
    pub html: String,
}

/// What stands around the parts.
#[derive(Clone, Debug, Default)]
pub struct LiveFrame {
    /// Title of the window.
    pub title: String,
    /// The version of the parts.
    pub version: u64,
    /// Which of the live pages it is.
    pub view: String,
    /// Ways to other times and pages.
    pub links: Vec<LiveLink>,
    /// The nodes that are shown, as a glob; empty for all.
    pub node: String,
    /// Parameters that stay when other nodes are chosen.
    pub kept: Vec<(String, String)>,
    /// Up to when the page tells.
    pub status: String,
    /// Why there are no parts; empty where there are.
    pub nothing: String,
}

/// A way to another page.
#[derive(Clone, Debug)]
pub struct LiveLink {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub to: String,
    /// It leads here.
    pub is_here: bool,
}

#[derive(Template)]
#[template(path = "live/parts.html")]
struct Parts<'a> {
    view: &'a View,
    scripts: Scripts<'a>,
}

#[derive(Template)]
#[template(path = "live/page.html")]
struct Page<'a> {
    version: &'static str,
    frame: &'a LiveFrame,
    css: &'a str,
    above: String,
    inside: String,
    below: String,
    places: String,
    app: &'static str,
    live: &'static str,
}

/// The parts of a view, in their order.
pub fn live_parts(view: &View) -> Result<Vec<LivePart>, ReportError> {
    let template = Parts { view, scripts: Scripts::of(&view.look, None) };
    let all = template.render().map(without_turns).map_err(|error| ReportError::Render(error.to_string()))?;
    // A name from data cannot begin a part: its `<` is escaped.
    let parts = all.split("<!--part ").filter_map(|part| {
        let (place, html) = part.split_once("-->")?;
        Some(LivePart { place: place.to_owned(), html: html.trim().to_owned() })
    });
    Ok(parts.collect())
}

/// The page, and the Content-Security-Policy to send it with: our two scripts and style sheet by their hashes, and the way back to the server.
pub fn live_page(frame: &LiveFrame, parts: &[LivePart], look: &Look) -> Result<(String, String), ReportError> {
    let css = format!("{CSS}{}{LIVE_CSS}", look.css());
    let text = |wanted: fn(&str) -> bool| {
        let found = parts.iter().filter(|part| wanted(&part.place)).map(|part| part.html.as_str());
        found.collect::<Vec<_>>().join("\n")
    };
    let is_nothing = (!frame.nothing.is_empty()).then_some("section[data-section=nothing]");
    let places: Vec<&str> = is_nothing.into_iter().chain(parts.iter().map(|part| part.place.as_str())).collect();
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        frame,
        css: &css,
        above: text(|place| matches!(place, "header.top" | "nav.contents")),
        inside: text(|place| place.starts_with("section")),
        below: text(|place| place == "footer"),
        places: serde_json::to_string(&places).map_err(|error| ReportError::Render(error.to_string()))?,
        app: APP_SCRIPT,
        live: LIVE_SCRIPT,
    };
    let html = page.render().map(without_turns).map_err(|error| ReportError::Render(error.to_string()))?;
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; script-src {} {}; style-src {}; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        script_policy(),
        hash(LIVE_SCRIPT),
        hash(&css),
    );
    Ok((html, policy))
}

/// The policy that a page of ours has within itself; `None` where there is none.
pub fn policy_within(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("<meta http-equiv=\"Content-Security-Policy\" content=\"")?;
    let (policy, _) = rest.split_once('"')?;
    Some(policy.replace("&#39;", "'").replace("&#x27;", "'"))
}
