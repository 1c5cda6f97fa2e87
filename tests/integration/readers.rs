//! What other programs write, through the program: taken by content, counted, and the same however it is packed.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::Project;

/// The project's shared data, where it lies beside the source tree; tests that want it say so where it is not.
pub fn shared(what: &str) -> Option<PathBuf> {
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = ancestors.map(|dir| dir.join("shared/data").join(what)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: there is no shared/data/{what}");
    }
    found
}

fn import(project: &Project, file: &str) -> serde_json::Value {
    project.run(["import", "--json", file]).ok().json()
}

#[test]
fn real_files_of_every_kind_are_found_out_and_taken_whole() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    // samples, nodes, series: counted by other programs, or by the README beside the files
    for (file, samples, nodes) in [
        ("collectd/graphite.txt", Some(600), "node-a"),
        ("collectd/write_http-1.json", None, "node-a"),
        ("influx/collectd-write_influxdb_udp.lp", None, "node-a"),
        ("influx/collectd.lp", Some(78), "node-a"),
        ("influx/telegraf-cpu.lp", None, "telegraf-cpu"),
        ("remote_write/node-1.snappy", Some(500), "127.0.0.1:19090"),
        ("remote_write/small-1.snappy", Some(49), "127.0.0.1:19091"),
        ("sysstat/sadf-j-all.json", None, "vm"),
        ("sysstat/sadf-d-local.csv", None, "vm"),
        ("sysstat/sadf-p.tsv", None, "vm"),
        ("text/mpstat-all.txt", Some(240), "vm"),
        ("text/iostat-xt-iso.txt", Some(252), "vm"),
        ("text/vmstat-t.txt", Some(493), "vmstat-t"),
        ("pcp/pmrep.csv", Some(8 * 18 - 13), "pmrep"),
        ("otlp/metrics.json", Some(22), "n1"),
        ("otlp/metrics.pb", Some(22), "n1"),
        ("exposition/kafka_exporter-1.3.1.prom", Some(471), "kafka_exporter-1.3.1"),
    ] {
        let kept = Some(ours.join(file)).filter(|path| path.exists());
        let Some(path) = kept.or_else(|| shared(&format!("fixtures/{file}"))) else { continue };
        let project = Project::new();
        let told = import(&project, path.to_str().unwrap());
        assert_eq!(told["rejected"], 0, "{file}: {told}");
        if let Some(samples) = samples {
            assert_eq!(told["samples"], samples, "{file}");
        }
        assert_eq!(project.sql("SELECT name FROM node ORDER BY name LIMIT 1"), nodes, "{file}");
        project.run(["check"]).ok();
    }
}

#[test]
fn a_tree_of_directories_is_one_import() {
    let project = Project::new();
    for (path, text) in [
        ("tree/a/cpu-0/cpu-idle-2026-11-23", "epoch,value\n1795457187,10\n1795457197,20\n"),
        ("tree/b/load/load-2026-11-23", "epoch,shortterm,midterm\n1795457187,0.5,0.25\n"),
        ("tree/.hidden", "no format at all"),
    ] {
        fs::create_dir_all(project.path(path).parent().unwrap()).unwrap();
        project.write(path, text);
    }
    let told = import(&project, "tree");
    assert_eq!(
        (&told["files"], &told["samples"], &told["nodes"], &told["rejected"]),
        (&2.into(), &4.into(), &2.into(), &0.into())
    );
    assert_eq!(
        project.sql("SELECT labels FROM samples WHERE metric = 'collectd_cpu_total' LIMIT 1"),
        r#"{"cpu":"0","type":"idle"}"#
    );
    project.run(["import", "tree/a/cpu-0"]).ok();
    fs::create_dir(project.path("empty")).unwrap();
    let said = project.run(["import", "empty"]).code(1).stderr();
    assert!(said.contains("empty: is a directory without files"), "{said}");
}

#[test]
fn zstd_is_read_as_it_is_and_damage_is_named() {
    let text = "timestamp_ms,node,metric,value\n1767571200000,a,load1,1\n1767571210000,a,load1,2\n";
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let project = Project::new().file("a.csv.zst", &packed).file("cut.csv.zst", &packed[..packed.len() - 5]);
    assert_eq!(import(&project, "a.csv.zst")["samples"], 2);
    let said = project.run(["import", "cut.csv.zst"]).stderr();
    assert!(said.contains("the zstd data ends too early") || said.contains("the zstd data is damaged"), "{said}");
}

#[test]
fn what_was_guessed_is_said_on_stderr() {
    let project = Project::new().file("a.lp", "load,host=a value=1.5 1795457185412\n");
    let said = project.run(["import", "a.lp"]).ok().stderr();
    assert!(
        said.contains("a.lp: times were taken as milliseconds by their size; --precision says another unit"),
        "{said}"
    );
    let said = project.run(["import", "--precision", "ms", "a.lp"]).ok().stderr();
    assert!(!said.contains("by their size"), "{said}");
    let said = project.run(["import", "--format", "parquet", "a.lp"]).code(1).stderr();
    assert!(said.contains("this is no Parquet file"), "{said}");
    let said = project.run(["import", "--format", "otlp", "a.lp"]).code(1).stderr();
    assert!(said.contains("this is no OTLP"), "{said}");
}

#[test]
fn one_database_a_node_becomes_one_of_the_cluster() {
    let project = Project::new();
    let page = |node: &str| {
        format!(
            "# HELP up_total Things.\n# TYPE up_total counter\nup_total{{node=\"{node}\",m=\"x\"}} 10 1767571200000\nup_total{{node=\"{node}\",m=\"x\"}} 25 1767571260000\n"
        )
    };
    for node in ["a", "b"] {
        project.run_with(["import", "--db", &format!("{node}.db"), "-"], page(node).as_bytes()).ok();
        project.run(["annotate", "deploy", "--db", &format!("{node}.db"), "--at", "2026-01-05", "--node", node]).ok();
    }
    let told = project.run(["import", "--json", "a.db", "b.db"]).ok().json();
    assert_eq!((&told["stored"], &told["nodes"], &told["files"]), (&4.into(), &2.into(), &2.into()));
    assert_eq!(project.sql("SELECT kind || help FROM metric"), "counterThings.");
    assert_eq!(project.sql("SELECT count(*) FROM annotation"), 2);
    let again = project.run(["import", "--json", "a.db", "b.db"]).ok().json();
    assert_eq!((&again["stored"], &again["duplicates"]), (&0.into(), &4.into()));
    assert_eq!(project.sql("SELECT count(*) FROM annotation"), 2, "an event that is there already is not doubled");
    project.run(["import", "--db", "one.db", "--node", "all", "a.db", "b.db"]).ok();
    let labels = project
        .run([
            "sql",
            "--db",
            "one.db",
            "--format",
            "csv",
            "SELECT name, labels FROM series JOIN node ON node.id = node_id ORDER BY labels",
        ])
        .ok()
        .stdout();
    assert_eq!(labels.lines().count(), 3, "{labels}");
    assert!(labels.contains("all,"), "{labels}");
    project.write("other.db", b"SQLite format 3\0 but nothing more");
    project.run(["import", "other.db"]).code(1);
}

#[test]
fn openmetrics_is_held_to_the_letter_under_strict_only() {
    let page = "# TYPE a counter\na_total 1 1767571200\na_total 2 1767571100\n# EOF\n";
    let project = Project::new().file("a.om", page);
    let said = project.run(["import", "--strict", "a.om"]).code(1).stderr();
    assert!(said.contains("line 3: `a`: times of one label set do not go back"), "{said}");
    assert_eq!(import(&project, "a.om")["samples"], 2);
}

#[test]
fn bombs_and_endless_lines_end_in_bounded_memory() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![b'x'; 1 << 20];
    std::io::Write::write_all(&mut gzip, b"timestamp_ms,node,metric,value\n1767571200000,a,load1,1\n").unwrap();
    (0..120).for_each(|_| std::io::Write::write_all(&mut gzip, &piece).unwrap());
    std::io::Write::write_all(&mut gzip, b"\n1767571210000,a,load1,2\n").unwrap();
    let project = Project::new().file("bomb.csv.gz", gzip.finish().unwrap());
    let told = project.run(["import", "--json", "bomb.csv.gz"]).code(3).json();
    assert_eq!((&told["samples"], &told["rejected"]), (&2.into(), &1.into()));
    assert_eq!(told["errors"][0]["line"], 3);
}

/// The exact number behind what a tile of the page shows.
pub fn tile(page: &str, metric: &str, agg: &str) -> f64 {
    let start = format!("data-tile=\"{metric}\" data-agg=\"{agg}\" data-value=\"");
    let rest = page.split_once(&start).unwrap_or_else(|| panic!("no tile of {metric}")).1;
    rest.split('"').next().unwrap().parse().unwrap()
}

/// The exact number in a node's row.
pub fn cell(page: &str, node: &str, metric: &str, agg: &str) -> f64 {
    let row = page.split_once(&format!("<tr data-node=\"{node}\">")).unwrap_or_else(|| panic!("no row of {node}")).1;
    let row = row.split("</tr>").next().unwrap();
    let start = format!("data-metric=\"{metric}\" data-agg=\"{agg}\" data-value=\"");
    let rest = row.split_once(&start).unwrap_or_else(|| panic!("no {agg} of {metric} in {row}")).1;
    rest.split('"').next().unwrap().parse().unwrap()
}

fn report_of(files: &[&Path]) -> String {
    let project = Project::new();
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    project.run(std::iter::once("import").chain(files)).ok();
    project.run(["report", "--interactive", "off", "-q", "-o", "page.html"]).ok();
    project.read("page.html")
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected.abs() * 1e-9 + 1e-9, "{found}, expected {expected}");
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_report_over_sadf_shows_what_the_archive_says() {
    let Some(file) = shared("fixtures/sysstat/sadf-j-all.json") else { return };
    let archive: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let moments = archive["sysstat"]["hosts"][0]["statistics"].as_array().unwrap();
    let page = report_of(&[&file]);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let busy = |m: &serde_json::Value| 100.0 - number(&m["cpu-load"][0]["idle"]) - number(&m["cpu-load"][0]["iowait"]);
    assert_near(tile(&page, "cpu_percent", "avg"), mean(moments.iter().map(busy)));
    assert_near(
        tile(&page, "memory_percent", "avg"),
        mean(moments.iter().map(|m| number(&m["memory"]["memused-percent"]))),
    );
    assert_near(cell(&page, "vm", "load1", "avg"), mean(moments.iter().map(|m| number(&m["queue"]["ldavg-1"]))));
    let read = |m: &serde_json::Value| m["disk"].as_array().unwrap().iter().map(|d| number(&d["rkB"]) * 1024.0).sum();
    assert_near(cell(&page, "vm", "disk_read_bytes_per_second", "avg"), mean(moments.iter().map(read)));
}

#[test]
fn a_report_over_a_collectd_tree_shows_what_the_files_say() {
    let Some(tree) = shared("fixtures/collectd/csv") else { return };
    let page = report_of(&[&tree]);
    let rows = |file: &str, column: usize| -> Vec<(f64, f64)> {
        let text = fs::read_to_string(tree.join("node-a").join(file)).unwrap();
        let fields = |line: &str| -> Vec<f64> { line.split(',').map(|field| field.parse().unwrap()).collect() };
        text.lines().skip(1).map(fields).map(|fields| (fields[0], fields[column])).collect()
    };
    let growth = |rows: &[(f64, f64)]| {
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        // times are stored in whole milliseconds, which is what the files have
        1000.0 * (last.1 - first.1) / ((last.0 * 1000.0).round() - (first.0 * 1000.0).round())
    };
    let write = growth(&rows("disk-vda/disk_octets-2026-11-23", 2));
    assert_near(cell(&page, "node-a", "disk_write_bytes_per_second", "avg"), write);
    assert_near(
        cell(&page, "node-a", "load1", "avg"),
        mean(rows("load/load-2026-11-23", 1).into_iter().map(|row| row.1)),
    );
    assert!(page.contains("data-tile=\"cpu_percent\"") && page.contains("data-tile=\"memory_percent\""));
}

#[test]
fn a_report_over_pages_shows_what_they_say() {
    let (Some(node), Some(kafka)) = (
        shared("fixtures/exposition/node_exporter-1.5.0.prom"),
        shared("fixtures/exposition/kafka_exporter-1.3.1.prom"),
    ) else {
        return;
    };
    let value = |file: &Path, name: &str| -> f64 {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let page = report_of(&[&node]);
    let memory =
        100.0 * (1.0 - value(&node, "node_memory_MemAvailable_bytes") / value(&node, "node_memory_MemTotal_bytes"));
    assert_near(tile(&page, "memory_percent", "avg"), memory);
    assert_near(cell(&page, "node_exporter-1.5.0", "load1", "avg"), value(&node, "node_load1"));
    let page = report_of(&[&kafka]);
    assert_near(tile(&page, "partition_count", "last"), value(&kafka, "kafka_topic_partitions"));
}
