use std::fmt::Write;

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::model::{Calendar, TimeRange, Timestamp};
use crate::report::escape::xml;
use crate::report::format::{Clock, Numerals};

use super::canvas::Canvas;
use super::pen::Pen;
use super::scale::{TimeScale, ValueScale};

/// Most ticks of a time axis: their labels fit beside each other on a phone.
const TICKS_MAX: i64 = 7;
const DAY: i64 = 86_400;
/// Distances of ticks in seconds: each divides a day, or is a number of days.
const STEPS: [i64; 22] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    14_400,
    21_600,
    43_200,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
];

/// One tick of a time axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub at: Timestamp,
    pub label: String,
    /// Stands where a day begins.
    pub strong: bool,
}

/// Ticks at round times of the report's zone, whatever its clocks do.
pub(super) fn time_ticks(clock: Clock, domain: TimeRange) -> Vec<Tick> {
    let zone = clock.local(domain.from()).timezone();
    let seconds = domain.millis() / 1000;
    let Some(step) = STEPS.into_iter().find(|s| seconds / s <= TICKS_MAX) else {
        return month_ticks(clock, zone, domain);
    };
    let mut local = first_local(clock.local(domain.from()).naive_local(), step);
    let mut ticks: Vec<Tick> = Vec::new();
    // Bounded: one more day than the domain has, for zones that skip a day.
    for _ in 0..(seconds + DAY) / step + 2 {
        if let Some(at) = instant(zone, local)
            && at >= domain.from()
            && ticks.last().is_none_or(|last| at > last.at)
        {
            if at > domain.to() {
                break;
            }
            ticks.push(Tick {
                at,
                label: label(clock.calendar(), local, step),
                strong: local.time() == NaiveTime::MIN && step < DAY,
            });
        }
        local += Duration::seconds(step);
    }
    ticks
}

fn first_local(from: NaiveDateTime, step: i64) -> NaiveDateTime {
    let midnight = from.date().and_time(NaiveTime::MIN);
    if step < DAY {
        let passed = i64::from(from.time().num_seconds_from_midnight());
        midnight + Duration::seconds(passed / step * step)
    } else {
        // Weeks begin on Monday; every second day counts from a fixed one, so that ticks stay when the range moves.
        let days = i64::from(from.date().num_days_from_ce()) - 1;
        midnight - Duration::days(days.rem_euclid(step / DAY))
    }
}

fn month_ticks(clock: Clock, zone: Tz, domain: TimeRange) -> Vec<Tick> {
    let (from, to) = (clock.local(domain.from()).date_naive(), clock.local(domain.to()).date_naive());
    let month_of = |d: NaiveDate| i64::from(d.year()) * 12 + i64::from(d.month0());
    let (first, last) = (month_of(from), month_of(to));
    let years = [12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000, 24_000, 120_000];
    let step = [1, 2, 3, 6].into_iter().chain(years).find(|s| (last - first) / s < TICKS_MAX).unwrap_or(120_000);
    let (calendar, mut ticks) = (clock.calendar(), Vec::new());
    let mut month = first.div_euclid(step) * step;
    while month <= last {
        let date = NaiveDate::from_ymd_opt(month.div_euclid(12) as i32, month.rem_euclid(12) as u32 + 1, 1);
        if let Some(at) = date.and_then(|d| instant(zone, d.and_time(NaiveTime::MIN)))
            && at >= domain.from()
            && at <= domain.to()
            && let Some(date) = date
        {
            let label = calendar.write(if step < 12 { calendar.month } else { "%Y" }, date);
            ticks.push(Tick { at, label, strong: false });
        }
        month += step;
    }
    ticks
}

fn instant(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    zone.from_local_datetime(&local).earliest().map(|t| Timestamp::from_millis(t.timestamp_millis()))
}

fn label(calendar: &Calendar, local: NaiveDateTime, step: i64) -> String {
    let form = match step {
        s if s >= 7 * DAY => calendar.day_month,
        _ if local.time() == NaiveTime::MIN && local.day() == 1 => calendar.day_month,
        _ if local.time() == NaiveTime::MIN => calendar.day,
        s if s >= 60 => return local.format("%H:%M").to_string(),
        _ => return local.format("%H:%M:%S").to_string(),
    };
    calendar.write(form, local.date())
}

/// Lines of the grid, for the stretched part of a picture.
pub(super) fn grid(canvas: Canvas, values: &ValueScale, ticks: &[Tick], times: TimeScale, height: f64) -> String {
    let mut pen = Pen::new(canvas);
    for tick in &values.ticks {
        let y = values.y(*tick, height);
        pen.move_to(0.0, y);
        pen.line_to(1.0, y);
    }
    for tick in ticks {
        let x = times.share(tick.at);
        pen.move_to(x, 0.0);
        pen.line_to(x, height);
    }
    let mut out = format!("<path class=\"grid\" d=\"{}\"/>", pen.path());
    if values.lo < 0.0 && values.hi > 0.0 {
        out.push_str(&level(canvas, "zero", values.y(0.0, height)));
    }
    out
}

/// A line across the picture.
pub(super) fn level(canvas: Canvas, class: &str, y: f64) -> String {
    let mut pen = Pen::new(canvas);
    pen.move_to(0.0, y);
    pen.line_to(1.0, y);
    format!("<path class=\"{class}\" d=\"{}\"/>", pen.path())
}

/// Numbers left of the picture.
pub(super) fn value_labels(say: Numerals, values: &ValueScale, height: f64) -> String {
    let mut out = String::from("<g class=\"t\" text-anchor=\"end\">");
    for tick in &values.ticks {
        let _ = write!(
            out,
            "<text x=\"-8\" y=\"{}\">{}</text>",
            values.y(*tick, height).round() + 4.0,
            xml(&values.label(say, *tick))
        );
    }
    out.push_str("</g>");
    out
}

/// Times below the picture. Those at the very edges lean inwards; every second one may be hidden where there is little room, and more where they do not fit into `narrow`
/// pixels, the width on a phone.
pub(super) fn time_labels(canvas: Canvas, ticks: &[Tick], times: TimeScale, height: f64, narrow: f64) -> String {
    let every = if ticks.len() > 4 { 2 } else { 1 }.max(every(ticks, times, narrow));
    let mut out = String::from("<g class=\"t\" text-anchor=\"middle\">");
    for (i, tick) in ticks.iter().enumerate() {
        let share = times.share(tick.at);
        let anchor = if share < 0.03 {
            " text-anchor=\"start\""
        } else if share > 0.97 {
            " text-anchor=\"end\""
        } else {
            ""
        };
        let class = match (tick.strong, i % every != 0) {
            (true, _) => " class=\"day\"",
            (false, true) => " class=\"odd\"",
            (false, false) => "",
        };
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\"{anchor}{class}>{}</text>",
            canvas.place(share),
            height + 18.0,
            xml(&tick.label)
        );
    }
    out.push_str("</g>");
    out
}

/// Of how many labels one fits into so many pixels.
fn every(ticks: &[Tick], times: TimeScale, width: f64) -> usize {
    const LETTER: f64 = 7.0;
    const BETWEEN: f64 = 8.0;
    let letters = ticks.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
    let room = |pair: &[Tick]| width * (times.share(pair[1].at) - times.share(pair[0].at));
    let least = ticks.windows(2).map(room).fold(f64::INFINITY, f64::min);
    if least > 0.0 { ((LETTER * letters as f64 + BETWEEN) / least).ceil().max(1.0) as usize } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;
    use chrono::DateTime;

    fn labels(zone: Tz, from: &str, to: &str) -> String {
        let at = |t: &str| Timestamp::from_millis(DateTime::parse_from_rfc3339(t).unwrap().timestamp_millis());
        let domain = TimeRange::new(at(from), at(to)).unwrap();
        let ticks = time_ticks(Clock::new(zone, domain, Language::default()), domain);
        ticks.iter().map(|t| t.label.clone()).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn ticks_stand_at_round_local_times() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(
            labels(berlin, "2026-11-23T12:00:00Z", "2026-11-23T12:00:30Z"),
            "13:00:00 | 13:00:05 | 13:00:10 | 13:00:15 | 13:00:20 | 13:00:25 | 13:00:30"
        );
        assert_eq!(
            labels(berlin, "2026-11-23T06:30:00Z", "2026-11-24T06:30:00Z"),
            "08:00 | 12:00 | 16:00 | 20:00 | Tue 24 | 04:00"
        );
        assert_eq!(
            labels(berlin, "2026-11-16T00:00:00+01:00", "2026-11-22T00:00:00+01:00"),
            "Mon 16 | Tue 17 | Wed 18 | Thu 19 | Fri 20 | Sat 21 | Sun 22"
        );
        assert_eq!(
            labels(berlin, "2026-01-10T00:00:00Z", "2026-11-10T00:00:00Z"),
            "Mar 2026 | May 2026 | Jul 2026 | Sep 2026 | Nov 2026"
        );
    }

    #[test]
    fn labels_that_do_not_fit_on_a_phone_are_hidden_there() {
        let at = |t: &str| Timestamp::from_millis(DateTime::parse_from_rfc3339(t).unwrap().timestamp_millis());
        let domain = TimeRange::new(at("2026-11-30T01:58:42Z"), at("2026-11-30T01:59:47Z")).unwrap();
        let ticks = time_ticks(Clock::new(chrono_tz::UTC, domain, Language::default()), domain);
        let hidden = |narrow| {
            let drawn = time_labels(Canvas::Fluid, &ticks, TimeScale::new(domain), 100.0, narrow);
            (drawn.matches("<text").count(), drawn.matches("class=\"odd\"").count())
        };
        assert_eq!((hidden(290.0), hidden(190.0)), ((6, 3), (6, 4)));
    }

    #[test]
    fn ticks_survive_the_night_when_clocks_change() {
        let berlin = chrono_tz::Europe::Berlin;
        // 02:00 does not exist on 2026-03-29.
        assert_eq!(
            labels(berlin, "2026-03-29T00:00:00+01:00", "2026-03-29T06:00:00+02:00"),
            "Sun 29 | 01:00 | 03:00 | 04:00 | 05:00 | 06:00"
        );
        // 02:00 to 03:00 exists twice on 2026-10-25: the axis is two hours wide there.
        let autumn = labels(berlin, "2026-10-25T00:00:00+02:00", "2026-10-25T05:00:00+01:00");
        assert_eq!(autumn, "Sun 25 | 01:00 | 02:00 | 03:00 | 04:00 | 05:00");
    }

    #[test]
    fn the_longest_and_the_shortest_domains_have_ticks_or_none_but_end() {
        assert!(!labels(chrono_tz::UTC, "1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z").is_empty());
        assert_eq!(labels(chrono_tz::UTC, "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.002Z"), "");
    }
}
