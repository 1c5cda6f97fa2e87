//! Formats, as they are pushed.

use std::sync::{Mutex, PoisonError};

use super::super::formats::prometheus::{Dialect, Options, PrometheusParser, Rules};
use super::super::formats::{
    self, NodeRule, Parser, Reason, Sink, collectd_json, influx as line_protocol, stream, time,
};
use super::super::limits::PUSH_BYTES_MAX;
use super::pushed::{PushSink, Pushed};
use super::{Counters, RateHosts, Said, Totals};
use crate::model::Timestamp;

/// How a request of OTLP is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As a protobuf message.
    Protobuf,
    /// As JSON.
    Json,
}

/// Prometheus remote write 1.0: `body` is a snappy block. What it says of metrics goes into `said`, and what was said before is told of its series.
pub fn remote_write(body: &[u8], node: NodeRule, said: &Mutex<Said>, now: Timestamp) -> Pushed {
    gather(now, |sink| {
        let says = formats::remote_write::unpacked_bytes(body);
        if let Some(bytes) = says.filter(|bytes| *bytes > PUSH_BYTES_MAX) {
            let why = format!("the snappy block says that it holds {bytes} bytes, the limit is {PUSH_BYTES_MAX}");
            let _ = sink.refuse(0, &Reason::Input(why));
            return;
        }
        let _ = formats::remote_write::read(body, node, said, sink); // it stops where the sink has enough, which the sink knows
    })
}

/// Influx line protocol; `precision` is the unit of its times.
pub fn influx(body: &[u8], node: NodeRule, precision: time::Unit, now: Timestamp) -> Pushed {
    gather(now, |sink| lines(body, line_protocol::parser(node, precision, now).as_mut(), sink))
}

/// A page of Prometheus text or OpenMetrics. A line that is wrong is left out, and told. Whole seconds are taken for what they are in text too, as `import` does:
/// as milliseconds they would be in 1970.
pub fn exposition(body: &[u8], node: NodeRule, dialect: Dialect, now: Timestamp) -> Pushed {
    let time_unit = match dialect {
        Dialect::Text => time::Unit::ByMagnitude,
        Dialect::OpenMetrics => time::Unit::Seconds,
    };
    let options = Options { dialect, rules: Rules::Lenient, time_unit, node, now };
    gather(now, |sink| lines(body, &mut PrometheusParser::new(options).pushed(), sink))
}

/// What collectd's write_http sends with `Format JSON`. `said` is what its address says of its counters; what is learned of its hosts goes into `rates`.
pub fn collectd(
    body: &[u8],
    node: NodeRule,
    said: Option<Counters>,
    rates: &Mutex<RateHosts>,
    now: Timestamp,
) -> Pushed {
    gather(now, |sink| {
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = collectd_json::read(body, node, said, &mut rates, sink);
    })
}

/// A request of OTLP. Deltas go into `totals`, to be kept or taken back by whoever knows whether they were stored.
pub fn otlp(body: &[u8], node: NodeRule, encoding: Encoding, totals: &mut Totals, now: Timestamp) -> Pushed {
    let read = match encoding {
        Encoding::Protobuf => formats::otlp::read_protobuf,
        Encoding::Json => formats::otlp::read_json,
    };
    gather(now, |sink| {
        let _ = read(body, node, totals, sink);
    })
}

fn gather(now: Timestamp, read: impl FnOnce(&mut PushSink)) -> Pushed {
    let mut sink = PushSink::new(now);
    read(&mut sink);
    sink.pushed
}

/// Line by line, each no longer than a line may be.
fn lines(mut body: &[u8], parser: &mut dyn Parser, sink: &mut PushSink) {
    let _ = stream::read(&mut body, parser, sink); // memory does not fail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::limits::PUSH_SAMPLES_MAX;
    use crate::model::NodeName;

    const NOW: Timestamp = Timestamp::from_millis(1_795_456_000_000);

    fn rule() -> NodeRule {
        NodeRule { given: None, fallback: NodeName::new("client").unwrap() }
    }

    #[test]
    fn seconds_in_text_are_seconds() {
        let page = b"a 1 1795456000\na 2 1795456000500\n";
        insta::assert_snapshot!(told(&exposition(page, rule(), Dialect::Text, NOW)), @r"
        client/a 0 1
        client/a 500 2
        ");
    }

    fn told(pushed: &Pushed) -> String {
        let batch = &pushed.batch;
        let lines = batch.samples.iter().map(|(at, sample)| {
            format!("{} {} {}\n", batch.keys[*at as usize], sample.ts.millis() - NOW.millis(), sample.value)
        });
        let mut text: String = lines.collect();
        if let Some(first) = &pushed.first_refusal {
            text += &format!("{} refused, first: {first}", pushed.refused);
        }
        text
    }

    #[test]
    fn labels_name_the_node_of_what_is_pushed() {
        let page = b"# TYPE depth gauge\ndepth{node=\"db-1\",queue=\"in\"} 5\ndepth 6\nwrong\n";
        insta::assert_snapshot!(told(&exposition(page, rule(), Dialect::Text, NOW)), @r#"
        db-1/depth{queue="in"} 0 5
        client/depth 0 6
        1 refused, first: line 4: column 6: expected a value, found the end of the line
        "#);
        let lines = b"cpu,host=a idle=5 1795456000000\ncpu,host=a idle=6 1795457000000";
        insta::assert_snapshot!(told(&influx(lines, rule(), time::Unit::Millis, NOW)), @r"
        a/cpu_idle 0 5
        1 refused, first: 2026-11-23T18:03:20.000Z is more than 10 min ahead of the clock here
        ");
    }

    #[test]
    fn a_request_with_too_many_samples_says_so() {
        let page = "a 1\n".repeat(PUSH_SAMPLES_MAX + 1);
        assert!(exposition(page.as_bytes(), rule(), Dialect::Text, NOW).too_many);
    }

    #[test]
    fn what_is_said_of_metrics_is_told_once_of_their_series() {
        let said = Mutex::default();
        let packed = |message: &[u8]| snap::raw::Encoder::new().compress_vec(message).unwrap();
        let read = |message: &[u8]| remote_write(&packed(message), rule(), &said, NOW);
        // metadata: `up` is a counter; then a series `up` with one sample
        assert!(read(b"\x1a\x06\x08\x01\x12\x02up").batch.keys.is_empty());
        let series = b"\x0a\x1e\x0a\x0e\x0a\x08__name__\x12\x02up\x12\x0c\x09\0\0\0\0\0\0\xf8\x3f\x10\x88\x27";
        let kinds = [0, 1].map(|_| read(series).batch.meta[0].clone().and_then(|meta| meta.kind));
        assert_eq!(kinds, [Some(crate::model::Kind::Counter), None]);
        let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(remote_write(&lie, rule(), &said, NOW).first_refusal.unwrap().contains("says that it holds"));
    }

    #[test]
    fn bombs_of_lists_are_counted_before_they_are_unfolded() {
        let mut totals = Totals::default();
        let mut read = |body: &[u8], encoding| otlp(body, rule(), encoding, &mut totals, NOW).first_refusal.unwrap();
        let json = format!("{{\"resourceMetrics\":[{}{{}}]}}", "{},".repeat(300_000));
        insta::assert_snapshot!(read(json.as_bytes(), Encoding::Json), @"the request has some 300002 points and attributes, the limit is 200000: send smaller batches");
        let protobuf = [0x0a, 0].repeat(300_000);
        insta::assert_snapshot!(read(&protobuf, Encoding::Protobuf), @"the request has some 300000 points and attributes, the limit is 200000: send smaller batches");
    }
}
