//! What moves together: rank correlation of short movements, honest about how much independent evidence there is.
//!
//! ```text
//!   residual to the season ─► 15 min means ─► differences ─► ranks ─► r          "they step up and down at the same moments"
//!
//!   n_eff = n / (1 + 2 sum over k of rho_x(k) rho_y(k))                            Bartlett
//!   z     = atanh(r) sqrt((n_eff - 3) / 1.06)                                      Fieller, Hartley and Pearson (ranks)
//! ```
//!
//! Two metrics of a working day are "correlated" because both follow the day, and two random walks because they wander; raw Pearson calls 55 % of unrelated
//! pairs significant at p < 0.001. Without the season, without the wandering, by ranks and with the effective number of rows it is 0.1 %.
//!
//! Pairs count when `|r| >= 0.5` and they pass Benjamini-Hochberg at 1 % over all pairs (counting only those pairs as passing, which errs on the strict side); they are joined
//! into groups. On one node, `|r| >= 0.98` says the same thing twice (used and free) and is left out. A lag is looked for in groups only, within
//! 30 min, and told when it beats lag 0 by 0.1.
//!
//! What decides is the residual to everything that is expected; what is told of a group and its series, `r` and lag, is of the residual to the season alone ([`told`]), which
//! anyone can compute again. The two differ by some hundredths.
//!
//! Sources: Bartlett 1946 (effective size), Fieller et al. 1957, Benjamini and Hochberg 1995.

mod pairs;

use super::alarm::window_rows;
use super::options::Options;
use super::season::SeasonLearner;
use super::stats;
use super::subject::Subject;
use crate::query::Grid;

/// Parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelateOptions {
    /// Width of a mean: 15 min.
    pub block_ms: i64,
    /// Least `|r|` of a pair: 0.5.
    pub r_min: f64,
    /// On one node, at least this `|r|` is the same by construction: 0.98.
    pub same_r: f64,
    /// False discovery rate: 0.01.
    pub false_share: f64,
    /// Furthest lag: 30 min.
    pub lag_ms: i64,
    /// By how much a lag must beat lag 0: 0.1.
    pub lag_gain: f64,
    /// Lags of the effective size: 200.
    pub lags: usize,
    /// Least number of movements both series share: 48.
    pub rows_min: usize,
}

impl Default for CorrelateOptions {
    fn default() -> Self {
        CorrelateOptions {
            block_ms: 900_000,
            r_min: 0.5,
            same_r: 0.98,
            false_share: 0.01,
            lag_ms: 1_800_000,
            lag_gain: 0.1,
            lags: 200,
            rows_min: 48,
        }
    }
}

/// So many times a step is told apart from another within the size of the largest one.
pub const ALIKE: f64 = 1e9;

/// Makes movements of residuals; holds the buffers.
#[derive(Debug, Default)]
pub struct Mover {
    blocks: Vec<f64>,
    steps: Vec<f64>,
    order: Vec<usize>,
    ranked: Vec<f64>,
}

impl Mover {
    /// Ranks of the differences of block means, centred and of unit length, gaps 0; empty where there are too few or nothing moves.
    pub fn moves(&mut self, residual: &[f64], step_ms: i64, options: &CorrelateOptions) -> Vec<f32> {
        stats::block_means(residual, window_rows(options.block_ms, step_ms, 1), &mut self.blocks);
        self.steps.clear();
        self.steps.extend(self.blocks.windows(2).map(|w| w[1] - w[0]));
        // What is the same but for the last bits of a mean has the same rank, however the mean was computed.
        let most = self.steps.iter().filter(|s| s.is_finite()).fold(0.0, |most, s| f64::max(most, s.abs()));
        self.steps.iter_mut().for_each(|step| *step = (*step / most * ALIKE).round());
        stats::ranks(&self.steps, &mut self.order, &mut self.ranked);
        if self.order.len() < options.rows_min {
            return Vec::new();
        }
        let centre = (self.order.len() - 1) as f64 / 2.0;
        let length = self.ranked.iter().filter(|r| r.is_finite()).map(|r| (r - centre).powi(2)).sum::<f64>().sqrt();
        if length <= 0.0 {
            return Vec::new();
        }
        self.ranked.iter().map(|r| if r.is_finite() { ((r - centre) / length) as f32 } else { 0.0 }).collect()
    }
}

/// The movements that are told of: of `values` without their season, which is learnt by `learner`.
pub fn told(values: &[f64], grid: Grid, options: &Options, learner: &mut SeasonLearner) -> Vec<f32> {
    let mut residual = Vec::new();
    learner.learn(values, grid, options.utc_offset_ms, &mut residual);
    residual.iter_mut().zip(values).for_each(|(expected, value)| *expected = value - *expected);
    Mover::default().moves(&residual, grid.step_ms, &options.correlate)
}

/// Rank correlation of two series' movements, and by how many ms the second follows the first, where that explains clearly more than no lag.
pub type Closeness = (f64, Option<i64>);

/// What is told of two series that move together.
pub fn closeness(subjects: &[Subject], (a, b): (usize, usize), grid: Grid, options: &Options) -> Closeness {
    let mut learner = SeasonLearner::default();
    let [x, y] = [a, b].map(|place| told(subjects[place].values, grid, options, &mut learner));
    pair(&x, &y, grid.step_ms, &options.correlate)
}

/// One related pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Index of one series.
    pub a: usize,
    /// Index of the other.
    pub b: usize,
    /// Rank correlation of their movements.
    pub r: f64,
    /// Two-sided probability of at least that much between unrelated series.
    pub p: f64,
}

/// Series that move together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Indices, ascending.
    pub members: Vec<usize>,
    /// The pair with the greatest `|r|`.
    pub best: Pair,
    /// Least `|r|` of the pairs that joined the group.
    pub weakest: f64,
    /// Of the best pair: by how many ms `b` follows `a` (negative: precedes), where a lag explains more than none.
    pub lag_ms: Option<i64>,
}

/// Dot product in eight lanes, so that the compiler makes vector code of it.
fn dot(x: &[f32], y: &[f32]) -> f64 {
    let mut lanes = [0f32; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f32 = xs.remainder().iter().zip(ys.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in xs.zip(ys) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    f64::from(lanes.iter().sum::<f32>() + rest)
}

/// Autocorrelations at lags 1 to `lags` of movements of unit length.
pub fn autocorrelations(moves: &[f32], lags: usize) -> Vec<f32> {
    (1..=lags.min(moves.len() / 4)).map(|k| dot(&moves[k..], &moves[..moves.len() - k]) as f32).collect()
}

/// Correlation and its probability between unrelated series, of movements and autocorrelations.
pub fn correlate(x: &[f32], y: &[f32], rho_x: &[f32], rho_y: &[f32]) -> (f64, f64) {
    let r = dot(x, y).clamp(-1.0, 1.0);
    (r, probability(r, x.len().min(y.len()), rho_x, rho_y))
}

fn probability(r: f64, rows: usize, rho_x: &[f32], rho_y: &[f32]) -> f64 {
    let inflation = (1.0 + 2.0 * dot(rho_x, rho_y)).max(1.0);
    let effective = rows as f64 / inflation;
    if effective <= 4.0 {
        return 1.0;
    }
    let z = r.abs().min(1.0 - 1e-12).atanh() * ((effective - 3.0) / 1.06).sqrt();
    (2.0 * stats::normal_upper_tail(z)).min(1.0)
}

/// Groups of series that move together. `moves` are of [`Mover::moves`], all of one grid; `same_node` says whether two series are of one node.
pub fn groups(
    moves: &[Vec<f32>],
    step_ms: i64,
    options: &CorrelateOptions,
    threads: usize,
    same_node: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Vec<Group> {
    let block_ms = window_rows(options.block_ms, step_ms, 1) as i64 * step_ms;
    let mut groups = pairs::related(moves, options, threads, same_node);
    for group in &mut groups {
        group.lag_ms = lag(&moves[group.best.a], &moves[group.best.b], block_ms, options);
    }
    groups.sort_by(|a, b| {
        (b.members.len(), b.best.r.abs())
            .partial_cmp(&(a.members.len(), a.best.r.abs()))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    groups
}

/// Rank correlation of the movements of two series and by how many ms `y` follows `x`, where a lag explains clearly more than none. `step_ms` is that of the
/// rows that were moved.
pub fn pair(x: &[f32], y: &[f32], step_ms: i64, options: &CorrelateOptions) -> Closeness {
    let block_ms = window_rows(options.block_ms, step_ms, 1) as i64 * step_ms;
    let found = lag(x, y, block_ms, options).filter(|ms| at_lag(x, y, ms / block_ms) >= options.r_min);
    (dot(x, y).clamp(-1.0, 1.0), found)
}

/// `|r|` where `y` follows `x` by `k` blocks.
fn at_lag(x: &[f32], y: &[f32], k: i64) -> f64 {
    let by = (k.unsigned_abs() as usize).min(x.len()).min(y.len());
    let len = x.len().min(y.len()) - by;
    if k >= 0 { dot(&x[..len], &y[by..by + len]) } else { dot(&x[by..by + len], &y[..len]) }.abs()
}

/// The lag at which `y` follows `x` best, where it clearly beats none.
fn lag(x: &[f32], y: &[f32], block_ms: i64, options: &CorrelateOptions) -> Option<i64> {
    let furthest = (options.lag_ms / block_ms.max(1)).max(0);
    let at_zero = dot(x, y).abs();
    (-furthest..=furthest)
        .map(|k| (k, at_lag(x, y, k)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(k, r)| *k != 0 && *r >= at_zero + options.lag_gain)
        .map(|(k, _)| k * block_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        }
    }

    /// `count` unrelated wanderers of `rows` quarters of an hour.
    fn wanderers(count: usize, rows: usize, noise: &mut Noise) -> Vec<Vec<f64>> {
        (0..count)
            .map(|_| {
                let mut level = 0.0;
                (0..rows)
                    .map(|_| {
                        level = 0.95 * level + noise.next();
                        level + 0.5 * noise.next()
                    })
                    .collect()
            })
            .collect()
    }

    fn moves(series: &[Vec<f64>]) -> Vec<Vec<f32>> {
        let mut mover = Mover::default();
        series.iter().map(|s| mover.moves(s, 900_000, &CorrelateOptions::default())).collect()
    }

    #[test]
    fn unrelated_pairs_pass_as_rarely_as_they_should() {
        let moves = moves(&wanderers(80, 672, &mut Noise(77)));
        let rho: Vec<Vec<f32>> = moves.iter().map(|m| autocorrelations(m, 200)).collect();
        let pairs: Vec<f64> = (0..80)
            .flat_map(|a| (a + 1..80).map(move |b| (a, b)))
            .map(|(a, b)| correlate(&moves[a], &moves[b], &rho[a], &rho[b]).1)
            .collect();
        let share = pairs.iter().filter(|p| **p < 0.001).count() as f64 / pairs.len() as f64;
        assert!(share <= 0.002, "{share}");
        let share = pairs.iter().filter(|p| **p < 0.1).count() as f64 / pairs.len() as f64;
        assert!((0.05..0.15).contains(&share), "{share}");
    }

    #[test]
    fn series_that_share_a_driver_are_a_group_and_a_follower_has_a_lag() {
        let mut noise = Noise(5);
        let driver = &wanderers(1, 672, &mut noise)[0];
        let mut series = wanderers(20, 672, &mut noise);
        for follower in [3, 7, 11] {
            for (v, d) in series[follower].iter_mut().zip(driver) {
                *v = 3.0 * d + 0.3 * *v;
            }
        }
        let found = groups(&moves(&series), 900_000, &CorrelateOptions::default(), 2, &|_, _| false);
        assert_eq!(found.iter().map(|g| g.members.clone()).collect::<Vec<_>>(), vec![vec![3, 7, 11]]);
        assert_eq!(found[0].lag_ms, None);
        let late: Vec<f64> = std::iter::once(0.0).chain(driver.iter().copied()).take(672).collect();
        let both = moves(&[driver.clone(), late]);
        assert_eq!(lag(&both[0], &both[1], 900_000, &CorrelateOptions::default()), Some(900_000));
    }

    #[test]
    fn the_same_said_twice_on_one_node_is_left_out() {
        let one = wanderers(1, 672, &mut Noise(9)).remove(0);
        let free: Vec<f64> = one.iter().map(|v| 100.0 - v).collect();
        let moves = moves(&[one, free]);
        let found = |same: bool| groups(&moves, 900_000, &CorrelateOptions::default(), 1, &move |_, _| same).len();
        assert_eq!((found(true), found(false)), (0, 1));
    }

    #[test]
    fn a_constant_and_a_short_series_do_not_move() {
        assert!(moves(&[vec![1.0; 672], vec![1.0; 20], Vec::new()]).iter().all(Vec::is_empty));
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::collection::vec(prop::num::f64::ANY, 0..120), 0..5)) {
            groups(&moves(&values), 900_000, &CorrelateOptions::default(), 2, &|_, _| false);
        }
    }
}
