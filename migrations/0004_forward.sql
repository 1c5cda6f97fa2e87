-- Schema 4: how far a recorder has handed its samples on to an engine.
--
-- Why it is cut this way: the samples themselves are the queue, in order of their time; a queue beside them would write every sample twice. What a
-- position in time cannot tell is what was stored behind it later on: that is noted here, in the commit that stores it, by series and stretch of time.
-- A build that knows none of this reads the file as before, but is not to write it: it would not note what is late.

-- One row, of the engine that is handed on to. target: its address, without secrets. claimed: what is stored from now on with a time before it is
-- late. safe: everything before it has arrived there, and stayed; what is not late is sent from there on after a restart. Both ms.
CREATE TABLE forward (
    target  TEXT PRIMARY KEY,
    claimed INTEGER NOT NULL,
    safe    INTEGER NOT NULL,
    crc     INTEGER NOT NULL
) WITHOUT ROWID;

-- Samples of a series in [t_from, t_to) that were stored late, and are to be sent again.
CREATE TABLE forward_late (
    id        INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL,
    t_from    INTEGER NOT NULL,
    t_to      INTEGER NOT NULL,
    crc       INTEGER NOT NULL
);
