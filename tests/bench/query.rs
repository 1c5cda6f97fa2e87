//! What questions to a file cost: `cargo bench --bench query -- [NODES] [DAYS]` (default 10 nodes, 1 day; 20 metrics at 10 s).
//!
//! Wall and CPU time of the best of three runs each, one thread; on a busy machine the second is the one to look at. The file is made anew in the temporary directory and removed.

use std::path::Path;
use std::time::Instant;

use nodebook::export::{Agg, Shape, TimeFormat, csv, rollup_csv};
use nodebook::model::{Labels, MetricName, NodeName, Selector, SeriesId, SeriesKey, TimeRange, Timestamp};
use nodebook::query::frame::{coverage, load, plan};
use nodebook::query::summary::summary;
use nodebook::query::{Grid, LocalSource, Source, grid_for};
use nodebook::store::{Durability, Store, StoreOptions};

const START_MS: i64 = 1_767_571_200_000;
const STEP_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// What an agent of a database cluster tells: gauges and counters.
const METRICS: [&str; 20] = [
    "cpu_user_pct",
    "cpu_system_pct",
    "cpu_iowait_pct",
    "mem_used_bytes",
    "mem_cached_bytes",
    "disk_used_pct",
    "disk_read_bps",
    "disk_write_bps",
    "disk_read_bytes_total",
    "disk_written_bytes_total",
    "net_rx_bytes_total",
    "net_tx_bytes_total",
    "load1",
    "load5",
    "load15",
    "partition_count",
    "temp_celsius",
    "ctx_switches_total",
    "tcp_connections",
    "disk_await_ms",
];

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse::<i64>().ok());
    let (nodes, days) = (numbers.next().unwrap_or(10), numbers.next().unwrap_or(1));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bench.db");
    fill(&path, nodes, days);
    let bytes = std::fs::metadata(&path).unwrap().len();
    let samples = nodes * 20 * days * DAY_MS / STEP_MS;
    println!(
        "{nodes} nodes x 20 metrics x {days} days: {samples} samples, {:.2} bytes each",
        bytes as f64 / samples as f64
    );
    let source = LocalSource::open(&path).unwrap();
    let range = source.span().unwrap().unwrap();
    ask(&source, range);
}

fn fill(path: &Path, nodes: i64, days: i64) {
    let started = Instant::now();
    let mut store = Store::open(path, StoreOptions { durability: Durability::Normal }).unwrap();
    let mut bulk = store.bulk();
    let mut random = 1u64;
    for node in 0..nodes {
        for metric in METRICS {
            let key = SeriesKey {
                node: NodeName::new(&format!("node-{node:03}")).unwrap(),
                metric: MetricName::new(metric).unwrap(),
                labels: Labels::default(),
            };
            let id = bulk.series(&key, None).unwrap();
            let mut level = 40.0;
            for i in 0..days * DAY_MS / STEP_MS {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = (random >> 40) as f64 / (1u64 << 24) as f64;
                level = if metric.ends_with("_total") {
                    level + (noise * 1e6).floor()
                } else {
                    (100.0 * (level + noise - 0.5).clamp(0.0, 100.0)).round() / 100.0
                };
                bulk.push(id, Timestamp::from_millis(START_MS + i * STEP_MS), level).unwrap();
            }
        }
    }
    bulk.finish().unwrap();
    store.close().unwrap();
    println!("filled in {:.1} s", started.elapsed().as_secs_f64());
}

fn ask(source: &LocalSource, range: TimeRange) {
    let series = source.series(&Selector::all()).unwrap();
    let ids: Vec<SeriesId> = series.iter().map(|s| s.id).collect();
    let gauges: Vec<SeriesId> =
        series.iter().filter(|s| !s.key.metric.as_str().ends_with("_total")).map(|s| s.id).collect();
    let hourly = |name: &str, ids: &[SeriesId], step_ms: i64| {
        timed(name, || {
            let mut sum = 0.0;
            let grid = Grid::covering(range, step_ms);
            let add = &mut |_, buckets: &[nodebook::query::Bucket]| {
                sum += buckets.iter().map(|b| b.aggregate.avg()).filter(|v| !v.is_nan()).sum::<f64>();
            };
            source.buckets(ids, range, grid, add).unwrap();
            sum.to_bits()
        });
    };
    hourly("hourly average, gauges (rollups)", &gauges, HOUR_MS);
    hourly("hourly average, all (counters from samples)", &ids, HOUR_MS);
    hourly("15 min average, all (samples)", &ids, HOUR_MS / 4);
    timed("p50, p95, p99 of every gauge", || {
        let mut count = 0;
        source.quantiles(&gauges, range, &[0.5, 0.95, 0.99], &mut |_, _| count += 1).unwrap();
        count
    });
    timed("coverage", || coverage(source, &series, range).unwrap().len());
    let shown = plan(source.catalogue(), &series, &Selector::all());
    for points in [300, 700] {
        let grid = grid_for(range, points, STEP_MS);
        timed(&format!("load {} shown metrics, step {} s", shown.len(), grid.step_ms / 1_000), || {
            shown.iter().map(|s| load(source, s, range, grid).unwrap().nodes.len()).sum::<usize>()
        });
    }
    timed("summary", || summary(source, &Selector::all(), range, &|t| t.to_rfc3339()).unwrap().metrics.len());
    timed("export csv, rows", || {
        csv(source, &Selector::all(), range, Shape::Long, TimeFormat::Rfc3339, &mut std::io::sink()).unwrap()
    });
    timed("export 5 min avg, max, p95, rows", || {
        let aggs = [Agg::Avg, Agg::Max, Agg::Quantile(0.95)];
        rollup_csv(source, &Selector::all(), range, 300_000, &aggs, TimeFormat::Rfc3339, &mut std::io::sink()).unwrap()
    });
    if let Some(peak) = peak_mib() {
        println!("{peak:>10.0} MiB  peak of the process");
    }
}

fn timed<T: std::fmt::Display>(name: &str, mut run: impl FnMut() -> T) {
    let (mut best, mut best_cpu) = (f64::INFINITY, f64::INFINITY);
    let mut said = String::new();
    for _ in 0..3 {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        said = run().to_string();
        best = best.min(started.elapsed().as_secs_f64());
        best_cpu = best_cpu.min(cpu_seconds() - cpu);
        if best > 5.0 {
            break;
        }
    }
    println!("{:>10.1} ms {:>8.0} ms CPU  {name} -> {said}", best * 1e3, best_cpu * 1e3);
}

/// User and system time of this process so far, to the clock tick (10 ms); 0 where that is not told.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().into_iter().flat_map(|rest| rest.split_whitespace().skip(11).take(2));
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
