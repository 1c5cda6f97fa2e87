use crate::report::format::list;
use crate::report::section::{SectionId, Sections};

use super::View;

/// A section in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub id: SectionId,
    pub title: String,
    /// Why it has nothing to show; empty where it has.
    pub silence: String,
}

/// The sections of a page, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    pub placed: Vec<Placed>,
    /// How many of them stand above the filter bar.
    pub above_filter: usize,
    /// Sections that are left out since they have nothing to say, and why; empty for none.
    pub left_out: String,
}

/// A chosen section that has nothing to show says so; where none were chosen it is left out, and the method names it.
pub(super) fn place(view: &View, sections: &Sections) -> Placement {
    let all: Vec<Placed> = sections.order().into_iter().map(|id| one(view, sections, id)).collect();
    let (placed, silent): (Vec<Placed>, Vec<Placed>) =
        all.into_iter().partition(|p| p.silence.is_empty() || sections.chosen.is_some());
    let above_filter = placed.iter().take_while(|p| p.id.leads()).count();
    let left_out: Vec<String> = silent.iter().map(|p| format!("{} ({})", p.title, p.silence)).collect();
    let left_out = if left_out.is_empty() { String::new() } else { format!("{}.", list(&left_out)) };
    Placement { placed, above_filter, left_out }
}

fn one(view: &View, sections: &Sections, id: SectionId) -> Placed {
    Placed { id, title: sections.title(id).to_owned(), silence: silence(view, id).unwrap_or_default() }
}

/// Why what is found by the analysis has nothing to show.
struct Silence {
    anomalies: &'static str,
    correlation: &'static str,
    capacity: &'static str,
}

const NOTHING_FOUND: Silence = Silence {
    anomalies: "nothing odd was found, and no lasting change",
    correlation: "nothing moves together beyond what the time of day explains",
    capacity: "nothing that was seen runs full within 90 days",
};
const NOT_LOOKED_FOR: Silence = Silence {
    anomalies: "not looked for in this report",
    correlation: "not looked for in this report",
    capacity: "not looked for in this report",
};

/// Why a section has nothing to show.
fn silence(view: &View, id: SectionId) -> Option<String> {
    let found = if view.findings.looked { NOTHING_FOUND } else { NOT_LOOKED_FOR };
    let capacity = match view.findings.no_forecast.as_str() {
        "" => found.capacity,
        why => why,
    };
    let own = view.own.iter().any(|plot| plot.home == id);
    let unless = |there: bool, why: &str| (!there && !own).then(|| why.to_owned());
    match id {
        SectionId::Findings | SectionId::Nodes | SectionId::Quality => None,
        SectionId::Summary => unless(!view.tiles.tiles.is_empty(), "no metric of this report has a tile"),
        SectionId::Events => unless(!view.events.is_empty(), "no event is noted in this period"),
        SectionId::Resources => unless(!view.resources.is_empty(), "no metric of CPU, memory or disks"),
        SectionId::Io => unless(!view.io.is_empty(), "no metric of disk or network transfer"),
        SectionId::Partitions => unless(view.partitions.is_some(), "no metric counts partitions"),
        SectionId::Heatmap => unless(view.heatmap.is_some(), "no metric stands for load"),
        SectionId::Other => unless(!view.other.charts.is_empty(), "no metrics but the known ones"),
        SectionId::Plots => unless(false, "no plot is configured"),
        SectionId::Anomalies => unless(view.incidents.is_some(), found.anomalies),
        SectionId::Correlation => unless(view.correlation.is_some(), found.correlation),
        SectionId::Capacity => unless(view.capacity.is_some(), capacity),
        SectionId::Compare => unless(view.compare.is_some(), "nothing to compare with"),
    }
}
