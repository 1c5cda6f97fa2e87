//! The wall clock jumps while a recorder runs (libfaketime, which stands between the program and the C library).
#![cfg(target_os = "linux")]

use std::path::Path;

use super::harness::{Project, Running, figure};
use super::kill::promised;

/// Where Debian's libfaketime puts itself.
const PRELOAD: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const HOUR_MS: i64 = 3_600_000;

/// A recorder whose wall clock is off by what `clock` says; the monotonic one is not. `None`, with a word, without libfaketime.
fn recorder(project: &Project) -> Option<Running> {
    if !Path::new(PRELOAD).exists() {
        eprintln!("skipped: clocks that jump need libfaketime");
        return None;
    }
    Some(project.start(["record", "--interval", "100ms", "-v", "--node", "here"]))
}

/// In an hour of its own, so that a second start finds no clock that is ahead.
fn project() -> Project {
    let project = Project::new().file("clock", "+0");
    let clock = project.path("clock").to_string_lossy().into_owned();
    project
        .variable("LD_PRELOAD", PRELOAD)
        .variable("FAKETIME_TIMESTAMP_FILE", &clock)
        .variable("FAKETIME_NO_CACHE", "1")
        .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// The clock is set, and what was said until `count` more readings were stored.
fn set(project: &Project, running: &mut Running, offset: &str, count: usize) -> String {
    project.write("next", offset);
    std::fs::rename(project.path("next"), project.path("clock")).unwrap();
    running.stderr_until(|text| promised(text).len() >= count)
}

#[test]
fn a_clock_that_jumps_overwrites_nothing_and_the_intervals_stay() {
    let project = project();
    let Some(mut running) = recorder(&project) else { return };
    let mut said = running.stderr_until(|text| promised(text).len() >= 5);
    for offset in ["-7200", "+0", "+7200", "+0"] {
        said += &set(&project, &mut running, offset, 6);
    }
    running.signal("TERM");
    said += &running.wait().ok().stderr();
    assert_eq!(said.matches("the clock went back by ").count(), 2, "{said}");
    assert_eq!(said.matches("ahead of where it should be: waiting for one more reading").count(), 2, "{said}");
    let promises = promised(&said);
    let query = "SELECT ts, count(*) AS n FROM samples GROUP BY ts ORDER BY ts";
    let rows = project.run(["sql", "--format", "json", query]).ok().json();
    let stored: Vec<(i64, u64)> =
        rows.as_array().unwrap().iter().map(|row| (row["ts"].as_i64().unwrap(), row["n"].as_u64().unwrap())).collect();
    assert_eq!(stored.len(), promises.len(), "every reading that was acknowledged, and no two in one");
    let mut told: Vec<(i64, u64)> = promises
        .iter()
        .map(|(at, n)| (chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis(), *n))
        .collect();
    told.sort_unstable();
    assert_eq!(stored, told);
    // Three stretches, two hours apart, in each the grid of the interval: a reading may be left out, none is between.
    let jumps = stored.windows(2).filter(|pair| pair[1].0 - pair[0].0 > HOUR_MS).count();
    assert_eq!(jumps, 2, "{stored:?}");
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    figure(format_args!(
        "6 | the clock two hours back and ahead, twice | {} readings acknowledged | 0 overwritten",
        told.len()
    ));
}

#[test]
fn a_clock_that_is_a_year_ahead_for_a_moment_is_not_believed() {
    let project = project();
    let Some(mut running) = recorder(&project) else { return };
    let mut said = running.stderr_until(|text| promised(text).len() >= 3);
    project.write("clock", "+400d");
    said += &running.stderr_until(|text| text.contains("waiting for one more reading"));
    said += &set(&project, &mut running, "+0", 3);
    running.signal("TERM");
    said += &running.wait().ok().stderr();
    let span = project.sql("SELECT max(ts) - min(ts) FROM samples").as_i64().unwrap();
    assert!(span < HOUR_MS || said.contains("the clock went back"), "{said}");
    figure(format_args!(
        "6 | the clock 400 days ahead for a moment | {} readings acknowledged | not believed",
        promised(&said).len()
    ));
}

#[test]
fn a_year_ahead_for_a_minute_does_not_move_what_is_looked_at() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let row = |ms: i64| format!("{ms},here,load1,1\n");
    let csv = format!("timestamp_ms,node,metric,value\n{}{}", row(now - 60_000), row(now + 9_000 * HOUR_MS));
    let project = Project::new().file("two.csv", csv);
    project.run(["import", "two.csv"]).ok();
    let run = project.run(["summary", "--format", "json"]).ok();
    assert!(run.stderr().contains("lie in the future"), "{}", run.stderr());
    assert_eq!(run.json()["metrics"][0]["count"], 1, "{}", run.stdout());
    let all = project.run(["summary", "--format", "json", "--from", "now-1d"]).ok();
    assert_eq!(all.json()["metrics"][0]["count"], 2, "{}", all.stdout());
}
