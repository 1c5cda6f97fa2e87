use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::checksum::RowChecksum;

/// What the store knows of itself; the migration's comments say what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    MinReader,
    SealedUntil,
    PrunedRaw,
    PrunedHours,
    PrunedDays,
}

impl Setting {
    const fn key(self) -> &'static str {
        match self {
            Setting::MinReader => "min_reader",
            Setting::SealedUntil => "sealed_until",
            Setting::PrunedRaw => "pruned_raw",
            Setting::PrunedHours => "pruned_1h",
            Setting::PrunedDays => "pruned_1d",
        }
    }

    fn checksum(self, value: i64) -> i64 {
        RowChecksum::of("setting").text(self.key()).int(value).stored()
    }

    pub(super) fn read(self, conn: &Connection) -> Result<Option<i64>, StoreError> {
        let mut select = conn.prepare_cached("SELECT value, crc FROM setting WHERE key = ?1")?;
        let found = select.query_row([self.key()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((value, crc)) if self.checksum(value) != crc => {
                Err(StoreError::damaged(format!("setting `{}` does not match its checksum", self.key())))
            }
            found => Ok(found.map(|(value, _): (i64, i64)| value)),
        }
    }

    /// Raises the value; a lower one leaves it as it is.
    pub(super) fn raise(self, conn: &Connection, value: i64) -> Result<(), StoreError> {
        conn.prepare_cached(
            "INSERT INTO setting (key, value, crc) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = ?2, crc = ?3 WHERE value < ?2",
        )?
        .execute((self.key(), value, self.checksum(value)))?;
        Ok(())
    }
}
