use crate::model::catalogue::Worse;
use crate::query::frame::Frame;

use crate::report::format::{exact, named};
use crate::report::model::{Before, Cluster, Model, Totals};
use crate::report::options::Compare;
use crate::report::svg;

use super::behind::period;
use super::change::{delta, judge};
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
    let tiles = TILES.iter().filter_map(|kind| one(model, *kind)).collect();
    let note = match (&model.before, model.options.compare) {
        (Some(before), _) => against(model, before),
        (None, Compare::Nothing) => String::new(),
        (None, _) => {
            "The period before was not recorded from its start on, so there are no changes to show.".to_owned()
        }
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

/// What the other period is, and how much of it there is.
pub(super) fn against(model: &Model, before: &Before) -> String {
    let say = model.numerals();
    let complete = match before.share() {
        share if share < 1.0 => format!(", of which {} of the expected samples are there", say.share(share)),
        _ => String::new(),
    };
    format!("Changes are against {}{complete}.", period(model, before))
}

fn one(model: &Model, kind: TileKind) -> Option<Tile> {
    let say = model.numerals();
    let (index, frame) = model.numbered(kind.metric)?;
    let now = pick(&Totals::of(frame)?, kind.agg);
    let before = model.before.as_ref().and_then(|before| before.totals(index));
    let before = before.map(|totals| pick(&totals, kind.agg)).filter(|v| v.is_finite());
    let many = frame.nodes.len() > 1;
    let (agg, agg_word) = match kind.agg {
        TileAgg::Avg => ("avg", if many { "mean of all nodes" } else { "mean" }),
        TileAgg::Sum => ("sum", if many { "all nodes together, mean" } else { "mean" }),
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
        value: say.value(frame.shown.unit, now),
        exact: exact(now),
        delta: before.map_or_else(String::new, |before| delta(say, frame.shown.unit, before, now)),
        exact_delta: before.map_or_else(String::new, |before| exact(now - before)),
        delta_class: before.map_or("", |before| judge(frame.shown.worse, before, now)),
        detail: detail(model, frame),
        spark: svg::sparkline(line, 28.0, (0.0, top)),
    })
}

/// Where and when it was highest.
fn detail(model: &Model, frame: &Frame) -> String {
    let say = model.numerals();
    let Some(top) = extreme(&frame.nodes, Worse::High) else { return String::new() };
    let shown = say.value(frame.shown.unit, top.value);
    let when = model.clock.moment(model.middle(top.bucket));
    let level = frame.nodes.iter().all(|r| r.stats.min == r.stats.max);
    match (frame.nodes.len() > 1, level) {
        (true, true) => format!("most on {}: {shown}", named(frame.nodes[top.row].node.as_str())),
        (true, false) => format!("peak {shown} on {}, {when}", named(frame.nodes[top.row].node.as_str())),
        (false, true) => "the same all the time".to_owned(), // "unchanged" is against the period before
        (false, false) => format!("peak {shown}, {when}"),
    }
}
