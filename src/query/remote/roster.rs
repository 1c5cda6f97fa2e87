//! The series of an engine: how it names them, and how we do.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::answer::{RawLabels, raw_key};
use crate::model::catalogue::Catalogue;
use crate::model::{Kind, MetricName, NodeName, NodeRule, Series, SeriesId, SeriesKey};

/// What an engine says of a metric.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Described {
    #[serde(rename = "type")]
    kind: String,
    help: String,
    unit: String,
}

/// By metric; of several descriptions the first counts.
pub(super) type Descriptions = BTreeMap<String, Vec<Described>>;

/// The label that names the node of a series there, and its value.
type NodeLabel = Option<(&'static str, String)>;

/// The series of a stretch of time.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Sorted by key; ids are places from 1.
    series: Vec<Series>,
    nodes: Vec<NodeLabel>,
    kinds: Vec<Kind>,
    by_raw: HashMap<String, SeriesId>,
    of_metric: HashMap<String, usize>,
    is_whole: bool,
    /// Series that cannot be told: names beyond the limits, or the same name as another's.
    pub(super) left_out: usize,
}

impl Roster {
    /// Of what `/api/v1/series` answers; it is whole where the engine has no others in that time. A series that names no node is of `fallback`.
    pub(super) fn new(
        all: Vec<RawLabels>,
        is_whole: bool,
        described: &Descriptions,
        catalogue: &Catalogue,
        fallback: &NodeName,
    ) -> Roster {
        let rule = NodeRule { given: None, fallback: fallback.clone() };
        let mut roster = Roster { is_whole, ..Roster::default() };
        let mut known: BTreeMap<SeriesKey, (String, NodeLabel)> = BTreeMap::new();
        for raw in all {
            match read(&raw, &rule) {
                Some((key, of)) if !known.contains_key(&key) => drop(known.insert(key, of)),
                _ => roster.left_out += 1,
            }
        }
        for (place, (key, (raw, node))) in known.into_iter().enumerate() {
            let id = SeriesId(place as u32 + 1);
            let said = described_of(key.metric.as_str(), described);
            let kind = said.as_ref().map_or_else(|| Kind::from_name(key.metric.as_str()), |(kind, _)| *kind);
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let (unit, help) = said.map_or((None, None), |(_, said)| (text(&said.unit), text(&said.help)));
            *roster.of_metric.entry(key.metric.as_str().to_owned()).or_default() += 1;
            roster.by_raw.insert(raw, id);
            roster.nodes.push(node);
            let grows = kind == Kind::Counter || catalogue.is_counter(key.metric.as_str());
            roster.kinds.push(if grows { Kind::Counter } else { Kind::Gauge });
            roster.series.push(Series { id, key, kind, unit, help });
        }
        roster
    }

    pub(super) fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series of that id, if there is one.
    pub(super) fn get(&self, id: SeriesId) -> Option<&Series> {
        self.series.get((id.0 as usize).checked_sub(1)?)
    }

    /// The series that an engine means.
    pub(super) fn find(&self, metric: &str, labels: &RawLabels) -> Option<SeriesId> {
        self.by_raw.get(&raw_key(metric, labels)).copied()
    }

    pub(super) fn kind(&self, id: SeriesId) -> Kind {
        let place = (id.0 as usize).checked_sub(1);
        place.and_then(|place| self.kinds.get(place)).copied().unwrap_or_default()
    }

    /// The label that names its node there.
    pub(super) fn node_label(&self, id: SeriesId) -> Option<(&'static str, &str)> {
        let label = self.nodes.get((id.0 as usize).checked_sub(1)?)?.as_ref()?;
        Some((label.0, label.1.as_str()))
    }

    /// Whether a metric has so many series there, and no more.
    pub(super) fn has_just(&self, series: usize, metric: &str) -> bool {
        self.is_whole && self.of_metric.get(metric) == Some(&series)
    }
}

fn read(raw: &RawLabels, rule: &NodeRule) -> Option<(SeriesKey, (String, NodeLabel))> {
    let metric = raw.get("__name__")?;
    let pairs: Vec<(&str, &str)> =
        raw.iter().filter(|(label, _)| *label != "__name__").map(|(label, value)| (&**label, &**value)).collect();
    let (node, labels) = rule.split(&pairs).ok()?;
    let is_there = |label: &&str| raw.get(*label).is_some_and(|value| !value.is_empty());
    let label = NodeRule::LABELS.into_iter().find(is_there).map(|label| (label, raw[label].clone()));
    let key = SeriesKey { metric: MetricName::new(metric).ok()?, node, labels };
    Some((key, (raw_key(metric, raw), label)))
}

/// What is said of a metric, or of the histogram or summary that it is a part of.
fn described_of<'d>(metric: &str, described: &'d Descriptions) -> Option<(Kind, &'d Described)> {
    let of = |name: &str| described.get(name).and_then(|all| all.first());
    if let Some(said) = of(metric) {
        return match said.kind.as_str() {
            "counter" => Some((Kind::Counter, said)),
            "gauge" => Some((Kind::Gauge, said)),
            _ => None,
        };
    }
    ["_bucket", "_count", "_sum"].iter().find_map(|ending| {
        let said = of(metric.strip_suffix(ending)?)?;
        matches!(said.kind.as_str(), "histogram" | "summary").then_some((Kind::Counter, said))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pairs: &[(&str, &str)]) -> RawLabels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn series_have_our_names_and_are_found_by_theirs() {
        let all = vec![
            raw(&[("__name__", "node_load1"), ("instance", "db-1:9100"), ("job", "node")]),
            raw(&[("__name__", "up"), ("node", "a"), ("instance", "x")]),
            raw(&[("__name__", "alone")]),
            raw(&[("__name__", "up"), ("node", "a"), ("instance", "x")]),
            raw(&[("no_name", "x")]),
        ];
        let described = serde_json::from_str(r#"{"alone":[{"type":"counter","help":"All.","unit":""}]}"#).unwrap();
        let roster = Roster::new(all.clone(), true, &described, Catalogue::built_in(), &NodeName::new("vm").unwrap());
        let keys: Vec<String> = roster.series().iter().map(|s| format!("{} {}", s.key, s.kind)).collect();
        assert_eq!(
            keys,
            ["a/up{instance=\"x\"} gauge", "db-1:9100/node_load1{job=\"node\"} gauge", "vm/alone counter"]
        );
        assert_eq!((roster.left_out, roster.has_just(1, "up"), roster.has_just(2, "up")), (2, true, false));
        assert_eq!(roster.find("node_load1", &all[0]), Some(SeriesId(2)));
        assert_eq!(roster.node_label(SeriesId(2)), Some(("instance", "db-1:9100")));
        assert_eq!(roster.find("node_load1", &all[1]), None);
        assert!(roster.get(SeriesId(0)).is_none() && roster.get(SeriesId(9)).is_none());
    }
}
