//! A source in memory that answers the plain way, one sample at a time: the oracle of this floor's tests and the data of the upper floors'.

use super::{Bucket, Grid, Origin, QueryError, SampleSink, Source};
use crate::model::{
    Aggregate, Annotation, Kind, Labels, MetricName, NodeName, Selector, Series, SeriesId, SeriesKey, TimeRange,
    Timestamp, is_stale_marker, near_ms, step_up,
};

/// Series with their samples.
#[derive(Default)]
pub(crate) struct MemorySource {
    series: Vec<(Series, Vec<(i64, f64)>)>,
    pub(crate) annotations: Vec<Annotation>,
    /// What [`Source::finest_step_ms`] says; 0 means 1. The samples are there all the same.
    pub(crate) finest_step_ms: i64,
}

/// A key of valid names.
pub(crate) fn key(node: &str, metric: &str, labels: &[(&str, &str)]) -> SeriesKey {
    SeriesKey {
        node: NodeName::new(node).unwrap(),
        metric: MetricName::new(metric).unwrap(),
        labels: Labels::new(labels.iter().copied()).unwrap(),
    }
}

/// `[from, to)` in ms.
pub(crate) fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
}

impl MemorySource {
    /// With one more series, whose kind is told by its name.
    pub(crate) fn with(mut self, key: SeriesKey, samples: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let kind = Kind::from_name(key.metric.as_str());
        let id = SeriesId(self.series.len() as u32 + 1);
        self.series.push((Series { id, key, kind, unit: None, help: None }, samples.into_iter().collect()));
        self
    }

    /// All series as they were added.
    pub(crate) fn all(&self) -> Vec<Series> {
        let mut all: Vec<Series> = self.series.iter().map(|(s, _)| s.clone()).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    fn of(&self, id: SeriesId) -> (Kind, &[(i64, f64)]) {
        self.series.iter().find(|(s, _)| s.id == id).map_or((Kind::Gauge, &[]), |(s, v)| (s.kind, v))
    }
}

/// Buckets by looking at every sample for every bucket.
pub(crate) fn naive_buckets(samples: &[(i64, f64)], kind: Kind, range: TimeRange, grid: Grid) -> Vec<Bucket> {
    let inside = |i: usize, t: i64| {
        range.contains(Timestamp::from_millis(t)) && grid.time(i).millis() <= t && t < grid.time(i + 1).millis()
    };
    (0..grid.len)
        .map(|i| {
            let values: Vec<f64> = samples.iter().filter(|(t, _)| inside(i, *t)).map(|(_, v)| *v).collect();
            let mut bucket = Bucket { aggregate: Aggregate::of(&values), increase_seconds: 0.0 };
            bucket.aggregate.increase = 0.0;
            for (later, (t, v)) in samples.iter().enumerate().filter(|(_, (t, v))| inside(i, *t) && !v.is_nan()) {
                let before = samples[..later].iter().rfind(|(_, v)| !v.is_nan() || is_stale_marker(*v));
                let Some((t0, v0)) = before.filter(|(t0, v0)| !v0.is_nan() && t - t0 <= near_ms(grid.step_ms)) else {
                    continue;
                };
                if kind == Kind::Counter {
                    bucket.aggregate.increase += step_up(*v0, *v);
                    bucket.increase_seconds += (t - t0) as f64 / 1e3;
                }
            }
            bucket
        })
        .collect()
}

impl Source for MemorySource {
    fn origin(&self) -> Origin {
        Origin { name: "memory".to_owned(), hash: None, partial: Vec::new() }
    }

    fn span(&self) -> Result<Option<TimeRange>, QueryError> {
        let times = || self.series.iter().flat_map(|(_, samples)| samples.iter().map(|(t, _)| *t));
        Ok(times().min().zip(times().max()).map(|(from, to)| range(from, to + 1)))
    }

    fn finest_step_ms(&self, _range: TimeRange) -> Result<i64, QueryError> {
        Ok(self.finest_step_ms.max(1))
    }

    fn series(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        Ok(self.all().into_iter().filter(|s| selector.matches(&s.key)).collect())
    }

    fn buckets(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        grid: Grid,
        sink: &mut dyn FnMut(SeriesId, &[Bucket]),
    ) -> Result<(), QueryError> {
        for id in series {
            let (kind, samples) = self.of(*id);
            sink(*id, &naive_buckets(samples, kind, range, grid));
        }
        Ok(())
    }

    fn quantiles(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        quantiles: &[f64],
        sink: &mut dyn FnMut(SeriesId, &[f64]),
    ) -> Result<(), QueryError> {
        for id in series {
            let (_, samples) = self.of(*id);
            let inside = samples.iter().filter(|(t, v)| range.contains(Timestamp::from_millis(*t)) && !v.is_nan());
            let mut sorted: Vec<f64> = inside.map(|(_, v)| *v).collect();
            sorted.sort_by(f64::total_cmp);
            let at = |q: f64| {
                let place = q * (sorted.len().max(1) - 1) as f64;
                let low = sorted.get(place.floor() as usize).copied().unwrap_or(f64::NAN);
                let high = sorted.get(place.ceil() as usize).copied().unwrap_or(f64::NAN);
                if low == high { low } else { low + (high - low) * place.fract() }
            };
            sink(*id, &quantiles.iter().map(|q| at(*q)).collect::<Vec<f64>>());
        }
        Ok(())
    }

    fn samples(&self, series: &[SeriesId], range: TimeRange, sink: SampleSink<'_>) -> Result<(), QueryError> {
        // In runs of a few samples that interleave, as a store would give them.
        const WINDOW_MS: i64 = 3_600_000;
        let mut windows: Vec<i64> = series.iter().flat_map(|id| self.of(*id).1).map(|(t, _)| t / WINDOW_MS).collect();
        windows.sort_unstable();
        windows.dedup();
        for window in windows {
            for id in series {
                let inside = self.of(*id).1.iter().filter(|(t, _)| t / WINDOW_MS == window);
                let (times, values): (Vec<i64>, Vec<f64>) =
                    inside.filter(|(t, _)| range.contains(Timestamp::from_millis(*t))).copied().unzip();
                if !times.is_empty() && sink(*id, &times, &values).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn annotations(&self, _range: TimeRange) -> Result<Vec<Annotation>, QueryError> {
        Ok(self.annotations.clone())
    }
}
