//! Samples as they are stored there, slice of time by slice.

use std::collections::{BTreeMap, BTreeSet};

use super::super::SampleSink;
use super::answer::{Exported, Line};
use super::dialect::Dialect;
use super::engine::{Ask, Asker, seconds};
use super::error::RemoteError;
use super::plan::{Group, Together, cut, groups, next_slice};
use super::replicas::Replicas;
use super::roster::Roster;
use crate::model::{SeriesId, TimeRange};
use crate::net::NetError;

/// About how many samples (some 30 bytes each) a slice is made to have.
const SLICE_SAMPLES: i64 = 1 << 20;
/// The first slice is as long as it may be where series are sampled once a second.
const FIRST_INTERVAL_MS: i64 = 1_000;

/// Times and values of one series, by time.
type Runs = BTreeMap<SeriesId, (Vec<i64>, Vec<f64>)>;

/// Gives the samples of `ids` in `range` to `sink`: the slices in order of time, in each of them a run a series.
pub(super) fn samples(
    engine: &Replicas,
    roster: &Roster,
    ids: &[SeriesId],
    range: TimeRange,
    sink: SampleSink<'_>,
) -> Result<(), RemoteError> {
    let wanted: BTreeSet<SeriesId> = ids.iter().copied().collect();
    let groups = groups(roster, ids, Together::Points(1));
    let mut length = (SLICE_SAMPLES / (ids.len().max(1) as i64)).max(60) * FIRST_INTERVAL_MS;
    let mut at = range.from();
    while let Some(slice) = next_slice(at, length, range) {
        let mut runs = Runs::new();
        let mut take = |line: Exported| {
            let metric = line.metric.get("__name__").map_or("", String::as_str);
            if let Some(id) = roster.find(metric, &line.metric).filter(|id| wanted.contains(id)) {
                let (times, values) = runs.entry(id).or_default();
                times.extend(&line.timestamps);
                values.extend(line.values.iter().map(|value| value.0));
            }
        };
        let asked = fetch(engine, roster, &groups, slice, &mut take);
        match asked {
            Err(RemoteError::Net(NetError::TooLarge { .. })) if length > 1_000 => {
                length /= 4;
                continue;
            }
            other => other?,
        }
        let mut samples = 0;
        for (id, run) in runs {
            let (times, values) = in_order(run, slice);
            samples += times.len() as i64;
            if !times.is_empty() && sink(id, &times, &values).is_break() {
                return Ok(());
            }
        }
        at = slice.to();
        let fitting = (i128::from(length) * i128::from(SLICE_SAMPLES) / i128::from(samples.max(1))) as i64;
        length = fitting.min(length.saturating_mul(8)).max(1_000);
    }
    Ok(())
}

/// Asks for the samples of each group side by side.
fn fetch(
    engine: &Replicas,
    roster: &Roster,
    groups: &[Group],
    slice: TimeRange,
    take: &mut dyn FnMut(Exported),
) -> Result<(), RemoteError> {
    if engine.dialect() == Dialect::Victoria {
        let time = [("start", seconds(slice.from().millis())), ("end", seconds(slice.to().millis() - 1))];
        let of = |group: &Group| [("match[]", group.selector.clone())].into_iter().chain(time.clone());
        let asks: Vec<Ask> = groups.iter().map(|group| Ask::new("export", of(group))).collect();
        return engine.lines(&asks, &mut |line| {
            take(exported(line).map_err(|why| engine.no_engine(&why))?);
            Ok(())
        });
    }
    let (window, at_ms) = engine.dialect().raw_window(slice);
    let of =
        |group: &Group| Ask::new("query", [("query", format!("{}{window}", group.selector)), ("time", seconds(at_ms))]);
    engine.in_parts(groups.to_vec(), &of, &|group| cut(roster, group), &mut |_, data| {
        for Line { metric, values } in data.result {
            let (timestamps, values) = values.iter().map(|p| (p.ms, super::answer::Value(p.value))).unzip();
            take(Exported { metric, values, timestamps });
        }
        Ok(())
    })
}

/// A line of an export. A value without its time is none.
fn exported(line: &[u8]) -> Result<Exported, String> {
    let line: Exported = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let (values, times) = (line.values.len(), line.timestamps.len());
    if values == times { Ok(line) } else { Err(format!("a series has {values} values and {times} timestamps")) }
}

/// Ascending, each moment once (of two samples the later one, as it is in a file), within the slice.
fn in_order((times, values): (Vec<i64>, Vec<f64>), slice: TimeRange) -> (Vec<i64>, Vec<f64>) {
    let inside = |t: i64| slice.from().millis() <= t && t < slice.to().millis();
    if times.is_sorted_by(|a, b| a < b)
        && times.first().is_none_or(|t| inside(*t))
        && times.last().is_none_or(|t| inside(*t))
    {
        return (times, values);
    }
    let mut all: Vec<(i64, f64)> = times.into_iter().zip(values).filter(|(t, _)| inside(*t)).collect();
    all.sort_by_key(|(t, _)| *t);
    all.reverse();
    all.dedup_by_key(|(t, _)| *t);
    all.reverse();
    all.into_iter().unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn every_value_has_its_time() {
        let read = |values: &str| {
            exported(format!("{{\"metric\":{{}},\"values\":{values},\"timestamps\":[1,2]}}").as_bytes()).map(|_| ())
        };
        assert_eq!(read("[1,null]"), Ok(()));
        assert_eq!(read("[1,2,3]"), Err("a series has 3 values and 2 timestamps".to_owned()));
    }

    #[test]
    fn samples_come_in_order_and_once() {
        let slice = TimeRange::new(Timestamp::from_millis(10), Timestamp::from_millis(50)).unwrap();
        let found = in_order((vec![20, 10, 20, 9, 50, 49], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), slice);
        assert_eq!(found, (vec![10, 20, 49], vec![2.0, 3.0, 6.0]));
    }
}
