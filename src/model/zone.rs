//! The clocks of a time zone: how far they are ahead of UTC, and when that changes.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use super::{TimeRange, Timestamp};

/// Clocks are looked at this often: no zone has changed its offset twice within it.
const PROBE_MS: i64 = 6 * 3_600_000;
/// Bounds the work over millennia, where changes are then told coarsely.
const PROBES_MAX: i64 = 100_000;

/// How many ms the clocks of a zone are ahead of UTC.
pub fn offset_ms(zone: Tz, t: Timestamp) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&t.to_utc().naive_utc()).fix().local_minus_utc()) * 1000
}

/// `range` cut where the zone's clocks change, each part with the ms that clocks are ahead of UTC in it.
pub fn offsets(zone: Tz, range: TimeRange) -> Vec<(TimeRange, i64)> {
    let offset = |ms: i64| offset_ms(zone, Timestamp::from_millis(ms));
    let (from, to) = (range.from().millis(), range.to().millis());
    let step = (range.millis() / PROBES_MAX).max(PROBE_MS);
    let mut starts = vec![(from, offset(from))];
    let mut at = from;
    while at < to {
        let next = (at + step).min(to);
        if offset(next) != offset(at) {
            starts.push((change_between(zone, at, next), offset(next)));
        }
        at = next;
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([to]);
    let part = |((start, offset), end): (&(i64, i64), i64)| {
        Some((TimeRange::new(Timestamp::from_millis(*start), Timestamp::from_millis(end))?, *offset))
    };
    starts.iter().zip(ends).filter_map(part).filter(|(part, _)| !part.is_empty() || range.is_empty()).collect()
}

/// The first moment after `before` with the offset of `after`.
fn change_between(zone: Tz, mut before: i64, mut after: i64) -> i64 {
    let offset = |ms: i64| offset_ms(zone, Timestamp::from_millis(ms));
    let old = offset(before);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(middle) == old { before = middle } else { after = middle }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_two_changes_to_the_millisecond() {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        let year = TimeRange::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).unwrap();
        let parts = offsets(Tz::Europe__Berlin, year);
        let told: Vec<(Timestamp, i64)> = parts.iter().map(|(part, ms)| (part.from(), ms / 3_600_000)).collect();
        let spring = at("2026-03-29T01:00:00Z");
        let autumn = at("2026-10-25T01:00:00Z");
        assert_eq!(told, [(year.from(), 1), (spring, 2), (autumn, 1)]);
        assert_eq!(offsets(Tz::UTC, year), [(year, 0)]);
    }
}
