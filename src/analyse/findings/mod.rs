//! Findings: one analysed statement each, with its evidence, ranked, in words.
//!
//! [`find`] runs the detectors over all series and makes findings of what they say: [`incident`] joins the anomalies of nodes that began together,
//! [`lasting`] joins changes, [`capacity`], [`group`] and [`period`] make theirs, [`rank`] puts them in order, [`words`] writes the sentences. A finding states what was
//! seen and what was expected; never a cause.

mod capacity;
mod group;
mod incident;
mod lasting;
mod mute;
mod period;
mod rank;
mod threshold;
mod words;

use std::collections::BTreeSet;
use std::convert::Infallible;

use group::Close;
pub(super) use group::unlike;
pub use mute::{Maintenance, Mute};
pub(super) use period::{compared, shifts};
pub use rank::{SHOWN_GAPS_MAX, SHOWN_INFO_MAX, SHOWN_MAX, rank};
pub use words::name as name_of;

use crate::model::{SeriesKey, TimeRange, Timestamp};
use crate::query::{Grid, summary};

use super::anomaly::Unjudged;
use super::cluster::{self, ClusterJudgement};
use super::correlate;
use super::forecast::Outlook;
use super::options::Options;
use super::season::Cycle;
use super::subject::Subject;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Odd against its own history.
    Anomaly,
    /// A lasting shift of level.
    Change,
    /// A node unlike its group.
    Peer,
    /// Series that move together.
    Correlation,
    /// A capacity that fills.
    Capacity,
    /// A limit the user has set.
    Threshold,
    /// This period against the one before.
    Compare,
    /// Data that is missing.
    Coverage,
}

impl FindingKind {
    /// The word used in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            FindingKind::Anomaly => "anomaly",
            FindingKind::Change => "change",
            FindingKind::Peer => "peer",
            FindingKind::Correlation => "correlation",
            FindingKind::Capacity => "capacity",
            FindingKind::Threshold => "threshold",
            FindingKind::Compare => "compare",
            FindingKind::Coverage => "coverage",
        }
    }
}

/// How much a finding asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Should be looked at.
    Warn,
    /// Should be looked at now.
    Bad,
}

impl Severity {
    /// The word used in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Bad => "bad",
        }
    }
}

/// A series that is part of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Which.
    pub series: SeriesKey,
    /// Since when.
    pub from: Timestamp,
    /// How strongly: greatest mean surprise, correlation, or distance in sd.
    pub strength: f64,
}

/// One analysed statement with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// How much it asks for attention.
    pub severity: Severity,
    /// The series that shows it best.
    pub series: SeriesKey,
    /// Start of the stretch.
    pub from: Timestamp,
    /// End of the stretch.
    pub to: Timestamp,
    /// What was seen; days left for a capacity that fills; NaN where there is none.
    pub value: f64,
    /// What was expected; NaN where there is none.
    pub expected: f64,
    /// From when on `expected` is told of: of a change the start of the level before it, else `from`.
    pub expected_from: Timestamp,
    /// Unit of both: a word of [`Unit`](crate::model::catalogue::Unit), or `days`.
    pub unit: &'static str,
    /// For the order among findings of one kind and severity; greater is more.
    pub strength: f64,
    /// One sentence for people. Names in it are as they came from the data: escape them.
    pub text: String,
    /// The other series that are part of it, strongest first, at most [`MOVED_MAX`].
    pub moved: Vec<Moved>,
    /// How many other series are part of it.
    pub moved_count: usize,
    /// The series that moved first, where that is another one.
    pub first: Option<Moved>,
}

impl Finding {
    /// Leaves of its stretch what lies in the `known` time: rows reach beyond both ends of the data.
    pub(super) fn clip(&mut self, known: TimeRange) {
        // The end of a capacity is what its days are counted from.
        let to = if self.kind == FindingKind::Capacity { self.to } else { self.to.min(known.to()) };
        let from = self.from.max(known.from());
        if from <= to {
            self.expected_from = self.expected_from.max(known.from());
            (self.from, self.to) = (from, to);
        }
    }

    /// The series of which it says why their level is another one than before or elsewhere: they fill, or have changed.
    pub fn explains(&self) -> impl Iterator<Item = &SeriesKey> {
        let is_level = self.kind == FindingKind::Change || (self.kind == FindingKind::Capacity && self.unit == DAYS);
        let all = std::iter::once(&self.series).chain(self.moved.iter().map(|moved| &moved.series));
        all.filter(move |_| is_level)
    }
}

/// Unit of a capacity's days left.
const DAYS: &str = "days";

/// Most other series a finding names.
pub const MOVED_MAX: usize = 20;

/// What could not be judged, and why, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// Series looked at.
    pub series: usize,
    /// Series judged.
    pub judged: usize,
    /// Longest history there was, in ms.
    pub span_ms: i64,
    /// Series not judged, by reason, with how many.
    pub unjudged: Vec<(Unjudged, usize)>,
    /// Series explained by a cycle, with how many.
    pub cycles: Vec<(Cycle, usize)>,
    /// Odd stretches of nodes that were too small to be told.
    pub small: usize,
    /// Lasting changes that were too slight to be told.
    pub slight: usize,
    /// Findings that are not told because it was maintenance.
    pub muted: usize,
    /// Capacities that were looked at for a forecast, and how many of them have too little history.
    pub capacities: usize,
    /// See [`capacities`](Self::capacities).
    pub capacities_short: usize,
    /// How much history the source has until the end of the range, ms, where no capacity could be judged.
    pub known_ms: i64,
    /// Sentences on what the history is too short for; empty where it is long enough.
    pub notes: Vec<String>,
}

impl Judged {
    /// Why no capacity was judged for a forecast, where there are any; without a full stop.
    pub fn no_forecast(&self) -> Option<String> {
        (self.capacities > 0 && self.capacities_short == self.capacities).then(|| words::no_forecast(self))
    }
}

/// Everything found, in order of rank.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The findings.
    pub all: Vec<Finding>,
    /// What was and was not judged.
    pub judged: Judged,
}

/// Runs the detectors of the wanted `kinds` over `subjects`, whose rows are those of `grid`. Kinds that need more than that (the period before,
/// coverage) have functions of their own; put all findings together and [`rank`] them.
pub fn find(subjects: &[Subject], grid: Grid, kinds: &[FindingKind], options: &Options) -> Findings {
    let peers = if kinds.contains(&FindingKind::Peer) { unlike(subjects, grid, options) } else { Vec::new() };
    let close = |a, b| Ok::<_, Infallible>(correlate::closeness(subjects, (a, b), grid, options));
    let Ok(found) = Seen::of(subjects, grid, kinds, options).conclude(subjects, peers, grid, kinds, options, &close);
    found
}

/// What is known of series by their values and those of their node alone.
#[derive(Default)]
pub(super) struct Seen {
    judged: Option<ClusterJudgement>,
    beyond: Vec<Finding>,
    /// Of how many series, and of which of them the capacity fills.
    series: usize,
    outlooks: Vec<(usize, Outlook)>,
    /// Capacities, and how many of them have too little history.
    capacities: (usize, usize),
}

impl Seen {
    /// Of whole nodes.
    pub(super) fn of(subjects: &[Subject], grid: Grid, kinds: &[FindingKind], options: &Options) -> Seen {
        let wanted = |kind| kinds.contains(&kind);
        let is_judged = [FindingKind::Anomaly, FindingKind::Change, FindingKind::Correlation].into_iter().any(wanted);
        let (outlooks, capacities) = match wanted(FindingKind::Capacity) {
            true => capacity::outlooks(subjects, grid, options),
            false => Default::default(),
        };
        Seen {
            judged: is_judged.then(|| cluster::judge(subjects, grid, options)),
            beyond: match wanted(FindingKind::Threshold) {
                true => threshold::beyond(subjects, grid, &options.thresholds),
                false => Vec::new(),
            },
            series: subjects.len(),
            outlooks,
            capacities,
        }
    }

    /// With what is known of the nodes that come after these.
    pub(super) fn and(mut self, later: Seen) -> Seen {
        match (&mut self.judged, later.judged) {
            (Some(judged), Some(later)) => judged.append(later),
            (judged, later) => *judged = judged.take().or(later),
        }
        self.beyond.extend(later.beyond);
        self.outlooks.extend(later.outlooks.into_iter().map(|(place, outlook)| (place + self.series, outlook)));
        self.capacities.0 += later.capacities.0;
        self.capacities.1 += later.capacities.1;
        self.series += later.series;
        self
    }

    /// The findings, with those of kind peer. Of `subjects` everything is asked but their values, which `close` looks at.
    pub(super) fn conclude<E>(
        self,
        subjects: &[Subject],
        peers: Vec<Finding>,
        grid: Grid,
        kinds: &[FindingKind],
        options: &Options,
        close: Close<'_, E>,
    ) -> Result<Findings, E> {
        if subjects.is_empty() {
            return Ok(Findings::default());
        }
        let mut all = Vec::new();
        let span_ms = grid.step_ms.saturating_mul(grid.len as i64);
        let mut judged = Judged { series: subjects.len(), span_ms, ..Judged::default() };
        let wanted = |kind| kinds.contains(&kind);
        if let Some(found) = &self.judged {
            judged = account(found, span_ms);
            if wanted(FindingKind::Anomaly) {
                let factor = options.sensitivity.factor();
                let (told, small) = incident::incidents(incident::Case { subjects, found, grid, factor });
                all.extend(told);
                judged.small = small;
            }
            if wanted(FindingKind::Change) {
                let (told, slight) = lasting::changes(subjects, found, grid, options.changes);
                all.extend(told);
                judged.slight = slight;
            }
            if wanted(FindingKind::Correlation) {
                all.extend(group::correlated(subjects, found, grid, options, close)?);
            }
            judged.notes = words::notes(&judged);
        }
        (judged.capacities, judged.capacities_short) = self.capacities;
        all.extend(self.beyond);
        all.extend(peers);
        let changes = all.iter().filter(|f| f.kind == FindingKind::Change);
        let changed = changes.map(|f| f.series.clone()).collect();
        all.extend(capacity::capacities(subjects, grid, &self.outlooks, &changed));
        // A node that fills is unlike its peers by that, and told once.
        let told: BTreeSet<SeriesKey> = all.iter().flat_map(Finding::explains).cloned().collect();
        all.retain(|f| f.kind != FindingKind::Peer || f.moved_count > 0 || !told.contains(&f.series));
        if let Some(found) = self.judged.filter(|_| wanted(FindingKind::Change)) {
            // What fills is told once, with its day.
            let dated = all.iter().filter(|f| f.kind == FindingKind::Capacity);
            let dated = dated.map(|f| f.series.clone()).collect();
            all.extend(lasting::ramps(subjects, &found, grid, &dated));
        }
        rank(&mut all);
        Ok(Findings { all, judged })
    }
}

fn account(found: &ClusterJudgement, span_ms: i64) -> Judged {
    let mut judged = Judged { series: found.series.len(), span_ms, ..Judged::default() };
    let mut unjudged = std::collections::BTreeMap::new();
    let mut cycles = std::collections::BTreeMap::new();
    for one in &found.series {
        match one.unjudged {
            Some(why) => *unjudged.entry(why).or_insert(0) += 1,
            None => {
                judged.judged += 1;
                *cycles.entry(one.cycle).or_insert(0) += 1;
            }
        }
    }
    judged.unjudged = unjudged.into_iter().collect();
    judged.cycles = cycles.into_iter().collect();
    judged
}

impl Findings {
    /// Takes what was found in other series; the order of rank is lost.
    pub fn add(&mut self, other: Findings) {
        self.all.extend(other.all);
        let judged = &mut self.judged;
        judged.series += other.judged.series;
        judged.judged += other.judged.judged;
        judged.small += other.judged.small;
        judged.slight += other.judged.slight;
        judged.muted += other.judged.muted;
        judged.capacities += other.judged.capacities;
        judged.capacities_short += other.judged.capacities_short;
        judged.span_ms = judged.span_ms.max(other.judged.span_ms);
        judged.unjudged = summed(&judged.unjudged, &other.judged.unjudged);
        judged.cycles = summed(&judged.cycles, &other.judged.cycles);
        if judged.series > 0 {
            judged.notes = words::notes(judged);
        }
    }
}

/// Counts of the same thing added up, in its order.
fn summed<T: Copy + Ord>(a: &[(T, usize)], b: &[(T, usize)]) -> Vec<(T, usize)> {
    let mut sums = std::collections::BTreeMap::new();
    for &(what, count) in a.iter().chain(b) {
        *sums.entry(what).or_insert(0) += count;
    }
    sums.into_iter().collect()
}

/// The form that programs read.
impl From<&Finding> for summary::Finding {
    fn from(finding: &Finding) -> summary::Finding {
        summary::Finding {
            kind: finding.kind.as_str(),
            severity: finding.severity.into(),
            node: Some(finding.series.node.as_str().to_owned()),
            metric: Some(finding.series.metric.as_str().to_owned()),
            from: finding.from.to_rfc3339(),
            to: finding.to.to_rfc3339(),
            text: finding.text.clone(),
            value: finding.value,
            expected: finding.expected,
            unit: finding.unit.to_owned(),
        }
    }
}

impl From<Severity> for summary::Severity {
    fn from(severity: Severity) -> summary::Severity {
        match severity {
            Severity::Info => summary::Severity::Info,
            Severity::Warn => summary::Severity::Warn,
            Severity::Bad => summary::Severity::Bad,
        }
    }
}

/// The stretch of rows as times.
fn stretch(grid: Grid, from: usize, to: usize) -> (Timestamp, Timestamp) {
    (grid.time(from), grid.time(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::made::noise;
    use crate::analyse::options::Changes;
    use crate::model::catalogue::{Unit, Worse};
    use crate::model::{Labels, MetricName, NodeName};

    fn subject<'a>(node: usize, values: &'a [f64]) -> Subject<'a> {
        Subject {
            key: SeriesKey {
                node: NodeName::new(&format!("node-{node}")).unwrap(),
                metric: MetricName::new("cpu_percent").unwrap(),
                labels: Labels::default(),
            },
            title: "CPU".to_owned(),
            unit: Unit::Percent,
            worse: Worse::High,
            capacity: Some(100.0),
            place: None,
            values,
        }
    }

    fn week(node: usize) -> Vec<f64> {
        (0..2016).map(|i| 30.0 + 6.0 * noise(node * 5000 + i)).collect()
    }

    fn run(nodes: &[Vec<f64>]) -> Findings {
        const ALL: [FindingKind; 5] = [
            FindingKind::Anomaly,
            FindingKind::Change,
            FindingKind::Peer,
            FindingKind::Correlation,
            FindingKind::Capacity,
        ];
        let subjects: Vec<Subject> = nodes.iter().enumerate().map(|(n, v)| subject(n, v)).collect();
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: 2016 };
        find(&subjects, grid, &ALL, &Options::default())
    }

    fn texts(found: &Findings) -> String {
        found.all.iter().map(|f| format!("{} {}: {}\n", f.severity.as_str(), f.kind.as_str(), f.text)).collect()
    }

    #[test]
    fn an_empty_week_has_no_finding() {
        let found = run(&(0..6).map(week).collect::<Vec<_>>());
        assert_eq!(texts(&found), "");
        assert_eq!((found.judged.series, found.judged.judged, found.judged.notes.len()), (6, 6, 0));
        assert_eq!(run(&[]), Findings::default());
    }

    #[test]
    fn what_began_together_on_three_nodes_is_one_incident() {
        let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
        for (node, from) in [(1, 1000), (2, 1001), (4, 1002)] {
            nodes[node][from..from + 12].iter_mut().for_each(|v| *v += 50.0 + node as f64);
        }
        let found = run(&nodes);
        assert_eq!(found.all.len(), 1, "{}", texts(&found));
        let one = &found.all[0];
        assert_eq!((one.kind, one.severity, one.moved_count), (FindingKind::Anomaly, Severity::Warn, 2));
        assert!(one.text.contains("2 other series on 3 nodes moved too"), "{}", one.text);
    }

    #[test]
    fn what_began_apart_is_apart_unless_half_of_the_cluster_took_part() {
        let odd = |apart: &[(usize, usize)]| {
            let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
            apart.iter().for_each(|&(n, from)| nodes[n][from..from + 18].iter_mut().for_each(|v| *v += 50.0));
            run(&nodes)
        };
        let found = odd(&[(1, 1000), (2, 1008)]);
        assert_eq!(found.all.len(), 2, "forty minutes apart: {}", texts(&found));
        let found = odd(&[(1, 1000), (2, 1006), (4, 1009)]);
        assert_eq!(found.all.len(), 1, "three of six within the hour: {}", texts(&found));
        assert_eq!(found.all[0].severity, Severity::Warn);
    }

    #[test]
    fn a_level_of_one_metric_that_shifts_on_two_nodes_is_one_change_and_not_a_jump_of_its_capacity_too() {
        let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
        for (node, by) in [(1, 20.0), (4, -15.0)] {
            nodes[node][1300..].iter_mut().for_each(|v| *v += by);
        }
        let found = run(&nodes);
        assert_eq!(found.all.len(), 1, "{}", texts(&found));
        assert!(found.all[0].text.ends_with("; 1 other series on 2 nodes shifted with it"), "{}", found.all[0].text);
    }

    /// A disk that fills was told as a level that "rose … and stayed there".
    #[test]
    fn what_fills_since_three_days_is_told_once_with_its_day() {
        let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
        nodes[2].iter_mut().enumerate().for_each(|(i, v)| *v += 0.02 * i.saturating_sub(1200) as f64);
        insta::assert_snapshot!(texts(&run(&nodes)), @"warn capacity: CPU on node-2 has been growing by 5.74 points a day for 2 days 22 h and is at 46.3 %: full in about 9 days (8 to 11)");
        let subjects: Vec<Subject> = nodes.iter().enumerate().map(|(n, v)| subject(n, v)).collect();
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: 2016 };
        let changes = find(&subjects, grid, &[FindingKind::Change], &Options::default());
        let told = texts(&changes);
        assert!(
            told.starts_with("warn change: CPU on node-2 has been rising evenly for 2 days 22 h, from about "),
            "{told}"
        );
        assert_eq!(changes.all.len(), 1, "{told}");
    }

    /// Chance joined the steps of nodes that had nothing in common but the name of their metric.
    #[test]
    fn changes_of_many_nodes_all_over_the_week_are_not_joined_by_chance() {
        let mut nodes: Vec<Vec<f64>> = (0..60).map(week).collect();
        for (node, values) in nodes.iter_mut().enumerate() {
            values[300 + 23 * node..].iter_mut().for_each(|v| *v += 20.0);
        }
        let found = run(&nodes);
        let changes = found.all.iter().filter(|f| f.kind == FindingKind::Change);
        assert!(changes.clone().all(|f| f.moved_count == 0) && changes.count() == 60, "{}", texts(&found));
    }

    #[test]
    fn a_few_more_of_hundreds_are_counted_and_told_where_all_changes_are_asked_for() {
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: 2016 };
        let run = |by: f64, changes: Changes| {
            let values: Vec<f64> =
                (0..2016).map(|i| 400.0 + 0.2 * noise(i) + if i >= 1000 { by } else { 0.0 }).collect();
            let partitions =
                Subject { unit: Unit::Count, worse: Worse::Neither, capacity: None, ..subject(0, &values) };
            let found = find(&[partitions], grid, &[FindingKind::Change], &Options { changes, ..Options::default() });
            (found.all.len(), found.judged.slight)
        };
        assert_eq!(run(6.0, Changes::Together), (0, 1));
        assert_eq!(run(6.0, Changes::Each), (1, 0));
        assert_eq!(run(40.0, Changes::Together), (1, 0));
    }

    #[test]
    fn what_fills_is_not_told_again_as_unlike_its_peers() {
        let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
        nodes[2].iter_mut().enumerate().for_each(|(i, v)| *v += 0.03 * i as f64);
        let kinds: Vec<FindingKind> = run(&nodes).all.iter().map(|f| f.kind).collect();
        assert!(kinds.contains(&FindingKind::Capacity) && !kinds.contains(&FindingKind::Peer), "{kinds:?}");
        let subjects: Vec<Subject> = nodes.iter().enumerate().map(|(n, v)| subject(n, v)).collect();
        let grid = Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 300_000, len: 2016 };
        assert_eq!(find(&subjects, grid, &[FindingKind::Peer], &Options::default()).all.len(), 1);
    }

    #[test]
    fn nodes_of_another_role_are_told_once() {
        let mut nodes: Vec<Vec<f64>> = (0..9).map(week).collect();
        nodes[..3].iter_mut().flatten().for_each(|v| *v += 40.0);
        let found = run(&nodes);
        assert_eq!(found.all.len(), 1, "{}", texts(&found));
        let one = &found.all[0];
        assert_eq!((one.kind, one.severity, one.moved_count), (FindingKind::Peer, Severity::Info, 2));
        assert!(one.text.contains(" are unlike the other 6 nodes: about "), "{}", one.text);
    }

    #[test]
    fn sentences() {
        let mut nodes: Vec<Vec<f64>> = (0..6).map(week).collect();
        nodes[1][1000..1012].iter_mut().for_each(|v| *v += 60.0);
        nodes[3][900..].iter_mut().for_each(|v| *v += 20.0);
        nodes[5].iter_mut().enumerate().for_each(|(i, v)| *v += 9.0 * i as f64 / 2016.0);
        let mut found = run(&nodes);
        found.all.retain(|f| !(f.kind == FindingKind::Anomaly && f.series.node.as_str() == "node-5"));
        insta::assert_snapshot!(texts(&found), @r"
        warn anomaly: CPU on node-1 was 92.4 % where 30 % was expected, in a stretch of 70 min
        warn change: CPU on node-3 rose from about 30 % to about 49.9 % and stayed there (time known to ± 15 min)
        ");
    }
}
