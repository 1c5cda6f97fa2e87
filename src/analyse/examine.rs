//! From a source to ranked findings: what a report, a summary and the command line ask for.

use std::collections::BTreeMap;

use super::case::{Case, Shown};
use super::evidence::Evidence;
use super::findings::{Finding, FindingKind, Findings, Judged, Maintenance, rank};
use super::load;
use super::moved::{self, Movement};
use super::options::Options;
use super::relations::Relations;
use super::season::Season;
use super::subject::Place;
use crate::model::{Selector, SeriesKey, TimeRange, Timestamp};
use crate::query::summary::{self, Summary};
use crate::query::{Grid, QueryError, Source};

/// The kinds that need nothing but the series themselves, of the range and of the one before.
pub const KINDS: [FindingKind; 7] = [
    FindingKind::Threshold,
    FindingKind::Anomaly,
    FindingKind::Change,
    FindingKind::Peer,
    FindingKind::Correlation,
    FindingKind::Capacity,
    FindingKind::Compare,
];

/// The findings of `kinds` among the selected series in `range`, in order of rank.
pub fn examine(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    kinds: &[FindingKind],
    options: &Options,
) -> Result<Findings, QueryError> {
    group_by_group(source, selector, range, kinds, options, &mut |_, _| Ok(()))
}

/// Findings with what shows the first of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examined {
    /// What [`examine`] says.
    pub findings: Findings,
    /// What shows the first findings of each kind.
    pub evidence: Vec<Evidence>,
    /// How far the series of the first correlation groups move together.
    pub relations: Option<Relations>,
    /// In which buckets of time the series of the findings and of the relations were judged.
    pub rows: BTreeMap<SeriesKey, Grid>,
    /// How the seasons of the closest pairs of what moves together were learnt.
    pub seasons: BTreeMap<SeriesKey, Season>,
}

impl Examined {
    /// What shows a finding.
    pub fn evidence_of(&self, finding: &Finding) -> Option<&Evidence> {
        self.evidence.iter().find(|e| (e.of.0, &e.of.1, e.of.2) == (finding.kind, &finding.series, finding.from))
    }
}

/// The same as [`examine`], with evidence.
pub fn examine_closely(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    kinds: &[FindingKind],
    options: &Options,
) -> Result<Examined, QueryError> {
    let mut examined = Examined::default();
    let findings = group_by_group(source, selector, range, kinds, options, &mut |case, found| {
        let Shown { evidence, relations, rows, seasons } = case.shown(&found.all)?;
        examined.evidence.extend(evidence);
        examined.rows.extend(rows);
        examined.seasons.extend(seasons);
        // Of several groups of series, the one with more that moves together.
        let len = |relations: &Option<Relations>| relations.as_ref().map_or(0, Relations::len);
        if len(&relations) > len(&examined.relations) {
            examined.relations = relations;
        }
        Ok(())
    })?;
    Ok(Examined { findings, ..examined })
}

/// Takes series that were judged together, and what was found in them.
type Onlooker<'a> = &'a mut dyn FnMut(&Case, &Findings) -> Result<(), QueryError>;

fn group_by_group(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    kinds: &[FindingKind],
    options: &Options,
    look: Onlooker<'_>,
) -> Result<Findings, QueryError> {
    let mut findings = Findings::default();
    let events = source.annotations(range)?;
    let maintenance = Maintenance { events: &events, mute: &options.mute, masks: &options.masks, range };
    let before = if kinds.contains(&FindingKind::Compare) { Before::of(source, range)? } else { Before::default() };
    // Limits alone need no other series.
    let is_wanted = |place: &Place| kinds != [FindingKind::Threshold] || options.thresholds.of(place.metric).is_some();
    let known = source.span()?.and_then(|data| data.intersect(range)).unwrap_or(range);
    for group in load::groups_of(source, selector, range, &is_wanted)? {
        let case = Case::of(source, group, range, kinds, options)?;
        let mut found = case.find()?;
        if let Some(then) = before.range {
            let compared = case.compared(then, &found.all)?;
            found.all.extend(compared);
        }
        found.judged.muted = maintenance.mute(&mut found.all);
        found.all.iter_mut().for_each(|finding| finding.clip(known));
        rank(&mut found.all);
        look(&case, &found)?;
        findings.add(found);
    }
    rank(&mut findings.all);
    if findings.judged.no_forecast().is_some() {
        let known = source.span()?.and_then(|data| TimeRange::new(data.from(), range.to()));
        findings.judged.known_ms = known.map_or(0, TimeRange::millis);
    }
    findings.judged.notes.extend(by_rollups(source.finest_step_ms(range)?));
    if source.has_sketches(range)? {
        let note =
            "samples of this time are no longer kept: p50, p95 and p99 are within 1 %, where they are not of a rate";
        findings.judged.notes.push(note.to_owned());
    }
    findings.judged.notes.extend(before.note);
    Ok(findings)
}

/// The stretch of the same length before a range, where it can be compared with; or why not, where a reader would expect it.
#[derive(Default)]
struct Before {
    range: Option<TimeRange>,
    note: Option<String>,
}

impl Before {
    fn of(source: &dyn Source, range: TimeRange) -> Result<Before, QueryError> {
        const DAY_MS: i64 = 86_400_000;
        const DAYS_MIN: i64 = 3;
        let before = range.previous();
        let known = source.span()?.and_then(|span| span.intersect(before)).map_or(0, TimeRange::millis);
        if range.millis() < DAYS_MIN * DAY_MS || known == 0 {
            return Ok(Before::default());
        }
        if known < DAYS_MIN * DAY_MS {
            let note = format!("{DAYS_MIN} days of the period before are needed to compare with it: there is less");
            return Ok(Before { range: None, note: Some(note) });
        }
        Ok(Before { range: Some(before), note: None })
    }
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
        for places in group.by_node(options.values_max) {
            let loaded = group.part(&places).load(source, range)?;
            all.extend(moved::moved_most(&loaded.subjects(), loaded.grid, window, &options.floors, limit));
        }
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
    say: &dyn Fn(Timestamp) -> String,
) -> Result<(Summary, Judged), QueryError> {
    let mut summary = summary::summary(source, selector, range, say)?;
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
