use std::fmt::Write;

use crate::model::{Annotation, Timestamp};
use crate::query::Grid;
use crate::report::escape::xml;
use crate::report::figure::{Band, Ink, Line, LineFigure, Mark, runs};
use crate::report::format::shorten;

use super::axis::{grid, time_labels, time_ticks, value_labels};
use super::pen::Pen;
use super::scale::{FINE, TimeScale, ValueScale, WIDE, percent};

/// Least distance of two labels at the right edge, pixels.
const LABEL_DISTANCE: f64 = 15.0;
/// Longest label at the right edge, characters.
const LABEL_MAX: usize = 15;

/// Draws lines and bands over time, `height` pixels high.
pub(crate) fn line(figure: &LineFigure<'_>, height: f64) -> String {
    let times = TimeScale::new(figure.domain);
    let values = ValueScale::of(figure);
    let ticks = time_ticks(figure.clock, figure.domain);
    let place = Place { grid: figure.grid, times, values: &values, height };
    let mut out = format!(
        "<svg class=\"pic\" width=\"100%\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">\
         <svg viewBox=\"0 0 {WIDE} {}\" preserveAspectRatio=\"none\" width=\"100%\" height=\"{height}\">",
        height * FINE
    );
    figure.events.iter().for_each(|event| place.event(&mut out, event));
    out.push_str(&grid(&values, &ticks, times, height));
    figure.bands.iter().for_each(|band| place.band(&mut out, band));
    if let Some(full) = figure.capacity.filter(|full| *full <= values.hi) {
        place.limit(&mut out, full);
    }
    figure.lines.iter().for_each(|line| place.line(&mut out, line));
    out.push_str("</svg>");
    out.push_str(&value_labels(&values, height));
    out.push_str(&time_labels(&ticks, times, height));
    if let Some(mark) = &figure.mark {
        place.mark(&mut out, mark);
    }
    place.end_labels(&mut out, &figure.lines);
    out.push_str("</svg>");
    out
}

struct Place<'a> {
    grid: Grid,
    times: TimeScale,
    values: &'a ValueScale,
    height: f64,
}

impl Place<'_> {
    /// The middle of a bucket, where its value stands.
    fn x(&self, bucket: usize) -> f64 {
        self.times.inner(self.middle(bucket))
    }

    fn middle(&self, bucket: usize) -> Timestamp {
        self.grid.time(bucket).plus_millis(self.grid.step_ms / 2)
    }

    fn y(&self, value: f64) -> f64 {
        self.values.y(value, self.height)
    }

    fn line(&self, out: &mut String, line: &Line<'_>) {
        let mut pen = Pen::default();
        for run in runs(line.values, line.bridge) {
            let Some((first, rest)) = run.split_first() else { continue };
            pen.move_to(self.x(*first), self.y(line.values[*first]));
            if rest.is_empty() {
                // A point by itself: round ends make a dot of it.
                pen.line_to(self.x(*first), self.y(line.values[*first]));
            }
            rest.iter().for_each(|i| pen.line_to(self.x(*i), self.y(line.values[*i])));
        }
        if pen.is_empty() {
            return;
        }
        let lonely = runs(line.values, line.bridge).iter().all(|run| run.len() == 1);
        let width = if lonely { 5.0 } else { 1.6 };
        let _ = write!(
            out,
            "<path class=\"l {}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" \
             stroke-linecap=\"round\" vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
            line.ink.token(),
            line.ink.light(),
            pen.path()
        );
    }

    /// One closed outline per gap-free run: there and back.
    fn band(&self, out: &mut String, band: &Band<'_>) {
        let mut pen = Pen::default();
        let half = self.times.inner(self.middle(1)) - self.times.inner(self.middle(0));
        for run in runs(band.lo, band.bridge) {
            let run: Vec<usize> = run.into_iter().filter(|i| band.hi[*i].is_finite()).collect();
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let widened = if first == last { half / 2.0 } else { 0.0 };
            pen.move_to(self.x(*first) - widened, self.y(band.hi[*first]));
            run.iter().skip(1).for_each(|i| pen.line_to(self.x(*i), self.y(band.hi[*i])));
            if widened > 0.0 {
                pen.line_to(self.x(*last) + widened, self.y(band.hi[*last]));
                pen.line_to(self.x(*last) + widened, self.y(band.lo[*last]));
            }
            run.iter()
                .rev()
                .take(if widened > 0.0 { 0 } else { run.len() })
                .for_each(|i| pen.line_to(self.x(*i), self.y(band.lo[*i])));
            if widened > 0.0 {
                pen.line_to(self.x(*first) - widened, self.y(band.lo[*first]));
            }
            pen.close();
        }
        if !pen.is_empty() {
            let _ = write!(
                out,
                "<path class=\"b {}\" fill=\"{}\" fill-opacity=\".16\" d=\"{}\"/>",
                band.ink.token(),
                band.ink.light(),
                pen.path()
            );
        }
    }

    fn limit(&self, out: &mut String, value: f64) {
        let _ = write!(
            out,
            "<path class=\"limit\" fill=\"none\" stroke=\"#566072\" stroke-dasharray=\"4 4\" \
             vector-effect=\"non-scaling-stroke\" d=\"M0 {}h{WIDE}\"/>",
            (self.y(value) * FINE).round()
        );
    }

    fn event(&self, out: &mut String, event: &Annotation) {
        let from = self.times.inner(event.at);
        let to = event.until.map_or(from, |until| self.times.inner(until)).max(from);
        let _ = write!(
            out,
            "<path class=\"event\" fill=\"#566072\" fill-opacity=\".1\" stroke=\"#566072\" stroke-dasharray=\"2 3\" \
             vector-effect=\"non-scaling-stroke\" d=\"M{} 0v{h}h{}v-{h}\"><title>{}</title></path>",
            from.round(),
            (to - from).round(),
            xml(&event.text),
            h = self.height * FINE
        );
    }

    fn mark(&self, out: &mut String, mark: &Mark) {
        let share = self.times.share(mark.at);
        let y = self.y(mark.value);
        // The label stays inside: to the left of a late mark, below one at the top.
        let (anchor, dx) = if share > 0.75 { ("end", -8) } else { ("start", 8) };
        let label_y = if y < 14.0 { y + 14.0 } else { y - 6.0 };
        let _ = write!(
            out,
            "<circle class=\"dot {token}\" cx=\"{x}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{ink}\" stroke=\"#fff\"/>\
             <text class=\"m\" x=\"{x}\" y=\"{label_y:.1}\" dx=\"{dx}\" font-size=\"12\" fill=\"#1a2130\" text-anchor=\"{anchor}\">{text}</text>",
            token = mark.ink.token(),
            ink = mark.ink.light(),
            x = percent(share),
            text = xml(&mark.text)
        );
    }

    /// The names of the lines, each beside the line's end, moved apart where they would touch.
    fn end_labels(&self, out: &mut String, lines: &[Line<'_>]) {
        if lines.len() < 2 {
            return;
        }
        let mut labels: Vec<(f64, Ink, &str)> = lines
            .iter()
            .filter_map(|l| {
                let last = l.values.iter().rev().find(|v| v.is_finite())?;
                let name = if l.ink == Ink::Whole { "mean" } else { l.name.as_str() };
                Some((self.y(*last), l.ink, name))
            })
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let places = spread(&labels.iter().map(|l| l.0).collect::<Vec<_>>(), self.height);
        for ((_, ink, name), y) in labels.into_iter().zip(places) {
            let _ = write!(
                out,
                "<text class=\"dl {}\" x=\"100%\" dx=\"8\" y=\"{:.1}\" font-size=\"12\" fill=\"{}\">{}</text>",
                ink.token(),
                y + 4.0,
                ink.light(),
                xml(&shorten(name, LABEL_MAX))
            );
        }
    }
}

/// Moves sorted heights apart until they are [`LABEL_DISTANCE`] apart, within `height`.
fn spread(wanted: &[f64], height: f64) -> Vec<f64> {
    let mut places = wanted.to_vec();
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + LABEL_DISTANCE);
    }
    let mut below = height;
    for place in places.iter_mut().rev() {
        *place = place.min(below);
        below = *place - LABEL_DISTANCE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        assert_eq!(spread(&[10.0, 50.0], 100.0), [10.0, 50.0]);
        assert_eq!(spread(&[10.0, 10.0, 12.0], 100.0), [10.0, 25.0, 40.0]);
        assert_eq!(spread(&[98.0, 99.0], 100.0), [85.0, 100.0]);
    }
}
