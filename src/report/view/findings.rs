use std::cmp::Reverse;

use crate::analyse::{self, FindingKind};
use crate::model::Timestamp;
use crate::query::missing::coverage_findings;
use crate::query::summary::{Finding as Found, Severity};

use crate::report::format::{Numerals, list};
use crate::report::model::Model;
use crate::report::section::SectionId;

use super::compare::{Changed, changed};
use super::incidents::anchor;
use super::limits::limits_in_words;
use super::sql::{coverage_of, delivered_in, query_of};

/// Sentences shown; the others are counted.
const SHOWN_MAX: usize = 7;
/// Sentences of one kind before those of others: ten full disks must not hide that a node is silent.
const ALIKE_MAX: usize = 3;

/// One sentence with its evidence.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub severity: &'static str,
    pub word: &'static str,
    pub kind: &'static str,
    pub node: String,
    /// Empty where it is of no single metric.
    pub metric: String,
    pub text: String,
    /// Stretch of time; empty where the text says it or it is the whole period.
    pub when: String,
    /// The same for programs, RFC 3339.
    pub from: String,
    pub to: String,
    /// Anchor of the evidence, and what it is; empty where the page does not have it.
    pub link: String,
    pub link_text: &'static str,
    /// The query that gives its figures again.
    pub sql: String,
    /// The same as numbers; NaN where there is none.
    pub value: f64,
    pub expected: f64,
    pub unit: String,
    pub strength: f64,
}

impl Finding {
    /// What and when, by itself.
    pub fn sentence(&self) -> String {
        if self.when.is_empty() { self.text.clone() } else { format!("{} {}", self.text, self.when) }
    }
}

/// All findings, worst first.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    pub shown: Vec<Finding>,
    /// How many are not shown, in words; empty for none.
    pub more: String,
    pub worst: Option<Severity>,
    /// How many there are.
    pub count: usize,
    /// How many of each severity, in words: `2 problems and 5 warnings`.
    pub counts: String,
    /// What was looked at.
    pub checked: String,
    /// Whether more than limits and completeness was looked at.
    pub looked: bool,
    /// Why nothing was judged for a forecast; empty where something was.
    pub no_forecast: String,
}

/// What was found, and by whom.
struct Statement<'a> {
    plain: Found,
    by: By<'a>,
}

/// Who found it.
enum By<'a> {
    /// The look at what is missing.
    Missing,
    /// The analysis.
    Analysis(&'a analyse::Finding),
    /// The comparison with the other period: where its chart is, and its query.
    Comparison { link: String, sql: String },
}

pub(super) fn findings(model: &Model) -> Findings {
    let all = statements(model);
    let (shown, hidden) = choose(&all);
    Findings {
        more: more(model.numerals(), &hidden),
        worst: all.first().map(|one| one.plain.severity),
        count: all.len(),
        counts: counts(model.numerals(), &all),
        shown: shown.into_iter().map(|one| finding(model, one)).collect(),
        checked: checked(model),
        looked: model.options.kinds.contains(&FindingKind::Anomaly),
        no_forecast: model.examined.findings.judged.no_forecast().map(|why| model.retold(&why)).unwrap_or_default(),
    }
}

/// All of them, worst first. Of equals, nodes that are silent come first: nothing else is known of those.
fn statements(model: &Model) -> Vec<Statement<'_>> {
    let missing = coverage_findings(&model.coverage, model.options.range, &|t| model.clock.moment(t));
    let missing = missing.into_iter().map(|plain| Statement { plain, by: By::Missing });
    let found = model.examined.findings.all.iter();
    let found = found.map(|one| Statement { plain: one.into(), by: By::Analysis(one) });
    let changed = changed(model).into_iter();
    let changed = changed.map(|Changed { plain, link, sql }| Statement { plain, by: By::Comparison { link, sql } });
    let mut all: Vec<Statement> = missing.chain(found).chain(changed).collect();
    let place = |one: &Statement| match one.by {
        By::Missing if one.plain.severity == Severity::Bad => 0,
        _ => 1 + FindingKind::place_of(one.plain.kind),
    };
    all.sort_by_key(|one| (Reverse(one.plain.severity), place(one)));
    all
}

/// The first few, and those that are left out. Of what asks for attention a few of each kind come first, then the others, and only then what is good to know.
fn choose<'a, 'm>(all: &'a [Statement<'m>]) -> (Vec<&'a Statement<'m>>, Vec<&'a Statement<'m>>) {
    let asks = |one: &Statement| one.plain.severity != Severity::Info;
    let mut is_shown = vec![false; all.len()];
    for (is_meant, alike_max) in [(true, ALIKE_MAX), (true, SHOWN_MAX), (false, ALIKE_MAX)] {
        for i in 0..all.len() {
            let chosen = || (0..all.len()).filter(|k| is_shown[*k]);
            let alike = chosen().filter(|k| all[*k].plain.kind == all[i].plain.kind).count();
            if asks(&all[i]) == is_meant && !is_shown[i] && alike < alike_max && chosen().count() < SHOWN_MAX {
                is_shown[i] = true;
            }
        }
    }
    let (shown, hidden): (Vec<_>, Vec<_>) = all.iter().zip(is_shown).partition(|(_, is_shown)| *is_shown);
    (shown.into_iter().map(|(one, _)| one).collect(), hidden.into_iter().map(|(one, _)| one).collect())
}

fn counts(say: Numerals, all: &[Statement]) -> String {
    let of = |severity: Severity, noun: &str| {
        let n = all.iter().filter(|one| one.plain.severity == severity).count();
        (n > 0).then(|| say.count(n, noun))
    };
    let kinds = [of(Severity::Bad, "problem"), of(Severity::Warn, "warning"), of(Severity::Info, "note")];
    list(&kinds.into_iter().flatten().collect::<Vec<_>>())
}

fn more(say: Numerals, hidden: &[&Statement]) -> String {
    if hidden.is_empty() {
        return String::new();
    }
    let mut nodes: Vec<&str> = Vec::new();
    for node in hidden.iter().filter_map(|one| one.plain.node.as_deref()) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let verb = if hidden.len() == 1 { "is" } else { "are" };
    let of = if nodes.is_empty() { String::new() } else { format!(", of {}", say.capped(&nodes, 5)) };
    format!("{} {verb} not listed here{of}.", say.count(hidden.len(), "more finding"))
}

fn checked(model: &Model) -> String {
    let limits = limits_in_words(model);
    let limits = if limits.is_empty() { String::new() } else { format!(" and these limits: {}", list(&limits)) };
    let complete = format!("Looked at: whether every node delivered its data{limits}.");
    let judged = &model.examined.findings.judged;
    if !model.options.kinds.contains(&FindingKind::Anomaly) {
        return format!("{complete} Anomalies and trends were not looked for here.");
    }
    let looked = format!(
        "{} of {} series were judged for odd stretches, lasting changes, unlike peers, what moves together and what runs full.",
        judged.judged, judged.series
    );
    let notes: Vec<String> =
        judged.notes.iter().map(|note| format!(" {}.", model.retold(&capitalised(note)))).collect();
    format!("{complete} {looked}{}", notes.concat())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn finding(model: &Model, one: &Statement<'_>) -> Finding {
    let found = match one.by {
        By::Analysis(found) => Some(found),
        By::Missing | By::Comparison { .. } => None,
    };
    let frame = found.and_then(|found| model.frame_of(&found.series));
    let metric = frame.map(|(_, f)| f.shown.name.clone()).or_else(|| one.plain.metric.clone()).unwrap_or_default();
    let node = one.plain.node.as_deref().unwrap_or_default();
    let ((link, link_text), sql) = match &one.by {
        By::Analysis(found) => (anchor(model, found), query_of(model, found)),
        By::Comparison { link, sql } => ((link.clone(), "Chart"), sql.clone()),
        By::Missing => {
            let has = model.options.sections.have(SectionId::Quality);
            let place = if has { ("#quality".to_owned(), "Data quality") } else { (String::new(), "") };
            (place, if node.is_empty() { delivered_in(&one.plain) } else { coverage_of(model, node) })
        }
    };
    Finding {
        severity: severity(one.plain.severity),
        word: match one.plain.severity {
            Severity::Info => "Note",
            Severity::Warn => "Warning",
            Severity::Bad => "Problem",
        },
        kind: one.plain.kind,
        node: one.plain.node.clone().unwrap_or_default(),
        metric,
        text: format!("{}.", model.retold(&one.plain.text)),
        when: found.map_or_else(String::new, |found| when(model, found)),
        from: one.plain.from.clone(),
        to: one.plain.to.clone(),
        link,
        link_text,
        sql,
        value: one.plain.value,
        expected: one.plain.expected,
        unit: one.plain.unit.clone(),
        strength: found.map_or(f64::NAN, |found| found.strength),
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Bad => "bad",
    }
}

/// When it was; empty for what is of the whole period.
pub(super) fn when(model: &Model, found: &analyse::Finding) -> String {
    let clock = model.clock;
    match found.kind {
        FindingKind::Capacity | FindingKind::Peer | FindingKind::Correlation | FindingKind::Compare => String::new(),
        FindingKind::Change => clock.moment(found.from),
        _ => clock.stretch(found.from, Timestamp::min(found.to, model.options.range.to())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::Severity as Level;
    use crate::model::{Labels, MetricName, NodeName, SeriesKey};
    use crate::report::model::sample::{empty, frame};

    fn found(kind: FindingKind, severity: Level, node: &str) -> analyse::Finding {
        analyse::Finding {
            kind,
            severity,
            series: SeriesKey {
                node: NodeName::new(node).unwrap(),
                metric: MetricName::new("disk_percent").unwrap(),
                labels: Labels::default(),
            },
            from: Timestamp::from_millis(crate::report::model::sample::START),
            to: Timestamp::from_millis(crate::report::model::sample::START + 3_600_000),
            value: 93.0,
            expected: 90.0,
            expected_from: Timestamp::from_millis(crate::report::model::sample::START),
            unit: "percent",
            strength: 1.0,
            text: format!("Disk used on {node} is odd"),
            moved: Vec::new(),
            moved_count: 0,
            first: None,
        }
    }

    #[test]
    fn the_worst_come_first_and_no_kind_takes_all_places() {
        let mut model = empty(&["a", "b"], 100, 60_000);
        model.frames = vec![frame(&model, "disk_percent", vec![("a", "", vec![50.0; 100])])];
        model.coverage[1].present = 10;
        let nodes = ["a", "b", "c", "d", "e"];
        let mut all: Vec<_> = nodes.map(|n| found(FindingKind::Threshold, Level::Bad, n)).to_vec();
        all.push(found(FindingKind::Anomaly, Level::Warn, "a"));
        all.push(found(FindingKind::Correlation, Level::Info, "a"));
        model.examined.findings.all = all;
        let said = findings(&model);
        let shown: Vec<(&str, &str)> = said.shown.iter().map(|f| (f.severity, f.kind)).collect();
        let threshold = ("bad", "threshold");
        let wanted = [("bad", "coverage"), threshold, threshold, threshold, threshold, threshold, ("warn", "anomaly")];
        assert_eq!(shown, wanted, "a note is no reason to leave out a problem");
        assert_eq!((said.worst, said.counts.as_str()), (Some(Severity::Bad), "6 problems, 1 warning and 1 note"));
        assert_eq!(said.more, "1 more finding is not listed here, of a.");
        assert_eq!((said.shown[1].link.as_str(), said.shown[1].when.as_str()), ("#chart-line-0", "00:00 – 01:00"));
    }

    #[test]
    fn of_many_warnings_of_one_kind_each_other_kind_is_shown_too() {
        let mut model = empty(&["a"], 100, 60_000);
        model.frames = vec![frame(&model, "disk_percent", vec![("a", "", vec![50.0; 100])])];
        let mut all: Vec<_> = ["a"; 12].map(|n| found(FindingKind::Anomaly, Level::Warn, n)).to_vec();
        all.push(found(FindingKind::Peer, Level::Warn, "a"));
        all.push(found(FindingKind::Correlation, Level::Info, "a"));
        model.examined.findings.all = all;
        let said = findings(&model);
        let kinds: Vec<&str> = said.shown.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, ["anomaly", "anomaly", "anomaly", "anomaly", "anomaly", "anomaly", "peer"]);
    }

    #[test]
    fn nothing_found_says_what_was_looked_at() {
        let mut model = empty(&["a"], 100, 60_000);
        model.frames = vec![frame(&model, "cpu_percent", vec![("a", "", vec![5.0; 100])])];
        let said = findings(&model);
        assert!(said.shown.is_empty() && said.worst.is_none() && said.counts.is_empty());
        assert!(said.checked.replace('\u{a0}', " ").contains("these limits: CPU busy 85 % / 95 %"), "{}", said.checked);
    }
}
