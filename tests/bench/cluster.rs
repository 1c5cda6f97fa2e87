//! The cluster that is measured: nodes with 20 metrics each, made here, the same in every run, shaped like those of an agent (two decimals, bytes,
//! counters, some constant).

use std::path::Path;

use nodebook::model::{Labels, MetricName, NodeName, SeriesKey, Timestamp};
use nodebook::store::{Durability, Store, StoreOptions};
use rusqlite::Connection;

pub const START_MS: i64 = 1_767_571_200_000;
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

const METRICS: [&str; 20] = [
    "cpu_percent",
    "cpu_system_percent",
    "cpu_iowait_percent",
    "memory_used_bytes",
    "memory_cached_bytes",
    "disk_percent",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "disk_read_bytes_total",
    "disk_written_bytes_total",
    "net_receive_bytes_total",
    "net_transmit_bytes_total",
    "load1",
    "load5",
    "load15",
    "memory_total_bytes",
    "temperature_celsius",
    "context_switches_total",
    "tcp_connections",
    "disk_await_seconds",
];

/// A number from the environment.
pub fn number(name: &str, default: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is recorded, and how often.
#[derive(Clone, Copy)]
pub struct Size {
    pub nodes: i64,
    pub millis: i64,
    pub step_ms: i64,
    /// Samples come up to so much later than they are due.
    pub jitter_ms: i64,
}

impl Size {
    pub fn series(self) -> usize {
        self.nodes as usize * METRICS.len()
    }

    pub fn scrapes(self) -> i64 {
        self.millis / self.step_ms
    }

    pub fn samples(self) -> f64 {
        self.series() as f64 * self.scrapes() as f64
    }

    /// When the `scrape`-th is taken on the node of `series`.
    pub fn at(self, series: usize, scrape: i64) -> i64 {
        let node = (series / METRICS.len()) as u64;
        let mixed = ((scrape.unsigned_abs() << 16) + node).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33;
        START_MS + scrape * self.step_ms + (mixed % (self.jitter_ms.unsigned_abs() + 1)) as i64
    }
}

pub fn metric(series: usize) -> &'static str {
    METRICS[series % METRICS.len()]
}

pub fn node(series: usize) -> String {
    format!("node-{:03}", series / METRICS.len())
}

pub fn key(series: usize) -> SeriesKey {
    SeriesKey {
        node: NodeName::new(&node(series)).unwrap(),
        metric: MetricName::new(metric(series)).unwrap(),
        labels: Labels::default(),
    }
}

/// Writes all of it into a new file, scrape by scrape, as an import does.
pub fn fill(path: &Path, size: Size) {
    let mut store = Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap();
    let mut bulk = store.bulk();
    let mut all: Vec<_> = (0..size.series()).map(|i| (bulk.series(&key(i), None).unwrap(), Track::new(i))).collect();
    for scrape in 0..size.scrapes() {
        for (series, (id, track)) in all.iter_mut().enumerate() {
            bulk.push(*id, Timestamp::from_millis(size.at(series, scrape)), track.next()).unwrap();
        }
    }
    bulk.finish().unwrap();
    store.close().unwrap();
}

/// Plain SQLite as anybody would use it.
pub fn plain_database(path: &Path, synchronous: &str) -> Connection {
    let conn = Connection::open(path).unwrap();
    let schema = "CREATE TABLE sample (series_id INTEGER NOT NULL, ts INTEGER NOT NULL, value REAL, PRIMARY KEY (series_id, ts)) WITHOUT ROWID";
    conn.execute_batch(&format!(
        "PRAGMA cache_size = -32768; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; {schema}"
    ))
    .unwrap();
    conn
}

/// Rows in one transaction.
pub fn insert(conn: &Connection, rows: impl Iterator<Item = (i64, i64, f64)>) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO sample VALUES (?1, ?2, ?3)").unwrap();
    rows.for_each(|row| assert!(insert.execute(row).unwrap() <= 1));
    conn.execute_batch("COMMIT").unwrap();
}

/// The values of one series, one after the other.
pub struct Track {
    metric: usize,
    random: u64,
    level: f64,
}

impl Track {
    /// Of the series of this number.
    pub fn new(series: usize) -> Track {
        Track { metric: series % METRICS.len(), random: series as u64 * 7919 + 1, level: 40.0 }
    }

    /// Even in [-1, 1).
    fn noise(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// The next value.
    pub fn next(&mut self) -> f64 {
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
