//! What happens in a maintenance window is expected: it is counted, not told.
//!
//! ```text
//!   window   |======================|           on db-*, from `annotate … --until`
//!   anomaly         |-----------|                of db-1: muted
//!   anomaly                     |----------|     of db-2: half of it and more lies outside: told
//!   anomaly         |------|                     of web-1, or of db-1 and web-1: told
//! ```
//!
//! Odd stretches are muted, and changes that were over when the window was. A level that stays when the maintenance is done is what the reader wants to know.

use super::{Finding, FindingKind};
use crate::model::{Annotation, Masks, NodeName, Stretches, TimeRange};

/// The time whose findings are not told.
#[derive(Clone, Copy, Debug)]
pub struct Maintenance<'a> {
    /// What happened; what lasts is maintenance of the nodes it concerns. That data is simulated is none.
    pub events: &'a [Annotation],
    /// Time that does not count.
    pub masks: &'a Masks,
    /// The time that is judged.
    pub range: TimeRange,
}

impl Maintenance<'_> {
    /// Takes out the findings most of whose time it is, on all of their nodes; says how many.
    pub fn mute(&self, findings: &mut Vec<Finding>) -> usize {
        let before = findings.len();
        findings.retain(|finding| !self.covers(finding));
        before - findings.len()
    }

    fn covers(&self, finding: &Finding) -> bool {
        let can_be = matches!(finding.kind, FindingKind::Anomaly | FindingKind::Change);
        let Some(span) = TimeRange::new(finding.from, finding.to).filter(|span| can_be && !span.is_empty()) else {
            return false;
        };
        let covers = |node: &NodeName| 2 * self.of(node).within(span).millis() > span.millis();
        covers(&finding.series.node) && finding.moved.iter().all(|moved| covers(&moved.series.node))
    }

    fn of(&self, node: &NodeName) -> Stretches {
        let lasting = |e: &&Annotation| !e.marks_simulated_data() && e.concerns(node.as_str());
        let events = self.events.iter().filter(lasting);
        let windows = Stretches::of(events.filter_map(|e| TimeRange::new(e.at, e.until?)));
        windows.join(self.masks.left_out(node.as_str(), self.events, self.range))
    }
}
