use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::model::{Batch, Labels, MetricName, NodeName, Sample, SeriesKey, Timestamp};
use crate::store::{OnConflict, Store, StoreOptions};

#[test]
fn a_position_counts_characters_from_one() {
    assert_eq!(position("SELECT x", 7), (1, 8));
    assert_eq!(position("SELECT 'ä',\n  y", 15), (2, 3));
    assert_eq!(position("", 99), (1, 1));
}

#[test]
fn only_reading_is_allowed() {
    let said = |action| refusal(&action).unwrap_or_default();
    assert_eq!(said(AuthAction::Read { table_name: "sample", column_name: "ts" }), "");
    assert_eq!(said(AuthAction::Function { function_name: "avg" }), "");
    assert_eq!(said(AuthAction::Function { function_name: "Load_Extension" }), "the function Load_Extension");
    let pragma = |pragma_name, pragma_value| said(AuthAction::Pragma { pragma_name, pragma_value });
    assert_eq!(pragma("table_info", Some("sample")), "");
    assert_eq!(pragma("user_version", None), "");
    assert_eq!(pragma("user_version", Some("7")), "PRAGMA user_version");
    assert_eq!(pragma("writable_schema", None), "PRAGMA writable_schema");
    assert_eq!(said(AuthAction::CreateTempTable { table_name: "t" }), "changing the database");
    let unknown = AuthAction::Unknown { code: 99, arg1: None, arg2: None };
    assert_eq!(said(unknown), "changing the database");
}

/// A file of one series, 1,000 samples sealed and one waiting.
pub(super) fn write(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("test.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    let key = SeriesKey {
        node: NodeName::new("a").unwrap(),
        metric: MetricName::new("load1").unwrap(),
        labels: Labels::default(),
    };
    let mut batch = Batch::default();
    for i in 0..1001 {
        let ts = Timestamp::from_millis(1_767_571_200_000 + i * 10_000);
        batch.push(key.clone(), None, Sample { ts, value: i as f64 });
    }
    store.append(&batch, OnConflict::Keep).unwrap();
    store.seal(Timestamp::from_millis(1_767_571_200_000 + 3 * 3_600_000)).unwrap();
    store.close().unwrap();
    path
}

pub(super) fn console(path: &Path) -> SqlConsole {
    SqlConsole::open(path, SqlLimits { time: Duration::from_millis(300), ..SqlLimits::default() }).unwrap()
}

#[derive(Default)]
pub(super) struct Kept {
    columns: Vec<String>,
    pub(super) rows: Vec<String>,
}

impl RowSink for Kept {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.columns = names.iter().map(ToString::to_string).collect();
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.rows.push(format!("{values:?}"));
        Ok(ControlFlow::Continue(()))
    }
}

pub(super) fn ask(console: &mut SqlConsole, query: &str) -> Result<Kept, SqlError> {
    let mut kept = Kept::default();
    let count = console.run(query, &mut kept)?;
    assert_eq!(count, kept.rows.len() as u64);
    Ok(kept)
}

#[test]
fn a_query_gives_columns_and_rows() {
    let directory = tempfile::tempdir().unwrap();
    let mut console = console(&write(&directory));
    let kept = ask(&mut console, "SELECT count(*) AS n, avg(value), min(iso(ts)), NULL, x'01' FROM samples;").unwrap();
    assert_eq!(kept.columns, ["n", "avg(value)", "min(iso(ts))", "NULL", "x'01'"]);
    assert_eq!(kept.rows, [r#"[Integer(1001), Real(500.0), Text("2026-01-05T00:00:00.000Z"), Null, Blob([1])]"#]);
    let kept = ask(&mut console, "SELECT count(*), max FROM buckets('load*', 'a', '2026-01-05', NULL, '1h')").unwrap();
    assert_eq!(kept.rows.len(), 1);
    for telling in ["PRAGMA table_info(sample)", "SELECT name FROM pragma_table_info('sample')", "PRAGMA user_version"]
    {
        assert!(!ask(&mut console, telling).unwrap().rows.is_empty(), "{telling}");
    }
    assert!(ask(&mut console, "EXPLAIN QUERY PLAN SELECT * FROM samples WHERE ts > 5").is_ok());
    assert!(
        ask(
            &mut console,
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n"
        )
        .is_ok()
    );
}

pub(super) fn files(directory: &TempDir) -> BTreeSet<OsString> {
    fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn an_attack_is_refused_or_stopped_and_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let bytes = fs::read(&path).unwrap();
    let evil = directory.path().join("evil.db").display().to_string();
    let attacks = [
        format!("ATTACH '{evil}' AS evil"),
        "DETACH main".to_owned(),
        format!("VACUUM INTO '{evil}'"),
        "VACUUM".to_owned(),
        "PRAGMA query_only = 0".to_owned(),
        "PRAGMA writable_schema = 1".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        format!("PRAGMA temp_store_directory = '{evil}'"),
        "SELECT * FROM pragma_writable_schema".to_owned(),
        "CREATE TABLE t(x)".to_owned(),
        "CREATE TEMP TABLE t(x)".to_owned(),
        "CREATE TEMP VIEW v AS SELECT 1".to_owned(),
        "CREATE VIRTUAL TABLE v USING samples".to_owned(),
        "INSERT INTO node VALUES (9, 'x', 0)".to_owned(),
        "UPDATE node SET name = 'x'".to_owned(),
        "DELETE FROM sample".to_owned(),
        "REPLACE INTO setting VALUES ('min_reader', 99, 0)".to_owned(),
        "UPDATE sqlite_schema SET sql = ''".to_owned(),
        "DROP TABLE sample".to_owned(),
        "ALTER TABLE node RENAME TO n".to_owned(),
        "REINDEX".to_owned(),
        "ANALYZE".to_owned(),
        "BEGIN IMMEDIATE".to_owned(),
        "SAVEPOINT s".to_owned(),
        format!("SELECT load_extension('{evil}')"),
        format!("SELECT writefile('{evil}', 'x')"),
        "SELECT readfile('/etc/passwd')".to_owned(),
        "SELECT 1; DROP TABLE sample".to_owned(),
        "SELECT randomblob(1000000000)".to_owned(),
        "SELECT zeroblob(1000000000)".to_owned(),
        "SELECT printf('%.*c', 1000000000, 'x')".to_owned(),
        "SELECT hex(randomblob(12000000))".to_owned(),
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n".to_owned(),
        "SELECT count(*) FROM samples a, samples b, samples c WHERE a.value + b.value + c.value < 0".to_owned(),
        "SELECT sum(b.max) FROM samples s, samples z, buckets(NULL, s.node, z.ts, NULL, 1000) b".to_owned(),
        format!("SELECT '{}' LIKE '{}b'", "a".repeat(5000), "%a".repeat(600)),
        format!("SELECT 1{}", " + 1".repeat(500)),
        "SELECT 1 UNION ".repeat(30) + "SELECT 1",
        format!("SELECT 1 /* {} */", "x".repeat(70_000)),
        "SELECT ?1".to_owned(),
        "SELECT \"no such column\"".to_owned(),
        "SELECT 'a\0b'; ATTACH 'x' AS y".to_owned(),
        String::new(),
        "-- nothing".to_owned(),
    ];
    let mut console = console(&path);
    ask(&mut console, "SELECT 1 FROM samples").unwrap();
    let before = files(&directory);
    for attack in attacks {
        let start = Instant::now();
        assert!(ask(&mut console, &attack).is_err(), "{attack}");
        assert!(start.elapsed() < Duration::from_secs(3), "{attack} took {:?}", start.elapsed());
        assert_eq!(files(&directory), before, "{attack}");
    }
    assert_eq!(ask(&mut console, "SELECT count(*) FROM samples").unwrap().rows, ["[Integer(1001)]"]);
    drop(console);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_is_cut_off_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let limits = SqlLimits { rows: 10, bytes: 100, ..SqlLimits::default() };
    let mut console = SqlConsole::open(&path, limits).unwrap();
    let mut kept = Kept::default();
    let many = console.run("SELECT 1 FROM samples", &mut kept).unwrap_err();
    assert_eq!(
        (kept.rows.len(), many.to_string().as_str()),
        (10, "the query was stopped after 10 rows, the most it may give: add a LIMIT, or aggregate")
    );
    assert!(matches!(ask(&mut console, "SELECT hex(randomblob(60))"), Err(SqlError::Bytes { limit: 100 })));
    assert!(ask(&mut console, "SELECT 1 FROM samples LIMIT 10").is_ok());
}

/// Wants it to end at the first row.
struct Impatient {
    stop: Arc<AtomicBool>,
    rows: u64,
}

impl RowSink for Impatient {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.rows += 1;
        self.stop.store(true, Ordering::Relaxed);
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_query_ends_when_somebody_wants_it_to_and_the_next_one_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mut console = SqlConsole::open(&write(&directory), SqlLimits::default()).unwrap();
    let stop = Arc::new(AtomicBool::new(true));
    console.stop_on(Arc::clone(&stop));
    let mut impatient = Impatient { stop, rows: 0 };
    let endless = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    assert!(matches!(console.run(endless, &mut impatient), Err(SqlError::Stopped)));
    assert!(impatient.rows > 0);
    assert_eq!(ask(&mut console, "SELECT count(*) FROM samples").unwrap().rows, ["[Integer(1001)]"]);
}

#[test]
fn errors_say_what_and_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let mut console = console(&path);
    let said: Vec<String> = [
        "SELECT nod FROM samples",
        "SELECT node,\n  valu FROM samples",
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; SELEC 2",
        "",
        "ATTACH '/tmp/x' AS x",
        "DELETE FROM sample",
        "PRAGMA query_only = 0",
        "SELECT load_extension('x')",
        "SELECT zeroblob(1000000000)",
        "SELECT * FROM buckets(NULL, NULL, 'soon')",
        "SELECT abs('x', 1)",
        "SELECT :name",
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    ]
    .iter()
    .map(|query| ask(&mut console, query).map(|kept| kept.rows).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    line 1, column 8: no such column: nod
    line 2, column 3: no such column: valu
    line 1, column 1: near "SELEC": syntax error
    there is more than one statement: give one, without anything after its semicolon
    line 1, column 11: near "SELEC": syntax error
    there is no query: give one statement, for example `SELECT node, count(*) FROM samples GROUP BY node`
    ATTACH is refused: queries only read
    writing is refused: queries only read
    PRAGMA query_only is refused: queries only read
    line 1, column 8: not authorized to use function: load_extension
    a text or blob is too large
    from `soon` is not a time: give ms since 1970, RFC 3339, or NULL
    line 1, column 8: wrong number of arguments to function abs()
    the query has parameters (? or :name): write the values into it
    the query was stopped after 0.3 s, its time limit: narrow it by ts, node or metric, or raise --time-limit
    "#);
    let missing = SqlConsole::open(&directory.path().join("none.db"), SqlLimits::default());
    assert!(matches!(missing, Err(SqlError::Store(StoreError::Missing { .. }))));
}

#[test]
fn a_damaged_chunk_is_told_as_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let conn = crate::store::open_for_tampering(&path);
    conn.execute_batch("UPDATE chunk SET vals = CAST(substr(vals, 1, 2) || x'00000000' || substr(vals, 7) AS BLOB)")
        .unwrap();
    drop(conn);
    let error = ask(&mut console(&path), "SELECT avg(value) FROM samples").map(|kept| kept.rows).unwrap_err();
    assert!(matches!(&error, SqlError::Damaged { message } if message.contains("a/load1")), "{error}");
}

/// Writes and seals while a query runs.
struct Meddler<'a> {
    path: &'a Path,
    rows: u64,
}

impl RowSink for Meddler<'_> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        self.rows += 1;
        if self.rows == 1 {
            let mut store = Store::open(self.path, StoreOptions::default()).unwrap();
            let key = SeriesKey {
                node: NodeName::new("a").unwrap(),
                metric: MetricName::new("load1").unwrap(),
                labels: Labels::default(),
            };
            let mut batch = Batch::default();
            for i in 1001..2000 {
                let ts = Timestamp::from_millis(1_767_571_200_000 + i * 10_000);
                batch.push(key.clone(), None, Sample { ts, value: 0.0 });
            }
            store.append(&batch, OnConflict::Keep).unwrap();
            store.seal(Timestamp::from_millis(1_767_571_200_000 + 5 * 3_600_000)).unwrap();
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_query_sees_one_state_of_the_file_whatever_is_written_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let mut console = SqlConsole::open(&path, SqlLimits::default()).unwrap();
    let mut meddler = Meddler { path: &path, rows: 0 };
    assert_eq!(console.run("SELECT ts FROM samples", &mut meddler).unwrap(), 1001);
    assert_eq!(ask(&mut console, "SELECT count(*) FROM samples").unwrap().rows, ["[Integer(2000)]"]);
}
