//! Sums of deltas, so that a counter which is told in pieces is stored as one that grows.

use std::collections::HashMap;

use super::super::Reason;
use crate::ingest::limits::DELTA_SERIES_MAX;

/// What the deltas of each series have come to. What was added since the last [`Totals::keep`] can be taken back: a request that was not stored
/// comes again.
#[derive(Debug, Default)]
pub struct Totals {
    series: HashMap<String, Total>,
    /// What was there before, in the order of the changes.
    before: Vec<(String, Option<Total>)>,
}

#[derive(Clone, Copy, Debug)]
struct Total {
    value: f64,
    /// End of the last delta, in ns.
    until: i64,
}

impl Totals {
    /// Adds a delta that ends at `until`, in ns, and gives the sum. The last one again is not added again: its request has come twice, as the answer was
    /// lost. One from before that is refused.
    pub(super) fn add(&mut self, series: String, until: i64, delta: f64) -> Result<f64, Reason<'static>> {
        let known = self.series.get(&series).copied();
        if let Some(known) = known.filter(|known| until <= known.until) {
            let earlier = Reason::Unread("a delta that ends before the one before it");
            return if until == known.until { Ok(known.value) } else { Err(earlier) };
        }
        if known.is_none() && self.series.len() >= DELTA_SERIES_MAX {
            return Err(Reason::Unread("a delta of one more series than 200,000: send cumulative sums; it"));
        }
        let value = known.map_or(0.0, |known| known.value) + delta;
        self.series.insert(series.clone(), Total { value, until });
        self.before.push((series, known));
        Ok(value)
    }

    /// What was added is stored.
    pub fn keep(&mut self) {
        self.before.clear();
    }

    /// What was added is not stored.
    pub fn take_back(&mut self) {
        for (series, before) in self.before.drain(..).rev() {
            match before {
                Some(total) => drop(self.series.insert(series, total)),
                None => drop(self.series.remove(&series)),
            }
        }
    }

    /// Whether anything was added since the last [`Totals::keep`].
    pub fn has_grown(&self) -> bool {
        !self.before.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_stored_is_taken_back_and_what_comes_twice_is_not_added() {
        let mut totals = Totals::default();
        let add = |totals: &mut Totals, until, delta| totals.add("a".to_owned(), until, delta).ok();
        assert_eq!((add(&mut totals, 1, 2.0), add(&mut totals, 2, 3.0)), (Some(2.0), Some(5.0)));
        totals.keep();
        assert_eq!((add(&mut totals, 3, 1.0), add(&mut totals, 4, 1.0)), (Some(6.0), Some(7.0)));
        totals.take_back();
        assert!(!totals.has_grown());
        assert_eq!(add(&mut totals, 3, 1.0), Some(6.0), "it has come again");
        assert_eq!(add(&mut totals, 3, 1.0), Some(6.0), "twice");
        assert_eq!(add(&mut totals, 2, 1.0), None, "long ago");
    }
}
