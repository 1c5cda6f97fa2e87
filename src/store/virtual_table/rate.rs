//! `rate(ts, value)` and `rate(ts, value, gap)`: how fast a counter grew, per second.
//!
//! The growth is that of [`crate::model::growth`]: from one sample to the next, after a reset from zero. It is divided by the time from the first
//! sample to the last, less what lies in gaps: distances of more than `gap`, which is for ever where it is not given, as within one row of `buckets`.

use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::{Connection, Error, Result};

use crate::model::{Timestamp, step_up};

use super::arguments::{Comparand, step};

/// Samples that one call may hold: a year of a sample a second.
const SAMPLES_MAX: usize = 1 << 25;

/// Adds the function to a connection.
pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_window_function(c"rate", 2, flags, Rate)?;
    conn.create_window_function(c"rate", 3, flags, Rate)
}

struct Rate;

/// A stretch of samples of one counter, ascending: what it grew, and in which time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    first: (i64, f64),
    last: (i64, f64),
    increase: f64,
    millis: i64,
}

impl Stretch {
    fn of(sample: (i64, f64)) -> Stretch {
        Stretch { first: sample, last: sample, increase: 0.0, millis: 0 }
    }

    /// This one and, later, the other. Associative but for the rounding of the sum.
    fn then(self, later: Stretch, gap: i64) -> Stretch {
        let millis = later.first.0 - self.last.0;
        let increase = step_up(self.last.1, later.first.1);
        // As `model::Growth` has it: what is infinite tells no growth.
        let (grown, took) = if millis <= gap && increase.is_finite() { (increase, millis) } else { (0.0, 0) };
        Stretch {
            first: self.first,
            last: later.last,
            increase: self.increase + grown + later.increase,
            millis: self.millis + took + later.millis,
        }
    }
}

/// The samples of a group or a frame, first in first out. What stands at the front is summed from its end on, what comes in at the back as it
/// comes: the growth of the whole is told in one step, and nothing is ever subtracted from a sum.
struct Samples {
    gap: i64,
    /// The oldest sample last, each with all that follow it up to `back`.
    front: Vec<Stretch>,
    back: Vec<(i64, f64)>,
    back_grown: Option<Stretch>,
    /// Whether every sample came after those before it.
    ascending: bool,
}

impl Samples {
    fn new(gap: i64) -> Samples {
        Samples { gap, front: Vec::new(), back: Vec::new(), back_grown: None, ascending: true }
    }

    fn push(&mut self, sample: (i64, f64)) {
        let newest = self.back.last().copied().or_else(|| Some(self.front.first()?.first));
        self.ascending &= newest.is_none_or(|newest| newest.0 < sample.0);
        self.back.push(sample);
        let new = Stretch::of(sample);
        self.back_grown = Some(self.back_grown.map_or(new, |grown| grown.then(new, self.gap)));
    }

    fn pop(&mut self) {
        if self.front.is_empty() {
            self.back_grown = None;
            while let Some(sample) = self.back.pop() {
                let new = Stretch::of(sample);
                let following = self.front.last().copied();
                self.front.push(following.map_or(new, |following| new.then(following, self.gap)));
            }
        }
        self.front.pop();
    }

    /// What all of them grew; `None` of no sample.
    fn grown(&self) -> Result<Option<Stretch>> {
        let join = |earlier: Stretch, later: Stretch| earlier.then(later, self.gap);
        if self.ascending {
            return Ok(match (self.front.last().copied(), self.back_grown) {
                (Some(front), Some(back)) => Some(join(front, back)),
                (front, back) => front.or(back),
            });
        }
        let mut samples: Vec<(i64, f64)> = self.front.iter().rev().map(|stretch| stretch.first).collect();
        samples.extend(&self.back);
        samples.sort_unstable_by_key(|(ts, _)| *ts);
        if let Some(twice) = samples.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let at = Timestamp::from_millis(twice[0].0);
            let way_out = "GROUP BY or PARTITION BY series_id";
            return Err(refused(&format!("rate takes samples of one counter, and was given two at {at}: {way_out}")));
        }
        Ok(samples.into_iter().map(Stretch::of).reduce(join))
    }

    fn answer(&self) -> Result<Option<f64>> {
        let known = self.grown()?.filter(|grown| grown.millis > 0);
        Ok(known.map(|grown| grown.increase / (grown.millis as f64 / 1000.0)))
    }
}

fn refused(what: &str) -> Error {
    Error::UserFunctionError(what.into())
}

/// Time and value of a row; `None` where there is none or no number.
fn sample(context: &Context<'_>) -> Result<Option<(i64, f64)>> {
    let ts = match Comparand::of(context.get_raw(0)) {
        Comparand::Null => None,
        Comparand::Integer(ms) => Some(ms),
        Comparand::Real(ms) => Some(ms.floor() as i64),
        Comparand::Beyond => return Err(refused("the first argument of rate is a time: ms since 1970")),
    };
    let value = match Comparand::of(context.get_raw(1)) {
        Comparand::Null => None,
        Comparand::Integer(n) => Some(n as f64),
        Comparand::Real(n) => Some(n),
        Comparand::Beyond => return Err(refused("the second argument of rate is the value of a counter: a number")),
    };
    // Times that are none would only overflow.
    let ts = ts.filter(|ts| ts.unsigned_abs() <= 1 << 62);
    Ok(ts.zip(value))
}

impl Aggregate<Samples, Option<f64>> for Rate {
    fn init(&self, context: &mut Context<'_>) -> Result<Samples> {
        let gap = if context.len() > 2 { step(context.get_raw(2))? } else { None };
        Ok(Samples::new(gap.unwrap_or(i64::MAX)))
    }

    fn step(&self, context: &mut Context<'_>, samples: &mut Samples) -> Result<()> {
        let Some(sample) = sample(context)? else { return Ok(()) };
        if samples.front.len() + samples.back.len() == SAMPLES_MAX {
            let limit = SAMPLES_MAX / 1_000_000;
            return Err(refused(&format!("rate holds {limit} million samples at most: GROUP BY shorter stretches")));
        }
        samples.push(sample);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, samples: Option<Samples>) -> Result<Option<f64>> {
        samples.map_or(Ok(None), |samples| samples.answer())
    }
}

impl WindowAggregate<Samples, Option<f64>> for Rate {
    fn value(&self, samples: Option<&mut Samples>) -> Result<Option<f64>> {
        samples.map_or(Ok(None), |samples| samples.answer())
    }

    /// SQLite takes rows out in the order it had put them in.
    fn inverse(&self, context: &mut Context<'_>, samples: &mut Samples) -> Result<()> {
        if sample(context)?.is_some() {
            samples.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Growth;

    fn by_growth(samples: &[(i64, f64)], gap: i64) -> (f64, i64) {
        let mut growth = Growth::new(gap);
        let steps = samples.iter().filter_map(|(ts, value)| growth.step(*ts, *value));
        steps.fold((0.0, 0), |(increase, millis), step| (increase + step.increase, millis + step.millis))
    }

    proptest! {
        #[test]
        fn a_sliding_frame_grows_as_its_samples_do(
            steps in prop::collection::vec((1i64..100, 0u8..50), 1..80), width in 1usize..20, gap in 20i64..120,
        ) {
            let samples: Vec<(i64, f64)> =
                steps.iter().scan(0, |t, (step, value)| { *t += step; Some((*t, f64::from(*value))) }).collect();
            let mut frame = Samples::new(gap);
            for i in 0..samples.len() {
                frame.push(samples[i]);
                if i >= width {
                    frame.pop();
                }
                let expected = by_growth(&samples[(i + 1).saturating_sub(width)..=i], gap);
                let grown = frame.grown().unwrap().unwrap();
                prop_assert_eq!((grown.increase, grown.millis), expected);
            }
        }

        #[test]
        fn the_order_in_which_samples_come_does_not_matter(
            values in prop::collection::vec(0u8..50, 1..40), seed in 0usize..1000, gone in 0usize..5,
        ) {
            let sorted: Vec<(i64, f64)> = (0i64..).zip(&values).map(|(i, v)| (i * 10, f64::from(*v))).collect();
            let mut shuffled = sorted.clone();
            shuffled.sort_by_key(|(ts, _)| (*ts as usize).wrapping_mul(seed * 2 + 1) % 97);
            let mut frame = Samples::new(i64::MAX);
            (0..gone).for_each(|i| frame.push((-100 - i as i64, 7.0)));
            shuffled.iter().take(1).for_each(|sample| frame.push(*sample));
            (0..gone).for_each(|_| frame.pop());
            shuffled.iter().skip(1).for_each(|sample| frame.push(*sample));
            let grown = frame.grown().unwrap().unwrap();
            prop_assert_eq!((grown.increase, grown.millis), by_growth(&sorted, i64::MAX));
        }
    }
}
