use askama::Template;

use super::csp::{Contents, policy};
use super::error::ReportError;
use super::escape::without_turns;
use super::look::Look;
use super::plotly::{APP_SCRIPT, PLOTLY_LICENCE, PLOTLY_VERSION, plotly_base64};
use super::section::SectionId;
use super::view::{Chart, Drawn, View};

/// The style sheet: the page's own, that of its pictures, and that of what its script builds.
pub(super) const CSS: &str = concat!(
    include_str!("../../templates/report/report.css"),
    include_str!("../../templates/report/picture.css"),
    include_str!("../../templates/report/app/app.css")
);

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page<'a> {
    view: &'a View,
    scripts: Scripts<'a>,
}

#[derive(Template)]
#[template(path = "report/figure.html")]
struct FigurePage<'a> {
    version: &'static str,
    title: &'a str,
    zone: &'a str,
    charts: &'a [Chart],
    scripts: Scripts<'a>,
}

/// What stands in the head and at the end of every page.
pub(super) struct Scripts<'a> {
    policy: String,
    css: String,
    app: &'static str,
    pub(super) plotly_version: &'static str,
    plotly_licence: &'static str,
    pub(super) data: Option<Data<'a>>,
}

pub(super) struct Data<'a> {
    json: &'a str,
    columns: &'a str,
    plotly: String,
}

impl<'a> Scripts<'a> {
    pub(super) fn of(look: &Look, data: Option<&'a super::charts::PageData>) -> Scripts<'a> {
        let contents = if data.is_some() { Contents::Interactive } else { Contents::Static };
        let css = format!("{CSS}{}", look.css());
        Scripts {
            policy: policy(contents, &css),
            css,
            app: APP_SCRIPT,
            plotly_version: PLOTLY_VERSION,
            plotly_licence: PLOTLY_LICENCE,
            data: data.map(|d| Data { json: &d.json, columns: &d.columns, plotly: plotly_base64() }),
        }
    }
}

/// Renders the page.
pub fn html(view: &View) -> Result<String, ReportError> {
    let scripts = Scripts::of(&view.look, view.data.as_ref());
    render(&Page { view, scripts })
}

pub(super) fn figure_page(
    title: &str,
    zone: &str,
    charts: &[Chart],
    look: &Look,
    data: Option<&super::charts::PageData>,
) -> Result<String, ReportError> {
    render(&FigurePage { version: env!("CARGO_PKG_VERSION"), title, zone, charts, scripts: Scripts::of(look, data) })
}

fn render(template: &impl Template) -> Result<String, ReportError> {
    template.render().map(without_turns).map_err(|e| ReportError::Render(e.to_string()))
}
