use std::ops::Range;

use rusqlite::Connection;

use crate::model::SeriesId;

use super::chunk::{ChunkEncoder, ChunkReader, EncodedChunk, drop_unused_times};
use super::rollup_update::RollupUpdate;
use super::run::{Run, Runs};
use super::window::{Window, WindowSet};
use super::{StoreError, WriteCounts};

/// A chunk that grew beyond this is cut into the windows of the level below: the interval was guessed wrong or has changed.
const CHUNK_SAMPLES_MAX: usize = 8192;

/// Samples of one series that go into one window.
struct Piece<'r> {
    window: Window,
    series: SeriesId,
    run: &'r Run,
    part: Range<usize>,
}

impl<'r> Piece<'r> {
    fn times(&self) -> &'r [i64] {
        &self.run.times[self.part.clone()]
    }

    fn values(&self) -> &'r [f64] {
        &self.run.values[self.part.clone()]
    }
}

/// Merges runs into chunks: the one place where chunks are made. Runs inside a transaction of the caller.
pub(super) struct ChunkWriter<'a> {
    conn: &'a Connection,
    windows: &'a mut WindowSet,
    rollups: RollupUpdate<'a>,
    counts: WriteCounts,
}

impl<'a> ChunkWriter<'a> {
    pub(super) fn new(conn: &'a Connection, windows: &'a mut WindowSet) -> ChunkWriter<'a> {
        ChunkWriter { conn, windows, rollups: RollupUpdate::new(conn), counts: WriteCounts::default() }
    }

    /// Merges `runs` (of different series) into the chunks and redoes the rollups of the hours that changed. A sample that is there already
    /// with another value is replaced.
    pub(super) fn write(mut self, runs: &Runs) -> Result<WriteCounts, StoreError> {
        let mut pieces = Vec::new();
        for (series, run) in runs {
            self.cut(*series, run, &mut pieces)?;
        }
        pieces.sort_by_key(|p| p.window); // stable: by series within a window, as the table is clustered
        for group in pieces.chunk_by(|a, b| a.window == b.window) {
            self.write_window(group[0].window, group)?;
        }
        self.rollups.write()?;
        Ok(self.counts)
    }

    fn cut<'r>(&self, series: SeriesId, run: &'r Run, pieces: &mut Vec<Piece<'r>>) -> Result<(), StoreError> {
        // A single sample tells no interval: the longest window, which is cut once it turns out too long.
        let level = run.interval().map_or(Window::LEVEL_MAX, Window::level_for);
        let mut from = 0;
        while from < run.len() {
            let window = self.windows.place(self.conn, series, run.times[from], level)?;
            let upto = from + run.times[from..].partition_point(|t| *t < window.end());
            pieces.push(Piece { window, series, run, part: from..upto });
            from = upto;
        }
        Ok(())
    }

    fn write_window(&mut self, window: Window, pieces: &[Piece<'_>]) -> Result<(), StoreError> {
        let existed = self.windows.contains(window);
        let mut encoder = ChunkEncoder::new(self.conn, window)?;
        let mut reader = ChunkReader::new(self.conn);
        let (mut encoded, mut replaced, mut oversized) = (Vec::new(), Vec::new(), Vec::new());
        let (mut merged, mut old_values) = (Run::default(), Vec::new());
        for piece in pieces {
            let old = if existed { reader.find(window, piece.series, &mut old_values)? } else { None };
            let old_times: &[i64] = old.as_ref().map_or(&[], |(_, times)| &times.times);
            let mut counts = WriteCounts::default();
            merged.merge(
                (old_times, if old.is_some() { &old_values } else { &[] }),
                (piece.times(), piece.values()),
                &mut counts,
            );
            self.counts.add(counts);
            if counts.stored + counts.replaced == 0 {
                continue; // nothing new: imported twice
            }
            if old.is_some() {
                replaced.push(window.chunk_id(piece.series));
            }
            if merged.len() > CHUNK_SAMPLES_MAX && window.level() > 0 {
                oversized.push((piece.series, std::mem::take(&mut merged)));
                continue;
            }
            self.rollups.take(window, piece.series, &merged, piece.times())?;
            encoded.push(encoder.encode(piece.series, &merged));
        }
        self.store(window, &mut encoder, &encoded, &replaced)?;
        self.split(window, &oversized)
    }

    /// Old rows go first, then the new ones come in order: where the window is the newest they are appended to the table's end,
    /// which leaves its pages full.
    fn store(
        &mut self,
        window: Window,
        encoder: &mut ChunkEncoder,
        encoded: &[EncodedChunk],
        replaced: &[i64],
    ) -> Result<(), StoreError> {
        let mut delete = self.conn.prepare_cached("DELETE FROM chunk WHERE id = ?1")?;
        for id in replaced {
            delete.execute([id])?;
        }
        encoder.write_times(self.conn)?;
        for chunk in encoded {
            chunk.insert(self.conn)?;
        }
        if !replaced.is_empty() {
            drop_unused_times(self.conn, window)?;
        }
        if !encoded.is_empty() {
            self.windows.insert(window);
        } else if !replaced.is_empty() {
            self.windows.forget_if_empty(self.conn, window)?;
        }
        Ok(())
    }

    /// Writes chunks that outgrew `window` into windows of the level below. Their old rows are gone by now.
    fn split(&mut self, window: Window, oversized: &[(SeriesId, Run)]) -> Result<(), StoreError> {
        let Some(level) = window.level().checked_sub(1) else { return Ok(()) };
        let mut pieces = Vec::new();
        for (series, run) in oversized {
            let mut from = 0;
            while from < run.len() {
                let window = Window::holding(run.times[from], level);
                let upto = from + run.times[from..].partition_point(|t| *t < window.end());
                pieces.push(Piece { window, series: *series, run, part: from..upto });
                from = upto;
            }
        }
        pieces.sort_by_key(|p| p.window);
        let counts = self.counts; // these samples were counted where they were merged
        for group in pieces.chunk_by(|a, b| a.window == b.window) {
            self.write_window(group[0].window, group)?;
        }
        self.counts = counts;
        Ok(())
    }
}
