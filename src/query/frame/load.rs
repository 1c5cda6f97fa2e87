use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::bucket::Bucket;
use super::super::{Ahead, Grid, QueryError, Source, quantile};
use super::fold::{fold_bucket, fold_lines};
use super::histogram;
use super::shown::{Made, Shown, ShownNode, ShownPart};
use crate::model::catalogue::Fold;
use crate::model::{NodeName, SeriesId, TimeRange};

/// One shown metric on a grid. NaN is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Which metric.
    pub shown: Shown,
    /// The buckets.
    pub grid: Grid,
    /// One row a node, sorted by node: the node's parts folded.
    pub nodes: Vec<Row>,
    /// One row a part, where nodes have several: sorted by node and part.
    pub parts: Vec<Row>,
}

/// The line of a node, or of one of its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The node.
    pub node: NodeName,
    /// The part; empty for the node itself.
    pub part: String,
    /// Mean a bucket.
    pub avg: Vec<f64>,
    /// Smallest a bucket (of the samples for a gauge; equal to `avg` for what is derived from several series).
    pub min: Vec<f64>,
    /// Largest a bucket, likewise.
    pub max: Vec<f64>,
    /// Over the whole range.
    pub stats: Stats,
}

/// Numbers over a whole range. For a gauge of one series: exact, of the samples. For a rate: `avg` is the increase over the time it grew, the
/// others are of the buckets. For what is made of several series: of the buckets, but that the mean of a sum of rates is the sum of
/// their means, that what is latest of gauges is made of their latest samples, and the largest of the largest of theirs. NaN where there is nothing to tell: `count` is 0, or the samples that a quantile needs are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// Number of samples (or of buckets with a value).
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

/// The quantiles of [`Stats`], in its order.
pub(in crate::query) const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// Most buckets held at once (64 bytes each): nodes are loaded in groups of so many.
const BUCKETS_MAX: usize = 1 << 19;

impl Default for Stats {
    fn default() -> Self {
        Stats::EMPTY
    }
}

impl Stats {
    /// Of nothing.
    pub const EMPTY: Stats = Stats {
        count: 0,
        min: f64::NAN,
        avg: f64::NAN,
        max: f64::NAN,
        p50: f64::NAN,
        p95: f64::NAN,
        p99: f64::NAN,
        last: f64::NAN,
    };

    /// Of a line; NaN is a gap.
    pub fn of_line(line: &[f64]) -> Stats {
        let mut values: Vec<f64> = line.iter().copied().filter(|v| !v.is_nan()).collect();
        let (Some(last), count) = (values.last().copied(), values.len()) else { return Stats::EMPTY };
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        let (min, max) = values.iter().fold((min, max), |(min, max), v| (f64::min(min, *v), f64::max(max, *v)));
        let sum = values.iter().sum::<f64>();
        let found = quantile::quantiles(&mut values, &QUANTILES);
        Stats {
            count: count as u64,
            min,
            avg: sum / count as f64,
            max,
            p50: found[0],
            p95: found[1],
            p99: found[2],
            last,
        }
    }

    /// Of all samples of a gauge, times `scale`; `quantiles` in the order of [`QUANTILES`].
    pub(in crate::query) fn of_gauge(total: &Bucket, quantiles: &[f64], scale: f64) -> Stats {
        let all = &total.aggregate;
        if all.is_empty() {
            return Stats::EMPTY;
        }
        let quantile = |i: usize| quantiles.get(i).copied().unwrap_or(f64::NAN) * scale;
        Stats {
            count: all.count,
            min: all.min * scale,
            avg: all.avg() * scale,
            max: all.max * scale,
            p50: quantile(0),
            p95: quantile(1),
            p99: quantile(2),
            last: all.last * scale,
        }
    }
}

/// A part's values before they become a [`Row`].
struct Line {
    avg: Vec<f64>,
    /// Smallest and largest of the samples, for a gauge of one series.
    ends: Option<(Vec<f64>, Vec<f64>)>,
    stats: Stats,
    /// Whether it is a rate, whose mean may be added to others'.
    rate: bool,
}

/// What was fetched of some series.
#[derive(Default)]
struct Fetched {
    buckets: HashMap<SeriesId, Vec<Bucket>>,
    quantiles: HashMap<SeriesId, Vec<f64>>,
}

/// Fetches one shown metric.
pub fn load(source: &dyn Source, shown: &Shown, range: TimeRange, grid: Grid) -> Result<Frame, QueryError> {
    let mut frame = Frame { shown: shown.clone(), grid, nodes: Vec::new(), parts: Vec::new() };
    let mut left = shown.nodes.as_slice();
    while !left.is_empty() {
        let (group, rest) = left.split_at(group_len(left, grid.len));
        let fetched = fetch(source, group, range, grid)?;
        for node in group {
            add_node(&mut frame, node, &fetched);
        }
        left = rest;
    }
    Ok(frame)
}

/// How many of the first nodes are loaded together: at least one.
fn group_len(nodes: &[ShownNode], buckets: usize) -> usize {
    let mut held = 0;
    let fits = nodes.iter().take_while(|node| {
        held += node.series().count() * buckets;
        held <= BUCKETS_MAX
    });
    fits.count().max(1)
}

/// What [`load`] will ask for each of some shown metrics.
pub fn ahead<'s>(shown: impl IntoIterator<Item = &'s Shown>, range: TimeRange, grid: Grid) -> Ahead {
    let [mut measured, mut counted] = [HashSet::new(), HashSet::new()];
    for one in shown {
        let (gauges, others) = asked_of(&one.nodes);
        measured.extend(gauges);
        counted.extend(others);
    }
    counted.retain(|id| !measured.contains(id));
    Ahead { range, grid, measured, counted, quantiles: QUANTILES.to_vec() }
}

/// The series of some nodes: those whose samples are shown as they are, and the others.
fn asked_of(nodes: &[ShownNode]) -> (BTreeSet<SeriesId>, BTreeSet<SeriesId>) {
    let gauges = nodes.iter().flat_map(|n| &n.parts).filter_map(ShownPart::sole_gauge).map(|(id, _)| id);
    let gauges: BTreeSet<SeriesId> = gauges.collect();
    let others = nodes.iter().flat_map(ShownNode::series).filter(|id| !gauges.contains(id)).collect();
    (gauges, others)
}

fn fetch(source: &dyn Source, nodes: &[ShownNode], range: TimeRange, grid: Grid) -> Result<Fetched, QueryError> {
    let mut fetched = Fetched::default();
    let (gauges, others) = asked_of(nodes);
    let [gauges, others] = [gauges, others].map(|ids| ids.into_iter().collect::<Vec<_>>());
    if !gauges.is_empty() {
        source.measures(&gauges, range, grid, &QUANTILES, &mut |id, buckets, quantiles| {
            fetched.buckets.insert(id, buckets.to_vec());
            fetched.quantiles.insert(id, quantiles.to_vec());
        })?;
    }
    if !others.is_empty() {
        source.lines(&others, range, grid, &mut |id, buckets| {
            fetched.buckets.insert(id, buckets.to_vec());
        })?;
    }
    Ok(fetched)
}

fn add_node(frame: &mut Frame, node: &ShownNode, fetched: &Fetched) {
    let (fold, len) = (frame.shown.fold, frame.grid.len);
    let mut lines: Vec<Line> = node.parts.iter().map(|part| part_line(part, fold, len, fetched)).collect();
    let row = |line: Line, part: &str| {
        let (min, max) = line.ends.unwrap_or_else(|| (line.avg.clone(), line.avg.clone()));
        Row { node: node.node.clone(), part: part.to_owned(), avg: line.avg, min, max, stats: line.stats }
    };
    // A part with a name is one even where it is the only one.
    if lines.len() == 1 && node.parts.iter().all(|part| part.name.is_empty()) {
        frame.nodes.extend(lines.pop().map(|line| row(line, "")));
        return;
    }
    frame.nodes.push(row(folded(&lines, fold), ""));
    frame.parts.extend(lines.into_iter().zip(&node.parts).map(|(line, part)| row(line, &part.name)));
}

/// Several lines as one.
fn folded(lines: &[Line], fold: Fold) -> Line {
    let avg = fold_lines(&lines.iter().map(|line| line.avg.as_slice()).collect::<Vec<_>>(), fold);
    let mut stats = Stats::of_line(&avg);
    let rate = fold == Fold::Sum && lines.iter().all(|line| line.rate);
    if rate {
        stats.avg = fold_bucket(lines.iter().map(|line| line.stats.avg), fold);
    }
    let ends: Vec<&(Vec<f64>, Vec<f64>)> = lines.iter().filter_map(|line| line.ends.as_ref()).collect();
    if ends.len() < lines.len() {
        return Line { avg, ends: None, stats, rate };
    }
    // Of gauges more is known than the means of buckets: the latest samples, and the largest of what is largest (the smallest of what is smallest).
    let folded = |pick: fn(&Stats) -> f64| fold_bucket(lines.iter().map(|line| pick(&line.stats)), fold);
    let outer = |ends: Vec<&[f64]>| fold_lines(&ends, fold);
    let ends = match fold {
        Fold::Max => {
            stats.max = folded(|stats| stats.max);
            Some((avg.clone(), outer(ends.iter().map(|(_, max)| max.as_slice()).collect())))
        }
        Fold::Min => {
            stats.min = folded(|stats| stats.min);
            Some((outer(ends.iter().map(|(min, _)| min.as_slice()).collect()), avg.clone()))
        }
        Fold::Avg | Fold::Sum => None,
    };
    if let Some(end) = avg.iter().rposition(|v| !v.is_nan()) {
        let there = lines.iter().filter(|line| !line.avg[end].is_nan());
        stats.last = fold_bucket(there.map(|line| line.stats.last), fold);
    }
    Line { avg, ends, stats, rate }
}

fn part_line(part: &ShownPart, fold: Fold, len: usize, fetched: &Fetched) -> Line {
    let none = vec![Bucket::default(); len];
    let of = |id: &SeriesId| fetched.buckets.get(id).unwrap_or(&none).as_slice();
    if let Some((id, scale)) = part.sole_gauge() {
        return gauge_line(of(&id), fetched.quantiles.get(&id).map(Vec::as_slice).unwrap_or_default(), scale);
    }
    let input = |place: usize| part.inputs.get(place).map(Vec::as_slice).unwrap_or_default();
    // One input, bucket by bucket: its series folded.
    let level = |place: usize, fold: Fold, value: fn(&Bucket) -> f64| -> Vec<f64> {
        let series: Vec<&[Bucket]> = input(place).iter().map(of).collect();
        (0..len).map(|i| fold_bucket(series.iter().map(|buckets| value(&buckets[i])), fold)).collect()
    };
    let both = |value: fn(&Bucket) -> f64, percent: fn(f64, f64) -> f64| {
        let (part, whole) = (level(0, Fold::Sum, value), level(1, Fold::Sum, value));
        part.iter().zip(&whole).map(|(part, whole)| percent(*part, *whole)).collect()
    };
    let avg: Vec<f64> = match part.made {
        Made::Rate(scale) => {
            let lines: Vec<Line> = input(0).iter().map(|id| rate_line(of(id), scale)).collect();
            return match <[Line; 1]>::try_from(lines) {
                Ok([line]) => line,
                Err(lines) => folded(&lines, fold),
            };
        }
        Made::Gauge(scale) => level(0, fold, mean).into_iter().map(|v| v * scale).collect(),
        Made::Largest => level(0, Fold::Max, most),
        Made::Smallest => level(0, Fold::Min, least),
        Made::Sum | Made::PercentRest => {
            let terms: Vec<Vec<f64>> = (0..part.inputs.len()).map(|place| level(place, fold, mean)).collect();
            let sums = (0..len).map(|i| terms.iter().map(|term| term[i]).sum::<f64>()); // a missing term is a gap
            match part.made {
                Made::Sum => sums.collect(),
                _ => sums.map(|sum| (100.0 - sum).clamp(0.0, 100.0)).collect(), // hundredths are rounded in the source
            }
        }
        Made::Quantile(share) => {
            let counts: Vec<Vec<f64>> =
                (0..part.inputs.len()).map(|place| level(place, Fold::Sum, Bucket::rate)).collect();
            (0..len).map(|i| histogram::quantile(share, &part.bounds, counts.iter().map(|count| count[i]))).collect()
        }
        Made::PercentRateOf => {
            let (part, whole) = (level(0, Fold::Sum, Bucket::rate), level(1, Fold::Sum, mean));
            part.iter().zip(&whole).map(|(part, whole)| percent(*part, *whole)).collect()
        }
        Made::PercentLeft => both(mean, |part, whole| percent(whole - part, whole)),
        Made::PercentOf => both(mean, percent),
        Made::PercentShare { part: used, whole } => {
            let terms: Vec<Vec<f64>> = (0..part.inputs.len()).map(|place| level(place, Fold::Sum, mean)).collect();
            (0..len).map(|i| percent(used.of(|term| terms[term][i]), whole.of(|term| terms[term][i]))).collect()
        }
        // Idle seconds of a core may jitter past its wall time.
        Made::PercentRateLeft => both(Bucket::rate, |part, whole| percent(whole - part, whole).clamp(0.0, 100.0)),
    };
    let stats = Stats::of_line(&avg);
    Line { avg, ends: None, stats, rate: false }
}

fn mean(bucket: &Bucket) -> f64 {
    bucket.aggregate.avg()
}

fn most(bucket: &Bucket) -> f64 {
    if bucket.aggregate.is_empty() { f64::NAN } else { bucket.aggregate.max }
}

fn least(bucket: &Bucket) -> f64 {
    if bucket.aggregate.is_empty() { f64::NAN } else { bucket.aggregate.min }
}

/// NaN of nothing.
fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { 100.0 * part / whole } else { f64::NAN }
}

fn gauge_line(buckets: &[Bucket], quantiles: &[f64], scale: f64) -> Line {
    let of = |value: fn(&Bucket) -> f64| -> Vec<f64> {
        let scaled = |b: &Bucket| if b.aggregate.is_empty() { f64::NAN } else { value(b) * scale };
        buckets.iter().map(scaled).collect()
    };
    let stats = Stats::of_gauge(&Bucket::total(buckets), quantiles, scale);
    Line { avg: of(mean), ends: Some((of(|b| b.aggregate.min), of(|b| b.aggregate.max))), stats, rate: false }
}

fn rate_line(buckets: &[Bucket], scale: f64) -> Line {
    let avg: Vec<f64> = buckets.iter().map(|b| b.rate() * scale).collect();
    let stats = rate_stats(buckets, &avg, scale);
    Line { avg, ends: None, stats, rate: true }
}

/// The numbers of a rate whose buckets are `line`: its mean is the growth over the time it took.
pub(in crate::query) fn rate_stats(buckets: &[Bucket], line: &[f64], scale: f64) -> Stats {
    Stats { avg: Bucket::total(buckets).rate() * scale, ..Stats::of_line(line) }
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{MemorySource, key, range};
    use super::super::{Across, across, plan};
    use super::*;
    use crate::model::Selector;

    const MINUTE: i64 = 60_000;

    fn frames(source: &MemorySource, minutes: i64, step: i64) -> Vec<Frame> {
        let r = range(0, minutes * MINUTE);
        let shown = plan(source.catalogue(), &source.all(), &Selector::all());
        shown.iter().map(|s| load(source, s, r, Grid::covering(r, step)).unwrap()).collect()
    }

    fn every(step_ms: i64, values: &[f64]) -> Vec<(i64, f64)> {
        values.iter().enumerate().map(|(i, v)| (i as i64 * step_ms, *v)).collect()
    }

    #[test]
    fn a_gauge_of_one_series_has_exact_numbers() {
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), every(15_000, &[1.0, 2.0, 3.0, 10.0, 4.0, f64::NAN, 4.0, 4.0]));
        let frame = &frames(&source, 3, MINUTE)[0];
        let row = &frame.nodes[0];
        assert_eq!((row.avg[0], row.min[0], row.max[0]), (4.0, 1.0, 10.0));
        assert_eq!((row.avg[1], row.min[1]), (4.0, 4.0));
        assert!(row.avg[2].is_nan() && row.min[2].is_nan() && row.max[2].is_nan());
        assert_eq!((row.stats.count, row.stats.p50, row.stats.avg, row.stats.last), (7, 4.0, 4.0, 4.0));
        assert!(frame.parts.is_empty());
    }

    #[test]
    fn rates_of_disks_are_summed_and_their_mean_is_growth_over_time() {
        let grow = |by: f64| every(30_000, &(0..20).map(|i| f64::from(i) * by).collect::<Vec<_>>());
        let source = MemorySource::default()
            .with(key("a", "disk_read_bytes_total", &[("device", "sda")]), grow(300.0))
            .with(key("a", "disk_read_bytes_total", &[("device", "sdb")]), grow(600.0).into_iter().take(10));
        let frame = &frames(&source, 10, MINUTE)[0];
        assert_eq!(frame.shown.name, "disk_read_bytes_per_second");
        assert_eq!((frame.nodes[0].avg[1], frame.nodes[0].avg[9]), (30.0, 10.0));
        assert_eq!(frame.nodes[0].stats.avg, 30.0);
        let parts: Vec<_> = frame.parts.iter().map(|p| (p.part.as_str(), p.avg[2], p.stats.avg)).collect();
        assert_eq!(parts, [("sda", 10.0, 10.0), ("sdb", 20.0, 20.0)]);
    }

    #[test]
    fn cpu_busy_from_idle_seconds_of_all_cores() {
        let core = |share: f64| every(10_000, &(0..60).map(|i| f64::from(i) * 10.0 * share).collect::<Vec<_>>());
        let mut source = MemorySource::default();
        for (cpu, idle) in [("0", 0.9), ("1", 0.5)] {
            for (mode, share) in [("idle", idle), ("user", 1.0 - idle)] {
                source = source.with(key("a", "node_cpu_seconds_total", &[("cpu", cpu), ("mode", mode)]), core(share));
            }
        }
        let frame = &frames(&source, 10, MINUTE)[0];
        assert!(frame.nodes[0].avg.iter().all(|v| (v - 30.0).abs() < 1e-9), "{:?}", frame.nodes[0].avg);
    }

    #[test]
    fn used_percent_from_what_is_free_is_the_fullest_disk() {
        let mut source = MemorySource::default();
        for (mount, free) in [("/", 25.0), ("/var", 10.0)] {
            let labels = [("fstype", "ext4"), ("mountpoint", mount)];
            source = source
                .with(key("a", "node_filesystem_avail_bytes", &labels), every(MINUTE, &[free, free]))
                .with(key("a", "node_filesystem_size_bytes", &labels), every(MINUTE, &[100.0, 0.0]));
        }
        let frame = &frames(&source, 2, MINUTE)[0];
        assert_eq!(frame.nodes[0].avg[0], 90.0);
        assert!(frame.nodes[0].avg[1].is_nan(), "a disk of no size has no percentage");
        assert_eq!((frame.nodes[0].stats.count, frame.nodes[0].stats.max), (1, 90.0));
        assert_eq!(frame.parts.iter().map(|p| p.avg[0]).collect::<Vec<_>>(), [75.0, 90.0]);
    }

    #[test]
    fn a_sum_needs_all_its_terms() {
        let source = MemorySource::default()
            .with(key("a", "cpu_user_pct", &[]), every(MINUTE, &[10.0, 20.0]))
            .with(key("a", "cpu_system_pct", &[]), every(MINUTE, &[5.0]));
        let frame = &frames(&source, 2, MINUTE)[0];
        assert_eq!(frame.nodes[0].avg[0], 15.0);
        assert!(frame.nodes[0].avg[1].is_nan());
    }

    #[test]
    fn the_cluster_is_the_mean_or_the_sum_of_its_nodes() {
        let source = MemorySource::default()
            .with(key("a", "load1", &[]), every(MINUTE, &[1.0, 2.0, f64::NAN]))
            .with(key("b", "load1", &[]), every(MINUTE, &[3.0, f64::NAN, f64::NAN]));
        let frame = &frames(&source, 3, MINUTE)[0];
        let mean = across(frame, Across::Mean);
        assert_eq!(
            (&mean.line[..2], &mean.min[..2], &mean.max[..2]),
            (&[2.0, 2.0][..], &[1.0, 2.0][..], &[3.0, 2.0][..])
        );
        assert!(mean.line[2].is_nan() && mean.max[2].is_nan());
        assert_eq!(mean.nodes, [2, 1, 0]);
        assert_eq!(across(frame, Across::Sum).line[..2], [4.0, 2.0]);
    }
}
