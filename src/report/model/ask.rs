use std::collections::{BTreeMap, BTreeSet};

use crate::analyse::{Examined, FindingKind, examine_closely, rank};
use crate::model::catalogue::{Catalogue, Section, Unit};
use crate::model::{Annotation, Selector, Series, SeriesId, SeriesKey, TimeRange};
use crate::query::frame::{Coverage, Frame, Made, Shown, ShownPart, ahead, coverage, load, offered, own, plan};
use crate::query::{Ahead, Grid, Source};

use super::before::Earlier;
use super::charted::found_charts;
use super::limits::own_limits;
use super::{Model, OwnPlot, ShownAs};
use crate::report::budget::{Contents, Resolution, choices};
use crate::report::error::ReportError;
use crate::report::figure::Shade;
use crate::report::format::{Clock, unit_name};
use crate::report::metrics::dressed;
use crate::report::options::{Compare, OTHER_CHARTS_MAX, ReportOptions, SHADES_MAX};
use crate::report::plots::PlotOptions;
use crate::report::view::TILES;

/// Widths of buckets that people can name, in seconds.
const STEPS: [i64; 22] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    604_800, 2_592_000,
];

/// What a report asks for: known before its data is.
pub(crate) struct Question<'a> {
    options: ReportOptions,
    coverage: Vec<Coverage>,
    /// What the source can tell apart at best.
    step_min: i64,
    series: usize,
    shown: Vec<Shown>,
    unshown: Vec<(String, usize)>,
    examined: Examined,
    shown_as: BTreeMap<SeriesKey, ShownAs>,
    /// The period that it is compared with.
    earlier: Option<Earlier<'a>>,
    /// Plots of one's own, with their metrics where there are such series.
    own: Vec<Wished>,
}

/// A plot of one's own, with its metric where there are such series, and the names of those.
pub(super) struct Wished {
    options: PlotOptions,
    pub(super) shown: Option<Shown>,
    stored: Vec<String>,
}

/// Which metrics are asked for.
struct Wanted {
    shown: Vec<Shown>,
    unshown: Vec<(String, usize)>,
    own: Vec<Wished>,
}

impl<'a> Question<'a> {
    /// Everything of the range; compared with a period of the same source, or of `against`.
    pub fn of(
        source: &'a dyn Source,
        against: Option<&'a dyn Source>,
        options: &ReportOptions,
    ) -> Result<Question<'a>, ReportError> {
        let series = source.series(&Selector::all())?;
        let planned = dressed(plan(source.catalogue(), &series, &options.selector), &options.metrics);
        let (mut shown, other): (Vec<Shown>, Vec<Shown>) =
            planned.into_iter().partition(|s| s.section != Section::Other);
        let unshown = other.iter().skip(OTHER_CHARTS_MAX).map(named).collect();
        // What has no chart has findings all the same, and their queries.
        let shown_as = shown_as(&series, shown.iter().chain(&other));
        shown.extend(other.into_iter().take(OTHER_CHARTS_MAX));
        let own = options.plots.iter().map(|plot| own_plot(source.catalogue(), &series, options, plot)).collect();
        let question = Question::about(source, options, series, Wanted { shown, unshown, own })?;
        let earlier = Earlier::of(against.unwrap_or(source), against.is_some(), options, &question.coverage)?;
        Ok(Question { shown_as, earlier, ..question })
    }

    /// Has the analyses made that the options ask for. What has changed against the period before is told once: by the section that compares with it.
    pub fn examine(&mut self, source: &dyn Source, options: &ReportOptions) -> Result<(), ReportError> {
        let ReportOptions { selector, range, analysis, .. } = options;
        let is_compared = self.earlier.is_some() || options.compare == Compare::Nothing;
        let kinds: Vec<FindingKind> =
            options.kinds.iter().copied().filter(|kind| *kind != FindingKind::Compare || !is_compared).collect();
        self.examined = examine_closely(source, selector, *range, &kinds, analysis)?;
        Ok(())
    }

    /// How many charts there will be of what [`Question::examine`] has found.
    pub fn found(&self) -> usize {
        found_charts(&self.examined, &self.options.sections)
    }

    /// What [`Question::model`] will ask for.
    pub fn ahead(&self, resolution: Resolution) -> Ahead {
        let (shown, _) = self.shown_at(resolution);
        ahead(shown.iter().chain(self.own_shown()), self.options.range, self.grid(resolution))
    }

    fn own_shown(&self) -> impl Iterator<Item = &Shown> {
        self.own.iter().filter_map(|one| one.shown.as_ref())
    }

    /// The metrics that a resolution has room for, and those that it has not: some of no known kind, which come last.
    fn shown_at(&self, resolution: Resolution) -> (&[Shown], &[Shown]) {
        let known = self.shown.partition_point(|shown| shown.section != Section::Other);
        self.shown.split_at(known.saturating_add(resolution.others).min(self.shown.len()))
    }

    fn grid(&self, resolution: Resolution) -> Grid {
        let range = self.options.range;
        Grid::covering(range, step_ms(range, &self.coverage, self.step_min, resolution.buckets))
    }

    fn about(
        source: &dyn Source,
        options: &ReportOptions,
        series: Vec<Series>,
        wanted: Wanted,
    ) -> Result<Question<'a>, ReportError> {
        let range = options.range;
        let series = nodes_of(series, &options.selector);
        if series.is_empty() || source.span()?.and_then(|data| data.intersect(range)).is_none() {
            return Err(ReportError::NoData { range });
        }
        let coverage = coverage(source, &series, range)?;
        let step_min = source.finest_step_ms(range)?;
        let Wanted { shown, unshown, own } = wanted;
        let mut options = options.clone();
        options.analysis.thresholds.extend(own.iter().map(|one| (one.options.metric(), one.options.threshold)));
        Ok(Question {
            options,
            coverage,
            step_min,
            series: series.len(),
            shown,
            unshown,
            own,
            examined: Examined::default(),
            shown_as: BTreeMap::new(),
            earlier: None,
        })
    }

    /// How much there is to carry, with so many charts of what is found.
    pub fn contents(&self, found: usize) -> Contents {
        let parts = |shown: &Shown| -> usize {
            shown.nodes.iter().map(|node| 1 + if node.parts.len() > 1 { node.parts.len() } else { 0 }).sum()
        };
        let compared = |wanted: &dyn Fn(&Shown) -> bool| -> usize {
            let shown = self.shown.iter().filter(|shown| self.earlier.is_some() && wanted(shown));
            shown.map(|shown| shown.nodes.len()).sum()
        };
        let rows_of =
            |other: bool| self.shown.iter().filter(move |s| (s.section == Section::Other) == other).map(parts);
        Contents {
            others: rows_of(true).count(),
            other_rows: rows_of(true).sum(),
            compared: compared(&|_| true),
            compared_in_tiles: compared(&|shown| TILES.iter().any(|tile| tile.metric == shown.name)),
            nodes: self.coverage.len(),
            metrics: self.shown.len() + self.own.len(),
            found,
            rows: rows_of(true).chain(rows_of(false)).chain(self.own_shown().map(parts)).sum(),
            buckets_max: Grid::covering(
                self.options.range,
                step_ms(self.options.range, &self.coverage, self.step_min, usize::MAX),
            )
            .len,
            interactive: self.options.interactive,
        }
    }

    /// Asks for the data.
    pub fn model(&self, source: &dyn Source, resolution: Resolution) -> Result<Model, ReportError> {
        let range = self.options.range;
        let grid = self.grid(resolution);
        let mut frames = Vec::new();
        let (shown, unshown) = self.shown_at(resolution);
        for shown in shown {
            let frame = load(source, shown, range, grid)?;
            if has_data(&frame) {
                frames.push(frame);
            }
        }
        let mut plots = Vec::new();
        tell_apart(&mut frames);
        for Wished { options, shown, stored } in &self.own {
            let frame = shown.as_ref().map(|shown| load(source, shown, range, grid)).transpose()?.filter(has_data);
            let place = frame.is_some().then_some(frames.len());
            plots.push(OwnPlot { options: options.clone(), frame: place, stored: stored.clone() });
            frames.extend(frame);
        }
        if frames.is_empty() {
            return Err(match self.options.masks.leave_out() {
                true => ReportError::LeftOut { range },
                false => ReportError::NoData { range },
            });
        }
        let mut events = source.annotations(range)?;
        // What concerns none of the nodes of the report is not its business.
        events.retain(|event| self.coverage.iter().any(|c| event.concerns(c.node.as_str())));
        let mut examined = self.examined.clone();
        examined.findings.all.extend(own_limits(&frames, &plots, &self.options));
        rank(&mut examined.findings.all);
        let mut model = Model {
            options: self.options.clone(),
            clock: Clock::new(self.options.timezone, range, self.options.language),
            grid,
            resolution,
            frames,
            before: None,
            unshown: unshown.iter().map(named).chain(self.unshown.iter().cloned()).collect(),
            coverage: self.coverage.clone(),
            plots,
            shades: shades(&self.options, &events),
            left_out_ms: left_out_ms(source, &self.options, &self.coverage),
            events,
            origin: source.origin(),
            series: self.series,
            examined,
            shown_as: self.shown_as.clone(),
        };
        if let Some(earlier) = &self.earlier {
            model.before = earlier.load(&model.options, &model.frames, grid)?;
        }
        // Last of all: it tells of the questions before.
        model.origin = source.origin();
        Ok(model)
    }
}

/// Which shown metric each stored series is part of: the first one that uses it.
fn shown_as<'s>(series: &[Series], shown: impl DoubleEndedIterator<Item = &'s Shown>) -> BTreeMap<SeriesKey, ShownAs> {
    let by_id: BTreeMap<SeriesId, &Series> = series.iter().map(|s| (s.id, s)).collect();
    let of_part = |shown: &Shown, part: &ShownPart| {
        let mut used: BTreeMap<SeriesId, Vec<usize>> = BTreeMap::new();
        for (input, ids) in part.inputs.iter().enumerate() {
            ids.iter().for_each(|id| used.entry(*id).or_default().push(input));
        }
        let shown_as = |s: &Series, inputs: Vec<usize>| ShownAs {
            inputs,
            metric: shown.name.clone(),
            part: part.name.clone(),
            title: if part.made == Made::Sum { s.key.metric.to_string() } else { shown.title.clone() },
            made: part.made,
            kind: s.kind,
        };
        let used = used.into_iter().filter_map(|(id, inputs)| Some((by_id.get(&id).copied()?, inputs)));
        used.map(|(s, inputs)| (s.key.clone(), shown_as(s, inputs))).collect::<Vec<_>>()
    };
    let of_shown = |shown: &Shown| {
        let parts = shown.nodes.iter().flat_map(|node| &node.parts);
        parts.flat_map(|part| of_part(shown, part)).collect::<Vec<_>>()
    };
    shown.rev().flat_map(of_shown).collect()
}

/// Asks for a few metrics only, by name or glob.
pub(crate) fn ask_for(source: &dyn Source, metrics: &[String], options: &ReportOptions) -> Result<Model, ReportError> {
    let no_match = |there: &[Shown]| no_such_metric(metrics, there);
    let wanted = Selector::parse::<String>(&[], metrics, &[]).map_err(|_| no_match(&[]))?;
    let series = source.series(&Selector::all())?;
    let planned = plan(source.catalogue(), &series, &options.selector);
    let planned = dressed(planned.into_iter().chain(offered(&series, &options.selector)).collect(), &options.metrics);
    let shown: Vec<Shown> = planned.iter().filter(|s| wanted.matches_metric(&s.name)).cloned().collect();
    // A plot of one's own is meant by its title.
    let titled = options.plots.iter().filter(|plot| metrics.contains(&plot.own.name));
    let own: Vec<Wished> = titled
        .map(|plot| own_plot(source.catalogue(), &series, options, plot))
        .filter(|one| one.shown.is_some())
        .collect();
    if shown.is_empty() && own.is_empty() {
        return Err(no_match(&planned));
    }
    let options = &ReportOptions { compare: Compare::Nothing, ..options.clone() };
    let question = Question::about(source, options, series, Wanted { shown, unshown: Vec::new(), own })?;
    let finest = choices(&question.contents(0), options.max_bytes)[0];
    question.model(source, Resolution { others: usize::MAX, ..finest })
}

/// A metric that is told by its name, and by how many nodes have it.
fn named(shown: &Shown) -> (String, usize) {
    (shown.name.clone(), shown.nodes.len())
}

/// That nothing is called so, and what is: names that have the word in them first, then those that are written alike.
pub(crate) fn no_such_metric(wanted: &[String], there: &[Shown]) -> ReportError {
    const NEAR_MAX: usize = 5;
    let words: Vec<String> =
        wanted.iter().map(|glob| glob.trim_matches(['*', '?', '!']).to_lowercase()).filter(|w| !w.is_empty()).collect();
    let distance = |name: &str| {
        let to = |word: &String| {
            if name.to_lowercase().contains(word.as_str()) { 0.0 } else { 1.0 - strsim::jaro_winkler(name, word) }
        };
        words.iter().map(to).fold(1.0, f64::min)
    };
    let mut names: Vec<(f64, &str)> = there.iter().map(|s| (distance(&s.name), s.name.as_str())).collect();
    let all = names.len();
    names.sort_by(|a, b| a.0.total_cmp(&b.0)); // stable: known ones stay before others
    let near = names.into_iter().take(NEAR_MAX).map(|(_, name)| name.to_owned()).collect();
    ReportError::NoSuchMetric { wanted: wanted.to_vec(), near, all }
}

/// The metric of a plot of one's own, where there are such series.
pub(super) fn own_plot(
    catalogue: &Catalogue,
    series: &[Series],
    options: &ReportOptions,
    plot: &PlotOptions,
) -> Wished {
    let shown = own(catalogue, series, &options.selector, &plot.own).map(|shown| plot.dressed(shown));
    let used: BTreeSet<SeriesId> =
        shown.iter().flat_map(|shown| &shown.nodes).flat_map(|node| node.series().collect::<Vec<_>>()).collect();
    let names = series.iter().filter(|s| used.contains(&s.id)).map(|s| s.key.metric.to_string());
    let stored: BTreeSet<String> = names.collect();
    Wished { options: plot.clone(), shown, stored: stored.into_iter().collect() }
}

/// What charts shade; nothing where it is too much to be told apart.
fn shades(options: &ReportOptions, events: &[Annotation]) -> Vec<Shade> {
    let shaded = options.masks.shaded(events, options.range);
    if shaded.iter().map(|(_, stretches)| stretches.as_slice().len()).sum::<usize>() > SHADES_MAX {
        return Vec::new();
    }
    shaded.into_iter().map(|(mask, stretches)| Shade { name: mask.name.clone(), stretches }).collect()
}

/// The least and the most that is left out of a node.
fn left_out_ms(source: &dyn Source, options: &ReportOptions, coverage: &[Coverage]) -> Option<(i64, i64)> {
    let of_node = |c: &Coverage| source.left_out(&c.node, options.range).millis();
    let all: Vec<i64> = coverage.iter().filter(|_| options.masks.leave_out()).map(of_node).collect();
    Some((*all.iter().min()?, *all.iter().max()?))
}

/// Metrics of one title get their unit into it: memory used in percent and in bytes.
fn tell_apart(frames: &mut [Frame]) {
    let titles: Vec<String> = frames.iter().map(|f| f.shown.title.clone()).collect();
    for frame in frames.iter_mut() {
        let alike = titles.iter().filter(|title| **title == frame.shown.title).count();
        if alike > 1 && frame.shown.unit != Unit::Percent {
            frame.shown.title = format!("{}, {}", frame.shown.title, unit_name(frame.shown.unit));
        }
    }
}

/// The series of the selected nodes, whatever their metrics: a derived metric is selected by a name that no series has.
pub(super) fn nodes_of(series: Vec<Series>, selector: &Selector) -> Vec<Series> {
    series.into_iter().filter(|s| selector.matches_but_for_metric(&s.key)).collect()
}

fn has_data(frame: &Frame) -> bool {
    frame.nodes.iter().any(|row| row.avg.iter().any(|v| v.is_finite()))
}

/// The finest step that people can name, that gives no more than `buckets` buckets and is no finer than the sampling.
fn step_ms(range: TimeRange, coverage: &[Coverage], step_min: i64, buckets: usize) -> i64 {
    let mut intervals: Vec<i64> = coverage.iter().map(|c| c.interval_ms).collect();
    intervals.sort_unstable();
    let interval = intervals.get(intervals.len() / 2).copied().unwrap_or(0);
    // A tenth less than the interval still is the interval: samplers are late by some milliseconds.
    let least =
        (range.millis() / i64::try_from(buckets).unwrap_or(i64::MAX)).max(interval - interval / 10).max(step_min);
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
        assert_eq!(step_ms(range(30), &[], 1, 360), 1_000);
        assert_eq!(step_ms(range(86_400), &[], 1, 360), 300_000);
        assert_eq!(step_ms(range(7 * 86_400), &[], 1, 360), 1_800_000);
        assert_eq!(step_ms(range(7 * 86_400), &[], 3_600_000, 360), 3_600_000);
        assert_eq!(step_ms(range(0), &[], 1, 360), 1_000);
        let centuries = step_ms(range(8000 * 365 * 86_400), &[], 1, 360);
        assert!(Grid::covering(range(8000 * 365 * 86_400), centuries).len <= 361);
    }
}
