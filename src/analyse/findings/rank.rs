//! The order findings are read in.

use super::{Finding, FindingKind};

/// Most findings of a kind that a page shows one by one; the others are counted.
pub const SHOWN_MAX: usize = 20;
/// How many of them may be good to know only ([`Severity::Info`](super::Severity::Info)): nobody reads a long tail.
pub const SHOWN_INFO_MAX: usize = 5;
/// How many may be nodes with gaps: in a large cluster most nodes have some, and the table of data quality has them all.
pub const SHOWN_GAPS_MAX: usize = 3;

/// Worst first: by severity, then by kind (what a person has set, what fills, what is odd or has changed), then by strength, then by time and name so that the order
/// is the same every time.
pub fn rank(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(a.kind.place().cmp(&b.kind.place()))
            .then(b.strength.total_cmp(&a.strength))
            .then(a.from.cmp(&b.from))
            .then_with(|| a.series.cmp(&b.series))
    });
}

impl FindingKind {
    /// In the order in which kinds of one severity are read; those of one place are read by strength.
    const PLACES: [&[FindingKind]; 7] = [
        &[FindingKind::Threshold],
        &[FindingKind::Capacity],
        &[FindingKind::Anomaly, FindingKind::Change],
        &[FindingKind::Peer],
        &[FindingKind::Compare],
        &[FindingKind::Coverage],
        &[FindingKind::Correlation],
    ];

    /// Place in the order in which kinds of one severity are read.
    pub fn place(self) -> usize {
        Self::place_of(self.as_str())
    }

    /// The same of a kind's word; after all others for a word that is none.
    pub fn place_of(word: &str) -> usize {
        let holds = |kinds: &&[FindingKind]| kinds.iter().any(|kind| kind.as_str() == word);
        Self::PLACES.iter().position(holds).unwrap_or(Self::PLACES.len())
    }
}
