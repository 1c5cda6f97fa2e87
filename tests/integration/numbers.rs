//! Every number of a page is one that SQL gives: of each `data-value` and each table of a chart, to the digits that are shown.

use std::collections::BTreeMap;

use serde_json::Value;

use super::findings::eventful;
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

fn rows(project: &Project, query: &str) -> Vec<Value> {
    let rows = project.run(["sql", "--format", "json", query]).ok().json();
    rows.as_array().unwrap_or_else(|| panic!("{query}")).clone()
}

impl Made {
    fn rows(&self, query: &str) -> Vec<Value> {
        rows(&self.project, query)
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

/// The last week of the eventful fortnight, of what is selected.
fn week_of(selected: &[&str]) -> (Project, String) {
    let project = eventful();
    let mut words = vec!["report", "-q", "-o", "page.html", "--from", "2026-01-12", "--to", "2026-01-19"];
    words.extend(["--timezone", "UTC", "--compare", "none"]);
    words.extend(selected);
    project.run(words).ok();
    let page = project.read("page.html");
    (project, page)
}

fn section<'a>(page: &'a str, name: &str) -> &'a str {
    after(page, &format!("<section data-section=\"{name}\"")).split("</section>").next().unwrap()
}

/// The cells of a row: what they show, and the exact number where they have one.
fn cells(row: &str) -> Vec<(String, Option<f64>)> {
    let cell = |cell: &str| {
        let exact = attribute(cell, "data-value").and_then(|exact| exact.parse().ok());
        (cell.split_once('>').unwrap().1.split('<').next().unwrap().to_owned(), exact)
    };
    row.split("<td").skip(1).map(cell).collect()
}

/// The query of a row.
fn query_of(row: &str) -> String {
    let query = after(row, "<code>").split("</code>").next().unwrap();
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(query.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

/// What the query of a row gives: its first row.
fn answer(project: &Project, row: &str) -> Value {
    rows(project, &query_of(row)).swap_remove(0)
}

#[track_caller]
fn assert_shown(shown: &str, expected: &Value, what: &str) {
    let ((number, half), expected) = (read(shown), expected.as_f64().unwrap_or_else(|| panic!("{what}: {expected}")));
    assert!((number - expected).abs() <= half * 1.000_001, "{what}: {shown}, SQL says {expected}");
}

#[test]
fn what_fills_is_what_sql_says_to_the_digits_shown() {
    let (project, page) = week_of(&["--metric", "disk_percent"]);
    let capacity = section(&page, "capacity");
    let row = after(capacity, "<tr data-finding=\"capacity\"").split("</tr>").next().unwrap();
    let said = answer(&project, row);
    let shown = cells(row);
    assert_shown(&shown[1].0, &said["level"], "level");
    assert_shown(shown[2].0.trim_end_matches(" points"), &said["growth_a_day"], "growth");
    assert_same(shown[3].1.unwrap(), said["days"].as_f64().unwrap(), "days");
    let to = chrono::DateTime::parse_from_rfc3339(attribute(row, "data-to").unwrap()).unwrap();
    let day = |name: &str| {
        let left = chrono::TimeDelta::milliseconds((said[name].as_f64().unwrap() * 86_400_000.0) as i64);
        (to + left).format("%-d %b %Y").to_string()
    };
    assert_eq!(shown[3].0, day("days"));
    let [least, most] = ["days_at_least", "days_at_most"].map(day);
    assert_eq!(shown[4].0, if least == most { most } else { format!("{least} – {most}") });
    let table = after(capacity, "<figure class=\"chart labelled\"").split("</figure>").next().unwrap();
    let columns = ["level", "growth_a_day", "days", "days_at_least", "days_at_most"];
    let numbers: Vec<&str> = table.split("<tr><th scope=\"row\">").skip(1).collect();
    assert_eq!(numbers.len(), columns.len(), "{numbers:?}");
    for (row, column) in numbers.iter().zip(columns) {
        assert_shown(after(row, "<td>").split('<').next().unwrap(), &said[column], column);
    }
}

#[test]
fn who_is_unlike_the_others_is_what_sql_says() {
    let (project, page) = week_of(&["--metric", "cache_items"]);
    let row = after(section(&page, "anomalies"), "<tr data-finding=\"peer\"").split("</tr>").next().unwrap();
    let said = answer(&project, row);
    assert_eq!(said["node"].as_str(), attribute(row, "data-node"));
    let exact: Vec<f64> = cells(row).into_iter().filter_map(|(_, exact)| exact).collect();
    assert_same(exact[0], said["value"].as_f64().unwrap(), "value");
    assert_same(exact[1], said["expected"].as_f64().unwrap(), "expected");
}

/// Ranks from the mean of those that are alike, about 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |v: f64| values.iter().filter(|other| **other < v).count() as f64;
    let alike = |v: f64| values.iter().filter(|other| **other == v).count() as f64;
    values.iter().map(|v| below(*v) + (alike(*v) - values.len() as f64) / 2.0).collect()
}

#[test]
fn what_moves_together_is_what_sql_says_to_the_digits_shown() {
    // One node has gaps.
    let (project, page) =
        week_of(&["--node", "!web-1", "--metric", "cpu_percent", "--metric", "net_transmit_bytes_total"]);
    let correlation = section(&page, "correlation");
    for row in correlation.split("<tr data-finding=\"correlation\"").skip(1) {
        let row = row.split("</tr>").next().unwrap();
        let said = rows(&project, &query_of(row));
        let at_once = said.iter().find(|row| row["lag_minutes"] == 0).unwrap_or_else(|| panic!("{said:?}"));
        let (shown, exact) = cells(row).into_iter().find(|(_, exact)| exact.is_some()).unwrap();
        assert_shown(&shown, &at_once["r"], "r");
        assert!((exact.unwrap() - at_once["r"].as_f64().unwrap()).abs() < 1e-5, "{exact:?} {at_once}");
    }
    // The steps of every series of the matrix, from the samples alone.
    let names: Vec<&str> = after(correlation, "<ol class=\"matrix-names\">").split("<li>").skip(1).collect();
    let names: Vec<&str> = names.iter().map(|name| name.split('<').next().unwrap()).collect();
    let moves = names.iter().map(|name| {
        let (title, node) = name.split_once(" on ").unwrap();
        let grown = "value - lag(value) OVER (ORDER BY ts)";
        let (metric, value) = match (title, node) {
            // Of one core: what is not idle.
            ("CPU busy", "exp-6") => ("node_cpu_seconds_total' AND labels LIKE '%idle%", format!("-({grown})")),
            ("CPU busy", _) => ("cpu_percent", "value".to_owned()),
            ("Network sent", _) => ("net_transmit_bytes_total", grown.to_owned()),
            other => panic!("{other:?}"),
        };
        let steps = rows(
            &project,
            &format!(
                "SELECT ts, v - lag(v) OVER (ORDER BY ts) AS step FROM (SELECT ts, {value} AS v FROM samples
                 WHERE node = '{node}' AND metric = '{metric}' AND ts < 1768780800000) WHERE ts >= 1768176000000"
            ),
        );
        ranks(&steps.iter().filter_map(|row| row["step"].as_f64()).collect::<Vec<f64>>())
    });
    let moves: Vec<Vec<f64>> = moves.collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let r = |i: usize, j: usize| {
        let length = (dot(&moves[i], &moves[i]) * dot(&moves[j], &moves[j])).sqrt();
        dot(&moves[i], &moves[j]) / length
    };
    let mut written = 0;
    for cell in correlation.split("<text class=\"c\" ").skip(1) {
        let place = |name: &str| -> f64 { attribute(cell, name).unwrap().trim_end_matches('%').parse().unwrap() };
        let (row, column) = ((place("y") / 22.0) as usize - 1, (place("x") / 100.0 * names.len() as f64) as usize);
        let shown = cell.split_once('>').unwrap().1.split('<').next().unwrap();
        if !shown.contains('′') {
            assert_shown(shown, &r(row, column).into(), &format!("{} and {}", names[row], names[column]));
            written += 1;
        }
    }
    assert!(written >= 3, "{written} of {names:?}");
}

/// Nine days of five minutes of two nodes whose noise is the same: over a daily wave, over one that is another at the weekend, and over one with a lasting step.
fn rhythmic() -> Project {
    let noise =
        |seed: usize| ((seed as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64;
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for i in 0..9 * 288 {
        let wave = 20.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin();
        let is_weekend = matches!(i / 288, 5 | 6);
        for (n, node) in ["a", "b"].into_iter().enumerate() {
            let moved = |k: usize| 3.0 * noise(9_000 * k + i) + noise(90_000 * (n + 1) + 9_000 * k + i);
            let lines = [
                ("daily_items", 60.0 + wave + moved(1)),
                ("weekly_items", if is_weekend { 200.0 - wave } else { 60.0 + wave } + moved(2)),
                ("raised_items", 60.0 + wave + if i > 720 { 90.0 } else { 0.0 } + moved(3)),
                ("still_items", 60.0 + moved(4)),
            ];
            let ts = super::harness::SMALL_START_MS + 300_000 * i as i64;
            for (metric, value) in lines {
                csv += &format!("{ts},{node},{metric},,{value:.2}\n");
            }
        }
    }
    let project = Project::new();
    project.run_with(["import", "-q", "-"], csv.as_bytes()).ok();
    project
}

#[test]
fn what_moves_together_over_rhythms_is_what_sql_says() {
    let project = rhythmic();
    let mut seasons = Vec::new();
    // A step on a Wednesday noon, of days without a weekend.
    for (metric, to) in [("!raised_items", "2026-01-14"), ("raised_items", "2026-01-10")] {
        let words = ["report", "-q", "-o", "page.html", "--from", "2026-01-05", "--to", to, "--timezone", "UTC"];
        project.run(words.into_iter().chain(["--metric", metric])).ok();
        let page = project.read("page.html");
        for row in section(&page, "correlation").split("<tr data-finding=\"correlation\"").skip(1) {
            let row = row.split("</tr>").next().unwrap();
            let query = query_of(row);
            let said = rows(&project, &query);
            let at_once = said.iter().find(|row| row["lag_minutes"] == 0).unwrap_or_else(|| panic!("{said:?}"));
            let (shown, exact) = cells(row).into_iter().find(|(_, exact)| exact.is_some()).unwrap();
            assert_shown(&shown, &at_once["r"], "r");
            assert!((exact.unwrap() - at_once["r"].as_f64().unwrap()).abs() < 1e-5, "{exact:?} {at_once} {query}");
            seasons.push((query.contains("a_season"), query.contains(">= 5 AS weekend"), query.contains("PRECEDING")));
        }
    }
    seasons.sort();
    let all = [(false, false, false), (true, false, false), (true, false, true), (true, true, false)];
    assert_eq!(seasons, all, "none, daily, daily beside a step, workdays and weekends");
}

#[test]
fn the_heatmap_is_what_sql_says_to_the_digits_shown() {
    let made = made();
    let (from, to) = made.now;
    let heat = section(&made.page, "heatmap");
    let within = format!("FROM samples WHERE metric = 'cpu_percent' AND ts >= {from} AND ts < {to}");
    let by = |number: &str| made.by_node(&format!("SELECT node, {number} AS number {within} GROUP BY node"));
    let (mean, most) = (by("avg(value)"), by("max(value)"));
    let p95 = made
        .by_node(&format!("SELECT node, p95 AS number FROM buckets('cpu_percent', NULL, {from}, {to}, 4000000000000)"));
    let when =
        made.by_node(&format!("SELECT node, ts AS number FROM (SELECT node, ts, max(value) {within} GROUP BY node)"));
    let mut nodes = Vec::new();
    for row in heat.split("<tr><th scope=\"row\">").skip(1) {
        let node = row.split('<').next().unwrap();
        let shown = cells(row);
        for (column, expected) in [&mean, &p95, &most].into_iter().enumerate() {
            assert_shown(&shown[column].0, &expected[node].into(), node);
        }
        // The middle of the bucket that has it.
        let said = |t: i64| chrono::DateTime::from_timestamp_millis(t).unwrap().format("%a %H:%M").to_string();
        let near = (-30..=30).map(|minutes| said(when[node] as i64 + 60_000 * minutes));
        assert!(
            near.clone().any(|at| at == shown[3].0),
            "{node}: {}, SQL says {}",
            shown[3].0,
            said(when[node] as i64)
        );
        nodes.push(node);
    }
    assert_eq!(nodes.len(), 5);
    // Beside the rows of the picture, in the order of their load.
    let beside: Vec<&str> = heat.split("<text class=\"dl\"").skip(1).collect();
    assert_eq!(beside.len(), nodes.len());
    for (node, label) in nodes.iter().zip(beside) {
        let shown = label.split_once('>').unwrap().1.split('<').next().unwrap();
        assert_shown(shown, &mean[*node].into(), node);
    }
    assert!(nodes.windows(2).all(|pair| mean[pair[0]] >= mean[pair[1]]), "{nodes:?}");
}

#[test]
fn what_changed_most_is_what_sql_says_to_the_digits_shown() {
    let made = made();
    let table = section(&made.page, "compare");
    let step: i64 = after(&made.page, "a column is ").split([' ', '\u{a0}']).next().unwrap().parse().unwrap();
    let step = 60_000 * step;
    let mut compared = 0;
    for row in table.split("<tr><th scope=\"row\">").skip(1) {
        let title = row.split('<').next().unwrap();
        let shown: Vec<String> = cells(row).into_iter().map(|(shown, _)| shown).collect();
        let node = shown[0].as_str();
        let metric = metric_of(&made.page, title);
        if metric == "disk_io_percent" {
            continue; // a share of seconds, which are a counter of each disk
        }
        let is_rate = metric.ends_with("_per_second");
        let parts =
            made.rows(&format!("SELECT DISTINCT labels FROM samples WHERE metric = '{metric}' AND node = '{node}'"));
        let periods = [(made.before, [&shown[1], &shown[4]]), (made.now, [&shown[2], &shown[5]])];
        for ((from, to), [mean, p95]) in periods {
            let range = format!("'{metric}', '{node}', {from}, {to}");
            let said = match parts.len() {
                // Its quantiles are those of the page's buckets.
                _ if is_rate => {
                    assert_shown(mean, &made.expected(metric, "sum", (from, to))[node].into(), title);
                    compared += 1;
                    continue;
                }
                1 => format!("SELECT avg, p95 FROM buckets({range}, 4000000000000)"),
                // Of a node's disks the one that is furthest in each bucket of the page is its line.
                _ => format!(
                    "SELECT avg(most) AS avg, percentile(most, 95) AS p95
                     FROM (SELECT max(avg) AS most FROM buckets({range}, {step}) GROUP BY t)"
                ),
            };
            let said = made.rows(&said).swap_remove(0);
            assert_shown(mean, &said["avg"], title);
            assert_shown(p95, &said["p95"], title);
            compared += 2;
        }
    }
    assert!(compared >= 40, "{compared}");
}

/// The metric of which a chart tells under that title.
fn metric_of<'a>(page: &'a str, title: &str) -> &'a str {
    let figure = page.split("<figure ").skip(1).find(|figure| {
        attribute(figure, "data-chart").is_some_and(|id| id.starts_with("line-"))
            && after(figure, "<caption>").starts_with(title)
    });
    attribute(figure.unwrap_or_else(|| panic!("no chart of {title}")), "data-metric").unwrap()
}
