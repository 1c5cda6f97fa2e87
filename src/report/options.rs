use chrono_tz::Tz;

use crate::model::{Selector, TimeRange, Timestamp};

/// What is reported, and how.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Which time.
    pub range: TimeRange,
    /// Which series.
    pub selector: Selector,
    /// Zone that times are shown in.
    pub timezone: Tz,
    /// Title; `None` for one made of the nodes.
    pub title: Option<String>,
    /// When the report is made; `None` leaves out both that and how long it took (reproducible output).
    pub made_at: Option<Timestamp>,
    /// The command line, without secrets, for the footer.
    pub command: String,
    /// With plotly.js in the page (`--interactive on`).
    pub interactive: bool,
}

/// Most buckets a chart has: two a screen pixel at most on a wide screen, and small enough to mail.
pub(crate) const BUCKETS_MAX: usize = 360;
/// Most metrics of no known kind that get a chart; the others are listed by name.
pub(crate) const OTHER_CHARTS_MAX: usize = 24;
/// Most rows a heatmap shows; the others are counted.
pub(crate) const HEATMAP_ROWS_MAX: usize = 60;
/// Most bars of a bar chart; the others are counted.
pub(crate) const BARS_MAX: usize = 30;
/// Most rows of the table below a chart.
pub(crate) const CHART_TABLE_ROWS_MAX: usize = 20;
/// Most nodes whose coverage is listed one by one.
pub(crate) const COVERAGE_ROWS_MAX: usize = 100;
/// Most gaps listed one by one.
pub(crate) const GAP_ROWS_MAX: usize = 20;
/// Most values (rows times buckets) for which the page carries minimum and maximum beside the mean.
pub(crate) const BAND_VALUES_MAX: usize = 400_000;
