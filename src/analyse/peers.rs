//! A node unlike its group: the same metric on other nodes as the expectation.
//!
//! ```text
//!   value |  - - - - - - - - - - - - node-7, 4 sd above its group two thirds of the time
//!         |
//!         |  ====~~~~====~~~~=====~~ median of the group +- 1.4826 MAD, per 5 min
//!         +--------------------------------> time
//! ```
//!
//! Told where a node is more than 4 sd from the median of the group for at least half of the time, and the difference is worth telling in the metric's unit.
//! The sd is the larger of the moment's and the usual one, so that five nodes that happen to agree for a moment make no outlier of the sixth.
//!
//! Source: the outlier detection of Grafana's augurs and Datadog in its plainest form (median and MAD, no clustering); share and sd as in `PeerOptions`.

use super::alarm::window_rows;
use super::stats;

/// Parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerOptions {
    /// Least number of nodes: 5.
    pub nodes_min: usize,
    /// Distance in sd: 4.
    pub sds: f64,
    /// Least share of time: 0.5.
    pub share_min: f64,
    /// Width of a mean: 5 min.
    pub block_ms: i64,
}

impl Default for PeerOptions {
    fn default() -> Self {
        PeerOptions { nodes_min: 5, sds: 4.0, share_min: 0.5, block_ms: 300_000 }
    }
}

/// One member unlike the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Index in the group.
    pub member: usize,
    /// Its median over the time that counts.
    pub value: f64,
    /// Median of the group over the same time.
    pub expected: f64,
    /// Share of the time (that the member has data) beyond the limit.
    pub share: f64,
    /// Median distance in sd.
    pub sds: f64,
}

/// Members of a group (one series a node, one grid) that are unlike it. `floor` is the least difference worth telling.
pub fn outliers(group: &[&[f64]], step_ms: i64, floor: f64, options: &PeerOptions) -> Vec<Outlier> {
    if group.len() < options.nodes_min.max(3) {
        return Vec::new();
    }
    let width = window_rows(options.block_ms, step_ms, 1);
    let blocks: Vec<Vec<f64>> = group
        .iter()
        .map(|values| {
            let mut means = Vec::new();
            stats::block_means(values, width, &mut means);
            means
        })
        .collect();
    let len = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let mut row = Vec::with_capacity(group.len());
    let moments: Vec<(f64, f64)> = (0..len)
        .map(|i| {
            stats::finite_into(blocks.iter().map(|b| b.get(i).copied().unwrap_or(f64::NAN)), &mut row);
            if row.len() < options.nodes_min { (f64::NAN, f64::NAN) } else { stats::median_and_sd(&mut row) }
        })
        .collect();
    stats::finite_into(moments.iter().map(|m| m.1), &mut row);
    let usual = stats::median(&mut row);
    blocks
        .iter()
        .enumerate()
        .filter_map(|(member, block)| outlier(member, block, &moments, usual, floor, options))
        .collect()
}

fn outlier(
    member: usize,
    block: &[f64],
    moments: &[(f64, f64)],
    usual: f64,
    floor: f64,
    options: &PeerOptions,
) -> Option<Outlier> {
    const BLOCKS_MIN: usize = 12;
    let (mut own, mut group, mut distances) = (Vec::new(), Vec::new(), Vec::new());
    let (mut there, mut high, mut low) = (0usize, 0usize, 0usize);
    for (&x, &(centre, sd)) in block.iter().zip(moments) {
        if !(x.is_finite() && centre.is_finite()) {
            continue;
        }
        there += 1;
        let sd = sd.max(usual);
        let difference = x - centre;
        if difference.abs() > options.sds * sd && difference.abs() >= floor.max(1e-9 * centre.abs()) {
            high += usize::from(difference > 0.0);
            low += usize::from(difference < 0.0);
            own.push(x);
            group.push(centre);
            distances.push(if sd > 0.0 { difference.abs() / sd } else { options.sds });
        }
    }
    // On one side: a node that swings to both sides of its group is an anomaly's business.
    let share = high.max(low) as f64 / there.max(1) as f64;
    (there >= BLOCKS_MIN && share >= options.share_min).then(|| Outlier {
        member,
        value: stats::median(&mut own),
        expected: stats::median(&mut group),
        share,
        sds: stats::median(&mut distances),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(i: usize) -> f64 {
        ((i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64
    }

    fn cluster(odd: f64) -> Vec<Vec<f64>> {
        (0..8)
            .map(|n| (0..600).map(|i| 40.0 + noise(n * 1000 + i) + if n == 3 { odd } else { 0.0 }).collect())
            .collect()
    }

    fn find(nodes: &[Vec<f64>], floor: f64) -> Vec<usize> {
        let group: Vec<&[f64]> = nodes.iter().map(Vec::as_slice).collect();
        outliers(&group, 300_000, floor, &PeerOptions::default()).iter().map(|o| o.member).collect()
    }

    #[test]
    fn the_odd_one_is_named_and_only_it() {
        assert_eq!(find(&cluster(20.0), 5.0), vec![3]);
        assert_eq!(find(&cluster(-20.0), 5.0), vec![3]);
        assert_eq!(find(&cluster(0.0), 0.0), Vec::<usize>::new());
        assert_eq!(find(&cluster(3.0), 5.0), Vec::<usize>::new(), "below the floor");
        assert_eq!(find(&cluster(20.0)[..4], 5.0), Vec::<usize>::new(), "too few for a group");
    }

    proptest! {
        #[test]
        fn any_float_is_taken(values in prop::collection::vec(prop::collection::vec(prop::num::f64::ANY, 0..50), 0..8)) {
            find(&values, 0.0);
        }
    }
}
