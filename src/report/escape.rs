//! Names from data are hostile: one function for each language that they are written into.

/// For XML text and attributes (SVG): also control characters, which XML cannot hold.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || TURNS.contains(&c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Signs that turn the direction of all that follows in a paragraph (UAX #9: embeddings, overrides, isolates): a name with one of them has
/// our own words read backwards behind it, and no style undoes that.
pub(crate) const TURNS: [char; 9] =
    ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'];

/// For what people read, as a whole: in its text, its attributes and its data alike, so that they still fit together.
pub(crate) fn without_turns(page: String) -> String {
    if page.contains(TURNS) { page.replace(TURNS, "\u{fffd}") } else { page }
}

/// For JSON that stands in a `<script>` element: nothing that could end it or start a comment. `json` must be valid JSON, where these
/// characters can only be inside strings.
pub(crate) fn json_in_script(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// Names that every JavaScript object has: plotly looks traces and categories up in plain objects, and would find these there.
const INHERITED: [&str; 12] = [
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
];

/// For plotly's text, which knows some HTML tags, entities, and TeX between dollar signs.
pub(crate) fn plotly(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '$' => out.push('\u{ff04}'),
            // `%{…}` is a variable in hover templates.
            '%' => out.push_str("&#37;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    if INHERITED.contains(&text) {
        out.push('\u{200b}');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{2028}$x$%{y}\u{1b}";

    #[test]
    fn nothing_hostile_is_left() {
        assert!(!xml(HOSTILE).contains(['<', '>', '\u{1b}']));
        assert_eq!(xml("a\u{202e}b"), "a\u{fffd}b");
        let json = json_in_script(&serde_json::to_string(HOSTILE).unwrap());
        assert!(!json.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), HOSTILE);
        assert_eq!(plotly("constructor"), "constructor\u{200b}");
        assert!(!plotly(HOSTILE).contains(['<', '>', '$', '\u{1b}']) && !plotly(HOSTILE).contains("%{"));
    }
}
