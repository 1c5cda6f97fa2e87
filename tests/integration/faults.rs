//! A device that fails: reads, writes, syncs, truncations, opens and renames that return an error now and then (libfiu, which stands between the
//! program and the C library). What was acknowledged is there, a number is the right one or there is an error, and nobody panics.
#![cfg(target_os = "linux")]

use std::path::Path;

use super::harness::{Project, Run, figure};
use super::kill::{SAMPLES, big_csv, kills, promised, told, write_unsealed};

/// Where Debian's libfiu-dev and fiu-utils put what stands in between.
const PRELOAD: &str = "/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so";

/// What fails, and one time in how many.
struct Faults(&'static [(&'static str, f64)]);

/// A disk that takes writes badly.
const WRITES: Faults = Faults(&[
    ("posix/io/rw/pwrite", 0.01),
    ("posix/io/sync/fsync", 0.05),
    ("posix/io/sync/fdatasync", 0.05),
    ("posix/io/dir/ftruncate", 0.02),
]);
/// One that takes them badly now and then: an import writes much, and some are to come through.
const FEW_WRITES: Faults = Faults(&[("posix/io/rw/pwrite", 0.0002), ("posix/io/sync/*", 0.01)]);
/// One that gives badly what it holds.
const READS: Faults = Faults(&[("posix/io/rw/pread", 0.003), ("posix/io/oc/open", 0.02)]);
/// One that makes no new files.
const FILES: Faults = Faults(&[("posix/io/oc/open", 0.05), ("posix/io/dir/rename", 0.3), ("posix/io/rw/write", 0.02)]);

impl Faults {
    /// A second directory whose programs meet these; `None`, with a word, where libfiu is not installed.
    fn project(&self) -> Option<Project> {
        if !PRELOAD.split(' ').all(|library| Path::new(library).exists()) {
            eprintln!("skipped: faults of the device need libfiu (fiu-utils, libfiu-dev)");
            return None;
        }
        let enable: String =
            self.0.iter().map(|(name, p)| format!("enable_random name={name},probability={p}\n")).collect();
        Some(Project::new().variable("LD_PRELOAD", PRELOAD).variable("FIU_ENABLE", &enable))
    }
}

/// Ends well, or with one of the codes of an error that is told in one line; never by a panic.
#[track_caller]
fn ends_in_words(run: &Run) -> bool {
    let said = run.stderr();
    assert!(!said.contains("panicked"), "{said}");
    let code = run.exit();
    assert!(matches!(code, Some(0 | 1 | 4 | 5)), "exit {code:?}: {said}");
    if code != Some(0) {
        assert!(said.lines().any(|line| line.starts_with("error: ")), "{said}");
    }
    code == Some(0)
}

#[track_caller]
fn is_whole(project: &Project) {
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
}

#[test]
fn a_recorder_keeps_its_promises_on_a_device_that_fails() {
    let Some(faulty) = WRITES.project() else { return };
    let project = Project::new().with_small_cluster();
    let db = project.path("nodebook.db").to_string_lossy().into_owned();
    let (mut promises, mut outages) = (Vec::new(), 0);
    for _ in 0..kills() {
        let mut arguments =
            vec!["record", "--db", &db, "--interval", "100ms", "--for", "1500ms", "-v", "--node", "here"];
        let run = faulty.start(arguments.drain(..)).wait();
        ends_in_words(&run);
        outages += run.stderr().matches("nothing is recorded until").count();
        promises.extend(promised(&run.stderr()));
        is_whole(&project);
    }
    let query = "SELECT ts, count(*) AS n FROM samples WHERE node = 'here' GROUP BY ts";
    let rows = project.run(["sql", "--format", "json", query]).ok().json();
    let stored: std::collections::HashMap<i64, u64> =
        rows.as_array().unwrap().iter().map(|row| (row["ts"].as_i64().unwrap(), row["n"].as_u64().unwrap())).collect();
    for (at, samples) in &promises {
        let ms = chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
        assert_eq!(stored.get(&ms), Some(samples), "what was stored at {at} is not there");
    }
    figure(format_args!(
        "4 | faults of the device while recording | {} readings acknowledged, {outages} outages | 0 lost",
        promises.len()
    ));
    assert!(!promises.is_empty());
}

#[test]
fn an_import_on_a_device_that_fails_is_whole_or_can_be_done_again() {
    let Some(faulty) = FEW_WRITES.project() else { return };
    let project = Project::new().file("big.csv", big_csv()).with_small_cluster();
    std::fs::copy(project.path("nodebook.db"), project.path("before.db")).unwrap();
    project.run(["import", "--db", "whole.db", "big.csv"]).ok();
    let whole =
        project.run(["export", "--db", "whole.db", "--from", "1970-01-02", "--metric", "metric_*", "-o", "-"]).ok();
    let (db, csv) = (project.path("nodebook.db"), project.path("big.csv"));
    let mut failed = 0;
    for _ in 0..kills() {
        for name in project.names().iter().filter(|name| name.starts_with("nodebook.db")) {
            std::fs::remove_file(project.path(name)).unwrap();
        }
        std::fs::copy(project.path("before.db"), &db).unwrap();
        let run = faulty.run(["import", "--db", &db.to_string_lossy(), &csv.to_string_lossy()]);
        if !ends_in_words(&run) {
            failed += 1;
            is_whole(&project);
            project.run(["import", "big.csv"]).ok();
        }
        is_whole(&project);
        let there = project.run(["export", "--from", "1970-01-02", "--metric", "metric_*", "-o", "-"]).ok();
        assert!(there.stdout() == whole.stdout(), "not what an import without faults has stored");
    }
    figure(format_args!(
        "4 | faults of the device while importing | {} imports, {failed} failed and done again | 0 lost",
        kills()
    ));
}

#[test]
fn maintenance_on_a_device_that_fails_changes_no_number() {
    let Some(faulty) = WRITES.project() else { return };
    let project = Project::new();
    write_unsealed(&project.path("nodebook.db"));
    let before = told(&project, SAMPLES);
    let db = project.path("nodebook.db").to_string_lossy().into_owned();
    let mut failed = 0;
    for _ in 0..kills() {
        failed += u64::from(!ends_in_words(&faulty.run(["maintain", "--db", &db])));
        is_whole(&project);
        assert_eq!(told(&project, SAMPLES), before);
    }
    figure(format_args!(
        "4 | faults of the device while sealing | {} runs, {failed} failed | 0 numbers changed",
        kills()
    ));
}

#[test]
fn a_question_to_a_device_that_fails_has_the_right_answer_or_none() {
    let Some(faulty) = READS.project() else { return };
    let project = Project::new();
    write_unsealed(&project.path("nodebook.db"));
    project.run(["maintain"]).ok();
    let db = project.path("nodebook.db").to_string_lossy().into_owned();
    let questions: [&[&str]; 3] =
        [&["sql", "--format", "csv", SAMPLES], &["export", "--from", "1970-01-02", "-o", "-"], &["info", "--json"]];
    let mut failed = 0;
    for question in questions {
        let ask = |asked: &Project| asked.run(question.iter().copied().chain(["--db", &db]));
        let right = ask(&project).ok().stdout();
        for _ in 0..kills() {
            let run = ask(&faulty);
            if ends_in_words(&run) {
                assert!(run.stdout() == right, "another answer to {question:?}: {}", run.stderr());
            } else {
                failed += 1;
            }
        }
    }
    figure(format_args!(
        "4 | faults of the device while reading | {} questions, {failed} without an answer | 0 wrong",
        3 * kills()
    ));
}

#[test]
fn a_report_is_there_as_a_whole_or_not_at_all() {
    let Some(faulty) = FILES.project() else { return };
    let project = Project::new().with_small_cluster();
    let db = project.path("nodebook.db").to_string_lossy().into_owned();
    let mut failed = 0;
    for _ in 0..kills() {
        // The fault may meet the word that tells of it: of three runs in a row one is heard.
        let mut runs = (0..3).map(|_| faulty.run(["report", "--db", &db, "-o", "page.html"]));
        let run = runs
            .find(|run| run.exit() == Some(0) || !run.stderr().is_empty())
            .expect("a report that says how it ended");
        if ends_in_words(&run) {
            assert!(faulty.read("page.html").trim_end().ends_with("</html>"));
        } else {
            failed += 1;
            assert!(!faulty.path("page.html").exists(), "{}", run.stderr());
        }
        let _ = std::fs::remove_file(faulty.path("page.html"));
    }
    figure(format_args!(
        "4 | faults of the device while reporting | {} reports, {failed} failed | 0 half written",
        kills()
    ));
}
