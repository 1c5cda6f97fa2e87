//! Writing beside the one writer, for rows that are never in its way.

use std::path::Path;

use rusqlite::TransactionBehavior;

use crate::model::Annotation;

use super::{StoreError, annotation, file, schema};

/// Stores an event in a file that another process is writing, without its lock: a recorder neither reads annotations nor keeps anything of them in
/// memory, and SQLite lets in one transaction at a time. `false`, and nothing done, where the file is not of the schema that this build writes:
/// whoever has the lock may be of another one.
///
/// The log is left to the writer: this connection moves nothing of it into the file.
pub fn annotate_beside(path: &Path, annotation: &Annotation) -> Result<bool, StoreError> {
    beside(path, annotation).map_err(|e| e.at(path))
}

fn beside(path: &Path, annotation: &Annotation) -> Result<bool, StoreError> {
    if !file::is_ours(path)? {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let mut conn = file::open_beside(path)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if schema::version(&transaction)? != schema::KNOWN {
        return Ok(false);
    }
    annotation::write(&transaction, annotation)?;
    schema::write_first_page(&transaction)?;
    transaction.commit()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Labels, MetricName, NodeName, Sample, SeriesKey, TimeRange, Timestamp};
    use crate::store::{OnConflict, Reader, Store, StoreOptions, check};

    fn batch(minute: i64) -> Batch {
        let key = SeriesKey {
            node: NodeName::new("a").unwrap(),
            metric: MetricName::new("load1").unwrap(),
            labels: Labels::default(),
        };
        let mut batch = Batch::default();
        batch.push(key, None, Sample { ts: Timestamp::from_millis(minute * 60_000), value: minute as f64 });
        batch
    }

    #[test]
    fn an_event_is_stored_while_another_writes_seals_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        let event = |minute: i64| Annotation {
            at: Timestamp::from_millis(minute * 60_000),
            until: None,
            nodes: None,
            text: format!("deploy {minute}"),
        };
        for minute in 0..200 {
            store.append(&batch(minute), OnConflict::Keep).unwrap();
            if minute % 20 == 0 {
                assert!(annotate_beside(&path, &event(minute)).unwrap());
            }
            if minute % 70 == 69 {
                store.seal(Timestamp::from_millis(minute * 60_000)).unwrap();
            }
        }
        assert!(annotate_beside(&path, &event(0)).unwrap(), "the same one twice changes nothing");
        store.close().unwrap();
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.annotations(TimeRange::ALL).unwrap().len(), 10);
        drop(reader);
        assert!(check(&path).unwrap().problems.is_empty());
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.db");
        let event = Annotation { at: Timestamp::from_millis(0), until: None, nodes: None, text: "x".into() };
        assert!(matches!(annotate_beside(&path, &event), Err(StoreError::Missing { .. })));
        assert!(!path.exists());
    }
}
