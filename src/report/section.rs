use std::fmt;
use std::str::FromStr;

use crate::model::catalogue::Section;

/// A section of the page that can be chosen, placed and titled. Header, filter bar, method and footer are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionId {
    /// What was found, in sentences.
    Findings,
    /// The tiles.
    Summary,
    /// Annotations.
    Events,
    /// CPU, memory, disks.
    Resources,
    /// Disk and network transfer.
    Io,
    /// Counts of partitions and their balance.
    Partitions,
    /// Plots of one's own.
    Plots,
    /// Nodes by time, coloured by load.
    Heatmap,
    /// What is unlike its own history.
    Anomalies,
    /// What moves together.
    Correlation,
    /// What fills up, and when.
    Capacity,
    /// What changed most against another period.
    Compare,
    /// Metrics of no known kind.
    Other,
    /// The table of nodes.
    Nodes,
    /// How complete the data is.
    Quality,
}

impl SectionId {
    /// All, in the order of a page that nobody has arranged.
    pub const ALL: [SectionId; 15] = [
        SectionId::Findings,
        SectionId::Summary,
        SectionId::Events,
        SectionId::Resources,
        SectionId::Io,
        SectionId::Partitions,
        SectionId::Plots,
        SectionId::Heatmap,
        SectionId::Anomalies,
        SectionId::Correlation,
        SectionId::Capacity,
        SectionId::Compare,
        SectionId::Other,
        SectionId::Nodes,
        SectionId::Quality,
    ];

    /// Name in the configuration, handle and anchor in the page.
    pub fn name(self) -> &'static str {
        match self {
            SectionId::Findings => "findings",
            SectionId::Summary => "summary",
            SectionId::Events => "events",
            SectionId::Resources => "resources",
            SectionId::Io => "io",
            SectionId::Partitions => "partitions",
            SectionId::Plots => "plots",
            SectionId::Heatmap => "heatmap",
            SectionId::Anomalies => "anomalies",
            SectionId::Correlation => "correlation",
            SectionId::Capacity => "capacity",
            SectionId::Compare => "compare",
            SectionId::Other => "other",
            SectionId::Nodes => "nodes",
            SectionId::Quality => "quality",
        }
    }

    /// Heading, where none is configured.
    pub fn title(self) -> &'static str {
        match self {
            SectionId::Findings => "Findings",
            SectionId::Summary => "Key figures",
            SectionId::Events => "Events",
            SectionId::Resources => "Resource usage",
            SectionId::Io => "Disk and network transfer",
            SectionId::Partitions => "Partitions and balance",
            SectionId::Plots => "Own plots",
            SectionId::Heatmap => "Load of all nodes",
            SectionId::Anomalies => "Anomalies and changes",
            SectionId::Correlation => "What moves together",
            SectionId::Capacity => "Capacity",
            SectionId::Compare => "What changed most",
            SectionId::Other => "Other metrics",
            SectionId::Nodes => "Nodes",
            SectionId::Quality => "Data quality",
        }
    }

    /// Where charts of a kind of metric stand.
    pub(crate) fn of_charts(section: Section) -> SectionId {
        match section {
            Section::Resources => SectionId::Resources,
            Section::Io => SectionId::Io,
            Section::Partitions => SectionId::Partitions,
            Section::Other => SectionId::Other,
            Section::Own => SectionId::Plots,
        }
    }

    /// Whether it stands above the filter bar where it comes first: what it says is of the whole report.
    pub(crate) fn leads(self) -> bool {
        matches!(self, SectionId::Findings | SectionId::Summary | SectionId::Compare)
    }
}

/// A name that no section has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchSection(String);

impl fmt::Display for NoSuchSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let likeness = |id: &SectionId| strsim::jaro_winkler(&self.0, id.name());
        let nearest = SectionId::ALL.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        write!(f, "`{}` is no section of a report", self.0)?;
        match nearest.filter(|id| likeness(id) >= 0.8) {
            Some(id) => write!(f, "; did you mean `{}`?", id.name()),
            None => write!(f, ": choose of {}", SectionId::ALL.map(SectionId::name).join(", ")),
        }
    }
}

impl std::error::Error for NoSuchSection {}

impl FromStr for SectionId {
    type Err = NoSuchSection;

    fn from_str(text: &str) -> Result<Self, NoSuchSection> {
        SectionId::ALL.into_iter().find(|id| id.name() == text).ok_or_else(|| NoSuchSection(text.to_owned()))
    }
}

/// Which sections a page has, in which order and under which headings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// The chosen ones; `None` for all that have something to say.
    pub chosen: Option<Vec<SectionId>>,
    /// The section that the report is made for: it comes first where nobody has arranged them.
    pub subject: Option<SectionId>,
    /// Headings of one's own.
    pub titles: Vec<(SectionId, String)>,
}

impl Sections {
    /// In the order of the page. Findings belong to the summary: they stand before it where they are not placed by themselves.
    pub(crate) fn order(&self) -> Vec<SectionId> {
        let Some(chosen) = &self.chosen else {
            let others = SectionId::ALL.into_iter().filter(|id| Some(*id) != self.subject);
            return self.subject.into_iter().chain(others).collect();
        };
        let with_findings = |id: &SectionId| match id {
            SectionId::Summary if !chosen.contains(&SectionId::Findings) => vec![SectionId::Findings, *id],
            _ => vec![*id],
        };
        chosen.iter().flat_map(with_findings).collect()
    }

    /// Whether a page has the section, where it has something to say.
    pub(crate) fn have(&self, id: SectionId) -> bool {
        self.order().contains(&id)
    }

    /// Heading of a section.
    pub(crate) fn title(&self, id: SectionId) -> &str {
        self.titles.iter().find(|(named, _)| *named == id).map_or(id.title(), |(_, title)| title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_a_name_of_its_own() {
        for id in SectionId::ALL {
            assert_eq!(id.name().parse(), Ok(id));
        }
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_or_all() {
        let say = |text: &str| text.parse::<SectionId>().unwrap_err().to_string();
        insta::assert_snapshot!(say("resorces"), @"`resorces` is no section of a report; did you mean `resources`?");
        insta::assert_snapshot!(say("Heatmap"), @"`Heatmap` is no section of a report; did you mean `heatmap`?");
        insta::assert_snapshot!(say("x"), @"`x` is no section of a report: choose of findings, summary, events, resources, io, partitions, plots, heatmap, anomalies, correlation, capacity, compare, other, nodes, quality");
    }

    #[test]
    fn what_a_report_is_made_for_comes_first_unless_sections_are_placed() {
        let mut sections = Sections { subject: Some(SectionId::Compare), ..Sections::default() };
        let order = sections.order();
        assert_eq!(order[..3], [SectionId::Compare, SectionId::Findings, SectionId::Summary]);
        assert_eq!(order.len(), SectionId::ALL.len(), "and once");
        sections.chosen = Some(vec![SectionId::Io, SectionId::Compare]);
        assert_eq!(sections.order(), [SectionId::Io, SectionId::Compare]);
    }

    #[test]
    fn findings_come_with_the_summary_unless_they_are_placed() {
        let order = |chosen: &[SectionId]| Sections { chosen: Some(chosen.to_vec()), ..Sections::default() }.order();
        use SectionId::{Findings, Io, Summary};
        assert_eq!(order(&[Io, Summary]), [Io, Findings, Summary]);
        assert_eq!(order(&[Summary, Io, Findings]), [Summary, Io, Findings]);
        assert_eq!(order(&[Io]), [Io]);
    }
}
