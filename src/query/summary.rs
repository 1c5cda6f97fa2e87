//! What `summary` prints: the numbers of every stored series, how complete the data is, and findings.
//!
//! The structs serialise to the JSON that programs rely on. A number that is not known is `null`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::frame::{Coverage, QUANTILES, Stats, coverage, load, plan, rate_stats};
use super::missing::coverage_findings;
use super::{Bucket, QueryError, Source, grid_for};
use crate::model::catalogue::{Section, Unit};
use crate::model::{Kind, Selector, Series, SeriesId, TimeRange, Timestamp};

/// Numbers and findings of a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Start, RFC 3339 UTC.
    pub from: String,
    /// End (not part of it), RFC 3339 UTC.
    pub to: String,
    /// Share of the expected scrapes of all nodes that are there, 0 to 1.
    pub coverage: f64,
    /// The nodes that have data in the range, sorted.
    pub nodes: Vec<String>,
    /// A row a stored series with data in the range, sorted by node, metric and labels.
    pub metrics: Vec<MetricSummary>,
    /// What is worth a look, the worst first.
    pub findings: Vec<Finding>,
}

/// The numbers of one stored series.
///
/// Of a gauge they are exact: of its samples. The values of a counter say nothing by themselves, so its numbers are those of its rate per
/// second: `avg` is the growth over the whole range by the time it took, the others (and `count`) are of the rates in buckets of the range, at
/// most 300 of them and none narrower than the sampling interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricSummary {
    /// The node.
    pub node: String,
    /// The stored metric.
    pub metric: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Unit of the numbers: `bytes`, `percent`, `bytes/s`, …; empty where nothing is known.
    pub unit: String,
    /// Number of samples (of a counter: of buckets).
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub avg: f64,
    /// Largest.
    pub max: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Latest.
    pub last: f64,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it.
    Warn,
    /// Act on it.
    Bad,
}

/// One statement with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `coverage`, …
    pub kind: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The node, where it is about one.
    pub node: Option<String>,
    /// The metric, where it is about one.
    pub metric: Option<String>,
    /// Start, RFC 3339 UTC.
    pub from: String,
    /// End, RFC 3339 UTC.
    pub to: String,
    /// One sentence. Names in it are as the data has them: escape it.
    pub text: String,
    /// What was seen.
    pub value: f64,
    /// What was expected.
    pub expected: f64,
    /// Unit of both.
    pub unit: String,
}

/// Most buckets of a counter's rate.
const POINTS_MAX: usize = 300;

/// The numbers and findings of the selected series. `say` writes a moment into a text.
pub fn summary(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    say: &dyn Fn(Timestamp) -> String,
) -> Result<Summary, QueryError> {
    let series = source.series(selector)?;
    let coverage = coverage(source, &series, range)?;
    let step_min = median_interval(&coverage).max(source.finest_step_ms(range)?);
    let metrics = metrics(source, &series, range, step_min)?;
    let (present, expected) =
        coverage.iter().fold((0, 0), |(p, e), node| (p + node.present.min(node.expected), e + node.expected));
    let mut nodes: Vec<String> = metrics.iter().map(|m| m.node.clone()).collect();
    nodes.dedup();
    Ok(Summary {
        from: range.from().to_rfc3339(),
        to: range.to().to_rfc3339(),
        coverage: if expected == 0 { 1.0 } else { present as f64 / expected as f64 },
        nodes,
        metrics,
        findings: coverage_findings(&coverage, range, say),
    })
}

/// The numbers of what a report shows of resources, transfer and partitions: a row a node of a known metric, whatever the exporters call it and
/// however many series it is made of. Sorted as the catalogue is, then by node.
pub fn known_metrics(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
) -> Result<Vec<MetricSummary>, QueryError> {
    let series = source.series(selector)?;
    let step_min = median_interval(&coverage(source, &series, range)?).max(source.finest_step_ms(range)?);
    let grid = grid_for(range, POINTS_MAX, step_min);
    let mut rows = Vec::new();
    for shown in plan(source.catalogue(), &series, selector).iter().filter(|shown| shown.section != Section::Other) {
        let unit = shown.unit_name.as_deref().unwrap_or(shown.unit.as_str());
        let frame = load(source, shown, range, grid)?;
        let told = frame.nodes.iter().filter(|row| row.stats.count > 0);
        rows.extend(told.map(|row| numbers(row.node.as_str(), &shown.name, BTreeMap::new(), unit, &row.stats)));
    }
    Ok(rows)
}

fn median_interval(coverage: &[Coverage]) -> i64 {
    let mut intervals: Vec<i64> = coverage.iter().map(|c| c.interval_ms).filter(|i| *i > 0).collect();
    intervals.sort_unstable();
    intervals.get(intervals.len() / 2).copied().unwrap_or(1)
}

fn metrics(
    source: &dyn Source,
    series: &[Series],
    range: TimeRange,
    step_min: i64,
) -> Result<Vec<MetricSummary>, QueryError> {
    let grid = grid_for(range, POINTS_MAX, step_min);
    let ids = |kind: Kind| -> Vec<SeriesId> { series.iter().filter(|s| s.kind == kind).map(|s| s.id).collect() };
    let gauges = ids(Kind::Gauge);
    let mut stats: BTreeMap<SeriesId, Stats> = BTreeMap::new();
    source.lines(&ids(Kind::Counter), range, grid, &mut |id, buckets| {
        let line: Vec<f64> = buckets.iter().map(Bucket::rate).collect();
        stats.insert(id, rate_stats(buckets, &line, 1.0));
    })?;
    source.measures(&gauges, range, grid, &QUANTILES, &mut |id, buckets, quantiles| {
        stats.insert(id, Stats::of_gauge(&Bucket::total(buckets), quantiles, 1.0));
    })?;
    let with_data = |s: &Series| stats.get(&s.id).filter(|stats| stats.count > 0).map(|stats| row(s, stats));
    Ok(series.iter().filter_map(with_data).collect())
}

fn row(series: &Series, stats: &Stats) -> MetricSummary {
    let metric = series.key.metric.as_str();
    let unit = match (Unit::from_name(metric, series.kind), &series.unit) {
        (Unit::None, Some(said)) if series.kind == Kind::Gauge => said.clone(),
        (unit, _) => unit.as_str().to_owned(),
    };
    let labels = series.key.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    numbers(series.key.node.as_str(), metric, labels, &unit, stats)
}

fn numbers(node: &str, metric: &str, labels: BTreeMap<String, String>, unit: &str, stats: &Stats) -> MetricSummary {
    MetricSummary {
        node: node.to_owned(),
        metric: metric.to_owned(),
        labels,
        unit: unit.to_owned(),
        count: stats.count,
        min: stats.min,
        avg: stats.avg,
        max: stats.max,
        p50: stats.p50,
        p95: stats.p95,
        p99: stats.p99,
        last: stats.last,
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::{MemorySource, key, range};
    use super::*;

    fn steps(n: i64, value: impl Fn(i64) -> f64) -> Vec<(i64, f64)> {
        (0..n).map(|i| (i * 10_000, value(i))).collect()
    }

    fn numbers(source: &MemorySource, range: TimeRange) -> Summary {
        summary(source, &Selector::all(), range, &|t| t.to_rfc3339()).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_samples_or_of_the_rate() {
        let source = MemorySource::default()
            .with(key("a", "disk_percent", &[("mount", "/")]), steps(61, |i| i as f64))
            .with(key("a", "sent_bytes_total", &[]), steps(61, |i| (i * 50) as f64))
            .with(key("b", "silent", &[]), []);
        let got = numbers(&source, range(0, 610_000));
        assert_eq!((got.nodes.as_slice(), got.coverage), (&["a".to_owned()][..], 1.0));
        let disk = &got.metrics[0];
        assert_eq!((disk.count, disk.min, disk.avg, disk.max), (61, 0.0, 30.0, 60.0));
        assert_eq!((disk.p50, disk.p95, disk.p99, disk.last), (30.0, 57.0, 59.4, 60.0));
        assert_eq!((disk.unit.as_str(), disk.labels["mount"].as_str()), ("percent", "/"));
        let sent = &got.metrics[1];
        assert_eq!((sent.unit.as_str(), sent.avg, sent.max, sent.last), ("bytes/s", 5.0, 5.0, 5.0));
        assert!(got.findings.is_empty());
    }

    #[test]
    fn a_node_that_stopped_is_bad_and_one_with_gaps_is_told() {
        let source = MemorySource::default()
            .with(key("a", "x", &[]), steps(1_000, |_| 1.0))
            .with(key("b", "x", &[]), steps(400, |_| 1.0))
            .with(
                key("c", "x", &[]),
                steps(1_000, |_| 1.0).into_iter().filter(|(t, _)| !(2_000_000..2_500_000).contains(t)),
            );
        let got = numbers(&source, range(0, 10_000_000));
        assert!((got.coverage - 2_350.0 / 3_000.0).abs() < 1e-12);
        insta::assert_snapshot!(serde_json::to_string_pretty(&got.findings).unwrap(), @r#"
        [
          {
            "kind": "coverage",
            "severity": "bad",
            "node": "b",
            "metric": null,
            "from": "1970-01-01T01:06:30.000Z",
            "to": "1970-01-01T02:46:40.000Z",
            "text": "b stopped reporting at 1970-01-01T01:06:30.000Z",
            "value": 40.0,
            "expected": 100.0,
            "unit": "percent"
          },
          {
            "kind": "coverage",
            "severity": "warn",
            "node": "c",
            "metric": null,
            "from": "1970-01-01T00:33:10.000Z",
            "to": "1970-01-01T00:41:40.000Z",
            "text": "c has 95 % of its expected samples; the gap is from 1970-01-01T00:33:10.000Z to 1970-01-01T00:41:40.000Z",
            "value": 95.0,
            "expected": 100.0,
            "unit": "percent"
          }
        ]
        "#);
    }

    #[test]
    fn json_has_the_promised_keys_and_null_for_what_is_not_known() {
        let source = MemorySource::default().with(key("a", "y_total", &[]), [(0, 1.0), (10_000, 5.0)]);
        let mut got = numbers(&source, range(0, 60_000));
        got.metrics[0].p99 = f64::NAN;
        insta::assert_snapshot!(serde_json::to_string(&got).unwrap(), @r#"{"from":"1970-01-01T00:00:00.000Z","to":"1970-01-01T00:01:00.000Z","coverage":1.0,"nodes":["a"],"metrics":[{"node":"a","metric":"y_total","labels":{},"unit":"1/s","count":1,"min":0.4,"avg":0.4,"max":0.4,"p50":0.4,"p95":0.4,"p99":null,"last":0.4}],"findings":[]}"#);
    }
}
