use std::ops::Range;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use crate::model::SeriesId;

use super::StoreError;
use super::checksum::of_sample;
use super::run::{Run, Runs};
use super::window::DAY_MS;

/// A sample on its way into the head: time, series, value.
pub(super) type NewRow = (i64, SeriesId, f64);

/// Rows that one statement inserts: half of an insert's time is the statement's, not the row's.
const ROWS_AT_ONCE: usize = 50;

/// Statements of the head, prepared once for a batch.
pub(super) struct HeadWriter<'c> {
    conn: &'c Connection,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    update: CachedStatement<'c>,
}

impl<'c> HeadWriter<'c> {
    pub(super) fn new(conn: &'c Connection) -> Result<HeadWriter<'c>, StoreError> {
        Ok(HeadWriter {
            conn,
            insert: conn.prepare_cached(
                "INSERT INTO sample (ts, series_id, value, bits, crc) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?,
            select: conn.prepare_cached(
                "SELECT ts, series_id, value, bits, crc FROM sample WHERE ts = ?1 AND series_id = ?2",
            )?,
            update: conn.prepare_cached(
                "UPDATE sample SET value = ?3, bits = ?4, crc = ?5 WHERE ts = ?1 AND series_id = ?2",
            )?,
        })
    }

    /// Puts a sample in where there is none; returns the one that is there otherwise.
    pub(super) fn insert(&mut self, series: SeriesId, ts: i64, value: f64) -> Result<Option<f64>, StoreError> {
        let (number, bits) = columns_of(value);
        if self.insert.execute((ts, series.0, number, bits, of_sample(ts, series.0, value)))? == 1 {
            return Ok(None);
        }
        self.find(series, ts)
    }

    /// Puts samples in of which none is there.
    pub(super) fn insert_new(&mut self, rows: &[NewRow]) -> Result<(), StoreError> {
        let (whole, rest) = rows.as_chunks::<ROWS_AT_ONCE>();
        if !whole.is_empty() {
            let places = vec!["(?, ?, ?, ?, ?)"; ROWS_AT_ONCE].join(", ");
            let mut insert = self
                .conn
                .prepare_cached(&format!("INSERT INTO sample (ts, series_id, value, bits, crc) VALUES {places}"))?;
            for rows in whole {
                for (row, (ts, series, value)) in rows.iter().enumerate() {
                    let (number, bits) = columns_of(*value);
                    let first = row * 5 + 1;
                    insert.raw_bind_parameter(first, ts)?;
                    insert.raw_bind_parameter(first + 1, series.0)?;
                    insert.raw_bind_parameter(first + 2, number)?;
                    insert.raw_bind_parameter(first + 3, bits)?;
                    insert.raw_bind_parameter(first + 4, of_sample(*ts, series.0, *value))?;
                }
                insert.raw_execute()?;
            }
        }
        for (ts, series, value) in rest {
            self.insert(*series, *ts, *value)?;
        }
        Ok(())
    }

    pub(super) fn find(&mut self, series: SeriesId, ts: i64) -> Result<Option<f64>, StoreError> {
        let mut rows = self.select.query((ts, series.0))?;
        rows.next()?.map(|row| Ok(sample_of(row)?.2)).transpose()
    }

    pub(super) fn replace(&mut self, series: SeriesId, ts: i64, value: f64) -> Result<(), StoreError> {
        let (number, bits) = columns_of(value);
        self.update.execute((ts, series.0, number, bits, of_sample(ts, series.0, value)))?;
        Ok(())
    }
}

/// `value` and `bits` of a sample: SQLite has no NaN (it becomes NULL) and makes 0.0 of -0.0.
fn columns_of(value: f64) -> (Option<f64>, Option<i64>) {
    let lost = value.is_nan() || (value == 0.0 && value.is_sign_negative());
    if lost { (None, Some(value.to_bits() as i64)) } else { (Some(value), None) }
}

/// A row `ts, series_id, value, bits, crc`, verified.
pub(super) fn sample_of(row: &Row<'_>) -> Result<(i64, SeriesId, f64), StoreError> {
    let ts: i64 = row.get(0)?;
    let series: u32 = row.get(1)?;
    let value = match row.get::<_, Option<f64>>(2)? {
        Some(value) => value,
        None => f64::from_bits(row.get::<_, i64>(3)? as u64),
    };
    if row.get::<_, i64>(4)? != of_sample(ts, series, value) {
        return Err(StoreError::damaged(format!("head sample {ts} of series {series} does not match its checksum")));
    }
    Ok((ts, SeriesId(series), value))
}

/// Whose samples are wanted.
pub(super) struct Wanted {
    flags: Vec<bool>,
    count: usize,
}

impl Wanted {
    /// Of `series`, sorted by id.
    pub(super) fn of(series: &[SeriesId]) -> Wanted {
        let mut flags = vec![false; series.iter().map(|s| s.0 as usize + 1).max().unwrap_or(0)];
        series.iter().for_each(|s| flags[s.0 as usize] = true);
        let count = flags.iter().filter(|wanted| **wanted).count();
        Wanted { flags, count }
    }

    /// How many series.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn has(&self, series: SeriesId) -> bool {
        self.flags.get(series.0 as usize).copied().unwrap_or(false)
    }
}

/// Verifies every row: `visit` gets its series, or what is wrong with it.
pub(super) fn verify(conn: &Connection, mut visit: impl FnMut(Result<SeriesId, StoreError>)) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT ts, series_id, value, bits, crc FROM sample ORDER BY ts, series_id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        visit(sample_of(row).map(|(_, series, _)| series));
    }
    Ok(())
}

/// Rows in the head.
pub(super) fn count(conn: &Connection) -> Result<u64, StoreError> {
    let count: i64 = conn.query_row("SELECT count(*) FROM sample", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Head rows of a stretch of time, some at a time, so that memory stays flat however much waits there.
pub(super) struct HeadReader<'c> {
    conn: &'c Connection,
    range: Range<i64>,
}

impl<'c> HeadReader<'c> {
    pub(super) fn new(conn: &'c Connection, range: Range<i64>) -> HeadReader<'c> {
        HeadReader { conn, range }
    }

    /// The next slice: at least `rows_min` rows where there are so many, and ending at the end of an hour or of the range.
    /// `None` at the end. Returns the runs by series and the time up to which everything was read.
    pub(super) fn next_slice(
        &mut self,
        rows_min: usize,
        wanted: Option<&Wanted>,
    ) -> Result<Option<(Runs, i64)>, StoreError> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let mut select = self.conn.prepare_cached(
            "SELECT ts, series_id, value, bits, crc FROM sample WHERE ts >= ?1 AND ts < ?2 ORDER BY ts, series_id",
        )?;
        let mut rows = select.query([self.range.start, self.range.end])?;
        let mut runs = RunsBySeries::default();
        let (mut taken, mut hour_end) = (0, i64::MIN);
        let mut upto = self.range.end;
        while let Some(row) = rows.next()? {
            let (ts, series, value) = sample_of(row)?;
            if ts >= hour_end {
                if taken >= rows_min {
                    upto = ts;
                    break;
                }
                hour_end = (ts.div_euclid(super::window::HOUR_MS) + 1) * super::window::HOUR_MS;
            }
            if wanted.is_none_or(|w| w.has(series)) {
                runs.run_of(series).push(ts, value);
                taken += 1;
            }
        }
        self.range.start = upto;
        let ended = upto == self.range.end && taken == 0;
        Ok((!ended).then(|| (runs.sorted(), upto)))
    }
}

/// Runs found by series number without hashing: a seal does it for every row.
#[derive(Default)]
struct RunsBySeries {
    /// By series: its place in `runs` plus 1, 0 for none.
    places: Vec<u32>,
    runs: Runs,
}

impl RunsBySeries {
    fn run_of(&mut self, series: SeriesId) -> &mut Run {
        let number = series.0 as usize;
        if number >= self.places.len() {
            self.places.resize(number + 1, 0);
        }
        if self.places[number] == 0 {
            self.runs.push((series, Run::default()));
            self.places[number] = self.runs.len() as u32;
        }
        &mut self.runs[self.places[number] as usize - 1].1
    }

    fn sorted(mut self) -> Runs {
        self.runs.sort_unstable_by_key(|(series, _)| *series);
        self.runs
    }
}

/// Rows in a stretch of time.
pub(super) fn count_in(conn: &Connection, range: &Range<i64>) -> Result<usize, StoreError> {
    let mut select = conn.prepare_cached("SELECT count(*) FROM sample WHERE ts >= ?1 AND ts < ?2")?;
    let count: i64 = select.query_row([range.start, range.end], |row| row.get(0))?;
    Ok(count.unsigned_abs() as usize)
}

/// On how many UTC days of a stretch of time there are rows: a seek each.
pub(super) fn days_in(conn: &Connection, range: &Range<i64>) -> Result<u64, StoreError> {
    let mut next = conn.prepare_cached("SELECT ts FROM sample WHERE ts >= ?1 AND ts < ?2 ORDER BY ts LIMIT 1")?;
    let (mut days, mut from) = (0, range.start);
    while let Some(ts) = next.query_row([from, range.end], |row| row.get::<_, i64>(0)).optional()? {
        days += 1;
        from = (ts.div_euclid(DAY_MS) + 1) * DAY_MS;
    }
    Ok(days)
}

/// Deletes the rows before `upto`, of which there are `rows`. Where few others are there, these are put aside meanwhile: SQLite empties a whole
/// table without looking at its rows.
pub(super) fn delete_before(conn: &Connection, upto: i64, rows: usize) -> Result<(), StoreError> {
    let few = rows / 3;
    let mut select =
        conn.prepare_cached("SELECT ts, series_id, value, bits, crc FROM sample WHERE ts >= ?1 LIMIT ?2")?;
    let rest = select
        .query_map((upto, few as i64 + 1), |row| StoredRow::try_from(row))?
        .collect::<Result<Vec<StoredRow>, rusqlite::Error>>()?;
    if rest.len() > few {
        conn.prepare_cached("DELETE FROM sample WHERE ts < ?1")?.execute([upto])?;
        return Ok(());
    }
    conn.prepare_cached("DELETE FROM sample")?.execute([])?;
    let mut insert =
        conn.prepare_cached("INSERT INTO sample (ts, series_id, value, bits, crc) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for row in rest {
        insert.execute(row)?;
    }
    Ok(())
}

/// A row as it is stored, with the checksum it has.
type StoredRow = (i64, u32, Option<f64>, Option<i64>, i64);

/// The earliest time in the head.
pub(super) fn first_time(conn: &Connection) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT ts FROM sample ORDER BY ts LIMIT 1")?;
    Ok(select.query_row([], |row| row.get(0)).optional()?)
}

/// The latest time in the head.
pub(super) fn last_time(conn: &Connection) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT ts FROM sample ORDER BY ts DESC LIMIT 1")?;
    Ok(select.query_row([], |row| row.get(0)).optional()?)
}

/// Goes back in time over head samples for as long as `visit` says so.
pub(super) fn backwards(
    conn: &Connection,
    mut visit: impl FnMut(SeriesId, i64, f64) -> bool,
) -> Result<(), StoreError> {
    let mut select =
        conn.prepare_cached("SELECT ts, series_id, value, bits, crc FROM sample ORDER BY ts DESC, series_id DESC")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (ts, series, value) = sample_of(row)?;
        if !visit(series, ts, value) {
            break;
        }
    }
    Ok(())
}
