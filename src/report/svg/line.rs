use std::fmt::Write;

use crate::model::{Annotation, Timestamp};
use crate::query::Grid;
use crate::report::escape::xml;
use crate::report::figure::{Band, Ink, Line, LineFigure, Mark, MarkShape, Shade, Span, runs};
use crate::report::format::shorten;
use crate::report::options::PICTURE_POINTS_MAX;

use super::axis::{grid, level, time_labels, time_ticks, value_labels};
use super::canvas::Canvas;
use super::pen::Pen;
use super::scale::{TimeScale, ValueScale};

/// Least distance of two labels at the right edge, pixels.
const LABEL_DISTANCE: f64 = 15.0;
/// Longest label at the right edge, characters.
const LABEL_MAX: usize = 15;
/// Pixels that a phone leaves beside the numbers.
const NARROW: f64 = 290.0;

/// Draws lines and bands over time, `height` pixels high.
pub(crate) fn line(figure: &LineFigure<'_>, canvas: Canvas, height: f64) -> String {
    let times = TimeScale::new(figure.domain);
    let values = ValueScale::of(figure);
    let ticks = time_ticks(figure.clock, figure.domain);
    let place = Place { canvas, grid: figure.grid, times, values: &values, height };
    let mut out = canvas.open(height);
    out.push_str(&canvas.open_shapes(height));
    figure.shades.iter().for_each(|shade| place.shade(&mut out, shade));
    if let Some(span) = &figure.span {
        place.span(&mut out, span);
    }
    figure.events.iter().for_each(|event| place.event(&mut out, event));
    out.push_str(&grid(canvas, &values, &ticks, times, height));
    figure.bands.iter().for_each(|band| place.band(&mut out, band));
    figure.behind.iter().for_each(|line| place.line(&mut out, line));
    for limit in figure.limits.iter().filter(|limit| (values.lo..=values.hi).contains(&limit.value)) {
        out.push_str(&level(canvas, &format!("limit {}", limit.kind.token()), place.y(limit.value)));
    }
    figure.lines.iter().for_each(|line| place.line(&mut out, line));
    out.push_str(canvas.close());
    out.push_str(&value_labels(figure.clock.numerals(), &values, height));
    out.push_str(&time_labels(canvas, &ticks, times, height, NARROW));
    if let Some(mark) = &figure.mark {
        place.mark(&mut out, mark);
    }
    place.end_labels(&mut out, &figure.lines);
    out.push_str(canvas.close());
    out
}

struct Place<'a> {
    canvas: Canvas,
    grid: Grid,
    times: TimeScale,
    values: &'a ValueScale,
    height: f64,
}

impl Place<'_> {
    /// The middle of a bucket, where its value stands.
    fn x(&self, bucket: usize) -> f64 {
        self.times.share(self.middle(bucket))
    }

    fn middle(&self, bucket: usize) -> Timestamp {
        self.grid.time(bucket).plus_millis(self.grid.step_ms / 2)
    }

    fn y(&self, value: f64) -> f64 {
        self.values.y(value, self.height)
    }

    fn line(&self, out: &mut String, line: &Line<'_>) {
        let mut pen = Pen::new(self.canvas);
        for run in runs(line.values, line.bridge) {
            let run = thinned(&run, line.values);
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
        let dots = if lonely { " dots" } else { "" };
        let _ = write!(out, "<path class=\"l {}{dots}\" d=\"{}\"/>", line.ink.token(), pen.path());
    }

    /// One closed outline per gap-free run: there and back.
    fn band(&self, out: &mut String, band: &Band<'_>) {
        let mut pen = Pen::new(self.canvas);
        let half = self.times.share(self.middle(1)) - self.times.share(self.middle(0));
        for run in runs(band.lo, band.bridge) {
            let run: Vec<usize> = run.into_iter().filter(|i| band.hi[*i].is_finite()).collect();
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let widened = if first == last { half / 2.0 } else { 0.0 };
            pen.move_to(self.x(*first) - widened, self.y(band.hi[*first]));
            edge(&run, band.hi, f64::max).into_iter().for_each(|(i, v)| pen.line_to(self.x(i) + widened, self.y(v)));
            pen.line_to(self.x(*last) + widened, self.y(band.lo[*last]));
            edge(&run, band.lo, f64::min)
                .into_iter()
                .rev()
                .for_each(|(i, v)| pen.line_to(self.x(i) - widened, self.y(v)));
            pen.close();
        }
        if !pen.is_empty() {
            let _ = write!(out, "<path class=\"b {}\" d=\"{}\"/>", band.ink.token(), pen.path());
        }
    }

    fn shade(&self, out: &mut String, shade: &Shade) {
        let mut pen = Pen::new(self.canvas);
        for part in shade.stretches.as_slice() {
            let (from, to) = (self.times.share(part.from()), self.times.share(part.to()));
            pen.move_to(from, 0.0);
            pen.line_to(from, self.height);
            pen.line_to(to, self.height);
            pen.line_to(to, 0.0);
            pen.close();
        }
        if !pen.is_empty() {
            let _ =
                write!(out, "<path class=\"shade\" d=\"{}\"><title>{}</title></path>", pen.path(), xml(&shade.name));
        }
    }

    fn event(&self, out: &mut String, event: &Annotation) {
        let shape = self.stretch(event.at, event.until.unwrap_or(event.at));
        let _ = write!(out, "<path class=\"event\" d=\"{shape}\"><title>{}</title></path>", xml(&event.text));
    }

    fn span(&self, out: &mut String, span: &Span) {
        let shape = self.stretch(span.range.from(), span.range.to());
        let _ = write!(out, "<path class=\"span {}\" d=\"{shape}\"/>", span.ink.token());
    }

    /// A stretch of time over the whole height.
    fn stretch(&self, from: Timestamp, to: Timestamp) -> String {
        let (from, to) = (self.times.share(from), self.times.share(to.max(from)));
        let mut pen = Pen::new(self.canvas);
        pen.move_to(from, 0.0);
        pen.line_to(from, self.height);
        pen.line_to(to, self.height);
        pen.line_to(to, 0.0);
        pen.path().to_owned()
    }

    fn mark(&self, out: &mut String, mark: &Mark) {
        let share = self.times.share(mark.at);
        let y = self.y(mark.value);
        // The label stays inside: to the left of a late mark, below one at the top.
        let (anchor, dx) = if share > 0.75 { ("end", -8) } else { ("start", 8) };
        let label_y = if y < 14.0 { y + 14.0 } else { y - 6.0 };
        let (token, x) = (mark.ink.token(), self.canvas.place(share));
        // A letter keeps its shape where the picture is stretched.
        let point = match mark.shape {
            MarkShape::Dot => format!("<circle class=\"dot {token}\" cx=\"{x}\" cy=\"{y:.1}\" r=\"3.5\"/>"),
            MarkShape::Triangle => {
                format!("<text class=\"dot {token}\" x=\"{x}\" y=\"{:.1}\" text-anchor=\"middle\">▲</text>", y + 5.0)
            }
            MarkShape::Diamond => {
                format!("<text class=\"dot {token}\" x=\"{x}\" y=\"{:.1}\" text-anchor=\"middle\">◆</text>", y + 4.0)
            }
        };
        let _ = write!(
            out,
            "{point}<text class=\"m\" x=\"{x}\" y=\"{label_y:.1}\" dx=\"{dx}\" text-anchor=\"{anchor}\">{}</text>",
            xml(&mark.text)
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
                "<text class=\"dl {}\" x=\"{}\" dx=\"8\" y=\"{:.1}\">{}</text>",
                ink.token(),
                self.canvas.place(1.0),
                y + 4.0,
                xml(&shorten(name, LABEL_MAX))
            );
        }
    }
}

/// At most [`PICTURE_POINTS_MAX`] points of a run: of each group the lowest and the highest, so that no peak is lost.
fn thinned(run: &[usize], values: &[f64]) -> Vec<usize> {
    if run.len() <= PICTURE_POINTS_MAX {
        return run.to_vec();
    }
    let by_value = |a: &&usize, b: &&usize| values[**a].total_cmp(&values[**b]);
    let pick = |group: &[usize]| -> Option<[usize; 2]> {
        let (low, high) = (*group.iter().min_by(by_value)?, *group.iter().max_by(by_value)?);
        Some([low.min(high), low.max(high)])
    };
    let mut points: Vec<usize> =
        run.chunks((2 * run.len()).div_ceil(PICTURE_POINTS_MAX)).filter_map(pick).flatten().collect();
    points.dedup();
    points
}

/// The edge of a band with as few points: of each group the furthest out.
fn edge(run: &[usize], values: &[f64], outer: fn(f64, f64) -> f64) -> Vec<(usize, f64)> {
    let furthest = |group: &[usize]| {
        let value = group.iter().map(|i| values[*i]).fold(f64::NAN, outer);
        (group[group.len() / 2], value)
    };
    run.chunks(run.len().div_ceil(PICTURE_POINTS_MAX).max(1)).map(furthest).collect()
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
    fn a_picture_of_many_points_keeps_its_peaks() {
        let values: Vec<f64> = (0..3_000).map(|i| if i == 1_234 { 9.0 } else { f64::from(i % 7) }).collect();
        let run: Vec<usize> = (0..values.len()).collect();
        let points = thinned(&run, &values);
        assert!(points.len() <= PICTURE_POINTS_MAX && points.contains(&1_234), "{}", points.len());
        assert!(points.windows(2).all(|w| w[0] < w[1]));
        let band = edge(&run, &values, f64::max);
        assert!(band.len() <= PICTURE_POINTS_MAX && band.iter().any(|(_, v)| *v == 9.0));
    }

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        assert_eq!(spread(&[10.0, 50.0], 100.0), [10.0, 50.0]);
        assert_eq!(spread(&[10.0, 10.0, 12.0], 100.0), [10.0, 25.0, 40.0]);
        assert_eq!(spread(&[98.0, 99.0], 100.0), [85.0, 100.0]);
    }
}
