//! `iso`, `time_bucket` and `sqrt`, and those that have a file of their own.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error, Result};

use crate::model::Timestamp;

use super::arguments::{Comparand, step};
use super::{percentile, rate};

/// Adds the functions to a connection.
pub(super) fn register(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function(c"iso", 1, flags, |context| {
        Ok(millis(context, "iso", 0)?.map(|ms| Timestamp::from_millis(ms).to_rfc3339()))
    })?;
    conn.create_scalar_function(c"time_bucket", 2, flags, |context| {
        let (Some(step), Some(ms)) = (step(context.get_raw(0))?, millis(context, "time_bucket", 1)?) else {
            return Ok(None);
        };
        Ok(Some(ms.div_euclid(step) * step))
    })?;
    // SQLite has it where it was built with its mathematics, which is not everywhere.
    conn.create_scalar_function(c"sqrt", 1, flags, |context| {
        Ok(match Comparand::of(context.get_raw(0)) {
            Comparand::Integer(n) => Some((n as f64).sqrt()),
            Comparand::Real(n) => Some(n.sqrt()),
            Comparand::Null | Comparand::Beyond => None,
        })
    })?;
    rate::register(conn, flags)?;
    percentile::register(conn, flags)
}

fn millis(context: &Context<'_>, function: &str, argument: usize) -> Result<Option<i64>> {
    match Comparand::of(context.get_raw(argument)) {
        Comparand::Null => Ok(None),
        Comparand::Integer(ms) => Ok(Some(ms)),
        Comparand::Real(ms) => Ok(Some(ms.floor() as i64)),
        Comparand::Beyond => {
            let message = format!("{function} takes ms since 1970, a number");
            Err(Error::UserFunctionError(message.into()))
        }
    }
}
