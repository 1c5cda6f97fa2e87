use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::plotly;

/// Which scripts and styles a page has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Contents {
    /// Ours only.
    Static,
    /// With plotly.js, which styles elements that it makes.
    Interactive,
}

/// The Content-Security-Policy of a page with this style sheet: no network at all, scripts by their hash, styles by theirs as long as no
/// script makes any.
pub(crate) fn policy(contents: Contents, css: &str) -> String {
    let style = match contents {
        Contents::Static => format!("'sha256-{}'", STANDARD.encode(Sha256::digest(css.as_bytes()))),
        Contents::Interactive => "'unsafe-inline'".to_owned(),
    };
    format!(
        "default-src 'none'; script-src {}; style-src {style}; img-src data: blob:; base-uri 'none'; form-action 'none'",
        plotly::script_policy()
    )
}
