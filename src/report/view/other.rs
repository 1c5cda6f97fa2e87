use crate::model::catalogue::Section;

use crate::report::model::Model;

use super::chart::{Chart, chart};

/// Metrics of no known kind.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub charts: Vec<Chart>,
    /// Those without a chart: name, and how many nodes have it.
    pub unshown: Vec<(String, String)>,
    /// How many that are, in words; empty for none.
    pub more: String,
    /// Why they have none, and what their reader can do.
    pub why: String,
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
    let charts: Vec<Chart> = model.section(Section::Other).map(|(i, f)| chart(model, i, f)).collect();
    let why = format!(
        "So that the page stays small it has charts of {} of these metrics. The other {} are recorded all the same: whoever makes the report \
         chooses which it shows (--metric).",
        say.plain(charts.len() as f64),
        say.plain(unshown.len() as f64)
    );
    Other { charts, unshown, more, why }
}
