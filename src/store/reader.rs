use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::model::{Aggregate, Annotation, NodeName, Sample, Series, SeriesId, TimeRange, Timestamp};

use super::extent;
use super::fold::{Intake, fold};
use super::info::StoreInfo;
use super::ledger::{self, JobRun};
use super::outlived::{self, AllOutlived};
use super::retention::{Inventory, Policy};
use super::rollup::{self, Resolution};
use super::scan::{VisitRun, VisitTimes};
use super::setting::Setting;
use super::window::WindowSet;
use super::{StoreError, annotation, catalog, chunk, file, head, info, latest, prune, scan, schema};

/// Reads a file, whatever else is done with it. Everything a reader is asked is answered from one snapshot: the state of the
/// file when it was opened, or at the last [`Reader::snapshot`].
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    conn: Connection,
    windows: OnceCell<WindowSet>,
}

impl Reader {
    /// Opens an existing file for reading; creates and changes nothing.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        let conn = file::open_read_only(path)?;
        let mut reader = Reader { path: path.to_owned(), conn, windows: OnceCell::new() };
        reader.snapshot()?;
        Ok(reader)
    }

    /// Goes on with the file as it is now.
    pub fn snapshot(&mut self) -> Result<(), StoreError> {
        self.windows = OnceCell::new();
        let begin = || -> Result<(), StoreError> {
            if !self.conn.is_autocommit() {
                self.conn.execute_batch("COMMIT")?;
            }
            self.conn.execute_batch("BEGIN")?;
            schema::version(&self.conn)?; // a transaction takes its snapshot with its first read
            self.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
            Ok(())
        };
        begin().map_err(|e| e.at(&self.path))
    }

    /// Lets go of the state of the file until the next [`Reader::snapshot`]: while one is held, the log cannot be moved into the file, and grows.
    pub fn release(&mut self) -> Result<(), StoreError> {
        self.windows = OnceCell::new();
        if self.conn.is_autocommit() {
            return Ok(());
        }
        self.conn.execute_batch("COMMIT").map_err(|e| StoreError::from(e).at(&self.path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn windows(&self) -> Result<&WindowSet, StoreError> {
        if let Some(windows) = self.windows.get() {
            return Ok(windows);
        }
        let windows = WindowSet::load(&self.conn)?;
        Ok(self.windows.get_or_init(|| windows))
    }

    /// Every series, by id.
    pub fn series(&self) -> Result<Vec<Series>, StoreError> {
        catalog::load_series(&self.conn).map_err(|e| e.at(&self.path))
    }

    /// Every node, by name.
    pub fn nodes(&self) -> Result<BTreeSet<NodeName>, StoreError> {
        catalog::load_node_names(&self.conn).map_err(|e| e.at(&self.path))
    }

    /// Those after the one of this id, by id: no series ever changes or goes.
    pub fn series_after(&self, last: SeriesId) -> Result<Vec<Series>, StoreError> {
        catalog::load_series_after(&self.conn, last).map_err(|e| e.at(&self.path))
    }

    /// From the first sample to 1 ms after the last, those that only rollups tell of too; `None` where there is none.
    pub fn span(&self) -> Result<Option<TimeRange>, StoreError> {
        self.windows().and_then(|windows| span(&self.conn, windows)).map_err(|e| e.at(&self.path))
    }

    /// Raw samples of `series` (sorted by id) in `range`, head and chunks as one. `visit` gets runs of one series, times strictly ascending
    /// over the runs of a series; the runs of different series interleave window by window.
    pub fn scan(&self, series: &[SeriesId], range: TimeRange, visit: VisitRun<'_>) -> Result<(), StoreError> {
        self.windows()
            .and_then(|windows| scan::scan(&self.conn, windows, series, range, visit))
            .map_err(|e| e.at(&self.path))
    }

    /// The times of the samples of `series` (sorted by id) in `range` that are numbers, in runs as those of [`Reader::scan`]; hardly anything is decoded.
    pub fn times(&self, series: &[SeriesId], range: TimeRange, visit: VisitTimes<'_>) -> Result<(), StoreError> {
        self.windows()
            .and_then(|windows| scan::times(&self.conn, windows, series, range, visit))
            .map_err(|e| e.at(&self.path))
    }

    /// Gives the raw samples of `series` (sorted by id) in `range`, head and chunks as one, to the intake at the same place of `intakes`, on all
    /// cores: one of them is given a series from its first sample to its last.
    pub fn fold<I: Intake>(&self, series: &[SeriesId], range: TimeRange, intakes: &mut [I]) -> Result<(), StoreError> {
        self.windows()
            .and_then(|windows| fold(&self.conn, windows, series, range, intakes))
            .map_err(|e| e.at(&self.path))
    }

    /// The aggregates of `series` (sorted by id) in the buckets of `resolution` that start in `range`, by series and time. Complete up to
    /// [`Reader::watermark`]. Days are stored; so are the hours of fast series, and those of slow ones are folded from their samples.
    pub fn rollups(
        &self,
        series: &[SeriesId],
        resolution: Resolution,
        range: TimeRange,
        visit: &mut dyn FnMut(SeriesId, Timestamp, &Aggregate),
    ) -> Result<(), StoreError> {
        self.windows()
            .and_then(|windows| rollup::rollups(&self.conn, windows, series, resolution, range, visit))
            .map_err(|e| e.at(&self.path))
    }

    /// The time up to which rollups of `resolution` are complete: every sample before it is in them. `None` where nothing is sealed. Rows
    /// of later buckets may be there and lack samples.
    pub fn watermark(&self, resolution: Resolution) -> Result<Option<Timestamp>, StoreError> {
        rollup::watermark(&self.conn, resolution).map_err(|e| e.at(&self.path))
    }

    /// Raw samples of some series before it may have been pruned, and may be told by rollups only. `None` where none were.
    pub fn raw_pruned_before(&self) -> Result<Option<Timestamp>, StoreError> {
        let mark = Setting::PrunedRaw.read(&self.conn).map_err(|e| e.at(&self.path))?;
        Ok(mark.map(Timestamp::from_millis))
    }

    /// What is left of the buckets of `series` (sorted by id) that lie in `range` as a whole and whose samples were pruned.
    pub fn outlived(&self, series: &[SeriesId], range: TimeRange) -> Result<AllOutlived, StoreError> {
        self.windows()
            .and_then(|windows| outlived::outlived(&self.conn, windows, series, range))
            .map_err(|e| e.at(&self.path))
    }

    /// Whether quantiles of some series in `range` can only be told from sketches.
    pub fn has_sketches(&self, range: TimeRange) -> Result<bool, StoreError> {
        outlived::has_sketches(&self.conn, range).map_err(|e| e.at(&self.path))
    }

    /// On how many UTC days of `range` each of `series` (sorted by id) has anything, at most and about: to plan what is held at once.
    pub fn days_about(&self, series: &[SeriesId], range: TimeRange) -> Result<Vec<u64>, StoreError> {
        extent::days_about(&self.conn, series, range).map_err(|e| e.at(&self.path))
    }

    /// About how many samples any series has in the chunks of `range`, and how many of all series are there beside them: in the head, and in chunks of
    /// stretches that few series have. To plan what is held at once.
    pub fn samples_about(&self, range: TimeRange) -> Result<(u64, u64), StoreError> {
        self.windows()
            .and_then(|windows| extent::samples_about(&self.conn, windows, range))
            .map_err(|e| e.at(&self.path))
    }

    /// The latest sample that is a number, of each of `series` (sorted by id) that has one.
    pub fn latest(&self, series: &[SeriesId]) -> Result<HashMap<SeriesId, Sample>, StoreError> {
        self.windows().and_then(|windows| latest::latest(&self.conn, windows, series)).map_err(|e| e.at(&self.path))
    }

    /// Events that touch `range`, by start.
    pub fn annotations(&self, range: TimeRange) -> Result<Vec<Annotation>, StoreError> {
        annotation::annotations(&self.conn, range).map_err(|e| e.at(&self.path))
    }

    /// The latest runs of batches, newest first; of `job`, or of all.
    pub fn job_runs(&self, job: Option<&str>, limit: u32) -> Result<Vec<JobRun>, StoreError> {
        ledger::history(&self.conn, job, limit).map_err(|e| e.at(&self.path))
    }

    /// Up to when the runs of `job` are in the ledger; `None` for one that was never looked after.
    pub fn job_handled(&self, job: &str) -> Result<Option<Timestamp>, StoreError> {
        ledger::handled(&self.conn, job).map_err(|e| e.at(&self.path))
    }

    /// When the next message of a run waits to be sent, if one does.
    pub fn next_message(&self) -> Result<Option<Timestamp>, StoreError> {
        ledger::next_message(&self.conn).map_err(|e| e.at(&self.path))
    }

    /// What is in the file and what it costs.
    pub fn info(&self) -> Result<StoreInfo, StoreError> {
        self.windows().and_then(|windows| info::info(&self.conn, windows, &self.path)).map_err(|e| e.at(&self.path))
    }

    /// What retention has to know of the file, to [`plan`](super::retention::plan) at `now`.
    pub fn inventory(&self, policy: &Policy, now: Timestamp) -> Result<Inventory, StoreError> {
        let inventory = |windows| prune::inventory(&self.conn, windows, policy, now);
        self.windows().and_then(inventory).map_err(|e| e.at(&self.path))
    }

    /// A short name of the file's state, for a report's footer: the hash of its schema, series names, windows, span and head. Cheap, and so not
    /// of every value: it tells states of a growing file apart, and is no proof that nobody changed a number.
    pub fn content_hash(&self) -> Result<String, StoreError> {
        let hash = || -> Result<String, StoreError> {
            let mut hash = Sha256::new();
            hash.update(schema::version(&self.conn)?.to_le_bytes());
            for series in catalog::load_series(&self.conn)? {
                hash.update(series.id.0.to_le_bytes());
                hash.update(series.key.to_string());
            }
            for window in self.windows()?.iter() {
                hash.update(window.base_id().to_le_bytes());
            }
            if let Some(span) = span(&self.conn, self.windows()?)? {
                hash.update(span.from().millis().to_le_bytes());
                hash.update(span.to().millis().to_le_bytes());
            }
            hash.update(head::count(&self.conn)?.to_le_bytes());
            Ok(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
        };
        hash().map_err(|e| e.at(&self.path))
    }
}

/// From the first sample to 1 ms after the last. Of those that were pruned what rollups tell: from the start of the first bucket, and to the end
/// of the last where no later sample is left.
pub(crate) fn span(conn: &Connection, windows: &WindowSet) -> Result<Option<TimeRange>, StoreError> {
    let sealed = chunk::sealed_span(conn, windows)?;
    let head = head::first_time(conn)?.zip(head::last_time(conn)?);
    let mut first = sealed.iter().chain(&head).map(|(first, _)| *first).min();
    let mut last = sealed.iter().chain(&head).map(|(_, last)| *last).max();
    if let Some(pruned) = Setting::PrunedRaw.read(conn)? {
        for resolution in [Resolution::Hour, Resolution::Day] {
            let Some((from, to)) = resolution.first_and_last(conn)? else { continue };
            // Not by a bucket that holds what is known better.
            if first.is_none_or(|first| from + resolution.millis() <= first) {
                first = Some(from);
            }
            if last.is_none_or(|last| last < to) {
                last = Some((to + resolution.millis()).min(pruned.max(to + 1)) - 1);
            }
        }
    }
    let range = first.zip(last).and_then(|(first, last)| {
        TimeRange::new(Timestamp::from_millis(first), Timestamp::from_millis(last).plus_millis(1))
    });
    Ok(range)
}
