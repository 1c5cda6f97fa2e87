//! Made-up values for tests.

/// Noise from -0.5 to 0.5, the same for the same `i` everywhere (a multiply-shift hash).
pub(in crate::analyse) fn noise(i: usize) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1u64 << 24) as f64 - 0.5
}
