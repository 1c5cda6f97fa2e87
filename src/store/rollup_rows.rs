//! The rows of one series of a rollup as one blob.
//!
//! A row that comes through a statement is handed over column by column, each with a handful of checks: of hundreds of thousands of rows that costs as
//! much as finding them. An aggregate function is given the columns where they are, so it takes them, verifies them and packs them.

use rusqlite::functions::{Aggregate as AggregateFunction, Context, FunctionFlags};
use rusqlite::{Connection, Result};

use crate::model::Aggregate;

use super::rollup::Resolution;

/// Of a row: its time, count and six reals.
const ROW_BYTES: usize = 64;

/// Adds `packed_rollup_1h` and `packed_rollup_1d`, of the columns of [`Resolution::COLUMNS`], to a connection.
pub(super) fn register(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    for resolution in [Resolution::Hour, Resolution::Day] {
        conn.create_aggregate_function(resolution.packing(), 10, flags, Packing(resolution))?;
    }
    Ok(())
}

/// The rows in a blob of [`Packing`].
pub(super) fn unpacked(blob: &[u8]) -> impl Iterator<Item = (i64, Aggregate)> {
    blob.as_chunks::<ROW_BYTES>().0.iter().map(|row| {
        let (columns, _) = row.as_chunks::<8>();
        let real = |column: usize| f64::from_le_bytes(columns[column]);
        let aggregate = Aggregate {
            count: u64::from_le_bytes(columns[1]),
            sum: real(2),
            min: real(3),
            max: real(4),
            first: real(5),
            last: real(6),
            increase: real(7),
        };
        (i64::from_le_bytes(columns[0]), aggregate)
    })
}

/// Gives NULL where a row is damaged, or does not come after the one before: whoever asked is to look at each by itself.
struct Packing(Resolution);

#[derive(Default)]
struct Packed {
    blob: Vec<u8>,
    before: Option<i64>,
    is_damaged: bool,
}

impl AggregateFunction<Packed, Option<Vec<u8>>> for Packing {
    fn init(&self, _: &mut Context<'_>) -> Result<Packed> {
        Ok(Packed::default())
    }

    fn step(&self, context: &mut Context<'_>, packed: &mut Packed) -> Result<()> {
        let row = self.0.verified(|column| context.get_raw(column));
        match row.filter(|(_, t, _)| packed.before.is_none_or(|before| before < *t)) {
            Some((_, t, a)) => {
                let mut row = [[0; 8]; ROW_BYTES / 8];
                (row[0], row[1]) = (t.to_le_bytes(), a.count.to_le_bytes());
                for (column, real) in row[2..].iter_mut().zip([a.sum, a.min, a.max, a.first, a.last, a.increase]) {
                    *column = real.to_le_bytes();
                }
                packed.blob.extend_from_slice(row.as_flattened());
                packed.before = Some(t);
            }
            None => packed.is_damaged = true,
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, packed: Option<Packed>) -> Result<Option<Vec<u8>>> {
        let Packed { blob, is_damaged, .. } = packed.unwrap_or_default();
        Ok((!is_damaged).then_some(blob))
    }
}
