//! The query of one judged line: of a stored series, or of what several of them make.
//!
//! ```text
//!   cpu_percent of web-1  =  100 * (1 - rate(idle) / rate(all modes))
//!   SELECT t, 100.0 * (1 - sum(CASE WHEN json_extract(labels, '$."mode"') IN ('idle') THEN increase END) / sum(increase)) AS value
//!     FROM buckets('node_cpu_seconds_total', 'web-1', FROM, TO, STEP) GROUP BY t
//! ```
//!
//! Which series are meant is told by what all of them have in common, not one by one: a node has hundreds of modes of cores.

use std::collections::BTreeSet;

use crate::model::catalogue::{Fold, Linear};
use crate::model::{Kind, SeriesKey, TimeRange};
use crate::query::Grid;
use crate::query::frame::Made;
use crate::report::model::{Model, ShownAs};

use super::sql::{glob, text};

/// Values of a label that are told one by one.
const VALUES_MAX: usize = 8;

type Member<'a> = (&'a SeriesKey, &'a ShownAs);

/// A query with the rows `t, value`, a bucket of `step_ms` each; `None` where it would have to be made of more than can be told.
pub(super) fn line(model: &Model, series: &SeriesKey, range: TimeRange, step_ms: i64) -> Option<String> {
    let stored = model.shown_as.get_key_value(series);
    let members: Vec<Member> = match stored {
        Some(one) => vec![one],
        None => members(model, series),
    };
    let (first, shown) = *members.first()?;
    let per_second = |name: &str| format!("{name} * 1000.0 / {step_ms}");
    // Under its own name a series is told as it is.
    let scaled =
        |scale: f64, value: String| if scale == 1.0 || stored.is_some() { value } else { format!("{scale} * {value}") };
    let value = match shown.made {
        Made::Sum if stored.is_none() => "sum(avg)".to_owned(),
        Made::Largest if stored.is_none() => "max(max)".to_owned(),
        Made::Smallest if stored.is_none() => "min(min)".to_owned(),
        Made::Gauge(_) | Made::Rate(_) | Made::Sum | Made::Largest | Made::Smallest => {
            let fold = fold(model, series);
            let scale = match shown.made {
                Made::Gauge(scale) | Made::Rate(scale) => scale,
                _ => 1.0,
            };
            let one = if shown.kind == Kind::Counter { per_second("increase") } else { "avg".to_owned() };
            let one = scaled(scale, one);
            if members.len() == 1 { one } else { format!("{fold}({one})") }
        }
        Made::PercentRest => "100 - sum(avg)".to_owned(),
        Made::PercentLeft => format!("100.0 * (1 - {})", share(&members, "avg", "avg")?),
        Made::PercentOf => format!("100.0 * {}", share(&members, "avg", "avg")?),
        Made::PercentShare { part, whole } => {
            format!("100.0 * ({}) / ({})", terms(&members, &part)?, terms(&members, &whole)?)
        }
        Made::PercentRateLeft => format!("100.0 * (1 - {})", share(&members, "increase", "increase")?),
        Made::PercentRateOf => format!("100.0 * {}", share(&members, &per_second("increase"), "avg")?),
        Made::Quantile(_) => return None,
    };
    let metrics: BTreeSet<&str> = members.iter().map(|(key, _)| key.metric.as_str()).collect();
    if metrics.len() > VALUES_MAX || metrics.iter().any(|name| metrics.len() > 1 && name.contains(',')) {
        return None;
    }
    let globs: Vec<String> = metrics.iter().map(|name| glob(name)).collect();
    let metrics = if globs.len() == 1 { globs.concat() } else { format!("{{{}}}", globs.join(",")) };
    let (whose, group) = match members.as_slice() {
        [(only, _)] => (format!(" WHERE labels = {}", text(&only.labels.to_json())), ""),
        _ => (in_common(&members), " GROUP BY t"),
    };
    Some(format!(
        "SELECT t, {value} AS value FROM buckets({}, {}, {}, {}, {step_ms}){whose}{group}",
        text(&metrics),
        text(&glob(first.node.as_str())),
        range.from().millis(),
        range.to().millis(),
    ))
}

/// A query with the rows `r, v` that were judged: buckets of `grid`, counted from 0, and the mean in each.
pub(super) fn rows(model: &Model, series: &SeriesKey, grid: Grid) -> Option<String> {
    match plain_rows(model, series, grid, Some(series.node.as_str())) {
        Some(query) => Some(query),
        None => {
            let line = line(model, series, grid.range().intersect(model.options.range)?, grid.step_ms)?;
            Some(format!("SELECT {} AS r, value AS v FROM ({line})", row_of_bucket(grid)))
        }
    }
}

/// The same of all nodes that have such a series: `node, r, v`.
pub(super) fn rows_of_all(model: &Model, series: &SeriesKey, grid: Grid) -> String {
    plain_rows(model, series, grid, None).unwrap_or_else(|| {
        let value = match model.shown_as.get(series).map(|shown| shown.kind) {
            Some(Kind::Counter) => format!("increase * 1000.0 / {}", grid.step_ms),
            _ => "avg".to_owned(),
        };
        let within = grid.range().intersect(model.options.range).unwrap_or(model.options.range);
        format!(
            "SELECT node, {} AS r, {value} AS v FROM buckets({}, NULL, {}, {}, {}) WHERE labels = {}",
            row_of_bucket(grid),
            text(&glob(series.metric.as_str())),
            within.from().millis(),
            within.to().millis(),
            grid.step_ms,
            text(&series.labels.to_json())
        )
    })
}

/// Of samples, where the rows do not begin on multiples of their width as those of `buckets` do.
fn plain_rows(model: &Model, series: &SeriesKey, grid: Grid, node: Option<&str>) -> Option<String> {
    let is_gauge = model.shown_as.get(series).is_some_and(|shown| shown.kind == Kind::Gauge);
    let within = grid.range().intersect(model.options.range)?;
    let (start, step) = (grid.start.millis(), grid.step_ms);
    let (column, whose, group) = match node {
        Some(node) => ("", format!("node = {} AND ", text(node)), "1"),
        None => ("node, ", String::new(), "1, 2"),
    };
    (is_gauge && start % step != 0).then(|| {
        format!(
            "SELECT {column}(ts - {start}) / {step} AS r, avg(value) AS v FROM samples WHERE {whose}metric = {} AND labels = {} \
             AND ts >= {} AND ts < {} GROUP BY {group}",
            text(series.metric.as_str()),
            text(&series.labels.to_json()),
            within.from().millis(),
            within.to().millis(),
        )
    })
}

/// Which row is that of a bucket; where rows begin between the buckets, the one that most of its samples are in.
fn row_of_bucket(Grid { start, step_ms, .. }: Grid) -> String {
    let near = if start.millis() % step_ms == 0 { 0 } else { (step_ms - 1) / 2 };
    format!("(t - {}) / {step_ms}", start.millis() - near)
}

/// The stored series of the same node that make what is judged under a name of its own.
fn members<'a>(model: &'a Model, series: &SeriesKey) -> Vec<Member<'a>> {
    let of_node = |(key, shown): &Member| {
        key.node == series.node && shown.metric == series.metric.as_str() && is_of_part(shown, series)
    };
    let all: Vec<Member> = model.shown_as.iter().filter(of_node).collect();
    let same: Vec<Member> = all.iter().copied().filter(|(key, _)| key.labels == series.labels).collect();
    let folds_itself = matches!(all.first(), Some((_, shown)) if matches!(shown.made, Made::Gauge(_) | Made::Rate(_)));
    let parts: BTreeSet<&str> = all.iter().map(|(_, shown)| shown.part.as_str()).collect();
    match (folds_itself, parts.len()) {
        (true, _) if same.len() == 1 => same,
        (true, _) | (false, 1) => all,
        // Each part is a value of its own, and what they make together is no sum.
        (false, _) => Vec::new(),
    }
}

fn is_of_part(shown: &ShownAs, series: &SeriesKey) -> bool {
    series.labels.iter().next().is_none() || series.labels.iter().any(|(_, value)| value == shown.part)
}

/// How the parts of a node make its line.
fn fold(model: &Model, series: &SeriesKey) -> &'static str {
    match model.frame_of(series).map(|(_, frame)| frame.shown.fold) {
        Some(Fold::Sum) => "sum",
        Some(Fold::Max) => "max",
        Some(Fold::Min) => "min",
        Some(Fold::Avg) | None => "avg",
    }
}

/// The first input's sum by the second one's.
fn share(members: &[Member], part: &str, whole: &str) -> Option<String> {
    let of = |input: usize| members.iter().copied().filter(move |(_, shown)| shown.inputs.contains(&input));
    let parts: Vec<Member> = of(0).collect();
    let rest: Vec<Member> = of(1).filter(|(_, shown)| !shown.inputs.contains(&0)).collect();
    let is_part = told_apart(&parts, &rest)?;
    let is_in_both = parts.iter().any(|(_, shown)| shown.inputs.contains(&1));
    let sum_of_part = format!("sum(CASE WHEN {is_part} THEN {part} END)");
    match is_in_both {
        true => Some(format!("{sum_of_part} / sum({whole})")),
        false => Some(format!("{sum_of_part} / sum(CASE WHEN {is_part} THEN NULL ELSE {whole} END)")),
    }
}

/// What is added and taken away of gauges, each input by what tells it from the others.
fn terms(members: &[Member], linear: &Linear) -> Option<String> {
    let term = |place: usize| {
        let (own, others): (Vec<Member>, Vec<Member>) =
            members.iter().copied().partition(|(_, shown)| shown.inputs.contains(&place));
        Some(format!("sum(CASE WHEN {} THEN avg END)", told_apart(&own, &others)?))
    };
    let inputs = 1 + members.iter().flat_map(|(_, shown)| &shown.inputs).max()?;
    let names = (0..inputs).map(term).collect::<Option<Vec<String>>>()?;
    Some(linear.words(&names, "-"))
}

/// A condition that holds for `these` and not for `those`: by metric, or by one label.
fn told_apart(these: &[Member], those: &[Member]) -> Option<String> {
    let metrics = |of: &[Member]| -> BTreeSet<String> { of.iter().map(|(key, _)| key.metric.to_string()).collect() };
    if metrics(these).is_disjoint(&metrics(those)) {
        return one_of("metric", metrics(these));
    }
    let (first, _) = these.first()?;
    first.labels.iter().find_map(|(name, _)| {
        let values = |of: &[Member]| -> BTreeSet<String> {
            of.iter().filter_map(|(key, _)| label(key, name)).map(str::to_owned).collect()
        };
        let own = values(these);
        (own.is_disjoint(&values(those))).then(|| one_of(&label_column(name)?, own)).flatten()
    })
}

fn one_of(column: &str, values: BTreeSet<String>) -> Option<String> {
    let told: Vec<String> = values.iter().map(|value| text(value)).collect();
    (1..=VALUES_MAX).contains(&told.len()).then(|| format!("{column} IN ({})", told.join(", ")))
}

/// The labels that all of them have alike.
fn in_common(members: &[Member]) -> String {
    let Some((first, _)) = members.first() else { return String::new() };
    let alike = |name: &str, value: &str| members.iter().all(|(key, _)| label(key, name) == Some(value));
    let told: Vec<String> = first
        .labels
        .iter()
        .filter(|(name, value)| alike(name, value))
        .filter_map(|(name, value)| Some(format!("{} = {}", label_column(name)?, text(value))))
        .collect();
    if told.is_empty() { String::new() } else { format!(" WHERE {}", told.join(" AND ")) }
}

fn label<'a>(key: &'a SeriesKey, name: &str) -> Option<&'a str> {
    key.labels.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// The value of a label; a name that would need escaping in a JSON path is told by none.
fn label_column(name: &str) -> Option<String> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    is_plain.then(|| format!("json_extract(labels, '$.\"{name}\"')"))
}
