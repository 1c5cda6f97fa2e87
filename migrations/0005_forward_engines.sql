-- Schema 5: samples are handed on to several engines, each at its own pace, and an engine's tenants are told apart.
--
-- Why it is cut this way: of two engines one may be down for days while the other takes everything, so each has a place of its own in time and among the
-- notes of what was stored late; a note goes when all of them have dealt with it. A table of a new name, as a build of schema 4 reads such a file still, and
-- would take rows of another form for damaged ones.

-- One row an engine and tenant. target: its address, without secrets. tenant: empty where none is named; NULL in a row that schema 4 wrote, which did not
-- tell: whoever hands on to that address next takes its place. claimed, safe: as before. late: every note up to this number has arrived there, and stayed.
CREATE TABLE forward_engine (
    id      INTEGER PRIMARY KEY,
    target  TEXT NOT NULL,
    tenant  TEXT,
    claimed INTEGER NOT NULL,
    safe    INTEGER NOT NULL,
    late    INTEGER NOT NULL,
    crc     INTEGER NOT NULL,
    UNIQUE (target, tenant)
);

INSERT INTO forward_engine (target, tenant, claimed, safe, late, crc) SELECT target, NULL, claimed, safe, 0, crc FROM forward;

DROP TABLE forward;
