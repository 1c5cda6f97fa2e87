//! Whatever goes out in a format that loses nothing comes in again, bit for bit.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};

use proptest::prelude::*;

use super::{Output, Packing, Shape, TimeFormat, csv, influx, jsonl, openmetrics, parquet};
use crate::ingest::formats::csv::CsvParser;
use crate::ingest::formats::prometheus::{Dialect, Options, PrometheusParser, Rules};
use crate::ingest::formats::time::Unit;
use crate::ingest::formats::{self, NodeRule, Parser, Reason, Sink, Stop, stream};
use crate::model::{
    Annotation, MetricMeta, NodeName, STALE_MARKER_BITS, Selector, SeriesId, SeriesKey, TimeRange, Timestamp,
};
use crate::query::memory::{MemorySource, key};

/// Series with their samples: time, and the bits of the value.
type Samples = BTreeMap<SeriesKey, BTreeMap<i64, u64>>;

#[derive(Default)]
struct Taken {
    keys: Vec<SeriesKey>,
    samples: Samples,
    count: usize,
    refused: Vec<String>,
}

impl Sink for Taken {
    fn series(&mut self, key: &SeriesKey, _meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        self.keys.push(key.clone());
        Ok(SeriesId(self.keys.len() as u32 - 1))
    }

    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop> {
        let key = self.keys[series.0 as usize].clone();
        self.samples.entry(key).or_default().insert(ts.millis(), value.to_bits());
        self.count += 1;
        Ok(())
    }

    fn event(&mut self, _event: Annotation) -> Result<(), Stop> {
        Err(Stop)
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.refused.push(format!("{line}: {reason}"));
        Ok(())
    }
}

fn rule() -> NodeRule {
    NodeRule { given: None, fallback: NodeName::new("file").unwrap() }
}

fn taken(bytes: &[u8], mut parser: impl AsMut<dyn Parser>) -> Taken {
    let mut taken = Taken::default();
    assert!(stream::read(&mut &*bytes, parser.as_mut(), &mut taken).is_ok());
    taken
}

/// What is the same where a format has one word for all that is no number, perhaps another for the stale marker.
fn with_one_nan(samples: &Samples, has_stale_marker: bool) -> Samples {
    let mut samples = samples.clone();
    for bits in samples.values_mut().flat_map(BTreeMap::values_mut) {
        if f64::from_bits(*bits).is_nan() && !(has_stale_marker && *bits == STALE_MARKER_BITS) {
            *bits = f64::NAN.to_bits();
        }
    }
    samples
}

fn value() -> impl Strategy<Value = u64> {
    let odd = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_993.0, 5e-324, f64::MAX, 0.1, f64::NAN];
    let odd = prop::sample::select(odd.map(f64::to_bits).to_vec());
    let payloads = prop::sample::select(vec![STALE_MARKER_BITS, 0x7ff8_dead_beef_0001, 0xfff0_0000_0000_0003]);
    prop_oneof![4 => any::<u64>(), 2 => odd, 1 => payloads, 2 => (-1000i64..1000).prop_map(|n| (n as f64 / 8.0).to_bits())]
}

/// Names as nobody would choose them, and those that mean something in a format.
fn name() -> impl Strategy<Value = String> {
    let taken =
        ["node", "host", "instance", "exported_node", "__name__", "value", "metric", "labels", "time", "le", "#"];
    prop_oneof![
        3 => "[-a-zA-Z0-9_=+@'\"{}\\\\,;|:.#<& \n\r\tä\u{202e}]{1,6}",
        1 => prop::sample::select(taken.to_vec()).prop_map(str::to_owned),
        2 => "[a-z_]{1,8}",
    ]
}

fn samples() -> impl Strategy<Value = Samples> {
    let labels = prop::collection::btree_map(name(), name(), 0..3);
    let series = (name(), name(), labels).prop_map(|(node, metric, labels)| {
        let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        key(&node, &metric, &labels)
    });
    let times = prop::collection::btree_map(1_000_000_000_000i64..1_000_000_000_009, value(), 1..6);
    prop::collection::btree_map(series, times, 1..8)
}

fn source(samples: &Samples) -> MemorySource {
    samples.iter().fold(MemorySource::default(), |source, (key, samples)| {
        source.with(key.clone(), samples.iter().map(|(ts, bits)| (*ts, f64::from_bits(*bits))))
    })
}

fn count(samples: &Samples) -> usize {
    samples.values().map(BTreeMap::len).sum()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[track_caller]
fn same(what: &str, bytes: &[u8], taken: &Taken, expected: &Samples) {
    let text = String::from_utf8_lossy(bytes);
    assert!(taken.refused.is_empty(), "{what}: {:?}\n{text}", taken.refused);
    assert_eq!(taken.samples, *expected, "{what}:\n{text}");
    assert_eq!(taken.count, count(expected), "{what}: each once");
}

proptest! {
    #[test]
    fn csv_long_and_wide(samples in samples(), time in 0usize..3) {
        let expected = with_one_nan(&samples, true);
        let time = [TimeFormat::Rfc3339, TimeFormat::Millis, TimeFormat::Seconds][time];
        for shape in [Shape::Long, Shape::Wide] {
            let bytes = written(|out| {
                csv(&source(&samples), &Selector::all(), TimeRange::ALL, shape, time, out).unwrap();
            });
            let text = String::from_utf8(bytes.clone()).unwrap();
            let mut cells = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            for cell in cells.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
                let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                prop_assert!(!runs || cell.parse::<f64>().is_ok(), "a spreadsheet would run {cell:?}");
            }
            same("CSV", &bytes, &taken(&bytes, Box::new(CsvParser::new(rule())) as Box<dyn Parser>), &expected);
        }
    }

    #[test]
    fn packed(samples in samples(), zstd: bool) {
        let packing = if zstd { Packing::Zstd } else { Packing::Gz };
        let mut output = Output::new(packing, Vec::new()).unwrap();
        jsonl(&source(&samples), &Selector::all(), TimeRange::ALL, &mut output).unwrap();
        output.flush().unwrap();
        let packed = output.finish().unwrap();
        let mut bytes = Vec::new();
        match packing {
            Packing::Zstd => zstd::Decoder::new(packed.as_slice()).unwrap().read_to_end(&mut bytes).unwrap(),
            _ => flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap(),
        };
        same("JSON lines", &bytes, &taken(&bytes, formats::jsonl::parser(rule())), &with_one_nan(&samples, true));
    }

    #[test]
    fn openmetrics_text(samples in samples(), strict: bool) {
        let bytes = written(|out| {
            openmetrics(&source(&samples), &Selector::all(), TimeRange::ALL, out).unwrap();
        });
        let rules = if strict { Rules::Strict } else { Rules::Lenient };
        let (dialect, time_unit, now) = (Dialect::OpenMetrics, Unit::Seconds, Timestamp::from_millis(7));
        let options = Options { dialect, rules, time_unit, node: rule(), now };
        let taken = taken(&bytes, Box::new(PrometheusParser::new(options)) as Box<dyn Parser>);
        same("OpenMetrics", &bytes, &taken, &with_one_nan(&samples, false));
    }

    #[test]
    fn line_protocol_has_what_it_can_say_and_counts_the_rest(samples in samples()) {
        let mut bytes = Vec::new();
        let told = influx(&source(&samples), &Selector::all(), TimeRange::ALL, &mut bytes).unwrap();
        let back = taken(&bytes, formats::influx::parser(rule(), Unit::Nanos, Timestamp::from_millis(7)));
        prop_assert!(back.refused.is_empty(), "{:?}\n{}", back.refused, String::from_utf8_lossy(&bytes));
        prop_assert_eq!((told.samples + told.left_out, told.samples), (count(&samples) as u64, back.count as u64));
        let there: BTreeSet<(&SeriesKey, &i64, &u64)> =
            samples.iter().flat_map(|(key, all)| all.iter().map(move |(ts, bits)| (key, ts, bits))).collect();
        for (key, all) in &back.samples {
            for (ts, bits) in all {
                prop_assert!(there.contains(&(key, ts, bits)), "{key} {ts} {bits:x}");
            }
        }
    }

    #[test]
    fn parquet_keeps_every_bit(samples in samples(), wide: bool) {
        let shape = if wide { Shape::Wide } else { Shape::Long };
        let bytes = written(|out| {
            parquet(&source(&samples), &Selector::all(), TimeRange::ALL, shape, out).unwrap();
        });
        let again = written(|out| {
            parquet(&source(&samples), &Selector::all(), TimeRange::ALL, shape, out).unwrap();
        });
        prop_assert!(bytes == again, "the same samples give the same bytes");
        let mut taken = Taken::default();
        formats::parquet::read(Cursor::new(&bytes), &rule(), &mut taken).unwrap();
        same("Parquet", &bytes, &taken, &samples);
    }
}
