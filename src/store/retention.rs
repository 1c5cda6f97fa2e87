//! What is kept how long: a pure plan, made of a policy and an inventory of the file, that the store then applies.
//!
//! Data goes by whole windows (raw samples) and whole days (hourly rollups), so that no bucket is ever left with a part of its samples. By
//! age: what ended before `now - keep`. By size: then the oldest raw windows of fast series, then the oldest hours, then the oldest days, until
//! the file fits; what is not over yet is never dropped for size. First reached wins.
//!
//! Samples that were not handed on yet to the engine that they are forwarded to are kept beyond their age, but not beyond the size.
//!
//! The hours of slow series get their rows when their samples go, and would take more room than those: by size, both go together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Selector, SeriesKey, Timestamp};

use super::window::DAY_MS;

/// How long something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// For ever.
    #[default]
    Forever,
    /// So many milliseconds.
    Millis(i64),
}

impl Keep {
    /// What ended then or before is old at `now`; `None` where nothing gets old.
    fn old_before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Keep::Forever => None,
            Keep::Millis(ms) => Some(now.plus_millis(ms.saturating_neg())),
        }
    }
}

/// What is kept how long. The default keeps everything.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Raw samples.
    pub raw: Keep,
    /// Hourly rollups.
    pub hours: Keep,
    /// Daily rollups.
    pub days: Keep,
    /// Largest size of the file.
    pub max_bytes: Option<u64>,
    /// Exceptions: the first that matches a series holds for it.
    pub rules: Vec<Rule>,
}

/// An exception for some series; what it does not say is as in the policy.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which series.
    pub selector: Selector,
    /// Raw samples.
    pub raw: Option<Keep>,
    /// Hourly rollups.
    pub hours: Option<Keep>,
    /// Daily rollups.
    pub days: Option<Keep>,
}

/// A layer of the file that retention knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetainedLayer {
    /// Raw samples in chunks whose hours have rows.
    Raw,
    /// Raw samples of slow series: their hours get rows when they go.
    SlowRaw,
    /// Hourly rollups.
    #[serde(rename = "1h")]
    Hours,
    /// Daily rollups.
    #[serde(rename = "1d")]
    Days,
}

/// Series under the same rule: 0 for those under none, else the rule's place in the policy plus 1.
pub type Group = usize;

impl Policy {
    /// The group of a series.
    pub fn group_of(&self, key: &SeriesKey) -> Group {
        self.rules.iter().position(|rule| rule.selector.matches(key)).map_or(0, |place| place + 1)
    }

    /// The same of a layer of whichever group keeps it the shortest.
    pub(super) fn old_before(&self, layer: RetainedLayer, now: Timestamp) -> Option<Timestamp> {
        (0..=self.rules.len()).filter_map(|group| self.keep(layer, group).old_before(now)).max()
    }

    fn keep(&self, layer: RetainedLayer, group: Group) -> Keep {
        let rule = group.checked_sub(1).and_then(|place| self.rules.get(place));
        let (general, special) = match layer {
            RetainedLayer::Raw | RetainedLayer::SlowRaw => (self.raw, rule.and_then(|r| r.raw)),
            RetainedLayer::Hours => (self.hours, rule.and_then(|r| r.hours)),
            RetainedLayer::Days => (self.days, rule.and_then(|r| r.days)),
        };
        special.unwrap_or(general)
    }
}

/// What one group has of a layer in one window (raw) or day (rollups).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    /// Which layer.
    pub layer: RetainedLayer,
    /// Whose.
    pub group: Group,
    /// End of the window or day.
    pub end: Timestamp,
    /// Samples, or rows of a rollup.
    pub samples: u64,
    /// About what they take in the file.
    pub bytes: u64,
}

/// What a file holds, as far as retention is concerned: of one that is not too large, what is old.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// In no particular order.
    pub stocks: Vec<Stock>,
    /// Bytes of the file in use.
    pub bytes: u64,
    /// From when on samples were not handed on yet; `None` where they are not forwarded.
    pub unsent_from: Option<Timestamp>,
}

impl Inventory {
    /// Whether some of a stock may not have been handed on yet.
    fn is_unsent(&self, stock: &Stock) -> bool {
        let is_raw = matches!(stock.layer, RetainedLayer::Raw | RetainedLayer::SlowRaw);
        is_raw && self.unsent_from.is_some_and(|from| stock.end > from)
    }
}

/// One decision: everything of a group's layer whose window or day ended at or before `before` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Prune {
    /// Which layer.
    pub layer: RetainedLayer,
    /// Whose.
    pub group: Group,
    /// Up to when.
    #[serde(serialize_with = "rfc3339")]
    pub before: Timestamp,
    /// Samples, or rows of a rollup, that go.
    pub samples: u64,
    /// About what is given back.
    pub bytes: u64,
    /// How many of the samples are in windows that were not handed on yet as a whole.
    pub unsent: u64,
}

fn rfc3339<S: serde::Serializer>(t: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&t.to_rfc3339())
}

/// What goes, by layer and group. Empty: nothing does.
pub type Plan = Vec<Prune>;

/// Whether a stock is older than it is kept.
fn is_old(policy: &Policy, stock: &Stock, now: Timestamp) -> bool {
    policy.keep(stock.layer, stock.group).old_before(now).is_some_and(|before| stock.end <= before)
}

/// Samples that are older than the policy keeps and stay until they were handed on.
pub fn held(policy: &Policy, inventory: &Inventory, now: Timestamp) -> u64 {
    let held = inventory.stocks.iter().filter(|stock| is_old(policy, stock, now) && inventory.is_unsent(stock));
    held.map(|stock| stock.samples).sum()
}

/// Decides what goes at `now`. No clock, no I/O.
pub fn plan(policy: &Policy, inventory: &Inventory, now: Timestamp) -> Plan {
    let mut stocks = inventory.stocks.clone();
    stocks.sort_by_key(|stock| (stock.layer, stock.end));
    let mut prunes: BTreeMap<(RetainedLayer, Group), Prune> = BTreeMap::new();
    let mut left = inventory.bytes;
    let mut drop = |stock: &Stock, left: &mut u64| {
        let Stock { layer, group, end, .. } = *stock;
        let fresh = Prune { layer, group, before: end, samples: 0, bytes: 0, unsent: 0 };
        let prune = prunes.entry((layer, group)).or_insert(fresh);
        prune.before = prune.before.max(end);
        prune.samples += stock.samples;
        prune.bytes += stock.bytes;
        prune.unsent += if inventory.is_unsent(stock) { stock.samples } else { 0 };
        *left = left.saturating_sub(stock.bytes);
    };
    stocks.retain(|stock| {
        let old = is_old(policy, stock, now) && !inventory.is_unsent(stock);
        if old {
            drop(stock, &mut left);
        }
        !old
    });
    let limit = policy.max_bytes.unwrap_or(u64::MAX);
    // Slow samples go with the hours of their time.
    stocks.sort_by_key(|stock| match stock.layer {
        RetainedLayer::SlowRaw => (RetainedLayer::Hours, stock.end),
        layer => (layer, stock.end),
    });
    let mut rowless: BTreeMap<Group, Timestamp> = BTreeMap::new();
    for stock in stocks.iter().filter(|stock| stock.end <= now) {
        if left <= limit {
            break;
        }
        drop(stock, &mut left);
        if stock.layer == RetainedLayer::SlowRaw {
            rowless.insert(stock.group, stock.end.ceil_to(DAY_MS));
        }
    }
    prune_new_rows(policy, &mut prunes, &rowless, now);
    prunes.into_values().collect()
}

/// The rows and sketches that samples leave when they go are pruned at once where their time is over too: by age, or (`rowless`) because they would
/// take the room that is to be freed.
fn prune_new_rows(
    policy: &Policy,
    prunes: &mut BTreeMap<(RetainedLayer, Group), Prune>,
    rowless: &BTreeMap<Group, Timestamp>,
    now: Timestamp,
) {
    let raw = [RetainedLayer::Raw, RetainedLayer::SlowRaw];
    let groups: BTreeSet<Group> =
        prunes.keys().filter(|(layer, _)| raw.contains(layer)).map(|(_, group)| *group).collect();
    for group in groups {
        let layer = RetainedLayer::Hours;
        let aged = policy.keep(layer, group).old_before(now).map(|before| before.floor_to(DAY_MS));
        if let Some(before) = aged.max(rowless.get(&group).copied()) {
            let none = Prune { layer, group, before, samples: 0, bytes: 0, unsent: 0 };
            let prune = prunes.entry((layer, group)).or_insert(none);
            prune.before = prune.before.max(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn t(day: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY)
    }

    fn stocks(layer: RetainedLayer, group: Group, bytes: u64) -> Vec<Stock> {
        (1..=10).map(|day| Stock { layer, group, end: t(day), samples: 1, bytes }).collect()
    }

    fn inventory(parts: &[Vec<Stock>]) -> Inventory {
        let stocks = parts.concat();
        let bytes = stocks.iter().map(|s| s.bytes).sum();
        Inventory { stocks, bytes, unsent_from: None }
    }

    fn planned(policy: &Policy, inventory: &Inventory) -> Vec<(RetainedLayer, Group, Timestamp, u64)> {
        plan(policy, inventory, t(10)).into_iter().map(|p| (p.layer, p.group, p.before, p.bytes)).collect()
    }

    #[test]
    fn nothing_goes_by_default() {
        assert_eq!(planned(&Policy::default(), &inventory(&[stocks(RetainedLayer::Raw, 0, 100)])), []);
    }

    #[test]
    fn age_goes_by_layer_and_rule() {
        let rule = Rule {
            selector: Selector::parse(&[] as &[&str], &["debug_*"], &[]).unwrap(),
            raw: Some(Keep::Millis(DAY)),
            hours: None,
            days: None,
        };
        let policy = Policy { raw: Keep::Millis(7 * DAY), rules: vec![rule], ..Policy::default() };
        let all = inventory(&[
            stocks(RetainedLayer::Raw, 0, 100),
            stocks(RetainedLayer::Raw, 1, 10),
            stocks(RetainedLayer::Hours, 0, 1),
        ]);
        assert_eq!(planned(&policy, &all), [(RetainedLayer::Raw, 0, t(3), 300), (RetainedLayer::Raw, 1, t(9), 90)]);
    }

    #[test]
    fn size_takes_the_oldest_raw_first_then_hours_and_leaves_what_is_not_over() {
        let all = inventory(&[
            stocks(RetainedLayer::Raw, 0, 100),
            stocks(RetainedLayer::Hours, 0, 10),
            stocks(RetainedLayer::Days, 0, 1),
        ]);
        let fits = |max_bytes| planned(&Policy { max_bytes: Some(max_bytes), ..Policy::default() }, &all);
        assert_eq!(fits(1110), []);
        assert_eq!(fits(1000), [(RetainedLayer::Raw, 0, t(2), 200)]);
        assert_eq!(fits(95), [(RetainedLayer::Raw, 0, t(10), 1000), (RetainedLayer::Hours, 0, t(2), 20)]);
        let growing = Inventory { stocks: vec![Stock { end: t(11), ..all.stocks[0] }], bytes: 100, unsent_from: None };
        assert_eq!(planned(&Policy { max_bytes: Some(1), ..Policy::default() }, &growing), []);
    }

    #[test]
    fn slow_samples_go_with_their_hours() {
        let all = inventory(&[
            stocks(RetainedLayer::Raw, 0, 100),
            stocks(RetainedLayer::SlowRaw, 0, 5),
            stocks(RetainedLayer::Hours, 0, 10),
        ]);
        let (raw, slow, hours) = (RetainedLayer::Raw, RetainedLayer::SlowRaw, RetainedLayer::Hours);
        let fits = |max_bytes| planned(&Policy { max_bytes: Some(max_bytes), ..Policy::default() }, &all);
        assert_eq!(fits(1000), [(raw, 0, t(2), 200)], "they are not what makes room first");
        assert_eq!(fits(120), [(raw, 0, t(10), 1000), (slow, 0, t(2), 10), (hours, 0, t(2), 20)]);
        let aged = |hours| planned(&Policy { raw: Keep::Millis(6 * DAY), hours, ..Policy::default() }, &all);
        assert_eq!(aged(Keep::Forever), [(raw, 0, t(4), 400), (slow, 0, t(4), 20)]);
        let slow_only = inventory(&[stocks(slow, 0, 5)]);
        let policy = Policy { raw: Keep::Millis(6 * DAY), hours: Keep::Millis(8 * DAY), ..Policy::default() };
        assert_eq!(
            planned(&policy, &slow_only),
            [(slow, 0, t(4), 20), (hours, 0, t(2), 0)],
            "no rows that are too old"
        );
    }

    #[test]
    fn what_was_not_handed_on_is_kept_beyond_its_age_but_not_beyond_the_size() {
        let raw = stocks(RetainedLayer::Raw, 0, 100);
        let all = Inventory {
            unsent_from: Some(t(2).plus_millis(1)),
            ..inventory(&[raw, stocks(RetainedLayer::Hours, 0, 1)])
        };
        let aged = Policy { raw: Keep::Millis(5 * DAY), hours: Keep::Millis(5 * DAY), ..Policy::default() };
        let (raw, hours) = (RetainedLayer::Raw, RetainedLayer::Hours);
        assert_eq!(planned(&aged, &all), [(raw, 0, t(2), 200), (hours, 0, t(5), 5)], "rollups are not forwarded");
        assert_eq!((held(&aged, &all, t(10)), held(&Policy::default(), &all, t(10))), (3, 0));
        let small = Policy { max_bytes: Some(600), ..Policy::default() };
        let unsent: Vec<u64> = plan(&small, &all, t(10)).iter().map(|prune| prune.unsent).collect();
        assert_eq!((planned(&small, &all)[0].2, unsent), (t(5), vec![3]));
    }

    #[test]
    fn first_reached_wins() {
        let all = inventory(&[stocks(RetainedLayer::Raw, 0, 100)]);
        let policy =
            |days, max_bytes| Policy { raw: Keep::Millis(days * DAY), max_bytes: Some(max_bytes), ..Policy::default() };
        assert_eq!(planned(&policy(5, 900), &all), [(RetainedLayer::Raw, 0, t(5), 500)]);
        assert_eq!(planned(&policy(9, 300), &all), [(RetainedLayer::Raw, 0, t(7), 700)]);
    }
}
