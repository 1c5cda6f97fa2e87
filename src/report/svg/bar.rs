use std::fmt::Write;

use crate::report::escape::xml;
use crate::report::figure::BarFigure;
use crate::report::format::shorten;

use super::canvas::Canvas;

const ROW: f64 = 26.0;
const NAME_MAX: usize = 18;
/// Bars end here, so that the number after the longest one has room.
const LONGEST: f64 = 0.86;

/// Draws horizontal bars from zero; names left of them, numbers after them.
pub(crate) fn bars(figure: &BarFigure, canvas: Canvas) -> String {
    let height = ROW * figure.bars.len() as f64;
    let max = figure.bars.iter().map(|b| b.value).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let share = |v: f64| if max > 0.0 && v.is_finite() { (v / max).clamp(0.0, 1.0) * LONGEST } else { 0.0 };
    let mut out = canvas.open(height);
    if let Some((at, _)) = &figure.line {
        let x = canvas.place(share(*at));
        let _ = write!(out, "<line class=\"limit\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{height}\"/>");
    }
    for (i, bar) in figure.bars.iter().enumerate() {
        let y = i as f64 * ROW;
        let width = canvas.place(share(bar.value));
        let note = if bar.note.is_empty() { String::new() } else { format!(" {}", bar.note) };
        let _ = write!(
            out,
            "<rect class=\"bar\" y=\"{}\" width=\"{width}\" height=\"{}\"/>\
             <text class=\"t\" x=\"-8\" y=\"{ty}\" text-anchor=\"end\">{}</text>\
             <text class=\"v\" x=\"{width}\" dx=\"6\" y=\"{ty}\">{}<tspan class=\"t\">{}</tspan></text>",
            y + 5.0,
            ROW - 10.0,
            xml(&shorten(&bar.name, NAME_MAX)),
            xml(&figure.say.value(figure.unit, bar.value)),
            xml(&note),
            ty = y + ROW / 2.0 + 4.0,
        );
    }
    out.push_str(canvas.close());
    out
}
