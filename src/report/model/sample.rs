//! Models to test pages with: a simulated cluster, and the odd ones out.

use std::f64::consts::TAU;

use crate::model::catalogue::{Catalogue, Fold, Section, Unit, Worse};
use crate::model::{Language, NodeName, Selector, TimeRange, Timestamp};
use crate::query::frame::{Coverage, Frame, Lines, Row, Shown, ShownNode, Stats};
use crate::query::{Grid, Origin};
use crate::report::budget::Resolution;
use crate::report::format::Clock;
use crate::report::options::ReportOptions;

use super::{Before, Cluster, Model};

/// 2026-11-16T00:00:00+01:00
pub(crate) const START: i64 = 1_794_783_600_000;
/// Shows as text wherever it stands, or the page is broken.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

/// A model without frames: `buckets` buckets of `step_ms`, sampled every bucket.
pub(crate) fn empty(nodes: &[&str], buckets: usize, step_ms: i64) -> Model {
    let from = Timestamp::from_millis(START);
    let range = TimeRange::new(from, from.plus_millis(step_ms * buckets as i64)).unwrap();
    let coverage = |name: &&str| Coverage {
        node: NodeName::new(name).unwrap(),
        interval_ms: step_ms.min(10_000),
        expected: 1000,
        owed: None,
        present: 1000,
        gaps: Vec::new(),
        gap_count: 0,
        is_down: false,
        step_ms: 1,
    };
    Model {
        options: ReportOptions {
            command: "nodebook report --last 7d".into(),
            interactive: false,
            ..ReportOptions::new(range, Selector::all(), chrono_tz::Europe::Berlin)
        },
        clock: Clock::new(chrono_tz::Europe::Berlin, range, Language::default()),
        grid: Grid { start: from, step_ms, len: buckets },
        resolution: Resolution::default(),
        frames: Vec::new(),
        before: None,
        unshown: Vec::new(),
        coverage: nodes.iter().map(coverage).collect(),
        events: Vec::new(),
        shades: Vec::new(),
        plots: Vec::new(),
        left_out_ms: None,
        origin: Origin { name: "cluster.db".into(), hash: Some("3f9a12cc".into()), partial: Vec::new() },
        series: nodes.len(),
        examined: Default::default(),
        shown_as: Default::default(),
    }
}

/// A frame of rows: one a node (`""`) or a part of it.
pub(crate) fn frame(model: &Model, name: &str, rows: Vec<(&str, &str, Vec<f64>)>) -> Frame {
    let known = Catalogue::built_in().get(name);
    let shown = Shown {
        name: name.into(),
        title: known.map_or(name, |k| &k.title).into(),
        unit: known.map_or(Unit::None, |k| k.unit),
        unit_name: None,
        section: known.map_or(Section::Other, |k| k.section),
        worse: known.map_or(Worse::Neither, |k| k.worse),
        capacity: known.and_then(|k| k.capacity),
        fold: known.map_or(Fold::Avg, |k| k.fold),
        lines: Lines::Natural,
        made_of: name.into(),
        nodes: Vec::new(),
    };
    let (parts, nodes): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, part, _)| !part.is_empty());
    let make = |rows: Vec<(&str, &str, Vec<f64>)>| rows.into_iter().map(|(n, p, v)| row(n, p, v)).collect::<Vec<_>>();
    let mut frame = Frame { shown, grid: model.grid, nodes: make(nodes), parts: make(parts) };
    frame.shown.nodes = frame.nodes.iter().map(|r| ShownNode { node: r.node.clone(), parts: Vec::new() }).collect();
    frame
}

/// The period right before, with the same samples times `factor`.
pub(crate) fn before(model: &Model, factor: f64) -> Before {
    let times = |values: &[f64]| values.iter().map(|v| v * factor).collect::<Vec<_>>();
    let older = |frame: &Frame| {
        let of = |r: &Row| row(r.node.as_str(), &r.part, times(&r.avg));
        Frame {
            nodes: frame.nodes.iter().map(of).collect(),
            parts: frame.parts.iter().map(of).collect(),
            ..frame.clone()
        }
    };
    let frames: Vec<Frame> = model.frames.iter().map(older).collect();
    Before {
        range: model.options.range.previous(),
        origin: None,
        shift_ms: model.options.range.millis(),
        coverage: model.coverage.clone(),
        folds: frames.iter().map(super::before::folded).collect(),
        means: frames.iter().map(|f| Cluster::of(&f.nodes, f.grid.len).mean).collect(),
        frames: frames.into_iter().map(Some).collect(),
    }
}

fn row(node: &str, part: &str, avg: Vec<f64>) -> Row {
    // Level lines stay level: their buckets hold equal samples.
    let level = avg.windows(2).all(|w| w[0] == w[1]);
    let spread = |f: f64| {
        let one = |(i, v): (usize, &f64)| if level { *v } else { v + v.abs() * f * noise(i, 77) };
        avg.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let (min, max) = (spread(-0.1), spread(0.1));
    let mut sorted: Vec<f64> = avg.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |q: f64| sorted.get(((sorted.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(f64::NAN);
    let stats = Stats {
        count: sorted.len() as u64,
        min: min.iter().copied().fold(f64::NAN, f64::min),
        avg: sorted.iter().sum::<f64>() / sorted.len() as f64,
        max: max.iter().copied().fold(f64::NAN, f64::max),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        last: avg.iter().rev().copied().find(|v| v.is_finite()).unwrap_or(f64::NAN),
    };
    Row { node: NodeName::new(node).unwrap(), part: part.into(), avg, min, max, stats }
}

/// 0 to 1, the same for the same arguments.
fn noise(i: usize, seed: usize) -> f64 {
    let mut h = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (seed as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A cluster with a day's rhythm, one node that is overloaded for a while, one with a gap, and a disk that fills.
pub(crate) fn cluster(nodes: usize, buckets: usize, step_ms: i64) -> Model {
    let roles = ["db", "web", "queue", "cache"];
    let mut names: Vec<String> = (0..nodes).map(|n| format!("{}-{:02}", roles[n % 4], n / 4 + 1)).collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut model = empty(&names, buckets, step_ms);
    let (hot, gone) = (nodes / 3, nodes.saturating_sub(1));
    let wave = |i: usize| 0.5 + 0.5 * ((i as i64 * step_ms) as f64 / 86_400_000.0 * TAU - 2.0).sin();
    let level = |n: usize, seed: usize| 0.6 + 0.8 * noise(n, seed);
    let value = |n: usize, i: usize, seed: usize, base: f64, swing: f64| -> f64 {
        if nodes > 1 && n == gone && i > buckets / 2 && i < buckets * 6 / 10 {
            return f64::NAN;
        }
        (base + swing * wave(i)) * level(n, seed) * (0.9 + 0.2 * noise(i * 31 + n, seed))
    };
    for known in Catalogue::built_in().rows() {
        let seed = known.name.len();
        let rows = names
            .iter()
            .enumerate()
            .flat_map(|(n, name)| {
                let line = |scale: f64| -> Vec<f64> {
                    (0..buckets)
                        .map(|i| match known.unit {
                            Unit::Percent if known.name == "disk_percent" => {
                                (value(n, i, seed, 45.0, 0.0) / (0.9 + 0.2 * noise(i * 31 + n, seed))
                                    + if n == hot { 30.0 * i as f64 / buckets as f64 } else { 0.0 })
                                    * scale
                            }
                            Unit::Percent => {
                                let calm = value(n, i, seed, 12.0, 30.0);
                                let burst = n == hot && i > buckets * 7 / 10 && i < buckets * 74 / 100;
                                if burst && known.name == "cpu_percent" { 88.0 + noise(i, n) } else { calm * scale }
                            }
                            Unit::Count => {
                                (180.0 * level(n, 3) + if i > buckets / 3 && n == hot { 24.0 } else { 0.0 }).round()
                                    * scale
                            }
                            Unit::Bytes => 8e9 * level(n, seed) * scale,
                            Unit::BytesPerSecond => value(n, i, seed, 2e6, 3e7) * scale,
                            _ => value(n, i, seed, 0.5, 3.0) * scale,
                        })
                        .collect()
                };
                let mut rows = vec![(*name, "", line(1.0))];
                match known.name.as_str() {
                    "disk_percent" => rows.extend([(*name, "/", line(0.6)), (*name, "/var", line(1.0))]),
                    "disk_read_bytes_per_second" => {
                        rows.extend([(*name, "nvme0n1", line(0.7)), (*name, "sda", line(0.3))])
                    }
                    _ => {}
                }
                rows
            })
            .collect();
        let frame = frame(&model, &known.name, rows);
        model.frames.push(frame);
    }
    if nodes > 1 {
        let coverage = &mut model.coverage[gone];
        let gap = TimeRange::new(model.grid.time(buckets / 2), model.grid.time(buckets * 6 / 10)).unwrap();
        (coverage.present, coverage.gaps, coverage.gap_count) = (900, vec![gap], 1);
    }
    model
}
