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
    let worse = match worse.as_deref() {
        None => None,
        Some("high") => Some(Worse::High),
        Some("low") => Some(Worse::Low),
        Some("neither") => Some(Worse::Neither),
        Some(other) => return Err(format!("`{other}` is none of `high`, `low` and `neither`")),
    };
    let section = match section {
        None => None,
        Some(SectionId::Resources) => Some(Section::Resources),
        Some(SectionId::Io) => Some(Section::Io),
        Some(SectionId::Partitions) => Some(Section::Partitions),
        Some(SectionId::Other) => Some(Section::Other),
        Some(other) => {
            return Err(format!("a metric stands in resources, io, partitions or other, not in `{}`", other.name()));
        }
    };
    let metrics = Selector::parse::<&str>(&[], &[&metric], &[]).map_err(|e| e.to_string())?;
    Ok(MetricOptions { metrics, title, unit: unit.as_deref().map(UnitName::of), worse, section })
}
