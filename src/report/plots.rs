use crate::analyse::Threshold;
use crate::model::catalogue::{Fold, Unit, Worse};
use crate::query::frame::{Frame, Lines, Own, Shown};

use super::section::SectionId;

/// A plot of one's own.
#[derive(Clone, Debug)]
pub struct PlotOptions {
    /// Its title, and which series it draws.
    pub own: Own,
    /// The globs of its metrics, as they were written.
    pub globs: Vec<String>,
    /// Unit, or what is counted; `None` for what the metric's name says.
    pub unit: Option<UnitName>,
    /// Limits.
    pub threshold: Threshold,
    /// The wrong side of them.
    pub worse: Worse,
    /// Where it stands.
    pub section: SectionId,
    /// How it is drawn.
    pub kind: PlotKind,
}

/// How a plot of one's own is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlotKind {
    /// Lines over time.
    #[default]
    Line,
    /// A bar a node.
    Bar,
    /// Nodes by time, coloured.
    Heatmap,
}

/// A unit that values are written in, or the name of what they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitName {
    /// One that is known, with its prefixes.
    Known(Unit),
    /// Any other: numbers are plain, the name stands below the title.
    Named(String),
}

impl UnitName {
    /// By the words of the catalogue (`percent`, `bytes`, `bytes/s`, `1/s`, `seconds`, `celsius`, `count`) and their usual signs; everything else is a name.
    pub fn of(text: &str) -> UnitName {
        Unit::from_word(text).map_or_else(|| UnitName::Named(text.to_owned()), UnitName::Known)
    }

    /// Gives a metric this unit.
    pub(crate) fn apply(&self, shown: &mut Shown) {
        match self {
            UnitName::Known(unit) => (shown.unit, shown.unit_name) = (*unit, None),
            UnitName::Named(name) => {
                (shown.unit, shown.unit_name) = (Unit::None, Some(name.clone()));
            }
        }
    }
}

impl PlotOptions {
    /// What a page calls the metric that it makes: no stored one is named like this.
    pub(crate) fn metric(&self) -> String {
        format!("plot:{}", self.own.name)
    }

    /// The metric with title, unit and side.
    pub(crate) fn dressed(&self, mut shown: Shown) -> Shown {
        shown.name = self.metric();
        if let Some(unit) = &self.unit {
            unit.apply(&mut shown);
            shown.capacity = shown.capacity.filter(|_| shown.unit == Unit::Percent);
        }
        if self.worse != Worse::Neither {
            shown.worse = self.worse;
        }
        shown
    }
}

/// How the nodes of a frame become one where they do, and in which word.
pub(crate) fn across(frame: &Frame) -> Fold {
    match frame.shown.lines {
        Lines::Natural | Lines::Nodes => Fold::Avg,
        Lines::Parts | Lines::Whole => frame.shown.fold,
    }
}

/// How nodes or series become one, in a word.
pub(crate) fn fold_word(fold: Fold) -> &'static str {
    match fold {
        Fold::Avg => "mean",
        Fold::Sum => "sum",
        Fold::Max => "highest",
        Fold::Min => "lowest",
    }
}

/// The number of a node that a bar stands for, over the period.
pub(crate) fn bar_stat(fold: Fold) -> &'static str {
    match fold {
        Fold::Max => "max",
        Fold::Min => "min",
        Fold::Avg | Fold::Sum => "avg",
    }
}

/// The same for the page's script.
pub(crate) fn fold_name(fold: Fold) -> &'static str {
    match fold {
        Fold::Avg => "avg",
        Fold::Sum => "sum",
        Fold::Max => "max",
        Fold::Min => "min",
    }
}
