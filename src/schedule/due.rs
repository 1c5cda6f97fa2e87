//! Which runs there are to make now, and which were missed.

use chrono_tz::Tz;

use super::Schedule;
use crate::model::Timestamp;

/// A run that starts so much after its moment, ms, was missed: nobody was there.
const LATE_MS: i64 = 3_600_000;
/// Most runs that are told as missed one by one, the latest; what was before them is not told.
pub const MISSED_MAX: usize = 100;

/// What becomes of the runs that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// The last one is made up for.
    #[default]
    Last,
    /// Each is made up for.
    All,
    /// None is.
    None,
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is to be made.
    Run,
    /// It was missed, and is only told.
    Missed,
}

/// A moment of a schedule that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it was to run.
    pub at: Timestamp,
    /// What becomes of it.
    pub fate: Fate,
}

/// The runs after `handled` that have come by `now`, in order. A schedule that nobody has looked after before (`None`) starts with the latest of the
/// last hour: what is set up for seven and first looked at a minute later runs, and nothing before was missed.
pub fn due(schedule: &Schedule, handled: Option<Timestamp>, now: Timestamp, zone: Tz, catch_up: CatchUp) -> Vec<Due> {
    let since = handled.unwrap_or_else(|| now.plus_millis(-LATE_MS));
    let most = if handled.is_some() { MISSED_MAX } else { 0 };
    // A schedule of every minute and a machine that slept for a year: only the last of them are looked at.
    let mut come = std::collections::VecDeque::with_capacity(MISSED_MAX + 1);
    for at in schedule.between(since, now, zone) {
        if come.len() > most {
            come.pop_front();
        }
        come.push_back(at);
    }
    let last = come.back().copied();
    let fate = |at: Timestamp| match catch_up {
        CatchUp::All => Fate::Run,
        CatchUp::Last if Some(at) == last => Fate::Run,
        CatchUp::None if Some(at) == last && now.millis() - at.millis() <= LATE_MS => Fate::Run,
        _ => Fate::Missed,
    };
    come.into_iter().map(|at| Due { at, fate: fate(at) }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{Datelike, Timelike, Weekday};

    use super::*;
    use crate::model::TimeRange;
    use crate::model::range::{local, parse_period};

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn told(handled: Option<&str>, now: &str, catch_up: CatchUp) -> Vec<String> {
        let schedule: Schedule = "0 7 * * *".parse().unwrap();
        let due = due(&schedule, handled.map(at), at(now), Tz::UTC, catch_up);
        due.iter().map(|due| format!("{} {:?}", &due.at.to_rfc3339()[8..16], due.fate)).collect()
    }

    #[test]
    fn what_was_missed_is_caught_up_as_asked() {
        let (friday, monday) = (Some("2026-01-02T07:00:00Z"), "2026-01-05T09:30:00Z");
        assert_eq!(told(friday, monday, CatchUp::Last), ["03T07:00 Missed", "04T07:00 Missed", "05T07:00 Run"]);
        assert_eq!(told(friday, monday, CatchUp::All), ["03T07:00 Run", "04T07:00 Run", "05T07:00 Run"]);
        assert_eq!(told(friday, monday, CatchUp::None), ["03T07:00 Missed", "04T07:00 Missed", "05T07:00 Missed"]);
        assert_eq!(told(Some("2026-01-04T07:00:00Z"), "2026-01-05T07:02:00Z", CatchUp::None), ["05T07:00 Run"]);
    }

    #[test]
    fn a_new_schedule_does_not_run_for_the_past() {
        assert_eq!(told(None, "2026-01-05T06:59:00Z", CatchUp::All), [""; 0]);
        assert_eq!(told(None, "2026-01-05T07:00:05Z", CatchUp::Last), ["05T07:00 Run"]);
        assert_eq!(told(None, "2026-01-05T09:00:05Z", CatchUp::All), [""; 0]);
        let often: Schedule = "*/5 * * * *".parse().unwrap();
        assert_eq!(due(&often, None, at("2026-01-05T09:00:05Z"), Tz::UTC, CatchUp::All).len(), 1);
    }

    #[test]
    fn a_year_of_sleep_is_told_by_its_end() {
        let every_minute: Schedule = "* * * * *".parse().unwrap();
        let told =
            due(&every_minute, Some(at("2025-01-01T00:00:00Z")), at("2026-01-01T00:00:00Z"), Tz::UTC, CatchUp::Last);
        assert_eq!((told.len(), told[MISSED_MAX].fate), (MISSED_MAX + 1, Fate::Run));
        assert_eq!(told[MISSED_MAX].at, at("2026-01-01T00:00:00Z"));
    }

    /// Two years with all their clock changes, looked at every 211 minutes by somebody who is away now and then.
    #[test]
    fn in_two_years_every_run_happens_once_and_covers_the_closed_period_before_it() {
        let zones = [Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe];
        for zone in zones {
            for text in ["@daily", "@weekly", "@monthly", "30 2 * * *", "0 7 * * 1", "15 */2 * * *", "@hourly"] {
                let schedule: Schedule = text.parse().unwrap();
                let (start, end) = (at("2025-01-01T12:00:00Z"), at("2027-01-01T12:00:00Z"));
                let (mut handled, mut now, mut made) = (start, start, Vec::new());
                while now < end {
                    let away_min = if now.millis() / 60_000 % 9_973 < 211 { 3_000 } else { 211 };
                    now = now.plus_millis(away_min * 60_000).min(end);
                    for run in due(&schedule, Some(handled), now, zone, CatchUp::All) {
                        assert!(run.at > handled && run.at <= now);
                        handled = run.at;
                        made.push(run.at);
                    }
                }
                assert_eq!(made, wanted(&schedule, start, end, zone), "{text} in {zone}");
                covers_closed_periods(&schedule, &made, zone);
            }
        }
    }

    /// By another way: every quarter of an hour of two years is looked at. All minutes that are named, and all clock changes, lie on one.
    fn wanted(schedule: &Schedule, start: Timestamp, end: Timestamp, zone: Tz) -> Vec<Timestamp> {
        let is_named = |l: chrono::NaiveDateTime| match schedule.text() {
            "@hourly" => l.minute() == 0,
            "@daily" => (l.hour(), l.minute()) == (0, 0),
            "@weekly" => l.weekday() == Weekday::Mon && (l.hour(), l.minute()) == (0, 0),
            "@monthly" => l.day() == 1 && (l.hour(), l.minute()) == (0, 0),
            "30 2 * * *" => (l.hour(), l.minute()) == (2, 30),
            "0 7 * * 1" => l.weekday() == Weekday::Mon && (l.hour(), l.minute()) == (7, 0),
            _ => l.hour().is_multiple_of(2) && l.minute() == 15,
        };
        let by_time = schedule.text() == "@hourly";
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        let mut previous = local(start, zone);
        for quarter in 1..=(end.millis() - start.millis()) / 900_000 {
            let now = start.plus_millis(quarter * 900_000);
            let there = local(now, zone);
            // Local times that the clock has skipped count for the moment of the change.
            let quarters = (there - previous).num_minutes() / 15;
            let skipped = (1..quarters).map(|n| previous + chrono::TimeDelta::minutes(15 * n));
            let skipped = skipped.filter(|l| !by_time && is_named(*l) && seen.insert(*l)).count() > 0;
            let named = is_named(there) && (by_time || seen.insert(there));
            if skipped || named {
                wanted.push(now);
            }
            previous = there;
        }
        wanted
    }

    fn covers_closed_periods(schedule: &Schedule, made: &[Timestamp], zone: Tz) {
        let ranges: Vec<TimeRange> =
            made.iter().map(|at| parse_period(schedule.period(), *at, zone).unwrap()).collect();
        for (at, range) in made.iter().zip(&ranges) {
            assert!(range.to() <= *at, "{} in {zone}: {at} tells of what is not over", schedule.text());
        }
        // Where the clocks change by half an hour, the hours around that are not whole ones.
        let has_whole_hours = schedule.text() != "@hourly" || zone != Tz::Australia__Lord_Howe;
        if schedule.text() != "15 */2 * * *" && has_whole_hours {
            // Each period follows the one before, without a gap and without an overlap.
            assert!(ranges.windows(2).all(|w| w[0].to() == w[1].from()), "{} in {zone}", schedule.text());
        }
    }
}
