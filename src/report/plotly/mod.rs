//! The scripts that travel in a report: plotly.js, pruned and deflated by the build script, and the page's own script.
//!
//! Both are constants of a build: what differs between reports stands in JSON and packed columns beside them. So their
//! Content-Security-Policy hashes are known here, and a page needs neither `unsafe-inline` nor `unsafe-eval` for scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

// Compiled for their unit tests; the build script is who uses them.
#[cfg(test)]
mod bundle;
#[cfg(test)]
#[expect(dead_code, reason = "the build script calls what the tests do not")]
mod prune;

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// The page's own script: the text of an inline script element.
pub const APP_SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/app.js"));

/// The pruned plotly.js as raw deflate.
pub const PLOTLY_DEFLATED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plotly.deflate"));

/// [`PLOTLY_DEFLATED`] as it stands in the page (`<script type="application/octet-stream" id="nodebook-plotly">`).
pub fn plotly_base64() -> String {
    STANDARD.encode(PLOTLY_DEFLATED)
}

/// The `script-src` of the page: the page's script and, once it has been inflated and inserted, plotly.js.
pub fn script_policy() -> String {
    format!("'{APP_POLICY_HASH}' '{PLOTLY_POLICY_HASH}'")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha256};

    use super::*;

    fn policy_hash(text: &str) -> String {
        format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
    }

    #[test]
    fn plotly_inflates_to_the_text_that_the_policy_names() {
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(PLOTLY_DEFLATED).read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), PLOTLY_BYTES);
        assert_eq!(policy_hash(&text), PLOTLY_POLICY_HASH);
        assert!(text.contains(&format!("version=\"{PLOTLY_VERSION}\"")));
        assert!(text.contains("Bundled license information:"), "the licences of what plotly.js is made of stay");
        assert!(PLOTLY_DEFLATED.len() < 400_000, "{} bytes deflated", PLOTLY_DEFLATED.len());
    }

    #[test]
    fn the_policy_names_both_scripts() {
        assert_eq!(policy_hash(APP_SCRIPT), APP_POLICY_HASH);
        assert_eq!(script_policy(), format!("'{APP_POLICY_HASH}' '{PLOTLY_POLICY_HASH}'"));
        assert!(PLOTLY_LICENCE.contains("MIT"));
    }
}
