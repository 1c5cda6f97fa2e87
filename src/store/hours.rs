//! Hours that have no row in `rollup_1h`: folded from the chunks of slow series.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use rusqlite::Connection;

use crate::model::{Aggregate, SeriesId};

use super::StoreError;
use super::chunk::{COLUMNS, ChunkReader};
use super::chunk_rows::ChunkRows;
use super::window::{HOUR_MS, WindowSet};

/// Hours (64 bytes each) held at once, and series that one pass over the chunks should serve at least.
const HOURS_A_PASS: i64 = 200_000;
const SERIES_A_PASS: std::ops::RangeInclusive<i64> = 16..=8192;

/// Hours of one series: start and aggregate, by time.
pub(super) type Hours = Vec<(i64, Aggregate)>;

/// The hours of samples in time order: the start of each, and the values in it.
pub(super) fn values_by_hour<'v>(times: &[i64], values: &'v [f64]) -> impl Iterator<Item = (i64, &'v [f64])> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let hour = times.get(from)?.div_euclid(HOUR_MS) * HOUR_MS;
        let upto = from + times[from..].partition_point(|t| *t < hour + HOUR_MS);
        let in_hour = values.get(from..upto)?;
        from = upto;
        Some((hour, in_hour))
    })
}

/// The hours of samples in time order that hold a number.
pub(super) fn hours_of(times: &[i64], values: &[f64]) -> Hours {
    let hours = values_by_hour(times, values).map(|(hour, values)| (hour, Aggregate::of(values)));
    hours.filter(|(_, aggregate)| !aggregate.is_empty()).collect()
}

/// How many series [`folded`] is to be asked for at once over `range`.
pub(super) fn series_a_pass(windows: &WindowSet, range: &Range<i64>) -> usize {
    let slow = windows.iter().filter(|w| !w.has_hour_rows());
    let in_reach = |w: &super::window::Window| w.end().min(range.end) - w.start().max(range.start);
    let millis: i64 = slow.map(|w| in_reach(&w).max(0)).fold(0, i64::saturating_add);
    (HOURS_A_PASS / (millis / HOUR_MS + 1)).clamp(*SERIES_A_PASS.start(), *SERIES_A_PASS.end()) as usize
}

/// The hours of `series` (sorted by id) that start in `range`, have samples in chunks, and no row.
pub(super) fn folded(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: Range<i64>,
) -> Result<BTreeMap<SeriesId, Hours>, StoreError> {
    let mut folded: BTreeMap<SeriesId, Hours> = BTreeMap::new();
    let rows = ChunkRows::new(conn, series, COLUMNS)?;
    let mut values = Vec::new();
    for window in windows.iter().filter(|w| !w.has_hour_rows() && w.start() < range.end && w.end() > range.start) {
        let mut reader = ChunkReader::new(conn);
        let _ = rows.each(window, &mut |row| {
            let (head, times) = reader.decode(row, &mut values)?;
            let from = times.times.partition_point(|t| *t < range.start);
            let upto = times.times.partition_point(|t| *t < range.end.saturating_add(HOUR_MS - 1));
            let hours = hours_of(&times.times[from..upto], &values[from..upto]);
            folded.entry(head.series).or_default().extend(hours.iter().filter(|(t, _)| range.contains(t)));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    for (series, hours) in &mut folded {
        leave_out_rows(conn, *series, hours)?;
    }
    Ok(folded)
}

/// Leaves out the hours that have a row: it says as much, or more.
fn leave_out_rows(conn: &Connection, series: SeriesId, hours: &mut Hours) -> Result<(), StoreError> {
    let Some(((first, _), (last, _))) = hours.first().zip(hours.last()) else { return Ok(()) };
    let mut select =
        conn.prepare_cached("SELECT t FROM main.rollup_1h WHERE series_id = ?1 AND t BETWEEN ?2 AND ?3 ORDER BY t")?;
    let rows = select.query_map((series.0, first, last), |row| row.get(0))?.collect::<Result<BTreeSet<i64>, _>>()?;
    if !rows.is_empty() {
        hours.retain(|(t, _)| !rows.contains(t));
    }
    Ok(())
}
