//! Text with macros: `{name}/{from}.html`, `{title}: {verdict}`.

use std::collections::BTreeMap;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The macros there are.
pub const MACROS: [&str; 10] =
    ["name", "part", "node", "from", "to", "period", "title", "verdict", "findings", "coverage"];
/// Most bytes of a name that goes into a file name.
const NAME_BYTES_MAX: usize = 100;
/// Names that Windows keeps for devices, whatever ending they have.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Text in which macros stand for what is known later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Macro(&'static str),
}

/// A macro that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{{{name}}}` is no macro: known are {}", MACROS.map(|name| format!("{{{name}}}")).join(", "))]
pub struct NoSuchMacro {
    name: String,
}

/// What macros stand for.
pub type Values = BTreeMap<&'static str, String>;

impl FromStr for Pattern {
    type Err = NoSuchMacro;

    fn from_str(text: &str) -> Result<Pattern, NoSuchMacro> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            pieces.push(Piece::Text(before.to_owned()));
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let known = MACROS.iter().find(|known| **known == name);
            pieces.push(Piece::Macro(known.ok_or_else(|| NoSuchMacro { name: name.to_owned() })?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Pattern { pieces, text: text.to_owned() })
    }
}

impl Pattern {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has this macro.
    pub fn has(&self, name: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Macro(known) if *known == name))
    }

    /// What comes before the first macro.
    pub fn fixed_start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// With the values as they are: for titles and subjects.
    pub fn fill(&self, values: &Values) -> String {
        self.filled(values, |value| value.to_owned())
    }

    /// With the values made harmless as parts of a path: whatever they are, they stay one name in the directory that the pattern names.
    pub fn fill_path(&self, values: &Values) -> String {
        self.filled(values, file_name)
    }

    fn filled(&self, values: &Values, write: impl Fn(&str) -> String) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Macro(name) => values.get(name).map(|value| write(value)).unwrap_or_default(),
            })
            .collect()
    }
}

/// A name from data as a name of a file. What had to be changed gets a piece of its hash, so that two names never become one.
pub fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    plain.truncate(NAME_BYTES_MAX); // ASCII by now
    let stem = plain.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device =
        DEVICES.contains(&stem.as_str()) || (stem.starts_with("com") || stem.starts_with("lpt")) && stem.len() == 4;
    if plain == name && !plain.starts_with(['.', '-']) && !plain.is_empty() && !is_device {
        return plain;
    }
    let hash = Sha256::digest(name.as_bytes());
    format!("_{}-{:02x}{:02x}{:02x}", plain.trim_start_matches(['.', '-', '_']), hash[0], hash[1], hash[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_filled_in_and_an_unknown_one_is_named() {
        let pattern: Pattern = "{title}: {verdict} ({name})".parse().unwrap();
        let values = Values::from([("title", "A {name}".to_owned()), ("verdict", "OK".to_owned())]);
        assert_eq!(pattern.fill(&values), "A {name}: OK ()");
        assert!(pattern.has("verdict") && !pattern.has("node"));
        assert_eq!("x/{name}/a".parse::<Pattern>().unwrap().fixed_start(), "x/");
        insta::assert_snapshot!("{nmae}".parse::<Pattern>().unwrap_err(), @"`{nmae}` is no macro: known are {name}, {part}, {node}, {from}, {to}, {period}, {title}, {verdict}, {findings}, {coverage}");
    }

    #[test]
    fn a_name_from_data_stays_in_its_directory() {
        let pattern: Pattern = "out/{node}.html".parse().unwrap();
        for hostile in
            ["../../etc/passwd", "/etc/x", "..", ".", "", "-rf", "a\0b", "CON", "nul.txt", "a/b", "a\nb", "ü", ".x"]
        {
            let path = pattern.fill_path(&Values::from([("node", hostile.to_owned())]));
            let inside = path.strip_prefix("out/").unwrap();
            assert!(
                !inside.contains(['/', '\\', '\0', '\n']) && !inside.starts_with(['.', '-']),
                "{hostile:?}: {path}"
            );
        }
        assert_eq!(file_name("db-1.rack_2"), "db-1.rack_2");
        assert!(file_name(&"x".repeat(300)).len() < 120);
    }

    #[test]
    fn two_names_never_become_one() {
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert_ne!(file_name("a/b"), file_name("a:b"));
    }
}
