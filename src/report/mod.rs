//! Floor 4: one HTML file from whatever a [`Source`] answers.
//!
//! Source -> model (frames on one grid, coverage) -> [`View`] (ready strings, drawn SVG) -> page (askama). The page is complete without
//! script: every chart is an SVG drawn by [`svg`]. With `interactive` it also carries plotly.js (pruned by the build, [`plotly`]), packed
//! columns and the figures of [`charts`], which replace a picture when it is reached. The same view on paper is laid out by `pdf` (a Cargo feature).
//!
//! Never here: SQL, the clock, the network, arithmetic in templates. Names from data are hostile: see `escape`.

mod budget;
mod charts;
mod comparison;
mod csp;
mod error;
mod escape;
mod figure;
mod format;
mod html;
mod image;
mod json;
mod letter;
mod live;
mod look;
mod metrics;
mod model;
mod options;
mod outline;
mod paper;
#[cfg(feature = "pdf")]
mod pdf;
pub mod plotly;
mod plots;
mod section;
mod shelf;
mod svg;
mod view;

use crate::query::{Foreseeing, Masked, Source};

pub use comparison::{Comparison, MetricChange, Numbers, Period, Steady, compare};
pub use error::ReportError;
pub(crate) use format::NONE;
pub use html::html;
pub use json::json;
pub use letter::{LETTER_BYTES_MAX, Letter, Picture};
pub use live::{LiveFrame, LiveLink, LivePart, live_page, live_parts, policy_within};
pub use look::{ColourError, LOGO_BYTES_MAX, Logo, LogoError, Look, Role, SERIES_MAX, Tone};
pub use metrics::MetricOptions;
pub use options::{Compare, ReportOptions};
pub use outline::Outline;
pub use paper::{NoSuchPaper, Paper};
pub use plots::{PlotKind, PlotOptions, UnitName};
pub use section::{NoSuchSection, SectionId, Sections};
pub use shelf::{ShelfEntry, shelf_html};
pub use view::View;

pub(crate) use model::no_such_metric;

/// A report: a page, and what else is made of the same answers.
pub struct Report {
    model: model::Model,
    /// The page's.
    pub view: View,
}

impl Report {
    /// Asks the source. The view is the finest one whose page stays well within the size that is asked for; where none is estimated to, the finest one that stays
    /// within it; or the coarsest, which then says that it is larger.
    pub fn of(source: &dyn Source, options: &ReportOptions) -> Result<Report, ReportError> {
        finest(source, None, options)
    }

    /// The same, compared with a period of another source: a run with the one before, each in a file of its own.
    pub fn against(source: &dyn Source, other: &dyn Source, options: &ReportOptions) -> Result<Report, ReportError> {
        finest(source, Some(other), options)
    }

    /// What it comes to.
    pub fn outline(&self) -> Outline {
        Outline::of(&self.model, &self.view)
    }

    /// As a mail shows it; `notes` are told before everything else.
    pub fn letter(&self, notes: &[String]) -> Result<Letter, ReportError> {
        letter::letter(&self.model, &self.view, notes)
    }

    /// On paper, as a PDF.
    #[cfg(feature = "pdf")]
    pub fn pdf(&self, paper: Paper) -> Result<Vec<u8>, ReportError> {
        pdf::pdf(&self.model, &self.view, paper)
    }

    /// The picture of a summary: the first chart a mail shows, as PNG.
    pub fn picture(&self) -> Result<Option<Vec<u8>>, ReportError> {
        letter::first_picture(&self.model)
    }
}

/// The view of a report, see [`Report::of`].
pub fn build(source: &dyn Source, options: &ReportOptions) -> Result<View, ReportError> {
    Report::of(source, options).map(|report| report.view)
}

fn finest(source: &dyn Source, other: Option<&dyn Source>, options: &ReportOptions) -> Result<Report, ReportError> {
    let source = &Masked::new(source, &options.masks)?;
    let other = other.map(|other| Masked::new(other, &options.masks)).transpose()?;
    let other = other.as_ref().map(|other| other as &dyn Source);
    let mut question = model::Question::of(source, other, options)?;
    let choices = |question: &model::Question, found| budget::choices(&question.contents(found), options.max_bytes);
    // What is decoded for the analyses is what the first choice shows, most often the only one.
    let found = model::found_charts_max(&options.kinds);
    let likely = choices(&question, found)[0];
    let is_sure = budget::is_sure(&question.contents(found), likely, options.max_bytes);
    let mut source = Foreseeing::new(source, question.ahead(likely)).keeping(!is_sure);
    question.examine(&source, options)?;
    let choices = choices(&question, question.found());
    let most = budget::limit(&question.contents(question.found()), options.max_bytes);
    let mut last: Option<(Report, u64)> = None;
    for resolution in choices {
        let report = match last.take() {
            Some((Report { model, view }, _)) if model.resolution.differs_in_packing(resolution) => {
                let model = model::Model { resolution, ..model };
                Report { view: view.packed_as(&model), model }
            }
            _ => {
                source.expect(question.ahead(resolution));
                let model = question.model(&source, resolution)?;
                Report { view: View::of(&model), model }
            }
        };
        let bytes = html(&report.view)?.len() as u64;
        last = Some((report, bytes));
        if bytes <= most {
            break;
        }
    }
    let (mut report, bytes) = last.ok_or(ReportError::NoData { range: options.range })?;
    if bytes > budget::aim(options.max_bytes) {
        report.view.has_size(&report.model, bytes);
    }
    Ok(report)
}

/// One figure of the given shown metrics (names or globs), as a page by itself.
pub fn plot_html(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<String, ReportError> {
    figure_page(&ask_for(source, metrics, options)?)
}

fn ask_for(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<model::Model, ReportError> {
    model::ask_for(&Masked::new(source, &options.masks)?, metrics, options)
}

fn figure_page(model: &model::Model) -> Result<String, ReportError> {
    let charts: Vec<view::Chart> =
        model.frames.iter().enumerate().map(|(i, frame)| view::chart_by_itself(model, i, frame)).collect();
    let titles: Vec<&str> = model.frames.iter().map(|f| f.shown.title.as_str()).collect();
    let title = model.options.title.clone().unwrap_or_else(|| model.numerals().capped(&titles, 4));
    let when = format!("{} · {}", model.clock.period(), model.clock.zone());
    let data = model.options.interactive.then(|| charts::PageData::of(model));
    html::figure_page(&title, &when, &charts, &model.options.look, data.as_ref())
}

/// The same as a plotly figure (JSON: `data`, `layout`, `config`).
pub fn plot_json(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<String, ReportError> {
    Ok(charts::full_figure(&ask_for(source, metrics, options)?))
}

/// The same as an image: SVG, a chart a metric below each other.
pub fn plot_svg(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<String, ReportError> {
    Ok(image::svg(&ask_for(source, metrics, options)?))
}

/// The same as PNG, drawn from the SVG with a font that travels along: the same on every machine.
pub fn plot_png(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<Vec<u8>, ReportError> {
    image::png(&plot_svg(source, metrics, options)?)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
