use super::number::Numerals;

impl Numerals {
    /// `1 node`, `12 nodes`.
    pub fn count(self, n: usize, one: &str) -> String {
        let number = self.plain(n as f64);
        // `series` is its own plural.
        if n == 1 || one.ends_with("series") {
            format!("{number} {one}")
        } else if let Some(stem) = one.strip_suffix('y') {
            format!("{number} {stem}ies")
        } else {
            format!("{number} {one}s")
        }
    }

    /// Like [`list`], with at most `max` names: `a, b, c and 9 more`.
    pub fn capped<S: AsRef<str>>(self, items: &[S], max: usize) -> String {
        if items.len() <= max {
            return list(items);
        }
        let mut shown: Vec<String> = items[..max].iter().map(|s| s.as_ref().to_owned()).collect();
        shown.push(format!("{} more", self.plain((items.len() - max) as f64)));
        list(&shown)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A name within a sentence: one in letters that are written from the right does not take the number after it along.
pub(crate) fn named(name: &str) -> String {
    let from_the_right =
        |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
    if name.contains(from_the_right) { format!("\u{2068}{name}\u{2069}") } else { name.to_owned() }
}

/// At most `max` characters, the middle left out, so that `rack-17-db-03` and `rack-17-db-04` stay apart.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max {
        return text.to_owned();
    }
    let tail = (max - 1) / 2;
    let head = max - 1 - tail;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_the_number() {
        let say = Numerals::default();
        assert_eq!(say.count(1, "node"), "1 node");
        assert_eq!(say.count(0, "gap"), "0 gaps");
        assert_eq!(say.count(1234, "series entry"), "1,234 series entries");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(say.capped(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn a_name_from_the_right_stands_apart() {
        assert_eq!(named("db-1"), "db-1");
        assert_eq!(named("שרת-1"), "\u{2068}שרת-1\u{2069}");
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shorten("rack-17-database-03", 11), "rack-…se-03");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
