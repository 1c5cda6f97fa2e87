//! One period against another: in a report, in the terminal, between two files.

use serde_json::Value;

use super::harness::{Project, SMALL_START_MS, small_cluster};

const FIRST: &str = "2026-01-05T00:00:00Z..2026-01-05T00:30:00Z";
const SECOND: &str = "2026-01-05T00:30:00Z..2026-01-05T01:00:00Z";

/// The small cluster, whose processors are twice as busy.
fn busier() -> String {
    let double = |line: &str| match line.rsplit_once(",") {
        Some((key, value)) if key.contains("cpu_percent") => format!("{key},{}\n", 2.0 * value.parse::<f64>().unwrap()),
        _ => format!("{line}\n"),
    };
    small_cluster().lines().map(double).collect()
}

/// What stands between two marks.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(text, _)| text)
}

fn change<'a>(found: &'a Value, node: &str, metric: &str) -> &'a Value {
    let changes = found["changes"].as_array().unwrap();
    changes.iter().find(|c| c["node"] == node && c["metric"] == metric).unwrap_or_else(|| panic!("{metric} of {node}"))
}

#[test]
fn two_ranges_have_the_numbers_of_sql() {
    let project = Project::new().with_small_cluster();
    let found = project.run(["compare", FIRST, SECOND, "--format", "json"]).ok().json();
    let half = SMALL_START_MS + 1_800_000;
    let mean = |from: i64, to: i64| {
        project.sql(&format!(
            "SELECT avg(value) FROM samples WHERE metric = 'cpu_percent' AND node = 'db-2' AND ts >= {from} AND ts < {to}"
        ))
    };
    let cpu = change(&found, "db-2", "cpu_percent");
    let near = |a: &Value, b: Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-9;
    assert!(near(&cpu["before"]["avg"], mean(0, half)), "{cpu}");
    assert!(near(&cpu["now"]["avg"], mean(half, i64::MAX)), "{cpu}");
    assert_eq!((&found["findings"], &cpu["steady"]), (&Value::Array(Vec::new()), &Value::Null), "nothing changed");
    assert_eq!(found["before"]["to"], found["now"]["from"]);
    let text = project.run(["compare", FIRST, SECOND]).ok().stdout();
    assert!(text.contains("cpu_percent") && text.ends_with("nothing changed much and steadily\n"), "{text}");
    let there = project.run(["--timezone", "Asia/Tokyo", "compare", FIRST, SECOND]).ok().stdout();
    assert!(
        there.contains("A: nodebook.db, 2026-01-05 09:00:00 to 2026-01-05 09:30:00 Asia/Tokyo, nodes: 3"),
        "{there}"
    );
}

#[test]
fn two_databases_are_compared_whole_and_a_report_has_both() {
    let project = Project::new().file("a.csv", small_cluster()).file("b.csv", busier());
    project.run(["--db", "a.db", "import", "a.csv"]).ok();
    project.run(["--db", "b.db", "import", "b.csv"]).ok();
    let found = project.run(["compare", "a.db", "b.db", "--format", "json", "-o", "both.html"]).ok().json();
    let cpu = change(&found, "db-1", "cpu_percent");
    assert_eq!(cpu["now"]["avg"].as_f64().unwrap(), 2.0 * cpu["before"]["avg"].as_f64().unwrap());
    assert_eq!(cpu["steady"]["pieces"], "stretches");
    let told: Vec<&Value> = found["findings"].as_array().unwrap().iter().map(|f| &f["metric"]).collect();
    assert_eq!(told, ["cpu_percent"; 3]);
    assert_eq!((&found["findings"][0]["kind"], &found["findings"][0]["severity"]), (&"compare".into(), &"warn".into()));
    let page = project.read("both.html");
    assert!(page.contains("data-section=\"compare\"") && page.contains("of a.db"), "it says what it is compared with");
    assert!(page.contains("CPU busy is higher on 3 of 3 nodes"));
    let top = between(&page, "<p class=\"period\"><span>", "</span>");
    let runs = top
        .strip_prefix("b.db, Mon 5 Jan 2026, ")
        .and_then(|top| top.split_once(", compared with a.db, Mon 5 Jan 2026, "));
    assert!(runs.is_some_and(|(now, then)| now == then), "the top names both runs: {top}");
    assert!(page.contains(&format!(" · {top}</title>")));
    let first = |of: &str| page.find(of).unwrap();
    assert!(first("data-section=\"compare\"") < first("data-section=\"findings\""), "what it was made for is on top");
    assert!(first("data-section=\"findings\"") < first("class=\"filter"), "and leads as the others do");
    assert!(page.matches("class=\"l before\"").count() >= 3, "a line behind each");
    let same = project.run(["compare", "a.db", "a.db"]).ok().stdout();
    assert!(same.ends_with("nothing changed much and steadily\n"), "{same}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let project = Project::new().with_small_cluster();
    let mixed = project.run(["compare", "nodebook.db", "yesterday"]).fails(2);
    assert!(mixed.contains("nodebook.db is a database and `yesterday` is not"), "{mixed}");
    let neither = project.run(["compare", "other.db", "yesterday"]).fails(2);
    assert!(neither.contains("`other.db` is neither a database nor a period"), "{neither}");
    let nothing = project.run(["compare", "2020-01-01", SECOND]).fails(4);
    assert!(nothing.contains("nothing to compare with between 2020-01-01"), "{nothing}");
    let empty = project.run(["report", "--compare", "2020-01-01", "-o", "a.html"]).fails(4);
    assert!(empty.contains("nothing to compare with"), "{empty}");
    assert!(project.run(["report", "--compare", "sometimes", "-o", "a.html"]).fails(2).contains("sometimes"));
}

#[test]
fn a_report_compares_with_what_it_is_told_to() {
    let project = Project::new().with_small_cluster();
    let page = |words: &[&str]| {
        let line = ["report", "--range", SECOND, "-o", "a.html"].iter().chain(words);
        project.run(line.map(|word| (*word).to_owned())).ok();
        project.read("a.html")
    };
    let with = page(&[]);
    assert!(with.contains("data-delta=\"") && with.contains("data-section=\"compare\""));
    assert!(with.contains("Changes are against Mon 5 Jan 2026, 00:00:00 – 00:30:00."), "by default the period before");
    let without = page(&["--compare", "none"]);
    assert!(!without.contains("data-delta=\"") && !without.contains("class=\"l before\""));
    assert!(!without.contains("Changes are against") && !without.contains("period before"));
    // The first half hour has nothing before it.
    let first = project.run(["report", "--range", FIRST, "-o", "-"]).ok().stdout();
    assert!(!first.contains("data-delta=\"") && first.contains("there are no changes to show"));
}
