use super::*;
use crate::model::catalogue::Unit;
use crate::query::memory::{MemorySource, key};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

fn series(from: i64, step: i64, n: i64) -> Vec<(i64, f64)> {
    (0..n).map(|i| (from + i * step, i as f64)).collect()
}

fn all(source: &MemorySource) -> Vec<Loaded> {
    let whole = source.span().unwrap().unwrap();
    let groups = groups(source, &Selector::all(), whole).unwrap();
    groups.into_iter().map(|group| group.load(source, whole).unwrap()).collect()
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded.subjects().iter().map(|s| s.key.to_string()).collect()
}

#[test]
fn stored_series_keep_their_names_and_a_counter_is_its_rate() {
    let source = MemorySource::default()
        .with(key("a", "sent_bytes_total", &[]), series(0, 10_000, 100))
        .with(key("a", "disk_used_pct", &[("mount", "/var")]), series(0, 10_000, 100))
        .with(key("a", "queue", &[]), series(0, 10_000, 100))
        .with(key("b", "cpu_user_pct", &[]), series(0, 10_000, 100))
        .with(key("b", "cpu_system_pct", &[]), series(0, 10_000, 100))
        .with(key("a", "seconds_bucket", &[("le", "1")]), series(0, 10_000, 100));
    let loaded = &all(&source)[0];
    let stored = ["a/queue", "a/sent_bytes_total", "b/cpu_system_pct", "b/cpu_user_pct"];
    assert_eq!(names(loaded)[0], r#"a/disk_used_pct{mount="/var"}"#);
    assert_eq!(names(loaded)[1..], stored);
    let subjects = loaded.subjects();
    assert_eq!((subjects[0].title.as_str(), subjects[0].capacity), ("Disk used", Some(100.0)));
    assert_eq!(subjects[1].values[..2], [2.5, 8.5], "means of six samples");
    assert_eq!((subjects[2].unit.as_str(), subjects[2].values[1]), ("bytes/s", 0.1));
    assert_eq!((subjects[4].unit, subjects[4].capacity), (Unit::Percent, None), "a processor does not fill up");
    assert_eq!(loaded.grid.step_ms, MINUTE);
}

#[test]
fn what_only_says_something_together_is_one_subject() {
    let level = |v: f64| (0..100).map(move |i| (i * MINUTE, v));
    let mount = |m| [("mountpoint", m), ("fstype", "ext4")];
    let source = MemorySource::default()
        .with(key("a", "node_filesystem_avail_bytes", &mount("/")), level(25.0))
        .with(key("a", "node_filesystem_size_bytes", &mount("/")), level(100.0))
        .with(key("a", "node_filesystem_avail_bytes", &mount("/var")), level(50.0))
        .with(key("a", "node_filesystem_size_bytes", &mount("/var")), level(100.0));
    let loaded = &all(&source)[0];
    assert_eq!(names(loaded), [r#"a/disk_percent{mountpoint="/"}"#, r#"a/disk_percent{mountpoint="/var"}"#]);
    assert_eq!(loaded.subjects().iter().map(|s| s.values[10]).collect::<Vec<_>>(), [75.0, 50.0]);
}

#[test]
fn series_of_other_years_or_steps_have_grids_of_their_own() {
    let year = 365 * DAY;
    let source = MemorySource::default()
        .with(key("a", "x", &[]), series(0, MINUTE, 3_000))
        .with(key("b", "x", &[]), series(7_000, MINUTE, 2_900))
        .with(key("c", "x", &[]), series(year, MINUTE, 300))
        .with(key("d", "x", &[]), series(0, 60 * MINUTE, 50));
    let found: Vec<_> = all(&source).iter().map(|l| (names(l), l.grid.step_ms, l.grid.len)).collect();
    assert_eq!(
        found,
        [
            (vec!["a/x".to_owned(), "b/x".to_owned()], MINUTE, 3_000),
            (vec!["d/x".to_owned()], 60 * MINUTE, 50),
            (vec!["c/x".to_owned()], MINUTE, 300),
        ]
    );
}

#[test]
fn coarse_samples_stay_in_their_rows_with_their_own_times() {
    let jitter = [0, 20_000, -20_000, 5_000];
    let samples: Vec<(i64, f64)> =
        (0..200).map(|i| (3 * MINUTE + i * 5 * MINUTE + jitter[i as usize % 4], i as f64)).collect();
    let source = MemorySource::default().with(key("a", "x", &[]), samples.clone());
    let loaded = &all(&source)[0];
    assert_eq!((loaded.grid.start.millis(), loaded.grid.len), (3 * MINUTE, 200));
    assert_eq!(loaded.subjects()[0].values, samples.iter().map(|(_, v)| *v).collect::<Vec<_>>());
    let stamps = loaded.stamps(&source, source.span().unwrap().unwrap(), 0..1).unwrap();
    assert_eq!(
        stamps[0].iter().map(|t| t.millis()).collect::<Vec<_>>(),
        samples.iter().map(|(t, _)| *t).collect::<Vec<_>>()
    );
}

#[test]
fn where_samples_are_no_longer_kept_the_rollups_hours_are_the_rows() {
    let mut source = MemorySource::default().with(key("a", "x", &[]), series(90 * MINUTE, MINUTE, 6_000));
    source.finest_step_ms = 60 * MINUTE;
    let loaded = &all(&source)[0];
    assert_eq!((loaded.grid.start.millis(), loaded.grid.step_ms, loaded.grid.len), (60 * MINUTE, 60 * MINUTE, 101));
    assert_eq!(loaded.subjects()[0].values[..2], [14.5, 59.5]);
}
