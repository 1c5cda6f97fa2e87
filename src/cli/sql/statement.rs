//! Where one statement of a text ends and the next begins.

/// What the scanner is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A string or name, up to this character.
    Quoted(u8),
    LineComment,
    BlockComment,
}

/// Statements that end with a semicolon, each with it, and what stands behind the last.
pub fn split(text: &str) -> (Vec<&str>, &str) {
    let bytes = text.as_bytes();
    let (mut statements, mut start, mut inside, mut i) = (Vec::new(), 0, Inside::Nothing, 0);
    while let Some(byte) = bytes.get(i).copied() {
        let pair = (byte, bytes.get(i + 1).copied());
        match inside {
            Inside::Nothing => match pair {
                (b'\'' | b'"' | b'`', _) => inside = Inside::Quoted(byte),
                (b'[', _) => inside = Inside::Quoted(b']'),
                (b'-', Some(b'-')) => inside = Inside::LineComment,
                (b'/', Some(b'*')) => (inside, i) = (Inside::BlockComment, i + 1),
                (b';', _) => {
                    statements.push(&text[start..=i]);
                    start = i + 1;
                }
                _ => {}
            },
            // A doubled quote ends one string and begins the next: the same in the end.
            Inside::Quoted(end) if byte == end => inside = Inside::Nothing,
            Inside::LineComment if byte == b'\n' => inside = Inside::Nothing,
            Inside::BlockComment if pair == (b'*', Some(b'/')) => (inside, i) = (Inside::Nothing, i + 1),
            _ => {}
        }
        i += 1;
    }
    (statements, &text[start..])
}

/// Whether Enter should run what is typed, or begin another line of it: a command, nothing, or whole statements run.
pub fn is_complete(text: &str) -> bool {
    let rest = split(text).1.trim();
    rest.is_empty() || text.trim_start().starts_with('.')
}

/// Whether the column ts is compared with a text that is no number.
pub fn compares_ts_with_text(statement: &str) -> bool {
    let lower = statement.to_lowercase();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    lower.match_indices("ts").any(|(at, _)| {
        let rest = lower[at + 2..].trim_start();
        if lower[..at].ends_with(is_word) || lower[at + 2..].starts_with(is_word) {
            return false;
        }
        let operand = rest.trim_start_matches(['<', '>', '=', '!']);
        let operand = if operand.len() < rest.len() { Some(operand) } else { rest.strip_prefix("between") };
        let quoted = operand.and_then(|operand| operand.trim_start().strip_prefix('\''));
        quoted.is_some_and(|text| text.split('\'').next().is_some_and(|text| text.trim().parse::<f64>().is_err()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_where_it_is_one() {
        let text = "SELECT ';', \";\", [;], `;`, 'it''s;' -- ;\n FROM /* ; */ t; SELECT 2";
        assert_eq!(split(text), (vec![&text[..text.len() - 9]], " SELECT 2"));
        assert_eq!(split("SELECT 1;SELECT 2;").0.len(), 2);
        assert_eq!(split("SELECT 'ä;").0.len(), 0);
        assert_eq!(split("a - b / c;"), (vec!["a - b / c;"], ""));
    }

    #[test]
    fn a_time_that_is_compared_with_a_text_is_seen() {
        for text in ["ts > '2026-11-27'", "s.TS<='2026 x'", "a AND ts BETWEEN 'x' AND 'y'", "ts != ''"] {
            assert!(compares_ts_with_text(text), "{text}");
        }
        for number in
            ["ts > 5", "iso(ts) > '2026'", "starts > 'x'", "ts_x > 'x'", "ts = '17'", "ts > unixepoch('2026')"]
        {
            assert!(!compares_ts_with_text(number), "{number}");
        }
    }

    #[test]
    fn enter_runs_what_is_complete() {
        for complete in ["", "  ", ".help", "SELECT 1;", "SELECT 1; \n", "SELECT\n1\n;"] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", "SELECT 1 -- ;", "/* ; "] {
            assert!(!is_complete(open), "{open}");
        }
    }
}
