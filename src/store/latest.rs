use std::collections::HashMap;

use rusqlite::Connection;

use crate::model::{Sample, SeriesId, Timestamp};

use super::StoreError;
use super::chunk::ChunkReader;
use super::head::{self, Wanted};
use super::window::{Window, WindowSet};

/// The latest sample that is a number, of each of `series` that has one: from the head backwards, then from the windows.
pub(crate) fn latest(
    conn: &Connection,
    windows: &WindowSet,
    series: &[SeriesId],
) -> Result<HashMap<SeriesId, Sample>, StoreError> {
    let wanted = Wanted::of(series);
    let mut found: HashMap<SeriesId, Sample> = HashMap::with_capacity(series.len());
    head::backwards(conn, |series, ts, value| {
        if wanted.has(series) && !value.is_nan() {
            found.entry(series).or_insert(Sample { ts: Timestamp::from_millis(ts), value });
        }
        found.len() < wanted.count()
    })?;
    let mut missing: Vec<SeriesId> = series.to_vec();
    let mut by_end: Vec<Window> = windows.iter().collect();
    by_end.sort_unstable_by_key(|w| std::cmp::Reverse(w.end()));
    let mut reader = ChunkReader::new(conn);
    let mut values = Vec::new();
    for window in by_end {
        // A late sample in the head may be older than what is sealed.
        missing.retain(|s| found.get(s).is_none_or(|sample| sample.ts.millis() < window.end()));
        if missing.is_empty() {
            break;
        }
        for series in &missing {
            let Some((_, times)) = reader.find(window, *series, &mut values)? else { continue };
            let Some(place) = values.iter().rposition(|v| !v.is_nan()) else { continue };
            let sample = Sample { ts: Timestamp::from_millis(times.times[place]), value: values[place] };
            let known = found.entry(*series).or_insert(sample);
            if sample.ts > known.ts {
                *known = sample;
            }
        }
    }
    Ok(found)
}
