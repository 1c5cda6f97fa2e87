use plotly::common::{DashType, Fill, HoverInfo, Line as Stroke, Mode, TickFormatStop, Title};
use plotly::layout::{Axis, AxisRange, Margin, Shape as Drawn, ShapeLayer, ShapeLine, ShapeType};
use plotly::{Bar, Configuration, HeatMap, Layout, Plot, Scatter, Trace};

use crate::model::{Annotation, Calendar, Language, Timestamp};
use crate::query::Grid;
use crate::query::frame::Frame;
use crate::report::escape;
use crate::report::figure::{Band, Ink, Limit, LimitKind, Line, LineFigure, runs};
use crate::report::format::{Clock, Numerals};
use crate::report::look::{Look, SERIES_MAX};
use crate::report::model::{Cluster, Model};
use crate::report::options::{BARS_MAX, HEATMAP_ROWS_MAX};
use crate::report::plots::{across, fold_name};
use crate::report::svg::ValueScale;
use crate::report::view::{Ghost, Shape, line_figure, shown_events};

use super::trace::{Source, Sourced};

/// Where the arrays of a figure are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// In the page's packed columns; names raw, colours as variables of the page's style sheet.
    Packed,
    /// In the figure; names escaped for plotly, colours on white.
    Inside,
}

/// The line figure of the metric with number `index`, as plotly has it.
pub(super) fn line_plot(model: &Model, index: usize, frame: &Frame, arrays: Arrays) -> Plot {
    let shape = Shape::of(model.numerals(), frame);
    let cluster = Cluster::of(&frame.nodes, frame.grid.len);
    let figure = line_figure(model, index, frame, &shape, &cluster);
    let mut plot = Plot::new();
    for band in &figure.bands {
        plot.add_trace(band_trace(&figure, band, index, arrays));
    }
    let ghosts = Ghost::of(model, index, frame, &shape);
    for (line, ghost) in figure.behind.iter().zip(ghosts) {
        let (row, part) = match ghost {
            Ghost::Row(row) => (Some(row), None),
            Ghost::All => (None, None),
            Ghost::Fold(part) => (None, Some(part.to_owned())),
        };
        plot.add_trace(line_trace(&figure, line, Source::Before { metric: index, row, part }, arrays));
    }
    for (line, source) in figure.lines.iter().zip(sources(frame, &shape, index)) {
        plot.add_trace(line_trace(&figure, line, source, arrays));
    }
    plot.set_layout(line_layout(&figure, arrays));
    plot
}

/// By this the page's script knows what lies behind the lines.
const BEHIND: &str = "before";

/// What each line of a shape draws, in the order of the lines.
fn sources(frame: &Frame, shape: &Shape, metric: usize) -> Vec<Source> {
    let row = |row: usize| Source::Row { metric, row, col: "avg" };
    let agg = fold_name(across(frame));
    match shape {
        Shape::One => vec![row(0)],
        // The page's rows are the nodes and, after them, the parts.
        Shape::Parts(shown) => shown.iter().map(|i| row(frame.nodes.len() + i)).collect(),
        Shape::PartMeans(rows) => {
            let part = |row: &crate::query::frame::Row| Some(row.part.clone());
            Shape::part_lines(rows).iter().map(|r| Source::Fold { metric, agg, part: part(r) }).collect()
        }
        Shape::Whole(_) => vec![Source::Fold { metric, agg, part: None }],
        Shape::Each => (0..frame.nodes.len()).map(row).collect(),
        Shape::Fold(shown) => {
            let fold = Source::Fold { metric, agg: "avg", part: None };
            shown.iter().map(|i| row(*i)).chain([fold]).collect()
        }
    }
}

/// A token of the style sheet; in a figure by itself its colour on white takes its place, see [`on_white`].
pub(super) fn colour(ink: Ink) -> String {
    format!("var(--{})", ink.variable())
}

fn name(text: &str, arrays: Arrays) -> String {
    match arrays {
        Arrays::Packed => text.to_owned(),
        Arrays::Inside => escape::plotly(text),
    }
}

fn line_trace(figure: &LineFigure<'_>, line: &Line<'_>, source: Source, arrays: Arrays) -> Box<dyn Trace> {
    match arrays {
        Arrays::Packed => {
            Box::new(Sourced { trace: line_style(Box::<Scatter<String, f64>>::default(), line, arrays), nb: source })
        }
        Arrays::Inside => {
            let (x, y) = joined(figure.clock, figure.grid, line);
            line_style(Scatter::new(x, y), line, arrays)
        }
    }
}

pub(super) fn line_style(
    trace: Box<Scatter<String, f64>>,
    line: &Line<'_>,
    arrays: Arrays,
) -> Box<Scatter<String, f64>> {
    let width = match line.ink {
        Ink::Whole => 2.0,
        Ink::Before => 1.1,
        _ => 1.6,
    };
    let stroke = Stroke::new().color(colour(line.ink)).width(width);
    let stroke = if line.ink == Ink::Expected { stroke.dash(DashType::Dash) } else { stroke };
    let trace = trace.mode(Mode::Lines).line(stroke).name(name(&line.name, arrays));
    if line.ink == Ink::Before { trace.legend_group(BEHIND).show_legend(false) } else { trace }
}

/// The points of a line; between two runs stands one without a value, which plotly shows as a gap.
fn joined(clock: Clock, grid: Grid, line: &Line<'_>) -> (Vec<String>, Vec<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for run in runs(line.values, line.bridge) {
        if let (Some(first), false) = (run.first(), x.is_empty()) {
            x.push(clock.plotly(grid.time(*first)));
            y.push(f64::NAN);
        }
        for i in run {
            x.push(clock.plotly(middle(grid, i)));
            y.push(line.values[i]);
        }
    }
    (x, y)
}

fn middle(grid: Grid, bucket: usize) -> crate::model::Timestamp {
    grid.time(bucket).plus_millis(grid.step_ms / 2)
}

fn band_trace(figure: &LineFigure<'_>, band: &Band<'_>, metric: usize, arrays: Arrays) -> Box<dyn Trace> {
    match arrays {
        Arrays::Packed => {
            let trace = band_style(Box::<Scatter<String, f64>>::default(), band, arrays);
            Box::new(Sourced { trace, nb: Source::Band { metric } })
        }
        Arrays::Inside => {
            let (x, y) = outline(figure.clock, figure.grid, band);
            band_style(Scatter::new(x, y), band, arrays)
        }
    }
}

pub(super) fn band_style(
    trace: Box<Scatter<String, f64>>,
    band: &Band<'_>,
    arrays: Arrays,
) -> Box<Scatter<String, f64>> {
    trace
        .mode(Mode::Lines)
        .fill(Fill::ToSelf)
        .line(Stroke::new().color(colour(band.ink)).width(0.0))
        .opacity(0.25)
        .hover_info(HoverInfo::Skip)
        .name(name(&band.name, arrays))
}

/// One closed polygon per gap-free run, with a point without a value between them.
fn outline(clock: Clock, grid: Grid, band: &Band<'_>) -> (Vec<String>, Vec<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for run in runs(band.lo, band.bridge) {
        if let (Some(first), false) = (run.first(), x.is_empty()) {
            x.push(clock.plotly(grid.time(*first)));
            y.push(f64::NAN);
        }
        let there = run.iter().map(|i| (*i, band.hi[*i]));
        let back = run.iter().rev().map(|i| (*i, band.lo[*i]));
        let first = run.first().map(|i| (*i, band.hi[*i]));
        for (i, v) in there.chain(back).chain(first) {
            x.push(clock.plotly(middle(grid, i)));
            y.push(v);
        }
    }
    (x, y)
}

/// Above the highest value, as a share of the axis: half of a line that lies on the edge would be cut off.
const ROOM: f64 = 0.006;

pub(super) fn line_layout(figure: &LineFigure<'_>, arrays: Arrays) -> Layout {
    let scale = ValueScale::of(figure);
    let labels: Vec<String> =
        scale.ticks.iter().map(|t| tick_text(figure.clock.numerals(), &scale, *t, arrays)).collect();
    let y_axis = Axis::new()
        .range(AxisRange::new(scale.lo, scale.hi + ROOM * (scale.hi - scale.lo)))
        .tick_values(scale.ticks.clone())
        .tick_text(labels);
    // A page's script has ticks of its own.
    let x_axis = if arrays == Arrays::Inside { time_axis(figure.clock.calendar()) } else { Axis::new() };
    let x_axis = x_axis
        .range(AxisRange::new(figure.clock.plotly(figure.domain.from()), figure.clock.plotly(figure.domain.to())));
    let mut layout = Layout::new().x_axis(x_axis).y_axis(y_axis).show_legend(arrays == Arrays::Inside);
    for limit in figure.limits.iter().filter(|limit| (scale.lo..=scale.hi).contains(&limit.value)) {
        layout.add_shape(limit_line(limit));
    }
    // In a page the script adds what is shaded: it is the same for every chart.
    let shades = figure.shades.iter().filter(|_| arrays == Arrays::Inside).flat_map(|s| s.stretches.as_slice());
    for part in shades {
        layout.add_shape(over_the_height(figure.clock, part.from(), part.to()));
    }
    for event in &figure.events {
        layout.add_shape(event_band(figure.clock, event).name(name(&event.text, arrays)));
    }
    layout
}

/// Dashes as in the pictures.
fn limit_line(limit: &Limit) -> Drawn {
    let dash = match limit.kind {
        LimitKind::Full => DashType::Dash,
        LimitKind::Warn => DashType::Dot,
        LimitKind::Bad => DashType::DashDot,
    };
    let line = ShapeLine::new().dash(dash).width(1.0).color(format!("var(--{})", limit.kind.token()));
    let y = limit.value;
    Drawn::new().shape_type(ShapeType::Line).x_ref("paper").x0(0.0).x1(1.0).y0(y).y1(y).line(line)
}

/// From its beginning to its end over the whole height, below the lines. Its name is what the page's script tells of it under the pointer.
fn event_band(clock: Clock, event: &Annotation) -> Drawn {
    let line = ShapeLine::new().dash(DashType::Dot).width(1.0).color("var(--muted)");
    over_the_height(clock, event.at, event.until.unwrap_or(event.at)).line(line)
}

/// A line over the whole height of a heatmap, on its cells; the same colours in a light and a dark page, since theirs are.
fn edge(clock: Clock, at: Timestamp, stroke: ShapeLine) -> Drawn {
    let at = clock.plotly(at);
    Drawn::new().shape_type(ShapeType::Line).y_ref("paper").y0(0.0).y1(1.0).x0(at.clone()).x1(at).line(stroke)
}

fn over_the_height(clock: Clock, from: Timestamp, to: Timestamp) -> Drawn {
    Drawn::new()
        .shape_type(ShapeType::Rect)
        .layer(ShapeLayer::Below)
        .y_ref("paper")
        .y0(0.0)
        .y1(1.0)
        .x0(clock.plotly(from))
        .x1(clock.plotly(to))
        .fill_color("var(--event)")
        .line(ShapeLine::new().width(0.0))
}

/// In a page the unit stands above the chart, in a figure by itself it stands at every tick.
fn tick_text(say: Numerals, scale: &ValueScale, tick: f64, arrays: Arrays) -> String {
    match arrays {
        Arrays::Packed => scale.label(say, tick),
        Arrays::Inside => say.with_unit(&scale.scale, tick),
    }
}

/// Times as the pictures have them, however far the reader zooms in.
fn time_axis(calendar: &Calendar) -> Axis {
    const MINUTE: f64 = 60_000.0;
    const DAY: f64 = 1440.0 * MINUTE;
    const MONTH: f64 = 28.0 * DAY;
    const YEAR: f64 = 365.0 * DAY;
    // From the first to before the last distance of ticks, ms.
    let stop = |from: f64, to: f64, form: &str| TickFormatStop::new().dtick_range(vec![from, to - 1.0]).value(form);
    let Calendar { day, day_month, weekday_date, month, .. } = calendar;
    Axis::new().tick_format_stops(vec![
        stop(0.0, 1_000.0, "%H:%M:%S.%L"),
        stop(1_000.0, MINUTE, "%H:%M:%S"),
        stop(MINUTE, DAY, &format!("%H:%M\n{weekday_date}")),
        stop(DAY, 7.0 * DAY, &format!("{day}\n{month}")),
        stop(7.0 * DAY, MONTH, &format!("{day_month}\n%Y")),
        stop(MONTH, YEAR, "%b\n%Y"),
        stop(YEAR, 10_000.0 * YEAR, "%Y"),
    ])
}

/// The heatmap of the metric with number `index`.
pub(super) fn heat_plot(model: &Model, metric: usize, (lo, hi): (f64, f64)) -> Plot {
    let trace = Box::<HeatMap<String, String, Vec<f64>>>::default()
        .color_scale(plotly::common::ColorScale::Palette(plotly::common::ColorScalePalette::Cividis))
        .zmin(lo)
        .zmax(hi)
        .show_scale(false);
    let mut plot = Plot::new();
    plot.add_trace(Box::new(Sourced { trace, nb: Source::Heat { metric, top: HEATMAP_ROWS_MAX } }));
    let mut layout = Layout::new().show_legend(false);
    for event in shown_events(model) {
        for at in [Some(event.at), event.until].into_iter().flatten() {
            layout.add_shape(edge(model.clock, at, ShapeLine::new().color("#fff").width(2.4)).name(&event.text));
            layout.add_shape(edge(model.clock, at, ShapeLine::new().color("#1a2130").width(1.2).dash(DashType::Dot)));
        }
    }
    plot.set_layout(layout);
    plot
}

/// The bars of the metric with number `index`.
pub(super) fn bar_plot(metric: usize, stat: &'static str) -> Plot {
    let trace = Box::<Bar<f64, String>>::default()
        .orientation(plotly::common::Orientation::Horizontal)
        .marker(plotly::common::Marker::new().color("var(--s1)"));
    let mut plot = Plot::new();
    plot.add_trace(Box::new(Sourced { trace, nb: Source::Bar { metric, stat, top: BARS_MAX } }));
    plot.set_layout(Layout::new().show_legend(false));
    plot
}

/// A figure that carries all it needs: `data`, `layout`, `config`.
pub(crate) fn full_figure(model: &Model) -> String {
    let mut plot = Plot::new();
    let mut axes = Layout::new();
    for (i, frame) in model.frames.iter().enumerate() {
        let one = line_plot(model, i, frame, Arrays::Inside);
        if i == 0 {
            axes = one.layout().clone();
        }
        plot.add_traces(one.data().iter().cloned().collect());
    }
    let titles: Vec<String> = model.frames.iter().map(|f| escape::plotly(&f.shown.title)).collect();
    let zone = model.clock.zone();
    let x_axis = time_axis(model.clock.calendar())
        .title(Title::with_text(escape::plotly(&zone)))
        .range(AxisRange::new(model.clock.plotly(model.domain().from()), model.clock.plotly(model.domain().to())));
    let one_axis = model.frames.len() == 1;
    let layout = if one_axis { axes.x_axis(x_axis) } else { Layout::new().x_axis(x_axis) };
    let layout = layout.title(Title::with_text(titles.join(", "))).margin(Margin::new().left(64).right(16)).height(520);
    plot.set_layout(layout.separators(separators(model.options.language)));
    // Names of months and days are those of the locale, which whoever shows the figure registers.
    plot.set_configuration(configuration().locale(model.options.language.name()));
    on_white(plot.to_json(), &model.options.look)
}

/// Puts the colours on white in place of the page's tokens.
fn on_white(json: String, look: &Look) -> String {
    let inks = (0..SERIES_MAX).map(Ink::Series).chain([Ink::Whole, Ink::Before, Ink::Expected, Ink::Warn, Ink::Bad]);
    let colour = |ink: Ink| {
        let token = ink.variable();
        (format!("\"var(--{token})\""), look.light(token).unwrap_or_else(|| ink.light().to_owned()))
    };
    let colours = inks.map(colour).chain([("\"var(--event)\"".to_owned(), "#5660721a".to_owned())]);
    colours.fold(json, |json, (token, colour)| json.replace(&token, &format!("\"{colour}\"")))
}

/// The decimal sign and the one between thousands.
fn separators(language: Language) -> String {
    let signs = language.signs();
    [signs.decimal, signs.group].iter().collect()
}

/// No logo, nothing that talks to a server.
pub(super) fn configuration() -> Configuration {
    Configuration::new().display_logo(false).responsive(true).show_send_to_cloud(false).plotly_server_url("")
}
