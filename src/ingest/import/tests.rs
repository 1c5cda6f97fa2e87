use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::model::TimeRange;
use crate::store::{Reader, StoreOptions};

/// A folder with files and a store.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Input {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        Input::File(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, inputs: &[Input], options: &ImportOptions) -> ImportReport {
        let mut store = Store::open(&self.path("nodebook.db"), StoreOptions::default()).unwrap();
        let mut report = import(&mut store, inputs, options, &mut |_, _| {}).unwrap();
        store.close().unwrap();
        let folder = format!("{}/", self.folder.path().display());
        report.errors.iter_mut().for_each(|error| error.file = error.file.replace(&folder, ""));
        report
    }

    /// `node/metric{labels} ms value`, sorted.
    fn stored(&self) -> Vec<String> {
        let reader = Reader::open(&self.path("nodebook.db")).unwrap();
        let series = reader.series().unwrap();
        let ids: Vec<_> = series.iter().map(|series| series.id).collect();
        let mut lines = Vec::new();
        let mut visit = |id, times: &[i64], values: &[f64]| {
            let key = &series.iter().find(|series| series.id == id).unwrap().key;
            lines.extend(times.iter().zip(values).map(|(ms, value)| format!("{key} {ms} {value}")));
            ControlFlow::Continue(())
        };
        reader.scan(&ids, TimeRange::ALL, &mut visit).unwrap();
        lines.sort();
        lines
    }
}

fn options() -> ImportOptions {
    ImportOptions::at(Timestamp::from_millis(7_000))
}

fn strict() -> ImportOptions {
    ImportOptions { strict: true, ..options() }
}

fn errors(report: &ImportReport) -> Vec<String> {
    report.errors.iter().map(|error| format!("{}:{}: {}", error.file, error.line, error.reason)).collect()
}

fn checked_zstd(text: &str) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const GOOD: &str = "timestamp,node,metric,value\n1,a,cpu,1\n2,a,cpu,2\n2,b,cpu,3\n";

#[test]
fn the_database_is_not_read_as_an_input_of_itself() {
    let bench = Bench::new();
    bench.import(&[bench.file("a.csv", GOOD)], &options());
    let report = bench.import(&[Input::File(bench.path("./nodebook.db"))], &options());
    let said = "./nodebook.db:0: is the database itself: name another one with --db, or leave it out";
    assert_eq!(errors(&report), [said]);
}

#[test]
fn the_same_file_twice_changes_nothing() {
    let bench = Bench::new();
    let file = [bench.file("x.csv", GOOD)];
    let first = bench.import(&file, &options());
    assert_eq!((first.files, first.samples, first.stored, first.duplicates), (1, 3, 3, 0));
    assert_eq!((first.series, first.nodes, first.rejected), (2, 2, 0));
    assert_eq!(first.from.as_deref(), Some("1970-01-01T00:00:01.000Z"));
    assert_eq!(first.to.as_deref(), Some("1970-01-01T00:00:02.000Z"));
    assert_eq!(first.outcome(), Outcome::Complete);
    let stored = bench.stored();
    assert_eq!(stored, ["a/cpu 1000 1", "a/cpu 2000 2", "b/cpu 2000 3"]);
    let again = bench.import(&file, &options());
    assert_eq!((again.samples, again.stored, again.duplicates, again.replaced), (3, 0, 3, 0));
    assert_eq!(bench.stored(), stored);
}

#[test]
fn another_value_wins_and_is_counted() {
    let bench = Bench::new();
    bench.import(&[bench.file("x.csv", GOOD)], &options());
    let report = bench.import(&[bench.file("y.csv", "ts,node,metric,value\n1,a,cpu,9\n")], &options());
    assert_eq!((report.samples, report.replaced), (1, 1));
    assert_eq!(bench.stored()[0], "a/cpu 1000 9");
}

#[test]
fn bad_files_do_not_keep_the_others_from_being_taken() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("folder")).unwrap();
    let inputs = [
        Input::File(bench.path("missing.csv")),
        Input::File(bench.path("folder")),
        bench.file("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"),
        bench.file("header.csv", "a,b\n1,2\n3,4\n"),
        bench.file("empty.csv", ""),
        bench.file("good.csv", format!("{GOOD}x,a,cpu,1\n-1,a,cpu,1\n")),
    ];
    let report = bench.import(&inputs, &options());
    insta::assert_snapshot!(errors(&report).join("\n"), @r#"
    missing.csv:0: no such file
    folder:0: is a directory without files
    photo.jpg:0: no format that import reads: expected CSV with a header that has a time column (timestamp,node,metric,labels,value, or a column a metric), Prometheus text, or one of the formats of --format
    header.csv:1: no time column in the header `a,b`: expected one named timestamp, timestamp_ms, ts or time
    good.csv:5: column 1: `x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    good.csv:6: column 1: time `-1` is outside 1970 to 9999
    "#);
    assert_eq!((report.files, report.files_refused, report.samples, report.rejected), (2, 4, 3, 6));
    assert_eq!(report.outcome(), Outcome::Partial);
    assert_eq!(bench.import(&inputs[..2], &options()).outcome(), Outcome::Failed);
}

#[test]
fn strict_takes_nothing_of_a_file_with_a_bad_line() {
    let bench = Bench::new();
    let bad = bench.file("bad.csv", format!("{}x,a,cpu,1\n3,a\n", GOOD.replace("cpu", "io")));
    let good = bench.file("good.csv", GOOD);
    let report = bench.import(&[bad.clone(), good], &strict());
    insta::assert_snapshot!(errors(&report).join("\n"), @r##"
    bad.csv:5: column 1: `x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    bad.csv:6: 2 fields, the header has 4
    "##);
    assert_eq!((report.files, report.files_refused, report.stored, report.rejected), (1, 1, 3, 2));
    assert_eq!(report.outcome(), Outcome::Partial);
    assert!(bench.stored().iter().all(|line| line.contains("/cpu ")));
    assert_eq!(bench.import(&[bad], &strict()).outcome(), Outcome::Failed);
}

#[test]
fn strict_refuses_a_sample_and_not_the_file_for_a_time_that_cannot_be_stored() {
    let bench = Bench::new();
    let report = bench.import(&[bench.file("x.csv", format!("{GOOD}-1,a,cpu,1\n"))], &strict());
    assert_eq!((report.files, report.stored, report.rejected), (1, 3, 1));
}

#[test]
fn gzip_is_read_as_it_is() {
    let bench = Bench::new();
    let (first, second) = GOOD.split_at(40);
    let members = [gzip(first), gzip(second)].concat();
    let report = bench.import(&[bench.file("x.csv.gz", &members)], &strict());
    assert_eq!((report.samples, report.rejected), (3, 0));
}

#[test]
fn of_a_cut_gzip_file_the_whole_lines_are_kept() {
    let bench = Bench::new();
    let mut text = String::from("timestamp,node,metric,value\n");
    (0..50_000).for_each(|i| text.push_str(&format!("{i},a,cpu,{}\n", (i * 7919) % 100_003)));
    let whole = gzip(&text);
    let cut = bench.file("cut.csv.gz", &whole[..whole.len() / 2]);
    let report = bench.import(std::slice::from_ref(&cut), &options());
    assert_eq!((report.files, report.rejected), (1, 1));
    assert!(report.samples > 1_000 && report.samples < 50_000);
    assert_eq!(report.errors[0].line, report.samples + 2, "the header, the samples, then the line that is cut");
    assert_eq!(
        report.errors[0].reason,
        "reading stopped here: the gzip data ends too early; what came before was taken"
    );
    for line in bench.stored().iter().take(2_000) {
        let fields: Vec<u64> = line.split(' ').skip(1).map(|field| field.parse().unwrap()).collect();
        assert_eq!(fields[1], (fields[0] / 1000 * 7919) % 100_003, "{line}");
    }
    assert_eq!(bench.import(&[cut], &strict()).outcome(), Outcome::Failed);
    // what a damaged file gives before its damage shows may look like samples: none of it is believed
    let before = bench.stored();
    for (name, mut flipped) in [("gzip", whole.clone()), ("zstd", checked_zstd(&text))] {
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        let report = bench.import(&[bench.file("flipped.csv", flipped)], &options());
        assert_eq!((report.samples, report.rejected), (0, 1), "{report:?}");
        assert!(
            report.errors[0].reason.starts_with(&format!("the {name} data is damaged, and nobody knows")),
            "{report:?}"
        );
    }
    assert_eq!(bench.stored(), before);
    let header_only = bench.file("tiny.csv.gz", &whole[..12]);
    assert_eq!(bench.import(&[header_only], &options()).outcome(), Outcome::Failed);
}

#[test]
fn pages_without_times_are_of_the_moment_and_of_the_node_their_file_is_named_after() {
    let bench = Bench::new();
    let inputs = [bench.file("db-1.prom", "# TYPE up gauge\nup{node=\"x\"} 1\n"), bench.file("db-2.prom", "up 0\n")];
    bench.import(&inputs, &options());
    assert_eq!(bench.stored(), ["db-1/up{node=\"x\"} 7000 1", "db-2/up 7000 0"]);
}

#[test]
fn what_begins_with_a_comment_or_is_json_is_not_read_as_a_table() {
    let bench = Bench::new();
    let table = "# machine;interval;CPU;%user\nvm;1;-1;70.15\n";
    let json = "[{\"values\":[1],\"time\":1795456024,\"plugin\":\"cpu\"}]\n";
    for input in [bench.file("table.csv", table), bench.file("collectd.json", json)] {
        let report = bench.import(&[input], &options());
        assert!(report.errors[0].reason.starts_with("no format that import reads"), "{report:?}");
        assert_eq!(report.outcome(), Outcome::Failed);
    }
    assert!(bench.stored().is_empty());
}

#[test]
fn a_format_that_is_asked_for_is_not_looked_for() {
    let bench = Bench::new();
    let page = [bench.file("x", "up{node=\"a\"} 1 1000\n")];
    let of = |format| bench.import(&page, &ImportOptions { format, ..options() });
    assert_eq!(of(Format::Prometheus).from.as_deref(), Some("1970-01-01T00:00:01.000Z"));
    assert_eq!(of(Format::OpenMetrics).from.as_deref(), Some("1970-01-01T00:16:40.000Z"));
    assert_eq!(of(Format::OpenMetrics).rejected, 1, "no # EOF");
    assert_eq!(of(Format::Csv).outcome(), Outcome::Failed);
}

#[test]
fn errors_name_the_thing_and_the_way_out() {
    let source = std::io::Error::other("no space left on device");
    let stage = ImportError::Stage { file: "-".into(), source }.to_string();
    insta::assert_snapshot!(stage, @"cannot stage - for strict reading: no space left on device; import it without --strict, or from a file");
}

#[test]
fn progress_goes_to_the_end_of_the_bytes() {
    let bench = Bench::new();
    let row = "1767571200,a,cpu,1\n";
    let file = bench.file("x.csv", format!("ts,node,metric,value\n{}", row.repeat(600_000)));
    let length = std::fs::metadata(bench.path("x.csv")).unwrap().len();
    let mut store = Store::open(&bench.path("nodebook.db"), StoreOptions::default()).unwrap();
    let mut told = Vec::new();
    import(&mut store, &[file], &options(), &mut |done, total| told.push((done, total))).unwrap();
    assert!(told.len() >= 2 && told.is_sorted());
    assert!(told.iter().all(|(done, total)| done <= total && *total == length));
}
