//! This period against the one before, by hour of the week, told when the change is large, steady and of one sign.
//!
//! ```text
//!   before:  profile(hour) = median of the period before, by hour of the week (of the day where it is shorter than a week)
//!   now:     for every day: median over the day of value - profile(hour)
//!
//!            Mon  Tue  Wed  Thu  Fri  Sat  Sun
//!            +12  +11  +14   +9  +13   +2  +10      change = median = +11: 10 % and more, twice the usual day-to-day
//!                                                   difference and more, the same sign on 5 of 7 days and more
//! ```
//!
//! What decides is the change by the hour; what is told are the plain medians and 95 % quantiles of both periods, which anyone can compute again. Where the medians do not
//! differ the same way, nothing is told.
//!
//! No p values: seven pairs of days give none worth having.
//!
//! Source: own rule; the hour of the week as in the period-over-period views of Grafana and Datadog.

use super::stats;
use crate::query::Grid;

const HOUR_MS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;
const WEEK_HOURS: i64 = 168;

/// Parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// Least change as a share of the median before: 0.1.
    pub share_min: f64,
    /// Least change in sd of the daily medians before: 2.
    pub sds_min: f64,
    /// Least share of days of one sign: 5/7.
    pub days_share: f64,
    /// Least number of days in either period: 3.
    pub days_min: usize,
}

impl Default for CompareOptions {
    fn default() -> Self {
        CompareOptions { share_min: 0.1, sds_min: 2.0, days_share: 5.0 / 7.0, days_min: 3 }
    }
}

/// How this period differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Median before.
    pub before: f64,
    /// Median now: to be checked by hand; what decides is the change by hour of the week.
    pub now: f64,
    /// 95 % quantile before.
    pub p95_before: f64,
    /// The same now.
    pub p95_now: f64,
    /// Days of the change's sign.
    pub days: usize,
    /// Days compared.
    pub of_days: usize,
    /// Change in sd of the daily medians before.
    pub sds: f64,
}

impl Shift {
    /// A change of half of the median before and of four sd of its days.
    pub fn is_large(&self) -> bool {
        const SHARE: f64 = 0.5;
        const SDS: f64 = 4.0;
        (self.now - self.before).abs() >= SHARE * self.before.abs() && self.sds >= SDS
    }
}

/// The shift from `before` to `now`, or `None` where there is none worth telling or too little to compare. `floor`: least difference worth telling.
pub fn shift(
    before: (&[f64], Grid),
    now: (&[f64], Grid),
    utc_offset_ms: i64,
    floor: f64,
    options: &CompareOptions,
) -> Option<Shift> {
    let hours = |grid: Grid, i: usize| grid.time(i).millis().saturating_add(utc_offset_ms).div_euclid(HOUR_MS);
    let span_hours = before.1.step_ms.saturating_mul(before.0.len() as i64) / HOUR_MS;
    let cycle = if span_hours >= WEEK_HOURS { WEEK_HOURS } else { DAY_HOURS };
    let profile = Profile::learn(before.0, cycle, |i| hours(before.1, i));
    let by_day = Profile::learn(before.0, DAY_HOURS, |i| hours(before.1, i));
    let usual = by_day.daily(before.0, |i| hours(before.1, i));
    let days = profile.daily(now.0, |i| hours(now.1, i));
    if usual.len() < options.days_min || days.len() < options.days_min {
        return None;
    }
    let change = stats::median(&mut days.clone());
    let (_, sd) = stats::median_and_sd(&mut usual.clone());
    let (mut old, mut new) = (Vec::new(), Vec::new());
    stats::finite_into(before.0.iter().copied(), &mut old);
    stats::finite_into(now.0.iter().copied(), &mut new);
    let (level, level_now) = (stats::median(&mut old), stats::median(&mut new));
    let same_sign = days.iter().filter(|d| **d * change > 0.0).count();
    let least = (options.share_min * level.abs()).max(options.sds_min * sd).max(floor);
    let steady = same_sign as f64 >= options.days_share * days.len() as f64;
    // What the medians do not show would be a sentence that contradicts its own figures.
    let is_shown = (level_now - level) * change > 0.0;
    (change.abs() >= least && steady && is_shown).then(|| Shift {
        before: level,
        now: level_now,
        p95_before: stats::interpolated_quantile(&mut old, 0.95),
        p95_now: stats::interpolated_quantile(&mut new, 0.95),
        days: same_sign,
        of_days: days.len(),
        sds: if sd > 0.0 { change.abs() / sd } else { f64::INFINITY },
    })
}

struct Profile {
    cycle: i64,
    medians: Vec<f64>,
}

impl Profile {
    fn learn(values: &[f64], cycle: i64, hour: impl Fn(usize) -> i64) -> Profile {
        let mut slots: Vec<Vec<f64>> = vec![Vec::new(); cycle as usize];
        for (i, &v) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            slots[hour(i).rem_euclid(cycle) as usize].push(v);
        }
        Profile { cycle, medians: slots.iter_mut().map(|s| stats::median(s)).collect() }
    }

    /// Of days with at least half of their rows, in order, the median of value minus profile.
    fn daily(&self, values: &[f64], hour: impl Fn(usize) -> i64) -> Vec<f64> {
        let mut days = Vec::new();
        let mut differences = Vec::new();
        let mut start = 0;
        while start < values.len() {
            let day = hour(start).div_euclid(DAY_HOURS);
            let rest = &values[start..];
            let len = (0..rest.len()).find(|&k| hour(start + k).div_euclid(DAY_HOURS) != day).unwrap_or(rest.len());
            let expected = (start..start + len).map(|i| self.medians[hour(i).rem_euclid(self.cycle) as usize]);
            stats::finite_into(rest[..len].iter().zip(expected).map(|(v, e)| v - e), &mut differences);
            // Half a day at least, so that a range's ends do not count as days.
            let full = hour(start + len - 1) - hour(start) >= DAY_HOURS / 2 - 1;
            if full && differences.len() * 2 >= len {
                days.push(stats::median(&mut differences));
            }
            start += len;
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use proptest::prelude::*;

    const MONDAY: i64 = 1_767_571_200_000;

    fn grid(week: i64, len: usize) -> Grid {
        Grid { start: Timestamp::from_millis(MONDAY + week * WEEK_HOURS * HOUR_MS), step_ms: HOUR_MS, len }
    }

    fn noise(i: usize) -> f64 {
        ((i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    fn week(factor: f64, seed: usize) -> Vec<f64> {
        (0..168)
            .map(|h| {
                factor * (50.0 + 20.0 * (h as f64 / 24.0 * std::f64::consts::TAU).sin() + 4.0 * noise(seed + h / 24))
                    + noise(seed + h)
            })
            .collect()
    }

    fn of(before: &[f64], now: &[f64]) -> Option<Shift> {
        shift((before, grid(0, before.len())), (now, grid(1, now.len())), 0, 0.0, &CompareOptions::default())
    }

    #[test]
    fn a_steady_rise_is_told_and_noise_is_not() {
        let found = of(&week(1.0, 1), &week(1.3, 999)).unwrap();
        assert!((found.now - found.before - 15.0).abs() < 3.0 && found.days == 7, "{found:?}");
        assert!(found.p95_now > found.p95_before);
        assert_eq!(of(&week(1.0, 1), &week(1.02, 999)), None);
    }

    #[test]
    fn one_wild_day_is_no_change() {
        let mut now = week(1.0, 999);
        now[24..48].iter_mut().for_each(|v| *v *= 9.0);
        assert_eq!(of(&week(1.0, 1), &now), None);
        assert_eq!(of(&week(1.0, 1)[..48], &week(2.0, 5)), None, "two days are no period");
    }

    /// A week of days, each still on its level.
    fn days(levels: [f64; 7]) -> Vec<f64> {
        levels.iter().flat_map(|level| [*level; 24]).collect()
    }

    #[test]
    fn a_tenth_is_told_and_less_is_not_nor_what_is_below_the_floor() {
        let then = days([50.0; 7]);
        assert_eq!(of(&then, &days([54.9; 7])), None);
        let told = of(&then, &days([55.1; 7])).unwrap();
        assert_eq!((told.before, told.now, told.days, told.of_days), (50.0, 55.1, 7, 7));
        assert!(of(&then, &days([44.9; 7])).is_some_and(|told| told.now < told.before));
        let with_floor = |floor: f64| {
            let now = days([60.0; 7]);
            shift((&then, grid(0, 168)), (&now, grid(1, 168)), 0, floor, &CompareOptions::default())
        };
        assert!(with_floor(9.9).is_some() && with_floor(10.1).is_none());
    }

    #[test]
    fn a_change_is_twice_what_days_differ_by_themselves() {
        // Days stray by 8 in the median: 1.4826 of that is their sd.
        let usual = [40.0, 60.0, 45.0, 55.0, 50.0, 42.0, 58.0];
        let more = |by: f64| of(&days(usual), &days(usual.map(|level| level + by)));
        assert_eq!(more(23.0), None);
        assert!(more(24.0).is_some_and(|told| (told.sds - 24.0 / (8.0 * stats::MAD_TO_SD)).abs() < 1e-9));
    }

    #[test]
    fn five_of_seven_days_go_the_same_way() {
        let now = |up: usize| {
            let mut levels = [80.0; 7];
            levels[up..].fill(49.0);
            of(&days([50.0; 7]), &days(levels)).map(|told| (told.days, told.of_days))
        };
        assert_eq!((now(7), now(5), now(4)), (Some((7, 7)), Some((5, 7)), None));
    }

    /// Two of twenty-four hours take the median across from 90 to 30, though every other hour is higher by 20.
    #[test]
    fn a_change_that_the_medians_contradict_is_not_told() {
        let day = |low: f64, crossed: f64, high: f64| {
            let hour = |h: usize| match h {
                ..11 => low,
                11..13 => crossed,
                _ => high,
            };
            (0..168).map(|h| hour(h % 24)).collect::<Vec<f64>>()
        };
        assert_eq!(of(&day(10.0, 90.0, 90.0), &day(30.0, 20.0, 110.0)), None);
        assert!(of(&day(10.0, 90.0, 90.0), &day(30.0, 110.0, 110.0)).is_some());
    }

    #[test]
    fn three_days_are_compared_by_the_hour_of_the_day() {
        let wave = |level: f64| (0..72).map(|h| level + 20.0 * f64::from(u8::from(h % 24 < 12))).collect::<Vec<f64>>();
        assert!(of(&wave(40.0), &wave(60.0)).is_some_and(|told| told.of_days == 3));
        assert_eq!(of(&wave(40.0)[..48], &wave(60.0)), None);
    }

    proptest! {
        #[test]
        fn any_float_is_taken(a in prop::collection::vec(prop::num::f64::ANY, 0..300), b in prop::collection::vec(prop::num::f64::ANY, 0..300)) {
            of(&a, &b);
        }
    }
}
