//! Statements of any sort: each is answered, refused or stopped, and the file and its directory stay what they were.

use std::cell::{Cell, RefCell};
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::figure::figure;

use super::tests::{ask, console, files, write};

/// Words of SQL, our tables and functions, and what an attacker would like, in any order.
fn statement() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "SELECT",
        "*",
        "FROM",
        "WHERE",
        "samples",
        "sample",
        "buckets",
        "(",
        ")",
        ",",
        "'load*'",
        "NULL",
        "ts",
        "value",
        "node",
        "=",
        ">",
        "<>",
        "1",
        "-1",
        "9223372036854775807",
        "1e308",
        "x'00'",
        "''",
        "GROUP BY",
        "ORDER BY",
        "LIMIT",
        "OFFSET",
        "IN",
        "AND",
        "OR",
        "NOT",
        "LIKE",
        "GLOB",
        "BETWEEN",
        "CASE WHEN",
        "THEN",
        "END",
        "WITH RECURSIVE n(i) AS",
        "UNION ALL",
        "VALUES",
        "JOIN",
        "USING",
        "ON",
        "AS",
        "n",
        "percentile(value, 99)",
        "rate(ts, value)",
        "time_bucket('1h', ts)",
        "iso(ts)",
        "OVER (ORDER BY ts)",
        "count(*)",
        "rowid",
        "series_id",
        "ATTACH 'evil.db' AS e",
        "VACUUM INTO 'evil.db'",
        "PRAGMA writable_schema = 1",
        "DELETE FROM sample",
        "INSERT INTO node",
        "DROP TABLE",
        "CREATE TEMP TABLE t AS",
        "REPLACE INTO",
        "load_extension('x')",
        "writefile('evil', 'x')",
        "readfile('x')",
        "randomblob(1000000000)",
        "zeroblob(2147483647)",
        "sqlite_master",
        "sqlite_dbpage",
        "chunk",
        "rollup_1h",
        "pragma_table_info('sample')",
        "dbstat",
        "--",
        "/*",
        "*/",
        ";",
        "EXPLAIN",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "REINDEX",
        "ANALYZE",
        "json_each('[1]')",
        "printf('%.*c', 100000000, 'x')",
        "\0",
    ]);
    prop::collection::vec(word, 1..14).prop_map(|words| words.join(" "))
}

/// What begins as a question that has an answer.
fn question() -> impl Strategy<Value = String> {
    let asked = prop::sample::select(vec!["count(*)", "max(value)", "iso(ts)", "*"]);
    let of = prop::sample::select(vec!["samples", "sample", "rollup_1h", "sqlite_master"]);
    let rest = prop_oneof![Just(String::new()), statement()];
    (asked, of, rest).prop_map(|(asked, of, rest)| format!("SELECT {asked} FROM {of} {rest}"))
}

#[test]
fn a_statement_of_any_sort_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory);
    let (bytes, names) = (fs::read(&path).unwrap(), files(&directory));
    let console = RefCell::new(console(&path));
    let answered = Cell::new(0);
    let mut runner = TestRunner::new(Config::with_cases(2_000));
    let texts = prop_oneof![6 => statement(), 1 => any::<String>(), 3 => statement().prop_map(|rest| format!("SELECT {rest}")), 1 => question()];
    runner
        .run(&texts, |query| {
            answered.set(answered.get() + u32::from(ask(&mut console.borrow_mut(), &query).is_ok()));
            Ok(())
        })
        .unwrap();
    let (answered, mut console) = (answered.get(), console.into_inner());
    assert!(answered > 20, "{answered} were answered: the words make sentences");
    assert!(ask(&mut console, "SELECT count(*) FROM samples").unwrap().rows == ["[Integer(1001)]"]);
    drop(console);
    assert!(fs::read(&path).unwrap() == bytes, "the file is what it was");
    assert_eq!(files(&directory), names);
    assert!(!std::path::Path::new("evil.db").exists());
    figure(format_args!(
        "security | statements of SQL of any sort | 2,000, of which {answered} have an answer | the file and its directory are as they were"
    ));
}
