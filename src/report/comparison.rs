//! Two periods against each other, for programs and for the terminal: the numbers of the report's section, of everything.

use serde::Serialize;

use crate::model::{Language, TimeRange};
use crate::query::Source;
use crate::query::frame::{Coverage, Stats};
use crate::query::summary::{Finding, Severity};

use super::budget::Resolution;
use super::error::ReportError;
use super::model::{Before, Change, Model, Question, Slices, changes};
use super::options::ReportOptions;
use super::view::compare::{alone, cells, nodes, unsteady};

/// What changed between two periods, the largest change first.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The first.
    pub before: Period,
    /// The second.
    pub now: Period,
    /// What changed much and steadily.
    pub findings: Vec<Finding>,
    /// Everything that both periods have.
    pub changes: Vec<MetricChange>,
    /// Nodes that are in one period only, in words; empty for none.
    #[serde(skip)]
    pub nodes: String,
    /// What differs much by its mean, but not steadily, in words.
    #[serde(skip)]
    pub unsteady: Vec<String>,
    /// A row of ready texts a change: metric, node, mean before, mean, change, 95 % quantile before, 95 % quantile, steadiness.
    #[serde(skip)]
    pub rows: Vec<Vec<String>>,
}

/// One of the periods.
#[derive(Clone, Debug, Serialize)]
pub struct Period {
    /// The database.
    pub source: String,
    /// Start, RFC 3339 UTC.
    pub from: String,
    /// End (not part of it), RFC 3339 UTC.
    pub to: String,
    /// Share of the expected samples that are there, 0 to 1.
    pub coverage: f64,
    /// The nodes with data in it, sorted.
    pub nodes: Vec<String>,
}

/// A node of a metric, or one part of it, then and now.
#[derive(Clone, Debug, Serialize)]
pub struct MetricChange {
    /// The node.
    pub node: String,
    /// The shown metric.
    pub metric: String,
    /// The part of the node, such as a mount; empty for the whole node.
    pub part: String,
    /// Unit of the numbers.
    pub unit: &'static str,
    /// Then; exact.
    pub before: Numbers,
    /// Now; exact.
    pub now: Numbers,
    /// Difference of the means.
    pub change: f64,
    /// In how many pieces of the period the change has its sign; `null` where it is not large or not steady.
    pub steady: Option<Steady>,
}

/// Numbers over a period, as `summary` has them; `null` where one is not known.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Numbers {
    pub count: u64,
    pub min: f64,
    pub avg: f64,
    pub max: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub last: f64,
}

/// How steady a change is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Steady {
    /// Pieces of the change's sign.
    pub same: usize,
    /// Pieces compared.
    pub of: usize,
    /// What they are: `days` or `stretches`.
    pub pieces: &'static str,
}

/// Compares the range of the options with the period they name; of `other`, where that is another database.
pub fn compare(
    source: &dyn Source,
    other: Option<&dyn Source>,
    options: &ReportOptions,
) -> Result<Comparison, ReportError> {
    // What programs read and terminals show is the same everywhere.
    let options = ReportOptions { kinds: Vec::new(), language: Language::default(), ..options.clone() };
    let model = Question::of(source, other, &options)?.model(source, Resolution::default())?;
    let Some(before) = &model.before else {
        return Err(ReportError::NothingToCompare { range: options.range });
    };
    Ok(Comparison::of(&model, before))
}

impl Comparison {
    fn of(model: &Model, before: &Before) -> Comparison {
        let all = changes(model, before);
        let name = |c: &Change| model.frames[c.metric].shown.name.clone();
        let origin = before.origin.clone().unwrap_or_else(|| model.origin.name.clone());
        Comparison {
            before: Period::of(origin, before.range, &before.coverage),
            now: Period::of(model.origin.name.clone(), model.options.range, &model.coverage),
            findings: all.iter().filter(|c| c.told.is_some()).map(|c| finding(model, c)).collect(),
            nodes: nodes(model.numerals(), &model.coverage, &before.coverage),
            unsteady: unsteady(model, &all).into_iter().map(|(_, text)| text).collect(),
            rows: all.iter().map(|c| cells(model, c, &name(c))).collect(),
            changes: all.iter().map(|c| metric_change(model, c)).collect(),
        }
    }
}

impl Period {
    fn of(source: String, range: TimeRange, coverage: &[Coverage]) -> Period {
        let (present, expected) = coverage.iter().fold((0, 0), |(p, e), c| (p + c.present, e + c.expected));
        Period {
            source,
            from: range.from().to_rfc3339(),
            to: range.to().to_rfc3339(),
            coverage: if expected == 0 { 1.0 } else { (present as f64 / expected as f64).min(1.0) },
            nodes: coverage.iter().filter(|c| c.present > 0).map(|c| c.node.to_string()).collect(),
        }
    }
}

fn metric_change(model: &Model, change: &Change) -> MetricChange {
    let shown = &model.frames[change.metric].shown;
    MetricChange {
        node: change.node.to_string(),
        metric: shown.name.clone(),
        part: change.part.clone(),
        unit: shown.unit.as_str(),
        before: change.before.into(),
        now: change.now.into(),
        change: change.difference(),
        steady: change.told.map(|shift| Steady {
            same: shift.days,
            of: shift.of_days,
            pieces: match change.slices {
                Slices::Days => "days",
                Slices::Stretches => "stretches",
            },
        }),
    }
}

impl From<Stats> for Numbers {
    fn from(s: Stats) -> Numbers {
        let Stats { count, min, avg, max, p50, p95, p99, last } = s;
        Numbers { count, min, avg, max, p50, p95, p99, last }
    }
}

/// Its value and expectation are the medians.
fn finding(model: &Model, change: &Change) -> Finding {
    let shown = &model.frames[change.metric].shown;
    let (text, is_worse) = alone(model, change);
    let (expected, value) = change.told.map_or((f64::NAN, f64::NAN), |shift| (shift.before, shift.now));
    Finding {
        kind: "compare",
        severity: if is_worse { Severity::Warn } else { Severity::Info },
        node: Some(change.node.to_string()),
        metric: Some(shown.name.clone()),
        from: model.options.range.from().to_rfc3339(),
        to: model.options.range.to().to_rfc3339(),
        text,
        value,
        expected,
        unit: shown.unit.as_str().to_owned(),
    }
}
