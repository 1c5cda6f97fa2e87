//! The time of day (and of week) as expectation: a running median over the same time of other days.
//!
//! ```text
//!  value |      .-.            .-.            .-.         season(slot) = median of all values within 10 min of
//!        |     /   \          /   \     *    /   \                       that time of day, over all days
//!        |  __/     \__    __/     \__*  *__/     \__     residual     = value - season(slot)
//!        +-----------------------------------------------> days
//! ```
//!
//! Three cycles are tried, from plain to rich; a richer one is taken only where it leaves clearly less unexplained, measured by the mean absolute residual:
//!
//! | cycle | needs | takes over when the mean absolute residual falls by |
//! |---|---|---|
//! | day | 3 days | 15 % |
//! | workday and weekend | 6 days, workdays on both sides of a weekend | 20 % |
//! | week | 3 weeks | 20 % |
//!
//! The day is learnt from what the running median of a day leaves: a step or a slope must not hide the rhythm, nor become part of it.
//!
//! Slots are 5 minutes (a row where rows are wider); a slot's median is taken over so many neighbours that it rests on 12 values or more, because a
//! median of three would "explain" a third of plain noise. Medians, because one bad day must not become tomorrow's expectation.
//!
//! Source: the seasonal step of Holt-Winters style detectors made robust as in Hochenbaum et al. 2017 (S-H-ESD); thresholds measured on the NAB
//! and JumpStarter development halves.

use super::stats::{self, SlidingMedian};
use crate::query::Grid;

const DAY_MS: i64 = 86_400_000;
const SLOT_MS: i64 = 300_000;
/// Half-width of the neighbourhood of a slot.
const NEIGHBOUR_MS: i64 = 600_000;
const VALUES_MIN: usize = 12;

/// Which cycle explains a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cycle {
    /// None: the expectation is the median.
    #[default]
    None,
    /// Time of day.
    Day,
    /// Time of day, workdays and weekends apart.
    WorkdayWeekend,
    /// Time of week.
    Week,
}

impl Cycle {
    /// Shortest history that can show it.
    pub const fn needs_ms(self) -> i64 {
        match self {
            Cycle::None => 0,
            Cycle::Day => 3 * DAY_MS,
            Cycle::WorkdayWeekend => 6 * DAY_MS,
            Cycle::Week => 21 * DAY_MS,
        }
    }

    const fn must_leave_at_most(self) -> f64 {
        match self {
            Cycle::None => 1.0,
            Cycle::Day => 0.85,
            Cycle::WorkdayWeekend | Cycle::Week => 0.80,
        }
    }

    /// Rings of slots, each closed in itself: its slots are neighbours of one another only.
    const fn rings(self) -> usize {
        if matches!(self, Cycle::WorkdayWeekend) { 2 } else { 1 }
    }

    const fn ring_ms(self) -> i64 {
        if matches!(self, Cycle::Week) { 7 * DAY_MS } else { DAY_MS }
    }
}

/// How a season was learnt, so that it can be learnt again: rows are put into slots of the cycle, and a slot is the median over its neighbourhood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Season {
    /// The cycle.
    pub cycle: Cycle,
    /// Rows of one mean, which has a slot.
    pub slot_rows: usize,
    /// Whether what the running median of a day leaves was taken instead of the means.
    pub is_of_rest: bool,
    /// How many slots of its ring a neighbourhood reaches to either side, ring by ring.
    pub reaches: Vec<usize>,
}

impl Season {
    /// Length of a ring; of a workday and of a day of the weekend, which have one each, a day.
    pub fn ring_ms(&self) -> i64 {
        self.cycle.ring_ms()
    }
}

/// Learns seasons; holds the buffers, so that one is kept for many series.
#[derive(Debug, Default)]
pub struct SeasonLearner {
    blocks: Vec<f64>,
    slot_of: Vec<u32>,
    start: Vec<usize>,
    by_slot: Vec<f64>,
    kept: Vec<f64>,
    medians: Vec<f64>,
    best: Vec<f64>,
    slow: Vec<f64>,
    whole: Vec<f64>,
    reaches: Vec<usize>,
    season: Season,
    slow_median: SlidingMedian,
}

impl SeasonLearner {
    /// Writes what is expected at every row of `values` into `expected` and says by which cycle. `utc_offset_ms` is added to a time to get the local one
    /// (it matters for weekends only). All NaN in, all NaN out.
    pub fn learn(&mut self, values: &[f64], grid: Grid, utc_offset_ms: i64, expected: &mut Vec<f64>) -> Cycle {
        stats::finite_into(values.iter().copied(), &mut self.kept);
        let centre = stats::median(&mut self.kept);
        expected.clear();
        expected.resize(values.len(), centre);
        self.season = Season::default();
        let span = grid.step_ms.saturating_mul(values.len() as i64);
        if !centre.is_finite() || span < Cycle::Day.needs_ms() || grid.step_ms > DAY_MS / 12 {
            return Cycle::None;
        }
        let width = (SLOT_MS / grid.step_ms).max(1) as usize;
        let slot_ms = grid.step_ms * width as i64;
        stats::block_means(values, width, &mut self.blocks);
        let start_ms = grid.start.millis().saturating_add(utc_offset_ms);
        let mut cycle = Cycle::None;
        let mut unexplained = mean_abs(self.blocks.iter().map(|b| b - centre));
        if let Some(is_of_rest) = self.day(centre, start_ms, slot_ms) {
            cycle = Cycle::Day;
            self.season = Season { cycle, slot_rows: width, is_of_rest, reaches: self.reaches.clone() };
            unexplained = mean_abs(self.blocks.iter().zip(&self.best).map(|(b, e)| b - e));
        }
        for tried in [Cycle::WorkdayWeekend, Cycle::Week].into_iter().filter(|c| span >= c.needs_ms()) {
            let seen = tried != Cycle::WorkdayWeekend || weekend_between_workdays(start_ms, span);
            if !seen || !self.slot_medians(tried, start_ms, slot_ms) {
                continue;
            }
            let left = mean_abs(self.blocks.iter().zip(&self.slot_of).map(|(b, &s)| b - self.medians[s as usize]));
            if left <= unexplained * tried.must_leave_at_most() {
                (cycle, unexplained) = (tried, left);
                self.season = Season { cycle, slot_rows: width, is_of_rest: false, reaches: self.reaches.clone() };
                self.best.clear();
                self.best.extend(self.slot_of.iter().map(|&s| self.medians[s as usize]));
            }
        }
        if cycle != Cycle::None {
            for (rows, &season) in expected.chunks_mut(width).zip(&self.best) {
                rows.fill(if season.is_finite() { season } else { centre });
            }
        }
        cycle
    }

    /// How the season learnt last came about.
    pub fn season(&self) -> &Season {
        &self.season
    }

    /// Whether the time of day explains what the running median of a day leaves; if so, `best` is the season, and it is said whether that is of the rest. A step would make a slot's plain median one of the
    /// level that more of its days have, and the season a square wave: the plain medians are taken only where they explain the rest as well.
    fn day(&mut self, centre: f64, start_ms: i64, slot_ms: i64) -> Option<bool> {
        const AS_WELL: f64 = 1.25;
        let day = (DAY_MS / slot_ms).max(1) as usize;
        self.slow_median.run(&self.blocks, day, &mut self.slow);
        self.whole.clone_from(&self.blocks);
        for (block, slow) in self.blocks.iter_mut().zip(&self.slow) {
            *block -= slow;
        }
        let unexplained = mean_abs(self.blocks.iter().copied());
        let learnt = self.slot_medians(Cycle::Day, start_ms, slot_ms);
        std::mem::swap(&mut self.blocks, &mut self.whole); // `whole` is what the running median leaves from here on
        if !learnt {
            return None;
        }
        self.best.clear();
        self.best.extend(self.slot_of.iter().map(|&s| centre + self.medians[s as usize]));
        let left = self.left_of_rest(centre);
        if !(left <= unexplained * Cycle::Day.must_leave_at_most() && self.slot_medians(Cycle::Day, start_ms, slot_ms))
        {
            return (left <= unexplained * Cycle::Day.must_leave_at_most()).then_some(true);
        }
        let beside_steps = std::mem::take(&mut self.best);
        stats::finite_into(self.medians.iter().copied(), &mut self.kept);
        let middle = stats::median(&mut self.kept);
        self.best.extend(self.slot_of.iter().map(|&s| self.medians[s as usize]));
        let is_of_rest = self.left_of_rest(middle) > AS_WELL * left;
        if is_of_rest {
            self.best = beside_steps;
        }
        Some(is_of_rest)
    }

    fn left_of_rest(&self, middle: f64) -> f64 {
        mean_abs(self.whole.iter().zip(&self.best).map(|(rest, season)| rest - (season - middle)))
    }

    /// Fills `slot_of` (a block's slot) and `medians` (by slot). False where the cycle's rings are not all visited.
    fn slot_medians(&mut self, cycle: Cycle, start_ms: i64, slot_ms: i64) -> bool {
        let ring = ((cycle.ring_ms() + slot_ms - 1) / slot_ms) as usize;
        self.slot_of.clear();
        self.slot_of.extend((0..self.blocks.len()).map(|i| {
            let t = start_ms.saturating_add(slot_ms * i as i64);
            let within = (t.rem_euclid(cycle.ring_ms()) / slot_ms) as usize;
            let which = if cycle == Cycle::WorkdayWeekend && is_weekend(t) { ring } else { 0 };
            (which + within) as u32
        }));
        self.sort_by_slot(ring * cycle.rings());
        self.medians.clear();
        self.reaches.clear();
        for ring_start in (0..cycle.rings()).map(|r| r * ring) {
            let filled = self.start[ring_start + ring] - self.start[ring_start];
            if filled < VALUES_MIN.max(ring / 2) {
                return false;
            }
            let reach = (NEIGHBOUR_MS / slot_ms) as usize;
            let wanted = VALUES_MIN * ring / filled;
            let reach = reach.max(wanted / 2).min(ring / 2 - 1);
            self.reaches.push(reach);
            for slot in 0..ring {
                self.kept.clear();
                for near in slot + ring - reach..=slot + ring + reach {
                    let at = ring_start + near % ring;
                    self.kept.extend_from_slice(&self.by_slot[self.start[at]..self.start[at + 1]]);
                }
                self.medians.push(stats::median(&mut self.kept));
            }
        }
        true
    }

    /// Counting sort of the blocks by slot: `by_slot[start[s]..start[s + 1]]` are the finite values of slot `s`.
    fn sort_by_slot(&mut self, slots: usize) {
        self.start.clear();
        self.start.resize(slots + 2, 0);
        let finite = || self.slot_of.iter().zip(&self.blocks).filter(|(_, b)| b.is_finite());
        for (&slot, _) in finite() {
            self.start[slot as usize + 2] += 1;
        }
        for i in 1..self.start.len() {
            self.start[i] += self.start[i - 1];
        }
        self.by_slot.clear();
        self.by_slot.resize(self.start[slots + 1], 0.0);
        for (&slot, &block) in self.slot_of.iter().zip(&self.blocks).filter(|(_, b)| b.is_finite()) {
            let at = &mut self.start[slot as usize + 1];
            self.by_slot[*at] = block;
            *at += 1;
        }
    }
}

/// Whether whole workdays lie on both sides of a weekend: else a step on a Friday cannot be told from a weekend.
fn weekend_between_workdays(start_ms: i64, span_ms: i64) -> bool {
    let first = -(-start_ms).div_euclid(DAY_MS);
    let last = start_ms.saturating_add(span_ms).div_euclid(DAY_MS);
    let is_weekend = |day: &i64| is_weekend(day.saturating_mul(DAY_MS));
    let mut days =
        (first..last.min(first.saturating_add(21))).skip_while(is_weekend).skip_while(|day| !is_weekend(day));
    days.any(|day| !is_weekend(&day))
}

/// Day 0 of the epoch was a Thursday.
fn is_weekend(local_ms: i64) -> bool {
    matches!((local_ms.div_euclid(DAY_MS) + 3).rem_euclid(7), 5 | 6)
}

fn mean_abs(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) =
        values.filter(|v| v.is_finite()).fold((0.0, 0usize), |(sum, count), v| (sum + v.abs(), count + 1));
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    /// 2026-01-05 is a Monday.
    fn grid(step_ms: i64, len: usize) -> Grid {
        Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms, len }
    }

    fn noise(i: usize) -> f64 {
        ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    fn learn(values: &[f64], step_ms: i64) -> (Cycle, Vec<f64>) {
        let mut expected = Vec::new();
        let cycle = SeasonLearner::default().learn(values, grid(step_ms, values.len()), 0, &mut expected);
        (cycle, expected)
    }

    fn daily(i: usize, step_ms: i64) -> f64 {
        let day = (i as i64 * step_ms) as f64 / DAY_MS as f64;
        10.0 * (day * std::f64::consts::TAU).sin()
    }

    #[test]
    fn a_daily_wave_is_learnt_at_any_step_and_through_gaps() {
        for step_ms in [60_000, 300_000, 420_000, 1_800_000, 3_600_000] {
            let mut values: Vec<f64> =
                (0..(7 * DAY_MS / step_ms) as usize).map(|i| daily(i, step_ms) + noise(i)).collect();
            let len = values.len();
            values[len / 2..len / 2 + len / 20].fill(f64::NAN);
            let (cycle, expected) = learn(&values, step_ms);
            assert_eq!(cycle, Cycle::Day, "{step_ms}");
            assert!((0..len).all(|i| (expected[i] - daily(i, step_ms)).abs() < 3.0), "{step_ms}");
        }
    }

    #[test]
    fn noise_and_short_history_have_no_season() {
        for (days, step_ms) in [(3, 3_600_000), (3, 300_000), (14, 300_000), (28, 1_800_000)] {
            let values: Vec<f64> = (0..(days * DAY_MS / step_ms) as usize).map(noise).collect();
            assert_eq!(learn(&values, step_ms).0, Cycle::None, "{days} {step_ms}");
        }
        let two_days: Vec<f64> = (0..2 * 288).map(|i| daily(i, 300_000)).collect();
        assert_eq!(learn(&two_days, 300_000).0, Cycle::None);
        assert!(learn(&[f64::NAN; 2000], 300_000).1.iter().all(|e| e.is_nan()));
    }

    #[test]
    fn quiet_weekends_are_learnt_within_nine_days_and_a_rhythm_of_the_week_from_three() {
        let weekend = |i: usize| if is_weekend(1_767_571_200_000 + i as i64 * 300_000) { 0.2 } else { 1.0 };
        let values: Vec<f64> = (0..9 * 288).map(|i| weekend(i) * (20.0 + daily(i, 300_000)) + noise(i)).collect();
        assert_eq!(learn(&values, 300_000).0, Cycle::WorkdayWeekend);
        let week = &values[..7 * 288];
        assert_eq!(learn(week, 300_000).0, Cycle::Day, "Monday to Sunday: a step on Friday would look the same");
        let values: Vec<f64> =
            (0..28 * 288).map(|i| (i / 288 % 7) as f64 * (20.0 + daily(i, 300_000)) + noise(i)).collect();
        assert_eq!(learn(&values, 300_000).0, Cycle::Week);
    }
}
