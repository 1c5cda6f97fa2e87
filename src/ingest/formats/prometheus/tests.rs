use std::path::Path;

use proptest::prelude::*;

use super::super::collected::{Collected, collect, collect_in_pieces, shared};
use super::super::detect::{Detected, detect};
use super::*;
use crate::model::Kind;

fn parser(dialect: Dialect) -> PrometheusParser {
    parser_by(dialect, Rules::Lenient)
}

fn parser_by(dialect: Dialect, rules: Rules) -> PrometheusParser {
    let time_unit = match dialect {
        Dialect::Text => time::Unit::Millis,
        Dialect::OpenMetrics => time::Unit::Seconds,
    };
    let node = NodeRule { given: None, fallback: NodeName::new("page").unwrap() };
    PrometheusParser::new(Options { dialect, rules, time_unit, node, now: Timestamp::from_millis(7) })
}

fn read(text: &str) -> Collected {
    collect(&mut parser(Dialect::Text), text.as_bytes())
}

#[test]
fn samples_with_and_without_labels_and_times() {
    let text = "up 1\n up{node=\"a\"} 0 \nup{instance=\"b:9100\",mode=\"x\"}  1 1000\r\nx {a = \"1\" ,} +Inf\n\
                {\"any name\",\"any.key\"=\"v\"} -1\nx{a=\"\\\\ \\\" \\n\"} NaN\nx{}-0";
    insta::assert_snapshot!(read(text), @r##"
    page/up 7 1
    page/up{node="a"} 7 0
    b:9100/up{mode="x"} 1000 1
    page/x{a="1"} 7 inf
    page/any name{any.key="v"} 7 -1
    page/x{a="\\ \" \n"} 7 NaN
    page/x 7 -0
    "##);
}

#[test]
fn bad_lines_are_refused_and_the_page_kept() {
    let text = "metric{label=\"\\t\"} 3.14\nmetric{label=\"bla\"} blubb\n@invalid{label=\"bla\"} 3.14 2\nmetric{@=\"bla\"} 3.14\n\
                metric{label+=\"bla\"} 3.14\nmetric{label=\"bla\"} 3.14 2.x\nmetric{label=\"bla\" 3\nmetric\nmetric{a=\"1\",a=\"2\"} 1\n\
                metric{a=\"1\" b=\"2\"} 1\nmetric{a=1} 1\nmetric{a} 1\nmetric 1 2 3\nmetric 1 253402300800000\n# TYPE metric bla\n\
                # TYPE m counter\n# TYPE m gauge\n# TYPE\n# TYPE h histogram\nh_bucket{le=\"x\"} 1\nmetric 42\n";
    insta::assert_snapshot!(read(text), @r##"
    page/metric 7 42
    refused
    1: column 14: expected a label value with escapes \\, \" and \n only, found `"\t"}`
    2: column 21: `blubb` is no number
    3: column 1: expected a metric name, found `@invalid{label="bla"}`
    4: column 8: expected a label name, found `@="bla"}`
    5: column 13: expected `=`, found `+="bla"}`
    6: column 26: `2.x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    7: column 7: expected labels that end with `}`, found `{label="bla" 3`
    8: column 7: expected a value, found the end of the line
    9: column 1: label `a` is given twice
    10: column 14: expected `,` or `}`, found `b="2"}`
    11: column 10: expected a label value in quotes, found `1}`
    12: column 9: expected `=`, found `}`
    13: column 12: expected the end of the line, found `3`
    14: column 10: time `253402300800000` is outside 1970 to 9999
    15: column 15: expected counter, gauge, histogram, summary or untyped, found `bla`
    17: the type of `m` was given before
    18: column 7: expected a metric name, found the end of the line
    20: column 1: label `le` is no number, and the metric's type asks for one
    "##);
}

#[test]
fn a_label_is_given_once() {
    insta::assert_snapshot!(read("a{__name__=\"b\"} 1\na{x=\"1\",x=\"2\"} 1\na{x=\"1\",x=\"\"} 1\na{node=\"1\",node=\"2\"} 1 1000\na{x=\"1\"} 1\n"), @r#"
    page/a{x="1"} 7 1
    refused
    1: column 1: label `__name__` is given twice
    2: column 1: label `x` is given twice
    3: column 1: label `x` is given twice
    4: column 1: label `node` is given twice
    "#);
}

#[test]
fn types_give_kinds() {
    let text = "# HELP a Two\\nlines \\\\\n# TYPE a counter\na 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_created 1\n\
                # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 1\n# TYPE g gauge\n# UNIT g bytes\ng 1\n# TYPE u untyped\nu 1\nnothing 1\n";
    let collected = read(text);
    let said: Vec<String> = collected
        .meta
        .iter()
        .map(|(key, meta)| match meta {
            Some(meta) => format!("{}: {:?} {:?} {:?}", key.metric, meta.kind, meta.unit, meta.help),
            None => format!("{}: nothing", key.metric),
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r##"
    a: Some(Counter) None Some("Two lines \\")
    h_bucket: Some(Counter) None None
    h_sum: Some(Counter) None None
    h_created: Some(Gauge) None None
    s: Some(Gauge) None None
    s_count: Some(Counter) None None
    g: Some(Gauge) Some("bytes") None
    u: None None None
    nothing: nothing
    "##);
    assert_eq!(collected.refused, Vec::<String>::new());
    let again = format!("{text}{text}");
    assert_eq!(read(&again).refused, Vec::<String>::new(), "the next page of a target says the same types");
    assert!(collected.meta.iter().any(|(_, meta)| meta.as_ref().is_some_and(|m| m.kind == Some(Kind::Counter))));
}

#[test]
fn openmetrics_ends_with_its_mark() {
    let read = |text: &str| collect(&mut parser(Dialect::OpenMetrics), text.as_bytes());
    insta::assert_snapshot!(read("a_total 1 1.5 # {id=\"x\"} 1 2\n# EOF\n"), @"page/a_total 1500 1");
    insta::assert_snapshot!(read("a 1\n"), @r##"
    page/a 7 1
    refused
    2: the page does not end with # EOF: it may have been cut
    "##);
    insta::assert_snapshot!(read("# EOF\na 1\n# EOF\n"), @r##"
    refused
    2: nothing may follow # EOF
    3: nothing may follow # EOF
    "##);
}

#[test]
fn strict_pages_keep_the_rules_beyond_single_lines() {
    let read = |text: &str| {
        let page = collect(&mut parser_by(Dialect::OpenMetrics, Rules::Strict), format!("{text}# EOF\n").as_bytes());
        page.refused.first().cloned().unwrap_or_default()
    };
    let good = "# HELP a he\\n\\\\l\\tp\n# TYPE a counter\na_total{foo=\"b\\\\a\\z\"} 1 1.5 # {id=\"x\"} 1 2\na_created{foo=\"b\\\\a\\z\"} 1 1.5\n\
                # TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n\
                {\"any name\",\"any key\"=\"v\"} -1\n# TYPE s stateset\ns{s=\"x\"} 1\ns{s=\"y\"} 0\n# UNIT g_bytes bytes\n";
    assert_eq!(read(good), "");
    // One histogram at two times; what is said twice of one moment is passed over, in any order of labels.
    let point = |time: &str| {
        [
            "h_bucket{le=\"1\",a=\"x\"} 1",
            "h_bucket{a=\"x\",le=\"1\"} 0",
            "h_bucket{a=\"x\",le=\"+Inf\"} 2",
            "h_count{a=\"x\"} 2",
            "h_sum{a=\"x\"} 3",
        ]
        .map(|line| format!("{line} {time}\n"))
        .concat()
    };
    assert_eq!(read(&format!("# TYPE h histogram\n{}{}", point("1"), point("2"))), "");
    // The second time is the later one.
    assert_eq!(read("a 1 2\na 1 1.123456789e5\n"), "");
    let bad = [
        "a 1\n\n",
        "a  1\n",
        "a 1 \n",
        "a 1\r\n",
        "a{b=\"1\",} 1\n",
        "a 1\n# HELP a x\n",
        "# TYPE a untyped\n",
        "# TYPE a counter\na 1\n",
        "a 1\nb 1\na{x=\"1\"} 1\n",
        "# UNIT a bytes\n",
        "a 1 2\na 1 1\n",
        "a 1 2\na 1\n",
        "a{x=\"1\",y=\"2\"} 1\na{x=\"1\"} 1\na{x=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n",
        "# TYPE h histogram\nh_bucket{le=\"inf\"} 1\n",
        "# TYPE s stateset\ns{s=\"x\"} 2\n",
        "# TYPE a gauge\na 1 # {x=\"1\"} 1\n",
        "# TYPE a counter\na_total NaN\n",
        "# a comment\n",
        "a 1_0\n",
        "a 0x1p3\n",
    ];
    insta::assert_snapshot!(bad.map(read).join("\n"), @r#"
    2: column 1: expected a sample or a comment, no blank line, found the end of the line
    1: column 3: `` is no number
    1: column 5: `` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
    1: column 3: `1\r` is no number
    1: column 9: expected a name, found `} 1`
    2: `a`: a family is described before its samples
    1: `a`: its type is none of OpenMetrics
    3: `a`: a family stands in one place, and its names are no other family's
    4: `a`: a family stands in one place, and its names are no other family's
    2: `a`: the name of a family with a unit ends with it
    2: `a`: times of one label set do not go back
    2: `a`: of one label set all samples have a time, or none
    4: `a`: samples of one label set stand together
    3: `h`: buckets ascend by `le`
    3: `h`: a histogram has a bucket with le="+Inf"
    2: `h`: a bucket has a number as `le`, infinity as +Inf
    2: `s`: a state is 0 or 1
    2: `a`: only buckets and the totals of counters have exemplars
    2: `a`: what is counted is a number
    1: column 3: expected HELP, TYPE, UNIT or EOF, found `a comment`
    1: column 3: `1_0` is no number
    1: column 3: `0x1p3` is no number
    "#);
}

fn cases(folder: &Path) -> Vec<(String, bool, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries
        .map(|path| {
            let said = std::fs::read_to_string(path.join("test.json")).unwrap();
            let good = serde_json::from_str::<serde_json::Value>(&said).unwrap()["shouldParse"].as_bool().unwrap();
            (path.display().to_string(), good, std::fs::read(path.join("metrics")).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_good_case_of_openmetrics_is_taken_and_every_bad_one_refused() {
    let Some(folder) = shared("openmetrics/parsers") else { return };
    let cases = cases(&folder);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, good, page)| {
            let refused = collect(&mut parser_by(Dialect::OpenMetrics, Rules::Strict), page).refused;
            (*good != refused.is_empty()).then(|| format!("{name}: {refused:?}"))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(cases.iter().filter(|(_, good, _)| *good).count() >= 22 && cases.len() >= 106, "{}", cases.len());
}

fn read_page(path: &Path) -> Collected {
    let bytes = std::fs::read(path).unwrap();
    let Ok(Detected::Exposition { dialect, time_unit }) = detect(&bytes, true) else {
        panic!("{} is not taken for a page", path.display())
    };
    let mut parser = parser(dialect);
    parser.options.time_unit = time_unit;
    collect(&mut parser, &bytes)
}

#[test]
fn real_pages_have_the_counts_and_sums_of_an_independent_parser() {
    let Some(folder) = shared("fixtures/exposition") else { return };
    let counts = std::fs::read_to_string(folder.join("COUNTS.tsv")).unwrap();
    for row in counts.lines().filter(|line| !line.starts_with('#') && !line.starts_with("file")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let file = fields[0];
        let page = read_page(&folder.join(file));
        assert_eq!(page.refused, Vec::<String>::new(), "{file}");
        // where the other parser gave up there is only the number of lines that are no comment
        let known = |field: usize| fields.get(field).filter(|text| !text.is_empty());
        let expected = known(2).unwrap_or(&fields[1]).parse::<usize>().unwrap();
        assert_eq!(page.samples.len(), expected, "{file}");
        let (Some(with_time), Some(sum)) = (known(4), known(5)) else { continue };
        let timed = page.samples.iter().filter(|(_, ts, _)| ts.millis() != 7).count();
        assert_eq!(timed.to_string(), **with_time, "{file}: samples with a time");
        // one page has the largest number there is, which the other sum leaves out
        let finite = page.samples.iter().map(|(_, _, value)| *value).filter(|value| value.abs() < 1e308);
        let (sum, expected) = (finite.sum::<f64>(), sum.parse::<f64>().unwrap());
        assert!((sum - expected).abs() <= expected.abs() * 1e-12, "{file}: sum {sum}, expected {expected}");
        let mut names: Vec<&str> = page.samples.iter().map(|(key, _, _)| key.metric.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len().to_string(), fields[3], "{file}: distinct names");
    }
}

#[test]
fn the_corpus_of_the_reference_parser_is_judged_as_there() {
    let Some(folder) = shared("fixtures/expfmt") else { return };
    for entry in std::fs::read_dir(folder.join("corpus")).unwrap() {
        let path = entry.unwrap().path();
        let page = collect(&mut parser(Dialect::Text), &std::fs::read(&path).unwrap());
        let bad = path.to_string_lossy().contains("_error_");
        assert_eq!(bad, !page.refused.is_empty(), "{}: {:?}", path.display(), page.refused);
    }
    let page = read_page(&folder.join("text.prom"));
    assert_eq!(page.refused, Vec::<String>::new());
    assert!(page.samples.len() > 100);
}

proptest! {
    #[test]
    fn never_panics_and_pieces_give_the_same_as_the_whole(text: Vec<u8>, size in 1usize..9) {
        let whole = collect(&mut parser(Dialect::Text), &text);
        prop_assert_eq!(whole.to_string(), collect_in_pieces(&mut parser(Dialect::Text), &text, size).to_string());
    }

    #[test]
    fn never_panics_on_nearly_right_text(text in "[a-c{}=\",\\\\ #\n0-9.TYPEHL]{0,60}") {
        let page = collect(&mut parser(Dialect::OpenMetrics), text.as_bytes());
        prop_assert!(page.samples.len() <= text.lines().count());
    }

    #[test]
    fn reads_what_is_printed(name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", key in "[a-zA-Z_][a-z0-9_]{0,8}", value in "\\PC{0,8}[\\\\\"\n]{0,2}", bits: u64, ms in 0i64..253_402_300_799_999) {
        prop_assume!(!NodeRule::LABELS.contains(&key.as_str()));
        let number = f64::from_bits(bits);
        prop_assume!(!number.is_nan());
        let labels = Labels::new([(&key, &value)]).unwrap();
        let page = read(&format!("{name}{labels} {number} {ms}\n"));
        prop_assert_eq!(&page.refused, &Vec::<String>::new());
        let (series, ts, read) = &page.samples[0];
        prop_assert_eq!((series.metric.as_str(), &series.labels), (name.as_str(), &labels));
        prop_assert_eq!((ts.millis(), read.to_bits()), (ms, bits));
    }
}
