use super::window::HOUR_MS;
use super::*;

/// Enough series and windows for several threads.
const SERIES: usize = 40;
const SEALED_HOURS: i64 = 60;

/// What is sealed, late samples of it (new ones, another value, before the first and in a window without a chunk), and what waits in the head. The
/// last series has late samples only.
fn filled(path: &Path) {
    let mut store = open(path);
    let mut bulk = store.bulk();
    for i in 0..SERIES - 1 {
        let id = bulk.series(&key(i), None).unwrap();
        let minutes = (0..SEALED_HOURS * 60).filter(|t| i != 3 || !(1_200..2_400).contains(t));
        minutes.for_each(|t| bulk.push(id, Timestamp::from_millis(T0 + t * 60_000), noise(t * 64 + i as i64)).unwrap());
    }
    bulk.finish().unwrap();
    let late = (0..200).map(|t| (t as usize % SERIES, T0 + t * 17 * 60_000 + (t % 2) * 7, noise(-t)));
    let before = (0..5).map(|t| (0, T0 - HOUR_MS + t, noise(t)));
    let gap = (0..50).map(|t| (3, T0 + (1_500 + t) * 60_000, noise(t)));
    let head = (0..3_000).map(|t| (t as usize % SERIES, T0 + (SEALED_HOURS + 40) * HOUR_MS + t * 1_000, noise(t)));
    let waiting: Vec<_> = late.chain(before).chain(gap).chain(head).collect();
    store.append(&batch(&waiting), OnConflict::Replace).unwrap();
    store.close().unwrap();
}

/// The samples of one series, as they came.
#[derive(Default)]
struct Kept {
    samples: Vec<(i64, u64)>,
    ended: u32,
}

impl Intake for Kept {
    fn take(&mut self, times: &[i64], values: &[f64]) {
        assert!(self.ended == 0 && !times.is_empty() && times.len() == values.len());
        self.samples.extend(times.iter().copied().zip(values.iter().map(|v| v.to_bits())));
    }

    fn end(&mut self) {
        self.ended += 1;
    }
}

fn folded(reader: &Reader, series: &[SeriesId], range: TimeRange) -> Vec<(SeriesId, i64, u64)> {
    let mut kept: Vec<Kept> = series.iter().map(|_| Kept::default()).collect();
    reader.fold(series, range, &mut kept).unwrap();
    assert!(kept.iter().all(|k| k.ended == 1 && k.samples.is_sorted_by(|a, b| a.0 < b.0)), "each once, in time order");
    let of = |(id, kept): (&SeriesId, Kept)| kept.samples.into_iter().map(|(t, v)| (*id, t, v)).collect::<Vec<_>>();
    series.iter().zip(kept).flat_map(of).collect()
}

#[test]
fn a_fold_gives_every_sample_that_a_scan_gives_in_any_range() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    let reader = Reader::open(&path).unwrap();
    let mut all: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    all.sort_unstable();
    let hours = |from: i64, to: i64| {
        TimeRange::new(Timestamp::from_millis(T0 + from), Timestamp::from_millis(T0 + to)).unwrap()
    };
    let mut samples = 0;
    for range in [
        TimeRange::ALL,
        hours(-2 * HOUR_MS, HOUR_MS),
        hours(7 * HOUR_MS + 1_234, 8 * HOUR_MS + 7),
        hours(20 * HOUR_MS, 41 * HOUR_MS),
        hours(59 * HOUR_MS, 101 * HOUR_MS),
        hours(70 * HOUR_MS, 90 * HOUR_MS),
        hours(100 * HOUR_MS + 5_500, 100 * HOUR_MS + 90_000),
    ] {
        for series in [&all[..], &all[2..5], &all[SERIES - 1..], &[]] {
            let expected = scan_all(&reader, series, range);
            assert_eq!(folded(&reader, series, range), expected, "{range:?} of {} series", series.len());
            samples += expected.len();
        }
    }
    assert!(samples > 200_000, "{samples}");
}

#[test]
fn a_chunk_that_cannot_be_decoded_is_named_whichever_thread_meets_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path);
    open_for_tampering(&path)
        .execute_batch("UPDATE chunk SET vals = zeroblob(length(vals)) WHERE id & 0xffffffff = 3")
        .unwrap();
    let reader = Reader::open(&path).unwrap();
    let mut ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    ids.sort_unstable();
    let mut kept: Vec<Kept> = ids.iter().map(|_| Kept::default()).collect();
    let error = reader.fold(&ids, TimeRange::ALL, &mut kept).unwrap_err();
    assert!(matches!(error, StoreError::DamagedChunk { .. }), "{error}");
    assert!(error.to_string().contains("node-1/load1"), "{error}");
}
