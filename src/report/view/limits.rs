//! Thresholds: the lines they draw. Who was beyond one is judged by [`crate::analyse`].

use crate::query::frame::Frame;

use crate::report::figure::{Limit, LimitKind};
use crate::report::model::Model;

/// Full, and the thresholds of a metric, as lines of its chart.
pub(super) fn limits(model: &Model, frame: &Frame) -> Vec<Limit> {
    let threshold = model.options.analysis.thresholds.of(&frame.shown.name).unwrap_or_default();
    let line = |value: Option<f64>, kind| value.filter(|v| v.is_finite()).map(|value| Limit { value, kind });
    let all = [
        line(frame.shown.capacity, LimitKind::Full),
        line(threshold.warn, LimitKind::Warn),
        line(threshold.bad, LimitKind::Bad),
    ];
    all.into_iter().flatten().collect()
}

/// The limits that were judged, in words: `Disk used 80 % and 90 %`.
pub(super) fn limits_in_words(model: &Model) -> Vec<String> {
    let say = model.numerals();
    let words = |frame: &Frame| {
        let threshold = model.options.analysis.thresholds.of(&frame.shown.name)?;
        let both: Vec<String> =
            [threshold.warn, threshold.bad].into_iter().flatten().map(|v| say.value(frame.shown.unit, v)).collect();
        (!both.is_empty()).then(|| format!("{} {}", frame.shown.title, both.join(" / ")))
    };
    model.frames.iter().filter_map(words).collect()
}
