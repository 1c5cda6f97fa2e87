//! The body of a Prometheus remote write 1.0 request. Pure.
//!
//! Source: Prometheus, "Remote Write 1.0 specification", prompb/remote.proto and types.proto.

use std::sync::Arc;

use crate::codec::protobuf::{put_bytes, put_double, put_number};
use crate::export::named;
use crate::model::Series;

/// Most series and samples of a request, as Prometheus sends them itself.
const SERIES_MAX: usize = 500;
const SAMPLES_MAX: usize = 10_000;

/// Times in ms and values.
pub(super) type Samples = Vec<(i64, f64)>;

/// The labels of a series in order, with `__name__`, as they stand in every message: made once, shared by requests.
#[derive(Clone, Debug)]
pub(super) struct Name(Arc<[u8]>);

impl Name {
    /// Of a series.
    pub(super) fn of(series: &Series) -> Name {
        Name::of_labels(&labels(series))
    }

    pub(super) fn of_labels(labels: &[(String, String)]) -> Name {
        let (mut message, mut label) = (Vec::new(), Vec::new());
        for (name, value) in labels {
            label.clear();
            put_bytes(&mut label, 1, name.as_bytes());
            put_bytes(&mut label, 2, value.as_bytes());
            put_bytes(&mut message, 1, &label);
        }
        Name(message.into())
    }
}

/// What is sent in one request.
pub(super) type SeriesBatch = Vec<(Name, Samples)>;

/// Cuts runs into requests, one made after the other is sent. What comes later of a series is in a later request.
pub(super) fn batches<'a>(
    runs: impl Iterator<Item = (&'a Name, &'a [(i64, f64)])>,
) -> impl Iterator<Item = SeriesBatch> {
    let mut runs = runs.filter(|(_, run)| !run.is_empty());
    let mut rest = runs.next();
    std::iter::from_fn(move || {
        let (mut open, mut samples) = (SeriesBatch::new(), 0);
        while open.len() < SERIES_MAX && samples < SAMPLES_MAX {
            let Some((name, run)) = rest else { break };
            let (part, after) = run.split_at(run.len().min(SAMPLES_MAX - samples));
            samples += part.len();
            open.push((name.clone(), part.to_vec()));
            rest = if after.is_empty() { runs.next() } else { Some((name, after)) };
        }
        (!open.is_empty()).then_some(open)
    })
}

/// The names that receivers of 1.0 take: other characters become `_`.
fn labels(series: &Series) -> Vec<(String, String)> {
    let name = |text: &str, extra: &str| -> String {
        let digit = text.starts_with(|c: char| c.is_ascii_digit());
        let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' || extra.contains(c) { c } else { '_' };
        digit.then_some('_').into_iter().chain(text.chars().map(legal)).collect()
    };
    let key = &series.key;
    let mut labels: Vec<(String, String)> =
        named::labels(key).into_iter().map(|(label, value)| (name(&label, ""), value.to_owned())).collect();
    labels.push(("__name__".to_owned(), name(key.metric.as_str(), ":")));
    labels.sort();
    labels.dedup_by(|a, b| a.0 == b.0);
    labels
}

/// The message in a snappy block.
pub(super) fn body(batch: &[(Name, Samples)]) -> Result<Vec<u8>, snap::Error> {
    let mut message = Vec::new();
    let (mut series, mut part) = (Vec::new(), Vec::new());
    for (Name(labels), samples) in batch {
        series.clear();
        series.extend_from_slice(labels);
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
        let up = Name::of(&series("up", &[]));
        let batch = batches([(&up, &[(5_000, 1.5)][..])].into_iter()).next().unwrap();
        let packed = body(&batch).unwrap();
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
        let odd = Name::of(&odd);
        let batches = batches([(&odd, many.as_slice()), (&odd, &[]), (&odd, &many[..1])].into_iter());
        let sizes: Vec<usize> = batches.map(|b| b.iter().map(|(_, s)| s.len()).sum()).collect();
        assert_eq!(sizes, [10_000, 10_000, 5_001]);
    }
}
