use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::model::Aggregate;

use super::super::window::{DAY_MS, HOUR_MS};
use super::*;

const SERIES: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(usize, i64, f64)>, OnConflict),
    Bulk(Vec<(usize, i64, f64)>),
    Seal(i64),
    Reopen,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0u32..50).prop_map(|v| f64::from(v) / 4.0),
        2 => prop::sample::select(vec![-0.0, f64::INFINITY, 1e300, 5e-324, 9_007_199_254_740_993.0]),
        1 => prop::sample::select(vec![f64::NAN, f64::from_bits(crate::model::STALE_MARKER_BITS), f64::from_bits(u64::MAX)]),
    ]
}

/// Samples at even distance somewhere in some weeks, so that series overlap, change their interval, come late and twice.
fn track() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    let steps = prop::sample::select(vec![1_000, 10_000, 60_000, 300_000, HOUR_MS, 11 * HOUR_MS]);
    (0..SERIES, 0i64..1500, steps, prop::collection::vec(value(), 1..60)).prop_map(|(series, quarter, step, values)| {
        let start = T0 + quarter * HOUR_MS / 4;
        values.into_iter().enumerate().map(|(i, v)| (series, start + i as i64 * step, v)).collect()
    })
}

fn samples() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    let joined = || prop::collection::vec(track(), 1..4).prop_map(|tracks| tracks.concat());
    prop_oneof![joined(), joined().prop_shuffle()]
}

fn step() -> impl Strategy<Value = Step> {
    let conflict = prop::sample::select(vec![OnConflict::Keep, OnConflict::Replace]);
    prop_oneof![
        4 => (samples(), conflict).prop_map(|(s, c)| Step::Append(s, c)),
        3 => samples().prop_map(Step::Bulk),
        3 => (0i64..1600).prop_map(|quarter| Step::Seal(T0 + quarter * HOUR_MS / 4)),
        1 => Just(Step::Reopen),
    ]
}

type Model = BTreeMap<(SeriesKey, i64), u64>;

fn append_to(model: &mut Model, samples: &[(usize, i64, f64)], on_conflict: OnConflict) -> WriteCounts {
    let mut counts = WriteCounts::default();
    for (i, ts, value) in samples {
        let bits = value.to_bits();
        match model.entry((key(*i), *ts)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(bits);
                counts.stored += 1;
            }
            std::collections::btree_map::Entry::Occupied(entry) if *entry.get() == bits => counts.duplicates += 1,
            std::collections::btree_map::Entry::Occupied(_) if on_conflict == OnConflict::Keep => counts.dropped += 1,
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.insert(bits);
                counts.replaced += 1;
            }
        }
    }
    counts
}

fn bulk(store: &mut Store, samples: &[(usize, i64, f64)]) -> WriteCounts {
    let mut bulk = store.bulk();
    for (i, ts, value) in samples {
        let id = bulk.series(&key(*i), None).unwrap();
        bulk.push(id, Timestamp::from_millis(*ts), *value).unwrap();
    }
    bulk.finish().unwrap()
}

fn same(a: &Aggregate, b: &Aggregate) -> bool {
    let equal = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    a.count == b.count
        && [(a.sum, b.sum), (a.min, b.min), (a.max, b.max), (a.first, b.first), (a.last, b.last)]
            .into_iter()
            .chain([(a.increase, b.increase)])
            .all(|(a, b)| equal(a, b))
}

/// Rollups of the model: hours of samples, days of hours.
fn rollups_of(model: &Model) -> [BTreeMap<(SeriesKey, i64), Aggregate>; 2] {
    let mut hours: BTreeMap<(SeriesKey, i64), Aggregate> = BTreeMap::new();
    for ((key, ts), bits) in model {
        let hour = ts.div_euclid(HOUR_MS) * HOUR_MS;
        hours.entry((key.clone(), hour)).or_default().push(f64::from_bits(*bits));
    }
    hours.retain(|_, aggregate| !aggregate.is_empty());
    let mut days: BTreeMap<(SeriesKey, i64), Aggregate> = BTreeMap::new();
    for ((key, hour), aggregate) in &hours {
        days.entry((key.clone(), hour.div_euclid(DAY_MS) * DAY_MS)).or_default().merge(aggregate);
    }
    [hours, days]
}

fn assert_equals(path: &Path, model: &Model) {
    let reader = Reader::open(path).unwrap();
    let series = reader.series().unwrap();
    let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
    let number: BTreeMap<SeriesKey, SeriesId> = series.iter().map(|s| (s.key.clone(), s.id)).collect();
    let expected = |from: i64, to: i64, ids: &[SeriesId]| {
        let inside = model.iter().map(|((key, ts), bits)| (number[key], *ts, *bits));
        let mut all: Vec<_> = inside.filter(|(id, ts, _)| (from..to).contains(ts) && ids.contains(id)).collect();
        all.sort_unstable();
        all
    };
    for (from, to, ids) in
        [(0, i64::MAX / 2, &ids[..]), (T0 + 17 * HOUR_MS, T0 + 200 * HOUR_MS + 1, &ids[..ids.len() / 2])]
    {
        let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
        assert_eq!(scan_all(&reader, ids, range), expected(from, to, ids));
    }
    let (first, last) = (model.keys().map(|(_, t)| *t).min(), model.keys().map(|(_, t)| *t + 1).max());
    let span = reader.span().unwrap();
    assert_eq!((span.map(|s| s.from().millis()), span.map(|s| s.to().millis())), (first, last));
    for (resolution, expected) in [Resolution::Hour, Resolution::Day].into_iter().zip(rollups_of(model)) {
        let Some(watermark) = reader.watermark(resolution).unwrap() else { continue };
        let mut stored = BTreeMap::new();
        let mut visit = |id, t: Timestamp, a: &Aggregate| {
            if t < watermark {
                stored.insert((series[ids.binary_search(&id).unwrap()].key.clone(), t.millis()), *a);
            }
        };
        reader.rollups(&ids, resolution, TimeRange::ALL, &mut visit).unwrap();
        let complete: BTreeMap<_, _> = expected.into_iter().filter(|((_, t), _)| *t < watermark.millis()).collect();
        assert_eq!(stored.keys().collect::<Vec<_>>(), complete.keys().collect::<Vec<_>>());
        for (at, aggregate) in &complete {
            assert!(same(&stored[at], aggregate), "{at:?}: {:?} should be {aggregate:?}", stored[at]);
        }
    }
    assert_latest(&reader, &number, model);
}

fn assert_latest(reader: &Reader, number: &BTreeMap<SeriesKey, SeriesId>, model: &Model) {
    let mut expected = BTreeMap::new();
    for ((key, ts), bits) in model.iter().filter(|(_, bits)| !f64::from_bits(**bits).is_nan()) {
        expected.insert(number[key], (*ts, *bits));
    }
    let ids: Vec<SeriesId> = expected.keys().copied().collect();
    let latest = reader.latest(&ids).unwrap();
    let found =
        ids.iter().map(|id| (*id, (latest[id].ts.millis(), latest[id].value.to_bits()))).collect::<BTreeMap<_, _>>();
    assert_eq!(found, expected);
}

fn run(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.db");
    let mut store = Some(open(&path));
    let mut model = Model::new();
    for step in steps {
        let open_store = store.as_mut().unwrap();
        match step {
            Step::Append(samples, on_conflict) => {
                let counts = open_store.append(&batch(samples), *on_conflict).unwrap();
                assert_eq!(counts, append_to(&mut model, samples, *on_conflict));
            }
            Step::Bulk(samples) => {
                let counts = bulk(open_store, samples);
                let expected = append_to(&mut model, samples, OnConflict::Replace);
                assert_eq!(counts.stored, expected.stored);
                assert_eq!(counts.duplicates + counts.replaced, expected.duplicates + expected.replaced);
            }
            Step::Seal(until) => {
                open_store.seal(Timestamp::from_millis(*until)).unwrap();
            }
            Step::Reopen => {
                store.take().unwrap().close().unwrap();
                store = Some(open(&path));
            }
        }
    }
    assert_equals(&path, &model);
    let mut store = store.unwrap();
    store.seal(Timestamp::MAX).unwrap();
    assert_equals(&path, &model);
    assert_eq!(bulk(&mut store, &[]), WriteCounts::default());
    store.close().unwrap();
    assert_eq!(check(&path).unwrap(), CheckReport { ok: true, ..CheckReport::default() });
}

#[test]
fn whatever_is_done_the_file_equals_a_map() {
    let (files, samples) = (Cell::new(0), Cell::new(0));
    TestRunner::new(Config { cases: 96, ..Config::default() })
        .run(&prop::collection::vec(step(), 1..12), |steps| {
            run(&steps);
            let given = |step: &Step| match step {
                Step::Append(samples, _) | Step::Bulk(samples) => samples.len(),
                _ => 0,
            };
            files.set(files.get() + 1);
            samples.set(samples.get() + steps.iter().map(given).sum::<usize>());
            Ok(())
        })
        .unwrap();
    figure(format_args!(
        "7 | late, twice, out of order, in other intervals, sealed and opened between | {} files, {} samples | each equals a map",
        files.get(),
        samples.get()
    ));
}

#[test]
fn a_chunk_that_outgrows_its_window_is_cut() {
    let one = vec![(0, T0 + 5, 1.0)]; // a single sample tells no interval: the longest window
    let many: Vec<_> = (0..20_000).map(|i| (0, T0 + i * 10_000, i as f64)).collect();
    let second_sampling: Vec<_> = (0..9_000).map(|i| (0, T0 + 5 + i * 1_000, 2.0)).collect();
    run(&[Step::Append(one, OnConflict::Keep), Step::Seal(T0 + DAY_MS), Step::Bulk(many.clone())]);
    run(&[Step::Bulk(many.clone()), Step::Bulk(second_sampling), Step::Bulk(many)]);
}

#[test]
fn importing_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = open(&path);
    for size in [10, 5_000] {
        let samples: Vec<_> = (0..size).map(|i| (0, T0 + i * 10_000, i as f64)).collect();
        bulk(&mut store, &samples);
        let counts = bulk(&mut store, &samples);
        assert_eq!(counts, WriteCounts { duplicates: size as u64, ..WriteCounts::default() });
    }
}
