use super::Numerals;

impl Numerals {
    /// A sentence of the analysis, which writes numbers as English has them, with those of the language. What stands in one of `names` is no number: where
    /// that is not sure the number stays as it is.
    pub fn retold(self, sentence: &str, names: &[&str]) -> String {
        if self == Numerals::default() {
            return sentence.to_owned();
        }
        let named: Vec<(usize, usize)> = names
            .iter()
            .filter(|name| !name.is_empty())
            .flat_map(|name| sentence.match_indices(name).map(|(at, found)| (at, at + found.len())))
            .filter(|(first, end)| stands_alone(sentence, *first, *end))
            .collect();
        let mut out = String::with_capacity(sentence.len());
        let mut done = 0;
        for (from, to) in numbers(sentence) {
            let in_a_name = named.iter().any(|(first, end)| from < *end && to > *first);
            if !in_a_name && let Some(number) = self.written(&sentence[from..to]) {
                out.push_str(&sentence[done..from]);
                out.push_str(&number);
                done = to;
            }
        }
        out + &sentence[done..]
    }

    /// `12 346` (narrow spaces), `97.3` or `1.00e-5` with the signs of the language; `None` where there is none to change.
    fn written(self, number: &str) -> Option<String> {
        let (whole, rest) = number.split_at(number.find(['.', 'e']).unwrap_or(number.len()));
        if !whole.contains(NARROW) {
            return rest.starts_with('.').then(|| self.signed(number.to_owned()));
        }
        let whole: u64 = whole.replace(NARROW, "").parse().ok()?;
        Some(self.grouped(whole) + &self.signed(rest.to_owned()))
    }
}

/// Whether no letter, digit or point goes on where a name begins and ends: `5` is not what `97.5` speaks of.
fn stands_alone(sentence: &str, first: usize, end: usize) -> bool {
    let goes_on = |sign: Option<char>| sign.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let after = sentence[end..].chars().next().filter(|c| *c != '.');
    !goes_on(sentence[..first].chars().next_back()) && !goes_on(after)
}

/// The analysis groups by it.
const NARROW: char = '\u{202f}';

/// Where unsigned numbers stand by themselves, in bytes.
fn numbers(sentence: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // The two signs before: a minus belongs to a number where it begins a word.
    let (mut earlier, mut before) = (' ', ' ');
    let mut signs = sentence.char_indices().peekable();
    while let Some((from, sign)) = signs.next() {
        let is_free = |c: char| c.is_whitespace() || "(=±".contains(c);
        let begins = sign.is_ascii_digit() && (is_free(before) || "-−".contains(before) && is_free(earlier));
        (earlier, before) = (before, sign);
        if !begins {
            continue;
        }
        let mut to = from + 1;
        while let Some((at, next)) =
            signs.next_if(|(_, c)| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-' | &NARROW))
        {
            (to, earlier, before) = (at + next.len_utf8(), before, next);
        }
        // A full stop ends the sentence, not the number.
        let text = sentence[from..to].trim_end_matches(['.', NARROW]);
        let ends = signs.peek().is_none_or(|(_, c)| c.is_whitespace() || ",;:)%".contains(*c));
        if ends && text.replace(NARROW, "").parse::<f64>().is_ok() {
            found.push((from, from + text.len()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_change_their_signs_and_names_stay() {
        let german = Numerals::new("de".parse().unwrap());
        let told = |sentence: &str| german.retold(sentence, &["web 1.5", "10.0.0.7", "p99.9", "5", "3"]);
        for (english, written) in [
            (
                "CPU on web 1.5 was 97.3 % where 12.5 % was expected",
                "CPU on web 1.5 was 97,3 % where 12,5 % was expected",
            ),
            ("load on 10.0.0.7 fell to 0.25, was 12\u{202f}346", "load on 10.0.0.7 fell to 0,25, was 12.346"),
            (
                "v1.2 of p99.9 rose (r = 0.93); by -1.5 to 1.00e-5.",
                "v1.2 of p99.9 rose (r = 0,93); by -1,5 to 1,00e-5.",
            ),
            ("on 3 of 12 nodes for 2 h 30 min", "on 3 of 12 nodes for 2 h 30 min"),
            ("db-1.2 and a/3.4 and 1.2.3 and 5.6x", "db-1.2 and a/3.4 and 1.2.3 and 5.6x"),
        ] {
            assert_eq!(told(english), written);
            assert_eq!(Numerals::default().retold(english, &[]), english);
        }
    }
}
