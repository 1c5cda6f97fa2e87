//! The ledger of runs and the outbox of their messages. Written without the recorder's lock, in short transactions of its own: it touches no sample, and nothing
//! that a recorder keeps in memory. One process at a time runs batches of a file; it holds a lock of its own.

mod message;
mod run;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::checksum::RowChecksum;
use super::lock::WriterLock;
use super::{Durability, StoreError, file, schema};
use crate::model::Timestamp;

pub use message::{Message, MessageState, NewMessage, Settled};
pub use run::{JobRun, Made, NewRun, Occasion, RunState};

/// How long a recorder or an import may keep us waiting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The right to run batches of a file, and the way to write down what became of them.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    conn: Connection,
    _lock: WriterLock,
}

impl Ledger {
    /// Opens the ledger of an existing file, carries an older schema forward, takes the lock. What another process left half sent is settled.
    pub fn open(path: &Path) -> Result<Ledger, StoreError> {
        let opened = || {
            if !file::is_ours(path)? {
                return Err(StoreError::Missing { path: path.to_owned() });
            }
            let lock = WriterLock::take_for_batches(path)?;
            if schema::version(&file::open_read_only(path)?)? < schema::KNOWN {
                // Only a writer changes the schema: a recorder of an older build must not find it changed.
                let _writer = WriterLock::take(path)?;
                drop(file::open_for_writing(path, Durability::Full)?);
            }
            let (conn, _) = file::open_for_writing(path, Durability::Full)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            Ok(Ledger { path: path.to_owned(), conn, _lock: lock })
        };
        let mut ledger = opened().map_err(|e: StoreError| e.at(path))?;
        ledger.transact(message::settle_interrupted)?;
        Ok(ledger)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Up to when the runs of `job` are in the ledger; `None` for one that was never looked after.
    pub fn handled(&self, job: &str) -> Result<Option<Timestamp>, StoreError> {
        handled(&self.conn, job).map_err(|e| e.at(&self.path))
    }

    /// Writes down runs that have come, and that those of `job` up to `handled` (where it is by the clock) are now known. A run that is known stays as it is.
    pub fn claim(&mut self, job: &str, handled: Option<Timestamp>, runs: &[NewRun]) -> Result<(), StoreError> {
        self.transact(|conn| {
            runs.iter().try_for_each(|new| run::insert(conn, job, new))?;
            handled.map_or(Ok(()), |handled| raise_handled(conn, job, handled))
        })
    }

    /// Runs that are queued, in order of their moments: to be made, or with messages on their way.
    pub fn queued(&self) -> Result<Vec<JobRun>, StoreError> {
        run::select(&self.conn, "WHERE state = 'queued' ORDER BY due, id", []).map_err(|e| e.at(&self.path))
    }

    /// The latest runs, newest first; of `job`, or of all.
    pub fn history(&self, job: Option<&str>, limit: u32) -> Result<Vec<JobRun>, StoreError> {
        history(&self.conn, job, limit).map_err(|e| e.at(&self.path))
    }

    /// A run by its number.
    pub fn run(&self, id: i64) -> Result<Option<JobRun>, StoreError> {
        let found = run::select(&self.conn, "WHERE id = ?1", [id]).map_err(|e| e.at(&self.path))?;
        Ok(found.into_iter().next())
    }

    /// Says that a run stays queued, and why.
    pub fn hold(&mut self, id: i64, note: &str) -> Result<(), StoreError> {
        self.transact(|conn| run::update(conn, id, |run| run.note = Some(note.to_owned())))
    }

    /// Says what became of a run, and writes down its messages, in one commit: it is queued as long as one of them is on its way.
    pub fn made(&mut self, id: i64, made: &Made, messages: &[NewMessage]) -> Result<(), StoreError> {
        self.transact(|conn| {
            run::update(conn, id, |run| {
                made.write_into(run);
                if !messages.is_empty() && run.state == RunState::Sent {
                    run.state = RunState::Queued;
                }
            })?;
            messages.iter().try_for_each(|new| message::insert(conn, id, new))
        })
    }

    /// Whether a run has messages: it was made, and is on its way.
    pub fn has_messages(&self, id: i64) -> Result<bool, StoreError> {
        message::count(&self.conn, id).map(|count| count > 0).map_err(|e| e.at(&self.path))
    }

    /// Messages that may be sent at `now`, the oldest first.
    pub fn ready(&self, now: Timestamp) -> Result<Vec<Message>, StoreError> {
        message::ready(&self.conn, now).map_err(|e| e.at(&self.path))
    }

    /// To be said right before the last byte of a message is handed over.
    pub fn sending(&mut self, id: i64) -> Result<(), StoreError> {
        self.transact(|conn| message::update(conn, id, |message| message.state = MessageState::Sending))
    }

    /// Says what became of a message, and with it of its run.
    pub fn settle(&mut self, id: i64, settled: &Settled, now: Timestamp) -> Result<(), StoreError> {
        self.transact(|conn| message::settle(conn, id, settled, now))
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = transaction.total_changes();
            let done = work(&transaction)?;
            if transaction.total_changes() != before {
                schema::write_first_page(&transaction)?;
            }
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|e: StoreError| e.at(&self.path))
    }
}

/// Whether the file has a ledger: one of an older schema has none, and nothing was ever run of it.
fn is_there(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'job_run'")?.exists([])?)
}

pub(super) fn history(conn: &Connection, job: Option<&str>, limit: u32) -> Result<Vec<JobRun>, StoreError> {
    if !is_there(conn)? {
        return Ok(Vec::new());
    }
    run::select(conn, "WHERE ?1 IS NULL OR job = ?1 ORDER BY due DESC, id DESC LIMIT ?2", (job, limit))
}

/// When the next message waits to be sent, if one does.
pub(super) fn next_message(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    if !is_there(conn)? {
        return Ok(None);
    }
    let sql = "SELECT min(next_at) FROM outbox WHERE state IN ('ready', 'sending')";
    let next = conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, Option<i64>>(0))?;
    Ok(next.map(Timestamp::from_millis))
}

pub(super) fn handled(conn: &Connection, job: &str) -> Result<Option<Timestamp>, StoreError> {
    if !is_there(conn)? {
        return Ok(None);
    }
    let mut select = conn.prepare_cached("SELECT handled, crc FROM job WHERE name = ?1")?;
    match select.query_row([job], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
        Some((handled, crc)) if job_checksum(job, handled) != crc => {
            Err(StoreError::damaged(format!("job `{job}` does not match its checksum")))
        }
        found => Ok(found.map(|(handled, _): (i64, i64)| Timestamp::from_millis(handled))),
    }
}

fn raise_handled(conn: &Connection, job: &str, handled: Timestamp) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO job (name, handled, crc) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET handled = ?2, crc = ?3 WHERE handled < ?2",
    )?
    .execute((job, handled.millis(), job_checksum(job, handled.millis())))?;
    Ok(())
}

fn job_checksum(job: &str, handled: i64) -> i64 {
    RowChecksum::of("job").text(job).int(handled).stored()
}

/// Copies all of it into a new file: what was run is not run again, and what waits is sent.
pub(super) fn copy(from: &Connection, to: &Connection) -> Result<(), StoreError> {
    if !is_there(from)? {
        return Ok(());
    }
    for (job, handled) in jobs(from)? {
        raise_handled(to, &job, handled)?;
    }
    run::select(from, "", [])?.iter().try_for_each(|run| run::write(to, run))?;
    message::select(from, "", [])?.iter().try_for_each(|message| message::write(to, message))
}

/// Every job, and up to when its runs are known.
fn jobs(conn: &Connection) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let mut select = conn.prepare("SELECT name FROM job")?;
    let names = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let one = |name: String| Ok(handled(conn, &name)?.map(|handled| (name, handled)));
    names.into_iter().filter_map(|name| one(name).transpose()).collect()
}

/// Verifies every row.
pub(super) fn verify(conn: &Connection) -> Result<(), StoreError> {
    if is_there(conn)? {
        jobs(conn)?;
        run::select(conn, "", [])?;
        message::select(conn, "", [])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
