use proptest::prelude::*;

use super::super::collected::{Collected, collect, collect_in_pieces};
use super::*;
use crate::model::NodeName;

fn rule(given: Option<&str>) -> NodeRule {
    let name = |text: &str| NodeName::new(text).unwrap();
    NodeRule { given: given.map(name), fallback: name("file") }
}

fn read(text: &str) -> Collected {
    read_as(None, text)
}

fn read_as(given: Option<&str>, text: &str) -> Collected {
    collect(&mut CsvParser::new(rule(given)), text.as_bytes())
}

#[test]
fn long_rows_in_any_order_of_columns() {
    let text = "value;metric;timestamp_ms;node\n1.5;cpu;1000;a\n\n2;cpu;2000;b\n;cpu;3000;b\n";
    insta::assert_snapshot!(read(text), @r##"
    a/cpu 1000 1.5
    b/cpu 2000 2
    "##);
}

#[test]
fn labels_are_json_and_further_columns_are_labels() {
    let text = "time,node,metric,labels,value,rack\n\
                2026-11-23 14:00:00,'=db,disk,\"{\"\"mount\"\":\"\"/a,b\"\"}\",1,r1\n\
                2026-11-23T14:00:00+01:00,'=db,disk,\"{\"\"mount\"\":\"\"/a,b\"\"}\",2,r1\n\
                2026-11-23,x,disk,[],3,\n";
    insta::assert_snapshot!(read(text), @r##"
    =db/disk{mount="/a,b",rack="r1"} 1795442400000 1
    =db/disk{mount="/a,b",rack="r1"} 1795438800000 2
    refused
    4: column 4: labels are not a JSON object: invalid type: sequence, expected a map at line 1 column 0
    "##);
}

#[test]
fn wide_rows_as_our_own_export_writes_them() {
    let text = "\u{feff}timestamp,node,cpu_percent,\"disk_percent{mount=\"\"/\"\"}\"\r\n\
                1767571200,a,1,\r\n1767571200,b,,2\r\n1767571260,a,3,x\r\n1767571260,a\r\n";
    insta::assert_snapshot!(read(text), @r##"
    a/cpu_percent 1767571200000 1
    b/disk_percent{mount="/"} 1767571200000 2
    a/cpu_percent 1767571260000 3
    refused
    4: column 4: `x` is no number
    5: 2 fields, the header has 4
    "##);
}

fn notes(text: &str) -> Vec<String> {
    let mut parser = CsvParser::new(rule(None));
    collect(&mut parser, text.as_bytes());
    parser.notes()
}

/// Rows that differ in their pod only took each other's place.
#[test]
fn columns_of_text_are_labels() {
    let text = "timestamp,instance,pod,region,qps,\"errors{code=\"\"5xx\"\"}\",late\n\
                1,a,p1,\"x,y\",10,1,\n1,a,p2,\"x,y\",20,,\n2,a,p2,z,30,n/a,late\n2,a,,z,40,,7\n";
    insta::assert_snapshot!(read(text), @r#"
    a/qps{pod="p1",region="x,y"} 1000 10
    a/errors{code="5xx",pod="p1",region="x,y"} 1000 1
    a/qps{pod="p2",region="x,y"} 1000 20
    a/qps{pod="p2",region="z"} 2000 30
    a/qps{region="z"} 2000 40
    a/late{region="z"} 2000 7
    refused
    4: column 6: `n/a` is no number
    4: column 7: `late` is no number
    "#);
    assert_eq!(notes(text), ["columns `pod`, `region` are taken as labels"]);
    assert_eq!(read_as(Some("x"), "ts,node,pod,m\n1,a,p,2\n").lines(), ["x/m{node=\"a\",pod=\"p\"} 1000 2"]);
    // the first rows decide, and a column whose every value is bad is no label where it is the only one
    let rows = "1,ok,2\n".repeat(100);
    assert_eq!(read(&format!("ts,state,m\n{rows}2,7,3\n")).samples[100].0.to_string(), "file/m{state=\"7\"}");
    assert_eq!(read(&format!("ts,state,m\n1,5,1\n{rows}")).refused.len(), 100);
    assert_eq!(read("ts,m\n1,x\n").refused, ["2: column 2: `x` is no number"]);
    let long = "x".repeat(5_000);
    let read = read(&format!("ts,pod,m\n1,{long},1\n2,p,2\n"));
    assert_eq!((read.samples.len(), read.refused.len()), (1, 1));
    assert!(read.refused[0].starts_with("2: column 2: "), "{read}");
}

/// As JMeter writes its results.
#[test]
fn a_jtl_is_read() {
    let text = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,URL,Latency\n\
                1795457187000,12,GET /,200,OK,Users 1-1,text,true,,512,http://x/,11\n\
                1795457187001,40,GET /,Non HTTP response code: java.net.ConnectException,\"Refused, \"\"x\"\"\",Users 1-2,,false,no answer,0,http://x/,0\n";
    insta::assert_snapshot!(read(text), @r#"
    file/elapsed{URL="http://x/",dataType="text",label="GET /",responseCode="200",responseMessage="OK",success="true",threadName="Users 1-1"} 1795457187000 12
    file/bytes{URL="http://x/",dataType="text",label="GET /",responseCode="200",responseMessage="OK",success="true",threadName="Users 1-1"} 1795457187000 512
    file/Latency{URL="http://x/",dataType="text",label="GET /",responseCode="200",responseMessage="OK",success="true",threadName="Users 1-1"} 1795457187000 11
    file/elapsed{URL="http://x/",failureMessage="no answer",label="GET /",responseCode="Non HTTP response code: java.net.ConnectException",responseMessage="Refused, \"x\"",success="false",threadName="Users 1-2"} 1795457187001 40
    file/bytes{URL="http://x/",failureMessage="no answer",label="GET /",responseCode="Non HTTP response code: java.net.ConnectException",responseMessage="Refused, \"x\"",success="false",threadName="Users 1-2"} 1795457187001 0
    file/Latency{URL="http://x/",failureMessage="no answer",label="GET /",responseCode="Non HTTP response code: java.net.ConnectException",responseMessage="Refused, \"x\"",success="false",threadName="Users 1-2"} 1795457187001 0
    "#);
}

#[test]
fn the_node_is_asked_for_or_in_the_row_or_the_name_of_the_file() {
    let long = "ts,node,metric,value\n1,a,m,1\n";
    assert_eq!(read(long).lines(), ["a/m 1000 1"]);
    assert_eq!(read_as(Some("x"), long).lines(), ["x/m{node=\"a\"} 1000 1"]);
    let wide = "ts,m,\"m{host=\"\"h\"\"}\"\n1,1,2\n";
    assert_eq!(read(wide).lines(), ["file/m 1000 1", "h/m 1000 2"]);
    assert_eq!(read_as(Some("x"), "ts,node,m\n1,a,2\n").lines(), ["x/m{node=\"a\"} 1000 2"]);
}

#[test]
fn bad_lines_are_refused_with_their_number_and_the_good_ones_kept() {
    let text = "timestamp,node,metric,value\n\
                1,a,m,1\n\
                yesterday,a,m,1\n\
                -1,a,m,1\n\
                1,a,m,12\u{202e}x\n\
                1,a,m\n\
                1,\"a\"b,m,1\n\
                1,\"a,m,1\n\
                1,a,,1\n\
                1,a,m,1,2\n\
                2,a,m,NaN\n\
                3,a,m,-inf";
    insta::assert_snapshot!(read(text), @r##"
    a/m 1000 1
    a/m 2000 NaN
    a/m 3000 -inf
    refused
    3: column 1: `yesterday` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    4: column 1: time `-1` is outside 1970 to 9999
    5: column 4: `12\u{202e}x` is no number
    6: 3 fields, the header has 4
    7: column 2: a field that starts with a quote ends with one, right before the delimiter
    8: column 2: a field that starts with a quote ends with one, right before the delimiter
    9: column 3: the metric name is empty
    10: 5 fields, the header has 4
    "##);
}

#[test]
fn a_line_that_is_not_utf_8_is_refused() {
    let collected = collect(&mut CsvParser::new(rule(None)), b"ts,node,metric,value\n1,\xff,m,1\n1,a,m,2\n");
    insta::assert_snapshot!(collected, @r##"
    a/m 1000 2
    refused
    2: column 2: not UTF-8
    "##);
}

#[test]
fn a_stray_quote_hides_no_good_line() {
    let mut text = String::from("ts,node,metric,value\n1,\"a,m,1\n");
    (0..1000).for_each(|i| text.push_str(&format!("{i},b,m,1\n")));
    text.push_str("5,\"c\",m,1\n");
    let collected = read(&text);
    assert_eq!(collected.samples.len(), 1001);
    assert_eq!(
        collected.refused,
        ["2: column 2: a field that starts with a quote ends with one, right before the delimiter"]
    );
}

#[test]
fn a_quoted_line_feed_is_part_of_a_name() {
    let collected = read("ts,node,metric,value\n1,\"a\nb\",m,1\nx,a,m,1\n");
    assert_eq!(collected.lines(), ["a\nb/m 1000 1"]);
    assert!(collected.refused[0].starts_with("4: "), "lines inside quotes count");
}

#[test]
fn headers_that_say_nothing_are_refused_once() {
    for text in ["a,b\n1,2\n1,2\n", "time,node\n1,2\n", "time,a,a\n1,2,3\n"] {
        let collected = read(text);
        assert_eq!((collected.samples.len(), collected.refused.len()), (0, 1), "{text}");
    }
    insta::assert_snapshot!(read("a,b\n1,2\n"), @r##"
    refused
    1: no time column in the header `a,b`: expected one named timestamp, timestamp_ms, ts or time
    "##);
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_the_next_one_read() {
    let long = "x".repeat(3 * crate::ingest::limits::RECORD_BYTES_MAX);
    let text = format!("ts,node,metric,value\n1,{long},m,1\n2,a,m,2\nbad,a,m,1\n");
    let collected = read(&text);
    assert_eq!(collected.lines(), ["a/m 2000 2"]);
    assert!(collected.refused[0].starts_with("2: the line is longer"));
    assert!(collected.refused[1].starts_with("4: "));
}

fn name() -> impl Strategy<Value = String> {
    // what spreadsheets, CSV and JSON stumble over
    "[=+\\-@'\",;\t\r\n a-c\u{e9}\u{1f600}]{1,6}"
}

proptest! {
    #[test]
    fn never_panics_and_pieces_give_the_same_as_the_whole(text: Vec<u8>, size in 1usize..9) {
        let mut bytes = b"ts,node,metric,value\n".to_vec();
        bytes.extend(text);
        let whole = collect(&mut CsvParser::new(rule(None)), &bytes);
        let pieces = collect_in_pieces(&mut CsvParser::new(rule(None)), &bytes, size);
        prop_assert_eq!(whole.to_string(), pieces.to_string());
    }

    #[test]
    fn a_wide_file_gives_the_same_in_pieces(rows in "[0-9,\"\n\ra=';-]{0,80}", size in 1usize..9) {
        let bytes = format!("ts,node,pod,m\n{rows}").into_bytes();
        let whole = collect(&mut CsvParser::new(rule(None)), &bytes);
        let pieces = collect_in_pieces(&mut CsvParser::new(rule(None)), &bytes, size);
        prop_assert_eq!(whole.to_string(), pieces.to_string());
    }

    #[test]
    fn any_csv_like_text_gives_the_same_in_pieces(text in "[0-9,\"\n\ra=';-]{0,80}", size in 1usize..9) {
        let bytes = format!("ts,node,metric,value\n{text}").into_bytes();
        let whole = collect(&mut CsvParser::new(rule(None)), &bytes);
        let pieces = collect_in_pieces(&mut CsvParser::new(rule(None)), &bytes, size);
        prop_assert_eq!(whole.to_string(), pieces.to_string());
    }

    #[test]
    fn reads_what_a_csv_writer_writes(node in name(), metric in name(), label in name(), ms in 0i64..253_402_300_799_999, bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let marked = |text: &str| {
            let formula = text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']);
            if formula { format!("'{text}") } else { text.to_owned() }
        };
        let labels = crate::model::Labels::new([("k", label.as_str())]).unwrap();
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["timestamp", "node", "metric", "labels", "value"]).unwrap();
        let ts = crate::model::Timestamp::from_millis(ms);
        writer.write_record([ts.to_rfc3339(), marked(&node), marked(&metric), labels.to_json(), value.to_string()]).unwrap();
        let collected = collect(&mut CsvParser::new(rule(None)), &writer.into_inner().unwrap());
        prop_assert_eq!(&collected.refused, &Vec::<String>::new());
        let (key, at, read) = &collected.samples[0];
        prop_assert_eq!((key.node.as_str(), key.metric.as_str(), &key.labels), (node.as_str(), metric.as_str(), &labels));
        prop_assert_eq!((*at, read.to_bits()), (ts, bits));
    }
}
