//! What recording and storing cost, beside plain SQLite in the same run: `cargo bench --bench store`.
//!
//! `NODEBOOK_BENCH_NODES` (default 100) nodes of 20 metrics at 10 s over `NODEBOOK_BENCH_HOURS` (default 24) hours; 5 nodes and 5 hours take a
//! few seconds. Plain SQLite is the same file format as anybody would use it: `sample(series_id, ts, value)`, primary key `(series_id, ts)`, WITHOUT
//! ROWID. `M/s` are millions of samples a second of CPU time (user and system), which neighbours disturb least.

#[allow(dead_code, reason = "each bench takes its part")]
mod cluster;
#[allow(dead_code, reason = "each bench takes its part")]
mod measure;

use std::path::Path;
use std::time::{Duration, Instant};

use cluster::{DAY_MS, HOUR_MS, Size, Track, fill, insert, key, number, plain_database};
use measure::{cost_of_one, cpu, ms, rate, row};
use nodebook::model::{Batch, Sample, Timestamp};
use nodebook::store::{Durability, OnConflict, Reader, Store, StoreOptions};

fn main() {
    let nodes = number("NODEBOOK_BENCH_NODES", 100);
    let size = Size { nodes, millis: number("NODEBOOK_BENCH_HOURS", 24) * HOUR_MS, step_ms: 10_000, jitter_ms: 0 };
    let dir = tempfile::tempdir().unwrap();
    record(size, dir.path());
    bulk(size, dir.path());
    // The same number of samples at each interval.
    let like = |step_ms: i64| Size { millis: size.millis * step_ms / 10_000, step_ms, ..size };
    let jittered = Size { jitter_ms: 5, ..size };
    for (name, goal, size) in [
        ("10 s with 5 ms of jitter", "<= 1.75 raw", jittered),
        ("1 s", "<= 2.5", like(1_000)),
        ("1 min", "<= 2.5", like(60_000)),
        ("5 min", "<= 2.5", like(300_000)),
    ] {
        bytes(size, name, goal, dir.path());
    }
}

/// One commit a scrape of all nodes for four hours, then a seal of them.
fn record(size: Size, dir: &Path) {
    let scrapes = (4 * HOUR_MS / size.step_ms).min(size.scrapes());
    for (durability, name, synchronous) in
        [(Durability::Full, "full", "FULL"), (Durability::Normal, "normal", "NORMAL")]
    {
        let mut store = Store::open(&dir.join(format!("{name}.db")), StoreOptions { durability }).unwrap();
        let plain = plain_database(&dir.join(format!("{name}-plain.db")), synchronous);
        let count = size.series() as f64 * scrapes as f64;
        // One after the other: what one leaves to the device and in the caches is not the other's.
        let written = |write: &mut dyn FnMut(&Batch)| {
            let mut tracks: Vec<Track> = (0..size.series()).map(Track::new).collect();
            let mut batch = Batch::default();
            (0..size.series()).for_each(|i| batch.push(key(i), None, Sample { ts: Timestamp::MIN, value: 0.0 }));
            let (mut commits, mut spent) = (Vec::new(), Duration::ZERO);
            for scrape in 0..scrapes {
                let ts = Timestamp::from_millis(size.at(0, scrape));
                batch.samples.iter_mut().zip(&mut tracks).for_each(|((_, s), t)| *s = Sample { ts, value: t.next() });
                let at = (cpu(), Instant::now());
                write(&batch);
                commits.push(at.1.elapsed());
                spent += cpu() - at.0;
            }
            commits.sort_unstable();
            let [half, most, p99] = [50, 97, 99].map(|percent| ms(commits[commits.len() * percent / 100]));
            (rate(count, spent), format!("p50 {half}, p97 {most}, p99 {p99}"))
        };
        let (speed, commits) = written(&mut |batch| {
            store.append(batch, OnConflict::Keep).unwrap();
        });
        let (plain_speed, plain_commits) = written(&mut |batch| {
            insert(&plain, batch.samples.iter().map(|(i, s)| (i64::from(*i) + 1, s.ts.millis(), s.value)));
        });
        row(&format!("append, a commit a scrape, {name}"), ">= 1 M/s", &speed, &plain_speed);
        row(&format!("one commit, {name}"), "p99 < 10 ms", &commits, &plain_commits);
        if durability == Durability::Normal {
            let sealed = cost_of_one(|| assert_eq!(store.seal(Timestamp::MAX).unwrap() as f64, count));
            row("seal, with rollups", ">= 2.5 M/s", &rate(count, sealed.cpu), "-");
        }
    }
}

fn bulk(size: Size, dir: &Path) {
    let (ours, plain) = (dir.join("ours.db"), dir.join("plain.db"));
    let making = cost_of_one(|| {
        let sum = |mut track: Track| (0..size.scrapes()).map(|_| track.next()).sum::<f64>();
        (0..size.series()).map(Track::new).map(sum).sum::<f64>()
    });
    let speed = cost_of_one(|| fill(&ours, size));
    let plain_speed = cost_of_one(|| {
        let conn = plain_database(&plain, "NORMAL");
        for i in 0..size.series() {
            let mut track = Track::new(i);
            insert(&conn, (0..size.scrapes()).map(|s| (i as i64 + 1, size.at(i, s), track.next())));
        }
    });
    let net = |spent: Duration| rate(size.samples(), spent.saturating_sub(making.cpu));
    row("bulk, no parsing", "", &net(speed.cpu), &net(plain_speed.cpu));
    let info = Reader::open(&ours).unwrap().info().unwrap();
    let plain_bytes = std::fs::metadata(plain).unwrap().len() as f64 / size.samples();
    let bytes = |bytes: u64| format!("{:.2}", bytes as f64 / size.samples());
    row("bytes a sample at 10 s, chunks", "<= 1.60", &bytes(info.layers.chunk.bytes), "-");
    row("bytes a sample at 10 s, whole file", "<= 1.90", &bytes(info.bytes), &format!("{plain_bytes:.2}"));
}

fn bytes(size: Size, name: &str, goal: &str, dir: &Path) {
    let path = dir.join(format!("every-{}-{}.db", size.step_ms, size.jitter_ms));
    fill(&path, size);
    let info = Reader::open(&path).unwrap().info().unwrap();
    let of = |bytes: u64| bytes as f64 / size.samples();
    let days = size.millis as f64 / DAY_MS as f64;
    let told = format!("{:.2} whole file, {:.2} chunks ({days} days)", of(info.bytes), of(info.layers.chunk.bytes));
    row(&format!("bytes a sample at {name}"), goal, &told, "-");
    std::fs::remove_file(path).unwrap();
}
