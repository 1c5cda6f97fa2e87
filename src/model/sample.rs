use std::fmt;
use std::str::FromStr;

use super::{SeriesKey, Timestamp};

/// The bits of Prometheus' stale marker: a NaN that says "this series has ended".
/// Source: prometheus/model/value/value.go, `StaleNaN`.
pub const STALE_MARKER_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether `value` is exactly the stale marker.
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_MARKER_BITS
}

/// One measured value at a moment. NaN is a gap, never a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub ts: Timestamp,
    /// What.
    pub value: f64,
}

/// How the values of a metric behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Goes up and down.
    #[default]
    Gauge,
    /// Only grows, or starts again from zero (a reset).
    Counter,
}

impl Kind {
    /// The word used in SQL, JSON and help.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        }
    }

    /// What the field's naming rule says of a metric nobody described: `_total` and `_bucket` are counters. A `_count` may as well be
    /// a number of things (`partition_count`), so only a source that says so makes it one; and those of which the catalogue makes rates.
    pub fn from_name(metric: &str) -> Kind {
        let grows = metric.ends_with("_total")
            || metric.ends_with("_bucket")
            || super::catalogue::Catalogue::built_in().is_counter(metric);
        if grows { Kind::Counter } else { Kind::Gauge }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "gauge" => Ok(Kind::Gauge),
            "counter" => Ok(Kind::Counter),
            _ => Err(()),
        }
    }
}

/// Samples that are written together: one commit. Each carries its series' place in `keys`.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The series, each once.
    pub keys: Vec<SeriesKey>,
    /// What is known of the metrics' kinds and help: same length as `keys`, `None` where nothing was said.
    pub meta: Vec<Option<MetricMeta>>,
    /// `(index into keys, sample)`.
    pub samples: Vec<(u32, Sample)>,
}

/// What a source said of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricMeta {
    /// Gauge or counter, where the source said so.
    pub kind: Option<Kind>,
    /// Unit, such as `bytes`.
    pub unit: Option<String>,
    /// One line of help.
    pub help: Option<String>,
}

impl Batch {
    /// Adds one sample of one series; the series is looked for among those added last, so that callers who add series by
    /// series pay nothing for it.
    pub fn push(&mut self, key: SeriesKey, meta: Option<MetricMeta>, sample: Sample) {
        let index = match self.keys.last() {
            Some(last) if *last == key => self.keys.len() - 1,
            _ => {
                self.keys.push(key);
                self.meta.push(meta);
                self.keys.len() - 1
            }
        };
        self.samples.push((index as u32, sample));
    }
}

/// What is kept of the samples of one series in one bucket. Merging is associative, and commutative in time order.
///
/// NaN samples are gaps: they are not counted. `increase` is the growth of a counter inside the bucket, resets handled: the
/// sum of `v[i] - v[i-1]` where it grew and of `v[i]` where it fell (a reset counts from zero). The step from the
/// bucket before is added by [`Aggregate::merge`], so the increase of a whole range is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// Number of samples that are numbers.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Earliest.
    pub first: f64,
    /// Latest.
    pub last: f64,
    /// Reset-aware growth between `first` and `last`.
    pub increase: f64,
}

impl Default for Aggregate {
    fn default() -> Self {
        Aggregate::EMPTY
    }
}

impl Aggregate {
    /// Of no samples; the neutral element of [`Aggregate::merge`].
    pub const EMPTY: Aggregate = Aggregate {
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        first: f64::NAN,
        last: f64::NAN,
        increase: 0.0,
    };

    /// Takes the next sample in time order; NaN is a gap and is passed over.
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        if self.count > 0 {
            self.increase += step_up(self.last, value);
        }
        self.push_level(value);
    }

    /// Takes the next sample in time order as [`Aggregate::push`] does, but for growth, which is left as it is.
    #[inline]
    pub fn push_level(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        if self.count == 0 {
            self.first = value;
        }
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.last = value;
    }

    /// Takes samples in time order, each as [`Aggregate::push_level`] does.
    #[inline]
    pub fn push_levels(&mut self, values: &[f64]) {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
        let (mut sum, mut min, mut max) = (self.sum, self.min, self.max);
        for &value in values {
            sum += value;
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
        }
        // Where one of them is no number the sum is none; of infinities it need not be one either, and they are taken one by one as well.
        if sum.is_nan() {
            return values.iter().for_each(|value| self.push_level(*value));
        }
        if self.count == 0 {
            self.first = *first;
        }
        let count = self.count + values.len() as u64;
        *self = Aggregate { count, sum, min, max, last: *last, ..*self };
    }

    /// Of samples in time order.
    pub fn of(values: &[f64]) -> Aggregate {
        let mut aggregate = Aggregate::EMPTY;
        values.iter().for_each(|v| aggregate.push(*v));
        aggregate
    }

    /// Joins the aggregate of the time right after this one.
    pub fn merge(&mut self, later: &Aggregate) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *later;
            return;
        }
        self.increase += step_up(self.last, later.first) + later.increase;
        self.count += later.count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
    }

    /// Whether no sample was taken.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Mean, NaN where there is no sample. A sum that overflowed or mixes infinities gives what IEEE 754 says.
    pub fn avg(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// Growth of a counter from one sample to the next: a fall is a reset, and what it shows has grown from zero.
pub fn step_up(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_equals_pushing_and_is_associative() {
        let v = [5.0, 7.0, f64::NAN, 2.0, 4.0, 4.0, 1.0, 9.0];
        let whole = Aggregate::of(&v);
        assert_eq!(whole.increase, 2.0 + 2.0 + 2.0 + 0.0 + 1.0 + 8.0);
        for i in 0..=v.len() {
            for j in i..=v.len() {
                let (a, b, c) = (Aggregate::of(&v[..i]), Aggregate::of(&v[i..j]), Aggregate::of(&v[j..]));
                let mut left = a;
                left.merge(&b);
                left.merge(&c);
                let mut right = b;
                right.merge(&c);
                let mut outer = a;
                outer.merge(&right);
                assert_eq!(left, whole);
                assert_eq!(outer, whole);
            }
        }
    }

    #[test]
    fn names_tell_counters() {
        assert_eq!(Kind::from_name("disk_read_bytes_total"), Kind::Counter);
        assert_eq!(Kind::from_name("cpu_percent"), Kind::Gauge);
        assert_eq!(Kind::from_name("partition_count"), Kind::Gauge);
    }
}
