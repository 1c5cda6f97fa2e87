use crate::model::{Annotation, Selector, TimeRange};
use crate::query::frame::{Frame, Row};

use crate::report::format::{duration, list, value};
use crate::report::model::Model;

use super::TILES;

/// What is compared lies this far before and after an event at most, in buckets.
const BUCKETS_MAX: usize = 12;
/// A change below this share is not told.
const CHANGE_MIN: f64 = 0.1;
/// Changes told of an event.
const TOLD_MAX: usize = 3;
/// Share of the period from which on an event holds all along.
const ALL_ALONG: f64 = 0.95;

/// An annotation, as a line of a list.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub when: String,
    pub nodes: String,
    pub text: String,
    /// What was different after it; empty where nothing was, or where nothing can be compared.
    pub change: String,
}

pub(super) fn events(model: &Model) -> Vec<Event> {
    let one = |e: &Annotation| Event {
        when: match e.until {
            Some(until) => format!("{} – {}", model.clock.moment(e.at), model.clock.moment(until)),
            None => model.clock.moment(e.at),
        },
        nodes: e.nodes.clone().unwrap_or_else(|| "all nodes".into()),
        text: e.text.clone(),
        change: change(model, e),
    };
    model.events.iter().map(one).collect()
}

/// The means before and after an event that differ most.
fn change(model: &Model, event: &Annotation) -> String {
    let grid = model.grid;
    let bucket = |t: crate::model::Timestamp| ((t.millis() - grid.start.millis()).max(0) / grid.step_ms) as usize;
    let (first, after) = (bucket(event.at), bucket(event.until.unwrap_or(event.at)) + 1);
    let reach = BUCKETS_MAX.min(first).min(grid.len.saturating_sub(after));
    let nodes = event.nodes.as_ref().map(|glob| Selector::parse::<String>(std::slice::from_ref(glob), &[], &[]));
    let Ok(nodes) = nodes.transpose() else { return String::new() };
    if reach == 0 {
        return String::new();
    }
    let concerned = |row: &&Row| nodes.as_ref().is_none_or(|n| n.matches_node(row.node.as_str()));
    let means = |frame: &Frame, from: usize, to: usize| {
        let values = frame.nodes.iter().filter(concerned).flat_map(|row| &row.avg[from..to]);
        let (sum, count) = values.filter(|v| v.is_finite()).fold((0.0, 0), |(sum, n), v| (sum + v, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let mut told: Vec<(f64, String)> = Vec::new();
    for frame in TILES.iter().filter_map(|tile| model.frame(tile.metric)) {
        let pair = means(frame, first - reach, first).zip(means(frame, after, after + reach));
        let Some((before, then)) = pair else { continue };
        let share = (then - before).abs() / before.abs().max(then.abs()).max(f64::MIN_POSITIVE);
        if share >= CHANGE_MIN {
            let unit = frame.shown.unit;
            told.push((share, format!("{} {} → {}", frame.shown.title, value(unit, before), value(unit, then))));
        }
    }
    told.sort_by(|a, b| b.0.total_cmp(&a.0));
    let told: Vec<String> = told.into_iter().take(TOLD_MAX).map(|(_, text)| text).collect();
    if told.is_empty() {
        return String::new();
    }
    format!("{} before and after: {}", duration(reach as i64 * grid.step_ms), list(&told))
}

/// What holds all along is told once, above the charts: to shade all of them says nothing.
pub(super) fn covers(event: &Annotation, domain: TimeRange) -> bool {
    let (from, to) = (event.at.max(domain.from()), event.until.unwrap_or(event.at).min(domain.to()));
    (to.millis() - from.millis()) as f64 >= ALL_ALONG * domain.millis() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{empty, frame};

    #[test]
    fn what_changed_with_an_event_is_told() {
        let mut model = empty(&["a", "b"], 40, 60_000);
        let step = |low: f64, high: f64| (0..40).map(|i| if i < 20 { low } else { high }).collect::<Vec<_>>();
        model.frames = vec![frame(&model, "cpu_percent", vec![("a", "", step(20.0, 60.0)), ("b", "", vec![5.0; 40])])];
        let event = |nodes: Option<&str>| Annotation {
            at: model.grid.time(20),
            until: None,
            nodes: nodes.map(str::to_owned),
            text: "deploy".into(),
        };
        let told = |nodes| change(&model, &event(nodes)).replace('\u{a0}', " ");
        assert_eq!(told(Some("a")), "12 min before and after: CPU busy 20 % → 60 %");
        assert_eq!(told(Some("b")), "");
        assert_eq!(told(None), "12 min before and after: CPU busy 12.5 % → 32.5 %");
    }
}
