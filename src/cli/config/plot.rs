use serde::{Deserialize, Deserializer, de};

use crate::analyse::Threshold;
use crate::model::Selector;
use crate::model::catalogue::{Fold, Worse};
use crate::query::frame::{By, Own};
use crate::report::{PlotKind, PlotOptions, SectionId, UnitName};

/// `[[report.plot]]`: a plot of one's own.
#[derive(Clone, Debug)]
pub struct PlotSection(pub PlotOptions);

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    metric: String,
    by: Option<String>,
    agg: Option<String>,
    unit: Option<String>,
    warn_above: Option<f64>,
    bad_above: Option<f64>,
    warn_below: Option<f64>,
    bad_below: Option<f64>,
    section: Option<SectionId>,
    kind: Option<String>,
}

impl<'de> Deserialize<'de> for PlotSection {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        plot(&Written::deserialize(source)?).map(PlotSection).map_err(de::Error::custom)
    }
}

/// The sections that hold charts.
const HOMES: [SectionId; 5] =
    [SectionId::Plots, SectionId::Resources, SectionId::Io, SectionId::Partitions, SectionId::Other];

fn plot(written: &Written) -> Result<PlotOptions, String> {
    let kind = kind(written.kind.as_deref())?;
    let by = match written.by.as_deref() {
        Some("node") => By::Node,
        None if kind != PlotKind::Line => By::Node,
        None => By::Nothing,
        Some(label) => By::Label(label.to_owned()),
    };
    if kind != PlotKind::Line && by != By::Node {
        return Err(format!("plot `{}`: bars and heatmaps are by = \"node\"", written.title));
    }
    let section = written.section.unwrap_or(SectionId::Plots);
    if !HOMES.contains(&section) {
        let homes = HOMES.map(SectionId::name).join(", ");
        return Err(format!(
            "plot `{}`: section `{}` holds no charts; those that do: {homes}",
            written.title,
            section.name()
        ));
    }
    let metrics = Selector::parse::<&str>(&[], &[&written.metric], &[]).map_err(|e| e.to_string())?;
    let (threshold, worse) = limits(written)?;
    Ok(PlotOptions {
        own: Own { name: written.title.clone(), metrics, by, fold: fold(written.agg.as_deref())? },
        globs: vec![written.metric.clone()],
        unit: written.unit.as_deref().map(UnitName::of),
        threshold,
        worse,
        section,
        kind,
    })
}

fn kind(text: Option<&str>) -> Result<PlotKind, String> {
    match text {
        None | Some("line") => Ok(PlotKind::Line),
        Some("bar") => Ok(PlotKind::Bar),
        Some("heatmap") => Ok(PlotKind::Heatmap),
        Some(other) => Err(format!("`{other}` is none of `line`, `bar` and `heatmap`")),
    }
}

pub(super) fn fold(text: Option<&str>) -> Result<Fold, String> {
    match text {
        None | Some("avg") => Ok(Fold::Avg),
        Some("sum") => Ok(Fold::Sum),
        Some("max") => Ok(Fold::Max),
        Some("min") => Ok(Fold::Min),
        Some(other) => Err(format!("`{other}` is none of `avg`, `sum`, `max` and `min`")),
    }
}

/// The limits, and their wrong side: one for both.
fn limits(written: &Written) -> Result<(Threshold, Worse), String> {
    let above = Threshold { warn: written.warn_above, bad: written.bad_above };
    let below = Threshold { warn: written.warn_below, bad: written.bad_below };
    let (threshold, worse) = match (above == Threshold::default(), below == Threshold::default()) {
        (true, true) => return Ok((above, Worse::Neither)),
        (false, true) => (above, Worse::High),
        (true, false) => (below, Worse::Low),
        (false, false) => return Err(format!("plot `{}` has limits above or below, not both", written.title)),
    };
    if threshold.side(worse) != Threshold::default().side(worse) {
        return Err(format!("plot `{}`: what is bad lies beyond what is worth a warning", written.title));
    }
    Ok((threshold, worse))
}

/// Plots, each with a title of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<PlotSection>")]
pub struct Plots(pub Vec<PlotSection>);

impl TryFrom<Vec<PlotSection>> for Plots {
    type Error = String;

    fn try_from(plots: Vec<PlotSection>) -> Result<Plots, String> {
        let title = |plot: &PlotSection| plot.0.own.name.clone();
        let twice = plots.iter().enumerate().find(|(i, plot)| plots[..*i].iter().any(|p| title(p) == title(plot)));
        match twice {
            Some((_, plot)) => Err(format!("two plots are called `{}`", title(plot))),
            None => Ok(Plots(plots)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &str) -> Result<PlotOptions, String> {
        let text = format!("title = 'Depth'\nmetric = 'queue_*'\n{keys}");
        toml::from_str::<PlotSection>(&text).map(|plot| plot.0).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn what_is_not_said_is_one_mean_line() {
        let plot = read("").unwrap();
        assert_eq!((plot.own.by, plot.own.fold, plot.kind), (By::Nothing, Fold::Avg, PlotKind::Line));
        assert_eq!((plot.section, plot.unit, plot.worse), (SectionId::Plots, None, Worse::Neither));
        let plot = read("by = 'queue'\nagg = 'max'\nunit = 'items'\nbad_below = 3\nsection = 'io'").unwrap();
        assert_eq!((plot.own.by, plot.own.fold), (By::Label("queue".into()), Fold::Max));
        assert_eq!(plot.unit, Some(UnitName::Named("items".into())));
        assert_eq!((plot.threshold.bad, plot.worse, plot.section), (Some(3.0), Worse::Low, SectionId::Io));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let say = |keys: &str| read(keys).unwrap_err();
        insta::assert_snapshot!(say("agg = 'mean'"), @"`mean` is none of `avg`, `sum`, `max` and `min`");
        insta::assert_snapshot!(say("kind = 'pie'"), @"`pie` is none of `line`, `bar` and `heatmap`");
        insta::assert_snapshot!(say("kind = 'bar'\nby = 'queue'"), @"plot `Depth`: bars and heatmaps are by = \"node\"");
        insta::assert_snapshot!(say("section = 'nodes'"), @"plot `Depth`: section `nodes` holds no charts; those that do: plots, resources, io, partitions, other");
        insta::assert_snapshot!(say("bad_above = 3\nbad_below = 1"), @"plot `Depth` has limits above or below, not both");
        insta::assert_snapshot!(say("warn_above = 5\nbad_above = 3"), @"plot `Depth`: what is bad lies beyond what is worth a warning");
    }
}
