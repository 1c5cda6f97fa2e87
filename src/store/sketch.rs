//! Quantile sketches of hours and days whose samples were pruned. `migrations/0002_hours_and_sketches.sql` says how they are kept.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension};

use crate::codec::{self, StoredSketch};
use crate::model::{SeriesId, Sketch, Timestamp};

use super::StoreError;
use super::catalog::series_name;
use super::hours::values_by_hour;
use super::rollup::Resolution;
use super::schema::{self, SKETCHES_SINCE};
use super::window::DAY_MS;

/// By the start of their bucket.
pub(super) type Sketches = BTreeMap<i64, Sketch>;

impl Resolution {
    /// Where its sketches are.
    pub(super) const fn sketch_table(self) -> &'static str {
        match self {
            Resolution::Hour => "sketch_1h",
            Resolution::Day => "sketch_1d",
        }
    }

    /// How much time a row holds the sketches of.
    const fn span_ms(self) -> i64 {
        match self {
            Resolution::Hour => DAY_MS,
            Resolution::Day => 32 * DAY_MS,
        }
    }

    /// The rows of the span that holds `t` have ids from this one on.
    fn base_id(self, t: i64) -> i64 {
        t.div_euclid(self.span_ms()) << 32
    }

    fn row_id(self, series: SeriesId, t: i64) -> i64 {
        self.base_id(t) | i64::from(series.0)
    }

    /// What the checksum of a row is mixed with: rows of the two tables have equal ids.
    fn identity(self, id: i64) -> u64 {
        match self {
            Resolution::Hour => id as u64,
            Resolution::Day => id as u64 | 1 << 62,
        }
    }

    fn span_start(self, id: i64) -> i64 {
        (id >> 32).saturating_mul(self.span_ms())
    }
}

/// The sketches of the hours of samples in time order that hold a number.
pub(super) fn sketches_of(times: &[i64], values: &[f64]) -> impl Iterator<Item = (i64, Sketch)> {
    let hours = values_by_hour(times, values).map(|(hour, values)| (hour, Sketch::of(values)));
    hours.filter(|(_, sketch)| !sketch.is_empty())
}

/// The sketches of a row, verified.
fn unpack(conn: &Connection, resolution: Resolution, id: i64, bytes: &[u8]) -> Result<Sketches, StoreError> {
    let start = resolution.span_start(id);
    let stored = codec::decode_sketches(resolution.identity(id), bytes).map_err(|source| {
        let (series, at) = (series_name(conn, SeriesId(id as u32)), Timestamp::from_millis(start));
        StoreError::damaged(format!("the row of {series} from {at} in `{}`: {source}", resolution.sketch_table()))
    })?;
    let sketch = |s: StoredSketch| {
        let ([negative, positive], [zeros, below, above]) = (s.buckets, s.others);
        (
            start + i64::from(s.slot) * resolution.millis(),
            Sketch { negative, positive, zeros, infinite: [below, above] },
        )
    };
    Ok(stored.into_iter().map(sketch).collect())
}

fn pack(resolution: Resolution, id: i64, sketches: &Sketches) -> Vec<u8> {
    let start = resolution.span_start(id);
    let stored = |(t, s): (&i64, &Sketch)| StoredSketch {
        slot: ((t - start) / resolution.millis()) as u32,
        buckets: [s.negative.clone(), s.positive.clone()],
        others: [s.zeros, s.infinite[0], s.infinite[1]],
    };
    codec::encode_sketches(resolution.identity(id), &sketches.iter().map(stored).collect::<Vec<_>>())
}

fn write_row(conn: &Connection, resolution: Resolution, id: i64, sketches: &Sketches) -> Result<(), StoreError> {
    let table = resolution.sketch_table();
    if sketches.is_empty() {
        conn.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?.execute([id])?;
        return Ok(());
    }
    conn.prepare_cached(&format!("INSERT OR REPLACE INTO {table} (id, bytes) VALUES (?1, ?2)"))?
        .execute((id, pack(resolution, id, sketches)))?;
    Ok(())
}

/// Puts sketches of a series in. Of two of one bucket that of more values stays, as with the rows of a rollup.
pub(super) fn add(
    conn: &Connection,
    resolution: Resolution,
    series: SeriesId,
    sketches: Sketches,
) -> Result<(), StoreError> {
    let mut rows: BTreeMap<i64, Sketches> = BTreeMap::new();
    for (t, sketch) in sketches {
        rows.entry(resolution.row_id(series, t)).or_default().insert(t, sketch);
    }
    let table = resolution.sketch_table();
    let mut select = conn.prepare_cached(&format!("SELECT bytes FROM {table} WHERE id = ?1"))?;
    for (id, new) in rows {
        let known: Option<Vec<u8>> = select.query_row([id], |row| row.get(0)).optional()?;
        let mut all = known.map_or_else(|| Ok(Sketches::new()), |bytes| unpack(conn, resolution, id, &bytes))?;
        for (t, sketch) in new {
            if all.get(&t).is_none_or(|known| known.count() < sketch.count()) {
                all.insert(t, sketch);
            }
        }
        write_row(conn, resolution, id, &all)?;
    }
    Ok(())
}

/// The sketches of a series whose bucket starts in `range`.
pub(super) fn sketches(
    conn: &Connection,
    resolution: Resolution,
    series: SeriesId,
    range: &Range<i64>,
) -> Result<Sketches, StoreError> {
    let mut found = Sketches::new();
    if schema::version(conn)? < SKETCHES_SINCE {
        return Ok(found);
    }
    let table = resolution.sketch_table();
    let mut select = conn.prepare_cached(&format!("SELECT bytes FROM {table} WHERE id = ?1"))?;
    let mut span = range.start.div_euclid(resolution.span_ms()) * resolution.span_ms();
    while span < range.end {
        let id = resolution.row_id(series, span);
        let bytes: Option<Vec<u8>> = select.query_row([id], |row| row.get(0)).optional()?;
        if let Some(bytes) = bytes {
            found.extend(unpack(conn, resolution, id, &bytes)?.into_iter().filter(|(t, _)| range.contains(t)));
        }
        span += resolution.span_ms();
    }
    Ok(found)
}

/// Whether there are sketches of any series in the spans that `range` touches.
pub(super) fn any_in(conn: &Connection, range: &Range<i64>) -> Result<bool, StoreError> {
    if schema::version(conn)? < SKETCHES_SINCE {
        return Ok(false);
    }
    for resolution in [Resolution::Hour, Resolution::Day] {
        let table = resolution.sketch_table();
        let ids = [resolution.base_id(range.start), resolution.base_id(range.end - 1) | i64::from(u32::MAX)];
        if conn.prepare_cached(&format!("SELECT 1 FROM {table} WHERE id BETWEEN ?1 AND ?2 LIMIT 1"))?.exists(ids)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every row that holds something before `before` of `members` (sorted by id).
fn rows_before(
    conn: &Connection,
    resolution: Resolution,
    members: &[SeriesId],
    before: i64,
) -> Result<Vec<(i64, Sketches)>, StoreError> {
    let table = resolution.sketch_table();
    let mut select = conn.prepare_cached(&format!("SELECT id, bytes FROM {table} WHERE id <= ?1"))?;
    let mut rows = select.query([resolution.base_id(before - 1) | i64::from(u32::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if members.binary_search(&SeriesId(id as u32)).is_ok() {
            let bytes = row.get_ref(1)?.as_blob().map_err(|e| StoreError::damaged(e.to_string()))?;
            found.push((id, unpack(conn, resolution, id, bytes)?));
        }
    }
    Ok(found)
}

/// Drops the sketches of `members` before `before`, a full day; those of hours are merged into their days first.
pub(super) fn prune(
    conn: &Connection,
    resolution: Resolution,
    members: &[SeriesId],
    before: i64,
) -> Result<(), StoreError> {
    for (id, mut row) in rows_before(conn, resolution, members, before)? {
        let kept = row.split_off(&before);
        write_row(conn, resolution, id, &kept)?;
        if resolution == Resolution::Hour {
            let mut days = Sketches::new();
            for (t, hour) in row {
                days.entry(t.div_euclid(DAY_MS) * DAY_MS).or_default().merge(&hour);
            }
            add(conn, Resolution::Day, SeriesId(id as u32), days)?;
        }
    }
    Ok(())
}

/// Visits every row: its series and sketches, or what is wrong with it.
pub(super) fn each_row(
    conn: &Connection,
    resolution: Resolution,
    mut visit: impl FnMut(SeriesId, Result<Sketches, StoreError>),
) -> Result<(), StoreError> {
    let mut select = conn.prepare(&format!("SELECT id, bytes FROM {} ORDER BY id", resolution.sketch_table()))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
        visit(SeriesId(id as u32), unpack(conn, resolution, id, bytes));
    }
    Ok(())
}
