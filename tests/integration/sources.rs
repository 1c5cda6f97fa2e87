//! Real recorders on this machine, a report over what they recorded, and their own tools beside it: the same numbers, with nothing configured.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::Project;
use super::readers::{cell, tile};

/// A tool run to its end in words that do not depend on the machine; `None`, said, where it is not installed.
fn told(project: &Project, tool: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(tool);
    command.args(arguments).current_dir(project.root());
    command.env("LC_ALL", "C").env("S_TIME_FORMAT", "ISO").env("TZ", "UTC");
    match command.output() {
        Ok(run) => {
            assert!(run.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
            Some(String::from_utf8(run.stdout).unwrap())
        }
        Err(_) => {
            eprintln!("skipped: there is no {tool} here");
            None
        }
    }
}

fn page(project: &Project) -> String {
    project.run(["report", "--from", "1970-01-02", "--interactive", "off", "-q", "-o", "page.html"]).ok();
    project.read("page.html")
}

#[track_caller]
fn assert_within(what: &str, found: f64, expected: f64, off: f64) {
    println!("{what}: report {found:.3}, its own tool {expected:.3}");
    assert!((found - expected).abs() <= off, "{what}: the report says {found}, the tool {expected}");
}

/// The largest `Use%` of this machine's disks, before it is rounded up: used of used and available.
fn df(project: &Project) -> Option<f64> {
    let no_disk = ["-x", "tmpfs", "-x", "devtmpfs", "-x", "overlay", "-x", "squashfs"];
    let df = told(project, "df", &[&["-l", "-B1", "--output=used,avail"], no_disk.as_slice()].concat())?;
    let percent = |line: &str| {
        let numbers: Vec<f64> = line.split_whitespace().map(|n| n.parse().unwrap()).collect();
        Some(100.0 * numbers[0] / (numbers[0] + numbers[1])).filter(|percent| percent.is_finite())
    };
    df.lines().skip(1).filter_map(percent).reduce(f64::max)
}

#[test]
fn sysstat_recorded_here() {
    let project = Project::new();
    if !Path::new("/usr/lib/sysstat/sadc").exists() {
        return eprintln!("skipped: there is no sysstat here");
    }
    told(&project, "/usr/lib/sysstat/sadc", &["-S", "XALL", "1", "7", "sa"]);
    let Some(json) = told(&project, "sadf", &["-j", "sa", "--", "-A"]) else { return };
    project.run_with(["import", "-"], json.as_bytes()).ok();
    let node = project.sql("SELECT name FROM node").as_str().unwrap().to_owned();
    let page = page(&project);
    // the line of means, by the heads of the columns
    let sar = |flag: &str, column: &str, row: &str| -> f64 {
        let text = told(&project, "sar", &[flag, "-f", "sa"]).unwrap();
        let heads = text.lines().find(|line| line.contains(column)).unwrap();
        // the heads have a time where means have a word; the name stands first, or last
        let place = heads.split_whitespace().rev().position(|head| head == column).unwrap();
        let is_mean = |line: &&str| line.starts_with("Average:") || line.starts_with("Summary:");
        let line = text.lines().filter(is_mean).find(|line| line.split_whitespace().any(|word| word == row));
        let line = line.or_else(|| text.lines().find(is_mean)).unwrap();
        line.split_whitespace().rev().nth(place).unwrap().parse().unwrap()
    };
    let busy = 100.0 - sar("-u", "%idle", "all") - sar("-u", "%iowait", "all");
    assert_within("sar: CPU busy", tile(&page, "cpu_percent", "avg"), busy, 1.0);
    assert_within("sar: memory", tile(&page, "memory_percent", "avg"), sar("-r", "%memused", "-"), 0.2);
    assert_within("sar: load", cell(&page, &node, "load1", "avg"), sar("-q", "ldavg-1", "-"), 0.05);
    // a mean of rates by moments and one by time differ where the moments are not quite a second apart
    let disks = told(&project, "sar", &["-d", "-f", "sa"]).unwrap();
    let read: f64 = disks
        .lines()
        .filter(|line| line.starts_with("Average:") && !line.contains("DEV"))
        .map(|line| line.split_whitespace().nth(3).unwrap().parse::<f64>().unwrap() * 1024.0)
        .sum();
    let shown = cell(&page, &node, "disk_read_bytes_per_second", "avg");
    assert_within("sar: bytes read", shown, read, read * 0.15 + 2_048.0);
    let Some(df) = df(&project) else { return };
    if told(&project, "sar", &["-F", "-f", "sa"]).unwrap().contains("MBfsfree") {
        assert_within("sysstat and df: disk", cell(&page, &node, "disk_percent", "max"), df, 1.0);
    }
}

#[test]
fn collectd_recorded_here() {
    let project = Project::new();
    if !Path::new("/usr/share/collectd/types.db").exists() {
        return eprintln!("skipped: there is no collectd here");
    }
    // collectd makes no directory whose path has a hidden part, as those of projects have
    let place = tempfile::Builder::new().prefix("collectd").tempdir().unwrap();
    let (root, tree) = (place.path().display(), place.path().join("csv"));
    let plugins =
        ["cpu", "memory", "load", "df", "disk", "interface", "csv"].map(|p| format!("LoadPlugin {p}\n")).concat();
    project.write(
        "collectd.conf",
        format!(
            "Hostname \"c\"\nFQDNLookup false\nInterval 1\nPIDFile \"{root}/pid\"\nBaseDir \"{root}\"\nTypesDB \"/usr/share/collectd/types.db\"\n{plugins}\
             <Plugin csv>\n  DataDir \"{root}/csv\"\n</Plugin>\n"
        ),
    );
    // ended by SIGTERM, after which it has written everything
    let mut collectd = Command::new("timeout");
    collectd.args(["-s", "TERM", "10", "collectd", "-f", "-C"]).arg(project.path("collectd.conf"));
    let ran = collectd.output();
    if !tree.join("c/load").exists() {
        return eprintln!("skipped: collectd does not run here: {ran:?}");
    }
    let df = df(&project);
    project.run(["import", tree.to_str().unwrap()]).ok();
    let page = page(&project);
    let rows = |dir: &str, file: &str, column: usize| -> Vec<f64> {
        let files = fs::read_dir(tree.join("c").join(dir)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(file)).collect();
        files.sort();
        let lines: Vec<String> = files
            .iter()
            .flat_map(|path| fs::read_to_string(path).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.iter().map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let load = rows("load", "load-", 1);
    assert_within("collectd: load", cell(&page, "c", "load1", "avg"), mean(&load), 1e-6);
    let used = mean(&rows("memory", "memory-used", 1));
    let all: f64 = ["used", "free", "buffered", "cached", "slab_recl", "slab_unrecl"]
        .iter()
        .map(|kind| mean(&rows("memory", &format!("memory-{kind}-"), 1)))
        .sum();
    assert_within("collectd: memory", tile(&page, "memory_percent", "avg"), 100.0 * used / all, 0.2);
    // seconds of a hundred a second and core: what is neither idle nor waiting, of all
    let spent = |kind: &str| -> f64 {
        let cores = fs::read_dir(tree.join("c")).unwrap();
        let cores = cores
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("cpu-"));
        cores.map(|core| rows(&core, &format!("cpu-{kind}"), 1)).map(|all| all[all.len() - 1] - all[0]).sum()
    };
    let kinds = ["user", "system", "nice", "idle", "wait", "interrupt", "softirq", "steal"];
    let whole: f64 = kinds.iter().map(|kind| spent(kind)).sum();
    let busy = 100.0 * (1.0 - (spent("idle") + spent("wait")) / whole);
    assert_within("collectd: CPU busy", tile(&page, "cpu_percent", "avg"), busy, 2.0);
    if let (Some(df), true) = (df, tree.join("c/df-root").exists()) {
        assert_within("collectd and df: disk", cell(&page, "c", "disk_percent", "max"), df, 1.0);
    }
}

/// A program that is ended with the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn node_exporter_scraped_here_beside_our_own_sampler() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let started =
        Command::new("prometheus-node-exporter").arg(listen).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = started else { return eprintln!("skipped: there is no prometheus-node-exporter here") };
    let _exporter = Exporter(child);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the exporter does not listen");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let project = Project::new();
    let target = format!("web=http://127.0.0.1:{port}");
    project.run(["record", "--node", "own", "--interval", "1s", "--for", "8s", "--scrape", &target]).ok();
    let page = page(&project);
    let both = |metric: &str| (cell(&page, "web", metric, "avg"), cell(&page, "own", metric, "avg"));
    for (metric, off) in [("cpu_percent", 12.0), ("memory_percent", 1.5), ("load1", 1.0)] {
        let (exporter, own) = both(metric);
        assert_within(&format!("node_exporter and the own sampler: {metric}"), exporter, own, off);
    }
    // both take it of statvfs, and count as df does
    let (Some(df), (web, own)) =
        (df(&project), (cell(&page, "web", "disk_percent", "max"), cell(&page, "own", "disk_percent", "max")))
    else {
        return;
    };
    assert_within("node_exporter and df: disk", web, df, 1.0);
    assert_within("own sampler and df: disk", own, df, 1.0);
}
