use std::fmt::Write;

use crate::model::Annotation;
use crate::report::escape::xml;
use crate::report::figure::HeatFigure;
use crate::report::format::{Scale, shorten};

use super::axis::{time_labels, time_ticks};
use super::canvas::Canvas;
use super::pen::Pen;
use super::scale::TimeScale;

/// Cividis (Nuñez, Anderton and Renslow 2018): the same order of lightness for all kinds of sight, and in grey print.
const CIVIDIS: [&str; 18] = [
    "#00204c", "#002a66", "#00346e", "#273f6c", "#3c4a6b", "#4c556b", "#5b5f6d", "#686a70", "#757575", "#838178",
    "#928c78", "#a19876", "#b0a572", "#c0b16d", "#d1bf66", "#e1cc5c", "#f3db4f", "#ffe945",
];
/// Columns at most: one for each two pixels of a phone.
const COLUMNS_MAX: usize = 120;
const NAME_MAX: usize = 18;
/// Pixels that a phone leaves between the names and the numbers.
const NARROW: f64 = 190.0;

/// Draws one row a node; all cells of a colour are one path, equal neighbours one stroke.
pub(crate) fn heatmap(figure: &HeatFigure<'_>, canvas: Canvas) -> String {
    let row_height = if figure.rows.len() <= 16 { 24.0 } else { 15.0 };
    let height = row_height * figure.rows.len() as f64;
    let times = TimeScale::new(figure.domain);
    let mut pens: Vec<Pen> = CIVIDIS.iter().map(|_| Pen::new(canvas)).collect();
    for (i, row) in figure.rows.iter().enumerate() {
        let y = (i as f64 + 0.5) * row_height;
        for cell in cells(figure, row.values) {
            let from = times.share(figure.grid.time(cell.from));
            let to = times.share(figure.grid.time(cell.to));
            pens[cell.level].move_to(from, y);
            pens[cell.level].line_to(to, y);
        }
    }
    let mut out = canvas.open(height);
    let _ = write!(out, "<rect class=\"empty\" width=\"{}\" height=\"{height}\"/>", canvas.place(1.0));
    out.push_str(&canvas.open_shapes(height));
    let unit = if canvas == Canvas::Fluid { canvas.units().1 } else { 1.0 };
    for (pen, colour) in pens.iter().zip(CIVIDIS).filter(|(pen, _)| !pen.is_empty()) {
        let _ = write!(
            out,
            "<path class=\"cells\" stroke=\"{colour}\" stroke-width=\"{}\" d=\"{}\"/>",
            (row_height - 1.0) * unit,
            pen.path()
        );
    }
    figure.events.iter().for_each(|event| out.push_str(&marked(canvas, times, height, event)));
    out.push_str(canvas.close());
    row_labels(&mut out, canvas, figure, row_height);
    out.push_str(&time_labels(canvas, &time_ticks(figure.clock, figure.domain), times, height, NARROW));
    out.push_str(canvas.close());
    out
}

/// Where an event begins and where it ends, light and dark over each other: one of both is seen on any colour.
fn marked(canvas: Canvas, times: TimeScale, height: f64, event: &Annotation) -> String {
    let mut pen = Pen::new(canvas);
    let mut edges = vec![times.share(event.at)];
    edges.extend(event.until.map(|until| times.share(until.max(event.at))));
    for x in edges {
        pen.move_to(x, 0.0);
        pen.line_to(x, height);
    }
    let path = pen.path();
    format!(
        "<g><title>{}</title><path class=\"edge under\" d=\"{path}\"/><path class=\"edge\" d=\"{path}\"/></g>",
        xml(&event.text)
    )
}

fn row_labels(out: &mut String, canvas: Canvas, figure: &HeatFigure<'_>, row_height: f64) {
    let size = if row_height > 20.0 { 12 } else { 11 };
    for (i, row) in figure.rows.iter().enumerate() {
        let y = (i as f64 + 0.5) * row_height + 4.0;
        let _ = write!(
            out,
            "<text class=\"t\" x=\"-8\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"end\">{}</text>\
             <text class=\"dl\" x=\"{right}\" dx=\"8\" y=\"{y}\" font-size=\"{size}\">{}</text>",
            xml(&shorten(&row.name, NAME_MAX)),
            xml(&row.note),
            right = canvas.place(1.0)
        );
    }
}

/// What the colours of a picture stand for.
#[derive(Clone, Debug)]
pub(crate) struct Legend {
    /// What the first colour is, and the last.
    pub least: String,
    pub most: String,
    /// The colours from first to last.
    pub scale: String,
    /// A cell without a number; empty where there is none.
    pub empty: &'static str,
}

/// The colours from least to most, with the values at both ends.
pub(crate) fn legend(figure: &HeatFigure<'_>) -> Legend {
    let say = figure.clock.numerals();
    let scale = Scale::of(figure.unit, figure.scale.1.abs().max(figure.scale.0.abs()));
    Legend {
        least: say.with_unit(&scale, figure.scale.0),
        most: say.with_unit(&scale, figure.scale.1),
        scale: colour_scale(CIVIDIS.into_iter().map(|colour| (colour, 1.0))),
        empty: "<svg class=\"scale\" width=\"18\" height=\"10\" aria-hidden=\"true\" focusable=\"false\">\
                <rect class=\"empty\" width=\"18\" height=\"10\"/></svg>",
    }
}

/// Colours beside each other, each with its opacity.
pub(super) fn colour_scale<'a>(colours: impl ExactSizeIterator<Item = (&'a str, f64)>) -> String {
    let mut out = format!(
        "<svg class=\"scale\" width=\"{}\" height=\"10\" aria-hidden=\"true\" focusable=\"false\">",
        10 * colours.len()
    );
    for (i, (colour, opacity)) in colours.enumerate() {
        let opacity = if opacity == 1.0 { String::new() } else { format!(" fill-opacity=\"{opacity}\"") };
        let _ = write!(out, "<rect x=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"{opacity}/>", i * 10);
    }
    out.push_str("</svg>");
    out
}

/// Buckets `from..to` of one colour.
struct Cell {
    from: usize,
    to: usize,
    level: usize,
}

fn cells(figure: &HeatFigure<'_>, values: &[f64]) -> Vec<Cell> {
    let group = values.len().div_ceil(COLUMNS_MAX).max(1);
    let mut cells: Vec<Cell> = Vec::new();
    for (i, chunk) in values.chunks(group).enumerate() {
        let numbers: Vec<f64> = chunk.iter().copied().filter(|v| v.is_finite()).collect();
        if numbers.is_empty() {
            continue;
        }
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let (from, to) = (i * group, i * group + chunk.len());
        let level = level(mean, figure.scale);
        match cells.last_mut() {
            Some(last) if last.level == level && last.to == from => last.to = to,
            _ => cells.push(Cell { from, to, level }),
        }
    }
    cells
}

fn level(value: f64, (lo, hi): (f64, f64)) -> usize {
    let share = if hi > lo { ((value - lo) / (hi - lo)).clamp(0.0, 1.0) } else { 0.0 };
    ((share * CIVIDIS.len() as f64) as usize).min(CIVIDIS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_colour() {
        assert_eq!(level(0.0, (0.0, 100.0)), 0);
        assert_eq!(level(100.0, (0.0, 100.0)), 17);
        assert_eq!(level(1e300, (0.0, 100.0)), 17);
        assert_eq!(level(5.0, (5.0, 5.0)), 0);
    }
}
