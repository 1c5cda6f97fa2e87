//! What moved with an incident: every series' window against the four times longer stretch before it, ranked by a Kolmogorov-Smirnov test.
//!
//! ```text
//!   share of values <= x
//!     1 |            .-----'''''
//!       |   before .'    .'   window
//!       |        .'  D .'                 D = greatest distance of the two empirical distributions
//!     0 |......''....'
//!       +----------------------------> x
//! ```
//!
//! Source: Netdata's metric correlations (KS2, baseline four times the window); p by Kolmogorov's series with Stephens' correction as in Numerical Recipes, 14.3.

use std::ops::Range;

use super::options::Floors;
use super::stats;
use super::subject::Subject;
use crate::model::catalogue::Unit;
use crate::model::{SeriesKey, TimeRange, Timestamp};
use crate::query::Grid;

/// How many windows long the stretch before is.
const BEFORE: i64 = 4;
/// Least rows in the window, and before it.
const ROWS_MIN: (usize, usize) = (3, 12);
/// Greatest probability that is told: one in a thousand.
const P_MAX: f64 = 1e-3;
/// Where the distributions are held against the floor.
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

/// How much a series moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// Which.
    pub series: SeriesKey,
    /// The metric's title for people.
    pub title: String,
    /// Unit of the medians.
    pub unit: Unit,
    /// Greatest distance of the distributions, 0 to 1.
    pub distance: f64,
    /// Probability of that for rows of one distribution (rows taken as independent, which they are not: for ranking only).
    pub p: f64,
    /// Median before.
    pub before: f64,
    /// Median in the window.
    pub during: f64,
    /// The distance weighed by the number of rows: what p falls with.
    pub lambda: f64,
    /// Greatest distance of their 10 %, 50 % and 90 % quantiles, in widths (5 % to 95 %) of the distribution before: tells apart what is wholly apart.
    pub effect: f64,
}

/// The time that is asked of: the window and the stretch before it.
pub fn asked(window: TimeRange) -> TimeRange {
    let length = BEFORE.saturating_mul(window.millis());
    let from = Timestamp::from_millis(window.from().millis().saturating_sub(length)).max(Timestamp::MIN);
    TimeRange::new(from, window.to()).unwrap_or(window)
}

/// The `limit` series that moved most in `window`, strongest first; rows are those of `grid`. Left out are series without 3 rows in the window and 12 before it, those that
/// one distribution explains (p of 0.001 and more), and those that moved less than is worth telling in their unit.
pub fn moved_most(subjects: &[Subject], grid: Grid, window: TimeRange, floors: &Floors, limit: usize) -> Vec<Movement> {
    let rows = rows_of(grid, window);
    let before = rows_of(grid, asked(window)).start..rows.start;
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let mut all: Vec<Movement> = subjects
        .iter()
        .filter_map(|subject| {
            sorted(subject.values, &before, &mut old);
            sorted(subject.values, &rows, &mut new);
            if new.len() < ROWS_MIN.0 || old.len() < ROWS_MIN.1 {
                return None;
            }
            let shift = QUANTILES.iter().map(|&q| (quantile(&old, q) - quantile(&new, q)).abs()).fold(0.0, f64::max);
            let movement = movement(subject, &old, &new, shift);
            (movement.p < P_MAX && shift > 0.0 && shift >= floors.of_subject(subject)).then_some(movement)
        })
        .collect();
    rank(&mut all);
    all.truncate(limit);
    all
}

/// Strongest first.
pub fn rank(movements: &mut [Movement]) {
    movements.sort_by(|a, b| {
        let by_test = b.lambda.total_cmp(&a.lambda).then(b.effect.total_cmp(&a.effect));
        by_test.then_with(|| a.series.cmp(&b.series))
    });
}

/// The rows that begin in `range`.
fn rows_of(grid: Grid, range: TimeRange) -> Range<usize> {
    let row = |t: Timestamp| {
        let past = t.millis().saturating_sub(grid.start.millis());
        (past.saturating_add(grid.step_ms - 1).div_euclid(grid.step_ms.max(1)).max(0) as usize).min(grid.len)
    };
    row(range.from())..row(range.to())
}

fn sorted(values: &[f64], rows: &Range<usize>, out: &mut Vec<f64>) {
    let rows = values.get(rows.start.min(values.len())..rows.end.min(values.len())).unwrap_or_default();
    stats::finite_into(rows.iter().copied(), out);
    out.sort_unstable_by(f64::total_cmp);
}

/// Of sorted values, none of them empty.
fn movement(subject: &Subject, before: &[f64], during: &[f64], shift: f64) -> Movement {
    let (n, m) = (before.len() as f64, during.len() as f64);
    let (mut i, mut j, mut distance) = (0, 0, 0.0f64);
    while i < before.len() && j < during.len() {
        let x = before[i].min(during[j]);
        i += before[i..].iter().take_while(|v| **v <= x).count();
        j += during[j..].iter().take_while(|v| **v <= x).count();
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    let root = (n * m / (n + m)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    let width = quantile(before, 0.95) - quantile(before, 0.05);
    Movement {
        series: subject.key.clone(),
        title: subject.title.clone(),
        unit: subject.unit,
        distance,
        p: kolmogorov(lambda),
        before: quantile(before, 0.5),
        during: quantile(during, 0.5),
        lambda,
        effect: shift / width.max(f64::MIN_POSITIVE),
    }
}

/// Of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted.get((q * (sorted.len().saturating_sub(1)) as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// `2 sum (-1)^(k-1) exp(-2 k² lambda²)`.
fn kolmogorov(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0;
    }
    let sum: f64 = (1..=100)
        .map(|k| {
            let k = f64::from(k);
            let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
            sign * (-2.0 * k * k * lambda * lambda).exp()
        })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::Worse;
    use crate::model::{Labels, MetricName, NodeName};
    use proptest::prelude::*;

    fn subject<'a>(metric: &str, values: &'a [f64]) -> Subject<'a> {
        Subject {
            key: SeriesKey {
                node: NodeName::new("db-1").unwrap(),
                metric: MetricName::new(metric).unwrap(),
                labels: Labels::default(),
            },
            title: metric.to_owned(),
            unit: Unit::Percent,
            worse: Worse::High,
            capacity: None,
            place: None,
            values,
        }
    }

    fn most(subjects: &[Subject], window: Range<usize>) -> Vec<Movement> {
        let grid = Grid { start: Timestamp::from_millis(600_000), step_ms: 60_000, len: 100 };
        let window = TimeRange::new(grid.time(window.start), grid.time(window.end)).unwrap_or(TimeRange::ALL);
        moved_most(subjects, grid, window, &Floors::default(), 5)
    }

    #[test]
    fn what_stepped_furthest_is_first_and_what_is_small_or_still_or_not_there_is_left_out() {
        let step =
            |by: f64| -> Vec<f64> { (0..100).map(|i| f64::from(i % 7) + if i >= 80 { by } else { 0.0 }).collect() };
        let (still, small, large, huge) = (step(0.0), step(4.0), step(20.0), step(60.0));
        let one: Vec<f64> = (0..100).map(|i| if i == 85 { 99.0 } else { f64::from(i % 7) }).collect();
        let columns = [("still", &still), ("small", &small), ("large", &large), ("huge", &huge), ("one", &one)];
        let mut subjects: Vec<Subject> = columns.iter().map(|(name, values)| subject(name, values)).collect();
        let gap = [f64::NAN; 100];
        subjects.push(subject("gap", &gap));
        let found = most(&subjects, 80..100);
        let names: Vec<&str> = found.iter().map(|m| m.series.metric.as_str()).collect();
        assert_eq!(names, ["huge", "large"]);
        assert!(found[0].distance == 1.0 && found[0].p < 1e-6, "{found:?}");
        assert_eq!((found[1].before, found[1].during), (3.0, 23.0));
        assert_eq!(most(&subjects, 10..100), [], "nothing is known of the time before");
    }

    #[test]
    fn the_stretch_before_is_four_times_as_long() {
        let window = TimeRange::new(Timestamp::from_millis(50_000), Timestamp::from_millis(60_000)).unwrap();
        assert_eq!((asked(window).from().millis(), asked(window).to().millis()), (10_000, 60_000));
        assert_eq!(asked(TimeRange::ALL), TimeRange::ALL, "there is nothing before all time");
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..80), from in 0usize..100, len in 0usize..50) {
            most(&[subject("x", &values)], from..from + len);
        }
    }
}
