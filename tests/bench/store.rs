//! What the store costs, beside plain SQLite in the same run: `cargo bench --bench store`.
//!
//! `NODEBOOK_BENCH_NODES` (default 100) nodes of 20 metrics at 10 s over `NODEBOOK_BENCH_HOURS` (default 24) hours; 5 nodes and 5 hours take a
//! few seconds; `-- record` and `-- bulk` run a half of it. The samples are made here, the same in every run, shaped like those of an agent (two decimals, bytes, counters, some constant).
//! Plain SQLite is the same file format as anybody would use it: `sample(series_id, ts, value)`, primary key `(series_id, ts)`, WITHOUT ROWID.
//! `M/s` are millions of samples a second of CPU time (user and system), which neighbours disturb least; times are wall times, best of three.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use nodebook::model::{
    Aggregate, Batch, Labels, MetricName, NodeName, Sample, SeriesId, SeriesKey, TimeRange, Timestamp,
};
use nodebook::store::retention::{Keep, Policy, plan};
use nodebook::store::{Durability, OnConflict, Reader, Store, StoreOptions};
use rusqlite::Connection;

const START_MS: i64 = 1_767_571_200_000;
const STEP_MS: i64 = 10_000;
const HOUR_MS: i64 = 3_600_000;
const METRICS: usize = 20;

/// What is measured.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    hours: i64,
}

impl Size {
    fn from_environment() -> Size {
        let number = |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
        Size { nodes: number("NODEBOOK_BENCH_NODES", 100) as usize, hours: number("NODEBOOK_BENCH_HOURS", 24) }
    }

    fn series(self) -> usize {
        self.nodes * METRICS
    }

    fn scrapes(self) -> i64 {
        self.hours * HOUR_MS / STEP_MS
    }

    fn samples(self) -> f64 {
        self.series() as f64 * self.scrapes() as f64
    }
}

fn key(series: usize) -> SeriesKey {
    let metric = match series % METRICS {
        m @ 8..12 => format!("metric_{m}_bytes_total"),
        m => format!("metric_{m}"),
    };
    SeriesKey {
        node: NodeName::new(&format!("node-{:03}", series / METRICS)).unwrap(),
        metric: MetricName::new(&metric).unwrap(),
        labels: Labels::default(),
    }
}

/// The values of one series, one after the other.
struct Track {
    metric: usize,
    random: u64,
    level: f64,
}

impl Track {
    fn new(series: usize) -> Track {
        Track { metric: series % METRICS, random: series as u64 * 7919 + 1, level: 40.0 }
    }

    /// Even in [-1, 1).
    fn noise(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn next(&mut self) -> f64 {
        let noise = self.noise();
        match self.metric {
            0..3 => {
                self.level = (self.level + noise * 0.4).clamp(0.0, 100.0);
                let shown = self.level + self.noise();
                (shown.clamp(0.0, 100.0) * 100.0).round() / 100.0
            }
            3..5 => {
                self.level = (self.level + noise * 3.0).max(0.0);
                (self.level * 1e5).round() * 4096.0
            }
            5 => (40.0 + self.level / 1000.0).round(),
            6..8 => ((noise + 1.0) * 2e5).round() * 512.0,
            8..12 => {
                self.level += ((noise + 1.2) * 2e3).round();
                self.level.round() * 512.0
            }
            12..15 => {
                self.level = (self.level + noise * 0.05).clamp(0.0, 64.0);
                (self.level * 100.0).round() / 100.0
            }
            15 => 1024.0,
            16 => {
                self.level = (self.level + noise * 0.1).clamp(20.0, 90.0);
                (self.level * 10.0).round() / 10.0
            }
            17 => {
                self.level += ((noise + 1.5) * 1e4).round();
                self.level.round()
            }
            18 => (200.0 + self.level + noise * 20.0).round(),
            _ => ((noise + 1.1) * 2000.0).round() / 1000.0,
        }
    }
}

/// User and system time of this process, from the kernel's 10 ms ticks.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Millions a second of CPU.
fn rate(samples: f64, work: impl FnOnce()) -> f64 {
    let before = cpu();
    work();
    samples / 1e6 / (cpu() - before).as_secs_f64().max(0.005)
}

fn best_of_three<T>(mut work: impl FnMut() -> T) -> Duration {
    let timed = |_| {
        let started = Instant::now();
        std::hint::black_box(work());
        started.elapsed()
    };
    (0..3).map(timed).min().unwrap_or_default()
}

fn row(what: &str, goal: &str, ours: String, plain: String) {
    println!("| {what} | {goal} | {ours} | {plain} |");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn main() {
    let size = Size::from_environment();
    println!("{} nodes x {METRICS} metrics x {} h at {} s\n", size.nodes, size.hours, STEP_MS / 1000);
    println!("| what | goal | nodebook | plain SQLite |\n|---|---|---|---|");
    let dir = tempfile::tempdir().unwrap();
    let (ours, plain) = (dir.path().join("ours.db"), dir.path().join("plain.db"));
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if parts.is_empty() || parts.iter().any(|part| part == "record") {
        record(size, dir.path());
    }
    if parts.is_empty() || parts.iter().any(|part| part == "bulk") {
        bulk(size, &ours, &plain);
        read(size, &ours, &plain);
        delete(size, &ours, &plain);
    }
}

/// One commit a scrape of all nodes for four hours, then a seal of them.
fn record(size: Size, dir: &Path) {
    let scrapes = 4 * HOUR_MS / STEP_MS;
    for (durability, name, synchronous) in
        [(Durability::Full, "full", "FULL"), (Durability::Normal, "normal", "NORMAL")]
    {
        let mut store = Store::open(&dir.join(format!("{name}.db")), StoreOptions { durability }).unwrap();
        let plain = plain_database(&dir.join(format!("{name}-plain.db")), synchronous);
        let count = size.series() as f64 * scrapes as f64;
        let mut commits = (Vec::new(), Vec::new());
        let mut spent = (Duration::ZERO, Duration::ZERO);
        let mut tracks: Vec<Track> = (0..size.series()).map(Track::new).collect();
        let mut batch = Batch::default();
        (0..size.series()).for_each(|i| batch.push(key(i), None, Sample { ts: Timestamp::MIN, value: 0.0 }));
        for scrape in 0..scrapes {
            let ts = Timestamp::from_millis(START_MS + scrape * STEP_MS);
            batch.samples.iter_mut().zip(&mut tracks).for_each(|((_, s), t)| *s = Sample { ts, value: t.next() });
            let at = (cpu(), Instant::now());
            store.append(&batch, OnConflict::Keep).unwrap();
            commits.0.push(at.1.elapsed());
            let between = (cpu(), Instant::now());
            insert(&plain, batch.samples.iter().map(|(i, s)| (i64::from(*i) + 1, s.ts.millis(), s.value)));
            commits.1.push(between.1.elapsed());
            spent = (spent.0 + (between.0 - at.0), spent.1 + (cpu() - between.0));
        }
        let speed = |spent: Duration| format!("{:.2} M/s", count / 1e6 / spent.as_secs_f64().max(0.01));
        row(&format!("append, a commit a scrape, {name}"), ">= 1 M/s", speed(spent.0), speed(spent.1));
        let p99 = |mut all: Vec<Duration>| {
            all.sort_unstable();
            format!("p50 {}, p99 {}", ms(all[all.len() / 2]), ms(all[all.len() * 99 / 100]))
        };
        row(&format!("one commit, {name}"), "p99 < 10 ms", p99(commits.0), p99(commits.1));
        if durability == Durability::Normal {
            let sealed = rate(count, || assert_eq!(store.seal(Timestamp::MAX).unwrap() as f64, count));
            row("seal, with rollups", ">= 2.5 M/s", format!("{sealed:.2} M/s"), "-".to_owned());
        }
    }
}

fn bulk(size: Size, ours: &Path, plain: &Path) {
    let making = cpu();
    let mut sum = 0.0;
    (0..size.series()).map(Track::new).for_each(|mut track| (0..size.scrapes()).for_each(|_| sum += track.next()));
    std::hint::black_box(sum);
    let making = (cpu() - making).as_secs_f64();
    let net = |rate: f64| size.samples() / 1e6 / (size.samples() / 1e6 / rate - making).max(0.01);
    let speed = rate(size.samples(), || {
        let mut store = Store::open(ours, StoreOptions { durability: Durability::Normal }).unwrap();
        let mut bulk = store.bulk();
        let ids: Vec<SeriesId> = (0..size.series()).map(|i| bulk.series(&key(i), None).unwrap()).collect();
        let mut tracks: Vec<Track> = (0..size.series()).map(Track::new).collect();
        for scrape in 0..size.scrapes() {
            let ts = Timestamp::from_millis(START_MS + scrape * STEP_MS);
            ids.iter().zip(&mut tracks).for_each(|(id, track)| bulk.push(*id, ts, track.next()).unwrap());
        }
        bulk.finish().unwrap();
        store.close().unwrap();
    });
    let plain_speed = rate(size.samples(), || {
        let conn = plain_database(plain, "NORMAL");
        for i in 0..size.series() {
            let mut track = Track::new(i);
            insert(&conn, (0..size.scrapes()).map(|s| (i as i64 + 1, START_MS + s * STEP_MS, track.next())));
        }
    });
    row("bulk, no parsing", "", format!("{:.2} M/s", net(speed)), format!("{:.2} M/s", net(plain_speed)));
    let info = Reader::open(ours).unwrap().info().unwrap();
    let plain_bytes = std::fs::metadata(plain).unwrap().len() as f64 / size.samples();
    let bytes = |bytes: u64| format!("{:.2}", bytes as f64 / size.samples());
    row("bytes a sample, chunks", "<= 1.60", bytes(info.layers.chunk.bytes), "-".to_owned());
    row("bytes a sample, whole file", "<= 1.90", bytes(info.bytes), format!("{plain_bytes:.2}"));
}

fn read(size: Size, ours: &Path, plain: &Path) {
    let reader = Reader::open(ours).unwrap();
    let conn = Connection::open(plain).unwrap();
    let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
    let per_second = |time: Duration| format!("{:.0} M/s", size.samples() / 1e6 / time.as_secs_f64());
    let before = cpu();
    let native = best_of_three(|| {
        let mut total = Aggregate::EMPTY;
        let mut visit = |_, _: &[i64], values: &[f64]| {
            let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
            values.iter().for_each(|v| (sum, min, max) = (sum + v, f64::min(min, *v), f64::max(max, *v)));
            (total.sum, total.min, total.max) = (total.sum + sum, total.min.min(min), total.max.max(max));
            ControlFlow::Continue(())
        };
        reader.scan(&ids, TimeRange::ALL, &mut visit).unwrap();
        total
    });
    let native_cpu = (cpu() - before) / 3;
    let sql = "SELECT sum(value), min(value), max(value) FROM sample";
    let rows = best_of_three(|| conn.query_row(sql, [], |row| row.get::<_, f64>(0)).unwrap());
    row("scan of everything: sum, min, max, of CPU", ">= 70 M/s", per_second(native_cpu), "-".to_owned());
    row("the same, wall", "", per_second(native), per_second(rows));
    let latest = best_of_three(|| reader.latest(&ids).unwrap());
    let newest = "SELECT id, (SELECT value FROM sample WHERE series_id = id ORDER BY ts DESC LIMIT 1)
                  FROM (WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ?1) SELECT id FROM n)";
    let last_rows = best_of_three(|| count_rows(&conn, newest, [ids.len() as i64]));
    row("last value of every series", "<= 3 ms", ms(latest), ms(last_rows));
    let from = START_MS + size.hours / 2 * HOUR_MS;
    let hour = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(from + HOUR_MS)).unwrap();
    let one = best_of_three(|| {
        let mut count = 0;
        let mut visit = |_, times: &[i64], _: &[f64]| {
            count += times.len();
            ControlFlow::Continue(())
        };
        reader.scan(&ids[ids.len() / 2..][..1], hour, &mut visit).unwrap();
        count
    });
    let sql = "SELECT ts, value FROM sample WHERE series_id = ?1 AND ts >= ?2 AND ts < ?3";
    let one_of_rows = best_of_three(|| count_rows(&conn, sql, [ids.len() as i64 / 2, from, from + HOUR_MS]));
    row("Q1: one series, 1 h raw", "<= 0.5 ms", ms(one), ms(one_of_rows));
}

fn delete(size: Size, ours: &Path, plain: &Path) {
    let mut store = Store::open(ours, StoreOptions::default()).unwrap();
    let policy = Policy { raw: Keep::Millis(0), ..Policy::default() };
    let started = Instant::now();
    let inventory = store.inventory(&policy).unwrap();
    let plan = plan(&policy, &inventory, Timestamp::from_millis(START_MS + size.hours * HOUR_MS));
    store.prune(&policy, &plan).unwrap();
    let pruned = started.elapsed();
    let conn = Connection::open(plain).unwrap();
    let started = Instant::now();
    conn.execute("DELETE FROM sample WHERE ts < ?1", [START_MS + size.hours * HOUR_MS]).unwrap();
    row("deleting all of it, rollups kept", "< 500 ms a day", ms(pruned), ms(started.elapsed()));
}

fn plain_database(path: &Path, synchronous: &str) -> Connection {
    let conn = Connection::open(path).unwrap();
    let schema = "CREATE TABLE sample (series_id INTEGER NOT NULL, ts INTEGER NOT NULL, value REAL, PRIMARY KEY (series_id, ts)) WITHOUT ROWID";
    conn.execute_batch(&format!(
        "PRAGMA cache_size = -32768; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; {schema}"
    ))
    .unwrap();
    conn
}

fn insert(conn: &Connection, rows: impl Iterator<Item = (i64, i64, f64)>) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO sample VALUES (?1, ?2, ?3)").unwrap();
    rows.for_each(|row| assert!(insert.execute(row).unwrap() <= 1));
    conn.execute_batch("COMMIT").unwrap();
}

fn count_rows<P: rusqlite::Params>(conn: &Connection, sql: &str, parameters: P) -> usize {
    let mut select = conn.prepare_cached(sql).unwrap();
    let mut rows = select.query(parameters).unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}
