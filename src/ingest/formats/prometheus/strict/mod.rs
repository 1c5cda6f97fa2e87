//! The rules that OpenMetrics 1.0 has beyond single lines, for strict reading: the letter of its grammar, descriptions before samples, the samples of
//! a family and of a label set together, times that do not go back, histograms that agree with themselves, units in names.
//!
//! Judged by the cases of the OpenMetrics project. Beside the reader, not inside it: what is good is read the same way in both modes.

mod grammar;
mod histogram;

use std::collections::HashSet;

use super::super::Reason;
use super::families::FamilyType;
use grammar::{Labels, Line, Sample, number};
use histogram::Histogram;

/// The rule that is broken.
type Broken = &'static str;

/// Follows a page line by line.
#[derive(Debug, Default)]
pub(super) struct StrictPage {
    family: Option<Family>,
    /// Names of all families before, and of the samples they may have.
    names: HashSet<String>,
    at_end: bool,
}

/// The family that is being read.
#[derive(Debug)]
struct Family {
    name: String,
    kind: Option<FamilyType>,
    has_help: bool,
    unit: Option<String>,
    has_samples: bool,
    /// Label sets before, as [`write_text`] has them; empty while there was one only.
    groups: HashSet<Vec<u8>>,
    group: Option<Group>,
    histogram: Histogram,
    /// Room for the text of a label set.
    text: Vec<u8>,
}

/// The label set whose samples are being read.
#[derive(Debug)]
struct Group {
    labels: Vec<u8>,
    time: Option<i128>,
}

impl StrictPage {
    /// Looks at the next line, without its end.
    pub(super) fn line<'a>(&mut self, text: &'a [u8]) -> Result<(), Reason<'a>> {
        if self.at_end {
            return Err(Reason::AfterEof);
        }
        let text = std::str::from_utf8(text).map_err(|e| Reason::NotUtf8 { column: e.valid_up_to() + 1 })?;
        match grammar::read(text)? {
            Line::Eof => {
                self.at_end = true;
                self.end()
            }
            Line::Described { word, name, text } => self.described(word, &name, text),
            Line::Sample(mut sample) => self.sample(&mut sample),
        }
    }

    /// After the last line.
    pub(super) fn end(&mut self) -> Result<(), Reason<'static>> {
        match self.family.take() {
            Some(family) => family.end(&mut self.names),
            None => Ok(()),
        }
    }

    fn start(&mut self, name: &str, kind: Option<FamilyType>) -> Result<&mut Family, Reason<'static>> {
        // Most families of a page are about the same things.
        let groups = self.family.as_ref().map_or(0, |before| before.groups.len());
        self.end()?;
        Ok(self.family.insert(Family {
            name: name.to_owned(),
            kind,
            has_help: false,
            unit: None,
            has_samples: false,
            groups: HashSet::with_capacity(groups),
            group: None,
            histogram: Histogram::default(),
            text: Vec::new(),
        }))
    }

    fn described(&mut self, word: &str, name: &str, text: &str) -> Result<(), Reason<'static>> {
        let family = match self.family.take() {
            Some(family) if family.name == name => self.family.insert(family),
            other => {
                self.family = other;
                self.start(name, None)?
            }
        };
        if family.has_samples {
            return Err(family.broken("a family is described before its samples"));
        }
        let twice = match word {
            "HELP" => std::mem::replace(&mut family.has_help, true),
            "UNIT" => family.unit.replace(text.to_owned()).is_some(),
            _ => {
                let kind = FamilyType::of(text.as_bytes()).filter(|_| text != "untyped");
                let kind = kind.ok_or_else(|| family.broken("its type is none of OpenMetrics"))?;
                family.kind.replace(kind).is_some()
            }
        };
        if twice { Err(family.broken("a family has one HELP, one TYPE and one UNIT at most")) } else { Ok(()) }
    }

    fn sample(&mut self, sample: &mut Sample<'_>) -> Result<(), Reason<'static>> {
        if !self.family.as_ref().is_some_and(|family| family.may_have(&sample.name)) {
            self.start(&sample.name, Some(FamilyType::Unknown))?;
        }
        let Some(family) = &mut self.family else { return Ok(()) };
        family.sample(sample).map_err(|rule| family.broken(rule))
    }
}

impl Family {
    fn broken(&self, rule: Broken) -> Reason<'static> {
        Reason::OpenMetrics { family: self.name.clone(), rule }
    }

    fn kind(&self) -> FamilyType {
        self.kind.unwrap_or(FamilyType::Unknown)
    }

    fn may_have(&self, sample: &str) -> bool {
        let suffix = sample.strip_prefix(self.name.as_str());
        suffix.is_some_and(|suffix| suffixes(self.kind()).contains(&suffix))
    }

    fn sample(&mut self, sample: &mut Sample<'_>) -> Result<(), Broken> {
        sample.labels.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let suffix = &sample.name[self.name.len()..];
        let kind = self.kind();
        let own_label = match (kind, suffix) {
            (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => Some("le"),
            (FamilyType::Summary, "") => Some("quantile"),
            (FamilyType::StateSet, _) => Some(self.name.as_str()),
            _ => None,
        };
        let labelled = own_label.map(|key| sample.labels.iter().find(|(k, _)| k == key).map(|(_, value)| &**value));
        let bound = labelled.flatten().and_then(bound);
        check_labels(kind, suffix, labelled, bound)?;
        check_value(kind, suffix, sample)?;
        self.text.clear();
        if kind != FamilyType::Info {
            write_text(&sample.labels, own_label, &mut self.text); // the labels of an info are its value
        }
        self.follow(sample.time)?;
        if let (FamilyType::Histogram | FamilyType::GaugeHistogram, Some(group)) = (kind, &self.group) {
            let le = labelled.flatten().unwrap_or_default();
            self.histogram.take((&group.labels, sample.time), suffix, (le, bound), sample.value)?;
        }
        self.has_samples = true;
        Ok(())
    }

    /// The next sample is one of the label set in `text`.
    fn follow(&mut self, time: Option<i128>) -> Result<(), Broken> {
        match &mut self.group {
            Some(group) if group.labels == self.text => {
                if group.time.is_some() != time.is_some() {
                    return Err("of one label set all samples have a time, or none");
                }
                if group.time > time && self.kind != Some(FamilyType::Info) {
                    return Err("times of one label set do not go back");
                }
                group.time = time;
            }
            Some(group) => {
                if self.groups.is_empty() {
                    self.groups.insert(group.labels.clone());
                }
                if !self.groups.insert(self.text.clone()) {
                    return Err("samples of one label set stand together");
                }
                std::mem::swap(&mut group.labels, &mut self.text);
                group.time = time;
            }
            None => self.group = Some(Group { labels: self.text.clone(), time }),
        }
        Ok(())
    }

    fn end(self, names: &mut HashSet<String>) -> Result<(), Reason<'static>> {
        let others = suffixes(self.kind()).iter().filter(|suffix| !suffix.is_empty());
        for suffix in std::iter::once(&"").chain(others) {
            if !names.insert([self.name.as_str(), suffix].concat()) {
                return Err(self.broken("a family stands in one place, and its names are no other family's"));
            }
        }
        if let Some(unit) = self.unit.as_deref().filter(|unit| !unit.is_empty()) {
            if !self.name.strip_suffix(unit).is_some_and(|name| name.ends_with('_')) {
                return Err(self.broken("the name of a family with a unit ends with it"));
            }
            if matches!(self.kind(), FamilyType::Info | FamilyType::StateSet) {
                return Err(self.broken("an info or stateset has no unit"));
            }
        }
        self.histogram.end().map_err(|rule| self.broken(rule))
    }
}

/// Endings of the samples of a family.
fn suffixes(kind: FamilyType) -> &'static [&'static str] {
    match kind {
        FamilyType::Counter => &["_total", "_created"],
        FamilyType::Summary => &["", "_count", "_sum", "_created"],
        FamilyType::Histogram => &["_count", "_sum", "_bucket", "_created"],
        FamilyType::GaugeHistogram => &["_gcount", "_gsum", "_bucket"],
        FamilyType::Info => &["_info"],
        FamilyType::Unknown | FamilyType::Gauge | FamilyType::StateSet => &[""],
    }
}

/// The number in a `le` or `quantile`; infinity is written in one way only.
fn bound(text: &str) -> Option<f64> {
    number(text).filter(|bound| !bound.is_nan() && (*bound != f64::INFINITY || text == "+Inf"))
}

fn check_labels(
    kind: FamilyType,
    suffix: &str,
    labelled: Option<Option<&str>>,
    bound: Option<f64>,
) -> Result<(), Broken> {
    match (kind, suffix, labelled) {
        (FamilyType::StateSet, _, Some(None)) => Err("a state has a label named as its family"),
        (_, "_bucket", Some(_)) if bound.is_none() => Err("a bucket has a number as `le`, infinity as +Inf"),
        (FamilyType::Summary, "", _) if !bound.is_some_and(|q| (0.0..=1.0).contains(&q)) => {
            Err("a quantile has a number from 0 to 1 as `quantile`")
        }
        _ => Ok(()),
    }
}

fn check_value(kind: FamilyType, suffix: &str, sample: &Sample<'_>) -> Result<(), Broken> {
    let value = sample.value;
    let counts = matches!(suffix, "_total" | "_sum" | "_count" | "_bucket" | "_gcount");
    let exemplars = match kind {
        FamilyType::Histogram | FamilyType::GaugeHistogram => suffix == "_bucket",
        FamilyType::Counter => suffix == "_total",
        _ => false,
    };
    match () {
        () if kind == FamilyType::StateSet && value != 0.0 && value != 1.0 => Err("a state is 0 or 1"),
        () if kind == FamilyType::Info && value != 1.0 => Err("an info is 1"),
        () if matches!(suffix, "_bucket" | "_count" | "_gcount") && value.fract() != 0.0 => {
            Err("a count is a whole number")
        }
        () if kind == FamilyType::Summary && suffix.is_empty() && value < 0.0 => Err("a quantile is not negative"),
        () if (counts || suffix == "_gsum") && value.is_nan() => Err("what is counted is a number"),
        () if counts && value < 0.0 => Err("what is counted is not negative"),
        () if sample.has_exemplar && !exemplars => Err("only buckets and the totals of counters have exemplars"),
        () => Ok(()),
    }
}

/// The label set, which is sorted, as one text without the label `but`: its parts, apart by a byte that no text has.
fn write_text(labels: &Labels<'_>, but: Option<&str>, text: &mut Vec<u8>) {
    for (key, value) in labels.iter().filter(|(key, _)| Some(&**key) != but) {
        for part in [key, value] {
            text.extend_from_slice(part.as_bytes());
            text.push(0xff);
        }
    }
}
