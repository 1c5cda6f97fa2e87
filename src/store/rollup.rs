use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ops::Range;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::model::{Aggregate, SeriesId, TimeRange, Timestamp};

use super::StoreError;
use super::checksum::RowChecksum;
use super::hours::{self, Hours};
use super::rollup_rows;
use super::setting::Setting;
use super::window::{DAY_MS, HOUR_MS, WindowSet};

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

    /// Its name. In statements it is `main.…`: for `nodebook sql` a temporary view may have the same name.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Resolution::Hour => "rollup_1h",
            Resolution::Day => "rollup_1d",
        }
    }

    /// Where the rows of this resolution may have outlived what they were made of.
    pub(super) const fn pruned_below(self) -> Setting {
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

    /// Columns of a row as [`Resolution::row`] reads them.
    pub(super) const COLUMNS: &str = "series_id, t, count, sum, min, max, first, last, increase, crc";

    pub(super) fn select(self, condition: &str) -> String {
        format!("SELECT {} FROM main.{} WHERE {condition}", Self::COLUMNS, self.table())
    }

    /// The function that makes one blob of rows.
    pub(super) const fn packing(self) -> &'static CStr {
        match self {
            Resolution::Hour => c"packed_rollup_1h",
            Resolution::Day => c"packed_rollup_1d",
        }
    }

    pub(super) fn checksum(self, series: SeriesId, t: i64, aggregate: &Aggregate) -> i64 {
        const HOUR: RowChecksum = RowChecksum::tag("rollup_1h");
        const DAY: RowChecksum = RowChecksum::tag("rollup_1d");
        let row = if self == Resolution::Hour { HOUR } else { DAY };
        row.aggregate([i64::from(series.0), t], aggregate).stored()
    }

    /// A row of [`Resolution::select`], verified.
    pub(super) fn row(self, row: &Row<'_>) -> Result<(SeriesId, i64, Aggregate), StoreError> {
        self.verified(|column| row.get_ref(column).unwrap_or(ValueRef::Null)).ok_or_else(|| {
            let integer = |column| row.get::<_, i64>(column).unwrap_or_default();
            let (series, at, table) = (integer(0), Timestamp::from_millis(integer(1)), self.table());
            StoreError::damaged(format!("the row of series {series} at {at} in `{table}` does not match its checksum"))
        })
    }

    /// The columns of a row; `None` where they are not what was written.
    pub(super) fn verified<'v>(self, column: impl Fn(usize) -> ValueRef<'v>) -> Option<(SeriesId, i64, Aggregate)> {
        let integer = |i| match column(i) {
            ValueRef::Integer(n) => Some(n),
            _ => None,
        };
        let real = |i| match column(i) {
            ValueRef::Real(v) => Some(v),
            ValueRef::Null => Some(f64::NAN),
            _ => None,
        };
        let (series, t) = (SeriesId(u32::try_from(integer(0)?).ok()?), integer(1)?);
        let aggregate = Aggregate {
            count: u32::try_from(integer(2)?).ok()?.into(),
            sum: real(3)?,
            min: real(4)?,
            max: real(5)?,
            first: real(6)?,
            last: real(7)?,
            increase: real(8)?,
        };
        (integer(9)? == self.checksum(series, t, &aggregate)).then_some((series, t, aggregate))
    }

    pub(super) fn find(self, conn: &Connection, series: SeriesId, t: i64) -> Result<Option<Aggregate>, StoreError> {
        let mut select = conn.prepare_cached(&self.select("series_id = ?1 AND t = ?2"))?;
        let mut rows = select.query((series.0, t))?;
        rows.next()?.map(|row| Ok(self.row(row)?.2)).transpose()
    }

    /// The rows of a series whose bucket starts in `range`.
    pub(super) fn rows_of(
        self,
        conn: &Connection,
        series: SeriesId,
        range: &Range<i64>,
    ) -> Result<BTreeMap<i64, Aggregate>, StoreError> {
        let mut select = conn.prepare_cached(&self.select("series_id = ?1 AND t >= ?2 AND t < ?3 ORDER BY t"))?;
        let rows = select.query_and_then((series.0, range.start, range.end), |row| self.row(row))?;
        rows.map(|row| row.map(|(_, t, aggregate)| (t, aggregate))).collect()
    }

    /// Visits what [`Resolution::rows_of`] gives, for those who read millions.
    fn each_row(
        self,
        conn: &Connection,
        series: SeriesId,
        range: &Range<i64>,
        mut visit: impl FnMut(i64, &Aggregate),
    ) -> Result<(), StoreError> {
        let (packing, columns, table) = (self.packing().to_string_lossy(), Self::COLUMNS, self.table());
        let mut select = conn.prepare_cached(&format!(
            "SELECT {packing}({columns}) FROM main.{table} WHERE series_id = ?1 AND t >= ?2 AND t < ?3"
        ))?;
        let mut blobs = select.query((series.0, range.start, range.end))?;
        match blobs.next()?.map(|blob| blob.get_ref(0)).transpose()? {
            Some(ValueRef::Blob(rows)) => rollup_rows::unpacked(rows).for_each(|(t, aggregate)| visit(t, &aggregate)),
            // One by one they say what is wrong.
            _ => self.rows_of(conn, series, range)?.iter().for_each(|(t, aggregate)| visit(*t, aggregate)),
        }
        Ok(())
    }

    /// Start of the first and of the last bucket that any series has: a seek or two a series, as `t` comes second in the key.
    pub(super) fn first_and_last(self, conn: &Connection) -> Result<Option<(i64, i64)>, StoreError> {
        let table = self.table();
        let ends = format!(
            "SELECT min((SELECT min(t) FROM main.{table} WHERE series_id = s.id)), max((SELECT max(t) FROM main.{table} WHERE series_id = s.id))
             FROM series s"
        );
        let mut select = conn.prepare_cached(&ends)?;
        let (first, last): (Option<i64>, Option<i64>) = select.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(first.zip(last))
    }

    pub(super) fn write(self, conn: &Connection, series: SeriesId, t: i64, a: &Aggregate) -> Result<(), StoreError> {
        let table = self.table();
        if a.is_empty() {
            conn.prepare_cached(&format!("DELETE FROM main.{table} WHERE series_id = ?1 AND t = ?2"))?
                .execute((series.0, t))?;
            return Ok(());
        }
        conn.prepare_cached(&format!(
            "INSERT OR REPLACE INTO main.{table} (series_id, t, count, sum, min, max, first, last, increase, crc)
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

/// Takes the aggregate of a series in a bucket, and where that starts.
pub(crate) type VisitBucket<'v> = &'v mut dyn FnMut(SeriesId, Timestamp, &Aggregate);

/// The aggregates of `series` (sorted by id) in the buckets of `resolution` that start in `range`, by series and time: rows, and hours
/// folded from chunks where those have no rows.
pub(crate) fn rollups(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
    resolution: Resolution,
    range: TimeRange,
    visit: VisitBucket<'_>,
) -> Result<(), StoreError> {
    let range = range.from().millis()..range.to().millis();
    if resolution == Resolution::Day {
        let none = Hours::new();
        return series.iter().try_for_each(|id| joined(conn, *id, resolution, &range, &none, visit));
    }
    for group in series.chunks(hours::series_a_pass(windows, &range)) {
        let folded = hours::folded(conn, windows, group, range.clone())?;
        let none = Hours::new();
        for id in group {
            joined(conn, *id, resolution, &range, folded.get(id).unwrap_or(&none), visit)?;
        }
    }
    Ok(())
}

/// The rows of one series, joined by time with the `others`.
fn joined(
    conn: &Connection,
    series: SeriesId,
    resolution: Resolution,
    range: &Range<i64>,
    others: &Hours,
    visit: VisitBucket<'_>,
) -> Result<(), StoreError> {
    let mut others = others.iter().peekable();
    resolution.each_row(conn, series, range, |t, aggregate| {
        while let Some((earlier, other)) = others.next_if(|(other, _)| *other < t) {
            visit(series, Timestamp::from_millis(*earlier), other);
        }
        visit(series, Timestamp::from_millis(t), aggregate);
    })?;
    others.for_each(|(t, aggregate)| visit(series, Timestamp::from_millis(*t), aggregate));
    Ok(())
}

/// The time up to which the rollups are complete: everything before it is sealed and no late sample waits.
pub(crate) fn watermark(conn: &Connection, resolution: Resolution) -> Result<Option<Timestamp>, StoreError> {
    let Some(sealed) = Setting::SealedUntil.read(conn)? else { return Ok(None) };
    let waiting = super::head::first_time(conn)?.unwrap_or(i64::MAX);
    Ok(Some(Timestamp::from_millis(sealed.min(waiting)).floor_to(resolution.millis())))
}
