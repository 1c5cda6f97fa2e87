//! How a number differs from that of the other period, in words.

use crate::model::catalogue::{Unit, Worse};

use crate::report::format::{NBSP, Numerals};

/// A smaller share of what was there before is no clear change.
const CLEAR: f64 = 0.1;

/// Percentages change by points, everything else by percent.
pub(crate) fn delta(say: Numerals, unit: Unit, before: f64, now: f64) -> String {
    let change = now - before;
    let arrow = if change > 0.0 { "▲" } else { "▼" };
    let (size, word) = match unit {
        Unit::Percent if (change.abs() * 10.0).round() == 10.0 => (1.0, format!("{NBSP}point")),
        Unit::Percent => (change.abs(), format!("{NBSP}points")),
        _ if before == 0.0 => return if now == 0.0 { "unchanged".into() } else { format!("{arrow} from 0") },
        _ => (100.0 * (change / before).abs(), format!("{NBSP}%")),
    };
    if size < 0.05 {
        "unchanged".into()
    } else {
        format!("{arrow}{NBSP}{}{word}", say.plain((size * 10.0).round() / 10.0))
    }
}

/// Whether the number is clearly another one.
pub(crate) fn is_clear(before: f64, now: f64) -> bool {
    (now - before).abs() > CLEAR * before.abs().max(f64::MIN_POSITIVE)
}

/// Only a clear change of what can be bad is coloured.
pub(crate) fn judge(worse: Worse, before: f64, now: f64) -> &'static str {
    let grew = now > before;
    match (worse, is_clear(before, now)) {
        (Worse::Neither, _) | (_, false) => "",
        (Worse::High, true) => {
            if grew {
                "worse"
            } else {
                "better"
            }
        }
        (Worse::Low, true) => {
            if grew {
                "better"
            } else {
                "worse"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_say_points_or_percent() {
        let shown = |unit, before, now| delta(Numerals::default(), unit, before, now).replace(NBSP, " ");
        assert_eq!(shown(Unit::Percent, 40.0, 44.21), "▲ 4.2 points");
        assert_eq!(shown(Unit::Percent, 40.0, 38.99), "▼ 1 point");
        assert_eq!(shown(Unit::Bytes, 200.0, 150.0), "▼ 25 %");
        assert_eq!(shown(Unit::Bytes, 0.0, 150.0), "▲ from 0");
        assert_eq!(shown(Unit::Count, 5.0, 5.0), "unchanged");
        assert_eq!(judge(Worse::High, 40.0, 60.0), "worse");
        assert_eq!(judge(Worse::Neither, 40.0, 60.0), "");
    }
}
