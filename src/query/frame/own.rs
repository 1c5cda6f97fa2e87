//! Metrics of one's own: any series as lines by node, by a label or as one. Pure, like the plan of the known ones.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{fold_words, offered, plan};
use super::shown::{Lines, Made, Shown, ShownNode, ShownPart};
use crate::model::catalogue::{Catalogue, Fold, Section, Unit, Worse};
use crate::model::{Kind, NodeName, Selector, Series};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Own {
    /// Name and title of what comes of it.
    pub name: String,
    /// Globs of the metrics, stored or shown.
    pub metrics: Selector,
    /// What tells the lines apart.
    pub by: By,
    /// How several series become one line, and which sample of a bucket stands for it.
    pub fold: Fold,
}

/// What tells lines apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A line a node.
    Node,
    /// A line a value of a label, over all nodes.
    Label(String),
    /// One line over everything.
    Nothing,
}

/// The metric of one's own that `series` give, of the nodes, labels and metrics that `selector` wants; `None` where there is no such series. What no stored
/// metric is named like is taken of the shown ones, which may be derived.
pub fn own(catalogue: &Catalogue, series: &[Series], selector: &Selector, wanted: &Own) -> Option<Shown> {
    let meant = |s: &&Series| wanted.metrics.matches_metric(s.key.metric.as_str()) && selector.matches(&s.key);
    let stored: Vec<&Series> = series.iter().filter(meant).collect();
    // Levels and growth do not add up to anything: with both, the levels are meant.
    let kind = if stored.iter().any(|s| kind(s) == Kind::Gauge) { Kind::Gauge } else { Kind::Counter };
    let stored: Vec<&Series> = stored.into_iter().filter(|s| self::kind(s) == kind).collect();
    if stored.is_empty() {
        return of_shown(catalogue, series, selector, wanted);
    }
    let mut nodes: BTreeMap<&NodeName, BTreeMap<String, Vec<&Series>>> = BTreeMap::new();
    for one in &stored {
        let part = part_name(one, &wanted.by);
        nodes.entry(&one.key.node).or_default().entry(part).or_default().push(one);
    }
    let part = |(name, series): (String, Vec<&Series>)| ShownPart {
        name,
        made: made(kind, wanted.fold),
        inputs: vec![series.iter().map(|s| s.id).collect()],
        bounds: Vec::new(),
    };
    let nodes = nodes
        .into_iter()
        .map(|(node, parts)| ShownNode { node: node.clone(), parts: parts.into_iter().map(part).collect() });
    let names: BTreeSet<&str> = stored.iter().map(|s| s.key.metric.as_str()).collect();
    let units: BTreeSet<&str> = names.iter().map(|name| Unit::from_name(name, kind).as_str()).collect();
    let unit = names.first().filter(|_| units.len() == 1).map_or(Unit::None, |name| Unit::from_name(name, kind));
    Some(Shown { nodes: nodes.collect(), unit, ..shown(wanted, made_of(&names, kind, wanted)) })
}

/// What is treated as a counter, as everywhere: what is said to be one, and what is named like one.
fn kind(series: &Series) -> Kind {
    match series.kind {
        Kind::Counter => Kind::Counter,
        Kind::Gauge => Kind::from_name(series.key.metric.as_str()),
    }
}

/// Empty where lines are not told apart by a label.
fn part_name(series: &Series, by: &By) -> String {
    match by {
        By::Node | By::Nothing => String::new(),
        By::Label(key) => series.key.labels.get(key).map_or_else(|| format!("without {key}"), str::to_owned),
    }
}

fn made(kind: Kind, fold: Fold) -> Made {
    match (kind, fold) {
        (Kind::Counter, _) => Made::Rate(1.0),
        (Kind::Gauge, Fold::Max) => Made::Largest,
        (Kind::Gauge, Fold::Min) => Made::Smallest,
        (Kind::Gauge, Fold::Avg | Fold::Sum) => Made::Gauge(1.0),
    }
}

fn made_of(names: &BTreeSet<&str>, kind: Kind, wanted: &Own) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    let rate = if kind == Kind::Counter { "rate of " } else { "" };
    let over = match &wanted.by {
        By::Node => "the series of a node".to_owned(),
        By::Label(key) => format!("the series of a {key}"),
        By::Nothing => "all series".to_owned(),
    };
    format!("{rate}{}{}", names.join(", "), fold_words(wanted.fold, Some(&over)))
}

fn shown(wanted: &Own, made_of: String) -> Shown {
    Shown {
        name: wanted.name.clone(),
        title: wanted.name.clone(),
        unit: Unit::None,
        unit_name: None,
        section: Section::Own,
        worse: Worse::Neither,
        capacity: None,
        fold: wanted.fold,
        lines: match wanted.by {
            By::Node => Lines::Nodes,
            By::Label(_) => Lines::Parts,
            By::Nothing => Lines::Whole,
        },
        made_of,
        nodes: Vec::new(),
    }
}

/// The first shown metric that is meant, by its nodes or its parts.
fn of_shown(catalogue: &Catalogue, series: &[Series], selector: &Selector, wanted: &Own) -> Option<Shown> {
    let planned = plan(catalogue, series, selector);
    let found =
        planned.into_iter().chain(offered(series, selector)).find(|s| wanted.metrics.matches_metric(&s.name))?;
    let own = shown(wanted, found.made_of.clone());
    // How a node's parts make its line is the metric's own business.
    let fold = if wanted.by == By::Nothing { wanted.fold } else { found.fold };
    Some(Shown { unit: found.unit, worse: found.worse, capacity: found.capacity, nodes: found.nodes, fold, ..own })
}

#[cfg(test)]
mod tests {
    use super::super::super::Grid;
    use super::super::super::memory::{MemorySource, key, range};
    use super::super::load;
    use super::*;

    const MINUTE: i64 = 60_000;

    fn source() -> MemorySource {
        let flat = |value: f64| (0..6).map(move |i| (i * MINUTE / 2, value + (i % 2) as f64));
        MemorySource::default()
            .with(key("a", "depth", &[("queue", "x")]), flat(1.0))
            .with(key("a", "depth", &[("queue", "y")]), flat(10.0))
            .with(key("b", "depth", &[("queue", "x")]), flat(100.0))
            .with(key("b", "depth", &[]), flat(1000.0))
            .with(key("a", "done_total", &[("queue", "x")]), (0..6).map(|i| (i * MINUTE / 2, i as f64 * 60.0)))
    }

    fn wanted(metric: &str, by: By, fold: Fold) -> Own {
        Own { name: "own".into(), metrics: Selector::parse(&[], &[metric], &[]).unwrap(), by, fold }
    }

    fn first_bucket(wanted: &Own) -> (Vec<f64>, Vec<(String, f64)>, Shown) {
        let source = source();
        let shown = own(Catalogue::built_in(), &source.all(), &Selector::all(), wanted).unwrap();
        let r = range(0, 3 * MINUTE);
        let frame = load(&source, &shown, r, Grid::covering(r, MINUTE)).unwrap();
        let parts = frame.parts.iter().map(|row| (row.part.clone(), row.avg[0])).collect();
        (frame.nodes.iter().map(|row| row.avg[0]).collect(), parts, shown)
    }

    #[test]
    fn the_series_of_a_node_are_one_line() {
        let nodes = |fold| first_bucket(&wanted("depth", By::Node, fold)).0;
        assert_eq!(nodes(Fold::Sum), [12.0, 1101.0]);
        assert_eq!(nodes(Fold::Avg), [6.0, 550.5]);
        assert_eq!(nodes(Fold::Max), [11.0, 1001.0]);
        assert_eq!(nodes(Fold::Min), [1.0, 100.0]);
    }

    #[test]
    fn a_label_makes_parts_whichever_node_has_it() {
        let (_, parts, shown) = first_bucket(&wanted("de*", By::Label("queue".into()), Fold::Max));
        let told: Vec<(&str, f64)> = parts.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(told, [("x", 2.0), ("y", 11.0), ("without queue", 1001.0), ("x", 101.0)]);
        assert_eq!((shown.lines, shown.made_of.as_str()), (Lines::Parts, "depth, largest over the series of a queue"));
    }

    #[test]
    fn levels_are_not_mixed_with_growth_and_growth_is_a_rate() {
        let (nodes, _, shown) = first_bucket(&wanted("*", By::Nothing, Fold::Sum));
        assert_eq!((nodes, shown.lines), (vec![12.0, 1101.0], Lines::Whole));
        let (nodes, _, shown) = first_bucket(&wanted("done_total", By::Node, Fold::Sum));
        assert_eq!((nodes, shown.unit), (vec![2.0], Unit::PerSecond));
    }

    #[test]
    fn what_is_not_there_is_nothing_and_what_is_shown_can_be_meant() {
        let all = source().all();
        assert_eq!(own(Catalogue::built_in(), &all, &Selector::all(), &wanted("nothing", By::Node, Fold::Avg)), None);
        let one = Selector::parse(&["a"], &[], &[]).unwrap();
        assert_eq!(
            own(Catalogue::built_in(), &all, &one, &wanted("depth", By::Node, Fold::Avg)).unwrap().nodes.len(),
            1
        );
        let cpu = MemorySource::default()
            .with(key("a", "cpu_user_pct", &[]), [(0, 1.0)])
            .with(key("a", "cpu_system_pct", &[]), [(0, 2.0)]);
        let shown =
            own(Catalogue::built_in(), &cpu.all(), &Selector::all(), &wanted("cpu_percent", By::Node, Fold::Avg))
                .unwrap();
        assert_eq!((shown.unit, shown.capacity), (Unit::Percent, Some(100.0)));
    }
}
