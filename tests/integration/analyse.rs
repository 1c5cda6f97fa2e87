//! Findings by the real command: what is planted is named, what is quiet is said to be.

use super::harness::{Project, SMALL_START_MS};

const MINUTE: i64 = 60_000;
/// Four days of five minutes.
const ROWS: usize = 4 * 288;

/// A number between 0 and 1 that looks random.
fn noise(i: usize) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1u64 << 24) as f64
}

/// Two nodes with a daily rhythm, every five minutes at two past; `db-2` is busy for an hour on the third day.
fn planted() -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for i in 0..ROWS {
        let ts = SMALL_START_MS + (2 + 5 * i as i64) * MINUTE;
        let wave = 20.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin();
        for node in 1..=2 {
            let busy = if node == 2 && (700..712).contains(&i) { 45.0 } else { 0.0 };
            csv += &format!("{ts},db-{node},cpu_percent,,{:.2}\n", 30.0 + wave + busy + 4.0 * noise(2 * i + node));
        }
        csv += &format!(
            "{ts},=db-1,\"disk_percent\",\"{{\"\"mount\"\":\"\"/var\"\"}}\",{}\n",
            60.0 + i as f64 * 8.0 / 288.0
        );
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project
}

fn all(arguments: &[&str]) -> Vec<String> {
    let span = ["--from", "2026-01-05", "--to", "2026-01-10"];
    arguments.iter().chain(&span).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_planted_hour_is_found_by_name_with_the_promised_keys() {
    let project = planted();
    let json = project.run(all(&["analyse", "--what", "anomalies", "--node", "db-*", "--format", "json"])).ok().json();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!((json.as_object().unwrap().len(), findings.len()), (1, 1), "{json}");
    let found = findings[0].as_object().unwrap();
    let keys: Vec<&str> = found.keys().map(String::as_str).collect();
    for key in ["kind", "severity", "node", "metric", "from", "to", "text", "value", "expected", "unit"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    assert_eq!((keys.len(), &found["node"], &found["metric"]), (10, &"db-2".into(), &"cpu_percent".into()));
    assert_eq!(
        (&found["kind"], &found["severity"], &found["unit"]),
        (&"anomaly".into(), &"warn".into(), &"percent".into())
    );
    let hour = (SMALL_START_MS / MINUTE + 2 + 5 * 700) * MINUTE;
    let planted = chrono_text(hour)..chrono_text(hour + 60 * MINUTE);
    assert!(
        found["from"].as_str().unwrap() < planted.end.as_str()
            && found["to"].as_str().unwrap() > planted.start.as_str()
    );
    assert!(found["value"].as_f64().unwrap() > found["expected"].as_f64().unwrap() + 30.0, "{json}");
    let text = project.run(all(&["analyse", "--node", "db-*", "--timezone", "Asia/Tokyo"])).ok().stdout();
    assert!(text.contains("CPU busy on db-2 was ") && text.contains("2026-01-07 19:"), "{text}");
    let summary = project.run(all(&["summary", "--node", "db-*", "--format", "json"])).ok().json();
    assert_eq!(summary["findings"], json["findings"], "one way to judge");
}

/// RFC 3339 of a time on 2026-01-07, the third day.
fn chrono_text(ms: i64) -> String {
    let of_day = (ms - SMALL_START_MS) / MINUTE - 2 * 1_440;
    format!("2026-01-07T{:02}:{:02}:00.000Z", of_day / 60, of_day % 60)
}

#[test]
fn the_dense_score_has_a_row_for_every_series_and_step_at_the_samples_own_times() {
    let project = planted();
    let text = project.run(all(&["analyse", "--what", "anomalies", "--format", "csv"])).ok().stdout();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!((rows[0], rows.len()), ("series,timestamp,score,alarm", 1 + 3 * ROWS));
    assert!(rows[1].starts_with(r#""'=db-1/disk_percent{mount=""/var""}",2026-01-05T00:02:00.000Z,"#), "{}", rows[1]);
    let of = |series: &str, alarm: &str| {
        let hits = rows.iter().filter(|row| row.starts_with(series) && row.ends_with(alarm));
        hits.count()
    };
    assert_eq!(of("db-2/cpu_percent,", ",0") + of("db-2/cpu_percent,", ",1") + of("db-2/cpu_percent,", ",2"), ROWS);
    assert!(of("db-2/cpu_percent,", ",2") >= 4, "the busy hour is strong");
    assert!((ROWS - 16..ROWS - 6).contains(&of("db-2/cpu_percent,", ",0")), "and nothing else is odd");
    assert_eq!(of("db-1/cpu_percent,", ",0"), ROWS, "the other node is quiet");
    assert_eq!(
        project.run(all(&["analyse", "--format", "csv"])).ok().stdout(),
        text,
        "all is anomalies as far as CSV goes"
    );
}

#[test]
fn a_disk_that_fills_is_told_in_days() {
    let project = Project::new();
    let wide = ["analyse", "--what", "forecast", "--from", "2026-01-05", "--to", "2026-01-12"];
    let rows: String = (0..7 * 288).fold("timestamp_ms,node,metric,value\n".to_owned(), |csv, i| {
        let ts = SMALL_START_MS + (2 + 5 * i as i64) * MINUTE;
        csv + &format!("{ts},db-9,disk_percent,{}\n", 60.0 + i as f64 * 4.0 / 288.0)
    });
    project.run_with(["import", "-"], rows.as_bytes()).ok();
    let json = project.run([&wide[..], &["--node", "db-9", "--format", "json"]].concat()).ok().json();
    let found = &json["findings"][0];
    assert_eq!((&found["kind"], &found["unit"], &found["node"]), (&"capacity".into(), &"days".into(), &"db-9".into()));
    assert!((2.0..5.0).contains(&found["value"].as_f64().unwrap()), "88 % after a week, 4 a day: {json}");
    let csv = project.run([&wide[..], &["--node", "db-9", "--format", "csv"]].concat()).ok().stdout();
    assert!(
        csv.starts_with("kind,severity,node,metric,from,to,value,expected,unit,text\ncapacity,bad,db-9,disk_percent,"),
        "{csv}"
    );
}

#[test]
fn nothing_found_is_said() {
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..288 {
        csv += &format!("{},db-1,queue_depth,7\n", SMALL_START_MS + i * 5 * MINUTE);
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let run = project.run(["analyse"]).ok();
    assert_eq!(run.stdout(), "nothing found\n");
    assert!(run.stderr().contains("1 series not judged: the same value all the time"), "{}", run.stderr());
    let run = project.run(["analyse", "--format", "json"]).ok();
    assert_eq!(run.json(), serde_json::json!({ "findings": [] }));
    assert!(run.stderr().contains("nothing found"), "{}", run.stderr());
    assert!(project.run(["summary"]).ok().stdout().contains("\nnothing found\n"));
    assert!(project.run(["summary", "--format", "markdown"]).ok().stdout().contains("\n- nothing found\n"));
    project.run(["analyse", "--node", "nobody"]).fails(4);
    project.run(["analyse", "--range", "2020-01-01", "--format", "csv"]).fails(4);
}

/// Time of which only rollups were left was told as "nothing found", though nothing of it had been judged.
/// A range of a day said "nothing found" of a disk that ten days say is full tomorrow.
#[test]
fn what_is_too_short_for_a_forecast_is_not_told_as_nothing() {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for hour in 0..8 * 24 {
        csv += &format!("{},db-1,disk_percent,,{}\n", SMALL_START_MS + hour * 60 * MINUTE, 10.0 + noise(hour as usize));
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let forecast = |range: [&str; 4]| project.run(["analyse", "--what", "forecast"].into_iter().chain(range)).ok();
    let day = ["--from", "2026-01-11", "--to", "2026-01-12"];
    let why = "nothing could be judged for a forecast: it needs 5 days of history, and this range has 24 h; there are 7 days, a longer range tells it";
    assert_eq!(forecast(day).stdout(), format!("{why}\n"));
    assert_eq!(forecast(["--from", "2026-01-05", "--to", "2026-01-12"]).stdout(), "nothing found\n");
    project.run(["report", "-o", "a.html"].into_iter().chain(day)).ok();
    assert!(
        project.read("a.html").replace('\u{a0}', " ").contains(&format!("Capacity ({why})")),
        "the method says why"
    );
    let project = project.file("nodebook.toml", "[report]\nsections = [\"capacity\"]\n");
    project.run(["report", "-o", "a.html"].into_iter().chain(day)).ok();
    assert!(project.read("a.html").replace('\u{a0}', " ").contains(&format!("Nothing to show: {why}.")));
}

/// The rows of a minute reach beyond the data on both sides; single samples lie elsewhere than their mean.
#[test]
fn a_limit_is_told_by_means_and_within_the_data() {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for second in 42..600 {
        let value = if second % 10 == 0 { 86.4 } else { 99.0 };
        csv += &format!("{},vm,cpu_percent,,{value}\n", SMALL_START_MS + 1_000 * second);
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let found = project.run(["summary", "--format", "json"]).ok().json();
    let limit = &found["findings"][0];
    assert_eq!(limit["text"], "CPU busy on vm was at or above 95 % all the time by means of 1 min, the last 97.7 %");
    assert_eq!((&limit["from"], &limit["to"]), (&found["from"], &found["to"]), "{found}");
    let text = project.run(["analyse"]).ok().stdout();
    assert!(text.contains("2026-01-05 00:00:42  2026-01-05 00:09:59"), "a stretch of minutes has its seconds: {text}");
}

#[test]
fn what_retention_leaves_is_judged_by_the_hour() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..14 * 288 {
        let wave = 20.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin();
        let busy = if (2_400..2_640).contains(&i) { 45.0 } else { 0.0 };
        let value = 30.0 + wave + busy + 4.0 * noise(i);
        csv += &format!("{},db-1,cpu_percent,{value:.2}\n", SMALL_START_MS + i as i64 * 5 * MINUTE);
    }
    let project = Project::new().file("nodebook.toml", config);
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["maintain"]).ok();
    assert_eq!(project.run(["info", "--json"]).ok().json()["samples"], 0);
    let run = project.run(["analyse", "--from", "2026-01-05", "--to", "2026-01-19", "--format", "json"]).ok();
    assert!(run.stderr().contains("judged by the hour"), "{}", run.stderr());
    let json = run.json();
    let found = json["findings"].as_array().unwrap().iter().find(|f| f["kind"] == "change");
    let found = found.unwrap_or_else(|| panic!("{json}"));
    assert!(found["from"].as_str().unwrap().starts_with("2026-01-13"), "{json}");
}

#[test]
fn a_sensitivity_of_high_tells_more_than_one_of_low() {
    let alarms = |sensitivity: &str| {
        let project = planted().variable("NODEBOOK_ANALYSIS_SENSITIVITY", sensitivity);
        let text = project.run(all(&["analyse", "--format", "csv"])).ok().stdout();
        text.lines().filter(|row| row.ends_with(",1") || row.ends_with(",2")).count()
    };
    let (low, high) = (alarms("low"), alarms("high"));
    assert!(low < high, "{low} {high}");
}

#[test]
fn what_happens_in_a_maintenance_window_of_its_node_is_muted_and_counted() {
    let project = planted();
    let window = ["--at", "2026-01-07 10:00", "--until", "2026-01-07 12:00", "--timezone", "UTC"];
    let anomalies = || project.run(all(&["analyse", "--what", "anomalies", "--node", "db-*", "--format", "json"])).ok();
    let told = || anomalies().json()["findings"].as_array().unwrap().len();
    project.run([&["annotate", "maintenance", "--node", "web-*"], &window[..]].concat()).ok();
    assert_eq!(told(), 1, "of other nodes");
    project.run([&["annotate", "deploy 4.2", "--node", "db-2"], &window[..]].concat()).ok();
    assert_eq!(told(), 1, "a deploy that lasts is none");
    let run =
        project.run([&["annotate", "Planned maintenance: disk swap", "--node", "db-2"], &window[..]].concat()).ok();
    assert!(run.stderr().contains("is muted"), "{}", run.stderr());
    let run = anomalies();
    assert_eq!(run.json(), serde_json::json!({ "findings": [] }));
    assert!(run.stderr().contains("1 finding muted by maintenance"), "{}", run.stderr());
}

#[test]
fn which_events_mute_can_be_set() {
    let told = |mute: &str| {
        let project = planted().variable("NODEBOOK_ANALYSIS_MUTE", mute);
        let window = ["--at", "2026-01-07 10:00", "--until", "2026-01-07 12:00", "--timezone", "UTC"];
        project.run([&["annotate", "Wartung"], &window[..]].concat()).ok();
        let run = project.run(all(&["analyse", "--what", "anomalies", "--node", "db-*", "--format", "json"])).ok();
        run.json()["findings"].as_array().unwrap().len()
    };
    assert_eq!((told("wartung*"), told("deploy*"), told("*")), (0, 1, 0));
}

/// The steps of nodes whose metric has the same name were joined where they lay within an hour of each other, by chance too.
#[test]
fn changes_are_told_series_by_series_where_they_are_asked_for_and_a_roll_out_once_in_all() {
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..7 * 288 {
        let ts = SMALL_START_MS + i as i64 * 5 * MINUTE;
        for node in 0..8 {
            let step = if node < 3 && i >= 1_000 + node { 20.0 } else { 0.0 };
            csv += &format!("{ts},db-{node},cpu_percent,{:.2}\n", 30.0 + step + 4.0 * noise(8 * i + node));
        }
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let changes = |what: &str| {
        let json = project.run(["analyse", "--last", "7d", "--what", what, "--format", "json"]).ok().json();
        let all: Vec<serde_json::Value> = json["findings"].as_array().unwrap().clone();
        all.into_iter().filter(|f| f["kind"] == "change").collect::<Vec<_>>()
    };
    let mut nodes: Vec<String> = changes("changes").iter().map(|f| f["node"].as_str().unwrap().to_owned()).collect();
    nodes.sort();
    assert_eq!(nodes, ["db-0", "db-1", "db-2"]);
    let together = changes("all");
    assert_eq!(together.len(), 1, "{together:?}");
    assert!(together[0]["text"].as_str().unwrap().ends_with("; 2 other series on 3 nodes shifted with it"));
}

#[test]
fn a_floor_of_ones_own_says_what_is_small() {
    let found = |floor: &str| {
        let project = planted().variable("NODEBOOK_ANALYSIS_FLOORS_PERCENT", floor);
        let json =
            project.run(all(&["analyse", "--what", "anomalies", "--node", "db-*", "--format", "json"])).ok().json();
        json["findings"].as_array().unwrap().len()
    };
    assert_eq!((found("5"), found("60")), (1, 0), "the hour is 45 points above");
}

/// A fortnight of five minutes: the second week is so much higher, all day long.
fn fortnight(higher: f64) -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..14 * 288 {
        let wave = 10.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin();
        let level = 30.0 + wave + if i >= 7 * 288 { higher } else { 0.0 };
        let ts = SMALL_START_MS + i as i64 * 5 * MINUTE;
        csv += &format!("{ts},db-1,cpu_percent,{:.2}\n", level + 2.0 * noise(i));
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project
}

#[test]
fn a_week_is_compared_with_the_week_before_where_that_is_there() {
    let compared = |project: &Project, from: &str, to: &str| {
        let run = project.run(["analyse", "--from", from, "--to", to, "--format", "json"]).ok();
        let findings = run.json()["findings"].as_array().unwrap().clone();
        (findings.into_iter().filter(|f| f["kind"] == "compare").collect::<Vec<_>>(), run.stderr())
    };
    let (found, _) = compared(&fortnight(25.0), "2026-01-12", "2026-01-19");
    assert_eq!((found.len(), &found[0]["severity"]), (1, &"warn".into()), "{found:?}");
    let change = found[0]["value"].as_f64().unwrap() - found[0]["expected"].as_f64().unwrap();
    assert!((change - 25.0).abs() < 1.0, "{found:?}");
    let (found, _) = compared(&fortnight(8.0), "2026-01-12", "2026-01-19");
    assert_eq!((found.len(), &found[0]["severity"]), (1, &"info".into()), "a quarter is no half: {found:?}");
    let (found, said) = compared(&fortnight(25.0), "2026-01-07", "2026-01-14");
    assert!(found.is_empty() && said.contains("3 days of the period before are needed"), "{said}");
}

#[test]
fn the_settings_that_the_help_shows_are_the_defaults_and_a_wrong_one_gets_one_line() {
    let project = planted();
    let found = |project: &Project| project.run(all(&["analyse", "--node", "db-*", "--format", "json"])).ok().json();
    let help = project.run(["analyse", "--help"]).ok().stdout();
    let block = help.split("tells findings:\n").nth(1).unwrap();
    let block: Vec<&str> = block.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    for key in [
        "sensitivity",
        "mute",
        "percent",
        "bytes",
        "bytes_per_second",
        "per_second",
        "seconds",
        "celsius",
        "count",
        "none",
    ] {
        assert!(block.iter().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not in {block:?}");
    }
    let before = found(&project);
    let project = project.file("nodebook.toml", block.join("\n"));
    assert_eq!(found(&project), before);
    let project = project.file("nodebook.toml", "[analysis]\nsensitivity = \"loud\"\n");
    let said = project.run(["analyse"]).fails(2);
    assert!(said.trim_end().lines().count() == 1 && said.contains("`low`, `normal` and `high`"), "{said}");
}
