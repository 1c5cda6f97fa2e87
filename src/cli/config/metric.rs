use serde::{Deserialize, Deserializer, de};

use crate::model::Selector;
use crate::model::catalogue::{Section, Worse};
use crate::report::{MetricOptions, SectionId, UnitName};

/// `[[report.metric]]`: what is known better of some metrics.
#[derive(Clone, Debug)]
pub struct MetricSection(pub MetricOptions);

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    metric: String,
    title: Option<String>,
    unit: Option<String>,
    worse: Option<String>,
    section: Option<SectionId>,
}

impl<'de> Deserialize<'de> for MetricSection {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        metric(Written::deserialize(source)?).map(MetricSection).map_err(de::Error::custom)
    }
}

fn metric(written: Written) -> Result<MetricOptions, String> {
    let Written { metric, title, unit, worse, section } = written;
    let worse = worse.as_deref().map(self::worse).transpose()?;
    let section = section.map(self::section).transpose()?;
    let metrics = Selector::parse::<&str>(&[], &[&metric], &[]).map_err(|e| e.to_string())?;
    Ok(MetricOptions { metrics, title, unit: unit.as_deref().map(UnitName::of), worse, section })
}

/// The direction of badness.
pub(super) fn worse(word: &str) -> Result<Worse, String> {
    match word {
        "high" => Ok(Worse::High),
        "low" => Ok(Worse::Low),
        "neither" => Ok(Worse::Neither),
        other => Err(format!("`{other}` is none of `high`, `low` and `neither`")),
    }
}

/// A section that metrics stand in.
pub(super) fn section(id: SectionId) -> Result<Section, String> {
    match id {
        SectionId::Resources => Ok(Section::Resources),
        SectionId::Io => Ok(Section::Io),
        SectionId::Partitions => Ok(Section::Partitions),
        SectionId::Other => Ok(Section::Other),
        other => Err(format!("a metric stands in resources, io, partitions or other, not in `{}`", other.name())),
    }
}
