//! What a report knows before it is put in words: frames on one grid, the period before, coverage, events.
//!
//! [`Question`] fills it from a [`crate::query::Source`]; tests fill it from a simulated cluster.

mod ask;
mod before;
mod changes;
mod charted;
mod cluster;
mod limits;
#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;

use crate::analyse::Examined;
use crate::model::catalogue::{Fold, Section, Unit};
use crate::model::{Annotation, Kind, NodeName, SeriesKey, TimeRange, Timestamp};
use crate::query::frame::{Coverage, Frame, Made};
use crate::query::{Grid, Origin};

use super::budget::Resolution;
use super::figure::Shade;
use super::format::{Clock, Numerals};
use super::options::ReportOptions;
use super::plots::{PlotKind, PlotOptions};
use super::section::SectionId;

pub(crate) use ask::{Question, ask_for, no_such_metric};
pub(crate) use before::Before;
pub(crate) use changes::{Change, Slices, changes};
pub(crate) use charted::{Charted, found_charts_max};
pub(crate) use cluster::{Cluster, Totals, notable};

/// All that the page is made of.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub options: ReportOptions,
    pub clock: Clock,
    pub grid: Grid,
    /// How fine the data is.
    pub resolution: Resolution,
    /// Shown metrics in the order of the report.
    pub frames: Vec<Frame>,
    /// The period that it is compared with; `None` where there is none.
    pub before: Option<Before>,
    /// Metrics of no known kind that were not fetched: name and number of nodes.
    pub unshown: Vec<(String, usize)>,
    pub coverage: Vec<Coverage>,
    pub events: Vec<Annotation>,
    /// What charts shade.
    pub shades: Vec<Shade>,
    /// How much of the range does not count, of the node with the least and of that with the most; `None` where all of it counts.
    pub left_out_ms: Option<(i64, i64)>,
    /// Plots of one's own.
    pub plots: Vec<OwnPlot>,
    pub origin: Origin,
    /// How many stored series the report is of.
    pub series: usize,
    /// What was found.
    pub examined: Examined,
    /// What stored series are part of.
    pub shown_as: BTreeMap<SeriesKey, ShownAs>,
}

/// How a stored series is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShownAs {
    /// Name of the shown metric that it is part of.
    pub metric: String,
    /// Which part of a node it is of; empty where there is one part only.
    pub part: String,
    /// What it is called: as the metric, or by its own name where several make that.
    pub title: String,
    /// What is done with the series of the part, and which of its inputs this one is.
    pub made: Made,
    pub inputs: Vec<usize>,
    pub kind: Kind,
}

/// A plot of one's own, with the number of its frame; `None` where there is no such data.
#[derive(Clone, Debug)]
pub(crate) struct OwnPlot {
    pub options: PlotOptions,
    pub frame: Option<usize>,
    /// Names of the stored metrics that it is made of.
    pub stored: Vec<String>,
}

impl Model {
    /// Writes the numbers of the report.
    pub fn numerals(&self) -> Numerals {
        Numerals::new(self.options.language)
    }

    /// A sentence of the analysis with the numbers of the report's language.
    pub fn retold(&self, sentence: &str) -> String {
        let nodes = self.coverage.iter().map(|c| c.node.as_str());
        let shown = self.frames.iter().flat_map(|f| [f.shown.name.as_str(), f.shown.title.as_str()]);
        let stored =
            self.shown_as.keys().flat_map(|key| key.labels.iter().map(|(_, value)| value).chain([key.metric.as_str()]));
        let names: Vec<&str> = nodes.chain(shown).chain(stored).collect();
        self.numerals().retold(sentence, &names)
    }

    /// The handle of the chart of a frame.
    pub fn chart_id(&self, index: usize) -> String {
        let kind = match self.own(index).map(|own| own.kind) {
            Some(PlotKind::Bar) => "bar",
            Some(PlotKind::Heatmap) => "heatmap",
            Some(PlotKind::Line) | None => "line",
        };
        format!("{kind}-{index}")
    }

    /// The section that the chart of a frame stands in.
    pub fn home(&self, index: usize, frame: &Frame) -> SectionId {
        self.own(index).map_or_else(|| SectionId::of_charts(frame.shown.section), |own| own.section)
    }

    fn own(&self, index: usize) -> Option<&PlotOptions> {
        self.plots.iter().find(|plot| plot.frame == Some(index)).map(|plot| &plot.options)
    }

    /// What time axes show: the range, or the one bucket that a single sample lies in.
    pub fn domain(&self) -> TimeRange {
        let whole = TimeRange::new(self.grid.time(0), self.grid.time(self.grid.len.max(1)));
        match whole {
            Some(whole) if self.options.range.millis() < self.grid.step_ms => whole,
            _ => self.options.range,
        }
    }

    /// Empty buckets that are joined in the line of `values`: what is shorter than three sampling intervals is no gap. The interval is the
    /// node's, or that of the line itself where it is sampled less often than the node's other series.
    pub fn bridge(&self, node: &NodeName, values: &[f64]) -> usize {
        let interval = self.coverage.iter().find(|c| c.node == *node).map_or(0, |c| c.interval_ms);
        let of_node = interval as f64 / self.grid.step_ms.max(1) as f64;
        (3.0_f64 * of_node.max(spacing(values) as f64) - 1.0).floor().max(0.0) as usize
    }

    /// The same for what is made of several nodes.
    pub fn bridge_all(&self, values: &[f64]) -> usize {
        self.coverage.iter().map(|c| self.bridge(&c.node, values)).min().unwrap_or(0)
    }

    /// The middle of a bucket, inside of the range.
    pub fn middle(&self, bucket: usize) -> Timestamp {
        let range = self.options.range;
        let middle = self.grid.time(bucket).plus_millis(self.grid.step_ms / 2);
        middle.clamp(range.from(), range.to().plus_millis(-1).max(range.from()))
    }

    /// Frames of a section, with their index, which is also the metric's number in the page's data.
    pub fn section(&self, section: Section) -> impl Iterator<Item = (usize, &Frame)> {
        self.frames.iter().enumerate().filter(move |(_, f)| f.shown.section == section)
    }

    /// The frame that a series is part of, and its number.
    pub fn frame_of(&self, series: &SeriesKey) -> Option<(usize, &Frame)> {
        let name = self.shown_as.get(series).map_or(series.metric.as_str(), |shown| &shown.metric);
        self.frames.iter().enumerate().find(|(_, f)| f.shown.name == name)
    }

    /// A series in words, without its node.
    pub fn title_of(&self, series: &SeriesKey) -> String {
        let own = self.shown_as.get(series).map(|shown| shown.title.as_str());
        let title = own.or_else(|| self.frame_of(series).map(|(_, f)| f.shown.title.as_str()));
        let title = title.unwrap_or(series.metric.as_str());
        let labels: Vec<&str> = series.labels.iter().map(|(_, value)| value).collect();
        if labels.is_empty() { title.to_owned() } else { format!("{title} ({})", labels.join(", ")) }
    }

    /// A series in words.
    pub fn name_of(&self, series: &SeriesKey) -> String {
        format!("{} on {}", self.title_of(series), series.node)
    }

    /// The frame of a known metric.
    pub fn frame(&self, name: &str) -> Option<&Frame> {
        self.numbered(name).map(|(_, frame)| frame)
    }

    /// The same with its number.
    pub fn numbered(&self, name: &str) -> Option<(usize, &Frame)> {
        self.frames.iter().enumerate().find(|(_, f)| f.shown.name == name)
    }
}

/// The median distance of buckets with a number, where most are empty between; 0 for a line that fills its buckets.
fn spacing(values: &[f64]) -> usize {
    let filled: Vec<usize> = (0..values.len()).filter(|i| values[*i].is_finite()).collect();
    let mut steps: Vec<usize> = filled.windows(2).map(|w| w[1] - w[0]).collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = (steps.len() - 1) / 2;
    match *steps.select_nth_unstable(middle).1 {
        1 => 0,
        sparse => sparse,
    }
}

/// Whether the parts of a metric mean something and their mean does not: shares of modes, depths of queues.
pub(crate) fn parts_stand_apart(frame: &Frame) -> bool {
    let first = frame.parts.first().map(|row| &row.part);
    let several = frame.parts.iter().any(|row| Some(&row.part) != first);
    frame.shown.section == Section::Other && frame.shown.fold == Fold::Avg && several
}

/// Whether the nodes of a metric add up to something (traffic, counts) or are compared (percentages, temperatures).
pub(crate) fn adds_up(frame: &Frame) -> bool {
    let extensive = matches!(frame.shown.unit, Unit::BytesPerSecond | Unit::PerSecond | Unit::Count | Unit::Bytes);
    frame.shown.fold == Fold::Sum && extensive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_sampled_rarely_is_no_row_of_gaps() {
        let n = f64::NAN;
        assert_eq!(spacing(&[1.0, n, n, 1.0, n, n, 1.0]), 3);
        assert_eq!(spacing(&[1.0, 1.0, n, n, n, n, 1.0, 1.0]), 0);
        assert_eq!(spacing(&[n, 1.0]), 0);
    }
}
