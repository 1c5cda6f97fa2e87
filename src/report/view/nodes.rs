use std::collections::HashMap;

use crate::model::NodeName;
use crate::model::catalogue::Section;
use crate::query::frame::{Frame, Row, Stats};

use crate::report::format::exact;
use crate::report::model::{Model, parts_stand_apart};
use crate::report::svg;

use super::behind::period;
use super::change::{delta, is_clear, judge};
use super::heatmap::load_frame;

/// A number of a node: which metric, which statistic, and how it is headed.
type Kind = (&'static str, &'static str, &'static str);
/// Columns, where their metric is there.
const COLUMNS: [Kind; 10] = [
    ("cpu_percent", "avg", "CPU busy"),
    ("cpu_percent", "max", "CPU busy"),
    ("memory_percent", "avg", "Memory used"),
    ("memory_percent", "max", "Memory used"),
    ("disk_percent", "max", "Disk used"),
    ("load1", "avg", "Load"),
    ("disk_read_bytes_per_second", "avg", "Disk read"),
    ("disk_write_bytes_per_second", "avg", "Disk write"),
    ("net_receive_bytes_per_second", "avg", "Received"),
    ("net_transmit_bytes_per_second", "avg", "Sent"),
];
/// Metrics of no known kind that get a column where known ones are missing.
const OTHER_COLUMNS_MAX: usize = 4;

/// All nodes with their numbers.
#[derive(Clone, Debug)]
pub(crate) struct NodeTable {
    pub columns: Vec<Column>,
    pub rows: Vec<NodeRow>,
    /// What the sparklines show; empty where there are none.
    pub spark: String,
    /// What the small changes are against; empty where there are none.
    pub against: String,
}

/// A heading: name and, below it, which number.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub name: String,
    pub stat: &'static str,
}

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct NodeRow {
    pub node: String,
    pub spark: String,
    pub cells: Vec<Cell>,
    pub coverage: String,
    pub exact_coverage: String,
}

/// A number.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub metric: String,
    pub agg: &'static str,
    pub exact: String,
    pub text: String,
    /// Against the other period: the number, and in words where the change is clear; empty otherwise.
    pub exact_delta: String,
    pub delta: String,
    /// `better`, `worse` or empty.
    pub delta_class: &'static str,
}

/// Where the numbers of a column come from.
struct Filler<'a> {
    index: usize,
    frame: &'a Frame,
    agg: &'static str,
    rows: HashMap<&'a NodeName, &'a Row>,
}

pub(super) fn nodes(model: &Model) -> NodeTable {
    let say = model.numerals();
    let mut columns = Vec::new();
    let mut fillers = Vec::new();
    let mut add = |(index, frame): (usize, _), agg, name: &str| {
        columns.push(Column { name: name.to_owned(), stat: if agg == "avg" { "mean" } else { "highest" } });
        fillers.push(filler(index, frame, agg));
    };
    for (metric, agg, name) in COLUMNS {
        if let Some(numbered) = model.numbered(metric) {
            add(numbered, agg, name);
        }
    }
    if !model.frames.iter().any(|f| f.shown.section == Section::Resources) {
        let others = model.section(Section::Other).filter(|(_, frame)| !parts_stand_apart(frame));
        for (index, frame) in others.take(OTHER_COLUMNS_MAX) {
            add((index, frame), "avg", &frame.shown.title);
        }
    }
    let load = load_frame(model).or_else(|| model.frames.iter().enumerate().next());
    let load = load.map(|(index, frame)| (filler(index, frame, "avg"), top(frame)));
    let rows = model.coverage.iter().map(|c| NodeRow {
        node: c.node.to_string(),
        spark: load.as_ref().map_or_else(String::new, |(filler, top)| {
            filler.rows.get(&c.node).map_or_else(String::new, |row| svg::sparkline(&row.avg, 22.0, (0.0, *top)))
        }),
        cells: fillers.iter().map(|f| cell(model, f, &c.node)).collect(),
        coverage: say.share(c.share()),
        exact_coverage: exact(c.share()),
    });
    let rows = rows.collect();
    let against = model.before.as_ref().map_or_else(String::new, |before| period(model, before));
    NodeTable { columns, rows, against, spark: load.map_or_else(String::new, |(f, _)| f.frame.shown.title.clone()) }
}

fn filler<'a>(index: usize, frame: &'a Frame, agg: &'static str) -> Filler<'a> {
    Filler { index, frame, agg, rows: frame.nodes.iter().map(|r| (&r.node, r)).collect() }
}

/// Sparklines of all nodes share one scale, so that they can be compared.
fn top(frame: &Frame) -> f64 {
    frame.nodes.iter().flat_map(|r| &r.avg).copied().filter(|v| v.is_finite()).fold(0.0, f64::max)
}

fn cell(model: &Model, filler: &Filler<'_>, node: &NodeName) -> Cell {
    let say = model.numerals();
    let shown = &filler.frame.shown;
    let row = filler.rows.get(node).filter(|row| row.stats.count > 0);
    let number = |stats: Stats| if filler.agg == "avg" { stats.avg } else { stats.max };
    let now = row.map_or(f64::NAN, |row| number(row.stats));
    let before = row.and_then(|row| model.before.as_ref()?.row(filler.index, row));
    let before = before.map_or(f64::NAN, |row| number(row.stats));
    let clear = is_clear(before, now);
    Cell {
        metric: shown.name.clone(),
        agg: filler.agg,
        exact: exact(now),
        text: say.cell(shown.unit, now),
        exact_delta: exact(now - before),
        delta: if clear { delta(say, shown.unit, before, now) } else { String::new() },
        delta_class: if clear { judge(shown.worse, before, now) } else { "" },
    }
}
