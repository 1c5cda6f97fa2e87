//! From surprise to alarm: running means over three windows, each with the least that is told.
//!
//! ```text
//!  surprise |      |            15 min >= 6.3   a short, violent one        notable
//!           |   . .|. .         1 h    >= 6.2   an hour of it               strong
//!           |__:::::::::::__    2 h    >= 4.4   less, but for two hours     strong
//! ```
//!
//! Windows are the longer of the stated time and 3, 12 or 24 rows: with rows of half an hour an hour is not enough to judge by.
//!
//! The more series are looked at together, the more surprise chance brings about: over `n` series (the rows' greatest surprise) the levels rise with `log10 n`.
//! For 18 metrics of a service they are 14.5, 9 and 7.75; so a node with twenty metrics speaks as rarely as a single series does. Beyond 20 they
//! stay.
//!
//! Source: levels measured on the development halves of NAB (one series; flat around the values taken) and JumpStarter (19; a trade of recall against false alarms).

use super::stats;

/// Least mean surprise that is told, by window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Over 15 min, at least 3 rows.
    pub short: f64,
    /// Over 1 h, at least 12 rows.
    pub hour: f64,
    /// Over 2 h, at least 24 rows.
    pub long: f64,
}

impl Levels {
    /// For one series.
    pub const ONE: Levels = Levels { short: 6.3, hour: 6.2, long: 4.4 };
    /// What ten times as many series add.
    const DECADE: Levels = Levels { short: 6.53, hour: 2.23, long: 2.67 };

    /// These levels for the greatest surprise of `series` series.
    pub fn over(self, series: usize) -> Levels {
        let decades = (series.clamp(1, SERIES_MEASURED) as f64).log10();
        Levels {
            short: self.short + decades * Levels::DECADE.short,
            hour: self.hour + decades * Levels::DECADE.hour,
            long: self.long + decades * Levels::DECADE.long,
        }
    }

    /// The level of a window of `rows`: between the measured 3, 12 and 24 rows on a line over the logarithm of rows.
    fn of_window(self, rows: usize) -> f64 {
        let between = |rows: f64, (r0, l0): (f64, f64), (r1, l1): (f64, f64)| {
            let share = (rows / r0).ln() / (r1 / r0).ln();
            l0 + share.clamp(0.0, 1.0) * (l1 - l0)
        };
        let rows = rows as f64;
        if rows <= 12.0 {
            between(rows, (3.0, self.short), (12.0, self.hour))
        } else {
            between(rows, (12.0, self.hour), (24.0, self.long))
        }
    }

    /// All levels times `factor`: above 1 fewer alarms.
    pub fn times(self, factor: f64) -> Levels {
        Levels { short: self.short * factor, hour: self.hour * factor, long: self.long * factor }
    }
}

/// Levels rise up to this many series: beyond it nothing is measured, and a node with hundreds must still be able to speak.
const SERIES_MEASURED: usize = 20;

/// How sure a row or event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// None.
    #[default]
    Quiet,
    /// Odd for a quarter of an hour.
    Notable,
    /// Odd for an hour or two.
    Strong,
}

impl Alarm {
    /// 0, 1 or 2: the word of the dense CSV.
    pub const fn level(self) -> u8 {
        match self {
            Alarm::Quiet => 0,
            Alarm::Notable => 1,
            Alarm::Strong => 2,
        }
    }
}

/// The rows of a window: `ms`, but at least `least` rows.
pub fn window_rows(ms: i64, step_ms: i64, least: usize) -> usize {
    ((ms / step_ms.max(1)) as usize).max(least)
}

const HOUR_MS: i64 = 3_600_000;

/// Length, least number of rows, and what it is called. The shortest is last: its means are kept.
const WINDOWS: [(i64, usize, Alarm); 3] =
    [(2 * HOUR_MS, 24, Alarm::Strong), (HOUR_MS, 12, Alarm::Strong), (HOUR_MS / 4, 3, Alarm::Notable)];

/// Turns rows of surprise into alarms; holds the buffers.
#[derive(Debug, Default)]
pub struct Alarms {
    rows: Vec<Alarm>,
    means: Vec<f64>,
}

impl Alarms {
    /// Judges every row.
    pub fn judge(&mut self, surprise: &[f64], step_ms: i64, levels: Levels) {
        self.judge_with_candidates(surprise, step_ms, levels, None);
    }

    /// Judges every row, and by levels of their own the rows of `candidates`, of which the means are not kept.
    pub fn judge_with_candidates(
        &mut self,
        surprise: &[f64],
        step_ms: i64,
        levels: Levels,
        mut candidates: Option<(&mut Alarms, Levels)>,
    ) {
        self.quieten(surprise.len());
        candidates.iter_mut().for_each(|(alarms, _)| alarms.quieten(surprise.len()));
        for (ms, least_rows, alarm) in WINDOWS {
            let window = window_rows(ms, step_ms, least_rows);
            stats::running_mean(surprise, window, &mut self.means);
            mark(&mut self.rows, &self.means, levels.of_window(window), alarm);
            if let Some((candidates, levels)) = &mut candidates {
                mark(&mut candidates.rows, &self.means, levels.of_window(window), alarm);
            }
        }
    }

    /// As many rows without an alarm.
    pub fn quieten(&mut self, rows: usize) {
        self.rows.clear();
        self.rows.resize(rows, Alarm::Quiet);
        self.means.clear();
        self.means.resize(rows, 0.0);
    }

    /// Takes back the alarms of `rows`.
    pub fn quiet(&mut self, rows: std::ops::Range<usize>) {
        self.rows[rows].fill(Alarm::Quiet);
    }

    /// The alarm of every row judged last.
    pub fn rows(&self) -> &[Alarm] {
        &self.rows
    }

    /// The mean surprise over the shortest window of every row judged last.
    pub fn short_means(&self) -> &[f64] {
        &self.means
    }

    /// Stretches of alarm rows `[from, to)`; those less than an hour (or 12 rows) apart are one.
    pub fn stretches(&self, step_ms: i64) -> Vec<(usize, usize)> {
        let join = window_rows(HOUR_MS, step_ms, 12);
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        for (i, _) in self.rows.iter().enumerate().filter(|(_, a)| **a != Alarm::Quiet) {
            match stretches.last_mut() {
                Some((_, to)) if i - *to < join => *to = i + 1,
                _ => stretches.push((i, i + 1)),
            }
        }
        stretches
    }
}

fn mark(rows: &mut [Alarm], means: &[f64], least: f64, alarm: Alarm) {
    for (row, _) in rows.iter_mut().zip(means).filter(|(_, mean)| **mean >= least) {
        *row = (*row).max(alarm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(surprise: &[f64]) -> Vec<(usize, usize)> {
        let mut alarms = Alarms::default();
        alarms.judge(surprise, 300_000, Levels::ONE);
        alarms.stretches(300_000)
    }

    #[test]
    fn one_odd_row_is_not_told_and_three_are() {
        let mut surprise = vec![0.0; 100];
        surprise[50] = 18.0;
        assert_eq!(stretches(&surprise), vec![]);
        surprise[51..53].fill(18.0);
        assert_eq!(stretches(&surprise).len(), 1);
    }

    #[test]
    fn what_is_near_is_one_event() {
        let mut surprise = vec![0.0; 200];
        surprise[50..54].fill(20.0);
        surprise[60..64].fill(20.0);
        surprise[150..154].fill(20.0);
        assert_eq!(stretches(&surprise).len(), 2);
    }

    #[test]
    fn more_series_need_more_surprise() {
        let many = Levels::ONE.over(18);
        assert!((many.short - 14.5).abs() < 0.1 && (many.hour - 9.0).abs() < 0.1 && (many.long - 7.75).abs() < 0.1);
        assert_eq!(Levels::ONE.over(1), Levels::ONE);
    }
}
