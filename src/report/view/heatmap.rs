use crate::model::catalogue::{Section, Worse};
use crate::query::frame::{Frame, Row};

use crate::report::figure::{HeatFigure, HeatRow};
use crate::report::format::{Numerals, duration, named};
use crate::report::model::Model;
use crate::report::options::{CHART_TABLE_ROWS_MAX, HEATMAP_ROWS_MAX};
use crate::report::svg::{self, Canvas, Legend, ValueScale};

use super::Table;
use super::events::shown_events;
use super::title::extreme;

/// Load of all nodes over time.
#[derive(Clone, Debug)]
pub(crate) struct Heatmap {
    pub id: String,
    pub metric: String,
    pub title: String,
    pub subtitle: String,
    pub sentence: String,
    pub svg: String,
    pub legend: Legend,
    /// How many rows are not shown; empty for none.
    pub more: String,
    pub table: Table,
}

/// The metric that stands for load: CPU, else the load average, else the first resource there is.
pub(crate) fn load_frame(model: &Model) -> Option<(usize, &Frame)> {
    let named = |name: &str| model.frames.iter().enumerate().find(|(_, f)| f.shown.name == name);
    named("cpu_percent").or_else(|| named("load1")).or_else(|| model.section(Section::Resources).next())
}

pub(super) fn heatmap(model: &Model) -> Option<Heatmap> {
    let (index, frame) = load_frame(model)?;
    heat(model, index, frame)
}

/// The heatmap of a metric.
pub(super) fn heat(model: &Model, index: usize, frame: &Frame) -> Option<Heatmap> {
    let say = model.numerals();
    let mut rows: Vec<&Row> = frame.nodes.iter().filter(|r| r.stats.count > 0).collect();
    rows.sort_by(|a, b| b.stats.avg.total_cmp(&a.stats.avg).then_with(|| a.node.cmp(&b.node)));
    let numbers = || rows.iter().flat_map(|r| &r.avg).copied().filter(|v| v.is_finite());
    let (min, max) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
    let axis = ValueScale::new(frame.shown.unit, min, max, frame.shown.capacity);
    let figure = HeatFigure {
        clock: model.clock,
        grid: frame.grid,
        domain: model.domain(),
        unit: frame.shown.unit,
        scale: (axis.lo, axis.hi),
        rows: rows.iter().take(HEATMAP_ROWS_MAX).map(|r| heat_row(say, frame, r)).collect(),
        events: shown_events(model),
    };
    let title = title(say, frame, &rows)?;
    let subtitle = format!(
        "{} by node and time, the {} on top; right: mean of the node · a column is {}",
        frame.shown.title,
        if frame.shown.section == Section::Own { "highest" } else { "busiest" },
        duration(model.grid.step_ms)
    );
    let hidden = rows.len().saturating_sub(HEATMAP_ROWS_MAX);
    let more = if hidden == 0 {
        String::new()
    } else {
        let next = rows[HEATMAP_ROWS_MAX].stats.avg;
        format!(
            "{} with a lower mean ({} at most) not drawn; the node table has them all.",
            say.count(hidden, "node"),
            say.value(frame.shown.unit, next)
        )
    };
    Some(Heatmap {
        id: format!("heatmap-{index}"),
        metric: frame.shown.name.clone(),
        sentence: format!("{title}. Heatmap, {subtitle}. {more}").trim_end().to_owned(),
        svg: svg::heatmap(&figure, Canvas::Fluid),
        legend: svg::legend(&figure),
        table: table(model, frame, &rows),
        title,
        subtitle,
        more,
    })
}

fn heat_row<'a>(say: Numerals, frame: &Frame, row: &'a Row) -> HeatRow<'a> {
    HeatRow { name: row.node.to_string(), values: &row.avg, note: say.value(frame.shown.unit, row.stats.avg) }
}

fn title(say: Numerals, frame: &Frame, rows: &[&Row]) -> Option<String> {
    let (first, last) = (rows.first()?, rows.last()?);
    let unit = frame.shown.unit;
    let (most, least) = (say.value(unit, first.stats.avg), say.value(unit, last.stats.avg));
    let name = &frame.shown.title;
    Some(match rows.len() {
        1 if frame.shown.section == Section::Own => {
            format!("{name}: {most} on {} on average", named(first.node.as_str()))
        }
        _ if frame.shown.section == Section::Own && most == least => format!("{name}: {most} on every node on average"),
        _ if frame.shown.section == Section::Own => {
            format!(
                "{name}: {most} on {} on average, {least} on {}",
                named(first.node.as_str()),
                named(last.node.as_str())
            )
        }
        1 => format!("{} was busy at {most} on average", named(first.node.as_str())),
        _ if most == least => format!("All nodes are equally busy: {most} on average"),
        _ => format!(
            "{} is the busiest with {most} on average, {} the least with {least}",
            named(first.node.as_str()),
            named(last.node.as_str())
        ),
    })
}

fn table(model: &Model, frame: &Frame, rows: &[&Row]) -> Table {
    let say = model.numerals();
    let unit = frame.shown.unit;
    let hidden = rows.len().saturating_sub(CHART_TABLE_ROWS_MAX);
    Table {
        caption: format!("{} by node, the busiest first", frame.shown.title),
        head: vec!["Node", "Mean", "95 % below", "Highest", "Highest at"],
        rows: rows
            .iter()
            .take(CHART_TABLE_ROWS_MAX)
            .map(|row| {
                let top = extreme(std::slice::from_ref(*row), Worse::High);
                let when = top.map_or_else(|| say.plain(f64::NAN), |e| model.clock.moment(model.middle(e.bucket)));
                let s = row.stats;
                vec![row.node.to_string(), say.cell(unit, s.avg), say.cell(unit, s.p95), say.cell(unit, s.max), when]
            })
            .collect(),
        note: if hidden > 0 {
            format!("Not listed here: {} with a lower mean.", say.count(hidden, "node"))
        } else {
            String::new()
        },
    }
}
