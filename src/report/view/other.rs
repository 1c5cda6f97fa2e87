use crate::model::catalogue::Section;

use crate::report::model::Model;

use super::chart::{Chart, chart};

/// Metrics of no known kind.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub charts: Vec<Chart>,
    /// Those without a chart: name, and how many nodes have it.
    pub unshown: Vec<(String, String)>,
    /// In words; empty for none.
    pub more: String,
}

pub(super) fn other(model: &Model) -> Other {
    let say = model.numerals();
    let unshown: Vec<(String, String)> =
        model.unshown.iter().map(|(name, nodes)| (name.clone(), say.count(*nodes, "node"))).collect();
    let more = if unshown.is_empty() {
        String::new()
    } else {
        format!("{} without a chart here", say.count(unshown.len(), "more metric"))
    };
    Other { charts: model.section(Section::Other).map(|(i, f)| chart(model, i, f)).collect(), unshown, more }
}
