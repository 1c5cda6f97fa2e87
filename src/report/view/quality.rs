use crate::query::frame::Coverage;

use crate::report::budget::{Limits, Resolution};
use crate::report::format::{NBSP, NONE, count, duration, exact, plain, share};
use crate::report::model::Model;
use crate::report::options::{COVERAGE_ROWS_MAX, GAP_ROWS_MAX};

/// A list of more nodes is folded.
const OPEN_ROWS_MAX: usize = 12;

/// How complete the data is.
#[derive(Clone, Debug)]
pub(crate) struct Quality {
    pub summary: String,
    pub rows: Vec<QualityRow>,
    /// Whether the list is unfolded: it is short and says something.
    pub open: bool,
    /// Nodes that are not listed; empty for none.
    pub more: String,
    pub gaps: Vec<Gap>,
    pub more_gaps: String,
    pub resolution: String,
}

/// A node's data.
#[derive(Clone, Debug)]
pub(crate) struct QualityRow {
    pub node: String,
    pub interval: String,
    pub expected: String,
    pub present: String,
    pub share: String,
    pub exact_share: String,
    pub gaps: String,
    pub longest: String,
}

/// A stretch without data.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub node: String,
    pub from: String,
    pub to: String,
    pub length: String,
}

pub(super) fn quality(model: &Model) -> Quality {
    let mut order: Vec<&Coverage> = model.coverage.iter().collect();
    order.sort_by(|a, b| a.share().total_cmp(&b.share()).then_with(|| a.node.cmp(&b.node)));
    let hidden = order.len().saturating_sub(COVERAGE_ROWS_MAX);
    let more = match order.get(COVERAGE_ROWS_MAX) {
        Some(next) => format!("Not listed: {}, each with {} or more.", count(hidden, "node"), share(next.share())),
        None => String::new(),
    };
    let (gaps, more_gaps) = gaps(model);
    Quality {
        summary: summary(model),
        rows: order.iter().take(COVERAGE_ROWS_MAX).map(|c| row(c)).collect(),
        open: order.len() <= OPEN_ROWS_MAX && order.iter().any(|c| c.present < c.expected),
        more,
        gaps,
        more_gaps,
        resolution: resolution(model),
    }
}

fn summary(model: &Model) -> String {
    let whole = model.coverage.iter().filter(|c| c.gap_count == 0 && c.present > 0).count();
    let gaps: usize = model.coverage.iter().map(|c| c.gap_count).sum();
    match (model.coverage.len(), gaps) {
        (1, 0) => "The node delivered without a gap.".into(),
        (n, 0) if whole == n => format!("All {} delivered without a gap.", count(n, "node")),
        (n, _) => format!(
            "{} of {} delivered without a gap; {} in all.",
            plain(whole as f64),
            count(n, "node"),
            count(gaps, "gap")
        ),
    }
}

fn row(c: &Coverage) -> QualityRow {
    QualityRow {
        node: c.node.to_string(),
        interval: if c.interval_ms > 0 { duration(c.interval_ms) } else { NONE.into() },
        expected: plain(c.expected as f64),
        present: plain(c.present as f64),
        share: share(c.share()),
        exact_share: exact(c.share()),
        gaps: plain(c.gap_count as f64),
        longest: c.gaps.first().map_or_else(|| NONE.into(), |gap| duration(gap.millis())),
    }
}

fn gaps(model: &Model) -> (Vec<Gap>, String) {
    let mut all: Vec<(&Coverage, crate::model::TimeRange)> =
        model.coverage.iter().flat_map(|c| c.gaps.iter().map(move |gap| (c, *gap))).collect();
    all.sort_by(|a, b| b.1.millis().cmp(&a.1.millis()).then_with(|| a.0.node.cmp(&b.0.node)));
    let shown = all.iter().take(GAP_ROWS_MAX).map(|(c, gap)| Gap {
        node: c.node.to_string(),
        from: model.clock.moment(gap.from()),
        to: model.clock.moment(gap.to()),
        length: duration(gap.millis()),
    });
    let shown: Vec<Gap> = shown.collect();
    let count_all: usize = model.coverage.iter().map(|c| c.gap_count).sum();
    let hidden = count_all.saturating_sub(shown.len());
    (shown, if hidden > 0 { format!("{} not listed.", count(hidden, "shorter gap")) } else { String::new() })
}

fn resolution(model: &Model) -> String {
    let step = duration(model.grid.step_ms);
    let counted = counted(model);
    let mut intervals: Vec<i64> = model.coverage.iter().map(|c| c.interval_ms).filter(|ms| *ms > 0).collect();
    intervals.sort_unstable();
    let sampled = match (intervals.first(), intervals.last()) {
        (Some(a), Some(b)) if duration(*a) == duration(*b) => format!("Nodes were sampled every {}", duration(*a)),
        (Some(a), Some(b)) => format!("Nodes were sampled every {} to {}", duration(*a), duration(*b)),
        _ => "There is one sample only".into(),
    };
    let packed = match (model.options.interactive, model.resolution) {
        (false, _) => String::new(),
        (true, Resolution { bits, limits, .. }) => {
            let rows = if limits == Limits::All { "every line" } else { "the lines that are drawn" };
            format!(
                " For zooming and filtering the page carries {} points a line in {} levels, and the lowest and highest of {rows}; {FINEST} {} \
                 (--max-size).",
                plain(model.grid.len as f64),
                plain(f64::from((1u32 << bits) - 1)),
                megabytes(model.options.max_bytes)
            )
        }
    };
    format!(
        "{sampled}; a point of a chart is {step} wide and shows the mean, bands show the lowest and the highest sample. \
         A node is said to have a gap where more than three intervals are missing; gaps are drawn as gaps.{counted}{packed}"
    )
}

/// That completeness is not known to the sample, where it is not.
fn counted(model: &Model) -> String {
    let coarse = model.coverage.iter().map(|c| c.step_ms).filter(|ms| *ms > 1).max();
    coarse.map_or_else(String::new, |ms| {
        format!(
            " Samples of this time are no longer kept: completeness and gaps are counted by {} of what is left of them, and only whole ones within \
             the period count.",
            if ms >= 86_400_000 { "the days" } else { "the hours" }
        )
    })
}

/// What is said of a page that stays within its size.
const FINEST: &str = "this is the finest that stays well within";

/// The same of a page that does not.
pub(super) fn larger(resolution: &str, bytes: u64, max_bytes: u64) -> String {
    let said = resolution.split_once(&format!("; {FINEST}")).map_or(resolution, |(before, _)| before);
    let said = said.trim_end_matches('.');
    format!(
        "{said}. The page has {} all the same, more than the {} that were asked for (--max-size): it is as coarse as it gets. Fewer nodes or \
         metrics (--node, --metric), or --interactive off, make it smaller.",
        megabytes((bytes + 50_000) / 100_000 * 100_000),
        megabytes(max_bytes)
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{}{NBSP}MB", plain(bytes as f64 / 1e6))
}
