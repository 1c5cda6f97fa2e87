//! The Prometheus text format 0.0.4 and OpenMetrics 1.0.
//!
//! Lenient: a bad line is refused and counted, the page is kept. Names are stored as they are; parts of histograms and summaries stay
//! series with their `le` and `quantile` labels. A strict reading is a caller that takes nothing of a page with a refused line, and asks for
//! [`Rules::Strict`]: then a page of OpenMetrics is held to the letter.

mod families;
mod labels;
mod line;
mod strict;

use memchr::memchr;

use super::series_cache::{Missing, SeriesCache};
use super::{Follows, NodeRule, Parser, Reason, Sink, Stop, time};
use crate::model::{Labels, MetricName, NameError, NodeName, SeriesId, SeriesKey, Timestamp};
use families::Families;
use labels::Escapes;
pub(super) use labels::Pairs;
use line::{Line, Sample};
use strict::StrictPage;

/// The label that the metric's name is, wherever it stands.
const NAME: &str = "__name__";

/// Which of the two formats a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Text 0.0.4: any comment, no end.
    Text,
    /// OpenMetrics: ends with `# EOF`.
    OpenMetrics,
}

/// How much of the rules a page has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Each line has to be understood.
    Lenient,
    /// A page of OpenMetrics has to be one by the letter of the specification.
    Strict,
}

/// What is known of a page beside its bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its format.
    pub dialect: Dialect,
    /// How it is judged.
    pub rules: Rules,
    /// What its times are in: milliseconds in text 0.0.4, seconds in OpenMetrics.
    pub time_unit: time::Unit,
    /// Node of its samples.
    pub node: NodeRule,
    /// Time of samples without one.
    pub now: Timestamp,
}

/// Of which samples labels name the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    OfTimed,
    OfAll,
}

/// Reads pages. One parser may read page after page of the same target: it remembers the series.
#[derive(Debug)]
pub struct PrometheusParser {
    options: Options,
    families: Families,
    strict: Option<StrictPage>,
    naming: Naming,
    /// Series of samples with a time, whose labels name the node, and of those without.
    timed: SeriesCache<SeriesId>,
    untimed: SeriesCache<SeriesId>,
    line: u64,
    at_end: bool,
}

impl PrometheusParser {
    /// For a page, or several.
    pub fn new(options: Options) -> Self {
        let strict = options.rules == Rules::Strict && options.dialect == Dialect::OpenMetrics;
        PrometheusParser {
            options,
            strict: strict.then(StrictPage::default),
            naming: Naming::OfTimed,
            families: Families::default(),
            timed: SeriesCache::default(),
            untimed: SeriesCache::default(),
            line: 1,
            at_end: false,
        }
    }

    /// The page was pushed: labels name the node of samples without a time, too. On a page that is asked for they are about the thing measured.
    pub fn pushed(self) -> Self {
        PrometheusParser { naming: Naming::OfAll, ..self }
    }

    /// What comes now is the next page of the same target; its samples without a time are of `now`.
    pub fn next_page(&mut self, now: Timestamp) {
        self.options.now = now;
        self.strict = self.strict.as_ref().map(|_| StrictPage::default());
        (self.line, self.at_end) = (1, false);
    }

    /// How many metric families it remembers.
    pub fn families(&self) -> usize {
        self.families.len()
    }

    fn read_line(&mut self, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        if let Some(Err(reason)) = self.strict.as_mut().map(|page| page.line(text)) {
            return sink.refuse(self.line, &reason);
        }
        let result = match line::read(text) {
            Ok(Line::Blank | Line::Comment) => Ok(()),
            Ok(Line::Eof) => {
                let again = std::mem::replace(&mut self.at_end, self.options.dialect == Dialect::OpenMetrics);
                if again { Err(Reason::AfterEof) } else { Ok(()) }
            }
            Ok(_) if self.at_end => Err(Reason::AfterEof),
            Ok(Line::Described(description)) => self.families.describe(&description),
            Ok(Line::Sample(sample)) => return self.read_sample(&sample, sink),
            Err(reason) => Err(reason),
        };
        match result {
            Ok(()) => Ok(()),
            Err(reason) => sink.refuse(self.line, &reason),
        }
    }

    fn read_sample(&mut self, sample: &Sample<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let ts = match sample.time {
            None => self.options.now,
            Some((column, text)) => match self.read_time(text) {
                None => return sink.refuse(self.line, &Reason::Time { column, text }),
                Some(ts) if !ts.is_storable() => return sink.refuse(self.line, &Reason::TimeOutside { column, text }),
                Some(ts) => ts,
            },
        };
        let cache = if sample.time.is_some() { &mut self.timed } else { &mut self.untimed };
        let series = match cache.get(sample.series) {
            Ok(series) => series,
            Err(missing) => match self.new_series(sample, missing, sink)? {
                Ok(series) => series,
                Err(reason) => return sink.refuse(self.line, &reason),
            },
        };
        sink.sample(series, ts, sample.value)
    }

    /// Milliseconds are whole numbers; a fraction is a time of the other format.
    fn read_time(&self, text: &[u8]) -> Option<Timestamp> {
        let unit = self.options.time_unit;
        let whole = || text.strip_prefix(b"-").unwrap_or(text).iter().all(u8::is_ascii_digit);
        (unit != time::Unit::Millis || whole()).then(|| time::parse(text, unit)).flatten().map(Timestamp::from_millis)
    }

    fn new_series<'a>(
        &mut self,
        sample: &Sample<'a>,
        missing: Missing,
        sink: &mut dyn Sink,
    ) -> Result<Result<SeriesId, Reason<'a>>, Stop> {
        let escapes = match self.options.dialect {
            Dialect::Text => Escapes::Known,
            Dialect::OpenMetrics => Escapes::Any,
        };
        let (name, pairs) = match labels::read_series(sample.series, sample.column, escapes) {
            Ok(read) => read,
            Err(reason) => return Ok(Err(reason)),
        };
        let meta = match self.families.meta(&name, &pairs, sample.column) {
            Ok(meta) => meta,
            Err(reason) => return Ok(Err(reason)),
        };
        let timed = sample.time.is_some();
        let names_node = timed || self.naming == Naming::OfAll;
        let key = match key(&name, &pairs, &self.options.node, names_node) {
            Ok(key) => key,
            Err(source) => return Ok(Err(Reason::Name { column: sample.column, source })),
        };
        let series = sink.series(&key, meta)?;
        let cache = if timed { &mut self.timed } else { &mut self.untimed };
        cache.insert(missing, sample.series, series);
        Ok(Ok(series))
    }
}

fn key(name: &str, pairs: &Pairs<'_>, rule: &NodeRule, names_node: bool) -> Result<SeriesKey, NameError> {
    let metric = MetricName::new(name)?;
    if pairs.iter().any(|(key, _)| key == NAME) {
        return Err(NameError::DuplicateLabel { key: NAME.to_owned() });
    }
    let (node, labels): (NodeName, Labels) = if names_node { rule.split(pairs)? } else { rule.keep(pairs)? };
    Ok(SeriesKey { node, metric, labels })
}

/// Reads `name{key="value",…}`, as a CSV header writes a series.
pub(super) fn series_of(text: &[u8]) -> Option<(std::borrow::Cow<'_, str>, Pairs<'_>)> {
    let whole = line::series_length(text)? == text.len();
    if whole { labels::read_series(text, 1, Escapes::Known).ok() } else { None }
}

/// Whether a line is one of this format, for detection.
pub(super) fn looks_like(text: &[u8]) -> bool {
    match line::read(text) {
        Ok(Line::Described(_) | Line::Eof) => true,
        Ok(Line::Sample(sample)) => labels::read_series(sample.series, 1, Escapes::Any).is_ok(),
        _ => false,
    }
}

/// The time of a line and whether the line has what only OpenMetrics has, for detection.
pub(super) fn traits_of(text: &[u8]) -> (Option<&[u8]>, bool) {
    match line::read(text) {
        Ok(Line::Sample(sample)) => (sample.time.map(|(_, time)| time), sample.has_exemplar),
        Ok(Line::Eof) => (None, true),
        Ok(Line::Described(description)) => (None, matches!(description, line::Description::Unit { .. })),
        _ => (None, false),
    }
}

impl Parser for PrometheusParser {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let (text, length) = match memchr(b'\n', rest) {
                Some(at) => (&rest[..at], at + 1),
                None if follows == Follows::Nothing => (rest, rest.len()),
                None => return Ok(taken),
            };
            self.read_line(text, sink)?;
            self.line += 1;
            taken += length;
        }
        if follows == Follows::Nothing && self.options.dialect == Dialect::OpenMetrics && !self.at_end {
            if let Some(Err(reason)) = self.strict.as_mut().map(StrictPage::end) {
                sink.refuse(self.line, &reason)?;
            }
            sink.refuse(self.line, &Reason::NoEof)?;
        }
        Ok(taken)
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn line_dropped(&mut self) {
        self.line += 1;
    }
}

#[cfg(test)]
mod tests;
