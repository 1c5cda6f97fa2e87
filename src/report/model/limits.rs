use crate::analyse::{Finding, FindingKind, Place, Subject, find};
use crate::model::{Labels, MetricName, SeriesKey};
use crate::query::frame::{Frame, Lines};

use super::OwnPlot;
use crate::report::options::ReportOptions;

/// The nodes beyond the limits of plots of one's own, by the judge of all limits. A limit of what is no node's line judges nobody.
pub(super) fn own_limits(frames: &[Frame], plots: &[OwnPlot], options: &ReportOptions) -> Vec<Finding> {
    let own = plots.iter().filter_map(|plot| frames.get(plot.frame?));
    let judged = own.filter(|frame| frame.shown.lines == Lines::Nodes).flat_map(|frame| {
        let subjects: Vec<Subject> = subjects(frame).collect();
        find(&subjects, frame.grid, &[FindingKind::Threshold], &options.analysis).all
    });
    judged.collect()
}

fn subjects(frame: &Frame) -> impl Iterator<Item = Subject<'_>> {
    let shown = &frame.shown;
    let metric = MetricName::new(&shown.name).ok();
    frame.nodes.iter().filter_map(move |row| {
        let place = Place { metric: &shown.name, part: "", within: shown.fold, across: shown.fold };
        Some(Subject {
            key: SeriesKey { node: row.node.clone(), metric: metric.clone()?, labels: Labels::default() },
            title: shown.title.clone(),
            unit: shown.unit,
            worse: shown.worse,
            capacity: shown.capacity,
            place: Some(place),
            values: &row.avg,
        })
    })
}
