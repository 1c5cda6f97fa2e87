use rusqlite::{Connection, Params, Row};

use super::super::StoreError;
use super::super::checksum::RowChecksum;
use super::run::{self, RunState, texts};
use crate::model::Timestamp;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Here.
    Ready,
    /// Its last byte may be with the server.
    Sending,
    /// There.
    Sent,
    /// Refused.
    Failed,
    /// It was on its way when the process or the connection ended: here or there. It is never sent again.
    Unsure,
}

impl MessageState {
    const fn as_str(self) -> &'static str {
        match self {
            MessageState::Ready => "ready",
            MessageState::Sending => "sending",
            MessageState::Sent => "sent",
            MessageState::Failed => "failed",
            MessageState::Unsure => "unsure",
        }
    }

    fn parse(text: &str) -> Option<MessageState> {
        use MessageState::{Failed, Ready, Sending, Sent, Unsure};
        [Ready, Sending, Sent, Failed, Unsure].into_iter().find(|state| state.as_str() == text)
    }
}

/// A message that is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// `mail`, or `webhook NAME`.
    pub way: String,
    /// Who is to get it.
    pub recipients: Vec<String>,
    /// Its name in the world: the same message has the same, whoever sends it how often.
    pub message_id: String,
    /// The whole message.
    pub payload: Vec<u8>,
}

/// A message of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: i64,
    /// The run it is of.
    pub run_id: i64,
    /// `mail`, or `webhook NAME`.
    pub way: String,
    /// Who is to get it.
    pub recipients: Vec<String>,
    /// Its name in the world.
    pub message_id: String,
    /// Where it is.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: u32,
    /// Not before.
    pub next_at: Timestamp,
    /// Why it is not there.
    pub error: Option<String>,
    /// The whole message; nothing once it is there.
    pub payload: Option<Vec<u8>>,
}

/// What became of a try to send a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The server has taken it.
    Sent,
    /// It is to be tried again.
    Retry {
        /// Not before.
        at: Timestamp,
        /// Why.
        error: String,
    },
    /// It was refused, for good.
    Failed(String),
    /// Nobody knows.
    Unsure(String),
}

impl Message {
    fn checksum(&self) -> i64 {
        let payload = self.payload.as_deref().map(|bytes| i64::from(crc32c::crc32c(bytes)));
        RowChecksum::of("outbox")
            .ints([self.id, self.run_id])
            .text(&self.way)
            .text(&texts(&self.recipients))
            .text(&self.message_id)
            .text(self.state.as_str())
            .ints([i64::from(self.attempts), self.next_at.millis()])
            .optional_text(self.error.as_deref())
            .optional_int(payload)
            .stored()
    }
}

const COLUMNS: &str = "id, run_id, way, recipients, message_id, state, attempts, next_at, error, payload, crc";

pub(super) fn insert(conn: &Connection, run_id: i64, new: &NewMessage) -> Result<(), StoreError> {
    if conn.prepare_cached("SELECT 1 FROM outbox WHERE message_id = ?1")?.exists([&new.message_id])? {
        return Ok(());
    }
    let id = conn.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM outbox")?.query_row([], |row| row.get(0))?;
    write(
        conn,
        &Message {
            id,
            run_id,
            way: new.way.clone(),
            recipients: new.recipients.clone(),
            message_id: new.message_id.clone(),
            state: MessageState::Ready,
            attempts: 0,
            next_at: Timestamp::from_millis(0),
            error: None,
            payload: Some(new.payload.clone()),
        },
    )
}

pub(super) fn write(conn: &Connection, message: &Message) -> Result<(), StoreError> {
    let sql =
        format!("INSERT OR REPLACE INTO outbox ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    conn.prepare_cached(&sql)?.execute(rusqlite::params![
        message.id,
        message.run_id,
        message.way,
        texts(&message.recipients),
        message.message_id,
        message.state.as_str(),
        message.attempts,
        message.next_at.millis(),
        message.error,
        message.payload,
        message.checksum(),
    ])?;
    Ok(())
}

pub(super) fn count(conn: &Connection, run_id: i64) -> Result<u64, StoreError> {
    let mut count = conn.prepare_cached("SELECT count(*) FROM outbox WHERE run_id = ?1")?;
    Ok(count.query_row([run_id], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

pub(super) fn ready(conn: &Connection, now: Timestamp) -> Result<Vec<Message>, StoreError> {
    select(conn, "WHERE state = 'ready' AND next_at <= ?1 ORDER BY id", [now.millis()])
}

/// Changes a message.
pub(super) fn update(conn: &Connection, id: i64, change: impl FnOnce(&mut Message)) -> Result<(), StoreError> {
    let Some(mut message) = select(conn, "WHERE id = ?1", [id])?.into_iter().next() else { return Ok(()) };
    change(&mut message);
    write(conn, &message)
}

/// What a process that died was sending is neither here nor there for sure.
pub(super) fn settle_interrupted(conn: &Connection) -> Result<(), StoreError> {
    const WHY: &str = "interrupted while it was being sent: it may have arrived, and is not sent again";
    for message in select(conn, "WHERE state = 'sending'", [])? {
        settle(conn, message.id, &Settled::Unsure(WHY.to_owned()), message.next_at)?;
    }
    Ok(())
}

pub(super) fn settle(conn: &Connection, id: i64, settled: &Settled, now: Timestamp) -> Result<(), StoreError> {
    let mut run_id = None;
    update(conn, id, |message| {
        run_id = Some(message.run_id);
        let (state, error) = match settled {
            Settled::Sent => (MessageState::Sent, None),
            Settled::Retry { at, error } => {
                message.attempts += 1;
                message.next_at = *at;
                (MessageState::Ready, Some(error.clone()))
            }
            Settled::Failed(error) => (MessageState::Failed, Some(error.clone())),
            Settled::Unsure(error) => (MessageState::Unsure, Some(error.clone())),
        };
        (message.state, message.error) = (state, error);
        if !matches!(settled, Settled::Retry { .. }) {
            message.payload = None;
        }
    })?;
    run_id.map_or(Ok(()), |run_id| settle_run(conn, run_id, now))
}

/// A run is over when all its messages are.
fn settle_run(conn: &Connection, run_id: i64, now: Timestamp) -> Result<(), StoreError> {
    let messages = select(conn, "WHERE run_id = ?1 ORDER BY id", [run_id])?;
    let waits = |m: &&Message| matches!(m.state, MessageState::Ready | MessageState::Sending);
    let wrong = messages.iter().find(|m| matches!(m.state, MessageState::Failed | MessageState::Unsure));
    let waiting = messages.iter().find(waits);
    run::update(conn, run_id, |run| {
        let told = wrong.or(waiting).and_then(|m| m.error.clone().map(|e| format!("{}: {e}", m.way)));
        if waiting.is_none() {
            run.state = if wrong.is_some() { RunState::Failed } else { RunState::Sent };
            run.finished = Some(now.max(run.started.unwrap_or(now)));
        }
        match told {
            Some(told) => run.note = Some(told),
            // What was said of a try that failed does not hold any more.
            None if run.note.as_deref().is_some_and(|note| messages.iter().any(|m| note.starts_with(&m.way))) => {
                run.note = None;
            }
            None => {}
        }
    })
}

pub(super) fn select(conn: &Connection, which: &str, parameters: impl Params) -> Result<Vec<Message>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox {which}"))?;
    let mut rows = select.query(parameters)?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        messages.push(read(row)?);
    }
    Ok(messages)
}

fn read(row: &Row<'_>) -> Result<Message, StoreError> {
    let id: i64 = row.get(0)?;
    let damaged = || StoreError::damaged(format!("row {id} of `outbox` does not match its checksum"));
    let message = Message {
        id,
        run_id: row.get(1)?,
        way: row.get(2)?,
        recipients: serde_json::from_str(&row.get::<_, String>(3)?).map_err(|_| damaged())?,
        message_id: row.get(4)?,
        state: MessageState::parse(&row.get::<_, String>(5)?).ok_or_else(damaged)?,
        attempts: row.get(6)?,
        next_at: Timestamp::from_millis(row.get(7)?),
        error: row.get(8)?,
        payload: row.get(9)?,
    };
    if message.checksum() == row.get::<_, i64>(10)? { Ok(message) } else { Err(damaged()) }
}
