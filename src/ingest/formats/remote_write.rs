//! The body of a Prometheus remote write 1.0 request: a protobuf message in a snappy block.
//!
//! The node is the label `node`, `host` or `instance`. What is said of metrics (in other requests than samples, mostly) gives series of the same
//! body their kind. Exemplars are passed over; native histograms are refused, and counted.
//! Source: Prometheus, "Remote Write 1.0 specification", prompb/remote.proto and types.proto.

use std::collections::HashMap;

use super::emitter::{Emitter, Point};
use super::protobuf::{Broken, Message, Value};
use super::whole::{Whole, WholeFormat};
use super::{NodeRule, Parser, Reason, Sink, Stop};
use crate::ingest::limits::DOCUMENT_BYTES_MAX;
use crate::model::{Kind, MetricMeta};

/// For one body.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Whole(RemoteWrite { emitter: Emitter::new(node) }))
}

#[derive(Debug)]
struct RemoteWrite {
    emitter: Emitter,
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
        let refuse = |sink: &mut dyn Sink, why: String| sink.refuse(0, &Reason::Input(why));
        let body = match decompress(bytes) {
            Ok(body) => body,
            Err(why) => return refuse(sink, why),
        };
        match self.request(&body, sink) {
            Ok(done) => done,
            Err(broken) => refuse(sink, broken.to_string()),
        }
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
    /// Reads the message twice: what is broken is told before a sample of it is taken, and metadata may stand behind the series.
    fn request(&mut self, body: &[u8], sink: &mut dyn Sink) -> Result<Result<(), Stop>, Broken> {
        let mut said: HashMap<&str, MetricMeta> = HashMap::new();
        for field in Message(body) {
            match field? {
                (TIMESERIES, value) => drop(Series::read(value)?),
                (METADATA, value) => said.extend(metadata(value)?),
                _ => {}
            }
        }
        for field in Message(body) {
            let (TIMESERIES, value) = field? else { continue };
            let series = Series::read(value)?;
            if let Err(stop) = self.series(&series, &said, sink) {
                return Ok(Err(stop));
            }
        }
        Ok(Ok(()))
    }

    fn series(
        &mut self,
        series: &Series<'_>,
        said: &HashMap<&str, MetricMeta>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let labels: Vec<(&str, &str)> = series.labels.iter().copied().filter(|(key, _)| *key != "__name__").collect();
        let metric = series.labels.iter().find(|(key, _)| *key == "__name__").map_or("", |(_, name)| name);
        let meta = said.get(metric);
        for (ms, value) in &series.samples {
            let point = Point { node: None, metric, labels: &labels, meta, ms: *ms, value: *value };
            self.emitter.take(0, &point, sink)?;
        }
        for _ in 0..series.histograms {
            sink.refuse(0, &Reason::Unread("a native histogram"))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Series<'a> {
    labels: Vec<(&'a str, &'a str)>,
    samples: Vec<(i64, f64)>,
    histograms: usize,
}

impl<'a> Series<'a> {
    fn read(value: Value<'a>) -> Result<Series<'a>, Broken> {
        let mut series = Series::default();
        for field in value.message()? {
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
                    series.labels.push(pair);
                }
                (2, sample) => {
                    let (mut ms, mut number) = (0, 0.0);
                    for field in sample.message()? {
                        match field? {
                            (1, value) => number = value.double()?,
                            (2, time) => ms = time.integer()?,
                            _ => {}
                        }
                    }
                    series.samples.push((ms, number));
                }
                (4, _) => series.histograms += 1,
                _ => {}
            }
        }
        Ok(series)
    }
}

fn metadata(value: Value<'_>) -> Result<Option<(&str, MetricMeta)>, Broken> {
    let (mut name, mut meta) = ("", MetricMeta::default());
    let text = |value: Value<'_>| value.text().map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    for field in value.message()? {
        match field? {
            (1, kind) => {
                meta.kind = match kind.integer()? {
                    1 => Some(Kind::Counter),
                    2 => Some(Kind::Gauge),
                    _ => None,
                }
            }
            (2, value) => name = value.text()?,
            (4, help) => meta.help = text(help)?,
            (5, unit) => meta.unit = text(unit)?,
            _ => {}
        }
    }
    Ok((!name.is_empty()).then_some((name, meta)))
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
