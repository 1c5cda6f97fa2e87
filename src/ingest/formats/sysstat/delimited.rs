//! `sadf -d` (`;`, a heading of columns for each report) and `sadf -p` (TAB, a value a line).

use super::super::emitter::{Emitter, Point};
use super::super::lines::{LineFormat, Lines};
use super::super::local_time::LocalTime;
use super::super::{NodeRule, Parser, Reason, Sink, Stop, number};
use super::fields;

/// For one file; times that are local ones are of `zone`.
pub fn parser(node: NodeRule, zone: chrono_tz::Tz) -> Box<dyn Parser> {
    Box::new(Lines::new(Delimited {
        emitter: Emitter::new(node),
        local: LocalTime::new(zone),
        columns: Vec::new(),
        before: "",
        is_passed_over: false,
        of_cpus: false,
    }))
}

#[derive(Debug)]
struct Delimited {
    emitter: Emitter,
    local: LocalTime,
    columns: Vec<Column>,
    /// Report of the column that the line before named (`sadf -p`).
    before: &'static str,
    /// Whether nothing of the table is taken: that was said at its first row.
    is_passed_over: bool,
    /// Whether columns were taken for those of CPUs.
    of_cpus: bool,
}

#[derive(Debug)]
enum Column {
    /// Says which one a row is about.
    Label(String),
    Metric(String),
    /// `CPU*`, the last one: so many columns as were asked for.
    Cpus,
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
        let of_cpus = "sadf -d does not name the CPUs of interrupts: they were taken as all, CPU0, CPU1 and so on; sadf -j names them";
        self.local.note().into_iter().chain(self.of_cpus.then(|| of_cpus.to_owned())).collect()
    }
}

impl Delimited {
    fn heading(&mut self, line: u64, columns: &str, sink: &mut dyn Sink) -> Result<(), Stop> {
        if columns.contains("[...]") {
            self.columns.clear();
            return sink.refuse(line, &Reason::Input("sadf -h puts several rows on one line: leave -h out".to_owned()));
        }
        self.is_passed_over = false;
        let columns = columns.split(';').skip(3);
        let report = fields::report_of(columns.clone());
        let column = |name: &str| match fields::label_of(name) {
            _ if name == "CPU*" => Column::Cpus,
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
        if self.is_passed_over {
            return Ok(Ok(()));
        }
        self.name_cpus(&fields)?;
        let expected = self.columns.len() + 3;
        if fields.len() != expected || expected == 3 {
            return Err(Reason::Fields { found: fields.len(), expected });
        }
        let (node, ms) = (fields[0], self.time(fields[2])?);
        let mut labels: Vec<(&str, &str)> = Vec::new();
        let mut refused = None;
        for (i, (column, field)) in self.columns.iter().zip(&fields[3..]).enumerate() {
            match column {
                Column::Cpus => {}
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

    /// Names the columns under `CPU*` by the first row, which is that of the sum of all interrupts. `-A` prints all CPUs together first; where the first
    /// column is not what the others add up to, single CPUs were asked for (`-P 2,3`), and nobody knows which.
    fn name_cpus<'a>(&mut self, fields: &[&'a str]) -> Result<(), Reason<'a>> {
        if !matches!(self.columns.last(), Some(Column::Cpus)) || fields.len() < self.columns.len() + 3 {
            return Ok(());
        }
        let cpus = &fields[self.columns.len() + 2..];
        let values: Vec<f64> = cpus.iter().filter_map(|field| number::parse(field.as_bytes())).collect();
        // each is rounded to hundredths
        let adds_up = |(all, rest): (&f64, &[f64])| (all - rest.iter().sum::<f64>()).abs() <= 0.01 * cpus.len() as f64;
        if cpus.len() > 1 && !values.split_first().is_some_and(adds_up) {
            self.is_passed_over = true;
            let expected = "the interrupts of all CPUs together before those of each: use sadf -j, which names them";
            return Err(Reason::Syntax { column: self.columns.len() + 3, expected, found: cpus[0].as_bytes() });
        }
        self.of_cpus = true;
        self.columns.pop();
        let names = std::iter::once("all".to_owned()).chain((0..cpus.len() - 1).map(|cpu| format!("CPU{cpu}")));
        self.columns.extend(names.map(|name| Column::Metric(fields::metric("interrupts", &name))));
        Ok(())
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
        let report = if column == fields::SHARED { self.before } else { fields::report_of_column(column) };
        self.before = report;
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

    /// `sadf -d -- -A`: each row of it was refused.
    #[test]
    fn interrupts_have_more_columns_than_their_heading() {
        let heading = "# hostname;interval;timestamp;INTR;CPU*\n";
        let text = format!(
            "{heading}vm;1;1795457187;sum;579.00;275.00;304.00\nvm;1;1795457187;24;1.00;0.00;1.00\nvm;1;1795457187;25;1.00\n\
             {heading}vm;1;1795457188;sum;579.00\n{heading}vm;1;1795457189;sum;284;321\nvm;1;1795457189;24;0;1\n"
        );
        insta::assert_snapshot!(read(&text, Tz::UTC), @r#"
        vm/sysstat_interrupts_all{intr="sum"} 1795457187000 579
        vm/sysstat_interrupts_CPU0{intr="sum"} 1795457187000 275
        vm/sysstat_interrupts_CPU1{intr="sum"} 1795457187000 304
        vm/sysstat_interrupts_all{intr="24"} 1795457187000 1
        vm/sysstat_interrupts_CPU0{intr="24"} 1795457187000 0
        vm/sysstat_interrupts_CPU1{intr="24"} 1795457187000 1
        vm/sysstat_interrupts_all{intr="sum"} 1795457188000 579
        refused
        4: 5 fields, the header has 7
        8: column 5: expected the interrupts of all CPUs together before those of each: use sadf -j, which names them, found `284`
        "#);
    }

    /// `sadf -p -- -A`
    #[test]
    fn a_column_of_two_reports_is_that_of_the_line_before() {
        let line = |column: &str, value: u8| format!("vm\t2\t1795457187\t-\t{column}\t{value}\n");
        let text = [line("call/s", 1), line("retrans/s", 2), line("estres/s", 3), line("retrans/s", 4)].concat();
        insta::assert_snapshot!(read(&text, Tz::UTC), @r#"
        vm/sysstat_net_nfs_call 1795457187000 1
        vm/sysstat_net_nfs_retrans 1795457187000 2
        vm/sysstat_net_etcp_estres 1795457187000 3
        vm/sysstat_net_etcp_retrans 1795457187000 4
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
