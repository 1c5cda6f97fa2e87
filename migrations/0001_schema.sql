-- Schema 1: the first one. A released migration is never edited; what changes comes as the next number.
--
-- Why it is cut this way: recent samples are plain rows that any SQLite client reads (`sample`, the head), the past is compressed
-- runs of one series in one window of time (`chunk`), and what long ranges ask for is kept as plain rows too (`rollup_1h`, `rollup_1d`).
-- Times are milliseconds since 1970-01-01T00:00:00Z. `application_id` is 0x6e64626b ("ndbk"), `user_version` is the schema's number.
--
-- `crc` in every table is the CRC-32C of the row's other columns (store/checksum.rs says how), as a signed 32-bit integer: SQLite itself
-- would read a flipped bit as another number. A row whose checksum does not fit is an error, never a value. The last 4 bytes of every page
-- are reserved for a checksum of the page (store/page_checksum.rs): what is damaged may be a key or a pointer, and no row then says so.

-- A machine or member of the cluster.
CREATE TABLE node (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    crc  INTEGER NOT NULL
);

-- A named quantity in one unit. kind: gauge or counter. unit, help: as a source said, else NULL.
CREATE TABLE metric (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    unit TEXT,
    help TEXT,
    crc  INTEGER NOT NULL
);

-- A metric of a node under a label set. labels: a JSON object of strings with sorted keys, or '' for none. id < 2^32.
CREATE TABLE series (
    id        INTEGER PRIMARY KEY,
    node_id   INTEGER NOT NULL REFERENCES node(id),
    metric_id INTEGER NOT NULL REFERENCES metric(id),
    labels    TEXT NOT NULL DEFAULT '',
    crc       INTEGER NOT NULL,
    UNIQUE (node_id, metric_id, labels)
);

-- The head: samples that are not sealed yet, and late samples of what is sealed (they win over the chunk until they are merged into it).
-- Clustered by time, so that a scrape is one append. value: NULL where SQLite has no such number (NaN) or changes it (-0.0);
-- bits: then the 64 bits of the double as a signed integer, else NULL. So avg(value) passes over NaN, and nothing is lost.
CREATE TABLE sample (
    ts        INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    value     REAL,
    bits      INTEGER,
    crc       INTEGER NOT NULL,
    PRIMARY KEY (ts, series_id)
) WITHOUT ROWID;

-- Sealed samples of one series in one window. id = hour << 35 | level << 32 | series_id, where hour is the window's start in hours since
-- 1970 and level its length: 0 = 1 h, 1 = 4 h, 2 = 8 h, 3 = 1 d, 4 = 2 d, 5 = 8 d, 6 = 32 d, all aligned to 1970. So the table is clustered by
-- time without an index: a stretch of time is one read, dropping it one range delete. The windows of one series never overlap; which
-- level is taken follows its sampling interval, so that a chunk holds some 1,900 to 3,600 samples.
CREATE TABLE chunk (
    id       INTEGER PRIMARY KEY,
    n        INTEGER NOT NULL,   -- samples, NaN ones too
    nan      INTEGER NOT NULL,   -- samples that are NaN; what follows is of the others, NULL where there is none
    min      REAL,
    max      REAL,
    sum      REAL,               -- NULL too where it is no number (infinities of both signs)
    first    REAL,
    last     REAL,
    increase REAL,               -- growth of a counter from first to last, resets handled
    times    INTEGER NOT NULL,   -- low 32 bits of the id in chunk_time
    crc      INTEGER NOT NULL,   -- of all columns but `vals`, and of the bytes of the times
    vals     BLOB NOT NULL       -- the values: bytes of src/codec, with encoding, format version and checksum over id and payload inside
);

-- The times of a chunk, kept once for all series of the same scrapes. id = hour << 35 | level << 32 | number within the window.
CREATE TABLE chunk_time (
    id    INTEGER PRIMARY KEY,
    n     INTEGER NOT NULL,      -- how many
    first INTEGER NOT NULL,      -- the earliest
    last  INTEGER NOT NULL,      -- the latest
    crc   INTEGER NOT NULL,      -- of the columns above
    bytes BLOB NOT NULL          -- bytes of src/codec; their checksum is over hour and level, not the number
);

-- Aggregates of the sealed samples of one series in one hour (UTC). t: start of the bucket. NaN samples are not counted; a bucket
-- without a number has no row. increase: growth inside the bucket from first to last, resets handled; the step from the
-- bucket before is last -> first of the two rows.
CREATE TABLE rollup_1h (
    series_id INTEGER NOT NULL,
    t         INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    sum       REAL,              -- NULL where it is no number
    min       REAL NOT NULL,
    max       REAL NOT NULL,
    first     REAL NOT NULL,
    last      REAL NOT NULL,
    increase  REAL,              -- NULL where it is no number
    crc       INTEGER NOT NULL,
    PRIMARY KEY (series_id, t)
) WITHOUT ROWID;

-- The same by UTC day, made of the hours.
CREATE TABLE rollup_1d (
    series_id INTEGER NOT NULL,
    t         INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    sum       REAL,
    min       REAL NOT NULL,
    max       REAL NOT NULL,
    first     REAL NOT NULL,
    last      REAL NOT NULL,
    increase  REAL,
    crc       INTEGER NOT NULL,
    PRIMARY KEY (series_id, t)
) WITHOUT ROWID;

-- An event that every chart shows. at, until: ms; until is NULL for a moment. node: glob of the nodes it concerns, NULL for all.
CREATE TABLE annotation (
    id    INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    until INTEGER,
    node  TEXT,
    text  TEXT NOT NULL,
    crc   INTEGER NOT NULL
);
CREATE INDEX annotation_at ON annotation (at);

-- What the store knows of itself (all integers; an absent key is as described):
--   min_reader       the oldest schema a build must know to read this file (absent: user_version)
--   sealed_until     every chunk's samples are before it, a full hour (absent: nothing is sealed)
--   pruned_raw       raw samples before it may have been pruned (absent: none were; each layer is pruned by itself)
--   pruned_1h        hourly rollups before it may have been pruned (absent: none were)
--   pruned_1d        daily rollups before it may have been pruned (absent: none were)
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL,
    crc   INTEGER NOT NULL
) WITHOUT ROWID;

-- What the query planner should believe from the first day, in any client: so many rows a series, so many series a moment. Without it a
-- stretch of time of all series (`t >= ? AND t < ?` on a key of series and t) would read the whole table instead of jumping
-- from series to series.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sample', 'sample', '1000000 2000 1'),
    ('rollup_1h', 'rollup_1h', '1000000 500 1'),
    ('rollup_1d', 'rollup_1d', '1000000 500 1');
