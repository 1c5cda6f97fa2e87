//! What a chart shows, before it is known who draws it: [`super::svg`] and [`super::charts`] draw the same figure.

use crate::model::catalogue::Unit;
use crate::model::{Annotation, Stretches, TimeRange, Timestamp};
use crate::query::Grid;

use super::format::{Clock, Numerals};

/// A colour by its role. The page's style sheet has a light and a dark value of each; the light one is also written into the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// The first to the fifth series.
    Series(usize),
    /// What all nodes do together.
    Whole,
    /// The other period.
    Before,
    /// What was expected.
    Expected,
    /// What a finding speaks of, by how much it asks for attention.
    Info,
    /// The same.
    Warn,
    /// The same.
    Bad,
}

impl Ink {
    /// Okabe-Ito hues, darkened until a line on white has a contrast of 3 or more.
    const SERIES: [(&str, &str); 5] =
        [("s1", "#0072B2"), ("s2", "#D55E00"), ("s3", "#00805E"), ("s4", "#A4508B"), ("s5", "#8A6100")];

    /// CSS class, and variable but for those that share one.
    pub fn token(self) -> &'static str {
        match self {
            Ink::Series(i) => Self::SERIES[i % 5].0,
            Ink::Whole => "whole",
            Ink::Before => "before",
            Ink::Expected => "expected",
            Ink::Info => "info",
            Ink::Warn => "warn",
            Ink::Bad => "bad",
        }
    }

    /// CSS variable.
    pub fn variable(self) -> &'static str {
        match self {
            Ink::Expected | Ink::Info => "muted",
            other => other.token(),
        }
    }

    /// The colour on white.
    pub fn light(self) -> &'static str {
        match self {
            Ink::Series(i) => Self::SERIES[i % 5].1,
            Ink::Whole => "#3B4658",
            Ink::Before => "#8B94A3",
            Ink::Expected | Ink::Info => "#566072",
            Ink::Warn => "#9A5B00",
            Ink::Bad => "#B3261E",
        }
    }
}

/// One line over time. NaN is a gap.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    pub name: String,
    pub ink: Ink,
    pub values: &'a [f64],
    /// Empty buckets between two points that are joined all the same: fewer than three sampling intervals.
    pub bridge: usize,
}

/// The area between two lines.
#[derive(Clone, Debug)]
pub(crate) struct Band<'a> {
    pub name: String,
    pub ink: Ink,
    pub lo: &'a [f64],
    pub hi: &'a [f64],
    pub bridge: usize,
}

/// A point that the title speaks of.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub at: Timestamp,
    pub value: f64,
    pub text: String,
    pub ink: Ink,
    pub shape: MarkShape,
}

/// What a point is, for those who do not tell colours apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkShape {
    /// A value.
    Dot,
    /// An odd one.
    Triangle,
    /// A change, or a day that is forecast.
    Diamond,
}

/// A stretch of time that the title speaks of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub range: TimeRange,
    pub ink: Ink,
}

/// A level that matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    pub value: f64,
    pub kind: LimitKind,
}

/// What lies at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitKind {
    /// There is no more.
    Full,
    /// A threshold.
    Warn,
    /// The worse one.
    Bad,
}

impl LimitKind {
    /// CSS variable and class.
    pub fn token(self) -> &'static str {
        match self {
            LimitKind::Full => "muted",
            LimitKind::Warn => "warn",
            LimitKind::Bad => "bad",
        }
    }
}

/// Stretches of time that are shaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shade {
    pub name: String,
    pub stretches: Stretches,
}

/// Lines and bands over time.
#[derive(Clone, Debug)]
pub(crate) struct LineFigure<'a> {
    pub clock: Clock,
    pub grid: Grid,
    /// What the time axis shows.
    pub domain: TimeRange,
    pub unit: Unit,
    /// Full, and thresholds.
    pub limits: Vec<Limit>,
    pub bands: Vec<Band<'a>>,
    /// The other period, behind everything else.
    pub behind: Vec<Line<'a>>,
    pub lines: Vec<Line<'a>>,
    pub mark: Option<Mark>,
    pub span: Option<Span>,
    pub events: Vec<&'a Annotation>,
    pub shades: &'a [Shade],
}

/// One row of a heatmap.
#[derive(Clone, Debug)]
pub(crate) struct HeatRow<'a> {
    pub name: String,
    pub values: &'a [f64],
    /// What stands right of the row.
    pub note: String,
}

/// Nodes by time, coloured by value.
#[derive(Clone, Debug)]
pub(crate) struct HeatFigure<'a> {
    pub clock: Clock,
    pub grid: Grid,
    pub domain: TimeRange,
    pub unit: Unit,
    /// Values of the first and the last colour.
    pub scale: (f64, f64),
    /// Top to bottom.
    pub rows: Vec<HeatRow<'a>>,
    pub events: Vec<&'a Annotation>,
}

/// How far every two of some series move together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatrixFigure<'a> {
    pub say: Numerals,
    pub names: &'a [String],
    /// -1 to 1.
    pub r: &'a [Vec<f64>],
    /// By how many ms the column follows the row.
    pub lag_ms: &'a [Vec<Option<i64>>],
}

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub name: String,
    pub value: f64,
    pub note: String,
}

/// Horizontal bars, top to bottom.
#[derive(Clone, Debug)]
pub(crate) struct BarFigure {
    pub say: Numerals,
    pub unit: Unit,
    pub bars: Vec<Bar>,
    /// A line across all bars, such as the mean, with its name.
    pub line: Option<(f64, String)>,
}

/// The gap-free runs of `values`: indices of numbers, where at most `bridge` empty buckets lie between two of a run.
pub(crate) fn runs(values: &[f64], bridge: usize) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for (i, _) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| i - last <= bridge + 1) => run.push(i),
            _ => runs.push(vec![i]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_a_gap_is_longer_than_the_bridge() {
        let n = f64::NAN;
        let values = [1.0, n, 2.0, n, n, 3.0, f64::INFINITY, n];
        assert_eq!(runs(&values, 0), [vec![0], vec![2], vec![5]]);
        assert_eq!(runs(&values, 1), [vec![0, 2], vec![5]]);
        assert_eq!(runs(&values, 2), [vec![0, 2, 5]]);
        assert!(runs(&[n, n], 5).is_empty());
    }
}
