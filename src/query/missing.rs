//! What is missing: nodes whose data is not complete, and times at which most nodes delivered nothing.
//!
//! ```text
//!   node 1   ######....#############      the same gap of at least three nodes, and of more than half of all: one outage,
//!   node 2   ######....#######..####      told once and not held against the nodes
//!   node 3   ######....#############      what is left is a node's own
//!            +-----------------> time
//! ```

use std::collections::BTreeSet;

use super::frame::{Coverage, GAP_INTERVALS};
use super::resolution::{DAY_MS, HOUR_MS};
use super::summary::{Finding, Severity};
use crate::model::catalogue::Unit;
use crate::model::{TimeRange, Timestamp};

/// A node with less of its scrapes is worth a line.
const COVERAGE_GOOD: f64 = 0.99;
/// A node with less of them is hardly known.
const COVERAGE_BAD: f64 = 0.5;
/// Fewer nodes that are silent at the same time are told one by one.
const OUTAGE_NODES_MIN: usize = 3;
/// Gaps that begin and end within so long are the same …
const OUTAGE_SLACK_MS: i64 = 60_000;
/// … and from so long on good to know, however complete the data is.
const OUTAGE_MS: i64 = 600_000;
/// The same of a gap of a node of its own.
const GAP_MS: i64 = 1_800_000;
/// Most outages that are told one by one, and most nodes whose data is complete but for a gap.
const OUTAGES_MAX: usize = 3;
const NODES_MAX: usize = 5;

/// Nodes whose data is not complete, and nodes that stopped reporting; what most nodes miss at the same time is told once. The worst first, outages before
/// nodes. `say` writes a moment into a text.
pub fn coverage_findings(coverage: &[Coverage], range: TimeRange, say: &dyn Fn(Timestamp) -> String) -> Vec<Finding> {
    let outages = outages(coverage);
    let mut findings = outages_told(&outages, coverage, range, say);
    let own = |(place, node)| Own::of(place, node, &outages);
    let all: Vec<Own> = coverage.iter().enumerate().map(own).collect();
    let mut incomplete: Vec<Finding> = all.iter().filter_map(|node| incomplete(node, range, say)).collect();
    incomplete.sort_by(|a, b| a.value.total_cmp(&b.value).then_with(|| a.node.cmp(&b.node)));
    findings.extend(incomplete);
    findings.extend(interrupted(&all, range, say));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// A time at which most nodes delivered nothing.
struct Outage {
    /// Where the gaps of all of them lie over each other.
    time: TimeRange,
    /// Their places.
    nodes: BTreeSet<usize>,
    /// The gap of the first of them.
    first: TimeRange,
}

/// In order of time.
fn outages(coverage: &[Coverage]) -> Vec<Outage> {
    let gaps = coverage.iter().enumerate().flat_map(|(place, node)| node.gaps.iter().map(move |gap| (*gap, place)));
    let mut gaps: Vec<(TimeRange, usize)> = gaps.collect();
    gaps.sort_by_key(|(gap, place)| (gap.from(), gap.to(), *place));
    let mut all: Vec<Outage> = Vec::new();
    for (gap, place) in gaps {
        let slack = slack_ms(&coverage[place]);
        let near = |a: Timestamp, b: Timestamp| (a.millis() - b.millis()).abs() <= slack;
        let alike = all.iter_mut().rev().take_while(|outage| near(outage.first.from(), gap.from())).find(|outage| {
            near(outage.first.to(), gap.to()) && !outage.nodes.contains(&place) && outage.time.intersect(gap).is_some()
        });
        match alike {
            Some(outage) => {
                outage.time = outage.time.intersect(gap).unwrap_or(outage.time);
                outage.nodes.insert(place);
            }
            None => all.push(Outage { time: gap, nodes: BTreeSet::from([place]), first: gap }),
        }
    }
    let reporting = coverage.iter().filter(|node| node.expected > 0).count();
    all.retain(|outage| outage.nodes.len() >= OUTAGE_NODES_MIN && 2 * outage.nodes.len() > reporting);
    all
}

fn slack_ms(node: &Coverage) -> i64 {
    OUTAGE_SLACK_MS.max(GAP_INTERVALS * node.interval_ms).max(node.step_ms)
}

impl Outage {
    /// Whether it is that gap of the node.
    fn is(&self, place: usize, node: &Coverage, gap: TimeRange) -> bool {
        let near = |a: Timestamp, b: Timestamp| (a.millis() - b.millis()).abs() <= slack_ms(node);
        self.nodes.contains(&place) && near(self.first.from(), gap.from()) && near(self.first.to(), gap.to())
    }
}

/// The longest of them.
fn outages_told(
    outages: &[Outage],
    coverage: &[Coverage],
    range: TimeRange,
    say: &dyn Fn(Timestamp) -> String,
) -> Vec<Finding> {
    let severity = |outage: &Outage| {
        let of = |place: &usize| missed(&coverage[*place], outage.time) / coverage[*place].expected.max(1) as f64;
        let lost = outage.nodes.iter().map(of).fold(0.0, f64::max);
        let is_incomplete = |place: &usize| coverage[*place].share() < COVERAGE_GOOD;
        match lost {
            _ if outage.time.to() == range.to() => Severity::Bad,
            lost if lost > 1.0 - COVERAGE_BAD => Severity::Bad,
            lost if lost > 1.0 - COVERAGE_GOOD || outage.nodes.iter().all(is_incomplete) => Severity::Warn,
            _ => Severity::Info,
        }
    };
    let mut told: Vec<(Severity, &Outage)> = outages.iter().map(|outage| (severity(outage), outage)).collect();
    told.retain(|(severity, outage)| *severity != Severity::Info || outage.time.millis() >= OUTAGE_MS);
    told.sort_by_key(|(severity, outage)| std::cmp::Reverse((*severity, outage.time.millis())));
    let more = told.len().saturating_sub(OUTAGES_MAX);
    let finding = |(i, (severity, outage)): (usize, &(Severity, &Outage))| {
        let (n, of) = (outage.nodes.len(), coverage.len());
        let what =
            if n == of { "the recorder or its network, rather than the nodes" } else { "something that they share" };
        let (from, to) = (outage.time.from(), outage.time.to());
        let nodes: Vec<&Coverage> = outage.nodes.iter().map(|place| &coverage[*place]).collect();
        let told = told_by(nodes.iter().map(|node| node.step_ms).max().unwrap_or(1));
        let more = match more {
            n if n > 0 && i + 1 == OUTAGES_MAX => format!("; and {n} more such times that are not longer"),
            _ => String::new(),
        };
        let text = format!("{n} of {of} nodes delivered nothing from {} to {}{told}: {what}{more}", say(from), say(to));
        let least = nodes.iter().map(|node| node.share()).fold(1.0, f64::min);
        finding(None, *severity, (from, to), text, least)
    };
    told.iter().take(OUTAGES_MAX).enumerate().map(finding).collect()
}

/// About how many scrapes of a node a gap has swallowed.
fn missed(node: &Coverage, gap: TimeRange) -> f64 {
    (gap.millis() as f64 / node.interval_ms.max(1) as f64 - 1.0).max(0.0)
}

/// A node with the gaps that are its own.
struct Own<'a> {
    node: &'a Coverage,
    gaps: Vec<TimeRange>,
    gap_count: usize,
    /// Share of expected scrapes that are there, outages left out.
    share: f64,
}

impl<'a> Own<'a> {
    fn of(place: usize, node: &'a Coverage, outages: &[Outage]) -> Own<'a> {
        let is_shared = |gap: &TimeRange| outages.iter().any(|outage| outage.is(place, node, *gap));
        let (shared, gaps): (Vec<TimeRange>, Vec<TimeRange>) = node.gaps.iter().partition(|gap| is_shared(gap));
        let excused: f64 = shared.iter().map(|gap| missed(node, *gap)).sum();
        let expected = (node.expected as f64 - excused).max(1.0);
        let share = if shared.is_empty() { node.share() } else { (node.present as f64 / expected).min(1.0) };
        Own { node, gap_count: node.gap_count.saturating_sub(shared.len()), gaps, share }
    }

    fn stopped_at(&self, range: TimeRange) -> Option<Timestamp> {
        self.node.stopped_at(range).filter(|at| self.gaps.iter().any(|gap| gap.from() == *at))
    }
}

/// How exactly coverage is known, where that is not to the sample.
fn told_by(step_ms: i64) -> &'static str {
    match step_ms {
        ..HOUR_MS => "",
        HOUR_MS..DAY_MS => " (told by the hour: the samples are no longer kept)",
        DAY_MS.. => " (told by the day: the samples are no longer kept)",
    }
}

fn incomplete(own: &Own, range: TimeRange, say: &dyn Fn(Timestamp) -> String) -> Option<Finding> {
    let Own { node, gaps, gap_count, share } = own;
    let name = &node.node;
    let told = told_by(node.step_ms);
    // Never rounded up to what it is not.
    let missing = || format!("{name} has {} % of its expected samples{told}", (node.share() * 1000.0).floor() / 10.0);
    let severity = if *share < COVERAGE_BAD { Severity::Bad } else { Severity::Warn };
    let (severity, from, to, text) = match (own.stopped_at(range), gaps.first()) {
        (Some(at), _) if node.present == 0 && node.is_down => {
            (Severity::Bad, at, range.to(), format!("{name} did not answer a single scrape"))
        }
        (Some(at), _) if node.is_down => {
            (Severity::Bad, at, range.to(), format!("{name} stopped answering scrapes at {}{told}", say(at)))
        }
        (Some(at), _) if node.present == 0 => {
            (Severity::Bad, at, range.to(), format!("{name} did not report at all, but did before"))
        }
        (Some(at), _) => (Severity::Bad, at, range.to(), format!("{name} stopped reporting at {}{told}", say(at))),
        _ if *share >= COVERAGE_GOOD => return None,
        (None, Some(gap)) => {
            let which = match gap_count {
                1 => "the gap".to_owned(),
                count => format!("the longest of {count} gaps"),
            };
            let text = format!("{}; {which} is from {} to {}", missing(), say(gap.from()), say(gap.to()));
            (severity, gap.from(), gap.to(), text)
        }
        (None, None) => {
            (severity, range.from(), range.to(), format!("{}; single ones are missing all along", missing()))
        }
    };
    Some(finding(Some(node), severity, (from, to), text, node.share()))
}

/// Long gaps of nodes whose data is complete but for that, the longest first; of many nodes the others are counted.
fn interrupted(all: &[Own], range: TimeRange, say: &dyn Fn(Timestamp) -> String) -> Vec<Finding> {
    let complete = all.iter().filter(|own| own.share >= COVERAGE_GOOD && own.stopped_at(range).is_none());
    let mut long: Vec<(&Coverage, TimeRange)> = complete
        .filter_map(|own| Some((own.node, *own.gaps.first()?)))
        .filter(|(_, gap)| gap.millis() >= GAP_MS)
        .collect();
    long.sort_by_key(|(_, gap)| std::cmp::Reverse(gap.millis()));
    let told = |(node, gap): &(&Coverage, TimeRange)| {
        let (from, to) = (gap.from(), gap.to());
        let told = told_by(node.step_ms);
        let text = format!("{} delivered nothing from {} to {}{told}", node.node, say(from), say(to));
        finding(Some(node), Severity::Info, (from, to), text, node.share())
    };
    let mut findings: Vec<Finding> = long.iter().take(NODES_MAX).map(told).collect();
    if let (Some((node, _)), n) = (long.get(NODES_MAX), long.len().saturating_sub(NODES_MAX)) {
        let (whose, have) = if n == 1 { ("node", "has") } else { ("nodes", "have") };
        let text = format!("{n} more {whose} {have} a gap of half an hour or more");
        findings.push(finding(None, Severity::Info, (range.from(), range.to()), text, node.share()));
    }
    findings
}

fn finding(
    node: Option<&Coverage>,
    severity: Severity,
    (from, to): (Timestamp, Timestamp),
    text: String,
    share: f64,
) -> Finding {
    Finding {
        kind: "coverage",
        severity,
        node: node.map(|node| node.node.as_str().to_owned()),
        metric: None,
        from: from.to_rfc3339(),
        to: Timestamp::max(from, to).to_rfc3339(),
        text,
        value: share * 100.0,
        expected: 100.0,
        unit: Unit::Percent.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;

    const MINUTE_MS: i64 = 60_000;
    const RANGE_MS: i64 = 10 * DAY_MS;

    fn time(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
    }

    /// A node that is scraped every 10 s, but not in `gaps` (minutes).
    fn node(name: &str, range_ms: i64, gaps: &[(i64, i64)]) -> Coverage {
        let mut gaps: Vec<TimeRange> = gaps.iter().map(|(from, to)| time(from * MINUTE_MS, to * MINUTE_MS)).collect();
        gaps.sort_by_key(|gap| std::cmp::Reverse(gap.millis()));
        let missing: i64 = gaps.iter().map(|gap| gap.millis() / 10_000 - 1).sum();
        Coverage {
            node: NodeName::new(name).unwrap(),
            interval_ms: 10_000,
            expected: (range_ms / 10_000) as u64,
            owed: Some(time(0, range_ms)),
            present: (range_ms / 10_000 - missing) as u64,
            is_down: false,
            gap_count: gaps.len(),
            gaps,
            step_ms: 1,
        }
    }

    fn said(range_ms: i64, nodes: &[Coverage]) -> Vec<String> {
        let say = |t: Timestamp| format!("{}", t.millis() / MINUTE_MS);
        let found = coverage_findings(nodes, time(0, range_ms), &say);
        found.iter().map(|f| format!("{:?} {}: {}", f.severity, f.node.as_deref().unwrap_or("-"), f.text)).collect()
    }

    fn nodes(range_ms: i64, n: usize, gaps: impl Fn(usize) -> Vec<(i64, i64)>) -> Vec<Coverage> {
        (1..=n).map(|i| node(&format!("n{i}"), range_ms, &gaps(i))).collect()
    }

    /// Twelve nodes that a restart of the recorder had silenced were twelve warnings.
    #[test]
    fn what_all_nodes_miss_is_told_once() {
        let mut all = nodes(DAY_MS, 12, |_| vec![(151, 181)]);
        all[3] = node("n4", DAY_MS, &[(151, 181), (600, 650)]);
        insta::assert_snapshot!(said(DAY_MS, &all).join("\n"), @r"
        Warn -: 12 of 12 nodes delivered nothing from 151 to 181: the recorder or its network, rather than the nodes
        Warn n4: n4 has 94.4 % of its expected samples; the gap is from 600 to 650
        ");
        let stopped = nodes(DAY_MS, 4, |i| if i < 4 { vec![(1_000, 1_440)] } else { vec![] });
        insta::assert_snapshot!(said(DAY_MS, &stopped).join("\n"), @"Bad -: 3 of 4 nodes delivered nothing from 1000 to 1440: something that they share");
        let two = nodes(DAY_MS, 4, |i| if i < 3 { vec![(151, 181)] } else { vec![] });
        assert_eq!(said(DAY_MS, &two).len(), 2, "two of four are nodes of their own");
    }

    /// Half an hour of ten days is two in a thousand, and was told in a folded table alone.
    #[test]
    fn a_long_gap_is_good_to_know_however_complete_the_data_is() {
        let mut all = nodes(RANGE_MS, 12, |_| vec![(1_000, 1_030), (3_000, 3_003)]);
        all[1] = node("n2", RANGE_MS, &[(1_000, 1_030), (5_000, 5_102), (6_000, 6_020)]);
        insta::assert_snapshot!(said(RANGE_MS, &all).join("\n"), @r"
        Info -: 12 of 12 nodes delivered nothing from 1000 to 1030: the recorder or its network, rather than the nodes
        Info n2: n2 delivered nothing from 5000 to 5102
        ");
        let each = nodes(RANGE_MS, 12, |i| vec![(1_000 * i as i64, 1_000 * i as i64 + 40)]);
        let told = said(RANGE_MS, &each);
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(told[5], "Info -: 7 more nodes have a gap of half an hour or more");
        let outages = nodes(RANGE_MS, 3, |_| (1..6).map(|k| (1_000 * k, 1_000 * k + 20)).collect());
        let told = said(RANGE_MS, &outages);
        assert_eq!(told.len(), OUTAGES_MAX, "{told:?}");
        assert!(told[2].ends_with("; and 2 more such times that are not longer"), "{told:?}");
    }
}
