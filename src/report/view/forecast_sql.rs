//! The query that computes a forecast again: from the rows that were judged to the days that are left.
//!
//! ```text
//!   rows ──► points (maxima of days, or means) ──► slopes of all pairs ──► their median: growth a day ──► level at the end ──► days to 100 %
//!                                                          └─ order statistics about it ─► steepest and flattest ──► days at least and at most
//! ```
//!
//! The steps are those of [`forecast`](crate::analyse), in SQL; what it decided (since when the points count) is told as numbers.

use crate::analyse::forecast::{Basis, ForecastOptions, Outlook};
use crate::analyse::stats::MAD_TO_SD as TO_SD;
use crate::analyse::{Evidence, Finding};
use crate::query::Grid;
use crate::report::model::Model;

use super::line_sql::rows;

/// `level, growth_a_day, days, days_at_least, days_at_most`; of what fills again and again `peak, falls`. `None` where the rows cannot be told.
pub(super) fn forecast(model: &Model, found: &Finding, evidence: &Evidence, grid: Grid) -> Option<String> {
    let basis = evidence.basis?;
    let percent = match evidence.capacity {
        Some(full) if full != 100.0 => format!("100.0 * v / {full}"),
        _ => "v".to_owned(),
    };
    let rows = rows(model, &found.series, grid)?;
    let points = points(basis, &percent, grid);
    let answer = match evidence.outlook? {
        Outlook::Sawtooth { .. } => teeth(&model.options.analysis.forecast),
        _ => trend(&model.options.analysis.forecast),
    };
    Some(format!("WITH rows AS ({rows}),\n{points},\n{answer}"))
}

/// `t` in days before the end of the rows (which are counted from 0), `v` in percent.
fn points(basis: Basis, percent: &str, grid: Grid) -> String {
    let len = grid.len;
    let last = len.saturating_sub(1);
    match basis {
        // Their time is that at which the maximum of a day usually is.
        Basis::Days { rows, all, used } => format!(
            "peaks AS (SELECT ({last} - r) / {rows} AS ago, {percent} AS v, (({last} - r) % {rows} + 1.0) / {rows} AS part, \
             row_number() OVER (PARTITION BY ({last} - r) / {rows} ORDER BY v DESC, r DESC) AS place FROM rows WHERE v IS NOT NULL),\n\
             points AS (SELECT -ago - (SELECT percentile(part, 50) FROM peaks WHERE place = 1 AND ago < {all}) AS t, v \
             FROM peaks WHERE place = 1 AND ago < {used})"
        ),
        Basis::Since { row, rows } => {
            let left = len - row;
            let step = grid.step_ms;
            format!(
                "points AS (SELECT ((r - {row}) / {rows} * {rows} + {rows} / 2.0 - {left}) * {step} / 86400000.0 AS t, avg({percent}) AS v \
                 FROM rows WHERE r >= {row} AND v IS NOT NULL GROUP BY (r - {row}) / {rows} \
                 HAVING count(*) * 3 >= min({rows}, {left} - (r - {row}) / {rows} * {rows}))"
            )
        }
    }
}

fn trend(options: &ForecastOptions) -> String {
    let ForecastOptions { trend_z, widen, .. } = *options;
    format!(
        "slopes AS (SELECT (b.v - a.v) / (b.t - a.t) AS slope FROM points a JOIN points b ON b.t > a.t),\n\
         line AS (SELECT growth, percentile(v - growth * t, 50) AS level, count(*) AS n, max(t) - min(t) AS span \
         FROM points, (SELECT percentile(slope, 50) AS growth FROM slopes)),\n\
         ordered AS (SELECT slope, row_number() OVER (ORDER BY slope) - 1 AS place FROM slopes),\n\
         bounds AS (SELECT *, count(*) OVER () AS pairs, {trend_z} * sqrt(n * (n - 1.0) * (2 * n + 5) / 18) AS reach FROM ordered, line),\n\
         steep AS (SELECT growth + {widen} * (slope - growth) AS steepest FROM bounds WHERE place = min(round((pairs + reach) / 2), pairs - 1)),\n\
         flat AS (SELECT growth - {widen} * (growth - slope) AS flattest FROM bounds WHERE place = max(round((pairs - reach) / 2), 0)),\n\
         three AS (SELECT v - lag(v, 3) OVER (ORDER BY t) AS grown FROM points),\n\
         uneven AS (SELECT {TO_SD} * percentile(abs(grown - usual), 50) AS sd FROM three, (SELECT percentile(grown, 50) AS usual FROM three)),\n\
         room AS (SELECT level, growth, max(100 - level, 0) AS room, max(100 - level, 0) / growth AS days, span * n / (n - 1.0) AS history, \
         coalesce(sd / sqrt(span / (n - 1.0) * 3), 0) AS stirred, {TO_SD} * percentile(abs(v - growth * t - level), 50) AS stray \
         FROM points, line, uneven),\n\
         told AS (SELECT *, 2 * stray + {widen} * stirred * sqrt(days * (1 + days / history)) AS doubt FROM room)\n\
         SELECT level, growth AS growth_a_day, days, max(room - doubt, 0) / max(steepest, growth) AS days_at_least, \
         CASE WHEN flattest > 0 THEN (room + doubt) / flattest END AS days_at_most FROM told, steep, flat"
    )
}

fn teeth(options: &ForecastOptions) -> String {
    let least = options.fall_min;
    format!(
        "steps AS (SELECT v - lag(v) OVER (ORDER BY t) AS step FROM points),\n\
         usual AS (SELECT percentile(step, 50) AS usual FROM steps),\n\
         spread AS (SELECT usual, {TO_SD} * percentile(abs(step - usual), 50) AS sd FROM steps, usual)\n\
         SELECT (SELECT max(v) FROM points) AS peak, count(*) AS falls FROM steps, spread WHERE -step >= max(3 * sd - usual, {least})"
    )
}
