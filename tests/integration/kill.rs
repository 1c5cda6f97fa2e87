//! `kill -9` while recording, importing, sealing, merging, pruning, migrating: nothing that was acknowledged is lost, nothing is there twice, and the
//! file opens at once.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use nodebook::model::{Batch, Labels, MetricName, NodeName, Sample, SeriesKey, Timestamp};
use nodebook::store::{OnConflict, Store, StoreOptions};

use super::harness::{Project, Run, SMALL_START_MS, figure};

/// What is killed.
const PHASES: u64 = 5;

/// Kills of each phase; of all together NODEBOOK_TEST_KILLS says how many.
pub fn kills() -> u64 {
    let all = std::env::var("NODEBOOK_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    all.unwrap_or(30u64).div_ceil(PHASES)
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
    figure(format_args!(
        "1 | kill -9 while recording | {} kills, {} readings acknowledged | 0 lost",
        kills(),
        promises.len()
    ));
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
    assert!(out("whole.db") == out("nodebook.db"), "killed many times and never killed are the same in the end");
    figure(format_args!(
        "1 | kill -9 while importing | {} kills of an import of {BIG_SAMPLES} samples | 0 lost, 0 doubled",
        kills()
    ));
}

const BIG_SAMPLES: u64 = 40 * 5 * 1_000;

/// 200,000 samples that do not compress to nothing.
pub fn big_csv() -> String {
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

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Of each series: what waits in the head, every sample later than the last; and those before that lie where chunks do.
const SEALED: i64 = 2 * DAY_MS / 30_000;
const WAITING: i64 = 5 * HOUR_MS / 30_000;
const LATE: i64 = 200;
const SERIES: i64 = 20;

/// Two days that are sealed, five hours that are not, and late samples of both days.
pub fn write_unsealed(path: &Path) {
    let mut store = Store::open(path, StoreOptions::default()).unwrap();
    let key = |n: i64| SeriesKey {
        node: NodeName::new(&format!("db-{n}")).unwrap(),
        metric: MetricName::new("load1").unwrap(),
        labels: Labels::default(),
    };
    let at = |ms: i64| Timestamp::from_millis(SMALL_START_MS + ms);
    let mut bulk = store.bulk();
    for n in 0..SERIES {
        let id = bulk.series(&key(n), None).unwrap();
        (0..SEALED).for_each(|i| bulk.push(id, at(i * 30_000), (i * n % 977) as f64 / 4.0).unwrap());
    }
    bulk.finish().unwrap();
    let mut batch = Batch::default();
    for n in 0..SERIES {
        let waiting = (SEALED..SEALED + WAITING).map(|i| i * 30_000);
        for ms in waiting.chain((0..LATE).map(|i| i * 840_000 + 7)) {
            batch.push(key(n), None, Sample { ts: at(ms), value: (ms % 1009) as f64 });
        }
    }
    store.append(&batch, OnConflict::Keep).unwrap();
    store.close().unwrap();
}

/// All samples, told so that one which is lost, doubled or changed shows.
pub const SAMPLES: &str =
    "SELECT series_id, count(*), count(DISTINCT ts), min(ts), max(ts), sum(ts), sum(value), sum(value * (ts % 1013))
                       FROM samples GROUP BY 1 ORDER BY 1";
const DAYS: &str = "SELECT series_id, t, count, sum, min, max, first, last FROM rollup_1d ORDER BY 1, 2";

pub fn told(project: &Project, query: &str) -> String {
    project.run(["sql", "--format", "csv", query]).ok().stdout()
}

/// Kills `maintain` of a copy of `whole.db` at any moment, over and over; `check` looks at what is left, and at the end once more.
fn kill_maintenance(project: &Project, what: &str, seed: u64, check: impl Fn()) {
    let mut dice = Dice(seed);
    let copy = || {
        for name in project.names().iter().filter(|name| name.starts_with("nodebook.db")) {
            std::fs::remove_file(project.path(name)).unwrap();
        }
        std::fs::copy(project.path("whole.db"), project.path("nodebook.db")).unwrap();
    };
    copy();
    let started = Instant::now();
    project.run(["maintain"]).ok();
    let took = started.elapsed().as_micros() as u64;
    let mut cut_short = 0;
    for round in 0..kills() {
        // Every other one goes on with what the last kill has left.
        if round % 2 == 0 {
            copy();
        }
        let running = project.start(["maintain", "--json"]); // which says what it did at its end
        std::thread::sleep(Duration::from_micros(dice.below(took + took / 10)));
        cut_short += u64::from(running.kill().stdout_bytes().is_empty());
        opens_at_once_and_is_whole(project);
        check();
    }
    project.run(["maintain"]).ok();
    opens_at_once_and_is_whole(project);
    check();
    figure(format_args!(
        "1 | kill -9 while {what} | {} kills, {cut_short} before the end | 0 lost, 0 doubled",
        kills()
    ));
}

#[test]
fn a_seal_and_a_merge_that_are_killed_lose_and_double_nothing() {
    let project = Project::new();
    write_unsealed(&project.path("whole.db"));
    std::fs::copy(project.path("whole.db"), project.path("nodebook.db")).unwrap();
    let before = told(&project, SAMPLES);
    let expected = SEALED + WAITING + LATE;
    assert!(before.lines().skip(1).all(|line| line.split(',').nth(2) == Some(&expected.to_string())), "{before}");
    kill_maintenance(&project, "sealing and merging", 7, || assert_eq!(told(&project, SAMPLES), before));
    // Sealed and merged in the end: nothing late is left in the head.
    assert_eq!(project.sql("SELECT count(*) FROM sample WHERE ts % 30000 = 7"), 0);
}

#[test]
fn a_prune_that_is_killed_loses_what_it_may_and_nothing_else() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    // The first of the two days goes.
    let age = (now - SMALL_START_MS - DAY_MS) / HOUR_MS;
    let config = format!("db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"{age}h\"\n");
    let project = Project::new();
    write_unsealed(&project.path("whole.db"));
    // Sealed before, so that only the prune is killed; days as they are with all samples there.
    project.run(["maintain", "--db", "whole.db"]).ok();
    std::fs::copy(project.path("whole.db"), project.path("nodebook.db")).unwrap();
    project.write("nodebook.toml", config);
    let days = told(&project, DAYS);
    let kept = SMALL_START_MS + DAY_MS + HOUR_MS;
    let kept_samples = SAMPLES.replace("GROUP BY", &format!("WHERE ts >= {kept} GROUP BY"));
    let young = told(&project, &kept_samples);
    kill_maintenance(&project, "pruning", 8, || {
        assert_eq!(told(&project, DAYS), days, "a rollup outlives its samples");
        assert_eq!(told(&project, &kept_samples), young);
    });
    assert!(project.sql("SELECT min(ts) FROM samples").as_i64().unwrap() > SMALL_START_MS + DAY_MS / 2);
}

#[test]
fn a_migration_that_is_killed_is_done_or_not_begun() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/schema-1.db");
    let project = Project::new().file("whole.db", std::fs::read(&kept).unwrap());
    std::fs::copy(project.path("whole.db"), project.path("nodebook.db")).unwrap();
    let samples = told(&project, SAMPLES);
    kill_maintenance(&project, "migrating", 9, || assert_eq!(told(&project, SAMPLES), samples));
    assert!(project.run(["info", "--json"]).ok().json()["schema"].as_u64().unwrap() > 1);
}

/// Message-IDs that a mail server has taken.
fn arrived(server: &super::smtp::Server) -> Vec<String> {
    server.received().iter().map(|(mail, _)| super::smtp::header(mail, "Message-ID").to_owned()).collect()
}

#[test]
fn a_batch_that_is_killed_loses_no_mail_and_sends_none_twice() {
    let mut dice = Dice(4);
    let Some(server) = super::smtp::Server::start() else { return };
    let batch = "each = 'node'\nto = ['{part}@example.org']\noutput = 'out/{part}-{from}.html'\nrange = '2026-01-05T00:00..2026-01-05T01:00'";
    let project = super::smtp::project(&server.settings(), batch);
    let run = |at: u64| {
        let from = Instant::now();
        project.run(["batch", "hourly", "--at", &(SMALL_START_MS as u64 + at).to_string()]).ok();
        from.elapsed().as_millis() as u64
    };
    let took = run(3_600_000);
    let (mut sent, mut unsure) = (3, 0);
    for round in 1..=kills().div_ceil(2) {
        // A new moment each round: due runs of an hour of their own.
        let at = (SMALL_START_MS as u64 + 3_600_000 * (1 + round)).to_string();
        let running = project.start(["batch", "--due", "--at", &at]);
        std::thread::sleep(Duration::from_millis(dice.below(took + took / 5)));
        running.kill();
        // The next calls go on where it was.
        for _ in 0..2 {
            project.run(["batch", "--due", "--at", &at]);
        }
        let told = project.run(["batch", "--history", "--json"]).ok().json();
        let runs: Vec<&serde_json::Value> =
            told["runs"].as_array().unwrap().iter().filter(|run| run["occasion"] == "schedule").take(3).collect();
        assert_eq!(runs.len(), 3, "round {round}: {told}");
        for run in runs {
            match run["state"].as_str().unwrap() {
                "sent" => sent += 1,
                "failed" if run["note"].as_str().unwrap().contains("interrupted while it was being sent") => {
                    unsure += 1
                }
                other => panic!("round {round}: {other}: {run}"),
            }
            assert!(std::path::Path::new(run["output"].as_str().unwrap()).exists(), "{run}");
        }
        let mails = arrived(&server);
        let once: std::collections::BTreeSet<&String> = mails.iter().collect();
        assert_eq!(once.len(), mails.len(), "round {round}: a mail was sent twice");
        assert!(
            (sent..=sent + unsure).contains(&mails.len()),
            "round {round}: {} mails, {sent} sent, {unsure} unsure",
            mails.len()
        );
    }
    let kills = kills().div_ceil(2);
    opens_at_once_and_is_whole(&project);
    figure(format_args!(
        "16 | kill -9 while mailing | {kills} kills, {sent} sent, {unsure} told as not known to have arrived | 0 twice"
    ));
}
