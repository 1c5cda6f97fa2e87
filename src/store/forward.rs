//! How far samples were handed on to each engine. Written beside the recorder, in short transactions; what is stored late is noted by whoever stores it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Row, TransactionBehavior};

use super::checksum::RowChecksum;
use super::{StoreError, StoreErrorKind, file, schema};
use crate::model::{SeriesId, TimeRange, Timestamp};

/// How long a recorder's commit may keep us waiting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// More notes than these (some 2 MB) are joined, looked at whenever so many were made: an engine may be down for weeks.
const NOTES_MAX: usize = 1 << 16;
const NOTES_A_LOOK: i64 = 1 << 14;

/// An engine that is handed on to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForwardKey {
    /// Its address, without secrets.
    pub target: String,
    /// The tenant there; empty where none is named.
    pub tenant: String,
}

impl fmt::Display for ForwardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenant.as_str() {
            "" => f.write_str(&self.target),
            tenant => write!(f, "{} (tenant {tenant})", self.target),
        }
    }
}

/// The way of one engine through the samples of a file.
#[derive(Debug)]
pub struct ForwardCursor {
    path: PathBuf,
    conn: Connection,
    key: ForwardKey,
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
#[derive(Clone, Debug)]
struct Place {
    target: String,
    /// `None` in a row of schema 4, which did not tell.
    tenant: Option<String>,
    claimed: i64,
    safe: i64,
    late: i64,
}

impl Place {
    fn is_of(&self, key: &ForwardKey) -> bool {
        self.target == key.target && self.tenant.as_ref() == Some(&key.tenant)
    }
}

impl ForwardCursor {
    /// Opens it in an existing file of this build's schema. An engine that [`Store::forward_to`](super::Store::forward_to) did not name begins with the first
    /// sample there is, beside the others.
    pub fn open(path: &Path, key: &ForwardKey) -> Result<ForwardCursor, StoreError> {
        let opened = || {
            let conn = file::open_beside(path)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            Ok(ForwardCursor { path: path.to_owned(), conn, key: key.clone() })
        };
        let mut cursor = opened().map_err(|e: StoreError| e.at(path))?;
        cursor.transact(|conn, key| match place(conn, key)? {
            Some(_) => Ok(()),
            None => write(conn, &anew(conn, key)?),
        })?;
        Ok(cursor)
    }

    /// Everything before it has arrived and stayed, and every note up to the number.
    pub fn safe(&self) -> Result<(Timestamp, i64), StoreError> {
        let found = place(&self.conn, &self.key).map_err(|e| e.at(&self.path))?;
        Ok(found.map_or((Timestamp::from_millis(0), 0), |place| (Timestamp::from_millis(place.safe), place.late)))
    }

    /// What is stored from now on with a time before `until` is noted as late. What was stored before is seen by whoever begins to read now.
    pub fn claim(&mut self, until: Timestamp) -> Result<(), StoreError> {
        self.transact(|conn, key| {
            let Some(place) = place(conn, key)?.filter(|place| place.claimed < until.millis()) else { return Ok(()) };
            write(conn, &Place { claimed: until.millis(), ..place })
        })
    }

    /// The first notes after the one with this number, at most `limit`.
    pub fn late(&self, after: i64, limit: u32) -> Result<Vec<Late>, StoreError> {
        late(&self.conn, after, limit).map_err(|e| e.at(&self.path))
    }

    /// Says that everything before `safe` has arrived and stayed, and what was noted up to this number.
    pub fn keep(&mut self, safe: Timestamp, late_upto: i64) -> Result<(), StoreError> {
        self.transact(|conn, key| {
            let Some(place) = place(conn, key)? else { return Ok(()) };
            if safe.millis() > place.safe || late_upto > place.late {
                let (safe, late) = (place.safe.max(safe.millis()), place.late.max(late_upto));
                write(conn, &Place { safe, late, ..place })?;
            }
            forget_notes(conn)
        })
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &ForwardKey) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = transaction.total_changes();
            let done = work(&transaction, &self.key)?;
            if transaction.total_changes() != before {
                schema::write_first_page(&transaction)?;
            }
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|e: StoreError| e.at(&self.path))
    }
}

/// Only these engines are handed on to from now on.
pub(super) fn settle(conn: &Connection, engines: &[ForwardKey]) -> Result<(), StoreError> {
    let known = places(conn)?;
    let mut kept = Vec::new();
    for key in engines {
        let is_alone = engines.iter().filter(|other| other.target == key.target).count() == 1;
        // Of two tenants one has nothing of what the other was sent: where it cannot be told whose a row of schema 4 is, everything is sent again.
        let old = || known.iter().find(|place| is_alone && place.target == key.target && place.tenant.is_none());
        let place = match known.iter().find(|place| place.is_of(key)).or_else(old) {
            Some(place) => Place { tenant: Some(key.tenant.clone()), ..place.clone() },
            None => anew(conn, key)?,
        };
        kept.push(place);
    }
    conn.execute("DELETE FROM forward_engine", [])?;
    kept.iter().try_for_each(|place| write(conn, place))?;
    forget_notes(conn)
}

/// Before what time samples are late; `None` where nothing is handed on.
pub(super) fn claimed(conn: &Connection) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT max(claimed) FROM forward_engine")?;
    Ok(select.query_row([], |row| row.get::<_, Option<i64>>(0))?.filter(|claimed| *claimed > 0))
}

/// From when on samples may not have arrived yet at one of the engines; `None` where nothing is handed on.
pub(super) fn unsent_from(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let places = places(conn)?;
    let Some(safe) = places.iter().map(|place| place.safe).min() else { return Ok(None) };
    let dealt = places.iter().map(|place| place.late).min();
    let mut select = conn.prepare_cached("SELECT min(t_from) FROM forward_late WHERE id > ?1")?;
    let late: Option<i64> = select.query_row([dealt], |row| row.get(0))?;
    Ok(Some(Timestamp::from_millis(late.map_or(safe, |late| late.min(safe)))))
}

/// Copies how far samples were handed on from a damaged file; series have other numbers in the new one.
pub(super) fn copy(from: &Connection, new: &Connection, ids: &HashMap<SeriesId, SeriesId>) -> Result<(), StoreError> {
    let places = places(from)?;
    let notes = if places.is_empty() { Vec::new() } else { late(from, i64::MIN, u32::MAX)? };
    let known: Vec<(i64, SeriesId, TimeRange)> =
        notes.iter().filter_map(|note| Some((note.id, *ids.get(&note.series)?, note.range))).collect();
    // They are numbered anew.
    let dealt = |place: &Place| known.iter().filter(|(id, ..)| *id <= place.late).count() as i64;
    for place in &places {
        write(new, &Place { late: dealt(place), ..place.clone() })?;
    }
    note(new, known.iter().map(|(_, series, range)| (*series, range.from().millis(), range.to().millis() - 1)))
}

/// Notes samples that are late: of each series the first and the last moment.
pub(super) fn note(conn: &Connection, late: impl IntoIterator<Item = (SeriesId, i64, i64)>) -> Result<(), StoreError> {
    let mut insert =
        conn.prepare_cached("INSERT INTO forward_late (series_id, t_from, t_to, crc) VALUES (?1, ?2, ?3, ?4)")?;
    let mut look = false;
    for (series, first, last) in late {
        let (series, end) = (i64::from(series.0), last + 1);
        insert.execute((series, first, end, late_checksum(series, first, end)))?;
        look |= conn.last_insert_rowid() % NOTES_A_LOOK == 0;
    }
    if look { join_notes(conn) } else { Ok(()) }
}

/// Makes one note a series of the notes that the engine that is furthest has dealt with, and one of the others, where that leaves half of too many. The joined one
/// has the highest of their numbers: whoever has not dealt with all of them is sent all of it, and nobody else anything again.
fn join_notes(conn: &Connection) -> Result<(), StoreError> {
    let rows: i64 = conn.prepare_cached("SELECT count(*) FROM forward_late")?.query_row([], |row| row.get(0))?;
    if rows <= NOTES_MAX as i64 {
        return Ok(());
    }
    let dealt = places(conn)?.iter().map(|place| place.late).max().unwrap_or(i64::MAX);
    let mut joined: BTreeMap<(SeriesId, bool), Late> = BTreeMap::new();
    let notes = match late(conn, i64::MIN, u32::MAX) {
        // Who hands on says so; whoever stores can go on.
        Err(error) if error.kind() == StoreErrorKind::Damaged => return Ok(()),
        notes => notes?,
    };
    for note in notes {
        let known = joined.entry((note.series, note.id > dealt)).or_insert(note);
        let (from, to) = (known.range.from().min(note.range.from()), known.range.to().max(note.range.to()));
        *known = Late { id: note.id, range: TimeRange::new(from, to).unwrap_or(note.range), ..note };
    }
    if 2 * joined.len() as i64 > rows {
        return Ok(());
    }
    conn.prepare_cached("DELETE FROM forward_late")?.execute([])?;
    let mut insert =
        conn.prepare_cached("INSERT INTO forward_late (id, series_id, t_from, t_to, crc) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for Late { id, series, range } in joined.into_values() {
        let (series, from, to) = (i64::from(series.0), range.from().millis(), range.to().millis());
        insert.execute((id, series, from, to, late_checksum(series, from, to)))?;
    }
    Ok(())
}

/// Deletes the notes that all engines have dealt with; all of them where there is no engine.
fn forget_notes(conn: &Connection) -> Result<(), StoreError> {
    // The newest one stays: without it the next one would get a number that is passed already.
    let sql = "DELETE FROM forward_late WHERE id <= (SELECT min(late) FROM forward_engine) AND id < (SELECT max(id) FROM forward_late)";
    conn.prepare_cached(sql)?.execute([])?;
    conn.prepare_cached("DELETE FROM forward_late WHERE NOT EXISTS (SELECT 1 FROM forward_engine)")?.execute([])?;
    Ok(())
}

/// Verifies every row.
pub(super) fn verify(conn: &Connection) -> Result<(), StoreError> {
    if !places(conn)?.is_empty() {
        late(conn, i64::MIN, u32::MAX)?;
    }
    Ok(())
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

/// The place of an engine that is new: from the first sample on, and what is noted is before it anyway.
fn anew(conn: &Connection, key: &ForwardKey) -> Result<Place, StoreError> {
    let newest: Option<i64> = conn.query_row("SELECT max(id) FROM forward_late", [], |row| row.get(0))?;
    let (target, tenant) = (key.target.clone(), Some(key.tenant.clone()));
    Ok(Place { target, tenant, claimed: 0, safe: 0, late: newest.unwrap_or(0) })
}

fn place(conn: &Connection, key: &ForwardKey) -> Result<Option<Place>, StoreError> {
    Ok(places(conn)?.into_iter().find(|place| place.is_of(key)))
}

/// Every engine. A file of schema 4 knew no tenants, and an older one no engines.
fn places(conn: &Connection) -> Result<Vec<Place>, StoreError> {
    let is_there = |table: &str| conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = ?1")?.exists([table]);
    let sql = if is_there("forward_engine")? {
        "SELECT target, tenant, claimed, safe, late, crc FROM forward_engine ORDER BY id"
    } else if is_there("forward")? {
        "SELECT target, NULL, claimed, safe, 0, crc FROM forward"
    } else {
        return Ok(Vec::new());
    };
    let mut select = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| -> Result<Place, StoreError> {
        let (target, tenant) = (row.get(0)?, row.get(1)?);
        let place = Place { target, tenant, claimed: row.get(2)?, safe: row.get(3)?, late: row.get(4)? };
        match checksum(&place) == row.get::<_, i64>(5)? {
            true => Ok(place),
            false => Err(StoreError::damaged(format!("the cursor of `{}` does not match its checksum", place.target))),
        }
    };
    select.query_and_then([], read)?.collect()
}

fn write(conn: &Connection, place: &Place) -> Result<(), StoreError> {
    let Place { target, tenant, claimed, safe, late } = place;
    let sql = "INSERT INTO forward_engine (target, tenant, claimed, safe, late, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (target, tenant) DO UPDATE SET claimed = ?3, safe = ?4, late = ?5, crc = ?6";
    conn.prepare_cached(sql)?.execute((target, tenant, claimed, safe, late, checksum(place)))?;
    Ok(())
}

/// What schema 4 wrote has its checksum still.
fn checksum(place: &Place) -> i64 {
    let known = RowChecksum::of("forward").text(&place.target).ints([place.claimed, place.safe]);
    match (&place.tenant, place.late) {
        (None, 0) => known.stored(),
        (tenant, late) => known.optional_text(tenant.as_deref()).int(late).stored(),
    }
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

    fn engine(host: &str, tenant: &str) -> ForwardKey {
        ForwardKey { target: format!("http://{host}"), tenant: tenant.to_owned() }
    }

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
        let mut cursor = ForwardCursor::open(&path, &engine("vm", "")).unwrap();
        assert_eq!(cursor.safe().unwrap(), (Timestamp::MIN, 0));
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
        let again = ForwardCursor::open(&path, &engine("vm", "")).unwrap();
        assert_eq!(again.safe().unwrap(), (Timestamp::from_millis(T0 + 90), late[1].id));
        assert_eq!(claimed(&again.conn).unwrap(), Some(T0 + 100));
    }

    /// The samples that were late for an engine that was down were forgotten when the other one had them; two tenants of one had one cursor.
    #[test]
    fn each_engine_and_each_tenant_goes_its_own_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.append(&batch(&[(0, 0), (1, 0)]), OnConflict::Keep).unwrap();
        let keys = [engine("vm", "a"), engine("vm", "b"), engine("other", "")];
        store.forward_to(&keys).unwrap();
        let [mut a, mut b, other] = keys.each_ref().map(|key| ForwardCursor::open(&path, key).unwrap());
        a.claim(Timestamp::from_millis(T0 + 100)).unwrap();
        b.claim(Timestamp::from_millis(T0 + 50)).unwrap();
        store.append(&batch(&[(0, 20), (1, 70)]), OnConflict::Keep).unwrap();
        store.append(&batch(&[(0, 30)]), OnConflict::Keep).unwrap();
        let notes = a.late(0, 9).unwrap();
        assert_eq!(notes.len(), 3, "what is late for the one that is furthest is noted");
        a.keep(Timestamp::from_millis(T0 + 100), notes[2].id).unwrap();
        assert_eq!(a.safe().unwrap(), (Timestamp::from_millis(T0 + 100), notes[2].id));
        assert_eq!((b.safe().unwrap(), b.late(0, 9).unwrap()), ((Timestamp::MIN, 0), notes.clone()));
        b.keep(Timestamp::from_millis(T0 + 50), notes[0].id).unwrap();
        assert_eq!(unsent_from(&b.conn).unwrap(), Some(Timestamp::MIN), "the other one has nothing yet");
        drop(other);
        store.forward_to(&keys[..2]).unwrap();
        assert_eq!(b.late(0, 9).unwrap(), notes[1..], "nobody waits for who is not named any more");
        assert_eq!(unsent_from(&b.conn).unwrap(), Some(Timestamp::from_millis(T0 + 30)));
        b.keep(Timestamp::from_millis(T0 + 100), notes[2].id).unwrap();
        assert_eq!(unsent_from(&b.conn).unwrap(), Some(Timestamp::from_millis(T0 + 100)));
        // One that comes back begins anew, and needs no notes: all that is there is before it.
        store.forward_to(&keys).unwrap();
        let other = ForwardCursor::open(&path, &keys[2]).unwrap();
        assert_eq!(other.safe().unwrap(), (Timestamp::MIN, notes[2].id));
        store.forward_to(&[]).unwrap();
        assert_eq!((claimed(&other.conn).unwrap(), other.late(0, 9).unwrap()), (None, Vec::new()));
        store.close().unwrap();
        assert!(check(&path).unwrap().problems.is_empty());
    }

    /// An engine that was down for weeks made the table grow with every late sample.
    #[test]
    fn notes_that_nobody_takes_are_joined_and_none_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        let keys = [engine("up", ""), engine("down", "")];
        store.forward_to(&keys).unwrap();
        let [mut up, down] = keys.each_ref().map(|key| ForwardCursor::open(&path, key).unwrap());
        up.claim(Timestamp::from_millis(T0)).unwrap();
        let (mut noted, mut taken) = (0, 0);
        let mut ends: HashMap<SeriesId, TimeRange> = HashMap::new();
        for round in 0..100 {
            let moment = |i: i64| T0 + (i * 7_919 + round) % 1_000_000;
            let notes: Vec<_> =
                (0..2_000).map(|i| (SeriesId(1 + (i % 500) as u32), moment(i), moment(i) + 9)).collect();
            for (series, first, last) in &notes {
                let new = TimeRange::new(Timestamp::from_millis(*first), Timestamp::from_millis(last + 1)).unwrap();
                let known = ends.entry(*series).or_insert(new);
                *known = TimeRange::new(known.from().min(new.from()), known.to().max(new.to())).unwrap();
            }
            store.transact(|conn, _| note(conn, notes)).unwrap();
            noted += 2_000;
            let new = up.late(taken, u32::MAX).unwrap();
            assert!(new.len() <= 2_000, "the one that is up is sent nothing again: {}", new.len());
            taken = new.last().unwrap().id;
            assert_eq!(taken, noted);
            up.keep(Timestamp::from_millis(T0), taken).unwrap();
        }
        let left = down.late(0, u32::MAX).unwrap();
        assert!(left.len() <= NOTES_MAX + NOTES_A_LOOK as usize + 2_000, "{}", left.len());
        for late in &left {
            let known = ends[&late.series];
            assert!(known.from() <= late.range.from() && late.range.to() <= known.to());
        }
        for (series, range) in ends {
            let of_series = || left.iter().filter(|late| late.series == series).map(|late| late.range);
            assert_eq!(of_series().map(|r| r.from()).min(), Some(range.from()));
            assert_eq!(of_series().map(|r| r.to()).max(), Some(range.to()));
        }
        store.close().unwrap();
        assert!(check(&path).unwrap().problems.is_empty());
    }

    #[test]
    fn a_recovered_file_goes_on_where_the_damaged_one_was() {
        let dir = tempfile::tempdir().unwrap();
        let (path, out) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.append(&batch(&[(5, 0), (1, 0)]), OnConflict::Keep).unwrap();
        let mut cursor = ForwardCursor::open(&path, &engine("vm", "a")).unwrap();
        cursor.claim(Timestamp::from_millis(T0 + 100)).unwrap();
        store.append(&batch(&[(1, 10)]), OnConflict::Keep).unwrap();
        store.append(&batch(&[(1, 20), (5, 30)]), OnConflict::Keep).unwrap();
        let _slow = ForwardCursor::open(&path, &engine("slow", "")).unwrap();
        cursor.keep(Timestamp::from_millis(T0 + 90), 1).unwrap();
        store.forward_to(&[engine("vm", "a")]).unwrap();
        assert_eq!(unsent_from(&cursor.conn).unwrap(), Some(Timestamp::from_millis(T0 + 20)));
        store.close().unwrap();
        assert!(super::super::recover(&path, &out).unwrap().lost.is_empty());
        let again = ForwardCursor::open(&out, &engine("vm", "a")).unwrap();
        assert_eq!(again.safe().unwrap(), (Timestamp::from_millis(T0 + 90), 0));
        assert_eq!(claimed(&again.conn).unwrap(), Some(T0 + 100));
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
