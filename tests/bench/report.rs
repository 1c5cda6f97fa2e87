//! What a report costs: `cargo bench --bench report -- [NODES] [DAYS] [METRICS] [STEP_S]` (default 100 nodes, 7 days, 20 metrics, 60 s apart);
//! with `NODEBOOK_DB=FILE` of that database.
//!
//! Time is that of one thread, the best of three; bytes are those of the file. Where `tests/browser` has its packages and there is a Chromium,
//! its main thread's CPU until the first plot, for a zoom and for a filter follows.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nodebook::analyse::FindingKind;
use nodebook::model::{Labels, MetricName, NodeName, Selector, SeriesKey, Timestamp};
use nodebook::query::{LocalSource, Source};
use nodebook::report::{ReportOptions, build, html};
use nodebook::store::{Durability, Store, StoreOptions};

const START_MS: i64 = 1_767_571_200_000;
const DAY_MS: i64 = 86_400_000;

/// Shown metrics and their scale.
const METRICS: [(&str, f64); 20] = [
    ("cpu_percent", 100.0),
    ("memory_percent", 100.0),
    ("memory_used_bytes", 6e10),
    ("swap_percent", 100.0),
    ("disk_percent", 100.0),
    ("disk_io_percent", 100.0),
    ("load1", 16.0),
    ("disk_read_bytes_per_second", 1e8),
    ("disk_write_bytes_per_second", 1e8),
    ("net_receive_bytes_per_second", 1e8),
    ("net_transmit_bytes_per_second", 1e8),
    ("partition_count", 300.0),
    ("partition_leader_count", 100.0),
    ("temp_celsius", 80.0),
    ("tcp_connections", 2e4),
    ("queue_depth", 500.0),
    ("request_seconds", 0.2),
    ("load5", 16.0),
    ("load15", 16.0),
    ("disk_await_seconds", 0.05),
];

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse::<i64>().ok());
    let mut next = |otherwise| numbers.next().unwrap_or(otherwise);
    let size = Size { nodes: next(100), days: next(7), metrics: next(20), step_ms: 1_000 * next(60) };
    let dir = tempfile::tempdir().unwrap();
    let given = std::env::var_os("NODEBOOK_DB").map(PathBuf::from);
    let database = given.clone().unwrap_or_else(|| dir.path().join("bench.db"));
    if given.is_none() {
        fill(&database, size);
        println!("{} nodes x {} metrics x {} days", size.nodes, size.metrics, size.days);
    }
    let source = LocalSource::open(&database).unwrap();
    let range = source.span().unwrap().unwrap();
    let options = ReportOptions { made_at: None, ..ReportOptions::new(range, Selector::all(), "UTC".parse().unwrap()) };
    let limits = ReportOptions { kinds: vec![FindingKind::Threshold], ..options.clone() };
    best("build, --analyse off", || build(&source, &limits).unwrap());
    let view = best("build (asks, plans, draws)", || build(&source, &options).unwrap());
    let page = best("render", || html(&view).unwrap());
    told("file", page.len() as f64 / 1e6, "MB", Some(1.6));
    let still = ReportOptions { interactive: false, ..options };
    told("file, --interactive off", html(&build(&source, &still).unwrap()).unwrap().len() as f64 / 1e6, "MB", None);
    let file = dir.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    match browser(&file) {
        Ok(figures) => BROWSER.iter().for_each(|(what, name, unit, goal)| {
            told(what, figures[*name].as_f64().unwrap_or(f64::NAN), unit, *goal);
        }),
        Err(why) => println!("{:44} {why}", "browser"),
    }
}

/// What `measure.mjs` tells, and what it may be. CPU is what counts: wall times are those of the machine of the moment.
const BROWSER: [(&str, &str, &str, Option<f64>); 9] = [
    ("static charts visible, CPU", "staticCpu", "ms", Some(200.0)),
    ("static charts visible, wall", "staticWall", "ms", None),
    ("first interactive plot, CPU", "firstPlotCpu", "ms", Some(450.0)),
    ("first interactive plot, wall", "firstPlotWall", "ms", Some(600.0)),
    ("charts in view", "chartsInView", "", None),
    ("zoom of those in view, CPU", "zoomCpu", "ms", Some(100.0)),
    ("filter of those in view, CPU", "filterCpu", "ms", Some(150.0)),
    ("JS heap", "heapMegabytes", "MB", Some(60.0)),
    ("file that was measured", "bytes", "bytes", None),
];

fn told(what: &str, value: f64, unit: &str, most: Option<f64>) {
    let digits = usize::from(unit == "MB") * 2;
    let goal = most.map_or_else(String::new, |most| {
        format!("goal <= {most} {unit}: {}", if value <= most { "met" } else { "MISSED" })
    });
    println!("{}", format!("{what:44} {value:>9.digits$} {unit:6} {goal}").trim_end());
}

/// What is filled in.
#[derive(Clone, Copy)]
struct Size {
    nodes: i64,
    days: i64,
    metrics: i64,
    step_ms: i64,
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

/// A cluster whose numbers have the rhythm of a day, a level of their own, and noise.
fn fill(path: &Path, size: Size) {
    let mut store = Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap();
    let mut bulk = store.bulk();
    for node in 0..size.nodes {
        for m in 0..size.metrics {
            let (name, scale) = METRICS[m as usize % METRICS.len()];
            let name = if m < METRICS.len() as i64 { name.to_owned() } else { format!("{name}_{m}") };
            let key = SeriesKey {
                node: NodeName::new(&format!("node-{node:03}")).unwrap(),
                metric: MetricName::new(&name).unwrap(),
                labels: Labels::default(),
            };
            let id = bulk.series(&key, None).unwrap();
            let level = 0.5 + 0.5 * noise(node * 31 + m);
            for step in 0..size.days * DAY_MS / size.step_ms {
                let ms = step * size.step_ms;
                let wave = 0.5 + 0.5 * (ms as f64 / DAY_MS as f64 * TAU).sin();
                let value = scale * level * (0.1 + 0.6 * wave + 0.2 * noise(step + node * 7_919_000 + m * 104_729));
                bulk.push(id, at(ms), (value * 1e3).round() / 1e3).unwrap();
            }
        }
    }
    bulk.finish().unwrap();
    store.close().unwrap();
}

/// 0 to 1, the same for the same seed.
fn noise(seed: i64) -> f64 {
    let mut h = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h = (h ^ (h >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

fn best<T>(what: &str, run: impl Fn() -> T) -> T {
    let mut fastest = f64::INFINITY;
    let mut last = None;
    for _ in 0..3 {
        let start = Instant::now();
        last = Some(run());
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
    }
    told(what, fastest, "ms", None);
    last.unwrap()
}

/// What `tests/browser/measure.mjs` says of the file, or why it says nothing.
fn browser(file: &Path) -> Result<serde_json::Value, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !dir.join("node_modules").exists() {
        return Err("not measured: `npm ci` in tests/browser first".into());
    }
    match Command::new("node").arg("measure.mjs").arg(file).current_dir(dir).output() {
        Ok(run) if run.status.success() => {
            serde_json::from_slice(&run.stdout).map_err(|error| format!("not measured: {error}"))
        }
        Ok(run) => Err(format!("not measured: {}", String::from_utf8_lossy(&run.stderr).trim())),
        Err(error) => Err(format!("not measured: node: {error}")),
    }
}
