//! What pushes cost, and whether any is lost: `cargo bench --bench push`.
//!
//! Four senders push 100,000 samples a second for a minute, one of each series, as Prometheus would, while the recorder samples this machine every second
//! and eight readers make one report after the other, or as many as NODEBOOK_BENCH_READERS says. NODEBOOK_BENCH_SECONDS is how long, NODEBOOK_BENCH_RATE how
//! many samples a second. Prints; what is lost or late is said, not asserted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PROGRAM: &str = env!("CARGO_BIN_EXE_nodebook");
const SENDERS: usize = 4;
/// Samples of a request: what Prometheus sends at most by default.
const A_REQUEST: usize = 2_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The labels of a series, as they travel.
fn labels(series: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let metric = format!("app_metric_{}", series % 200);
    for (key, value) in
        [("__name__", metric), ("instance", format!("node-{}", series / 200)), ("job", "app".to_owned())]
    {
        let mut pair = Vec::new();
        field(&mut pair, 1, key.as_bytes());
        field(&mut pair, 2, value.as_bytes());
        field(&mut all, 1, &pair);
    }
    all
}

/// A request with a sample of each series at `ms`.
fn request(series: &[Vec<u8>], ms: u64, round: u64) -> Vec<u8> {
    let mut message = Vec::new();
    for (i, labels) in series.iter().enumerate() {
        let mut sample = vec![0x09];
        sample.extend_from_slice(&((round * 7 + i as u64) as f64 / 8.0).to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, ms);
        let mut one = labels.clone();
        field(&mut one, 2, &sample);
        field(&mut message, 1, &one);
    }
    snap::raw::Encoder::new().compress_vec(&message).unwrap_or_default()
}

/// A connection that is kept.
struct Sender {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Sender {
    fn new(address: &str) -> std::io::Result<Sender> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Sender { stream: BufReader::new(stream), address: address.to_owned() })
    }

    fn post(&mut self, body: &[u8]) -> std::io::Result<u16> {
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nhost: {}\r\ncontent-encoding: snappy\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if status == 0 {
                status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
            } else if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = text.parse().unwrap_or(0);
            }
        }
        std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink())?;
        Ok(status)
    }
}

fn recorder(dir: &Path) -> (Child, String) {
    let mut command = Command::new(PROGRAM);
    command.args(["record", "--interval", "1s", "--node", "here", "--listen", "127.0.0.1:0"]).current_dir(dir);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stderr = child.stderr.take().expect("its stderr");
    let mut lines = BufReader::new(stderr).lines();
    let url =
        lines.by_ref().map_while(Result::ok).find_map(|line| line.split_once("://").map(|(_, rest)| rest.to_owned()));
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("  recorder: {line}")));
    (child, url.expect("it says where it listens"))
}

/// CPU seconds and peak memory in MB of a process.
fn costs(pid: u32) -> (f64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    ((ticks(11) + ticks(12)) / 100.0, peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024)
}

fn sql(dir: &Path, query: &str) -> Vec<String> {
    let done =
        Command::new(PROGRAM).args(["sql", "--format", "csv", "--time-limit", "5m", query]).current_dir(dir).output();
    let text = done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    text.lines().skip(1).map(str::to_owned).collect()
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test` runs benches, too
    }
    let (seconds, rate) = (setting("NODEBOOK_BENCH_SECONDS", 60), setting("NODEBOOK_BENCH_RATE", 100_000) as usize);
    let readers = setting("NODEBOOK_BENCH_READERS", 8);
    let dir = tempfile::tempdir().expect("a directory");
    let (mut child, address) = recorder(dir.path());
    let series: Vec<Vec<u8>> = (0..rate).map(labels).collect();
    let (stored, again, reports, over) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let worst = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let senders: Vec<_> = series
            .chunks(rate.div_ceil(SENDERS).next_multiple_of(A_REQUEST))
            .map(|share| {
                let (address, stored, again, worst) = (&address, &stored, &again, &worst);
                scope.spawn(move || {
                    let mut sender = Sender::new(address).expect("it answers");
                    for round in 0..seconds {
                        let due = Duration::from_secs(round);
                        std::thread::park_timeout(due.saturating_sub(start.elapsed()));
                        let ms = now_ms();
                        for part in share.chunks(A_REQUEST) {
                            let body = request(part, ms, round);
                            let sent = Instant::now();
                            loop {
                                match sender.post(&body) {
                                    Ok(204) => break,
                                    Ok(503 | 429) => std::thread::park_timeout(Duration::from_millis(200)),
                                    Ok(status) => panic!("answered {status}"),
                                    Err(_) => sender = Sender::new(address).expect("it answers"),
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
    });
    let took = start.elapsed();
    let (cpu, memory) = costs(child.id());
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
    let stored = stored.into_inner();
    println!(
        "pushed: {stored} samples in {:.1} s ({:.0} a second), {} sent again, the slowest answer {} ms",
        took.as_secs_f64(),
        stored as f64 / took.as_secs_f64(),
        again.into_inner(),
        worst.into_inner()
    );
    println!("recorder: {cpu:.1} s of CPU, at most {memory} MB; readers made {} reports", reports.into_inner());
    let found = sql(dir.path(), "SELECT count(*) FROM samples WHERE metric LIKE 'app_metric_%'");
    println!("in the file: {} of {stored} samples", found.first().map_or("?", String::as_str));
    let times = sql(dir.path(), "SELECT DISTINCT ts FROM samples WHERE node = 'here' AND metric = 'load1' ORDER BY ts");
    let times: Vec<i64> = times.iter().filter_map(|text| text.parse().ok()).collect();
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let late = gaps.iter().filter(|gap| **gap > 1_500).count();
    println!(
        "its own interval of 1 s: {} readings, {late} gaps of more than 1.5 s, the longest {} ms",
        times.len(),
        gaps.iter().max().unwrap_or(&0)
    );
}
