use crate::model::Selector;
use crate::store::retention::{Keep, Policy, Rule, plan};

use super::window::DAY_MS;
use super::*;

const MINUTE: i64 = 60_000;

/// Ten days of four series, the samples a minute apart.
fn filled(path: &Path) -> Store {
    filled_every(path, [MINUTE; 4])
}

fn filled_every(path: &Path, intervals: [i64; 4]) -> Store {
    let mut store = open(path);
    let mut bulk = store.bulk();
    for (i, interval) in intervals.into_iter().enumerate() {
        let id = bulk.series(&key(i), None).unwrap();
        for t in 0..10 * DAY_MS / interval {
            bulk.push(id, Timestamp::from_millis(day(0) + t * interval), noise(t * 4 + i as i64)).unwrap();
        }
    }
    bulk.finish().unwrap();
    store
}

/// From a day on which a window of minutes (2 d) starts.
fn day(n: i64) -> i64 {
    T0.div_euclid(2 * DAY_MS) * 2 * DAY_MS + n * DAY_MS
}

fn rows(store: &Store, resolution: Resolution) -> usize {
    let reader = Reader::open(store.path()).unwrap();
    let mut rows = 0;
    let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    reader.rollups(&ids, resolution, TimeRange::ALL, &mut |_, _, _| rows += 1).unwrap();
    rows
}

fn samples(store: &Store, series: u32) -> usize {
    scan_all(&Reader::open(store.path()).unwrap(), &[SeriesId(series)], TimeRange::ALL).len()
}

#[test]
fn old_samples_go_and_their_rollups_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = filled(&path);
    let rule = Rule {
        selector: Selector::parse(&[] as &[&str], &["load*"], &[]).unwrap(),
        raw: Some(Keep::Millis(2 * DAY_MS)),
        hours: None,
        days: None,
    };
    let policy = Policy {
        raw: Keep::Millis(5 * DAY_MS), // in whole windows
        hours: Keep::Millis(8 * DAY_MS),
        rules: vec![rule],
        ..Policy::default()
    };
    let inventory = store.inventory(&policy, Timestamp::from_millis(day(10))).unwrap();
    let plan = plan(&policy, &inventory, Timestamp::from_millis(day(10)));
    store.prune(&policy, &plan).unwrap();
    assert_eq!((samples(&store, 1), samples(&store, 2)), (2 * 1440, 6 * 1440), "load1 has its own rule");
    assert_eq!((rows(&store, Resolution::Hour), rows(&store, Resolution::Day)), (4 * 8 * 24, 4 * 10));
    assert_eq!(check(&path).unwrap().problems, []);
    let inventory = store.inventory(&policy, Timestamp::from_millis(day(10))).unwrap();
    assert_eq!(super::retention::plan(&policy, &inventory, Timestamp::from_millis(day(10))), []);
    // A late sample of pruned time neither brings the old ones back nor spoils their rollup.
    let before = Reader::open(&path).unwrap();
    let mut old = None;
    let at = TimeRange::new(Timestamp::from_millis(day(2)), Timestamp::from_millis(day(2) + 1)).unwrap();
    before.rollups(&[SeriesId(2)], Resolution::Hour, at, &mut |_, _, a| old = Some(*a)).unwrap();
    store.append(&batch(&[(1, day(2) + 5, 1e9)]), OnConflict::Keep).unwrap();
    store.seal(Timestamp::MAX).unwrap();
    let mut new = None;
    let after = Reader::open(&path).unwrap();
    after.rollups(&[SeriesId(2)], Resolution::Hour, at, &mut |_, _, a| new = Some(*a)).unwrap();
    assert!(old.is_some() && old == new);
}

/// Rollups that retention took, with the samples still there, were told as damage.
#[test]
fn a_check_finds_nothing_wrong_whichever_layer_was_pruned() {
    let keep = Keep::Millis(2 * DAY_MS);
    let policies = [
        Policy { raw: keep, ..Policy::default() },
        Policy { hours: keep, ..Policy::default() },
        Policy { days: keep, ..Policy::default() },
        Policy { hours: keep, days: keep, ..Policy::default() },
    ];
    for policy in policies {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = filled_every(&path, [MINUTE, 5 * MINUTE, MINUTE / 2, MINUTE / 2]);
        let inventory = store.inventory(&policy, Timestamp::from_millis(day(10))).unwrap();
        let plan = plan(&policy, &inventory, Timestamp::from_millis(day(10)));
        assert!(!plan.is_empty());
        store.prune(&policy, &plan).unwrap();
        assert_eq!(check(&path).unwrap(), CheckReport { ok: true, ..CheckReport::default() }, "{policy:?}");
        // What is missing without having been pruned is still found.
        let conn = rusqlite::Connection::open(&path).unwrap();
        for (table, rows) in [("rollup_1d", 4), ("rollup_1h", 2 * 24)] {
            conn.execute(&format!("DELETE FROM {table} WHERE t >= ?1"), [day(9)]).unwrap();
            let report = check(&path).unwrap();
            let what = format!("its row in `{table}` is missing");
            assert_eq!(report.problems.iter().filter(|p| p.what == what).count(), rows, "{table} {policy:?}");
        }
    }
}

/// A recorder looks every hour: it read all of its file each time.
#[test]
fn what_is_neither_old_nor_too_much_is_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = filled_every(&dir.path().join("a.db"), [MINUTE, 5 * MINUTE, MINUTE / 2, MINUTE / 2]);
    let now = Timestamp::from_millis(day(10));
    let keep = |days: i64| Keep::Millis(days * DAY_MS);
    let all = Policy { max_bytes: Some(1), raw: keep(6), hours: keep(4), ..Policy::default() };
    let everything = store.inventory(&all, now).unwrap();
    assert_eq!(everything.stocks.iter().map(|s| s.samples).max(), Some(2 * 2880), "a day of two series");
    for policy in [
        Policy::default(),
        Policy { raw: keep(6), hours: keep(4), ..Policy::default() },
        Policy { raw: keep(6), max_bytes: Some(1 << 40), ..Policy::default() },
        Policy { days: keep(3), hours: keep(0), ..Policy::default() },
    ] {
        let known = store.inventory(&policy, now).unwrap();
        assert!(known.stocks.len() < everything.stocks.len(), "{policy:?}");
        assert_eq!(plan(&policy, &known, now), plan(&policy, &everything, now), "{policy:?}");
    }
}

fn hours(path: &Path) -> Vec<(SeriesId, i64, String)> {
    let reader = Reader::open(path).unwrap();
    let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    let mut hours = Vec::new();
    let mut visit =
        |series, t: Timestamp, a: &crate::model::Aggregate| hours.push((series, t.millis(), format!("{a:?}")));
    reader.rollups(&ids, Resolution::Hour, TimeRange::ALL, &mut visit).unwrap();
    hours
}

/// They had rows beside their samples, which took more room than the samples.
#[test]
fn hours_of_slow_series_are_folded_and_become_rows_when_the_samples_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = filled_every(&path, [MINUTE, 5 * MINUTE, 15 * MINUTE, MINUTE / 2]);
    let conn = open_read_only(&path).unwrap();
    virtual_table::register(&conn).unwrap();
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let every_hour = "SELECT count(*) FROM rollup_1h WHERE t >= 0 AND series_id IN (1, 2, 3, 4)";
    assert_eq!(count("SELECT count(*) FROM main.rollup_1h"), 10 * 24, "of the fast series only");
    assert_eq!(count(every_hour), 4 * 10 * 24);
    let before = hours(&path);
    assert_eq!(before.len(), 4 * 10 * 24);
    let days = rows(&store, Resolution::Day);

    let policy = Policy { raw: Keep::Millis(0), ..Policy::default() };
    let inventory = store.inventory(&policy, Timestamp::from_millis(day(40))).unwrap();
    let plan = plan(&policy, &inventory, Timestamp::from_millis(day(40)));
    store.prune(&policy, &plan).unwrap();
    assert_eq!(samples(&store, 1) + samples(&store, 2) + samples(&store, 3), 0);
    assert_eq!(count("SELECT count(*) FROM main.rollup_1h"), 4 * 10 * 24);
    assert_eq!(count(every_hour), 4 * 10 * 24, "none of them twice");
    assert_eq!(hours(&path), before);
    assert_eq!(rows(&store, Resolution::Day), days);
    assert_eq!(check(&path).unwrap().problems, []);
}

/// A file without retention pays nothing for them.
#[test]
fn sketches_come_when_samples_go_and_days_get_those_of_their_hours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    // Two days a chunk, eight days, one, and eight hours.
    let mut store = filled_every(&path, [MINUTE, 5 * MINUTE, MINUTE / 2, MINUTE / 6]);
    let conn = open_read_only(&path).unwrap();
    let count =
        |table: &str| conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("sketch_1h") + count("sketch_1d"), 0);
    let (rows_before, policy) = (hours(&path), |hours| Policy { raw: Keep::Millis(0), hours, ..Policy::default() });
    let mut prune = |policy: Policy| {
        let inventory = store.inventory(&policy, Timestamp::from_millis(day(40))).unwrap();
        let plan = plan(&policy, &inventory, Timestamp::from_millis(day(40)));
        store.prune(&policy, &plan).unwrap();
    };
    prune(policy(Keep::Forever));
    assert_eq!((count("sketch_1h"), count("sketch_1d")), (4 * 10, 0));
    let reader = Reader::open(&path).unwrap();
    let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    let told = reader.outlived(&ids, TimeRange::ALL).unwrap();
    assert_eq!(told.values().map(Vec::len).sum::<usize>(), rows_before.len());
    for (hour, bucket) in told[&SeriesId(4)].iter().enumerate() {
        let values: Vec<f64> = (0..360).map(|i| noise((hour as i64 * 360 + i) * 4 + 3)).collect();
        assert_eq!(bucket.sketch, Some(crate::model::Sketch::of(&values)));
    }
    assert_eq!(count("chunk_time"), 0, "no times without chunks");
    assert!(told.values().flatten().all(|b| b.sketch.as_ref().is_some_and(|s| s.count() == b.aggregate.count)));
    let whole = |told: &AllOutlived| {
        let mut all = [(); 4].map(|()| crate::model::Sketch::default());
        for (sketch, buckets) in all.iter_mut().zip(told.values()) {
            buckets.iter().for_each(|bucket| sketch.merge(bucket.sketch.as_ref().unwrap()));
        }
        all
    };
    let by_hours = whole(&told);
    prune(policy(Keep::Millis(0)));
    assert_eq!((count("sketch_1h"), count("rollup_1h")), (0, 0));
    let told = Reader::open(&path).unwrap().outlived(&ids, TimeRange::ALL).unwrap();
    assert!(told.values().all(|days| days.len() == 10 && days.iter().all(|day| day.range.millis() == DAY_MS)));
    assert_eq!(whole(&told), by_hours, "nothing is lost on the way from hours to days");
    assert_eq!(check(&path).unwrap().problems, []);
    open_for_tampering(&path)
        .execute_batch("UPDATE sketch_1d SET bytes = zeroblob(length(bytes)) WHERE id & 1")
        .unwrap();
    assert!(check(&path).unwrap().problems.iter().any(|p| p.place == "sketch_1d" && p.what.contains("checksum")));
}

#[test]
fn a_file_shrinks_to_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path).close().unwrap();
    let mut store = open(&path);
    let before = Reader::open(&path).unwrap().info().unwrap();
    let policy = Policy { max_bytes: Some(before.bytes * 2 / 3), ..Policy::default() };
    assert!(before.layers.chunk.bytes > 0 && before.layers.rollup_1h.bytes > 0);
    let inventory = store.inventory(&policy, Timestamp::from_millis(day(20))).unwrap();
    let plan = plan(&policy, &inventory, Timestamp::from_millis(day(20)));
    store.prune(&policy, &plan).unwrap();
    assert!(store.vacuum().unwrap() > 0);
    store.close().unwrap();
    let after = Reader::open(&path).unwrap().info().unwrap();
    assert!(after.bytes < before.bytes * 3 / 4, "{} of {}", after.bytes, before.bytes);
    assert!(after.samples < before.samples && after.to == before.to);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), after.bytes);
}
