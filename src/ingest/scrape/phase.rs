//! Where in its interval a target is scraped: the same place every time, also after a restart, and another for each target, so that a thousand of them
//! are a steady trickle.

/// The place of a target in an interval, in ms after its start, told by its node and address alone.
pub fn phase_ms(target: &str, interval_ms: i64) -> i64 {
    let share = u128::from(hash(target.as_bytes())) * u128::from(interval_ms.max(1).unsigned_abs());
    i64::try_from(share >> 64).unwrap_or(0)
}

/// How long after `now_ms` (since 1970) the first moment of that phase comes.
pub fn wait_ms(now_ms: i64, interval_ms: i64, phase_ms: i64) -> i64 {
    (phase_ms - now_ms).rem_euclid(interval_ms.max(1))
}

/// FNV-1a, its bits mixed once more (the end of MurmurHash3): addresses that differ in a digit land far apart.
fn hash(bytes: &[u8]) -> u64 {
    let sum = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut mixed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, sum);
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
    }
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_thousand_targets_are_a_steady_trickle() {
        let mut tenths = [0_u32; 100];
        for n in 0..1_000 {
            tenths[(phase_ms(&format!("http://node-{n}:9100/metrics"), 10_000) / 100) as usize] += 1;
        }
        let (least, most) = (tenths.iter().min().unwrap(), tenths.iter().max().unwrap());
        assert!(*least >= 1 && *most <= 25, "{least} to {most} in a tenth of a second, 10 in the mean");
    }

    #[test]
    fn a_target_keeps_its_place() {
        assert_eq!(phase_ms("http://db-1:9100/metrics", 10_000), phase_ms("http://db-1:9100/metrics", 10_000));
        assert_eq!(phase_ms("http://db-1:9100/metrics", 10_000), 15, "it stays there with the next build");
    }

    proptest! {
        #[test]
        fn the_first_moment_is_within_one_interval_and_on_the_phase(
            now in 0..4_000_000_000_000_i64, interval in 100..3_600_000_i64, address: String,
        ) {
            let phase = phase_ms(&address, interval);
            prop_assert!((0..interval).contains(&phase));
            let wait = wait_ms(now, interval, phase);
            prop_assert!((0..interval).contains(&wait));
            prop_assert_eq!((now + wait).rem_euclid(interval), phase);
        }
    }
}
