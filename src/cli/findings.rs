//! Findings for eyes, tickets and spreadsheets.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::output::{self, Align};
use crate::analyse::FindingKind;
use crate::analyse::findings::{SHOWN_GAPS_MAX, SHOWN_INFO_MAX, SHOWN_MAX};
use crate::export::push_csv_text;
use crate::model::Timestamp;
use crate::query::summary::{Finding, Severity};

/// What is said where nothing is found.
pub const NOTHING: &str = "nothing found";

/// Columns of the table of findings.
const COLUMNS: &[(&str, Align)] = &[
    ("severity", Align::Left),
    ("kind", Align::Left),
    ("from", Align::Left),
    ("to", Align::Left),
    ("finding", Align::Left),
];

/// A line a finding; of each kind the first ones, and how many more there are.
pub fn table(findings: &[Finding], zone: Tz) -> String {
    if findings.is_empty() {
        return NOTHING.to_owned();
    }
    let (shown, more) = shown(findings);
    let form = form_of(&shown);
    let row = |f: &&Finding| {
        let (from, to) = (local(&f.from, zone, form), local(&f.to, zone, form));
        vec![word(f.severity).to_owned(), f.kind.to_owned(), from, to, f.text.clone()]
    };
    output::table(COLUMNS, shown.iter().map(row)) + &more.concat()
}

/// The same as a Markdown list.
pub fn markdown(findings: &[Finding], zone: Tz) -> String {
    if findings.is_empty() {
        return format!("- {NOTHING}\n");
    }
    let (shown, more) = shown(findings);
    let form = form_of(&shown);
    let line = |f: &&Finding| {
        let (from, to) = (local(&f.from, zone, form), local(&f.to, zone, form));
        format!("- {}, {from} to {to}: {}\n", word(f.severity), output::markdown(&f.text))
    };
    shown.iter().map(line).chain(more.iter().map(|more| format!("- {more}"))).collect()
}

fn form_of(shown: &[&Finding]) -> &'static str {
    form(shown.iter().flat_map(|f| [f.from.as_str(), f.to.as_str()]))
}

/// Comma-separated, a row a finding.
pub fn csv(findings: &[Finding]) -> String {
    let mut rows = b"kind,severity,node,metric,from,to,value,expected,unit,text\n".to_vec();
    for f in findings {
        let number = |v: f64| if v.is_finite() { v.to_string() } else { String::new() };
        let text = |name: &Option<String>| name.clone().unwrap_or_default();
        let cells = [f.kind.to_owned(), word(f.severity).to_owned(), text(&f.node), text(&f.metric)];
        let (from, to, unit) = (f.from.clone(), f.to.clone(), f.unit.clone());
        cells.iter().chain([&from, &to]).for_each(|cell| {
            push_csv_text(&mut rows, cell);
            rows.push(b',');
        });
        // A number that is negative is no formula.
        rows.extend(format!("{},{},", number(f.value), number(f.expected)).bytes());
        push_csv_text(&mut rows, &unit);
        rows.push(b',');
        push_csv_text(&mut rows, &f.text);
        rows.push(b'\n');
    }
    String::from_utf8_lossy(&rows).into_owned()
}

/// The findings that are shown one by one, and a line for each kind that has more.
fn shown(findings: &[Finding]) -> (Vec<&Finding>, Vec<String>) {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut is_shown = |f: &&Finding| {
        let (shown, more) = counts.entry(f.kind).or_default();
        let max = match f.severity {
            Severity::Info => SHOWN_INFO_MAX,
            Severity::Warn if f.kind == FindingKind::Coverage.as_str() => SHOWN_GAPS_MAX,
            Severity::Warn | Severity::Bad => SHOWN_MAX,
        };
        let fits = *shown < max;
        *(if fits { shown } else { more }) += 1;
        fits
    };
    let shown = findings.iter().filter(|f| is_shown(f)).collect();
    let more = counts.iter().filter(|(_, (_, more))| *more > 0);
    let more = more.map(|(kind, (_, n))| format!("and {n} smaller ones of kind {kind} (--format json has them)\n"));
    (shown, more.collect())
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Bad => "bad",
    }
}

/// How a moment is written into the text of a finding: as programs want it, or for eyes in their zone.
pub fn moments(zone: Option<Tz>) -> impl Fn(Timestamp) -> String {
    move |t| match zone {
        Some(zone) => t.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        None => t.to_rfc3339(),
    }
}

/// Both ends of a stretch, RFC 3339, in the zone of the reader.
pub fn stretch(from: &str, to: &str, zone: Tz) -> (String, String) {
    let form = form([from, to].into_iter());
    (local(from, zone, form), local(to, zone, form))
}

/// To the minute; what lies within half an hour to the second.
fn form<'a>(times: impl Iterator<Item = &'a str>) -> &'static str {
    const SHORT_MS: i64 = 1_800_000;
    let times: Vec<i64> =
        times.filter_map(|time| Some(time.parse::<DateTime<Utc>>().ok()?.timestamp_millis())).collect();
    match times.iter().max().zip(times.iter().min()) {
        Some((last, first)) if last - first <= SHORT_MS => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M",
    }
}

fn local(time: &str, zone: Tz, form: &str) -> String {
    time.parse::<DateTime<Utc>>().map_or_else(|_| time.to_owned(), |t| t.with_timezone(&zone).format(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(text: &str) -> Finding {
        Finding {
            kind: "anomaly",
            severity: Severity::Warn,
            node: Some("=a".to_owned()),
            metric: Some("load1".to_owned()),
            from: "2026-01-05T10:00:00.000Z".to_owned(),
            to: "2026-01-05T11:30:00.000Z".to_owned(),
            text: text.to_owned(),
            value: -1.5,
            expected: f64::NAN,
            unit: String::new(),
        }
    }

    #[test]
    fn a_line_a_finding_in_the_zone_of_the_reader_and_the_others_counted() {
        let few = [finding("load1 on <b> [x](y) was odd\x1b[2J")];
        insta::assert_snapshot!(table(&few, Tz::Europe__Berlin), @"
        severity  kind     from              to                finding
        warn      anomaly  2026-01-05 11:00  2026-01-05 12:30  load1 on <b> [x](y) was odd[2J
        ");
        insta::assert_snapshot!(markdown(&few, Tz::UTC), @r"- warn, 2026-01-05 10:00 to 2026-01-05 11:30: load1 on &lt;b> \[x\](y) was odd\[2J");
        let many = vec![finding("x"); SHOWN_MAX + 3];
        assert!(table(&many, Tz::UTC).ends_with("\nand 3 smaller ones of kind anomaly (--format json has them)\n"));
        let gaps = vec![Finding { kind: "coverage", ..finding("x") }; SHOWN_GAPS_MAX + 10];
        assert!(table(&gaps, Tz::UTC).ends_with("\nand 10 smaller ones of kind coverage (--format json has them)\n"));
        assert_eq!(
            (table(&[], Tz::UTC).as_str(), markdown(&[], Tz::UTC).as_str()),
            ("nothing found", "- nothing found\n")
        );
    }

    #[test]
    fn a_spreadsheet_runs_no_name() {
        insta::assert_snapshot!(csv(&[finding("a, \"b\"")]), @r#"
        kind,severity,node,metric,from,to,value,expected,unit,text
        anomaly,warn,'=a,load1,2026-01-05T10:00:00.000Z,2026-01-05T11:30:00.000Z,-1.5,,,"a, ""b"""
        "#);
    }
}
