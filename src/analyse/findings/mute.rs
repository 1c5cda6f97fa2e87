//! What happens in a maintenance window is expected: it is counted, not told.
//!
//! ```text
//!   window   |======================|           on db-*, from `annotate 'maintenance …' --until`
//!   anomaly         |-----------|                of db-1: muted
//!   anomaly                     |----------|     of db-2: half of it and more lies outside: told
//!   anomaly         |------|                     of web-1, or of db-1 and web-1: told
//! ```
//!
//! Odd stretches are muted, and changes that were over when the window was. A level that stays when the maintenance is done is what the reader wants to know.

use super::{Finding, FindingKind};
use crate::model::{Annotation, EventGlob, Masks, NodeName, Stretches, TimeRange};

/// Which of the events that last are maintenance. What is odd during a deploy or a load test is what its reader wants to know.
#[derive(Clone, Debug, Default)]
pub enum Mute {
    /// Those that say so: with the word `maintenance`, whatever the case of its letters.
    #[default]
    Maintenance,
    /// Those whose text matches.
    Events(EventGlob),
}

impl Mute {
    /// Whether it mutes what is odd on its nodes while it lasts.
    pub fn holds(&self, event: &Annotation) -> bool {
        let is_meant = match self {
            Mute::Maintenance => event.text.to_lowercase().contains("maintenance"),
            Mute::Events(glob) => glob.matches(event),
        };
        is_meant && event.until.is_some() && !event.marks_simulated_data()
    }
}

/// The time whose findings are not told.
#[derive(Clone, Copy, Debug)]
pub struct Maintenance<'a> {
    /// What happened.
    pub events: &'a [Annotation],
    /// Which of it is maintenance of the nodes it concerns.
    pub mute: &'a Mute,
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
        let events = self.events.iter().filter(|e| self.mute.holds(e) && e.concerns(node.as_str()));
        let windows = Stretches::of(events.filter_map(|e| TimeRange::new(e.at, e.until?)));
        windows.join(self.masks.left_out(node.as_str(), self.events, self.range))
    }
}
