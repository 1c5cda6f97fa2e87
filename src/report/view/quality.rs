use crate::model::catalogue::Section;
use crate::query::frame::Coverage;

use crate::report::budget::{Limits, Resolution};
use crate::report::format::{NBSP, NONE, Numerals, duration, exact};
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
    /// Of the numbers.
    pub resolution: String,
    /// Of what travels along in a page; may be empty.
    pub carried: String,
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
    let say = model.numerals();
    let mut order: Vec<&Coverage> = model.coverage.iter().collect();
    order.sort_by(|a, b| a.share().total_cmp(&b.share()).then_with(|| a.node.cmp(&b.node)));
    let hidden = order.len().saturating_sub(COVERAGE_ROWS_MAX);
    let more = match order.get(COVERAGE_ROWS_MAX) {
        Some(next) => {
            format!("Not listed: {}, each with {} or more.", say.count(hidden, "node"), say.share(next.share()))
        }
        None => String::new(),
    };
    let (gaps, more_gaps) = gaps(model);
    Quality {
        summary: summary(model),
        rows: order.iter().take(COVERAGE_ROWS_MAX).map(|c| row(say, c)).collect(),
        open: order.len() <= OPEN_ROWS_MAX && order.iter().any(|c| c.present < c.expected),
        more,
        gaps,
        more_gaps,
        resolution: resolution(model),
        carried: carried(model, None),
    }
}

fn summary(model: &Model) -> String {
    let say = model.numerals();
    let whole = model.coverage.iter().filter(|c| c.gap_count == 0 && c.present > 0).count();
    let gaps: usize = model.coverage.iter().map(|c| c.gap_count).sum();
    match (model.coverage.len(), gaps) {
        (1, 0) => "The node delivered without a gap.".into(),
        (n, 0) if whole == n => format!("All {} delivered without a gap.", say.count(n, "node")),
        (n, _) => format!(
            "{} of {} delivered without a gap; {} in all.",
            say.plain(whole as f64),
            say.count(n, "node"),
            say.count(gaps, "gap")
        ),
    }
}

fn row(say: Numerals, c: &Coverage) -> QualityRow {
    QualityRow {
        node: c.node.to_string(),
        interval: if c.interval_ms > 0 { duration(c.interval_ms) } else { NONE.into() },
        expected: say.plain(c.expected as f64),
        present: say.plain(c.present as f64),
        share: say.share(c.share()),
        exact_share: exact(c.share()),
        gaps: say.plain(c.gap_count as f64),
        longest: c.gaps.first().map_or_else(|| NONE.into(), |gap| duration(gap.millis())),
    }
}

fn gaps(model: &Model) -> (Vec<Gap>, String) {
    let say = model.numerals();
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
    (shown, if hidden > 0 { format!("{} not listed.", say.count(hidden, "shorter gap")) } else { String::new() })
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
    format!(
        "{sampled}; a point of a chart is {step} wide and shows the mean, bands show the lowest and the highest sample. \
         A node is said to have a gap where more than three intervals are missing; gaps are drawn as gaps.{counted}"
    )
}

/// What the page carries for its script and how that was chosen; `bytes` is its size where none of the choices stays well within what is
/// asked for.
pub(super) fn carried(model: &Model, bytes: Option<u64>) -> String {
    let say = model.numerals();
    let (interactive, max_bytes) = (model.options.interactive, model.options.max_bytes);
    let max = megabytes(say, max_bytes);
    let Resolution { bits, limits, .. } = model.resolution;
    let rows = if limits == Limits::All { "every line" } else { "the lines that are drawn" };
    let points = points(say, model, bits);
    let data = format!("For zooming and filtering the page carries {points}, and the lowest and highest of {rows}");
    match bytes {
        None if interactive => {
            format!("{data}: as fine as stays well within {max}, the most that it may have (--max-size).")
        }
        Some(bytes) if bytes <= max_bytes && interactive => {
            let is_coarsest = model.resolution.is_coarsest(model.section(Section::Other).count());
            let choice = if is_coarsest { "the coarsest there is, which stays" } else { "as fine as stays" };
            format!("{data}: {choice} within {max}, the most that it may have (--max-size).")
        }
        Some(bytes) if bytes > max_bytes => {
            let size = megabytes(say, (bytes + 50_000) / 100_000 * 100_000);
            let (lead, off) = match interactive {
                true => {
                    (format!("{data}, as coarse as it gets. "), ", or one that cannot be zoomed (--interactive off),")
                }
                false => (String::new(), ""),
            };
            format!(
                "{lead}The page has {size} all the same, more than the {max} that it may have (--max-size). A page of fewer nodes or metrics \
                 (--node, --metric){off} is smaller."
            )
        }
        _ => String::new(),
    }
}

fn points(say: Numerals, model: &Model, bits: u8) -> String {
    let levels = say.plain(f64::from((1u32 << bits) - 1));
    format!("{} a line in {levels} levels", say.count(model.grid.len, "point"))
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

fn megabytes(say: Numerals, bytes: u64) -> String {
    format!("{}{NBSP}MB", say.plain(bytes as f64 / 1e6))
}
