//! A report over an engine, and whether its numbers are those of the same samples in a file: `cargo bench --bench engine`.
//!
//! NODEBOOK_BENCH_NODES (100) nodes of 20 metrics, a day, a sample every NODEBOOK_BENCH_STEP (15) seconds: 11.5 million, in a database and in a
//! VictoriaMetrics that is started here. Reports are of three quarters of the nodes: 1,500 series. Fails where a text differs, or a number by more
//! than 1e-9 of itself.

#[allow(dead_code, reason = "each bench takes its part")]
mod cluster;
#[allow(dead_code, reason = "each bench takes its part")]
mod measure;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster::{DAY_MS, Size, fill, number};
use measure::{cpu_of_children, row};
use serde_json::Value;

/// A VictoriaMetrics; killed when it is dropped.
struct Engine {
    child: Child,
    port: u16,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    fn start(dir: &Path) -> Option<Engine> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("victoria-metrics");
        command
            .arg(format!("-storageDataPath={}", dir.display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(["-retentionPeriod=1200", "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=1s"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let engine = Engine { child, port };
        let start = Instant::now();
        while engine.get("/health").is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "VictoriaMetrics does not answer");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Some(engine)
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(answer)
    }

    fn import(&self, lines: &Path) {
        let mut file = File::open(lines).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = file.metadata().unwrap().len();
        write!(stream, "POST /api/v1/import HTTP/1.0\r\ncontent-length: {length}\r\n\r\n").unwrap();
        std::io::copy(&mut file, &mut stream).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 204 "), "{answer}");
        self.get("/internal/force_flush").unwrap();
    }

    /// What it has taken so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        Duration::from_millis(fields.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>() * 10)
    }
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test` runs benches, too
    }
    let (nodes, step) = (number("NODEBOOK_BENCH_NODES", 100), number("NODEBOOK_BENCH_STEP", 15));
    let size = Size { nodes, millis: DAY_MS, step_ms: step * 1_000, jitter_ms: 0 };
    let dir = tempfile::tempdir().unwrap();
    let Some(engine) = Engine::start(&dir.path().join("vm")) else {
        return println!("skipped: there is no victoria-metrics here");
    };
    fill(&dir.path().join("day.db"), size);
    nodebook(dir.path(), &["export", "-q", "--db", "day.db", "-o", "day.jsonl"]);
    engine.import(&dir.path().join("day.jsonl"));
    std::fs::remove_file(dir.path().join("day.jsonl")).unwrap();
    let url = format!("http://127.0.0.1:{}", engine.port);
    println!("{:.1} million samples, {} series", size.samples() / 1e6, size.series());
    let some: Vec<String> = (0..nodes * 3 / 4).map(|i| format!("node-{i:03}")).collect();
    let some: Vec<&str> = some.iter().flat_map(|node| ["--node", node.as_str()]).collect();
    let what = format!("report of {} series x 24 h from VictoriaMetrics", some.len() / 2 * 20);
    for (flags, goal) in [(&[][..], "< 3 s"), (&["--analyse", "off"], "")] {
        let arguments = [&["report", "-q", "--source", &url, "-o", "engine.html"], flags, &some].concat();
        let runs: Vec<(f64, f64, f64)> = (0..3)
            .map(|_| {
                let (start, ours, theirs) = (Instant::now(), cpu_of_children(), engine.cpu());
                nodebook(dir.path(), &arguments);
                let (ours, theirs) = (cpu_of_children() - ours, engine.cpu() - theirs);
                (start.elapsed().as_secs_f64(), ours.as_secs_f64(), theirs.as_secs_f64())
            })
            .collect();
        let (wall, ours, theirs) = runs.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        let told = format!("{wall:.2} s (CPU: {ours:.2} s here, {theirs:.2} s there)");
        row(&[what.as_str(), flags.join(" ").as_str()].join(" "), goal, &told, "-");
    }
    parity(dir.path(), &url);
}

fn nodebook(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodebook"));
    let done = command.args(arguments).current_dir(dir).env("TZ", "UTC").stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// What was compared.
#[derive(Default)]
struct Compared {
    numbers: u64,
    /// The largest difference of two numbers, as a share of the larger one.
    worst: f64,
    /// Texts that differ, and where.
    texts: Vec<String>,
}

impl Compared {
    fn number(&mut self, a: f64, b: f64) {
        self.numbers += 1;
        let scale = a.abs().max(b.abs()).max(1e-3);
        let off = if a == b || a.is_nan() && b.is_nan() { 0.0 } else { (a - b).abs() / scale };
        self.worst = self.worst.max(if off.is_nan() { f64::INFINITY } else { off });
    }

    fn text(&mut self, a: &str, b: &str, place: &str) {
        if a != b {
            self.texts.push(format!("{place}: {a} {b}").chars().take(200).collect());
        }
    }

    fn json(&mut self, a: &Value, b: &Value, place: &str) {
        match (a, b) {
            // Where from, and how long the page is.
            _ if ["/origin", "/bytes"].contains(&place) => {}
            (Value::Object(x), Value::Object(y)) => {
                for key in x.keys().chain(y.keys().filter(|key| !x.contains_key(*key))) {
                    let none = Value::Null;
                    let place = format!("{place}/{key}");
                    self.json(x.get(key).unwrap_or(&none), y.get(key).unwrap_or(&none), &place);
                }
            }
            (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
                x.iter().zip(y).enumerate().for_each(|(i, (x, y))| self.json(x, y, &format!("{place}/{i}")));
            }
            (Value::Number(x), Value::Number(y)) => {
                self.number(x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN));
            }
            _ => self.text(&a.to_string(), &b.to_string(), place),
        }
    }

    fn csv(&mut self, a: &str, b: &str) {
        self.text(&a.lines().count().to_string(), &b.lines().count().to_string(), "lines");
        for (line, (a, b)) in a.lines().zip(b.lines()).enumerate() {
            for (a, b) in a.split(',').zip(b.split(',')) {
                match (a.parse(), b.parse()) {
                    (Ok(a), Ok(b)) => self.number(a, b),
                    _ => self.text(a, b, &format!("line {}", line + 1)),
                }
            }
        }
    }
}

/// Everything that is told of all nodes, of the file and of the engine.
fn parity(dir: &Path, url: &str) {
    let mut all = Compared::default();
    let both = |arguments: &[&str]| {
        let of = |from: [&str; 2]| String::from_utf8(nodebook(dir, &[arguments, &from].concat())).unwrap();
        (of(["--db", "day.db"]), of(["--source", url]))
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (a, b) = both(&["summary", "-q", "--format", "json"]);
    all.json(&json(&a), &json(&b), "");
    let file = |name: &str| json(&std::fs::read_to_string(dir.join(name)).unwrap());
    nodebook(dir, &["report", "-q", "--db", "day.db", "-o", "file.json"]);
    nodebook(dir, &["report", "-q", "--source", url, "-o", "engine.json"]);
    all.json(&file("file.json"), &file("engine.json"), "");
    let aggs = "avg,min,max,count,sum,first,last,p50,p95,p99,rate,increase";
    let (a, b) = both(&["export", "-q", "--every", "5m", "--agg", aggs, "--format", "csv", "-o", "-"]);
    all.csv(&a, &b);
    let told =
        format!("{} numbers, the largest difference {:.1e}; {} texts differ", all.numbers, all.worst, all.texts.len());
    row("summary, report and buckets of 5 min of all nodes, file and engine", "< 1e-9", &told, "-");
    all.texts.iter().take(20).for_each(|text| println!("  {text}"));
    assert!(all.worst < 1e-9 && all.texts.is_empty(), "file and engine differ");
}
