use super::remote_write::Name;
use crate::model::SeriesId;
use crate::store::{Reader, StoreError};

/// The series of a file as they are sent, by id. A series never changes and never goes: only those that are new are read.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: Vec<SeriesId>,
    names: Vec<Name>,
}

impl Names {
    /// Reads those that have come.
    pub(super) fn read(&mut self, reader: &Reader) -> Result<(), StoreError> {
        for series in reader.series_after(self.ids.last().copied().unwrap_or(SeriesId(0)))? {
            self.ids.push(series.id);
            self.names.push(Name::of(&series));
        }
        Ok(())
    }

    /// All ids, ascending.
    pub(super) fn ids(&self) -> &[SeriesId] {
        &self.ids
    }

    pub(super) fn of(&self, id: SeriesId) -> Option<&Name> {
        self.names.get(self.ids.binary_search(&id).ok()?)
    }
}
