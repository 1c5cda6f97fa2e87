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
    assert!(told.iter().all(|text| text.contains("was at or above 10 % all the time")), "{told:?}");
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
    assert!(page.contains("were not looked for (--analyse off)") && !page.contains("data-finding=\"anomaly\""));
    assert!(page.contains("data-finding=\"threshold\""), "limits are judged all the same");
}
