//! When and how often series were sampled, without fetching all of their times.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::super::{Grid, TimeSink};
use super::cells::{Part, Windows};
use super::error::RemoteError;
use super::raw;
use super::replicas::Replicas;
use super::roster::Roster;
use crate::model::{NodeName, SeriesId, TimeRange, Timestamp};

/// More than the usual distance times their number, as distances are not even.
const SLACK: f64 = 1.3;

/// The first and the last moment of a series, and how many there are.
type Ends = (i64, i64, u64);

/// The times of the first samples of each of `ids`, at least `most` where there are as many, and of its last one. Series of a node that begin and end
/// together and have as many samples are taken to be sampled together: of one of them the times are fetched.
pub(super) fn glimpses(
    engine: &Replicas,
    roster: &Roster,
    ids: &[SeriesId],
    range: TimeRange,
    most: usize,
    sink: TimeSink<'_>,
) -> Result<(), RemoteError> {
    let whole = Grid { start: range.from(), step_ms: range.millis().max(1), len: 1 };
    let parts = [Part::Count, Part::FirstTime, Part::LastTime];
    let windows = Windows::ask(engine, roster, ids, (range, whole), &parts)?;
    let mut groups: BTreeMap<(&NodeName, Ends), Vec<SeriesId>> = BTreeMap::new();
    for id in ids {
        let ends = windows.of(*id).first().and_then(|window| {
            Some((window.time(Part::FirstTime)?, window.time(Part::LastTime)?, window.get(Part::Count) as u64))
        });
        if let (Some(ends), Some(series)) = (ends, roster.get(*id)) {
            groups.entry((&series.key.node, ends)).or_default().push(*id);
        }
    }
    let mut left: Vec<(Ends, Vec<SeriesId>)> = groups.into_iter().map(|((_, ends), ids)| (ends, ids)).collect();
    // Where the guess was too short, all of the time is looked at.
    for is_last in [false, true] {
        let Some(stretch) = stretch(&left, most, range, is_last) else { break };
        let asked: Vec<SeriesId> = left.iter().map(|(_, ids)| ids[0]).collect();
        let mut times: HashMap<SeriesId, Vec<i64>> = HashMap::new();
        raw::samples(engine, roster, &asked, stretch, &mut |id, run, values| {
            let numbers = run.iter().zip(values).filter(|(_, value)| !value.is_nan()).map(|(t, _)| *t);
            times.entry(id).or_default().extend(numbers);
            ControlFlow::Continue(())
        })?;
        let mut short = Vec::new();
        for ((first, last, count), ids) in left {
            let found = times.get(&ids[0]).map(Vec::as_slice).unwrap_or_default();
            let is_whole = found.len() as u64 >= count || found.last().is_some_and(|t| *t >= last);
            if !is_last && found.len() < most && !is_whole {
                short.push(((first, last, count), ids));
                continue;
            }
            let found = &found[..found.len().min(most)];
            for id in ids {
                if !found.is_empty() && sink(id, found).is_break() {
                    return Ok(());
                }
                if found.last().is_none_or(|t| *t < last) && sink(id, &[last]).is_break() {
                    return Ok(());
                }
            }
        }
        left = short;
    }
    Ok(())
}

/// Where the first `most` samples of all of them are likely to be; `None` where there is nothing to look for.
fn stretch(groups: &[(Ends, Vec<SeriesId>)], most: usize, range: TimeRange, whole: bool) -> Option<TimeRange> {
    let likely = |(first, last, count): Ends| {
        let distance = last.saturating_sub(first) as f64 / count.saturating_sub(1).max(1) as f64;
        first.saturating_add((SLACK * distance * most as f64) as i64).min(last).saturating_add(1)
    };
    let from = groups.iter().map(|(ends, _)| ends.0).min()?;
    let to = groups.iter().map(|(ends, _)| if whole { ends.1.saturating_add(1) } else { likely(*ends) }).max()?;
    TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).and_then(|found| found.intersect(range))
}
