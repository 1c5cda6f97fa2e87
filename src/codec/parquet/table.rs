//! A table, written group by group.

use std::io::{self, Write};

use super::footer::{self, Declared, Written};
use super::{MAGIC, chunk};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Moments: milliseconds since 1970, UTC.
    Times,
    /// Texts.
    Texts,
    /// Doubles.
    Numbers,
    /// Doubles, some of which are missing.
    Perhaps,
}

/// The values of a column in a group.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Of [`Kind::Times`].
    Times(&'a [i64]),
    /// Of [`Kind::Texts`].
    Texts(&'a [&'a str]),
    /// Of [`Kind::Numbers`].
    Numbers(&'a [f64]),
    /// Of [`Kind::Perhaps`].
    Perhaps(&'a [Option<f64>]),
}

impl Values<'_> {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Values::Times(times) => times.len(),
            Values::Texts(texts) => texts.len(),
            Values::Numbers(numbers) => numbers.len(),
            Values::Perhaps(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kind(&self) -> Kind {
        match self {
            Values::Times(_) => Kind::Times,
            Values::Texts(_) => Kind::Texts,
            Values::Numbers(_) => Kind::Numbers,
            Values::Perhaps(_) => Kind::Perhaps,
        }
    }
}

/// Writes a table as a Parquet file. The same rows in the same groups give the same bytes.
pub struct Table<W: Write> {
    out: W,
    at: u64,
    columns: Vec<(String, Kind)>,
    groups: Vec<(u64, Vec<Written>)>,
}

impl<W: Write> Table<W> {
    /// Of these columns, which have different names.
    pub fn new(mut out: W, columns: Vec<(String, Kind)>) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Table { out, at: MAGIC.len() as u64, columns, groups: Vec::new() })
    }

    /// Writes a group: the values of every column, of as many rows each. What is not what the columns are is an error of whoever calls.
    pub fn group(&mut self, values: &[Values<'_>]) -> io::Result<()> {
        let rows = values.first().map_or(0, Values::len);
        let fits = values.iter().map(Values::kind).eq(self.columns.iter().map(|(_, kind)| *kind));
        if !fits || values.iter().any(|values| values.len() != rows) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "values that do not fit the columns of the table"));
        }
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::with_capacity(values.len());
        let mut bytes = Vec::new();
        for values in values {
            let chunk = chunk::push(&mut bytes, self.at, values)?;
            self.out.write_all(&bytes)?;
            self.at += bytes.len() as u64;
            bytes.clear();
            chunks.push(chunk);
        }
        self.groups.push((rows as u64, chunks));
        Ok(())
    }

    /// Writes the footer, and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        let declared: Vec<Declared<'_>> = self
            .columns
            .iter()
            .map(|(name, kind)| {
                let (physical, meaning) = match kind {
                    Kind::Times => (2, Some((9, 8))),
                    Kind::Texts => (6, Some((0, 1))),
                    Kind::Numbers | Kind::Perhaps => (5, None),
                };
                Declared { name, physical, meaning, may_miss: *kind == Kind::Perhaps }
            })
            .collect();
        let by = concat!("nodebook version ", env!("CARGO_PKG_VERSION"));
        self.out.write_all(&footer::written(&declared, &self.groups, by))?;
        Ok(self.out)
    }
}
