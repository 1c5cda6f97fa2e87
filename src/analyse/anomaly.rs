//! Odd stretches of one series: the summed surprise of four residuals, judged against the series' own history.
//!
//! ```text
//!   value ──┬── season, trend, lasting changes ──► expected   part d = value - value before
//!           │                                               part e = value - expected
//!           └── value - expected = e ──────────────────►    part m = mean of e over 1 h
//!                                                           part r = e - its running median over 1 day
//!   surprise(row) = sum over d, e, m, r of -log10 P(part at least this far out)      each 0 to 6, see `tail`
//!
//! ```
//!
//! [`alarm`](super::alarm) turns surprise into alarms. One part alone is surprised twice in a hundred rows; that several are at once, for a quarter of an hour, is rare. A row on which neither the value's distance
//! from the expectation nor its step is worth telling in the metric's own unit counts for nothing.
//!
//! Where values are positive and vary by multiples (traffic, rates), a fall counts by its share: `(e + c) ln((v + c) / (e + c))` for a value `v` below its expectation `e`,
//! with `c` 2 % of the median. A small fall stays the plain distance; one to nothing, below which nothing can be, is as far out as it is meant.
//!
//! What never leaves its expectation for a quarter of an hour by more than everyday deviations are wide (their 5 % to 95 % quantiles) is small, however rare, and not told.
//!
//! What grows evenly until the end is expected to (see [`trend`](super::trend) and [`ramp`](super::ramp)). A level that lasts (see [`changepoint`](super::changepoint)) is told once, as a change; from then on it is the expectation.
//!
//! Sources: Hochenbaum et al. 2017 (seasonal medians), Siffer et al. 2017 (tail fit); sum, cap and thresholds measured on the NAB and JumpStarter
//! development halves, where a sum beats the maximum and the mean of the two largest.

use super::alarm::{Alarm, Alarms, Levels, window_rows};
use super::changepoint::{Change, ChangeFinder, ChangeOptions};
use super::ramp::{Ramp, RampFinder};
use super::season::{Cycle, SeasonLearner};
use super::stats::{self, SlidingMedian};
use super::tail::{TailOptions, Tails};
use super::trend::TrendFinder;
use crate::query::Grid;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Parameters of the detector; the defaults are the measured ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnomalyOptions {
    /// The tail fit.
    pub tail: TailOptions,
    /// Least surprise that is told.
    pub levels: Levels,
    /// Stretches with this share of the levels are kept as candidates, to say what else moved in an incident: 0.6.
    pub candidate: f64,
    /// Window of the dense score, in rows: 25.
    pub score_rows: usize,
    /// A level becomes the expectation when it holds for at least this share of the range: 0.25. A shorter one is an anomaly.
    pub lasting: f64,
    /// Least share of rows that must be there: 0.2.
    pub present_min: f64,
    /// Least [effect](Event::effect) that is told: 1.
    pub effect_min: f64,
}

impl Default for AnomalyOptions {
    fn default() -> Self {
        AnomalyOptions {
            tail: TailOptions::default(),
            levels: Levels::ONE,
            candidate: 0.6,
            score_rows: 25,
            lasting: 0.25,
            present_min: 0.2,
            effect_min: 1.0,
        }
    }
}

/// An odd stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// First row.
    pub from: usize,
    /// Row after the last one.
    pub to: usize,
    /// The strongest alarm in it; `Quiet` for a candidate.
    pub alarm: Alarm,
    /// Greatest mean surprise over the shortest window, up to 24.
    pub strength: f64,
    /// The row that is furthest from its expectation.
    pub peak: usize,
    /// The value there.
    pub value: f64,
    /// What was expected there.
    pub expected: f64,
    /// Greatest distance from the expectation over the shortest window, in widths of the everyday deviations (their 5 % to 95 % quantiles).
    pub effect: f64,
}

/// Why a series was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unjudged {
    /// No value at all.
    Empty,
    /// The same value all the time.
    Constant,
    /// Fewer than 50 rows, or less than 6 hours.
    Short,
    /// Too few rows are there.
    Sparse,
}

/// What is known of a series beside its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Which cycle explains it.
    pub cycle: Cycle,
    /// Mean of what the cycle expects: a change's levels are distances from it.
    pub centre: f64,
    /// What it has been growing or falling by evenly until the end, where it began to: its level is a distance from `centre`.
    pub ramp: Option<Ramp>,
    /// Lasting shifts of level, in order of time.
    pub changes: Vec<Change>,
    /// Odd stretches, in order of time.
    pub events: Vec<Event>,
    /// Why there was nothing to judge.
    pub unjudged: Option<Unjudged>,
}

/// Judges one series after the other; holds the buffers of all steps.
#[derive(Debug)]
pub struct Detector {
    grid: Grid,
    utc_offset_ms: i64,
    options: AnomalyOptions,
    changes: ChangeOptions,
    season: SeasonLearner,
    trend: TrendFinder,
    ramp: RampFinder,
    finder: ChangeFinder,
    median: SlidingMedian,
    expected: Vec<f64>,
    residual: Vec<f64>,
    /// The residual, falls by their share.
    weighed: Vec<f64>,
    part: Vec<f64>,
    blocks: Vec<f64>,
    slow: Vec<f64>,
    scratch: Vec<f64>,
    /// The 5 % and the 95 % quantile of the values.
    ends: (f64, f64),
    surprise: Vec<f64>,
    means: Vec<f64>,
    alarms: Alarms,
    candidates: Alarms,
}

impl Detector {
    /// A detector for rows of `grid`; `utc_offset_ms` tells weekends.
    pub fn new(grid: Grid, utc_offset_ms: i64, options: AnomalyOptions, changes: ChangeOptions) -> Detector {
        Detector {
            grid,
            utc_offset_ms,
            options,
            changes,
            season: SeasonLearner::default(),
            trend: TrendFinder::default(),
            ramp: RampFinder::default(),
            finder: ChangeFinder::default(),
            median: SlidingMedian::default(),
            expected: Vec::new(),
            residual: Vec::new(),
            weighed: Vec::new(),
            part: Vec::new(),
            blocks: Vec::new(),
            slow: Vec::new(),
            scratch: Vec::new(),
            ends: (f64::NAN, f64::NAN),
            surprise: Vec::new(),
            means: Vec::new(),
            alarms: Alarms::default(),
            candidates: Alarms::default(),
        }
    }

    /// Judges `values` (one a row, NaN = gap). `floor` is the least difference worth telling, in the metric's own unit.
    pub fn judge(&mut self, values: &[f64], floor: f64) -> Judgement {
        self.surprise.clear();
        self.surprise.resize(values.len(), 0.0);
        self.alarms.quieten(values.len());
        let cycle = self.season.learn(values, self.grid, self.utc_offset_ms, &mut self.expected);
        let centre = stats::mean(&self.expected);
        let none = |unjudged| Judgement {
            cycle,
            centre,
            ramp: None,
            changes: Vec::new(),
            events: Vec::new(),
            unjudged: Some(unjudged),
        };
        let spread = match self.spread(values) {
            Ok(spread) => spread,
            Err(unjudged) => {
                self.residual.clear();
                self.residual.extend(values.iter().zip(&self.expected).map(|(v, e)| v - e));
                return none(unjudged);
            }
        };
        let floor = floor.max(0.01 * spread);
        self.residual.clear();
        self.residual.extend(values.iter().zip(&self.expected).map(|(v, e)| v - e));
        let line = self.trend.find(&self.residual, window_rows(HOUR_MS, self.grid.step_ms, 1));
        let ramp = if line.is_none() { self.ramp.find(&self.residual, self.grid.step_ms, floor) } else { None };
        let drift = |row| line.map_or(0.0, |line| line.at(row)) + ramp.map_or(0.0, |ramp| ramp.at(row));
        self.expected.iter_mut().enumerate().for_each(|(row, e)| *e += drift(row));
        self.residual.iter_mut().enumerate().for_each(|(row, r)| *r -= drift(row));
        let mut changes = self.finder.find(&self.residual, self.grid.step_ms, floor, &self.changes);
        self.absorb(&changes);
        // Levels are told as they were at the time.
        changes.iter_mut().for_each(|c| {
            c.before += drift(c.row);
            c.after += drift(c.row);
        });
        self.weigh_falls(values);
        self.add_surprises(values);
        self.drop_small(values, floor);
        let events = self.events(values);
        Judgement { cycle, centre, ramp, changes, events, unjudged: None }
    }

    /// What was expected of every row of the series judged last.
    pub fn expected(&self) -> &[f64] {
        &self.expected
    }

    /// Value minus expectation of every row of the series judged last.
    pub fn residual(&self) -> &[f64] {
        &self.residual
    }

    /// The summed surprise of every row of the series judged last, 0 to 24.
    pub fn surprise(&self) -> &[f64] {
        &self.surprise
    }

    /// The alarm of every row of the series judged last.
    pub fn alarms(&self) -> &[Alarm] {
        self.alarms.rows()
    }

    /// The dense score of every row of the series judged last: its surprise, averaged.
    pub fn score(&mut self) -> &[f64] {
        stats::running_mean(&self.surprise, self.options.score_rows, &mut self.means);
        &self.means
    }

    /// Distance of the 5 % and 95 % quantiles, or the whole range where those are equal.
    fn spread(&mut self, values: &[f64]) -> Result<f64, Unjudged> {
        const ROWS_MIN: usize = 50;
        const SPAN_MIN_MS: i64 = 6 * 3_600_000;
        stats::finite_into(values.iter().copied(), &mut self.scratch);
        let there = self.scratch.len();
        if there == 0 {
            return Err(Unjudged::Empty);
        }
        if there < ROWS_MIN {
            return Err(Unjudged::Short);
        }
        let low = stats::select_quantile(&mut self.scratch, 0.05);
        let high = stats::select_quantile(&mut self.scratch, 0.95);
        self.ends = (low, high);
        let all = self.scratch.iter().fold((low, high), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        if all.0 == all.1 {
            return Err(Unjudged::Constant);
        }
        if self.grid.step_ms.saturating_mul(values.len() as i64) < SPAN_MIN_MS {
            return Err(Unjudged::Short);
        }
        if (there as f64) < self.options.present_min * values.len() as f64 {
            return Err(Unjudged::Sparse);
        }
        Ok(if high > low { high - low } else { all.1 - all.0 })
    }

    /// Makes levels that last the expectation.
    fn absorb(&mut self, changes: &[Change]) {
        let rows = self.residual.len();
        let lasting = (self.options.lasting * rows as f64) as usize;
        let mut from = 0;
        let levels = changes.iter().map(|c| (c.row, c.before)).chain(changes.last().map(|c| (rows, c.after)));
        let stretches: Vec<(usize, usize, f64)> = levels
            .map(|(to, level)| {
                let stretch = (from, to, level);
                from = to;
                stretch
            })
            .collect();
        for (from, to, level) in stretches.into_iter().filter(|(from, to, _)| to - from >= lasting) {
            self.expected[from..to].iter_mut().for_each(|e| *e += level);
            self.residual[from..to].iter_mut().for_each(|r| *r -= level);
        }
    }

    fn weigh_falls(&mut self, values: &[f64]) {
        const SHARE_OF_MEDIAN: f64 = 0.02;
        const MULTIPLE: f64 = 3.0;
        self.weighed.clone_from(&self.residual);
        let (low, high) = self.ends;
        if !(low > 0.0 && high > MULTIPLE * low) {
            return;
        }
        stats::finite_into(values.iter().copied(), &mut self.scratch);
        if self.scratch.iter().any(|v| *v < 0.0) {
            return;
        }
        let least = SHARE_OF_MEDIAN * stats::median(&mut self.scratch);
        for ((weighed, &value), &expected) in self.weighed.iter_mut().zip(values).zip(&self.expected) {
            if value < expected {
                *weighed = (expected + least) * ((value + least) / (expected + least)).ln();
            }
        }
    }

    fn add_surprises(&mut self, values: &[f64]) {
        self.part.clear();
        self.part.push(f64::NAN);
        self.part.extend(values.windows(2).map(|w| w[1] - w[0]));
        self.part.truncate(values.len());
        self.add_surprise_of_part();
        self.part.clone_from(&self.weighed);
        self.add_surprise_of_part();
        let hour = window_rows(HOUR_MS, self.grid.step_ms, 3);
        stats::running_mean(&self.weighed, hour, &mut self.part);
        self.add_surprise_of_part();
        self.subtract_day_median();
        self.add_surprise_of_part();
    }

    fn add_surprise_of_part(&mut self) {
        stats::finite_into(self.part.iter().copied(), &mut self.scratch);
        if let Some(tails) = Tails::fit(&mut self.scratch, &self.options.tail) {
            for (sum, &x) in self.surprise.iter_mut().zip(&self.part) {
                *sum += tails.surprise(x);
            }
        }
    }

    /// `part = residual - its running median over a day`, the median taken of 30 min means and drawn as a line between them.
    fn subtract_day_median(&mut self) {
        let width = window_rows(HOUR_MS / 2, self.grid.step_ms, 1);
        stats::block_means(&self.weighed, width, &mut self.blocks);
        let day = (DAY_MS / (self.grid.step_ms * width as i64)).max(3) as usize;
        self.median.run(&self.blocks, day, &mut self.slow);
        let last = self.slow.len().saturating_sub(1);
        self.part.clear();
        self.part.extend(self.weighed.iter().enumerate().map(|(i, r)| {
            let at = (i as f64 + 0.5) / width as f64 - 0.5;
            let left = (at.max(0.0) as usize).min(last);
            let (a, b) = (self.slow[left], self.slow[(left + 1).min(last)]);
            let share = (at - left as f64).clamp(0.0, 1.0);
            r - if a.is_finite() && b.is_finite() {
                a + share * (b - a)
            } else if a.is_finite() {
                a
            } else {
                b
            }
        }));
    }

    fn drop_small(&mut self, values: &[f64], floor: f64) {
        let mut before = f64::NAN;
        for ((surprise, &residual), &value) in self.surprise.iter_mut().zip(&self.residual).zip(values) {
            let step = (value - before).abs();
            before = value;
            let told = residual.abs() >= floor || step >= floor;
            if !told {
                *surprise = 0.0;
            }
        }
    }

    fn events(&mut self, values: &[f64]) -> Vec<Event> {
        let step_ms = self.grid.step_ms;
        let (levels, lower) = (self.options.levels, self.options.levels.times(self.options.candidate));
        self.alarms.judge_with_candidates(&self.surprise, step_ms, levels, Some((&mut self.candidates, lower)));
        let stretches = self.candidates.stretches(step_ms);
        if stretches.is_empty() {
            return Vec::new();
        }
        let (everyday, is_still) = self.everyday();
        if is_still {
            self.means.clone_from(&self.weighed);
        } else {
            stats::running_mean(&self.weighed, window_rows(HOUR_MS / 4, step_ms, 3), &mut self.means);
        }
        stretches.into_iter().map(|(from, to)| self.event(values, from, to, everyday)).collect()
    }

    /// Width of the everyday deviations. A series that most rows have none of (a flag, a count) is still: then that of all of them, which a single row may be as far out as.
    fn everyday(&mut self) -> (f64, bool) {
        stats::finite_into(self.weighed.iter().copied(), &mut self.scratch);
        let low = stats::select_quantile(&mut self.scratch, 0.05);
        let high = stats::select_quantile(&mut self.scratch, 0.95);
        if high > low {
            return (high - low, false);
        }
        let (low, high) = self.scratch.iter().fold((low, high), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        (high - low, true)
    }

    fn event(&mut self, values: &[f64], from: usize, to: usize, everyday: f64) -> Event {
        let distance = |i: usize| self.weighed[i].abs();
        let peak = (from..to).fold(from, |best, i| {
            if distance(i) > distance(best) || !self.weighed[best].is_finite() { i } else { best }
        });
        let furthest =
            self.means[from..to].iter().filter(|m| m.is_finite()).fold(0.0, |most: f64, m| most.max(m.abs()));
        let effect = if everyday > 0.0 { furthest / everyday } else { 0.0 };
        if effect < self.options.effect_min {
            self.alarms.quiet(from..to);
        }
        let strength = self.alarms.short_means()[from..to].iter().copied().fold(0.0, f64::max);
        Event {
            from,
            to,
            alarm: self.alarms.rows()[from..to].iter().copied().max().unwrap_or_default(),
            strength,
            peak,
            value: values[peak],
            expected: self.expected[peak],
            effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use crate::model::Timestamp;
    use proptest::prelude::*;

    fn judge(values: &[f64], floor: f64) -> Judgement {
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: values.len() };
        Detector::new(grid, 0, AnomalyOptions::default(), ChangeOptions::default()).judge(values, floor)
    }

    fn alarms(judgement: &Judgement) -> Vec<(usize, usize)> {
        judgement.events.iter().filter(|e| e.alarm != Alarm::Quiet).map(|e| (e.from, e.to)).collect()
    }

    fn week() -> Vec<f64> {
        (0..2016).map(|i| 50.0 + 20.0 * (i as f64 / 288.0 * std::f64::consts::TAU).sin() + 4.0 * noise(i)).collect()
    }

    #[test]
    fn an_odd_hour_is_found_with_value_and_expectation() {
        let mut values = week();
        values[1000..1012].iter_mut().for_each(|v| *v += 40.0);
        let judgement = judge(&values, 0.0);
        assert_eq!(judgement.cycle, Cycle::Day);
        let found = alarms(&judgement);
        assert_eq!(found.len(), 1, "{:?}", judgement.events);
        assert!(found[0].0 <= 1001 && found[0].1 >= 1010, "{found:?}");
        let event = judgement.events.iter().find(|e| e.alarm != Alarm::Quiet).unwrap();
        assert!((event.value - event.expected - 40.0).abs() < 5.0, "{event:?}");
        assert_eq!(alarms(&judge(&values, 60.0)), vec![], "below the floor of its unit");
    }

    #[test]
    fn noise_alone_a_constant_and_a_short_history_are_quiet() {
        assert_eq!(alarms(&judge(&week(), 0.0)), vec![]);
        assert_eq!(judge(&[3.0; 2016], 0.0).unjudged, Some(Unjudged::Constant));
        assert_eq!(judge(&[f64::NAN; 2016], 0.0).unjudged, Some(Unjudged::Empty));
        assert_eq!(judge(&week()[..40], 0.0).unjudged, Some(Unjudged::Short));
        let mut sparse = vec![f64::NAN; 2016];
        sparse[..300].copy_from_slice(&week()[..300]);
        assert_eq!(judge(&sparse, 0.0).unjudged, Some(Unjudged::Sparse));
    }

    #[test]
    fn traffic_that_stops_is_told_and_half_of_it_is_everyday() {
        let traffic = |i: usize| 40.0 * (1.0 + 0.9 * noise(i)).powi(3) + 5.0;
        let with = |value: f64| {
            let mut values: Vec<f64> = (0..2016).map(traffic).collect();
            values[1000..1012].fill(value);
            alarms(&judge(&values, 0.0))
        };
        let found = with(0.0);
        assert!(found.len() == 1 && found[0].0 <= 1001 && found[0].1 >= 1010, "{found:?}");
        assert_eq!(with(22.0), vec![]);
    }

    #[test]
    fn what_is_rare_and_small_is_not_told() {
        // An hour just beyond what every other row may reach: rare together, and no further out than they are apart.
        let mut values: Vec<f64> = (0..2016).map(|i| 50.0 + 4.0 * noise(i)).collect();
        values[1000..1012].iter_mut().enumerate().for_each(|(i, v)| *v = 52.5 + 0.1 * noise(i));
        let judgement = judge(&values, 0.0);
        assert!(judgement.events.iter().any(|e| e.strength > 6.0 && e.effect < 1.0), "{:?}", judgement.events);
        assert_eq!(alarms(&judgement), vec![]);
    }

    #[test]
    fn a_lasting_shift_is_one_change_and_no_flood_of_anomalies() {
        let mut values: Vec<f64> = (0..4032).map(|i| 50.0 + 4.0 * noise(i)).collect();
        values[2000..].iter_mut().for_each(|v| *v += 30.0);
        let judgement = judge(&values, 0.0);
        assert_eq!(judgement.changes.len(), 1);
        assert!(alarms(&judgement).len() <= 1, "{:?}", judgement.events);
    }

    #[test]
    fn gaps_neither_alarm_nor_hide() {
        let mut values = week();
        values[400..700].fill(f64::NAN);
        values[1500..1512].iter_mut().for_each(|v| *v += 40.0);
        let found = alarms(&judge(&values, 0.0));
        assert!(found.len() == 1 && found[0].0 >= 1480, "{found:?}");
    }

    #[test]
    fn a_flag_that_falls_for_ten_minutes_is_told() {
        let mut values = vec![1.0; 10_080];
        values[6200..6210].fill(0.0);
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 60_000, len: values.len() };
        let mut detector = Detector::new(grid, 0, AnomalyOptions::default(), ChangeOptions::default());
        let judgement = detector.judge(&values, 0.0);
        assert!(judgement.unjudged.is_none());
        assert_eq!(alarms(&judgement).len(), 1, "{:?}", judgement.events);
    }

    #[test]
    fn a_steady_trend_is_no_anomaly_at_its_ends_nor_a_row_of_changes() {
        for per_week in [10.0, -40.0, 400.0] {
            let mut values: Vec<f64> = (0..2016).map(|i| per_week * i as f64 / 2016.0 + noise(i)).collect();
            let judgement = judge(&values, 0.0);
            assert_eq!((alarms(&judgement), judgement.changes.len()), (vec![], 0), "{per_week}");
            values[1000..1012].iter_mut().for_each(|v| *v += 30.0);
            let found = alarms(&judge(&values, 0.0));
            assert!(found.len() == 1 && found[0].0 >= 990 && found[0].1 <= 1022, "{per_week} {found:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        // A shift down may make values vary by multiples, and their falls count more.
        #[test]
        fn scale_and_a_shift_up_do_not_matter(scale in 0.01..100.0f64, shift in 0.0..1e3f64, at in 200usize..1800) {
            let mut values = week();
            values[at..at + 12].iter_mut().for_each(|v| *v += 45.0);
            let moved: Vec<f64> = values.iter().map(|v| v * scale + shift).collect();
            prop_assert_eq!(alarms(&judge(&values, 0.0)), alarms(&judge(&moved, 0.0)));
        }

        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..400), step_ms in 1i64..100_000_000, floor in prop::num::f64::ANY) {
            let grid = Grid { start: Timestamp::from_millis(0), step_ms, len: values.len() };
            let mut detector = Detector::new(grid, 0, AnomalyOptions::default(), ChangeOptions::default());
            let judgement = detector.judge(&values, floor);
            prop_assert!(judgement.events.iter().all(|e| e.from < e.to && e.to <= values.len() && (e.from..e.to).contains(&e.peak)));
            prop_assert_eq!(detector.score().len(), values.len());
        }
    }
}
