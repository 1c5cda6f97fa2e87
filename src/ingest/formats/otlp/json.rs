//! Requests as JSON texts, one after the other.

use super::super::json::{lines, spaces, value_end};
use super::super::jsonl::words;
use super::super::{Follows, NodeRule, Parser, Reason, Sink, Stop, TooLong};
use super::data::Request;
use super::points::{PIECES_MAX, Points, too_many};
use super::totals::Totals;
use crate::ingest::limits::DOCUMENT_BYTES_MAX;

/// For one file.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(OtlpJson { points: Points::new(node), line: 1 })
}

#[derive(Debug)]
struct OtlpJson {
    points: Points,
    line: u64,
}

/// Reads one of many requests: deltas are added up over all of them.
pub fn read(bytes: &[u8], node: NodeRule, totals: &mut Totals, sink: &mut dyn Sink) -> Result<(), Stop> {
    let count = |wanted| memchr::memchr_iter(wanted, bytes).count();
    let (objects, items) = (count(b'{'), count(b',') + count(b'['));
    if objects > PIECES_MAX || items > 5 * PIECES_MAX {
        return sink.refuse(0, &Reason::Input(too_many(objects.max(items / 5))));
    }
    Points::read_on(node, totals, |points| match serde_json::from_slice::<Request>(bytes) {
        Ok(request) => points.take(1, &request, sink),
        Err(error) => sink.refuse(0, &Reason::Input(format!("the request is no OTLP in JSON: {error}"))),
    })
}

/// Whether a text begins like this, for detection.
pub(in super::super) fn looks_like(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let rest = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    rest.is_some_and(|rest| rest.starts_with(b"\"resourceMetrics\""))
}

impl Parser for OtlpJson {
    fn parse(&mut self, bytes: &[u8], follows: Follows, sink: &mut dyn Sink) -> Result<usize, Stop> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let start = spaces(rest);
            if start == rest.len() {
                self.line += lines(rest);
                return Ok(bytes.len());
            }
            let end = value_end(&rest[start..]).map(|length| start + length);
            let Some(end) = end.or((follows == Follows::Nothing).then_some(rest.len())) else { return Ok(taken) };
            let line = self.line + lines(&rest[..start]);
            match serde_json::from_slice::<Request>(&rest[start..end]) {
                Ok(request) => self.points.take_for_good(line, &request, sink)?,
                Err(error) => {
                    let at = line + (error.line() as u64).saturating_sub(1);
                    sink.refuse(at, &Reason::Json { column: error.column(), why: words(&error) })?;
                }
            }
            self.line += lines(&rest[..end]);
            taken += end;
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

    fn too_long(&self) -> TooLong {
        TooLong::DropsLine
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::collected::{Collected, collect, collect_in_pieces, rule, shared};
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"n1"}},{"key":"service.name","value":{"stringValue":"lab"}}]},
        "scopeMetrics":[{"metrics":[
          {"name":"mem","unit":"By","gauge":{"dataPoints":[{"timeUnixNano":"1795456000000000000","asInt":"5","attributes":[{"key":"ok","value":{"boolValue":true}}]},{"timeUnixNano":"1795456000000000000","flags":1}]}},
          {"name":"d","sum":{"dataPoints":[{"timeUnixNano":"1000000","asDouble":7},{"timeUnixNano":"2000000","asDouble":2}],"aggregationTemporality":1,"isMonotonic":true}},
          {"name":"h","histogram":{"dataPoints":[{"timeUnixNano":"1000000","count":"3","sum":5.5,"bucketCounts":["1","2"],"explicitBounds":[1]}]}},
          {"name":"s","summary":{"dataPoints":[{"timeUnixNano":"1000000","count":"3","sum":6,"quantileValues":[{"quantile":0.5,"value":2}]}]}}]}]}]}"#;

    fn read(text: &str) -> Collected {
        collect(parser(rule()).as_mut(), text.as_bytes())
    }

    #[test]
    fn points_of_all_kinds() {
        assert!(looks_like(REQUEST.as_bytes()));
        let got = read(&format!("{REQUEST}\n{{\"resourceMetrics\":5}}\n"));
        insta::assert_snapshot!(got, @r#"
        n1/mem{ok="true",service.name="lab"} 1795456000000 5
        n1/mem{service.name="lab"} 1795456000000 NaN
        n1/d{service.name="lab"} 1 7
        n1/d{service.name="lab"} 2 9
        n1/h_bucket{le="1",service.name="lab"} 1 1
        n1/h_bucket{le="+Inf",service.name="lab"} 1 3
        n1/h_count{service.name="lab"} 1 3
        n1/h_sum{service.name="lab"} 1 5.5
        n1/s{quantile="0.5",service.name="lab"} 1 2
        n1/s_count{service.name="lab"} 1 3
        n1/s_sum{service.name="lab"} 1 6
        refused
        7: column 20: invalid type: integer `5`, expected a sequence
        "#);
        let pieces = collect_in_pieces(parser(rule()).as_mut(), REQUEST.as_bytes(), 11);
        assert_eq!(pieces.lines(), got.lines());
        assert_eq!(read(&REQUEST[..300]).refused.len(), 1);
    }

    #[test]
    fn both_encodings_of_a_real_request_say_the_same() {
        let (Some(json), Some(proto)) = (shared("fixtures/otlp/metrics.json"), shared("fixtures/otlp/metrics.pb"))
        else {
            return;
        };
        let json = read(&std::fs::read_to_string(json).unwrap());
        let bytes = std::fs::read(proto).unwrap();
        assert!(super::super::looks_like_protobuf(&bytes));
        let proto = collect(super::super::protobuf(rule()).as_mut(), &bytes);
        assert_eq!((json.refused.len(), proto.refused.len()), (0, 0), "{:?} {:?}", json.refused, proto.refused);
        assert_eq!(json.to_string(), proto.to_string());
        assert_eq!(json.samples.len(), 3 + 6 + 1 + 6 + 2 + 3 + 1, "{json}");
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            collect(parser(rule()).as_mut(), &bytes);
        }

        #[test]
        fn never_panics_on_nearly_right_text(cut in 0usize..1100, put in "[\\[\\]{}\",:0-9a-z]{0,3}") {
            let cut = cut.min(REQUEST.len());
            read(&format!("{}{put}{}", &REQUEST[..cut], &REQUEST[cut..]));
        }
    }
}
