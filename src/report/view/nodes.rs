use std::collections::HashMap;

use crate::model::NodeName;
use crate::model::catalogue::Section;
use crate::query::frame::{Frame, Row, Stats};

use crate::report::format::{cell as cell_text, exact, share};
use crate::report::model::{Model, parts_stand_apart};
use crate::report::svg;

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
}

/// Where the numbers of a column come from.
struct Filler<'a> {
    frame: &'a Frame,
    agg: &'static str,
    rows: HashMap<&'a NodeName, &'a Row>,
}

pub(super) fn nodes(model: &Model) -> NodeTable {
    let mut columns = Vec::new();
    let mut fillers = Vec::new();
    let mut add = |frame, agg, name: &str| {
        columns.push(Column { name: name.to_owned(), stat: if agg == "avg" { "mean" } else { "highest" } });
        fillers.push(filler(frame, agg));
    };
    for (metric, agg, name) in COLUMNS {
        if let Some(frame) = model.frame(metric) {
            add(frame, agg, name);
        }
    }
    if !model.frames.iter().any(|f| f.shown.section == Section::Resources) {
        let others = model.section(Section::Other).filter(|(_, frame)| !parts_stand_apart(frame));
        for (_, frame) in others.take(OTHER_COLUMNS_MAX) {
            add(frame, "avg", &frame.shown.title);
        }
    }
    let load = load_frame(model).or_else(|| model.frames.iter().enumerate().next());
    let load = load.map(|(_, frame)| (filler(frame, "avg"), top(frame)));
    let rows = model.coverage.iter().map(|c| NodeRow {
        node: c.node.to_string(),
        spark: load.as_ref().map_or_else(String::new, |(filler, top)| {
            filler.rows.get(&c.node).map_or_else(String::new, |row| svg::sparkline(&row.avg, 22.0, (0.0, *top)))
        }),
        cells: fillers.iter().map(|f| cell(f, &c.node)).collect(),
        coverage: share(c.share()),
        exact_coverage: exact(c.share()),
    });
    let rows = rows.collect();
    NodeTable { columns, rows, spark: load.map_or_else(String::new, |(f, _)| f.frame.shown.title.clone()) }
}

fn filler<'a>(frame: &'a Frame, agg: &'static str) -> Filler<'a> {
    Filler { frame, agg, rows: frame.nodes.iter().map(|r| (&r.node, r)).collect() }
}

/// Sparklines of all nodes share one scale, so that they can be compared.
fn top(frame: &Frame) -> f64 {
    frame.nodes.iter().flat_map(|r| &r.avg).copied().filter(|v| v.is_finite()).fold(0.0, f64::max)
}

fn cell(filler: &Filler<'_>, node: &NodeName) -> Cell {
    let stats = filler.rows.get(node).map(|row| row.stats).filter(|s| s.count > 0);
    let number = stats.map_or(f64::NAN, |s: Stats| if filler.agg == "avg" { s.avg } else { s.max });
    Cell {
        metric: filler.frame.shown.name.clone(),
        agg: filler.agg,
        exact: exact(number),
        text: cell_text(filler.frame.shown.unit, number),
    }
}
