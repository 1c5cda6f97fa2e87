//! The order findings are read in.

use super::{Finding, FindingKind};

/// Most findings of a kind that a page shows one by one; the others are counted.
pub const SHOWN_MAX: usize = 20;

/// Worst first: by severity, then by kind (what a person has set, what fills, what is odd, what has changed), then by strength, then by time and name so that the order
/// is the same every time.
pub fn rank(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(place(a.kind).cmp(&place(b.kind)))
            .then(b.strength.total_cmp(&a.strength))
            .then(a.from.cmp(&b.from))
            .then_with(|| a.series.cmp(&b.series))
    });
}

const fn place(kind: FindingKind) -> u8 {
    match kind {
        FindingKind::Threshold => 0,
        FindingKind::Capacity => 1,
        FindingKind::Anomaly => 2,
        FindingKind::Change => 3,
        FindingKind::Peer => 4,
        FindingKind::Compare => 5,
        FindingKind::Coverage => 6,
        FindingKind::Correlation => 7,
    }
}
