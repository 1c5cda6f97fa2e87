use crate::model::catalogue::Section;
use crate::query::frame::{Frame, Row};

use crate::report::figure::{Bar, BarFigure};
use crate::report::format::{NBSP, Numerals, named};
use crate::report::model::Model;
use crate::report::options::BARS_MAX;
use crate::report::svg::{self, Canvas};

use super::Table;
use super::chart::{Chart, chart};

/// Beyond this multiple of the mean the fullest node is told as uneven.
const UNEVEN: f64 = 1.25;

/// Counts and balance of partitions.
#[derive(Clone, Debug)]
pub(crate) struct Partitions {
    pub bars: Vec<Bars>,
    pub lines: Vec<Chart>,
}

/// The latest count of each node.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub id: String,
    pub metric: String,
    pub title: String,
    pub subtitle: String,
    pub sentence: String,
    /// What changed over the period.
    pub changes: String,
    pub svg: String,
    pub more: String,
    pub table: Table,
}

pub(super) fn partitions(model: &Model) -> Option<Partitions> {
    let frames: Vec<(usize, &Frame)> = model.section(Section::Partitions).collect();
    if frames.is_empty() {
        return None;
    }
    Some(Partitions {
        bars: frames.iter().filter_map(|(i, f)| bars(model.numerals(), *i, f)).collect(),
        lines: frames.iter().map(|(i, f)| chart(model, *i, f)).collect(),
    })
}

fn bars(say: Numerals, index: usize, frame: &Frame) -> Option<Bars> {
    let mut rows: Vec<&Row> = frame.nodes.iter().filter(|r| r.stats.last.is_finite()).collect();
    rows.sort_by(|a, b| b.stats.last.total_cmp(&a.stats.last).then_with(|| a.node.cmp(&b.node)));
    let mean = rows.iter().map(|r| r.stats.last).sum::<f64>() / rows.len() as f64;
    let title = skew(say, frame, &rows, mean)?;
    let unit = frame.shown.unit;
    let figure = BarFigure {
        say,
        unit,
        bars: rows.iter().take(BARS_MAX).map(|r| bar(say, frame, r)).collect(),
        line: (rows.len() > 1).then(|| (mean, "mean".to_owned())),
    };
    let hidden = rows.len().saturating_sub(BARS_MAX);
    let subtitle = match rows.len() {
        1 => "latest number".to_owned(),
        _ => format!("latest number a node, and its change over the period · dashed: mean, {}", say.value(unit, mean)),
    };
    let changes = changes(say, frame, &rows);
    Some(Bars {
        id: format!("bar-{index}"),
        metric: frame.shown.name.clone(),
        sentence: format!("{title}. {changes} Bar chart, {subtitle}."),
        svg: svg::bars(&figure, Canvas::Fluid),
        more: if hidden > 0 {
            format!("{} with fewer are not drawn.", say.count(hidden, "node"))
        } else {
            String::new()
        },
        table: table(say, frame, &rows),
        changes,
        title,
        subtitle,
    })
}

fn bar(say: Numerals, frame: &Frame, row: &Row) -> Bar {
    let change = change(row);
    let note = if change == 0.0 || !change.is_finite() { String::new() } else { signed(say, frame, change) };
    Bar { name: row.node.to_string(), value: row.stats.last, note }
}

/// Latest minus earliest.
fn change(row: &Row) -> f64 {
    let first = row.avg.iter().copied().find(|v| v.is_finite()).unwrap_or(f64::NAN);
    row.stats.last - first
}

fn signed(say: Numerals, frame: &Frame, change: f64) -> String {
    let sign = if change > 0.0 { "+" } else { "" };
    format!("{sign}{}", say.value(frame.shown.unit, change))
}

fn skew(say: Numerals, frame: &Frame, rows: &[&Row], mean: f64) -> Option<String> {
    let (first, last) = (rows.first()?, rows.last()?);
    let (unit, name) = (frame.shown.unit, &frame.shown.title);
    let (most, least) = (say.value(unit, first.stats.last), say.value(unit, last.stats.last));
    Some(match rows.len() {
        1 => format!("{name}: {most} on {}", named(first.node.as_str())),
        n if first.stats.last == last.stats.last => format!("{name}: {most} on each of {}", say.count(n, "node")),
        _ if mean > 0.0 && first.stats.last > UNEVEN * mean => format!(
            "{name} are spread unevenly: {} has {most}, {} times the mean; {} has {least}",
            named(first.node.as_str()),
            say.plain((first.stats.last / mean * 100.0).round() / 100.0),
            named(last.node.as_str())
        ),
        _ => format!(
            "{name} are spread evenly: from {least} on {} to {most} on {}",
            named(last.node.as_str()),
            named(first.node.as_str())
        ),
    })
}

fn changes(say: Numerals, frame: &Frame, rows: &[&Row]) -> String {
    let mut moved: Vec<(&Row, f64)> =
        rows.iter().map(|r| (*r, change(r))).filter(|(_, c)| c.is_finite() && *c != 0.0).collect();
    if moved.is_empty() {
        return "No node's number changed over the period.".into();
    }
    moved.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.node.cmp(&b.0.node)));
    let names: Vec<String> =
        moved.iter().map(|(row, c)| format!("{}{NBSP}{}", named(row.node.as_str()), signed(say, frame, *c))).collect();
    format!("Changed over the period: {}.", say.capped(&names, 6))
}

fn table(say: Numerals, frame: &Frame, rows: &[&Row]) -> Table {
    let unit = frame.shown.unit;
    let hidden = rows.len().saturating_sub(BARS_MAX);
    Table {
        caption: format!("{} by node", frame.shown.title),
        head: vec!["Node", "Latest", "Change", "Lowest", "Highest"],
        rows: rows
            .iter()
            .take(BARS_MAX)
            .map(|r| {
                vec![
                    r.node.to_string(),
                    say.value(unit, r.stats.last),
                    signed(say, frame, change(r)),
                    say.value(unit, r.stats.min),
                    say.value(unit, r.stats.max),
                ]
            })
            .collect(),
        note: if hidden > 0 {
            format!("Not listed here: {} with fewer.", say.count(hidden, "node"))
        } else {
            String::new()
        },
    }
}
