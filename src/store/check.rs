use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::model::{Aggregate, SeriesId, TimeRange, Timestamp};

use super::check_rollups::{RollupCheck, same};
use super::chunk::{self, ChunkReader};
use super::hours::hours_of;
use super::rollup::Resolution;
use super::schema::{self, SKETCHES_SINCE};
use super::setting::Setting;
use super::sketch;
use super::window::Window;
use super::{StoreError, annotation, catalog, file, forward, head, ledger};

/// More problems than this are counted, not listed.
const PROBLEMS_MAX: usize = 1000;

/// What a check found; `check --json` prints exactly this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether everything is as it was written.
    pub ok: bool,
    /// What is not: the first thousand of it, and how much more there is.
    pub problems: Vec<Problem>,
    /// How many problems there are, listed or not.
    #[serde(skip)]
    pub total: usize,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Table, series or stretch of time.
    #[serde(rename = "where")]
    pub place: String,
    /// What does not fit.
    pub what: String,
}

/// Verifies a file: SQLite's own structure, every checksum, every count, rollups against samples, references. A damaged file gives problems, and an
/// error only where there is no file of ours to look at. Changes nothing; a recorder may go on meanwhile.
pub fn check(path: &Path) -> Result<CheckReport, StoreError> {
    let mut problems = Problems::default();
    match file::open_read_only(path) {
        Ok(conn) => problems.attempt("file", |found| structure(&conn, found)),
        Err(StoreError::Damaged { what, .. }) => problems.add("file", what),
        Err(other) => return Err(other),
    }
    // One damaged page must not hide what is damaged besides: rows are read from the pages as they are.
    match file::open_unverified(path) {
        Ok(conn) => problems.add_all(&conn),
        Err(error) => problems.add("file", error.to_string()),
    }
    Ok(problems.report())
}

#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    pub(super) fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(Problem { place: place.into(), what: what.into() });
        } else {
            self.unlisted += 1;
        }
    }

    fn report(mut self) -> CheckReport {
        let total = self.list.len() + self.unlisted;
        if self.unlisted > 0 {
            let what = format!("{} more problems", self.unlisted);
            self.list.push(Problem { place: "file".to_owned(), what });
        }
        CheckReport { ok: self.list.is_empty(), problems: self.list, total }
    }

    /// An error of one part is a problem there; the other parts are looked at all the same.
    fn attempt(&mut self, place: &str, part: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if let Err(error) = part(self) {
            let what = match error {
                StoreError::Damaged { what, .. } => what,
                other => other.to_string().trim_start_matches(": ").to_owned(),
            };
            self.add(place, what);
        }
    }

    fn add_all(&mut self, conn: &Connection) {
        self.attempt("file", |_| Ok(conn.execute_batch("BEGIN")?)); // one snapshot for all parts
        let mut names = HashMap::new();
        self.attempt("names", |_| {
            names = catalog::load_series(conn)?.into_iter().map(|s| (s.id, s.key.to_string())).collect();
            Ok(())
        });
        let names = Names(names);
        self.attempt("setting", |_| settings(conn));
        self.attempt("annotation", |_| annotation::annotations(conn, TimeRange::ALL).map(|_| ()));
        self.attempt("job_run", |_| ledger::verify(conn));
        self.attempt("forward", |_| forward::verify(conn));
        self.attempt("sample", |found| head_rows(conn, &names, found));
        let mut rollups = RollupCheck::new(conn, &names);
        self.attempt("chunk", |found| chunks(conn, &names, &mut rollups, found));
        self.attempt("chunk_time", |found| times(conn, found));
        self.attempt("rollup_1h", |found| rollups.hours(found));
        self.attempt("rollup_1d", |found| rollups.days(found));
        for resolution in [Resolution::Hour, Resolution::Day] {
            self.attempt(resolution.sketch_table(), |found| sketches(conn, resolution, found));
        }
    }
}

pub(super) struct Names(HashMap<SeriesId, String>);

impl Names {
    pub(super) fn of(&self, series: SeriesId) -> String {
        self.0.get(&series).cloned().unwrap_or_else(|| format!("series {}", series.0))
    }

    fn has(&self, series: SeriesId) -> bool {
        self.0.contains_key(&series)
    }
}

/// What SQLite says of a tree, without its heading, and no more of it than says where it begins: which rows are lost is told row by row.
fn structural(told: &str) -> String {
    const LINES_MAX: usize = 3;
    let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with("*** in database")).collect();
    let shown = lines[..lines.len().min(LINES_MAX)].join("; ");
    match lines.len().saturating_sub(LINES_MAX) {
        0 => shown,
        more => format!("{shown}; and {more} more places like these"),
    }
}

fn structure(conn: &Connection, found: &mut Problems) -> Result<(), StoreError> {
    let mut check = conn.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            // SQLite tells a page that was refused by the number of its error only.
            let refused = format!("error code={}", rusqlite::ffi::SQLITE_IOERR_DATA);
            found.add("file", structural(&line.replace(&refused, "it does not match its checksum")));
        }
    }
    let mut check = conn.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        found.add(table, format!("a row refers to no row of `{parent}`"));
    }
    Ok(())
}

fn settings(conn: &Connection) -> Result<(), StoreError> {
    let pruned = [Setting::PrunedRaw, Setting::PrunedHours, Setting::PrunedDays];
    for setting in [Setting::MinReader, Setting::SealedUntil].into_iter().chain(pruned) {
        setting.read(conn)?;
    }
    Ok(())
}

fn head_rows(conn: &Connection, names: &Names, found: &mut Problems) -> Result<(), StoreError> {
    let mut strangers = BTreeSet::new();
    head::verify(conn, |sample| match sample {
        Ok(series) if names.has(series) => {}
        Ok(series) => {
            strangers.insert(series);
        }
        Err(StoreError::Damaged { what, .. }) => found.add("sample", what),
        Err(other) => found.add("sample", other.to_string()),
    })?;
    for series in strangers {
        found.add("sample", format!("samples of series {}, which has no name", series.0));
    }
    Ok(())
}

fn chunks(
    conn: &Connection,
    names: &Names,
    rollups: &mut RollupCheck<'_>,
    found: &mut Problems,
) -> Result<(), StoreError> {
    let sealed_until = Setting::SealedUntil.read(conn).ok().flatten().unwrap_or(i64::MAX);
    let mut reader = ChunkReader::new(conn);
    let mut windows: HashMap<SeriesId, i64> = HashMap::new();
    let mut values = Vec::new();
    let mut select = conn.prepare(&format!("SELECT {} FROM chunk ORDER BY id", chunk::COLUMNS))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let Some((window, series)) = row.get(0).ok().and_then(Window::of_id) else {
            found.add("chunk", "a chunk lies in no window");
            continue;
        };
        let series = SeriesId(series);
        let place = || {
            let (from, to) = (Timestamp::from_millis(window.start()), Timestamp::from_millis(window.end()));
            format!("{} from {from} to {to}", names.of(series))
        };
        if !names.has(series) {
            found.add(place(), "a chunk of a series that has no name");
        }
        if windows.insert(series, window.end()).is_some_and(|end| end > window.start()) {
            found.add(place(), "its window overlaps that of the chunk before");
        }
        let (head, times) = match reader.decode(row, &mut values) {
            Ok(decoded) => decoded,
            Err(StoreError::DamagedChunk { source, .. }) => {
                found.add(place(), format!("its samples are lost: {source}"));
                continue;
            }
            Err(other) => {
                found.add(place(), other.to_string());
                continue;
            }
        };
        if times.times.last().is_some_and(|t| *t >= sealed_until) {
            found.add(place(), "it holds samples after the time up to which samples are sealed");
        }
        let nan = values.iter().filter(|v| v.is_nan()).count();
        if !same(&Aggregate::of(&values), &head.aggregate) || nan != head.nan {
            found.add(place(), "its columns do not fit its samples");
        }
        rollups.chunk(window, series, &hours_of(&times.times, &values), found);
    }
    Ok(())
}

fn sketches(conn: &Connection, resolution: Resolution, found: &mut Problems) -> Result<(), StoreError> {
    if schema::version(conn)? < SKETCHES_SINCE {
        return Ok(());
    }
    sketch::each_row(conn, resolution, |_, row| {
        if let Err(StoreError::Damaged { what, .. }) = row {
            found.add(resolution.sketch_table(), what);
        }
    })
}

fn times(conn: &Connection, found: &mut Problems) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT t.id, t.n, t.first, t.last, t.crc FROM chunk_time t ORDER BY t.id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let fits = || Ok::<_, rusqlite::Error>(chunk::times_checksum(id, row.get(1)?, row.get(2)?, row.get(3)?));
        if fits().ok() != row.get(4).ok() {
            found.add("chunk_time", format!("row {id} does not match its checksum"));
        }
    }
    Ok(())
}
