-- Schema 3: what was run by the clock, and what of it waits to be delivered.
--
-- Why it is cut this way: a run is made in three steps, each of which is in the file before the next begins, so that a process that is killed between
-- two of them knows where to go on: it is claimed (`job_run`, queued), its report is made and all of its messages are written down (`outbox`, in
-- the transaction that says so in `job_run`), each message is said to be on its way before its last byte is handed over, and to have arrived after.
-- A message that was on its way when the process died is never sent again: whether it arrived is not known, and the ledger says so.
-- These tables are written beside a recorder, in short transactions of their own; nothing of the samples depends on them. No secret is in them.

-- A batch of the configuration by its name. handled: runs due at or before it are in job_run.
CREATE TABLE job (
    name    TEXT PRIMARY KEY,
    handled INTEGER NOT NULL,
    crc     INTEGER NOT NULL
) WITHOUT ROWID;

-- The ledger: a row for each run, and of a batch that makes several reports for each of them. due: when it was to run, or was asked for by hand.
-- part: the node or group it is of, '' for all. occasion: schedule or hand. range_from, range_to: half-open, ms. state: queued (being made, held, or
-- with messages on their way), sent (all is where it is wanted), skipped, failed, missed. started, finished: ms. took_ms: of making the report.
-- recipients: a JSON array. note: why, in words.
CREATE TABLE job_run (
    id         INTEGER PRIMARY KEY,
    job        TEXT NOT NULL,
    due        INTEGER NOT NULL,
    part       TEXT NOT NULL DEFAULT '',
    occasion   TEXT NOT NULL,
    range_from INTEGER NOT NULL,
    range_to   INTEGER NOT NULL,
    state      TEXT NOT NULL,
    started    INTEGER,
    finished   INTEGER,
    took_ms    INTEGER,
    output     TEXT,
    bytes      INTEGER,
    sha256     TEXT,
    recipients TEXT NOT NULL DEFAULT '[]',
    note       TEXT,
    crc        INTEGER NOT NULL,
    UNIQUE (job, due, part)
);
CREATE INDEX job_run_state ON job_run (state) WHERE state = 'queued';

-- Messages of runs. way: mail, or webhook NAME (its address is in the configuration only). state: ready, sending (its last byte may be with the
-- server), sent, failed, unsure (it was sending when the process or the connection ended). next_at: not before, ms. payload: the whole message, NULL
-- once it is sent.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL REFERENCES job_run(id),
    way        TEXT NOT NULL,
    recipients TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    error      TEXT,
    payload    BLOB,
    crc        INTEGER NOT NULL
);
CREATE INDEX outbox_run ON outbox (run_id);
CREATE INDEX outbox_waiting ON outbox (next_at) WHERE state IN ('ready', 'sending');
