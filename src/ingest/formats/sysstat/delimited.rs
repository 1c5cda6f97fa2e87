//! `sadf -d` (`;`, a heading of columns for each report) and `sadf -p` (TAB, a value a line).

use super::super::emitter::{Emitter, Point};
use super::super::lines::{LineFormat, Lines};
use super::super::local_time::LocalTime;
use super::super::{NodeRule, Parser, Reason, Sink, Stop, number};
use super::fields;

/// For one file; times that are local ones are of `zone`.
pub fn parser(node: NodeRule, zone: chrono_tz::Tz) -> Box<dyn Parser> {
    Box::new(Lines::new(Delimited { emitter: Emitter::new(node), local: LocalTime::new(zone), columns: Vec::new() }))
}

#[derive(Debug)]
struct Delimited {
    emitter: Emitter,
    local: LocalTime,
    columns: Vec<Column>,
}

#[derive(Debug)]
enum Column {
    /// Says which one a row is about.
    Label(String),
    Metric(String),
}

const HEADING: &[u8] = b"# hostname;interval;timestamp";

/// Whether a line is one of this format, for detection.
pub(in super::super) fn looks_like(line: &[u8]) -> bool {
    let mut parts = line.split(|byte| *byte == b'\t');
    let interval = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') && !text.is_empty();
    let is_row = parts.next().is_some()
        && parts.next().is_some_and(interval)
        && parts
            .next()
            .is_some_and(|time| super::super::time::parse(time, super::super::time::Unit::Seconds).is_some())
        && parts.count() == 3;
    line.starts_with(HEADING) || is_row
}

impl LineFormat for Delimited {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        let Ok(line) = std::str::from_utf8(text) else {
            return sink.refuse(number, &Reason::NotUtf8 { column: 1 });
        };
        if line.is_empty() {
            return Ok(());
        }
        if let Some(columns) = line.strip_prefix('#') {
            return self.heading(number, columns, sink);
        }
        let result = match line.find([';', '\t']).map(|at| &line[at..=at]) {
            Some("\t") => self.one(number, line, sink),
            _ => self.row(number, line, sink),
        };
        match result {
            Ok(done) => done,
            Err(reason) => sink.refuse(number, &reason),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.local.note().into_iter().collect()
    }
}

impl Delimited {
    fn heading(&mut self, line: u64, columns: &str, sink: &mut dyn Sink) -> Result<(), Stop> {
        if columns.contains("[...]") {
            self.columns.clear();
            return sink.refuse(line, &Reason::Input("sadf -h puts several rows on one line: leave -h out".to_owned()));
        }
        let columns = columns.split(';').skip(3);
        let report = fields::report_of(columns.clone());
        let column = |name: &str| match fields::label_of(name) {
            Some(label) => Column::Label(label),
            None => Column::Metric(fields::metric(report, name)),
        };
        self.columns = columns.map(column).collect();
        Ok(())
    }

    /// `host;interval;time;…`, as the heading says.
    fn row<'a>(&mut self, line: u64, text: &'a str, sink: &mut dyn Sink) -> Result<Result<(), Stop>, Reason<'a>> {
        let fields: Vec<&str> = text.split(';').collect();
        if is_event(&fields) {
            return Ok(Ok(()));
        }
        let expected = self.columns.len() + 3;
        if fields.len() != expected || expected == 3 {
            return Err(Reason::Fields { found: fields.len(), expected });
        }
        let (node, ms) = (fields[0], self.time(fields[2])?);
        let mut labels: Vec<(&str, &str)> = Vec::new();
        let mut refused = None;
        for (i, (column, field)) in self.columns.iter().zip(&fields[3..]).enumerate() {
            match column {
                Column::Label(label) => labels.push((label, if *field == "-1" { "all" } else { field })),
                Column::Metric(metric) => match number::parse(field.as_bytes()) {
                    Some(value) => {
                        let point = Point { node: Some(node), metric, labels: &labels, meta: None, ms, value };
                        if let Err(stop) = self.emitter.take(line, &point, sink) {
                            return Ok(Err(stop));
                        }
                    }
                    None => refused = Some(Reason::Value { column: i + 4, text: field.as_bytes() }),
                },
            }
        }
        refused.map_or(Ok(Ok(())), Err)
    }

    /// `host TAB interval TAB time TAB which TAB column TAB value`
    fn one<'a>(&mut self, line: u64, text: &'a str, sink: &mut dyn Sink) -> Result<Result<(), Stop>, Reason<'a>> {
        let fields: Vec<&str> = text.split('\t').collect();
        if is_event(&fields) {
            return Ok(Ok(()));
        }
        let [node, _, time, which, column, value] = fields[..] else {
            return Err(Reason::Fields { found: fields.len(), expected: 6 });
        };
        let ms = self.time(time)?;
        let value = number::parse(value.as_bytes()).ok_or(Reason::Value { column: 6, text: value.as_bytes() })?;
        let report = fields::report_of_column(column);
        let key = match report {
            "cpu" => "cpu",
            "net" => "interface",
            "disk" => "device",
            _ => "item",
        };
        let which = which.strip_prefix("cpu").filter(|_| report == "cpu").unwrap_or(which);
        let labels = [(key, which)];
        let labels = if which == "-" { &labels[..0] } else { &labels[..] };
        let metric = fields::metric(report, column);
        Ok(self.emitter.take(line, &Point { node: Some(node), metric: &metric, labels, meta: None, ms, value }, sink))
    }

    fn time<'a>(&mut self, text: &'a str) -> Result<i64, Reason<'a>> {
        self.local.read(text.as_bytes()).ok_or(Reason::Time { column: 3, text: text.as_bytes() })
    }
}

/// Restarts and comments are no samples.
fn is_event(fields: &[&str]) -> bool {
    fields.get(3).is_some_and(|text| text.starts_with("LINUX-RESTART") || text.starts_with("COM"))
        && fields.get(1).is_some_and(|interval| interval.starts_with('-') || fields.len() < 6)
}

#[cfg(test)]
mod tests {
    use super::super::super::collected::{collect, rule, shared};
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn read(text: &str, zone: Tz) -> String {
        collect(parser(rule(), zone).as_mut(), text.as_bytes()).to_string()
    }

    #[test]
    fn a_heading_names_the_columns_below_it() {
        let text = "# hostname;interval;timestamp;CPU;%user;%idle\nvm;1;2026-11-23 18:06:26;-1;70.15;0.00\nvm;-1;2026-11-23 18:06:27;LINUX-RESTART\t(2 CPU)\n\
                    # hostname;interval;timestamp;kbmemfree;%memused\nvm;1;1795457187;14766672;6.72\nvm;1;2026-11-23 18:06:26 UTC;1;x\nvm;1\n\
                    # hostname;interval;timestamp;DEV;tps[...]\nvm;1;1795457187;sda;5\n";
        insta::assert_snapshot!(read(text, Tz::Europe__Berlin), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795453586000 70.15
        vm/sysstat_cpu_idle{cpu="all"} 1795453586000 0
        vm/sysstat_memory_memfree 1795457187000 14766672
        vm/sysstat_memory_memused_percent 1795457187000 6.72
        vm/sysstat_memory_memfree 1795457186000 1
        refused
        6: column 5: `x` is no number
        7: 2 fields, the header has 5
        8: sadf -h puts several rows on one line: leave -h out
        9: 5 fields, the header has 3
        "#);
    }

    #[test]
    fn a_value_a_line() {
        let text = "vm\t2\t2026-11-23 17:44:56 UTC\tall\t%user\t88.25\nvm\t2\t2026-11-23 17:44:56 UTC\tcpu0\t%idle\t1\nvm\t2\t2026-11-23 17:44:56 UTC\t-\tldavg-1\t3.86\n\
                    vm\t2\t2026-11-23 17:44:56 UTC\tvda\trkB/s\t494.00\nvm\t2\tx\t-\tldavg-1\t1\nvm\t2\n";
        insta::assert_snapshot!(read(text, Tz::UTC), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795455896000 88.25
        vm/sysstat_cpu_idle{cpu="0"} 1795455896000 1
        vm/sysstat_queue_ldavg_1 1795455896000 3.86
        vm/sysstat_disk_rkB{device="vda"} 1795455896000 494
        refused
        5: column 3: `x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
        6: 2 fields, the header has 6
        "#);
    }

    #[test]
    fn a_real_file_is_all_taken() {
        let Some(path) = shared("fixtures/sysstat/sadf-d-local.csv") else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let got = collect(parser(rule(), Tz::UTC).as_mut(), text.as_bytes());
        assert_eq!(got.refused, Vec::<String>::new());
        // all fields of all rows but host, interval, time and which one
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        let keyed =
            |line: &str| line.split(';').nth(3).is_some_and(|which| which.parse::<f64>().is_err() || which == "-1");
        let expected: usize = rows.map(|line| line.split(';').count() - 3 - usize::from(keyed(line))).sum();
        assert_eq!(got.samples.len(), expected);
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            looks_like(&text);
            collect(parser(rule(), Tz::UTC).as_mut(), &text);
        }

        #[test]
        fn never_panics_on_nearly_right_text(text in "(# hostname;interval;timestamp;[A-Z%a-z;]{0,12}\n|[a-z0-9;\t .%-]{0,30}\n){0,6}") {
            collect(parser(rule(), Tz::UTC).as_mut(), text.as_bytes());
        }
    }
}
