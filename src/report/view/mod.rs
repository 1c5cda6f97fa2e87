//! The page as ready strings: what templates show, so that they hold no arithmetic.
//!
//! One file a section. Every text is plain (the template escapes it); what ends in `svg` is drawn by [`super::svg`] and escaped there.

mod behind;
mod capacity;
mod change;
mod chart;
pub(super) mod compare;
mod correlation;
mod events;
mod findings;
mod forecast_sql;
mod header;
mod heatmap;
mod incidents;
mod limits;
mod line_sql;
mod masks;
mod method;
mod moves_sql;
mod nodes;
mod other;
mod own;
mod partitions;
mod quality;
mod sections;
mod shape;
mod sql;
mod tiles;
mod title;

use super::charts::PageData;
use super::format::duration;
use super::look::Look;
use super::model::Model;

pub(crate) use behind::Ghost;
pub(crate) use capacity::{Course, forecast_figure};
#[cfg(feature = "pdf")]
pub(crate) use chart::Key;
pub(crate) use chart::{Chart, chart, chart_by_itself, line_figure};
#[cfg(feature = "pdf")]
pub(crate) use correlation::Matrix;
pub(crate) use events::shown_events;
#[cfg(feature = "pdf")]
pub(crate) use heatmap::Heatmap;
pub(crate) use heatmap::load_frame;
#[cfg(feature = "pdf")]
pub(crate) use incidents::Row as IncidentRow;
pub(crate) use incidents::incident_figure;
#[cfg(feature = "pdf")]
pub(crate) use nodes::NodeTable;
pub(crate) use nodes::{Cell as NodeCell, NodeRow};
pub(crate) use own::Drawn;
#[cfg(feature = "pdf")]
pub(crate) use partitions::Bars;
pub(crate) use quality::QualityRow;
#[cfg(feature = "pdf")]
pub(crate) use sections::Placed;
pub(crate) use shape::Shape;
pub(crate) use tiles::{TILES, Tile};

/// The page.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) look: Look,
    pub(crate) sections: sections::Placement,
    pub(crate) header: header::Header,
    pub(crate) findings: findings::Findings,
    pub(crate) tiles: tiles::Tiles,
    pub(crate) resources: Vec<Chart>,
    pub(crate) io: Vec<Chart>,
    pub(crate) partitions: Option<partitions::Partitions>,
    pub(crate) heatmap: Option<heatmap::Heatmap>,
    pub(crate) incidents: Option<incidents::Incidents>,
    pub(crate) correlation: Option<correlation::Correlation>,
    pub(crate) capacity: Option<capacity::Capacity>,
    /// What changed most against the other period; `None` where there is none.
    pub(crate) compare: Option<compare::Comparison>,
    pub(crate) other: other::Other,
    pub(crate) own: Vec<own::OwnFigure>,
    pub(crate) events: Vec<events::Event>,
    pub(crate) event_figures: Option<Table>,
    pub(crate) nodes: nodes::NodeTable,
    pub(crate) quality: quality::Quality,
    pub(crate) method: method::Method,
    pub(crate) footer: method::Footer,
    /// What the interactive layer draws from; `None` with `--interactive off`.
    pub(crate) data: Option<PageData>,
}

impl View {
    /// Says in the footer how long the making took; not in a reproducible report.
    pub fn took(&mut self, elapsed: std::time::Duration) {
        if !self.footer.made.is_empty() {
            self.footer.took = duration(elapsed.as_millis() as i64);
        }
    }

    /// Says that the page has `bytes`, which is more than it aims at.
    pub(crate) fn has_size(&mut self, model: &Model, bytes: u64) {
        self.quality.carried = quality::carried(model, Some(bytes));
    }

    /// The same page with its numbers packed as the resolution of `model` says, which is all that is another one: what is drawn stays.
    pub(crate) fn packed_as(self, model: &Model) -> View {
        let data = model.options.interactive.then(|| PageData::of(model));
        View { quality: quality::quality(model), data, ..self }
    }

    /// The numbers are packed beside what is drawn, on a thread of their own.
    pub(crate) fn of(model: &Model) -> View {
        std::thread::scope(|scope| {
            let data = scope.spawn(|| model.options.interactive.then(|| PageData::of(model)));
            let drawn = View::drawn(model);
            View { data: data.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), ..drawn }
        })
    }

    /// All but the packed numbers.
    fn drawn(model: &Model) -> View {
        use crate::model::catalogue::Section;
        let charts = |section| model.section(section).map(|(i, f)| chart(model, i, f)).collect::<Vec<Chart>>();
        let mut resources = charts(Section::Resources);
        // The first one leads: it is drawn over the whole width.
        if let Some(first) = resources.first_mut() {
            first.wide = true;
        }
        let findings = findings::findings(model);
        let mut view = View {
            look: model.options.look.clone(),
            sections: sections::Placement::default(),
            header: header::header(model, &findings),
            findings,
            tiles: tiles::tiles(model),
            resources,
            io: charts(Section::Io),
            partitions: partitions::partitions(model),
            heatmap: heatmap::heatmap(model),
            compare: compare::comparison(model),
            incidents: incidents::incidents(model),
            correlation: correlation::correlation(model),
            capacity: capacity::capacity(model),
            other: other::other(model),
            own: own::own(model),
            events: events::events(model),
            event_figures: events::figures(model),
            nodes: nodes::nodes(model),
            quality: quality::quality(model),
            method: method::method(model),
            footer: method::footer(model),
            data: None,
        };
        view.sections = sections::place(&view, &model.options.sections);
        view
    }
}

/// A table of plain texts below a chart or in a section.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub caption: String,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    /// What the table leaves out; may be empty.
    pub note: String,
}
