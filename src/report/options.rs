use chrono_tz::Tz;

use crate::analyse::{self, FindingKind};
use crate::model::{Language, Masks, Selector, TimeRange, Timestamp};

use super::look::Look;
use super::metrics::MetricOptions;
use super::plots::PlotOptions;
use super::section::Sections;

/// What is reported, and how.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Which time.
    pub range: TimeRange,
    /// Which series.
    pub selector: Selector,
    /// Zone that times are shown in.
    pub timezone: Tz,
    /// Language that numbers and dates are written in; sentences are English in any.
    pub language: Language,
    /// Colours and logo.
    pub look: Look,
    /// What is known better of some metrics than the catalogue does.
    pub metrics: Vec<MetricOptions>,
    /// Plots of one's own.
    pub plots: Vec<PlotOptions>,
    /// What time is shaded or does not count.
    pub masks: Masks,
    /// Which sections, in which order.
    pub sections: Sections,
    /// Title; `None` for one made of the nodes.
    pub title: Option<String>,
    /// When the report is made; `None` leaves out both that and how long it took (reproducible output).
    pub made_at: Option<Timestamp>,
    /// The command line, without secrets, for the footer.
    pub command: String,
    /// With plotly.js in the page (`--interactive on`).
    pub interactive: bool,
    /// What is looked for.
    pub kinds: Vec<FindingKind>,
    /// How it is looked for, and which limits are worth a warning.
    pub analysis: analyse::Options,
    /// Which other period it is compared with.
    pub compare: Compare,
    /// Size that the page is to stay within: its data is made as coarse as that needs.
    pub max_bytes: u64,
}

/// The other period of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// The period of the same length before, where at least nine tenths of it can have been recorded.
    #[default]
    PreviousIfThere,
    /// The same, however little there is of it.
    Previous,
    /// None.
    Nothing,
    /// A stretch of time; that it holds nothing is an error.
    Range(TimeRange),
}

/// Small enough to mail.
const MAX_BYTES: u64 = 2_000_000;

impl ReportOptions {
    /// An interactive report with what holds where nothing else is asked for.
    pub fn new(range: TimeRange, selector: Selector, timezone: Tz) -> ReportOptions {
        ReportOptions {
            range,
            selector,
            timezone,
            language: Language::default(),
            look: Look::default(),
            metrics: Vec::new(),
            plots: Vec::new(),
            masks: Masks::none(),
            sections: Sections::default(),
            title: None,
            made_at: None,
            command: String::new(),
            interactive: true,
            kinds: analyse::KINDS.to_vec(),
            analysis: analyse::Options::default(),
            compare: Compare::default(),
            max_bytes: MAX_BYTES,
        }
    }
}

/// Most metrics of no known kind that get a chart; the others are listed by name.
pub(crate) const OTHER_CHARTS_MAX: usize = 24;
/// Most rows a heatmap shows; the others are counted.
pub(crate) const HEATMAP_ROWS_MAX: usize = 60;
/// Most bars of a bar chart; the others are counted.
pub(crate) const BARS_MAX: usize = 30;
/// Most rows of the table below a chart.
pub(crate) const CHART_TABLE_ROWS_MAX: usize = 12;
/// Most nodes whose coverage is listed one by one.
pub(crate) const COVERAGE_ROWS_MAX: usize = 100;
/// Most gaps listed one by one.
pub(crate) const GAP_ROWS_MAX: usize = 20;
/// Most shaded stretches of a chart: more are no wider than a hair.
pub(crate) const SHADES_MAX: usize = 300;
/// Most points of a line in a picture: a chart is some hundred pixels wide.
pub(crate) const PICTURE_POINTS_MAX: usize = 280;
