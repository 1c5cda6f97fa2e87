use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{QueryError, Source};
use crate::model::{MetricMeta, Selector, TimeRange, Timestamp};
use crate::store::{Durability, Store, StoreError, StoreOptions};

/// Why samples could not be put into a database of their own.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// They are not answered.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// They cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no place for it.
    #[error("cannot make a temporary directory: {0}")]
    Temporary(#[source] io::Error),
}

/// Samples of a source in a temporary database, so that SQL can be asked of them; gone when this is dropped.
#[derive(Debug)]
pub struct Materialised {
    path: PathBuf,
    _directory: TempDir,
    /// How many there are.
    pub samples: u64,
    /// Whether there were more than were wanted.
    pub is_cut: bool,
}

impl Materialised {
    /// Fetches the samples of `selector` in `range`, at most `limit` of them.
    pub fn of(
        source: &dyn Source,
        selector: &Selector,
        range: TimeRange,
        limit: u64,
    ) -> Result<Materialised, MaterialiseError> {
        let directory = tempfile::Builder::new().prefix("nodebook-").tempdir().map_err(MaterialiseError::Temporary)?;
        let path = directory.path().join("engine.db");
        let mut store = Store::open(&path, StoreOptions { durability: Durability::Normal })?;
        let mut bulk = store.bulk();
        let series = source.series(selector)?;
        let mut numbers = HashMap::with_capacity(series.len());
        for one in &series {
            let meta = MetricMeta { kind: Some(one.kind), unit: one.unit.clone(), help: one.help.clone() };
            numbers.insert(one.id, bulk.series(&one.key, Some(&meta))?);
        }
        let ids: Vec<_> = series.iter().map(|one| one.id).collect();
        let (mut samples, mut failed, mut is_cut): (u64, Option<StoreError>, bool) = (0, None, false);
        source.samples(&ids, range, &mut |id, times, values| {
            let Some(number) = numbers.get(&id) else { return ControlFlow::Continue(()) };
            for (ms, value) in times.iter().zip(values) {
                if samples == limit {
                    is_cut = true;
                    return ControlFlow::Break(());
                }
                if let Err(error) = bulk.push(*number, Timestamp::from_millis(*ms), *value) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                samples += 1;
            }
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(()), Err)?;
        bulk.finish()?;
        store.close()?;
        Ok(Materialised { path, _directory: directory, samples, is_cut })
    }

    /// The database.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::{MemorySource, key, range};
    use super::*;
    use crate::store::Reader;

    #[test]
    fn samples_are_there_as_far_as_they_are_wanted() {
        let samples = (0..10).map(|i| (i * 1_000, i as f64));
        let source =
            MemorySource::default().with(key("a", "load1", &[]), samples.clone()).with(key("b", "up", &[]), samples);
        let all = Materialised::of(&source, &Selector::all(), range(0, 10_000), 100).unwrap();
        assert_eq!((all.samples, all.is_cut), (20, false));
        assert_eq!(Reader::open(all.path()).unwrap().series().unwrap().len(), 2);
        let some = Materialised::of(&source, &Selector::all(), range(2_000, 10_000), 5).unwrap();
        assert_eq!((some.samples, some.is_cut), (5, true));
        let path = some.path().to_owned();
        drop(some);
        assert!(!path.exists());
    }
}
