use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::Connection;

use crate::model::{Series, SeriesId, Timestamp};

use super::StoreError;
use super::catalog::load_series;
use super::chunk::{COLUMNS, ChunkReader, drop_unused_times};
use super::chunk_rows::ChunkRows;
use super::hours::hours_of;
use super::retention::{Group, Inventory, Policy, Prune, RetainedLayer, Stock};
use super::rollup::Resolution;
use super::setting::Setting;
use super::sketch;
use super::window::{DAY_MS, Window, WindowSet};

/// What a row takes beside its values: columns, cell header and its share of the page's slack. Rollup rows and chunks are alike in it.
const ROW_BYTES: u64 = 72;

/// Series whose rollup rows go in one transaction, so that nobody waits long for the writer.
pub(super) const SERIES_A_SLICE: usize = 500;

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

/// Reads what the plan needs to know.
pub(super) fn inventory(conn: &Connection, windows: &WindowSet, policy: &Policy) -> Result<Inventory, StoreError> {
    let groups = Groups::of(&load_series(conn)?, policy);
    let mut stocks: BTreeMap<(RetainedLayer, Group, i64), (u64, u64)> = BTreeMap::new();
    let mut add = |layer, series: u32, end, samples: u64, bytes| {
        let group = groups.by_series.get(&SeriesId(series)).copied().unwrap_or(0);
        let stock = stocks.entry((layer, group, end)).or_default();
        *stock = (stock.0 + samples, stock.1 + bytes);
    };
    let mut select = conn.prepare_cached("SELECT id, n, length(vals) FROM chunk WHERE id BETWEEN ?1 AND ?2")?;
    for window in windows.iter() {
        let mut rows = select.query([*window.ids().start(), *window.ids().end()])?;
        while let Some(row) = rows.next()? {
            let (id, n, bytes): (i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            add(raw_layer(window), id as u32, window.end(), n.into(), u64::from(bytes) + ROW_BYTES);
        }
    }
    for (layer, resolution) in [(RetainedLayer::Hours, Resolution::Hour), (RetainedLayer::Days, Resolution::Day)] {
        let table = resolution.table();
        let mut select =
            conn.prepare(&format!("SELECT series_id, t / {DAY_MS} + 1, count(*) FROM main.{table} GROUP BY 1, 2"))?;
        let mut rows = select.query([])?;
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
    Ok(Inventory { stocks: stocks.collect(), bytes: bytes_in_use(conn)?, unsent_from })
}

fn bytes_in_use(conn: &Connection) -> Result<u64, StoreError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?).unsigned_abs())
}

fn raw_layer(window: Window) -> RetainedLayer {
    if window.has_hour_rows() { RetainedLayer::Raw } else { RetainedLayer::SlowRaw }
}

/// The windows that a decision on raw samples empties.
pub(super) fn windows_of(windows: &WindowSet, prune: &Prune) -> Vec<Window> {
    windows.iter().filter(|w| raw_layer(*w) == prune.layer && w.end() <= prune.before.millis()).collect()
}

/// Deletes the chunks of `members` (sorted by id) in `window`. What is to outlive them is written first.
pub(super) fn prune_window(
    conn: &Connection,
    windows: &mut WindowSet,
    window: Window,
    members: &[SeriesId],
) -> Result<(), StoreError> {
    outlive(conn, window, members)?;
    Setting::PrunedRaw.raise(conn, window.end())?;
    let mut delete = conn.prepare_cached("DELETE FROM chunk WHERE id = ?1")?;
    for series in members {
        delete.execute([window.chunk_id(*series)])?;
    }
    drop_unused_times(conn, window)?;
    windows.forget_if_empty(conn, window)
}

/// Writes what is to outlive the samples of a window: the sketches of their hours, and the rows of hours that have none, or know less: those
/// of slow series.
fn outlive(conn: &Connection, window: Window, members: &[SeriesId]) -> Result<(), StoreError> {
    let (mut reader, mut values) = (ChunkReader::new(conn), Vec::new());
    let _ = ChunkRows::new(conn, members, COLUMNS)?.each(window, &mut |row| {
        let (head, times) = reader.decode(row, &mut values)?;
        let hours = hours_of(&times.times, &values);
        let sketches = sketch::sketches_of(&hours, &times.times, &values);
        sketch::add(conn, Resolution::Hour, head.series, sketches)?;
        for (t, hour) in hours.into_iter().filter(|_| !window.has_hour_rows()) {
            if Resolution::Hour.find(conn, head.series, t)?.is_none_or(|row| row.count < hour.count) {
                Resolution::Hour.write(conn, head.series, t, &hour)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
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
