//! Samples by their names, for formats that name each anew.

use super::series_cache::SeriesCache;
use super::{NodeRule, Reason, Sink, Stop};
use crate::model::{Labels, MetricMeta, MetricName, NameError, NodeName, SeriesId, SeriesKey, Timestamp};

/// One value, as a format says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    /// The machine, where the format has a place for it; else a label may name it.
    pub(super) node: Option<&'a str>,
    pub(super) metric: &'a str,
    pub(super) labels: &'a [(&'a str, &'a str)],
    pub(super) meta: Option<&'a MetricMeta>,
    /// Milliseconds since the epoch, of any year.
    pub(super) ms: i64,
    pub(super) value: f64,
}

/// Hands points on, and remembers their series.
#[derive(Debug)]
pub(super) struct Emitter {
    rule: NodeRule,
    series: SeriesCache<SeriesId>,
    named: Vec<u8>,
}

impl Emitter {
    pub(super) fn new(rule: NodeRule) -> Self {
        Emitter { rule, series: SeriesCache::default(), named: Vec::new() }
    }

    /// Takes a point that stands in `line`, or refuses it there.
    pub(super) fn take(&mut self, line: u64, point: &Point<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let ts = Timestamp::from_millis(point.ms);
        if !ts.is_storable() {
            return sink.refuse(line, &Reason::TimeOutside { column: 1, text: point.ms.to_string().as_bytes() });
        }
        self.name(point);
        let series = match self.series.get(&self.named) {
            Ok(series) => series,
            Err(missing) => match self.key(point) {
                Ok(key) => {
                    let series = sink.series(&key, point.meta)?;
                    self.series.insert(missing, &self.named, series);
                    series
                }
                Err(source) => return sink.refuse(line, &Reason::Name { column: 1, source }),
            },
        };
        sink.sample(series, ts, point.value)
    }

    /// The parts of the name, apart by a byte that no text has.
    fn name(&mut self, point: &Point<'_>) {
        self.named.clear();
        let labels = point.labels.iter().flat_map(|(key, value)| [*key, *value]);
        for part in [point.node.unwrap_or_default(), point.metric].into_iter().chain(labels) {
            self.named.extend_from_slice(part.as_bytes());
            self.named.push(0xff);
        }
    }

    fn key(&self, point: &Point<'_>) -> Result<SeriesKey, NameError> {
        let metric = MetricName::new(point.metric)?;
        let (node, labels) = match point.node.filter(|node| !node.is_empty()) {
            Some(node) => {
                let node = self.rule.given.clone().map_or_else(|| NodeName::new(node), Ok)?;
                (node, Labels::new(point.labels.iter().copied())?)
            }
            None => self.rule.split(point.labels)?,
        };
        Ok(SeriesKey { node, metric, labels })
    }
}
