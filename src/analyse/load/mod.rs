//! From a source to subjects: which series are judged, on which grid, with what values.
//!
//! ```text
//!   stored series ──► wanted ──► rhythm ──► groups of one step and mostly the same time ──► values on the group's grid
//! ```
//!
//! [`wanted`] says what is judged: every stored series under its own name, a counter as its rate, with title, unit and capacity of the metric it shows as; but what
//! only says something together (idle seconds of all cores, free bytes of so many) is judged as what it makes. [`rhythm`] finds when and how often each was sampled;
//! series of one step that share most of their time are one [`Group`] and share a grid: what was recorded in different years, or once an hour beside once a second,
//! is not stretched onto one.
//!
//! Memory: the values of one group at a time, 8 bytes a series and row; of a large one, those of some of its nodes, or of some of its metrics, at a time.

mod rhythm;
mod wanted;

use rhythm::Rhythm;
use wanted::{Origin, Wanted};

use std::collections::BTreeMap;

use super::{Place, Subject};
use crate::model::{Selector, SeriesId, TimeRange, Timestamp};
use crate::query::frame::{self, Shown};
use crate::query::{Grid, QueryError, Source, Told};

const HOUR_MS: i64 = 3_600_000;

/// Series that are judged together, not loaded yet.
#[derive(Debug)]
pub struct Group {
    members: Vec<Wanted>,
    /// Buckets are filled by this grid; where there is about one sample a bucket it begins half a step early, so that samples that come a little
    /// early or late stay in their row.
    filled: Grid,
    single: bool,
}

/// A group with its values.
#[derive(Debug)]
pub struct Loaded {
    /// The rows.
    pub grid: Grid,
    members: Vec<Wanted>,
    values: Vec<Vec<f64>>,
    filled: Grid,
    single: bool,
}

/// The groups of the selected series that have samples in `range`, each sorted by key.
pub fn groups(source: &dyn Source, selector: &Selector, range: TimeRange) -> Result<Vec<Group>, QueryError> {
    groups_of(source, selector, range, &|_| true)
}

/// The same of those series only whose place is wanted.
pub fn groups_of(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    is_wanted: &dyn Fn(&Place) -> bool,
) -> Result<Vec<Group>, QueryError> {
    let mut wanted = wanted::wanted(source.catalogue(), &source.series(&Selector::all())?, selector);
    wanted.retain(|one| is_wanted(&one.place()));
    let ids: Vec<SeriesId> = wanted.iter().map(Wanted::witness).collect();
    let rhythms = rhythm::rhythms(source, &ids, range)?;
    let mut all: Vec<(Wanted, Rhythm)> =
        wanted.into_iter().filter_map(|w| rhythms.get(&w.witness()).map(|r| (w, *r))).collect();
    all.sort_by(|(a, x), (b, y)| x.first.cmp(&y.first).then(y.last.cmp(&x.last)).then_with(|| a.key.cmp(&b.key)));
    let mut groups: Vec<(Rhythm, Vec<(Wanted, Rhythm)>)> = Vec::new();
    for (one, rhythm) in all {
        match groups.iter_mut().find(|(leader, _)| leader.leads(&rhythm)) {
            Some((_, members)) => members.push((one, rhythm)),
            None => groups.push((rhythm, vec![(one, rhythm)])),
        }
    }
    Ok(groups.into_iter().map(|(leader, members)| Group::of(leader, members)).collect())
}

impl Group {
    fn of(leader: Rhythm, members: Vec<(Wanted, Rhythm)>) -> Group {
        let last = members.iter().map(|(_, r)| r.last).max().unwrap_or(leader.last);
        let (filled, single) = leader.grid(last);
        let mut members: Vec<Wanted> = members.into_iter().map(|(w, _)| w).collect();
        members.sort_by(|a, b| a.key.cmp(&b.key));
        Group { members, filled, single }
    }

    /// The series, sorted by key, without their values.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        self.members.iter().map(|one| one.subject(&[])).collect()
    }

    /// The rows.
    pub fn grid(&self) -> Grid {
        let half = if self.single && self.filled.step_ms % HOUR_MS != 0 { self.filled.step_ms / 2 } else { 0 };
        Grid { start: self.filled.start.plus_millis(half), ..self.filled }
    }

    /// The buckets that the rows are filled by.
    pub fn buckets(&self) -> Grid {
        self.filled
    }

    /// Places of members in stretches of whole nodes, of no more than `values_max` values each where one node has not more by itself.
    pub fn by_node(&self, values_max: usize) -> Vec<Vec<usize>> {
        self.by(|one| &one.key.node, values_max)
    }

    /// The same of whole metrics, of all nodes.
    pub fn by_metric(&self, values_max: usize) -> Vec<Vec<usize>> {
        self.by(|one| (&one.key.metric, &one.key.labels), values_max)
    }

    fn by<'s, K: Ord>(&'s self, key: impl Fn(&'s Wanted) -> K, values_max: usize) -> Vec<Vec<usize>> {
        let key = |place: &usize| key(&self.members[*place]);
        let mut places: Vec<usize> = (0..self.members.len()).collect();
        places.sort_by_key(key);
        let mut stretches: Vec<Vec<usize>> = Vec::new();
        for alike in places.chunk_by(|a, b| key(a) == key(b)) {
            let fits = |stretch: &&mut Vec<usize>| (stretch.len() + alike.len()) * self.filled.len <= values_max;
            match stretches.last_mut().filter(fits) {
                Some(stretch) => stretch.extend(alike),
                None => stretches.push(alike.to_vec()),
            }
        }
        stretches.iter_mut().for_each(|stretch| stretch.sort_unstable());
        stretches
    }

    /// Some of its series (ascending), on its grid.
    pub fn part(&self, places: &[usize]) -> Group {
        Group { members: places.iter().map(|place| self.members[*place].clone()).collect(), ..*self }
    }

    /// The same series that much earlier, on a grid of the same step.
    pub fn earlier(&self, ms: i64) -> Group {
        let step_ms = self.filled.step_ms.max(1);
        let rows = ms.saturating_add(step_ms - 1) / step_ms;
        let start = self.filled.start.plus_millis(-rows.saturating_mul(step_ms));
        Group { members: self.members.clone(), filled: Grid { start, ..self.filled }, single: self.single }
    }

    /// Fetches the values; samples outside of `range` are left out.
    pub fn load(self, source: &dyn Source, range: TimeRange) -> Result<Loaded, QueryError> {
        let grid = self.grid();
        let Group { members, filled, single } = self;
        let mut loaded = Loaded { grid, values: vec![Vec::new(); members.len()], members, filled, single };
        loaded.fill_stored(source, range)?;
        loaded.fill_derived(source, range)?;
        Ok(loaded)
    }
}

impl Loaded {
    /// The series, sorted by key.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        self.members.iter().zip(&self.values).map(|(one, values)| one.subject(values)).collect()
    }

    /// The time of every row of some subjects: that of the first sample in it where the data is about as coarse as the grid, else the start of the row.
    pub fn stamps(
        &self,
        source: &dyn Source,
        range: TimeRange,
        subjects: std::ops::Range<usize>,
    ) -> Result<Vec<Vec<Timestamp>>, QueryError> {
        let rows: Vec<Timestamp> = (0..self.grid.len).map(|i| self.grid.time(i)).collect();
        let mut stamps = vec![rows; subjects.len()];
        if !self.single {
            return Ok(stamps);
        }
        let members = &self.members[subjects];
        let ids: Vec<SeriesId> = members.iter().map(Wanted::witness).collect();
        let Some(range) = range.intersect(self.filled.range()) else { return Ok(stamps) };
        let mut seen = vec![None; members.len()];
        source.samples(&ids, range, &mut |id, times, _| {
            for (place, _) in ids.iter().enumerate().filter(|(_, i)| **i == id) {
                for &t in times {
                    let row = ((t - self.filled.start.millis()) / self.filled.step_ms) as usize;
                    if seen[place].is_none_or(|before| before < row) && row < self.filled.len {
                        stamps[place][row] = Timestamp::from_millis(t);
                        seen[place] = Some(row);
                    }
                }
            }
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(stamps)
    }

    fn fill_stored(&mut self, source: &dyn Source, range: TimeRange) -> Result<(), QueryError> {
        let stored: Vec<(usize, f64, (SeriesId, Told))> = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(place, one)| match one.origin {
                Origin::Gauge { id, scale } => Some((place, scale, (id, Told::Mean))),
                Origin::Rate { id, scale } => Some((place, scale, (id, Told::Rate))),
                Origin::Derived { .. } => None,
            })
            .collect();
        let wanted: Vec<(SeriesId, Told)> = stored.iter().map(|(.., wanted)| *wanted).collect();
        source.courses(&wanted, range, self.filled, None, &mut |i, mut line, _| {
            if let Some((place, scale, _)) = stored.get(i) {
                line.iter_mut().for_each(|value| *value *= scale);
                self.values[*place] = line;
            }
        })
    }

    /// All nodes' parts of one shown metric are fetched together.
    fn fill_derived(&mut self, source: &dyn Source, range: TimeRange) -> Result<(), QueryError> {
        let mut by_name: BTreeMap<&str, (Vec<usize>, Shown)> = BTreeMap::new();
        for (place, one) in self.members.iter().enumerate() {
            if let Origin::Derived { shown, .. } = &one.origin {
                let empty = || (Vec::new(), Shown { nodes: Vec::new(), ..(**shown).clone() });
                let (places, all) = by_name.entry(&shown.name).or_insert_with(empty);
                places.push(place);
                all.nodes.extend(shown.nodes.iter().cloned());
            }
        }
        for (places, shown) in by_name.into_values() {
            let frame = frame::load(source, &shown, range, self.filled)?;
            for (place, row) in places.into_iter().zip(frame.nodes) {
                self.values[place] = row.avg;
                self.values[place].resize(self.filled.len, f64::NAN);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
