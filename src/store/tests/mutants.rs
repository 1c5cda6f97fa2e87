//! Whatever is flipped, zeroed or cut in the file, a question gives the exact old answer or an error.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::FileExt;

use rusqlite::types::Value;

use super::schema::PAGE_BYTES;
use super::window::HOUR_MS;
use super::*;

/// How many mutants, and of a file of how many bytes: the first by `NODEBOOK_TEST_MUTANTS`, and then the file has 10 MB.
const MUTANTS: u64 = 100;
const FILE_BYTES: i64 = 1 << 19;
const FILE_BYTES_LONG: i64 = 10 << 20;

/// A file of about so many bytes, the last hours in the head, some of it late.
pub(super) fn filled(path: &Path, bytes: i64) {
    const SERIES: i64 = 40;
    let minutes = bytes / SERIES / 7; // of noise, with its rollups
    let mut store = open(path);
    let mut bulk = store.bulk();
    for i in 0..SERIES {
        let id = bulk.series(&key(i as usize), None).unwrap();
        for t in 0..minutes {
            bulk.push(id, Timestamp::from_millis(T0 + t * 60_000), noise(t * SERIES + i)).unwrap();
        }
    }
    bulk.finish().unwrap();
    let rows = bytes / 600;
    let recent = |t: i64| (t as usize % 40, T0 + minutes * 60_000 + HOUR_MS + t * 1_000, noise(t));
    let late = |t: i64| (t as usize % 40, T0 + t * 60_000 + 7, noise(t));
    store
        .append(&batch(&(0..rows).map(recent).chain((0..50).map(late)).collect::<Vec<_>>()), OnConflict::Keep)
        .unwrap();
    let at = Timestamp::from_millis(T0);
    store.annotate(&crate::model::Annotation { at, until: None, nodes: None, text: "deploy".to_owned() }).unwrap();
    store.close().unwrap();
}

fn hash(fact: impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{fact:?}").hash(&mut hasher);
    hasher.finish()
}

type Answer = Result<u64, StoreError>;

const SQL: [&str; 6] = [
    "SELECT count(*), sum(value), min(ts), max(ts) FROM samples WHERE node = 'node-3'",
    "SELECT node, t, count, sum FROM buckets('load1', NULL, NULL, NULL, '1d')",
    "SELECT series_id, count(*), sum(count), sum(sum) FROM rollup_1h GROUP BY 1",
    "SELECT * FROM rollup_1d WHERE series_id = 7",
    "SELECT count(*), sum(value) FROM sample",
    "SELECT n.name, m.name, s.labels FROM series s JOIN node n ON n.id = node_id JOIN metric m ON m.id = metric_id",
];

/// What is asked of every mutant, by name.
fn answers(path: &Path) -> Vec<(&'static str, Answer)> {
    let asked = |question: &dyn Fn(&Reader, &[SeriesId]) -> Answer| -> Answer {
        let reader = Reader::open(path)?;
        let ids: Vec<SeriesId> = reader.series()?.iter().map(|s| s.id).collect();
        question(&reader, &ids)
    };
    let half =
        TimeRange::new(Timestamp::from_millis(T0 + 5 * HOUR_MS), Timestamp::from_millis(T0 + 90 * HOUR_MS)).unwrap();
    let mut all = vec![
        ("series", asked(&|reader, _| Ok(hash(reader.series()?)))),
        ("span", asked(&|reader, _| Ok(hash(reader.span()?)))),
        ("annotations", asked(&|reader, _| Ok(hash(reader.annotations(TimeRange::ALL)?)))),
        ("scan", asked(&|reader, ids| scanned(reader, ids, TimeRange::ALL))),
        ("scan of one series", asked(&|reader, ids| scanned(reader, &ids[3..4], half))),
        ("fold", asked(&folded)),
        ("times", asked(&|reader, ids| timed(reader, ids, half))),
        ("hours", asked(&|reader, ids| rolled_up(reader, ids, Resolution::Hour))),
        ("days of one series", asked(&|reader, ids| rolled_up(reader, &ids[5..6], Resolution::Day))),
        ("watermark", asked(&|reader, _| Ok(hash(reader.watermark(Resolution::Hour)?)))),
        (
            "latest",
            asked(&|reader, ids| {
                Ok(hash(reader.latest(ids)?.into_iter().collect::<std::collections::BTreeMap<_, _>>()))
            }),
        ),
        ("info", asked(&|reader, _| Ok(hash(reader.info()?)))),
    ];
    all.extend(SQL.map(|sql| (sql, rows(path, sql))));
    all
}

fn scanned(reader: &Reader, ids: &[SeriesId], range: TimeRange) -> Answer {
    let mut hasher = DefaultHasher::new();
    let mut visit = |series: SeriesId, times: &[i64], values: &[f64]| {
        (series.0, times).hash(&mut hasher);
        values.iter().for_each(|v| v.to_bits().hash(&mut hasher));
        ControlFlow::Continue(())
    };
    reader.scan(ids, range, &mut visit)?;
    Ok(hasher.finish())
}

fn folded(reader: &Reader, ids: &[SeriesId]) -> Answer {
    struct Hashed(DefaultHasher);
    impl Intake for Hashed {
        fn take(&mut self, times: &[i64], values: &[f64]) {
            times.iter().for_each(|t| t.hash(&mut self.0));
            values.iter().for_each(|v| v.to_bits().hash(&mut self.0));
        }
    }
    let mut hashers: Vec<Hashed> = ids.iter().map(|_| Hashed(DefaultHasher::new())).collect();
    reader.fold(ids, TimeRange::ALL, &mut hashers)?;
    Ok(hash(hashers.iter().map(|hashed| hashed.0.finish()).collect::<Vec<_>>()))
}

fn timed(reader: &Reader, ids: &[SeriesId], range: TimeRange) -> Answer {
    let mut hasher = DefaultHasher::new();
    reader.times(ids, range, &mut |series, times| {
        (series.0, times).hash(&mut hasher);
        ControlFlow::Continue(())
    })?;
    Ok(hasher.finish())
}

fn rolled_up(reader: &Reader, ids: &[SeriesId], resolution: Resolution) -> Answer {
    let mut hashes = Vec::new();
    reader.rollups(ids, resolution, TimeRange::ALL, &mut |s, t, a| hashes.push(hash((s, t, a))))?;
    Ok(hash(hashes))
}

fn rows(path: &Path, sql: &str) -> Answer {
    let conn = open_read_only(path)?;
    virtual_table::register(&conn)?;
    let mut statement = conn.prepare(sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((0..width).map(|i| Ok(hash(row.get::<_, Value>(i)?))).collect::<Result<Vec<_>, StoreError>>()?);
    }
    Ok(hash(all))
}

/// Numbers that are the same in every run.
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 20) as usize % limit
    }
}

/// Spoils the file as disks and people do; says how, where, and what was there before.
pub(super) fn spoil(file: &File, whole: &[u8], random: &mut Seeded) -> String {
    let pages = whole.len() / PAGE_BYTES;
    let page = random.below(pages) * PAGE_BYTES;
    let sector = page + random.below(PAGE_BYTES / 512) * 512;
    let place = random.below(whole.len());
    let write = |at: usize, bytes: &[u8]| file.write_all_at(bytes, at as u64).unwrap();
    match random.below(10) {
        0..4 => {
            let bit = random.below(8);
            write(place, &[whole[place] ^ 1 << bit]);
            format!("bit {bit} of byte {place} flipped")
        }
        4 => {
            let garbage: Vec<u8> = (0..1 + random.below(64)).map(|_| random.below(256) as u8).collect();
            let length = garbage.len().min(whole.len() - place);
            write(place, &garbage[..length]);
            format!("{length} bytes of garbage at {place}")
        }
        5 => {
            write(page, &[0; PAGE_BYTES]);
            format!("page at {page} zeroed")
        }
        6 => {
            write(sector, &[0; 512]);
            format!("sector at {sector} zeroed")
        }
        7 => {
            let other = random.below(pages) * PAGE_BYTES;
            write(page, &whole[other..other + PAGE_BYTES]);
            format!("page at {page} overwritten by that at {other}")
        }
        8 => {
            let length = random.below(PAGE_BYTES * 4).min(whole.len() - place);
            write(place, &vec![0; length]);
            format!("{length} bytes at {place} zeroed")
        }
        _ => {
            file.set_len(place as u64).unwrap();
            format!("cut at {place}")
        }
    }
}

#[test]
fn whatever_is_damaged_an_answer_is_the_old_one_or_an_error() {
    let asked = std::env::var("NODEBOOK_TEST_MUTANTS").ok().and_then(|n| n.parse().ok());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path, if asked.is_some() { FILE_BYTES_LONG } else { FILE_BYTES });
    let whole = std::fs::read(&path).unwrap();
    assert!(asked.is_none() || whole.len() as i64 >= FILE_BYTES_LONG, "the file has {} bytes only", whole.len());
    let right: Vec<u64> = answers(&path).into_iter().map(|(_, answer)| answer.unwrap()).collect();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let (mut right_answers, mut errors, mut unharmed, mut wrong) = (0, 0, 0, Vec::new());
    let mutants = asked.unwrap_or(MUTANTS);
    for seed in 0..mutants {
        let how = if seed == 0 {
            file.set_len(whole.len() as u64 - 5).unwrap(); // SQLite itself takes the rest of the page for zeros
            "cut in the last page".to_owned()
        } else {
            spoil(&file, &whole, &mut Seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        };
        let report = check(&path); // never panics
        let mut failed = 0;
        for ((question, answer), right) in answers(&path).into_iter().zip(&right) {
            match answer {
                Ok(answer) if answer == *right => right_answers += 1,
                Ok(_) => wrong.push(format!("{how}: {question}")),
                Err(_) => failed += 1,
            }
        }
        errors += failed;
        unharmed += u64::from(failed == 0);
        assert!(failed == 0 || !report.is_ok_and(|r| r.ok), "{how}: the check has seen nothing");
        file.set_len(whole.len() as u64).unwrap();
        file.write_all_at(&whole, 0).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(errors > mutants, "{errors}");
    figure(format_args!(
        "5 | flipped, zeroed, cut | {mutants} mutants of {} bytes: {right_answers} answers right, {errors} errors, {unharmed} harmed nothing | {} wrong",
        whole.len(),
        wrong.len()
    ));
}

/// The one place that no signature covers, as SQLite writes it anew in a copy.
#[test]
fn the_counters_of_page_1_change_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    filled(&path, FILE_BYTES / 8);
    let right = || -> Vec<u64> { answers(&path).into_iter().map(|(_, answer)| answer.unwrap()).collect() };
    let (before, whole) = (right(), std::fs::read(&path).unwrap());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for at in (24..28).chain(40..44).chain(92..100) {
        file.write_all_at(&[!whole[at]], at as u64).unwrap();
        assert!(right() == before, "byte {at}");
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
}

/// A `sqlite3` shell knows nothing of our checksums: what it writes is read all the same, and signed once we write again.
#[test]
fn a_file_that_another_program_has_written_is_read_and_signed_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let other = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    filled(&path, FILE_BYTES / 4);
    let right = || -> Vec<u64> { answers(&path).into_iter().map(|(_, answer)| answer.unwrap()).collect() };
    let before = right();
    other("VACUUM");
    assert_eq!(right()[..9], before[..9], "all but info, which tells the size");
    assert_eq!(check(&path).unwrap().problems, []);
    // A recorder that was killed leaves a log, which another program moves into the file.
    let mut store = open(&path);
    store.append(&batch(&[(0, T0 - HOUR_MS, 1.0)]), OnConflict::Keep).unwrap();
    for ending in ["", "-wal"] {
        let copy = super::file::beside(&path, &format!(".killed{ending}"));
        std::fs::copy(super::file::beside(&path, ending), copy).unwrap();
    }
    store.close().unwrap();
    let after = right();
    let killed = super::file::beside(&path, ".killed");
    rusqlite::Connection::open(&killed).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let answered: Vec<u64> = answers(&killed).into_iter().map(|(_, answer)| answer.unwrap()).collect();
    assert_eq!(answered[..9], after[..9]);
    // Once signed, a page without a signature is damage.
    let mut store = open(&killed);
    store.append(&batch(&[(0, T0 - 2 * HOUR_MS, 1.0)]), OnConflict::Keep).unwrap();
    store.close().unwrap();
    assert_eq!(check(&killed).unwrap().problems, []);
    let bytes = std::fs::read(&killed).unwrap();
    assert!(bytes.chunks(PAGE_BYTES).all(|page| page[PAGE_BYTES - 4..] != [0; 4]));
}
