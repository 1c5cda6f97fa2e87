//! What open pages and slow clients cost a recorder: `cargo bench --bench live`.
//!
//! A recorder samples this machine every second and is sent 20 metrics of NODEBOOK_BENCH_NODES (500) nodes every ten seconds. It is watched for
//! NODEBOOK_BENCH_SECONDS (60) with nobody looking, for as long with NODEBOOK_BENCH_PAGES (20) open pages that fetch what has changed whenever they are told to, as
//! browsers do; then beside 500 clients that do not end their requests, and 500 that do not end what they send. Prints, and asserts nothing.

#[allow(dead_code, reason = "each bench takes its part")]
mod server;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use server::{Connection, costs, labels, now_ms, readings, recorder, request, setting, stop};

const METRICS: [&str; 20] = [
    "cpu_percent",
    "memory_percent",
    "memory_used_bytes",
    "swap_percent",
    "disk_percent",
    "disk_io_percent",
    "load1",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "net_receive_bytes_per_second",
    "net_transmit_bytes_per_second",
    "partition_count",
    "partition_leader_count",
    "temp_celsius",
    "tcp_connections",
    "queue_depth",
    "request_seconds",
    "load5",
    "load15",
    "disk_await_seconds",
];

/// What pages were answered.
#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, u64>,
    millis: Vec<u64>,
    bytes: u64,
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test` runs benches, too
    }
    let (nodes, pages) = (setting("NODEBOOK_BENCH_NODES", 500) as usize, setting("NODEBOOK_BENCH_PAGES", 20));
    let time = Duration::from_secs(setting("NODEBOOK_BENCH_SECONDS", 60));
    let dir = tempfile::tempdir().expect("a directory");
    let (child, address) = recorder(dir.path());
    let series: Vec<Vec<u8>> = (0..nodes * METRICS.len())
        .map(|i| labels(METRICS[i % METRICS.len()], &format!("node-{:03}", i / METRICS.len())))
        .collect();
    // The hour that a page shows, a sample a minute; then one in ten seconds.
    let now = now_ms();
    let mut sender = Connection::open(&address).expect("it answers");
    for minute in (1..60).rev() {
        send(&mut sender, &address, &series, now - minute * 60_000);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                send(&mut sender, &address, &series, now_ms());
                std::thread::park_timeout(Duration::from_secs(10));
            }
        });
        watched("nobody looks", dir.path(), child.id(), || std::thread::park_timeout(time));
        let seen = Mutex::new(Seen::default());
        watched(&format!("{pages} open pages, {nodes} nodes"), dir.path(), child.id(), || {
            std::thread::scope(|scope| {
                let (address, seen, until) = (&address, &seen, Instant::now() + time);
                for _ in 0..pages {
                    scope.spawn(move || look(address, until, seen));
                }
            });
        });
        let mut seen = seen.into_inner().expect("nobody panics");
        seen.millis.sort_unstable();
        println!(
            "  pages: {} answers {:?}, half within {} ms, the slowest {} ms, {:.1} MB",
            seen.millis.len(),
            seen.statuses,
            seen.millis.get(seen.millis.len() / 2).unwrap_or(&0),
            seen.millis.last().unwrap_or(&0),
            seen.bytes as f64 / 1e6
        );
        over.store(true, Ordering::Relaxed);
    });
    beside("500 clients that do not end their requests", &address, "GET /api/series HTTP/1.1\r\nhost: loc");
    beside(
        "500 clients that do not end what they send",
        &address,
        "POST /write HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8000000\r\n\r\nload value=",
    );
    stop(child);
}

/// On a connection that the server may have closed meanwhile, as it does with those that say nothing for a while.
fn kept<T>(connection: &mut Connection, address: &str, ask: impl Fn(&mut Connection) -> std::io::Result<T>) -> T {
    ask(connection).unwrap_or_else(|_| {
        *connection = Connection::open(address).expect("it answers");
        ask(connection).expect("it answers")
    })
}

fn send(sender: &mut Connection, address: &str, series: &[Vec<u8>], ms: u64) {
    for part in series.chunks(2_000) {
        let body = request(part, ms, |i| ((ms / 10_000 + i as u64 * 7) % 97) as f64);
        assert_eq!(kept(sender, address, |sender| sender.post(&body)), 204);
    }
}

/// What a recorder takes while `work` goes on, and how even its own interval is.
fn watched(what: &str, dir: &Path, pid: u32, work: impl FnOnce()) {
    let (before, start, began) = (costs(pid).0, Instant::now(), now_ms());
    work();
    let (cpu, memory) = costs(pid);
    let share = (cpu - before) / start.elapsed().as_secs_f64() * 100.0;
    let (all, late, longest) = readings(dir, began, now_ms());
    println!(
        "{what}: {share:.1} % of a core, at most {memory} MB; of 1 s: {all} readings in {:.0} s, {late} gaps of more than 1.5 s, the longest {longest} ms",
        start.elapsed().as_secs_f64()
    );
}

/// A page: what it was is fetched once, and what has changed whenever it is told of something new.
fn look(address: &str, until: Instant, seen: &Mutex<Seen>) {
    let mut events = Connection::open(address).expect("it answers");
    events.listen("/api/events").expect("it listens");
    let mut fetch = Connection::open(address).expect("it answers");
    let mut version = 0;
    let mut get = |path: &str| {
        let start = Instant::now();
        let (status, body) = kept(&mut fetch, address, |fetch| fetch.get(path));
        let mut seen = seen.lock().expect("nobody panics");
        *seen.statuses.entry(status).or_default() += 1;
        seen.millis.push(start.elapsed().as_millis() as u64);
        seen.bytes += body.len() as u64;
        body
    };
    get("/");
    while Instant::now() < until {
        let line = events.line().expect("it tells");
        if !line.starts_with("data: ") {
            continue;
        }
        loop {
            let page: Value = serde_json::from_slice(&get(&format!("/api/page?since={version}"))).unwrap_or_default();
            version = page["version"].as_u64().unwrap_or(version);
            match page["again_ms"].as_u64() {
                Some(ms) if Instant::now() < until => std::thread::park_timeout(Duration::from_millis(ms)),
                _ => break,
            }
        }
    }
}

/// How long others wait beside 500 clients of a kind.
fn beside(what: &str, address: &str, begun: &str) {
    let open = || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let _ = stream.write_all(begun.as_bytes());
        stream
    };
    let slow: Vec<TcpStream> = (0..500).map(|_| open()).collect();
    let series = vec![labels("beside", "x")];
    let (mut looks, mut pushes) = (Vec::new(), Vec::new());
    for i in 0..50 {
        let start = Instant::now();
        let looked = Connection::open(address).and_then(|mut connection| connection.get("/healthz"));
        assert!(looked.is_ok_and(|(status, _)| status == 200));
        looks.push(start.elapsed());
        let start = Instant::now();
        let pushed = Connection::open(address)
            .and_then(|mut connection| connection.post(&request(&series, now_ms(), |_| f64::from(i))));
        assert!(pushed.is_ok_and(|status| status == 204));
        pushes.push(start.elapsed());
    }
    drop(slow);
    let told = |mut all: Vec<Duration>| {
        all.sort_unstable();
        format!(
            "half within {:.1} ms, the slowest {:.1} ms",
            all[all.len() / 2].as_secs_f64() * 1e3,
            all[all.len() - 1].as_secs_f64() * 1e3
        )
    };
    println!("beside {what}: a look {}; a push {}", told(looks), told(pushes));
}
