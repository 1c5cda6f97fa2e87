use crate::model::SeriesId;

use super::WriteCounts;

/// Samples of one series with strictly ascending times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Run {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

/// Runs of several series, by series.
pub(super) type Runs = Vec<(SeriesId, Run)>;

impl Run {
    pub(super) fn push(&mut self, ts: i64, value: f64) {
        self.times.push(ts);
        self.values.push(value);
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }

    /// The samples before `end`; those from it on stay.
    pub(super) fn take_before(&mut self, end: i64) -> Run {
        let upto = self.times.partition_point(|t| *t < end);
        if upto == 0 {
            return Run::default();
        }
        let rest = Run { times: self.times.split_off(upto), values: self.values.split_off(upto) };
        std::mem::replace(self, rest)
    }

    /// Brings samples as they came into order. Of several at one time the last one wins; the others are counted.
    pub(super) fn sort(&mut self, counts: &mut WriteCounts) {
        if self.times.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|i| self.times[*i as usize]); // stable: equal times stay in the order they came in
        let mut sorted = Run { times: Vec::with_capacity(self.len()), values: Vec::with_capacity(self.len()) };
        for i in order {
            let (ts, value) = (self.times[i as usize], self.values[i as usize]);
            match sorted.values.last_mut() {
                Some(last) if sorted.times.last() == Some(&ts) => {
                    count_conflict(counts, *last, value);
                    *last = value;
                }
                _ => sorted.push(ts, value),
            }
        }
        *self = sorted;
    }

    /// Joins `newer` samples with `older` ones into `self`. At an equal time the newer one wins.
    pub(super) fn merge(&mut self, older: (&[i64], &[f64]), newer: (&[i64], &[f64]), counts: &mut WriteCounts) {
        self.clear();
        let ((old_times, old_values), (new_times, new_values)) = (older, newer);
        let (mut i, mut k) = (0, 0);
        while k < new_times.len() {
            let upto = i + old_times[i..].partition_point(|t| *t < new_times[k]);
            self.times.extend_from_slice(&old_times[i..upto]);
            self.values.extend_from_slice(&old_values[i..upto]);
            i = upto;
            // New samples up to the next old one go in as they are.
            let next_old = old_times.get(i).copied().unwrap_or(i64::MAX);
            let upto = k + new_times[k..].partition_point(|t| *t < next_old);
            self.times.extend_from_slice(&new_times[k..upto]);
            self.values.extend_from_slice(&new_values[k..upto]);
            counts.stored += (upto - k) as u64;
            k = upto;
            if new_times.get(k) == Some(&next_old) {
                count_conflict(counts, old_values[i], new_values[k]);
                self.push(next_old, new_values[k]);
                (i, k) = (i + 1, k + 1);
            }
        }
        self.times.extend_from_slice(&old_times[i..]);
        self.values.extend_from_slice(&old_values[i..]);
    }

    /// The median distance of samples, found from at most 128 of them; `None` where there is one sample only.
    pub(super) fn interval(&self) -> Option<i64> {
        let stride = (self.len() / 128).max(1);
        let mut steps: Vec<i64> = self.times.windows(2).step_by(stride).map(|w| w[1] - w[0]).collect();
        let middle = steps.len() / 2;
        (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
    }
}

/// Samples equal bit by bit are duplicates; anything else was replaced.
pub(super) fn count_conflict(counts: &mut WriteCounts, old: f64, new: f64) {
    if old.to_bits() == new.to_bits() {
        counts.duplicates += 1;
    } else {
        counts.replaced += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
        prop::collection::vec((0i64..40, prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN])), 0..60)
    }

    fn sorted(samples: &[(i64, f64)]) -> (Run, WriteCounts) {
        let mut run = Run::default();
        samples.iter().for_each(|(t, v)| run.push(*t, *v));
        let mut counts = WriteCounts::default();
        run.sort(&mut counts);
        (run, counts)
    }

    fn bits(run: &Run) -> Vec<(i64, u64)> {
        run.times.iter().copied().zip(run.values.iter().map(|v| v.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn sorting_and_merging_equal_a_map(old in samples(), new in samples()) {
            let (old_run, old_counts) = sorted(&old);
            prop_assert_eq!(old_counts.duplicates + old_counts.replaced, (old.len() - old_run.len()) as u64);
            let (new_run, _) = sorted(&new);
            let (mut merged, mut counts) = (Run::default(), WriteCounts::default());
            merged.merge((&old_run.times, &old_run.values), (&new_run.times, &new_run.values), &mut counts);
            let model: BTreeMap<i64, u64> = old.iter().chain(&new).map(|(t, v)| (*t, v.to_bits())).collect();
            prop_assert_eq!(bits(&merged), model.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(counts.stored as usize, merged.len() - old_run.len());
            prop_assert_eq!((counts.stored + counts.duplicates + counts.replaced) as usize, new_run.len());
        }
    }
}
