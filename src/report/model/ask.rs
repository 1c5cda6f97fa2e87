use crate::model::catalogue::Section;
use crate::model::{Selector, Series, TimeRange};
use crate::query::frame::{Coverage, Frame, Shown, coverage, load, plan};
use crate::query::{Grid, Source};

use super::{Model, Totals};
use crate::report::error::ReportError;
use crate::report::format::Clock;
use crate::report::options::{BUCKETS_MAX, OTHER_CHARTS_MAX, ReportOptions};
use crate::report::view::TILES;

/// Widths of buckets that people can name, in seconds.
const STEPS: [i64; 22] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    604_800, 2_592_000,
];

/// Asks the source for everything a report shows.
pub(crate) fn ask(source: &dyn Source, options: &ReportOptions) -> Result<Model, ReportError> {
    let mut model = prepare(source, options)?;
    let series = source.series(&Selector::all())?;
    let planned = plan(&series, &options.selector);
    let (known, other): (Vec<Shown>, Vec<Shown>) = planned.into_iter().partition(|s| s.section != Section::Other);
    for shown in known.iter().chain(other.iter().take(OTHER_CHARTS_MAX)) {
        add(&mut model, source, shown)?;
    }
    model.unshown = other.iter().skip(OTHER_CHARTS_MAX).map(|s| (s.name.clone(), s.nodes.len())).collect();
    if model.frames.is_empty() {
        return Err(ReportError::NoData { range: options.range });
    }
    model.before = before(source, &model)?;
    Ok(model)
}

/// Asks for a few metrics only, by name or glob.
pub(crate) fn ask_for(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<Model, ReportError> {
    let no_match = || ReportError::NoSuchMetric { wanted: metrics.to_vec() };
    let wanted = Selector::parse::<String>(&[], metrics, &[]).map_err(|_| no_match())?;
    let mut model = prepare(source, options)?;
    let planned = plan(&source.series(&Selector::all())?, &options.selector);
    let planned: Vec<Shown> = planned.into_iter().filter(|s| wanted.matches_metric(&s.name)).collect();
    if planned.is_empty() {
        return Err(no_match());
    }
    for shown in &planned {
        add(&mut model, source, shown)?;
    }
    if model.frames.is_empty() {
        return Err(ReportError::NoData { range: options.range });
    }
    Ok(model)
}

fn prepare(source: &dyn Source, options: &ReportOptions) -> Result<Model, ReportError> {
    let range = options.range;
    let series = nodes_of(source.series(&Selector::all())?, &options.selector);
    if series.is_empty() || source.span()?.and_then(|data| data.intersect(range)).is_none() {
        return Err(ReportError::NoData { range });
    }
    let coverage = coverage(source, &series, range)?;
    let step_min = source.finest_step_ms(range)?;
    Ok(Model {
        options: options.clone(),
        clock: Clock::new(options.timezone, range),
        grid: Grid::covering(range, step_ms(range, &coverage, step_min)),
        frames: Vec::new(),
        before: None,
        unshown: Vec::new(),
        coverage,
        events: source.annotations(range)?,
        origin: source.origin(),
        series: series.len(),
    })
}

/// The series of the selected nodes, whatever their metrics: a derived metric is selected by a name that no series has.
fn nodes_of(series: Vec<Series>, selector: &Selector) -> Vec<Series> {
    series.into_iter().filter(|s| selector.matches_but_for_metric(&s.key)).collect()
}

fn add(model: &mut Model, source: &dyn Source, shown: &Shown) -> Result<(), ReportError> {
    let frame = load(source, shown, model.options.range, model.grid)?;
    if has_data(&frame) {
        model.frames.push(frame);
    }
    Ok(())
}

fn has_data(frame: &Frame) -> bool {
    frame.nodes.iter().any(|row| row.avg.iter().any(|v| v.is_finite()))
}

/// Totals of the tiles over the period before, where it was recorded from its start on.
fn before(source: &dyn Source, model: &Model) -> Result<Option<Vec<(String, Totals)>>, ReportError> {
    let range = model.options.range.previous();
    let Some(span) = source.span()? else { return Ok(None) };
    // A tenth may be missing: a weekly report is rarely first made to the minute.
    if range.is_empty() || span.from().millis() > range.from().millis() + range.millis() / 10 {
        return Ok(None);
    }
    let grid = Grid::covering(range, model.grid.step_ms);
    let mut totals = Vec::new();
    for frame in model.frames.iter().filter(|f| TILES.iter().any(|t| t.metric == f.shown.name)) {
        if let Some(found) = Totals::of(&load(source, &frame.shown, range, grid)?) {
            totals.push((frame.shown.name.clone(), found));
        }
    }
    Ok(Some(totals))
}

/// The finest step that people can name, that gives no more than [`BUCKETS_MAX`] buckets and is no finer than the sampling.
fn step_ms(range: TimeRange, coverage: &[Coverage], step_min: i64) -> i64 {
    let mut intervals: Vec<i64> = coverage.iter().map(|c| c.interval_ms).collect();
    intervals.sort_unstable();
    let interval = intervals.get(intervals.len() / 2).copied().unwrap_or(0);
    // A tenth less than the interval still is the interval: samplers are late by some milliseconds.
    let least = (range.millis() / BUCKETS_MAX as i64).max(interval - interval / 10).max(step_min);
    let week = 604_800_000;
    STEPS.into_iter().map(|s| s * 1000).find(|step| *step >= least).unwrap_or_else(|| (least + week - 1) / week * week)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn steps_are_coarse_enough_for_the_screen_and_for_the_sampling() {
        let range =
            |seconds: i64| TimeRange::new(Timestamp::from_millis(0), Timestamp::from_millis(seconds * 1000)).unwrap();
        assert_eq!(step_ms(range(30), &[], 1), 1_000);
        assert_eq!(step_ms(range(86_400), &[], 1), 300_000);
        assert_eq!(step_ms(range(7 * 86_400), &[], 1), 1_800_000);
        assert_eq!(step_ms(range(7 * 86_400), &[], 3_600_000), 3_600_000);
        assert_eq!(step_ms(range(0), &[], 1), 1_000);
        let centuries = step_ms(range(8000 * 365 * 86_400), &[], 1);
        assert!(Grid::covering(range(8000 * 365 * 86_400), centuries).len <= BUCKETS_MAX + 1);
    }
}
