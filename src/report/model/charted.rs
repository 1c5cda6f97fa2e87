use crate::analyse::evidence::shown_max;
use crate::analyse::forecast::Outlook;
use crate::analyse::{Evidence, Examined, Finding, FindingKind};

use super::Model;
use crate::report::section::{SectionId, Sections};

/// Capacities with a chart of their forecast.
const FORECASTS_MAX: usize = 4;

/// A finding with a chart of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charted<'a> {
    pub finding: &'a Finding,
    pub evidence: &'a Evidence,
}

/// The most charts that findings of some kinds get.
pub(crate) fn found_charts_max(kinds: &[FindingKind]) -> usize {
    let most = |kind: &FindingKind| match kind {
        FindingKind::Capacity => FORECASTS_MAX,
        other => shown_max(*other),
    };
    kinds.iter().map(most).sum()
}

/// How many charts there will be of what was found.
pub(super) fn found_charts(examined: &Examined, sections: &Sections) -> usize {
    let of =
        |is_capacity: bool| examined.evidence.iter().filter(move |e| (e.of.0 == FindingKind::Capacity) == is_capacity);
    let dated = of(true).filter(|e| is_dated(e)).count().min(FORECASTS_MAX);
    let shown = |section, count| if sections.have(section) { count } else { 0 };
    shown(SectionId::Anomalies, of(false).count()) + shown(SectionId::Capacity, dated)
}

fn is_dated(evidence: &Evidence) -> bool {
    matches!(evidence.outlook, Some(Outlook::Full { .. }))
}

impl Model {
    /// Odd stretches, lasting changes and unlike nodes with a chart of their own, in order of rank.
    pub fn incidents(&self) -> Vec<Charted<'_>> {
        if !self.options.sections.have(SectionId::Anomalies) {
            return Vec::new();
        }
        let mut counts = [0; 3];
        let mut shown = Vec::new();
        for one in self.charted() {
            let place = match one.finding.kind {
                FindingKind::Anomaly => 0,
                FindingKind::Change => 1,
                FindingKind::Peer => 2,
                _ => continue,
            };
            if counts[place] < shown_max(one.finding.kind) {
                counts[place] += 1;
                shown.push(one);
            }
        }
        shown
    }

    /// Capacities with a chart of when they are full.
    pub fn forecasts(&self) -> Vec<Charted<'_>> {
        if !self.options.sections.have(SectionId::Capacity) {
            return Vec::new();
        }
        let capacities = self.charted().filter(|one| one.finding.kind == FindingKind::Capacity);
        capacities.filter(|one| is_dated(one.evidence)).take(FORECASTS_MAX).collect()
    }

    fn charted(&self) -> impl Iterator<Item = Charted<'_>> {
        let all = self.examined.findings.all.iter();
        all.filter_map(|finding| Some(Charted { finding, evidence: self.examined.evidence_of(finding)? }))
    }
}
