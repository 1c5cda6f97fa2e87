//! Samples out as CSV.

use std::io::Read;

use super::harness::{Project, SMALL_SAMPLES, figure};

#[test]
fn long_rows_are_a_sample_each() {
    let project = Project::new().with_small_cluster();
    project.run(["export", "-o", "a.csv"]).ok();
    let csv = project.read("a.csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("timestamp,node,metric,labels,value"));
    assert_eq!(lines.clone().count() as u64, SMALL_SAMPLES);
    assert!(lines.any(|line| line == "2026-01-05T00:00:10.000Z,db-3,cpu_percent,,31"), "{}", &csv[..400]);
}

#[test]
fn wide_rows_are_a_time_and_node_each() {
    let project = Project::new().with_small_cluster();
    let csv = project.run(["export", "--shape", "wide", "--time", "s", "--node", "db-1", "-o", "-"]).ok().stdout();
    assert_eq!(csv.lines().count(), 361);
    assert_eq!(csv.lines().next(), Some("timestamp,node,cpu_percent,disk_read_bytes_total,load1,memory_percent"));
    assert_eq!(csv.lines().nth(1), Some("1767571200,db-1,10,0,0.1,41.5"));
}

#[test]
fn compressed_by_the_ending_or_by_the_flag() {
    let project = Project::new().with_small_cluster();
    let plain = project.run(["export", "-o", "-"]).ok().stdout();
    project.run(["export", "-o", "a.csv.gz"]).ok();
    let piped = project.run(["export", "--format", "csv.gz", "-o", "-"]).ok();
    for bytes in [project.bytes("a.csv.gz"), piped.stdout_bytes().to_vec()] {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert!(text == plain);
    }
}

/// A counter's growth across a gap was one number in SQL and another in an export of the same buckets.
#[test]
fn a_counter_grows_by_the_same_in_sql_and_in_an_export_across_a_gap() {
    let project = Project::new();
    let start = 1_767_571_200_000_i64;
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for minute in (0..60).filter(|minute| !(20..40).contains(minute)) {
        csv += &format!("{},db-1,requests_total,{}\n", start + minute * 60_000, minute * 100);
    }
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    for (step, from, grown) in [
        ("5m", "2026-01-05T00:00:00Z", 3_800.0), // nobody saw the 20 minutes of the gap
        ("1h", "2026-01-05T00:00:00Z", 5_900.0), // within a bucket there is none
        ("5m", "2026-01-05T00:45:00Z", 1_500.0), // with the step from the sample before
    ] {
        let sql =
            format!("SELECT sum(increase) AS grown FROM buckets('requests_total', NULL, '{from}', NULL, '{step}')");
        assert_eq!(project.sql(&sql), grown, "{step} from {from}");
        let every =
            ["export", "--from", from, "--to", "2026-01-05T01:00:00Z", "--every", step, "--agg", "increase", "-o", "-"];
        let out = project.run(every).ok().stdout();
        let values = out.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap());
        assert_eq!(values.sum::<f64>(), grown, "{step} from {from}: {out}");
    }
}

#[test]
fn a_range_is_half_open() {
    let project = Project::new().with_small_cluster();
    let rows = |from: &str, to: &str| {
        let range = ["export", "--metric", "load1", "--node", "db-1", "--from", from, "--to", to, "-o", "-"];
        project.run(range).ok().stdout().lines().count() - 1
    };
    assert_eq!(rows("2026-01-05 00:10:00", "2026-01-05 00:20:00"), 60);
    assert_eq!(rows("2026-01-05 00:10:00", "2026-01-05 00:10:10"), 1);
}

#[test]
fn a_cell_cannot_become_a_formula() {
    let project = Project::new();
    let csv = b"timestamp_ms,node,metric,value\n1767571200000,=cmd|' /C calc'!A0,load1,-1\n";
    project.run_with(["import", "-"], csv).ok();
    let out = project.run(["export", "-o", "-"]).ok().stdout();
    assert!(!out.contains(",="), "{out}");
    assert!(out.trim_end().ends_with(",-1"), "a negative number stays one: {out}");
    project.run_with(["import", "--db", "copy.db", "-"], out.as_bytes()).ok();
    let name = project.run(["sql", "--db", "copy.db", "--format", "json", "SELECT name FROM node"]).ok().json();
    assert_eq!(name[0]["name"], "=cmd|' /C calc'!A0", "and the name comes back as it was");
}

#[test]
fn nothing_is_lost_between_export_and_import() {
    let values = [
        "0",
        "-0",
        "5e-324",
        "1.7976931348623157e308",
        "9007199254740993",
        "0.1",
        "1e21",
        "inf",
        "-inf",
        "NaN",
        "StaleNaN",
    ];
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for (i, value) in values.iter().enumerate() {
        csv += &format!("{},\"a,\"\"b\"\"\n\",m,\"{{\"\"k\"\":\"\"ü\"\"}}\",{value}\n", 1_767_571_200_000 + i as i64);
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let first = project.run(["export", "--time", "ms", "-o", "-"]).ok().stdout();
    project.run_with(["import", "--db", "copy.db", "-"], first.as_bytes()).ok();
    assert_eq!(project.run(["export", "--db", "copy.db", "--time", "ms", "-o", "-"]).ok().stdout(), first);
    assert_eq!(first.matches("ü").count(), values.len());
    assert!(first.ends_with(",StaleNaN\n"), "a stale marker is not a plain NaN: {first}");
    figure(format_args!(
        "8 | NaN, Inf, -0, 5e-324, 2^53+1, a stale marker, out and in again | {} numbers | bit for bit",
        values.len()
    ));
}

#[test]
fn aggregates_are_a_row_a_bucket() {
    let project = Project::new().with_small_cluster();
    let select = ["export", "--metric", "cpu_percent", "--node", "db-2", "--every", "30m", "--time", "s"];
    let run = |aggs: &[&str]| project.run(select.iter().chain(aggs).copied().chain(["-o", "-"])).ok().stdout();
    insta::assert_snapshot!(run(&["--agg", "count,min,max,p50"]), @"
    timestamp,node,metric,labels,count,min,max,p50
    1767571200,db-2,cpu_percent,,180,20,26,23
    1767573000,db-2,cpu_percent,,180,20,26,23
    ");
    assert!(run(&[]).starts_with("timestamp,node,metric,labels,avg\n"));
    project.run(["export", "--agg", "p101", "--every", "1h", "-o", "-"]).fails(2);
}

#[test]
fn a_wide_export_of_any_names_comes_back_as_it_was() {
    let names =
        ["value", "metric", "time", " lead", "{a", "x{b=\"c\"}", "load 1", "=1+1", "a\"b\nc\\", "\u{a0}", "node"];
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for (i, name) in names.iter().enumerate() {
        let cell = format!("\"{}\"", name.replace('"', "\"\""));
        let labels = format!("\"{}\"", serde_json::json!({*name: *name}).to_string().replace('"', "\"\""));
        csv += &format!("1767571200000,n,{cell},,{i}\n1767571200000,n,{cell},{labels},{i}.5\n");
    }
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let long = project.run(["export", "-o", "-"]).ok().stdout();
    let wide = project.run(["export", "--shape", "wide", "-o", "-"]).ok().stdout();
    project.run_with(["import", "--db", "copy.db", "-"], wide.as_bytes()).ok();
    assert_eq!(project.run(["export", "--db", "copy.db", "-o", "-"]).ok().stdout(), long);
}

/// Everything a format can say, hostile names too, out and in again: the table of all samples is the same text.
#[test]
fn what_goes_out_in_a_lossless_format_comes_in_again_bit_for_bit() {
    let csv = "timestamp_ms,node,metric,labels,value\n\
               1767571200000,a,load1,,0.1\n1767571200001,a,load1,,-0\n1767571210000,a,load1,,5e-324\n1767571220000,a,load1,,9007199254740993\n1767571230000,a,load1,,1.7976931348623157e308\n\
               1767571200000,=b,\"any, \"\"name\"\"\",\"{\"\"node\"\":\"\"x\"\",\"\"exported_node\"\":\"\"y\"\",\"\"a.b c\"\":\"\"=1+1\\n\\\\\"\"}\",1\n\
               1767571200000,h,up,\"{\"\"host\"\":\"\"other\"\",\"\"instance\"\":\"\"i:1\"\"}\",2\n";
    let odd = "timestamp_ms,node,metric,value\n1767571200000,a,odd,NaN\n1767571200001,a,odd,StaleNaN\n1767571200002,a,odd,+Inf\n1767571200003,a,odd,-Inf\n";
    let project = Project::new().file("a.csv", csv);
    project.run(["import", "a.csv"]).ok();
    let all = |db: &str| project.run(["export", "--from", "1970-01-02", "--db", db, "-o", "-"]).ok().stdout();
    let finite = all("nodebook.db");
    let goes_round = |ending: &str, expected: &str| {
        let (file, db) = (format!("all.{ending}"), format!("{ending}.db"));
        project.run(["export", "--from", "1970-01-02", "-o", &file]).ok();
        let again = format!("again.{ending}");
        project.run(["export", "--from", "1970-01-02", "-o", &again]).ok();
        assert!(project.bytes(&file) == project.bytes(&again), "{ending}: the same samples give the same bytes");
        let told = project.run(["import", "--json", "--db", &db, &file]).ok().json();
        assert_eq!(told["rejected"], 0, "{ending}: {told}");
        assert_eq!(all(&db), expected, "{ending}");
    };
    for ending in ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "om", "om.zst", "parquet"] {
        goes_round(ending, &finite);
    }
    project.run(["export", "--node", "a", "--from", "1970-01-02", "-o", "all.lp"]).ok();
    project.run(["import", "--db", "lp.db", "all.lp"]).ok();
    let of_a = project.run(["export", "--node", "a", "--from", "1970-01-02", "-o", "-"]).ok().stdout();
    assert_eq!(all("lp.db"), of_a);

    project.run_with(["import", "-"], odd.as_bytes()).ok();
    let everything = all("nodebook.db");
    for db in ["csv.db", "jsonl.db", "parquet.db"] {
        std::fs::remove_file(project.path(db)).unwrap();
    }
    for ending in ["csv", "jsonl", "parquet"] {
        goes_round(ending, &everything);
    }
    let said = project.run(["export", "--metric", "odd", "--from", "1970-01-02", "-o", "odd.lp"]).code(4).stderr();
    assert!(said.contains("4 samples left out"), "{said}");
    project.run(["export", "-o", "x.parquet.gz"]).code(2);
    project.run(["export", "--every", "5m", "-o", "x.jsonl"]).code(2);
}

/// A row a series and bucket: the numbers of the export are those that SQL gives for the same buckets, to the last bit.
#[test]
fn a_rollup_says_what_sql_says() {
    let project = Project::new().with_small_cluster();
    let out =
        project.run(["export", "--every", "5m", "--agg", "avg,min,max,p95,count", "--time", "ms", "-o", "-"]).ok();
    let mut reader = csv::Reader::from_reader(out.stdout_bytes());
    let exported: Vec<Vec<String>> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let (names, numbers) = (row.iter().skip(1).take(3), row.iter().skip(4));
            let numbers = numbers.map(|number| format!("{:?}", number.parse::<f64>().unwrap()));
            [row[0].to_owned()].into_iter().chain(names.map(str::to_owned)).chain(numbers).collect()
        })
        .collect();
    let query = "SELECT t, node, metric, coalesce(labels, '') AS labels, avg, min, max, p95, count \
                 FROM buckets('*', NULL, NULL, NULL, '5m') ORDER BY t, node, metric, labels";
    let told = project.run(["sql", "--format", "json", query]).ok().json();
    let from_sql: Vec<Vec<String>> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let number = |key: &&str| format!("{:?}", row[*key].as_f64().unwrap());
            let names = [row["t"].to_string(), text("node"), text("metric"), text("labels")];
            names.into_iter().chain(["avg", "min", "max", "p95", "count"].iter().map(number)).collect()
        })
        .collect();
    assert!(exported.len() > 100, "{}", exported.len());
    assert_eq!(exported, from_sql);
}
