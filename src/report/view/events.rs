use crate::model::{Annotation, TimeRange, Timestamp};
use crate::query::frame::Frame;

use crate::report::format::{duration, list};
use crate::report::model::Model;

use super::change::delta;
use super::{TILES, Table};

/// What is compared lies this far before and after an event at most.
const REACH_MS: i64 = 3_600_000;
/// Most rows of the table of figures.
const ROWS_MAX: usize = 90;
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

/// A key figure before and after an event.
struct Step<'a> {
    frame: &'a Frame,
    before: f64,
    after: f64,
}

impl Step<'_> {
    fn share(&self) -> f64 {
        let (before, after) = (self.before, self.after);
        (after - before).abs() / before.abs().max(after.abs()).max(f64::MIN_POSITIVE)
    }
}

/// The means of the key figures over the nodes of an event, as long before it as after it: an hour, or what the period has; and how long that is.
fn steps<'a>(model: &'a Model, event: &Annotation) -> (i64, Vec<Step<'a>>) {
    let grid = model.grid;
    let bucket = |t: Timestamp| ((t.millis() - grid.start.millis()).max(0) / grid.step_ms) as usize;
    let (first, after) = (bucket(event.at), bucket(event.until.unwrap_or(event.at)) + 1);
    let wanted = (REACH_MS / grid.step_ms).max(1) as usize;
    let reach = wanted.min(first).min(grid.len.saturating_sub(after));
    let length = reach as i64 * grid.step_ms;
    if reach == 0 {
        return (length, Vec::new());
    }
    let means = |frame: &Frame, from: usize, to: usize| {
        let rows = frame.nodes.iter().filter(|row| event.concerns(row.node.as_str()));
        let values = rows.flat_map(|row| &row.avg[from..to]).filter(|v| v.is_finite());
        let (sum, count) = values.fold((0.0, 0), |(sum, n), v| (sum + v, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let step = |frame: &'a Frame| {
        let before = means(frame, first - reach, first)?;
        Some(Step { frame, before, after: means(frame, after, after + reach)? })
    };
    (length, TILES.iter().filter_map(|tile| step(model.frame(tile.metric)?)).collect())
}

/// The figures that differ most before and after an event.
fn change(model: &Model, event: &Annotation) -> String {
    let say = model.numerals();
    let (length, mut steps) = steps(model, event);
    steps.retain(|step| step.share() >= CHANGE_MIN);
    steps.sort_by(|a, b| b.share().total_cmp(&a.share()));
    let told = |step: &Step| {
        let unit = step.frame.shown.unit;
        format!("{} {} → {}", step.frame.shown.title, say.value(unit, step.before), say.value(unit, step.after))
    };
    let told: Vec<String> = steps.iter().take(TOLD_MAX).map(told).collect();
    if told.is_empty() { String::new() } else { format!("{} before and after: {}", duration(length), list(&told)) }
}

/// The key figures before and after every event; `None` where nothing can be compared.
pub(super) fn figures(model: &Model) -> Option<Table> {
    let say = model.numerals();
    let rows_of = |event: &Annotation| -> Vec<Vec<String>> {
        let (length, steps) = steps(model, event);
        let row = |step: &Step| {
            let shown = &step.frame.shown;
            vec![
                event.text.clone(),
                model.clock.moment(event.at),
                shown.title.clone(),
                say.cell(shown.unit, step.before),
                say.cell(shown.unit, step.after),
                delta(say, shown.unit, step.before, step.after),
                duration(length),
            ]
        };
        steps.iter().map(row).collect()
    };
    let rows: Vec<Vec<String>> = model.events.iter().flat_map(rows_of).collect();
    let hidden = rows.len().saturating_sub(ROWS_MAX);
    (!rows.is_empty()).then(|| Table {
        caption: "Figures before and after each event: means over the nodes it concerns".to_owned(),
        head: vec!["Event", "At", "Metric", "Before", "After", "Change", "Over"],
        rows: rows.into_iter().take(ROWS_MAX).collect(),
        note: if hidden > 0 { format!("Not listed: {}.", say.count(hidden, "more row")) } else { String::new() },
    })
}

/// Those that charts of the whole period draw.
pub(crate) fn shown_events(model: &Model) -> Vec<&Annotation> {
    model.events.iter().filter(|event| !covers(event, model.domain())).collect()
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
        assert_eq!(told(Some("a")), "19 min before and after: CPU busy 20 % → 60 %");
        assert_eq!(told(Some("b")), "");
        assert_eq!(told(None), "19 min before and after: CPU busy 12.5 % → 32.5 %");
    }
}
