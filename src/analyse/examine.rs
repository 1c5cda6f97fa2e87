//! From a source to ranked findings: what a report, a summary and the command line ask for.

use super::findings::{Finding, FindingKind, Findings, Judged, find, rank};
use super::load;
use super::moved::{self, Movement};
use super::options::Options;
use crate::model::{Selector, TimeRange};
use crate::query::summary::{self, Summary};
use crate::query::{QueryError, Source};

/// The kinds that need nothing but the series themselves.
pub const KINDS: [FindingKind; 5] =
    [FindingKind::Anomaly, FindingKind::Change, FindingKind::Peer, FindingKind::Correlation, FindingKind::Capacity];

/// The findings of `kinds` among the selected series in `range`, in order of rank.
pub fn examine(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    kinds: &[FindingKind],
    options: &Options,
) -> Result<Findings, QueryError> {
    let mut findings = Findings::default();
    for group in load::groups(source, selector, range)? {
        let loaded = group.load(source, range)?;
        findings.add(find(&loaded.subjects(), loaded.grid, kinds, options));
    }
    rank(&mut findings.all);
    findings.judged.notes.extend(by_rollups(source.finest_step_ms(range)?));
    Ok(findings)
}

/// The `limit` selected series that moved most in `window`, against the four times longer stretch before it: what an incident moved. Only that time is loaded.
pub fn moved_with(
    source: &dyn Source,
    selector: &Selector,
    window: TimeRange,
    options: &Options,
    limit: usize,
) -> Result<Vec<Movement>, QueryError> {
    let range = moved::asked(window);
    let mut all = Vec::new();
    for group in load::groups(source, selector, range)? {
        let loaded = group.load(source, range)?;
        all.extend(moved::moved_most(&loaded.subjects(), loaded.grid, window, &options.floors, limit));
    }
    moved::rank(&mut all);
    all.truncate(limit);
    Ok(all)
}

/// That time is judged in wide steps, where it is.
fn by_rollups(finest_ms: i64) -> Option<String> {
    const HOUR_MS: i64 = 3_600_000;
    let width = match finest_ms {
        ..HOUR_MS => return None,
        HOUR_MS => "hour",
        _ => "day",
    };
    Some(format!("samples of this time are no longer kept: judged by the {width}, short anomalies are not seen"))
}

/// The numbers of the selected series with everything found: what is missing, and what [`examine`] says; and what was judged.
pub fn summarise(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    options: &Options,
) -> Result<(Summary, Judged), QueryError> {
    let mut summary = summary::summary(source, selector, range)?;
    let found = examine(source, selector, range, &KINDS, options)?;
    summary.findings = ranked(summary.findings, &found.all);
    Ok((summary, found.judged))
}

/// Both in one order; each is in order by itself.
pub fn ranked(coverage: Vec<summary::Finding>, found: &[Finding]) -> Vec<summary::Finding> {
    let mut all: Vec<summary::Finding> = found.iter().map(summary::Finding::from).chain(coverage).collect();
    all.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), FindingKind::place_of(finding.kind)));
    all
}
