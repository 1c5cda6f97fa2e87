//! The query that gives a finding's figures again.

use crate::analyse::{self, FindingKind};
use crate::model::{Kind, Labels, MetricName, SeriesKey, TimeRange, Timestamp};

use crate::report::model::{Before, Change, Model, ShownAs};

use super::line_sql::line;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;
/// Levels are medians of means over so long.
const LEVEL_MS: i64 = 30 * MINUTE_MS;
/// Nodes are compared by means over so long.
const PEER_MS: i64 = 5 * MINUTE_MS;
/// Movements are correlated by means over so long.
const CORRELATED_MS: i64 = 15 * MINUTE_MS;

/// In SQLite's SQL over the tables that `nodebook sql` has: rows or figures that the sentence tells.
pub(super) fn query_of(model: &Model, found: &analyse::Finding) -> String {
    let range = model.options.range;
    let step = step_ms(model);
    let within = |from: Timestamp, to: Timestamp| {
        let whole = TimeRange::new(from, to.max(from)).and_then(|stretch| stretch.intersect(range));
        whole.unwrap_or(range)
    };
    let own = within(found.from, found.to);
    let query = match found.kind {
        FindingKind::Change => {
            let rows = line(model, &found.series, within(found.expected_from, found.to), means(step, LEVEL_MS));
            rows.map(|rows| {
                let from = found.from.millis();
                format!("SELECT t >= {from} AS after, percentile(value, 50) AS level FROM ({rows}) GROUP BY 1")
            })
        }
        FindingKind::Peer if model.shown_as.contains_key(&found.series) => {
            Some(peers(model, &found.series, range, means(step, PEER_MS)))
        }
        FindingKind::Peer => line(model, &found.series, range, means(step, PEER_MS))
            .map(|rows| format!("SELECT percentile(value, 50) AS median FROM ({rows})")),
        FindingKind::Capacity => line(model, &found.series, range, step)
            .map(|rows| format!("SELECT t / {DAY_MS} * {DAY_MS} AS day, max(value) AS most FROM ({rows}) GROUP BY 1")),
        FindingKind::Correlation => correlated(model, found),
        _ => line(model, &found.series, own, step),
    };
    query.unwrap_or_else(|| inputs(model, found, own))
}

/// Medians and 95 % quantiles of both periods of a change, whose rows are those of the page; empty where it is made of more than can be told, or of another database.
pub(super) fn query_of_periods(model: &Model, before: &Before, change: &Change) -> String {
    let shown = &model.frames[change.metric].shown;
    let of_row = |(_, as_what): &(&SeriesKey, &ShownAs)| as_what.metric == shown.name && as_what.part == change.part;
    let stored: Vec<&SeriesKey> =
        model.shown_as.iter().filter(|(key, _)| key.node == change.node).filter(of_row).map(|(key, _)| key).collect();
    let made = match stored.as_slice() {
        [] => return String::new(),
        [only] => (*only).clone(),
        [first, ..] => {
            let labels = first.labels.iter().filter(|(_, value)| *value == change.part && !change.part.is_empty());
            let (Ok(metric), Ok(labels)) = (MetricName::new(&shown.name), Labels::new(labels)) else {
                return String::new();
            };
            SeriesKey { node: change.node.clone(), metric, labels }
        }
    };
    let of = |name: &str, range: TimeRange| {
        let rows = line(model, &made, range, model.grid.step_ms)?;
        Some(format!(
            "SELECT '{name}' AS period, percentile(value, 50) AS median, percentile(value, 95) AS p95 FROM ({rows})"
        ))
    };
    match (of("before", before.range).filter(|_| before.origin.is_none()), of("now", model.options.range)) {
        (Some(then), Some(now)) => format!("{then} UNION ALL {now}"),
        _ => String::new(),
    }
}

/// The rows that were judged.
fn step_ms(model: &Model) -> i64 {
    let mut intervals: Vec<i64> = model.coverage.iter().map(|c| c.interval_ms).collect();
    intervals.sort_unstable();
    analyse::step_ms(model.options.range, intervals.get(intervals.len() / 2).copied().unwrap_or(1))
}

/// Means over `ms`, of whole rows.
fn means(step_ms: i64, ms: i64) -> i64 {
    (ms / step_ms.max(1)).max(1) * step_ms
}

/// The level of every node.
fn peers(model: &Model, series: &SeriesKey, range: TimeRange, step_ms: i64) -> String {
    let value = match model.shown_as.get(series).map(|shown| shown.kind) {
        Some(Kind::Counter) => format!("increase * 1000.0 / {step_ms}"),
        _ => "avg".to_owned(),
    };
    format!(
        "SELECT node, percentile({value}, 50) AS median FROM buckets({}, NULL, {}, {}, {step_ms}) WHERE labels = {} \
         GROUP BY node ORDER BY median DESC",
        text(&glob(series.metric.as_str())),
        range.from().millis(),
        range.to().millis(),
        text(&series.labels.to_json())
    )
}

/// Spearman's r of the steps of the two that are closest: of ranks without ties `1 - 6 sum d² / (n³ - n)`. The season is left in, of which a quarter of an hour holds little.
fn correlated(model: &Model, found: &analyse::Finding) -> Option<String> {
    let closest = found.moved.iter().max_by(|a, b| a.strength.abs().total_cmp(&b.strength.abs()));
    let other = closest.map_or(&found.series, |moved| &moved.series);
    let rows = |series: &SeriesKey| line(model, series, model.options.range, means(step_ms(model), CORRELATED_MS));
    Some(format!(
        "WITH both AS (SELECT t, a.value AS a, b.value AS b FROM ({}) a JOIN ({}) b USING (t)), \
         steps AS (SELECT a - lag(a) OVER (ORDER BY t) AS a, b - lag(b) OVER (ORDER BY t) AS b FROM both), \
         ranks AS (SELECT rank() OVER (ORDER BY a) AS a, rank() OVER (ORDER BY b) AS b FROM steps WHERE a + b IS NOT NULL) \
         SELECT count(*) AS steps, 1 - 6.0 * sum((a - b) * (a - b)) / count(*) / (count(*) * count(*) - 1.0) AS r FROM ranks",
        rows(&found.series)?,
        rows(other)?
    ))
}

/// The samples that a value is made of, where it is stored under no name of its own.
fn inputs(model: &Model, found: &analyse::Finding, range: TimeRange) -> String {
    let of_node = model
        .shown_as
        .iter()
        .filter(|(key, shown)| key.node == found.series.node && shown.metric == found.series.metric.as_str());
    let mut metrics: Vec<String> = of_node.map(|(key, _)| text(key.metric.as_str())).collect();
    let metric = found.series.metric.as_str();
    let own = model.plots.iter().filter(|plot| plot.options.metric() == metric);
    metrics.extend(own.flat_map(|plot| &plot.stored).map(|name| text(name)));
    metrics.dedup();
    format!(
        "SELECT ts, metric, labels, value FROM samples WHERE node = {} AND metric IN ({}) AND ts >= {} AND ts < {}",
        text(found.series.node.as_str()),
        metrics.join(", "),
        range.from().millis(),
        range.to().millis()
    )
}

/// The query for a node whose data is missing.
pub(super) fn samples_of(node: &str, range: TimeRange) -> String {
    format!(
        "SELECT metric, count(*) AS samples, min(ts), max(ts) FROM samples WHERE node = {} AND ts >= {} AND ts < {} GROUP BY metric",
        text(node),
        range.from().millis(),
        range.to().millis()
    )
}

/// A glob that matches a name and nothing else.
pub(super) fn glob(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '!' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text literal.
pub(super) fn text(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Selector;

    #[test]
    fn names_cannot_end_a_literal_or_match_others() {
        let hostile = "a'; DROP [x]*{y,z}!\\";
        assert_eq!(text("it's"), "'it''s'");
        let selector = Selector::parse(&[glob(hostile)], &[], &[]).unwrap();
        assert!(selector.matches_node(hostile) && !selector.matches_node("a'; DROP xy!\\"));
        assert!(Selector::parse(&[glob("!a")], &[], &[]).unwrap().matches_node("!a"));
    }
}
