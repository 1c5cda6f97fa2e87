//! Floor 4: one HTML file from whatever a [`Source`] answers.
//!
//! Source -> model (frames on one grid, coverage) -> [`View`] (ready strings, drawn SVG) -> page (askama). The page is complete without
//! script: every chart is an SVG drawn by [`svg`]. With `interactive` it also carries plotly.js (pruned by the build, [`plotly`]), packed
//! columns and the figures of [`charts`], which replace a picture when it is reached.
//!
//! Never here: SQL, the clock, the network, arithmetic in templates. Names from data are hostile: see `escape`.

mod charts;
mod csp;
mod error;
mod escape;
mod figure;
mod format;
mod html;
mod model;
mod options;
pub mod plotly;
mod svg;
mod view;

use crate::query::Source;

pub use error::ReportError;
pub use html::html;
pub use options::ReportOptions;
pub use view::View;

/// Asks the source.
pub fn build(source: &dyn Source, options: &ReportOptions) -> Result<View, ReportError> {
    Ok(View::of(&model::ask(source, options)?))
}

/// One figure of the given shown metrics (names or globs), as a page by itself.
pub fn plot_html(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<String, ReportError> {
    figure_page(&model::ask_for(source, metrics, options)?)
}

fn figure_page(model: &model::Model) -> Result<String, ReportError> {
    let charts: Vec<view::Chart> =
        model.frames.iter().enumerate().map(|(i, frame)| view::chart_by_itself(model, i, frame)).collect();
    let titles: Vec<&str> = model.frames.iter().map(|f| f.shown.title.as_str()).collect();
    let title = model.options.title.clone().unwrap_or_else(|| format::capped(&titles, 4));
    let when = format!("{} · {}", model.clock.period(), model.clock.zone());
    let data = model.options.interactive.then(|| charts::PageData::of(model));
    html::figure_page(&title, &when, &charts, data.as_ref())
}

/// The same as a plotly figure (JSON: `data`, `layout`, `config`).
pub fn plot_json(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<String, ReportError> {
    Ok(charts::full_figure(&model::ask_for(source, metrics, options)?))
}

#[cfg(test)]
mod tests;
