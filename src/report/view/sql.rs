//! The query that gives a finding's figures again.

use crate::analyse::stats::MAD_TO_SD;
use crate::analyse::{self, FindingKind};
use crate::model::{Labels, MetricName, SeriesKey, TimeRange, Timestamp};

use crate::query::Grid;
use crate::query::frame::GAP_INTERVALS;
use crate::query::summary::Finding as Found;
use crate::report::model::{Before, Change, Model, ShownAs};

use super::forecast_sql::forecast;
use super::line_sql::{line, rows, rows_of_all};
use super::moves_sql::together;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;
/// Levels are medians of means over so long.
const LEVEL_MS: i64 = 30 * MINUTE_MS;
/// What grows evenly is judged by means over so long.
const RAMP_MS: i64 = 120 * MINUTE_MS;
/// Nodes are compared by means over so long.
const PEER_MS: i64 = 5 * MINUTE_MS;

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
        // What grows evenly has no stretch of the level before.
        FindingKind::Change if found.expected_from == found.from => ramp(model, found),
        FindingKind::Change => {
            let rows = line(model, &found.series, within(found.expected_from, found.to), means(step, LEVEL_MS));
            rows.map(|rows| {
                let from = found.from.millis();
                format!("SELECT t >= {from} AS after, percentile(value, 50) AS level FROM ({rows}) GROUP BY 1")
            })
        }
        FindingKind::Peer if model.shown_as.contains_key(&found.series) => {
            model.examined.rows.get(&found.series).map(|grid| peers(model, found, *grid))
        }
        FindingKind::Peer => line(model, &found.series, range, means(step, PEER_MS))
            .map(|rows| format!("SELECT percentile(value, 50) AS median FROM ({rows})")),
        FindingKind::Capacity => {
            let grid = model.examined.rows.get(&found.series);
            let computed = model.examined.evidence_of(found).zip(grid);
            computed.and_then(|(evidence, grid)| forecast(model, found, evidence, *grid))
        }
        FindingKind::Correlation => together(model, found),
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

/// `level_before, level_now, growth_a_day`: the broken line of least squares that begins to rise or fall with the stretch, of means over two hours.
fn ramp(model: &Model, found: &analyse::Finding) -> Option<String> {
    let grid = *model.examined.rows.get(&found.series)?;
    let width = means(grid.step_ms, RAMP_MS) / grid.step_ms;
    let since = (found.from.millis() - grid.start.millis()) / grid.step_ms;
    let left = grid.len as i64 - since;
    Some(format!(
        "WITH means AS (SELECT r / {width} AS k, avg(v) AS v FROM ({}) WHERE v IS NOT NULL GROUP BY 1 \
         HAVING count(*) * 3 >= min({width}, {} - r / {width} * {width})),\n\
         bent AS (SELECT max(k - {}, 0) AS x, v FROM means),\n\
         line AS (SELECT (avg(x * v) - avg(x) * avg(v)) / (avg(x * x) - avg(x) * avg(x)) AS slope, avg(x) AS x, avg(v) AS v FROM bent)\n\
         SELECT v - slope * x AS level_before, v - slope * x + slope * {left} / {width} AS level_now, \
         slope * {DAY_MS} / {} AS growth_a_day FROM line",
        rows(model, &found.series, grid)?,
        grid.len,
        since / width,
        width * grid.step_ms
    ))
}

/// `node, value, expected, percent_of_time`: of the time in which a node is unlike the others its median and that of the others, and how much of its time that is.
fn peers(model: &Model, found: &analyse::Finding, grid: Grid) -> String {
    let analyse::Options { peers, floors, .. } = &model.options.analysis;
    let shown = model.frame_of(&found.series).map(|(_, frame)| &frame.shown);
    let floor = shown.map_or(0.0, |s| floors.of(s.unit).max(s.capacity.map_or(0.0, |full| 0.01 * full.abs())));
    let width = means(grid.step_ms, PEER_MS) / grid.step_ms;
    format!(
        "WITH means AS (SELECT node, r / {width} AS k, avg(v) AS v FROM ({}) WHERE v IS NOT NULL GROUP BY 1, 2 \
         HAVING count(*) * 3 >= min({width}, {} - r / {width} * {width})),\n\
         middles AS (SELECT k, percentile(v, 50) AS middle FROM means GROUP BY k HAVING count(*) >= {}),\n\
         spreads AS (SELECT k, middle, {MAD_TO_SD} * percentile(abs(v - middle), 50) AS sd FROM means JOIN middles USING (k) GROUP BY k),\n\
         apart AS (SELECT node, v, middle, v - middle AS by, abs(v - middle) > {} * max(sd, usual) AND abs(v - middle) >= {floor} AS is_apart \
         FROM means JOIN spreads USING (k), (SELECT percentile(sd, 50) AS usual FROM spreads))\n\
         SELECT node, percentile(iif(is_apart, v, NULL), 50) AS value, percentile(iif(is_apart, middle, NULL), 50) AS expected, \
         100.0 * max(sum(is_apart AND by > 0), sum(is_apart AND by < 0)) / count(*) AS percent_of_time \
         FROM apart GROUP BY node ORDER BY node = {} DESC, percent_of_time DESC, node",
        rows_of_all(model, &found.series, grid),
        grid.len,
        peers.nodes_min,
        peers.sds,
        text(found.series.node.as_str()),
    )
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

/// The query for a node whose data is missing: `expected, present, percent` of its scrapes, and a row for each gap, the longest first; times in UTC.
pub(super) fn coverage_of(model: &Model, node: &str) -> String {
    let covered = model.coverage.iter().find(|c| c.node.as_str() == node);
    let whose = format!("FROM samples WHERE node = {}", text(node));
    let (Some(owed), Some(interval)) = (covered.and_then(|c| c.owed), covered.map(|c| c.interval_ms.max(1))) else {
        let (from, to) = (model.options.range.from().millis(), model.options.range.to().millis());
        return format!(
            "SELECT metric, count(*) AS samples, min(ts), max(ts) {whose} AND ts >= {from} AND ts < {to} GROUP BY metric"
        );
    };
    let (from, to) = (owed.from().millis(), owed.to().millis());
    // Samples less than half an interval apart are of one scrape.
    format!(
        "WITH times AS (SELECT DISTINCT ts {whose} AND ts >= {from} AND ts < {to}),\n\
         scrapes AS (SELECT ts FROM (SELECT ts, ts - lag(ts, 1, 0) OVER (ORDER BY ts) AS apart FROM times) WHERE 2 * apart >= {interval}),\n\
         counted AS (SELECT count(*) AS present, coalesce(min(ts), {from}) AS first FROM scrapes),\n\
         shares AS (SELECT (first - {from}) / {interval} + ({to} - 1 - first) / {interval} + 1 AS expected, present FROM counted),\n\
         ends AS (SELECT {from} AS t UNION SELECT ts FROM scrapes UNION SELECT {to}),\n\
         gaps AS (SELECT t, lead(t) OVER (ORDER BY t) AS until FROM ends)\n\
         SELECT expected, present, 100.0 * present / expected AS percent, iso(t) AS gap_from, iso(until) AS gap_to \
         FROM shares LEFT JOIN gaps ON until - t > {} ORDER BY until - t DESC",
        GAP_INTERVALS * interval
    )
}

/// Which nodes delivered in the time of a finding; those that did not are missing.
pub(super) fn delivered_in(found: &Found) -> String {
    let at = |time: &str| time.parse::<chrono::DateTime<chrono::Utc>>().map_or(0, |t| t.timestamp_millis());
    let (from, to) = (at(&found.from), at(&found.to));
    format!("SELECT node, count(*) AS samples FROM samples WHERE ts > {from} AND ts < {to} GROUP BY node")
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
