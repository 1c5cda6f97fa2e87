//! `percentile(value, p)`: exact, of the values themselves.

use std::collections::VecDeque;

use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::{Connection, Error, Result};

use super::arguments::Comparand;
use super::fold::quantile;

/// Values that one call may hold: 256 MiB of them.
const VALUES_MAX: usize = 1 << 25;

/// Adds the function to a connection.
pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_window_function(c"percentile", 2, flags, Percentile)
}

struct Percentile;

/// The numbers of a group or frame, in the order they came, and which share of them is asked for.
#[derive(Default)]
struct Numbers {
    percent: Option<f64>,
    values: VecDeque<f64>,
}

impl Numbers {
    fn answer(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.values.iter().copied().collect();
        // NaN, of no value, becomes NULL.
        self.percent.map(|percent| quantile(&mut values, percent / 100.0))
    }
}

fn refused(what: &str) -> Error {
    Error::UserFunctionError(what.into())
}

fn number(context: &Context<'_>, argument: usize, what: &str) -> Result<Option<f64>> {
    match Comparand::of(context.get_raw(argument)) {
        Comparand::Null => Ok(None),
        Comparand::Integer(n) => Ok(Some(n as f64)),
        Comparand::Real(n) => Ok(Some(n)),
        Comparand::Beyond => Err(refused(what)),
    }
}

fn value(context: &Context<'_>) -> Result<Option<f64>> {
    number(context, 0, "percentile takes numbers")
}

impl Aggregate<Numbers, Option<f64>> for Percentile {
    fn init(&self, _: &mut Context<'_>) -> Result<Numbers> {
        Ok(Numbers::default())
    }

    fn step(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> Result<()> {
        const PERCENT: &str = "the second argument of percentile is a number from 0 to 100, for example 95";
        let percent = number(context, 1, PERCENT)?.filter(|p| (0.0..=100.0).contains(p));
        let percent = percent.ok_or_else(|| refused(PERCENT))?;
        if *numbers.percent.get_or_insert(percent) != percent {
            return Err(refused("the second argument of percentile is another for another row: give one number"));
        }
        let Some(value) = value(context)? else { return Ok(()) };
        if numbers.values.len() == VALUES_MAX {
            let limit = VALUES_MAX / 1_000_000;
            let way_out = "narrow it, or take p50, p95 or p99 of buckets()";
            return Err(refused(&format!("percentile holds {limit} million values at most: {way_out}")));
        }
        numbers.values.push_back(value);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, numbers: Option<Numbers>) -> Result<Option<f64>> {
        Ok(numbers.and_then(|numbers| numbers.answer()))
    }
}

impl WindowAggregate<Numbers, Option<f64>> for Percentile {
    fn value(&self, numbers: Option<&mut Numbers>) -> Result<Option<f64>> {
        Ok(numbers.and_then(|numbers| numbers.answer()))
    }

    /// SQLite takes rows out in the order it had put them in.
    fn inverse(&self, context: &mut Context<'_>, numbers: &mut Numbers) -> Result<()> {
        if value(context)?.is_some() {
            numbers.values.pop_front();
        }
        Ok(())
    }
}
