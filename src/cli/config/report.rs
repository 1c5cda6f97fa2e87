use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

use super::look::{Accent, LineTones, read_logo};
use super::mask::MaskSection;
use super::metric::MetricSection;
use super::plot::Plots;
use crate::model::{Language, Masks};
use crate::report::{Look, MetricOptions, Paper, PlotOptions, SectionId, Sections};

/// `[report]`: look and defaults of all reports.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSection {
    /// Which sections, in which order.
    pub sections: Option<Chosen>,
    /// Colours of lines.
    pub colors: Option<LineTones>,
    /// Colour of links.
    pub accent: Option<Accent>,
    /// A picture beside the title.
    pub logo: Option<PathBuf>,
    /// `[[report.metric]]`: what is known better of some metrics.
    pub metric: Vec<MetricSection>,
    /// `[[report.plot]]`: plots of one's own.
    pub plot: Plots,
    /// `[[report.mask]]`: time that is shaded or does not count.
    pub mask: Vec<MaskSection>,
    /// Headings of sections.
    pub titles: BTreeMap<SectionId, String>,
    /// Language of numbers and dates.
    #[serde(deserialize_with = "language")]
    pub language: Option<Language>,
    /// Of a PDF; where nothing is said, that of the locale.
    pub paper: Option<Paper>,
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
            colors: self.colors.or(below.colors),
            accent: self.accent.or(below.accent),
            logo: self.logo.or(below.logo),
            metric: if self.metric.is_empty() { below.metric } else { self.metric },
            plot: if self.plot.0.is_empty() { below.plot } else { self.plot },
            mask: if self.mask.is_empty() { below.mask } else { self.mask },
            titles: below.titles.into_iter().chain(self.titles).collect(),
            language: self.language.or(below.language),
            paper: self.paper.or(below.paper),
        }
    }

    /// The language that numbers and dates are written in.
    pub fn language(&self) -> Language {
        self.language.unwrap_or_default()
    }

    /// Colours and logo; `complain` is told why a logo is left out.
    pub fn look(&self, complain: impl Fn(&str)) -> Look {
        let logo = self.logo.as_deref().and_then(|path| read_logo(path).map_err(|why| complain(&why)).ok());
        let series = self.colors.as_ref().map_or_else(Vec::new, |tones| tones.0.clone());
        Look { series, accent: self.accent.map(|accent| accent.0), logo }
    }

    /// What is known better of some metrics.
    pub fn metrics(&self) -> Vec<MetricOptions> {
        self.metric.iter().map(|section| section.0.clone()).collect()
    }

    /// The plots.
    pub fn plots(&self) -> Vec<PlotOptions> {
        self.plot.0.iter().map(|section| section.0.clone()).collect()
    }

    /// The masks, by the clocks of `zone`.
    pub fn masks(&self, zone: Tz) -> Masks {
        Masks::new(self.mask.iter().map(|section| section.0.clone()).collect(), zone)
    }

    /// The paper that is named, or else the usual one of the country of `locale`.
    #[cfg(feature = "pdf")]
    pub fn paper(&self, locale: &str) -> Paper {
        self.paper.unwrap_or_else(|| Paper::of_locale(locale))
    }

    /// As a report takes them.
    pub fn sections(&self) -> Sections {
        Sections {
            chosen: self.sections.clone().map(|chosen| chosen.0),
            subject: None,
            titles: self.titles.clone().into_iter().collect(),
        }
    }
}

/// A language by its name.
pub(super) fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(serde::de::Error::custom)
}
