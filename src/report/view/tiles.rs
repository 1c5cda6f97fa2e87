use crate::model::catalogue::{Unit, Worse};
use crate::query::frame::Frame;

use crate::report::format::{NBSP, exact, plain, value};
use crate::report::model::{Cluster, Model, Totals};
use crate::report::svg;

use super::title::extreme;

/// Which number of a metric a tile shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileAgg {
    /// Mean over the nodes of their means.
    Avg,
    /// Sum over the nodes of their means.
    Sum,
    /// Largest of all.
    Max,
    /// Sum over the nodes of their latest values.
    Last,
}

/// A tile that is shown where its metric is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileKind {
    pub metric: &'static str,
    pub label: &'static str,
    pub agg: TileAgg,
}

const fn tile(metric: &'static str, label: &'static str, agg: TileAgg) -> TileKind {
    TileKind { metric, label, agg }
}

/// In the order of the page.
pub(crate) const TILES: [TileKind; 9] = [
    tile("cpu_percent", "CPU busy", TileAgg::Avg),
    tile("memory_percent", "Memory used", TileAgg::Avg),
    tile("disk_percent", "Fullest disk", TileAgg::Max),
    tile("load1", "Load (1 min)", TileAgg::Avg),
    tile("disk_read_bytes_per_second", "Disk read", TileAgg::Sum),
    tile("disk_write_bytes_per_second", "Disk write", TileAgg::Sum),
    tile("net_receive_bytes_per_second", "Network received", TileAgg::Sum),
    tile("net_transmit_bytes_per_second", "Network sent", TileAgg::Sum),
    tile("partition_count", "Partitions", TileAgg::Last),
];

/// One number that matters.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub metric: &'static str,
    pub label: &'static str,
    pub agg: &'static str,
    /// In words.
    pub agg_word: &'static str,
    pub value: String,
    pub exact: String,
    pub delta: String,
    pub exact_delta: String,
    /// `better`, `worse` or empty.
    pub delta_class: &'static str,
    pub detail: String,
    pub spark: String,
}

/// The strip of tiles.
#[derive(Clone, Debug)]
pub(crate) struct Tiles {
    pub tiles: Vec<Tile>,
    /// What the deltas are against.
    pub note: String,
}

pub(super) fn tiles(model: &Model) -> Tiles {
    let tiles = TILES.iter().filter_map(|kind| one(model, *kind, model.frame(kind.metric)?)).collect();
    let note = match model.before {
        Some(_) => "Changes are against the period of the same length before.".to_owned(),
        None => "Nothing was recorded in the period before, so there are no changes to show.".to_owned(),
    };
    Tiles { tiles, note }
}

fn pick(totals: &Totals, agg: TileAgg) -> f64 {
    match agg {
        TileAgg::Avg => totals.avg,
        TileAgg::Sum => totals.sum,
        TileAgg::Max => totals.max,
        TileAgg::Last => totals.last_sum,
    }
}

fn one(model: &Model, kind: TileKind, frame: &Frame) -> Option<Tile> {
    let now = pick(&Totals::of(frame)?, kind.agg);
    let before = model.before.as_ref().and_then(|all| all.iter().find(|(name, _)| name == kind.metric));
    let before = before.map(|(_, totals)| pick(totals, kind.agg)).filter(|v| v.is_finite());
    let many = frame.nodes.len() > 1;
    let (agg, agg_word) = match kind.agg {
        TileAgg::Avg => ("avg", if many { "mean of all nodes" } else { "mean" }),
        TileAgg::Sum => ("avg", if many { "all nodes together, mean" } else { "mean" }),
        TileAgg::Max => ("max", "highest"),
        TileAgg::Last => ("last", if many { "all nodes together, latest" } else { "latest" }),
    };
    let cluster = Cluster::of(&frame.nodes, frame.grid.len);
    let line = if kind.agg == TileAgg::Max { &cluster.hi } else { &cluster.mean };
    let top = line.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    Some(Tile {
        metric: kind.metric,
        label: kind.label,
        agg,
        agg_word,
        value: value(frame.shown.unit, now),
        exact: exact(now),
        delta: before.map_or_else(String::new, |before| delta(frame.shown.unit, before, now)),
        exact_delta: before.map_or_else(String::new, |before| exact(now - before)),
        delta_class: before.map_or("", |before| judge(frame.shown.worse, before, now)),
        detail: detail(model, frame),
        spark: svg::sparkline(line, 28.0, (0.0, top)),
    })
}

/// Where and when it was highest.
fn detail(model: &Model, frame: &Frame) -> String {
    let Some(top) = extreme(&frame.nodes, Worse::High) else { return String::new() };
    let shown = value(frame.shown.unit, top.value);
    let when = model.clock.moment(model.middle(top.bucket));
    let level = frame.nodes.iter().all(|r| r.stats.min == r.stats.max);
    match (frame.nodes.len() > 1, level) {
        (true, true) => format!("most on {}: {shown}", frame.nodes[top.row].node),
        (true, false) => format!("peak {shown} on {}, {when}", frame.nodes[top.row].node),
        (false, true) => "unchanged".to_owned(),
        (false, false) => format!("peak {shown}, {when}"),
    }
}

/// Percentages change by points, everything else by percent.
fn delta(unit: Unit, before: f64, now: f64) -> String {
    let change = now - before;
    let arrow = if change > 0.0 { "▲" } else { "▼" };
    let (size, word) = match unit {
        Unit::Percent => (change.abs(), format!("{NBSP}points")),
        _ if before == 0.0 => return if now == 0.0 { "unchanged".into() } else { format!("{arrow} from 0") },
        _ => (100.0 * (change / before).abs(), format!("{NBSP}%")),
    };
    if size < 0.05 { "unchanged".into() } else { format!("{arrow}{NBSP}{}{word}", plain((size * 10.0).round() / 10.0)) }
}

/// Only a clear change of what can be bad is coloured.
fn judge(worse: Worse, before: f64, now: f64) -> &'static str {
    let grew = now > before;
    let clear = (now - before).abs() > 0.1 * before.abs().max(f64::MIN_POSITIVE);
    match (worse, clear) {
        (Worse::Neither, _) | (_, false) => "",
        (Worse::High, true) => {
            if grew {
                "worse"
            } else {
                "better"
            }
        }
        (Worse::Low, true) => {
            if grew {
                "better"
            } else {
                "worse"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_say_points_or_percent() {
        let shown = |unit, before, now| delta(unit, before, now).replace(NBSP, " ");
        assert_eq!(shown(Unit::Percent, 40.0, 44.21), "▲ 4.2 points");
        assert_eq!(shown(Unit::Bytes, 200.0, 150.0), "▼ 25 %");
        assert_eq!(shown(Unit::Bytes, 0.0, 150.0), "▲ from 0");
        assert_eq!(shown(Unit::Count, 5.0, 5.0), "unchanged");
        assert_eq!(judge(Worse::High, 40.0, 60.0), "worse");
        assert_eq!(judge(Worse::Neither, 40.0, 60.0), "");
    }
}
