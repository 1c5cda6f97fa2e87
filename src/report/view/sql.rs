//! The query that gives a finding's figures again.

use crate::analyse::{self, FindingKind};
use crate::model::{Kind, SeriesKey, TimeRange, Timestamp};

use crate::report::model::Model;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;
/// What is shown before and after a change.
const AROUND_CHANGE_MS: i64 = 2 * DAY_MS;
/// Movements are correlated by means over so long.
const CORRELATED_MS: i64 = 15 * MINUTE_MS;

/// In SQLite's SQL over the tables that `nodebook sql` has.
pub(super) fn query_of(model: &Model, found: &analyse::Finding) -> String {
    let range = model.options.range;
    let step = step_ms(model);
    let within = |from: Timestamp, to: Timestamp| {
        let whole = TimeRange::new(from, to.max(from)).and_then(|stretch| stretch.intersect(range));
        whole.unwrap_or(range)
    };
    let around = within(
        found.from.plus_millis(-AROUND_CHANGE_MS),
        Timestamp::min(found.to, found.from.plus_millis(AROUND_CHANGE_MS)),
    );
    if !model.shown_as.contains_key(&found.series) {
        return inputs(model, found, within(found.from, found.to));
    }
    let value = value(model, &found.series);
    match found.kind {
        FindingKind::Change => format!(
            "SELECT t >= {} AS after, avg({value}) AS mean {} GROUP BY 1",
            found.from.millis(),
            buckets(Some(found), &found.series, around, step)
        ),
        FindingKind::Peer => format!(
            "SELECT node, avg({value}) AS mean {} GROUP BY node ORDER BY mean DESC",
            buckets(None, &found.series, range, step)
        ),
        FindingKind::Capacity => {
            format!("SELECT t, max {}", buckets(Some(found), &found.series, range, DAY_MS))
        }
        FindingKind::Correlation => correlated(model, found),
        _ => format!(
            "SELECT t, {value} AS value, min, max {}",
            buckets(Some(found), &found.series, within(found.from, found.to), step)
        ),
    }
}

/// The rows that were judged.
fn step_ms(model: &Model) -> i64 {
    let mut intervals: Vec<i64> = model.coverage.iter().map(|c| c.interval_ms).collect();
    intervals.sort_unstable();
    analyse::step_ms(model.options.range, intervals.get(intervals.len() / 2).copied().unwrap_or(1))
}

/// The column with a bucket's value: of a counter its growth a second.
fn value(model: &Model, series: &SeriesKey) -> String {
    match model.shown_as.get(series).map(|shown| shown.kind) {
        Some(Kind::Counter) => format!("increase * 1000.0 / {}", step_ms(model)),
        _ => "avg".to_owned(),
    }
}

/// `FROM buckets(…) WHERE …`, of the finding's node or of all.
fn buckets(found: Option<&analyse::Finding>, series: &SeriesKey, range: TimeRange, step_ms: i64) -> String {
    let node = found.map_or_else(|| "NULL".to_owned(), |_| text(&glob(series.node.as_str())));
    format!(
        "FROM buckets({}, {node}, {}, {}, {step_ms}) WHERE labels = {}",
        text(&glob(series.metric.as_str())),
        range.from().millis(),
        range.to().millis(),
        text(&series.labels.to_json())
    )
}

/// The two that move together most closely.
fn correlated(model: &Model, found: &analyse::Finding) -> String {
    let closest = found.moved.iter().max_by(|a, b| a.strength.abs().total_cmp(&b.strength.abs()));
    let other = closest.map_or(&found.series, |moved| &moved.series);
    let side = |series: &SeriesKey| {
        let value = value(model, series);
        format!("SELECT t, {value} AS v {}", buckets(Some(found), series, model.options.range, CORRELATED_MS))
    };
    format!("SELECT t, a.v AS a, b.v AS b FROM ({}) a JOIN ({}) b USING (t)", side(&found.series), side(other))
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
fn glob(name: &str) -> String {
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
fn text(name: &str) -> String {
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
