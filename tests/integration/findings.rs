//! What a report says it found: every finding leads to its chart, and its query runs and has rows.

use super::harness::{Project, SMALL_START_MS};

const MINUTE: i64 = 60_000;
/// Eight days of ten minutes.
const ROWS: usize = 8 * 144;

/// A number between 0 and 1 that looks random.
fn noise(i: usize) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1u64 << 24) as f64
}

/// Six nodes at rest; `it's [db]` is busy for two hours, its disk fills, and a counter runs along.
fn planted() -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    let mut sent = [0.0; 6];
    for i in 0..ROWS {
        let ts = SMALL_START_MS + 10 * i as i64 * MINUTE;
        for (node, sent) in sent.iter_mut().enumerate() {
            let name = if node == 2 { "it's [db]".to_owned() } else { format!("web-{node}") };
            let busy = if node == 2 && (700..712).contains(&i) { 50.0 } else { 0.0 };
            let cpu = 30.0 + busy + 6.0 * noise(6 * i + node);
            *sent += 1e6 * (cpu + 2.0 * noise(9_000 + 6 * i + node));
            let disk = if node == 2 { 60.0 + i as f64 * 3.0 / 144.0 } else { 40.0 };
            csv += &format!("{ts},{name},cpu_percent,,{cpu:.2}\n{ts},{name},net_transmit_bytes_total,,{sent:.0}\n");
            csv += &format!("{ts},{name},disk_percent,\"{{\"\"mount\"\":\"\"/var\"\"}}\",{disk:.2}\n");
        }
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project
}

/// The texts between two marks.
fn between<'a>(page: &'a str, from: &'a str, to: &'a str) -> Vec<&'a str> {
    page.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

fn unescaped(text: &str) -> String {
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter)).replace("&#38;", "&")
}

#[test]
fn every_finding_leads_to_its_chart_and_its_query_has_rows() {
    let project = planted();
    project.run(["report", "--last", "8d", "-o", "a.html"]).ok();
    let page = project.read("a.html");
    for kind in ["threshold", "capacity", "anomaly"] {
        assert!(page.contains(&format!("data-finding=\"{kind}\"")), "{kind} is not told");
    }
    assert!(page.contains("data-verdict=\"warn\"") || page.contains("data-verdict=\"bad\""));
    let targets: Vec<&str> = between(&page, "<a href=\"#", "\"");
    assert!(targets.iter().any(|t| t.starts_with("chart-incident-")) && targets.contains(&"chart-forecast-0"));
    for target in targets.iter().filter(|target| !target.contains('=')) {
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target} leads nowhere");
    }
    let queries = between(&page, "<details class=\"sql\"><summary>SQL</summary><code>", "</code>");
    assert!(queries.len() >= 6, "{}", queries.len());
    for query in queries {
        let rows = project.run(["sql", "--format", "json", &unescaped(query)]).ok().json();
        assert!(!rows.as_array().unwrap().is_empty(), "{query}");
    }
}

#[test]
fn the_query_of_an_odd_stretch_has_its_value() {
    let project = planted();
    project.run(["report", "--last", "8d", "-o", "a.html"]).ok();
    let page = project.read("a.html");
    let row = between(&page, "<tr data-finding=\"anomaly\"", "</tr>")[0].to_owned();
    assert!(row.contains("data-metric=\"cpu_percent\"") && row.contains("it&#39;s [db]"), "{row}");
    let seen: f64 = between(&row, "<td data-value=\"", "\"")[0].parse().unwrap();
    let query = unescaped(between(&row, "<code>", "</code>")[0]);
    let rows = project.run(["sql", "--format", "json", &query]).ok().json();
    let values = rows.as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap());
    assert!(
        values.clone().any(|value| (value - seen).abs() < 1e-9),
        "{seen} is none of {:?}",
        values.collect::<Vec<_>>()
    );
}

#[test]
fn summary_and_page_judge_limits_alike() {
    let project = planted().file("nodebook.toml", "[thresholds]\ncpu_percent = { warn = 10, bad = 200 }\n");
    let json = project.run(["summary", "--last", "8d", "--format", "json"]).ok().json();
    let told: Vec<&str> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["kind"] == "threshold" && f["metric"] == "cpu_percent")
        .map(|f| f["text"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told.iter().all(|text| text.contains("was at or above 10 % all the time by means of 10 min")), "{told:?}");
    project.run(["report", "--last", "8d", "-o", "a.html"]).ok();
    assert!(project.read("a.html").contains("CPU busy on it&#39;s [db] was at or above 10 % all the time"));
}

#[test]
fn an_empty_week_says_nothing_found() {
    let project = planted();
    project.run(["report", "--last", "8d", "--node", "web-*", "--metric", "cpu_percent", "-o", "a.html"]).ok();
    let page = project.read("a.html");
    assert!(page.contains("<p class=\"nothing\">Nothing found.</p>") && page.contains("data-verdict=\"ok\""));
    for section in ["anomalies", "correlation", "capacity"] {
        assert!(!page.contains(&format!("data-section=\"{section}\"")), "{section} has nothing to say");
    }
    project.run(["report", "--last", "8d", "--analyse", "off", "-o", "b.html"]).ok();
    let page = project.read("b.html");
    assert!(page.contains("were not looked for here.") && !page.contains("data-finding=\"anomaly\""));
    assert!(page.contains("data-finding=\"threshold\""), "limits are judged all the same");
}

#[test]
fn a_finding_of_a_metric_that_has_no_chart_has_its_query() {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for i in 0..ROWS {
        let ts = SMALL_START_MS + 10 * i as i64 * MINUTE;
        for metric in 0..40 {
            let raised = if metric == 39 && i > 600 { 60.0 } else { 0.0 };
            csv += &format!("{ts},web-1,m{metric}_items,,{:.3}\n", 50.0 + raised + 2.0 * noise(40 * i + metric));
        }
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["report", "--last", "8d", "-o", "a.html", "-o", "a.json"]).ok();
    let data: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    let change = data["findings"].as_array().unwrap().iter().find(|f| f["metric"] == "m39_items").unwrap();
    let sql = change["sql"].as_str().unwrap();
    let rows = project.run(["sql", "--format", "json", sql]).ok().json();
    let levels: Vec<f64> = rows.as_array().unwrap().iter().filter_map(|row| row["level"].as_f64()).collect();
    assert!((levels[0] - 51.0).abs() < 0.5 && (levels[1] - 111.0).abs() < 0.5, "{levels:?} {sql}");
}

/// Uneven growth has no line since a knee: its daily maxima count.
#[test]
fn the_days_left_of_daily_peaks_are_computed_by_their_query() {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for hour in 0..12 * 24 {
        let ts = SMALL_START_MS + 60 * hour as i64 * MINUTE;
        let day = hour as f64 / 24.0;
        let level = 50.0 + 3.0 * day.min(6.0) + (day - 6.0).max(0.0) + noise(hour);
        csv += &format!("{ts},web-1,disk_percent,,{level:.3}\n");
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["report", "--last", "12d", "-o", "a.json"]).ok();
    let data: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    let found = data["findings"].as_array().unwrap().iter().find(|f| f["kind"] == "capacity").unwrap();
    let sql = found["sql"].as_str().unwrap();
    assert!(sql.contains("peaks AS") && sql.contains("buckets("), "{sql}");
    let rows = project.run(["sql", "--format", "json", sql]).ok().json();
    let (days, value) = (rows[0]["days"].as_f64().unwrap(), found["value"].as_f64().unwrap());
    assert!((days - value).abs() < 1e-9, "{days} {value} {sql}");
}

/// A fortnight of ten minutes, in whose second week all kinds are found. CPU of `exp-6` is only known as seconds of its modes.
pub(super) fn eventful() -> Project {
    const ALL: usize = 2 * 7 * 144;
    const WEEK: usize = 7 * 144;
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    let mut sent = [0.0; 7];
    let mut modes = [0.0; 3];
    for i in 0..ALL {
        let ts = SMALL_START_MS + 10 * i as i64 * MINUTE;
        for (n, sent) in sent.iter_mut().enumerate() {
            let noise = |k: usize| noise(97 * i + 7 * n + 50_000 * k);
            let node = if n == 6 { "exp-6".to_owned() } else { format!("web-{n}") };
            let is_silent = n == 1 && ((WEEK + 300..WEEK + 330).contains(&i) || (WEEK + 900..WEEK + 910).contains(&i));
            let mut put = |metric: &str, value: f64| {
                if !is_silent {
                    csv += &format!("{ts},{node},{metric},,{value:.4}\n");
                }
            };
            let is_busy = match n {
                2 => (WEEK + 400..WEEK + 412).contains(&i),
                6 => (WEEK + 800..WEEK + 812).contains(&i),
                _ => false,
            };
            let cpu = 30.0 + 6.0 * noise(1) + if is_busy { 50.0 } else { 0.0 };
            if n < 6 {
                put("cpu_percent", cpu);
            }
            put("queue_items", if n == 3 && i >= WEEK + 600 { 80.0 } else { 50.0 } + 4.0 * noise(2));
            let leaked = if n == 4 { 3.0 * i.saturating_sub(WEEK + 500) as f64 } else { 0.0 };
            put("handles_items", 700.0 + leaked + 20.0 * noise(7));
            put("cache_items", if n == 5 { 9_000.0 } else { 4_000.0 } + 300.0 * noise(3));
            put("requests_items", if i >= WEEK { 320.0 } else { 200.0 } + 20.0 * noise(4));
            put("disk_percent", if n == 2 { 40.0 + i as f64 * 2.95 / 144.0 } else { 40.0 + 0.2 * noise(5) });
            *sent += 1e6 * (cpu + 2.0 * noise(6));
            put("net_transmit_bytes_total", sent.floor());
            if n == 6 {
                let shares = [100.0 - cpu, 0.8 * cpu, 0.2 * cpu];
                for ((mode, seconds), share) in ["idle", "user", "system"].into_iter().zip(&mut modes).zip(shares) {
                    *seconds += 600.0 * share / 100.0;
                    let labels = format!("\"{{\"\"cpu\"\":\"\"0\"\",\"\"mode\"\":\"\"{mode}\"\"}}\"");
                    csv += &format!("{ts},exp-6,node_cpu_seconds_total,{labels},{seconds:.3}\n");
                }
            }
        }
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project
}

/// The number behind `mark`, and half a unit of its last digit.
fn told(text: &str, mark: &str) -> (f64, f64) {
    let text = text.replace(['\u{a0}', '\u{202f}'], " ");
    let rest = text.split(mark).nth(1).unwrap_or_else(|| panic!("no `{mark}` in {text}"));
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | ','));
    let number: String = digits.take(1).collect::<String>().replace(',', "");
    let number = number.trim_end_matches('.');
    let decimals = number.split_once('.').map_or(0, |(_, after)| after.len());
    (
        number.parse().unwrap_or_else(|_| panic!("`{number}` behind `{mark}` in {text}")),
        0.501 * 10f64.powi(-(decimals as i32)),
    )
}

/// The last word before a mark and what stands before it: where a number begins.
fn before<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split(mark).next().and_then(|words| words.rsplit_once(", ")).map_or("", |(start, _)| start)
}

/// From the sentence of every kind to its chart, and to SQL that gives the figures it tells, to their last digit.
#[test]
fn every_kind_is_followed_from_its_sentence_to_its_chart_and_its_figures() {
    let project = eventful();
    let week = ["--from", "2026-01-12", "--to", "2026-01-19", "--timezone", "UTC"];
    let mut seen: Vec<String> = Vec::new();
    // A sentence of a kind may be crowded out by others: each kind is looked at in a report in which it is not.
    for metrics in [
        &["cpu_percent"][..],
        &["queue_items"],
        &["handles_items"],
        &["cache_items"],
        &["requests_items"],
        &["disk_percent"],
        &["cpu_percent", "net_transmit_bytes_total"],
        &["*"],
    ] {
        let mut words = vec!["report", "-o", "a.html", "-o", "a.json"];
        words.extend(metrics.iter().flat_map(|metric| ["--metric", metric]).chain(week));
        project.run(words).ok();
        let page = project.read("a.html");
        let data: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
        for found in data["findings"].as_array().unwrap() {
            let text = found["text"].as_str().unwrap();
            let (kind, chart) = (found["kind"].as_str().unwrap(), found["chart"].as_str().unwrap());
            assert!(page.contains(&format!("id=\"{chart}\"")), "{text} leads to #{chart}, which is nowhere");
            let sql = found["sql"].as_str().unwrap();
            let rows = project.run(["sql", "--format", "json", sql]).ok().json();
            let column = |name: &str| -> Vec<f64> {
                rows.as_array().unwrap().iter().filter_map(|row| row[name].as_f64()).collect()
            };
            let most = |name: &str| column(name).into_iter().fold(f64::MIN, f64::max);
            let is_told = |mark: &str, value: f64| {
                let (number, half) = told(text, mark);
                assert!((number - value).abs() <= half, "{value} by SQL: {text}\n{sql}");
            };
            match kind {
                "anomaly" => is_told("was ", most("value")),
                "threshold" => {
                    let end = *column("value").last().unwrap();
                    is_told(", the last ", end);
                }
                "change" if text.contains("evenly") => {
                    is_told("from about ", column("level_before")[0]);
                    is_told(" to ", column("level_now")[0]);
                    is_told(": by ", column("growth_a_day")[0].abs());
                }
                "change" => {
                    is_told("from about ", column("level")[0]);
                    is_told("to about ", column("level")[1]);
                }
                "peer" => {
                    assert_eq!(rows[0]["node"], found["node"], "{sql}");
                    is_told("nodes: ", column("value")[0]);
                    is_told("where they have ", column("expected")[0]);
                    is_told(&format!("{},", before(text, " of the time")), column("percent_of_time")[0]);
                }
                "capacity" => {
                    is_told("growing by ", column("growth_a_day")[0]);
                    is_told("is at ", column("level")[0]);
                    let hours = if text.contains("hours (") { 24.0 } else { 1.0 };
                    let all = [("days", "full in about "), ("days_at_least", " ("), ("days_at_most", " to ")];
                    let exact = all.map(|(name, _)| hours * column(name)[0]);
                    let shown = [exact[0].round(), exact[1].floor(), exact[2].ceil()];
                    let outlook = &text[text.find("full in about ").unwrap_or_else(|| panic!("{text}"))..];
                    for ((_, mark), days) in all.iter().zip(shown) {
                        assert_eq!(told(outlook, mark).0, days, "{outlook}\n{sql}");
                    }
                    let same = (found["value"].as_f64().unwrap() - column("days")[0]).abs();
                    assert!(same < 1e-6, "{} {sql}", found["value"]);
                }
                "correlation" => {
                    let at_once = column("lag_minutes").iter().position(|lag| *lag == 0.0).unwrap();
                    is_told("(r = ", column("r")[at_once]);
                    if text.contains("follows") {
                        let largest = column("r").into_iter().map(f64::abs).fold(0.0, f64::max);
                        let lag = column("r").iter().position(|r| r.abs() == largest).unwrap();
                        is_told(" by about ", column("lag_minutes")[lag].abs());
                    }
                }
                "coverage" => {
                    let (percent, _) = told(text, &format!("{} has ", found["node"].as_str().unwrap()));
                    assert_eq!(percent, (10.0 * column("percent")[0]).floor() / 10.0, "{text}\n{sql}");
                    is_told("longest of ", rows.as_array().unwrap().len() as f64);
                    for (word, end) in [("from ", "gap_from"), (" to ", "gap_to")] {
                        let at = chrono::DateTime::parse_from_rfc3339(rows[0][end].as_str().unwrap()).unwrap();
                        assert!(text.contains(&format!("{word}{}", at.format("%a %H:%M"))), "{at} {text}");
                    }
                }
                "compare" => {
                    is_told("median ", column("median")[1]);
                    is_told("was ", column("median")[0]);
                    is_told("below ", column("p95")[1]);
                }
                kind => panic!("{kind}: {text}"),
            }
            if let (true, Some(value)) = (kind == "anomaly", found["value"].as_f64()) {
                let near = column("value").iter().any(|seen| (seen - value).abs() < 1e-6 * value.abs());
                assert!(near, "{value} is no row of {sql}");
            }
            seen.push(format!("{kind} {}", found["node"].as_str().unwrap()));
        }
    }
    for wanted in [
        "anomaly web-2",
        "anomaly exp-6",
        "change web-3",
        "change web-4",
        "coverage web-1",
        "peer web-5",
        "correlation ",
        "capacity web-2",
        "threshold web-2",
        "compare ",
    ] {
        assert!(seen.iter().any(|one| one.starts_with(wanted)), "{wanted} is not told: {seen:?}");
    }
}
