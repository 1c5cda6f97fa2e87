//! What pushes cost, and whether any is lost: `cargo bench --bench push`.
//!
//! Sixteen senders push 100,000 samples a second for a minute, one of each series, as Prometheus would, while the recorder samples this machine every second
//! and eight readers make one report after the other, or as many as NODEBOOK_BENCH_READERS says. NODEBOOK_BENCH_SECONDS is how long, NODEBOOK_BENCH_RATE how
//! many samples a second. Prints; what is lost or late is said, not asserted.

#[allow(dead_code, reason = "each bench takes its part")]
mod server;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use server::{Connection, PROGRAM, costs, labels, now_ms, readings, recorder, request, setting, sql, stop};

/// As one that is behind: Prometheus starts up to fifty.
const SENDERS: usize = 16;
/// Samples of a request: what Prometheus sends at most by default.
const A_REQUEST: usize = 2_000;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test` runs benches, too
    }
    let (seconds, rate) = (setting("NODEBOOK_BENCH_SECONDS", 60), setting("NODEBOOK_BENCH_RATE", 100_000) as usize);
    let readers = setting("NODEBOOK_BENCH_READERS", 8);
    let dir = tempfile::tempdir().expect("a directory");
    let (child, address) = recorder(dir.path());
    let of = |i: usize| labels(&format!("app_metric_{}", i % 200), &format!("node-{}", i / 200));
    let series: Vec<Vec<u8>> = (0..rate).map(of).collect();
    let (stored, again, reports, over) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let worst = AtomicU64::new(0);
    let (start, began_ms) = (Instant::now(), now_ms());
    let took = std::thread::scope(|scope| {
        let senders: Vec<_> = series
            .chunks(rate.div_ceil(SENDERS).next_multiple_of(A_REQUEST))
            .map(|share| {
                let (address, stored, again, worst) = (&address, &stored, &again, &worst);
                scope.spawn(move || {
                    let mut sender = Connection::open(address).expect("it answers");
                    for round in 0..seconds {
                        let due = Duration::from_secs(round);
                        std::thread::park_timeout(due.saturating_sub(start.elapsed()));
                        let ms = now_ms();
                        for part in share.chunks(A_REQUEST) {
                            let body = request(part, ms, |i| (round * 7 + i as u64) as f64 / 8.0);
                            let sent = Instant::now();
                            loop {
                                match sender.post(&body) {
                                    Ok(204) => break,
                                    Ok(503 | 429) => std::thread::park_timeout(Duration::from_millis(200)),
                                    Ok(status) => panic!("answered {status}"),
                                    Err(_) => sender = Connection::open(address).expect("it answers"),
                                }
                                again.fetch_add(1, Ordering::Relaxed);
                            }
                            worst.fetch_max(sent.elapsed().as_millis() as u64, Ordering::Relaxed);
                            stored.fetch_add(part.len() as u64, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for reader in 0..readers {
            let (dir, reports, over) = (dir.path(), &reports, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let output = format!("report-{reader}.html");
                    let node = format!("node-{reader}*");
                    let arguments = ["report", "-q", "--last", "5m", "--node", &node, "--node", "here", "-o", &output];
                    let made = Command::new(PROGRAM).args(arguments).current_dir(dir).output();
                    if made.is_ok_and(|made| made.status.success()) {
                        reports.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for sender in senders {
            sender.join().expect("a sender ends well");
        }
        over.store(true, Ordering::Relaxed);
        start.elapsed() // the readers' last reports take seconds more
    });
    let ended_ms = began_ms + took.as_millis() as u64;
    let (cpu, memory) = costs(child.id());
    stop(child);
    let stored = stored.into_inner();
    println!(
        "pushed: {stored} samples in {:.1} s ({:.0} a second), {} requests sent again, the slowest answer {} ms",
        took.as_secs_f64(),
        stored as f64 / took.as_secs_f64(),
        again.into_inner(),
        worst.into_inner()
    );
    println!("recorder: {cpu:.1} s of CPU, at most {memory} MB; readers made {} reports", reports.into_inner());
    let found = sql(dir.path(), "SELECT count(*) FROM samples WHERE metric LIKE 'app_metric_%'");
    let found: u64 = found.first().and_then(|text| text.parse().ok()).unwrap_or(0);
    println!("in the file: {found} of {stored} samples, lost: {}", stored.saturating_sub(found));
    let (all, late, longest) = readings(dir.path(), began_ms, ended_ms);
    println!(
        "its own interval of 1 s: {all} readings in {:.0} s, {late} gaps of more than 1.5 s, the longest {longest} ms",
        took.as_secs_f64()
    );
}
