//! Scraping: targets as they should be, as they should not, and a real exporter.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Project, figure};

/// Answers on loopback, each path in its own way, until the test is over.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::Builder::new().stack_size(128 << 10).spawn(move || serve(&stream)).unwrap();
        }
    });
    format!("http://{address}")
}

/// A place where everybody connects and nobody answers.
fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// One connection, kept; its end is the other side's.
fn serve(stream: &TcpStream) -> Option<()> {
    let mut requests = BufReader::new(stream.try_clone().ok()?);
    for scrape in 1.. {
        let mut first = String::new();
        requests.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let mut header = String::new();
        while requests.read_line(&mut header).ok()? > 2 {
            header.clear();
        }
        answer(first.split(' ').nth(1)?, scrape, stream)?;
    }
    None
}

fn answer(path: &str, scrape: u64, mut stream: &TcpStream) -> Option<()> {
    let mut send = |status: &str, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).ok()
    };
    let text = "Content-Type: text/plain; version=0.0.4\r\n";
    match path {
        "/html" => send("200 OK", "Content-Type: text/html\r\n", b"<h1>Metrics</h1>"),
        "/broken" => send("500 Internal Server Error", text, b"out of order"),
        "/away" => send("302 Found", "Location: http://169.254.169.254/latest/meta-data\r\n", b""),
        "/cut" => send("200 OK", "Content-Type: application/openmetrics-text\r\n", b"a 1\n"),
        "/labels" => {
            let long = "x".repeat(100_000);
            send("200 OK", text, format!("good 1\nlong{{l=\"{long}\"}} 2\n").as_bytes())
        }
        "/bomb" => {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            (0..200).for_each(|_| packed.write_all(&vec![b'a'; 1 << 20]).unwrap());
            send("200 OK", &format!("{text}Content-Encoding: gzip\r\n"), &packed.finish().unwrap())
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").ok()?;
            let line = b"endless 1\n".repeat(6_000);
            while stream.write_all(&line).is_ok() {}
            None
        }
        "/stalls" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstalls ").ok()?;
            let _ = BufReader::new(stream).read_line(&mut String::new()); // until the other side has had enough
            None
        }
        _ => send(
            "200 OK",
            text,
            format!("# TYPE scrapes_total counter\nscrapes_total {scrape}\nnode_load1 0.5\n").as_bytes(),
        ),
    }
}

/// As many lines of a target's samples have been said.
fn stored(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("stored ")).count()
}

fn rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_target_that_misbehaves_fails_alone() {
    let (url, (_silent, silent)) = (server(), silence());
    let bad = ["html", "broken", "away", "cut", "bomb", "endless", "stalls"];
    let mut config = String::from("[record]\ninterval = '500ms'\n");
    for path in bad.iter().chain(&["labels", "good"]) {
        writeln!(config, "[[record.target]]\nurl = '{url}/{path}'\nnode = '{path}'").unwrap();
    }
    writeln!(config, "[[record.target]]\nurl = '{silent}'\nnode = 'hangs'").unwrap();
    writeln!(config, "[[record.target]]\nurl = 'http://127.0.0.1:1'\nnode = 'gone'").unwrap();
    let project = Project::new().file("nodebook.toml", config);
    let mut running = project.start(["record", "--no-host", "-v"]);
    let mut said = running.stderr_until(|text| stored(text) >= 60);
    assert!(rss_kib(running.pid()) < 400 << 10, "{} KiB", rss_kib(running.pid()));
    running.signal("TERM");
    let asked = Instant::now();
    said += &running.wait().ok().stderr();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(project.names(), ["nodebook.db", "nodebook.toml"]);

    let rows = "SELECT node, count(*) AS n, sum(value) AS up FROM samples WHERE metric = 'up' GROUP BY node";
    let rows = project.run(["sql", "--format", "json", rows]).ok().json();
    let of = |node: &str| {
        let row =
            rows.as_array().unwrap().iter().find(|row| row["node"] == node).unwrap_or_else(|| panic!("{node}: {rows}"));
        (row["n"].as_u64().unwrap(), row["up"].as_f64().unwrap())
    };
    for node in bad.iter().chain(&["hangs", "gone"]) {
        assert_eq!(of(node).1, 0.0, "{node}");
        let failed = project.sql(&format!("SELECT count(*) FROM samples WHERE node = '{node}' AND metric NOT IN ('up', 'scrape_duration_seconds', 'scrape_samples_scraped')"));
        assert_eq!(failed, 0, "{node}: what is not whole is not taken");
    }
    for node in ["good", "labels"] {
        let (scrapes, up) = of(node);
        assert!(scrapes >= 4 && up == scrapes as f64, "{node}: {rows}");
    }
    assert!(
        project
            .sql("SELECT max(value) FROM samples WHERE node = 'good' AND metric = 'scrapes_total'")
            .as_f64()
            .unwrap()
            >= 4.0
    );
    let once = |what: &str| assert_eq!(said.lines().filter(|line| line.contains(what)).count(), 1, "{what}:\n{said}");
    once("/html: answers with text/html, which is no page of metrics");
    once("/broken: answers 500 out of order");
    once("/away: redirects to http://169.254.169.254/latest/meta-data: that is another host");
    once("/cut: the page breaks the rules of OpenMetrics, line 2: the page does not end with # EOF");
    once("/labels: a line is not taken, line 2: column 1: the label value has 100000 bytes, the limit is 4096");
    once("http://127.0.0.1:1/metrics: cannot be reached: nobody listens there");
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    figure(format_args!(
        "10 | targets that are HTML, an error, a redirect, cut, a bomb, endless, stalling, hanging, gone | {} scrapes of a good one beside them | each fails alone, said once",
        of("good").0
    ));
    figure(format_args!(
        "9 | a label of 100,000 bytes | {} scrapes | its line is left out, said once, the others taken",
        of("labels").0
    ));
}

/// Half of a thousand targets hang: each of the others is scraped at every moment of its own.
#[test]
fn of_a_thousand_targets_those_that_hang_make_no_other_late() {
    let (url, (_silent, silent)) = (server(), silence());
    let mut config = String::from("[record]\ninterval = '3s'\n");
    for n in 0..500 {
        writeln!(config, "[[record.target]]\nurl = '{url}/good/{n}'\nnode = 'good-{n}'").unwrap();
        writeln!(config, "[[record.target]]\nurl = '{silent}/{n}'\nnode = 'hangs-{n}'").unwrap();
    }
    let project = Project::new().file("nodebook.toml", config);
    let said = project.run(["record", "--no-host", "--for", "10s", "-v"]).ok().stderr();
    let lateness = said.lines().find(|line| line.contains("scrapes began")).unwrap();
    figure(format_args!("10 | scraping 1,000 targets, half of them hanging | 10 s at 3 s | {lateness}"));
    let scrapes = "SELECT node, count(*) AS n FROM samples WHERE metric = 'up' AND value = 1 GROUP BY node";
    let query = format!("SELECT count(*) * 1000 + min(n) FROM ({scrapes})");
    assert_eq!(
        project.sql(&query),
        500 * 1_000 + 3,
        "500 targets answer, and the least of them three times: {lateness}"
    );
}

#[test]
fn the_targets_are_read_again_and_who_stays_does_not_notice() {
    let url = server();
    let target = |node: &str| format!("[[record.target]]\nurl = '{url}/{node}'\nnode = '{node}'\n");
    let config = |nodes: &[&str]| {
        nodes.iter().fold("[record]\ninterval = '200ms'\n".to_owned(), |text, node| text + &target(node))
    };
    let project = Project::new().file("nodebook.toml", config(&["stays", "goes"]));
    let mut running = project.start(["record", "--no-host", "-v"]);
    running.stderr_until(|text| stored(text) >= 6);
    project.write("nodebook.toml", config(&["stays", "comes"]));
    running.signal("HUP");
    running.stderr_until(|text| text.contains("the targets were read again: 2 targets from now on; all else"));
    running.stderr_until(|text| stored(text) >= 6);
    project.write("nodebook.toml", "[[record.target]]\nurl = 'ftp://x'\n");
    running.signal("HUP");
    let said = running.stderr_until(|text| text.contains("the targets stay as they were"));
    assert!(
        said.contains("nodebook.toml, line 2: `ftp://x/metrics` is not an address: it begins with http:// or https://"),
        "{said}"
    );
    running.stderr_until(|text| stored(text) >= 6);
    running.signal("TERM");
    running.wait().ok();
    project.write("nodebook.toml", "");
    let gaps = "SELECT count(*) FROM (SELECT ts - lag(ts) OVER (ORDER BY ts) AS d FROM samples WHERE node = 'stays' AND metric = 'up') WHERE d != 200";
    assert_eq!(project.sql(gaps), 0, "a beat was lost");
    let last = |node: &str| {
        project.sql(&format!(
            "SELECT value FROM samples WHERE node = '{node}' AND metric = 'node_load1' ORDER BY ts DESC LIMIT 1"
        ))
    };
    assert!(last("goes").is_null(), "its series have ended");
    assert_eq!((last("stays"), last("comes")), (0.5.into(), 0.5.into()));
}

/// A program that is ended with the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_real_node_exporter_needs_no_configuration() {
    let port = free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let started =
        Command::new("prometheus-node-exporter").arg(listen).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = started else { return println!("skipped: there is no prometheus-node-exporter here") };
    let _exporter = Exporter(child);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the exporter does not listen");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let project = Project::new();
    let target = format!("web=http://127.0.0.1:{port}");
    project
        .run(["record", "--no-host", "--interval", "500ms", "--for", "5s", "--scrape", &target, "--report", "r.html"])
        .ok();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total_kib: f64 = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    let recorded =
        project.sql("SELECT max(value) FROM samples WHERE metric = 'node_memory_MemTotal_bytes' AND node = 'web'");
    assert_eq!(recorded.as_f64().unwrap(), total_kib * 1_024.0);
    for shown in [
        "cpu_percent",
        "memory_percent",
        "disk_percent",
        "disk_read_bytes_per_second",
        "net_receive_bytes_per_second",
        "load1",
    ] {
        project.run(["plot", shown, "-o", &format!("{shown}.json")]).ok();
    }
    assert!(project.read("r.html").contains("web"));
}
