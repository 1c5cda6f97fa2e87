//! From when to when an engine has data.
//!
//! No engine is asked for all of its time at once while there is a better way: over more than 40 days VictoriaMetrics 1.79 answers for all it ever had, and
//! others would read it. So windows of 30 days are looked at, back from now, some of them side by side; in the outermost ones that have data it is looked for
//! the day; and of that day one metric says about when, so that of all the others only what lies beyond it is read.

use std::collections::BTreeSet;

use super::answer::{Data, RawLabels};
use super::dialect::Dialect;
use super::engine::{Ask, Asker, Engine, Probe, seconds};
use super::error::RemoteError;
use super::shares::{Share, each_share};
use crate::model::{TimeRange, Timestamp};

const DAY_MS: i64 = 86_400_000;
/// Longest window that every engine keeps to.
const WINDOW_MS: i64 = 30 * DAY_MS;
/// Data that lies further ahead than its clock no engine takes.
const AHEAD_MS: i64 = 2 * DAY_MS;
/// So many windows without data, a year, are the end of it; and so many are asked for side by side.
const EMPTY_MAX: usize = 13;
/// Metrics that are asked for their last moment, where the others cannot be asked together.
const WITNESSES: usize = 12;
/// How far PromQL looks back for a sample, where nobody set it otherwise.
const LOOK_BACK_MS: i64 = 300_000;
/// From the first sample to 1 ms after the last; `None` where there is none up to two days after `now`.
pub(super) fn extent(engine: &Engine, now: Timestamp) -> Result<Option<TimeRange>, RemoteError> {
    let end = now.plus_millis(AHEAD_MS).millis();
    let windows: Vec<(i64, i64)> =
        (0..).map(|i| end - i * WINDOW_MS).take_while(|to| *to > 0).map(|to| (to - WINDOW_MS, to)).collect();
    let mut newest: Option<i64> = None;
    let mut oldest = None;
    let mut empty = 0;
    for some in windows.chunks(EMPTY_MAX) {
        for ((_, to), has_data) in some.iter().zip(have_data(engine, some)?) {
            if has_data {
                newest.get_or_insert(*to);
                oldest = Some(*to);
                empty = 0;
            } else {
                empty += 1;
            }
            if newest.is_some() && empty >= EMPTY_MAX {
                break;
            }
        }
        if newest.is_some() && empty >= EMPTY_MAX {
            break;
        }
        // Nothing for a year: before all the years are gone through, it is asked whether there ever was anything. Who refuses such a question may still have.
        if newest.is_none() && empty == EMPTY_MAX && names(engine, 0, end, Some(1)).is_ok_and(|found| found.is_empty())
        {
            return Ok(None);
        }
    }
    let (Some(newest), Some(oldest)) = (newest, oldest) else { return Ok(None) };
    let last_day = outermost(engine, newest, Side::Last)?;
    let first_day = outermost(engine, oldest, Side::First)?;
    let last = moment(engine, last_day, Side::Last)?.unwrap_or(last_day + DAY_MS - 1);
    let first = moment(engine, first_day, Side::First)?.unwrap_or(first_day);
    Ok(TimeRange::new(Timestamp::from_millis(first), Timestamp::from_millis(last + 1)))
}

/// The extent of what was `known` to have that one: its end is looked for from there on.
pub(super) fn followed(engine: &Engine, known: TimeRange, now: Timestamp) -> Result<Option<TimeRange>, RemoteError> {
    let (last, end) = (known.to().millis() - 1, now.plus_millis(AHEAD_MS).millis());
    if now.millis() - last > DAY_MS {
        let is_same = !has_data(engine, (last.div_euclid(DAY_MS) + 1) * DAY_MS, end)?;
        return if is_same { Ok(Some(known)) } else { extent(engine, now) };
    }
    match outer_moment(engine, last, end, Side::Last)? {
        Some(last) => Ok(TimeRange::new(known.from(), Timestamp::from_millis(last + 1))),
        None => extent(engine, now),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    First,
    Last,
}

/// Whether there is any series in `[from, to)`, as exactly as the index of the engine says.
fn has_data(engine: &Engine, from_ms: i64, to_ms: i64) -> Result<bool, RemoteError> {
    Ok(have_data(engine, &[(from_ms, to_ms)])?.contains(&true))
}

/// The same of several windows, which are asked for side by side.
fn have_data(engine: &Engine, windows: &[(i64, i64)]) -> Result<Vec<bool>, RemoteError> {
    let mut found = vec![false; windows.len()];
    let asks: Vec<Ask> = windows.iter().map(|(from, to)| names_ask(*from, *to, Some(1))).collect();
    engine.each(&asks, &mut |place, names: Vec<String>| {
        found[place] = !names.is_empty();
        Ok(())
    })?;
    if engine.dialect() != Dialect::Victoria {
        let silent: Vec<usize> = (0..windows.len()).filter(|place| !found[*place]).collect();
        let asks: Vec<Ask> = silent.iter().map(|place| series_ask(windows[*place])).collect();
        engine.each(&asks, &mut |place, series: Vec<RawLabels>| {
            found[silent[place]] = !series.is_empty();
            Ok(())
        })?;
    }
    Ok(found)
}

fn names_ask(from_ms: i64, to_ms: i64, limit: Option<u32>) -> Ask {
    let limit = limit.map(|limit| ("limit", limit.to_string()));
    Ask::new("label/__name__/values", time((from_ms, to_ms)).into_iter().chain(limit))
}

fn series_ask(window: (i64, i64)) -> Ask {
    let all = ("match[]", "{__name__!=\"\"}".to_owned());
    Ask::new("series", time(window).into_iter().chain([all]))
}

fn time((from_ms, to_ms): (i64, i64)) -> [(&'static str, String); 2] {
    [("start", seconds(from_ms.max(0))), ("end", seconds(to_ms - 1))]
}

/// Names of metrics that have series in `[from, to)`. A Prometheus that reads of others knows no names of theirs, but their series.
fn names(engine: &Engine, from_ms: i64, to_ms: i64, limit: Option<u32>) -> Result<Vec<String>, RemoteError> {
    let found: Vec<String> = engine.one(names_ask(from_ms, to_ms, limit))?;
    if !found.is_empty() || engine.dialect() == Dialect::Victoria {
        return Ok(found);
    }
    let series: Vec<RawLabels> = engine.one(series_ask((from_ms, to_ms)))?;
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
    let (from, to) = (day_ms, day_ms + DAY_MS);
    if engine.dialect() != Dialect::Victoria {
        return outer_moment(engine, from, to, side);
    }
    let Some(name) = witnesses(engine, from, to, 1)?.pop() else { return Ok(None) };
    let about = outer_of(engine, Share::of_metrics(vec![name]), from, to, side)?;
    let (from, to) = match (about, side) {
        (None, _) => (from, to),
        (Some(about), Side::First) => (from, about + 1),
        (Some(about), Side::Last) => (about, to),
    };
    outer_moment(engine, from, to, side)
}

/// The moment of the first or last sample in `[from, to)`.
fn outer_moment(engine: &Engine, from: i64, to: i64, side: Side) -> Result<Option<i64>, RemoteError> {
    match engine.dialect() {
        Dialect::Victoria => outer_of(engine, Share::everything(), from, to, side),
        Dialect::Prometheus { .. } => by_witnesses(engine, from, to, side),
    }
}

/// The same of some series, in the words of VictoriaMetrics.
fn outer_of(engine: &Engine, share: Share, from: i64, to: i64, side: Side) -> Result<Option<i64>, RemoteError> {
    let function = if side == Side::First { "min(tfirst_over_time" } else { "max(tlast_over_time" };
    let ask = |selector: String| {
        let query = format!("{function}({selector}[{}ms] offset 1ms))", to - from);
        Ask::new("query", [("query", query), ("time", seconds(to)), ("nocache", "1".to_owned())])
    };
    let mut moments: Vec<i64> = Vec::new();
    let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap_or(TimeRange::ALL);
    each_share(engine, range, vec![share], &ask, &mut |probe: Probe| {
        moments.extend(probe.result.first().map(|found| (found.value.value * 1e3).round() as i64));
        Ok(())
    })?;
    Ok(if side == Side::First { moments.into_iter().min() } else { moments.into_iter().max() })
}

/// By a few metrics, in two steps: PromQL tells no times of the samples of a window. Looked at every five minutes, as far as it looks back, and then
/// the samples of those minutes.
fn by_witnesses(engine: &Engine, from_ms: i64, to_ms: i64, side: Side) -> Result<Option<i64>, RemoteError> {
    let names = witnesses(engine, from_ms, to_ms, WITNESSES)?;
    let selector = Share::of_metrics(names).selector();
    let last_ms = to_ms - 1;
    let looks = (to_ms - from_ms) / LOOK_BACK_MS;
    let counts = Ask::range(format!("count({selector})"), last_ms - (looks - 1) * LOOK_BACK_MS, last_ms, LOOK_BACK_MS);
    let data: Data = engine.one(counts)?;
    let moments = data.result.iter().flat_map(|line| &line.values).map(|point| point.ms);
    let Some(at) = (if side == Side::First { moments.min() } else { moments.max() }) else { return Ok(None) };
    let near = Ask::new("query", [("query", format!("{selector}[{}ms]", LOOK_BACK_MS + 1)), ("time", seconds(at))]);
    let data: Data = engine.one(near)?;
    let times = data.result.iter().flat_map(|line| &line.values).map(|point| point.ms);
    Ok(if side == Side::First { times.min() } else { times.max() })
}

/// Metrics that have data in `[from, to)`, at most so many.
fn witnesses(engine: &Engine, from_ms: i64, to_ms: i64, most: usize) -> Result<Vec<String>, RemoteError> {
    let mut names = names(engine, from_ms, to_ms, None)?;
    names.sort_by_key(|name| name != "up");
    names.truncate(most);
    Ok(names)
}
