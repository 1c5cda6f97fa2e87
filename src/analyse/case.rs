//! Series that are judged together: all of them at hand or, where they are too many for that, some at a time.
//!
//! ```text
//!               metric 1   metric 2   metric 3
//!   node 1     |=========================| a      a, b: whole nodes, for what is told by a series and its node: odd stretches, changes, limits,
//!   node 2     |=========================|        capacities, movements
//!   node 3     |  c      |  d            |        c, d: whole metrics, for nodes unlike the others
//!   node 4     |=========================| b
//! ```
//!
//! What is found is the same either way: of the parts only what they come to is kept, and what is drawn of the few series that are shown is asked for again.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Shift;
use super::correlate;
use super::evidence::{Evidence, Exhibits, charted};
use super::findings::{Finding, FindingKind, Findings, Seen, compared, find, shifts, unlike};
use super::load::{Group, Loaded};
use super::options::Options;
use super::relations::{Relations, related, relations};
use super::season::{Season, SeasonLearner};
use super::subject::Subject;
use crate::model::{SeriesKey, TimeRange};
use crate::query::{Grid, QueryError, Source};

/// Most groups of what moves together whose figures can be got again.
const GROUPS_MAX: usize = 20;

/// What shows findings.
pub(super) struct Shown {
    pub(super) evidence: Vec<Evidence>,
    pub(super) relations: Option<Relations>,
    /// In which buckets of time the series of the findings were judged.
    pub(super) rows: BTreeMap<SeriesKey, Grid>,
    /// How the seasons of the closest pairs of what moves together were learnt.
    pub(super) seasons: BTreeMap<SeriesKey, Season>,
}

/// A group, and what is asked about it.
pub(super) struct Case<'a> {
    source: &'a dyn Source,
    group: Group,
    range: TimeRange,
    kinds: &'a [FindingKind],
    options: &'a Options,
    /// All of it, where that can be held.
    held: Option<Loaded>,
}

impl<'a> Case<'a> {
    pub(super) fn of(
        source: &'a dyn Source,
        group: Group,
        range: TimeRange,
        kinds: &'a [FindingKind],
        options: &'a Options,
    ) -> Result<Case<'a>, QueryError> {
        let parts = group.by_node(options.values_max);
        let held = match parts.as_slice() {
            [all] => Some(group.part(all).load(source, range)?),
            _ => None,
        };
        Ok(Case { source, group, range, kinds, options, held })
    }

    fn load(&self, places: &[usize]) -> Result<Loaded, QueryError> {
        self.group.part(places).load(self.source, self.range)
    }

    /// What is found in it.
    pub(super) fn find(&self) -> Result<Findings, QueryError> {
        let (grid, kinds, options) = (self.group.grid(), self.kinds, self.options);
        if let Some(loaded) = &self.held {
            return Ok(find(&loaded.subjects(), grid, kinds, options));
        }
        let mut seen = Seen::default();
        for places in self.group.by_node(self.options.values_max) {
            seen = seen.and(Seen::of(&self.load(&places)?.subjects(), grid, kinds, options));
        }
        let mut peers = Vec::new();
        if kinds.contains(&FindingKind::Peer) {
            for places in self.group.by_metric(self.options.values_max) {
                peers.extend(unlike(&self.load(&places)?.subjects(), grid, options));
            }
        }
        let close = |a: usize, b: usize| {
            let both = self.load(&[a.min(b), a.max(b)])?;
            let (a, b) = if a < b { (0, 1) } else { (1, 0) };
            Ok(correlate::closeness(&both.subjects(), (a, b), grid, options))
        };
        seen.conclude(&self.group.subjects(), peers, grid, kinds, options, &close)
    }

    /// What differs from a period before. What fills, and what has changed in the period itself, differs too: that is `found` already, and told once.
    pub(super) fn compared(&self, then: TimeRange, found: &[Finding]) -> Result<Vec<Finding>, QueryError> {
        let earlier = self.group.earlier(self.range.millis());
        let (grid, grid_then) = (self.group.grid(), earlier.grid());
        let mut all: Vec<Option<Shift>> = Vec::new();
        for places in self.group.by_node(self.options.values_max) {
            let before = earlier.part(&places).load(self.source, then)?;
            let loaded;
            let now = match &self.held {
                Some(held) => held,
                None => {
                    loaded = self.load(&places)?;
                    &loaded
                }
            };
            all.extend(shifts((&now.subjects(), grid), (&before.subjects(), grid_then), self.options));
        }
        let told: BTreeSet<&SeriesKey> = found.iter().flat_map(Finding::explains).collect();
        Ok(compared(&self.group.subjects(), &all, &told, grid))
    }

    /// What shows the first findings; `found` is in order of rank.
    pub(super) fn shown(&self, found: &[Finding]) -> Result<Shown, QueryError> {
        let (grid, options) = (self.group.grid(), self.options);
        let loaded;
        let of = match &self.held {
            Some(held) => held,
            None => {
                loaded = self.load(&self.asked_again(found))?;
                &loaded
            }
        };
        let of = of.subjects();
        let mut exhibits = Exhibits::of(&of, grid, found, options);
        match &self.held {
            Some(_) => exhibits.see(&of, grid, options),
            None => {
                for places in self.group.by_node(self.options.values_max) {
                    exhibits.see(&self.load(&places)?.subjects(), grid, options);
                }
            }
        }
        let told = found.iter().flat_map(|f| std::iter::once(&f.series).chain(f.moved.iter().map(|m| &m.series)));
        let groups = found.iter().filter(|f| f.kind == FindingKind::Correlation).take(GROUPS_MAX);
        let pairs = groups.flat_map(|f| std::iter::once(&f.series).chain(f.moved.first().map(|m| &m.series)));
        Ok(Shown {
            evidence: exhibits.told(),
            relations: relations(&of, grid, found, options),
            rows: told.map(|series| (series.clone(), self.group.buckets())).collect(),
            seasons: pairs.filter_map(|key| Some((key.clone(), season_of(&of, grid, key, options)?))).collect(),
        })
    }

    /// Places of the series that are drawn, of an unlike node with those of the other nodes.
    fn asked_again(&self, found: &[Finding]) -> Vec<usize> {
        let mut wanted: BTreeSet<&SeriesKey> = related(found).into_iter().collect();
        let mut of_all_nodes = BTreeSet::new();
        for finding in charted(found) {
            wanted.insert(&finding.series);
            if finding.kind == FindingKind::Peer {
                of_all_nodes.insert((&finding.series.metric, &finding.series.labels));
            }
        }
        let is_wanted = |key: &SeriesKey| wanted.contains(key) || of_all_nodes.contains(&(&key.metric, &key.labels));
        let subjects = self.group.subjects();
        subjects.iter().enumerate().filter(|(_, subject)| is_wanted(&subject.key)).map(|(place, _)| place).collect()
    }
}

fn season_of(subjects: &[Subject], grid: Grid, series: &SeriesKey, options: &Options) -> Option<Season> {
    let place = subjects.binary_search_by(|s| s.key.cmp(series)).ok()?;
    let mut learner = SeasonLearner::default();
    learner.learn(subjects[place].values, grid, options.utc_offset_ms, &mut Vec::new());
    Some(learner.season().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use crate::analyse::{KINDS, Threshold, Thresholds, examine, examine_closely};
    use crate::model::Selector;
    use crate::query::memory::{MemorySource, key, range};

    const STEP_MS: i64 = 1_200_000;
    const ROWS: usize = 8 * 72;

    /// Seven nodes: two with an odd hour, one with another level, one that fills, one unlike the others, and everywhere two metrics that move together.
    fn cluster() -> MemorySource {
        let mut source = MemorySource::default();
        for node in 0..7 {
            let lines: [(&str, &dyn Fn(usize) -> f64); 4] = [
                ("cpu_percent", &|i| {
                    let odd = if (node == 1 || node == 2) && (450..453).contains(&i) { 50.0 } else { 0.0 };
                    30.0 + 6.0 * noise(node * 5000 + i) + odd + if node == 3 && i >= 400 { 25.0 } else { 0.0 }
                }),
                ("disk_percent", &|i| {
                    40.0 + noise(90_000 + node * 5000 + i) + if node == 4 { 0.06 * i as f64 } else { 0.0 }
                }),
                ("load1", &|i| {
                    let unlike = if node == 5 { 9.0 } else { 0.0 };
                    3.0 + noise(node * 7000 + i) + unlike + if node == 6 && i > 288 { 2.0 } else { 0.0 }
                }),
                ("queue", &|i| 7.0 * noise(node * 7000 + i) + noise(70_000 + node * 5000 + i)),
            ];
            for (metric, value) in lines {
                let samples = (0..ROWS).map(|i| (i as i64 * STEP_MS, value(i)));
                source = source.with(key(&format!("n{node}"), metric, &[]), samples);
            }
        }
        source
    }

    #[test]
    fn what_is_judged_in_parts_is_found_as_if_all_were_at_hand() {
        let source = cluster();
        let limit = Threshold { warn: Some(70.0), ..Threshold::default() };
        let thresholds = Thresholds::with([("disk_percent".to_owned(), limit)]);
        let options =
            |values_max, threads| Options { values_max, threads, thresholds: thresholds.clone(), ..Options::default() };
        let day = 72 * STEP_MS;
        let mut kinds = BTreeSet::new();
        for (from, days) in [(0, 8), (4, 4)] {
            let range = range(from * day, (from + days) * day);
            let said = |values_max, threads| {
                let found =
                    examine_closely(&source, &Selector::all(), range, &KINDS, &options(values_max, threads)).unwrap();
                format!("{found:#?}")
            };
            let whole = said(1 << 25, 2);
            assert_eq!(said(1, 1), whole, "node by node");
            assert_eq!(said(9 * ROWS, 3), whole, "two nodes at a time");
            let found = examine(&source, &Selector::all(), range, &KINDS, &options(1, 1)).unwrap();
            kinds.extend(found.all.iter().map(|finding| finding.kind));
        }
        assert!(KINDS.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    }
}
