use super::Picture;
use crate::report::error::ReportError;
use crate::report::image::{self, Painter};
use crate::report::model::Model;
use crate::report::view::chart_by_itself;

/// Pixels of a chart in a mail; the PNG has twice as many.
pub(super) const WIDTH: u32 = 552;
pub(super) const HEIGHT: u32 = 190;
/// The metrics that a mail shows, where they are there.
const SHOWN: [&str; 6] = [
    "cpu_percent",
    "memory_percent",
    "disk_percent",
    "disk_write_bytes_per_second",
    "net_receive_bytes_per_second",
    "partition_count",
];
/// Charts of a report of other metrics: its first ones.
const OTHERS_MAX: usize = 3;

/// A chart with what is written above it.
pub(super) struct Drawn {
    pub title: String,
    pub subtitle: String,
    pub picture: Picture,
}

/// The charts that a mail shows, `most` at most; a build without images has none of them.
pub(super) fn draw(model: &Model, most: usize) -> Result<Vec<Drawn>, ReportError> {
    if !cfg!(feature = "png") {
        return Ok(Vec::new());
    }
    let painter = Painter::new();
    let place = |name: &&str| model.frames.iter().position(|frame| frame.shown.name == **name);
    let mut shown: Vec<usize> = SHOWN.iter().filter_map(place).collect();
    if shown.is_empty() {
        shown.extend((0..model.frames.len()).take(OTHERS_MAX));
    }
    let one = |index: usize| -> Result<Option<Drawn>, ReportError> {
        let Some(frame) = model.frames.get(index) else { return Ok(None) };
        let chart = chart_by_itself(model, index, frame);
        let svg = image::small(model, index, frame, f64::from(WIDTH), f64::from(HEIGHT));
        let picture = Picture { id: format!("chart{index}@nodebook"), png: painter.png(&svg)? };
        Ok(Some(Drawn { title: chart.title, subtitle: chart.subtitle, picture }))
    };
    shown.into_iter().take(most).filter_map(|index| one(index).transpose()).collect()
}
