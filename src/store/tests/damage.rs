use std::collections::BTreeSet;
use std::fs;

use super::schema::PAGE_BYTES;
use super::window::HOUR_MS;
use super::*;

/// Two days of four series, the last hours in the head.
fn filled(path: &Path) {
    let mut store = open(path);
    let mut bulk = store.bulk();
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

/// Flips one bit in each of many copies. No answer ever holds a number that was not written. What can still happen is that a row is not found
/// (its key is what was hit): then the check tells. To refuse that at reading too takes checksums of whole pages.
#[test]
fn a_flipped_bit_never_becomes_another_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    let whole = answers(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mutant = dir.path().join("mutant.db");
    let mut refused = 0;
    let mut state = 7u64;
    for _ in 0..100 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bit = (state >> 20) as usize % (bytes.len() * 8);
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&mutant, &damaged).unwrap();
        let report = check(&mutant); // never panics
        match answers(&mutant) {
            Err(_) => refused += 1,
            Ok(facts) if facts == whole => {}
            Ok(facts) => {
                let invented: Vec<_> = facts.difference(&whole).collect();
                assert!(invented.is_empty(), "bit {bit} was read as {invented:?}");
                assert!(report.is_ok_and(|r| !r.ok), "bit {bit} hid something and the check did not see it");
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn damage_is_named_by_series_and_window() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("UPDATE chunk SET vals = zeroblob(length(vals)) WHERE id & 0xffffffff = 2").unwrap();
    drop(conn);
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
        ("DELETE FROM rollup_1h WHERE t = (SELECT min(t) FROM rollup_1h)", "is missing"),
        ("DELETE FROM chunk WHERE id = (SELECT min(id) FROM chunk)", "rows have no samples"),
        ("UPDATE rollup_1d SET sum = sum + 1", "does not match its checksum"),
        ("UPDATE node SET name = 'other' WHERE id = 1", "row 1 of `node`"),
        ("DELETE FROM chunk_time", "its times are not there"),
        ("UPDATE setting SET value = value - 1", "does not match its checksum"),
    ] {
        let path = dir.path().join("a.db");
        let _ = fs::remove_file(&path);
        filled(&path);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
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
