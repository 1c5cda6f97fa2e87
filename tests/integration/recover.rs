//! What is whole of a damaged file is kept, and what is not is named.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::process::Command;

use super::harness::Project;

const PAGE_BYTES: u64 = 2048;

/// Two days of three nodes a minute apart, and a metric of which only hours, days and their sketches are left.
fn recorded() -> Project {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[[retention.rule]]\nmetric = \"old_*\"\nraw = \"1d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..2 * 1440_i64 {
        let ts = 1_767_571_200_000 + i * 60_000;
        for n in 1..=3 {
            csv += &format!("{ts},db-{n},cpu_percent,{:.3}\n", noise(i * 3 + n));
        }
        csv += &format!("{ts},db-1,old_percent,{}\n", i % 100);
    }
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["annotate", "deploy", "--at", "2026-01-06"]).ok();
    project.run(["maintain"]).ok();
    project
}

/// A number without a pattern, so that a chunk takes the room a real one does.
fn noise(i: i64) -> f64 {
    let mixed = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29) % 99_991) as f64 / 1000.0
}

fn lines(project: &Project, arguments: &[&str]) -> BTreeSet<String> {
    project.run(arguments).ok().stdout().lines().map(str::to_owned).collect()
}

#[test]
fn of_a_damaged_file_all_the_rest_is_kept_and_the_loss_is_named() {
    let project = recorded();
    let export = ["export", "--from", "2026-01-05", "--to", "2026-01-07", "-o", "-"];
    let old = "SELECT t, count, sum, p50, p95, p99 FROM buckets('old_percent', NULL, NULL, NULL, '1h')";
    let (samples, pruned) = (lines(&project, &export), lines(&project, &["sql", "--format", "csv", old]));
    assert_eq!(pruned.len(), 1 + 48);

    // A page in the middle of one chunk's values.
    let page = "SELECT pageno FROM dbstat WHERE name = 'chunk' AND pagetype = 'overflow' ORDER BY pageno LIMIT 1";
    let page = project.sql(page).as_u64().unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(project.path("nodebook.db")).unwrap();
    file.seek(SeekFrom::Start((page - 1) * PAGE_BYTES + 700)).unwrap();
    file.write_all(&[0x55; 300]).unwrap();
    drop(file);

    project.run(export).code(5);
    let told = project.run(["check"]).code(5).stdout();
    let lost = told.lines().find(|line| line.contains("its samples are lost")).unwrap_or_else(|| panic!("{told}"));
    assert!(lost.contains("/cpu_percent from 2026-01-0") && lost.contains(" to 2026-01-0"), "{lost}");
    let series = lost.split(" from ").next().unwrap();
    let node = series.split('/').next().unwrap();

    let before = project.bytes("nodebook.db");
    let report = project.run(["check", "--recover", "kept.db"]).code(3);
    assert!(project.bytes("nodebook.db") == before, "the damaged file is left as it is");
    assert!(report.stdout().lines().any(|line| line.starts_with(&format!("{series} from 2026-01-0"))), "{report:?}");
    fs::rename(project.path("kept.db"), project.path("nodebook.db")).unwrap();
    project.run(["check"]).ok();
    let kept = lines(&project, &export);
    assert!(kept.is_subset(&samples), "nothing is invented");
    let gone: Vec<&String> = samples.difference(&kept).collect();
    assert_eq!(gone.len(), 2 * 1440, "one chunk, and no more");
    assert!(gone.iter().all(|line| line.contains(&format!(",{node},cpu_percent,"))), "only what was named");
    let days = format!("SELECT sum(count) FROM buckets('cpu_percent', '{node}', NULL, NULL, '1d')");
    assert_eq!(project.sql(&days), 2 * 1440, "its days are still told of");
    assert_eq!(lines(&project, &["sql", "--format", "csv", old]), pruned, "and what had outlived its samples");
    assert_eq!(project.sql("SELECT text FROM annotation"), "deploy");
    let event = "SELECT text || ' ' || iso(at) || ' ' || iso(until) FROM annotation ORDER BY id DESC";
    let (from, to) = ("2026-01-05T00:00:00.000Z", "2026-01-07T00:00:00.000Z");
    let noted = format!("recovered by nodebook check: samples of 1 series lost between {from} and {to} {from} {to}");
    assert_eq!(project.sql(event), noted, "whoever looks at the file later is to know");
    project.run(["report", "-o", "r.html", "--from", "2026-01-05", "--to", "2026-01-07"]).ok();
}

#[test]
fn of_a_file_that_was_cut_what_is_left_is_kept() {
    let project = Project::new();
    project.run(["demo", "--nodes", "4", "--days", "3"]).ok();
    let export = ["export", "--last", "9d", "-o", "-"];
    let samples = lines(&project, &export);
    let whole = project.bytes("nodebook.db");
    fs::write(project.path("nodebook.db"), &whole[..whole.len() / 2]).unwrap();

    let told = project.run(["check"]).code(5);
    assert!(told.stderr().contains("`nodebook check --db nodebook.db --recover NEW.db`"), "{told:?}");
    let report = project.run(["check", "--recover", "kept.db"]).code(3);
    assert!(report.stdout().contains(": nothing more of the table can be read"), "{report:?}");
    fs::rename(project.path("kept.db"), project.path("nodebook.db")).unwrap();
    project.run(["check"]).ok();
    let kept = lines(&project, &export);
    assert!(kept.is_subset(&samples), "nothing is invented");
    assert!(kept.len() > samples.len() / 4 && kept.len() < samples.len(), "{} of {}", kept.len(), samples.len());
}

/// What people back up with: the `sqlite3` shell, beside the recorder and when it has ended.
#[test]
fn a_copy_that_sqlite_makes_is_as_good_as_the_original() {
    let project = recorded();
    let shell = |sql: &str| {
        let db = project.path("nodebook.db");
        let output = Command::new("sqlite3").current_dir(project.root()).arg(db).arg(sql).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{sql}: {output:?}");
    };
    let export =
        |db: &str| lines(&project, &["export", "--db", db, "--from", "2026-01-05", "--to", "2026-01-07", "-o", "-"]);
    let copies = |when: &str| {
        let names = [format!("{when}-backup.db"), format!("{when}-into.db")];
        shell(&format!(".backup {}", names[0]));
        shell(&format!("VACUUM INTO '{}'", names[1]));
        names
    };
    let before = export("nodebook.db");
    let mut all = copies("closed").to_vec();
    let mut running = project.start(["record", "--interval", "1s", "--node", "self"]);
    running.stderr_until(|told| told.contains("recording"));
    while project.sql("SELECT count(*) FROM samples WHERE node = 'self'").as_u64().unwrap() == 0 {}
    all.extend(copies("live"));
    running.signal("TERM");
    running.wait().ok();
    for copy in &all {
        project.run(["check", "--db", copy]).ok();
        assert!(export(copy).is_superset(&before), "{copy}");
        project.run(["annotate", "restored", "--at", "2026-01-06T12:00", "--db", copy]).ok();
        project.run(["check", "--db", copy]).ok();
        let bytes = project.bytes(copy);
        let mut pages = bytes.chunks(PAGE_BYTES as usize);
        assert!(pages.all(|page| page[page.len() - 4..] != [0; 4]), "{copy} is signed again");
    }
}
