use crate::report::figure::runs;

use super::canvas::Canvas;
use super::pen::Pen;

/// Points a sparkline has at most: it is 120 pixels wide.
const POINTS_MAX: usize = 48;

/// A small line without axes, from `lo` to `hi`; empty where there is no number. Each point is the largest of its buckets, so that a
/// short peak is not averaged away.
pub(crate) fn sparkline(values: &[f64], height: f64, (lo, hi): (f64, f64)) -> String {
    let group = values.len().div_ceil(POINTS_MAX).max(1);
    let points: Vec<f64> = values.chunks(group).map(|c| c.iter().copied().fold(f64::NAN, f64::max)).collect();
    let span = if hi > lo { hi - lo } else { 1.0 };
    let x = |i: usize| (i as f64 + 0.5) / points.len() as f64;
    let y = |v: f64| 2.0 + (1.0 - ((v - lo) / span).clamp(0.0, 1.0)) * (height - 4.0);
    let mut pen = Pen::new(Canvas::Fluid);
    for run in runs(&points, 0) {
        let Some(first) = run.first() else { continue };
        pen.move_to(x(*first), y(points[*first]));
        if run.len() == 1 {
            pen.line_to(x(*first), y(points[*first]));
        }
        run.iter().skip(1).for_each(|i| pen.line_to(x(*i), y(points[*i])));
    }
    if pen.is_empty() {
        return String::new();
    }
    let (wide, fine) = Canvas::Fluid.units();
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {wide} {}\" preserveAspectRatio=\"none\" width=\"100%\" height=\"{height}\" \
         aria-hidden=\"true\" focusable=\"false\"><path class=\"l s1\" d=\"{}\"/></svg>",
        height * fine,
        pen.path()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_of_one_bucket_is_seen() {
        let mut values = vec![0.0; 4800];
        values[2400] = 1.0;
        assert!(sparkline(&values, 24.0, (0.0, 1.0)).contains("l42-100"), "{}", sparkline(&values, 24.0, (0.0, 1.0)));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(sparkline(&[f64::NAN], 24.0, (0.0, 1.0)), "");
        assert_eq!(sparkline(&[], 24.0, (0.0, 1.0)), "");
    }
}
