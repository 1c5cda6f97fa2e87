//! How far the series of correlation groups move together: the matrix behind the groups. Of the residuals to the season, see [`correlate`].

use super::correlate;
use super::findings::{Finding, FindingKind, name_of};
use super::options::Options;
use super::season::SeasonLearner;
use super::subject::Subject;
use crate::model::SeriesKey;
use crate::query::Grid;

/// Most series of the matrix: more rows cannot be read.
const SERIES_MAX: usize = 20;
/// Most series that one group takes of them.
const OF_GROUP_MAX: usize = 8;

/// Correlations of every pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Relations {
    /// The series, group by group.
    pub series: Vec<SeriesKey>,
    /// The series in words.
    pub names: Vec<String>,
    /// Rank correlation of the movements of row and column.
    pub r: Vec<Vec<f64>>,
    /// By how many ms the column's series follows the row's, where that explains more than no lag.
    pub lag_ms: Vec<Vec<Option<i64>>>,
}

impl Relations {
    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// The series that [`relations`] asks of.
pub(super) fn related(found: &[Finding]) -> Vec<&SeriesKey> {
    let groups = found.iter().filter(|f| f.kind == FindingKind::Correlation).take(SERIES_MAX);
    groups.flat_map(|group| std::iter::once(&group.series).chain(group.moved.iter().map(|m| &m.series))).collect()
}

/// The matrix of the first correlation groups among `found`, which is in order of rank; `subjects`, sorted by key, are what they were found in.
pub fn relations(subjects: &[Subject], grid: Grid, found: &[Finding], options: &Options) -> Option<Relations> {
    let place = |key: &SeriesKey| subjects.binary_search_by(|s| s.key.cmp(key)).ok();
    let mut members: Vec<usize> = Vec::new();
    for group in found.iter().filter(|f| f.kind == FindingKind::Correlation) {
        let keys = std::iter::once(&group.series).chain(group.moved.iter().map(|m| &m.series));
        let room = SERIES_MAX.saturating_sub(members.len()).min(OF_GROUP_MAX);
        let new: Vec<usize> = keys.filter_map(place).filter(|m| !members.contains(m)).take(room).collect();
        if new.len() >= 2 {
            members.extend(new);
        }
    }
    if members.is_empty() {
        return None;
    }
    let mut learner = SeasonLearner::default();
    let moves: Vec<Vec<f32>> =
        members.iter().map(|&m| correlate::told(subjects[m].values, grid, options, &mut learner)).collect();
    let row = |x: &Vec<f32>| -> Vec<(f64, Option<i64>)> {
        moves.iter().map(|y| correlate::pair(x, y, grid.step_ms, &options.correlate)).collect()
    };
    let pairs: Vec<Vec<(f64, Option<i64>)>> = moves.iter().map(row).collect();
    Some(Relations {
        series: members.iter().map(|&m| subjects[m].key.clone()).collect(),
        names: members.iter().map(|&m| name_of(&subjects[m])).collect(),
        r: pairs.iter().map(|row| row.iter().map(|(r, _)| *r).collect()).collect(),
        lag_ms: pairs.iter().map(|row| row.iter().map(|(_, lag)| *lag).collect()).collect(),
    })
}
