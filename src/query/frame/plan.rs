//! Which metrics can be shown of a list of series, and from what. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::histogram;
use super::shown::{Lines, Made, Shown, ShownNode, ShownPart};
use crate::model::catalogue::{Catalogue, Derivation, Fold, HISTOGRAM_LABELS, Input, Known, Section, Unit, Worse};
use crate::model::{Kind, NodeName, Selector, Series};

/// The series of one node, by stored metric.
pub(super) type Metrics<'a> = BTreeMap<&'a str, Vec<&'a Series>>;
pub(super) type Nodes<'a> = BTreeMap<&'a NodeName, Metrics<'a>>;

/// What can be shown of `series`: known metrics in the order of the catalogue, then all others by name. Parts of histograms and summaries
/// are left out, but for what the catalogue makes of them; quantiles of histograms stand among the others where `selector` names them. `selector`'s metric globs are matched against both the shown and the stored names: a shown metric is taken when its own
/// name is wanted or all the stored metrics it is made of are; one that is left out by `!GLOB` is neither shown nor used.
pub fn plan(catalogue: &Catalogue, series: &[Series], selector: &Selector) -> Vec<Shown> {
    let (parts, whole): (Vec<&Series>, Vec<&Series>) =
        series.iter().filter(|s| is_wanted(s, selector)).partition(|s| is_histogram_part(s));
    let (nodes, histograms) = (by_node(whole), by_node(parts));
    let mut used: HashSet<&str> = HashSet::new();
    let known = |known, used: &mut _| known_metric(known, [&nodes, &histograms], selector, used);
    let mut shown: Vec<Shown> = catalogue.rows().iter().filter_map(|row| known(row, &mut used)).collect();
    let stored: BTreeSet<&str> = nodes.values().flat_map(|metrics| metrics.keys().copied()).collect();
    let others = stored.into_iter().filter(|metric| !used.contains(metric) && selector.matches_metric(metric));
    shown.extend(others.map(|metric| other_metric(metric, &nodes)));
    shown.extend(histogram::quantiles(&histograms).filter(|one| selector.names_metric(&one.name)));
    shown
}

/// The quantiles of histograms, which are shown where they are asked for.
pub fn offered(series: &[Series], selector: &Selector) -> Vec<Shown> {
    let parts = series.iter().filter(|s| is_wanted(s, selector) && is_histogram_part(s));
    histogram::quantiles(&by_node(parts)).collect()
}

fn by_node<'a>(series: impl IntoIterator<Item = &'a Series>) -> Nodes<'a> {
    let mut nodes = Nodes::new();
    for one in series {
        nodes.entry(&one.key.node).or_default().entry(one.key.metric.as_str()).or_default().push(one);
    }
    nodes
}

fn is_wanted(series: &Series, selector: &Selector) -> bool {
    selector.matches_but_for_metric(&series.key) && !selector.leaves_out_metric(series.key.metric.as_str())
}

fn is_histogram_part(series: &Series) -> bool {
    series.key.labels.iter().any(|(key, _)| HISTOGRAM_LABELS.contains(&key))
}

/// One row of the catalogue, of the nodes' series that are whole by themselves, and of those that are parts of histograms.
fn known_metric<'a>(
    known: &'a Known,
    [nodes, histograms]: [&Nodes; 2],
    selector: &Selector,
    used: &mut HashSet<&'a str>,
) -> Option<Shown> {
    if selector.leaves_out_metric(&known.name) {
        return None;
    }
    let by_name = selector.matches_metric(&known.name);
    let wanted: Vec<&Derivation> = known
        .from
        .iter()
        .filter(|d| by_name || d.inputs().iter().all(|input| selector.matches_metric(&input.metric)))
        .collect();
    let none = Metrics::new();
    let mut made_of: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    let names: BTreeSet<&NodeName> = nodes.keys().chain(histograms.keys()).copied().collect();
    for node in names {
        let (whole, bucketed) = (nodes.get(node).unwrap_or(&none), histograms.get(node).unwrap_or(&none));
        let metrics = |d: &Derivation| if matches!(d, Derivation::Quantile { .. }) { bucketed } else { whole };
        let found = wanted.iter().find_map(|d| Some((*d, parts(known, d, metrics(d))?)));
        let Some((derivation, parts)) = found else { continue };
        used.extend(derivation.inputs().iter().map(|input| input.metric.as_str()));
        let words = words(derivation, fold_words(known.fold, over(known, derivation, metrics(derivation))));
        if !made_of.contains(&words) {
            made_of.push(words);
        }
        rows.push(ShownNode { node: node.clone(), parts });
    }
    (!rows.is_empty()).then(|| Shown {
        name: known.name.clone(),
        title: known.title.clone(),
        unit: known.unit,
        unit_name: known.unit_name.clone(),
        section: known.section,
        worse: known.worse,
        capacity: known.capacity,
        fold: known.fold,
        lines: Lines::Natural,
        made_of: made_of.join("; "),
        nodes: rows,
    })
}

pub(super) fn matching<'a>(metrics: &Metrics<'a>, input: &Input) -> Vec<&'a Series> {
    let all = metrics.get(input.metric.as_str()).map(Vec::as_slice).unwrap_or_default();
    all.iter().copied().filter(|s| input.matches(s.key.metric.as_str(), &s.key.labels)).collect()
}

/// The label that tells the part of a series, and the part.
fn part_of<'a>(known: &'a Known, series: &'a Series) -> Option<(&'a str, &'a str)> {
    known.part_labels.iter().find_map(|key| Some((key.as_str(), series.key.labels.get(key)?)))
}

/// The parts that have every input of the derivation; `None` where there is no such part.
fn parts(known: &Known, derivation: &Derivation, metrics: &Metrics) -> Option<Vec<ShownPart>> {
    if let Derivation::Quantile { buckets, percent } = derivation {
        return histogram::part(&matching(metrics, buckets), *percent).map(|part| vec![part]);
    }
    let inputs = derivation.inputs();
    let mut parts: BTreeMap<&str, ShownPart> = BTreeMap::new();
    for (place, input) in inputs.iter().enumerate() {
        for series in matching(metrics, input) {
            let name = part_of(known, series).map_or("", |(_, part)| part);
            let part = parts.entry(name).or_insert_with(|| ShownPart {
                name: name.to_owned(),
                made: made(derivation),
                inputs: vec![Vec::new(); inputs.len()],
                bounds: Vec::new(),
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
        Derivation::PercentShare { part, whole, .. } => Made::PercentShare { part: *part, whole: *whole },
        Derivation::PercentRateOf { .. } => Made::PercentRateOf,
        Derivation::PercentRateLeft { .. } => Made::PercentRateLeft,
        Derivation::Quantile { percent, .. } => Made::Quantile(*percent / 100.0),
    }
}

/// What several series of one node are folded over: the part label they have, or all labels; `None` where each input is one series.
fn over<'a>(known: &'a Known, derivation: &Derivation, metrics: &Metrics<'a>) -> Option<&'a str> {
    let inputs = derivation.inputs();
    let several = inputs.into_iter().map(|input| matching(metrics, input)).find(|series| series.len() > 1)?;
    match derivation {
        // Added up before the division, which the formula says already.
        Derivation::PercentRateLeft { .. } | Derivation::PercentRateOf { .. } | Derivation::Quantile { .. } => None,
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
        Derivation::PercentShare { inputs, part, whole } => {
            let names: Vec<String> = inputs.iter().map(input_words).collect();
            format!("100 × ({}) / ({})", part.words(&names, "−"), whole.words(&names, "−"))
        }
        Derivation::PercentRateOf { part, whole } => {
            format!("100 × rate of {} / {}", input_words(part), input_words(whole))
        }
        Derivation::Quantile { buckets, percent } => histogram::words(&input_words(buckets), *percent),
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
fn other_metric(metric: &str, nodes: &Nodes) -> Shown {
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
                .map(|s| ShownPart { name: part_name(s, &varying), made, inputs: vec![vec![s.id]], bounds: Vec::new() })
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
        let shown = plan(Catalogue::built_in(), &series, &Selector::all());
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
        let shown = plan(Catalogue::built_in(), &source(&keys), &Selector::all());
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
        let shown = plan(Catalogue::built_in(), &series, &Selector::all());
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
        let of = |globs: &[&str]| {
            plan(Catalogue::built_in(), &series, &metrics(globs)).into_iter().map(|s| s.name).collect::<Vec<_>>()
        };
        assert_eq!(of(&["cpu_percent"]), ["cpu_percent"]);
        assert_eq!(of(&["cpu_*_pct"]), ["cpu_percent"]);
        assert_eq!(of(&["cpu_user_pct"]), ["cpu_user_pct"]);
        assert_eq!(of(&["disk_read_bps"]), ["disk_read_bytes_per_second"]);
        assert_eq!(of(&["!cpu_percent", "!disk*"]), ["cpu_system_pct", "cpu_user_pct"]);
        assert_eq!(of(&["!cpu_user_pct", "!disk*"]), ["cpu_system_pct"]);
        assert!(of(&["nothing"]).is_empty());
    }
}
