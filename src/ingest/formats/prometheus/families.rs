//! What `# TYPE`, `# HELP` and `# UNIT` said of the metrics.

use std::collections::HashMap;

use super::super::super::limits::{FAMILIES_MAX, HELP_BYTES_MAX};
use super::super::{Reason, number};
use super::labels::Pairs;
use super::line::Description;
use crate::model::limits::METRIC_NAME_BYTES_MAX;
use crate::model::{Kind, MetricMeta};

/// Types of both formats; `unknown` and `untyped` say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FamilyType {
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl FamilyType {
    pub(super) fn of(word: &[u8]) -> Option<FamilyType> {
        Some(match word {
            b"unknown" | b"untyped" => FamilyType::Unknown,
            b"counter" => FamilyType::Counter,
            b"gauge" => FamilyType::Gauge,
            b"histogram" => FamilyType::Histogram,
            b"gaugehistogram" => FamilyType::GaugeHistogram,
            b"summary" => FamilyType::Summary,
            b"info" => FamilyType::Info,
            b"stateset" => FamilyType::StateSet,
            _ => return None,
        })
    }

    /// The kind of the sample `family` + `suffix`; `None` where the family has no such sample, `Some(None)` where nothing is known.
    fn kind(self, suffix: &str) -> Option<Option<Kind>> {
        let counter = Some(Some(Kind::Counter));
        let gauge = Some(Some(Kind::Gauge));
        match (self, suffix) {
            (FamilyType::Unknown, "") => Some(None),
            (FamilyType::Counter, "" | "_total") => counter,
            (FamilyType::Histogram, "_bucket" | "_count" | "_sum") | (FamilyType::Summary, "_count" | "_sum") => {
                counter
            }
            (FamilyType::Counter | FamilyType::Histogram | FamilyType::Summary, "_created") => gauge,
            (FamilyType::GaugeHistogram, "_bucket" | "_gcount" | "_gsum") | (FamilyType::Info, "_info") => gauge,
            (FamilyType::Gauge | FamilyType::Summary | FamilyType::Info | FamilyType::StateSet, "") => gauge,
            _ => None,
        }
    }
}

/// Endings that samples have and their families do not.
const SUFFIXES: [&str; 8] = ["_total", "_bucket", "_count", "_sum", "_created", "_gcount", "_gsum", "_info"];

#[derive(Debug, Default)]
struct Family {
    kind: Option<FamilyType>,
    help: Option<String>,
    unit: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Families {
    by_name: HashMap<Box<str>, Family>,
    /// The metric that was asked for last, which is mostly the next one too.
    last: Option<Metric>,
}

/// What is known of the samples of one name.
#[derive(Debug)]
struct Metric {
    name: Box<str>,
    meta: Option<MetricMeta>,
    /// The label that has to be a number; empty where none has to.
    numeric: &'static str,
}

impl Families {
    /// Takes a description. On the next page of the same target everything is said again: a type that stays the same is no error.
    pub(super) fn describe<'a>(&mut self, description: &Description<'a>) -> Result<(), Reason<'a>> {
        self.last = None;
        match *description {
            Description::Help { name, text } => {
                let help = unescape(&String::from_utf8_lossy(&text[..text.len().min(HELP_BYTES_MAX)]));
                if let Some(family) = self.family(name) {
                    family.help = Some(help).filter(|help| !help.is_empty());
                }
                Ok(())
            }
            Description::Unit { name, unit } => {
                if let (Some(family), Ok(unit)) = (self.family(name), std::str::from_utf8(unit)) {
                    family.unit = Some(unit.to_owned()).filter(|unit| !unit.is_empty() && unit.len() <= HELP_BYTES_MAX);
                }
                Ok(())
            }
            Description::Type { name, word, column } => {
                let expected = "counter, gauge, histogram, summary or untyped";
                let kind = FamilyType::of(word).ok_or(Reason::Syntax { column, expected, found: word })?;
                match self.family(name).map(|family| family.kind.get_or_insert(kind)) {
                    Some(before) if *before != kind => Err(Reason::TypeTwice { name }),
                    _ => Ok(()),
                }
            }
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The family to be described; `None` where there are too many, or its name is none that a metric has.
    fn family(&mut self, name: &[u8]) -> Option<&mut Family> {
        let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= METRIC_NAME_BYTES_MAX)?;
        if self.by_name.len() >= FAMILIES_MAX && !self.by_name.contains_key(name) {
            return None;
        }
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.into(), Family::default());
        }
        self.by_name.get_mut(name)
    }

    /// What is known of the metric of a sample, after a look at the label its family's type asks for: buckets have a number as
    /// `le`, quantiles one as `quantile`.
    pub(super) fn meta(
        &mut self,
        name: &str,
        pairs: &Pairs<'_>,
        column: usize,
    ) -> Result<Option<&MetricMeta>, Reason<'static>> {
        if self.last.as_ref().is_none_or(|last| *last.name != *name) {
            self.last = Some(self.metric(name));
        }
        let Some(metric) = &self.last else { return Ok(None) };
        let value = pairs.iter().find(|(key, _)| *key == metric.numeric).map(|(_, value)| value);
        if value.is_some_and(|value| number::parse(value.as_bytes()).is_none()) {
            return Err(Reason::LabelNumber { column, key: metric.numeric });
        }
        Ok(metric.meta.as_ref())
    }

    fn metric(&self, name: &str) -> Metric {
        let split = |suffix: &&'static str| Some((name.strip_suffix(suffix)?, *suffix));
        let candidates = std::iter::once((name, "")).chain(SUFFIXES.iter().filter_map(split));
        for (family_name, suffix) in candidates {
            let Some(family) = self.by_name.get(family_name) else { continue };
            let family_type = family.kind.unwrap_or(FamilyType::Unknown);
            let Some(kind) = family_type.kind(suffix) else { continue };
            let numeric = match (family_type, suffix) {
                (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => "le",
                (FamilyType::Summary, "") => "quantile",
                _ => "",
            };
            let meta = Some(MetricMeta { kind, unit: family.unit.clone(), help: family.help.clone() });
            return Metric { name: name.into(), meta, numeric };
        }
        Metric { name: name.into(), meta: None, numeric: "" }
    }
}

/// Help may have `\\` and `\n`; it is kept as one line.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push(' '),
                Some(c @ ('\\' | '"')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_metric_has_is_not_remembered() {
        let mut families = Families::default();
        for name in [vec![b'a'; METRIC_NAME_BYTES_MAX], vec![b'a'; METRIC_NAME_BYTES_MAX + 1], vec![0xff]] {
            families.describe(&Description::Type { name: &name, word: b"counter", column: 1 }).unwrap();
        }
        assert_eq!(families.len(), 1);
    }
}
