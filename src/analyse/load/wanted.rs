//! Which series are judged, and how each is got.

use std::collections::HashMap;

use crate::analyse::subject::{Place, Subject};
use crate::model::catalogue::{Catalogue, Fold, Unit, Worse};
use crate::model::{Labels, MetricName, Selector, Series, SeriesId, SeriesKey};
use crate::query::frame::{Made, Shown, ShownNode, ShownPart, plan};

/// A series to judge.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: SeriesKey,
    pub(super) title: String,
    pub(super) unit: Unit,
    pub(super) worse: Worse,
    pub(super) capacity: Option<f64>,
    pub(super) origin: Origin,
    metric: String,
    part: String,
    /// Within a part, and across the parts.
    folds: (Fold, Fold),
}

/// Where its values come from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The means of a stored gauge.
    Gauge { id: SeriesId, scale: f64 },
    /// The rate of a stored counter.
    Rate { id: SeriesId, scale: f64 },
    /// Several stored series that only say something together: one node and part of a shown metric.
    Derived { shown: Box<Shown>, witness: SeriesId },
}

impl Wanted {
    /// What it is part of.
    pub(super) fn place(&self) -> Place<'_> {
        Place { metric: &self.metric, part: &self.part, within: self.folds.0, across: self.folds.1 }
    }

    /// With its values.
    pub(super) fn subject<'a>(&'a self, values: &'a [f64]) -> Subject<'a> {
        Subject {
            key: self.key.clone(),
            title: self.title.clone(),
            unit: self.unit,
            worse: self.worse,
            capacity: self.capacity,
            place: Some(self.place()),
            values,
        }
    }

    /// The stored series that tells its rhythm.
    pub(super) fn witness(&self) -> SeriesId {
        match self.origin {
            Origin::Gauge { id, .. } | Origin::Rate { id, .. } => id,
            Origin::Derived { witness, .. } => witness,
        }
    }
}

/// What is judged of `series`: what a report shows of them.
pub(super) fn wanted(catalogue: &Catalogue, series: &[Series], selector: &Selector) -> Vec<Wanted> {
    let by_id: HashMap<SeriesId, &Series> = series.iter().map(|s| (s.id, s)).collect();
    let mut all = Vec::new();
    for shown in plan(catalogue, series, selector) {
        for node in &shown.nodes {
            for part in &node.parts {
                match part.made {
                    Made::Gauge(scale) => {
                        all.extend(stored(&shown, part, &by_id, |id| Origin::Gauge { id, scale }, scale));
                    }
                    Made::Rate(scale) => {
                        all.extend(stored(&shown, part, &by_id, |id| Origin::Rate { id, scale }, scale));
                    }
                    Made::Sum | Made::Largest | Made::Smallest => {
                        all.extend(stored(&shown, part, &by_id, |id| Origin::Gauge { id, scale: 1.0 }, 1.0))
                    }
                    Made::PercentRest
                    | Made::PercentLeft
                    | Made::PercentOf
                    | Made::PercentShare { .. }
                    | Made::PercentRateOf
                    | Made::PercentRateLeft
                    | Made::Quantile(_) => {
                        all.extend(derived(&shown, node, part, &by_id));
                    }
                }
            }
        }
    }
    all
}

/// Shares of time: they have a most, and nothing that fills.
const BUSY: [&str; 2] = ["cpu_percent", "disk_io_percent"];

/// What is full of something that fills; any percentage that is not known to be busy time may be one.
fn capacity(shown: &Shown) -> Option<f64> {
    let percent = (shown.unit == Unit::Percent).then_some(100.0);
    shown.capacity.or(percent).filter(|_| !BUSY.contains(&shown.name.as_str()))
}

/// Each series of a part by itself, under its own name; under the shown one where a factor makes it another quantity.
fn stored(
    shown: &Shown,
    part: &ShownPart,
    by_id: &HashMap<SeriesId, &Series>,
    origin: impl Fn(SeriesId) -> Origin,
    scale: f64,
) -> Vec<Wanted> {
    let ids = part.inputs.iter().flatten();
    ids.filter_map(|id| {
        let series = by_id.get(id)?;
        let mut key = series.key.clone();
        if scale != 1.0 {
            key.metric = MetricName::new(&shown.name).ok()?;
        }
        let is_term = part.made == Made::Sum;
        Some(Wanted {
            title: if is_term { key.metric.as_str().to_owned() } else { shown.title.clone() },
            key,
            unit: shown.unit,
            worse: shown.worse,
            capacity: capacity(shown),
            origin: origin(*id),
            metric: shown.name.clone(),
            part: part.name.clone(),
            folds: (if is_term { Fold::Sum } else { shown.fold }, shown.fold),
        })
    })
    .collect()
}

fn derived(shown: &Shown, node: &ShownNode, part: &ShownPart, by_id: &HashMap<SeriesId, &Series>) -> Option<Wanted> {
    let witness = *part.inputs.iter().flatten().next()?;
    // The label whose value names the part: `mount="/var"`.
    let labels = &by_id.get(&witness)?.key.labels;
    let label = labels.iter().find(|(_, value)| !part.name.is_empty() && *value == part.name);
    let only = ShownNode { node: node.node.clone(), parts: vec![part.clone()] };
    Some(Wanted {
        key: SeriesKey {
            node: node.node.clone(),
            metric: MetricName::new(&shown.name).ok()?,
            labels: Labels::new(label).ok()?,
        },
        title: shown.title.clone(),
        unit: shown.unit,
        worse: shown.worse,
        capacity: capacity(shown),
        metric: shown.name.clone(),
        part: part.name.clone(),
        folds: (shown.fold, shown.fold),
        origin: Origin::Derived { shown: Box::new(Shown { nodes: vec![only], ..shown.clone() }), witness },
    })
}
