use std::fmt::Write;

use crate::report::escape::xml;
use crate::report::figure::MatrixFigure;
use crate::report::format::shorten;

use super::canvas::Canvas;
use super::heatmap::{Legend, colour_scale};
use super::pen::Pen;

/// Blue for what moves against each other, the page itself for nothing (white on paper, dark on a dark page), orange for what moves together: told apart
/// without green and red, and by the sign of the number in the cell.
const AGAINST: &str = "#0072b2";
const TOGETHER: &str = "#d55e00";
/// Of a full correlation, so that a number can be read on it.
const OPACITY_MAX: f64 = 0.7;
const ROW_HEIGHT: f64 = 22.0;
/// Longest name beside a row, characters.
const NAME_MAX: usize = 30;
/// A smaller correlation is not written into its cell.
const WRITTEN_MIN: f64 = 0.5;

/// Draws a square: below the diagonal correlations, above it lags in minutes where there are any. Rows are numbered, so that columns can be.
pub(crate) fn matrix(figure: &MatrixFigure<'_>, canvas: Canvas) -> String {
    let n = figure.names.len();
    let height = ROW_HEIGHT * (n as f64 + 1.0);
    let mut out = canvas.open(height);
    out.push_str(&canvas.open_shapes(height));
    out.push_str(&cells(figure, canvas));
    out.push_str(canvas.close());
    for (i, name) in figure.names.iter().enumerate() {
        let y = (i as f64 + 1.0) * ROW_HEIGHT + 15.0;
        let middle = |j: usize| canvas.place((j as f64 + 0.5) / n as f64);
        let _ = write!(
            out,
            "<text class=\"t\" x=\"-8\" y=\"{y}\" text-anchor=\"end\"><tspan class=\"name\">{} </tspan>{number}</text>\
             <text class=\"t\" x=\"{}\" y=\"14\" text-anchor=\"middle\">{number}</text>",
            xml(&shorten(name, NAME_MAX)),
            middle(i),
            number = i + 1
        );
        for j in 0..n {
            let r = figure.r[i][j];
            let text = match figure.lag_ms[i][j].filter(|_| i < j) {
                Some(lag) => format!("{}{}′", if lag > 0 { "+" } else { "" }, figure.say.plain((lag / 60_000) as f64)),
                None if i > j && r.abs() >= WRITTEN_MIN => figure.say.plain((r * 100.0).round() / 100.0),
                None => continue,
            };
            let _ = write!(out, "<text class=\"c\" x=\"{}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>", middle(j));
        }
    }
    out.push_str(canvas.close());
    out
}

/// One path a colour.
fn cells(figure: &MatrixFigure<'_>, canvas: Canvas) -> String {
    let n = figure.names.len();
    let mut pens: Vec<Pen> = (0..=2 * LEVELS).map(|_| Pen::new(canvas)).collect();
    for i in 0..n {
        for j in (0..n).filter(|j| *j != i) {
            let y = (i as f64 + 1.5) * ROW_HEIGHT;
            let pen = &mut pens[level(figure.r[i][j])];
            pen.move_to(j as f64 / n as f64, y);
            pen.line_to((j as f64 + 1.0) / n as f64, y);
        }
    }
    let unit = if canvas == Canvas::Fluid { canvas.units().1 } else { 1.0 };
    let path = |(level, pen): (usize, &Pen)| {
        let (hue, opacity) = colour(value_of(level));
        format!(
            "<path class=\"cells\" stroke=\"{hue}\" stroke-opacity=\"{opacity}\" stroke-width=\"{}\" d=\"{}\"/>",
            (ROW_HEIGHT - 1.0) * unit,
            pen.path()
        )
    };
    pens.iter().enumerate().filter(|(level, pen)| *level != LEVELS && !pen.is_empty()).map(path).collect()
}

/// Colours on either side of nothing.
const LEVELS: usize = 9;

fn level(r: f64) -> usize {
    let r = if r.is_finite() { r.clamp(-1.0, 1.0) } else { 0.0 };
    (LEVELS as f64 * (1.0 + r)).round() as usize
}

fn value_of(level: usize) -> f64 {
    level as f64 / LEVELS as f64 - 1.0
}

/// The colours and what they stand for.
pub(crate) fn matrix_legend() -> Legend {
    Legend {
        least: "−1 against each other".to_owned(),
        most: "1 together".to_owned(),
        scale: colour_scale((0..2 * LEVELS + 1).map(|i| colour(value_of(i)))),
        empty: "",
    }
}

/// The hue of one of both, and its opacity.
fn colour(r: f64) -> (&'static str, f64) {
    let r = if r.is_finite() { r.clamp(-1.0, 1.0) } else { 0.0 };
    (if r < 0.0 { AGAINST } else { TOGETHER }, (100.0 * OPACITY_MAX * r.abs()).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::format::Numerals;

    #[test]
    fn nothing_is_the_page_and_the_sign_is_a_hue() {
        assert_eq!((colour(0.0).1, colour(f64::NAN).1), (0.0, 0.0));
        assert_eq!((colour(1.0), colour(-0.5)), ((TOGETHER, 0.7), (AGAINST, 0.35)));
    }

    #[test]
    fn numbers_stand_below_the_diagonal_and_lags_above() {
        let names = ["a<b".to_owned(), "c".to_owned()];
        let (r, lag) =
            (vec![vec![1.0, 0.9], vec![0.9, 1.0]], vec![vec![None, Some(900_000)], vec![Some(-900_000), None]]);
        let drawn =
            matrix(&MatrixFigure { say: Numerals::default(), names: &names, r: &r, lag_ms: &lag }, Canvas::Fluid);
        assert!(drawn.contains(">0.9</text>") && drawn.contains(">+15′</text>") && !drawn.contains(">−15′"));
        assert!(drawn.contains("a&lt;b </tspan>1"));
    }
}
