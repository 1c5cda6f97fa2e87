use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension};

use crate::model::{SeriesId, Timestamp};

use super::StoreError;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// Lengths of windows. Each divides the next and all are aligned to 1970, so that two windows are nested or disjoint, and
/// every hour lies in one window whole.
const LENGTHS_MS: [i64; 7] = [HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, DAY_MS, 2 * DAY_MS, 8 * DAY_MS, 32 * DAY_MS];

/// A chunk of a new window should hold at least so many samples where the window's level can be chosen. Of the usual intervals (1, 5, 10, 15,
/// 30 s; 1, 5, 15 min) each then has 1,920 to 3,600. A row, whatever its size, leaves some 400 bytes of a page empty and has 90 of columns: 0.35
/// bytes a sample at 1,440 samples, 0.17 at 2,880. Longer ones would be rewritten more often while they grow, and pruned later.
const SAMPLES_WANTED: i64 = 1_900;

/// Up to this level (a day) the hours of a chunk have rows in `rollup_1h`. A row costs as much as some 50 samples: in longer windows an hour has
/// 60 samples at most, and is folded from them when it is asked for.
const HOUR_ROWS_LEVEL_MAX: u8 = 3;

/// A stretch of time that holds one chunk a series. Ordered as the table is: by start, then level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Window {
    start: i64,
    level: u8,
}

impl Window {
    pub(super) const LEVEL_MAX: u8 = LENGTHS_MS.len() as u8 - 1;

    /// The window of `level` that holds `ts`.
    pub(super) fn holding(ts: i64, level: u8) -> Window {
        let length = LENGTHS_MS[usize::from(level)];
        Window { start: ts.div_euclid(length) * length, level }
    }

    /// The level at which a chunk of samples `interval_ms` apart is neither tiny nor huge.
    pub(super) fn level_for(interval_ms: i64) -> u8 {
        let fits = |length: &i64| length / interval_ms.max(1) >= SAMPLES_WANTED;
        LENGTHS_MS.iter().position(fits).map_or(Self::LEVEL_MAX, |level| level as u8)
    }

    pub(super) fn level(self) -> u8 {
        self.level
    }

    /// Whether the hours of its chunks have rows in `rollup_1h`; else they are folded, and every day lies in one window whole.
    pub(super) fn has_hour_rows(self) -> bool {
        self.level <= HOUR_ROWS_LEVEL_MAX
    }

    pub(super) fn start(self) -> i64 {
        self.start
    }

    pub(super) fn end(self) -> i64 {
        self.start + LENGTHS_MS[usize::from(self.level)]
    }

    /// About the most samples that a chunk of it has: as many as its length was chosen for.
    pub(super) fn samples_about(self) -> u64 {
        ((self.end() - self.start) / 1_000).min(2 * SAMPLES_WANTED).unsigned_abs()
    }

    /// What the ids of its rows in `chunk` and `chunk_time` have in common.
    pub(super) fn base_id(self) -> i64 {
        (self.start / HOUR_MS) << 35 | i64::from(self.level) << 32
    }

    pub(super) fn chunk_id(self, series: SeriesId) -> i64 {
        self.base_id() | i64::from(series.0)
    }

    pub(super) fn ids(self) -> RangeInclusive<i64> {
        self.base_id()..=self.base_id() | i64::from(u32::MAX)
    }

    /// The window and the low 32 bits (a series, or the number of times) of an id; `None` for an id we never make.
    pub(super) fn of_id(id: i64) -> Option<(Window, u32)> {
        let level = (id >> 32 & 7) as u8;
        let start = (id >> 35) * HOUR_MS;
        let known = id >= 0 && level <= Self::LEVEL_MAX && start <= Timestamp::MAX.millis();
        let window = known.then(|| Window::holding(start, level)).filter(|w| w.start == start)?;
        Some((window, id as u32))
    }
}

/// The windows that hold chunks, of whichever series. Kept by the writer so that it asks SQLite only for what may be there.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowSet(BTreeSet<Window>);

impl WindowSet {
    /// Jumps through the table from window to window: one seek each, whatever they hold.
    pub(crate) fn load(conn: &Connection) -> Result<WindowSet, StoreError> {
        let mut next = conn.prepare_cached("SELECT id FROM chunk WHERE id >= ?1 ORDER BY id LIMIT 1")?;
        let mut set = BTreeSet::new();
        let mut from = 0;
        while let Some(id) = next.query_row([from], |row| row.get::<_, i64>(0)).optional()? {
            let Some((window, _)) = Window::of_id(id) else {
                return Err(StoreError::damaged(format!("chunk {id} lies in no window")));
            };
            set.insert(window);
            let Some(after) = window.ids().end().checked_add(1) else { break };
            from = after;
        }
        Ok(WindowSet(set))
    }

    pub(super) fn contains(&self, window: Window) -> bool {
        self.0.contains(&window)
    }

    pub(super) fn insert(&mut self, window: Window) {
        self.0.insert(window);
    }

    /// After rows of `window` were deleted.
    pub(super) fn forget_if_empty(&mut self, conn: &Connection, window: Window) -> Result<(), StoreError> {
        let mut any = conn.prepare_cached("SELECT 1 FROM chunk WHERE id BETWEEN ?1 AND ?2 LIMIT 1")?;
        if !any.exists([*window.ids().start(), *window.ids().end()])? {
            self.0.remove(&window);
        }
        Ok(())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Window> + '_ {
        self.0.iter().copied()
    }

    /// Where samples of `series` at `ts` belong: into the chunk whose window holds `ts`; else into a new one, of `level` or
    /// as near below it as no other chunk of the series is in the way.
    pub(super) fn place(&self, conn: &Connection, series: SeriesId, ts: i64, level: u8) -> Result<Window, StoreError> {
        if let Some(window) = self.find(conn, series, ts)? {
            return Ok(window);
        }
        for level in (1..=level).rev() {
            let window = Window::holding(ts, level);
            if !self.holds_finer(conn, series, window)? {
                return Ok(window);
            }
        }
        Ok(Window::holding(ts, 0))
    }

    /// The window of the chunk of `series` that holds `ts`, where there is one.
    pub(super) fn find(&self, conn: &Connection, series: SeriesId, ts: i64) -> Result<Option<Window>, StoreError> {
        for level in 0..=Window::LEVEL_MAX {
            let window = Window::holding(ts, level);
            if self.contains(window) && chunk_exists(conn, window, series)? {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    fn holds_finer(&self, conn: &Connection, series: SeriesId, window: Window) -> Result<bool, StoreError> {
        let from = Window { start: window.start, level: 0 };
        let to = Window { start: window.end(), level: 0 };
        for finer in self.0.range(from..to).filter(|w| w.level < window.level) {
            if chunk_exists(conn, *finer, series)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn chunk_exists(conn: &Connection, window: Window, series: SeriesId) -> Result<bool, StoreError> {
    let mut exists = conn.prepare_cached("SELECT 1 FROM chunk WHERE id = ?1")?;
    Ok(exists.exists([window.chunk_id(series)])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_order_by_time_then_level_then_series_and_come_back() {
        let a = Window::holding(Timestamp::MAX.millis(), 0);
        assert_eq!(Window::of_id(a.chunk_id(SeriesId(u32::MAX))), Some((a, u32::MAX)));
        let early = Window::holding(10 * DAY_MS, 6);
        let late = Window::holding(10 * DAY_MS, 0);
        assert_eq!(early.start(), 0);
        assert!(early < late && early.chunk_id(SeriesId(u32::MAX)) < late.chunk_id(SeriesId(0)));
        assert_eq!(Window::of_id(-1), None);
        assert_eq!(Window::of_id(7 << 32), None);
        assert_eq!(Window::of_id(1 << 35 | 1 << 32), None, "4 h windows do not start at hour 1");
    }

    #[test]
    fn the_level_follows_the_interval() {
        let levels = [1_000, 5_000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000].map(Window::level_for);
        assert_eq!(levels, [0, 1, 2, 4, 5, 6, 6, 6]);
    }
}
