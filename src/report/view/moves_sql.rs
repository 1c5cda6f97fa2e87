//! The query that correlates two series again: their seasons, what these leave, its steps over a quarter of an hour, and the correlation of the steps' ranks.
//!
//! ```text
//!   rows ──► means of 5 min ──► by time of day ──► medians: the season ─┐
//!   rows ───────────────────────────────────────────────────────────── minus ──► means of 15 min ──► steps ──► ranks c
//!
//!   r = sum(a.c * b.c) / sqrt(sum(a.c²) sum(b.c²)), b later than a by the lag
//! ```

use crate::analyse::Finding;
use crate::analyse::correlate::ALIKE;
use crate::analyse::season::{Cycle, Season};
use crate::model::SeriesKey;
use crate::query::Grid;
use crate::report::model::Model;

use super::line_sql::rows;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;

/// `lag_minutes, r` of the two that are closest: by how much the second one follows, and the rank correlation then.
pub(super) fn together(model: &Model, found: &Finding) -> Option<String> {
    let grid = *model.examined.rows.get(&found.series)?;
    let options = &model.options.analysis;
    let width = (options.correlate.block_ms / grid.step_ms).max(1);
    let block_ms = width * grid.step_ms;
    let furthest = options.correlate.lag_ms / block_ms;
    // The times of rows are those of the samples in them: it is the time of day that counts.
    let start_ms = found.from.millis() + options.utc_offset_ms;
    let steps = |name: &str, series: &SeriesKey| {
        let rows = rows(model, series, grid)?;
        let season = model.examined.seasons.get(series).filter(|season| season.cycle != Cycle::None);
        let (before, left) = match season {
            Some(season) => without(name, season, grid, start_ms),
            None => (String::new(), format!("{name}_rows")),
        };
        let count = format!("min({width}, {} - r / {width} * {width})", grid.len);
        Some(format!(
            "{name}_rows AS ({rows}),\n{before}{name} AS (SELECT k, rank() OVER (ORDER BY step) + (count(*) OVER (PARTITION BY step) - count(*) OVER ()) / 2.0 - 1 AS c \
             FROM (SELECT k, round(step / max(abs(step)) OVER () * {ALIKE}) AS step FROM (SELECT k, v - lag(v) OVER w AS step, k - lag(k) OVER w AS apart FROM (SELECT r / {width} AS k, avg(v) AS v \
             FROM {left} WHERE v IS NOT NULL GROUP BY 1 HAVING count(*) * 3 >= {count}) WINDOW w AS (ORDER BY k)) WHERE apart = 1))"
        ))
    };
    let other = &found.moved.first()?.series;
    Some(format!(
        "WITH RECURSIVE {},\n{},\nlags AS (SELECT -{furthest} AS lag UNION ALL SELECT lag + 1 FROM lags WHERE lag < {furthest})\n\
         SELECT lag * {} AS lag_minutes, sum(a.c * b.c) / sqrt((SELECT sum(c * c) FROM a) * (SELECT sum(c * c) FROM b)) AS r \
         FROM lags JOIN a JOIN b ON b.k = a.k + lag GROUP BY lag",
        steps("a", &found.series)?,
        steps("b", other)?,
        block_ms / MINUTE_MS
    ))
}

/// Tables that lead to the rows without their season, and the name of the last one.
fn without(name: &str, season: &Season, grid: Grid, start_ms: i64) -> (String, String) {
    let rows = season.slot_rows;
    let slot_ms = rows as i64 * grid.step_ms;
    let ring_ms = season.ring_ms();
    let ring = (ring_ms + slot_ms - 1) / slot_ms;
    let at = |i: &str| format!("({start_ms} + {slot_ms} * {i})");
    let slot = |i: &str| format!("{} % {ring_ms} / {slot_ms}", at(i));
    let is_weekend = |i: &str| match season.cycle {
        Cycle::WorkdayWeekend => format!("({} / {DAY_MS} + 3) % 7 >= 5", at(i)),
        _ => "0".to_owned(),
    };
    let reach = match season.reaches.as_slice() {
        [workday, weekend] => format!("iif(one.weekend, {weekend}, {workday})"),
        reaches => reaches.first().copied().unwrap_or_default().to_string(),
    };
    let furthest = season.reaches.iter().max().copied().unwrap_or_default();
    let day = (DAY_MS / slot_ms).max(1);
    let (before, after) = (day / 2, day - day / 2 - 1);
    let value = match season.is_of_rest {
        true => {
            format!("v - percentile(v, 50) OVER (ORDER BY i RANGE BETWEEN {before} PRECEDING AND {after} FOLLOWING)")
        }
        false => "v".to_owned(),
    };
    let tables = format!(
        "{name}_slots AS (SELECT {} AS slot, {} AS weekend, {value} AS v FROM (SELECT r / {rows} AS i, avg(v) AS v FROM {name}_rows \
         WHERE v IS NOT NULL GROUP BY 1 HAVING count(*) * 3 >= min({rows}, {} - r / {rows} * {rows}))),\n\
         {name}_near AS (SELECT -{furthest} AS d UNION ALL SELECT d + 1 FROM {name}_near WHERE d < {furthest}),\n\
         {name}_season AS (SELECT one.slot, one.weekend, percentile(other.v, 50) AS usual \
         FROM (SELECT DISTINCT slot, weekend FROM {name}_slots) one CROSS JOIN {name}_near CROSS JOIN {name}_slots other \
         WHERE abs(d) <= {reach} AND other.weekend = one.weekend AND other.slot = (one.slot + d + {ring}) % {ring} GROUP BY 1, 2),\n\
         {name}_left AS (SELECT r, v - usual AS v FROM {name}_rows JOIN {name}_season ON slot = {} AND weekend = ({})), ",
        slot("i"),
        is_weekend("i"),
        grid.len,
        slot(&format!("(r / {rows})")),
        is_weekend(&format!("(r / {rows})")),
    );
    (tables, format!("{name}_left"))
}
