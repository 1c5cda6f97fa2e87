//! Which metrics can be shown of a list of series, and from what. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::shown::{Lines, Made, Shown, ShownNode, ShownPart};
use crate::model::catalogue::{Derivation, Fold, HISTOGRAM_LABELS, Input, KNOWN, Known, Section, Unit, Worse};
use crate::model::{Kind, NodeName, Selector, Series};

/// The series of one node, by stored metric.
type Metrics<'a> = BTreeMap<&'a str, Vec<&'a Series>>;

/// What can be shown of `series`: known metrics in the order of the catalogue, then all others by name. Parts of histograms and summaries
/// are left out. `selector`'s metric globs are matched against both the shown and the stored names: a shown metric is taken when its own
/// name is wanted or all the stored metrics it is made of are; one that is left out by `!GLOB` is neither shown nor used.
pub fn plan(series: &[Series], selector: &Selector) -> Vec<Shown> {
    let mut nodes: BTreeMap<&NodeName, Metrics> = BTreeMap::new();
    for one in series.iter().filter(|s| is_wanted(s, selector)) {
        nodes.entry(&one.key.node).or_default().entry(one.key.metric.as_str()).or_default().push(one);
    }
    let mut used: HashSet<&'static str> = HashSet::new();
    let mut shown: Vec<Shown> =
        KNOWN.iter().filter_map(|known| known_metric(known, &nodes, selector, &mut used)).collect();
    let stored: BTreeSet<&str> = nodes.values().flat_map(|metrics| metrics.keys().copied()).collect();
    let others = stored.into_iter().filter(|metric| !used.contains(metric) && selector.matches_metric(metric));
    shown.extend(others.map(|metric| other_metric(metric, &nodes)));
    shown
}

fn is_wanted(series: &Series, selector: &Selector) -> bool {
    selector.matches_but_for_metric(&series.key)
        && !selector.leaves_out_metric(series.key.metric.as_str())
        && !series.key.labels.iter().any(|(key, _)| HISTOGRAM_LABELS.contains(&key))
}

fn known_metric(
    known: &'static Known,
    nodes: &BTreeMap<&NodeName, Metrics>,
    selector: &Selector,
    used: &mut HashSet<&'static str>,
) -> Option<Shown> {
    if selector.leaves_out_metric(known.name) {
        return None;
    }
    let by_name = selector.matches_metric(known.name);
    let wanted: Vec<&'static Derivation> = known
        .from
        .iter()
        .filter(|d| by_name || d.inputs().iter().all(|input| selector.matches_metric(input.metric)))
        .collect();
    let mut made_of: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (node, metrics) in nodes {
        let Some((derivation, parts)) = wanted.iter().find_map(|d| Some((*d, parts(known, d, metrics)?))) else {
            continue;
        };
        used.extend(derivation.inputs().iter().map(|input| input.metric));
        let words = words(derivation, fold_words(known.fold, over(known, derivation, metrics)));
        if !made_of.contains(&words) {
            made_of.push(words);
        }
        rows.push(ShownNode { node: (*node).clone(), parts });
    }
    (!rows.is_empty()).then(|| Shown {
        name: known.name.to_owned(),
        title: known.title.to_owned(),
        unit: known.unit,
        unit_name: None,
        section: known.section,
        worse: known.worse,
        capacity: known.capacity,
        fold: known.fold,
        lines: Lines::Natural,
        made_of: made_of.join("; "),
        nodes: rows,
    })
}

fn matching<'a>(metrics: &Metrics<'a>, input: &Input) -> Vec<&'a Series> {
    let all = metrics.get(input.metric).map(Vec::as_slice).unwrap_or_default();
    all.iter().copied().filter(|s| input.matches(s.key.metric.as_str(), &s.key.labels)).collect()
}

/// The label that tells the part of a series, and the part.
fn part_of<'a>(known: &Known, series: &'a Series) -> Option<(&'static str, &'a str)> {
    known.part_labels.iter().find_map(|key| Some((*key, series.key.labels.get(key)?)))
}

/// The parts that have every input of the derivation; `None` where there is no such part.
fn parts(known: &Known, derivation: &Derivation, metrics: &Metrics) -> Option<Vec<ShownPart>> {
    let inputs = derivation.inputs();
    let mut parts: BTreeMap<&str, ShownPart> = BTreeMap::new();
    for (place, input) in inputs.iter().enumerate() {
        for series in matching(metrics, input) {
            let name = part_of(known, series).map_or("", |(_, part)| part);
            let part = parts.entry(name).or_insert_with(|| ShownPart {
                name: name.to_owned(),
                made: made(derivation),
                inputs: vec![Vec::new(); inputs.len()],
            });
            part.inputs[place].push(series.id);
        }
    }
    let mut parts: Vec<ShownPart> = parts.into_values().filter(|p| p.inputs.iter().all(|i| !i.is_empty())).collect();
    if let [only] = parts.as_mut_slice() {
        only.name.clear();
    }
    (!parts.is_empty()).then_some(parts)
}

fn made(derivation: &Derivation) -> Made {
    match derivation {
        Derivation::Gauge { scale, .. } => Made::Gauge(*scale),
        Derivation::Rate { scale, .. } => Made::Rate(*scale),
        Derivation::Sum(_) => Made::Sum,
        Derivation::PercentRest(_) => Made::PercentRest,
        Derivation::PercentLeft { .. } => Made::PercentLeft,
        Derivation::PercentOf { .. } => Made::PercentOf,
        Derivation::PercentRateLeft { .. } => Made::PercentRateLeft,
    }
}

/// What several series of one node are folded over: the part label they have, or all labels; `None` where each input is one series.
fn over(known: &Known, derivation: &Derivation, metrics: &Metrics) -> Option<&'static str> {
    let inputs = derivation.inputs();
    let several = inputs.iter().map(|input| matching(metrics, input)).find(|series| series.len() > 1)?;
    match derivation {
        // Added up before the division, which the formula says already.
        Derivation::PercentRateLeft { .. } => None,
        _ => several.iter().find_map(|s| part_of(known, s)).map(|(key, _)| key).or(Some("all series")),
    }
}

pub(super) fn fold_words(fold: Fold, over: Option<&str>) -> String {
    let Some(over) = over else { return String::new() };
    match fold {
        Fold::Sum => format!(", summed over {over}"),
        Fold::Max => format!(", largest over {over}"),
        Fold::Min => format!(", smallest over {over}"),
        Fold::Avg => format!(", mean over {over}"),
    }
}

fn words(derivation: &Derivation, folded: String) -> String {
    let times = |scale: f64| if scale == 1.0 { String::new() } else { format!("{scale} × ") };
    let made = match derivation {
        Derivation::Gauge { input, scale } => format!("{}{}", times(*scale), input_words(input)),
        Derivation::Rate { input, scale } => format!("{}rate of {}", times(*scale), input_words(input)),
        Derivation::Sum(inputs) => inputs.iter().map(input_words).collect::<Vec<_>>().join(" + "),
        Derivation::PercentRest(inputs) => {
            format!("100 − {}", inputs.iter().map(input_words).collect::<Vec<_>>().join(" − "))
        }
        Derivation::PercentLeft { part, whole } => {
            format!("100 × (1 − {} / {})", input_words(part), input_words(whole))
        }
        Derivation::PercentOf { part, whole } => format!("100 × {} / {}", input_words(part), input_words(whole)),
        Derivation::PercentRateLeft { part, whole } => {
            format!("100 × (1 − rate of {} / rate of {})", input_words(part), input_words(whole))
        }
    };
    made + &folded
}

fn input_words(input: &Input) -> String {
    match &input.only {
        Some(only) if !only.not => format!("{}{{{}=\"{}\"}}", input.metric, only.key, only.values.join("|")),
        _ => input.metric.to_owned(),
    }
}

/// A metric nobody described: each series a part, named by the labels in which the metric's series differ.
fn other_metric(metric: &str, nodes: &BTreeMap<&NodeName, Metrics>) -> Shown {
    let all: Vec<&Series> = nodes.values().filter_map(|metrics| metrics.get(metric)).flatten().copied().collect();
    let kind = all.first().map_or(Kind::Gauge, |s| s.kind);
    let (made, fold) = match kind {
        Kind::Gauge => (Made::Gauge(1.0), Fold::Avg),
        Kind::Counter => (Made::Rate(1.0), Fold::Sum),
    };
    let varying = varying_keys(&all);
    let rows: Vec<ShownNode> = nodes
        .iter()
        .filter_map(|(node, metrics)| {
            let mut parts: Vec<ShownPart> = metrics
                .get(metric)?
                .iter()
                .map(|s| ShownPart { name: part_name(s, &varying), made, inputs: vec![vec![s.id]] })
                .collect();
            parts.sort_by(|a, b| a.name.cmp(&b.name));
            if let [only] = parts.as_mut_slice() {
                only.name.clear();
            }
            Some(ShownNode { node: (*node).clone(), parts })
        })
        .collect();
    let over =
        rows.iter().any(|row| row.parts.len() > 1).then(|| varying.iter().copied().collect::<Vec<_>>().join(", "));
    let rate = if kind == Kind::Counter { "rate of " } else { "" };
    Shown {
        name: metric.to_owned(),
        title: metric.to_owned(),
        unit: Unit::from_name(metric, kind),
        unit_name: None,
        section: Section::Other,
        worse: Worse::Neither,
        capacity: None,
        fold,
        lines: Lines::Natural,
        made_of: format!("{rate}{metric}{}", fold_words(fold, over.as_deref())),
        nodes: rows,
    }
}

/// Label keys that not all series have with the same value.
fn varying_keys<'a>(series: &[&'a Series]) -> BTreeSet<&'a str> {
    let keys: BTreeSet<&str> = series.iter().flat_map(|s| s.key.labels.iter().map(|(key, _)| key)).collect();
    let differs = |key: &&str| {
        let first = series.first().and_then(|s| s.key.labels.get(key));
        series.iter().any(|s| s.key.labels.get(key) != first)
    };
    keys.into_iter().filter(differs).collect()
}

fn part_name(series: &Series, varying: &BTreeSet<&str>) -> String {
    let labels: Vec<(&str, &str)> = series.key.labels.iter().filter(|(key, _)| varying.contains(key)).collect();
    match labels.as_slice() {
        [(_, value)] if varying.len() == 1 => (*value).to_owned(),
        several => several.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{MemorySource, key};
    use super::*;

    /// Node, metric, labels.
    type Key<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    fn source(keys: &[Key]) -> Vec<Series> {
        let none = || std::iter::empty();
        keys.iter().fold(MemorySource::default(), |s, (n, m, l)| s.with(key(n, m, l), none())).all()
    }

    fn names(shown: &[Shown]) -> Vec<&str> {
        shown.iter().map(|s| s.name.as_str()).collect()
    }

    fn metrics(globs: &[&str]) -> Selector {
        Selector::parse(&[], globs, &[]).unwrap()
    }

    #[test]
    fn each_node_takes_the_first_derivation_it_has() {
        let series = source(&[
            ("a", "cpu_percent", &[]),
            ("b", "node_cpu_seconds_total", &[("cpu", "0"), ("mode", "idle")]),
            ("b", "node_cpu_seconds_total", &[("cpu", "0"), ("mode", "user")]),
            ("c", "cpu_user_pct", &[]),
        ]);
        let shown = plan(&series, &Selector::all());
        assert_eq!(names(&shown), ["cpu_percent", "cpu_user_pct"]);
        let made: Vec<_> = shown[0].nodes.iter().map(|n| (n.node.as_str(), n.parts[0].made)).collect();
        assert_eq!(made, [("a", Made::Gauge(1.0)), ("b", Made::PercentRateLeft)]);
        assert_eq!(shown[0].nodes[1].parts[0].inputs.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(
            shown[0].made_of,
            "cpu_percent; 100 × (1 − rate of node_cpu_seconds_total{mode=\"idle|iowait\"} / rate of node_cpu_seconds_total)"
        );
    }

    #[test]
    fn filesystems_of_node_exporter_are_parts_without_those_that_are_no_disks() {
        let fs = |m: &'static str, fstype: &'static str| [("device", "/dev/x"), ("fstype", fstype), ("mountpoint", m)];
        let (root, var, run) = (fs("/", "ext4"), fs("/var", "xfs"), fs("/run", "tmpfs"));
        let mut keys: Vec<Key> = Vec::new();
        for labels in [&root, &var, &run] {
            keys.push(("a", "node_filesystem_avail_bytes", labels));
            keys.push(("a", "node_filesystem_size_bytes", labels));
        }
        let shown = plan(&source(&keys), &Selector::all());
        assert_eq!(names(&shown), ["disk_percent"]);
        assert_eq!(shown[0].nodes[0].parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["/", "/var"]);
        assert!(
            shown[0].made_of.ends_with("node_filesystem_size_bytes), largest over mountpoint"),
            "{}",
            shown[0].made_of
        );
    }

    #[test]
    fn what_no_derivation_uses_is_shown_by_its_own_name_without_histogram_parts() {
        let series = source(&[
            ("a", "queue_depth", &[("queue", "x")]),
            ("a", "queue_depth", &[("queue", "y")]),
            ("a", "requests_total", &[]),
            ("a", "latency_seconds_bucket", &[("le", "0.5")]),
            ("a", "load1", &[]),
        ]);
        let shown = plan(&series, &Selector::all());
        assert_eq!(names(&shown), ["load1", "queue_depth", "requests_total"]);
        assert_eq!(shown[1].made_of, "queue_depth, mean over queue");
        assert_eq!(shown[1].nodes[0].parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((shown[2].made_of.as_str(), shown[2].unit), ("rate of requests_total", Unit::PerSecond));
    }

    #[test]
    fn globs_match_shown_and_stored_names() {
        let series = source(&[
            ("a", "cpu_user_pct", &[]),
            ("a", "cpu_system_pct", &[]),
            ("a", "disk_read_bytes_total", &[]),
            ("a", "disk_read_bps", &[]),
        ]);
        let of = |globs: &[&str]| plan(&series, &metrics(globs)).into_iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(of(&["cpu_percent"]), ["cpu_percent"]);
        assert_eq!(of(&["cpu_*_pct"]), ["cpu_percent"]);
        assert_eq!(of(&["cpu_user_pct"]), ["cpu_user_pct"]);
        assert_eq!(of(&["disk_read_bps"]), ["disk_read_bytes_per_second"]);
        assert_eq!(of(&["!cpu_percent", "!disk*"]), ["cpu_system_pct", "cpu_user_pct"]);
        assert_eq!(of(&["!cpu_user_pct", "!disk*"]), ["cpu_system_pct"]);
        assert!(of(&["nothing"]).is_empty());
    }
}
