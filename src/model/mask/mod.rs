//! Masks: stretches of time that are shaded or do not count. Business hours and maintenance windows, on the wall clock of a zone.
//!
//! A mask is of hours of the week ([`WeekHours`]) or of the annotations that last and whose text matches a glob. What does not count for a node is
//! one pure question: [`Masks::left_out`]. Reports leave it out of every number (`query::Masked`), findings in it can be muted.

mod week;

use chrono_tz::Tz;

use super::selector::Globs;
use super::{Annotation, Selector, SelectorError, Stretches, TimeRange};

pub use week::WeekHours;

/// Why a mask was refused.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// Days of the week.
    #[error("`{text}` are no days such as mon-fri or sat,sun")]
    Days {
        /// What was given.
        text: String,
    },
    /// Hours of the day.
    #[error("`{text}` are no hours such as 08:00-18:00 or 22:00-06:00")]
    Hours {
        /// What was given.
        text: String,
    },
}

/// What is done with the time of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskAction {
    /// Charts show it; it counts.
    Shade,
    /// It counts in nothing.
    LeaveOut,
    /// Nothing else counts.
    Only,
}

/// Whose time is meant.
#[derive(Clone, Debug)]
pub enum MaskTime {
    /// Hours of every week.
    Week(WeekHours),
    /// The annotations with an end whose text matches.
    Events(EventGlob),
}

/// Which annotations are meant: a glob over their text, whatever the case of its letters.
#[derive(Clone, Debug)]
pub struct EventGlob {
    globs: Globs,
    text: String,
}

impl EventGlob {
    /// From a glob over their text; `!GLOB` leaves out.
    pub fn parse(text: &str) -> Result<EventGlob, SelectorError> {
        let mut globs = Globs::default();
        globs.add(&text.to_lowercase())?;
        Ok(EventGlob { globs, text: text.to_owned() })
    }

    /// That simulated data is simulated is no maintenance.
    pub fn matches(&self, event: &Annotation) -> bool {
        !event.marks_simulated_data() && self.globs.matches(&event.text.to_lowercase())
    }
}

/// One mask.
#[derive(Clone, Debug)]
pub struct Mask {
    /// What it is called.
    pub name: String,
    /// Its time.
    pub time: MaskTime,
    /// The nodes it is of.
    pub nodes: Selector,
    /// What is done with it.
    pub action: MaskAction,
}

impl Mask {
    /// When it holds, in words: `mon-fri 08:00-18:00`, `events “maintenance*”`.
    pub fn when(&self) -> String {
        match &self.time {
            MaskTime::Week(week) => week.to_string(),
            MaskTime::Events(glob) => format!("events “{}”", glob.text),
        }
    }

    /// Its time in `range` for a node, or whatever the node is (`None`).
    fn stretches(&self, node: Option<&str>, events: &[Annotation], range: TimeRange, zone: Tz) -> Stretches {
        if node.is_some_and(|node| !self.nodes.matches_node(node)) {
            return Stretches::default();
        }
        match &self.time {
            MaskTime::Week(week) => week.stretches(range, zone),
            MaskTime::Events(glob) => {
                let meant = events.iter().filter(|e| glob.matches(e) && node.is_none_or(|node| e.concerns(node)));
                Stretches::of(meant.filter_map(|e| TimeRange::new(e.at, e.until?)?.intersect(range)))
            }
        }
    }
}

/// All masks, and the zone whose clocks they go by.
#[derive(Clone, Debug)]
pub struct Masks {
    masks: Vec<Mask>,
    zone: Tz,
}

impl Masks {
    /// In the order of the configuration.
    pub fn new(masks: Vec<Mask>, zone: Tz) -> Masks {
        Masks { masks, zone }
    }

    /// None: everything counts.
    pub fn none() -> Masks {
        Masks { masks: Vec::new(), zone: Tz::UTC }
    }

    /// The masks.
    pub fn iter(&self) -> std::slice::Iter<'_, Mask> {
        self.masks.iter()
    }

    /// Whether some time may not count.
    pub fn leave_out(&self) -> bool {
        self.masks.iter().any(|mask| mask.action != MaskAction::Shade)
    }

    /// The time of `range` that does not count for a node: that of the masks that leave out, and all that is in none of those outside of which nothing
    /// counts, where the node has such. `events` are those that touch `range`.
    pub fn left_out(&self, node: &str, events: &[Annotation], range: TimeRange) -> Stretches {
        let of = |mask: &Mask| mask.stretches(Some(node), events, range, self.zone);
        let having = |action| self.masks.iter().filter(move |m| m.action == action && m.nodes.matches_node(node));
        let all = |action| having(action).map(of).fold(Stretches::default(), Stretches::join);
        let left_out = all(MaskAction::LeaveOut);
        match having(MaskAction::Only).next() {
            Some(_) => left_out.join(all(MaskAction::Only).outside(range)),
            None => left_out,
        }
    }

    /// The stretches of `range` that charts show, mask by mask.
    pub fn shaded(&self, events: &[Annotation], range: TimeRange) -> Vec<(&Mask, Stretches)> {
        let shade = self.masks.iter().filter(|mask| mask.action == MaskAction::Shade);
        shade.map(|mask| (mask, mask.stretches(None, events, range, self.zone))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Timestamp;
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from * HOUR), Timestamp::from_millis(to * HOUR)).unwrap()
    }

    fn mask(hours: &str, nodes: &[&str], action: MaskAction) -> Mask {
        let time = MaskTime::Week(WeekHours::parse(None, Some(hours)).unwrap());
        Mask { name: hours.into(), time, nodes: Selector::parse(nodes, &[], &[]).unwrap(), action }
    }

    fn event(at: i64, until: Option<i64>, nodes: Option<&str>, text: &str) -> Annotation {
        let time = |hour: i64| Timestamp::from_millis(hour * HOUR);
        Annotation { at: time(at), until: until.map(time), nodes: nodes.map(str::to_owned), text: text.to_owned() }
    }

    #[test]
    fn what_counts_is_inside_of_some_and_outside_of_others() {
        let masks = Masks::new(
            vec![
                mask("08:00-18:00", &[], MaskAction::Only),
                mask("12:00-13:00", &["db-*"], MaskAction::LeaveOut),
                mask("09:00-10:00", &[], MaskAction::Shade),
            ],
            Tz::UTC,
        );
        let out = |node: &str| masks.left_out(node, &[], range(0, 24));
        assert_eq!(out("web-1").as_slice(), [range(0, 8), range(18, 24)]);
        assert_eq!(out("db-1").as_slice(), [range(0, 8), range(12, 13), range(18, 24)]);
        let shaded = masks.shaded(&[], range(0, 24));
        assert_eq!((shaded.len(), shaded[0].1.as_slice()), (1, &[range(9, 10)][..]));
        assert!(masks.leave_out() && !Masks::none().leave_out());
    }

    #[test]
    fn events_that_last_are_windows_of_their_nodes() {
        let time = MaskTime::Events(EventGlob::parse("maintenance*").unwrap());
        let nodes = Selector::all();
        let masks = Masks::new(vec![Mask { name: "m".into(), time, nodes, action: MaskAction::LeaveOut }], Tz::UTC);
        let events = [
            event(1, Some(3), None, "Maintenance of the switch"),
            event(5, Some(6), Some("db-*"), "maintenance"),
            event(7, None, None, "maintenance done"),
            event(8, Some(9), None, "load test"),
        ];
        assert_eq!(masks.left_out("db-1", &events, range(2, 24)).as_slice(), [range(2, 3), range(5, 6)]);
        assert_eq!(masks.left_out("web-1", &events, range(2, 24)).as_slice(), [range(2, 3)]);
    }

    #[test]
    fn masks_that_only_count_elsewhere_leave_a_node_alone() {
        let masks = Masks::new(vec![mask("08:00-18:00", &["db-*"], MaskAction::Only)], Tz::UTC);
        assert!(masks.left_out("web-1", &[], range(0, 24)).is_empty());
    }
}
