//! How far samples were handed on to an engine. Written beside the recorder, in short transactions; what is stored late is noted by whoever stores it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::checksum::RowChecksum;
use super::{StoreError, file, schema};
use crate::model::{SeriesId, TimeRange, Timestamp};

/// How long a recorder's commit may keep us waiting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The way of one engine through the samples of a file.
#[derive(Debug)]
pub struct ForwardCursor {
    path: PathBuf,
    conn: Connection,
    target: String,
}

/// Samples of a series that were stored behind the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The number of the note.
    pub id: i64,
    /// Whose.
    pub series: SeriesId,
    /// From when to when.
    pub range: TimeRange,
}

/// The row of an engine.
struct Place {
    claimed: i64,
    safe: i64,
}

impl ForwardCursor {
    /// Opens it in an existing file of this build's schema. An engine that is new begins with the first sample there is, and takes the place of any other.
    pub fn open(path: &Path, target: &str) -> Result<ForwardCursor, StoreError> {
        let opened = || {
            let conn = file::open_beside(path)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            Ok(ForwardCursor { path: path.to_owned(), conn, target: target.to_owned() })
        };
        let mut cursor = opened().map_err(|e: StoreError| e.at(path))?;
        cursor.transact(|conn, target| {
            if place(conn, target)?.is_none() {
                forget(conn)?;
                write(conn, target, &Place { claimed: 0, safe: 0 })?;
            }
            Ok(())
        })?;
        Ok(cursor)
    }

    /// Everything before it has arrived, and stayed.
    pub fn safe(&self) -> Result<Timestamp, StoreError> {
        let found = place(&self.conn, &self.target).map_err(|e| e.at(&self.path))?;
        Ok(Timestamp::from_millis(found.map_or(0, |place| place.safe)))
    }

    /// What is stored from now on with a time before `until` is noted as late. What was stored before is seen by whoever begins to read now.
    pub fn claim(&mut self, until: Timestamp) -> Result<(), StoreError> {
        self.transact(|conn, target| {
            let place = place(conn, target)?.unwrap_or(Place { claimed: 0, safe: 0 });
            if place.claimed >= until.millis() {
                return Ok(());
            }
            write(conn, target, &Place { claimed: until.millis(), ..place })
        })
    }

    /// The first notes after the one with this number, at most `limit`.
    pub fn late(&self, after: i64, limit: u32) -> Result<Vec<Late>, StoreError> {
        late(&self.conn, after, limit).map_err(|e| e.at(&self.path))
    }

    /// Says that everything before `safe` has arrived and stayed, and what was noted up to this number.
    pub fn keep(&mut self, safe: Timestamp, late_upto: i64) -> Result<(), StoreError> {
        self.transact(|conn, target| {
            let place = place(conn, target)?.unwrap_or(Place { claimed: 0, safe: 0 });
            if safe.millis() > place.safe {
                write(conn, target, &Place { safe: safe.millis(), ..place })?;
            }
            // The newest one stays: without it the next one would get a number that is passed already.
            let sql = "DELETE FROM forward_late WHERE id <= ?1 AND id < (SELECT max(id) FROM forward_late)";
            conn.prepare_cached(sql)?.execute([late_upto])?;
            Ok(())
        })
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Connection, &str) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = transaction.total_changes();
            let done = work(&transaction, &self.target)?;
            if transaction.total_changes() != before {
                schema::write_first_page(&transaction)?;
            }
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|e: StoreError| e.at(&self.path))
    }
}

/// Before what time samples are late; `None` where nothing is handed on.
pub(super) fn claimed(conn: &Connection) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT max(claimed) FROM forward")?;
    Ok(select.query_row([], |row| row.get::<_, Option<i64>>(0))?.filter(|claimed| *claimed > 0))
}

/// From when on samples may not have arrived yet; `None` where nothing is handed on.
pub(super) fn unsent_from(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    if !is_there(conn)? {
        return Ok(None);
    }
    let (mut select, mut safe) = (conn.prepare_cached("SELECT target FROM forward")?, None);
    let targets = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for target in targets {
        safe = place(conn, &target)?.map(|place| place.safe).into_iter().chain(safe).min();
    }
    // The newest note stays when all are dealt with: alone it tells nothing.
    let sql = "SELECT CASE WHEN count(*) > 1 THEN min(t_from) END FROM forward_late";
    let late: Option<i64> = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(safe.map(|safe: i64| Timestamp::from_millis(late.map_or(safe, |late| late.min(safe)))))
}

/// A file of an older schema has no such tables.
fn is_there(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'forward'")?.exists([])?)
}

/// Copies how far samples were handed on from a damaged file; series have other numbers in the new one.
pub(super) fn copy(from: &Connection, new: &Connection, ids: &HashMap<SeriesId, SeriesId>) -> Result<(), StoreError> {
    if !is_there(from)? {
        return Ok(());
    }
    let mut select = from.prepare("SELECT target FROM forward")?;
    let targets = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let places =
        targets.iter().map(|target| Ok((target, place(from, target)?))).collect::<Result<Vec<_>, StoreError>>()?;
    let notes = late(from, i64::MIN, u32::MAX)?;
    for (target, place) in places {
        if let Some(place) = place {
            write(new, target, &place)?;
        }
    }
    let known = notes.iter().filter_map(|note| Some((*ids.get(&note.series)?, note.range)));
    self::note(new, known.map(|(series, range)| (series, range.from().millis(), range.to().millis() - 1)))
}

/// Notes samples that are late: of each series the first and the last moment.
pub(super) fn note(conn: &Connection, late: impl IntoIterator<Item = (SeriesId, i64, i64)>) -> Result<(), StoreError> {
    let mut insert =
        conn.prepare_cached("INSERT INTO forward_late (series_id, t_from, t_to, crc) VALUES (?1, ?2, ?3, ?4)")?;
    for (series, first, last) in late {
        let (series, end) = (i64::from(series.0), last + 1);
        insert.execute((series, first, end, late_checksum(series, first, end)))?;
    }
    Ok(())
}

/// No engine is handed on to any more.
pub(super) fn forget(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("DELETE FROM forward", [])?;
    conn.execute("DELETE FROM forward_late", [])?;
    Ok(())
}

/// Verifies every row.
pub(super) fn verify(conn: &Connection) -> Result<(), StoreError> {
    if !is_there(conn)? {
        return Ok(());
    }
    let mut select = conn.prepare("SELECT target FROM forward")?;
    let targets = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    targets.iter().try_for_each(|target| place(conn, target).map(drop))?;
    late(conn, i64::MIN, u32::MAX).map(drop)
}

fn late(conn: &Connection, after: i64, limit: u32) -> Result<Vec<Late>, StoreError> {
    let sql = "SELECT id, series_id, t_from, t_to, crc FROM forward_late WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query((after, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, series, from, to): (i64, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to));
        match (range, u32::try_from(series)) {
            (Some(range), Ok(number)) if late_checksum(series, from, to) == row.get::<_, i64>(4)? => {
                found.push(Late { id, series: SeriesId(number), range });
            }
            _ => return Err(StoreError::damaged(format!("late note {id} does not match its checksum"))),
        }
    }
    Ok(found)
}

fn place(conn: &Connection, target: &str) -> Result<Option<Place>, StoreError> {
    let mut select = conn.prepare_cached("SELECT claimed, safe, crc FROM forward WHERE target = ?1")?;
    let found = select.query_row([target], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    match found {
        Some((claimed, safe, crc)) if checksum(target, claimed, safe) != crc => {
            Err(StoreError::damaged(format!("the cursor of `{target}` does not match its checksum")))
        }
        found => Ok(found.map(|(claimed, safe, _): (i64, i64, i64)| Place { claimed, safe })),
    }
}

fn write(conn: &Connection, target: &str, place: &Place) -> Result<(), StoreError> {
    let Place { claimed, safe } = *place;
    conn.prepare_cached("INSERT OR REPLACE INTO forward (target, claimed, safe, crc) VALUES (?1, ?2, ?3, ?4)")?
        .execute((target, claimed, safe, checksum(target, claimed, safe)))?;
    Ok(())
}

fn checksum(target: &str, claimed: i64, safe: i64) -> i64 {
    RowChecksum::of("forward").text(target).ints([claimed, safe]).stored()
}

fn late_checksum(series: i64, from: i64, to: i64) -> i64 {
    RowChecksum::of("forward_late").ints([series, from, to]).stored()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{T0, key};
    use super::super::{OnConflict, Store, StoreOptions, check};
    use super::*;
    use crate::model::{Batch, Sample};

    fn batch(samples: &[(usize, i64)]) -> Batch {
        let mut batch = Batch::default();
        for (series, ms) in samples {
            batch.push(key(*series), None, Sample { ts: Timestamp::from_millis(T0 + ms), value: 1.0 });
        }
        batch
    }

    #[test]
    fn what_is_stored_behind_the_cursor_is_noted_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.append(&batch(&[(0, 0), (1, 0)]), OnConflict::Keep).unwrap();
        let mut cursor = ForwardCursor::open(&path, "http://vm").unwrap();
        assert_eq!(cursor.safe().unwrap(), Timestamp::MIN);
        store.append(&batch(&[(0, 10)]), OnConflict::Keep).unwrap();
        assert_eq!(cursor.late(0, 9).unwrap(), [], "nothing is late before the first claim");
        cursor.claim(Timestamp::from_millis(T0 + 100)).unwrap();
        store.append(&batch(&[(0, 20), (0, 200), (1, 30), (0, 40)]), OnConflict::Keep).unwrap();
        let mut bulk = store.bulk();
        let id = bulk.series(&key(1), None).unwrap();
        for ms in [50, 60, 300] {
            bulk.push(id, Timestamp::from_millis(T0 + ms), 2.0).unwrap();
        }
        bulk.finish().unwrap();
        let told = |late: &Late| (late.series.0, late.range.from().millis() - T0, late.range.to().millis() - T0);
        let late = cursor.late(0, 9).unwrap();
        assert_eq!(late.iter().map(told).collect::<Vec<_>>(), [(1, 20, 41), (2, 30, 31), (2, 50, 61)]);
        cursor.keep(Timestamp::from_millis(T0 + 90), late[1].id).unwrap();
        assert_eq!(cursor.late(0, 9).unwrap(), late[2..]);
        cursor.claim(Timestamp::from_millis(T0)).unwrap(); // never back
        store.close().unwrap();
        assert!(check(&path).unwrap().problems.is_empty());
        let again = ForwardCursor::open(&path, "http://vm").unwrap();
        assert_eq!((again.safe().unwrap().millis() - T0, claimed(&again.conn).unwrap()), (90, Some(T0 + 100)));
        let other = ForwardCursor::open(&path, "http://other").unwrap();
        assert_eq!((other.safe().unwrap(), other.late(0, 9).unwrap()), (Timestamp::MIN, Vec::new()));
    }

    #[test]
    fn a_recovered_file_goes_on_where_the_damaged_one_was() {
        let dir = tempfile::tempdir().unwrap();
        let (path, out) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.append(&batch(&[(5, 0), (1, 0)]), OnConflict::Keep).unwrap();
        let mut cursor = ForwardCursor::open(&path, "http://vm").unwrap();
        cursor.claim(Timestamp::from_millis(T0 + 100)).unwrap();
        cursor.keep(Timestamp::from_millis(T0 + 90), 0).unwrap();
        store.append(&batch(&[(1, 20), (5, 30)]), OnConflict::Keep).unwrap();
        assert_eq!(unsent_from(&cursor.conn).unwrap(), Some(Timestamp::from_millis(T0 + 20)));
        store.close().unwrap();
        assert!(super::super::recover(&path, &out).unwrap().lost.is_empty());
        let again = ForwardCursor::open(&out, "http://vm").unwrap();
        assert_eq!((again.safe().unwrap().millis() - T0, claimed(&again.conn).unwrap()), (90, Some(T0 + 100)));
        let series = crate::store::Reader::open(&out).unwrap().series().unwrap();
        let name = |id: SeriesId| series.iter().find(|one| one.id == id).unwrap().key.clone();
        let told: Vec<_> = again
            .late(0, 9)
            .unwrap()
            .into_iter()
            .map(|late| (name(late.series), late.range.from().millis() - T0))
            .collect();
        assert_eq!(told.len(), 2);
        assert!(told.contains(&(key(1), 20)) && told.contains(&(key(5), 30)), "{told:?}");
    }
}
