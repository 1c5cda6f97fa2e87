use std::collections::BTreeSet;

use rusqlite::{Connection, Row};

use crate::model::{Aggregate, SeriesId, Timestamp};

use super::StoreError;
use super::checksum::RowChecksum;
use super::chunk::aggregate_checksum;
use super::run::Run;
use super::setting::Setting;
use super::window::{DAY_MS, HOUR_MS};

/// Bucket width of a stored rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// `rollup_1h`
    Hour,
    /// `rollup_1d`, UTC days
    Day,
}

impl Resolution {
    /// Width of a bucket in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Resolution::Hour => HOUR_MS,
            Resolution::Day => DAY_MS,
        }
    }

    pub(super) const fn table(self) -> &'static str {
        match self {
            Resolution::Hour => "rollup_1h",
            Resolution::Day => "rollup_1d",
        }
    }

    /// Where the rows of this resolution may have outlived what they were made of.
    fn pruned_below(self) -> Setting {
        match self {
            Resolution::Hour => Setting::PrunedRaw,
            Resolution::Day => Setting::PrunedHours,
        }
    }

    /// Where rows of this resolution may have been pruned.
    pub(super) const fn pruned(self) -> Setting {
        match self {
            Resolution::Hour => Setting::PrunedHours,
            Resolution::Day => Setting::PrunedDays,
        }
    }

    pub(super) fn select(self, condition: &str) -> String {
        let table = self.table();
        format!("SELECT series_id, t, count, sum, min, max, first, last, increase, crc FROM {table} WHERE {condition}")
    }

    fn checksum(self, series: SeriesId, t: i64, aggregate: &Aggregate) -> i64 {
        aggregate_checksum(RowChecksum::of(self.table()).ints([i64::from(series.0), t]), aggregate).stored()
    }

    /// A row of [`Resolution::select`], verified.
    pub(super) fn row(self, row: &Row<'_>) -> Result<(SeriesId, i64, Aggregate), StoreError> {
        let (series, t) = (SeriesId(row.get(0)?), row.get(1)?);
        let real = |column| Ok::<f64, rusqlite::Error>(row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN));
        let aggregate = Aggregate {
            count: row.get::<_, u32>(2)?.into(),
            sum: real(3)?,
            min: real(4)?,
            max: real(5)?,
            first: real(6)?,
            last: real(7)?,
            increase: real(8)?,
        };
        if row.get::<_, i64>(9)? != self.checksum(series, t, &aggregate) {
            let table = self.table();
            let at = Timestamp::from_millis(t);
            return Err(StoreError::damaged(format!(
                "the row of series {} at {at} in `{table}` does not match its checksum",
                series.0
            )));
        }
        Ok((series, t, aggregate))
    }

    pub(super) fn find(self, conn: &Connection, series: SeriesId, t: i64) -> Result<Option<Aggregate>, StoreError> {
        let mut select = conn.prepare_cached(&self.select("series_id = ?1 AND t = ?2"))?;
        let mut rows = select.query((series.0, t))?;
        rows.next()?.map(|row| Ok(self.row(row)?.2)).transpose()
    }

    /// Start of the first and of the last bucket that any series has: a seek or two a series, as `t` comes second in the key.
    pub(super) fn first_and_last(self, conn: &Connection) -> Result<Option<(i64, i64)>, StoreError> {
        let table = self.table();
        let ends = format!(
            "SELECT min((SELECT min(t) FROM {table} WHERE series_id = s.id)), max((SELECT max(t) FROM {table} WHERE series_id = s.id))
             FROM series s"
        );
        let mut select = conn.prepare_cached(&ends)?;
        let (first, last): (Option<i64>, Option<i64>) = select.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(first.zip(last))
    }

    pub(super) fn write(self, conn: &Connection, series: SeriesId, t: i64, a: &Aggregate) -> Result<(), StoreError> {
        let table = self.table();
        if a.is_empty() {
            conn.prepare_cached(&format!("DELETE FROM {table} WHERE series_id = ?1 AND t = ?2"))?
                .execute((series.0, t))?;
            return Ok(());
        }
        conn.prepare_cached(&format!(
            "INSERT OR REPLACE INTO {table} (series_id, t, count, sum, min, max, first, last, increase, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute((
            series.0,
            t,
            a.count as i64,
            a.sum,
            a.min,
            a.max,
            a.first,
            a.last,
            a.increase,
            self.checksum(series, t, a),
        ))?;
        Ok(())
    }
}

/// Rollup rows that follow from a write of chunks: the hours that changed, then the days of those hours.
#[derive(Debug, Default)]
pub(super) struct RollupUpdate {
    hours: Vec<(SeriesId, i64, Aggregate)>,
}

impl RollupUpdate {
    /// Takes the hours of `run` (all samples of a series in those hours) that hold one of `changed` (ascending).
    pub(super) fn take(&mut self, series: SeriesId, run: &Run, changed: &[i64]) {
        let mut from = 0;
        let mut rest = changed;
        while let Some(first) = rest.first() {
            let start = first.div_euclid(HOUR_MS) * HOUR_MS;
            let end = start + HOUR_MS;
            rest = &rest[rest.partition_point(|t| *t < end)..];
            from += run.times[from..].partition_point(|t| *t < start);
            let upto = from + run.times[from..].partition_point(|t| *t < end);
            self.hours.push((series, start, Aggregate::of(&run.values[from..upto])));
            from = upto;
        }
    }

    /// Writes the hours, and their days anew from the hours. A row whose samples were pruned is not replaced by one of fewer.
    pub(super) fn write(mut self, conn: &Connection) -> Result<(), StoreError> {
        self.hours.sort_unstable_by_key(|(series, t, _)| (*series, *t));
        let mut days = BTreeSet::new();
        let pruned = Pruned::read(conn, Resolution::Hour)?;
        for (series, hour, aggregate) in &self.hours {
            pruned.write(conn, *series, *hour, aggregate)?;
            days.insert((*series, hour.div_euclid(DAY_MS) * DAY_MS));
        }
        let pruned = Pruned::read(conn, Resolution::Day)?;
        for (series, day) in days {
            pruned.write(conn, series, day, &of_hours(conn, series, day)?)?;
        }
        Ok(())
    }
}

/// The aggregate of a day, of its hours.
pub(super) fn of_hours(conn: &Connection, series: SeriesId, day: i64) -> Result<Aggregate, StoreError> {
    let mut select =
        conn.prepare_cached(&Resolution::Hour.select("series_id = ?1 AND t >= ?2 AND t < ?3 ORDER BY t"))?;
    let mut rows = select.query((series.0, day, day + DAY_MS))?;
    let mut aggregate = Aggregate::EMPTY;
    while let Some(row) = rows.next()? {
        aggregate.merge(&Resolution::Hour.row(row)?.2);
    }
    Ok(aggregate)
}

struct Pruned {
    resolution: Resolution,
    before: i64,
}

impl Pruned {
    fn read(conn: &Connection, resolution: Resolution) -> Result<Pruned, StoreError> {
        Ok(Pruned { resolution, before: resolution.pruned_below().read(conn)?.unwrap_or(i64::MIN) })
    }

    fn write(&self, conn: &Connection, series: SeriesId, t: i64, aggregate: &Aggregate) -> Result<(), StoreError> {
        let outlived = t < self.before
            && self.resolution.find(conn, series, t)?.is_some_and(|stored| stored.count > aggregate.count);
        if outlived { Ok(()) } else { self.resolution.write(conn, series, t, aggregate) }
    }
}

/// Stored rows of `resolution` whose bucket starts in `[from, to)`, by series and time.
pub(crate) fn rollups(
    conn: &Connection,
    series: &[SeriesId],
    resolution: Resolution,
    range: crate::model::TimeRange,
    visit: &mut dyn FnMut(SeriesId, Timestamp, &Aggregate),
) -> Result<(), StoreError> {
    let mut select = conn.prepare_cached(&resolution.select("series_id = ?1 AND t >= ?2 AND t < ?3 ORDER BY t"))?;
    for id in series {
        let mut rows = select.query((id.0, range.from().millis(), range.to().millis()))?;
        while let Some(row) = rows.next()? {
            let (series, t, aggregate) = resolution.row(row)?;
            visit(series, Timestamp::from_millis(t), &aggregate);
        }
    }
    Ok(())
}

/// The time up to which the rollups are complete: everything before it is sealed and no late sample waits.
pub(crate) fn watermark(conn: &Connection, resolution: Resolution) -> Result<Option<Timestamp>, StoreError> {
    let Some(sealed) = Setting::SealedUntil.read(conn)? else { return Ok(None) };
    let waiting = super::head::first_time(conn)?.unwrap_or(i64::MAX);
    Ok(Some(Timestamp::from_millis(sealed.min(waiting)).floor_to(resolution.millis())))
}
