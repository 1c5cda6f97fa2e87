//! The same samples in a file and in an engine: the same answers, and what is said where they are not whole.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::engine::{EngineProcess, Gate, GateRules};
use crate::harness::Project;

const T0: i64 = 1_767_571_200_000;

/// Three hours of four nodes, every 15 s and a little: gauges, counters with resets, parts with labels, a gap, a node that stops, and node_exporter's names.
pub fn cluster() -> String {
    let mut csv = String::from("timestamp,node,metric,labels,value\n");
    let mut row = |ms: i64, node: i64, metric: &str, labels: &str, value: f64| {
        let labels = if labels.is_empty() { String::new() } else { format!("\"{}\"", labels.replace('"', "\"\"")) };
        csv += &format!("{},n-{node},{metric},{labels},{value}\n", T0 + ms);
    };
    for node in 0..4_i64 {
        let mut counter = 1_000.0;
        for i in 0..720_i64 {
            let ms = i * 15_000 + node * 7;
            if (node == 1 && (200..260).contains(&i)) || (node == 2 && i > 600) || (node == 3 && i % 97 == 5) {
                continue;
            }
            let wave = ((i * (node + 3)) as f64 / 40.0).sin();
            row(ms, node, "load1", "", (wave * 100.0).round() / 50.0 + 3.0);
            row(ms, node, "disk_percent", "{\"mount\":\"/\"}", 40.0 + i as f64 / 100.0);
            row(ms, node, "disk_percent", "{\"mount\":\"/var \\\"x\\\"\"}", 60.5 - i as f64 / 200.0);
            counter = if i == 300 + node { 3.0 } else { counter + ((i % 11) * 1_024) as f64 };
            row(ms, node, "net_receive_bytes_total", "{\"interface\":\"eth0\"}", counter);
            for (mode, share) in [("idle", 12.5), ("user", 2.5)] {
                let labels = format!("{{\"cpu\":\"0\",\"mode\":\"{mode}\"}}");
                row(ms, node, "node_cpu_seconds_total", &labels, (i as f64 * share * 1e4 + wave * 1e4).round() / 1e4);
            }
            row(ms, node, "node_memory_MemTotal_bytes", "", 8e9);
            row(ms, node, "node_memory_MemAvailable_bytes", "", 4e9 + 1e9 * wave.round());
        }
    }
    csv
}

pub fn filled() -> Project {
    let project = Project::new().file("cluster.csv", cluster());
    project.run(["import", "cluster.csv"]).ok();
    project
}

/// A project and a VictoriaMetrics with the same samples.
pub fn with_victoria() -> Option<(Project, EngineProcess)> {
    let project = filled();
    let engine = EngineProcess::victoria(&project.path("vm"))?;
    project.run(["export", "--from", "2026-01-01", "--to", "2026-02-01", "-o", "all.jsonl"]).ok();
    engine.import(&project.bytes("all.jsonl"));
    Some((project, engine))
}

/// A Prometheus with the samples of some nodes.
pub fn prometheus_of(project: &Project, data: &std::path::Path, nodes: &str) -> Option<EngineProcess> {
    project.run(["export", "--from", "2026-01-01", "--to", "2026-02-01", "--node", nodes, "-o", "some.om"]).ok();
    let made = std::process::Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&project.path("some.om"), data])
        .output();
    let Ok(made) = made else {
        println!("skipped: there is no promtool here");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    EngineProcess::prometheus(data, "global:\n  scrape_interval: 1h\n")
}

/// A number is the same to 1e-9 of itself, a text to the letter. Where from and when it was made may differ.
fn differences(a: &Value, b: &Value, place: &str, found: &mut Vec<String>) {
    match (a, b) {
        _ if ["/origin", "/bytes"].contains(&place) => {}
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys().filter(|key| !x.contains_key(*key))) {
                let place = format!("{place}/{key}");
                differences(x.get(key).unwrap_or(&Value::Null), y.get(key).unwrap_or(&Value::Null), &place, found);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                differences(x, y, &format!("{place}/{i}"), found);
            }
        }
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            if (x - y).abs() > 1e-9 * x.abs().max(y.abs()).max(1e-3) {
                found.push(format!("{place}: {x} {y}"));
            }
        }
        _ if a == b => {}
        _ => found.push(format!("{place}: {a} {b}").chars().take(300).collect()),
    }
}

#[track_caller]
pub fn assert_same(a: &Value, b: &Value) {
    let mut found = Vec::new();
    differences(a, b, "", &mut found);
    assert!(
        found.is_empty(),
        "{} differences:\n{}",
        found.len(),
        found.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// Tables of which the numbers are the same to a share of themselves.
#[track_caller]
pub fn assert_same_rows(a: &str, b: &str, share: f64) {
    assert_eq!(a.lines().count(), b.lines().count());
    for (a, b) in a.lines().zip(b.lines()) {
        let number = |text: &str| text.parse::<f64>().ok();
        let same = |(a, b): (&str, &str)| match (number(a), number(b)) {
            (Some(a), Some(b)) => (a - b).abs() <= share * a.abs().max(1.0),
            _ => a == b,
        };
        assert!(a.split(',').zip(b.split(',')).all(same), "{a}\n{b}");
    }
}

/// Summary, report, samples, buckets and findings of an engine are those of the file.
fn assert_parity(project: &Project, url: &str) {
    // The ends of this range cut buckets, and a counter has a step from before it.
    for (from, to) in [("2026-01-05T00:10:07Z", "2026-01-05T02:47:31Z"), ("2026-01-05", "2026-01-05T03:00:00Z")] {
        let range = ["--from", from, "--to", to];
        let both = |command: &[&str]| {
            let mut arguments: Vec<&str> = command.iter().chain(&range).copied().collect();
            let local = project.run(&arguments).ok();
            arguments.extend(["--source", url]);
            (local, project.run(&arguments).ok())
        };
        let (local, remote) = both(&["summary", "--format", "json"]);
        assert!(local.json()["metrics"].as_array().unwrap().len() == 32);
        assert_same(&local.json(), &remote.json());
        let (local, remote) = both(&["report", "-o", "-", "--max-size", "3MB"]);
        let page = |html: &str| html.len();
        assert!(page(&local.stdout()).abs_diff(page(&remote.stdout())) < 500);
        project.run(["report", "-o", "l.json"].iter().chain(&range)).ok();
        project.run(["report", "-o", "r.json", "--source", url].iter().chain(&range)).ok();
        let read = |name: &str| serde_json::from_str::<Value>(&project.read(name)).unwrap();
        assert_same(&read("l.json"), &read("r.json"));
        let (local, remote) = both(&["export", "--format", "csv", "-o", "-"]);
        assert_same_rows(&local.stdout(), &remote.stdout(), 1e-12);
        let aggs = "avg,min,max,count,sum,first,last,p95,rate,increase";
        let (local, remote) = both(&["export", "--every", "7m", "--agg", aggs, "--format", "csv", "-o", "-"]);
        assert_same_rows(&local.stdout(), &remote.stdout(), 1e-9);
        let (local, remote) = both(&["analyse", "--format", "json"]);
        assert_same(&local.json(), &remote.json());
    }
    // What is looked at where nothing is said is found out.
    let whole = ["summary", "--format", "json", "--source", url];
    assert_same(&project.run(["summary", "--format", "json"]).ok().json(), &project.run(whole).ok().json());
}

#[test]
fn victoriametrics_gives_the_report_of_the_file() {
    let Some((project, engine)) = with_victoria() else { return };
    assert_parity(&project, &engine.url());
    let plot = ["plot", "load1", "--source", &engine.url(), "-o", "load.svg"];
    project.run(plot).ok();
    project.write(
        "nodebook.toml",
        format!(
            "[source]\nurl = \"{}\"\n[[batch]]\nname = \"day\"\nrange = \"2026-01-05\"\noutput = \"{{name}}.html\"\n",
            engine.url()
        ),
    );
    project.run(["batch", "day"]).ok();
    project.run(["batch", "day", "--db", "ledger.db"]).ok();
    assert!(project.read("day.html").contains("n-3"));
    let refused = project.run(["import", "--source", &engine.url(), "x.csv"]).code(2).stderr();
    assert!(refused.contains("`import` does not ask an engine"), "{refused}");
    let empty = project.run(["summary", "--from", "2026-03-01", "--to", "2026-03-02"]).code(4).stderr();
    assert!(empty.contains("no data between 2026-03-01") && empty.contains("there is some from 2026-01-05"), "{empty}");
}

/// VictoriaMetrics lists 30,000 series at once and computes over 300,000, unless told otherwise: 40 nodes with node_exporter were too many.
#[test]
fn an_engine_that_answers_for_few_series_at_once_is_asked_in_parts() {
    let project = filled();
    project.run(["export", "--from", "2026-01-01", "--to", "2026-02-01", "-o", "all.jsonl"]).ok();
    let engine = |few: u32| {
        let limits = ["-search.maxSeries", "-search.maxUniqueTimeseries"].map(|flag| format!("{flag}={few}"));
        let engine = EngineProcess::victoria_with(&project.path(&few.to_string()), &limits.each_ref().map(|l| &**l))?;
        engine.import(&project.bytes("all.jsonl"));
        Some(engine)
    };
    // A metric has 4 or 8 series, of a node 1 or 2. VictoriaMetrics counts some twice that reached it in two lines at once.
    let Some(few) = engine(4) else { return };
    assert_parity(&project, &few.url());
    let summary = ["summary", "--format", "json", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z"];
    let asked = |more: &[&str]| project.run(summary.iter().chain(more)).ok().json();
    assert_same(&asked(&["--node", "n-1"]), &asked(&["--node", "n-1", "--source", &few.url()]));
    drop(few);

    // Two series of a metric and a node are too many: what is asked for cannot be cut any more.
    let Some(one) = engine(1) else { return };
    let refused = project.run(summary.iter().chain(&["--source", &one.url()])).code(1).stderr();
    let reason = "the number of matching timeseries exceeds 1; ";
    assert!(refused.contains(reason) && refused.contains("-search.maxSeries"), "{refused}");
    assert!(refused.contains("fewer series with --node"), "{refused}");
}

#[test]
fn prometheus_gives_the_report_of_the_file() {
    let project = filled();
    let data = project.path("prometheus");
    let Some(engine) = prometheus_of(&project, &data, "*") else { return };
    assert_parity(&project, &engine.url());
}

#[test]
fn an_answer_that_is_partial_is_said_and_exits_3() {
    let Some((project, engine)) = with_victoria() else { return };
    for (adds, told) in [
        (",\"isPartial\":true", "it says that its answer is partial (isPartial)"),
        (",\"warnings\":[\"store \\u001b[31mthanos-2: connection refused\"]", "thanos-2: connection refused"),
    ] {
        let gate = Gate::before(&engine, GateRules { adds, ..GateRules::default() });
        let url = gate.url();
        let said = project.run(["summary", "--source", &url]).code(3).stderr();
        assert!(said.contains("the answer is partial: ") && said.contains(told), "{said}");
        project.run(["report", "--source", &url, "-o", "r.html", "-o", "r.json"]).code(3);
        let page = project.read("r.html");
        assert!(page.contains("Partial: the engine did not answer for all of its data"), "not at the top");
        assert!(page.contains("thanos-2") || adds.contains("isPartial"));
        for command in ["export --format csv -o -", "plot load1 -o p.svg", "analyse"] {
            let arguments: Vec<&str> = command.split(' ').chain(["--source", &url]).collect();
            project.run(arguments).code(3);
        }
    }
    let harmless = ",\"warnings\":[\"PromQL warning: bucket label \\\"le\\\" is missing\"]";
    let gate = Gate::before(&engine, GateRules { adds: harmless, ..GateRules::default() });
    project.run(["summary", "--source", &gate.url()]).ok();
}

/// Debian has no cluster of VictoriaMetrics: these are real shards of Prometheus, and a real one that reads of both.
#[test]
fn shards_give_the_report_of_the_whole_and_say_partial_when_one_is_killed() {
    let project = filled();
    let mut shards = Vec::new();
    for (name, nodes) in [("a", "n-[01]"), ("b", "n-[23]")] {
        let data = project.path(name);
        let Some(shard) = prometheus_of(&project, &data, nodes) else { return };
        shards.push(shard);
    }
    let reads: String =
        shards.iter().map(|shard| format!("  - url: {}/api/v1/read\n    read_recent: true\n", shard.url())).collect();
    let config = format!("global:\n  scrape_interval: 1h\nremote_read:\n{reads}");
    let Some(whole) = EngineProcess::prometheus(&project.path("whole"), &config) else { return };
    let range = ["summary", "--format", "json", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z"];
    let asked = || project.run(range.iter().copied().chain(["--source", &whole.url()]));
    let local = project.run(range).ok().json();
    assert_same(&local, &asked().ok().json());
    shards[1].kill();
    let half = asked().code(3);
    assert!(half.stderr().contains("the answer is partial: remote_read: "), "{}", half.stderr());
    assert_eq!(half.json()["nodes"], json!(["n-0", "n-1"]));
    let report = ["report", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z", "-o", "half.html"];
    project.run(report.iter().copied().chain(["--source", &whole.url()])).code(3);
    assert!(
        project.read("half.html").contains("Partial: the engine did not answer for all of its data (remote_read: ")
    );
}

#[test]
fn an_engine_that_is_busy_is_asked_again_and_one_that_is_not_there_is_named() {
    let Some((project, engine)) = with_victoria() else { return };
    let rules = GateRules { busy: 4, wants: Some("authorization: bearer 0123456789abcdef"), ..GateRules::default() };
    let gate = Gate::before(&engine, rules);
    project.write("token", "0123456789abcdef\n");
    #[cfg(unix)]
    std::fs::set_permissions(project.path("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = format!("[source]\nurl = \"{}\"\ntenant = \"a\"\ntoken_file = \"token\"\n", gate.url());
    project.write("nodebook.toml", &config);
    project.run(["summary", "--format", "json"]).ok();
    assert!(gate.asked.load(Ordering::Relaxed) > 4);
    project.write("nodebook.toml", config.replace("token_file = \"token\"\n", ""));
    let said = project.run(["summary"]).code(1).stderr();
    assert!(said.contains("answers 401: who are you?") && said.contains("token_file"), "{said}");
    project.write("nodebook.toml", "");

    let nobody = format!("http://user:secret@127.0.0.1:{}", crate::engine::free_port());
    let said = project.run(["report", "--source", &nobody, "-o", "r.html"]).code(1).stderr();
    assert!(said.contains("nobody listens there") && !said.contains("secret"), "{said}");
    let wrong = format!("{}/select/0/prometheus", engine.url());
    let said = project.run(["summary", "--source", &wrong]).code(1).stderr();
    assert!(said.contains("is no engine that speaks the Prometheus HTTP API"), "{said}");
    project.run(["summary", "--source", "ftp://x"]).code(2);
    project.run(["summary", "--source", "http://x", "--source-flavour", "influx"]).code(2);
    let table =
        project.run(["sql", "--format", "json", "SELECT count(*) AS n FROM samples", "--source", &engine.url()]);
    assert_eq!(table.ok().json()[0]["n"], json!(cluster().lines().count() - 1));
}
