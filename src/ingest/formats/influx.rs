//! Influx line protocol: `measurement,tag=value field=1.5,other=2i 1767571200000000000`.
//!
//! A field `value` is the metric named as its measurement, any other `measurement_field`. Numbers (`1.5`, `2i`, `3u`) and booleans (1 and 0) are samples;
//! texts are none, and passed over. The tags `node`, `host` or `instance` name the node. A point without a time is of the moment of import.
//! The unit of times stands nowhere in the text: nanoseconds are usual, collectd writes milliseconds; unless it is given it is told by the
//! size of the number, and said.
//! Source: InfluxDB documentation, "Line protocol reference"; a text over several lines is not read.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::lines::{LineFormat, Lines};
use super::series_cache::SeriesCache;
use super::time::{self, Unit};
use super::{NodeRule, Parser, Reason, Sink, Stop, number};
use crate::ingest::limits::SERIES_CACHED_MAX;
use crate::model::{MetricName, NameError, SeriesId, SeriesKey, Timestamp};

/// For one file; `precision` is the unit of its times.
pub fn parser(node: NodeRule, precision: Unit, now: Timestamp) -> Box<dyn Parser> {
    Box::new(Lines::new(Influx {
        rule: node,
        precision,
        now,
        points: SeriesCache::default(),
        fields: Vec::new(),
        guessed: None,
    }))
}

#[derive(Debug)]
struct Influx {
    rule: NodeRule,
    precision: Unit,
    now: Timestamp,
    /// Measurement and tags, as they are written -> place in `fields`.
    points: SeriesCache<usize>,
    fields: Vec<Fields>,
    /// What the first time was taken for.
    guessed: Option<Unit>,
}

/// Most fields of one line: each is looked for among the others.
const FIELDS_MAX: usize = 4_096;

/// The fields of one measurement and tag set, in the order they come in.
type Fields = Vec<(Box<[u8]>, SeriesId)>;

/// Whether a line is one of this format, for detection.
pub(super) fn looks_like(line: &[u8]) -> bool {
    let Some(end) = unescaped(line, b' ').filter(|end| *end > 0) else { return false };
    let named = memchr(b'=', &line[..end]).is_none_or(|at| memchr(b',', &line[..at]).is_some());
    let mut rest = line[end..].trim_ascii();
    let mut fields = 0;
    loop {
        let Some((_, value, after)) = field(rest) else { return false };
        if value_of(value).is_none() {
            return false;
        }
        fields += 1;
        match after.first() {
            Some(b',') => rest = &after[1..],
            _ => {
                let time = after.trim_ascii();
                return named && fields > 0 && (time.is_empty() || time::parse(time, Unit::Nanos).is_some());
            }
        }
    }
}

impl LineFormat for Influx {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        let line = text.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            return Ok(());
        }
        let column = |rest: &[u8]| rest.as_ptr() as usize - text.as_ptr() as usize + 1;
        let Some(end) = unescaped(line, b' ').filter(|_| line[0] != b',') else {
            return sink.refuse(
                number,
                &Reason::Syntax { column: 1, expected: "a measurement, a space and fields", found: line },
            );
        };
        let (point, fields) = (&line[..end], line[end..].trim_ascii_start());
        let Some(time_text) = time_after(fields) else {
            return sink
                .refuse(number, &Reason::Syntax { column: end + 2, expected: "fields: key=value,…", found: fields });
        };
        let ts = match self.read_time(time_text) {
            None => return sink.refuse(number, &Reason::Time { column: column(time_text), text: time_text }),
            Some(ts) if !ts.is_storable() => {
                return sink.refuse(number, &Reason::TimeOutside { column: column(time_text), text: time_text });
            }
            Some(ts) => ts,
        };
        let place = self.place(point);
        let (mut rest, mut nth) = (fields, 0);
        while let Some((key, value, after)) = field(rest) {
            if nth >= FIELDS_MAX {
                return sink
                    .refuse(number, &Reason::Unread("a field beyond the 4,096th of its line, and what follows it,"));
            }
            match value_of(value) {
                Some(Value::Number(value)) => match self.series(point, place, nth, key, sink)? {
                    Ok(series) => sink.sample(series, ts, value)?,
                    Err(source) => sink.refuse(number, &Reason::Name { column: column(key), source })?,
                },
                Some(Value::Text) => {}
                None => sink.refuse(number, &Reason::Value { column: column(value), text: value })?,
            }
            nth += 1;
            match after {
                [b',', next @ ..] => rest = next,
                _ => return Ok(()),
            }
        }
        sink.refuse(number, &Reason::Syntax { column: column(rest), expected: "a field: key=value", found: rest })
    }

    fn notes(&self) -> Vec<String> {
        let unit = match self.guessed {
            None | Some(Unit::Nanos) => return Vec::new(),
            Some(Unit::Seconds) => "seconds",
            Some(Unit::Micros) => "microseconds",
            Some(Unit::Millis | Unit::ByMagnitude) => "milliseconds",
        };
        vec![format!("times were taken as {unit} by their size; --precision says another unit")]
    }
}

impl Influx {
    fn read_time(&mut self, text: &[u8]) -> Option<Timestamp> {
        if text.is_empty() {
            return Some(self.now);
        }
        if self.precision == Unit::ByMagnitude && self.guessed.is_none() {
            self.guessed = number::parse(text).map(|size| time::resolve(Unit::ByMagnitude, size.abs()));
        }
        time::parse(text, self.precision).map(Timestamp::from_millis)
    }

    fn place(&mut self, point: &[u8]) -> usize {
        match self.points.get(point) {
            Ok(place) => place,
            Err(missing) => {
                if self.fields.len() >= SERIES_CACHED_MAX {
                    self.fields.clear(); // as the points are
                }
                self.fields.push(Fields::new());
                self.points.insert(missing, point, self.fields.len() - 1);
                self.fields.len() - 1
            }
        }
    }

    /// The series of the field `key`, which is the `nth` of its point.
    fn series(
        &mut self,
        point: &[u8],
        place: usize,
        nth: usize,
        key: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<Result<SeriesId, NameError>, Stop> {
        let known = &self.fields[place];
        let expected = known.get(nth).filter(|(name, _)| **name == *key);
        if let Some((_, series)) = expected.or_else(|| known.iter().find(|(name, _)| **name == *key)) {
            return Ok(Ok(*series));
        }
        let named = match series_key(point, key, &self.rule) {
            Ok(named) => named,
            Err(error) => return Ok(Err(error)),
        };
        let series = sink.series(&named, None)?;
        self.fields[place].push((key.into(), series));
        Ok(Ok(series))
    }
}

fn series_key(point: &[u8], field: &[u8], rule: &NodeRule) -> Result<SeriesKey, NameError> {
    let mut parts = split(point, b',');
    let measurement = parts.next().map(|name| plain(name)).unwrap_or_default();
    let field = plain(field);
    let metric = if field == "value" { measurement } else { Cow::Owned(format!("{measurement}_{field}")) };
    let tag = |tag| {
        let mut parts = split(tag, b'=');
        let key = plain(parts.next().unwrap_or_default());
        let value = &tag[(unescaped(tag, b'=').map_or(tag.len(), |at| at + 1))..];
        (key, plain(value))
    };
    let tags: Vec<(Cow<'_, str>, Cow<'_, str>)> = parts.map(tag).collect();
    let (node, labels) = rule.split(&tags)?;
    Ok(SeriesKey { node, metric: MetricName::new(&metric)?, labels })
}

/// `key=value` at the start of the text, and what follows.
fn field(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = unescaped(text, b'=').filter(|at| *at > 0)?;
    let (key, value) = (&text[..at], &text[at + 1..]);
    if memchr(b' ', key).is_some_and(|_| unescaped(key, b' ').is_some()) {
        return None;
    }
    let length = match value.first()? {
        b'"' => quoted_length(value)?,
        _ => memchr2(b',', b' ', value).unwrap_or(value.len()),
    };
    let (value, after) = value.split_at(length);
    matches!(after.first(), None | Some(b',' | b' ')).then_some((key, value, after))
}

/// What stands after the fields; `None` where they have no end.
fn time_after(fields: &[u8]) -> Option<&[u8]> {
    // mostly there is no text among the fields: then it stands after the last space
    if memchr(b'"', fields).is_none() {
        let mut at = 0;
        return Some(loop {
            match memchr(b' ', &fields[at..]).map(|found| at + found) {
                Some(space) if space > 0 && fields[space - 1] == b'\\' => at = space + 1,
                Some(space) => break fields[space..].trim_ascii(),
                None => break &fields[fields.len()..],
            }
        });
    }
    let mut rest = fields;
    loop {
        let (_, _, after) = field(rest)?;
        match after {
            [b',', next @ ..] => rest = next,
            after => return Some(after.trim_ascii()),
        }
    }
}

enum Value {
    Number(f64),
    Text,
}

fn value_of(text: &[u8]) -> Option<Value> {
    let (last, whole) = text.split_last()?;
    let number = match last {
        b'"' if text.len() > 1 && text[0] == b'"' => return Some(Value::Text),
        b'i' | b'u' => whole.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-').then(|| number::parse(whole))?,
        b'0'..=b'9' | b'.' => number::parse(text),
        _ => match text {
            b"t" | b"T" | b"true" | b"True" | b"TRUE" => Some(1.0),
            b"f" | b"F" | b"false" | b"False" | b"FALSE" => Some(0.0),
            _ => None,
        },
    };
    number.map(Value::Number)
}

/// Length of a text in quotes, both included.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The first such byte without a backslash before it.
fn unescaped(text: &[u8], wanted: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr(wanted, &text[at..])?;
        if found == 0 || text[found - 1] != b'\\' {
            return Some(found);
        }
        at = found + 1;
    }
}

fn split(text: &[u8], at: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = match unescaped(text, at) {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(part)
    })
}

/// Without the backslashes that hid a comma, space or equals sign.
fn plain(text: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(text);
    if !text.contains('\\') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let hides = c == '\\' && matches!(chars.peek(), Some(',' | ' ' | '='));
        if !hides {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::super::collected::{Collected, collect, collect_in_pieces, rule, shared};
    use super::*;
    use proptest::prelude::*;

    fn given(text: &[u8], precision: Unit) -> Collected {
        collect(parser(rule(), precision, Timestamp::from_millis(7)).as_mut(), text)
    }

    fn read(text: &str) -> String {
        given(text.as_bytes(), Unit::ByMagnitude).to_string()
    }

    #[test]
    fn fields_are_metrics_and_tags_labels() {
        let text = "cpu,host=a,cpu=cpu0 usage_idle=98.5,up=true,n=3i,u=4u,s=\"a, \\\" b=1\" 1784292355882553116\n\
                    load value=1.5 1795457185412\n# comment\n\nm\\ x,k\\,1=v\\=\\ w f\\ 1=1 1795457185\ny value=2\n";
        insta::assert_snapshot!(read(text), @r#"
        a/cpu_usage_idle{cpu="cpu0"} 1784292355882 98.5
        a/cpu_up{cpu="cpu0"} 1784292355882 1
        a/cpu_n{cpu="cpu0"} 1784292355882 3
        a/cpu_u{cpu="cpu0"} 1784292355882 4
        file/load 1795457185412 1.5
        file/m x_f 1{k,1="v= w"} 1795457185000 1
        file/y 7 2
        "#);
        assert_eq!(given(b"x value=1 5", Unit::Millis).samples[0].1.millis(), 5);
    }

    #[test]
    fn bad_lines_are_refused_where_they_are_bad() {
        insta::assert_snapshot!(read("cpu\ncpu x\ncpu a=1,b=oops,c=2 1795457185\ncpu a=1 x\ncpu a=\"b 1\ncpu a=1,, 1\ncpu a=1 -9000000000000000000\n,a=b c=1 1\ncpu a=nan 1\n"), @r#"
        file/cpu_a 1795457185000 1
        file/cpu_c 1795457185000 2
        file/cpu_a 1000 1
        refused
        1: column 1: expected a measurement, a space and fields, found `cpu`
        2: column 5: expected a field: key=value, found `x`
        3: column 11: `oops` is no number
        4: column 9: `x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
        5: column 5: expected fields: key=value,…, found `a="b 1`
        6: column 9: expected a field: key=value, found `, 1`
        7: column 9: time `-9000000000000000000` is outside 1970 to 9999
        8: column 1: expected a measurement, a space and fields, found `,a=b c=1 1`
        9: column 7: `nan` is no number
        "#);
    }

    #[test]
    fn the_unit_of_times_is_told_by_their_size_and_said() {
        let note = |text: &str| {
            let mut parser = parser(rule(), Unit::ByMagnitude, Timestamp::from_millis(7));
            collect(parser.as_mut(), text.as_bytes());
            parser.notes().join("")
        };
        assert_eq!(note("a value=1 1784292355882553116"), "");
        assert_eq!(
            note("a value=1 1784292355882"),
            "times were taken as milliseconds by their size; --precision says another unit"
        );
    }

    #[test]
    fn real_files_are_all_taken() {
        // lines, fields that are numbers: counted by hand and by a script of another language
        for (file, samples, series) in [
            ("collectd-write_influxdb_udp.lp", None, "node-a/interface_rx{instance=\"lo\",type=\"if_packets\"}"),
            ("telegraf-cpu.lp", None, "file/cpu_usage_idle{cpu=\"cpu0\"}"),
            ("telegraf-slurm.lp", None, "file/slurm_diag_bf_queue_len{source=\"127.0.0.1\"}"),
            (
                "telegraf-turbostat.lp",
                Some(()),
                "file/turbostat_busy_percent{apic=\"-\",core=\"-\",cpu=\"-\",x2apic=\"-\"}",
            ),
        ] {
            let Some(path) = shared(&format!("fixtures/influx/{file}")) else { return };
            let got = given(&std::fs::read(path).unwrap(), Unit::ByMagnitude);
            assert_eq!(got.refused, Vec::<String>::new(), "{file}");
            assert!(got.samples.iter().any(|(key, ..)| key.to_string() == series), "{file}");
            assert_eq!(samples.is_some(), got.samples.iter().all(|(_, ts, _)| ts.millis() == 7), "{file}: times");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_pieces_give_the_same_as_the_whole(text: Vec<u8>, size in 1usize..9) {
            let parser = || parser(rule(), Unit::ByMagnitude, Timestamp::from_millis(7));
            let whole = collect(parser().as_mut(), &text);
            prop_assert_eq!(whole.to_string(), collect_in_pieces(parser().as_mut(), &text, size).to_string());
        }

        #[test]
        fn never_panics_on_nearly_right_text(text in "[ab,= \\\\\"0-9ie.#\n]{0,60}") {
            looks_like(text.as_bytes());
            given(text.as_bytes(), Unit::Nanos);
        }

        #[test]
        fn reads_what_is_printed(name in "[a-z]{1,6}", tag in "[a-z ,=]{1,6}", bits: u64, ms in 0i64..253_402_300_799_999) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let hidden = tag.replace(',', "\\,").replace(' ', "\\ ").replace('=', "\\=");
            let got = given(format!("{name},k={hidden} f={number:e} {ms}").as_bytes(), Unit::Millis);
            prop_assert_eq!(&got.refused, &Vec::<String>::new());
            let (key, ts, read) = &got.samples[0];
            let metric = format!("{name}_f");
            prop_assert_eq!((key.metric.as_str(), key.labels.get("k")), (metric.as_str(), Some(tag.as_str())));
            prop_assert_eq!((ts.millis(), read.to_bits()), (ms, bits));
        }
    }
}
