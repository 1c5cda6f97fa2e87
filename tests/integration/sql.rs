//! Questions in SQL, and what they cannot do.

use super::harness::{Project, SMALL_SAMPLES};

#[test]
fn rows_come_in_the_format_that_is_asked_for() {
    let project = Project::new().with_small_cluster();
    let query = "SELECT node, count(*) AS n, max(value) AS high, NULL AS unknown FROM samples \
                 WHERE metric = 'cpu_percent' GROUP BY node ORDER BY node";
    let run = |format: &str| project.run(["sql", "--format", format, query]).ok().stdout();
    insta::assert_snapshot!(run("csv"), @"
    node,n,high,unknown
    db-1,360,16.0,
    db-2,360,26.0,
    db-3,360,36.0,
    ");
    insta::assert_snapshot!(run("jsonl"), @r#"
    {"node":"db-1","n":360,"high":16.0,"unknown":null}
    {"node":"db-2","n":360,"high":26.0,"unknown":null}
    {"node":"db-3","n":360,"high":36.0,"unknown":null}
    "#);
    insta::assert_snapshot!(run("markdown"), @"
    | node | n | high | unknown |
    | --- | ---: | ---: | ---: |
    | db-1 | 360 | 16.0 |  |
    | db-2 | 360 | 26.0 |  |
    | db-3 | 360 | 36.0 |  |
    ");
    insta::assert_snapshot!(run("table"), @"
    node    n  high  unknown
    db-1  360  16.0
    db-2  360  26.0
    db-3  360  36.0
    ");
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(json[2], serde_json::json!({"node": "db-3", "n": 360, "high": 36.0, "unknown": null}));
}

#[test]
fn a_query_comes_by_argument_or_by_stdin() {
    let project = Project::new().with_small_cluster();
    assert_eq!(project.sql("SELECT count(*) FROM samples"), SMALL_SAMPLES);
    let told =
        project.run_with(["sql", "--format", "csv", "-"], b"SELECT count(*) AS n\nFROM samples;\n").ok().stdout();
    assert_eq!(told, format!("n\n{SMALL_SAMPLES}\n"));
    project.run_with(["sql", "-"], b"").code(2);
}

#[test]
fn the_documented_tables_are_there() {
    let project = Project::new().with_small_cluster();
    for (table, columns) in [
        ("node", "id, name"),
        ("metric", "id, name, kind, unit, help"),
        ("series", "id, node_id, metric_id, labels"),
        ("sample", "ts, series_id, value"),
        ("rollup_1h", "series_id, t, count, sum, min, max, first, last, increase"),
        ("rollup_1d", "series_id, t, count, sum, min, max, first, last, increase"),
        ("samples", "ts, node, metric, labels, value, series_id"),
    ] {
        project.run(["sql", &format!("SELECT {columns} FROM {table} LIMIT 1")]).ok();
    }
    let buckets = "SELECT t, count, avg FROM buckets('cpu_percent', 'db-1', NULL, NULL, '10m') ORDER BY t";
    let rows = project.run(["sql", "--format", "json", buckets]).ok().json();
    assert_eq!(rows.as_array().unwrap().len(), 6);
    assert_eq!(rows[0]["count"], 60);
}

#[test]
fn the_examples_of_the_help_can_be_typed() {
    let project = Project::new().with_small_cluster();
    let help = project.run(["sql", "--help"]).ok().stdout();
    let queries: Vec<&str> =
        help.lines().filter_map(|line| line.trim().strip_prefix("nodebook sql ")?.split('"').nth(1)).collect();
    assert!(queries.len() >= 4, "{help}");
    for query in queries {
        assert!(project.run(["sql", "--format", "csv", query]).ok().stdout().lines().count() > 1, "{query}");
    }
    // 3 x 10,000 bytes every 10 s.
    let query = "SELECT rate(ts, value) FROM samples WHERE node = 'db-3' AND metric = 'disk_read_bytes_total'";
    assert_eq!(project.sql(query), 3000.0);
    let query = "SELECT percentile(value, 50) FROM samples WHERE node = 'db-3' AND metric = 'cpu_percent'";
    assert_eq!(project.sql(query), 33.0);
}

#[test]
fn nothing_can_be_changed_nor_reached_from_there() {
    let project = Project::new().with_small_cluster();
    let before = project.bytes("nodebook.db");
    for query in [
        "DELETE FROM node",
        "INSERT INTO node (name) VALUES ('x')",
        "UPDATE metric SET kind = 'gauge'",
        "DROP TABLE node",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "ATTACH 'evil.db' AS evil",
        "VACUUM INTO 'evil.db'",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('evil')",
        "SELECT writefile('evil.db', 'x')",
        "SELECT 1; DELETE FROM node",
        "BEGIN EXCLUSIVE",
    ] {
        let run = project.run(["sql", query]);
        let stderr = run.stderr();
        assert_eq!(stderr.lines().count(), 1, "{query}: {stderr}");
        let run = run.code(2);
        assert_eq!(run.stdout(), "", "{query}");
    }
    assert!(project.bytes("nodebook.db") == before);
    assert_eq!(project.names(), ["nodebook.db"]);
}

#[test]
fn a_wrong_query_is_told_with_its_reason() {
    let project = Project::new().with_small_cluster();
    insta::assert_snapshot!(project.run(["sql", "SELEC 1"]).fails(2), @r#"error: line 1, column 1: near "SELEC": syntax error"#);
    insta::assert_snapshot!(project.run(["sql", "SELECT weather FROM samples"]).fails(2), @"error: line 1, column 8: no such column: weather: `nodebook sql .schema`, or its --help, tells what there is");
    insta::assert_snapshot!(project.run(["sql", "SELECT * FROM nowhere"]).fails(2), @"error: no such table: nowhere: `nodebook sql .schema`, or its --help, tells what there is");
}

#[test]
fn a_query_that_never_ends_is_stopped() {
    let project = Project::new().with_small_cluster();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    insta::assert_snapshot!(project.run(["sql", "--time-limit", "200ms", endless]).fails(1), @"error: the query was stopped after 0.2 s, its time limit: narrow it by ts, node or metric, or raise --time-limit");
}

#[test]
fn a_long_table_says_that_it_is_cut() {
    let project = Project::new().with_small_cluster();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) SELECT i FROM n";
    let run = project.run(["sql", many]).ok();
    assert!(run.stderr().contains("10000") || run.stderr().contains("10,000"), "{}", run.stderr());
    let csv = project.run(["sql", "--format", "csv", many]).ok();
    assert_eq!((csv.stdout().lines().count(), csv.stderr().as_str()), (12_001, ""));
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let project = Project::new();
    project
        .run_with(
            ["import", "-"],
            "timestamp_ms,node,metric,value\n1767571200000,\x1b]0;owned\x07a,load1,1\n".as_bytes(),
        )
        .ok();
    for format in ["table", "markdown"] {
        let out = project.run(["sql", "--format", format, "SELECT node FROM samples"]).ok().stdout();
        assert!(!out.contains('\x1b') && out.contains("owned"), "{out:?}");
    }
    let out = project.run(["summary"]).ok().stdout();
    assert!(!out.contains('\x1b'), "{out:?}");
}

#[test]
fn the_commands_of_the_prompt_that_tell_something_need_no_prompt() {
    let project = Project::new().with_small_cluster();
    assert!(project.run(["sql", ".tables"]).ok().stdout().contains("rollup_1h, rollup_1d stored aggregates"));
    assert!(project.run(["sql", ".schema"]).ok().stdout().contains("series(id INTEGER"));
    let columns = "samples(ts INTEGER, node TEXT, metric TEXT, labels TEXT, value REAL, series_id INTEGER)\n";
    assert_eq!(project.run_with(["sql", "-"], b".schema samples;\n").ok().stdout(), columns);
    insta::assert_snapshot!(project.run(["sql", ".schema nowhere"]).fails(2), @"error: there is no table `nowhere`: .tables names them");
    insta::assert_snapshot!(project.run(["sql", ".mode csv"]).fails(2), @"error: .mode is not known here: .tables, .schema [TABLE] and .help are, other commands are of the prompt (`nodebook sql` without a query)");
}

#[test]
fn a_time_compared_with_a_text_is_told() {
    let project = Project::new().with_small_cluster();
    let told = |query: &str| project.run(["sql", query]).ok().stderr();
    insta::assert_snapshot!(told("SELECT * FROM samples WHERE ts > '2020-01-01'"), @"warning: ts is a number, ms since 1970, and never as large as a text: write ts >= unixepoch('2026-11-27') * 1000, or iso(ts) >= '2026-11-27'");
    assert_eq!(
        told("SELECT count(*) FROM samples WHERE ts BETWEEN '2020' AND '2021-01-01'"),
        "",
        "a text that is a number"
    );
    assert!(told("SELECT count(*) FROM samples WHERE ts >= '2020-01-01'").contains("unixepoch"));
    for right in ["iso(ts) >= '2020-01-01'", "ts >= unixepoch('2020-01-01') * 1000"] {
        assert_eq!(told(&format!("SELECT count(*) FROM samples WHERE {right}")), "");
        let count = project.sql(&format!("SELECT count(*) FROM samples WHERE {right}"));
        assert_eq!(count, project.sql("SELECT count(*) FROM samples"));
    }
}

#[test]
fn a_damaged_page_is_told_with_the_way_out() {
    let project = Project::new().with_small_cluster();
    let page = project.sql("SELECT pageno FROM dbstat WHERE name = 'node'").as_u64().unwrap() as usize;
    let mut bytes = project.bytes("nodebook.db");
    bytes[page * 2048 - 100] ^= 1;
    project.write("my bad.db", bytes);
    let run = project.run(["sql", "--db", "my bad.db", "SELECT * FROM node"]).code(5);
    insta::assert_snapshot!(run.stderr(), @"error: my bad.db: is damaged (a page does not match its checksum): `nodebook check --db 'my bad.db'` says what is lost: go back to a copy of it, or keep what can still be read: `nodebook check --db 'my bad.db' --recover NEW.db`");
}
