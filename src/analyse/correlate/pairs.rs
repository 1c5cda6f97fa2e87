//! All pairs of many series, and the groups that the related ones make.
//!
//! ```text
//!   |======= looked at ========|----- the rest -----|      |r| <= |r so far| + length of x's rest * length of y's rest
//! ```
//!
//! Thirty thousand series are half a billion pairs. Of unrelated ones, which most are, half of the rows tell that `|r|` stays below what counts: a bound, so that no
//! pair is missed. Pairs that pass whatever the others do (`p` of one test over their number) are joined as they are found, and are not kept; of the others the few that count are.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CorrelateOptions, Group, Pair, autocorrelations, dot, probability};

/// Series of a side of a tile: their rows stay in a core's cache.
const TILE: usize = 64;
/// Sixteenths of the rows that are looked at first: after half of them unrelated series may still have an `r` of one half.
const FIRST_SIXTEENTHS: usize = 9;
/// Numbers that are multiplied at once.
const LANES: usize = 4;
/// What sums taken in another order may differ by.
const ROUNDING: f64 = 1e-3;

/// The groups of series whose pairs pass, by their first series; their lags are not looked for yet.
pub(super) fn related(
    moves: &[Vec<f32>],
    options: &CorrelateOptions,
    threads: usize,
    same_node: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Vec<Group> {
    let case = Case::new(moves, options, same_node);
    let count = case.usable.len().div_ceil(TILE);
    let tiles: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut joined = Joined::of(moves.len());
        while let Some(&(a, b)) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
            case.tile(case.members(a), case.members(b), &mut joined);
        }
        joined
    };
    let joined = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, tiles.len().max(1))).map(|_| scope.spawn(work)).collect();
        // A worker that panicked has found nothing; the others' pairs stand.
        workers.into_iter().filter_map(|worker| worker.join().ok()).reduce(Joined::and)
    });
    joined.map(|joined| joined.groups(case.least_p)).unwrap_or_default()
}

/// Rows that are looked at together, and of every usable series the length of what comes after them.
struct Stage {
    rows: Range<usize>,
    rest: Vec<f64>,
}

struct Case<'a> {
    moves: &'a [Vec<f32>],
    options: &'a CorrelateOptions,
    same_node: &'a (dyn Fn(usize, usize) -> bool + Sync),
    /// Series that move.
    usable: Vec<usize>,
    /// The first rows and the others, in whole lanes.
    stages: [Stage; 2],
    /// Autocorrelations, made for those that need them.
    rho: Vec<OnceLock<Vec<f32>>>,
    /// The false discovery rate of one test, over the number of tests.
    least_p: f64,
}

impl<'a> Case<'a> {
    fn new(
        moves: &'a [Vec<f32>],
        options: &'a CorrelateOptions,
        same_node: &'a (dyn Fn(usize, usize) -> bool + Sync),
    ) -> Case<'a> {
        let usable: Vec<usize> = (0..moves.len()).filter(|&i| !moves[i].is_empty()).collect();
        let tested = usable.len() * usable.len().saturating_sub(1) / 2;
        let whole = |rows: usize| rows / LANES * LANES;
        let rows = usable.iter().map(|&i| moves[i].len()).min().unwrap_or(0);
        let (half, rows) = (whole(rows * FIRST_SIXTEENTHS / 16), whole(rows));
        let length = |rows: &[f32]| rows.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let stage =
            |rows: Range<usize>| Stage { rest: usable.iter().map(|&i| length(&moves[i][rows.end..])).collect(), rows };
        let stages = [stage(0..half), stage(half..rows)];
        let rho = usable.iter().map(|_| OnceLock::new()).collect();
        let least_p = options.false_share / tested as f64;
        Case { moves, options, same_node, usable, stages, rho, least_p }
    }

    fn members(&self, tile: usize) -> Range<usize> {
        tile * TILE..((tile + 1) * TILE).min(self.usable.len())
    }

    /// Every pair of one of `a` and a later one of `b`.
    fn tile(&self, a: Range<usize>, b: Range<usize>, joined: &mut Joined) {
        for x in a.clone().step_by(2) {
            for y in b.clone().step_by(4).filter(|y| y + 3 > x) {
                // What is beyond the end is the last one again.
                let xs: [usize; 2] = std::array::from_fn(|i| (x + i).min(a.end - 1));
                let ys: [usize; 4] = std::array::from_fn(|k| (y + k).min(b.end - 1));
                let all = (0..2).flat_map(|i| (0..4).map(move |k| (i, k)));
                let all = all.filter(|(i, k)| x + i < y + k && x + i < a.end && y + k < b.end);
                let is_open = |sums: &[[f32; 4]; 2], stage: &Stage, (i, k): (usize, usize)| {
                    let most = f64::from(sums[i][k].abs()) + stage.rest[xs[i]] * stage.rest[ys[k]];
                    most + ROUNDING >= self.options.r_min
                };
                let [first, second] = &self.stages;
                let mut sums = self.products(xs, ys, first);
                if !all.clone().any(|pair| is_open(&sums, first, pair)) {
                    continue;
                }
                let more = self.products(xs, ys, second);
                sums.as_flattened_mut().iter_mut().zip(more.as_flattened()).for_each(|(sum, more)| *sum += more);
                for (i, k) in all.filter(|pair| is_open(&sums, second, *pair)) {
                    if let Some(pair) = self.pair(xs[i], ys[k]) {
                        joined.hear(pair, self.least_p);
                    }
                }
            }
        }
    }

    fn products(&self, x: [usize; 2], y: [usize; 4], stage: &Stage) -> [[f32; 4]; 2] {
        let rows = |series: usize| &self.moves[self.usable[series]][stage.rows.clone()];
        products(x.map(rows), y.map(rows))
    }

    /// A pair with enough `|r|`.
    fn pair(&self, x: usize, y: usize) -> Option<Pair> {
        let (a, b) = (self.usable[x], self.usable[y]);
        let r = dot(&self.moves[a], &self.moves[b]).clamp(-1.0, 1.0);
        if r.abs() < self.options.r_min || (r.abs() >= self.options.same_r && (self.same_node)(a, b)) {
            return None;
        }
        let rho =
            |x: usize| self.rho[x].get_or_init(|| autocorrelations(&self.moves[self.usable[x]], self.options.lags));
        let p = probability(r, self.moves[a].len().min(self.moves[b].len()), rho(x), rho(y));
        Some(Pair { a, b, r, p })
    }
}

/// Dot products of two series with four others, so that what is fetched is multiplied several times; of the rows that make whole lanes.
fn products(x: [&[f32]; 2], y: [&[f32]; 4]) -> [[f32; 4]; 2] {
    let (x, y) = (x.map(|x| x.as_chunks::<LANES>().0), y.map(|y| y.as_chunks::<LANES>().0));
    let len = x[0].len();
    let (x, y) = (x.map(|x| &x[..len]), y.map(|y| &y[..len]));
    let mut sums = [[[0f32; LANES]; 4]; 2];
    for row in 0..len {
        for i in 0..2 {
            for k in 0..4 {
                for lane in 0..LANES {
                    sums[i][k][lane] += x[i][row][lane] * y[k][row][lane];
                }
            }
        }
    }
    sums.map(|sums| sums.map(|lanes| lanes.iter().sum()))
}

/// What pairs come to.
struct Joined {
    /// Union-find over the series.
    parent: Vec<usize>,
    /// Of the pairs whose first series it is: the one with the greatest `|r|`, and the least `|r|`.
    of: Vec<Option<(Pair, f64)>>,
    /// How many pairs that was.
    count: usize,
    /// Pairs that pass where enough others do.
    open: Vec<Pair>,
}

impl Joined {
    fn of(series: usize) -> Joined {
        Joined { parent: (0..series).collect(), of: vec![None; series], count: 0, open: Vec::new() }
    }

    fn hear(&mut self, pair: Pair, least_p: f64) {
        if pair.p <= least_p { self.take(pair) } else { self.open.push(pair) }
    }

    fn take(&mut self, pair: Pair) {
        self.count += 1;
        self.join(pair.a, pair.b);
        self.add(pair, pair.r.abs());
    }

    fn add(&mut self, best: Pair, weakest: f64) {
        let known = &mut self.of[best.a];
        *known = Some(known.map_or((best, weakest), |(pair, least)| (stronger(pair, best), least.min(weakest))));
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn and(mut self, other: Joined) -> Joined {
        other.parent.iter().enumerate().for_each(|(i, &parent)| self.join(i, parent));
        other.of.into_iter().flatten().for_each(|(best, weakest)| self.add(best, weakest));
        self.count += other.count;
        self.open.extend(other.open);
        self
    }

    /// With those of the open pairs that pass by Benjamini and Hochberg: `p` of at most `least_p` times the rank.
    fn groups(mut self, least_p: f64) -> Vec<Group> {
        let mut open = std::mem::take(&mut self.open);
        open.sort_by(|a, b| a.p.total_cmp(&b.p));
        let passing = (1..=open.len()).rev().find(|&k| open[k - 1].p <= least_p * (self.count + k) as f64);
        open.into_iter().take(passing.unwrap_or(0)).for_each(|pair| self.take(pair));
        let mut groups = BTreeMap::<usize, (Vec<usize>, Option<(Pair, f64)>)>::new();
        for series in 0..self.parent.len() {
            let (members, known) = groups.entry(self.root(series)).or_default();
            members.push(series);
            if let Some((best, weakest)) = self.of[series] {
                *known =
                    Some(known.map_or((best, weakest), |(pair, least)| (stronger(pair, best), least.min(weakest))));
            }
        }
        let group = |(members, known): (Vec<usize>, Option<(Pair, f64)>)| {
            known.map(|(best, weakest)| Group { members, best, weakest, lag_ms: None })
        };
        groups.into_values().filter_map(group).collect()
    }
}

/// The one with the greater `|r|`; of equals the one that comes first.
fn stronger(a: Pair, b: Pair) -> Pair {
    let rank = |pair: &Pair| (std::cmp::Reverse(pair.p.to_bits()), std::cmp::Reverse((pair.a, pair.b)));
    let order = a.r.abs().total_cmp(&b.r.abs()).then_with(|| rank(&a).cmp(&rank(&b)));
    if order.is_ge() { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::super::Mover;
    use super::*;
    use crate::analyse::made::noise;

    /// Some follow a driver, more or less.
    fn moves(series: usize) -> Vec<Vec<f32>> {
        let mut mover = Mover::default();
        let line = |s: usize| -> Vec<f64> {
            let share = if s.is_multiple_of(3) { 0.3 * (s % 7) as f64 } else { 0.0 };
            (0..500).map(|i| noise(7919 * (s + 1) + i) + share * noise(i)).collect()
        };
        (0..series).map(|s| mover.moves(&line(s), 900_000, &CorrelateOptions::default())).collect()
    }

    /// Every pair by itself, sorted by p.
    fn one_by_one(moves: &[Vec<f32>], options: &CorrelateOptions) -> Vec<Pair> {
        let rho: Vec<Vec<f32>> = moves.iter().map(|m| autocorrelations(m, options.lags)).collect();
        let of = |a: usize, b: usize| {
            let (r, p) = super::super::correlate(&moves[a], &moves[b], &rho[a], &rho[b]);
            Pair { a, b, r, p }
        };
        let mut pairs: Vec<Pair> =
            (0..moves.len()).flat_map(|a| (a + 1..moves.len()).map(move |b| (a, b))).map(|(a, b)| of(a, b)).collect();
        let tested = pairs.len();
        pairs.retain(|pair| pair.r.abs() >= options.r_min);
        pairs.sort_by(|a, b| a.p.total_cmp(&b.p));
        let passing =
            (1..=pairs.len()).rev().find(|&k| pairs[k - 1].p <= options.false_share * k as f64 / tested as f64);
        pairs.truncate(passing.unwrap_or(0));
        pairs
    }

    #[test]
    fn no_pair_is_missed_by_looking_at_half_of_the_rows() {
        for (series, r_min, false_share) in [(150, 0.5, 0.01), (150, 0.2, 1e-12), (67, 0.3, 0.01), (2, 0.5, 0.01)] {
            let options = CorrelateOptions { r_min, false_share, ..CorrelateOptions::default() };
            let moves = moves(series);
            let expected = one_by_one(&moves, &options);
            assert!(series == 2 || expected.len() > 20, "{}", expected.len());
            for threads in [1, 3] {
                assert_eq!(related(&moves, &options, threads, &|_, _| false), joined_groups(&expected, series));
            }
        }
    }

    fn joined_groups(pairs: &[Pair], series: usize) -> Vec<Group> {
        let mut joined = Joined::of(series);
        pairs.iter().for_each(|pair| joined.take(*pair));
        joined.groups(0.0)
    }
}
