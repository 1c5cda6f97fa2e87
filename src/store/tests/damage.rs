use std::collections::BTreeSet;
use std::fs;

use super::schema::PAGE_BYTES;
use super::window::HOUR_MS;
use super::*;

/// Two days of four slow series and three hours of a fast one, the last hours in the head.
fn filled(path: &Path) {
    let mut store = open(path);
    let mut bulk = store.bulk();
    let fast = bulk.series(&key(4), None).unwrap();
    for t in 0..3 * 360 {
        bulk.push(fast, Timestamp::from_millis(T0 + t * 10_000), noise(t)).unwrap();
    }
    for i in 0..4 {
        let id = bulk.series(&key(i), None).unwrap();
        for t in 0..2 * 1440 {
            bulk.push(id, Timestamp::from_millis(T0 + t * 60_000), noise(t * 4 + i as i64)).unwrap();
        }
    }
    bulk.finish().unwrap();
    let recent: Vec<_> = (0..2000).map(|t| (t as usize % 4, T0 + 80 * HOUR_MS + t * 1_000, noise(t))).collect();
    store.append(&batch(&recent), OnConflict::Keep).unwrap();
    store
        .annotate(&crate::model::Annotation {
            at: Timestamp::from_millis(T0),
            until: None,
            nodes: None,
            text: "deploy".to_owned(),
        })
        .unwrap();
    store.close().unwrap();
}

/// Everything a report could ask for, a fact a text; an error where any of it fails.
fn answers(path: &Path) -> Result<BTreeSet<String>, StoreError> {
    let reader = Reader::open(path)?;
    let series = reader.series()?;
    let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
    let mut facts: BTreeSet<String> = series.iter().map(|s| format!("{s:?}")).collect();
    facts.extend(reader.annotations(TimeRange::ALL)?.iter().map(|a| format!("{a:?}")));
    reader.scan(&ids, TimeRange::ALL, &mut |series, times, values| {
        facts.extend(times.iter().zip(values).map(|(t, v)| format!("{series:?} {t} {v:?}")));
        ControlFlow::Continue(())
    })?;
    for resolution in [Resolution::Hour, Resolution::Day] {
        let mut visit = |series, t, a: &crate::model::Aggregate| {
            facts.insert(format!("{resolution:?} {series:?} {t} {a:?}"));
        };
        reader.rollups(&ids, resolution, TimeRange::ALL, &mut visit)?;
    }
    Ok(facts)
}

#[test]
fn damage_is_named_by_series_and_window() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    open_for_tampering(&path)
        .execute_batch("UPDATE chunk SET vals = zeroblob(length(vals)) WHERE id & 0xffffffff = 3")
        .unwrap();
    let Err(error @ StoreError::DamagedChunk { .. }) = answers(&path) else { panic!("read") };
    let text = error.to_string();
    assert!(text.contains("node-0/bytes_total") && text.contains("nodebook check"), "{text}");
    let report = check(&path).unwrap();
    assert!(!report.ok && report.problems.iter().all(|p| !p.what.is_empty()), "{report:?}");
    assert!(report.problems[0].place.starts_with("node-0/bytes_total from 2023-11-1"), "{report:?}");
}

#[test]
fn a_check_finds_what_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    for (sql, found) in [
        ("UPDATE sample SET value = value + 1 WHERE ts = (SELECT min(ts) FROM sample)", "head sample"),
        ("DELETE FROM rollup_1h WHERE t = (SELECT min(t) FROM rollup_1h)", "its row in `rollup_1h` is missing"),
        ("DELETE FROM rollup_1d WHERE t = (SELECT min(t) FROM rollup_1d)", "its row in `rollup_1d` is missing"),
        ("DELETE FROM chunk WHERE id & 0xffffffff = 1", "rows have no samples"),
        ("DELETE FROM chunk WHERE id = (SELECT min(id) FROM chunk)", "rows have no hours"),
        ("UPDATE rollup_1d SET sum = sum + 1", "does not match its checksum"),
        ("UPDATE node SET name = 'other' WHERE id = 1", "row 1 of `node`"),
        ("DELETE FROM chunk_time", "its times are not there"),
        ("UPDATE setting SET value = value - 1", "does not match its checksum"),
    ] {
        let path = dir.path().join("a.db");
        let _ = fs::remove_file(&path);
        filled(&path);
        open_for_tampering(&path).execute_batch(sql).unwrap();
        let report = check(&path).unwrap();
        assert!(report.problems.iter().any(|p| p.what.contains(found)), "{sql}: {report:?}");
    }
}

#[test]
fn a_truncated_or_zeroed_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    let whole = answers(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / PAGE_BYTES;
    for page in 0..pages {
        fs::write(&path, &bytes[..page * PAGE_BYTES + 100]).unwrap();
        assert!(answers(&path).is_err(), "cut in page {page} of {pages}");
        let mut zeroed = bytes.clone();
        zeroed[page * PAGE_BYTES..][..PAGE_BYTES].fill(0);
        fs::write(&path, &zeroed).unwrap();
        assert!(answers(&path).map_or(true, |facts| facts == whole), "page {page} of {pages} zeroed");
        let _ = check(&path);
    }
}
