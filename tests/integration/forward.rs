//! What is recorded is handed on to a real engine, whatever becomes of it meanwhile.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::EngineProcess;
use crate::harness::{Project, SMALL_SAMPLES, figure};
use crate::web::Web;

/// How long a catch-up may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The forwarder leaves what is younger alone.
const HOLD_MS: u64 = 2_000;

fn project(engine: &EngineProcess, path: &str) -> Project {
    let project = Project::new();
    project.write("nodebook.toml", format!("[record.forward]\nurl = \"{}{path}\"\n", engine.url()));
    project
}

fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// The samples up to a moment: their times and series, and their values.
fn samples(project: &Project, source: Option<&str>, to_ms: u64) -> BTreeMap<String, f64> {
    let to = to_ms.to_string();
    let mut arguments = vec!["export", "--from", "2026-01-01", "--to", &to, "--format", "csv", "-o", "-"];
    arguments.extend(source.map(|url| ["--source", url]).into_iter().flatten());
    let run = project.run(arguments);
    if source.is_some() && run.exit() != Some(0) {
        return BTreeMap::new();
    }
    let row = |line: &str| line.rsplit_once(',').map(|(key, value)| (key.to_owned(), value.parse().unwrap()));
    run.ok().stdout().lines().skip(1).filter_map(row).collect()
}

/// Waits until the engine has every sample of the file up to a moment; how many those are.
fn caught_up(project: &Project, engine: &EngineProcess, to_ms: u64) -> usize {
    let recorded = samples(project, None, to_ms);
    let start = Instant::now();
    loop {
        engine.get("/internal/force_flush");
        let there = samples(project, Some(&engine.url()), to_ms);
        // VictoriaMetrics keeps so many digits of the largest number among a few thousand.
        let is_there = |(key, value): &(&String, &f64)| {
            there.get(*key).is_some_and(|v| (v - **value).abs() <= 1e-9 * v.abs().max(1.0))
        };
        let missing: Vec<&String> = recorded.iter().filter(|sample| !is_there(sample)).map(|(key, _)| key).collect();
        if missing.is_empty() {
            return recorded.len();
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{} of {} samples are missing, such as {:?}",
            missing.len(),
            recorded.len(),
            &missing[..missing.len().min(5)]
        );
        thread::park_timeout(Duration::from_millis(500));
    }
}

/// A small generator of numbers: the same kills in every run of a seed.
fn chance(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn nothing_is_missing_however_often_the_engine_is_killed() {
    let kills: u64 = std::env::var("NODEBOOK_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let mut seed = std::env::var("NODEBOOK_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let data = tempfile::tempdir().unwrap();
    let Some(mut engine) = EngineProcess::victoria(data.path()) else { return };
    let project = project(&engine, "/api/v1/write");
    let mut recorder = project.start(["record", "--interval", "200ms"]);
    recorder.stderr_until(|text| text.contains("forwarding to"));
    for _ in 0..kills {
        thread::park_timeout(Duration::from_millis(1_500 + chance(&mut seed) % 4_000));
        engine.kill();
        thread::park_timeout(Duration::from_millis(chance(&mut seed) % 2_000));
        engine.start_again();
    }
    thread::park_timeout(Duration::from_millis(2 * HOLD_MS));
    let samples = caught_up(&project, &engine, now_ms() - HOLD_MS);
    figure(format_args!(
        "16 | kill -9 of the engine that is forwarded to | {kills} kills, {samples} samples | 0 missing"
    ));
    recorder.signal("TERM");
    let said = recorder.wait().ok().stderr();
    assert!(said.contains("the engine was started anew"), "{said}");
}

#[test]
fn what_is_stored_late_and_what_was_recorded_before_is_handed_on_too() {
    let data = tempfile::tempdir().unwrap();
    let Some(engine) = EngineProcess::victoria(data.path()) else { return };
    let project = project(&engine, "/api/v1/write");
    project.write("old.csv", "timestamp,node,metric,value\n2026-01-05T00:00:00Z,old,load1,1.5\n");
    project.run(["import", "old.csv"]).ok();
    project.run(["record", "--interval", "500ms", "--for", "6s"]).ok();
    project.write(
        "late.csv",
        "timestamp,node,metric,value\n2026-01-06T00:00:00Z,late,load1,2.5\n2026-01-05T00:00:01Z,old,load1,3\n",
    );
    project.run(["import", "late.csv"]).ok();
    let recorder = project.start(["record", "--interval", "500ms"]);
    let until = now_ms();
    assert!(caught_up(&project, &engine, until) > 100);
    let late = samples(&project, Some(&engine.url()), until);
    assert!(late["2026-01-06T00:00:00.000Z,late,load1,"] == 2.5 && late["2026-01-05T00:00:01.000Z,old,load1,"] == 3.0);
    assert!(project.run(["check", "--json"]).ok().json()["ok"].as_bool().unwrap());
    recorder.signal("TERM");
    recorder.wait().ok();
    // Whoever stops forwarding is not followed any more.
    project.write("nodebook.toml", "");
    project.run(["record", "--interval", "500ms", "--for", "1s"]).ok();
    assert_eq!(project.sql("SELECT count(*) FROM samples WHERE node = 'late'"), 1);
}

#[test]
fn of_two_engines_one_that_is_down_does_not_hold_up_the_other() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(first) = EngineProcess::victoria(one.path()) else { return };
    let Some(mut second) = EngineProcess::victoria(other.path()) else { return };
    second.kill();
    let project = Project::new();
    let section = |engine: &EngineProcess| format!("[[record.forward]]\nurl = \"{}/api/v1/write\"\n", engine.url());
    project.write("nodebook.toml", section(&first) + &section(&second));
    let mut web = Web::start(&project, ["record", "--interval", "500ms", "--listen", "127.0.0.1:0"]);
    let waits = format!("warning: {}/api/v1/write: forwarding waits: ", second.url());
    web.running.stderr_until(|text| text.contains(&waits));
    // Late for the one that goes on; the other one has not even begun.
    web.post("/write", &[], b"load1,node=late value=2.5 1767657600000000000").is(204);
    let until = now_ms();
    assert!(caught_up(&project, &first, until) > 20);
    let page = web.get("/metrics").is(200).text();
    for (engine, up) in [(&first, 1), (&second, 0)] {
        let line = format!("nodebook_forward_up{{engine=\"{}/api/v1/write\"}} {up}\n", engine.url());
        assert!(page.contains(&line), "{page}");
    }
    assert_eq!(page.matches("# TYPE nodebook_forward_up ").count(), 1);
    second.start_again();
    web.running.stderr_until(|text| text.contains(&format!("{}/api/v1/write: forwarding goes on", second.url())));
    caught_up(&project, &second, until);
    let late =
        |engine: &EngineProcess| samples(&project, Some(&engine.url()), until)["2026-01-06T00:00:00.000Z,late,load1,"];
    assert_eq!((late(&first), late(&second)), (2.5, 2.5));
    figure(format_args!(
        "16 | of two engines one is down | 1 outage, said once | the other waits for nothing, 0 missing in either"
    ));
    web.running.signal("TERM");
    web.running.wait().ok();
    assert_eq!(project.sql("SELECT count(*) FROM forward_engine"), 2);

    project.write("nodebook.toml", section(&first) + &section(&first));
    let twice = project.run(["record", "--for", "1s"]).code(2).stderr();
    assert!(twice.contains(&format!("[[record.forward]] names {}/api/v1/write twice", first.url())), "{twice}");
    project.write("nodebook.toml", "[[record.forward]]\ntenant = \"a\"\n");
    let nowhere = project.run(["record", "--for", "1s"]).code(2).stderr();
    assert!(nowhere.contains("[record.forward] names no engine: give its url"), "{nowhere}");
}

#[test]
fn prometheus_takes_it_too() {
    let data = tempfile::tempdir().unwrap();
    let config = "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n";
    let Some(engine) = EngineProcess::prometheus(&data.path().join("p"), config) else { return };
    let project = project(&engine, "/api/v1/write");
    let recorder = project.start(["record", "--interval", "500ms"]);
    thread::park_timeout(Duration::from_secs(4));
    assert!(caught_up(&project, &engine, now_ms() - HOLD_MS) > 100);
    recorder.signal("TERM");
    let said = recorder.wait().ok().stderr();
    assert!(said.contains("forwarded ") && !said.contains("refused"), "{said}");
}

/// What was being sent held the state of the file from before, so that nothing of the log could be moved into it: it grew for as long as the engine was away.
#[test]
fn an_engine_that_is_away_does_not_make_the_log_grow() {
    let project = Project::new();
    let nobody = crate::engine::free_port();
    project.write("nodebook.toml", format!("[record.forward]\nurl = \"http://127.0.0.1:{nobody}/api/v1/write\"\n"));
    let mut web = Web::start(&project, ["record", "--no-host", "--interval", "1s", "--listen", "127.0.0.1:0"]);
    web.post("/write", &[], b"load value=1").is(204);
    web.running.stderr_until(|text| text.contains("forwarding waits: "));
    for round in 0..40 {
        let lines: Vec<String> = (0..5_000).map(|i| format!("m{},host=h{} value={round}", i % 100, i / 100)).collect();
        web.post("/write", &[], lines.join("\n").as_bytes()).is(204);
    }
    let log = project.bytes("nodebook.db-wal").len();
    web.running.signal("TERM");
    assert!(log < 6 << 20, "{log} bytes of log");
    web.running.wait().ok();
}

#[test]
fn what_was_not_forwarded_is_kept_beyond_its_age_and_not_beyond_the_size() {
    let project = Project::new().with_small_cluster();
    let nobody = crate::engine::free_port();
    let config = |rest: &str| {
        let url = format!("http://127.0.0.1:{nobody}/api/v1/write");
        project.write("nodebook.toml", format!("[record.forward]\nurl = \"{url}\"\n[retention]\n{rest}\n"));
    };
    let held = || project.sql("SELECT count(*) FROM samples").as_u64().unwrap();
    config("raw = \"1d\"");
    let mut web = Web::start(&project, ["record", "--no-host", "--interval", "100ms", "--listen", "127.0.0.1:0"]);
    web.running.stderr_until(|text| text.contains("forwarding waits: "));
    web.post("/write", &[], b"load value=1").is(204);
    let lag = || {
        let page = web.get("/metrics").is(200).text();
        let of = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        (of("nodebook_forward_up "), of("nodebook_forward_lag_seconds "), of("nodebook_forward_samples_total "))
    };
    let (up, behind, sent) = lag();
    assert_eq!((up, sent), (Some(0.0), Some(0.0)));
    assert!(behind > Some(86_400.0), "{behind:?}");
    web.running.signal("TERM");
    web.running.wait().ok();
    let said = project.run(["maintain"]).ok().stderr();
    let kept =
        format!("{SMALL_SAMPLES} samples are older than [retention] says and are kept until they were forwarded");
    assert!(said.contains(&kept), "{said}");
    assert_eq!(held(), SMALL_SAMPLES + 1);
    config("max_size = \"1B\"");
    let said = project.run(["maintain"]).ok().stderr();
    let lost = format!("up to {SMALL_SAMPLES} samples were pruned before they were forwarded, and never will be");
    assert!(said.contains(&lost), "{said}");
    assert_eq!(held(), 1);
}
