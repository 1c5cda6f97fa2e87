use super::RangeError;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A thousand years: longer is a slip of the finger.
const LONGEST: i64 = 1000 * 365 * DAY;

const EXPECTED: &str =
    "give a number with a unit, as in 10s, 15m, 6h, 7d, 2w or 1h30m (ms, s, m, h, d, w, M = 30 days, y = 365 days)";

/// A duration (`10s`, `7d`, `1h30m`, `2w`, `1.5h`) in milliseconds: at least one, at most a thousand years. Units add up, in any order, with or
/// without spaces; words as humantime knows them (`5min`, `2 hours`) are taken too.
pub fn parse_duration(text: &str) -> Result<i64, RangeError> {
    let mut left = text.trim();
    let mut total = 0f64;
    if left.is_empty() {
        return Err(RangeError::duration(text, EXPECTED));
    }
    while !left.is_empty() {
        let number_end = left.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(left.len());
        let (number, rest) = left.split_at(number_end);
        let rest = rest.trim_start();
        let unit_end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(unit_end);
        let (Ok(number), Some(unit)) = (number.parse::<f64>(), unit_millis(unit)) else {
            return Err(RangeError::duration(text, EXPECTED));
        };
        total += number * unit as f64;
        left = rest.trim_start();
    }
    // Exact: LONGEST is far below 2^53.
    let millis = total.round();
    if millis < 1.0 {
        return Err(RangeError::duration(text, "it must be at least 1ms"));
    }
    if millis > LONGEST as f64 {
        return Err(RangeError::duration(text, "it must be at most 1000y"));
    }
    Ok(millis as i64)
}

fn unit_millis(unit: &str) -> Option<i64> {
    Some(match unit {
        "ms" | "msec" | "millis" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "M" | "month" | "months" => 30 * DAY,
        "y" | "year" | "years" => 365 * DAY,
        _ => return None,
    })
}
