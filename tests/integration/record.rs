//! Recording this machine: signals, a second recorder, a full disk.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use super::harness::{Project, Running, figure};
use super::web::Web;

fn recorder(project: &Project) -> Running {
    project.start(["record", "--interval", "100ms", "-v"])
}

fn stored(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("stored ")).count()
}

#[test]
fn a_signal_ends_it_with_one_whole_file() {
    let mut longest = Duration::ZERO;
    for signal in ["TERM", "INT"] {
        let project = Project::new();
        let mut running = recorder(&project);
        running.stderr_until(|text| stored(text) >= 3);
        running.signal(signal);
        let asked = Instant::now();
        running.wait().ok();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
        longest = longest.max(took);
        assert_eq!(project.names(), ["nodebook.db"], "{signal}");
        assert!(project.sql("SELECT count(DISTINCT ts) FROM samples").as_u64().unwrap() >= 3);
    }
    let ms = longest.as_millis();
    figure(format_args!(
        "11 | SIGTERM, SIGINT while recording | 2 signals, the slower end after {ms} ms | one file left"
    ));
}

#[test]
fn a_second_recorder_is_refused_with_the_pid_and_readers_are_not() {
    let project = Project::new();
    let mut running = recorder(&project);
    running.stderr_until(|text| stored(text) >= 2);
    for command in [&["record", "--for", "1s"][..], &["import", "-"], &["maintain"]] {
        let said = project.run(command).fails(5);
        assert!(said.contains(&running.pid().to_string()), "{said}");
    }
    assert!(project.sql("SELECT count(*) FROM samples").as_u64().unwrap() > 0);
    assert_eq!(project.run(["maintain", "--dry-run", "--json"]).ok().json()["dry_run"], true, "planning only reads");
    project.run(["report", "-o", "a.html"]).ok();
    project.run(["check"]).ok();
    running.signal("TERM");
    running.wait().ok();
    figure(format_args!(
        "12 | a second recorder, import, maintain beside a recorder | 3 writers | each refused, with its pid"
    ));
}

/// Whoever reads never keeps the writer waiting: no reading is left out while reports are made side by side without a pause.
#[test]
fn many_readers_cost_the_recorder_no_reading() {
    const READERS: usize = 8;
    let project = Project::new();
    let mut running = project.start(["record", "--interval", "500ms", "-v"]);
    running.stderr_until(|text| stored(text) >= 2);
    let until = Instant::now() + Duration::from_secs(10);
    let reports: usize = std::thread::scope(|scope| {
        let read = |reader: usize| {
            let project = &project;
            move || {
                let page = format!("{reader}.html");
                let mut reports = 0;
                while Instant::now() < until {
                    project.run(["report", "-q", "--last", "1h", "-o", &page]).ok();
                    reports += 1;
                }
                reports
            }
        };
        let readers: Vec<_> = (0..READERS).map(|reader| scope.spawn(read(reader))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    running.signal("TERM");
    let said = running.wait().ok().stderr();
    assert!(!said.contains("nothing is recorded") && !said.contains("missed"), "{said}");
    let gaps = "SELECT max(d), count(*) FROM (SELECT ts - lag(ts) OVER (ORDER BY ts) AS d FROM (SELECT DISTINCT ts FROM samples)) WHERE d IS NOT NULL";
    let gaps = project.run(["sql", "--format", "json", gaps]).ok().json();
    let longest = gaps[0]["max(d)"].as_i64().unwrap();
    figure(format_args!(
        "12 | {READERS} readers beside a recorder at 500 ms | {reports} reports, {} readings | {longest} ms between two at most",
        gaps[0]["count(*)"]
    ));
    assert!(longest < 1_000, "a reading is missing: {gaps}");
}

/// A deploy hook notes what it does while the recorder runs.
#[test]
fn an_event_is_noted_while_a_recorder_writes_and_neither_loses_anything() {
    let project = Project::new();
    let mut running = recorder(&project);
    running.stderr_until(|text| stored(text) >= 2);
    for n in 0..5 {
        project.run(["annotate", &format!("deploy {n}")]).ok();
    }
    let said = running.stderr_until(|text| stored(text) >= 3);
    assert!(!said.contains("nothing is recorded"), "{said}");
    project.run(["report", "-q", "-o", "a.html"]).ok();
    running.signal("TERM");
    running.wait().ok();
    assert_eq!(project.names(), ["a.html", "nodebook.db"]);
    assert!(project.read("a.html").contains("deploy 4"));
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    assert_eq!(project.sql("SELECT count(*) FROM annotation"), 5);
}

/// A recorder ended when another client held the file's lock for longer than SQLite waits.
#[test]
fn a_client_that_holds_the_lock_costs_readings_and_no_recorder() {
    let project = Project::new();
    let mut running = recorder(&project);
    running.stderr_until(|text| stored(text) >= 2);
    let client = rusqlite::Connection::open(project.path("nodebook.db")).unwrap();
    client.execute_batch("BEGIN IMMEDIATE").unwrap();
    let said = running.stderr_until(|text| text.contains("nothing is recorded"));
    assert!(said.contains("is busy: another program holds a lock on it"), "{said}");
    client.execute_batch("ROLLBACK").unwrap();
    let said = running.stderr_until(|text| text.contains("recording goes on at") && stored(text) >= 2);
    assert!(said.contains("the database can be written again"), "{said}");
    running.signal("TERM");
    running.wait().ok();
}

#[test]
fn it_stops_by_itself_and_says_what_it_did() {
    let project = Project::new();
    let run = project.run(["record", "--interval", "200ms", "--for", "1s", "--node", "here"]).ok();
    assert_eq!(run.stdout(), "");
    let said = run.stderr();
    assert!(said.contains("recording here into nodebook.db every 200ms for 1s"), "{said}");
    assert!(said.contains("recorded "), "{said}");
    let readings = project.sql("SELECT count(DISTINCT ts) FROM samples").as_u64().unwrap();
    assert!((4..=6).contains(&readings), "{readings} readings in a second at 200 ms");
    assert_eq!(project.run(["record", "-q", "--interval", "200ms", "--for", "400ms"]).ok().stderr(), "");
}

#[test]
fn recording_goes_on_in_a_file_that_is_there() {
    let project = Project::new().with_small_cluster();
    let before = project.sql("SELECT count(*) FROM samples").as_u64().unwrap();
    project.run(["record", "--interval", "100ms", "--for", "300ms"]).ok();
    assert!(project.sql("SELECT count(*) FROM samples").as_u64().unwrap() > before);
    let nodes = project.sql("SELECT count(*) FROM node").as_u64().unwrap();
    assert_eq!(nodes, 4);
}

#[test]
fn the_interval_comes_from_the_configuration_too() {
    let project = Project::new().file("nodebook.toml", "[record]\ninterval = '150ms'\n");
    let said = project.run(["record", "--for", "300ms"]).ok().stderr();
    assert!(said.contains("every 150ms"), "{said}");
}

#[test]
fn a_full_disk_is_said_once_and_recording_goes_on_when_there_is_room() {
    let project = Project::new();
    project.on_a_small_disk("size=4m", |disk| {
        let mut running = project.start(["record", "--interval", "100ms", "-v", "--db", "disk/a.db", "--node", "here"]);
        running.stderr_until(|text| stored(text) >= 2);
        super::harness::fill_up(disk);
        running.stderr_until(|text| text.contains("the disk is full"));
        // Readers are not kept out meanwhile.
        assert!(project.run(["info", "--json", "--db", "disk/a.db"]).ok().json()["samples"].as_u64().unwrap() > 0);
        std::fs::remove_file(disk.join("ballast")).unwrap();
        let said = running.stderr_until(|text| text.contains("there is room again") && stored(text) >= 2);
        assert!(!said.contains("the disk is full"), "it is said once: {said}");
        running.signal("TERM");
        running.wait().ok();
        assert_eq!(project.run(["check", "--json", "--db", "disk/a.db"]).ok().json()["ok"], true);
        let longest =
            "SELECT max(d) FROM (SELECT ts - lag(ts) OVER (ORDER BY ts) AS d FROM (SELECT DISTINCT ts FROM samples))";
        let gap = project.run(["sql", "--format", "json", "--db", "disk/a.db", longest]).ok().json();
        let gap = gap[0]["max(d)"].as_i64().unwrap();
        assert!(gap > 100, "the gap shows: {gap} ms");
        figure(format_args!(
            "3 | a full disk, then room again | said once, recording went on by itself | a gap of {gap} ms"
        ));
    });
}

#[test]
fn a_report_that_could_not_be_written_is_said_before_the_recording() {
    let project = Project::new();
    let said = project.run(["record", "--for", "8h", "--report", "no/such/dir/a.html"]).fails(1);
    insta::assert_snapshot!(said, @"error: no/such/dir: no such directory: make it first");
    let said = project.run(["record", "--for", "8h", "--report", "a.docx"]).fails(2);
    insta::assert_snapshot!(said, @"error: a.docx: a report is written as .html, .pdf, .json or .eml");
    assert!(project.names().is_empty());
}

/// It was answered with 204, into a file that nobody could open any more.
#[test]
fn a_file_that_is_removed_while_it_is_recorded_ends_the_recorder_and_nothing_is_acknowledged() {
    let project = Project::new();
    let web = Web::start(&project, ["record", "--no-host", "--listen", "127.0.0.1:0"]);
    web.post("/write", &[], b"load value=1").is(204);
    std::fs::rename(project.path("nodebook.db"), project.path("moved.db")).unwrap();
    web.post("/write", &[], b"load value=2").is(503);
    let said = web.running.wait().code(1).stderr();
    assert!(said.contains("nodebook.db: was removed, renamed or replaced while it was written"), "{said}");
}
