//! Random numbers that are the same everywhere.

/// A stream of random numbers. Source of the generator: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014
/// (SplitMix64, constants of Java's SplittableRandom).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of one node.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Random(seed ^ stream.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// About normal, mean 0, deviation 1: the sum of twelve even numbers. Needs no logarithm, which differs between systems.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Noise that remembers: each step keeps most of the last.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    value: f64,
    keep: f64,
}

impl Drift {
    /// `memory_ms`: how long it remembers.
    pub(super) fn new(memory_ms: f64, interval_ms: f64) -> Self {
        Drift { value: 0.0, keep: (1.0 - interval_ms / memory_ms).clamp(0.0, 0.999) }
    }

    /// The next value: mean 0, deviation 1.
    pub(super) fn next(&mut self, random: &mut Random) -> f64 {
        self.value = self.keep * self.value + (1.0 - self.keep * self.keep).sqrt() * random.normal();
        self.value
    }
}
