//! The body of a Prometheus remote write 1.0 request: a protobuf message in a snappy block.
//!
//! The node is the label `node`, `host` or `instance`. What is said of metrics (in other requests than samples, mostly) gives series of the same
//! body their kind. Exemplars are passed over; native histograms are refused, and counted.
//! Source: Prometheus, "Remote Write 1.0 specification", prompb/remote.proto and types.proto.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::emitter::{Emitter, Point};
use super::whole::{Whole, WholeFormat};
use super::{NodeRule, Parser, Reason, Sink, Stop};
use crate::codec::protobuf::{Broken, Message, Value};
use crate::ingest::limits::{DOCUMENT_BYTES_MAX, FAMILIES_MAX, HELP_BYTES_MAX};
use crate::model::limits::LABELS_MAX;
use crate::model::{Kind, MetricMeta, NameError};

/// For one body.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Whole(RemoteWrite { emitter: Emitter::new(node) }))
}

#[derive(Debug)]
struct RemoteWrite {
    emitter: Emitter,
}

/// What senders have said of metrics, request after request: Prometheus says it in requests of their own, once a minute.
#[derive(Debug, Default)]
pub struct Said {
    metrics: HashMap<Box<str>, MetricMeta>,
    /// Metrics of which something was said that no series has been given yet.
    news: HashSet<Box<str>>,
}

/// What the series of a metric are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    /// As it is.
    Itself,
    /// A histogram or a summary: its parts grow, and have names of their own.
    OfDistribution,
}

impl Said {
    /// Takes what is said of a metric. Beyond so many metrics nothing is remembered: then they are what their names say.
    fn take(&mut self, name: &str, said: (MetricMeta, Parts)) {
        let (meta, parts) = said;
        if parts == Parts::OfDistribution {
            for suffix in ["_bucket", "_count", "_sum"] {
                self.remember(&format!("{name}{suffix}"), MetricMeta { kind: Some(Kind::Counter), ..meta.clone() });
            }
        }
        self.remember(name, meta);
    }

    fn remember(&mut self, name: &str, meta: MetricMeta) {
        if self.metrics.len() < FAMILIES_MAX || self.metrics.contains_key(name) {
            self.metrics.insert(name.into(), meta);
            self.news.insert(name.into());
        }
    }

    fn of(&self, metric: &str) -> Option<&MetricMeta> {
        self.news.get(metric).and_then(|_| self.metrics.get(metric))
    }
}

/// Reads the body of one of many requests: what was said before, and is told here for the first time, gives series their kind.
pub fn read(bytes: &[u8], node: NodeRule, said: &Mutex<Said>, sink: &mut dyn Sink) -> Result<(), Stop> {
    RemoteWrite { emitter: Emitter::new(node) }.take(bytes, said, sink)
}

/// How many bytes a body says that it unpacks to; `None` where it is no snappy block.
pub fn unpacked_bytes(bytes: &[u8]) -> Option<usize> {
    snap::raw::decompress_len(bytes).ok()
}

const TIMESERIES: u64 = 1;
const METADATA: u64 = 3;

/// Whether bytes are the start of such a body, for detection: a block of snappy that begins with a series or with what is said of a metric.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let Ok(length) = snap::raw::decompress_len(bytes) else { return false };
    // the length has one to five bytes; the first element is always a literal, and begins the message
    let after_length = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at + 1);
    let Some(tag) = bytes.get(after_length).filter(|tag| **tag & 3 == 0) else { return false };
    let first = match tag >> 2 {
        60 => 2,
        61 => 3,
        62 => 4,
        63 => 5,
        _ => 1,
    };
    let field = bytes.get(after_length + first);
    length > 0
        && length <= DOCUMENT_BYTES_MAX
        && field.is_some_and(|tag| [TIMESERIES, METADATA].map(|f| f << 3 | 2).contains(&u64::from(*tag)))
}

impl WholeFormat for RemoteWrite {
    fn message(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        self.take(bytes, &Mutex::default(), sink)
    }
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let damaged = |_| "the snappy block is damaged".to_owned();
    let length = snap::raw::decompress_len(bytes).map_err(damaged)?;
    if length > DOCUMENT_BYTES_MAX {
        return Err(format!("the snappy block says that it holds {length} bytes, the limit is {DOCUMENT_BYTES_MAX}"));
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(damaged)
}

impl RemoteWrite {
    fn take(&mut self, bytes: &[u8], said: &Mutex<Said>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let refuse = |sink: &mut dyn Sink, why: String| sink.refuse(0, &Reason::Input(why));
        let body = match decompress(bytes) {
            Ok(body) => body,
            Err(why) => return refuse(sink, why),
        };
        match self.request(&body, said, sink) {
            Ok(done) => done,
            Err(broken) => refuse(sink, broken.to_string()),
        }
    }

    /// Reads the message twice: what is broken is told before a sample of it is taken, and metadata may stand behind the series.
    fn request(&mut self, body: &[u8], said: &Mutex<Said>, sink: &mut dyn Sink) -> Result<Result<(), Stop>, Broken> {
        for field in Message(body) {
            match field? {
                (TIMESERIES, value) => drop(Series::read(value)?),
                (METADATA, value) => drop(metadata(value)?),
                _ => {}
            }
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        for field in Message(body) {
            if let (METADATA, value) = field?
                && let Some((name, meta)) = metadata(value)?
            {
                said.take(name, meta);
            }
        }
        let mut told = Vec::new();
        for field in Message(body) {
            let (TIMESERIES, value) = field? else { continue };
            let series = Series::read(value)?;
            if let Err(stop) = self.series(&series, &said, &mut told, sink)? {
                return Ok(Err(stop));
            }
        }
        for metric in told {
            said.news.remove(metric);
        }
        Ok(Ok(()))
    }

    fn series<'a>(
        &mut self,
        series: &Series<'a>,
        said: &Said,
        told: &mut Vec<&'a str>,
        sink: &mut dyn Sink,
    ) -> Result<Result<(), Stop>, Broken> {
        let labels: Vec<(&str, &str)> = series.labels.iter().copied().filter(|(key, _)| *key != "__name__").collect();
        let mut names = series.labels.iter().filter(|(key, _)| *key == "__name__").map(|(_, name)| *name);
        let (metric, has_another) = (names.next().unwrap_or_default(), names.next().is_some());
        let meta = said.of(metric).filter(|_| !has_another);
        told.extend(meta.map(|_| metric));
        for field in series.message {
            let (SAMPLE, value) = field? else { continue };
            let (ms, value) = sample(value)?;
            if has_another {
                let source = NameError::DuplicateLabel { key: "__name__".to_owned() };
                if let Err(stop) = sink.refuse(0, &Reason::Name { column: 1, source }) {
                    return Ok(Err(stop));
                }
                continue;
            }
            let point = Point { node: None, metric, labels: &labels, meta, ms, value };
            if let Err(stop) = self.emitter.take(0, &point, sink) {
                return Ok(Err(stop));
            }
        }
        for _ in 0..series.histograms {
            if let Err(stop) = sink.refuse(0, &Reason::Unread("a native histogram")) {
                return Ok(Err(stop));
            }
        }
        Ok(Ok(()))
    }
}

/// A series as it travels; its samples stay in the message, so that a small body never grows to a large list.
struct Series<'a> {
    labels: Vec<(&'a str, &'a str)>,
    message: Message<'a>,
    histograms: usize,
}

const SAMPLE: u64 = 2;

impl<'a> Series<'a> {
    fn read(value: Value<'a>) -> Result<Series<'a>, Broken> {
        let message = value.message()?;
        let mut series = Series { labels: Vec::new(), message, histograms: 0 };
        for field in message {
            match field? {
                (1, label) => {
                    let mut pair = ("", "");
                    for field in label.message()? {
                        match field? {
                            (1, key) => pair.0 = key.text()?,
                            (2, value) => pair.1 = value.text()?,
                            _ => {}
                        }
                    }
                    // One more than a series may have is enough to have it refused.
                    if series.labels.len() <= LABELS_MAX + 1 {
                        series.labels.push(pair);
                    }
                }
                (SAMPLE, value) => drop(sample(value)?),
                (4, _) => series.histograms += 1,
                _ => {}
            }
        }
        Ok(series)
    }
}

/// Milliseconds and value.
fn sample(value: Value<'_>) -> Result<(i64, f64), Broken> {
    let (mut ms, mut number) = (0, 0.0);
    for field in value.message()? {
        match field? {
            (1, value) => number = value.double()?,
            (2, time) => ms = time.integer()?,
            _ => {}
        }
    }
    Ok((ms, number))
}

/// A metric, and what is said of it.
type Metadata<'a> = (&'a str, (MetricMeta, Parts));

fn metadata(value: Value<'_>) -> Result<Option<Metadata<'_>>, Broken> {
    let (mut name, mut meta, mut parts) = ("", MetricMeta::default(), Parts::Itself);
    let text = |value: Value<'_>| {
        value.text().map(|text| {
            let end = (0..=text.len().min(HELP_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            Some(text[..end].to_owned()).filter(|text| !text.is_empty())
        })
    };
    for field in value.message()? {
        match field? {
            (1, kind) => {
                (meta.kind, parts) = match kind.integer()? {
                    1 => (Some(Kind::Counter), Parts::Itself),
                    2 => (Some(Kind::Gauge), Parts::Itself),
                    3 | 5 => (None, Parts::OfDistribution),
                    _ => (None, Parts::Itself),
                }
            }
            (2, value) => name = value.text()?,
            (4, help) => meta.help = text(help)?,
            (5, unit) => meta.unit = text(unit)?,
            _ => {}
        }
    }
    Ok((!name.is_empty()).then_some((name, (meta, parts))))
}

#[cfg(test)]
mod tests {
    use super::super::collected::{Collected, collect, rule, shared};
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Collected {
        collect(parser(rule()).as_mut(), bytes)
    }

    fn packed(message: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(message).unwrap()
    }

    /// Series `up{instance="a"}` with one sample, and metadata that says it is a counter.
    const BODY: &[u8] = b"\x0a\x2d\x0a\x0e\x0a\x08__name__\x12\x02up\x0a\x0d\x0a\x08instance\x12\x01a\x12\x0c\x09\0\0\0\0\0\0\xf8\x3f\x10\x88\x27\x1a\x06\x08\x01\x12\x02up";

    #[test]
    fn a_body_is_read() {
        let body = packed(BODY);
        assert!(looks_like(&body));
        let got = read(&body);
        assert_eq!(got.to_string(), "a/up 5000 1.5");
        assert_eq!(got.meta[0].1.as_ref().unwrap().kind, Some(Kind::Counter));
        assert_eq!(read(&body[..body.len() - 4]).refused, ["0: the snappy block is damaged"]);
        let cut = packed(&BODY[..BODY.len() - 3]);
        assert_eq!(read(&cut).to_string(), "\nrefused\n0: the protobuf message is damaged, or none of this kind");
        let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert_eq!(read(&bomb).refused.len(), 1);
    }

    #[test]
    fn a_series_with_a_label_twice_is_refused_and_the_others_are_not() {
        let field = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, bytes.len() as u8], bytes].concat();
        let series = |labels: &[(&str, &str)]| {
            let label = |(key, value): &(&str, &str)| {
                field(1, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
            };
            let labels: Vec<u8> = labels.iter().flat_map(label).collect();
            field(1, &[labels, field(2, b"\x09\0\0\0\0\0\0\xf8\x3f\x10\x88\x27")].concat())
        };
        let bodies = [
            series(&[("__name__", "a"), ("__name__", "b")]),
            series(&[("__name__", "a"), ("x", "1"), ("x", "2")]),
            series(&[("__name__", "a"), ("x", "1"), ("x", "")]),
            series(&[("__name__", "a"), ("instance", "1"), ("instance", "2")]),
            series(&[("__name__", "a"), ("x", "1"), ("b", "2")]), // not in order: that leaves nothing open
        ];
        insta::assert_snapshot!(read(&packed(&bodies.concat())), @r#"
        file/a{b="2",x="1"} 5000 1.5
        refused
        0: column 1: label `__name__` is given twice
        0: column 1: label `x` is given twice
        0: column 1: label `x` is given twice
        0: column 1: label `instance` is given twice
        "#);
    }

    #[test]
    fn real_bodies_have_the_samples_of_an_independent_decoder() {
        let Some(folder) = shared("fixtures/remote_write") else { return };
        for name in ["small-1", "small-2", "small-3", "node-1", "node-2", "node-3", "stale-markers"] {
            let bytes = std::fs::read(folder.join(format!("{name}.snappy"))).unwrap();
            assert!(looks_like(&bytes), "{name}");
            let got = read(&bytes);
            assert_eq!(got.refused, Vec::<String>::new(), "{name}");
            let expected = std::fs::read_to_string(folder.join(format!("{name}.expected.json"))).unwrap();
            let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
            let mut bits: Vec<(i64, u64)> = Vec::new();
            for series in expected["timeseries"].as_array().unwrap() {
                for sample in series["samples"].as_array().unwrap() {
                    let value = u64::from_str_radix(sample[2].as_str().unwrap(), 16).unwrap();
                    bits.push((sample[0].as_i64().unwrap(), value));
                }
            }
            let read: Vec<(i64, u64)> =
                got.samples.iter().map(|(_, ts, value)| (ts.millis(), value.to_bits())).collect();
            assert_eq!(read, bits, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            looks_like(&bytes);
            read(&bytes);
            read(&packed(&bytes));
        }

        #[test]
        fn never_panics_on_nearly_right_bytes(at in 0usize..BODY.len(), byte: u8) {
            let mut body = BODY.to_vec();
            body[at] = byte;
            prop_assert!(read(&packed(&body)).samples.len() <= 2);
        }
    }
}
