//! What is left of buckets whose samples were pruned: aggregates, and quantiles within 1 %.

use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};

use rusqlite::Connection;

use crate::model::{Aggregate, SeriesId, Sketch, TimeRange, Timestamp};

use super::StoreError;
use super::chunk_rows::ChunkRows;
use super::reader::span;
use super::rollup::Resolution;
use super::rollup_update::rows_of;
use super::setting::Setting;
use super::sketch::{self, Sketches};
use super::window::{DAY_MS, HOUR_MS, Window, WindowSet};

/// A bucket of one series that only rollups tell of.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlived {
    /// Its time: an hour or a UTC day.
    pub range: TimeRange,
    /// Of its samples.
    pub aggregate: Aggregate,
    /// Their distribution; `None` where a build without sketches pruned them.
    pub sketch: Option<Sketch>,
}

/// By series, each ascending and apart from each other.
pub type AllOutlived = BTreeMap<SeriesId, Vec<Outlived>>;

/// The buckets of `series` (sorted by id) whose data lies in `range` as a whole and whose samples were pruned. Samples of their time that came later count
/// for nothing beside them, as in the rollups.
pub(crate) fn outlived(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: TimeRange,
) -> Result<AllOutlived, StoreError> {
    let Some((pruned, data)) = Setting::PrunedRaw.read(conn)?.zip(span(conn, windows)?) else {
        return Ok(AllOutlived::new());
    };
    // A bucket that reaches beyond all data lies in a range that reaches to its end.
    let from = if range.from() <= data.from() { data.from().floor_to(DAY_MS) } else { range.from() };
    let to = if range.to() >= data.to() { data.to().ceil_to(DAY_MS) } else { range.to() };
    let range = from.millis()..to.min(Timestamp::from_millis(pruned).ceil_to(DAY_MS)).millis();
    if range.is_empty() {
        return Ok(AllOutlived::new());
    }
    let covered = covered(conn, windows, series, &range)?;
    let mut all = AllOutlived::new();
    for id in series {
        let left = of_series(conn, *id, covered.get(id).map_or(&[], Vec::as_slice), &range)?;
        if !left.is_empty() {
            all.insert(*id, left);
        }
    }
    Ok(all)
}

/// The windows of the chunks that are still there.
fn covered(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    range: &Range<i64>,
) -> Result<HashMap<SeriesId, Vec<Window>>, StoreError> {
    let mut covered: HashMap<SeriesId, Vec<Window>> = HashMap::new();
    let rows = ChunkRows::new(conn, series, "id")?;
    for window in windows.iter().filter(|w| w.start() < range.end && w.end() > range.start) {
        let _ = rows.each(window, &mut |row| {
            covered.entry(SeriesId(row.get::<_, i64>(0)? as u32)).or_default().push(window);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(covered)
}

fn of_series(
    conn: &Connection,
    series: SeriesId,
    covered: &[Window],
    range: &Range<i64>,
) -> Result<Vec<Outlived>, StoreError> {
    // Those that lie in the range as a whole.
    let whole = |width: i64| {
        let start = range.start.saturating_add(width - 1).div_euclid(width) * width;
        start..(range.end.div_euclid(width) * width).max(start)
    };
    let is_covered = |t: i64| covered.iter().any(|w| (w.start()..w.end()).contains(&t));
    let hours = whole(HOUR_MS);
    let mut sketches = sketch::sketches(conn, Resolution::Hour, series, &hours)?;
    let mut left: BTreeMap<i64, Outlived> = BTreeMap::new();
    let mut days_with_hours = std::collections::BTreeSet::new();
    for (t, row) in rows_of(conn, series, hours.start, hours.end)? {
        days_with_hours.insert(t.div_euclid(DAY_MS));
        if sketches.contains_key(&t) || !is_covered(t) {
            left.extend(bucket(t, HOUR_MS, row, &mut sketches));
        }
    }
    let days = whole(DAY_MS);
    let mut sketches = sketch::sketches(conn, Resolution::Day, series, &days)?;
    for (t, row) in Resolution::Day.rows_of(conn, series, &days)? {
        let is_known = days_with_hours.contains(&t.div_euclid(DAY_MS));
        let has_samples = (0..24).any(|hour| is_covered(t + hour * HOUR_MS));
        if !is_known && (sketches.contains_key(&t) || !has_samples) {
            left.extend(bucket(t, DAY_MS, row, &mut sketches));
        }
    }
    Ok(left.into_values().collect())
}

fn bucket(t: i64, width: i64, aggregate: Aggregate, sketches: &mut Sketches) -> Option<(i64, Outlived)> {
    // A sketch of other values than the row's tells nothing.
    let sketch = sketches.remove(&t).filter(|sketch| sketch.count() == aggregate.count);
    let from = Timestamp::from_millis(t);
    let range = TimeRange::new(from, from.plus_millis(width))?;
    Some((t, Outlived { range, aggregate, sketch }))
}

/// Whether quantiles of `range` may be told from sketches.
pub(crate) fn has_sketches(conn: &Connection, range: TimeRange) -> Result<bool, StoreError> {
    let pruned = Setting::PrunedRaw.read(conn)?.unwrap_or(i64::MIN);
    let range = range.from().millis()..range.to().millis();
    Ok(range.start < pruned && !range.is_empty() && sketch::any_in(conn, &range)?)
}
