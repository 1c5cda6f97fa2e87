//! Limits of shown metrics: what holds where nothing is set, and which side of them is the wrong one.

use std::collections::BTreeMap;

use crate::model::catalogue::Worse;

/// From which value on a metric is worth a warning, and from which it is bad. Either may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Threshold {
    /// Look at it.
    pub warn: Option<f64>,
    /// Act on it.
    pub bad: Option<f64>,
}

/// Thresholds by the name of the shown metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds(BTreeMap<String, Threshold>);

/// What holds where nothing is configured: what is full, and what is at its limit.
const DEFAULTS: [(&str, f64, f64); 5] = [
    ("cpu_percent", 85.0, 95.0),
    ("memory_percent", 90.0, 95.0),
    ("swap_percent", 60.0, 90.0),
    ("disk_percent", 80.0, 90.0),
    ("disk_io_percent", 90.0, 98.0),
];

impl Default for Thresholds {
    fn default() -> Self {
        let one =
            |(name, warn, bad): (&str, f64, f64)| (name.to_owned(), Threshold { warn: Some(warn), bad: Some(bad) });
        Thresholds(DEFAULTS.map(one).into())
    }
}

impl Thresholds {
    /// The defaults with `own` in their place, metric by metric.
    pub fn with(own: impl IntoIterator<Item = (String, Threshold)>) -> Thresholds {
        let mut all = Thresholds::default();
        all.0.extend(own);
        all
    }

    /// With more of them, in place of those of the same metrics.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = (String, Threshold)>) {
        self.0.extend(more);
    }

    /// That of a shown metric.
    pub fn of(&self, metric: &str) -> Option<Threshold> {
        self.0.get(metric).copied()
    }
}

impl Threshold {
    /// Which side is the wrong one: a `bad` below `warn` says that low values are; one value alone says nothing, then the metric does.
    pub fn side(&self, worse: Worse) -> Side {
        match (self.warn, self.bad) {
            (Some(warn), Some(bad)) if bad < warn => Side::Below,
            (Some(warn), Some(bad)) if bad > warn => Side::Above,
            _ if worse == Worse::Low => Side::Below,
            _ => Side::Above,
        }
    }
}

/// The wrong side of a threshold; the threshold itself belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Values at it or higher.
    Above,
    /// Values at it or lower.
    Below,
}

impl Side {
    /// Whether `value` is on the wrong side of `limit`; NaN is not.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Side::Above => value >= limit,
            Side::Below => value <= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_takes_the_place_of_a_default() {
        let own = Threshold { warn: None, bad: Some(50.0) };
        let all = Thresholds::with([("disk_percent".to_owned(), own), ("queue".to_owned(), own)]);
        assert_eq!(all.of("disk_percent"), Some(own));
        assert_eq!(all.of("queue"), Some(own));
        assert_eq!(all.of("cpu_percent").and_then(|t| t.warn), Some(85.0));
        assert_eq!(all.of("load1"), None);
    }

    #[test]
    fn the_order_of_the_two_says_which_side_is_wrong() {
        let side = |warn, bad, worse| Threshold { warn, bad }.side(worse);
        assert_eq!(side(Some(80.0), Some(90.0), Worse::Neither), Side::Above);
        assert_eq!(side(Some(20.0), Some(10.0), Worse::Neither), Side::Below);
        assert_eq!(side(None, Some(10.0), Worse::Low), Side::Below);
        assert!(Side::Above.holds(90.0, 90.0) && !Side::Above.holds(f64::NAN, 90.0) && Side::Below.holds(1.0, 2.0));
    }
}
