use std::borrow::Cow;

/// `text` as one word of a shell's command line: what is not plain stands in quotes. For advice that is to be pasted.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one() {
        assert_eq!([word("a/b.db"), word("my db"), word("it's"), word("")], ["a/b.db", "'my db'", r"'it'\''s'", "''"]);
    }
}
