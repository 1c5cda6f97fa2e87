//! From when to when an engine has data.
//!
//! No engine is asked for all of its time at once: over more than 40 days VictoriaMetrics 1.79 answers for all it ever had, and others would read it. So
//! windows of 30 days are looked at, back from now, and in the outermost ones that have data shorter and shorter ones.

use std::collections::BTreeSet;

use super::answer::{Data, RawLabels};
use super::dialect::Dialect;
use super::engine::{Ask, Engine, Probe, seconds};
use super::error::RemoteError;
use super::plan::literal;
use crate::model::{TimeRange, Timestamp};

const DAY_MS: i64 = 86_400_000;
/// Longest window that every engine keeps to.
const WINDOW_MS: i64 = 30 * DAY_MS;
/// Data that lies further ahead than its clock no engine takes.
const AHEAD_MS: i64 = 2 * DAY_MS;
/// So many windows without data, a year, are the end of it.
const EMPTY_MAX: usize = 13;
/// Metrics that are asked for their last moment, where they cannot be asked together.
const WITNESSES: usize = 12;
/// How far PromQL looks back for a sample, where nobody set it otherwise.
const LOOK_BACK_MS: i64 = 300_000;
/// Windows in which the outermost sample is looked for, the shortest first.
const NARROW_MS: [i64; 4] = [60_000, 600_000, 3 * 3_600_000, DAY_MS];

/// From the first sample to 1 ms after the last; `None` where there is none up to two days after `now`.
pub(super) fn extent(engine: &Engine, now: Timestamp) -> Result<Option<TimeRange>, RemoteError> {
    let end = now.plus_millis(AHEAD_MS);
    let mut newest: Option<i64> = None;
    let mut oldest = None;
    let mut empty = 0;
    for i in 0.. {
        let to = end.millis() - i * WINDOW_MS;
        if to <= 0 || (newest.is_some() && empty >= EMPTY_MAX) {
            break;
        }
        if has_data(engine, to - WINDOW_MS, to)? {
            newest.get_or_insert(to);
            oldest = Some(to);
            empty = 0;
        } else {
            empty += 1;
        }
    }
    let (Some(newest), Some(oldest)) = (newest, oldest) else { return Ok(None) };
    let last_day = outermost(engine, newest, Side::Last)?;
    let first_day = outermost(engine, oldest, Side::First)?;
    let last = moment(engine, last_day, Side::Last)?.unwrap_or(last_day + DAY_MS - 1);
    let first = moment(engine, first_day, Side::First)?.unwrap_or(first_day);
    Ok(TimeRange::new(Timestamp::from_millis(first), Timestamp::from_millis(last + 1)))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    First,
    Last,
}

/// Whether there is any series in `[from, to)`, as exactly as the index of the engine says.
fn has_data(engine: &Engine, from_ms: i64, to_ms: i64) -> Result<bool, RemoteError> {
    Ok(!names(engine, from_ms, to_ms, Some(1))?.is_empty())
}

/// Names of metrics that have series in `[from, to)`. A Prometheus that reads of others knows no names of theirs, but their series.
fn names(engine: &Engine, from_ms: i64, to_ms: i64, limit: Option<u32>) -> Result<Vec<String>, RemoteError> {
    let time = [("start", seconds(from_ms.max(0))), ("end", seconds(to_ms - 1))];
    let limit = limit.map(|limit| ("limit", limit.to_string()));
    let found: Vec<String> = engine.one(Ask::new("label/__name__/values", time.iter().cloned().chain(limit)))?;
    if !found.is_empty() || engine.dialect() == Dialect::Victoria {
        return Ok(found);
    }
    let all = ("match[]", "{__name__!=\"\"}".to_owned());
    let series: Vec<RawLabels> = engine.one(Ask::new("series", time.into_iter().chain([all])))?;
    let names: BTreeSet<String> = series.into_iter().filter_map(|mut labels| labels.remove("__name__")).collect();
    Ok(names.into_iter().collect())
}

/// The first or last day, from midnight, that has data in the window that ends at `to`.
fn outermost(engine: &Engine, to_ms: i64, side: Side) -> Result<i64, RemoteError> {
    let mut low = (to_ms - WINDOW_MS).div_euclid(DAY_MS);
    let mut high = (to_ms - 1).div_euclid(DAY_MS); // the days that may be it
    while low < high {
        let middle = low + (high - low) / 2;
        match side {
            Side::First if has_data(engine, low * DAY_MS, (middle + 1) * DAY_MS)? => high = middle,
            Side::First => low = middle + 1,
            Side::Last if has_data(engine, (middle + 1) * DAY_MS, (high + 1) * DAY_MS)? => low = middle + 1,
            Side::Last => high = middle,
        }
    }
    Ok(low * DAY_MS)
}

/// The moment of the first or last sample of a day.
fn moment(engine: &Engine, day_ms: i64, side: Side) -> Result<Option<i64>, RemoteError> {
    // Where samples cluster at one end of the day, a narrow window finds them without reading the whole of it.
    let Some((from, to)) = narrowed(engine, day_ms, side)? else { return Ok(None) };
    let width = to - from;
    let at = |query: String, at: i64| -> Result<Option<f64>, RemoteError> {
        let ask = Ask::new("query", [("query", query), ("time", seconds(at)), ("nocache", "1".to_owned())]);
        Ok(engine.one::<Probe>(ask)?.result.first().map(|found| found.value.value))
    };
    let found = match (engine.dialect(), side) {
        (Dialect::Victoria, side) => {
            let function = if side == Side::First { "min(tfirst_over_time" } else { "max(tlast_over_time" };
            at(format!("{function}({{__name__!=\"\"}}[{width}ms] offset 1ms))"), to)?
        }
        (Dialect::Prometheus { .. }, side) => by_witnesses(engine, from, to, side)?,
    };
    Ok(found.map(|seconds| (seconds * 1e3).round() as i64))
}

/// A short stretch at one side of what a day has.
fn narrowed(engine: &Engine, day_ms: i64, side: Side) -> Result<Option<(i64, i64)>, RemoteError> {
    if engine.dialect() != Dialect::Victoria {
        return Ok(Some((day_ms, day_ms + DAY_MS)));
    }
    for width in NARROW_MS {
        let (from, to) = match side {
            Side::First => (day_ms, day_ms + width),
            Side::Last => (day_ms + DAY_MS - width, day_ms + DAY_MS),
        };
        let query = format!("count(count_over_time({{__name__!=\"\"}}[{width}ms] offset 1ms))");
        let ask = Ask::new("query", [("query", query), ("time", seconds(to)), ("nocache", "1".to_owned())]);
        if !engine.one::<Probe>(ask)?.result.is_empty() {
            return Ok(Some((from, to)));
        }
    }
    Ok(None)
}

/// By a few metrics, in two steps: PromQL tells no times of the samples of a window. Looked at every five minutes, as far as it looks back, and then
/// the samples of those minutes.
fn by_witnesses(engine: &Engine, from_ms: i64, to_ms: i64, side: Side) -> Result<Option<f64>, RemoteError> {
    let names = witnesses(engine, from_ms, to_ms)?.join("|");
    let selector = format!("{{__name__=~{}}}", serde_json::Value::from(names));
    let last_ms = to_ms - 1;
    let looks = (to_ms - from_ms) / LOOK_BACK_MS;
    let counts = Ask::range(format!("count({selector})"), last_ms - (looks - 1) * LOOK_BACK_MS, last_ms, LOOK_BACK_MS);
    let data: Data = engine.one(counts)?;
    let moments = data.result.iter().flat_map(|line| &line.values).map(|point| point.ms);
    let Some(at) = (if side == Side::First { moments.min() } else { moments.max() }) else { return Ok(None) };
    let near = Ask::new("query", [("query", format!("{selector}[{}ms]", LOOK_BACK_MS + 1)), ("time", seconds(at))]);
    let data: Data = engine.one(near)?;
    let times = data.result.iter().flat_map(|line| &line.values).map(|point| point.ms);
    let found = if side == Side::First { times.min() } else { times.max() };
    Ok(found.map(|ms| ms as f64 / 1e3))
}

fn witnesses(engine: &Engine, from_ms: i64, to_ms: i64) -> Result<Vec<String>, RemoteError> {
    let mut names = names(engine, from_ms, to_ms, None)?;
    names.sort_by_key(|name| name != "up");
    names.truncate(WITNESSES);
    Ok(names.iter().map(|name| literal(name)).collect())
}
