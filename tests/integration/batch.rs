//! Batches: each run once, of the right time, to the right place, and all of it in the ledger.

use serde_json::Value;

use super::harness::{Project, Run, SMALL_START_MS};

fn project(batches: &str) -> Project {
    Project::new().with_small_cluster().file("nodebook.toml", format!("timezone = 'UTC'\n{batches}"))
}

fn due(project: &Project, at: &str) -> Run {
    project.run(["batch", "--due", "--at", at])
}

fn history(project: &Project) -> Vec<Value> {
    project.run(["batch", "--history", "--json"]).ok().json()["runs"].as_array().unwrap().clone()
}

/// `state due from..to` of each run, the oldest first.
fn told(project: &Project) -> Vec<String> {
    let short = |run: &Value, key: &str| run[key].as_str().unwrap()[5..16].to_owned();
    let line = |run: &Value| {
        format!("{} {} {}..{}", run["state"].as_str().unwrap(), short(run, "due"), short(run, "from"), short(run, "to"))
    };
    let mut lines: Vec<String> = history(project).iter().map(line).collect();
    lines.reverse();
    lines
}

const HOURLY: &str = "[[batch]]\nname = 'hourly'\nschedule = '@hourly'\noutput = 'out/{name}/{from}.html'\n";

#[test]
fn what_is_due_runs_once_and_tells_of_the_closed_period() {
    let project = project(HOURLY);
    due(&project, "2026-01-05T00:30:00Z").code(4); // from now on it is looked after; the run of 00:00 is of no data
    assert_eq!(history(&project)[0]["state"], "failed");
    for at in ["2026-01-05T01:00:05Z", "2026-01-05T01:00:06Z", "2026-01-05T01:59:00Z"] {
        due(&project, at).ok();
    }
    assert_eq!(
        told(&project),
        ["failed 01-05T00:00 01-04T23:00..01-05T00:00", "sent 01-05T01:00 01-05T00:00..01-05T01:00"]
    );
    let run = &history(&project)[0];
    let page = project.bytes("out/hourly/2026-01-05.html");
    assert_eq!(run["bytes"], page.len());
    assert!(run["output"].as_str().unwrap().ends_with("out/hourly/2026-01-05.html") && run["took_ms"].is_i64());
    assert!(String::from_utf8(page).unwrap().contains("data-from=\"2026-01-05T00:00:00+00:00\""));
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
}

#[test]
fn what_was_missed_is_told_and_caught_up_once() {
    for (catch_up, wanted) in
        [("last", ["missed", "missed", "sent"]), ("all", ["sent"; 3]), ("none", ["missed", "missed", "sent"])]
    {
        let daily = format!(
            "[[batch]]\nname = 'd'\nschedule = '0 * * * *'\nrange = '2026-01-05T00:00..2026-01-05T01:00'\noutput = 'a.html'\ncatch_up = '{catch_up}'\n"
        );
        let project = project(&daily);
        due(&project, "2026-01-05T01:30:00Z").ok();
        assert_eq!(told(&project).len(), 1);
        due(&project, "2026-01-05T04:00:01Z");
        let states: Vec<Value> = history(&project).iter().rev().skip(1).map(|run| run["state"].clone()).collect();
        assert_eq!(states, wanted, "{catch_up}");
        due(&project, "2026-01-05T04:30:00Z").ok();
        assert_eq!(history(&project).len(), 4, "{catch_up}: nothing is caught up twice");
    }
}

#[test]
fn a_condition_decides_and_a_broken_one_is_an_error() {
    let when = |condition: &str| project(&format!("{HOURLY}when = {condition:?}\n"));
    let cases = [
        ("findings > 0", 0, "skipped", "`findings > 0` does not hold"),
        ("findings = 0 and coverage > 90%", 0, "sent", ""),
        ("(SELECT count(*) FROM samples WHERE ts >= {from} AND ts < {to}) = 4320", 0, "sent", ""),
        ("(SELECT max(value) FROM samples WHERE metric = 'load1') > 9", 0, "skipped", "does not hold"),
        ("(SELECT 1 FROM node) > 0", 2, "failed", "gives several rows, wanted is one number"),
        ("(SELECT NULL) > 0 or findings = 0", 2, "failed", "gives NULL"),
        ("(SELECT x FROM nowhere) > 0", 2, "failed", "no such table: nowhere"),
        ("(DELETE FROM node) > 0", 2, "failed", "refused"),
    ];
    for (condition, code, state, note) in cases {
        let project = when(condition);
        due(&project, "2026-01-05T01:00:05Z").code(code);
        let run = history(&project).remove(0);
        let said = run["note"].as_str().unwrap_or_default().to_owned();
        assert!(run["state"] == state && said.contains(note), "{condition}: {run}");
        assert_eq!(project.path("out/hourly/2026-01-05.html").exists(), state == "sent", "{condition}");
    }
    let said = when("findings > lots").run(["batch", "--due"]).fails(2);
    assert!(said.contains("nodebook.toml, line 6: `findings > lots` is not a condition"), "{said}");
}

#[test]
fn incomplete_data_is_marked_or_waited_for() {
    let marked = project(&format!("{HOURLY}range = '2026-01-05T00:00..2026-01-05T02:00'\nmin_coverage = '90%'\n"));
    due(&marked, "2026-01-05T02:00:05Z").ok();
    let run = history(&marked).remove(0);
    assert!(run["note"].as_str().unwrap().contains("of the expected samples are there, wanted are 90 %"), "{run}");

    let held =
        project(&format!("{HOURLY}range = '2026-01-05T00:00..2026-01-05T02:00'\nmin_coverage = 0.9\nhold = '30m'\n"));
    let said = due(&held, "2026-01-05T02:00:05Z").code(3).stderr();
    assert!(said.contains("held: only"), "{said}");
    assert_eq!(held.run(["batch", "--history"]).ok().stdout().matches("queued").count(), 1);
    // The data comes late, and the report goes out without a mark.
    let hour_later = super::harness::small_cluster().lines().skip(1).fold(
        "timestamp_ms,node,metric,value\n".to_owned(),
        |csv, line| {
            let (ts, rest) = line.split_once(',').unwrap();
            csv + &format!("{},{rest}\n", ts.parse::<i64>().unwrap() + 3_600_000)
        },
    );
    held.run_with(["import", "-"], hour_later.as_bytes()).ok();
    due(&held, "2026-01-05T02:10:00Z").ok();
    assert_eq!((history(&held)[0]["state"].as_str(), history(&held)[0]["note"].as_str()), (Some("sent"), None));

    let waited =
        project(&format!("{HOURLY}range = '2026-01-05T00:00..2026-01-05T02:00'\nmin_coverage = 0.9\nhold = '30m'\n"));
    due(&waited, "2026-01-05T02:00:05Z").code(3);
    due(&waited, "2026-01-05T02:31:00Z").ok();
    assert!(history(&waited)[0]["note"].as_str().unwrap().contains("only"));
}

#[test]
fn one_report_for_each_node_or_group() {
    let batches = "[[batch]]\nname = 'nodes'\nrange = '2026-01-05'\neach = 'node'\nnode = ['!db-3']\noutput = 'out/{part}.html'\ntitle = 'Node {node}'\n\
                   [[batch]]\nname = 'groups'\nrange = '2026-01-05'\noutput = 'out/{part}-{name}.html'\n[batch.groups]\nodd = ['db-[13]']\neven = ['db-2']\n";
    let project = project(batches);
    project.run(["batch", "nodes", "groups"]).ok();
    let nodes = |name: &str| {
        let page = project.read(name);
        ["db-1", "db-2", "db-3"].map(|node| page.contains(&format!("<tr data-node=\"{node}\"")))
    };
    assert_eq!(nodes("out/db-1.html"), [true, false, false]);
    assert_eq!(nodes("out/odd-groups.html"), [true, false, true]);
    assert_eq!(nodes("out/even-groups.html"), [false, true, false]);
    assert!(!project.path("out/db-3.html").exists() && project.read("out/db-2.html").contains("Node db-2"));
    assert_eq!(history(&project).len(), 4);
}

#[test]
fn a_hostile_node_stays_in_its_directory() {
    let project = Project::new().file(
        "nodebook.toml",
        "[[batch]]\nname = 'nodes'\nrange = '2026-01-05'\neach = 'node'\noutput = 'out/{part}.html'\n",
    );
    let names = ["../../escaped", "/etc/escaped", "a*", "ab", "CON", ".hidden"];
    let csv = names.iter().fold("timestamp_ms,node,metric,value\n".to_owned(), |csv, node| {
        csv + &format!("{SMALL_START_MS},{node},load1,1\n{},{node},load1,2\n", SMALL_START_MS + 10_000)
    });
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["batch", "nodes"]).ok();
    assert_eq!(project.names(), ["nodebook.db", "nodebook.toml", "out"]);
    let written: Vec<String> = std::fs::read_dir(project.path("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(written.len(), names.len() + 1, "{written:?}");
    assert!(written.iter().all(|name| !name.starts_with(['.', '-'])), "{written:?}");
    // `a*` is a name, not a glob.
    let star = written.iter().find(|name| name.starts_with("_a_")).unwrap();
    assert!(!project.read(&format!("out/{star}")).contains("data-node=\"ab\""));
}

#[test]
fn only_files_of_the_batch_go_and_what_stays_is_listed() {
    let project = project(
        &format!("{HOURLY}range = '2026-01-05T00:00..2026-01-05T01:00'\nkeep = 2\n")
            .replace("{from}", "{from}-{verdict}"),
    );
    std::fs::create_dir_all(project.path("out/hourly")).unwrap();
    project.write("out/hourly/mine.html", "not yours");
    let name = "out/hourly/2026-01-05-OK.html";
    project.run(["batch", "hourly", "--at", "2026-01-05T02:00:00Z"]).ok();
    assert!(project.path(name).exists());
    let index = project.read("out/index.html");
    assert!(index.contains("href=\"./hourly/2026-01-05-OK.html\"") && index.contains("Content-Security-Policy"));

    // Files of runs that are not kept go, but not what somebody has put in their place.
    let config = project.read("nodebook.toml");
    for (i, at) in ["2026-01-05T03:00:00Z", "2026-01-05T04:00:00Z", "2026-01-05T05:00:00Z"].iter().enumerate() {
        project.write("nodebook.toml", config.replace("{from}-{verdict}", &format!("{i}-{{from}}")));
        if i == 2 {
            project.write("out/hourly/0-2026-01-05.html", "changed by hand");
        }
        project.run(["batch", "hourly", "--at", at]).ok();
    }
    let mut left: Vec<String> = std::fs::read_dir(project.path("out/hourly"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["0-2026-01-05.html", "1-2026-01-05.html", "2-2026-01-05.html", "mine.html"]);
    assert!(project.read("out/index.html").contains("2-2026-01-05.html"));
    project.write("out/index.html", "my own page");
    let said = project.run(["batch", "hourly", "--at", "2026-01-05T06:00:00Z"]).ok().stderr();
    assert!(said.contains("is not ours") && project.read("out/index.html") == "my own page", "{said}");
}

#[test]
fn the_schedule_is_told() {
    let project = project(&format!("{HOURLY}[[batch]]\nname = 'weekly'\nschedule = '0 7 * * 1'\noutput = 'w.html'\n"));
    due(&project, "2026-01-05T01:00:00Z").ok();
    let table = project.run(["schedule", "--at", "2026-01-05T01:10:00Z"]).ok().stdout();
    insta::assert_snapshot!(table, @r"
    batch   schedule   next run              last run              ended  note
    hourly  @hourly    Mon 2026-01-05 02:00  Mon 2026-01-05 01:00  sent
    weekly  0 7 * * 1  Mon 2026-01-05 07:00  -                     -
    ");
    let json = project.run(["schedule", "--json", "--at", "2026-01-05T01:10:00Z"]).ok().json();
    assert_eq!(
        (json["batches"][0]["next"].as_str(), json["batches"][0]["last_state"].as_str()),
        (Some("2026-01-05T02:00:00.000Z"), Some("sent"))
    );
    let next = project.run(["schedule", "next", "--at", "2026-01-05T05:30:00Z", "--json"]).ok().json();
    let names: Vec<&str> =
        next["runs"].as_array().unwrap().iter().map(|run| run["batch"].as_str().unwrap()).take(4).collect();
    assert_eq!(names, ["hourly", "hourly", "weekly", "hourly"]);
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let project = project(HOURLY);
    let before = project.bytes("nodebook.db");
    let told = project.run(["batch", "--due", "--dry-run", "--at", "2026-01-05T01:00:05Z", "--json"]).ok().json();
    assert_eq!(
        (told["runs"][0]["fate"].as_str(), told["runs"][0]["from"].as_str()),
        (Some("run"), Some("2026-01-05T00:00:00.000Z"))
    );
    assert!(project.bytes("nodebook.db") == before && !project.path("out").exists());
}

#[test]
fn a_batch_that_cannot_be_says_what_is_wrong() {
    let say = |batch: &str| project(&format!("[[batch]]\nname = 'a'\n{batch}")).run(["batch", "--due"]).fails(2);
    insta::assert_snapshot!(say(""), @"error: [[batch]] a: goes nowhere: give `output`, `to` or `webhook`");
    insta::assert_snapshot!(say("to = ['a@example.org']"), @"error: [mail]: `from` is missing: the address that mail comes from");
    insta::assert_snapshot!(say("webhook = ['chat']"), @"error: [[batch]] a: there is no [[webhook]] called `chat`");
    insta::assert_snapshot!(say("output = 'a.html'\neach = 'node'"), @"error: [[batch]] a: makes several reports, which `output` has to tell apart by {part}");
    insta::assert_snapshot!(say("output = '{nam}.html'"), @"error: nodebook.toml, line 4: `{nam}` is no macro: known are {name}, {part}, {node}, {from}, {to}, {period}, {title}, {verdict}, {findings}, {coverage}");
    insta::assert_snapshot!(say("output = 'a.html'\n[[batch]]\nname = 'a'\noutput = 'b.html'"), @"error: [[batch]] a: there are two of this name");
    let said = project(HOURLY).run(["batch", "daily"]).fails(2);
    insta::assert_snapshot!(said, @"error: no [[batch]] of the configuration is called `daily`; there are: hourly");
}

#[test]
fn a_batch_runs_beside_a_recorder_and_the_recorder_runs_what_is_due() {
    let project = Project::new();
    project.write("nodebook.toml", "timezone = 'UTC'\n[[batch]]\nname = 'minutely'\nschedule = '* * * * *'\nrange = 'now-1m..now'\noutput = 'out/{name}.html'\n");
    let mut recorder = project.start(["record", "--interval", "200ms", "-v", "--node", "here"]);
    recorder.stderr_until(|text| text.contains("minutely"));
    // By hand, while it records.
    let by_hand = project.run(["batch", "minutely"]);
    assert!(by_hand.stderr().contains("minutely"), "{}", by_hand.stderr());
    recorder.stderr_until(|text| text.matches("stored").count() >= 3);
    recorder.signal("TERM");
    recorder.wait().ok();
    assert!(!history(&project).is_empty());
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    let health =
        project.sql("SELECT count(*) FROM samples WHERE metric = 'nodebook_batch_failed' AND labels LIKE '%minutely%'");
    assert!(health.as_i64().unwrap() > 0);
}

#[test]
fn the_units_are_what_systemd_takes() {
    let project = project(HOURLY);
    std::fs::create_dir(project.path("units")).unwrap();
    project.run(["units", "--dir", "units"]).ok();
    let recorder = project.read("units/nodebook.service");
    assert!(recorder.contains(" record --db ") && recorder.contains("ProtectSystem=strict"), "{recorder}");
    assert!(project.run(["units"]).ok().stdout().contains("OnCalendar=*:0/5"));
    let Ok(told) = std::process::Command::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .args(
            ["nodebook.service", "nodebook-batch.service", "nodebook-batch.timer"]
                .map(|name| project.path(&format!("units/{name}"))),
        )
        .output()
    else {
        return eprintln!("skipped: no systemd-analyze");
    };
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    let ours: Vec<&str> =
        text.lines().filter(|line| line.contains("nodebook") && !line.contains("nodebook.db")).collect();
    assert!(told.status.success() && ours.is_empty(), "{text}");
}

#[test]
fn the_units_record_where_the_configuration_says() {
    let project = project(&format!("db = 'data/cluster.db'\n{HOURLY}"));
    let unit = project.run(["units", "--config", "nodebook.toml"]).ok();
    let (root, text) = (project.root().display().to_string(), unit.stdout());
    assert!(text.contains(&format!(" record --db {root}/data/cluster.db --config {root}/nodebook.toml\n")), "{text}");
    for written in ["data", "out"] {
        assert_eq!(text.matches(&format!("\nReadWritePaths={root}/{written}")).count(), 2, "{text}");
    }
    // What lies where a service looks in vain is said while somebody looks.
    assert!(!root.starts_with("/tmp") || unit.stderr().contains("a service does not see what lies there"), "{unit:?}");
    // Where nobody has said which, it is the directory that the unit makes, not the one in which this was typed.
    let text = Project::new().run(["units"]).ok().stdout();
    assert!(text.contains(" record --db /var/lib/nodebook/cluster.db\n") && !text.contains("ReadWritePaths"), "{text}");
}

#[test]
fn what_is_next_is_told_where_nothing_is_due() {
    let project = project(HOURLY);
    due(&project, "2026-01-05T01:00:00Z").ok();
    let said = due(&project, "2026-01-05T01:10:00Z").ok().stderr();
    assert_eq!(said, "nothing is due: hourly is next, Mon 2026-01-05 02:00\n");
}

/// Takes requests, answers each with the next of `answers`, and gives their bodies.
fn hook(answers: Vec<&'static str>) -> (u16, std::thread::JoinHandle<Vec<Value>>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = std::thread::spawn(move || {
        let one = |answer: &str| {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            write!(reader.get_mut(), "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            serde_json::from_slice(&body).unwrap()
        };
        answers.into_iter().map(one).collect()
    });
    (port, taken)
}

#[test]
fn a_webhook_gets_the_summary_and_its_address_is_told_to_nobody() {
    let (port, taken) = hook(vec!["503 busy", "200 OK", "404 gone"]);
    let project =
        project(&format!("{HOURLY}webhook = ['chat']\n[[webhook]]\nname = 'chat'\nurl_file = 'url'\nshape = 'json'\n"));
    project.write("url", format!("http://127.0.0.1:{port}/hooks/T0-s3cr3t"));
    let said = due(&project, "2026-01-05T01:00:00Z").code(3).stderr(); // others can read the file
    assert!(said.contains("chmod 600"), "{said}");
    #[cfg(unix)]
    std::fs::set_permissions(project.path("url"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut said = due(&project, "2026-01-05T01:02:00Z").code(3).stderr();
    assert!(said.contains("webhook chat: http://127.0.0.1") && said.contains("answers 503"), "{said}");
    said += &due(&project, "2026-01-05T01:30:00Z").ok().stderr();
    project.run(["batch", "hourly", "--at", "2026-01-05T01:40:00Z"]).code(1);
    said += &project.run(["batch", "--history"]).ok().stdout();
    assert!(said.contains("answers 404") && !said.contains("s3cr3t"), "{said}");
    assert!(!project.bytes("nodebook.db").windows(6).any(|w| w == b"s3cr3t"));
    let bodies = taken.join().unwrap();
    assert_eq!((bodies[1]["verdict"].as_str(), bodies[1]["run"]["batch"].as_str()), (Some("OK"), Some("hourly")));
    assert!(bodies[1]["picture_png_base64"].as_str().unwrap().starts_with("iVBOR"));
    assert_eq!(bodies[0], bodies[1], "the same message, tried again");
}
