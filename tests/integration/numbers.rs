//! Every number of a page is one that SQL gives: of each `data-value` and each table of a chart, to the digits that are shown.

use std::collections::BTreeMap;

use serde_json::Value;

use super::harness::{Project, figure};

/// A page of the demo with a period to be compared with, and both periods in ms.
struct Made {
    project: Project,
    page: String,
    now: (i64, i64),
    before: (i64, i64),
}

fn made() -> Made {
    let project = Project::new();
    project.run(["demo", "-q", "--nodes", "5", "--days", "4", "--seed", "1"]).ok();
    project.run(["report", "-q", "--timezone", "UTC", "--last", "2d", "-o", "page.html"]).ok();
    let page = project.read("page.html");
    let at = |name: &str| {
        let text = after(&page, &format!(" {name}=\"")).split('"').next().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    };
    let (from, to) = (at("data-from"), at("data-to"));
    Made { page, now: (from, to), before: (2 * from - to, from), project }
}

fn after<'a>(text: &'a str, start: &str) -> &'a str {
    text.split_once(start).unwrap_or_else(|| panic!("no {start}")).1
}

/// The value of an attribute of the tag that `text` begins in.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let tag = text.split('>').next()?;
    tag.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// Numbers by node.
type ByNode = BTreeMap<String, f64>;

impl Made {
    fn rows(&self, query: &str) -> Vec<Value> {
        let rows = self.project.run(["sql", "--format", "json", query]).ok().json();
        rows.as_array().unwrap_or_else(|| panic!("{query}")).clone()
    }

    /// `SELECT node, number …`
    fn by_node(&self, query: &str) -> ByNode {
        let pair = |row: &Value| Some((row["node"].as_str()?.to_owned(), row["number"].as_f64()?));
        self.rows(query).iter().filter_map(pair).collect()
    }

    /// What a shown metric is on every node: `avg` or `max` of its samples, the growth of a counter over the time in which it grew, or the
    /// sum of the latest values of its parts.
    fn expected(&self, metric: &str, agg: &str, (from, to): (i64, i64)) -> ByNode {
        let counter = match metric {
            "disk_read_bytes_per_second" => Some("disk_read_bytes_total"),
            "disk_write_bytes_per_second" => Some("disk_written_bytes_total"),
            "net_receive_bytes_per_second" => Some("net_receive_bytes_total"),
            "net_transmit_bytes_per_second" => Some("net_transmit_bytes_total"),
            _ => None,
        };
        match (counter, agg) {
            (Some(stored), "avg" | "sum") => self.by_node(&format!(
                "WITH step AS (SELECT node, ts, value, lag(value) OVER w AS earlier, lag(ts) OVER w AS since FROM samples
                               WHERE metric = '{stored}' AND ts < {to} WINDOW w AS (PARTITION BY series_id ORDER BY ts))
                 SELECT node, sum(iif(value < earlier, value, value - earlier)) * 1000.0 / sum(ts - since) AS number
                 FROM step WHERE ts >= {from} AND ts - since <= 300000 GROUP BY node"
            )),
            (None, "avg" | "max") => self.by_node(&format!(
                "SELECT node, {agg}(value) AS number FROM samples WHERE metric = '{metric}' AND ts >= {from} AND ts < {to} GROUP BY node"
            )),
            (None, "last") => self.by_node(&format!(
                "SELECT node, sum(value) AS number FROM (SELECT node, value, max(ts) FROM samples
                 WHERE metric = '{metric}' AND ts >= {from} AND ts < {to} GROUP BY series_id) GROUP BY node"
            )),
            other => panic!("{metric} {other:?}"),
        }
    }
}

#[track_caller]
fn assert_same(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{what}: {found}, SQL says {expected}");
}

#[test]
fn tiles_and_the_node_table_are_what_sql_says() {
    let made = made();
    let mut tiles = 0;
    for tile in made.page.split("<div class=\"tile\"").skip(1) {
        let [metric, agg, value] = ["data-tile", "data-agg", "data-value"].map(|name| attribute(tile, name).unwrap());
        let of = |period| {
            let nodes: Vec<f64> = made.expected(metric, agg, period).into_values().collect();
            match agg {
                "avg" => nodes.iter().sum::<f64>() / nodes.len() as f64,
                "max" => nodes.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                _ => nodes.iter().sum(),
            }
        };
        let now = of(made.now);
        assert_same(value.parse().unwrap(), now, metric);
        let delta: f64 = attribute(tile, "data-delta").unwrap().parse().unwrap();
        assert!((delta - (now - of(made.before))).abs() <= 1e-9 * now.abs().max(1.0), "{metric}: {delta}");
        tiles += 1;
    }
    assert_eq!(tiles, 9);

    let mut cells = 0;
    let mut known: BTreeMap<(String, String), (ByNode, ByNode)> = BTreeMap::new();
    for row in made.page.split("<tr data-node=\"").skip(1) {
        let (node, row) = (row.split('"').next().unwrap(), row.split("</tr>").next().unwrap());
        for cell in row.split("<td data-metric=\"").skip(1) {
            let metric = cell.split('"').next().unwrap().to_owned();
            let [agg, value] = ["data-agg", "data-value"].map(|name| attribute(cell, name).unwrap());
            let (now, before) = known
                .entry((metric.clone(), agg.to_owned()))
                .or_insert_with(|| (made.expected(&metric, agg, made.now), made.expected(&metric, agg, made.before)));
            assert_same(value.parse().unwrap(), now[node], &format!("{metric} of {node}"));
            let delta: f64 = attribute(cell, "data-delta").unwrap().parse().unwrap();
            let expected = now[node] - before[node];
            assert!((delta - expected).abs() <= 1e-9 * now[node].abs().max(1.0), "{metric} of {node}: {delta}");
            cells += 1;
        }
    }
    assert_eq!(cells, 50, "ten numbers of five nodes");
    figure(format_args!(
        "numbers of a page against SQL | tiles, cells of the node table, and their changes | {} | equal to nine digits",
        2 * (tiles + cells)
    ));
}

/// A number as a table shows it, and half a unit of its last digit: `13.2 MiB/s`.
fn read(text: &str) -> (f64, f64) {
    let text = text.replace('−', "-").replace(',', "");
    let (number, unit) = text.split_once('\u{a0}').unwrap_or((&text, ""));
    let factor = match unit.trim_end_matches("/s") {
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => 1.0,
    };
    let decimals = number.split_once('.').map_or(0, |(_, digits)| digits.len());
    let value: f64 = number.parse().unwrap_or_else(|_| panic!("no number: {text}"));
    (value * factor, 0.5 * factor * 0.1_f64.powi(decimals as i32))
}

#[test]
fn tables_of_charts_are_what_sql_says_to_the_digits_shown() {
    let made = made();
    let (from, to) = made.now;
    let mut compared = 0;
    for metric in ["cpu_percent", "memory_percent", "load1", "memory_used_bytes"] {
        let chart = after(&made.page, &format!("data-chart=\"line-{}\"", line_of(&made.page, metric)));
        let table = chart.split("</figure>").next().unwrap();
        let within = format!("FROM samples WHERE metric = '{metric}' AND ts >= {from} AND ts < {to}");
        let by = |number: &str| made.by_node(&format!("SELECT node, {number} AS number {within} GROUP BY node"));
        let last = made.by_node(&format!(
            "SELECT node, number FROM (SELECT node, value AS number, max(ts) {within} GROUP BY node)"
        ));
        // One bucket over everything.
        let p95 = made.by_node(&format!(
            "SELECT node, p95 AS number FROM buckets('{metric}', NULL, {from}, {to}, 4000000000000)"
        ));
        let columns = [(1, by("avg(value)")), (2, p95), (3, by("min(value)")), (4, by("max(value)")), (6, last)];
        for row in table.split("<tr><th scope=\"row\">").skip(1) {
            let node = row.split('<').next().unwrap();
            let cells: Vec<&str> = row.split("<td>").map(|cell| cell.split('<').next().unwrap()).collect();
            for (column, expected) in &columns {
                let (shown, half) = read(cells[*column]);
                let is = (shown - expected[node]).abs() <= half * 1.000_001;
                assert!(is, "{metric} of {node}, column {column}: {}, SQL says {}", cells[*column], expected[node]);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 4 * 5 * 5);
    figure(format_args!(
        "numbers of a page against SQL | tables below charts: mean, 95 % below, lowest, highest, latest | {compared} | equal to the digits shown"
    ));
}

/// The number of the line chart of a metric.
fn line_of<'a>(page: &'a str, metric: &str) -> &'a str {
    let figure = page.split("<figure ").find(|figure| {
        attribute(figure, "data-metric") == Some(metric)
            && attribute(figure, "data-chart").is_some_and(|id| id.starts_with("line-"))
    });
    let figure = figure.unwrap_or_else(|| panic!("no chart of {metric}"));
    attribute(figure, "data-chart").unwrap().trim_start_matches("line-")
}

#[test]
fn partitions_and_completeness_are_what_sql_says() {
    let made = made();
    let (from, to) = made.now;
    let latest = made.expected("partition_count", "last", made.now);
    let bars = after(&made.page, "<figure class=\"chart bars\"").split("</figure>").next().unwrap();
    let rows: Vec<&str> = bars.split("<tr><th scope=\"row\">").skip(1).collect();
    assert_eq!(rows.len(), latest.len());
    for row in rows {
        let node = row.split('<').next().unwrap();
        assert_eq!(read(after(row, "<td>").split('<').next().unwrap()).0, latest[node], "{node}");
    }
    let there = made.by_node(&format!(
        "SELECT node, count(DISTINCT ts) AS number FROM samples WHERE ts >= {from} AND ts < {to} GROUP BY node"
    ));
    let quality = after(&made.page, "Completeness, node by node").split("</table>").next().unwrap();
    let rows: Vec<&str> = quality.split("<tr><th scope=\"row\">").skip(1).collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let node = row.split('<').next().unwrap();
        let cells: Vec<&str> = row.split("<td").map(|cell| cell.split('<').next().unwrap()).collect();
        let number = |i: usize| read(cells[i].split('>').nth(1).unwrap()).0;
        let share: f64 = attribute(cells[4], "data-value").unwrap().parse().unwrap();
        assert_eq!(number(3), there[node], "{node}");
        assert_same(share, there[node] / number(2), node);
    }
}
