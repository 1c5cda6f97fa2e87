//! What a scraper notes of its scrapes itself: `up` (1 where the target answered) and `scrape_…`. They are there where the target is not, so they make no
//! node complete: of a target that was down all week everything is missing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::super::{QueryError, Source};
use crate::model::{Series, SeriesId, TimeRange};

/// The series of a node by who tells them.
pub(super) struct Told<'a> {
    /// What the node itself tells; everything, where nobody scrapes it.
    pub(super) data: Vec<&'a Series>,
    /// `up`, of each target that is this node.
    pub(super) up: Vec<SeriesId>,
}

/// When a node was asked, and when it answered: a list a target.
pub(super) struct Answers {
    pub(super) asked: Vec<Vec<i64>>,
    pub(super) answered: Vec<Vec<i64>>,
}

impl<'a> Told<'a> {
    pub(super) fn of(series: Vec<&'a Series>) -> Told<'a> {
        let is_up = |one: &Series| one.key.metric.as_str() == "up";
        let up: Vec<SeriesId> = series.iter().filter(|one| is_up(one)).map(|one| one.id).collect();
        let is_data = |one: &&Series| up.is_empty() || !(is_up(one) || one.key.metric.as_str().starts_with("scrape_"));
        Told { data: series.into_iter().filter(is_data).collect(), up }
    }
}

impl Answers {
    /// Of a node that tells nothing itself (or of which nothing else was chosen).
    pub(super) fn of(source: &dyn Source, up: &[SeriesId], range: TimeRange) -> Result<Answers, QueryError> {
        let mut found: BTreeMap<SeriesId, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        source.samples(up, range, &mut |id, times, values| {
            let (asked, answered) = found.entry(id).or_default();
            for (t, value) in times.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
                asked.push(*t);
                answered.extend((*value > 0.0).then_some(*t));
            }
            ControlFlow::Continue(())
        })?;
        let (asked, answered) = found.into_values().unzip();
        Ok(Answers { asked, answered })
    }
}

/// When the node was first asked in `range`.
pub(super) fn first_asked(source: &dyn Source, up: &[SeriesId], range: TimeRange) -> Result<Option<i64>, QueryError> {
    let mut first = None;
    source.times(up, range, &mut |_, times| {
        first = times.first().copied().into_iter().chain(first).min();
        ControlFlow::Continue(())
    })?;
    Ok(first)
}
