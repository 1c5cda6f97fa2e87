use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::net::read_small;
use crate::report::{LOGO_BYTES_MAX, Logo, Role, SERIES_MAX, Tone};

/// A colour as it is written: one for both themes, or one each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    light: String,
    dark: String,
}

struct PairVisitor;

impl<'de> Visitor<'de> for PairVisitor {
    type Value = Pair;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a colour such as \"#0072b2\" or { light = \"#0072b2\", dark = \"#56b4e9\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Pair, E> {
        Ok(Pair { light: text.to_owned(), dark: text.to_owned() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pair, A::Error> {
        Pair::deserialize(MapAccessDeserializer::new(map))
    }
}

fn tone<'de, D: Deserializer<'de>>(source: D, role: Role) -> Result<Tone, D::Error> {
    let Pair { light, dark } = source.deserialize_any(PairVisitor)?;
    Tone::new(&light, &dark, role).map_err(de::Error::custom)
}

/// The colour of links.
#[derive(Clone, Copy, Debug)]
pub struct Accent(pub Tone);

impl<'de> Deserialize<'de> for Accent {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        tone(source, Role::Text).map(Accent)
    }
}

/// The colour of a line.
#[derive(Clone, Copy, Debug)]
struct LineTone(Tone);

impl<'de> Deserialize<'de> for LineTone {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        tone(source, Role::Line).map(LineTone)
    }
}

/// The colours of lines, the first first.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<LineTone>")]
pub struct LineTones(pub Vec<Tone>);

impl TryFrom<Vec<LineTone>> for LineTones {
    type Error = String;

    fn try_from(tones: Vec<LineTone>) -> Result<LineTones, String> {
        if tones.len() > SERIES_MAX {
            return Err(format!("{} colours: a chart tells at most {SERIES_MAX} lines apart", tones.len()));
        }
        Ok(LineTones(tones.into_iter().map(|tone| tone.0).collect()))
    }
}

/// Reads a logo; the error says which file, and why not.
pub fn read_logo(path: &Path) -> Result<Logo, String> {
    let why = |reason: String| format!("{}: {reason}", path.display());
    let bytes = read_small(path, LOGO_BYTES_MAX as u64).map_err(|e| why(e.to_string()))?;
    Logo::of(&bytes).map_err(|e| why(e.to_string()))
}

/// A relative path in a file is relative to it.
pub fn beside(file: &Path, path: PathBuf) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}
