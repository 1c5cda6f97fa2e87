use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;

use crate::model::{Aggregate, SeriesId, Timestamp};

use super::StoreError;
use super::check::{Names, Problems};
use super::hours::Hours;
use super::rollup::Resolution;
use super::rollup_update::rows_of;
use super::setting::Setting;
use super::window::{DAY_MS, Window};

/// Compares rollups with what they are made of: hours with samples, days with hours. Chunks come first, then the tables.
pub(super) struct RollupCheck<'c> {
    conn: &'c Connection,
    names: &'c Names,
    /// What is before may be pruned.
    pruned_raw: i64,
    pruned_hours: i64,
    /// Rows that follow from the samples and hours that are there; any other row has nothing to stand on.
    hours: u64,
    days: u64,
    /// Chunks whose hours are folded: their days were compared with the samples.
    folded: HashSet<(SeriesId, Window)>,
}

impl<'c> RollupCheck<'c> {
    pub(super) fn new(conn: &'c Connection, names: &'c Names) -> RollupCheck<'c> {
        let mark = |setting: Setting| setting.read(conn).ok().flatten().unwrap_or(i64::MIN);
        let (pruned_raw, pruned_hours) = (mark(Setting::PrunedRaw), mark(Setting::PrunedHours));
        RollupCheck { conn, names, pruned_raw, pruned_hours, hours: 0, days: 0, folded: HashSet::new() }
    }

    /// Looks for the rows that follow from a chunk.
    pub(super) fn chunk(&mut self, window: Window, series: SeriesId, hours: &Hours, found: &mut Problems) {
        if !window.has_hour_rows() {
            return self.folded_chunk(window, series, hours, found);
        }
        for (t, hour) in hours.iter().filter(|(t, _)| *t >= self.pruned_raw) {
            self.hours += self.compare(Resolution::Hour, series, *t, hour, found);
        }
    }

    /// Its hours need no rows; where there are some they have to fit, and the days in any case.
    fn folded_chunk(&mut self, window: Window, series: SeriesId, hours: &Hours, found: &mut Problems) {
        self.folded.insert((series, window));
        let mut joined: BTreeMap<i64, Aggregate> = hours.iter().copied().collect();
        // A row that cannot be read is told where the table is.
        for (t, row) in rows_of(self.conn, series, window.start(), window.end()).unwrap_or_default() {
            let hour = joined.entry(t).or_insert(Aggregate::EMPTY);
            if t >= self.pruned_raw {
                self.hours += self.compare(Resolution::Hour, series, t, hour, found);
            } else if row.count > hour.count {
                *hour = row;
            }
        }
        let mut days: BTreeMap<i64, Aggregate> = BTreeMap::new();
        for (t, hour) in &joined {
            days.entry(t.div_euclid(DAY_MS) * DAY_MS).or_insert(Aggregate::EMPTY).merge(hour);
        }
        for (day, aggregate) in days.iter().filter(|(t, day)| **t >= self.pruned_hours && !day.is_empty()) {
            self.days += self.compare(Resolution::Day, series, *day, aggregate, found);
        }
    }

    /// Verifies the hours; compares the days with them.
    pub(super) fn hours(&mut self, found: &mut Problems) -> Result<(), StoreError> {
        let mut rows = 0;
        let mut days: Vec<(SeriesId, i64, Aggregate)> = Vec::new();
        each_row(self.conn, Resolution::Hour, found, |series, t, aggregate, found| {
            rows += u64::from(t >= self.pruned_raw);
            let day = t.div_euclid(DAY_MS) * DAY_MS;
            match days.last_mut() {
                Some((s, d, sum)) if (*s, *d) == (series, day) => sum.merge(aggregate),
                _ => {
                    self.end_day(days.pop(), found);
                    days.push((series, day, *aggregate));
                }
            }
        })?;
        self.end_day(days.pop(), found);
        if rows > self.hours {
            found.add("rollup_1h", format!("{} rows have no samples", rows - self.hours));
        }
        Ok(())
    }

    fn end_day(&mut self, day: Option<(SeriesId, i64, Aggregate)>, found: &mut Problems) {
        let Some((series, t, aggregate)) = day.filter(|(_, t, _)| *t >= self.pruned_hours) else { return };
        let folded = |level| self.folded.contains(&(series, Window::holding(t, level)));
        if !(0..=Window::LEVEL_MAX).any(folded) {
            self.days += self.compare(Resolution::Day, series, t, &aggregate, found);
        }
    }

    /// Verifies the days.
    pub(super) fn days(&self, found: &mut Problems) -> Result<(), StoreError> {
        let mut rows = 0;
        each_row(self.conn, Resolution::Day, found, |_, t, _, _| rows += u64::from(t >= self.pruned_hours))?;
        if rows > self.days {
            found.add("rollup_1d", format!("{} rows have no hours", rows - self.days));
        }
        Ok(())
    }

    /// Compares the row of a rollup with what follows from the layer below. Returns the number of rows that are there: none is fine only where
    /// rows of that resolution were pruned.
    fn compare(
        &self,
        resolution: Resolution,
        series: SeriesId,
        t: i64,
        expected: &Aggregate,
        found: &mut Problems,
    ) -> u64 {
        let pruned = || resolution.pruned().read(self.conn).ok().flatten().is_some_and(|before| t < before);
        let (there, what) = match resolution.find(self.conn, series, t) {
            Ok(Some(stored)) if same(&stored, expected) => return 1,
            Ok(Some(_)) => (1, "does not fit what it is made of"),
            Ok(None) if pruned() => return 0,
            Ok(None) => (0, "is missing"),
            Err(_) => return 1, // told where the table is read
        };
        let table = resolution.table();
        let place = format!("{} at {}", self.names.of(series), Timestamp::from_millis(t));
        found.add(place, format!("its row in `{table}` {what}"));
        there
    }
}

/// Equal as SQLite keeps them: no -0.0, one NaN.
pub(super) fn same(a: &Aggregate, b: &Aggregate) -> bool {
    let numbers = |a: &Aggregate| [a.sum, a.min, a.max, a.first, a.last, a.increase];
    let equal = |(a, b): (f64, f64)| a == b || (a.is_nan() && b.is_nan());
    a.count == b.count && (a.is_empty() || numbers(a).into_iter().zip(numbers(b)).all(equal))
}

fn each_row(
    conn: &Connection,
    resolution: Resolution,
    found: &mut Problems,
    mut visit: impl FnMut(SeriesId, i64, &Aggregate, &mut Problems),
) -> Result<(), StoreError> {
    let mut select = conn.prepare(&resolution.select("true ORDER BY series_id, t"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        match resolution.row(row) {
            Ok((series, t, aggregate)) => visit(series, t, &aggregate, found),
            Err(StoreError::Damaged { what, .. }) => found.add(resolution.table(), what),
            Err(other) => found.add(resolution.table(), other.to_string()),
        }
    }
    Ok(())
}
