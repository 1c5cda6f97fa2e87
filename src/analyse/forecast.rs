//! When something is full: Theil-Sen's slope of daily maxima since the last clean-up, told only where it is a trend.
//!
//! ```text
//!  100 % |- - - - - - - - - - - - - - - - - - - - - - - - - _.-'- - - full
//!        |        clean-up                             _.-'
//!        |   .''|    v                            _.-'     slope = median of all pairwise slopes
//!        | .'   |     .  .  .''.  .''. .'' ._.-'           range = Sen's interval, 1.3 times as wide,
//!        |.     '. .'  ''  '    ''    '     |                   and how uneven the days grow
//!        +----------------------------------+--------------------------> days
//!              left out      used          now
//! ```
//!
//! Gates, in order: a day has a maximum; five days since the last clean-up (a fall of the daily maximum by 2 points or more and by three times its usual step);
//! Mann-Kendall's z of at least 1.96; a slope in both halves of at least a quarter of the whole one (else: a jump); at most 90 days to go, and six times the history.
//! A range from less than a quarter of the days to more than four times as many says nothing: no trend.
//! Falls that come again and again are a sawtooth: its peaks are told, no date. What began to grow evenly a day ago or more and still does
//! (see [`ramp`](super::ramp)) is judged by that time: the same slope, range and furthest day, of the means of 24 parts of it instead of daily maxima.
//!
//! Asked "full within 30 days?", a line through the last 6 hours cries wolf in nine of ten harmless cases, this in one of twenty-five (synthetic disks).
//!
//! Sources: Theil 1950, Sen 1968 (slope and interval), Mann 1945, Kendall 1975 (trend test).

use super::ramp::RampFinder;
use super::stats;

const DAY_MS: i64 = 86_400_000;

/// Parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastOptions {
    /// Furthest day that is told: 90.
    pub days_max: f64,
    /// Days since the last clean-up: 5.
    pub days_min: usize,
    /// Least fall of the daily maximum that is a clean-up, in percentage points: 2.
    pub fall_min: f64,
    /// Least growth over the days used, in percentage points: 0.5.
    pub growth_min: f64,
    /// Mann-Kendall's z: 1.96.
    pub trend_z: f64,
    /// Least slope of either half, as a share of the whole slope: 0.25.
    pub half_share: f64,
    /// A date whose range reaches from less than this share of it to more than its inverse is none: 0.25.
    pub least_share: f64,
    /// Factor on the width of Sen's interval, which by itself covers the truth in 84 %: 1.3.
    pub widen: f64,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        ForecastOptions {
            days_max: 90.0,
            days_min: 5,
            fall_min: 2.0,
            growth_min: 0.5,
            trend_z: 1.96,
            half_share: 0.25,
            least_share: 0.25,
            widen: 1.3,
        }
    }
}

/// What can be said of a capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outlook {
    /// Full in about `days`, between `earliest` and `latest` (`None`: perhaps never).
    Full {
        /// Days from the end of the range.
        days: f64,
        /// At the steepest slope of the interval.
        earliest: f64,
        /// At its flattest, where that still rises.
        latest: Option<f64>,
        /// Percentage points a day.
        slope: f64,
        /// The level now, percent.
        level: f64,
        /// The row on which it began, where it did not grow so before.
        since: Option<usize>,
    },
    /// Grows, but is not full within the days that can be told.
    Slow {
        /// Percentage points a day.
        slope: f64,
        /// The level now, percent.
        level: f64,
    },
    /// No trend.
    Flat {
        /// The level now, percent.
        level: f64,
    },
    /// One step up, no trend.
    Jump {
        /// The level now, percent.
        level: f64,
    },
    /// Falls again and again.
    Sawtooth {
        /// Highest daily maximum, percent.
        peak: f64,
        /// Number of falls.
        falls: usize,
    },
    /// Too little history (since the last clean-up).
    Short {
        /// Days there are.
        days: usize,
    },
}

/// Which points an outlook was computed of, so that it can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Maxima of so many `rows` each, counted back from the end.
    Days {
        /// Rows of a day.
        rows: usize,
        /// How many days there are: when on its day a maximum usually is, is that of all of them.
        all: usize,
        /// How many of them count, up to the end.
        used: usize,
    },
    /// Means of so many `rows` each of what began to grow.
    Since {
        /// First row.
        row: usize,
        /// Rows of a mean.
        rows: usize,
    },
}

/// What can be said of `values` in percent of the capacity (NaN = gap; rows of `step_ms`).
pub fn outlook(values: &[f64], step_ms: i64, options: &ForecastOptions) -> Outlook {
    outlook_and_basis(values, step_ms, options).0
}

/// The same, and what it was computed of.
pub fn outlook_and_basis(values: &[f64], step_ms: i64, options: &ForecastOptions) -> (Outlook, Basis) {
    let (maxima, ago) = daily_maxima(values, step_ms);
    let falls = falls(&maxima, options);
    let by_days = |used: usize| Basis::Days { rows: rows_a_day(step_ms), all: maxima.len(), used };
    if let Some(sawtooth) = sawtooth(&maxima, &falls) {
        return (sawtooth, by_days(maxima.len()));
    }
    let used = &maxima[falls.last().copied().unwrap_or(0)..];
    let days: Vec<(f64, f64)> = used
        .iter()
        .enumerate()
        .filter(|(_, m)| m.is_finite())
        .map(|(i, &m)| (i as f64 - (used.len() - 1) as f64 - ago, m))
        .collect();
    let by_day = match days.len() {
        few if few < options.days_min => Outlook::Short { days: few },
        _ => trend(&days, options),
    };
    let by_day = (by_day, by_days(used.len()));
    match lately(values, step_ms, options) {
        Some(lately @ (Outlook::Full { .. }, _)) => lately,
        Some(slow) if !matches!(by_day.0, Outlook::Full { .. }) => slow,
        _ => by_day,
    }
}

/// What began to grow evenly and still does.
fn lately(values: &[f64], step_ms: i64, options: &ForecastOptions) -> Option<(Outlook, Basis)> {
    const PARTS: usize = 24;
    let ramp = RampFinder::default().find(values, step_ms, options.fall_min).filter(|ramp| ramp.slope > 0.0)?;
    let rows = &values[ramp.row..];
    let width = rows.len().div_ceil(PARTS).max(1);
    let mut means = Vec::new();
    stats::block_means(rows, width, &mut means);
    let days_of = |rows: f64| rows * step_ms as f64 / DAY_MS as f64;
    let middle = |i: usize| days_of(i as f64 * width as f64 + width as f64 / 2.0 - rows.len() as f64);
    let there = means.iter().enumerate().filter(|(_, m)| m.is_finite());
    let points: Vec<(f64, f64)> = there.map(|(i, &m)| (middle(i), m)).collect();
    let outlook = match trend(&points, options) {
        Outlook::Full { days, earliest, latest, slope, level, .. } => {
            Outlook::Full { days, earliest, latest, slope, level, since: Some(ramp.row) }
        }
        slow @ Outlook::Slow { .. } => slow,
        _ => return None,
    };
    Some((outlook, Basis::Since { row: ramp.row, rows: width }))
}

fn rows_a_day(step_ms: i64) -> usize {
    (DAY_MS / step_ms.max(1)).max(1) as usize
}

/// Maxima of 24 h each, counted back from the end (a first piece of less than half a day is left out), and how long before the end of its day, in days,
/// the maximum usually is.
fn daily_maxima(values: &[f64], step_ms: i64) -> (Vec<f64>, f64) {
    let day = rows_a_day(step_ms);
    let mut ago = Vec::new();
    let mut maxima: Vec<f64> = values
        .rchunks(day)
        .filter(|rows| rows.len() * 2 >= day)
        .map(|rows| {
            let there = rows.iter().enumerate().filter(|(_, v)| v.is_finite());
            let Some((row, &max)) = there.max_by(|a, b| a.1.total_cmp(b.1)) else { return f64::NAN };
            ago.push((rows.len() - row) as f64 / day as f64);
            max
        })
        .collect();
    maxima.reverse();
    let usual = stats::median(&mut ago);
    (maxima, if usual.is_finite() { usual } else { 0.0 })
}

/// First days after a clean-up.
fn falls(maxima: &[f64], options: &ForecastOptions) -> Vec<usize> {
    let mut steps = Vec::new();
    stats::finite_into(maxima.windows(2).map(|w| w[1] - w[0]), &mut steps);
    let (usual, sd) = stats::median_and_sd(&mut steps);
    let least = (3.0 * sd - usual).max(options.fall_min);
    (1..maxima.len()).filter(|&i| maxima[i - 1] - maxima[i] >= least).collect()
}

/// Two falls or more, and the rise since the last one neither higher nor much longer than those before.
fn sawtooth(maxima: &[f64], falls: &[usize]) -> Option<Outlook> {
    let (&last, rest) = falls.split_last()?;
    if rest.is_empty() {
        return None;
    }
    let peak = maxima[..last].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let now = maxima[last..].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let longest = std::iter::once(0).chain(rest.iter().copied()).zip(falls).map(|(a, b)| b - a).max().unwrap_or(0);
    let since = maxima.len() - last;
    let outgrown = now > peak + 1.0 || since > longest + longest / 2 + 1;
    (!outgrown).then_some(Outlook::Sawtooth { peak: peak.max(now), falls: falls.len() })
}

/// `days`: levels by time, in days before the end.
fn trend(days: &[(f64, f64)], options: &ForecastOptions) -> Outlook {
    if days.len() < 3 {
        return Outlook::Short { days: days.len() };
    }
    let mut slopes = pair_slopes(days);
    let slope = stats::median(&mut slopes);
    let mut intercepts: Vec<f64> = days.iter().map(|(t, v)| v - slope * t).collect();
    let (level, stray) = stats::median_and_sd(&mut intercepts);
    let span = days[days.len() - 1].0 - days[0].0;
    let rises: f64 = slopes.iter().map(|s| if *s == 0.0 { 0.0 } else { s.signum() }).sum();
    let n = days.len() as f64;
    let spread = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let z = (rises - rises.signum()) / spread;
    if slope <= 0.0 || z < options.trend_z || slope * span < options.growth_min {
        return Outlook::Flat { level };
    }
    let half = days.len() / 2;
    let halves = [&days[..half + 1], &days[half..]].map(|part| stats::median(&mut pair_slopes(part)));
    if halves.iter().any(|&s| s < options.half_share * slope) {
        return Outlook::Jump { level };
    }
    let to_go = (100.0 - level).max(0.0);
    let full = to_go / slope;
    let history = span * n / (n - 1.0);
    if full > options.days_max || full > 6.0 * history {
        return Outlook::Slow { slope, level };
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let reach = options.trend_z * spread;
    let bound = |rank: f64| slopes[(rank.round().max(0.0) as usize).min(slopes.len() - 1)];
    let pairs = slopes.len() as f64;
    let steepest = slope + options.widen * (bound((pairs + reach) / 2.0) - slope);
    let flattest = slope - options.widen * (slope - bound((pairs - reach) / 2.0));
    let stray = 2.0 * stray + uneven_growth(days) * options.widen * (full * (1.0 + full / history)).sqrt();
    let earliest = (to_go - stray).max(0.0) / steepest.max(slope);
    let latest = (flattest > 0.0).then(|| (to_go + stray) / flattest);
    if earliest < options.least_share * full && latest.is_none_or(|latest| latest > full / options.least_share) {
        return Outlook::Flat { level };
    }
    Outlook::Full { days: full, earliest, latest, slope, level, since: None }
}

/// How much a day's growth strays from the usual one: the sd of growth over three points (which noise of single ones blurs little), as of one day.
fn uneven_growth(days: &[(f64, f64)]) -> f64 {
    const APART: usize = 3;
    let mut growth: Vec<f64> = days.windows(APART + 1).map(|w| w[APART].1 - w[0].1).collect();
    let (_, sd) = stats::median_and_sd(&mut growth);
    let apart = (days[days.len() - 1].0 - days[0].0) / (days.len() - 1) as f64 * APART as f64;
    if sd.is_finite() && apart > 0.0 { sd / apart.sqrt() } else { 0.0 }
}

fn pair_slopes(days: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(days.len() * days.len() / 2);
    for (i, (t0, v0)) in days.iter().enumerate() {
        slopes.extend(days[i + 1..].iter().map(|(t1, v1)| (v1 - v0) / (t1 - t0)));
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_MS: i64 = 3_600_000;

    /// A small generator of normal noise (xorshift, sum of twelve).
    struct Noise(u64);

    impl Noise {
        fn uniform(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        fn between(&mut self, low: f64, high: f64) -> f64 {
            low + (high - low) * self.uniform()
        }

        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }
    }

    /// A made disk: hourly percent over `days`, and the day (from the end of the history) on which it is full, if ever within 60 more days.
    /// Kinds: still, filling, sawtooth, one jump, filling with one clean-up. Growth differs from day to day, with a daily wave, wander and noise on it.
    fn disk(kind: usize, noise: &mut Noise, days: usize) -> (Vec<f64>, Option<f64>) {
        let slope = match kind {
            0 => noise.between(-0.03, 0.03),
            1 => noise.between(0.1, 3.0),
            2 => noise.between(0.3, 2.0),
            3 => 0.0,
            _ => noise.between(0.1, 2.0),
        };
        let uneven = noise.between(0.0, 1.0);
        let mut grown = vec![0.0];
        for day in 0..days + 60 {
            grown.push(grown[day] + slope * (1.0 + uneven * noise.between(-1.0, 1.0)));
        }
        let (start, wave, level) = (noise.between(20.0, 85.0), noise.between(0.0, 1.0), noise.between(0.02, 0.3));
        let (stir, period) = (noise.between(0.01, 0.15), [7.0, 3.0, 5.0][(noise.uniform() * 3.0) as usize % 3]);
        let phase = noise.uniform() * period;
        let (jump_at, jump) = (noise.between(0.1, 0.9) * days as f64, noise.between(3.0, 15.0));
        let clean_at = noise.between(0.1, 0.6) * days as f64;
        let truth = |day: f64| {
            let (whole, part) = (day as usize, day.fract());
            let growth = grown[whole] + part * (grown[(whole + 1).min(grown.len() - 1)] - grown[whole]);
            let level = match kind {
                2 => start.min(60.0) + slope * ((day + phase) % period),
                3 => start + if day >= jump_at { jump } else { 0.0 },
                4 => start + growth - if day >= clean_at { slope * clean_at * 0.8 + 3.0 } else { 0.0 },
                _ => start + growth,
            };
            level + wave * (day * std::f64::consts::TAU).sin()
        };
        let mut wander = 0.0;
        let mut values: Vec<f64> = (0..(days + 60) * 24)
            .map(|h| {
                wander = 0.98 * wander + stir * noise.normal();
                (truth(h as f64 / 24.0) + wander + level * noise.normal()).clamp(0.0, 100.0)
            })
            .collect();
        let full = values[days * 24..].iter().position(|v| *v >= 100.0).map(|h| h as f64 / 24.0);
        values.truncate(days * 24);
        (values, full)
    }

    #[test]
    fn two_thousand_made_disks() {
        let mut noise = Noise(0x1234_5678_9abc_def1);
        let (mut soon, mut told, mut harmless, mut wolf, mut errors, mut covered) = (0, 0, 0, 0, Vec::new(), 0);
        let mut wolves = [0; 5];
        for i in 0..2000 {
            let (values, full) = disk(i % 5, &mut noise, 14);
            if values.iter().rev().take(24).any(|v| *v >= 99.0) {
                continue; // full already: nothing to forecast
            }
            let found = match outlook(&values, HOUR_MS, &ForecastOptions::default()) {
                Outlook::Full { days, earliest, latest, .. } => Some((days, earliest, latest)),
                _ => None,
            };
            match full {
                Some(truth) if truth <= 30.0 => {
                    soon += 1;
                    if let Some((days, earliest, latest)) = found {
                        told += usize::from(days <= 30.0 * 1.2);
                        if truth > 2.0 {
                            errors.push((days / truth - 1.0).abs());
                            covered += usize::from(earliest <= truth && latest.is_none_or(|l| truth <= l));
                        }
                    }
                }
                None => {
                    harmless += 1;
                    let false_alarm = found.is_some_and(|(days, ..)| days <= 30.0);
                    wolf += usize::from(false_alarm);
                    wolves[i % 5] += usize::from(false_alarm);
                }
                Some(_) => {}
            }
        }
        let covered = covered as f64 / errors.len() as f64;
        let (recall, false_share) =
            (f64::from(told as u32) / f64::from(soon), f64::from(wolf as u32) / f64::from(harmless));
        let error = stats::median(&mut errors);
        println!(
            "recall {recall:.3} false {false_share:.3} {wolves:?} error {error:.3} covered {covered:.2} of {soon} and {harmless}"
        );
        assert!(recall >= 0.85 && false_share <= 0.05 && error <= 0.15, "{recall} {false_share} {error}");
        assert!(covered >= 0.8, "{covered}");
    }

    fn days(values: &[f64]) -> Vec<f64> {
        values.iter().flat_map(|v| [*v; 24]).collect()
    }

    fn of(values: &[f64]) -> Outlook {
        outlook(&days(values), HOUR_MS, &ForecastOptions::default())
    }

    #[test]
    fn what_is_said_of_plain_cases() {
        let rising: Vec<f64> = (0..14).map(|i| 60.0 + i as f64).collect();
        assert!(matches!(of(&rising), Outlook::Full { days, .. } if (days - 27.0).abs() < 0.5), "{:?}", of(&rising));
        assert_eq!(of(&[50.0; 14]), Outlook::Flat { level: 50.0 });
        let jump: Vec<f64> = (0..14).map(|i| if i < 7 { 50.0 } else { 60.0 }).collect();
        assert!(matches!(of(&jump), Outlook::Jump { .. } | Outlook::Flat { .. }), "{:?}", of(&jump));
        let teeth: Vec<f64> = (0..14).map(|i| 50.0 + 4.0 * (i % 5) as f64).collect();
        assert_eq!(of(&teeth), Outlook::Sawtooth { peak: 66.0, falls: 2 });
        assert_eq!(of(&rising[..3]), Outlook::Short { days: 3 });
        assert_eq!(outlook(&[], HOUR_MS, &ForecastOptions::default()), Outlook::Short { days: 0 });
    }

    /// Mann-Kendall of six days: of 15 pairs 13 must rise more than fall for z = 2.25, 11 are z = 1.88.
    #[test]
    fn two_falling_pairs_of_six_days_are_no_trend_and_one_is_forgiven() {
        let told = |days: [f64; 6]| of(&days.map(|day| 80.0 + 1.5 * day));
        for rising in [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 2.0, 3.0, 5.0, 4.0], [1.0, 0.0, 2.0, 3.0, 4.0, 5.0]] {
            assert!(matches!(told(rising), Outlook::Full { .. }), "{rising:?}: {:?}", told(rising));
        }
        let uncertain = [1.0, 0.0, 2.0, 3.0, 5.0, 4.0];
        assert!(matches!(told(uncertain), Outlook::Flat { .. }), "{:?}", told(uncertain));
        let falling = uncertain.map(|day| 5.0 - day);
        assert!(matches!(told(falling), Outlook::Flat { .. }), "{:?}", told(falling));
        let lax = ForecastOptions { trend_z: 1.8, ..ForecastOptions::default() };
        let lax = outlook(&days(&uncertain.map(|day| 80.0 + 1.5 * day)), HOUR_MS, &lax);
        assert!(matches!(lax, Outlook::Full { .. }), "the gate is what holds it back: {lax:?}");
    }

    /// Either half has to rise by a quarter of the whole at least.
    #[test]
    fn what_rises_in_one_half_only_is_a_jump() {
        let said = |first: f64, second: f64| {
            let level = |i: usize| 70.0 + first * i.min(7) as f64 + second * i.saturating_sub(7) as f64;
            let points: Vec<(f64, f64)> = (0..15).map(|i| (i as f64 - 14.0, level(i))).collect();
            trend(&points, &ForecastOptions::default())
        };
        for (first, second) in [(1.0, 1.0), (1.0, 0.4), (0.4, 1.0)] {
            assert!(matches!(said(first, second), Outlook::Full { .. }), "{first} {second}: {:?}", said(first, second));
        }
        for (first, second) in [(1.5, 0.05), (0.05, 1.5), (1.5, -0.05)] {
            assert!(matches!(said(first, second), Outlook::Jump { .. }), "{first} {second}: {:?}", said(first, second));
        }
    }

    #[test]
    fn the_points_that_count_are_told() {
        let basis = |values: &[f64]| outlook_and_basis(values, HOUR_MS, &ForecastOptions::default()).1;
        let cleaned: Vec<f64> = (0..14).map(|i| if i < 5 { 80.0 + i as f64 } else { 60.0 + i as f64 }).collect();
        assert_eq!(basis(&days(&cleaned)), Basis::Days { rows: 24, all: 14, used: 9 });
        let begun: Vec<f64> = (0..14 * 24).map(|h| 60.0 + 0.2 * (h as f64 - 264.0).max(0.0)).collect();
        assert!(matches!(basis(&begun), Basis::Since { row: 260..268, rows: 3 }), "{:?}", basis(&begun));
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..900), step in 0i64..100_000_000) {
            outlook(&values, step, &ForecastOptions::default());
        }
    }
}
