use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::model::{Aggregate, MetricMeta, NodeName, Series, SeriesId, TimeRange, Timestamp};

use super::catalog::Salvaged;
use super::chunk::{self, ChunkReader};
use super::gone::Gone;
use super::head;
use super::lost_schema::Relisted;
use super::rollup::{Resolution, rollups};
use super::schema::{self, SKETCHES_SINCE};
use super::setting::Setting;
use super::sketch;
use super::window::{DAY_MS, HOUR_MS, Window, WindowSet};
use super::writer::{Durability, Store, StoreOptions};
use super::{Bulk, StoreError, annotation, catalog, file, forward, ledger, reader};

/// Losses beyond these are counted, not listed.
const LOSSES_MAX: usize = 1000;

/// What was kept of a damaged file, and what was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    /// The new file.
    pub path: PathBuf,
    /// Raw samples in it.
    pub samples: u64,
    /// What is not in it, by series and time.
    pub lost: Vec<Loss>,
    /// Losses that are not listed.
    pub unlisted: u64,
}

/// Raw samples that could not be read. The aggregates of these hours are kept where they can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// `node/metric{labels}`, its number where the name is lost too, or the name of a table.
    pub series: String,
    /// From here, RFC 3339 UTC.
    pub from: String,
    /// To here.
    pub to: String,
    /// Why.
    pub what: String,
}

/// Writes all that can be read of a damaged file into a new one, `out`, which must not exist. The damaged file is left as it is.
pub fn recover(path: &Path, out: &Path) -> Result<RecoverReport, StoreError> {
    if !file::is_ours(path)? {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    if out.exists() {
        return Err(StoreError::Exists { path: out.to_owned() });
    }
    let relisted: Relisted;
    let conn = match file::open_unverified(path) {
        Err(StoreError::Damaged { .. }) => {
            relisted = Relisted::of(path, out)?;
            file::open_unverified(relisted.path())?
        }
        opened => opened?,
    };
    conn.execute_batch("BEGIN").map_err(|e| StoreError::from(e).at(path))?;
    // Under another name first: a part of it is not to be taken for all that could be saved.
    let part = Part::beside(out)?;
    let mut store = Store::open(&part.0, StoreOptions { durability: Durability::Normal })?;
    let mut recovery = Recovery::new(&conn, out);
    recovery.tell_renamed();
    recovery.samples(store.bulk())?;
    store.transact(|new, known| recovery.rest(new, &known.windows))?;
    store.transact(|new, known| recovery.gone.note(new, reader::span(new, &known.windows)?))?;
    let samples = store.transact(|new, _| Ok(stored_samples(new)?))?;
    store.close()?;
    part.is_whole(out)?;
    Ok(RecoverReport { samples, ..recovery.report })
}

/// The new file until it is whole; then, or where that never comes, it is gone with this.
struct Part(PathBuf);

impl Part {
    fn beside(out: &Path) -> Result<Part, StoreError> {
        let part = Part(file::beside(out, ".part"));
        part.remove();
        Ok(part)
    }

    fn is_whole(&self, out: &Path) -> Result<(), StoreError> {
        if out.exists() {
            return Err(StoreError::Exists { path: out.to_owned() });
        }
        fs::rename(&self.0, out).map_err(|e| StoreError::io(out, "it cannot be made in this directory", e))
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm", ".lock"] {
            let _ = fs::remove_file(file::beside(&self.0, ending));
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove();
    }
}

fn stored_samples(conn: &Connection) -> Result<u64, rusqlite::Error> {
    let sql = "SELECT (SELECT coalesce(sum(n), 0) FROM chunk) + (SELECT count(*) FROM sample)";
    conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

struct Recovery<'c> {
    conn: &'c Connection,
    series: BTreeMap<SeriesId, Series>,
    /// The numbers series have in the new file.
    ids: HashMap<SeriesId, SeriesId>,
    report: RecoverReport,
    /// A file of an older schema has no such tables.
    has_sketches: bool,
    renamed: Vec<(i64, NodeName)>,
    gone: Gone,
}

impl<'c> Recovery<'c> {
    fn new(conn: &'c Connection, out: &Path) -> Recovery<'c> {
        let Salvaged { series, renamed } = catalog::salvage_series(conn);
        let series = series.into_iter().map(|s| (s.id, s)).collect();
        let report = RecoverReport { path: out.to_owned(), ..RecoverReport::default() };
        let has_sketches = schema::version(conn).is_ok_and(|found| found >= SKETCHES_SINCE);
        Recovery { conn, series, ids: HashMap::new(), report, has_sketches, renamed, gone: Gone::default() }
    }

    fn tell_renamed(&mut self) {
        for (number, name) in std::mem::take(&mut self.renamed) {
            let what = format!("row {number} of `node` is damaged: its samples are kept under the name {name}");
            self.lose("node".to_owned(), 0, Timestamp::MAX.millis(), what);
        }
    }

    /// A loss of samples, which is noted in the new file too.
    fn lose_samples(&mut self, series: String, from: i64, to: i64, what: String) {
        self.gone.add(&series, from, to);
        self.lose(series, from, to, what);
    }

    fn lose(&mut self, series: String, from: i64, to: i64, what: String) {
        if self.report.lost.len() == LOSSES_MAX {
            self.report.unlisted += 1;
            return;
        }
        let [from, to] = [from, to].map(|ms| Timestamp::from_millis(ms).to_rfc3339());
        self.report.lost.push(Loss { series, from, to, what });
    }

    fn name(&self, series: SeriesId) -> String {
        self.series.get(&series).map_or_else(|| format!("series {}", series.0), |s| s.key.to_string())
    }

    /// Chunks first, then the head, which wins over them.
    fn samples(&mut self, mut bulk: Bulk<'_>) -> Result<(), StoreError> {
        for (id, series) in &self.series {
            let meta = MetricMeta { kind: Some(series.kind), unit: series.unit.clone(), help: series.help.clone() };
            self.ids.insert(*id, bulk.series(&series.key, Some(&meta))?);
        }
        self.chunks(&mut bulk)?;
        self.head(&mut bulk)?;
        bulk.finish().map(|_| ())
    }

    fn chunks(&mut self, bulk: &mut Bulk<'_>) -> Result<(), StoreError> {
        let mut reader = ChunkReader::new(self.conn);
        let mut failed = Ok(());
        let mut gap = Gap::default();
        let select = format!("SELECT {} FROM chunk", chunk::COLUMNS);
        let mut visit = |row: &Row<'_>, recovery: &mut Self| {
            if failed.is_ok() {
                failed = recovery.chunk(&mut reader, row, bulk);
            }
        };
        let whole = from_both_ends(self.conn, &select, "id", |row, end| {
            gap.see(row.get(0).unwrap_or(0), end);
            visit(row, self);
        });
        if !whole && gap.before.is_none() {
            // Cut off, and perhaps the aggregates with it, which would tell what is missing.
            let from = (gap.after >> 35) * HOUR_MS;
            let what = "nothing more of the table can be read".to_owned();
            self.lose_samples("chunk".to_owned(), from, Timestamp::MAX.millis(), what);
        }
        // Between the ends that can be read there may be more, found by number.
        let missing = if whole { Vec::new() } else { gap.ids(self.series.keys()) };
        for id in missing {
            let mut lookup = self.conn.prepare_cached(&format!("{select} WHERE id = ?1"))?;
            let mut rows = lookup.query([id])?;
            if let Ok(Some(row)) = rows.next() {
                visit(row, self);
            }
        }
        failed
    }

    fn chunk(&mut self, reader: &mut ChunkReader<'_>, row: &Row<'_>, bulk: &mut Bulk<'_>) -> Result<(), StoreError> {
        let Some((window, series)) = row.get(0).ok().and_then(Window::of_id) else { return Ok(()) };
        let series = SeriesId(series);
        let Some(id) = self.ids.get(&series).copied() else {
            self.lose_samples(self.name(series), window.start(), window.end(), "its name is lost".to_owned());
            return Ok(());
        };
        let mut values = Vec::new();
        match reader.decode(row, &mut values) {
            Ok((_, times)) => {
                let mut samples = times.times.iter().zip(&values);
                samples.try_for_each(|(t, v)| bulk.push(id, Timestamp::from_millis(*t), *v))
            }
            Err(error) => {
                self.lose_samples(self.name(series), window.start(), window.end(), cause(&error));
                Ok(())
            }
        }
    }

    fn head(&mut self, bulk: &mut Bulk<'_>) -> Result<(), StoreError> {
        let mut failed = Ok(());
        let mut damaged = 0u64;
        let (mut before, mut after) = (None, None);
        let mut around = Around::default();
        let select = "SELECT ts, series_id, value, bits, crc FROM sample";
        let whole = from_both_ends(self.conn, select, "ts, series_id", |row, end| match head::sample_of(row) {
            Ok((ts, series, value)) => {
                *(if end == End::First { &mut before } else { &mut after }) = Some(ts);
                around.whole(ts);
                match self.ids.get(&series) {
                    Some(id) if failed.is_ok() => failed = bulk.push(*id, Timestamp::from_millis(ts), value),
                    Some(_) => {}
                    None => {
                        damaged += 1;
                        around.damaged();
                        around.whole(ts);
                    }
                }
            }
            Err(_) => {
                damaged += 1;
                around.damaged();
            }
        });
        failed?;
        if !whole {
            let (from, to) = (before.unwrap_or(0), after.unwrap_or(Timestamp::MAX.millis()));
            self.lose_samples("sample".to_owned(), from, to, "part of the head cannot be read".to_owned());
        }
        if damaged > 0 {
            let what = format!("{damaged} rows of the head do not match their checksum or have no name");
            let (from, to) = around.stretch();
            self.lose_samples("sample".to_owned(), from, to, what);
        }
        Ok(())
    }

    /// Events, and the aggregates that are more complete than what was made of the samples: these tell what else was lost.
    fn rest(&mut self, new: &Connection, windows: &WindowSet) -> Result<(), StoreError> {
        match annotation::annotations(self.conn, TimeRange::ALL) {
            Ok(all) => all.iter().try_for_each(|a| annotation::write(new, a))?,
            Err(error) => self.lose("annotation".to_owned(), 0, Timestamp::MAX.millis(), cause(&error)),
        }
        if let Err(error) = ledger::copy(self.conn, new) {
            self.lose("job_run".to_owned(), 0, Timestamp::MAX.millis(), cause(&error));
        }
        if let Err(error) = forward::copy(self.conn, new, &self.ids) {
            let what = format!("{}: everything is forwarded again", cause(&error));
            self.lose("forward".to_owned(), 0, Timestamp::MAX.millis(), what);
        }
        let ids: Vec<(SeriesId, SeriesId)> = self.ids.iter().map(|(old, id)| (*old, *id)).collect();
        let mark = |setting: Setting| setting.read(self.conn).ok().flatten().unwrap_or(i64::MIN);
        let (mut pruned_raw, mut pruned_hours) = (mark(Setting::PrunedRaw), mark(Setting::PrunedHours));
        let (raw_before, hours_before) = (pruned_raw, pruned_hours);
        for (old, id) in ids {
            let kept = self.keep_hours(new, windows, (old, id))?;
            self.tell_lost(old, kept.iter().copied().filter(|t| *t >= raw_before), Resolution::Hour);
            pruned_raw = kept.last().map_or(pruned_raw, |t| pruned_raw.max(t + HOUR_MS));
            let kept = self.keep_days(new, windows, (old, id), &kept)?;
            self.tell_lost(old, kept.iter().copied().filter(|t| *t >= hours_before), Resolution::Day);
            pruned_hours = kept.last().map_or(pruned_hours, |t| pruned_hours.max(t + DAY_MS));
        }
        for resolution in [Resolution::Hour, Resolution::Day] {
            self.keep_sketches(new, resolution)?;
        }
        for (setting, value) in [(Setting::PrunedRaw, pruned_raw), (Setting::PrunedHours, pruned_hours)] {
            if value > i64::MIN {
                setting.raise(new, value)?;
            }
        }
        Ok(())
    }

    /// Writes the hours of a series of which the new file knows less; their starts, ascending.
    fn keep_hours(
        &self,
        new: &Connection,
        windows: &WindowSet,
        (old, id): (SeriesId, SeriesId),
    ) -> Result<Vec<i64>, StoreError> {
        let mut made: HashMap<i64, u64> = HashMap::new();
        rollups(new, windows, &[id], Resolution::Hour, TimeRange::ALL, &mut |_, t, a| {
            made.insert(t.millis(), a.count);
        })?;
        let mut kept = Vec::new();
        for (t, hour) in stored(self.conn, Resolution::Hour, old) {
            if made.get(&t).is_none_or(|count| *count < hour.count) {
                Resolution::Hour.write(new, id, t, &hour)?;
                kept.push(t);
            }
        }
        Ok(kept)
    }

    /// Brings the days of the kept hours up to date; writes the days of which the new file knows less even so, and gives their starts.
    fn keep_days(
        &self,
        new: &Connection,
        windows: &WindowSet,
        (old, id): (SeriesId, SeriesId),
        hours: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        let day_of = |hour: &i64| hour.div_euclid(DAY_MS) * DAY_MS;
        for hours in hours.chunk_by(|a, b| day_of(a) == day_of(b)) {
            let day = day_of(&hours[0]);
            let range = TimeRange::new(Timestamp::from_millis(day), Timestamp::from_millis(day + DAY_MS));
            let mut made = Aggregate::EMPTY;
            rollups(new, windows, &[id], Resolution::Hour, range.unwrap_or(TimeRange::ALL), &mut |_, _, hour| {
                made.merge(hour);
            })?;
            Resolution::Day.write(new, id, day, &made)?;
        }
        let mut kept = Vec::new();
        for (t, day) in stored(self.conn, Resolution::Day, old) {
            if Resolution::Day.find(new, id, t)?.is_none_or(|made| made.count < day.count) {
                Resolution::Day.write(new, id, t, &day)?;
                kept.push(t);
            }
        }
        Ok(kept)
    }

    /// Those that can be read: of what was pruned there is nothing to make them of.
    fn keep_sketches(&mut self, new: &Connection, resolution: Resolution) -> Result<(), StoreError> {
        let mut kept = Ok(());
        let (mut lost, ids) = (Vec::new(), &self.ids);
        if !self.has_sketches {
            return Ok(());
        }
        let read = sketch::each_row(self.conn, resolution, |series, row| match (row, ids.get(&series)) {
            (Ok(sketches), Some(id)) if kept.is_ok() => kept = sketch::add(new, resolution, *id, sketches),
            (Err(error), _) => lost.push((series, cause(&error))),
            _ => {}
        });
        if let Err(error) = read {
            self.lose(resolution.sketch_table().to_owned(), 0, Timestamp::MAX.millis(), cause(&error));
        }
        for (series, what) in lost {
            self.lose(self.name(series), 0, Timestamp::MAX.millis(), what);
        }
        kept
    }

    fn tell_lost(&mut self, series: SeriesId, mut buckets: impl Iterator<Item = i64>, resolution: Resolution) {
        let Some(from) = buckets.next() else { return };
        let to = buckets.last().unwrap_or(from) + resolution.millis();
        let word = if resolution == Resolution::Hour { "hourly" } else { "daily" };
        self.lose_samples(
            self.name(series),
            from,
            to,
            format!("samples are missing; their {word} aggregates are kept"),
        );
    }
}

/// What is wrong, without the file and the advice: both are known to who asked for this.
fn cause(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        StoreError::DamagedChunk { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// The rows of one series that can be read, from both ends.
fn stored(conn: &Connection, resolution: Resolution, series: SeriesId) -> Vec<(i64, Aggregate)> {
    let mut rows = Vec::new();
    let select = resolution.select(&format!("series_id = {}", series.0));
    from_both_ends(conn, &select, "t", |row, _| {
        if let Ok((_, t, aggregate)) = resolution.row(row) {
            rows.push((t, aggregate));
        }
    });
    rows.sort_unstable_by_key(|(t, _)| *t);
    rows.dedup_by_key(|(t, _)| *t);
    rows
}

/// From which end of a table a row was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// Visits rows in order up to where the table cannot be read, then from its end backwards up to there. Says whether all of it can be read.
/// Rows may be visited twice where the damage has put the table out of order.
fn from_both_ends(conn: &Connection, select: &str, order: &str, mut visit: impl FnMut(&Row<'_>, End)) -> bool {
    let backwards = order.replace(',', " DESC,");
    for (end, order) in [(End::First, order.to_owned()), (End::Last, format!("{backwards} DESC"))] {
        let Ok(mut statement) = conn.prepare(&format!("{select} ORDER BY {order}")) else { continue };
        let Ok(mut rows) = statement.query([]) else { continue };
        loop {
            match rows.next() {
                Ok(Some(row)) => visit(row, end),
                Ok(None) if end == End::First => return true,
                Ok(None) | Err(_) => break,
            }
        }
    }
    false
}

/// Between which whole rows of the head, which are in the order of their times, the damaged ones lie.
#[derive(Default)]
struct Around {
    last: Option<i64>,
    /// Damaged rows were the last.
    open: bool,
    ends: Option<(i64, i64)>,
}

impl Around {
    fn whole(&mut self, ts: i64) {
        if std::mem::take(&mut self.open) {
            self.reach(ts);
        }
        self.last = Some(ts);
    }

    fn damaged(&mut self) {
        self.open = true;
        self.reach(self.last.unwrap_or(0));
    }

    fn reach(&mut self, ts: i64) {
        self.ends = Some(self.ends.map_or((ts, ts), |(from, to)| (from.min(ts), to.max(ts))));
    }

    fn stretch(&self) -> (i64, i64) {
        let (from, to) = self.ends.unwrap_or((0, 0));
        (from, if self.open { Timestamp::MAX.millis() } else { to + 1 })
    }
}

/// The chunks that lie between those which can be reached from the ends.
#[derive(Default)]
struct Gap {
    after: i64,
    before: Option<i64>,
    windows: std::collections::BTreeSet<Window>,
}

impl Gap {
    fn see(&mut self, id: i64, end: End) {
        self.windows.extend(Window::of_id(id).map(|(window, _)| window));
        match end {
            End::First => self.after = self.after.max(id),
            End::Last => self.before = Some(self.before.map_or(id, |before| before.min(id))),
        }
    }

    /// What may be in it: a chunk of every series in every window of a length that was seen.
    fn ids<'s>(&self, series: impl Iterator<Item = &'s SeriesId> + Clone) -> Vec<i64> {
        let Some(before) = self.before else { return Vec::new() };
        let levels: std::collections::BTreeSet<u8> = self.windows.iter().map(|w| w.level()).collect();
        let (first, last) = ((self.after >> 35) * HOUR_MS, (before >> 35) * HOUR_MS);
        let mut ids = Vec::new();
        for level in levels {
            let mut window = Window::holding(first, level);
            while window.start() <= last {
                ids.extend(
                    series.clone().map(|s| window.chunk_id(*s)).filter(|id| (self.after + 1..before).contains(id)),
                );
                window = Window::holding(window.end(), level);
            }
        }
        ids
    }
}
