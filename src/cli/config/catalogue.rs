use serde::{Deserialize, Deserializer, de};

use super::metric::{section, worse};
use super::plot::fold;
use crate::model::MetricName;
use crate::model::catalogue::{Derivation, Own};
use crate::report::SectionId;

/// `[[catalogue]]`: where a metric comes from that reports show, and what it is.
#[derive(Clone, Debug)]
pub struct CatalogueSection(pub Own);

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    metric: String,
    #[serde(default)]
    from: OneOrMore,
    title: Option<String>,
    unit: Option<String>,
    section: Option<SectionId>,
    worse: Option<String>,
    capacity: Option<f64>,
    part: Option<OneOrMore>,
    agg: Option<String>,
}

/// A text, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        OneOrMore::More(Vec::new())
    }
}

impl OneOrMore {
    fn all(self) -> Vec<String> {
        match self {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts,
        }
    }
}

impl<'de> Deserialize<'de> for CatalogueSection {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        own(Written::deserialize(source)?).map(CatalogueSection).map_err(de::Error::custom)
    }
}

fn own(written: Written) -> Result<Own, String> {
    MetricName::new(&written.metric).map_err(|error| error.to_string())?;
    let formula = |text: String| text.parse::<Derivation>().map_err(|error| error.to_string());
    Ok(Own {
        from: written.from.all().into_iter().map(formula).collect::<Result<_, _>>()?,
        name: written.metric,
        title: written.title,
        unit: written.unit,
        section: written.section.map(section).transpose()?,
        worse: written.worse.as_deref().map(worse).transpose()?,
        capacity: written.capacity,
        part_labels: written.part.map(OneOrMore::all),
        fold: written.agg.map(|word| fold(Some(&word))).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::{Fold, Section, Worse};

    fn read(keys: &str) -> Result<Own, String> {
        let text = format!("metric = 'queue_percent'\n{keys}");
        toml::from_str::<CatalogueSection>(&text).map(|own| own.0).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_formula_or_several() {
        let own = read("from = '100 * used / size'\nworse = 'high'\nsection = 'resources'\nagg = 'max'").unwrap();
        assert_eq!(own.from.iter().map(ToString::to_string).collect::<Vec<_>>(), ["100 * used / size"]);
        assert_eq!((own.worse, own.section, own.fold), (Some(Worse::High), Some(Section::Resources), Some(Fold::Max)));
        assert_eq!(read("from = ['a', 'rate(b)']\npart = ['queue', 'topic']").unwrap().from.len(), 2);
        assert_eq!(read("part = 'queue'").unwrap().part_labels, Some(vec!["queue".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let say = |keys: &str| read(keys).unwrap_err();
        insta::assert_snapshot!(say("from = 'rate(a) * 2'"), @"`rate(a) * 2` is no formula: expected the end at `* 2`");
        insta::assert_snapshot!(say("from = 7"), @"expected a text or a list of texts");
        insta::assert_snapshot!(say("section = 'nodes'"), @"a metric stands in resources, io, partitions or other, not in `nodes`");
        insta::assert_snapshot!(say("agg = 'mean'"), @"`mean` is none of `avg`, `sum`, `max` and `min`");
    }
}
