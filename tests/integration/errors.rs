//! Bad input: one clear line, the right exit code, nothing good lost.

use std::fs;

use super::harness::{Project, SMALL_SAMPLES, figure};

#[test]
fn reading_a_missing_database_creates_nothing() {
    let project = Project::new();
    for command in [
        &["info"][..],
        &["check"],
        &["summary"],
        &["analyse"],
        &["report"],
        &["sql", "SELECT 1"],
        &["export", "-o", "x.csv"],
        &["plot", "load1", "-o", "x.html"],
        &["maintain", "--dry-run"],
    ] {
        let said = project.run(command).fails(4);
        let make = "`nodebook record --db nodebook.db` or `nodebook import --db nodebook.db FILE`";
        let way_out = format!("name another with --db, or make one by {make}");
        assert_eq!(said, format!("error: nodebook.db: no such database: {way_out}"), "{command:?}");
    }
    assert!(project.names().is_empty());
}

#[test]
fn a_wrong_range_is_a_wrong_usage() {
    let project = Project::new().with_small_cluster();
    insta::assert_snapshot!(project.run(["report", "--last", "soon"]).fails(2), @"error: `soon` is not a duration: give a number with a unit, as in 10s, 15m, 6h, 7d, 2w or 1h30m (ms, s, m, h, d, w, M = 30 days, y = 365 days)");
    insta::assert_snapshot!(project.run(["summary", "--from", "2026-13-01"]).fails(2), @"error: `2026-13-01` is not a time: there is no such day");
    insta::assert_snapshot!(project.run(["export", "--from", "2026-01-06", "--to", "2026-01-05", "-o", "-"]).fails(2), @"error: the range ends before it starts: from 2026-01-06T00:00:00.000Z to 2026-01-05T00:00:00.000Z");
    insta::assert_snapshot!(project.run(["summary", "--range", "next-week"]).fails(2), @"error: `next-week` is not a period: give for example today, yesterday, last-week, this-month, 2026-11-23, 2026-W14, 2026-Q1, 2026-03, 2026, now-1w/w, or FROM..TO");
    project.run(["summary", "--last", "1h", "--from", "now-2h"]).code(2);
}

#[test]
fn no_data_in_range_is_said() {
    let project = Project::new().with_small_cluster();
    for command in [
        &["report", "--range", "2020-01-01", "-o", "x.html"][..],
        &["summary", "--range", "2020-01-01"],
        &["summary", "--node", "nobody"],
        &["export", "--range", "2020-01-01", "-o", "x.csv"],
        &["plot", "load1", "--range", "2020-01-01", "-o", "x.html"],
        &["plot", "no_such_metric", "-o", "x.html"],
    ] {
        let said = project.run(command).fails(4);
        assert!(said.contains("no "), "{said}");
    }
    // On stdout the header has gone out already: a CSV without rows, and the code says so.
    let run = project.run(["export", "--range", "2020-01-01", "-o", "-"]).code(4);
    assert_eq!(run.stdout(), "timestamp,node,metric,labels,value\n");
    assert_eq!(project.names(), ["nodebook.db"], "no half file, no temporary file");
}

#[test]
fn an_empty_database_is_said() {
    let project = Project::new();
    project.run_with(["import", "-"], b"at,text\n2026-01-05,a deploy\n").ok();
    insta::assert_snapshot!(project.run(["report"]).fails(4), @"error: nodebook.db: holds no samples: record or import first");
    project.run(["info", "--json"]).ok();
    project.run(["check"]).ok();
}

#[test]
fn a_wrong_glob_or_name_is_named() {
    let project = Project::new().with_small_cluster();
    insta::assert_snapshot!(project.run(["summary", "--node", "[db"]).fails(2), @"error: `[db` is not a glob: unclosed character class; missing ']'");
    insta::assert_snapshot!(project.run(["summary", "--label", "mount"]).fails(2), @"error: `mount` is not of the form KEY=GLOB");
    insta::assert_snapshot!(project.run(["record", "--node", ""]).fails(2), @"error: the node name is empty");
    insta::assert_snapshot!(project.run(["record", "--interval", "1ms"]).fails(2), @"error: an interval of 1 ms is too short: the least is 100 ms");
}

#[test]
fn a_wrong_ending_is_named_before_anything_is_read() {
    let project = Project::new();
    insta::assert_snapshot!(project.run(["report", "-o", "x.docx"]).fails(2), @"error: x.docx: a report is written as .html, .pdf, .json or .eml");
    insta::assert_snapshot!(project.run(["export", "-o", "x.xlsx"]).fails(2), @r#"error: `x.xlsx` does not say a format by its ending: use .parquet, or .csv, .jsonl, .om or .lp, with .gz or .zst behind it or not"#);
    insta::assert_snapshot!(project.run(["plot", "load1", "-o", "x.gif"]).fails(2), @"error: x.gif: a figure is written as .html, .png, .svg or .json");
}

/// What is no database of ours is refused by every command, reading or writing, and is left as it was.
#[track_caller]
fn refused_and_untouched(project: &Project, name: &str, code: i32) -> String {
    let before = project.bytes(name);
    let mut said = Vec::new();
    for command in [
        &["info"][..],
        &["check"],
        &["report"],
        &["sql", "SELECT 1"],
        &["import", "good.csv"],
        &["maintain"],
        &["annotate", "x"],
        &["demo"],
        &["record", "--for", "1s"],
    ] {
        let mut arguments = vec!["--db", name, "-q"];
        arguments.extend(command);
        said.push(project.run(arguments).fails(code));
    }
    assert!(project.bytes(name) == before, "{name} was touched");
    assert_eq!(project.names().iter().filter(|found| found.starts_with(name)).count(), 1, "{:?}", project.names());
    let commands = said.len();
    said.dedup();
    assert_eq!(said.len(), 1, "one file, one reason: {said:?}");
    figure(format_args!(
        "13 | {name}, no database of ours | {commands} commands | each refused it and touched nothing"
    ));
    said.remove(0)
}

#[test]
fn a_file_of_no_bytes_is_refused() {
    let project = Project::new().file("empty.db", "").file("good.csv", super::harness::small_cluster());
    insta::assert_snapshot!(refused_and_untouched(&project, "empty.db", 5), @"error: empty.db: is not a nodebook database (it is empty); it was left as it is");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let project = Project::new().file("good.csv", super::harness::small_cluster());
    fs::write(project.path("photos.db"), foreign_database()).unwrap();
    insta::assert_snapshot!(refused_and_untouched(&project, "photos.db", 5), @"error: photos.db: is not a nodebook database (another program's SQLite file); it was left as it is");
}

/// A valid SQLite file of one empty page: another program's `application_id`, no table.
fn foreign_database() -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
    page[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    page[28..32].copy_from_slice(&1_u32.to_be_bytes()); // pages
    page[44..48].copy_from_slice(&4_u32.to_be_bytes()); // schema format
    page[56..60].copy_from_slice(&1_u32.to_be_bytes()); // UTF-8
    page[68..72].copy_from_slice(&0x0f05_5112_u32.to_be_bytes()); // application_id of Fossil
    page[100] = 13; // an empty leaf
    page[105..107].copy_from_slice(&4096_u16.to_be_bytes());
    page
}

#[test]
fn a_text_file_is_refused() {
    let text = "timestamp,node,metric,value\n".repeat(100);
    let project = Project::new().file("metrics.csv", text).file("good.csv", super::harness::small_cluster());
    insta::assert_snapshot!(refused_and_untouched(&project, "metrics.csv", 5), @"error: metrics.csv: is not a nodebook database (it is no SQLite file); it was left as it is");
}

#[test]
fn a_directory_is_refused() {
    let project = Project::new();
    fs::create_dir(project.path("dir")).unwrap();
    insta::assert_snapshot!(project.run(["info", "--db", "dir"]).fails(1), @"error: dir: is a directory, name the database file in it");
    insta::assert_snapshot!(project.run(["annotate", "x", "--db", "dir"]).fails(1), @"error: dir: is a directory, name the database file in it");
    let project = project.with_small_cluster();
    insta::assert_snapshot!(project.run(["report", "-o", "dir/"]).fails(2), @"error: dir/: a report is written as .html, .pdf, .json or .eml");
    insta::assert_snapshot!(project.run(["export", "--format", "csv", "-o", "dir"]).fails(1), @"error: dir: is a directory: name a file in it");
    figure(format_args!("13 | a directory, to be read and written | 4 commands | one line each"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_nobody_waits_for_it() {
    let project = Project::new();
    let made = std::process::Command::new("mkfifo").arg(project.path("pipe")).status().unwrap();
    assert!(made.success());
    insta::assert_snapshot!(project.run(["info", "--db", "pipe"]).fails(1), @"error: pipe: is not a regular file: name a file with --db");
    insta::assert_snapshot!(project.run(["annotate", "x", "--db", "pipe"]).fails(1), @"error: pipe: is not a regular file: name a file with --db");
    figure(format_args!("13 | a FIFO as database | 2 commands | one line each, nobody waited"));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let project = Project::new().with_small_cluster();
    insta::assert_snapshot!(project.run(["report", "-o", "no/such/dir/x.html"]).fails(1), @"error: no/such/dir: no such directory: make it first");
    insta::assert_snapshot!(project.run(["annotate", "x", "--db", "no/such/dir/x.db"]).fails(1), @"error: no/such/dir: no such directory: make it first");
    insta::assert_snapshot!(project.run(["man", "nowhere"]).fails(1), @"error: nowhere: no such directory: make it first");
    #[cfg(target_os = "linux")]
    insta::assert_snapshot!(project.run(["export", "--format", "csv", "-o", "/dev/full"]).fails(1), @"error: /dev/full: cannot write: the disk is full");
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_pipe_is_a_quiet_end_and_a_full_one_is_not() {
    use std::process::Stdio;
    let project = Project::new().with_small_cluster();
    let mut child =
        project.command(["export", "-o", "-"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));

    figure(format_args!("11 | a reader that closes the pipe | 1 export | a quiet end"));

    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = project.command(["info", "--json"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr).trim_end(), @"error: cannot write to stdout: No space left on device (os error 28)");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_an_import_and_what_was_there_stays() {
    let project = Project::new().with_small_cluster();
    project.on_a_small_disk("size=2m", |disk| {
        fs::copy(project.path("nodebook.db"), disk.join("a.db")).unwrap();
        project.write("big.csv", noisy_csv(200_000));
        let said = project.run(["import", "-q", "--db", "disk/a.db", "big.csv"]).fails(1);
        insta::assert_snapshot!(said, @"error: disk/a.db: the disk is full: free some space, nothing written before is lost");
        let stored = project.run(["info", "--json", "--db", "disk/a.db"]).ok().json()["samples"].as_u64().unwrap();
        assert!(stored >= SMALL_SAMPLES, "what was there is lost: {stored}");
        project.run(["check", "--db", "disk/a.db"]).ok();
        super::harness::fill_up(disk);
        let said = project.run(["export", "-o", "disk/x.csv"]).fails(1);
        insta::assert_snapshot!(said, @"error: disk/x.csv: cannot write: the disk is full");
        let said = project.run(["report", "-o", "disk/x.html"]).fails(1);
        insta::assert_snapshot!(said, @"error: disk/x.html: cannot write: the disk is full");
        let names = fs::read_dir(disk).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| !name.starts_with("a.db") && name != "ballast").collect();
        assert!(left.is_empty(), "no half report, no temporary file: {left:?}");
    });
}

/// Long CSV that does not compress: nothing repeats but the names.
#[cfg(target_os = "linux")]
fn noisy_csv(samples: u64) -> String {
    let mut state = 1_u64;
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..samples {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        csv += &format!(
            "{},n,m{},{}\n",
            super::harness::SMALL_START_MS + i as i64 * 1_000,
            i % 7,
            f64::from_bits(state >> 2 | 1 << 61)
        );
    }
    csv
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_disk_can_be_read_and_says_that_it_cannot_be_written() {
    let project = Project::new().with_small_cluster();
    project.on_a_small_disk("size=8m", |disk| {
        fs::copy(project.path("nodebook.db"), disk.join("a.db")).unwrap();
        let status = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(disk).status().unwrap();
        assert!(status.success());
        assert_eq!(project.run(["info", "--json", "--db", "disk/a.db"]).ok().json()["samples"], SMALL_SAMPLES);
        project.run(["report", "--db", "disk/a.db", "-o", "x.html"]).ok();
        insta::assert_snapshot!(project.run(["annotate", "x", "--db", "disk/a.db"]).fails(1), @"error: disk/a.db: permission denied: a lock file beside it cannot be made");
        insta::assert_snapshot!(project.run(["report", "--db", "disk/a.db", "-o", "disk/x.html"]).fails(1), @"error: disk/x.html: cannot write: the file system is read-only");
        figure(format_args!("13 | a file system that is read-only | 2 commands read, 2 would write | read, and one line each"));
    });
}

#[test]
fn a_truncated_database_is_damaged_not_wrong() {
    let project = Project::new().with_small_cluster();
    let whole = project.bytes("nodebook.db");
    project.write("cut.db", &whole[..whole.len() / 2]);
    for command in
        [&["info", "--db", "cut.db"][..], &["check", "--db", "cut.db"], &["export", "--db", "cut.db", "-o", "-"]]
    {
        let run = project.run(command).code(5);
        assert!(run.stderr().contains("damaged") || run.stdout().contains("damaged"), "{}", run.stderr());
    }
}

#[test]
fn no_command_and_a_wrong_one_are_wrong_usages() {
    let project = Project::new();
    project.run::<&str>([]).code(2);
    let said = project.run(["reprot"]).code(2).stderr();
    assert!(said.contains("report"), "the nearest command is named: {said}");
    project.run(["import"]).code(2);
    project.run(["info", "-q", "-v"]).code(2);
}

#[test]
fn an_export_onto_the_database_leaves_it_as_it_was() {
    let project = Project::new().with_small_cluster();
    let said = project.run(["export", "--format", "csv", "-o", "nodebook.db"]).fails(1);
    insta::assert_snapshot!(said, @"error: nodebook.db: is a database, which is never replaced: choose another name");
    assert_eq!(project.sql("SELECT count(*) FROM samples"), SMALL_SAMPLES);
}

#[test]
fn a_range_after_everything_is_no_data_not_a_wrong_usage() {
    let project = Project::new().with_small_cluster();
    for command in [&["report", "-o", "-"][..], &["summary"], &["export", "-o", "-"]] {
        let said = project.run(command.iter().copied().chain(["--from", "2999-01-01"])).fails(4);
        insta::allow_duplicates! { insta::assert_snapshot!(said, @"error: no data from 2999-01-01 00:00:00 UTC on"); }
    }
    project.run(["report", "--from", "2999-01-02", "--to", "2999-01-01"]).fails(2);
}

#[test]
fn an_export_of_nothing_says_so_on_stdout_too() {
    let project = Project::new().with_small_cluster();
    let run = project.run(["export", "--node", "none", "-o", "-"]).code(4);
    assert_eq!(run.stdout(), "timestamp,node,metric,labels,value\n");
    assert_eq!(run.stderr(), "error: no node is of that selection: there are db-1, db-2, db-3\n");
    let run = project.run(["report", "--range", "2025-01", "-o", "a.html"]).code(4);
    let said = "error: no data between 2025-01-01 00:00:00 and 2025-02-01 00:00:00 UTC: there is some from 2026-01-05 00:00:00 to ";
    assert!(run.stderr().starts_with(said), "{}", run.stderr());
    project.run(["export", "--node", "none", "-o", "a.csv"]).fails(4);
    assert_eq!(project.names(), ["nodebook.db"]);
}

#[test]
fn a_database_given_as_an_argument_is_told_how_it_is_named() {
    let project = Project::new().with_small_cluster().file("samples.csv", "x");
    fs::copy(project.path("nodebook.db"), project.path("kept")).unwrap();
    for (arguments, tip) in [
        (&["info", "cust.db"][..], "did you mean --db cust.db?"),
        (&["check", "kept"], "did you mean --db kept?"),
        (&["report", "my db.db"], "did you mean --db 'my db.db'?"),
        (&["sql", "cust.db", "SELECT 1"], "did you mean --db cust.db?"),
        (&["sql", "cust.db"], "did you mean --db cust.db?"),
    ] {
        let said = project.run(arguments).code(2).stderr();
        assert!(said.contains(tip), "{arguments:?}: {said}");
    }
    for arguments in [&["info", "samples.csv"][..], &["info", "--dp"], &["sql", "SELECT 1", "SELECT 2"]] {
        let said = project.run(arguments).code(2).stderr();
        assert!(!said.contains("--db"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_metric_that_is_not_stored_is_told_what_it_is_made_of_or_what_there_is() {
    let project = Project::new().with_small_cluster();
    let ask = |command: &[&str], rest: &[&str]| project.run(command.iter().chain(rest)).fails(4);
    let computed = ["--metric", "disk_read_bytes_per_second"];
    for command in [&["export", "-o", "x.csv"][..], &["summary"]] {
        insta::allow_duplicates! { insta::assert_snapshot!(ask(command, &computed), @"error: disk_read_bytes_per_second is not stored, but computed from disk_read_bytes_total: name that here; report, plot, analyse and compare take disk_read_bytes_per_second"); }
    }
    project.run(["analyse"].iter().chain(&computed)).ok();
    let all = |rest: &[&str]| {
        let told = [&["export", "-o", "x.csv"][..], &["summary"], &["analyse"], &["report", "-o", "x.html"]]
            .map(|command| ask(command, rest));
        assert!(told.iter().all(|line| *line == told[0]), "{told:?}");
        told[0].clone()
    };
    insta::assert_snapshot!(all(&["--metric", "disk_reads"]), @"error: no metric in range matches disk_reads: there are disk_read_bytes_per_second, load1, cpu_percent, memory_percent");
    insta::assert_snapshot!(all(&["--metric", "load1,cpu_percent"]), @"error: no metric in range matches load1,cpu_percent: there are cpu_percent, load1, memory_percent, disk_read_bytes_per_second; globs are given one by one (--metric A --metric B), or as {A,B}");
    insta::assert_snapshot!(all(&["--node", "db-1,db-2"]), @"error: no node is of that selection: there are db-1, db-2, db-3; globs are given one by one (--metric A --metric B), or as {A,B}");
    project.run(["report", "--metric", "disk_read_bytes_per_second", "-o", "r.html"]).ok();
}

#[test]
fn an_event_is_told_with_its_end_its_nodes_and_where_it_is() {
    let project = Project::new().with_small_cluster();
    let note = ["annotate", "load test", "--at", "2026-01-05 10:00", "--until", "2026-01-05 11:00", "--node"];
    let said = |node: &str| project.run(note.iter().copied().chain([node])).ok().stderr();
    insta::assert_snapshot!(said("db-*"), @"noted from 2026-01-05 10:00:00 UTC to 2026-01-05 11:00:00 UTC on db-* in nodebook.db: load test");
    insta::assert_snapshot!(said("web-*"), @"
    noted from 2026-01-05 10:00:00 UTC to 2026-01-05 11:00:00 UTC on web-* in nodebook.db: load test
    warning: no node of nodebook.db is called web-*: no chart of a node shows it
    ");
}

#[test]
fn a_copy_without_its_log_is_told_what_it_lacks() {
    let project = Project::new();
    let mut running = project.start(["record", "--interval", "1s", "--no-host", "--listen", "127.0.0.1:0"]);
    running.stderr_until(|told| told.contains("recording"));
    fs::copy(project.path("nodebook.db"), project.path("half.db")).unwrap();
    running.signal("TERM");
    running.wait().ok();
    let lacks = "no samples: if this is a copy of a file that was being recorded, its -wal was not copied";
    let told = project.run(["info", "--db", "half.db"]).ok().stdout();
    assert!(told.contains(lacks), "{told}");
    let told = project.run(["check", "--db", "half.db"]).ok().stderr();
    assert!(told.contains(lacks), "{told}");
    let whole = Project::new().with_small_cluster();
    assert_eq!(whole.run(["check"]).ok().stderr(), "");
}
