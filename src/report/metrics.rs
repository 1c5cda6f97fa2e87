use crate::model::Selector;
use crate::model::catalogue::{Section, Worse};
use crate::query::frame::Shown;

use super::plots::UnitName;

/// What somebody knows better of some metrics than the catalogue does.
#[derive(Clone, Debug)]
pub struct MetricOptions {
    /// Which, by globs over the names under which they are shown.
    pub metrics: Selector,
    /// Title for people.
    pub title: Option<String>,
    /// Unit, or what is counted.
    pub unit: Option<UnitName>,
    /// Direction of badness.
    pub worse: Option<Worse>,
    /// Where it stands.
    pub section: Option<Section>,
}

/// The shown metrics with what is known better of them; of several that know something the last is right.
pub(crate) fn dressed(mut shown: Vec<Shown>, known: &[MetricOptions]) -> Vec<Shown> {
    for one in &mut shown {
        let name = one.name.clone();
        for better in known.iter().filter(|k| k.metrics.matches_metric(&name)) {
            if let Some(title) = &better.title {
                one.title.clone_from(title);
            }
            if let Some(unit) = &better.unit {
                unit.apply(one);
            }
            one.worse = better.worse.unwrap_or(one.worse);
            one.section = better.section.unwrap_or(one.section);
        }
    }
    // Known ones first, as the plan has them.
    let (first, other): (Vec<Shown>, Vec<Shown>) = shown.into_iter().partition(|s| s.section != Section::Other);
    first.into_iter().chain(other).collect()
}
