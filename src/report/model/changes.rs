//! What changed most against the other period.

use chrono::Offset;

use crate::analyse::compare::{self, Shift};
use crate::analyse::{Floors, aligned};
use crate::model::NodeName;
use crate::model::catalogue::Worse;
use crate::query::Grid;
use crate::query::frame::{Frame, Row, Stats};

use super::{Before, Model, parts_stand_apart};

/// One node of a metric (or one part of it), then and now.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Number of the metric.
    pub metric: usize,
    pub node: NodeName,
    pub part: String,
    /// Exact, of the whole periods.
    pub before: Stats,
    pub now: Stats,
    /// The change where it is large, steady and of one sign.
    pub told: Option<Shift>,
    /// What the steadiness is counted in.
    pub slices: Slices,
    /// Whether the means differ by more than what is worth telling in that unit.
    worth: bool,
}

/// Pieces of a period in which the change has a sign each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slices {
    /// Days, against the same hours of the week.
    Days,
    /// Stretches from the start on, for what is shorter than a few days.
    Stretches,
}

impl Change {
    /// How much the mean differs.
    pub fn difference(&self) -> f64 {
        self.now.avg - self.before.avg
    }

    /// Of what is told the medians' difference, else that of the means, as a share of the larger: 0 to 1, or more where the sign differs.
    fn size(&self) -> f64 {
        let (a, b) = self.told.map_or((self.before.avg, self.now.avg), |shift| (shift.before, shift.now));
        let larger = a.abs().max(b.abs());
        if larger > 0.0 { (b - a).abs() / larger } else { 0.0 }
    }

    /// Whether the means differ by more than what is worth telling, and by so large a share of the larger.
    pub fn is_worth(&self, share: f64) -> bool {
        self.worth && self.size() >= share
    }

    /// Whether it went the way that is bad for the metric; `None` where neither is.
    pub fn is_worse(&self, worse: Worse) -> Option<bool> {
        let grew = self.told.map_or(self.difference() > 0.0, |shift| shift.now > shift.before);
        match worse {
            Worse::High => Some(grew),
            Worse::Low => Some(!grew),
            Worse::Neither => None,
        }
    }
}

/// Everything that both periods have: first what is told, then what is not, each with the largest share first.
pub(crate) fn changes(model: &Model, before: &Before) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for (index, frame) in model.frames.iter().enumerate() {
        let rows = if parts_stand_apart(frame) { &frame.parts } else { &frame.nodes };
        let pairs =
            rows.iter().filter(|row| row.stats.count > 0).filter_map(|row| Some((row, before.row(index, row)?)));
        all.extend(pairs.map(|(now, old)| change(model, before, (index, frame), old, now)));
    }
    let rank = |c: &Change| (c.told.is_none(), !c.worth);
    all.sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.size().total_cmp(&a.size())));
    all
}

fn change(model: &Model, before: &Before, (metric, frame): (usize, &Frame), old: &Row, now: &Row) -> Change {
    let floor = floor(frame);
    let grid = model.grid;
    let then = Grid { start: grid.start.plus_millis(-before.shift_ms), ..grid };
    let offset = model.clock.local(model.options.range.from()).offset().fix();
    let offset_ms = i64::from(offset.local_minus_utc()) * 1_000;
    let days = compare::CompareOptions::default();
    const DAY_MS: i64 = 86_400_000;
    let by_days = [model.options.range, before.range].iter().all(|r| r.millis() >= days.days_min as i64 * DAY_MS);
    let (told, slices) = if by_days && grid.step_ms * 12 <= DAY_MS {
        (compare::shift((&old.avg, then), (&now.avg, grid), offset_ms, floor, &days), Slices::Days)
    } else {
        (aligned::shift(&old.avg, &now.avg, floor, &aligned::AlignedOptions::default()), Slices::Stretches)
    };
    let worth = (now.stats.avg - old.stats.avg).abs() > floor;
    let (node, part) = (now.node.clone(), now.part.clone());
    Change { metric, node, part, before: old.stats, now: now.stats, told, slices, worth }
}

/// The least difference worth telling.
fn floor(frame: &Frame) -> f64 {
    let hundredth = frame.shown.capacity.map_or(0.0, |full| 0.01 * full.abs());
    Floors::default().of(frame.shown.unit).max(hundredth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{before, cluster, empty, frame};

    #[test]
    fn what_changed_most_comes_first_and_what_did_not_last() {
        let mut model = empty(&["a", "b"], 120, 60_000);
        model.frames = vec![
            frame(&model, "cpu_percent", vec![("a", "", vec![60.0; 120]), ("b", "", vec![20.0; 120])]),
            frame(&model, "load1", vec![("a", "", vec![2.0; 120])]),
        ];
        let mut then = before(&model, 1.0);
        let old = |frames: &mut Vec<Option<Frame>>, metric: usize, row: usize, level: f64| {
            let row = &mut frames[metric].as_mut().unwrap().nodes[row];
            row.avg.fill(level);
            row.stats.avg = level;
        };
        old(&mut then.frames, 0, 0, 45.0);
        old(&mut then.frames, 1, 0, 1.0);
        let found = changes(&model, &then);
        let shown: Vec<_> = found.iter().map(|c| (c.metric, c.node.as_str(), c.told.is_some())).collect();
        assert_eq!(shown, [(1, "a", true), (0, "a", true), (0, "b", false)]);
        assert_eq!((found[1].slices, found[1].is_worse(Worse::High)), (Slices::Stretches, Some(true)));
    }

    #[test]
    fn a_week_is_compared_day_by_day() {
        let model = cluster(3, 336, 1_800_000);
        let found = changes(&model, &before(&model, 0.5));
        let cpu = found.iter().find(|c| c.metric == 0 && c.node.as_str() == "db-01").unwrap();
        let shift = cpu.told.unwrap();
        assert_eq!((cpu.slices, shift.days, shift.of_days), (Slices::Days, 7, 7));
        assert!((shift.now / shift.before - 2.0).abs() < 0.2, "{shift:?}");
        assert!(changes(&model, &before(&model, 1.0)).iter().all(|c| c.told.is_none()));
    }
}
