//! Two short periods, such as two runs of one test, stretch on stretch from their starts.
//!
//! ```text
//!   before:  | 1 | 2 | 3 | … | 12 |     twelve equal stretches of the time that both have
//!   now:     | 1 | 2 | 3 | … | 12 |     difference of a stretch = median now - median before
//!
//!            +4  +5  +3  … +4           change = median of the differences: 10 % and more, more than they scatter,
//!                                       the same sign in 10 of 12 and more
//! ```
//!
//! For what is too short for [`compare`](super::compare), which goes by the hour of the week. The stretches follow each other in one run, so that what a run does in its
//! course (a ramp, a pause) is compared with itself.
//!
//! Source: own rule; the sign test's 10 of 12 has a two-sided p of 0.04.

use super::compare::Shift;
use super::stats;

/// Parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlignedOptions {
    /// Least change as a share of the median before: 0.1.
    pub share_min: f64,
    /// Stretches: 12.
    pub stretches: usize,
    /// Least number of them that both periods have: 6.
    pub stretches_min: usize,
    /// Least share of them of one sign: 10/12.
    pub sign_share: f64,
    /// Least change in sd of the stretches' differences: 1.
    pub sds_min: f64,
}

impl Default for AlignedOptions {
    fn default() -> Self {
        AlignedOptions { share_min: 0.1, stretches: 12, stretches_min: 6, sign_share: 10.0 / 12.0, sds_min: 1.0 }
    }
}

/// The shift from `before` to `now`, whose values of one index belong together, or `None` where there is none worth telling or too little to compare. Its
/// `days` are stretches. `floor`: least difference worth telling.
pub fn shift(before: &[f64], now: &[f64], floor: f64, options: &AlignedOptions) -> Option<Shift> {
    let common = last_known(before).min(last_known(now));
    let width = common.div_ceil(options.stretches.max(1)).max(1);
    let stretches = before[..common].chunks(width).zip(now[..common].chunks(width));
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let differences: Vec<f64> = stretches
        .filter_map(|(a, b)| {
            stats::finite_into(a.iter().copied(), &mut old);
            stats::finite_into(b.iter().copied(), &mut new);
            let enough = old.len() * 3 >= width && new.len() * 3 >= width;
            enough.then(|| stats::median(&mut new) - stats::median(&mut old))
        })
        .collect();
    if differences.len() < options.stretches_min {
        return None;
    }
    let (change, sd) = stats::median_and_sd(&mut differences.clone());
    let same_sign = differences.iter().filter(|d| **d * change > 0.0).count();
    stats::finite_into(before[..common].iter().copied(), &mut old);
    stats::finite_into(now[..common].iter().copied(), &mut new);
    let (level, level_now) = (stats::median(&mut old), stats::median(&mut new));
    let least = (options.share_min * level.abs()).max(options.sds_min * sd).max(floor);
    let steady = same_sign as f64 >= options.sign_share * differences.len() as f64;
    (change.abs() >= least && steady && (level_now - level) * change > 0.0).then(|| Shift {
        before: level,
        now: level_now,
        p95_before: stats::interpolated_quantile(&mut old, 0.95),
        p95_now: stats::interpolated_quantile(&mut new, 0.95),
        days: same_sign,
        of_days: differences.len(),
        sds: if sd > 0.0 { change.abs() / sd } else { f64::INFINITY },
    })
}

fn last_known(values: &[f64]) -> usize {
    values.iter().rposition(|v| v.is_finite()).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(i: usize) -> f64 {
        ((i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    /// Ramps up, stays, ramps down.
    fn run(level: f64, seed: usize) -> Vec<f64> {
        (0..300).map(|i| level * (i.min(300 - i).min(60) as f64 / 60.0) + 4.0 * noise(seed + i)).collect()
    }

    fn of(before: &[f64], now: &[f64]) -> Option<Shift> {
        shift(before, now, 0.5, &AlignedOptions::default())
    }

    #[test]
    fn a_run_that_is_slower_all_along_is_told_and_noise_is_not() {
        let found = of(&run(40.0, 1), &run(52.0, 5_000)).unwrap();
        assert!((found.now - found.before - 12.0).abs() < 1.5 && found.of_days == 12, "{found:?}");
        assert_eq!(of(&run(40.0, 1), &run(41.0, 5_000)), None);
        assert_eq!(of(&run(40.0, 1), &run(40.0, 5_000)), None);
    }

    #[test]
    fn one_long_pause_is_no_change_and_a_shorter_run_is_compared_as_far_as_it_goes() {
        let mut paused = run(40.0, 9);
        paused[100..170].fill(0.0);
        assert_eq!(of(&run(40.0, 1), &paused), None);
        let found = of(&run(40.0, 1), &run(60.0, 9)[..200]).unwrap();
        assert_eq!(found.of_days, 12);
        assert_eq!(of(&run(40.0, 1)[..4], &run(60.0, 9)[..4]), None, "four rows are no run");
    }

    proptest! {
        #[test]
        fn any_float_is_taken(a in prop::collection::vec(prop::num::f64::ANY, 0..90), b in prop::collection::vec(prop::num::f64::ANY, 0..90)) {
            of(&a, &b);
        }
    }
}
