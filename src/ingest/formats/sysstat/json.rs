//! `sadf -j`, `iostat -o JSON` and `mpstat -o JSON`: one document, read one moment after the other, whatever its size.

use serde_json::{Map, Value};

use super::super::emitter::{Emitter, Point};
use super::super::json::{lines, spaces, string_end, value_end};
use super::super::jsonl::words;
use super::super::local_time::LocalTime;
use super::super::{Follows, NodeRule, Parser, Reason, Sink, Stop};
use super::fields;
use crate::ingest::limits::DOCUMENT_BYTES_MAX;

/// For one file; times that are local ones are of `zone`.
pub fn parser(node: NodeRule, zone: chrono_tz::Tz) -> Box<dyn Parser> {
    Box::new(SysstatJson {
        emitter: Emitter::new(node),
        local: LocalTime::new(zone),
        host: Host::default(),
        place: Place::Around,
        reports: 0,
        left_out: false,
        line: 1,
    })
}

#[derive(Debug)]
struct SysstatJson {
    emitter: Emitter,
    local: LocalTime,
    host: Host,
    place: Place,
    /// Moments of iostat so far. The first tells of the time since the machine started.
    reports: u64,
    left_out: bool,
    line: u64,
}

#[derive(Debug, Default)]
struct Host {
    name: String,
    /// Of the first moment, where those have a time of day only.
    date: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// What is said of a host, before and after its moments.
    Around,
    /// In the list of moments.
    Moments,
}

/// Whether a text begins like this, for detection.
pub(in super::super) fn looks_like(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let rest = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    rest.is_some_and(|rest| rest.starts_with(b"\"sysstat\""))
}

impl Parser for SysstatJson {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let step = match self.place {
                Place::Around => self.around(rest),
                Place::Moments => self.moment(rest, sink)?,
            };
            match step {
                Some(length) => {
                    self.line += lines(&rest[..length]);
                    taken += length;
                }
                None if follows == Follows::Nothing => {
                    if self.place == Place::Moments || !rest.trim_ascii().is_empty() {
                        sink.refuse(
                            self.line,
                            &Reason::Json { column: 1, why: "the text ends in the middle".to_owned() },
                        )?;
                    }
                    return Ok(bytes.len());
                }
                None => return Ok(taken),
            }
        }
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn line_dropped(&mut self) {
        self.line += 1;
    }

    fn record_bytes_max(&self) -> usize {
        DOCUMENT_BYTES_MAX
    }

    fn notes(&self) -> Vec<String> {
        let left_out = self.left_out.then(|| super::text::FIRST_LEFT_OUT.to_owned());
        self.local.note().into_iter().chain(left_out).collect()
    }
}

impl SysstatJson {
    /// Passes over one word outside the moments, or over `"key": "value"`, which it may want to know.
    fn around(&mut self, bytes: &[u8]) -> Option<usize> {
        let start = spaces(bytes);
        if *bytes.get(start)? != b'"' {
            return Some(start + 1);
        }
        let after_key = start + string_end(&bytes[start..])?;
        let key = &bytes[start + 1..after_key - 1];
        let colon = after_key + spaces(&bytes[after_key..]);
        if *bytes.get(colon)? != b':' {
            return Some(after_key);
        }
        let value = colon + 1 + spaces(&bytes[colon + 1..]);
        match bytes.get(value)? {
            b'[' if key == b"statistics" => {
                (self.place, self.reports) = (Place::Moments, 0);
                Some(value + 1)
            }
            b'"' => {
                let end = value + string_end(&bytes[value..])?;
                let text = String::from_utf8_lossy(&bytes[value + 1..end - 1]).into_owned();
                match key {
                    b"nodename" => self.host.name = text,
                    b"date" | b"file-date" => self.host.date = text,
                    _ => {}
                }
                Some(end)
            }
            _ => Some(value),
        }
    }

    fn moment(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<Option<usize>, Stop> {
        let start = spaces(bytes);
        match bytes.get(start) {
            None => return Ok(None),
            Some(b',') => return Ok(Some(start + 1)),
            Some(b']') => {
                self.place = Place::Around;
                return Ok(Some(start + 1));
            }
            Some(_) => {}
        }
        let Some(end) = value_end(&bytes[start..]).map(|end| start + end) else { return Ok(None) };
        let line = self.line + lines(&bytes[..start]);
        match serde_json::from_slice::<Value>(&bytes[start..end]) {
            Ok(Value::Object(moment)) => self.take(line, &moment, sink)?,
            Ok(_) => sink.refuse(line, &Reason::Json { column: 1, why: "a moment is an object".to_owned() })?,
            Err(error) => {
                let at = line + (error.line() as u64).saturating_sub(1);
                sink.refuse(at, &Reason::Json { column: error.column(), why: words(&error) })?;
            }
        }
        Ok(Some(end))
    }

    fn take(&mut self, line: u64, moment: &Map<String, Value>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let Some(ms) = moment.get("timestamp").and_then(|time| self.time(time)) else {
            let why = "the moment has no time: run sadf -j, iostat -t -o JSON or mpstat -o JSON".to_owned();
            return sink.refuse(line, &Reason::Json { column: 1, why });
        };
        if moment.get("timestamp").is_some_and(is_of_iostat) {
            self.reports += 1;
            if self.reports == 1 {
                self.left_out = true;
                return Ok(());
            }
        }
        let mut walk = Walk { node: self.host.name.clone(), ms, line, emitter: &mut self.emitter, sink };
        for (report, value) in moment.iter().filter(|(key, _)| *key != "timestamp") {
            walk.value(&report_name("", report), &[], value)?;
        }
        Ok(())
    }

    /// `{"date","time","utc"}` of sadf; a text of iostat; a time of day of mpstat.
    fn time(&mut self, time: &Value) -> Option<i64> {
        match time {
            Value::Object(parts) => {
                let text = format!("{} {}", parts.get("date")?.as_str()?, parts.get("time")?.as_str()?);
                let is_utc = parts.get("utc").and_then(Value::as_i64) == Some(1);
                let zone = if is_utc { "Z" } else { "" };
                self.local.read(format!("{text}{zone}").as_bytes())
            }
            Value::String(text) if !is_of_iostat(time) => {
                self.local.read(format!("{} {text}", super::text::date(&self.host.date)?).as_bytes())
            }
            Value::String(text) => super::text::moment(text, &mut self.local),
            _ => None,
        }
    }
}

/// A day and a time in one text; mpstat has a time of day only.
fn is_of_iostat(time: &Value) -> bool {
    time.as_str().is_some_and(|text| text.len() > 11)
}

/// One moment's values, on their way to the sink.
struct Walk<'a> {
    node: String,
    ms: i64,
    line: u64,
    emitter: &'a mut Emitter,
    sink: &'a mut dyn Sink,
}

impl Walk<'_> {
    /// `above`: the labels of what it is in, as mpstat has the interrupts of each CPU.
    fn value(&mut self, report: &str, above: &[(String, String)], value: &Value) -> Result<(), Stop> {
        match value {
            Value::Array(all) => all.iter().try_for_each(|one| self.value(report, above, one)),
            Value::Object(fields) => self.object(report, above, fields),
            _ => Ok(()),
        }
    }

    fn object(&mut self, report: &str, above: &[(String, String)], fields: &Map<String, Value>) -> Result<(), Stop> {
        let own: Vec<(String, String)> = fields.iter().filter_map(|(key, value)| label(key, value)).collect();
        let inherited = above.iter().filter(|(key, _)| own.iter().all(|(other, _)| other != key));
        let mut labels: Vec<(String, String)> = inherited.chain(&own).cloned().collect();
        if report == "cpu" && labels.is_empty() {
            labels.push(("cpu".to_owned(), "all".to_owned())); // iostat's mean of all
        }
        let named: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for (key, value) in fields {
            match value {
                Value::Number(number) if label(key, value).is_none() => {
                    let Some(value) = number.as_f64() else { continue };
                    let metric = fields::metric(report, key);
                    let node = Some(self.node.as_str());
                    let point = Point { node, metric: &metric, labels: &named, meta: None, ms: self.ms, value };
                    self.emitter.take(self.line, &point, self.sink)?;
                }
                Value::Array(_) | Value::Object(_) => self.value(&report_name(report, key), &labels, value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Texts are labels, and so are numbers that say which one it is about.
fn label(key: &str, value: &Value) -> Option<(String, String)> {
    let name = fields::label_of(key);
    match value {
        Value::String(text) => Some((name.unwrap_or_else(|| key.replace('-', "_")), text.clone())),
        // sadf names an interrupt by a text; mpstat counts all of a CPU's under that key
        Value::Number(number) if key != "intr" => Some((name?, number.to_string())),
        _ => None,
    }
}

/// The report that `key` is inside `report`.
fn report_name(report: &str, key: &str) -> String {
    match (report, key) {
        (_, "cpu-load" | "cpu-load-all" | "avg-cpu") => "cpu".to_owned(),
        (_, "sum-interrupts") => "interrupts".to_owned(),
        (_, "net-dev") => "net".to_owned(),
        (_, "filesystems") => "filesystem".to_owned(),
        ("", "network" | "power-management" | "psi") => String::new(),
        ("io", _) => "io".to_owned(),
        ("", key) => key.replace('-', "_"),
        (report, key) => format!("{report}_{}", key.replace('-', "_")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::collected::{Collected, collect, collect_in_pieces, rule, shared};
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    const DAY: &str = r#"{"sysstat": {"hosts": [{"nodename": "vm", "number-of-cpus": 2, "file-date": "2026-11-23", "statistics": [
        {"timestamp": {"date": "2026-11-23", "time": "17:44:56", "utc": 1, "interval": 2},
         "cpu-load": [{"cpu": "all", "usr": 88.25, "idle": 0.25}], "memory": {"memfree": 18507788, "memused-percent": 3.64},
         "io": {"tps": 68.5, "io-reads": {"rtps": 41.5}}, "serial": [{"line": 0, "rcvin": 1.5}],
         "network": {"net-dev": [{"iface": "eth0", "rxkB": 5.5}]}, "psi": {"psi-cpu": {"some_avg10": 28.77}}},
        {"timestamp": {"date": "2026-11-23", "time": "17:44:58", "utc": 0}, "queue": {"ldavg-1": 3.86}},
        {"queue": {"ldavg-1": 1}}, {"timestamp": 7}, 5
      ], "restarts": [{"boot": {"date": "2026-11-23", "time": "17:00:00"}}]}]}}"#;

    fn read(text: &str, zone: Tz) -> Collected {
        collect(parser(rule(), zone).as_mut(), text.as_bytes())
    }

    #[test]
    fn moments_become_samples_one_by_one() {
        insta::assert_snapshot!(read(DAY, Tz::Europe__Berlin), @r#"
        vm/sysstat_cpu_idle{cpu="all"} 1795455896000 0.25
        vm/sysstat_cpu_user{cpu="all"} 1795455896000 88.25
        vm/sysstat_io_rtps 1795455896000 41.5
        vm/sysstat_io_tps 1795455896000 68.5
        vm/sysstat_memory_memfree 1795455896000 18507788
        vm/sysstat_memory_memused_percent 1795455896000 3.64
        vm/sysstat_net_rxkB{interface="eth0"} 1795455896000 5.5
        vm/sysstat_psi_cpu_some_avg10 1795455896000 28.77
        vm/sysstat_serial_rcvin{line="0"} 1795455896000 1.5
        vm/sysstat_queue_ldavg_1 1795452298000 3.86
        refused
        7: column 1: the moment has no time: run sadf -j, iostat -t -o JSON or mpstat -o JSON
        7: column 1: the moment has no time: run sadf -j, iostat -t -o JSON or mpstat -o JSON
        7: column 1: a moment is an object
        "#);
        for size in [1, 7, 100] {
            let pieces = collect_in_pieces(parser(rule(), Tz::Europe__Berlin).as_mut(), DAY.as_bytes(), size);
            assert_eq!(pieces.to_string(), read(DAY, Tz::Europe__Berlin).to_string());
        }
    }

    #[test]
    fn a_cut_file_keeps_what_is_whole() {
        let cut = &DAY[..DAY.find("\"queue\"").unwrap()];
        let got = read(cut, Tz::UTC);
        assert_eq!((got.samples.len(), got.refused.len()), (9, 1), "{got}");
    }

    fn iostat(clocks: [&str; 2]) -> String {
        let moment = |clock: &str| {
            let disk = r#"{"disk_device": "vda", "rkB/s": 4.5, "rrqm/s": 1, "wrqm/s": 2, "rrqm": 25, "wrqm": 50, "util": 0.5}"#;
            format!(r#"{{"timestamp": "{clock}", "avg-cpu": {{"user": 1.5}}, "disk": [{disk}]}}"#)
        };
        let moments = clocks.map(moment).join(",");
        format!(r#"{{"sysstat": {{"hosts": [{{"nodename": "vm", "date": "11/23/26", "statistics": [{moments}]}}]}}}}"#)
    }

    /// `iostat -xt -o JSON`, in both of its forms of a time.
    #[test]
    fn the_first_report_is_left_out_and_a_rate_is_no_percentage() {
        for clocks in
            [["11/23/26 17:44:54", "11/23/26 17:44:56"], ["2026-11-23T17:44:54+0000", "2026-11-23T17:44:56+0000"]]
        {
            insta::allow_duplicates! {
                insta::assert_snapshot!(read(&iostat(clocks), Tz::UTC), @r#"
                vm/sysstat_cpu_user{cpu="all"} 1795455896000 1.5
                vm/sysstat_disk_rkB{device="vda"} 1795455896000 4.5
                vm/sysstat_disk_rrqm_percent{device="vda"} 1795455896000 25
                vm/sysstat_disk_rrqm{device="vda"} 1795455896000 1
                vm/sysstat_disk_util_percent{device="vda"} 1795455896000 0.5
                vm/sysstat_disk_wrqm_percent{device="vda"} 1795455896000 50
                vm/sysstat_disk_wrqm{device="vda"} 1795455896000 2
                "#);
            }
            let mut parser = parser(rule(), Tz::UTC);
            collect(parser.as_mut(), iostat(clocks).as_bytes());
            assert!(parser.notes().contains(&super::super::text::FIRST_LEFT_OUT.to_owned()));
        }
    }

    /// `mpstat -A -o JSON`: those of one CPU took the place of another's.
    #[test]
    fn what_is_inside_has_the_labels_of_what_it_is_in() {
        let text = r#"{"sysstat": {"hosts": [{"nodename": "vm", "date": "11/23/26", "statistics": [{"timestamp": "17:44:56",
            "sum-interrupts": [{"cpu": "all", "intr": 589.11}],
            "individual-interrupts": [{"cpu": "0", "intr": [{"name": "24", "value": 1}]}, {"cpu": "1", "intr": [{"name": "24", "value": 2}]}]}]}]}}"#;
        insta::assert_snapshot!(read(text, Tz::UTC), @r#"
        vm/sysstat_individual_interrupts_intr_value{cpu="0",name="24"} 1795455896000 1
        vm/sysstat_individual_interrupts_intr_value{cpu="1",name="24"} 1795455896000 2
        vm/sysstat_interrupts_intr{cpu="all"} 1795455896000 589.11
        "#);
    }

    #[test]
    fn a_real_archive_has_the_values_of_the_other_form_of_it() {
        let (Some(json), Some(table)) =
            (shared("fixtures/sysstat/sadf-j-all.json"), shared("fixtures/sysstat/sadf-p.tsv"))
        else {
            return;
        };
        let json = read(&std::fs::read_to_string(json).unwrap(), Tz::UTC);
        assert_eq!(json.refused, Vec::<String>::new());
        let table = collect(super::super::delimited(rule(), Tz::UTC).as_mut(), &std::fs::read(table).unwrap());
        assert_eq!(table.refused, Vec::<String>::new());
        let known: std::collections::HashMap<_, _> =
            json.samples.iter().map(|(key, ts, value)| ((key.to_string(), *ts), *value)).collect();
        let same = table.samples.iter().filter(|(key, ts, value)| known.get(&(key.to_string(), *ts)) == Some(value));
        assert!(same.count() > 1500, "of {}", table.samples.len());
    }

    proptest! {
        #[test]
        fn never_panics_on_nearly_right_text(cut in 0usize..900, put in "[\\[\\]{}\",:0-9a-z]{0,3}", length in 0usize..40) {
            let (cut, length) = (cut.min(DAY.len()), length);
            let end = (cut + length).min(DAY.len());
            read(&format!("{}{put}{}", &DAY[..cut], &DAY[end..]), Tz::UTC);
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            collect(parser(rule(), Tz::UTC).as_mut(), &bytes);
        }
    }
}
