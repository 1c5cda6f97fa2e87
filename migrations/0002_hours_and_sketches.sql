-- Schema 2: hourly rows only where they are cheaper than the samples, and quantiles that outlive the samples.
--
-- A row of `rollup_1h` takes some 86 bytes, as much as 50 compressed samples: of samples a minute apart the rows were as large as the samples, of
-- samples 5 minutes apart four times as large (9.5 bytes a sample in all; 2.3 without them). So from now on a row is written when its hour is
-- sealed only where the chunk's window is a day at most (levels 0 to 3: samples up to 30 s apart). The hours of slower series are folded from
-- their chunks when they are asked for, which costs no more than reading the rows did; before retention deletes a chunk, the rows of its hours
-- are written that are not there yet. Days have their rows as before, of all series.
--
-- `nodebook sql` shows every hour: there `rollup_1h` is a temporary view over this table and the folded hours. Any other client sees in the table the
-- hours of fast series, and those of slow ones whose samples retention has deleted.
--
-- What schema 1 wrote stays as it is: where a slow series has both a chunk and a row of an hour, the row says the same, or, where samples were
-- pruned, more; the row is believed, and kept up to date. A build of schema 1 would take the missing rows for damage, so it is not to read this.

-- What a quantile sketch (DDSketch: Masson, Rim and Lee, VLDB 2019; relative error 1 %) keeps of the distribution of each hour whose samples retention
-- has deleted; nothing before that. A row holds the hours of one series in one UTC day: the smaller the rows, the more of a page is lost.
CREATE TABLE sketch_1h (
    id    INTEGER PRIMARY KEY,  -- day << 32 | series_id, where day counts from 1970
    bytes BLOB NOT NULL         -- bytes of src/codec, with encoding, format version and checksum over id and payload inside
);

-- The same of days whose hours were pruned: a row holds the days of one series in 32 days.
CREATE TABLE sketch_1d (
    id    INTEGER PRIMARY KEY,  -- span << 32 | series_id, where span counts 32 days each from 1970
    bytes BLOB NOT NULL
);
