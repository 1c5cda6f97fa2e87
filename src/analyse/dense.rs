//! The score and alarm of every row of every series, on all cores, handed on in order.

use super::alarm::Alarm;
use super::anomaly::Detector;
use super::options::Options;
use super::subject::Subject;
use crate::query::Grid;

/// One series' rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dense {
    /// How odd, 0 to 24, averaged over two hours or so.
    pub score: Vec<f64>,
    /// What is told of it by itself.
    pub alarms: Vec<Alarm>,
}

/// Judges `subjects`; results are in their order.
pub fn dense(subjects: &[Subject], grid: Grid, options: &Options) -> Vec<Dense> {
    let mut all = vec![Dense::default(); subjects.len()];
    let share = subjects.len().div_ceil(options.thread_count()).max(1);
    std::thread::scope(|scope| {
        for (some, subjects) in all.chunks_mut(share).zip(subjects.chunks(share)) {
            scope.spawn(move || {
                let mut detector = Detector::new(grid, options.utc_offset_ms, options.anomaly_levels(), options.change);
                for (one, subject) in some.iter_mut().zip(subjects) {
                    detector.judge(subject.values, options.floors.of_subject(subject));
                    one.alarms = detector.alarms().to_vec();
                    one.score = detector.score().to_vec();
                }
            });
        }
    });
    all
}
