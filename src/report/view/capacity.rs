//! Section 11: what runs full, and when.

use crate::analyse::forecast::Outlook;
use crate::analyse::{Finding, FindingKind};
use crate::model::{TimeRange, Timestamp};
use crate::query::Grid;

use crate::report::figure::{Band, Ink, Line, LineFigure, Mark, MarkShape};
use crate::report::format::{NONE, Numerals, duration, unit_name};
use crate::report::model::{Charted, Model};
use crate::report::svg::{self, Canvas};

use super::Table;
use super::chart::{Chart, key};
use super::findings::severity;
use super::incidents::{anchor, full};
use super::sql::query_of;

const DAY_MS: f64 = 86_400_000.0;
/// Rows of the table; the others are counted.
const ROWS_MAX: usize = 20;
const HEIGHT: f64 = 180.0;
/// Points of a chart.
const POINTS: usize = 240;
/// Furthest day that a chart shows, and what it shows where nothing bounds the range.
const DAYS_SHOWN_MAX: f64 = 120.0;

/// What runs full.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// The first of them, in a sentence.
    pub lead: String,
    pub rows: Vec<Row>,
    pub more: String,
    pub charts: Vec<Forecast>,
}

/// One capacity.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub severity: &'static str,
    pub node: String,
    pub metric: String,
    pub what: String,
    pub level: String,
    pub growth: String,
    /// The day it is full, and from which to which it may be.
    pub full_on: String,
    pub between: String,
    /// Days left; empty where no day is told.
    pub exact_days: String,
    pub text: String,
    pub from: String,
    pub to: String,
    pub sql: String,
    pub link: String,
}

/// A chart of a forecast.
#[derive(Clone, Debug)]
pub(crate) struct Forecast {
    pub node: String,
    pub chart: Chart,
}

pub(super) fn capacity(model: &Model) -> Option<Capacity> {
    let say = model.numerals();
    let all: Vec<&Finding> = model.examined.findings.all.iter().filter(|f| f.kind == FindingKind::Capacity).collect();
    if all.is_empty() {
        return None;
    }
    let hidden = all.len().saturating_sub(ROWS_MAX);
    let forecasts = model.forecasts();
    Some(Capacity {
        lead: forecasts.first().map_or_else(
            || "Nothing has a trend that gives a day on which it is full.".to_owned(),
            |first| format!("{}.", title(model, *first)),
        ),
        rows: all.iter().take(ROWS_MAX).map(|f| row(model, f)).collect(),
        more: match hidden {
            0 => String::new(),
            n => {
                format!(
                    "{} not listed here (nodebook analyse --what forecast lists them all).",
                    say.count(n, "later one")
                )
            }
        },
        charts: forecasts.iter().enumerate().map(|(n, one)| forecast(model, n, *one)).collect(),
    })
}

fn row(model: &Model, found: &Finding) -> Row {
    let say = model.numerals();
    let evidence = model.examined.evidence_of(found);
    let frame = model.frame_of(&found.series);
    let mut row = Row {
        severity: severity(found.severity.into()),
        node: found.series.node.to_string(),
        metric: frame.map_or_else(|| found.series.metric.to_string(), |(_, f)| f.shown.name.clone()),
        what: model.title_of(&found.series),
        level: NONE.to_owned(),
        growth: NONE.to_owned(),
        full_on: "no day is told".to_owned(),
        between: NONE.to_owned(),
        exact_days: String::new(),
        text: format!("{}.", model.retold(&found.text)),
        from: found.from.to_rfc3339(),
        to: found.to.to_rfc3339(),
        sql: query_of(model, found),
        link: anchor(model, found).0,
    };
    match evidence.and_then(|e| e.outlook) {
        Some(Outlook::Full { days, earliest, latest, slope, level, .. }) => {
            let day = |left: f64| full_at(model, found, days, left);
            row.level = percent(say, level);
            row.growth = format!("{} points", say.plain(slope));
            row.full_on = day(days);
            row.between = match latest {
                Some(latest) if day(earliest) == day(latest) => day(latest),
                Some(latest) => format!("{} – {}", day(earliest), day(latest)),
                None => format!("from {} on", day(earliest)),
            };
            row.exact_days = days.to_string();
        }
        Some(Outlook::Jump { level }) => row.level = percent(say, level),
        Some(Outlook::Sawtooth { peak, .. }) => row.level = percent(say, peak),
        _ => {}
    }
    row
}

fn percent(say: Numerals, v: f64) -> String {
    say.cell(crate::model::catalogue::Unit::Percent, v)
}

fn after(end: Timestamp, days: f64) -> Timestamp {
    end.plus_millis((days * DAY_MS) as i64)
}

/// The lines of a forecast.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    grid: Grid,
    seen: Vec<f64>,
    expected: Vec<f64>,
    lo: Vec<f64>,
    hi: Vec<f64>,
    full_at: Timestamp,
    top: f64,
}

impl Course {
    /// From the start of what was seen to past the day it is full.
    pub fn of(model: &Model, Charted { finding, evidence }: Charted<'_>) -> Option<Course> {
        let Some(Outlook::Full { days, earliest, latest, level, .. }) = evidence.outlook else { return None };
        let top = evidence.capacity.unwrap_or(100.0);
        let start = Timestamp::max(model.options.range.from(), evidence.grid.start);
        let end = finding.to;
        let furthest = latest.unwrap_or(2.0 * days).max(1.2 * days).clamp(1.0, DAYS_SHOWN_MAX);
        let step_ms = ((after(end, furthest).millis() - start.millis()) / POINTS as i64).max(1);
        let grid = Grid { start, step_ms, len: POINTS };
        let level = level / 100.0 * top;
        let middle = |i: usize| grid.time(i).plus_millis(step_ms / 2);
        let rising = |until: Option<f64>| -> Vec<f64> {
            let at = |i: usize| {
                let ahead = (middle(i).millis() - end.millis()) as f64 / DAY_MS;
                let share = until.map_or(0.0, |until| ahead / until.max(1e-3));
                if ahead < 0.0 { f64::NAN } else { (level + share * (top - level)).min(top) }
            };
            (0..grid.len).map(at).collect()
        };
        Some(Course {
            seen: seen(evidence, grid),
            expected: rising(Some(days)),
            lo: rising(latest),
            hi: rising(Some(earliest)),
            full_at: after(end, days),
            top,
            grid,
        })
    }

    fn domain(&self) -> Option<TimeRange> {
        TimeRange::new(self.grid.time(0), self.grid.time(self.grid.len))
    }
}

/// What was seen, in the buckets of a chart: the mean of what begins in each.
fn seen(evidence: &crate::analyse::Evidence, grid: Grid) -> Vec<f64> {
    let mut sums = vec![(0.0, 0u32); grid.len];
    for (i, v) in evidence.values.iter().copied().enumerate().filter(|(_, v)| v.is_finite()) {
        let from = (evidence.grid.time(i).millis() - grid.start.millis()).div_euclid(grid.step_ms);
        let to = (evidence.grid.time(i + 1).millis() - 1 - grid.start.millis()).div_euclid(grid.step_ms);
        for bucket in from.max(0)..=to.min(grid.len as i64 - 1) {
            let (sum, n) = &mut sums[bucket as usize];
            (*sum, *n) = (*sum + v, *n + 1);
        }
    }
    sums.into_iter().map(|(sum, n)| if n == 0 { f64::NAN } else { sum / f64::from(n) }).collect()
}

/// What the chart of a forecast shows.
pub(crate) fn forecast_figure<'a>(model: &'a Model, charted: Charted<'a>, course: &'a Course) -> LineFigure<'a> {
    let domain = course.domain().unwrap_or(model.options.range);
    let line = |name: &str, ink, values: &'a [f64]| Line { name: name.to_owned(), ink, values, bridge: 2 };
    let clock = model.clock.with_range(domain);
    let node = charted.finding.series.node.as_str();
    LineFigure {
        clock,
        grid: course.grid,
        domain,
        unit: charted.evidence.unit,
        limits: full(Some(course.top)),
        bands: vec![Band { name: "may be".into(), ink: Ink::Series(1), lo: &course.lo, hi: &course.hi, bridge: 0 }],
        behind: Vec::new(),
        lines: vec![line("forecast", Ink::Expected, &course.expected), line(node, Ink::Series(0), &course.seen)],
        mark: Some(Mark {
            at: course.full_at,
            value: course.top,
            text: model.clock.day(course.full_at),
            ink: Ink::Warn,
            shape: MarkShape::Diamond,
        }),
        span: None,
        shades: &[],
        events: Vec::new(),
    }
}

fn title(model: &Model, Charted { finding, evidence }: Charted<'_>) -> String {
    let Some(Outlook::Full { days, earliest, latest, .. }) = evidence.outlook else { return evidence.name.clone() };
    let day = |left: f64| full_at(model, finding, days, left);
    let range = match latest {
        // Known better than what is said of it.
        Some(latest) if day(earliest) == day(latest) => String::new(),
        Some(latest) => format!(", between {} and {}", day(earliest), day(latest)),
        None => format!(", not before {}", day(earliest)),
    };
    format!("{} is full about {}{range}", evidence.name, day(days))
}

/// The day that is so many days after the end of the range; with its hour where it is `full` within two.
fn full_at(model: &Model, finding: &Finding, full: f64, left: f64) -> String {
    const HOUR_MS: i64 = 3_600_000;
    let at = after(finding.to, left);
    let hour = Timestamp::from_millis((at.millis() + HOUR_MS / 2).div_euclid(HOUR_MS) * HOUR_MS);
    if full < 2.0 { model.clock.moment(hour) } else { model.clock.day(at) }
}

fn forecast(model: &Model, n: usize, charted: Charted<'_>) -> Forecast {
    let say = model.numerals();
    let Charted { finding, evidence } = charted;
    let title = title(model, charted);
    let trend = match evidence.outlook {
        Some(Outlook::Full { since: Some(_), .. }) => "time since it began to grow",
        _ => "daily peaks",
    };
    let subtitle =
        format!("{} · dashed: the trend of the {trend}, with the range it may take", unit_name(evidence.unit));
    let course = Course::of(model, charted);
    let figure = course.as_ref().map(|course| forecast_figure(model, charted, course));
    let rows = match evidence.outlook {
        Some(Outlook::Full { days, earliest, latest, slope, level, .. }) => vec![
            vec!["Now".to_owned(), percent(say, level)],
            vec!["Growth a day, points".to_owned(), say.plain(slope)],
            vec!["Days left".to_owned(), say.plain(days)],
            vec!["Days left at least".to_owned(), say.plain(earliest)],
            vec!["Days left at most".to_owned(), latest.map_or_else(|| NONE.to_owned(), |v| say.plain(v))],
        ],
        _ => vec![vec!["Latest".to_owned(), say.value(evidence.unit, finding.value)]],
    };
    Forecast {
        node: finding.series.node.to_string(),
        chart: Chart {
            id: format!("forecast-{n}"),
            metric: model
                .frame_of(&finding.series)
                .map_or_else(|| finding.series.metric.to_string(), |(_, f)| f.shown.name.clone()),
            sentence: format!("{title}. Line chart, {subtitle}."),
            svg: figure.as_ref().map_or_else(String::new, |figure| svg::line(figure, Canvas::Fluid, HEIGHT)),
            key: figure.as_ref().map_or_else(Vec::new, key),
            labelled: true,
            table: Table {
                caption: format!("{}, a point is {}", evidence.name, duration(evidence.grid.step_ms)),
                head: vec!["Number", "Value"],
                rows,
                note: String::new(), // its row has the query
            },
            title,
            subtitle,
            wide: false,
        },
    }
}
