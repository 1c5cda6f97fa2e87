use std::collections::BTreeMap;

use serde::Deserialize;

use crate::report::{SectionId, Sections};

/// `[report]`: look and defaults of all reports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSection {
    /// Which sections, in which order.
    pub sections: Option<Chosen>,
    /// Headings of sections.
    pub titles: BTreeMap<SectionId, String>,
}

/// Sections, none of them twice.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Vec<SectionId>")]
pub struct Chosen(pub Vec<SectionId>);

impl TryFrom<Vec<SectionId>> for Chosen {
    type Error = String;

    fn try_from(ids: Vec<SectionId>) -> Result<Chosen, String> {
        let twice = ids.iter().enumerate().find(|(i, id)| ids[..*i].contains(id));
        match twice {
            Some((_, id)) => Err(format!("`{}` is named twice", id.name())),
            None => Ok(Chosen(ids)),
        }
    }
}

impl ReportSection {
    /// `self` where it says something, else `below`.
    pub fn over(self, below: ReportSection) -> ReportSection {
        ReportSection {
            sections: self.sections.or(below.sections),
            titles: below.titles.into_iter().chain(self.titles).collect(),
        }
    }

    /// As a report takes them.
    pub fn sections(&self) -> Sections {
        Sections {
            chosen: self.sections.clone().map(|chosen| chosen.0),
            titles: self.titles.clone().into_iter().collect(),
        }
    }
}
