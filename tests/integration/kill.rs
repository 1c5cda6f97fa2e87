//! `kill -9`: nothing that was acknowledged is lost, the file opens at once.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use super::harness::{Project, Run, SMALL_START_MS};

/// Kills a test makes; a longer run may ask for more by NODEBOOK_TEST_KILLS.
fn kills() -> u64 {
    std::env::var("NODEBOOK_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// Small numbers that look random and are the same every time.
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0, below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// `stored N samples at T` is said after the commit: what a recorder has promised.
pub fn promised(text: &str) -> Vec<(String, u64)> {
    text.lines()
        .filter_map(|line| {
            let (samples, at) = line.strip_prefix("stored ")?.split_once(" samples at ")?;
            // The last line may be cut in the middle: it was not heard.
            at.ends_with('Z').then(|| Some((at.to_owned(), samples.parse().ok()?)))?
        })
        .collect()
}

#[track_caller]
fn opens_at_once_and_is_whole(project: &Project) {
    let from = Instant::now();
    project.run(["info"]).ok();
    assert!(from.elapsed() < Duration::from_secs(2), "opening took {:?}", from.elapsed());
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
}

#[test]
fn a_recorder_that_is_killed_keeps_every_promise() {
    let mut dice = Dice(1);
    let project = Project::new();
    let mut promises: Vec<(String, u64)> = Vec::new();
    for _ in 0..kills() {
        let mut running = project.start(["record", "--interval", "100ms", "-v", "--node", "here"]);
        let wanted = 1 + dice.below(3) as usize;
        let seen = running.stderr_until(|text| promised(text).len() >= wanted);
        std::thread::sleep(Duration::from_millis(dice.below(110)));
        let rest: Run = running.kill();
        promises.extend(promised(&(seen + &rest.stderr())));
        project.run(["info"]).ok();
    }
    opens_at_once_and_is_whole(&project);
    let rows =
        project.run(["sql", "--format", "json", "SELECT ts, count(*) AS n FROM samples GROUP BY ts"]).ok().json();
    let stored: std::collections::HashMap<i64, u64> =
        rows.as_array().unwrap().iter().map(|row| (row["ts"].as_i64().unwrap(), row["n"].as_u64().unwrap())).collect();
    assert!(promises.len() as u64 >= kills());
    for (at, samples) in &promises {
        let ms = chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
        assert_eq!(stored.get(&ms), Some(samples), "what was stored at {at} is not there");
    }
    // Nothing twice either: the grid has at most one reading that nobody heard of a kill.
    assert!(stored.len() <= promises.len() + kills() as usize);
}

#[test]
fn an_import_that_is_killed_can_be_done_again() {
    let mut dice = Dice(2);
    let project = Project::new().file("big.csv", big_csv());
    let whole = Instant::now();
    let told = project.run(["import", "--json", "--db", "whole.db", "big.csv"]).ok().json();
    let took = whole.elapsed().as_millis() as u64;
    for round in 0..kills() {
        let running = project.start(["import", "--json", "big.csv"]);
        std::thread::sleep(Duration::from_millis(dice.below(took + took / 5)));
        let run = running.kill();
        let acknowledged = !run.stdout_bytes().is_empty();
        if project.path("nodebook.db").exists() {
            opens_at_once_and_is_whole(&project);
            let stored = project.run(["info", "--json"]).ok().json()["samples"].as_u64().unwrap();
            assert!(!acknowledged || stored == BIG_SAMPLES, "round {round}: {stored} of {BIG_SAMPLES} acknowledged");
        }
        if dice.below(3) == 0 {
            // From the start again: kills of a first import and of one that finds most of it there are different.
            for name in project.names().iter().filter(|name| name.starts_with("nodebook.db")) {
                std::fs::remove_file(project.path(name)).unwrap();
            }
        }
    }
    let again = project.run(["import", "--json", "big.csv"]).ok().json();
    assert_eq!(again["samples"], told["samples"]);
    let out = |db: &str| project.run(["export", "--db", db, "--from", "1970-01-02", "-o", "-"]).ok().stdout();
    assert!(out("whole.db") == out("nodebook.db"), "killed twenty times and never killed are the same in the end");
}

const BIG_SAMPLES: u64 = 40 * 5 * 1_000;

/// 200,000 samples that do not compress to nothing.
fn big_csv() -> String {
    let mut dice = Dice(3);
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..1_000 {
        for node in 0..40 {
            for metric in 0..5 {
                let ts = SMALL_START_MS + i * 10_000;
                csv += &format!("{ts},node-{node},metric_{metric},{}\n", dice.below(1_000_000) as f64 / 100.0);
            }
        }
    }
    csv
}
