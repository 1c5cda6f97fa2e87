use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::model::{Aggregate, SeriesId};

use super::StoreError;
use super::hours::hours_of;
use super::rollup::Resolution;
use super::run::Run;
use super::window::{DAY_MS, HOUR_MS, Window};

/// Rollup rows that follow from a write of chunks: the hours that changed, where their window has rows for them, then the days of those hours.
pub(super) struct RollupUpdate<'c> {
    conn: &'c Connection,
    hours: Vec<(SeriesId, i64, Aggregate)>,
    /// Of windows without rows of hours.
    days: Vec<(SeriesId, i64, Aggregate)>,
}

impl<'c> RollupUpdate<'c> {
    pub(super) fn new(conn: &'c Connection) -> RollupUpdate<'c> {
        RollupUpdate { conn, hours: Vec::new(), days: Vec::new() }
    }

    /// Takes the buckets of `run` (all samples of a series in `window`) that hold one of `changed` (ascending).
    pub(super) fn take(
        &mut self,
        window: Window,
        series: SeriesId,
        run: &Run,
        changed: &[i64],
    ) -> Result<(), StoreError> {
        if window.has_hour_rows() {
            each_changed(run, changed, HOUR_MS, |hour, _, values| {
                self.hours.push((series, hour, Aggregate::of(values)));
                Ok(())
            })
        } else {
            let mut rows = OldRows::load(self.conn, series, window)?;
            each_changed(run, changed, DAY_MS, |day, times, values| {
                let hours = rows.joined(day, hours_of(times, values))?;
                self.days.push((series, day, merged(hours.values())));
                Ok(())
            })
        }
    }

    /// Writes the hours, and their days anew from the hours. A row whose samples were pruned is not replaced by one of fewer.
    pub(super) fn write(mut self) -> Result<(), StoreError> {
        self.hours.sort_unstable_by_key(|(series, t, _)| (*series, *t));
        let mut days = BTreeSet::new();
        let rows = Rows::new(self.conn, Resolution::Hour)?;
        for (series, hour, aggregate) in &self.hours {
            rows.write(*series, *hour, aggregate)?;
            days.insert((*series, hour.div_euclid(DAY_MS) * DAY_MS));
        }
        for (series, day) in days {
            self.days.push((series, day, of_hours(self.conn, series, day)?));
        }
        self.days.sort_unstable_by_key(|(series, t, _)| (*series, *t));
        let rows = Rows::new(self.conn, Resolution::Day)?;
        self.days.iter().try_for_each(|(series, day, aggregate)| rows.write(*series, *day, aggregate))
    }
}

/// Visits the samples of each bucket of `width` that holds one of `changed`.
fn each_changed(
    run: &Run,
    changed: &[i64],
    width: i64,
    mut visit: impl FnMut(i64, &[i64], &[f64]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut from = 0;
    let mut rest = changed;
    while let Some(first) = rest.first() {
        let start = first.div_euclid(width) * width;
        let end = start + width;
        rest = &rest[rest.partition_point(|t| *t < end)..];
        from += run.times[from..].partition_point(|t| *t < start);
        let upto = from + run.times[from..].partition_point(|t| *t < end);
        visit(start, &run.times[from..upto], &run.values[from..upto])?;
        from = upto;
    }
    Ok(())
}

fn merged<'a>(hours: impl Iterator<Item = &'a Aggregate>) -> Aggregate {
    hours.fold(Aggregate::EMPTY, |mut day, hour| {
        day.merge(hour);
        day
    })
}

/// The aggregate of a day, of the rows of its hours.
pub(super) fn of_hours(conn: &Connection, series: SeriesId, day: i64) -> Result<Aggregate, StoreError> {
    Ok(merged(rows_of(conn, series, day, day + DAY_MS)?.values()))
}

/// The rows of the hours of a series in `[from, to)`.
pub(super) fn rows_of(
    conn: &Connection,
    series: SeriesId,
    from: i64,
    to: i64,
) -> Result<BTreeMap<i64, Aggregate>, StoreError> {
    Resolution::Hour.rows_of(conn, series, &(from..to))
}

/// The rows that hours of a window without rows have all the same: an older schema wrote them, or their samples were pruned.
struct OldRows<'c> {
    writer: Rows<'c>,
    series: SeriesId,
    rows: BTreeMap<i64, Aggregate>,
}

impl<'c> OldRows<'c> {
    fn load(conn: &'c Connection, series: SeriesId, window: Window) -> Result<OldRows<'c>, StoreError> {
        let rows = rows_of(conn, series, window.start(), window.end())?;
        Ok(OldRows { writer: Rows::new(conn, Resolution::Hour)?, series, rows })
    }

    /// All hours of a day, of rows and of samples; brings the rows up to date.
    fn joined(&mut self, day: i64, hours: Vec<(i64, Aggregate)>) -> Result<BTreeMap<i64, Aggregate>, StoreError> {
        let mut joined: BTreeMap<i64, Aggregate> = hours.into_iter().collect();
        for (t, row) in self.rows.range(day..day + DAY_MS) {
            let of_samples = joined.get(t).copied().unwrap_or(Aggregate::EMPTY);
            if self.writer.outlived(*t, row, &of_samples) {
                joined.insert(*t, *row);
            } else if of_samples != *row {
                Resolution::Hour.write(self.writer.conn, self.series, *t, &of_samples)?;
            }
        }
        Ok(joined)
    }
}

/// Rows of a resolution that may have outlived what they were made of.
struct Rows<'c> {
    conn: &'c Connection,
    resolution: Resolution,
    pruned_before: i64,
}

impl<'c> Rows<'c> {
    fn new(conn: &'c Connection, resolution: Resolution) -> Result<Rows<'c>, StoreError> {
        let pruned_before = resolution.pruned_below().read(conn)?.unwrap_or(i64::MIN);
        Ok(Rows { conn, resolution, pruned_before })
    }

    /// Whether a row tells more than what is there to make it of.
    fn outlived(&self, t: i64, row: &Aggregate, new: &Aggregate) -> bool {
        t < self.pruned_before && row.count > new.count
    }

    fn write(&self, series: SeriesId, t: i64, new: &Aggregate) -> Result<(), StoreError> {
        let stored = if t < self.pruned_before { self.resolution.find(self.conn, series, t)? } else { None };
        if stored.is_some_and(|row| self.outlived(t, &row, new)) {
            return Ok(());
        }
        self.resolution.write(self.conn, series, t, new)
    }
}
