//! The rules that OpenMetrics 1.0 has beyond single lines, for strict reading: the letter of its grammar, descriptions before samples, the samples of
//! a family and of a label set together, times that do not go back, histograms that agree with themselves, units in names.
//!
//! Judged by the cases of the OpenMetrics project. Beside the reader, not inside it: what is good is read the same way in both modes.

mod grammar;
mod histogram;

use std::collections::HashSet;

use super::super::Reason;
use super::families::FamilyType;
use grammar::{Line, Sample, number};
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
    groups: HashSet<String>,
    group: Option<Group>,
    histogram: Histogram,
}

/// The label set whose samples are being read.
#[derive(Debug)]
struct Group {
    labels: String,
    time: Option<i128>,
    seen: HashSet<String>,
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
            Line::Sample(sample) => self.sample(&sample),
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
        self.end()?;
        Ok(self.family.insert(Family {
            name: name.to_owned(),
            kind,
            has_help: false,
            unit: None,
            has_samples: false,
            groups: HashSet::new(),
            group: None,
            histogram: Histogram::default(),
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

    fn sample(&mut self, sample: &Sample<'_>) -> Result<(), Reason<'static>> {
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

    fn sample(&mut self, sample: &Sample<'_>) -> Result<(), Broken> {
        let suffix = sample.name[self.name.len()..].to_owned();
        let own_label = match (self.kind(), suffix.as_str()) {
            (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => Some("le"),
            (FamilyType::Summary, "") => Some("quantile"),
            (FamilyType::StateSet, _) => Some(self.name.as_str()),
            _ => None,
        };
        let labelled = own_label.map(|key| sample.labels.iter().find(|(k, _)| k == key).map(|(_, value)| &**value));
        let bound = labelled.flatten().and_then(bound);
        check_labels(self.kind(), &suffix, labelled, bound)?;
        check_value(self.kind(), &suffix, sample)?;
        let group = match self.kind() {
            FamilyType::Info => String::new(), // its labels are its value
            _ => text_of(sample, own_label),
        };
        let is_new = self.follow(&group, sample)?;
        if is_new && matches!(self.kind(), FamilyType::Histogram | FamilyType::GaugeHistogram) {
            self.histogram.take(&group, sample.time, &suffix, bound, sample.value)?;
        }
        self.has_samples = true;
        Ok(())
    }

    /// Whether the sample is none that was said already at the same time.
    fn follow(&mut self, labels: &str, sample: &Sample<'_>) -> Result<bool, Broken> {
        let same = self.group.as_ref().is_some_and(|group| group.labels == labels);
        if !same && self.groups.contains(labels) {
            return Err("samples of one label set stand together");
        }
        let before = self.group.as_ref().map(|group| group.time);
        if same && let Some(before) = before {
            if before.is_some() != sample.time.is_some() {
                return Err("of one label set all samples have a time, or none");
            }
            if before > sample.time && self.kind() != FamilyType::Info {
                return Err("times of one label set do not go back");
            }
        } else {
            self.groups.insert(labels.to_owned());
            self.group = Some(Group { labels: labels.to_owned(), time: sample.time, seen: HashSet::new() });
        }
        let Some(group) = &mut self.group else { return Ok(true) };
        let seen = !group.seen.insert(format!("{} {}", sample.name, text_of(sample, None)));
        group.time = sample.time;
        Ok(!(seen && before == Some(sample.time)))
    }

    fn end(self, names: &mut HashSet<String>) -> Result<(), Reason<'static>> {
        let own = std::iter::once("").chain(suffixes(self.kind()).iter().copied()).collect::<HashSet<&str>>();
        for suffix in own {
            if !names.insert(format!("{}{suffix}", self.name)) {
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

/// The label set as one text, without the label `but`.
fn text_of(sample: &Sample<'_>, but: Option<&str>) -> String {
    let mut labels: Vec<_> = sample.labels.iter().filter(|(key, _)| Some(&**key) != but).collect();
    labels.sort_unstable();
    labels.iter().map(|(key, value)| format!("{key}={value:?},")).collect()
}
