//! What retention leaves can still be shown.

use super::harness::Project;

/// With the retention of the README, reports and summaries of old days ended with "no data", and an export of them was empty.
#[test]
fn days_whose_samples_were_pruned_are_shown_from_rollups() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    project.run(["demo", "--nodes", "2", "--days", "20"]).ok();
    let before = project.run(["info", "--json"]).ok().json();
    let whole =
        project.run(["export", "--from", "now-10d/d", "--to", "now-9d/d", "--every", "1h", "-o", "-"]).ok().stdout();
    project.run(["maintain"]).ok();
    let after = project.run(["info", "--json"]).ok().json();
    assert!(after["samples"].as_u64() < before["samples"].as_u64());
    let (hour, first) = (after["from"].as_str().unwrap(), before["from"].as_str().unwrap());
    assert_eq!((&hour[..13], &after["to"]), (&first[..13], &before["to"]), "the file still tells of all its time");

    for days in [1, 3, 7, 15] {
        let (from, to) = (format!("now-{}d/d", 3 + days), "now-3d/d");
        let range = ["--from", &from, "--to", to];
        let page = format!("{days}.html");
        project.run(["report", "-o", &page].into_iter().chain(range)).ok();
        assert!(project.read(&page).contains("cpu_percent"), "{days} days");
        let summary = project.run(["summary", "--format", "json"].into_iter().chain(range)).ok().json();
        assert_eq!(summary["nodes"].as_array().unwrap().len(), 2, "{days} days");
        assert!(summary["metrics"].as_array().unwrap().iter().any(|row| row["metric"] == "cpu_percent"));
    }
    let pruned =
        project.run(["export", "--from", "now-10d/d", "--to", "now-9d/d", "--every", "1h", "-o", "-"]).ok().stdout();
    assert!(whole == pruned && whole.lines().count() > 24, "an hour's mean is the same from its rollup");
}

/// An outage of half a day was told as 100 % of the expected samples, once the samples around it were gone.
#[test]
fn an_outage_is_still_told_when_the_samples_around_it_are_gone() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for minute in (0..4 * 1440).filter(|minute| !(1440..2160).contains(minute)) {
        csv += &format!("{},db-1,load1,1\n", 1_767_571_200_000_i64 + minute * 60_000);
    }
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let range = ["--from", "2026-01-05", "--to", "2026-01-08"];
    let summary = |json: bool| {
        let format = if json { "json" } else { "text" };
        project.run(["summary", "--format", format].into_iter().chain(range)).ok()
    };
    let share = summary(true).json()["coverage"].as_f64().unwrap();
    project.run(["maintain"]).ok();
    assert_eq!(project.run(["info", "--json"]).ok().json()["samples"], 0);
    let pruned = summary(true).json()["coverage"].as_f64().unwrap();
    assert!((share - 5.0 / 6.0).abs() < 0.001 && (pruned - share).abs() < 0.001, "{share} {pruned}");
    let text = summary(false).stdout();
    assert!(text.contains("told by the hour: the samples are no longer kept"), "{text}");
    assert!(text.contains("the gap is from 2026-01-06 00:00:00 to 2026-01-06 12:00:00"), "{text}");
    let analysed = project.run(["--timezone", "Asia/Tokyo", "analyse"].into_iter().chain(range)).ok().stdout();
    assert!(analysed.contains("the gap is from 2026-01-06 09:00:00 to 2026-01-06 21:00:00"), "{analysed}");
    let told = summary(true).json()["findings"][0]["text"].to_string();
    assert!(told.contains("the gap is from 2026-01-06T00:00:00.000Z to"), "programs have it as ever: {told}");
}

/// The numbers of a line of a table by its columns' names.
fn columns(csv: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let row = |line: &str| names.iter().map(|n| n.to_string()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn near(told: f64, exact: f64) -> bool {
    (told - exact).abs() <= 0.01 * exact.abs() + 1e-9
}

/// They were gaps where samples had been pruned: the report of an old week had no 95 % value, and `buckets` no row at all.
#[test]
fn quantiles_of_an_old_week_outlive_its_samples_within_1_percent() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..7 * 1440_i64 {
        let ts = 1_767_571_200_000 + i * 60_000;
        let wave = 50.0 + 40.0 * (i as f64 / 200.0).sin() + (i * 7919 % 100) as f64 / 20.0;
        csv += &format!("{ts},db-1,cpu_percent,{wave:.2}\n{ts},db-2,cpu_percent,{:.2}\n", wave / 2.0);
        if i % 5 == 0 {
            csv += &format!("{ts},db-1,temp_celsius,{:.1}\n", wave / 3.0 - 20.0);
        }
    }
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let week = ["--from", "2026-01-05", "--to", "2026-01-12"];
    let with = |command: &[&str]| project.run(command.iter().chain(&week)).ok();
    let buckets = "SELECT node, metric, t, count, avg, min, max, p50, p95, p99 FROM buckets(NULL, NULL, NULL, NULL, '1d') ORDER BY 1, 2, 3";
    let answers = || {
        let summary = with(&["summary", "--format", "json"]).json()["metrics"].clone();
        let days = project.run(["sql", "--format", "csv", buckets]).ok().stdout();
        let export = with(&["export", "--every", "6h", "--agg", "avg", "--agg", "p50", "--agg", "p99", "-o", "-"]);
        (summary, columns(&days), columns(&export.stdout()))
    };
    let (summary, days, export) = answers();
    project.run(["maintain"]).ok();
    assert_eq!(project.run(["info", "--json"]).ok().json()["samples"], 0);
    let (told_summary, told_days, told_export) = answers();
    assert_eq!((days.len(), export.len()), (3 * 7, 3 * 7 * 4));
    for (exact, told) in summary.as_array().unwrap().iter().zip(told_summary.as_array().unwrap()) {
        assert_eq!((&exact["metric"], &exact["count"], &exact["avg"]), (&told["metric"], &told["count"], &told["avg"]));
        for q in ["p50", "p95", "p99"] {
            assert!(near(told[q].as_f64().unwrap(), exact[q].as_f64().unwrap()), "{q}: {told} {exact}");
        }
    }
    for (exact, told) in days.iter().chain(&export).zip(told_days.iter().chain(&told_export)) {
        assert_eq!(exact.len(), told.len());
        for (name, value) in exact {
            match (name.starts_with('p'), value.parse::<f64>(), told[name].parse::<f64>()) {
                (true, Ok(exact), Ok(told)) => assert!(near(told, exact), "{name}: {told} {exact}"),
                // The same numbers, added up by the hour.
                (_, Ok(exact), Ok(told)) if name == "avg" => assert!((told - exact).abs() < 1e-9 * exact.abs()),
                _ => assert_eq!(&told[name], value, "{name}"),
            }
        }
    }
    assert!(with(&["summary"]).stderr().contains("p50, p95 and p99 are within 1 %"));
    let export = with(&["export", "--every", "1d", "--agg", "p95", "-o", "x.csv"]);
    assert!(export.stderr().contains("their quantiles are within 1 %"), "{}", export.stderr());
    with(&["report", "-o", "r.html"]);
    assert!(project.read("r.html").contains("known within 1 %"));
    project.run(["check"]).ok();
}
