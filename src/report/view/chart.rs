use crate::model::catalogue::{Unit, Worse};
use crate::query::frame::{Frame, Row};

use crate::report::figure::{Band, Ink, Line, LineFigure, Mark, MarkShape};
use crate::report::format::{Scale, duration, unit_name};
use crate::report::model::{Cluster, Model};
use crate::report::options::CHART_TABLE_ROWS_MAX;
use crate::report::svg::{self, Canvas};

use super::Table;
use super::behind::{Ghost, period};
use super::events::shown_events;
use super::limits::limits;
use super::shape::{Shape, mean_name};
use super::title::{extreme, title};

/// Height of a chart beside another one, and of one that leads its section.
const HEIGHT: f64 = 200.0;
const WIDE_HEIGHT: f64 = 260.0;

/// One chart with what is written around it.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// Handle and anchor: ASCII.
    pub id: String,
    /// Name of the metric, as it is stored.
    pub metric: String,
    pub title: String,
    /// The unit and what the lines are.
    pub subtitle: String,
    /// What a reader who does not see it is told.
    pub sentence: String,
    pub svg: String,
    pub key: Vec<Key>,
    /// Whether the names of lines stand at their ends, where there is room.
    pub labelled: bool,
    pub table: Table,
    /// Over the whole width of the page.
    pub wide: bool,
}

/// One line of the key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub token: &'static str,
    pub band: bool,
    pub name: String,
}

/// The chart of the metric with number `index`.
pub(crate) fn chart(model: &Model, index: usize, frame: &Frame) -> Chart {
    let wide = model.section(frame.shown.section).next().is_some_and(|(first, _)| first == index);
    let wide = wide && frame.shown.section == crate::model::catalogue::Section::Resources;
    draw(model, index, frame, if wide { WIDE_HEIGHT } else { HEIGHT })
}

/// A chart that has a page for itself.
pub(crate) fn chart_by_itself(model: &Model, index: usize, frame: &Frame) -> Chart {
    Chart { wide: true, ..draw(model, index, frame, 1.5 * WIDE_HEIGHT) }
}

fn draw(model: &Model, index: usize, frame: &Frame, height: f64) -> Chart {
    let shape = Shape::of(model.numerals(), frame);
    let cluster = Cluster::of(&frame.nodes, frame.grid.len);
    let figure = line_figure(model, index, frame, &shape, &cluster);
    let title = title(model, frame, &shape);
    let subtitle = subtitle(model, frame, &shape);
    Chart {
        id: format!("line-{index}"),
        metric: frame.shown.name.clone(),
        sentence: format!("{title}. Line chart, {subtitle}."),
        svg: svg::line(&figure, Canvas::Fluid, height),
        key: key(&figure).into_iter().chain(behind_key(model, &figure)).collect(),
        labelled: figure.lines.len() > 1,
        table: table(model, frame, &shape),
        title,
        subtitle,
        wide: false,
    }
}

/// The unit in words, or what is counted.
fn unit_words(frame: &Frame) -> &str {
    frame.shown.unit_name.as_deref().unwrap_or_else(|| unit_name(frame.shown.unit))
}

/// What the numbers of an axis are in, whose largest is `magnitude`: as it is written, or in words where it is not.
pub(super) fn unit_of_axis(unit: Unit, magnitude: f64) -> String {
    let Scale { suffix, .. } = Scale::of(unit, magnitude);
    if suffix.is_empty() || suffix == "%" { unit_name(unit).to_owned() } else { suffix }
}

fn subtitle(model: &Model, frame: &Frame, shape: &Shape) -> String {
    let say = model.numerals();
    let magnitude = frame.nodes.iter().map(|r| r.stats.max.abs()).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let unit = match frame.shown.unit_name.as_deref() {
        Some(named) if Scale::of(frame.shown.unit, magnitude).suffix.is_empty() => named.to_owned(),
        _ => unit_of_axis(frame.shown.unit, magnitude),
    };
    let lines = match shape {
        Shape::One => "mean, with the band from lowest to highest".to_owned(),
        Shape::Parts(shown) if shown.len() < frame.parts.len() => {
            format!("the {} of {} parts with the highest peaks", shown.len(), frame.parts.len())
        }
        Shape::Parts(_) => say.count(frame.parts.len(), "part"),
        Shape::PartMeans(rows) => {
            let drawn = Shape::part_lines(rows).len();
            let which = if drawn < rows.len() {
                format!("the {drawn} highest of {} parts", rows.len())
            } else {
                say.count(drawn, "part")
            };
            format!("{which}, each the {}", mean_name(say, frame))
        }
        Shape::Whole(_) => mean_name(say, frame),
        Shape::Each => say.count(frame.nodes.len(), "node"),
        Shape::Fold(_) => format!("{}, with the band from lowest to highest", mean_name(say, frame)),
    };
    format!("{unit} · {lines} · a point is {}", duration(model.grid.step_ms))
}

/// What the chart shows.
pub(crate) fn line_figure<'a>(
    model: &'a Model,
    index: usize,
    frame: &'a Frame,
    shape: &'a Shape,
    cluster: &'a Cluster,
) -> LineFigure<'a> {
    let mut figure = LineFigure {
        clock: model.clock,
        grid: frame.grid,
        domain: model.domain(),
        unit: frame.shown.unit,
        limits: limits(model, frame),
        bands: Vec::new(),
        behind: Ghost::of(model, index, frame, shape)
            .into_iter()
            .filter_map(|ghost| ghost.line(model, index, frame))
            .collect(),
        lines: Vec::new(),
        mark: None,
        span: None,
        events: shown_events(model),
        shades: &model.shades,
    };
    let line = |row: &'a Row, name: String, ink| Line {
        name,
        ink,
        bridge: model.bridge(&row.node, &row.avg),
        values: &row.avg,
    };
    match shape {
        Shape::One => {
            for row in frame.nodes.iter().take(1) {
                let bridge = model.bridge(&row.node, &row.avg);
                let name = "lowest to highest".into();
                figure.bands.push(Band { name, ink: Ink::Series(0), lo: &row.min, hi: &row.max, bridge });
                figure.lines.push(line(row, row.node.to_string(), Ink::Series(0)));
            }
        }
        Shape::Parts(shown) => {
            let rows = shown.iter().filter_map(|i| frame.parts.get(*i)).enumerate();
            figure.lines.extend(rows.map(|(i, row)| line(row, row.part.clone(), Ink::Series(i))));
        }
        Shape::PartMeans(rows) => {
            let bridge = model.bridge_all(&cluster.mean);
            let lines = Shape::part_lines(rows).iter().enumerate();
            figure.lines.extend(lines.map(|(i, row)| Line { bridge, ..line(row, row.part.clone(), Ink::Series(i)) }));
        }
        Shape::Whole(rows) => {
            let whole = |row: &'a Row| Line {
                bridge: model.bridge_all(&row.avg),
                ..line(row, row.part.clone(), Ink::Series(0))
            };
            figure.lines.extend(rows.iter().map(whole));
        }
        Shape::Each => {
            let rows = frame.nodes.iter().enumerate();
            figure.lines.extend(rows.map(|(i, row)| line(row, row.node.to_string(), Ink::Series(i))));
        }
        Shape::Fold(shown) => {
            let bridge = model.bridge_all(&cluster.mean);
            let name = "lowest to highest node".into();
            figure.bands.push(Band { name, ink: Ink::Whole, lo: &cluster.lo, hi: &cluster.hi, bridge });
            let rows = shown.iter().filter_map(|i| frame.nodes.get(*i)).zip(NOTABLE_INKS);
            figure.lines.extend(rows.map(|(row, ink)| line(row, row.node.to_string(), ink)));
            figure.lines.push(Line {
                name: mean_name(model.numerals(), frame),
                ink: Ink::Whole,
                values: &cluster.mean,
                bridge,
            });
        }
    }
    figure.mark = mark(model, frame, shape);
    figure
}

/// Vermilion first: it is seen first.
const NOTABLE_INKS: [Ink; 3] = [Ink::Series(1), Ink::Series(0), Ink::Series(3)];

/// A dot at the highest (or lowest) point, unless the line is level.
fn mark(model: &Model, frame: &Frame, shape: &Shape) -> Option<Mark> {
    let say = model.numerals();
    let rows = shape.rows(frame);
    let found = extreme(rows, frame.shown.worse)?;
    let row = &rows[found.row];
    let unit = frame.shown.unit;
    if say.value(unit, row.stats.min) == say.value(unit, row.stats.max) {
        return None;
    }
    let ink = match shape {
        Shape::One | Shape::Whole(_) => Ink::Series(0),
        Shape::Parts(shown) => Ink::Series(shown.iter().position(|i| *i == found.row)?),
        Shape::PartMeans(rows) if found.row >= Shape::part_lines(rows).len() => return None,
        Shape::PartMeans(_) | Shape::Each => Ink::Series(found.row),
        Shape::Fold(shown) => {
            shown.iter().position(|i| *i == found.row).map_or(Ink::Whole, |i| NOTABLE_INKS[i % NOTABLE_INKS.len()])
        }
    };
    let at = model.middle(found.bucket);
    Some(Mark { at, value: found.value, text: say.value(unit, found.value), ink, shape: MarkShape::Dot })
}

pub(super) fn key(figure: &LineFigure<'_>) -> Vec<Key> {
    let lines = figure.lines.iter().map(|l| Key { token: l.ink.token(), band: false, name: l.name.clone() });
    let bands = figure.bands.iter().map(|b| Key { token: b.ink.token(), band: true, name: b.name.clone() });
    lines.chain(bands).collect()
}

fn behind_key(model: &Model, figure: &LineFigure<'_>) -> Option<Key> {
    let before = model.before.as_ref().filter(|_| !figure.behind.is_empty())?;
    Some(Key { token: Ink::Before.token(), band: false, name: period(model, before) })
}

pub(super) fn table(model: &Model, frame: &Frame, shape: &Shape) -> Table {
    let say = model.numerals();
    let (by_part, rows) = (shape.by_part(), shape.rows(frame));
    let mut order: Vec<&Row> = rows.iter().filter(|r| r.stats.count > 0).collect();
    match frame.shown.worse {
        Worse::Low => order.sort_by(|a, b| a.stats.min.total_cmp(&b.stats.min)),
        _ => order.sort_by(|a, b| b.stats.max.total_cmp(&a.stats.max)),
    }
    let left_out: Vec<&str> = order.iter().skip(CHART_TABLE_ROWS_MAX).map(|r| r.node.as_str()).collect();
    let silent = rows.iter().filter(|r| r.stats.count == 0).count();
    let mut notes = vec![format!("How it is got: {}.", frame.shown.made_of)];
    if !left_out.is_empty() {
        notes.push(format!(
            "Not listed here: {}, with lower peaks ({}).",
            say.count(left_out.len(), "more row"),
            say.capped(&left_out, 3)
        ));
    }
    if silent > 0 {
        notes.push(format!("Without a value in this period: {}.", say.count(silent, "row")));
    }
    let unit = frame.shown.unit;
    Table {
        caption: format!("{}, {}", frame.shown.title, unit_words(frame)),
        head: vec![
            if by_part {
                "Part"
            } else if matches!(shape, Shape::Whole(_)) {
                "Line"
            } else {
                "Node"
            },
            "Mean",
            "95 % below",
            "Lowest",
            "Highest",
            "Highest at",
            "Latest",
        ],
        rows: order
            .iter()
            .take(CHART_TABLE_ROWS_MAX)
            .map(|row| {
                let top = extreme(std::slice::from_ref(*row), Worse::High);
                let name = shape.name(row);
                let s = row.stats;
                vec![
                    name,
                    say.cell(unit, s.avg),
                    say.cell(unit, s.p95),
                    say.cell(unit, s.min),
                    say.cell(unit, s.max),
                    top.map_or_else(|| say.plain(f64::NAN), |e| model.clock.moment(model.middle(e.bucket))),
                    say.cell(unit, s.last),
                ]
            })
            .collect(),
        note: notes.join(" "),
    }
}
