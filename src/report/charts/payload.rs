use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::codec::page::{Packer, Scale};
use crate::model::catalogue::{Section, Worse};
use crate::model::{Language, NodeName, TimeRange, zone};
use crate::query::Grid;
use crate::query::frame::{Frame, Row};
use crate::report::budget::{Compared, Limits};
use crate::report::escape::json_in_script;
use crate::report::figure::{LineFigure, Shade};
use crate::report::model::{Cluster, Model, adds_up};
use crate::report::plots::{PlotKind, bar_stat};
use crate::report::svg::ValueScale;
use crate::report::view::{Course, Ghost, Shape, TILES, forecast_figure, incident_figure, load_frame};

use super::figures::{Arrays, bar_plot, heat_plot, line_plot};
use super::incidents::own_plot;

/// What the page's script reads: JSON, safe inside of a `<script>`, and packed columns in base64.
#[derive(Clone, Debug)]
pub(crate) struct PageData {
    pub json: String,
    pub columns: String,
}

#[derive(Serialize)]
struct Payload<'a> {
    v: u8,
    from: i64,
    to: i64,
    tz: &'static str,
    offsets: Vec<(i64, i64)>,
    /// Where numbers and dates are not written as in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<LanguageOut>,
    grid: GridOut,
    /// What charts shade: name and stretches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shades: Vec<ShadeOut<'a>>,
    nodes: Vec<&'a str>,
    metrics: Vec<Metric<'a>>,
    charts: Vec<ChartOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<BeforeOut>,
}

/// How the page's script writes numbers and dates.
#[derive(Serialize)]
struct LanguageOut {
    name: &'static str,
    decimal: char,
    group: char,
    grouped_from: usize,
    months: [&'static str; 12],
    /// From Sunday on, as d3 has them.
    days: [&'static str; 7],
    day_month: &'static str,
    weekday_date: &'static str,
    month: &'static str,
}

impl LanguageOut {
    fn of(language: Language) -> LanguageOut {
        let (signs, calendar) = (language.signs(), language.calendar());
        let mut days = calendar.days;
        days.rotate_right(1);
        LanguageOut {
            name: language.name(),
            decimal: signs.decimal,
            group: signs.group,
            grouped_from: signs.grouped_from,
            months: calendar.months,
            days,
            day_month: calendar.day_month,
            weekday_date: calendar.weekday_date,
            month: calendar.month,
        }
    }
}

/// The other period; its columns lie on the grid, `shift` later than they were.
#[derive(Serialize)]
struct BeforeOut {
    from: i64,
    to: i64,
    shift: i64,
}

#[derive(Serialize)]
struct GridOut {
    start: i64,
    step: i64,
    len: usize,
}

#[derive(Serialize)]
struct ShadeOut<'a> {
    name: &'a str,
    ranges: Vec<(i64, i64)>,
}

#[derive(Serialize)]
struct Metric<'a> {
    name: &'a str,
    title: &'a str,
    unit: &'static str,
    section: &'static str,
    worse: &'static str,
    capacity: Option<f64>,
    agg: &'static str,
    /// What all nodes do together: their mean, the smallest and the largest.
    all: AllOut,
    /// The other period of what a chart folds, by part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    folds_before: BTreeMap<&'a str, u32>,
    rows: Vec<RowOut<'a>>,
}

#[derive(Serialize)]
struct AllOut {
    avg: u32,
    min: u32,
    max: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u32>,
}

#[derive(Serialize)]
struct RowOut<'a> {
    node: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    part: &'a str,
    avg: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u32>,
    /// So many rows: of one node after the other, each in the column after the one before.
    #[serde(skip_serializing_if = "is_one")]
    run: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(run: &usize) -> bool {
    *run == 1
}

/// Rows in a run that are told as one: a thousand nodes are not named one by one by every metric.
const RUN_MIN: usize = 32;

/// With runs told as one row.
fn in_runs(rows: Vec<RowOut<'_>>) -> Vec<RowOut<'_>> {
    let is_plain = |row: &RowOut| row.part.is_empty() && (row.min, row.max, row.before) == (None, None, None);
    let is_next = |a: &RowOut, b: &RowOut| (b.node, b.avg) == (a.node + 1, a.avg + 1);
    let runs = rows.chunk_by(|a, b| is_plain(a) && is_plain(b) && is_next(a, b)).map(<[RowOut]>::len);
    let runs: Vec<usize> = runs.flat_map(|run| if run < RUN_MIN { vec![1; run] } else { vec![run] }).collect();
    let mut rows = rows.into_iter();
    let told = |run: usize| {
        let mut some = rows.by_ref().take(run);
        let first = some.next()?;
        some.for_each(drop);
        Some(RowOut { run, ..first })
    };
    runs.into_iter().filter_map(told).collect()
}

#[derive(Serialize)]
struct ChartOut {
    id: String,
    kind: &'static str,
    /// Number of the metric; none for a chart with lines of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<usize>,
    bridge: usize,
    figure: Value,
    /// Of a chart with lines of its own: the grid they are on, which is also what its time axis shows, and their unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<GridOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

impl PageData {
    pub fn of(model: &Model) -> PageData {
        let mut packer = Packer::new();
        let nodes: Vec<&NodeName> = {
            let coverage = model.coverage.iter().map(|c| &c.node);
            let mut all: Vec<&NodeName> =
                coverage.chain(model.frames.iter().flat_map(|f| f.nodes.iter().map(|r| &r.node))).collect();
            all.sort();
            all.dedup();
            all
        };
        let places: BTreeMap<&NodeName, usize> = nodes.iter().enumerate().map(|(i, n)| (*n, i)).collect();
        let range = model.options.range;
        let metrics: Vec<Metric> = (0..model.frames.len()).map(|i| metric(&mut packer, model, i, &places)).collect();
        let has_runs = metrics.iter().flat_map(|metric| &metric.rows).any(|row| row.run > 1);
        let payload = Payload {
            // 2: some rows are told as runs.
            v: if has_runs { 2 } else { 1 },
            from: range.from().millis(),
            to: range.to().millis(),
            tz: model.options.timezone.name(),
            offsets: offsets(model),
            language: Some(model.options.language)
                .filter(|language| *language != Language::default())
                .map(LanguageOut::of),
            grid: GridOut { start: model.grid.start.millis(), step: model.grid.step_ms, len: model.grid.len },
            shades: model.shades.iter().map(shade).collect(),
            nodes: nodes.iter().map(|n| n.as_str()).collect(),
            metrics,
            charts: charts(model).into_iter().chain(own_charts(&mut packer, model)).collect(),
            before: model.before.as_ref().map(|before| BeforeOut {
                from: before.range.from().millis(),
                to: before.range.to().millis(),
                shift: before.shift_ms,
            }),
        };
        // Numbers, texts and lists only: this cannot fail.
        let json = serde_json::to_string(&payload).unwrap_or_default();
        PageData { json: json_in_script(&json), columns: STANDARD.encode(packer.finish()) }
    }
}

fn shade(shade: &Shade) -> ShadeOut<'_> {
    let ranges = shade.stretches.as_slice().iter().map(|r| (r.from().millis(), r.to().millis()));
    ShadeOut { name: &shade.name, ranges: ranges.collect() }
}

fn metric<'a>(packer: &mut Packer, model: &'a Model, index: usize, places: &BTreeMap<&NodeName, usize>) -> Metric<'a> {
    let (frame, resolution) = (&model.frames[index], model.resolution);
    let rows: Vec<&Row> = frame.nodes.iter().chain(&frame.parts).collect();
    let with_limits: Vec<bool> = match resolution.limits {
        Limits::All => vec![true; rows.len()],
        Limits::Notable => {
            let drawn = Shape::of(model.numerals(), frame).drawn(frame);
            (0..rows.len()).map(|row| drawn.contains(&row)).collect()
        }
    };
    let columns = columns(packer, &rows, &with_limits, resolution.bits);
    let Past { rows: before_of_rows, all: before_of_all, folds: folds_before } = before(packer, model, index, &rows);
    let row = |((r, columns), before): ((&&'a Row, RowColumns), Option<u32>)| RowOut {
        node: places.get(&r.node).copied().unwrap_or(0),
        part: &r.part,
        avg: columns.avg,
        min: columns.limits.map(|(min, _)| min),
        max: columns.limits.map(|(_, max)| max),
        before,
        run: 1,
    };
    let shown = &frame.shown;
    Metric {
        name: &shown.name,
        title: &shown.title,
        unit: shown.unit.as_str(),
        section: section(shown.section),
        worse: match shown.worse {
            Worse::High => "up",
            Worse::Low => "down",
            Worse::Neither => "none",
        },
        capacity: shown.capacity,
        agg: if adds_up(frame) { "sum" } else { "avg" },
        all: AllOut { before: before_of_all, ..all(packer, frame, resolution.bits) },
        folds_before,
        rows: in_runs(rows.iter().zip(columns).zip(before_of_rows).map(row).collect()),
    }
}

/// Where the values of a row are.
#[derive(Clone, Copy)]
struct RowColumns {
    avg: u32,
    limits: Option<(u32, u32)>,
}

/// Packs the rows: first those with limits, which lie beside their means, then the others; all on one scale.
fn columns(packer: &mut Packer, rows: &[&Row], with_limits: &[bool], bits: u8) -> Vec<RowColumns> {
    let place = |i: usize, limits: bool| with_limits[i] == limits;
    let these = |limits: bool| (0..rows.len()).filter(move |i| place(*i, limits));
    let values = these(true).flat_map(|i| [&rows[i].min, &rows[i].max]).chain(rows.iter().map(|r| &r.avg));
    let scale = Scale::of(values.flatten(), bits);
    let mut found = vec![RowColumns { avg: 0, limits: None }; rows.len()];
    if these(true).next().is_some() {
        let base = packer.add(scale, these(true).map(|i| rows[i].avg.as_slice()));
        let min = packer.add_below(base, these(true).map(|i| rows[i].min.as_slice()));
        let max = packer.add_above(base, these(true).map(|i| rows[i].max.as_slice()));
        for (n, i) in these(true).enumerate() {
            let n = n as u32;
            found[i] = RowColumns { avg: base.first + n, limits: Some((min + n, max + n)) };
        }
    }
    if these(false).next().is_some() {
        let base = packer.add(scale, these(false).map(|i| rows[i].avg.as_slice()));
        for (n, i) in these(false).enumerate() {
            found[i].avg = base.first + n as u32;
        }
    }
    found
}

fn all(packer: &mut Packer, frame: &Frame, bits: u8) -> AllOut {
    let cluster = Cluster::of(&frame.nodes, frame.grid.len);
    let columns = [&cluster.mean, &cluster.lo, &cluster.hi];
    let base = packer.add(Scale::of(columns.into_iter().flatten(), bits), columns.map(Vec::as_slice));
    AllOut { avg: base.first, min: base.first + 1, max: base.first + 2, before: None }
}

/// Columns of the other period.
struct Past<'a> {
    rows: Vec<Option<u32>>,
    all: Option<u32>,
    folds: BTreeMap<&'a str, u32>,
}

/// Packs the other period: of the rows, of all nodes together and of what the chart folds, where it is there and the resolution has it.
fn before<'a>(packer: &mut Packer, model: &'a Model, index: usize, rows: &[&Row]) -> Past<'a> {
    let mut past = Past { rows: vec![None; rows.len()], all: None, folds: BTreeMap::new() };
    let Some(before) = &model.before else { return past };
    let frame = &model.frames[index];
    let shape = Shape::of(model.numerals(), frame);
    let drawn = Ghost::of(model, index, frame, &shape);
    let has_tile = TILES.iter().any(|tile| tile.metric == frame.shown.name);
    let every = match model.resolution.compared {
        Compared::All => true,
        Compared::Tiles => has_tile,
        Compared::Drawn => false,
    };
    let wanted = |row: usize| (every && row < frame.nodes.len()) || drawn.contains(&Ghost::Row(row));
    let of_row = |row: usize| Ghost::Row(row).values(before, index, frame).filter(|_| wanted(row));
    let lines: Vec<(usize, &[f64])> = (0..rows.len()).filter_map(|row| Some((row, of_row(row)?))).collect();
    let all = Ghost::All.values(before, index, frame);
    let is_drawn = |part: &str| drawn.contains(&Ghost::Fold(part));
    let folds: Vec<(&str, &[f64])> = match before.folds.get(index) {
        Some(folds) => {
            folds.iter().filter(|(p, _)| is_drawn(p)).map(|(p, line)| (p.as_str(), line.as_slice())).collect()
        }
        None => Vec::new(),
    };
    let values = || lines.iter().map(|(_, line)| *line).chain(all).chain(folds.iter().map(|(_, line)| *line));
    if values().next().is_none() {
        return past;
    }
    let base = packer.add(Scale::of(values().flatten(), model.resolution.bits), values());
    let mut columns = base.first..;
    let mut next = || columns.next().unwrap_or(u32::MAX);
    lines.iter().for_each(|(row, _)| past.rows[*row] = Some(next()));
    past.all = all.map(|_| next());
    past.folds = folds.iter().map(|(part, _)| (*part, next())).collect();
    past
}

fn section(section: Section) -> &'static str {
    match section {
        Section::Resources => "resources",
        Section::Io => "io",
        Section::Partitions => "partitions",
        Section::Other => "other",
        Section::Own => "own",
    }
}

fn charts(model: &Model) -> Vec<ChartOut> {
    let mut charts = Vec::new();
    for (i, frame) in model.frames.iter().enumerate() {
        let own = model.plots.iter().find(|plot| plot.frame == Some(i)).map(|plot| plot.options.kind);
        if own.is_none_or(|kind| kind == PlotKind::Line) {
            let cluster = Cluster::of(&frame.nodes, frame.grid.len);
            let bridge = model.bridge_all(&cluster.mean);
            charts.push(ChartOut { bridge, ..chart("line", i, &line_plot(model, i, frame, Arrays::Packed)) });
        }
        if frame.shown.section == Section::Partitions {
            charts.push(chart("bar", i, &bar_plot(i, "last")));
        }
        if own == Some(PlotKind::Bar) {
            charts.push(chart("bar", i, &bar_plot(i, bar_stat(frame.shown.fold))));
        }
        if own == Some(PlotKind::Heatmap) {
            charts.push(heatmap(model, i, frame));
        }
    }
    charts.extend(load_frame(model).map(|(i, frame)| heatmap(model, i, frame)));
    charts
}

/// Charts with lines of their own.
fn own_charts(packer: &mut Packer, model: &Model) -> Vec<ChartOut> {
    let mut charts = Vec::new();
    let mut add = |id: String, drawn: &LineFigure<'_>| {
        let plot = own_plot(packer, drawn, model.resolution.bits);
        let Grid { start, step_ms: step, len } = drawn.grid;
        charts.push(ChartOut {
            id,
            kind: "line",
            metric: None,
            bridge: drawn.lines.first().map_or(0, |line| line.bridge),
            figure: figure(&plot),
            grid: Some(GridOut { start: start.millis(), step, len }),
            unit: Some(drawn.unit.as_str()),
        });
    };
    for (n, one) in model.incidents().into_iter().enumerate() {
        add(format!("incident-{n}"), &incident_figure(model, one));
    }
    for (n, one) in model.forecasts().into_iter().enumerate() {
        if let Some(course) = Course::of(model, one) {
            add(format!("forecast-{n}"), &forecast_figure(model, one, &course));
        }
    }
    charts
}

fn chart(kind: &'static str, metric: usize, plot: &plotly::Plot) -> ChartOut {
    let id = format!("{kind}-{metric}");
    ChartOut { id, kind, metric: Some(metric), bridge: 0, figure: figure(plot), grid: None, unit: None }
}

fn heatmap(model: &Model, metric: usize, frame: &Frame) -> ChartOut {
    let numbers = || frame.nodes.iter().flat_map(|r| &r.avg).copied().filter(|v| v.is_finite());
    let (min, max) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
    let axis = ValueScale::new(frame.shown.unit, min, max, frame.shown.capacity);
    chart("heatmap", metric, &heat_plot(model, metric, (axis.lo, axis.hi)))
}

/// `data` and `layout`; how plotly behaves is the page's business.
fn figure(plot: &plotly::Plot) -> Value {
    let mut figure = serde_json::to_value(plot).unwrap_or_default();
    if let Some(object) = figure.as_object_mut() {
        object.retain(|key, _| key == "data" || key == "layout");
    }
    figure
}

/// From which moment on which offset of the zone holds, over the range.
fn offsets(model: &Model) -> Vec<(i64, i64)> {
    let domain = model.domain();
    let from = domain.from().min(model.grid.start);
    let shown = TimeRange::new(from, domain.to()).unwrap_or(domain);
    zone::offsets(model.options.timezone, shown).into_iter().map(|(part, ms)| (part.from().millis(), ms)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_as_runs_and_none_is_lost() {
        let plain = |node: usize, avg: u32| RowOut { node, part: "", avg, min: None, max: None, before: None, run: 1 };
        let drawn = |node, avg| RowOut { min: Some(1), max: Some(2), ..plain(node, avg) };
        let rows = |from: usize, count: usize, avg: u32| (0..count).map(move |i| plain(from + i, avg + i as u32));
        let all: Vec<RowOut> = rows(0, 40, 7)
            .chain([drawn(40, 3)])
            .chain(rows(41, 9, 47))
            .chain(rows(60, 33, 56))
            .chain(rows(93, 32, 200))
            .collect();
        let places = |rows: &[RowOut]| {
            rows.iter().flat_map(|row| (0..row.run).map(|i| (row.node + i, row.avg as usize + i))).collect::<Vec<_>>()
        };
        let wanted = places(&all);
        let told = in_runs(all);
        assert_eq!(places(&told), wanted);
        assert_eq!(told.iter().filter(|row| row.run > 1).map(|row| row.run).collect::<Vec<_>>(), [40, 33, 32]);
        assert!(told.iter().all(|row| row.run == 1 || row.min.is_none()));
    }
}
