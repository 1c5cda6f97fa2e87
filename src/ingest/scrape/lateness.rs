//! How well the moments were kept.

use std::fmt;

/// Upper ends of the classes, in ms.
const CLASSES_MS: [i64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/// How late scrapes began after they were due, and how many were left out because the one before was not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    within: [u64; CLASSES_MS.len()],
    later: u64,
    missed: u64,
}

impl Lateness {
    /// One that began.
    pub fn began(&mut self, late_ms: i64) {
        match CLASSES_MS.iter().position(|class| late_ms <= *class) {
            Some(class) => self.within[class] += 1,
            None => self.later += 1,
        }
    }

    /// Some that were left out.
    pub fn missed(&mut self, scrapes: i64) {
        self.missed += scrapes.max(0).unsigned_abs();
    }

    /// Those of others, too.
    pub fn add(&mut self, other: &Lateness) {
        self.within.iter_mut().zip(other.within).for_each(|(mine, theirs)| *mine += theirs);
        self.later += other.later;
        self.missed += other.missed;
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.within.iter().sum::<u64>() + self.later;
        write!(f, "{all} scrapes began")?;
        for (class, count) in CLASSES_MS.iter().zip(self.within).filter(|(_, count)| *count > 0) {
            write!(f, ", {count} within {class} ms")?;
        }
        if self.later > 0 {
            write!(f, ", {} later", self.later)?;
        }
        write!(f, "; {} left out", self.missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_distribution() {
        let mut lateness = Lateness::default();
        [0, 1, 2, 7, 7, 3_000].into_iter().for_each(|ms| lateness.began(ms));
        lateness.missed(2);
        let mut both = lateness;
        both.add(&lateness);
        assert_eq!(
            lateness.to_string(),
            "6 scrapes began, 2 within 1 ms, 1 within 2 ms, 2 within 10 ms, 1 later; 2 left out"
        );
        assert!(both.to_string().starts_with("12 scrapes began, 4 within 1 ms"));
    }
}
