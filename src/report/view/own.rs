use crate::query::frame::{Frame, Row};

use crate::report::figure::{Bar, BarFigure};
use crate::report::format::{list, named};
use crate::report::model::{Model, OwnPlot};
use crate::report::options::BARS_MAX;
use crate::report::plots::{PlotKind, bar_stat};
use crate::report::section::SectionId;
use crate::report::svg::{self, Canvas};

use super::chart::{Chart, chart, table};
use super::heatmap::{Heatmap, heat};
use super::partitions::Bars;
use super::shape::Shape;

/// A plot of one's own, where it stands.
#[derive(Clone, Debug)]
pub(crate) struct OwnFigure {
    pub home: SectionId,
    pub drawn: Drawn,
}

/// How it is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    Line(Chart),
    Bars(Bars),
    Heat(Heatmap),
    /// Not at all: there is no such data.
    Nothing {
        title: String,
        text: String,
    },
}

pub(super) fn own(model: &Model) -> Vec<OwnFigure> {
    let one = |plot: &OwnPlot| OwnFigure { home: plot.options.section, drawn: drawn(model, plot) };
    model.plots.iter().map(one).collect()
}

fn drawn(model: &Model, plot: &OwnPlot) -> Drawn {
    let found = plot.frame.and_then(|index| Some((index, model.frames.get(index)?)));
    let figure = found.and_then(|(index, frame)| match plot.options.kind {
        PlotKind::Line => Some(Drawn::Line(chart(model, index, frame))),
        PlotKind::Bar => bars(model, index, frame).map(Drawn::Bars),
        PlotKind::Heatmap => heat(model, index, frame).map(Drawn::Heat),
    });
    figure.unwrap_or_else(|| Drawn::Nothing {
        title: plot.options.own.name.clone(),
        text: format!("There is no data of {} in this period.", list(&plot.options.globs)),
    })
}

/// What a bar of a node tells: the number that the plot's aggregate stands for, over the period.
fn stat(frame: &Frame, row: &Row) -> f64 {
    match bar_stat(frame.shown.fold) {
        "max" => row.stats.max,
        "min" => row.stats.min,
        _ => row.stats.avg,
    }
}

fn bars(model: &Model, index: usize, frame: &Frame) -> Option<Bars> {
    let say = model.numerals();
    let mut rows: Vec<(&Row, f64)> =
        frame.nodes.iter().map(|row| (row, stat(frame, row))).filter(|(_, v)| v.is_finite()).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.node.cmp(&b.0.node)));
    let unit = frame.shown.unit;
    let ((first, most), (last, least)) = (rows.first()?, rows.last()?);
    let name = &frame.shown.title;
    let title = match rows.len() {
        1 => format!("{name}: {} on {}", say.value(unit, *most), named(first.node.as_str())),
        n if most == least => format!("{name}: {} on each of {}", say.value(unit, *most), say.count(n, "node")),
        _ => format!(
            "{name}: {} on {}, {} on {}",
            say.value(unit, *most),
            named(first.node.as_str()),
            say.value(unit, *least),
            named(last.node.as_str())
        ),
    };
    let which = match bar_stat(frame.shown.fold) {
        "max" => "highest",
        "min" => "lowest",
        _ => "mean",
    };
    let subtitle = format!("{which} of the period, a bar a node");
    let bar = |(row, value): &(&Row, f64)| Bar { name: row.node.to_string(), value: *value, note: String::new() };
    let figure = BarFigure { say, unit, bars: rows.iter().take(BARS_MAX).map(bar).collect(), line: None };
    let hidden = rows.len().saturating_sub(BARS_MAX);
    Some(Bars {
        id: format!("bar-{index}"),
        metric: frame.shown.name.clone(),
        sentence: format!("{title}. Bar chart, {subtitle}."),
        svg: svg::bars(&figure, Canvas::Fluid),
        more: if hidden > 0 {
            format!("{} with less are not drawn.", say.count(hidden, "node"))
        } else {
            String::new()
        },
        table: table(model, frame, &Shape::of(say, frame)),
        changes: String::new(),
        title,
        subtitle,
    })
}
