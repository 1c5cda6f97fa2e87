use std::collections::HashSet;
use std::path::Path;

use proptest::prelude::*;

use super::super::Foreseeing;
use super::super::memory::{MemorySource, key, range};
use super::*;
use crate::model::{Batch, STALE_MARKER_BITS, Sample, SeriesKey};
use crate::store::retention::{self, Keep, Policy};
use crate::store::{Durability, OnConflict, Store, StoreOptions};

/// 2026-01-05T00:00:00Z
const T0: i64 = 1_767_571_200_000;
const MINUTE: i64 = 60_000;

type Samples = Vec<(i64, f64)>;

fn keys() -> [SeriesKey; 3] {
    [key("a", "load1", &[]), key("b", "bytes_total", &[("device", "sda")]), key("b", "load1", &[])]
}

fn batch(series: &[Samples], wanted: impl Fn(i64) -> bool) -> Batch {
    let mut batch = Batch::default();
    for (key, samples) in keys().iter().zip(series) {
        for (ts, value) in samples.iter().filter(|(ts, _)| wanted(*ts)) {
            batch.push(key.clone(), None, Sample { ts: Timestamp::from_millis(*ts), value: *value });
        }
    }
    batch
}

/// Everything in one file: most of it sealed at `sealed`, some of it late, the rest in the head.
fn stored(path: &Path, series: &[Samples], sealed: i64) -> LocalSource {
    let mut store = Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap();
    let late = |ts: i64| ts < sealed && ts % 7 == 0;
    store.append(&batch(series, |ts| !late(ts)), OnConflict::Keep).unwrap();
    store.seal(Timestamp::from_millis(sealed)).unwrap();
    store.append(&batch(series, late), OnConflict::Keep).unwrap();
    store.close().unwrap();
    LocalSource::open(path).unwrap()
}

/// The same in memory, in the order of the ids of `local`.
fn in_memory(series: &[Samples]) -> MemorySource {
    keys().into_iter().zip(series).fold(MemorySource::default(), |m, (k, s)| m.with(k, s.iter().copied()))
}

fn ids(source: &dyn Source) -> Vec<SeriesId> {
    source.series(&Selector::all()).unwrap().iter().map(|s| s.id).collect()
}

fn buckets(source: &dyn Source, r: TimeRange, grid: Grid) -> Vec<Vec<Bucket>> {
    let mut all = Vec::new();
    source.buckets(&ids(source), r, grid, &mut |_, b| all.push(b.to_vec())).unwrap();
    all
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs())) || (a.is_nan() && b.is_nan())
}

fn samples() -> impl Strategy<Value = Samples> {
    let value = prop_oneof![
        12 => (0u32..5_000).prop_map(|v| f64::from(v) / 10.0),
        1 => Just(f64::NAN),
        1 => Just(f64::from_bits(STALE_MARKER_BITS))
    ];
    let step = prop_oneof![20 => 10 * MINUTE..20 * MINUTE, 1 => 100 * MINUTE..3_000 * MINUTE];
    prop::collection::vec((step, value), 1..150).prop_map(|steps| {
        let mut t = T0 - 1;
        steps
            .into_iter()
            .map(|(step, v)| {
                t += step;
                (t, v)
            })
            .collect()
    })
}

/// A clock that said 1970 at boot made every question go through the file again for each two series, and for each node.
#[test]
fn what_is_asked_at_once_is_told_by_what_there_is_and_not_by_the_range() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut store = Store::open(&path, StoreOptions { durability: Durability::Normal }).unwrap();
    let mut batch = Batch::default();
    for i in 0..2_000 {
        let ts = Timestamp::from_millis(if i == 0 { 1_000 } else { T0 });
        batch.push(key(&format!("node-{i}"), "load1", &[]), None, Sample { ts, value: 1.0 });
    }
    store.append(&batch, OnConflict::Keep).unwrap();
    for sealed in [0, T0 + HOUR_MS] {
        store.seal(Timestamp::from_millis(sealed)).unwrap();
        let source = LocalSource::open(&path).unwrap();
        let life = range(0, T0 + DAY_MS);
        let known = source.known(Grid::covering(life, 30 * DAY_MS)).unwrap();
        let ids = ids(&source);
        let groups = source.groups(&ids, known.range, cell_grid(known.part)).unwrap();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [2_000]);
        assert!(source.nodes_at_once(life).unwrap() >= 100);
    }
    store.close().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_file_answers_as_the_plain_way(
        series in prop::collection::vec(samples(), 3),
        sealed in 0i64..100,
        (from, len) in (-100i64..4_000, 1i64..6_000),
        step in prop_oneof![Just(5 * MINUTE), Just(HOUR_MS), Just(6 * HOUR_MS), Just(DAY_MS), Just(2 * DAY_MS)],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut local = stored(&dir.path().join("t.db"), &series, T0 + sealed * HOUR_MS);
        let memory = in_memory(&series);
        let r = range(T0 + from * MINUTE, T0 + (from + len) * MINUTE);
        let grid = Grid::covering(r, step);
        let (got, expected) = (buckets(&local, r, grid), buckets(&memory, r, grid));
        prop_assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
            let (g, e) = (&got.aggregate, &expected.aggregate);
            prop_assert_eq!((g.count, g.min, g.max), (e.count, e.min, e.max));
            prop_assert!(same(g.sum, e.sum) && same(g.first, e.first) && same(g.last, e.last), "{:?} {:?}", g, e);
            prop_assert!(same(g.increase, e.increase) && same(got.increase_seconds, expected.increase_seconds), "{:?} {:?}", got, expected);
        }
        // Samples alone give the same bits as with rollups.
        local.watermark = Timestamp::MIN;
        let raw = buckets(&local, r, grid);
        prop_assert_eq!(format!("{raw:?}"), format!("{got:?}"));
    }

    #[test]
    fn courses_and_what_is_read_along_are_to_the_bit_what_each_question_says_by_itself(
        series in prop::collection::vec(samples(), 3),
        sealed in 0i64..100,
        (from, len) in (-100i64..4_000, 31i64..6_000),
        step in prop_oneof![Just(MINUTE), Just(20 * MINUTE), Just(HOUR_MS)],
        later in prop_oneof![Just(5 * MINUTE), Just(30 * MINUTE), Just(HOUR_MS), Just(2 * DAY_MS)],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let local = stored(&dir.path().join("t.db"), &series, T0 + sealed * HOUR_MS);
        let r = range(T0 + from * MINUTE, T0 + (from + len) * MINUTE);
        let grid = Grid::covering(range(T0 + from * MINUTE + 1_800_000, T0 + (from + len) * MINUTE), step);
        let all = ids(&local);
        let wanted: Vec<(SeriesId, Told)> =
            all.iter().chain(&all).flat_map(|id| [(*id, Told::Mean), (*id, Told::Rate)]).collect();
        let [gauges, counters]: [Vec<SeriesId>; 2] =
            [Kind::Gauge, Kind::Counter].map(|kind| all.iter().copied().filter(|id| local.kind(*id) == kind).collect());
        let ahead = Ahead {
            range: r,
            grid: Grid::covering(r, later),
            measured: gauges.iter().copied().collect(),
            counted: counters.iter().copied().collect(),
            quantiles: vec![0.5, 0.99],
        };
        let bits = |line: &[f64]| line.iter().map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() }).collect::<Vec<u64>>();
        let (mut told, mut expected) = (vec![Vec::new(); wanted.len()], vec![Vec::new(); wanted.len()]);
        let foreseeing = Foreseeing::new(&local, ahead.clone());
        foreseeing.courses(&wanted, r, grid, None, &mut |place, line, _| told[place] = bits(&line)).unwrap();
        courses_of_lines(&local, &wanted, r, grid, &mut |place, line, _| expected[place] = bits(&line)).unwrap();
        prop_assert_eq!(told, expected);
        let measured = |source: &dyn Source| {
            let mut all = Vec::new();
            source.measures(&gauges, r, ahead.grid, &ahead.quantiles, &mut |id, buckets, q| all.push(format!("{id:?} {buckets:?} {q:?}"))).unwrap();
            source.lines(&counters, r, ahead.grid, &mut |id, buckets| all.push(format!("{id:?} {buckets:?}"))).unwrap();
            all
        };
        // Asked again there is nothing kept any more.
        let apart = measured(&local);
        prop_assert_eq!(measured(&foreseeing), apart.clone());
        prop_assert_eq!(measured(&foreseeing), apart);
    }

    #[test]
    fn wider_buckets_of_what_was_told_are_what_a_source_says_of_them(
        series in prop::collection::vec(samples(), 3),
        sealed in 0i64..100,
        (from, len) in (-100i64..4_000, 31i64..6_000),
        (step, wider) in prop_oneof![Just((5 * MINUTE, 30 * MINUTE)), Just((30 * MINUTE, HOUR_MS)), Just((HOUR_MS, 2 * DAY_MS))],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let local = stored(&path, &series, T0 + sealed * HOUR_MS);
        let r = range(T0 + from * MINUTE, T0 + (from + len) * MINUTE);
        let gauges: Vec<SeriesId> = ids(&local).into_iter().filter(|id| local.kind(*id) == Kind::Gauge).collect();
        let of = |step: i64| Ahead {
            range: r,
            grid: Grid::covering(r, step),
            measured: gauges.iter().copied().collect(),
            counted: HashSet::new(),
            quantiles: vec![0.5],
        };
        let measured = |source: &dyn Source, step: i64| {
            let mut told = Vec::new();
            let sink = &mut |_, buckets: &[Bucket], quantiles: &[f64]| told.push((buckets.to_vec(), quantiles[0]));
            source.measures(&gauges, r, of(step).grid, &[0.5], sink).unwrap();
            told
        };
        let expected = measured(&local, wider);
        let mut foreseeing = Foreseeing::new(&local, of(step)).keeping(true);
        measured(&foreseeing, step);
        foreseeing.expect(of(wider));
        std::fs::write(&path, "").unwrap(); // what was told is not read again
        let told = measured(&foreseeing, wider);
        for ((told, median), (expected, q)) in told.iter().zip(&expected) {
            prop_assert!(same(*median, *q));
            for (told, expected) in told.iter().zip(expected) {
                prop_assert_eq!(told.aggregate.count, expected.aggregate.count);
                prop_assert!(told.aggregate.min == expected.aggregate.min && told.aggregate.max == expected.aggregate.max);
                prop_assert!(same(told.aggregate.sum, expected.aggregate.sum));
            }
        }
    }

    #[test]
    fn samples_and_quantiles_are_those_that_were_stored(series in prop::collection::vec(samples(), 3), sealed in 0i64..100) {
        let dir = tempfile::tempdir().unwrap();
        let local = stored(&dir.path().join("t.db"), &series, T0 + sealed * HOUR_MS);
        let memory = in_memory(&series);
        prop_assert_eq!(local.span().unwrap(), memory.span().unwrap());
        let r = range(T0 + 90 * MINUTE, T0 + 3_000 * MINUTE);
        let all = |source: &dyn Source| {
            let mut all: BTreeMap<usize, Vec<(i64, u64)>> = BTreeMap::new();
            let ids = ids(source);
            source.samples(&ids, r, &mut |id, times, values| {
                let place = ids.iter().position(|i| *i == id).unwrap();
                all.entry(place).or_default().extend(times.iter().copied().zip(values.iter().map(|v| v.to_bits())));
                ControlFlow::Continue(())
            }).unwrap();
            all
        };
        prop_assert_eq!(all(&local), all(&memory));
        let quantiles = |source: &dyn Source| {
            let mut all = Vec::new();
            source.quantiles(&ids(source), r, &[0.5, 0.95, 0.0], &mut |_, q| all.extend_from_slice(q)).unwrap();
            all
        };
        prop_assert!(quantiles(&local).iter().zip(quantiles(&memory)).all(|(a, b)| same(*a, b)));
    }
}

#[test]
fn a_series_that_is_not_there_is_empty_and_one_asked_for_twice_comes_twice() {
    let dir = tempfile::tempdir().unwrap();
    let local = stored(&dir.path().join("t.db"), &[vec![(T0, 1.0)], vec![(T0, 2.0)], vec![(T0, 3.0)]], T0);
    let known = ids(&local)[0];
    let asked = [known, SeriesId(4_000_000), known];
    let r = range(T0, T0 + HOUR_MS);
    let mut counts = Vec::new();
    local.buckets(&asked, r, Grid::covering(r, HOUR_MS), &mut |id, b| counts.push((id, b[0].aggregate.count))).unwrap();
    assert_eq!(counts, [(known, 1), (SeriesId(4_000_000), 0), (known, 1)]);
    let mut medians = Vec::new();
    local.quantiles(&asked, r, &[0.5], &mut |id, q| medians.push((id, q[0].is_nan()))).unwrap();
    assert_eq!(medians, [(known, false), (SeriesId(4_000_000), true), (known, false)]);
}

#[test]
fn series_are_sorted_by_name_and_selected() {
    let dir = tempfile::tempdir().unwrap();
    let local = stored(&dir.path().join("t.db"), &[vec![(T0, 1.0)], vec![(T0, 2.0)], vec![(T0, 3.0)]], T0);
    let names =
        |selector: &Selector| local.series(selector).unwrap().iter().map(|s| s.key.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&Selector::all()), ["a/load1", "b/bytes_total{device=\"sda\"}", "b/load1"]);
    assert_eq!(names(&Selector::parse(&["b"], &["load*"], &[]).unwrap()), ["b/load1"]);
    assert_eq!(local.origin().name, "t.db");
}

/// Three days at one minute: a gauge that waves and a counter that grows by 60 an interval.
fn three_days() -> [Samples; 3] {
    let times = || (0..3 * 1_440).map(|i| (i, T0 + i * MINUTE));
    [
        times().map(|(i, t)| (t, (i as f64 / 20.0).sin())).collect(),
        times().map(|(i, t)| (t, i as f64 * 60.0)).collect(),
        times().map(|(i, t)| (t, i as f64)).collect(),
    ]
}

/// The three days, everything sealed, then pruned by `policy` at the end of the third day.
fn pruned(path: &Path, policy: Policy) -> LocalSource {
    let mut store = Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap();
    store.append(&batch(&three_days(), |_| true), OnConflict::Keep).unwrap();
    let now = Timestamp::from_millis(T0 + 3 * DAY_MS);
    store.seal(now).unwrap();
    let inventory = store.inventory(&policy, now).unwrap();
    let plan = retention::plan(&policy, &inventory, now);
    assert!(!plan.is_empty());
    store.prune(&policy, &plan).unwrap();
    store.close().unwrap();
    LocalSource::open(path).unwrap()
}

fn quantiles_of(source: &dyn Source, r: TimeRange) -> Vec<f64> {
    let mut all = Vec::new();
    source.quantiles(&ids(source), r, &[0.5, 0.95, 0.99, 0.0], &mut |_, q| all.extend_from_slice(q)).unwrap();
    all
}

fn assert_quantiles_within_1_percent(told: &dyn Source, exact: &dyn Source, r: TimeRange) {
    let (told, exact) = (quantiles_of(told, r), quantiles_of(exact, r));
    assert_eq!(told.len(), exact.len());
    for (told, exact) in told.iter().zip(&exact) {
        // A sketch tells each sample within 1 % of itself: of a wave around zero, of its height.
        assert!((told - exact).abs() <= 0.01 * exact.abs().max(0.01) + 1e-9, "{told} {exact}");
    }
}

#[test]
fn a_glimpse_is_of_the_first_times_and_of_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let every =
        |step: i64, from: i64, to: i64| (from / step..to / step).map(|i| (T0 + i * step, 1.0)).collect::<Samples>();
    let (all_along, begins_late, slow) =
        (every(MINUTE, 0, 5 * DAY_MS), every(MINUTE, 3 * DAY_MS, 4 * DAY_MS), every(HOUR_MS, 0, 5 * DAY_MS));
    let local = stored(&dir.path().join("t.db"), &[all_along, begins_late, slow], T0 + 4 * DAY_MS);
    for r in [range(T0, T0 + 9 * DAY_MS), range(T0 + DAY_MS, T0 + 2 * DAY_MS)] {
        let glimpsed = |source: &dyn Source, most: usize| {
            let mut found: BTreeMap<SeriesId, Vec<i64>> = BTreeMap::new();
            let sink = &mut |id, times: &[i64]| {
                found.entry(id).or_default().extend(times);
                ControlFlow::Continue(())
            };
            source.glimpses(&ids(source), r, most, sink).unwrap();
            found.into_values().map(|times| (times[..most.min(times.len())].to_vec(), times[times.len() - 1])).collect()
        };
        let told: Vec<(Vec<i64>, i64)> = glimpsed(&local, 100);
        assert_eq!(told, glimpsed(&in_memory_by_id(&local, r), 100));
    }
}

/// Every sample of `local` in `r`, in the order of its ids.
fn in_memory_by_id(local: &LocalSource, r: TimeRange) -> MemorySource {
    local.series(&Selector::all()).unwrap().into_iter().fold(MemorySource::default(), |memory, series| {
        let mut samples = Samples::new();
        let sink = &mut |_, times: &[i64], values: &[f64]| {
            samples.extend(times.iter().copied().zip(values.iter().copied()));
            ControlFlow::Continue(())
        };
        local.samples(&[series.id], r, sink).unwrap();
        memory.with(series.key, samples)
    })
}

#[test]
fn rollups_answer_for_samples_that_were_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy { raw: Keep::Millis(DAY_MS), ..Policy::default() };
    let local = pruned(&dir.path().join("t.db"), policy);
    let r = range(T0, T0 + 3 * DAY_MS);
    let mut samples = 0;
    let count = &mut |_, times: &[i64], _: &[f64]| {
        samples += times.len();
        ControlFlow::Continue(())
    };
    local.samples(&ids(&local), range(T0, T0 + DAY_MS), count).unwrap();
    assert_eq!(samples, 0, "samples of the first days are gone");
    assert_eq!(local.span().unwrap().unwrap().from(), r.from(), "and yet told of");
    assert_eq!(local.finest_step_ms(r).unwrap(), HOUR_MS);
    assert_eq!(local.finest_step_ms(range(T0 + 2 * DAY_MS, T0 + 3 * DAY_MS)).unwrap(), 1);
    let memory = in_memory(&three_days());
    let grid = Grid::covering(r, HOUR_MS);
    let (got, expected) = (buckets(&local, r, grid), buckets(&memory, r, grid));
    assert_eq!(format!("{:?}", got[0]), format!("{:?}", expected[0]));
    for (got, expected) in got[1].iter().zip(&expected[1]) {
        assert_eq!(got.aggregate.count, expected.aggregate.count);
        // The first hour's increase lacks the step into it, and its time is told to the hour.
        assert!((got.rate() - 1.0).abs() < 0.1 && (expected.rate() - 1.0).abs() < 1e-12, "{got:?}");
    }
    assert!(local.has_sketches(r).unwrap());
    assert_quantiles_within_1_percent(&local, &memory, r);
    // Of the time whose samples are kept they are exact.
    let last = range(T0 + 2 * DAY_MS, T0 + 3 * DAY_MS);
    assert!(!local.has_sketches(last).unwrap());
    let q = |source: &dyn Source| quantiles_of(source, last);
    assert_eq!(q(&local), q(&memory));
}

#[test]
fn days_answer_for_hours_that_were_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy { raw: Keep::Millis(DAY_MS), hours: Keep::Millis(DAY_MS), ..Policy::default() };
    let local = pruned(&dir.path().join("t.db"), policy);
    let memory = in_memory(&three_days());
    let r = range(T0, T0 + 3 * DAY_MS);
    let grid = Grid::covering(r, DAY_MS);
    assert_eq!(local.finest_step_ms(r).unwrap(), DAY_MS);
    for (got, expected) in buckets(&local, r, grid)[0].iter().zip(&buckets(&memory, r, grid)[0]) {
        assert_eq!(got.aggregate.count, expected.aggregate.count);
        assert!(same(got.aggregate.sum, expected.aggregate.sum) && got.aggregate.max == expected.aggregate.max);
    }
    assert_quantiles_within_1_percent(&local, &memory, r);
    let hourly = buckets(&local, r, Grid::covering(r, HOUR_MS));
    assert_eq!(
        hourly[0].iter().map(|b| b.aggregate.count).sum::<u64>(),
        1_440,
        "hours are a gap where only days are left"
    );
}

#[test]
fn samples_answer_for_rollups_that_were_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let day = Keep::Millis(DAY_MS);
    let policy = Policy { hours: day, days: day, ..Policy::default() };
    let local = pruned(&dir.path().join("t.db"), policy);
    let memory = in_memory(&three_days());
    let r = range(T0, T0 + 3 * DAY_MS);
    assert_eq!(local.finest_step_ms(r).unwrap(), 1);
    for step in [HOUR_MS, DAY_MS] {
        let grid = Grid::covering(r, step);
        let (got, expected) = (buckets(&local, r, grid), buckets(&memory, r, grid));
        for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
            assert_eq!(got.aggregate.count, expected.aggregate.count);
            assert!(same(got.aggregate.sum, expected.aggregate.sum) && same(got.rate(), expected.rate()));
        }
    }
}

#[test]
fn a_rule_for_one_metric_leaves_the_others_their_detail() {
    let dir = tempfile::tempdir().unwrap();
    let rule = retention::Rule {
        selector: Selector::parse(&["a"], &[], &[]).unwrap(),
        raw: Some(Keep::Millis(DAY_MS)),
        hours: None,
        days: None,
    };
    let local = pruned(&dir.path().join("t.db"), Policy { rules: vec![rule], ..Policy::default() });
    assert_eq!(local.finest_step_ms(range(T0, T0 + 3 * DAY_MS)).unwrap(), 1);
}
