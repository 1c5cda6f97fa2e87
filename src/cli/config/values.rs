//! Values of settings as types that check themselves while they are read.

use std::fmt;

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de};

use super::batch::{Attach, AttachList, BatchName, Each, Send, Share};
use crate::analyse::Sensitivity;
use crate::deliver::{Pattern, TlsMode, WebhookShape};
use crate::model::EventGlob;
use crate::model::range::parse_duration;
use crate::report::{Paper, SectionId};
use crate::schedule::{CatchUp, Condition, Schedule};
use crate::store::Durability;
use crate::store::retention::Keep;

/// A duration in ms, written as `10s`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub i64);

/// A number of bytes, written as `5GiB`, `500MB` or plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// An amount of something, 0 or more: a number, or text that is one; bytes also as `16MiB`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount(pub f64);

/// A glob over the text of events.
#[derive(Clone, Debug)]
pub struct MuteGlob(pub EventGlob);

/// Yes or no: `true` or `false`, in the environment as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

/// An IANA zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(pub Tz);

/// Reads a text and hands it to `parse`; its error becomes the error at that place.
fn from_text<'de, D, T, E>(source: D, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    let text = String::deserialize(source)?;
    parse(&text).map_err(de::Error::custom)
}

macro_rules! reads_text {
    ($type:ty, $parse:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                from_text(source, $parse)
            }
        }
    };
}

reads_text!(Span, |text| parse_duration(text).map(Span));
reads_text!(Keep, keep);
reads_text!(Durability, durability);
reads_text!(Sensitivity, sensitivity);
reads_text!(SectionId, str::parse::<SectionId>);
reads_text!(Paper, str::parse::<Paper>);
reads_text!(Size, Size::parse);
reads_text!(Schedule, str::parse::<Schedule>);
reads_text!(Condition, str::parse::<Condition>);
reads_text!(Pattern, str::parse::<Pattern>);
reads_text!(BatchName, BatchName::parse);
reads_text!(CatchUp, |text| one_of(text, &[("last", CatchUp::Last), ("all", CatchUp::All), ("none", CatchUp::None)]));
reads_text!(Each, |text| one_of(text, &[("node", Each::Node)]));
reads_text!(Send, |text| one_of(text, &[("bcc", Send::Bcc), ("each", Send::Each)]));
reads_text!(TlsMode, |text| {
    one_of(text, &[("starttls", TlsMode::StartTls), ("implicit", TlsMode::Implicit), ("none", TlsMode::None)])
});
reads_text!(WebhookShape, |text| {
    one_of(text, &[("json", WebhookShape::Json), ("slack", WebhookShape::Slack), ("teams", WebhookShape::Teams)])
});
reads_text!(Zone, Zone::parse);
reads_text!(MuteGlob, |text| EventGlob::parse(text).map(MuteGlob));

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let amount = match toml::Value::deserialize(source)? {
            toml::Value::String(text) => Amount::parse(&text),
            toml::Value::Integer(number) => Amount::parse(&number.to_string()),
            toml::Value::Float(number) => Amount::parse(&number.to_string()),
            other => Err(format!("a {} is no amount", other.type_str())),
        };
        amount.map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(source)? {
            toml::Value::Boolean(on) => Ok(Switch(on)),
            toml::Value::String(text) => {
                one_of(&text, &[("true", Switch(true)), ("false", Switch(false))]).map_err(de::Error::custom)
            }
            other => Err(de::Error::custom(format!("a {} is neither `true` nor `false`", other.type_str()))),
        }
    }
}

/// A word with a meaning.
fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = || {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        match quoted.split_last() {
            Some((last, [])) => format!("not {last}"),
            Some((last, first)) => format!("none of {} and {last}", first.join(", ")),
            None => String::new(),
        }
    };
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("`{text}` is {}", known()))
}

/// A number, or text with a percent sign.
impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        let text = match Written::deserialize(source)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        Share::parse(&text).map_err(de::Error::custom)
    }
}

/// What goes along with a mail: a list of words, or the list `["none"]`.
impl<'de> Deserialize<'de> for AttachList {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        const WORDS: [(&str, Option<Attach>); 5] = [
            ("html", Some(Attach::Html)),
            ("pdf", Some(Attach::Pdf)),
            ("zip", Some(Attach::Zip)),
            ("csv.gz", Some(Attach::CsvGz)),
            ("none", None),
        ];
        let words = Vec::<String>::deserialize(source)?;
        let read = words.iter().map(|word| one_of(word, &WORDS)).collect::<Result<Vec<_>, _>>();
        read.map(|list| AttachList(list.into_iter().flatten().collect())).map_err(de::Error::custom)
    }
}

fn keep(text: &str) -> Result<Keep, String> {
    if text == "forever" {
        return Ok(Keep::Forever);
    }
    parse_duration(text)
        .map(Keep::Millis)
        .map_err(|_| format!("`{text}` is neither a duration such as 30d nor `forever`"))
}

fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "full" => Ok(Durability::Full),
        "normal" => Ok(Durability::Normal),
        _ => Err(format!("`{text}` is neither `full` (every commit is synced) nor `normal`")),
    }
}

fn sensitivity(text: &str) -> Result<Sensitivity, String> {
    match text {
        "low" => Ok(Sensitivity::Low),
        "normal" => Ok(Sensitivity::Normal),
        "high" => Ok(Sensitivity::High),
        _ => Err(format!("`{text}` is none of `low`, `normal` and `high`")),
    }
}

impl Size {
    /// From text.
    pub fn parse(text: &str) -> Result<Self, String> {
        const UNITS: &[(&str, u64)] = &[
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
            ("kB", 1_000),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
            ("B", 1),
        ];
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
        let unit = text[digits.len()..].trim_start();
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        match (digits.parse::<f64>(), factor) {
            (Ok(number), Some(factor)) if number > 0.0 && number.is_finite() => {
                Ok(Size((number * factor as f64) as u64))
            }
            // Of `500` nobody meant bytes, and what is kept would go by it.
            (Ok(_), None) if unit.is_empty() => {
                Err(format!("`{text}` has no unit: say {text}MB, or {text}B for bytes"))
            }
            _ => Err(format!("`{text}` is not a size such as 5GiB or 500MB")),
        }
    }
}

impl Amount {
    /// From text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = || Size::parse(text).ok().map(|size| size.0 as f64);
        let number = text.trim().parse::<f64>().ok().or_else(bytes);
        let amount = number.filter(|n| n.is_finite() && *n >= 0.0).map(Amount);
        amount.ok_or_else(|| format!("`{text}` is no amount: 0 or more, bytes also as 16MiB"))
    }
}

impl Zone {
    /// By its IANA name.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse::<Tz>().map(Zone).map_err(|_| format!("`{text}` is not a time zone such as Europe/Berlin or UTC"))
    }

    /// The machine's: `TZ` where that is a name, else what the system says, else UTC.
    pub fn of_this_machine() -> Self {
        let named = std::env::var("TZ").ok().and_then(|tz| Zone::parse(tz.trim_start_matches(':')).ok());
        named
            .or_else(|| iana_time_zone::get_timezone().ok().and_then(|tz| Zone::parse(&tz).ok()))
            .unwrap_or(Zone(Tz::UTC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_decimal_or_plain() {
        assert_eq!(Size::parse("5GiB"), Ok(Size(5 << 30)));
        assert_eq!(Size::parse("1.5 MB"), Ok(Size(1_500_000)));
        assert_eq!(Size::parse("4096B"), Ok(Size(4096)));
        insta::assert_snapshot!(Size::parse("500").unwrap_err(), @"`500` has no unit: say 500MB, or 500B for bytes");
        for wrong in ["", "GiB", "-1MB", "5 gigs", "0", "1e400B"] {
            assert!(Size::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn zones_are_iana_names() {
        assert_eq!(Zone::parse("Europe/Berlin"), Ok(Zone(Tz::Europe__Berlin)));
        insta::assert_snapshot!(Zone::parse("Mars/Base").unwrap_err(), @"`Mars/Base` is not a time zone such as Europe/Berlin or UTC");
    }
}
