//! The text of `sar`, `mpstat` and `iostat -t`.
//!
//! A heading names the machine and the day; each table begins with a line of column names. `sar` and `mpstat` begin each row with a time of day,
//! `iostat` puts one line with a time before its tables. The first moment of `iostat` tells of the time since the machine started: it is
//! left out, and that is said.

use super::super::emitter::{Emitter, Point};
use super::super::lines::{LineFormat, Lines};
use super::super::local_time::LocalTime;
use super::super::time::{self, Unit};
use super::super::{NodeRule, Parser, Reason, Sink, Stop, number};
use super::fields;

const DAY_MS: i64 = 86_400_000;
/// What is said where the first report of iostat was not taken.
pub(super) const FIRST_LEFT_OUT: &str = "the first report, of the time since the machine started, was left out";

/// For one file; its times are of `zone`.
pub fn parser(node: NodeRule, zone: chrono_tz::Tz) -> Box<dyn Parser> {
    Box::new(Lines::new(Text {
        emitter: Emitter::new(node),
        local: LocalTime::new(zone),
        host: String::new(),
        first_day: None,
        day: None,
        last: None,
        moment: None,
        moments: 0,
        table: None,
        left_out: false,
    }))
}

#[derive(Debug)]
struct Text {
    emitter: Emitter,
    local: LocalTime,
    host: String,
    /// Midnight of the day that the heading names, as a wall clock's.
    first_day: Option<i64>,
    /// The same of the day of the latest row.
    day: Option<i64>,
    /// Time of day of the latest row.
    last: Option<i64>,
    /// The time that stands by itself before tables (iostat).
    moment: Option<i64>,
    moments: u64,
    table: Option<Table>,
    left_out: bool,
}

#[derive(Debug)]
struct Table {
    report: &'static str,
    columns: Vec<String>,
    /// Whether its rows begin with a time of day.
    timed: bool,
}

/// Whether a line is the heading of such a text, for detection.
pub(in super::super) fn looks_like(line: &[u8]) -> bool {
    line.starts_with(b"Linux ") && line.contains(&b'(') && line.ends_with(b"CPU)")
}

/// Whether the names below the heading are those of `pidstat`; with threads there is a `TGID` instead.
pub(in super::super) fn is_of_processes(names: &[u8]) -> bool {
    names.split(u8::is_ascii_whitespace).any(|name| matches!(name, b"PID" | b"TGID"))
}

impl LineFormat for Text {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        let Ok(line) = std::str::from_utf8(text) else {
            return sink.refuse(number, &Reason::NotUtf8 { column: 1 });
        };
        let line = line.trim_end();
        if looks_like(line.as_bytes()) {
            self.heading(line);
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first() else { return Ok(()) };
        if first.starts_with("Average") || *first == "Summary:" {
            // What was told to the end, of file systems by another word; the next table of a file of sar begins with the day again.
            (self.day, self.last) = (self.first_day, None);
            return Ok(());
        }
        if line.contains("LINUX RESTART") || self.stands_alone(line) {
            return Ok(());
        }
        let (clock, words) = time_of_day(&words);
        if is_names(words) {
            // The time before names is that of the row before: of the first table, when it began.
            self.last = self.last.or(clock);
            self.start_table(clock.is_some(), words);
            return Ok(());
        }
        let time = clock.and_then(|clock| self.moment_of(clock));
        match self.row(number, time, words, sink) {
            Ok(done) => done,
            Err(reason) => sink.refuse(number, &reason),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.local.note().into_iter().chain(self.left_out.then(|| FIRST_LEFT_OUT.to_owned())).collect()
    }
}

impl Text {
    /// `Linux RELEASE (HOST) TAB DATE TAB _x86_64_ TAB (N CPU)`
    fn heading(&mut self, line: &str) {
        if let Some((host, rest)) = line.split_once('(').and_then(|(_, rest)| rest.split_once(')')) {
            self.host = host.to_owned();
            let day = rest.split_whitespace().next().and_then(date);
            self.first_day = day.and_then(|day| time::parse(day.as_bytes(), Unit::Seconds));
            self.day = self.first_day;
        }
        (self.last, self.moment, self.moments, self.table) = (None, None, 0, None);
    }

    /// A line that is nothing but a time, before the tables of iostat.
    fn stands_alone(&mut self, line: &str) -> bool {
        let read = moment(line, &mut self.local);
        if read.is_some() {
            self.moment = read;
            self.moments += 1;
            self.table = None;
        }
        read.is_some()
    }

    /// Milliseconds since the epoch of a row with that time of day. One that is earlier than the row before is of the next day.
    fn moment_of(&mut self, clock: i64) -> Option<i64> {
        let day = self.day? + if self.last.is_some_and(|last| clock < last) { DAY_MS } else { 0 };
        (self.day, self.last) = (Some(day), Some(clock));
        Some(self.local.of_wall(day + clock))
    }

    fn start_table(&mut self, timed: bool, words: &[&str]) {
        let columns: Vec<String> =
            words.iter().filter(|word| **word != "avg-cpu:").map(|word| (*word).to_owned()).collect();
        let report = fields::report_of(columns.iter().map(String::as_str));
        self.table = Some(Table { report, columns, timed });
    }

    fn row<'a>(
        &mut self,
        line: u64,
        time: Option<i64>,
        words: &[&'a str],
        sink: &mut dyn Sink,
    ) -> Result<Result<(), Stop>, Reason<'a>> {
        let first = words.first().copied().unwrap_or_default();
        let unexpected = |expected| Reason::Syntax { column: 1, expected, found: first.as_bytes() };
        let Some(table) = &self.table else { return Err(unexpected("column names before values")) };
        let Some(ms) = (if table.timed { time } else { self.moment }) else {
            return Err(unexpected("a time: run iostat -t"));
        };
        if words.len() != table.columns.len() {
            return Err(Reason::Fields { found: words.len(), expected: table.columns.len() });
        }
        if !table.timed && self.moments == 1 {
            self.left_out = true;
            return Ok(Ok(()));
        }
        let mut labels: Vec<(String, &str)> = Vec::new();
        if table.report == "cpu" && !table.timed {
            labels.push(("cpu".to_owned(), "all"));
        }
        // the name of a file system stands behind its values
        let named =
            table.columns.iter().zip(words).filter_map(|(column, word)| Some((fields::label_of(column)?, *word)));
        labels.extend(named);
        for (i, (column, word)) in table.columns.iter().zip(words).enumerate() {
            if fields::label_of(column).is_some() {
                continue;
            }
            let value = number::parse(word.as_bytes()).ok_or(Reason::Value { column: i + 1, text: word.as_bytes() })?;
            let named: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_str(), *value)).collect();
            let metric = fields::metric(table.report, column);
            let node = Some(self.host.as_str());
            let point = Point { node, metric: &metric, labels: &named, meta: None, ms, value };
            if let Err(stop) = self.emitter.take(line, &point, sink) {
                return Ok(Err(stop));
            }
        }
        Ok(Ok(()))
    }
}

/// Names of columns: no word is a number.
fn is_names(words: &[&str]) -> bool {
    words.len() > 1 && words.iter().all(|word| number::parse(word.as_bytes()).is_none())
}

/// The time of day that a line begins with, in milliseconds, and the other words.
fn time_of_day<'w, 'a>(words: &'w [&'a str]) -> (Option<i64>, &'w [&'a str]) {
    let half = words.get(1).copied().filter(|word| matches!(*word, "AM" | "PM"));
    let text = half.map(|half| format!("{} {half}", words[0]));
    match clock_ms(text.as_deref().unwrap_or(words[0])) {
        Some(clock) => (Some(clock), &words[1 + usize::from(half.is_some())..]),
        None => (None, words),
    }
}

/// A day and a time of iostat, `11/23/26 17:44:56` or `2026-11-23T17:44:56+0100`, as milliseconds since the epoch.
pub(super) fn moment(text: &str, local: &mut LocalTime) -> Option<i64> {
    match text.as_bytes() {
        [b'0'..=b'9', _, b'/', ..] => {
            let (day, clock) = text.split_once(' ')?;
            let midnight = time::parse(date(day)?.as_bytes(), Unit::Seconds)?;
            Some(local.of_wall(midnight + clock_ms(clock)?))
        }
        [b'0'..=b'9', _, _, _, b'-', ..] => local.read(text.as_bytes()),
        _ => None,
    }
}

/// `17:44:55`, `05:44:55 PM`: milliseconds since midnight.
fn clock_ms(text: &str) -> Option<i64> {
    let (clock, half) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut next =
        |max: i64| parts.next().filter(|part| part.len() == 2)?.parse::<i64>().ok().filter(|n| (0..=max).contains(n));
    let (hour, minute, second) = (next(23)?, next(59)?, next(60)?);
    let hour = match half {
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => hour,
    };
    parts.next().is_none().then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

/// `2026-11-23`, or `11/23/26` and `11/23/2026` as month, day and year, as `2026-11-23`.
pub(super) fn date(text: &str) -> Option<String> {
    if text.contains('-') {
        return Some(text.to_owned());
    }
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let century = if year.len() == 2 { "20" } else { "" };
    Some(format!("{century}{year}-{month}-{day}"))
}

#[cfg(test)]
mod tests {
    use super::super::super::collected::{collect, rule, shared};
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        collect(parser(rule(), Tz::UTC).as_mut(), text.as_bytes()).to_string()
    }

    #[test]
    fn rows_with_a_time_of_day_go_over_midnight() {
        let text = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n11:59:59 PM  CPU  %usr  %idle\n11:59:59 PM  all  10.5  80\n12:00:01 AM    0  x  70\n12:00:02 AM  0  1  70\n\
                    Average:  all 1 2\n";
        insta::assert_snapshot!(read(text), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795478399000 10.5
        vm/sysstat_cpu_idle{cpu="all"} 1795478399000 80
        vm/sysstat_cpu_user{cpu="0"} 1795478402000 1
        vm/sysstat_cpu_idle{cpu="0"} 1795478402000 70
        refused
        5: column 2: `x` is no number
        "#);
    }

    /// As `sar -A` and `mpstat -A` print it. Every table but the first was a day late.
    #[test]
    fn each_table_begins_with_the_day_of_the_heading() {
        let sar = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n23:50:01  CPU  %user\n23:59:01  all  1\n00:00:01  all  2\nAverage:  all  3\n\n\
                   23:50:01  kbmemfree  %memused\n23:59:01  10  4\n00:00:01  11  5\nAverage:  10  4\n";
        insta::assert_snapshot!(read(sar), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795478341000 1
        vm/sysstat_cpu_user{cpu="all"} 1795478401000 2
        vm/sysstat_memory_memfree 1795478341000 10
        vm/sysstat_memory_memused_percent 1795478341000 4
        vm/sysstat_memory_memfree 1795478401000 11
        vm/sysstat_memory_memused_percent 1795478401000 5
        "#);
        let mpstat = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n23:59:59  CPU  %usr\n00:00:01  all  1\n\n23:59:59  CPU  intr/s\n00:00:01  all  7\n\n\
                      00:00:01  CPU  %usr\n00:00:03  all  2\n\n00:00:01  CPU  intr/s\n00:00:03  all  8\n";
        insta::assert_snapshot!(read(mpstat), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795478401000 1
        vm/sysstat_interrupts_intr{cpu="all"} 1795478401000 7
        vm/sysstat_cpu_user{cpu="all"} 1795478403000 2
        vm/sysstat_interrupts_intr{cpu="all"} 1795478403000 8
        "#);
    }

    /// As `sar -F` ends: the averages of file systems have another word.
    #[test]
    fn a_summary_is_no_row() {
        let text = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n17:44:54     MBfsfree  %fsused FILESYSTEM\n17:44:55  231612  10.23 /dev/vda\n\n\
                    Summary:  MBfsfree  %fsused FILESYSTEM\nSummary:  231612  10.23 /dev/vda\n";
        let got = collect(parser(rule(), Tz::UTC).as_mut(), text.as_bytes());
        assert_eq!((got.samples.len(), &got.refused), (2, &Vec::new()));
        assert_eq!(got.samples[0].0.to_string(), "vm/sysstat_filesystem_MBfsfree{filesystem=\"/dev/vda\"}");
    }

    /// `sar -A`: one was lost.
    #[test]
    fn what_nfs_and_tcp_send_again_are_two_metrics() {
        let text = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n17:44:54  call/s  retrans/s\n17:44:55  1  2\n\n\
                    17:44:54  atmptf/s  estres/s  retrans/s\n17:44:55  3  4  5\n";
        insta::assert_snapshot!(read(text), @r#"
        vm/sysstat_net_nfs_call 1795455895000 1
        vm/sysstat_net_nfs_retrans 1795455895000 2
        vm/sysstat_net_etcp_atmptf 1795455895000 3
        vm/sysstat_net_etcp_estres 1795455895000 4
        vm/sysstat_net_etcp_retrans 1795455895000 5
        "#);
    }

    /// `iostat -d`: both were one metric, and one of the two was lost.
    #[test]
    fn a_rate_and_an_amount_are_two_metrics() {
        let text = "Linux 6.1 (vm) \t11/23/26 \t_x86_64_\t(2 CPU)\n\n11/23/26 17:44:54\nDevice  tps  kB_read/s  kB_w+d/s  kB_read  kB_w+d\nvda 1 2 3 4 5\n\n\
                    11/23/26 17:44:56\nDevice  tps  kB_read/s  kB_w+d/s  kB_read  kB_w+d\nvda 1 2 3 4 6\n";
        insta::assert_snapshot!(read(text), @r#"
        vm/sysstat_disk_tps{device="vda"} 1795455896000 1
        vm/sysstat_disk_rkB{device="vda"} 1795455896000 2
        vm/sysstat_disk_wdkB{device="vda"} 1795455896000 3
        vm/sysstat_disk_kB_read{device="vda"} 1795455896000 4
        vm/sysstat_disk_kB_w_d{device="vda"} 1795455896000 6
        "#);
    }

    #[test]
    fn tables_below_a_time_and_the_first_is_left_out() {
        let moment = |clock: &str, idle: &str| {
            format!(
                "2026-11-23T{clock}+0100\navg-cpu:  %user  %idle\n   26.73  {idle}\n\nDevice  rkB/s  %util\nvda  1.5  2\n\n"
            )
        };
        let text = format!(
            "Linux 6.1 (vm) \t2026-11-23 \t_x86_64_\t(2 CPU)\n\n{}{}",
            moment("17:44:54", "1"),
            moment("17:44:56", "2")
        );
        insta::assert_snapshot!(read(&text), @r#"
        vm/sysstat_cpu_user{cpu="all"} 1795452296000 26.73
        vm/sysstat_cpu_idle{cpu="all"} 1795452296000 2
        vm/sysstat_disk_rkB{device="vda"} 1795452296000 1.5
        vm/sysstat_disk_util_percent{device="vda"} 1795452296000 2
        "#);
        let mut parser = parser(rule(), Tz::UTC);
        collect(parser.as_mut(), text.as_bytes());
        assert_eq!(parser.notes(), ["the first report, of the time since the machine started, was left out"]);
    }

    #[test]
    fn real_files_are_all_taken() {
        for (file, expected) in [("mpstat-all.txt", 8 * 3 * 10), ("iostat-xt-iso.txt", 9 * (6 + 22))] {
            let Some(path) = shared(&format!("fixtures/text/{file}")) else { return };
            let got = collect(parser(rule(), Tz::UTC).as_mut(), &std::fs::read(path).unwrap());
            assert_eq!((got.refused.len(), got.samples.len()), (0, expected), "{file}: {:?}", got.refused);
            assert!(got.samples.iter().all(|(key, ..)| key.node.as_str() == "vm"));
        }
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            collect(parser(rule(), Tz::UTC).as_mut(), &text);
        }

        #[test]
        fn never_panics_on_nearly_right_text(text in "Linux 6 \\(a\\)\t11/23/26\t\\(2 CPU\\)\n([0-9:]{0,8} [A-Z%a-z/ ]{0,12}\n|[0-9: /.%-]{0,30}\n){0,6}") {
            collect(parser(rule(), Tz::UTC).as_mut(), text.as_bytes());
        }
    }
}
