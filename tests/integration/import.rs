//! Files into the database, and out again as they were.

use std::path::Path;
use std::process::Command;

use super::harness::{Project, SMALL_SAMPLES, figure, small_cluster};

#[test]
fn an_import_says_what_it_did_and_the_same_file_again_changes_nothing() {
    let project = Project::new().file("small.csv", small_cluster());
    let first = project.run(["import", "--json", "small.csv"]).ok().json();
    assert_eq!(first["samples"], SMALL_SAMPLES);
    assert_eq!(first["stored"], SMALL_SAMPLES);
    assert_eq!((&first["series"], &first["nodes"], &first["files"]), (&12.into(), &3.into(), &1.into()));
    assert_eq!(first["from"], "2026-01-05T00:00:00.000Z");
    assert_eq!(first["to"], "2026-01-05T00:59:50.000Z");
    assert_eq!(first["errors"], serde_json::json!([]));
    let before = project.run(["export", "-o", "-"]).ok().stdout();

    let second = project.run(["import", "--json", "small.csv"]).ok().json();
    assert_eq!((&second["stored"], &second["duplicates"]), (&0.into(), &SMALL_SAMPLES.into()));
    assert_eq!(project.run(["export", "-o", "-"]).ok().stdout(), before);
    assert_eq!(project.names(), ["nodebook.db", "small.csv"], "one file is left");
    figure(format_args!(
        "7 | the same file imported twice | {SMALL_SAMPLES} samples | {} duplicates, 0 changed",
        second["duplicates"]
    ));
}

#[test]
fn broken_lines_are_named_and_the_good_ones_are_kept() {
    let csv = "timestamp_ms,node,metric,value\n\
               1767571200000,a,load1,1\n\
               yesterday,a,load1,2\n\
               1767571220000,a,load1,three\n\
               1767571230000,a,load1\n\
               1767571240000,b,,5\n\
               1767571250000,a,load1,6\n";
    let project = Project::new().file("bad.csv", csv);
    let run = project.run(["import", "bad.csv"]).code(3);
    insta::assert_snapshot!(run.stderr(), @"
    error: bad.csv: line 3: column 1: `yesterday` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    error: bad.csv: line 4: column 4: `three` is no number
    error: bad.csv: line 5: 3 fields, the header has 4
    error: bad.csv: line 6: column 3: the metric name is empty
    2 samples of 1 series on 1 node from 1 file into nodebook.db: 2 new, 0 there already, 0 replaced, 4 rejected
    ");
    assert_eq!(project.sql("SELECT count(*) FROM samples"), 2);

    let again = project.run(["import", "--json", "bad.csv"]).code(3).json();
    assert_eq!((&again["samples"], &again["rejected"], &again["duplicates"]), (&2.into(), &4.into(), &2.into()));
    let lines: Vec<_> =
        again["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
    assert_eq!(again["errors"][0]["file"], "bad.csv");
}

#[test]
fn strict_refuses_the_whole_file() {
    let project = Project::new()
        .file("bad.csv", "timestamp_ms,node,metric,value\n1767571200000,a,load1,1\n1,2\n")
        .file("good.csv", small_cluster());
    project.run(["import", "--strict", "bad.csv"]).code(1);
    project.run(["import", "--strict", "bad.csv", "good.csv"]).code(3);
    assert_eq!(project.sql("SELECT count(*) FROM samples"), SMALL_SAMPLES);
}

#[test]
fn nothing_taken_is_a_failure() {
    let project =
        Project::new().file("bad.csv", "timestamp_ms,node,metric,value\n1,2\n3,4\n").file("prose.txt", "Dear diary,\n");
    project.run(["import", "bad.csv"]).code(1);
    project.run(["import", "prose.txt"]).code(1);
    let said = project.run(["import", "-q", "none.csv"]).code(1).stderr();
    assert!(said.contains("none.csv"), "{said}");
}

/// A `curl` that fails in front of a pipe says no word: it was a success.
#[test]
fn an_import_of_nothing_has_failed_and_leaves_nothing() {
    let project = Project::new().file("header.csv", "timestamp,node,metric,value\n").file("empty.csv", "");
    for file in ["header.csv", "empty.csv", "none.csv", "-"] {
        project.run(["import", file]).code(1);
        assert_eq!(project.names(), ["empty.csv", "header.csv"], "{file}");
    }
    insta::assert_snapshot!(project.run(["import", "empty.csv"]).code(1).stderr(), @r"
    error: nothing was taken: there are no samples and no events in it
    0 samples of 0 series on 0 nodes from 1 file into nodebook.db: 0 new, 0 there already, 0 replaced, 0 rejected
    ");
    project.write("good.csv", small_cluster());
    project.run(["import", "good.csv", "header.csv"]).ok();
    project.run(["import", "header.csv"]).code(1);
    assert_eq!(project.sql("SELECT count(*) FROM samples"), SMALL_SAMPLES, "what was there stays");
    let events = project.run_with(["import", "--db", "events.db", "-"], b"at,text\n1767572400,a deploy\n").ok();
    assert!(events.stderr().contains("1 event"), "{}", events.stderr());
    let copied = project.run(["import", "--db", "copy.db", "events.db"]).ok();
    assert!(copied.stderr().contains("1 event"), "{}", copied.stderr());
}

#[test]
fn a_packed_database_is_to_be_unpacked_first() {
    let project = Project::new().with_small_cluster();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &project.bytes("nodebook.db")).unwrap();
    project.write("cust.db.gz", gzip.finish().unwrap());
    project.write("cust.db.zst", zstd::encode_all(project.bytes("nodebook.db").as_slice(), 1).unwrap());
    for file in ["cust.db.gz", "cust.db.zst"] {
        let said = project.run(["import", "--db", "new.db", file]).code(1).stderr();
        assert!(said.contains("a packed SQLite database") && said.contains("unpack it first"), "{said}");
        let said = project.run(["info", "--db", file]).fails(5);
        assert!(said.contains("it is packed: unpack it first, with gunzip -k or zstd -d"), "{said}");
    }
}

/// Series of nodes by name and labels, and what events are about.
fn named(project: &Project, db: &str) -> String {
    let series = "SELECT n.name || ' ' || m.name || ' ' || s.labels AS x FROM series s JOIN node n ON n.id = s.node_id JOIN metric m ON m.id = s.metric_id";
    let query = format!("{series} UNION ALL SELECT node || ': ' || text FROM annotation ORDER BY x");
    project.run(["sql", "--db", db, "--format", "csv", &query]).ok().stdout()
}

#[test]
fn nodes_are_renamed_in_every_format() {
    let project = Project::new();
    let csv = "timestamp_ms,node,metric,value,instance,site\n1767571200000,db-1,load1,1,,db-1\n1767571260000,db-1,load1,1,,db-1\n\
               1767571200000,db-2,load1,2,db-1,x\n1767571260000,db-2,load1,2,db-1,x\n1767571200000,web,load1,3,,x\n";
    project.run_with(["import", "--db", "old.db", "-"], csv.as_bytes()).ok();
    for node in ["db-1", "db-*"] {
        project.run(["annotate", "failover", "--db", "old.db", "--at", "2026-01-05", "--node", node]).ok();
    }
    let renamed = |db: &str, more: &[&str], file: &str| {
        let names = ["--rename-node", "db-1=host-a", "--rename-node", "db-2=host-b", "--rename-node", "db-9=x"];
        let arguments = ["import", "--db", db, file].into_iter().chain(names).chain(more.iter().copied());
        let said = project.run(arguments).ok().stderr();
        (named(&project, db), said)
    };
    let (found, said) = renamed("new.db", &[], "old.db");
    insta::assert_snapshot!(found, @r#"
    x
    db-*: failover
    "host-a load1 {""site"":""db-1""}"
    host-a: failover
    "host-b load1 {""instance"":""host-a"",""site"":""x""}"
    "web load1 {""site"":""x""}"
    "#);
    assert!(said.contains("no node `db-9` was met"), "{said}");
    assert!(said.contains("events of the nodes `db-*` keep that glob"), "{said}");
    // text, and a node that is given: its name stays as a label
    project.run(["export", "--db", "old.db", "-o", "day.csv", "--node", "db-*"]).ok();
    insta::assert_snapshot!(renamed("text.db", &["--node", "all"], "day.csv").0, @r#"
    x
    "all load1 {""instance"":""host-a"",""node"":""host-b"",""site"":""x""}"
    "all load1 {""node"":""host-a"",""site"":""db-1""}"
    "#);
    // a page
    project.run(["report", "--db", "old.db", "-o", "page.html"]).ok();
    let (page, _) = renamed("page.db", &[], "page.html");
    assert!(page.contains("host-a load1") && !page.contains("db-"), "{page}");
    insta::assert_snapshot!(project.run(["import", "--rename-node", "db-1", "day.csv"]).fails(2), @"error: `db-1` is not of the form OLD=NEW");
    insta::assert_snapshot!(project.run(["import", "--rename-node", "a=b", "--rename-node", "a=c", "day.csv"]).fails(2), @"error: node `a` is given two names");
}

#[test]
fn prometheus_text_comes_in_by_stdin() {
    let text = "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
                http_requests_total{code=\"200\"} 10 1767571200000\nhttp_requests_total{code=\"200\"} 25 1767571260000\n";
    let project = Project::new();
    let told =
        project.run_with(["import", "--json", "--format", "prom", "--node", "web-1", "-"], text.as_bytes()).ok().json();
    assert_eq!((&told["samples"], &told["series"]), (&2.into(), &1.into()));
    assert_eq!(project.sql("SELECT node FROM samples LIMIT 1"), "web-1");
    assert_eq!(project.sql("SELECT kind FROM metric"), "counter");
    assert_eq!(project.sql("SELECT labels FROM samples LIMIT 1"), r#"{"code":"200"}"#);
}

#[test]
fn wide_and_compressed_files_are_read_as_they_are() {
    let project = Project::new()
        .file("wide.csv", "time,node,load1,cpu_percent\n2026-01-05T00:00:00Z,a,0.5,\n2026-01-05T00:00:10Z,a,0.6,12\n");
    assert_eq!(project.run(["import", "--json", "wide.csv"]).ok().json()["samples"], 3);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, small_cluster().as_bytes()).unwrap();
    project.write("small.csv.gz", gzip.finish().unwrap());
    assert_eq!(project.run(["import", "--json", "small.csv.gz"]).ok().json()["stored"], SMALL_SAMPLES);
}

#[test]
fn a_corrected_value_replaces_the_old_one() {
    let project = Project::new().with_small_cluster();
    let fix = b"timestamp_ms,node,metric,value\n1767571200000,db-1,cpu_percent,99\n";
    let told = project.run_with(["import", "--json", "-"], fix).ok().json();
    assert_eq!((&told["replaced"], &told["stored"]), (&1.into(), &0.into()));
    assert_eq!(project.sql("SELECT max(value) FROM samples WHERE metric = 'cpu_percent' AND node = 'db-1'"), 99.0);
}

/// What `tests/run.sh` found on this machine: the generator of the reference data, and a Python with numpy to judge with.
fn generator() -> Option<(String, String)> {
    Some((std::env::var("NODEBOOK_TEST_PYTHON").ok()?, std::env::var("NODEBOOK_TEST_GENERATOR").ok()?))
}

#[test]
fn a_day_of_ten_nodes_is_stored_sample_by_sample() {
    let Some((python, script)) = generator() else {
        eprintln!("skipped: no cluster generator ($NODEBOOK_TEST_GENERATOR), or no numpy ($NODEBOOK_TEST_PYTHON)");
        return;
    };
    let project = Project::new();
    let made = Command::new(&python)
        .arg(&script)
        .args(["--nodes", "10", "--days", "1", "--seed", SEED_WITH_ANOMALIES, "--formats", "csv,npy", "--out"])
        .arg(project.path("data"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let first = project.run(["import", "--json", "data/metrics.csv"]).ok().json();
    assert_eq!(first["stored"], first["samples"]);
    assert!(first["samples"].as_u64().unwrap() > 1_600_000);
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/compare_with_numpy.py");
    let sums = "SELECT node, metric, count(*) AS n, sum(value) AS total, min(value) AS low, max(value) AS high \
                FROM samples GROUP BY series_id";
    let compare = || {
        project.write("sums.csv", project.run(["sql", "--format", "csv", sums]).ok().stdout());
        let judged =
            Command::new(&python).arg(&judge).arg(project.path("data")).arg(project.path("sums.csv")).output().unwrap();
        assert!(
            judged.status.success(),
            "{}{}",
            String::from_utf8_lossy(&judged.stdout),
            String::from_utf8_lossy(&judged.stderr)
        );
    };
    compare();

    let second = project.run(["import", "--json", "data/metrics.csv"]).ok().json();
    assert_eq!((&second["stored"], &second["duplicates"]), (&0.into(), &first["samples"]));
    compare();

    project.run(["report", "-o", "day.html"]).ok();
    let page = project.read("day.html");
    let manifest: serde_json::Value = serde_json::from_str(&project.read("data/manifest.json")).unwrap();
    let shown = manifest["anomalies"].as_array().unwrap().iter().filter(|anomaly| peaks_in_its_chart(&page, anomaly));
    assert_eq!(shown.count(), 3, "{}", manifest["anomalies"]);
}

/// Of its ten nodes two are busy beyond measure for a while, and one is hot.
const SEED_WITH_ANOMALIES: &str = "8";

/// Whether an injected anomaly is one that lifts a metric; then the chart of that metric must show its node with the highest value of
/// the day in that very quarter of an hour, which is one of a hundred.
#[track_caller]
fn peaks_in_its_chart(page: &str, anomaly: &serde_json::Value) -> bool {
    let metric = match anomaly["kind"].as_str().unwrap() {
        "cpu_spike" => "cpu_percent",
        "temp_high" => "temp_celsius",
        _ => return false, // a reboot, for one, is a gap
    };
    let figures = || page.split("<figure ").skip(1).filter_map(|rest| rest.split("</figure>").next());
    let of_the_metric = format!("data-metric=\"{metric}\"");
    let chart = figures()
        .find(|figure| figure.contains("id=\"chart-line-") && figure.contains(&of_the_metric))
        .unwrap_or_else(|| panic!("no chart of {metric}"));
    let cells = |row: &str| -> Vec<String> {
        let text = |cell: &str| cell.split('>').nth(1).unwrap_or("").split('<').next().unwrap_or("").to_owned();
        row.split("<t").filter(|cell| cell.starts_with("h ") || cell.starts_with("d>")).map(text).collect()
    };
    let rows: Vec<Vec<String>> = chart.split("<tr>").skip(1).map(cells).collect();
    let column = rows[0].iter().position(|head| head == "Highest at").unwrap_or_else(|| panic!("{:?}", rows[0]));
    let node = format!("node-{:03}", anomaly["node"].as_u64().unwrap());
    let row = rows.iter().find(|row| row[0] == node).unwrap_or_else(|| panic!("{node} is not in {rows:?}"));
    let minute = |ms: i64| ms.rem_euclid(86_400_000) / 60_000;
    let (hours, minutes) = row[column].split_once(':').unwrap_or_else(|| panic!("{row:?}"));
    let at = hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap();
    // A point of a day's chart is 5 minutes, named by its middle.
    let (from, to) = (minute(anomaly["from_ms"].as_i64().unwrap()) - 3, minute(anomaly["to_ms"].as_i64().unwrap()) + 3);
    assert!((from..=to).contains(&at), "{anomaly}: {row:?}");
    true
}

#[test]
fn what_a_demo_holds_goes_out_and_in_again_sample_by_sample() {
    let project = Project::new();
    project.run(["demo", "--nodes", "3", "--days", "1", "--seed", "7"]).ok();
    project.run(["export", "--from", "1970-01-02", "--time", "ms", "-o", "all.csv.gz"]).ok();
    let told = project.run(["import", "--json", "--db", "copy.db", "all.csv.gz"]).ok().json();
    assert_eq!(told["rejected"], 0);
    let sums = "SELECT node, metric, labels, count(*), sum(value), min(value), max(value) FROM samples GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let of = |db: &str| project.run(["sql", "--format", "csv", "--db", db, sums]).ok().stdout();
    assert_eq!(of("nodebook.db"), of("copy.db"));
    project.run(["check", "--db", "copy.db"]).ok();
    for format in ["text", "markdown"] {
        let said = project.run(["summary", "--format", format]).ok().stdout();
        assert!(said.lines().next().unwrap().contains("simulated data (nodebook demo)"), "{said}");
    }
}

#[test]
fn a_report_is_read_back_once() {
    let project = Project::new().with_small_cluster();
    project.run(["report", "-o", "page.html"]).ok();
    let again = |words: &[&str]| {
        let line = ["--db", "back.db", "import", "page.html"].iter().chain(words);
        project.run(line.map(|word| (*word).to_owned())).ok()
    };
    let said = again(&[]).stderr();
    assert!(said.contains("page.html: a report: means over 10 s, rounded to 1023 levels"), "{said}");
    let twice = again(&["--json"]).json();
    assert_eq!((&twice["stored"], &twice["replaced"], &twice["nodes"]), (&0.into(), &0.into(), &3.into()));
    // Buckets of the page are as wide as the interval: every gauge comes back, to within half a level.
    let all = |db: &str| {
        let query = "SELECT ts, node, value FROM samples WHERE metric = 'cpu_percent' ORDER BY node, ts";
        project.run(["--db", db, "sql", "--format", "json", query]).ok().json()
    };
    let (was, is) = (all("nodebook.db"), all("back.db"));
    let (was, is) = (was.as_array().unwrap(), is.as_array().unwrap());
    assert_eq!(was.len(), is.len());
    for (was, is) in was.iter().zip(is) {
        assert_eq!((&was["ts"], &was["node"]), (&is["ts"], &is["node"]));
        assert!((was["value"].as_f64().unwrap() - is["value"].as_f64().unwrap()).abs() < 0.02, "{was} {is}");
    }
    let unit = project.run([
        "--db",
        "back.db",
        "sql",
        "--format",
        "json",
        "SELECT unit, help FROM metric WHERE name = 'disk_read_bytes_per_second'",
    ]);
    let unit = unit.ok().json();
    assert_eq!(unit[0]["unit"], "bytes/s");
    assert!(unit[0]["help"].as_str().unwrap().contains("from a report: means over 10 s"), "{unit}");
    // A report of what was read back shows what the page showed.
    project.run(["--db", "back.db", "report", "-o", "second.html"]).ok();
    let node = |page: &str| page.matches("<tr data-node=").count();
    assert_eq!(node(&project.read("page.html")), node(&project.read("second.html")));
}

#[test]
fn a_page_that_cannot_be_read_is_one_line() {
    let project = Project::new().with_small_cluster();
    project.run(["report", "-o", "page.html"]).ok();
    project.run(["report", "--interactive", "off", "-o", "still.html"]).ok();
    let page = project.bytes("page.html");
    // What comes after the columns may be missing: they have a checksum of their own.
    let columns = page.windows(16).position(|bytes| bytes == b"nodebook-columns").unwrap();
    project.write("cut.html", &page[..columns + 100]);
    project.write("other.html", "<!doctype html><html><body>timestamp,value</body></html>");
    let refused = |file: &str| {
        let run = project.run(["--db", "back.db", "import", file]).code(1);
        run.stderr().lines().next().unwrap().to_owned()
    };
    insta::assert_snapshot!(refused("still.html"), @"error: still.html: a report without the data of its charts (made with --interactive off): there is nothing to read back");
    insta::assert_snapshot!(refused("cut.html"), @"error: cut.html: the report is cut off: its data has no end");
    insta::assert_snapshot!(refused("other.html"), @r#"error: other.html: an HTML page that is no report of nodebook"#);
}

#[test]
fn events_come_as_csv_too() {
    let project = Project::new().with_small_cluster();
    let csv = "at,until,node,text\n\
               2026-01-05T00:30:00Z,,,deploy 4.2\n\
               1767572400,1767572700,db-1,\"restart, \"\"quick\"\"\"\n\
               2026-01-05T00:20:00Z,2026-01-05T00:10:00Z,,backwards\n\
               2026-01-05T00:20:00Z,,,\n";
    let run = project.run_with(["import", "--json", "-"], csv.as_bytes()).code(3);
    let first = run.json();
    assert_eq!((&first["samples"], &first["rejected"]), (&0.into(), &2.into()));
    assert!(run.stderr().contains("2 events from 1 file"), "{}", run.stderr());
    let reason = first["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("column 2: expected an end after the start, found"), "{reason}");
    project.run_with(["import", "-"], csv.as_bytes()).code(3);
    assert_eq!(project.sql("SELECT count(*) FROM annotation"), 2, "the same file twice changes nothing");
    assert_eq!(project.sql("SELECT text FROM annotation WHERE node = 'db-1'"), "restart, \"quick\"");
    let said = project.run_with(["import", "-"], b"ts;text\n1767572400;again\n").ok().stderr();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("1 event from 1 file"), "{said}");
}
