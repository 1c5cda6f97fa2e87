//! The body of a Prometheus remote write 1.0 request. Pure.
//!
//! Source: Prometheus, "Remote Write 1.0 specification", prompb/remote.proto and types.proto.

use crate::codec::protobuf::{put_bytes, put_double, put_number};
use crate::export::named;
use crate::model::Series;

/// Most series and samples of a request, as Prometheus sends them itself.
const SERIES_MAX: usize = 500;
const SAMPLES_MAX: usize = 10_000;

/// Times in ms and values.
pub(super) type Samples = Vec<(i64, f64)>;

/// Labels in order, with `__name__`.
pub(super) type Labels = Vec<(String, String)>;

/// What is sent in one request.
pub(super) type SeriesBatch = Vec<(Labels, Samples)>;

/// Cuts runs into requests: in each the series in order of labels, their samples in order of time. What comes later of a series is in a later request.
pub(super) fn batches<'a>(runs: impl Iterator<Item = (&'a Series, &'a [(i64, f64)])>) -> Vec<SeriesBatch> {
    let mut batches = Vec::new();
    let mut open = SeriesBatch::new();
    let mut samples = 0;
    for (series, run) in runs {
        let labels = labels(series);
        let mut rest = run;
        while !rest.is_empty() {
            if open.len() == SERIES_MAX || samples == SAMPLES_MAX {
                batches.push(std::mem::take(&mut open));
                samples = 0;
            }
            let (part, after) = rest.split_at(rest.len().min(SAMPLES_MAX - samples));
            samples += part.len();
            open.push((labels.clone(), part.to_vec()));
            rest = after;
        }
    }
    if !open.is_empty() {
        batches.push(open);
    }
    for batch in &mut batches {
        batch.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    batches
}

/// The names that receivers of 1.0 take: other characters become `_`.
fn labels(series: &Series) -> Labels {
    let name = |text: &str, extra: &str| -> String {
        let digit = text.starts_with(|c: char| c.is_ascii_digit());
        let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' || extra.contains(c) { c } else { '_' };
        digit.then_some('_').into_iter().chain(text.chars().map(legal)).collect()
    };
    let key = &series.key;
    let mut labels: Labels =
        named::labels(key).into_iter().map(|(label, value)| (name(&label, ""), value.to_owned())).collect();
    labels.push(("__name__".to_owned(), name(key.metric.as_str(), ":")));
    labels.sort();
    labels.dedup_by(|a, b| a.0 == b.0);
    labels
}

/// The message in a snappy block.
pub(super) fn body(batch: &[(Labels, Samples)]) -> Result<Vec<u8>, snap::Error> {
    let mut message = Vec::new();
    let (mut series, mut part) = (Vec::new(), Vec::new());
    for (labels, samples) in batch {
        series.clear();
        for (name, value) in labels {
            part.clear();
            put_bytes(&mut part, 1, name.as_bytes());
            put_bytes(&mut part, 2, value.as_bytes());
            put_bytes(&mut series, 1, &part);
        }
        for (ms, value) in samples {
            part.clear();
            put_double(&mut part, 1, *value);
            put_number(&mut part, 2, *ms as u64);
            put_bytes(&mut series, 2, &part);
        }
        put_bytes(&mut message, 1, &series);
    }
    snap::raw::Encoder::new().compress_vec(&message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, SeriesId};
    use crate::query::memory::key;

    fn series(metric: &str, labels: &[(&str, &str)]) -> Series {
        Series { id: SeriesId(1), key: key("a", metric, labels), kind: Kind::Gauge, unit: None, help: None }
    }

    #[test]
    fn a_body_is_that_of_the_specification() {
        let up = series("up", &[]);
        let batches = batches([(&up, &[(5_000, 1.5)][..])].into_iter());
        let packed = body(&batches[0]).unwrap();
        let message = snap::raw::Decoder::new().decompress_vec(&packed).unwrap();
        let expected = b"\x0a\x29\x0a\x0e\x0a\x08__name__\x12\x02up\x0a\x09\x0a\x04node\x12\x01a\x12\x0c\x09\0\0\0\0\0\0\xf8\x3f\x10\x88\x27";
        assert_eq!(message, expected, "{:?}", String::from_utf8_lossy(&message));
    }

    #[test]
    fn names_become_legal_and_requests_stay_small() {
        let odd = series("1st metric/s", &[("a-b", "x"), ("node", "y")]);
        let told = labels(&odd).into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
        assert_eq!(told, ["__name__=_1st_metric_s", "a_b=x", "exported_node=y", "node=a"]);
        let many: Samples = (0..25_000).map(|i| (i, 0.0)).collect();
        let batches = batches([(&odd, many.as_slice()), (&odd, &many[..1])].into_iter());
        let sizes: Vec<usize> = batches.iter().map(|b| b.iter().map(|(_, s)| s.len()).sum()).collect();
        assert_eq!(sizes, [10_000, 10_000, 5_001]);
    }
}
