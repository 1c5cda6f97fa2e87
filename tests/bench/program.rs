//! What the program costs: `cargo bench --bench program`. It is run as a person runs it; CPU time is user and system time of its process.
//!
//! `NODEBOOK_BENCH_NODES` (default 100) nodes of 20 metrics at 10 s; the texts that are imported take 800 MB in the temporary directory.

#[allow(dead_code, reason = "each bench takes its part")]
mod cluster;
#[allow(dead_code, reason = "each bench takes its part")]
mod measure;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cluster::{DAY_MS, Size, Track, fill, metric, node, number};
use measure::{cpu_of_children, rate, row};

fn main() {
    let nodes = number("NODEBOOK_BENCH_NODES", 100);
    let day = Size { nodes, millis: DAY_MS, step_ms: 10_000, jitter_ms: 0 };
    let dir = tempfile::tempdir().unwrap();
    host(dir.path());
    csv(day, dir.path());
    lines(Size { nodes: (nodes / 10).max(1), ..day }, dir.path());
    let week = Size { millis: 7 * DAY_MS, ..day };
    fill(&dir.path().join("week.db"), week);
    let goals = [(&[][..], "< 5 s, RSS < 400 MB"), (&["--analyse", "off"], "< 1.5 s"), (&["--interactive", "off"], "")];
    for (flags, goal) in goals {
        let run =
            nodebook(dir.path(), &[&["report", "--db", "week.db", "--last", "7d", "-o", "week.html"], flags].concat());
        let bytes = std::fs::metadata(dir.path().join("week.html")).unwrap().len();
        let told = format!("{}, {:.2} MB of HTML", run.shown(), bytes as f64 / 1e6);
        row(&format!("report --last 7d {}", flags.join(" ")), goal, &told, "-");
    }
}

/// What a run of the program took.
struct Run {
    wall: Duration,
    cpu: Duration,
    /// The most memory it had, in MiB.
    peak: f64,
}

impl Run {
    fn shown(&self) -> String {
        format!("{:.2} s (CPU {:.2} s), {:.0} MiB", self.wall.as_secs_f64(), self.cpu.as_secs_f64(), self.peak)
    }
}

fn nodebook(dir: &Path, arguments: &[&str]) -> Run {
    ran(dir, arguments, None)
}

/// A run; `piped` is written to its standard input by a thread of ours.
fn ran(dir: &Path, arguments: &[&str], piped: Option<&Path>) -> Run {
    let (before, started) = (cpu_of_children(), Instant::now());
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodebook"));
    let stdin = if piped.is_some() { Stdio::piped() } else { Stdio::null() };
    let command = command.args(arguments).current_dir(dir).stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let pipe = child.stdin.take();
    let mut file = piped.map(|path| File::open(path).unwrap());
    let writer = std::thread::spawn(move || {
        if let Some((mut pipe, file)) = pipe.zip(file.as_mut()) {
            std::io::copy(file, &mut pipe).unwrap();
        }
    });
    let mut peak = 0.0f64;
    let status = loop {
        peak = peak.max(peak_mib(child.id()).unwrap_or(0.0));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::park_timeout(Duration::from_millis(20)),
        }
    };
    writer.join().unwrap();
    assert!(status.success(), "{arguments:?}: {status}");
    Run { wall: started.elapsed(), cpu: cpu_of_children() - before, peak }
}

fn peak_mib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

fn host(dir: &Path) {
    let run = nodebook(dir, &["record", "--db", "host.db", "--interval", "1s", "--for", "60s"]);
    let share = run.cpu.as_secs_f64() / run.wall.as_secs_f64() * 100.0;
    let told = format!("{share:.2} % of a core, {:.0} MiB", run.peak);
    row("record of this machine at 1 s, a minute", "< 0.5 %, < 40 MB", &told, "-");
}

/// Every sample as a line, scrape by scrape, in `write`'s form.
fn text(path: &Path, size: Size, head: &str, write: impl Fn(&mut dyn Write, usize, i64, f64)) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(head.as_bytes()).unwrap();
    let mut tracks: Vec<Track> = (0..size.series()).map(Track::new).collect();
    for scrape in 0..size.scrapes() {
        for (series, track) in tracks.iter_mut().enumerate() {
            write(&mut out, series, size.at(series, scrape), track.next());
        }
    }
    out.flush().unwrap();
}

fn csv(size: Size, dir: &Path) {
    let path = dir.join("day.csv");
    text(&path, size, "timestamp_ms,node,metric,value\n", |out, series, at, value| {
        writeln!(out, "{at},{},{},{value}", node(series), metric(series)).unwrap();
    });
    let import = nodebook(dir, &["import", "--db", "day.db", "day.csv"]);
    imported("import of CSV, of CPU", ">= 4 M/s, RSS < 512 MB", size, &import);
    let piped = ran(dir, &["import", "--db", "piped.db", "-"], Some(&path));
    imported("the same from a pipe", ">= 4 M/s", size, &piped);
    std::fs::remove_file(&path).unwrap();
    let report = nodebook(dir, &["report", "--db", "day.db", "-o", "day.html"]);
    let cpu = (import.cpu + report.cpu).as_secs_f64();
    let bytes = std::fs::metadata(dir.join("day.html")).unwrap().len() as f64 / 1e6;
    let told = format!("{cpu:.2} CPU s, {:.0} MiB, {bytes:.2} MB", import.peak.max(report.peak));
    row("a day from CSV to HTML", "<= 7 CPU s, 400 MiB, 4 MB", &told, "-");
}

fn imported(what: &str, goal: &str, size: Size, run: &Run) {
    row(what, goal, &format!("{}, {}", rate(size.samples(), run.cpu), run.shown()), "-");
}

/// Forms that name the series in every line.
fn lines(size: Size, dir: &Path) {
    text(&dir.join("day.prom"), size, "", |out, series, at, value| {
        writeln!(out, "{}{{node=\"{}\"}} {value} {at}", metric(series), node(series)).unwrap();
    });
    let import = nodebook(dir, &["import", "--db", "prom.db", "--format", "prom", "day.prom"]);
    imported("import of Prometheus text, of CPU", ">= 2 M/s", size, &import);
    text(&dir.join("day.lp"), size, "", |out, series, at, value| {
        writeln!(out, "{},node={} value={value} {at}000000", metric(series), node(series)).unwrap();
    });
    let import = nodebook(dir, &["import", "--db", "influx.db", "day.lp"]);
    imported("import of line protocol, of CPU", ">= 2 M/s", size, &import);
}
