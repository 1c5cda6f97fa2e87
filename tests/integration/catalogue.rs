//! What a user knows of metrics: `[[catalogue]]` in the configuration, and quantiles of histograms.

use super::harness::{Project, SMALL_START_MS};

/// Ten minutes of a machine that reports in its own words, every 10 s.
fn appliance(config: &str) -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for i in 0..60 {
        let ts = SMALL_START_MS + i * 10_000;
        csv += &format!("{ts},box-1,appliance_idle,,{}\n{ts},box-1,ticks,,{}\n", 88 + i % 5, i * 20);
        for (queue, depth) in [("in", 30), ("out", 98)] {
            let labels = format!("\"{{\"\"queue\"\":\"\"{queue}\"\"}}\"");
            csv += &format!("{ts},box-1,queue_depth,{labels},{depth}\n{ts},box-1,queue_size,{labels},100\n");
        }
        // 6 requests a step: 3 within 0.1 s, 3 more within 0.5 s
        for (le, count) in [("0.1", 3), ("0.5", 6), ("+Inf", 6)] {
            let labels = format!("\"{{\"\"le\"\":\"\"{le}\"\"}}\"");
            csv += &format!("{ts},box-1,http_seconds_bucket,{labels},{}\n", i * count);
        }
    }
    let project = Project::new().file("nodebook.toml", config);
    project.run_with(["import", "-q", "-"], csv.as_bytes()).ok();
    project
}

const CONFIG: &str = r#"
[[catalogue]]
metric = "cpu_percent"
from = "100 - appliance_idle"
[[catalogue]]
metric = "ticks_per_second"
from = "rate(ticks)"
[[catalogue]]
metric = "queue_percent"
from = "100 * queue_depth / queue_size"
title = "Queue full"
section = "resources"
worse = "high"
part = "queue"
agg = "max"
[thresholds]
queue_percent = { warn = 80, bad = 95 }
"#;

/// The mean of what a figure draws of a metric.
fn mean_drawn(project: &Project, metric: &str) -> f64 {
    let figure = project.run(["plot", metric, "-o", "-"]).ok().json();
    let drawn = figure["data"][0]["y"].as_array().unwrap_or_else(|| panic!("{figure}")).clone();
    let values: Vec<f64> = drawn.iter().filter_map(serde_json::Value::as_f64).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_report_shows_what_the_configuration_makes_of_metrics() {
    let project = appliance(CONFIG);
    project.run(["report", "-q", "-o", "page.html"]).ok();
    let page = project.read("page.html").replace('\u{a0}', " ");
    for said in ["data-tile=\"cpu_percent\"", "Queue full", "100 × queue_depth / queue_size, largest over queue"] {
        assert!(page.contains(said), "no {said}");
    }
    assert!((mean_drawn(&project, "cpu_percent") - 10.0).abs() < 0.1);
    assert!(
        (mean_drawn(&project, "ticks_per_second") - 2.0).abs() < 1e-9,
        "a gauge that is known to grow is a counter"
    );
    assert!((mean_drawn(&project, "queue_percent") - 98.0).abs() < 1e-9);
    let found = project.run(["analyse", "--format", "json"]).ok().json();
    let findings = found["findings"].as_array().unwrap();
    let full = findings.iter().find(|f| f["kind"] == "threshold" && f["metric"] == "queue_percent");
    assert!(
        full.is_some_and(|f| f["severity"] == "bad" && f["text"].as_str().unwrap().contains("Queue full")),
        "{found}"
    );
    let told = project.run(["summary", "--format", "json"]).ok().json();
    assert!(told["findings"].as_array().unwrap().iter().any(|f| f["metric"] == "queue_percent"), "{told}");
}

#[test]
fn without_it_they_are_other_metrics_and_a_wrong_formula_is_named() {
    let project = appliance("");
    let said = project.run(["plot", "cpu_percent", "-o", "-"]).fails(4);
    assert!(said.contains("cpu_percent"), "{said}");
    project.write("nodebook.toml", "[[catalogue]]\nmetric = 'x'\nfrom = 'a ** b'\n");
    let said = project.run(["plot", "ticks", "-o", "-"]).fails(2);
    assert!(said.contains("line 1: `a ** b` is no formula: expected the end at `** b`"), "{said}");
}

#[test]
fn quantiles_of_a_histogram_are_drawn_where_they_are_asked_for() {
    let project = appliance("[[report.plot]]\ntitle = 'Slow'\nmetric = 'http_*_p95'\n");
    // half of what is counted lies evenly below 0.1, the other half between 0.1 and 0.5
    assert!((mean_drawn(&project, "http_seconds_p95") - 0.46).abs() < 1e-9);
    assert!((mean_drawn(&project, "http_seconds_p50") - 0.1).abs() < 1e-9);
    let page = |arguments: &[&str]| {
        project.run(["report", "-q", "-o", "page.html"].iter().chain(arguments)).ok();
        project.read("page.html")
    };
    let whole = page(&[]);
    assert!(whole.contains("plot:Slow") && !whole.contains("http_seconds, p95"));
    assert!(page(&["--metric", "http_seconds_p99"]).contains("http_seconds, p99"));
}

#[test]
fn a_summary_of_a_thousand_series_is_of_what_is_known() {
    let mut page = String::new();
    for n in 0..150 {
        page += &format!("go_thing_{n} {n}\nmany_digits_{n} 1e300\n");
    }
    page += "node_memory_MemTotal_bytes 4000\nnode_memory_MemAvailable_bytes 1000\n";
    let project = Project::new();
    project.run_with(["import", "--format", "prom", "--node", "db-1", "-"], page.as_bytes()).ok();
    let text = project.run(["summary"]).ok().stdout();
    let row = text.lines().find(|line| line.starts_with("db-1")).unwrap();
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["db-1", "memory_percent", "75"]);
    assert!(text.lines().count() < 20 && text.contains("of 302 stored series"), "{text}");
    // Who wants them gets them, in few letters.
    let all = project.run(["summary", "--metric", "*"]).ok().stdout();
    assert!(
        all.lines().count() > 302 && all.contains("1.000e300") && all.lines().all(|line| line.len() < 200),
        "{all}"
    );
    assert_eq!(project.run(["summary", "--format", "json"]).ok().json()["metrics"].as_array().unwrap().len(), 302);
    // And a name that is nearly one is told.
    let said = project.run(["plot", "mem", "-o", "-"]).fails(4);
    assert!(said.starts_with("error: no metric in range matches mem: there are memory_percent, "), "{said}");
}
