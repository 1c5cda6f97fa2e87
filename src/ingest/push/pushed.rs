use super::super::formats::{Reason, Sink, Stop};
use super::super::limits::{PUSH_AHEAD_MS_MAX, PUSH_SAMPLES_MAX};
use crate::model::{Annotation, Batch, MetricMeta, Sample, SeriesId, SeriesKey, Timestamp};

/// What came of a request.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Samples that were taken.
    pub batch: Batch,
    /// Lines or samples that were not.
    pub refused: u64,
    /// The first of them and why.
    pub first_refusal: Option<String>,
    /// It has more samples than are taken at once; then it is not to be stored in part.
    pub too_many: bool,
}

impl Pushed {
    /// Counts what was not taken; the first reason is kept.
    pub(super) fn refuse(&mut self, reason: impl FnOnce() -> String) {
        self.refused += 1;
        self.first_refusal.get_or_insert_with(reason);
    }
}

/// Gathers a request that came at `now`.
pub(super) struct PushSink {
    pub(super) pushed: Pushed,
    latest: Timestamp,
}

impl PushSink {
    pub(super) fn new(now: Timestamp) -> PushSink {
        PushSink { pushed: Pushed::default(), latest: now.plus_millis(PUSH_AHEAD_MS_MAX) }
    }
}

impl Sink for PushSink {
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        let batch = &mut self.pushed.batch;
        let number = u32::try_from(batch.keys.len()).map_err(|_| Stop)?;
        batch.keys.push(key.clone());
        batch.meta.push(meta.cloned());
        Ok(SeriesId(number))
    }

    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop> {
        if ts > self.latest {
            self.pushed.refuse(|| format!("{ts} is more than 10 min ahead of the clock here"));
            return Ok(());
        }
        if self.pushed.batch.samples.len() >= PUSH_SAMPLES_MAX {
            self.pushed.too_many = true;
            return Err(Stop);
        }
        self.pushed.batch.samples.push((series.0, Sample { ts, value }));
        Ok(())
    }

    fn event(&mut self, _event: Annotation) -> Result<(), Stop> {
        self.pushed.refuse(|| "events go to /api/annotations".to_owned());
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.pushed.refuse(|| if line == 0 { reason.to_string() } else { format!("line {line}: {reason}") });
        Ok(())
    }
}
