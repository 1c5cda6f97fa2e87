//! A recorder that runs and runs, and one that is fed labels which never repeat: memory and descriptors.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::harness::{Project, figure};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    kib: u64,
    descriptors: usize,
}

fn held(pid: u32) -> Held {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib = line.trim().trim_end_matches(" kB").parse().unwrap();
    Held { kib, descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() }
}

/// Seconds that are watched; `NODEBOOK_TEST_SECONDS` says another number.
fn seconds() -> u64 {
    std::env::var("NODEBOOK_TEST_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(30)
}

/// Ten readings a second: an hour of the usual interval in six minutes. The first half fills what is filled once (the page cache, the names).
#[test]
fn memory_and_descriptors_stay_what_they_are() {
    let project = Project::new();
    let mut running = project.start(["record", "--interval", "100ms"]);
    running.stderr_until(|text| text.contains("recording "));
    let half = Duration::from_secs(seconds()) / 2;
    std::thread::sleep(half);
    let (warm, before) = (held(running.pid()), Instant::now());
    let mut most = warm;
    while before.elapsed() < half {
        std::thread::sleep(Duration::from_millis(250));
        let now = held(running.pid());
        most = Held { kib: most.kib.max(now.kib), descriptors: most.descriptors.max(now.descriptors) };
    }
    running.signal("TERM");
    running.wait().ok();
    let readings = project.sql("SELECT count(DISTINCT ts) FROM samples").as_u64().unwrap();
    figure(format_args!(
        "15 | a recorder at 100 ms for {} s | {readings} readings | {} KiB and {} descriptors half way, {} and {} at most after",
        2 * half.as_secs(),
        warm.kib,
        warm.descriptors,
        most.kib,
        most.descriptors
    ));
    assert!(most.descriptors <= warm.descriptors + 2, "{warm:?} {most:?}");
    assert!(most.kib <= warm.kib + (4 << 10), "{warm:?} {most:?}");
    assert!(most.kib < 64 << 10, "{most:?}");
}

/// A target with 5,000 new series in each page, whose pages before are never seen again, beside one that behaves.
#[test]
fn labels_that_never_repeat_cost_bounded_memory() {
    const LINES: u64 = 5_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (page, stream) in listener.incoming().flatten().enumerate() {
            let mut requests = BufReader::new(stream.try_clone().unwrap());
            let mut stream = stream;
            for scrape in 0.. {
                let mut line = String::new();
                while requests.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let mut body = String::new();
                for n in 0..LINES {
                    writeln!(body, "requests_total{{id=\"{page}-{scrape}-{n}\"}} 1").unwrap();
                }
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
                if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
                    break;
                }
            }
        }
    });
    let project = Project::new();
    let url = format!("explodes=http://{address}");
    let mut running = project.start(["record", "--interval", "500ms", "--scrape", &url]);
    running.stderr_until(|text| text.contains("recording "));
    let (mut most, until) = (0, Instant::now() + Duration::from_secs(12));
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        most = most.max(held(running.pid()).kib);
    }
    running.signal("TERM");
    running.wait().ok();
    let series = project.sql("SELECT count(*) FROM series").as_u64().unwrap();
    let readings = "SELECT count(DISTINCT ts) FROM samples WHERE node != 'explodes'";
    let readings = project.sql(readings).as_u64().unwrap();
    let mib = most >> 10;
    figure(format_args!(
        "9 | a target with {LINES} new series a page | {series} series in 12 s, {readings} readings beside it | {mib} MiB at most"
    ));
    assert!(series > 5 * LINES, "{series}");
    assert!(readings >= 20, "{readings}: the machine itself is read meanwhile");
    assert!(mib < 512, "{mib} MiB");
    let said = project.run(["info"]).ok().stdout();
    assert!(said.contains("explodes") || said.contains("series"), "{said}");
}
