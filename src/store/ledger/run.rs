use rusqlite::{Connection, Params, Row};
use serde::Serialize;

use super::super::StoreError;
use super::super::checksum::RowChecksum;
use crate::model::{TimeRange, Timestamp};

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// To be made, held, or on its way.
    Queued,
    /// All of it is where it is wanted.
    Sent,
    /// Its condition said no.
    Skipped,
    /// It could not be made, or not all of it be delivered.
    Failed,
    /// Nobody was there when it was due.
    Missed,
}

impl RunState {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Queued => "queued",
            RunState::Sent => "sent",
            RunState::Skipped => "skipped",
            RunState::Failed => "failed",
            RunState::Missed => "missed",
        }
    }

    fn parse(text: &str) -> Option<RunState> {
        use RunState::{Failed, Missed, Queued, Sent, Skipped};
        [Queued, Sent, Skipped, Failed, Missed].into_iter().find(|state| state.as_str() == text)
    }
}

/// Why a run came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// Its time had come.
    Schedule,
    /// Somebody asked for it.
    Hand,
}

impl Occasion {
    const fn as_str(self) -> &'static str {
        match self {
            Occasion::Schedule => "schedule",
            Occasion::Hand => "hand",
        }
    }

    fn parse(text: &str) -> Option<Occasion> {
        [Occasion::Schedule, Occasion::Hand].into_iter().find(|occasion| occasion.as_str() == text)
    }
}

/// A run that is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// When it was to run.
    pub due: Timestamp,
    /// Node or group; empty for all.
    pub part: String,
    /// Why it came to be.
    pub occasion: Occasion,
    /// Time that it tells of.
    pub range: TimeRange,
    /// Queued or missed.
    pub state: RunState,
}

/// What became of a run that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What became of it, if all its messages arrive.
    pub state: RunState,
    /// When it was begun.
    pub started: Timestamp,
    /// When that was over.
    pub finished: Timestamp,
    /// File that was written.
    pub output: Option<String>,
    /// Bytes of the report.
    pub bytes: Option<u64>,
    /// SHA-256 of the report, in hex.
    pub sha256: Option<String>,
    /// Who is to get it.
    pub recipients: Vec<String>,
    /// Why, in words.
    pub note: Option<String>,
}

impl Made {
    /// A run that came to nothing.
    pub fn nothing(state: RunState, started: Timestamp, finished: Timestamp, note: String) -> Made {
        let (output, bytes, sha256) = (None, None, None);
        Made { state, started, finished, output, bytes, sha256, recipients: Vec::new(), note: Some(note) }
    }

    pub(super) fn write_into(&self, run: &mut JobRun) {
        run.state = self.state;
        run.started = Some(self.started);
        run.finished = Some(self.finished);
        run.took_ms = Some(self.finished.millis() - self.started.millis());
        run.output.clone_from(&self.output);
        run.bytes = self.bytes;
        run.sha256.clone_from(&self.sha256);
        run.recipients.clone_from(&self.recipients);
        run.note.clone_from(&self.note);
    }
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// Its number.
    pub id: i64,
    /// Name of the batch.
    pub job: String,
    /// When it was to run.
    pub due: Timestamp,
    /// Node or group; empty for all.
    pub part: String,
    /// Why it came to be.
    pub occasion: Occasion,
    /// Time that it tells of.
    pub range: TimeRange,
    /// What became of it.
    pub state: RunState,
    /// When it was begun.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// How long the report took to make.
    pub took_ms: Option<i64>,
    /// File that was written.
    pub output: Option<String>,
    /// Bytes of the report.
    pub bytes: Option<u64>,
    /// SHA-256 of the report, in hex.
    pub sha256: Option<String>,
    /// Who is to get it.
    pub recipients: Vec<String>,
    /// Why, in words.
    pub note: Option<String>,
}

impl JobRun {
    /// A run that nothing has become of yet.
    pub fn new(id: i64, job: &str, new: &NewRun) -> JobRun {
        JobRun {
            id,
            job: job.to_owned(),
            due: new.due,
            part: new.part.clone(),
            occasion: new.occasion,
            range: new.range,
            state: new.state,
            started: None,
            finished: None,
            took_ms: None,
            output: None,
            bytes: None,
            sha256: None,
            recipients: Vec::new(),
            note: None,
        }
    }

    fn checksum(&self) -> i64 {
        let ms = |t: Option<Timestamp>| t.map(Timestamp::millis);
        RowChecksum::of("job_run")
            .int(self.id)
            .text(&self.job)
            .int(self.due.millis())
            .text(&self.part)
            .text(self.occasion.as_str())
            .ints([self.range.from().millis(), self.range.to().millis()])
            .text(self.state.as_str())
            .optional_int(ms(self.started))
            .optional_int(ms(self.finished))
            .optional_int(self.took_ms)
            .optional_text(self.output.as_deref())
            .optional_int(self.bytes.map(u64::cast_signed))
            .optional_text(self.sha256.as_deref())
            .text(&texts(&self.recipients))
            .optional_text(self.note.as_deref())
            .stored()
    }

    /// `weekly`, `weekly of db-1`.
    pub fn name(&self) -> String {
        if self.part.is_empty() { self.job.clone() } else { format!("{} of {}", self.job, self.part) }
    }
}

/// A list of texts as JSON.
pub(super) fn texts(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}

const COLUMNS: &str = "id, job, due, part, occasion, range_from, range_to, state, started, finished, took_ms, output, bytes, sha256, \
                       recipients, note, crc";

pub(super) fn insert(conn: &Connection, job: &str, new: &NewRun) -> Result<(), StoreError> {
    let mut exists = conn.prepare_cached("SELECT 1 FROM job_run WHERE job = ?1 AND due = ?2 AND part = ?3")?;
    if exists.exists((job, new.due.millis(), &new.part))? {
        return Ok(());
    }
    let id = conn.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM job_run")?.query_row([], |row| row.get(0))?;
    write(conn, &JobRun::new(id, job, new))
}

pub(super) fn write(conn: &Connection, run: &JobRun) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT OR REPLACE INTO job_run ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
    );
    conn.prepare_cached(&sql)?.execute(rusqlite::params![
        run.id,
        run.job,
        run.due.millis(),
        run.part,
        run.occasion.as_str(),
        run.range.from().millis(),
        run.range.to().millis(),
        run.state.as_str(),
        run.started.map(Timestamp::millis),
        run.finished.map(Timestamp::millis),
        run.took_ms,
        run.output,
        run.bytes.map(u64::cast_signed),
        run.sha256,
        texts(&run.recipients),
        run.note,
        run.checksum(),
    ])?;
    Ok(())
}

/// Changes a run.
pub(super) fn update(conn: &Connection, id: i64, change: impl FnOnce(&mut JobRun)) -> Result<(), StoreError> {
    let Some(mut run) = select(conn, "WHERE id = ?1", [id])?.into_iter().next() else { return Ok(()) };
    change(&mut run);
    write(conn, &run)
}

pub(super) fn select(conn: &Connection, which: &str, parameters: impl Params) -> Result<Vec<JobRun>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM job_run {which}"))?;
    let mut rows = select.query(parameters)?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(read(row)?);
    }
    Ok(runs)
}

fn read(row: &Row<'_>) -> Result<JobRun, StoreError> {
    let time = |i| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(i)?.map(Timestamp::from_millis));
    let id: i64 = row.get(0)?;
    let damaged = || StoreError::damaged(format!("row {id} of `job_run` does not match its checksum"));
    let (from, to) = (Timestamp::from_millis(row.get(5)?), Timestamp::from_millis(row.get(6)?));
    let run = JobRun {
        id,
        job: row.get(1)?,
        due: Timestamp::from_millis(row.get(2)?),
        part: row.get(3)?,
        occasion: Occasion::parse(&row.get::<_, String>(4)?).ok_or_else(damaged)?,
        range: TimeRange::new(from, to).ok_or_else(damaged)?,
        state: RunState::parse(&row.get::<_, String>(7)?).ok_or_else(damaged)?,
        started: time(8)?,
        finished: time(9)?,
        took_ms: row.get(10)?,
        output: row.get(11)?,
        bytes: row.get::<_, Option<i64>>(12)?.map(i64::cast_unsigned),
        sha256: row.get(13)?,
        recipients: serde_json::from_str(&row.get::<_, String>(14)?).map_err(|_| damaged())?,
        note: row.get(15)?,
    };
    if run.checksum() == row.get::<_, i64>(16)? { Ok(run) } else { Err(damaged()) }
}
