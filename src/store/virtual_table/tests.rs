use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::model::{Batch, Labels, MetricName, NodeName, STALE_MARKER_BITS, Sample, SeriesKey, Timestamp};
use crate::store::{OnConflict, Store, StoreOptions};

/// 2026-01-05T00:00:00Z
const START: i64 = 1_767_571_200_000;
const MINUTE: i64 = 60_000;

fn key(node: &str, metric: &str, labels: &[(&str, &str)]) -> SeriesKey {
    SeriesKey {
        node: NodeName::new(node).unwrap(),
        metric: MetricName::new(metric).unwrap(),
        labels: Labels::new(labels.iter().copied()).unwrap(),
    }
}

fn append(store: &mut Store, key: &SeriesKey, samples: impl IntoIterator<Item = (i64, f64)>) {
    let mut batch = Batch::default();
    for (ts, value) in samples {
        batch.push(key.clone(), None, Sample { ts: Timestamp::from_millis(ts), value });
    }
    store.append(&batch, OnConflict::Replace).unwrap();
}

/// Three nodes with three metrics each, ten hours of minutes: sealed but for the last hours, with late and stale samples.
fn write(path: &Path) {
    let mut store = Store::open(path, StoreOptions::default()).unwrap();
    let mut keys = Vec::new();
    for node in ["a", "b", "5"] {
        keys.push(key(node, "cpu_percent", &[]));
        keys.push(key(node, "disk_percent", &[("mount", "/")]));
        keys.push(key(node, "net_bytes_total", &[("interface", "eth0")]));
    }
    for (n, key) in (1i64..).zip(&keys) {
        let value = |i: i64| match i % 97 {
            13 => f64::from_bits(STALE_MARKER_BITS),
            _ => (i * n % 400) as f64 / 4.0,
        };
        append(&mut store, key, (0..600).filter(|i| i % 50 != n).map(|i| (START + i * MINUTE + n % 3, value(i))));
    }
    store.seal(Timestamp::from_millis(START + 8 * 60 * MINUTE)).unwrap();
    // Late ones: in a hole of the chunk, over a sample of the chunk, and before everything.
    append(&mut store, &keys[0], [(START + MINUTE + 1, 1000.0), (START + 2 * MINUTE + 1, 2000.0), (START - 5, 3000.0)]);
    store.close().unwrap();
}

/// A connection with `samples`, and `copy`, a plain table of the same rows.
fn open(directory: &TempDir) -> Connection {
    let path = directory.path().join("test.db");
    write(&path);
    let conn = crate::store::open_for_tampering(&path);
    super::register(&conn).unwrap();
    conn.execute_batch("CREATE TEMP TABLE copy AS SELECT * FROM samples").unwrap();
    conn
}

/// Every row of a query as text, sorted.
fn rows(conn: &Connection, sql: &str) -> Result<Vec<String>, String> {
    let mut statement = conn.prepare(sql).map_err(|e| e.to_string())?;
    let width = statement.column_count();
    let mut found = statement.query([]).map_err(|e| e.to_string())?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(|e| e.to_string())? {
        rows.push(
            (0..width).map(|i| format!("{:?}|", row.get::<_, rusqlite::types::Value>(i).unwrap())).collect::<String>(),
        );
    }
    rows.sort();
    Ok(rows)
}

fn one(conn: &Connection, sql: &str) -> String {
    conn.query_row(sql, [], |row| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(0)?))).unwrap()
}

#[test]
fn every_sample_is_there_once() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    assert_eq!(one(&conn, "SELECT count(*) FROM sample WHERE ts > 0"), "Integer(1065)", "some in the head");
    // 9 series of 600 minutes less 12, and two of the three late samples are new.
    assert_eq!(one(&conn, "SELECT count(*) FROM samples"), format!("Integer({})", 9 * 588 + 2));
    assert_eq!(
        one(&conn, "SELECT count(DISTINCT series_id || ' ' || ts) FROM samples"),
        format!("Integer({})", 9 * 588 + 2)
    );
    assert_eq!(one(&conn, "SELECT max(value) FROM samples WHERE ts < 1767571400000 AND node = 'a'"), "Real(3000.0)");
    assert_eq!(one(&conn, "SELECT value FROM samples WHERE ts = 1767571320001 AND series_id = 1"), "Real(2000.0)");
    assert_eq!(one(&conn, "SELECT count(*) FROM samples WHERE value IS NULL"), "Integer(60)");
    assert_eq!(
        rows(&conn, "SELECT DISTINCT labels FROM samples WHERE metric LIKE 'disk%'").unwrap(),
        ["Text(\"{\\\"mount\\\":\\\"/\\\"}\")|"]
    );
}

#[test]
fn conditions_mean_what_they_mean_on_a_plain_table() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    for condition in [
        "node = 'a' OR metric = 'cpu_percent'",
        "node = 'a' OR series_id = 2 OR ts = 1767571260000",
        "node IN ('a', 'b') AND metric IN ('cpu_percent')",
        "node IN (SELECT name FROM node WHERE name < 'b')",
        "series_id IN (1, 2.0, '3', 4.5, 'x', NULL)",
        "series_id = '2'",
        "node = 5",
        "node = 5.0",
        "node IN (5, x'61')",
        "node = 'A'",
        "node = 'A' COLLATE NOCASE",
        "node = NULL",
        "ts = NULL",
        "ts >= 1767571260000.5 AND ts < '1767571500000'",
        "ts > ' 1767571260001 '",
        "ts < 'soon' AND series_id = 1",
        "ts > 'soon'",
        "ts > -1e300 AND ts < 1e300 AND series_id = 1",
        "ts >= (SELECT max(ts) - 60000 FROM samples)",
        "ts BETWEEN 1767571200000 + 3600000 AND 1767571200000 + 7200000",
        "ts / 60000 > 29459699",
        "labels = '' AND node = 'b'",
        "labels = '{\"mount\":\"/\"}'",
        "value > 99.5",
        "value IS NULL AND node = 'a'",
        "node = metric",
        "node = 'a' AND node = 'b'",
        "ts > 1767571260000 AND ts > 1767573260000 AND ts <= 1767583260000 AND node <> 'a'",
        "(node, metric) IN (VALUES ('a', 'cpu_percent'), ('b', 'disk_percent'))",
    ] {
        let of = |table: &str| rows(&conn, &format!("SELECT * FROM {table} WHERE {condition}"));
        assert_eq!(of("samples"), of("copy"), "{condition}");
    }
}

#[test]
fn joins_limits_and_groups_work() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    for sql in [
        "SELECT n.name, count(*), avg(s.value) FROM node n JOIN {} s ON s.node = n.name GROUP BY 1",
        "SELECT m.name, s.node, max(s.ts) FROM metric m CROSS JOIN {} s ON s.metric = m.name AND s.node IN ('a', 'b') GROUP BY 1, 2",
        "SELECT count(*) FROM {} x JOIN {} y ON x.ts = y.ts AND x.series_id = 1 AND y.series_id = 4",
        "SELECT metric, ts / 3600000 AS hour, min(value), max(value), sum(value) FROM {} GROUP BY 1, 2",
        "SELECT * FROM {} ORDER BY ts, series_id LIMIT 10 OFFSET 5",
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 7 OFFSET 3)",
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 10 OFFSET 5290)",
        "SELECT count(*) FROM {} WHERE EXISTS (SELECT 1 FROM {} i WHERE i.ts = 1767571260001)",
    ] {
        assert_eq!(rows(&conn, &sql.replace("{}", "samples")), rows(&conn, &sql.replace("{}", "copy")), "{sql}");
    }
}

#[test]
fn buckets_are_what_grouping_gives() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    let by_hour = "SELECT node, metric, labels, time_bucket('1h', ts) AS t, count(value), sum(value), min(value), max(value), avg(value)
                   FROM copy WHERE metric LIKE 'cpu%' AND ts >= 1767571200000 AND ts < 1767583260000 GROUP BY 1, 2, 3, 4";
    let buckets = "SELECT node, metric, labels, t, count, sum, min, max, avg
                   FROM buckets('cpu*', NULL, '2026-01-05', 1767583260000, '1h')";
    assert_eq!(rows(&conn, buckets), rows(&conn, by_hour));
    // Late samples are in their place: first and last are those by time.
    let first = "SELECT first FROM buckets('cpu_percent', 'a')";
    assert_eq!(one(&conn, first), "Real(3000.0)");
    let growth = |step: &str| {
        one(&conn, &format!("SELECT sum(increase) FROM buckets('net_bytes_total', 'b', NULL, NULL, {step})"))
    };
    assert_eq!(growth("'1h'"), growth("NULL"));
    assert_eq!(growth("60000"), growth("NULL"));
    let median = "SELECT count(*) FROM buckets('*', 'b', NULL, NULL, '2h') WHERE p50 BETWEEN min AND max AND p95 <= p99 AND p99 <= max";
    assert_eq!(one(&conn, median), one(&conn, "SELECT count(*) FROM buckets('*', 'b', NULL, NULL, '2h')"));
    let exact = "SELECT abs(p50 - 49.5) < 1 FROM buckets('cpu_percent', 'a', '2026-01-05 00:10', '2026-01-05 06:50')";
    assert_eq!(one(&conn, exact), "Integer(1)");
    // An argument may come from another table.
    let joined = "SELECT n.name, b.count FROM node n, buckets('cpu_percent', n.name) b WHERE b.node = n.name";
    assert_eq!(rows(&conn, joined).unwrap().len(), 3);
    assert_eq!(rows(&conn, "SELECT * FROM buckets('cpu*', NULL, 10, 5)").unwrap().len(), 0);
}

#[test]
fn wrong_arguments_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    let said: Vec<String> = [
        "SELECT * FROM buckets('[a')",
        "SELECT * FROM buckets(x'00')",
        "SELECT * FROM buckets(NULL, NULL, 'soon')",
        "SELECT * FROM buckets(NULL, NULL, NULL, NULL, '0s')",
        "SELECT time_bucket('x', 1)",
        "SELECT iso('today')",
        "SELECT rate(ts, value) FROM samples",
        "SELECT rate('soon', 1)",
        "SELECT rate(1, 'much')",
        "SELECT rate(1, 1, 'long')",
        "SELECT percentile(1, 101)",
        "SELECT percentile(value, NULL) FROM samples",
        "SELECT percentile(value, ts / 1e11) FROM samples",
        "SELECT percentile(node, 50) FROM samples WHERE node = 'a'",
        "INSERT INTO samples VALUES (1, 'a', 'b', '', 1, 1)",
    ]
    .iter()
    .map(|sql| rows(&conn, sql).unwrap_err())
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    `[a` is not a glob: unclosed character class; missing ']'
    metric is not a glob: give a text, or NULL for all
    from `soon` is not a time: give ms since 1970, RFC 3339, or NULL
    step `0s` is not a duration: give ms, or a text such as '1h', '15m', '1d'
    step `x` is not a duration: give ms, or a text such as '1h', '15m', '1d'
    iso takes ms since 1970, a number
    rate takes samples of one counter, and was given two at 2026-01-05T00:00:00.000Z: GROUP BY or PARTITION BY series_id
    the first argument of rate is a time: ms since 1970
    the second argument of rate is the value of a counter: a number
    step `long` is not a duration: give ms, or a text such as '1h', '15m', '1d'
    the second argument of percentile is a number from 0 to 100, for example 95
    the second argument of percentile is a number from 0 to 100, for example 95
    the second argument of percentile is another for another row: give one number
    percentile takes numbers
    table samples may not be modified
    ");
    assert_eq!(one(&conn, "SELECT iso(1767571200123)"), "Text(\"2026-01-05T00:00:00.123Z\")");
    assert_eq!(one(&conn, "SELECT iso(NULL)"), "Null");
    assert_eq!(one(&conn, "SELECT time_bucket(1000, -1)"), "Integer(-1000)");
}

#[test]
fn a_rate_knows_resets_gaps_and_any_order() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    let of =
        |values: &str, call: &str| one(&conn, &format!("WITH s(ts, value) AS (VALUES {values}) SELECT {call} FROM s"));
    // 5 + 2 after the reset, in 20 s.
    let reset = "(0, 10), (10000, 15), (20000, 2)";
    assert_eq!(of(reset, "rate(ts, value)"), "Real(0.35)");
    assert_eq!(of("(20000, 2), (0, 10), (10000, '15')", "rate(ts, value)"), "Real(0.35)");
    assert_eq!(of("(0, 10), (5000, NULL), (10000, 15), (NULL, 9), (20000, 2.0)", "rate(ts, value)"), "Real(0.35)");
    let gap = "(0, 0), (10000, 10), (70000, 500), (80000, 520)";
    assert_eq!(of(gap, "rate(ts, value)"), "Real(6.5)");
    assert_eq!(of(gap, "rate(ts, value, '30s')"), "Real(1.5)");
    assert_eq!(of(gap, "rate(ts, value, 5000)"), "Null");
    assert_eq!(of("(0, 1)", "rate(ts, value)"), "Null");
    assert_eq!(of("(0, 1), (10, NULL)", "rate(ts, value)"), "Null");
    assert_eq!(of("(0, 1), (10000, 9e999), (20000, 3)", "rate(ts, value)"), "Real(0.3)", "infinity tells no growth");
    assert_eq!(of(reset, "rate(ts, value) FILTER (WHERE ts > 99999)"), "Null");
    let frames = "SELECT group_concat(coalesce(round(r, 3), '-'), ' ') FROM (SELECT rate(ts, value) OVER (ORDER BY ts {}) AS r FROM s)";
    let framed = |frame: &str| {
        let sql = format!("WITH s(ts, value) AS (VALUES {gap}) {}", frames.replace("{}", frame));
        conn.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(framed("ROWS 1 PRECEDING"), "- 1.0 8.167 2.0");
    assert_eq!(framed(""), "- 1.0 7.143 6.5");
    assert_eq!(framed("RANGE 30000 PRECEDING"), "- 1.0 - 2.0");
    assert_eq!(framed("ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"), "6.5 7.286 2.0 -");
}

#[test]
fn a_rate_of_samples_is_what_their_buckets_grew() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    // The first ten minutes, which hold no stale marker: that ends a series, and is only passed over here, as NULL.
    let by_rate = "SELECT node, round(rate(ts, value) * (max(ts) - min(ts)) / 1000.0, 6)
                   FROM samples WHERE metric LIKE 'net%' AND ts >= 1767571200000 AND ts < 1767571800000 GROUP BY series_id";
    let by_bucket = "SELECT node, round(increase, 6)
                     FROM buckets('net*', NULL, NULL, NULL, '10m') WHERE t = 1767571200000";
    let grown = rows(&conn, by_rate).unwrap();
    assert_eq!((grown.len(), &grown), (3, &rows(&conn, by_bucket).unwrap()));
}

#[test]
fn a_percentile_is_exact_of_groups_and_frames() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    let of =
        |values: &str, call: &str| one(&conn, &format!("WITH s(i, value) AS (VALUES {values}) SELECT {call} FROM s"));
    let five = "(1, 10), (2, 3), (3, 1), (4, 4), (5, 2)";
    assert_eq!(of(five, "percentile(value, 50)"), "Real(3.0)");
    assert_eq!(of(five, "round(percentile(value, 90), 9)"), "Real(7.6)");
    assert_eq!(of("(1, 9), (2, NULL)", "sqrt(max(value))"), "Real(3.0)");
    assert_eq!(of("(1, -9)", "coalesce(sqrt(value), sqrt('a'), sqrt(NULL), 7)"), "Integer(7)");
    assert_eq!(of(five, "percentile(value, 0) || ' ' || percentile(value, 100.0)"), "Text(\"1.0 10.0\")");
    assert_eq!(of("(1, NULL), (2, 7)", "percentile(value, 95)"), "Real(7.0)");
    assert_eq!(of("(1, NULL)", "percentile(value, 95)"), "Null");
    assert_eq!(of("(1, 9e999), (2, 1)", "percentile(value, 100)"), "Real(inf)");
    assert_eq!(of(five, "percentile(value, 50) FILTER (WHERE i > 9)"), "Null");
    let frame = format!(
        "WITH s(i, value) AS (VALUES {five}) SELECT group_concat(p, ' ') FROM
         (SELECT percentile(value, 50) OVER (ORDER BY i ROWS 2 PRECEDING) AS p FROM s)"
    );
    assert_eq!(one(&conn, &frame), "Text(\"10.0 6.5 3.0 3.0 2.0\")");
    let same = "SELECT count(*) FROM buckets('cpu*', NULL, NULL, NULL, '1h') b
                WHERE b.p95 <> (SELECT percentile(value, 95) FROM samples s WHERE s.node = b.node AND s.metric = b.metric
                                AND s.ts >= b.t AND s.ts < b.t + 3600000)";
    assert_eq!(one(&conn, same), "Integer(0)");
}

#[test]
fn a_damaged_chunk_is_an_error_and_never_a_number() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    conn.execute_batch(
        "UPDATE chunk SET vals = CAST(substr(vals, 1, 20) || x'00' || substr(vals, 22) AS BLOB) WHERE id & 0xffffffff = 1",
    )
    .unwrap();
    for sql in ["SELECT sum(value) FROM samples", "SELECT sum(sum) FROM buckets()"] {
        let said = rows(&conn, sql).unwrap_err();
        assert!(said.contains("a/cpu_percent") && said.contains("damaged"), "{said}");
    }
    assert!(rows(&conn, "SELECT sum(value) FROM samples WHERE series_id <> 1 AND node = 'b'").is_ok());
    conn.execute_batch("UPDATE series SET labels = 'x' WHERE id = 1").unwrap();
    assert!(rows(&conn, "SELECT count(*) FROM samples").unwrap_err().contains("damaged"));
}

#[test]
fn names_of_new_series_are_seen_by_the_next_query() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    assert_eq!(one(&conn, "SELECT count(*) FROM samples WHERE node = 'new'"), "Integer(0)");
    let mut store = Store::open(&directory.path().join("test.db"), StoreOptions::default()).unwrap();
    append(&mut store, &key("new", "up", &[]), [(START, 1.0)]);
    store.close().unwrap();
    assert_eq!(one(&conn, "SELECT count(*) FROM samples WHERE node = 'new'"), "Integer(1)");
}

fn condition() -> impl Strategy<Value = String> {
    let ts = (0i64..620).prop_map(|i| START + i * MINUTE - MINUTE);
    let operator = prop::sample::select(vec!["=", "<", "<=", ">", ">="]);
    let node = prop::sample::select(vec!["'a'", "'b'", "5", "'5'", "NULL", "'nobody'", "x'61'"]);
    prop_oneof![
        (operator.clone(), ts.clone()).prop_map(|(op, ts)| format!("ts {op} {ts}")),
        (operator.clone(), ts.clone()).prop_map(|(op, ts)| format!("ts {op} {ts}.5")),
        (operator, ts).prop_map(|(op, ts)| format!("ts {op} '{ts}'")),
        node.clone().prop_map(|node| format!("node = {node}")),
        (node.clone(), node).prop_map(|(a, b)| format!("node IN ({a}, {b})")),
        (0i64..12).prop_map(|id| format!("series_id = {id}")),
        (0i64..12, 0i64..12).prop_map(|(a, b)| format!("series_id IN ({a}, {b})")),
        prop::sample::select(vec!["cpu_percent", "disk_percent"]).prop_map(|metric| format!("metric = '{metric}'")),
        (0i64..100).prop_map(|value| format!("value > {value}")),
    ]
}

#[test]
fn any_mix_of_conditions_means_what_it_means_on_a_plain_table() {
    let directory = tempfile::tempdir().unwrap();
    let conn = open(&directory);
    let mix = prop::collection::vec((condition(), prop::sample::select(vec!["AND", "OR"])), 1..5);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(mix in mix)| {
        let (mut text, mut open) = (String::new(), 0);
        for (condition, joint) in &mix {
            text += &format!("({condition} {joint} ");
            open += 1;
        }
        text += &format!("1{}", ")".repeat(open));
        let of = |table: &str| rows(&conn, &format!("SELECT ts, series_id, value FROM {table} WHERE {text}"));
        prop_assert_eq!(of("samples"), of("copy"), "{}", text);
    });
}

/// Levels come from rollups or from chunks as a whole, growth from chunks as a whole: they say what samples say.
#[test]
fn every_layer_of_buckets_says_the_same() {
    let directory = TempDir::new().unwrap();
    let conn = open(&directory);
    for step in ["'1h'", "'6h'", "'1d'", "'30m'", "NULL"] {
        for (from, to) in [("NULL", "NULL"), ("'2026-01-05T01:30:00Z'", "'2026-01-05T08:10:00Z'")] {
            // Quantiles need every sample.
            let answer = |more: &str| {
                let sql = format!(
                    "SELECT node, metric, labels, t, count, min, max, first, last, round(sum, 6), round(avg, 6) {more}
                     FROM buckets(NULL, NULL, {from}, {to}, {step})"
                );
                rows(&conn, &sql).unwrap()
            };
            let samples = answer(", increase, p95 > 1e99");
            assert!(samples.len() >= 9, "{step}");
            let without = |rows: Vec<String>, columns: usize| -> Vec<String> {
                let cut = |row: &String| row.split('|').take(11 + columns).collect::<Vec<_>>().join("|");
                rows.iter().map(cut).collect()
            };
            assert_eq!(without(answer(""), 0), without(samples.clone(), 0), "levels, {step} from {from}");
            assert_eq!(without(answer(", increase"), 1), without(samples, 1), "growth, {step} from {from}");
        }
    }
}

/// The values of all chunks are spoilt: what is answered all the same was not read from them.
#[test]
fn an_answer_looks_at_no_more_than_it_needs() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("test.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    for node in ["a", "b"] {
        let samples = (0..2 * 8640).map(|i| (START + i * 10_000, (i * 7919 % 1000) as f64));
        append(&mut store, &key(node, "x_total", &[]), samples);
    }
    store.seal(Timestamp::from_millis(START + 48 * 60 * MINUTE)).unwrap();
    store.close().unwrap();
    let conn = crate::store::open_for_tampering(&path);
    super::register(&conn).unwrap();
    let buckets =
        |columns: &str, step: &str| format!("SELECT node, t, {columns} FROM buckets(NULL, NULL, NULL, NULL, {step})");
    let levels = "count, sum, min, max, avg, first, last";
    let from_rollups = [buckets(levels, "'1h'"), buckets(levels, "'1d'"), buckets(levels, "'7d'")];
    let from_chunk_columns = [
        buckets(levels, "NULL"),
        buckets("max, increase", "NULL"),
        buckets("increase", "'1d'"),
        buckets("increase", "'8h'"),
    ];
    let from_samples = [buckets("max", "'30m'"), buckets("increase", "'1h'"), buckets("p95", "'1d'")];
    let undecoded: Vec<&String> = from_rollups.iter().chain(&from_chunk_columns).collect();
    let before: Vec<_> = undecoded.iter().map(|sql| rows(&conn, sql).unwrap()).collect();
    conn.execute_batch("UPDATE chunk SET vals = zeroblob(length(vals))").unwrap();
    for (sql, before) in undecoded.iter().zip(before) {
        assert_eq!(rows(&conn, sql).as_ref(), Ok(&before), "{sql}");
    }
    for sql in &from_samples {
        assert!(rows(&conn, sql).unwrap_err().contains("checksum"), "{sql}");
    }
}
