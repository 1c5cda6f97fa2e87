use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::model::{Series, SeriesId, Timestamp};

use super::StoreError;
use super::catalog::load_series;
use super::chunk::{ChunkReader, drop_unused_times};
use super::hours::{Hours, hours_of};
use super::retention::{Group, Inventory, Policy, Prune, RetainedLayer, Stock};
use super::rollup::Resolution;
use super::setting::Setting;
use super::sketch::{self, Sketches};
use super::window::{DAY_MS, Window, WindowSet};

/// What a row takes beside its values: columns, cell header and its share of the page's slack. Rollup rows and chunks are alike in it.
const ROW_BYTES: u64 = 72;

/// Series whose rollup rows go in one transaction, so that nobody waits long for the writer.
pub(super) const SERIES_A_SLICE: usize = 500;
/// Chunks that go in one transaction, for the same reason.
const CHUNKS_A_SLICE: usize = 1000;

/// Which group each series is in.
pub(super) struct Groups {
    members: BTreeMap<Group, Vec<SeriesId>>,
    by_series: BTreeMap<SeriesId, Group>,
}

impl Groups {
    pub(super) fn of(series: &[Series], policy: &Policy) -> Groups {
        let mut groups = Groups { members: BTreeMap::new(), by_series: BTreeMap::new() };
        for s in series {
            let group = policy.group_of(&s.key);
            groups.members.entry(group).or_default().push(s.id);
            groups.by_series.insert(s.id, group);
        }
        groups
    }

    pub(super) fn members(&self, group: Group) -> &[SeriesId] {
        self.members.get(&group).map_or(&[], Vec::as_slice)
    }
}

/// Reads what the plan at `now` needs to know: the whole file only where that is too large.
pub(super) fn inventory(
    conn: &Connection,
    windows: &WindowSet,
    policy: &Policy,
    now: Timestamp,
) -> Result<Inventory, StoreError> {
    let bytes = bytes_in_use(conn)?;
    let is_too_large = policy.max_bytes.is_some_and(|max| bytes > max);
    let old_before = |layer| match policy.old_before(layer, now) {
        _ if is_too_large => i64::MAX,
        before => before.map_or(i64::MIN, Timestamp::millis),
    };
    let groups = Groups::of(&load_series(conn)?, policy);
    let mut stocks: BTreeMap<(RetainedLayer, Group, i64), (u64, u64)> = BTreeMap::new();
    let mut add = |layer, series: u32, end, samples: u64, bytes| {
        let group = groups.by_series.get(&SeriesId(series)).copied().unwrap_or(0);
        let stock = stocks.entry((layer, group, end)).or_default();
        *stock = (stock.0 + samples, stock.1 + bytes);
    };
    let mut select = conn.prepare_cached("SELECT id, n, length(vals) FROM chunk WHERE id BETWEEN ?1 AND ?2")?;
    for window in windows.iter().filter(|window| window.end() <= old_before(raw_layer(*window))) {
        let mut rows = select.query([*window.ids().start(), *window.ids().end()])?;
        while let Some(row) = rows.next()? {
            let (id, n, bytes): (i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            add(raw_layer(window), id as u32, window.end(), n.into(), u64::from(bytes) + ROW_BYTES);
        }
    }
    for (layer, resolution) in [(RetainedLayer::Hours, Resolution::Hour), (RetainedLayer::Days, Resolution::Day)] {
        let before = old_before(layer);
        if before == i64::MIN {
            continue;
        }
        let table = resolution.table();
        let mut select = conn.prepare(&format!(
            "SELECT series_id, t / {DAY_MS} + 1, count(*) FROM main.{table} WHERE t < ?1 GROUP BY 1, 2"
        ))?;
        let mut rows = select.query([before.div_euclid(DAY_MS).saturating_mul(DAY_MS)])?;
        while let Some(row) = rows.next()? {
            let (series, day, count): (u32, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            add(layer, series, day.saturating_mul(DAY_MS), count.into(), u64::from(count) * ROW_BYTES);
        }
    }
    let stocks = stocks.into_iter().map(|((layer, group, end), (samples, bytes))| {
        let end = Timestamp::from_millis(end);
        Stock { layer, group, end, samples, bytes }
    });
    let unsent_from = super::forward::unsent_from(conn)?;
    Ok(Inventory { stocks: stocks.collect(), bytes, unsent_from })
}

fn bytes_in_use(conn: &Connection) -> Result<u64, StoreError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?).unsigned_abs())
}

fn raw_layer(window: Window) -> RetainedLayer {
    if window.has_hour_rows() { RetainedLayer::Raw } else { RetainedLayer::SlowRaw }
}

/// The windows that a decision on raw samples empties, those that start on the same day together: the sketches of a day share a row.
pub(super) fn windows_of(windows: &WindowSet, prune: &Prune) -> Vec<Vec<Window>> {
    let goes = |w: &Window| raw_layer(*w) == prune.layer && w.end() <= prune.before.millis();
    let windows: Vec<Window> = windows.iter().filter(goes).collect();
    windows.chunk_by(|a, b| a.start().div_euclid(DAY_MS) == b.start().div_euclid(DAY_MS)).map(<[_]>::to_vec).collect()
}

/// Of how many series the chunks in `windows` go in one transaction.
pub(super) fn series_a_slice(windows: &[Window]) -> usize {
    (CHUNKS_A_SLICE / windows.len().max(1)).max(1)
}

/// Deletes the chunks of `members` in `of_a_day`, windows that start on the same day. What is to outlive them is written first. With the last members
/// go the times that no chunk refers to any more.
pub(super) fn prune_windows(
    conn: &Connection,
    windows: &mut WindowSet,
    of_a_day: &[Window],
    members: &[SeriesId],
    are_last: bool,
) -> Result<(), StoreError> {
    outlive(conn, of_a_day, members)?;
    let mut delete = conn.prepare_cached("DELETE FROM chunk WHERE id = ?1")?;
    for window in of_a_day {
        Setting::PrunedRaw.raise(conn, window.end())?;
        for series in members {
            delete.execute([window.chunk_id(*series)])?;
        }
        if are_last {
            drop_unused_times(conn, *window)?;
            windows.forget_if_empty(conn, *window)?;
        }
    }
    Ok(())
}

/// Writes what is to outlive the samples of some windows: the sketches of their hours, and the rows of hours that have none, or know less: those
/// of slow series.
fn outlive(conn: &Connection, windows: &[Window], members: &[SeriesId]) -> Result<(), StoreError> {
    let mut values = Vec::new();
    let mut readers: Vec<_> = windows.iter().map(|window| (*window, ChunkReader::new(conn))).collect();
    for series in members {
        let mut sketches = Sketches::new();
        for (window, reader) in &mut readers {
            let Some((_, times)) = reader.find(*window, *series, &mut values)? else { continue };
            sketches.extend(sketch::sketches_of(&times.times, &values));
            if !window.has_hour_rows() {
                outlive_hours(conn, *series, &hours_of(&times.times, &values))?;
            }
        }
        sketch::add(conn, Resolution::Hour, *series, sketches)?;
    }
    Ok(())
}

fn outlive_hours(conn: &Connection, series: SeriesId, hours: &Hours) -> Result<(), StoreError> {
    for (t, hour) in hours {
        if Resolution::Hour.find(conn, series, *t)?.is_none_or(|row| row.count < hour.count) {
            Resolution::Hour.write(conn, series, *t, hour)?;
        }
    }
    Ok(())
}

/// Deletes rollup rows and sketches of `members` (sorted by id) before `before`. The sketches of hours become those of days.
pub(super) fn prune_rollup(
    conn: &Connection,
    resolution: Resolution,
    members: &[SeriesId],
    before: Timestamp,
) -> Result<(), StoreError> {
    resolution.pruned().raise(conn, before.millis())?;
    sketch::prune(conn, resolution, members, before.millis())?;
    let table = resolution.table();
    let mut delete = conn.prepare_cached(&format!("DELETE FROM main.{table} WHERE series_id = ?1 AND t < ?2"))?;
    for series in members {
        delete.execute((series.0, before.millis()))?;
    }
    Ok(())
}

/// Gives free pages back to the file system, some at a time; returns bytes given back.
pub(super) fn vacuum(conn: &Connection) -> Result<u64, StoreError> {
    const PAGES_A_SLICE: i64 = 1024;
    let free = || conn.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
    let page_bytes: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let before = free()?;
    let mut left = before;
    while left > 0 {
        // The pragma frees a page a step: it has to be stepped to its end.
        let mut slice = conn.prepare(&format!("PRAGMA incremental_vacuum({PAGES_A_SLICE})"))?;
        let mut rows = slice.query([])?;
        while rows.next()?.is_some() {}
        let now = free()?;
        if now >= left {
            break; // a file without incremental vacuum has nothing to give
        }
        left = now;
    }
    Ok(((before - left) * page_bytes).unsigned_abs())
}
