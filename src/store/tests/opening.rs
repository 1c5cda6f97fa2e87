use std::fs;

use super::*;

#[test]
fn one_private_file_is_left_and_its_samples_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b?#%.db");
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.5)]), OnConflict::Keep).unwrap();
    store.close().unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(scan_all(&reader, &[SeriesId(1)], TimeRange::ALL), [(SeriesId(1), T0, 1.5f64.to_bits())]);
    drop(reader);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["a b?#%.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn who_only_reads_leaves_nothing_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.5)]), OnConflict::Keep).unwrap();
    store.close().unwrap();
    let left = || -> Vec<_> { fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect() };
    Reader::open(&path).unwrap().series().unwrap();
    check(&path).unwrap();
    assert_eq!(left(), ["a.db"]);
    recover(&path, &out).unwrap();
    fs::remove_file(out).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[7 * super::schema::PAGE_BYTES - 100] ^= 1; // of `series`
    fs::write(&path, bytes).unwrap();
    assert_eq!(Reader::open(&path).and_then(|reader| reader.series()).unwrap_err().kind(), StoreErrorKind::Damaged);
    check(&path).unwrap();
    assert_eq!(left(), ["a.db"]);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let empty = dir.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let text = dir.path().join("text.db");
    fs::write(&text, "x".repeat(5000)).unwrap();
    for path in [foreign, empty, text] {
        let before = fs::read(&path).unwrap();
        let refused = Store::open(&path, StoreOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Foreign);
        assert_eq!(Reader::open(&path).unwrap_err().kind(), StoreErrorKind::Foreign);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    assert!(matches!(Store::open(dir.path(), StoreOptions::default()), Err(StoreError::Directory { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no lock, log or other file was made");
}

/// As a kill or a full disk in the middle of a checkpoint leaves it, with the rest in the log.
#[test]
fn a_file_shorter_than_its_header_says_is_still_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    open(&path).close().unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    assert!(file::is_ours(&path).unwrap());
}

#[test]
fn a_missing_file_is_not_made_by_reading() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.db");
    assert_eq!(Reader::open(&path).unwrap_err().kind(), StoreErrorKind::Missing);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let nowhere = dir.path().join("no/such/directory.db");
    assert_eq!(Store::open(&nowhere, StoreOptions::default()).unwrap_err().kind(), StoreErrorKind::Missing);
}

fn set_version(path: &Path, sql: &str) {
    open_for_tampering(path).execute_batch(sql).unwrap();
}

#[test]
fn a_newer_file_is_never_written_and_read_only_if_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    open(&path).close().unwrap();
    set_version(&path, "PRAGMA user_version = 9");
    let refused = Store::open(&path, StoreOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Newer);
    assert!(refused.to_string().ends_with("store is schema 9, this build knows 5: upgrade nodebook"));
    Reader::open(&path).unwrap(); // min_reader says 2
    set_version(&path, "DELETE FROM setting");
    assert_eq!(Reader::open(&path).unwrap_err().kind(), StoreErrorKind::Newer);
    figure(format_args!(
        "14 | a file of a schema to come | 1 to be written, 2 to be read | read where it says that it may be, else one line"
    ));
}

/// 204 was answered on, into a file that had no name any more.
#[test]
fn a_file_that_is_removed_or_replaced_while_it_is_written_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("a.db"), dir.path().join("b.db"));
    open(&other).close().unwrap();
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.0)]), OnConflict::Keep).unwrap();
    fs::rename(&path, dir.path().join("moved.db")).unwrap();
    let mut stored = |n: i64| store.append(&batch(&[(0, T0 + n, 1.0)]), OnConflict::Keep);
    assert!(matches!(stored(1), Err(StoreError::Replaced { .. })));
    fs::rename(&other, &path).unwrap();
    assert!(matches!(stored(2), Err(StoreError::Replaced { .. })));
}

/// SQLite put the pages of the log into the new file.
#[test]
fn a_log_whose_file_was_removed_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.0)]), OnConflict::Keep).unwrap();
    let log = fs::read(dir.path().join("a.db-wal")).unwrap();
    assert!(!log.is_empty());
    drop(store);
    fs::remove_file(&path).unwrap();
    fs::write(dir.path().join("a.db-wal"), &log).unwrap();
    open(&path).close().unwrap();
    assert!(check(&path).unwrap().ok && Reader::open(&path).unwrap().series().unwrap().is_empty());
    assert!(fs::read(dir.path().join("a.db-wal.orphan")).unwrap() == log);
}

/// One dropped what was to be stored, and was said to be right.
#[test]
fn a_trigger_or_a_view_that_somebody_put_into_a_file_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    open(&path).close().unwrap();
    set_version(&path, "CREATE TRIGGER t BEFORE INSERT ON sample BEGIN SELECT RAISE(IGNORE); END");
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.0)]), OnConflict::Keep).unwrap();
    store.close().unwrap();
    assert_eq!(check(&path).unwrap().problems, []);
    assert_eq!(Reader::open(&path).unwrap().info().unwrap().samples, 1);
    let endless = "ALTER TABLE annotation RENAME TO other; \
                   CREATE VIEW annotation AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id FROM r) SELECT * FROM r";
    set_version(&path, endless);
    assert!(Reader::open(&path).and_then(|reader| reader.annotations(TimeRange::ALL)).is_err());
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = open(&path);
    store.append(&batch(&[(0, T0, 1.0)]), OnConflict::Keep).unwrap();
    let Err(StoreError::Locked { pid, .. }) = Store::open(&path, StoreOptions::default()) else {
        panic!("two writers")
    };
    assert_eq!(pid, Some(std::process::id()));
    let mut reader = Reader::open(&path).unwrap();
    store.append(&batch(&[(0, T0 + 1, 2.0)]), OnConflict::Keep).unwrap();
    assert_eq!(scan_all(&reader, &[SeriesId(1)], TimeRange::ALL).len(), 1, "a reader sees one snapshot");
    reader.snapshot().unwrap();
    assert_eq!(scan_all(&reader, &[SeriesId(1)], TimeRange::ALL).len(), 2);
}

#[test]
fn times_no_sample_may_carry_are_refused_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("a.db"));
    let refused = store.append(&batch(&[(0, T0, 1.0), (1, -1, 1.0)]), OnConflict::Keep).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    let counts = store.append(&batch(&[(1, T0, 1.0)]), OnConflict::Keep).unwrap();
    assert_eq!(counts.stored, 1);
    let reader = Reader::open(store.path()).unwrap();
    assert_eq!(reader.series().unwrap().len(), 1, "nothing of the refused batch is there");
}

#[test]
fn a_stretch_of_time_of_all_series_is_found_without_reading_the_whole_rollup() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    open(&path).close().unwrap();
    let conn = open_read_only(&path).unwrap();
    let plan: String = conn
        .query_row("EXPLAIN QUERY PLAN SELECT sum(count) FROM rollup_1h WHERE t >= 5 AND t < 10", [], |row| row.get(3))
        .unwrap();
    assert!(plan.contains("ANY(series_id)"), "{plan}");
    assert!(conn.execute_batch("DELETE FROM node").is_err(), "nothing is written through it");
}

/// One commit in forty moved 4 MiB, and was the slowest by far.
#[test]
fn commits_move_the_log_into_the_file_a_mebibyte_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = open(&path);
    for scrape in 0..40 {
        let samples: Vec<_> = (0..2_000).map(|i| (i, T0 + scrape * 10_000, noise(i as i64))).collect();
        store.append(&batch(&samples), OnConflict::Keep).unwrap();
    }
    // The commit that finds it full has been written too.
    let log = std::fs::metadata(dir.path().join("a.db-wal")).unwrap().len();
    assert!((1 << 20..2 << 20).contains(&log), "{log}");
    store.close().unwrap();
}
