//! Section 9: odd stretches, lasting changes and nodes unlike their peers.

use crate::analyse::{Finding, FindingKind, Severity};
use crate::model::catalogue::Unit;
use crate::model::{Annotation, TimeRange};

use crate::report::figure::{Band, Ink, Limit, LimitKind, Line, LineFigure, Mark, MarkShape, Span};
use crate::report::format::{NONE, Numerals, duration, exact};
use crate::report::model::{Charted, Model};
use crate::report::section::SectionId;
use crate::report::svg::{self, Canvas};

use super::Table;
use super::chart::{Chart, key, unit_of_axis};
use super::events::covers;
use super::findings::{severity, when};
use super::sql::query_of;

/// Rows of the table; the others are counted.
const ROWS_MAX: usize = 20;
/// Height of a chart beside another one.
const HEIGHT: f64 = 180.0;

/// What was odd and when.
#[derive(Clone, Debug)]
pub(crate) struct Incidents {
    pub rows: Vec<Row>,
    /// How many are not listed; empty for none.
    pub more: String,
    pub charts: Vec<Incident>,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub severity: &'static str,
    pub kind: &'static str,
    /// In words, with a shape.
    pub what: &'static str,
    pub node: String,
    /// Of the report; and the series as it is stored.
    pub metric: String,
    pub series: String,
    pub from: String,
    pub to: String,
    pub when: String,
    pub value: String,
    pub exact_value: String,
    pub expected: String,
    pub exact_expected: String,
    pub strength: String,
    pub first: String,
    pub others: String,
    pub sql: String,
    pub link: String,
}

/// A chart of one, and what moved with it.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub node: String,
    pub chart: Chart,
    /// What moved most in its time, against the time before.
    pub moved: Option<Table>,
    /// The filter that shows its time in all charts.
    pub fragment: String,
}

pub(super) fn incidents(model: &Model) -> Option<Incidents> {
    let say = model.numerals();
    let of_kind = |f: &&Finding| matches!(f.kind, FindingKind::Anomaly | FindingKind::Change | FindingKind::Peer);
    let all: Vec<&Finding> = model.examined.findings.all.iter().filter(of_kind).collect();
    if all.is_empty() {
        return None;
    }
    let hidden = all.len().saturating_sub(ROWS_MAX);
    let more = match hidden {
        0 => String::new(),
        n => format!("{} not listed here (nodebook analyse --format json lists them all).", say.count(n, "weaker one")),
    };
    let charted = model.incidents();
    Some(Incidents {
        rows: all.iter().take(ROWS_MAX).map(|f| row(model, f)).collect(),
        more,
        charts: charted.iter().enumerate().map(|(n, one)| incident(model, n, *one)).collect(),
    })
}

/// Anchor of what shows a finding: its own chart, the chart of its metric, or its section; empty where the page has none of them.
pub(super) fn anchor(model: &Model, found: &Finding) -> (String, &'static str) {
    let is = |one: &Charted| std::ptr::eq(one.finding, found);
    if let Some(n) = model.incidents().iter().position(is) {
        return (format!("#chart-incident-{n}"), "Chart");
    }
    if let Some(n) = model.forecasts().iter().position(is) {
        return (format!("#chart-forecast-{n}"), "Forecast");
    }
    let home = match found.kind {
        FindingKind::Correlation => SectionId::Correlation,
        FindingKind::Capacity => SectionId::Capacity,
        _ => SectionId::Anomalies,
    };
    let has = |id| model.options.sections.have(id);
    match model.frame_of(&found.series) {
        Some((index, frame)) if found.kind != FindingKind::Correlation && has(model.home(index, frame)) => {
            (format!("#chart-{}", model.chart_id(index)), "Chart")
        }
        _ if has(home) => (format!("#{}", home.name()), "Figures"),
        _ => (String::new(), ""),
    }
}

fn row(model: &Model, found: &Finding) -> Row {
    let say = model.numerals();
    let frame = model.frame_of(&found.series);
    let unit = frame.map_or(Unit::None, |(_, f)| f.shown.unit);
    let whole = when(model, found);
    Row {
        severity: severity(found.severity.into()),
        kind: found.kind.as_str(),
        what: match found.kind {
            FindingKind::Change => "◆ lasting change",
            FindingKind::Peer => "● unlike its peers",
            _ => "▲ odd stretch",
        },
        node: found.series.node.to_string(),
        metric: frame.map_or_else(|| found.series.metric.to_string(), |(_, f)| f.shown.name.clone()),
        series: model.title_of(&found.series),
        from: found.from.to_rfc3339(),
        to: found.to.to_rfc3339(),
        when: if whole.is_empty() { "whole period".to_owned() } else { whole },
        value: say.cell(unit, found.value),
        exact_value: exact(found.value),
        expected: say.cell(unit, found.expected),
        exact_expected: exact(found.expected),
        strength: say.plain((found.strength * 10.0).round() / 10.0),
        first: found.first.as_ref().map_or_else(|| NONE.to_owned(), |first| model.name_of(&first.series)),
        others: if found.moved_count == 0 { NONE.to_owned() } else { say.plain(found.moved_count as f64) },
        sql: query_of(model, found),
        link: anchor(model, found).0,
    }
}

fn incident(model: &Model, n: usize, charted: Charted<'_>) -> Incident {
    let say = model.numerals();
    let Charted { finding, evidence } = charted;
    let figure = incident_figure(model, charted);
    let title = title(say, charted);
    let span = when(model, finding);
    let seen = evidence.values.iter().copied().filter(|v| v.is_finite());
    let (least, most) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let drawn = evidence.expected.iter().chain(&evidence.hi).chain(&evidence.values).chain(&evidence.capacity);
    let unit = unit_of_axis(evidence.unit, drawn.filter(|v| v.is_finite()).fold(0.0, |top, v| top.max(v.abs())));
    let subtitle = [span.as_str(), &unit, usual(finding.kind)];
    let subtitle = subtitle.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let numbers =
        [("Value", finding.value), ("Expected", finding.expected), ("Lowest shown", least), ("Highest shown", most)];
    let frame = model.frame_of(&finding.series);
    let moved = moved_table(say, charted);
    Incident {
        node: finding.series.node.to_string(),
        chart: Chart {
            id: format!("incident-{n}"),
            metric: frame.map_or_else(|| finding.series.metric.to_string(), |(_, f)| f.shown.name.clone()),
            sentence: format!("{title}. Line chart, {subtitle}."),
            svg: svg::line(&figure, Canvas::Fluid, HEIGHT),
            key: key(&figure),
            labelled: true,
            table: Table {
                caption: format!("{}, a point is {}", evidence.name, duration(evidence.grid.step_ms)),
                head: vec!["Number", "Value"],
                rows: numbers.map(|(name, v)| vec![name.to_owned(), say.cell(evidence.unit, v)]).to_vec(),
                note: format!("SQL: {}", query_of(model, finding)),
            },
            title,
            subtitle,
            wide: false,
        },
        moved,
        fragment: fragment(figure.domain),
    }
}

fn title(say: Numerals, Charted { finding, evidence }: Charted<'_>) -> String {
    let (name, unit) = (&evidence.name, evidence.unit);
    let (seen, expected) = (say.value(unit, finding.value), say.value(unit, finding.expected));
    match finding.kind {
        FindingKind::Change if finding.value > finding.expected => format!("{name} rose from {expected} to {seen}"),
        FindingKind::Change => format!("{name} fell from {expected} to {seen}"),
        FindingKind::Peer => format!("{name}: {seen} where the other nodes have {expected}"),
        _ => format!("{name}: {seen} where {expected} was expected"),
    }
}

/// What the dashed line and the band are.
fn usual(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Change => "dashed: the level before, with the band it kept to",
        FindingKind::Peer => "dashed: median of all nodes, with the band of nine in ten",
        _ => "dashed: expected at this time, with the band of 98 in 100",
    }
}

/// What the chart of an incident shows.
pub(crate) fn incident_figure<'a>(model: &'a Model, Charted { finding, evidence }: Charted<'a>) -> LineFigure<'a> {
    let ink = match finding.severity {
        Severity::Info => Ink::Info,
        Severity::Warn => Ink::Warn,
        Severity::Bad => Ink::Bad,
    };
    let whole = TimeRange::new(evidence.grid.time(0), evidence.grid.time(evidence.grid.len.max(1)));
    let domain = whole.unwrap_or(model.options.range);
    let is_change = finding.kind == FindingKind::Change;
    let until = if is_change { domain.to() } else { finding.to };
    let span = TimeRange::new(finding.from, until).and_then(|span| span.intersect(domain));
    let bridge = 1;
    let line = |name: &str, ink, values: &'a [f64]| Line { name: name.to_owned(), ink, values, bridge };
    let node = finding.series.node.as_str();
    LineFigure {
        clock: model.clock.with_range(domain),
        grid: evidence.grid,
        domain,
        unit: evidence.unit,
        limits: full(evidence.capacity),
        bands: vec![Band {
            name: "usual range".into(),
            ink: Ink::Expected,
            lo: &evidence.lo,
            hi: &evidence.hi,
            bridge,
        }],
        behind: Vec::new(),
        lines: vec![line("expected", Ink::Expected, &evidence.expected), line(node, Ink::Series(0), &evidence.values)],
        mark: mark(model.numerals(), finding, evidence, ink),
        shades: &model.shades,
        span: span.filter(|_| finding.kind != FindingKind::Peer).map(|range| Span { range, ink }),
        events: model.events.iter().filter(|event| touches(event, domain) && !covers(event, domain)).collect(),
    }
}

fn touches(event: &Annotation, domain: TimeRange) -> bool {
    event.at < domain.to() && event.until.unwrap_or(event.at) >= domain.from()
}

pub(super) fn full(capacity: Option<f64>) -> Vec<Limit> {
    capacity.map(|value| Limit { value, kind: LimitKind::Full }).into_iter().collect()
}

/// Where the value is furthest from what was expected, or where it changed.
fn mark(say: Numerals, finding: &Finding, evidence: &crate::analyse::Evidence, ink: Ink) -> Option<Mark> {
    let grid = evidence.grid;
    let middle = |row: usize| grid.time(row).plus_millis(grid.step_ms / 2);
    let rows = (0..grid.len).filter(|i| evidence.values.get(*i).is_some_and(|v| v.is_finite()));
    let (row, shape) = match finding.kind {
        FindingKind::Change => (rows.clone().find(|i| middle(*i) >= finding.from)?, MarkShape::Diamond),
        FindingKind::Peer => return None,
        _ => {
            let inside = rows.filter(|i| middle(*i) >= finding.from && grid.time(*i) < finding.to);
            let away = |i: &usize| (evidence.values[*i] - evidence.expected[*i]).abs();
            (inside.max_by(|a, b| away(a).total_cmp(&away(b)))?, MarkShape::Triangle)
        }
    };
    let at = if shape == MarkShape::Diamond { finding.from } else { middle(row) };
    let seen = evidence.values[row];
    Some(Mark { at, value: seen, text: say.value(evidence.unit, finding.value), ink, shape })
}

fn moved_table(say: Numerals, Charted { finding, evidence }: Charted<'_>) -> Option<Table> {
    if evidence.moved.is_empty() {
        return None;
    }
    let rows = evidence.moved.iter().map(|m| {
        let labels: Vec<&str> = m.series.labels.iter().map(|(_, value)| value).collect();
        let part = if labels.is_empty() { String::new() } else { format!(" ({})", labels.join(", ")) };
        let name = format!("{}{part} on {}", m.title, m.series.node);
        let distance = say.plain((m.distance * 100.0).round() / 100.0);
        vec![name, say.cell(m.unit, m.before), say.cell(m.unit, m.during), distance]
    });
    let names: Vec<&str> = finding.moved.iter().map(|m| m.series.node.as_str()).collect();
    let mut nodes = names.clone();
    nodes.sort_unstable();
    nodes.dedup();
    let also = if nodes.is_empty() {
        String::new()
    } else {
        format!(
            " Odd by themselves at the same time: {} on {}.",
            say.count(finding.moved_count, "other series"),
            say.capped(&nodes, 6)
        )
    };
    Some(Table {
        caption: "Its time against four times as much before, the most different first".to_owned(),
        head: vec!["Series", "Median before", "Median then", "Distance"],
        rows: rows.collect(),
        note: format!("Distance: the greatest between both distributions (Kolmogorov-Smirnov), 0 to 1.{also}"),
    })
}

/// The page's filter for a stretch of time.
fn fragment(range: TimeRange) -> String {
    format!("#from={}&to={}", range.from().to_rfc3339(), range.to().to_rfc3339())
}
