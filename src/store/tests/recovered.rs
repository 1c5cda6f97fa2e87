use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::PathBuf;

use super::mutants::{Seeded, filled, spoil};
use super::schema::PAGE_BYTES;
use super::*;

/// Every sample as `(series name, time) -> bits`.
fn samples(path: &Path) -> BTreeMap<(String, i64), u64> {
    let reader = Reader::open(path).unwrap();
    let series = reader.series().unwrap();
    let name: BTreeMap<SeriesId, String> = series.iter().map(|s| (s.id, s.key.to_string())).collect();
    let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
    scan_all(&reader, &ids, TimeRange::ALL).into_iter().map(|(id, t, bits)| ((name[&id].clone(), t), bits)).collect()
}

fn hours(path: &Path) -> usize {
    let reader = Reader::open(path).unwrap();
    let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    let mut rows = 0;
    reader.rollups(&ids, Resolution::Hour, TimeRange::ALL, &mut |_, _, _| rows += 1).unwrap();
    rows
}

#[test]
fn of_a_whole_file_everything_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    filled(&path, 100_000);
    let report = recover(&path, &out).unwrap();
    let kept = samples(&out);
    assert_eq!(report, RecoverReport { path: out.clone(), samples: kept.len() as u64, ..RecoverReport::default() });
    assert_eq!(kept, samples(&path));
    assert_eq!(Reader::open(&out).unwrap().annotations(TimeRange::ALL).unwrap().len(), 1);
    assert_eq!(check(&out).unwrap().problems, []);
    assert_eq!(Reader::open(&path).unwrap().info().unwrap().samples, kept.len() as u64);
    assert!(matches!(recover(&path, &out), Err(StoreError::Exists { .. })), "nothing is ever overwritten");
}

#[test]
fn a_lost_chunk_is_named_and_its_hours_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    filled(&path, 100_000);
    let before = (samples(&path), hours(&path));
    open_for_tampering(&path)
        .execute_batch(
            "UPDATE chunk SET vals = zeroblob(length(vals)) WHERE id & 0xffffffff = 2;
             DELETE FROM chunk WHERE id & 0xffffffff = 3",
        )
        .unwrap();
    let report = recover(&path, &out).unwrap();
    let lost: Vec<String> = report.lost.iter().map(|loss| format!("{}: {}", loss.series, loss.what)).collect();
    for expected in ["node-0/bytes_total: chunk ends", "node-1/load1: samples are missing"] {
        let whole = |line: &String| line.starts_with(expected) || line.contains("checksum");
        assert!(lost.iter().any(whole), "{expected} in {lost:?}");
    }
    let kept = samples(&out);
    assert!(kept.iter().all(|(key, bits)| before.0.get(key) == Some(bits)));
    let gone = before.0.keys().filter(|key| !kept.contains_key(*key));
    assert!(
        gone.clone().count() > 0
            && gone.clone().all(|(name, _)| name == "node-0/bytes_total" || name == "node-1/load1")
    );
    assert!(hours(&out) >= before.1, "the aggregates tell more than the samples now");
    assert_eq!(check(&out).unwrap().problems, []);
}

/// A page of it that is lost was the loss of everything.
#[test]
fn without_its_list_of_tables_all_of_a_file_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path, 100_000);
    let before = samples(&path);
    let whole = std::fs::read(&path).unwrap();
    let conn = open_read_only(&path).unwrap();
    let mut select = conn.prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'").unwrap();
    let pages: Vec<usize> =
        select.query_map([], |row| row.get::<_, i64>(0)).unwrap().map(|n| n.unwrap() as usize).collect();
    assert!(pages.len() > 2, "{pages:?}");
    drop(select);
    drop(conn);
    for page in pages {
        let (mutant, out) = (dir.path().join("mutant.db"), dir.path().join(format!("out-{page}.db")));
        let mut bytes = whole.clone();
        let from = if page == 1 { 100 } else { (page - 1) * PAGE_BYTES };
        bytes[from..page * PAGE_BYTES].fill(0);
        std::fs::write(&mutant, bytes).unwrap();
        assert_eq!(recover(&mutant, &out).unwrap().lost, [], "page {page}");
        assert_eq!(samples(&out), before, "page {page}");
    }
    let (cut, out) = (dir.path().join("cut.db"), dir.path().join("out.db"));
    std::fs::write(&cut, &whole[..20 * PAGE_BYTES]).unwrap();
    assert_ne!(recover(&cut, &out).unwrap().lost, []);
    let left = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains(".db.") || name.contains(".db-")).collect::<Vec<_>>(), [""; 0]);
}

/// Whatever happened to a file, what is recovered is right, and what is not is told.
#[test]
fn what_is_recovered_is_right_and_what_is_lost_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path, 200_000);
    let before = samples(&path);
    let whole = std::fs::read(&path).unwrap();
    let (mut kept_total, mut recovered) = (0, 0);
    for seed in 0..40 {
        let mutant: PathBuf = dir.path().join(format!("{seed}.db"));
        let out = dir.path().join(format!("{seed}-out.db"));
        std::fs::write(&mutant, &whole).unwrap();
        let how = spoil(&OpenOptions::new().write(true).open(&mutant).unwrap(), &whole, &mut Seeded(seed * 7919 + 1));
        let Ok(report) = recover(&mutant, &out) else { continue };
        recovered += 1;
        let kept = samples(&out);
        kept_total += kept.len();
        assert_eq!(report.samples as usize, kept.len(), "{how}");
        let invented: Vec<_> = kept.iter().filter(|(key, bits)| before.get(*key) != Some(bits)).take(3).collect();
        // A late sample that is lost shows what it replaced, and only then.
        assert!(invented.is_empty() || !report.lost.is_empty(), "{how}: {invented:?}");
        let missing: Vec<_> = before.keys().filter(|key| !kept.contains_key(*key)).take(3).collect();
        assert!(missing.is_empty() || !report.lost.is_empty(), "{how}: {missing:?} are gone without a word");
        assert_eq!(check(&out).unwrap().problems, [], "{how}");
    }
    let kept = kept_total * 100 / (before.len() * recovered);
    assert!(recovered > 30 && kept_total > before.len() * recovered * 3 / 4, "{recovered} {kept_total}");
    figure(format_args!(
        "5 | recovered from damage | {recovered} of 40 files, {kept} % of their samples | 0 invented, every loss named"
    ));
}

/// An older schema has other tables.
#[test]
fn of_an_old_file_without_its_list_of_tables_nothing_is_promised() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/schema-1.db")).unwrap();
    bytes[100..PAGE_BYTES].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(recover(&path, &out), Err(StoreError::ListLost { .. })));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}

/// It was put over pages that held samples there, and those were told of as lost in 1970.
#[test]
fn without_its_list_of_tables_all_of_a_file_that_was_carried_forward_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    for old in ["schema-1.db", "schema-4.db"] {
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(old), &path).unwrap();
        open(&path).close().unwrap();
        let (before, whole) = (samples(&path), std::fs::read(&path).unwrap());
        let (mutant, out) = (dir.path().join("mutant.db"), dir.path().join(format!("{old}-out.db")));
        let mut bytes = whole;
        bytes[100..PAGE_BYTES].fill(0);
        std::fs::write(&mutant, bytes).unwrap();
        assert_eq!(recover(&mutant, &out).unwrap().lost, [], "{old}");
        assert_eq!(samples(&out), before, "{old}");
    }
}

/// What a killed recorder left in the log has page 1, and so the old list.
#[test]
fn without_its_list_of_tables_what_is_in_the_log_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path, 100_000);
    let conn = open_read_only(&path).unwrap();
    let sql = "SELECT max(pageno) FROM dbstat WHERE name = 'sqlite_schema'";
    let page = conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
    drop(conn);
    let mut store = open(&path);
    let late = batch(&[(0, T0 + 4_000_000_000, 1.5)]);
    store.append(&late, OnConflict::Keep).unwrap();
    let before = samples(&path);
    let (mutant, out) = (dir.path().join("mutant.db"), dir.path().join("out.db"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..PAGE_BYTES].fill(0);
    bytes[(page - 1) * PAGE_BYTES..page * PAGE_BYTES].fill(0);
    std::fs::write(&mutant, bytes).unwrap();
    let log = std::fs::read(dir.path().join("a.db-wal")).unwrap();
    assert!(!log.is_empty());
    std::fs::write(dir.path().join("mutant.db-wal"), log).unwrap();
    assert_eq!(recover(&mutant, &out).unwrap().lost, []);
    assert_eq!(samples(&out), before);
}

/// It was copied along: a pipe was waited for, a link to a device copied until the disk was full.
#[cfg(unix)]
#[test]
fn without_its_list_of_tables_a_log_that_is_no_file_is_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    filled(&path, 1_000);
    let before = samples(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..PAGE_BYTES].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let log = dir.path().join("a.db-wal");
    assert!(!log.exists() && std::process::Command::new("mkfifo").arg(&log).status().unwrap().success());
    assert_eq!(recover(&path, &out).unwrap().lost, []);
    assert_eq!(samples(&out), before);
}

/// All its samples were dropped, though it is known which they are.
#[test]
fn a_node_whose_name_is_lost_keeps_its_samples_under_another() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    filled(&path, 100_000);
    let before = samples(&path);
    open_for_tampering(&path).execute_batch("UPDATE node SET name = 'NODE-0' WHERE name = 'node-0'").unwrap();
    let report = recover(&path, &out).unwrap();
    let lost: Vec<String> = report.lost.iter().map(|loss| format!("{}: {}", loss.series, loss.what)).collect();
    // node-1 is there already.
    assert_eq!(lost, ["node: row 1 of `node` is damaged: its samples are kept under the name node-1-2"]);
    let renamed: BTreeMap<_, _> = before
        .into_iter()
        .map(|((name, t), bits)| {
            ((name.strip_prefix("node-0/").map_or(name.clone(), |rest| format!("node-1-2/{rest}")), t), bits)
        })
        .collect();
    assert_eq!(samples(&out), renamed);
    assert_eq!(check(&out).unwrap().problems, []);
    let events = Reader::open(&out).unwrap().annotations(TimeRange::ALL).unwrap();
    assert_eq!(events.len(), 1, "no sample is lost: no event says so");
}

/// It was told as lost from 1970 to 9999.
#[test]
fn damaged_rows_of_the_head_are_told_between_those_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("a.db"), dir.path().join("out.db"));
    let mut store = open(&path);
    let rows: Vec<_> = (0..10).map(|t| (0, T0 + t * 1000, t as f64)).collect();
    store.append(&batch(&rows), OnConflict::Keep).unwrap();
    store.close().unwrap();
    open_for_tampering(&path).execute_batch(&format!("UPDATE sample SET value = 9 WHERE ts = {}", T0 + 4000)).unwrap();
    let report = recover(&path, &out).unwrap();
    let at = |ms: i64| Timestamp::from_millis(T0 + ms);
    assert_eq!((&report.lost[0].from, &report.lost[0].to), (&at(3000).to_rfc3339(), &at(5001).to_rfc3339()));
    let events = Reader::open(&out).unwrap().annotations(TimeRange::ALL).unwrap();
    assert_eq!((events[0].at, events[0].until), (at(3000), Some(at(5001))));
    assert!(
        events[0].text.starts_with("recovered by nodebook check: samples of an unknown number of series lost between")
    );
}
