//! The tables of nodebook in other programs: Debian's `sqlite3` shell and Python, which load the extension. `tests/run.sh` builds it and says where
//! it is by NODEBOOK_TEST_EXTENSION.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use serde_json::Value;

use super::harness::Project;
use super::kill::Dice;

fn extension() -> Option<String> {
    let path = std::env::var("NODEBOOK_TEST_EXTENSION").ok();
    if path.is_none() {
        println!("skipped: NODEBOOK_TEST_EXTENSION does not say where the extension is: tests/run.sh builds it");
    }
    path
}

/// With recent samples in the head, which late ones precede.
fn project() -> Project {
    let project = Project::new().with_small_cluster();
    let late = "timestamp_ms,node,metric,value\n1767571205000,db-1,cpu_percent,99\n1767999999000,db-9,load1,1\n";
    project.run_with(["import", "-"], late.as_bytes()).ok();
    project
}

const QUERIES: [&str; 8] = [
    "SELECT count(*) AS n, sum(value) AS s, min(ts) AS a, max(ts) AS b FROM samples",
    "SELECT node, metric, labels, series_id, ts, value FROM samples WHERE node IN ('db-1', 'db-9') AND ts < 1767571300000 ORDER BY 4, 5",
    "SELECT * FROM buckets('cpu*', 'db-?', NULL, NULL, '10m') ORDER BY node, t",
    "SELECT node, rate(ts, value) AS r FROM samples WHERE metric GLOB '*_total' GROUP BY series_id ORDER BY 1",
    "SELECT iso(time_bucket('15m', ts)) AS t, percentile(value, 95) AS p FROM samples GROUP BY 1 ORDER BY 1",
    "SELECT a.ts, a.value + b.value AS v FROM samples a JOIN samples b USING (ts) WHERE a.series_id = 1 AND b.series_id = 2 ORDER BY 1",
    "SELECT m.name, count(*) AS n FROM samples s JOIN series r ON r.id = s.series_id JOIN metric m ON m.id = r.metric_id GROUP BY 1 ORDER BY 1",
    "SELECT sum(r.increase) = (SELECT sum(increase) FROM buckets('disk*', NULL, NULL, NULL, '1h')) AS same
     FROM rollup_1h r JOIN series s ON s.id = r.series_id JOIN metric m ON m.id = s.metric_id WHERE m.name GLOB 'disk*'",
];

fn shell(project: &Project, extension: &str, database: &str, query: &str) -> Output {
    let load = format!(".load {extension}");
    Command::new("sqlite3").arg("-json").arg(project.path(database)).args([&load, query]).output().unwrap()
}

/// The same values, numbers to the 15 digits that the shell prints.
#[track_caller]
fn assert_same(ours: &Value, theirs: &Value, query: &str) {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| assert_same(a, b, query));
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().for_each(|(name, value)| assert_same(value, &b[name], query));
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= a.abs() * 1e-13, "{query}: {a} {b}");
        }
        (a, b) => assert_eq!(a, b, "{query}"),
    }
}

#[test]
fn the_sqlite3_shell_answers_as_we_do() {
    let Some(extension) = extension() else { return };
    let project = project();
    for query in QUERIES {
        let ours = project.run(["sql", "--format", "json", query]).ok().json();
        assert!(!ours.as_array().unwrap().is_empty(), "{query}");
        let output = shell(&project, &extension, "nodebook.db", query);
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        assert_same(&ours, &serde_json::from_slice(&output.stdout).unwrap(), query);
    }
}

/// A program of Debian's Python, which may load extensions; `None` where there is none.
fn python(program: &str, arguments: &[&str]) -> Option<Output> {
    let able = "import sqlite3; sqlite3.Connection.enable_load_extension";
    let run = |arguments: &[&str]| Command::new("/usr/bin/python3").arg("-c").args(arguments).output().ok();
    if !run(&[able]).is_some_and(|output| output.status.success()) {
        println!("skipped: no Python that loads extensions");
        return None;
    }
    run(&[&[program], arguments].concat())
}

#[test]
fn python_answers_as_we_do() {
    let Some(extension) = extension() else { return };
    let project = project();
    let program = "
import json, sqlite3, sys
for again in range(2):  # a second connection, after the first is closed
    db = sqlite3.connect(sys.argv[1])
    db.enable_load_extension(True)
    db.load_extension(sys.argv[2])
    db.row_factory = sqlite3.Row
    rows = [[dict(row) for row in db.execute(query)] for query in sys.argv[3:]]
    db.close()
print(json.dumps(rows))";
    let path = project.path("nodebook.db");
    let arguments = [&[path.to_str().unwrap(), extension.as_str()], &QUERIES[..]].concat();
    let Some(output) = python(program, &arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for (query, theirs) in QUERIES.iter().zip(&rows) {
        assert_same(&project.run(["sql", "--format", "json", query]).ok().json(), theirs, query);
    }
}

#[test]
fn a_database_that_is_not_ours_or_no_file_is_told() {
    let Some(extension) = extension() else { return };
    let project = Project::new();
    Command::new("sqlite3").arg(project.path("x.db")).arg("CREATE TABLE t (x)").status().unwrap();
    for (database, told) in [("x.db", "is not a nodebook database"), (":memory:", "the main database is no file")] {
        let load = format!(".load {extension}");
        let path = if database.starts_with(':') { database.into() } else { project.path(database) };
        let output = Command::new("sqlite3").arg(path).args([&load, "SELECT * FROM samples"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code().is_some_and(|code| code > 0) && stderr.contains(told), "{stderr}");
    }
}

#[test]
fn damage_is_an_error_in_the_shell_too_and_never_another_number() {
    let Some(extension) = extension() else { return };
    let project = project();
    let query = "SELECT count(*), sum(value), sum(ts % 1000) FROM samples; SELECT sum(sum), sum(count) FROM buckets()";
    let right = shell(&project, &extension, "nodebook.db", query).stdout;
    let whole = project.bytes("nodebook.db");
    let (mut dice, mut errors) = (Dice(6), 0);
    for _ in 0..60 {
        let mut spoiled = whole.clone();
        let at = dice.below(whole.len() as u64) as usize;
        match dice.below(3) {
            0 => spoiled[at] ^= 1 << dice.below(8),
            1 => spoiled[at..].iter_mut().take(700).for_each(|byte| *byte = 0),
            _ => spoiled.truncate(at),
        }
        project.write("spoiled.db", spoiled);
        let output = shell(&project, &extension, "spoiled.db", query);
        assert!(output.status.code().is_some(), "aborted, at {at}: {output:?}");
        errors += u32::from(!output.status.success());
        assert!(!output.status.success() || output.stdout == right, "at {at}: {output:?}");
    }
    assert!(errors > 10, "{errors}");
}

/// As SQLite 3.34 would call it: a table of functions that says so, and has memory to give for the text.
#[test]
fn a_host_that_is_too_old_is_told_and_lives() {
    let Some(extension) = extension() else { return };
    let program = "
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
version = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3034001)
memory = ctypes.create_string_buffer(1000)
malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int)(lambda size: ctypes.addressof(memory))
functions = (ctypes.c_void_p * 230)()
functions[67] = ctypes.cast(version, ctypes.c_void_p)
functions[68] = ctypes.cast(malloc, ctypes.c_void_p)
error = ctypes.c_char_p()
code = library.sqlite3_nodebook_init(None, ctypes.byref(error), functions)
print(code, error.value.decode())";
    let Some(output) = python(program, &[&extension]) else { return };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        told.trim_end(),
        "1 nodebook needs SQLite 3.40.0 or newer, this is 3.34.1: use `nodebook sql`",
        "{output:?}"
    );
}
