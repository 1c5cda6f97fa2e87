use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use crate::model::{Annotation, Batch, SeriesId, Timestamp};

use super::bulk::Bulk;
use super::catalog::{Catalog, load_series};
use super::chunk::ChunkReader;
use super::file::Identity;
use super::head::{self, HeadWriter, NewRow};
use super::lock::WriterLock;
use super::prune::{self, Groups};
use super::retention::{Inventory, Plan, Policy, RetainedLayer};
use super::rollup::Resolution;
use super::run::{Run, count_conflict};
use super::schema;
use super::seal;
use super::setting::Setting;
use super::window::WindowSet;
use super::{ForwardKey, StoreError, StoreErrorKind, annotation, file, forward};

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Sync every commit (live recording) or only at checkpoints (bulk import).
    pub durability: Durability,
}

/// What power loss may cost. A killed process costs nothing that was committed, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    #[default]
    Full,
    /// The last commits.
    Normal,
}

/// What happens to a sample that is there already with another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// The new value wins and is counted as replaced (import).
    Replace,
    /// The stored value stays and the new one is counted as dropped (recorder).
    Keep,
}

/// What became of the samples of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// New.
    pub stored: u64,
    /// There already with the same value.
    pub duplicates: u64,
    /// There already with another value, which was replaced.
    pub replaced: u64,
    /// There already with another value, which was kept.
    pub dropped: u64,
}

impl WriteCounts {
    /// Adds what became of others.
    pub fn add(&mut self, other: WriteCounts) {
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.replaced += other.replaced;
        self.dropped += other.dropped;
    }
}

/// The one writer of a file. Holds its lock until it is closed or dropped.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    conn: Connection,
    /// `None` after a failed transaction: what memory says may then differ from the file.
    known: Option<Known>,
    durability: Durability,
    /// After an I/O error: what SQLite says of that connection from then on is not to be believed.
    broken: bool,
    /// The schema the file had when it was opened.
    found: i64,
    /// Empty buffers of imports, by series number.
    pub(super) runs: Vec<Run>,
    lock: WriterLock,
    identity: Identity,
}

/// What the writer keeps in memory of the file.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) catalog: Catalog,
    pub(super) windows: WindowSet,
    /// Samples at or after it are in no chunk.
    pub(super) sealed_until: i64,
}

impl Known {
    fn load(conn: &Connection) -> Result<Known, StoreError> {
        Ok(Known {
            catalog: Catalog::load(conn)?,
            windows: WindowSet::load(conn)?,
            sealed_until: Setting::SealedUntil.read(conn)?.unwrap_or(i64::MIN),
        })
    }
}

impl Store {
    /// Opens for writing, creates what is missing, carries an older schema forward, takes the writer's lock.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        Self::open_here(path, options.durability).map_err(|e| e.at(path))
    }

    fn open_here(path: &Path, durability: Durability) -> Result<Store, StoreError> {
        file::is_ours(path)?; // before anything is made beside it
        let lock = WriterLock::take(path)?;
        if !file::is_ours(path)? {
            file::create(path)?;
        }
        let (conn, found) = file::open_for_writing(path, durability)?;
        let (known, identity) = (Some(Known::load(&conn)?), Identity::of(path)?);
        let (path, runs) = (path.to_owned(), Vec::new());
        Ok(Store { path, conn, known, durability, broken: false, found, runs, lock, identity })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From which schema to which the file was carried when it was opened, where it was: an older build no longer writes it.
    pub fn carried_forward(&self) -> Option<(i64, i64)> {
        (self.found < schema::KNOWN).then_some((self.found, schema::KNOWN))
    }

    /// Writes a batch into the head, in one commit. A late sample (of a sealed window) waits there until the next seal.
    pub fn append(&mut self, batch: &Batch, on_conflict: OnConflict) -> Result<WriteCounts, StoreError> {
        self.transact(|conn, known| append(conn, known, batch, on_conflict))
    }

    /// Writes batches into the head as [`Store::append`] does, in one commit for all of them; says of each what became of it.
    pub fn append_all<'b>(
        &mut self,
        batches: impl IntoIterator<Item = &'b Batch>,
        on_conflict: OnConflict,
    ) -> Result<Vec<WriteCounts>, StoreError> {
        self.transact(|conn, known| batches.into_iter().map(|batch| append(conn, known, batch, on_conflict)).collect())
    }

    /// Starts a bulk import.
    pub fn bulk(&mut self) -> Bulk<'_> {
        Bulk::new(self)
    }

    /// Seals the full hours before `until`: moves their head rows into chunks and brings their rollups up to date. Returns samples
    /// sealed. Call it once an hour, some grace after the hour has ended; late samples are sealed with the next call.
    pub fn seal(&mut self, until: Timestamp) -> Result<u64, StoreError> {
        let until = until.floor_to(super::window::HOUR_MS).millis();
        let mut sealed = 0;
        while let Some(rows) = self.transact(|conn, known| known.seal_slice(conn, until))? {
            sealed += rows;
        }
        Ok(sealed)
    }

    /// Stores an event; the same one twice changes nothing.
    pub fn annotate(&mut self, annotation: &Annotation) -> Result<(), StoreError> {
        self.transact(|conn, _| annotation::write(conn, annotation))
    }

    /// To which engines is handed on from now on: those that are new begin with the first sample there is, and what was known of others is forgotten.
    pub fn forward_to(&mut self, engines: &[ForwardKey]) -> Result<(), StoreError> {
        self.transact(|conn, _| forward::settle(conn, engines))
    }

    /// What retention has to know of the file, to [`plan`](super::retention::plan) at `now`.
    pub fn inventory(&mut self, policy: &Policy, now: Timestamp) -> Result<Inventory, StoreError> {
        self.transact(|conn, known| prune::inventory(conn, &known.windows, policy, now))
    }

    /// Does what was planned under `policy`: a transaction a day or rollup and a slice of series, so that nobody waits
    /// long. Pages that come free are used again; [`Store::vacuum`] gives them back.
    pub fn prune(&mut self, policy: &Policy, plan: &Plan) -> Result<(), StoreError> {
        let groups = self.transact(|conn, _| Ok(Groups::of(&load_series(conn)?, policy)))?;
        for prune in plan {
            let members = groups.members(prune.group);
            let resolution = match prune.layer {
                RetainedLayer::Raw | RetainedLayer::SlowRaw => {
                    for day in prune::windows_of(&self.known()?.windows, prune) {
                        for slice in members.chunks(prune::series_a_slice(&day)) {
                            let are_last = slice.last() == members.last();
                            self.transact(|conn, known| {
                                prune::prune_windows(conn, &mut known.windows, &day, slice, are_last)
                            })?;
                        }
                    }
                    continue;
                }
                RetainedLayer::Hours => Resolution::Hour,
                RetainedLayer::Days => Resolution::Day,
            };
            for slice in members.chunks(prune::SERIES_A_SLICE) {
                self.transact(|conn, _| prune::prune_rollup(conn, resolution, slice, prune.before))?;
            }
        }
        Ok(())
    }

    /// Gives free pages back to the file system, in slices; returns bytes given back.
    pub fn vacuum(&mut self) -> Result<u64, StoreError> {
        prune::vacuum(&self.conn).map_err(|e| e.at(&self.path))
    }

    /// Checkpoints and closes: one file is left.
    pub fn close(self) -> Result<(), StoreError> {
        let Store { path, conn, lock, .. } = self;
        // A reader in the middle of something keeps the log: it is not worth waiting for.
        conn.busy_timeout(std::time::Duration::from_millis(500)).map_err(|e| StoreError::from(e).at(&path))?;
        file::checkpoint(&conn)
            .and_then(|()| Ok(conn.close().map_err(|(_, e)| e)?))
            .map_err(|e: StoreError| e.at(&path))?;
        drop(lock);
        Ok(())
    }

    /// Closes; a file that holds no series and no events is removed. For whoever had it made and found nothing to put into it.
    pub fn close_unless_empty(self) -> Result<(), StoreError> {
        let Store { path, conn, lock, .. } = self;
        let at = |e: StoreError| e.at(&path);
        let holds = "SELECT EXISTS (SELECT 1 FROM series) OR EXISTS (SELECT 1 FROM annotation)";
        let is_empty = !conn.query_row(holds, [], |row| row.get::<_, bool>(0)).map_err(|e| at(e.into()))?;
        file::checkpoint(&conn).and_then(|()| Ok(conn.close().map_err(|(_, e)| e)?)).map_err(at)?;
        if is_empty {
            file::remove(&path)?;
        }
        drop(lock);
        Ok(())
    }

    /// What is known of the file, loaded again if the last transaction failed.
    pub(super) fn known(&mut self) -> Result<&mut Known, StoreError> {
        if self.broken {
            (self.conn, _) = file::open_for_writing(&self.path, self.durability).map_err(|e| e.at(&self.path))?;
            self.broken = false;
        }
        match self.known {
            Some(ref mut known) => Ok(known),
            None => {
                let known = Known::load(&self.conn).map_err(|e| e.at(&self.path))?;
                Ok(self.known.insert(known))
            }
        }
    }

    /// Forgets what memory holds and the file may not.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// Changes what power loss may cost from now on; returns what it was.
    pub(super) fn set_durability(&mut self, durability: Durability) -> Result<Durability, StoreError> {
        file::set_durability(&self.conn, durability).map_err(|e| e.at(&self.path))?;
        Ok(std::mem::replace(&mut self.durability, durability))
    }

    /// Runs `work` in one transaction: all of it is in the file afterwards, or nothing.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Known) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.known()?;
        // SQLite goes on to write a file that has no name any more.
        if Identity::of(&self.path)? != self.identity {
            return Err(StoreError::Replaced { path: self.path.clone() });
        }
        let mut known = self.known.take();
        let Some(loaded) = known.as_mut() else { return Err(StoreError::damaged("no catalogue").at(&self.path)) };
        let run = || -> Result<T, StoreError> {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = transaction.total_changes();
            let done = work(&transaction, loaded)?;
            if transaction.total_changes() != before {
                schema::write_first_page(&transaction)?;
            }
            transaction.commit()?;
            Ok(done)
        };
        match run() {
            Ok(done) => {
                self.known = known; // not after an error: then it is loaded anew
                Ok(done)
            }
            Err(error) => {
                self.broken |= error.is_io();
                if error.kind() == StoreErrorKind::Full {
                    // The log takes more room than what it says: emptied into the file, it makes some for the next try.
                    let _ = file::checkpoint(&self.conn);
                }
                Err(error.at(&self.path))
            }
        }
    }
}

impl Known {
    pub(super) fn seal_slice(&mut self, conn: &Connection, until: i64) -> Result<Option<u64>, StoreError> {
        let sealed = seal::seal_slice(conn, &mut self.windows, until)?;
        if sealed.is_some() {
            self.sealed_until = Setting::SealedUntil.read(conn)?.unwrap_or(i64::MIN);
        }
        Ok(sealed)
    }
}

fn append(
    conn: &Connection,
    known: &mut Known,
    batch: &Batch,
    on_conflict: OnConflict,
) -> Result<WriteCounts, StoreError> {
    let mut ids = Vec::with_capacity(batch.keys.len());
    for (i, key) in batch.keys.iter().enumerate() {
        ids.push(known.catalog.resolve(key, batch.meta.get(i).and_then(Option::as_ref))?);
    }
    known.catalog.write(conn)?;
    let mut rows = Vec::with_capacity(batch.samples.len());
    for (index, sample) in &batch.samples {
        let series = ids.get(*index as usize).ok_or(StoreError::UnknownSeries { id: *index })?;
        rows.push((sample.ts.millis(), *series, sample.value));
    }
    rows.sort_by_key(|(ts, series, _)| (*ts, *series)); // stable: of several at one time the later stays the later
    note_late(conn, &rows)?;
    let mut writer = HeadAppend::new(conn, known, on_conflict)?;
    writer.push_sorted(&rows)?;
    Ok(writer.counts)
}

/// Notes which of the rows, sorted by time, an engine that is handed on to has passed already.
fn note_late(conn: &Connection, rows: &[NewRow]) -> Result<(), StoreError> {
    let Some(claimed) = forward::claimed(conn)? else { return Ok(()) };
    let late = &rows[..rows.partition_point(|(ts, ..)| *ts < claimed)];
    let mut ends: BTreeMap<SeriesId, (i64, i64)> = BTreeMap::new();
    for (ts, series, _) in late {
        ends.entry(*series).or_insert((*ts, *ts)).1 = *ts;
    }
    forward::note(conn, ends.into_iter().map(|(series, (first, last))| (series, first, last)))
}

/// Samples on their way into the head; looks into chunks only for late ones.
pub(super) struct HeadAppend<'a> {
    conn: &'a Connection,
    known: &'a Known,
    head: HeadWriter<'a>,
    chunks: ChunkReader<'a>,
    decoded: Vec<f64>,
    on_conflict: OnConflict,
    pub(super) counts: WriteCounts,
}

impl<'a> HeadAppend<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        known: &'a Known,
        on_conflict: OnConflict,
    ) -> Result<HeadAppend<'a>, StoreError> {
        Ok(HeadAppend {
            conn,
            known,
            head: HeadWriter::new(conn)?,
            chunks: ChunkReader::new(conn),
            decoded: Vec::new(),
            on_conflict,
            counts: WriteCounts::default(),
        })
    }

    /// Takes samples by time and series.
    fn push_sorted(&mut self, rows: &[NewRow]) -> Result<(), StoreError> {
        if let Some((ts, ..)) = rows.iter().find(|(ts, ..)| !Timestamp::from_millis(*ts).is_storable()) {
            return Err(StoreError::Time { ms: *ts });
        }
        let newest = head::last_time(self.conn)?.unwrap_or(i64::MIN).max(self.known.sealed_until.saturating_sub(1));
        let (known, new) = rows.split_at(rows.partition_point(|(ts, ..)| *ts <= newest));
        for (ts, series, value) in known {
            self.push(*series, *ts, *value)?;
        }
        // What is newer than all that is there can only be in the way of itself.
        for (i, run) in new.chunk_by(|a, b| (a.0, a.1) != (b.0, b.1)).enumerate() {
            let (again, run) = run.split_at(usize::from(i > 0));
            for (ts, series, value) in again {
                self.push(*series, *ts, *value)?;
            }
            self.head.insert_new(run)?;
            self.counts.stored += run.len() as u64;
        }
        Ok(())
    }

    pub(super) fn push(&mut self, series: SeriesId, ts: i64, value: f64) -> Result<(), StoreError> {
        if !Timestamp::from_millis(ts).is_storable() {
            return Err(StoreError::Time { ms: ts });
        }
        if ts < self.known.sealed_until {
            return self.push_late(series, ts, value);
        }
        match self.head.insert(series, ts, value)? {
            None => self.counts.stored += 1,
            Some(stored) => self.conflict(series, ts, stored, value)?,
        }
        Ok(())
    }

    /// A sample of a time that is sealed: it may be in a chunk already. One in the head wins over the chunk.
    fn push_late(&mut self, series: SeriesId, ts: i64, value: f64) -> Result<(), StoreError> {
        if let Some(stored) = self.head.find(series, ts)? {
            return self.conflict(series, ts, stored, value);
        }
        match self.sealed(series, ts)? {
            None => {
                self.counts.stored += 1;
                self.head.insert(series, ts, value)?;
            }
            Some(stored) if stored.to_bits() == value.to_bits() => self.counts.duplicates += 1,
            Some(_) if self.on_conflict == OnConflict::Keep => self.counts.dropped += 1,
            Some(_) => {
                self.counts.replaced += 1;
                self.head.insert(series, ts, value)?;
            }
        }
        Ok(())
    }

    fn conflict(&mut self, series: SeriesId, ts: i64, stored: f64, value: f64) -> Result<(), StoreError> {
        if stored.to_bits() != value.to_bits() && self.on_conflict == OnConflict::Keep {
            self.counts.dropped += 1;
            return Ok(());
        }
        count_conflict(&mut self.counts, stored, value);
        if stored.to_bits() != value.to_bits() {
            self.head.replace(series, ts, value)?;
        }
        Ok(())
    }

    fn sealed(&mut self, series: SeriesId, ts: i64) -> Result<Option<f64>, StoreError> {
        let Some(window) = self.known.windows.find(self.conn, series, ts)? else { return Ok(None) };
        let found = self.chunks.value_at(window, series, ts, &mut self.decoded)?;
        Ok(found)
    }
}

/// The latest time in the head, for the bulk import's decision what is new enough to wait there.
pub(super) fn head_last(conn: &Connection) -> Result<Option<i64>, StoreError> {
    head::last_time(conn)
}
