use crate::analyse::evidence::shown_max;
use crate::analyse::forecast::Outlook;
use crate::analyse::{Evidence, Finding, FindingKind};

use super::Model;
use crate::report::section::SectionId;

/// Capacities with a chart of their forecast.
const FORECASTS_MAX: usize = 4;

/// A finding with a chart of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charted<'a> {
    pub finding: &'a Finding,
    pub evidence: &'a Evidence,
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
        let is_dated = |one: &Charted| matches!(one.evidence.outlook, Some(Outlook::Full { .. }));
        let capacities = self.charted().filter(|one| one.finding.kind == FindingKind::Capacity);
        capacities.filter(is_dated).take(FORECASTS_MAX).collect()
    }

    fn charted(&self) -> impl Iterator<Item = Charted<'_>> {
        let all = self.examined.findings.all.iter();
        all.filter_map(|finding| Some(Charted { finding, evidence: self.examined.evidence_of(finding)? }))
    }
}
