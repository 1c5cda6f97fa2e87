//! What a page says it is.

use super::super::formats::prometheus::{Dialect, Rules};

/// What is asked for: both text forms, the stricter first.
pub const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// How a page is to be read, by its `Content-Type`. OpenMetrics has rules, and a page that says it is that is held to them; plain text is what most
/// exporters say, and what is good of it is taken. Without a type it is text, as it was before types were sent. `Err` is what it is instead.
pub fn reading_of(content_type: Option<&str>) -> Result<(Dialect, Rules), String> {
    let Some(content_type) = content_type else { return Ok((Dialect::Text, Rules::Lenient)) };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/openmetrics-text" => Ok((Dialect::OpenMetrics, Rules::Strict)),
        "text/plain" | "" => Ok((Dialect::Text, Rules::Lenient)),
        _ => Err(media_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_it_says() {
        let text = Ok((Dialect::Text, Rules::Lenient));
        for plain in [Some("text/plain; version=0.0.4; charset=utf-8"), Some("Text/Plain"), Some(""), None] {
            assert_eq!(reading_of(plain), text, "{plain:?}");
        }
        let strict = Ok((Dialect::OpenMetrics, Rules::Strict));
        assert_eq!(reading_of(Some("application/openmetrics-text; version=1.0.0; charset=utf-8")), strict);
        for other in ["text/html; charset=utf-8", "application/json", "application/octet-stream", "text/plainer"] {
            assert_eq!(reading_of(Some(other)), Err(other.split(';').next().unwrap().to_owned()));
        }
    }
}
