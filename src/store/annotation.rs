use rusqlite::Connection;

use crate::model::{Annotation, TimeRange, Timestamp};

use super::StoreError;
use super::checksum::RowChecksum;

fn checksum(a: &Annotation) -> i64 {
    let row = RowChecksum::of("annotation").int(a.at.millis()).optional_int(a.until.map(Timestamp::millis));
    row.optional_text(a.nodes.as_deref()).text(&a.text).stored()
}

/// Stores an event unless it is there already.
pub(super) fn write(conn: &Connection, a: &Annotation) -> Result<(), StoreError> {
    if let Some(time) = [Some(a.at), a.until].into_iter().flatten().find(|t| !t.is_storable()) {
        return Err(StoreError::Time { ms: time.millis() });
    }
    conn.prepare_cached(
        "INSERT INTO annotation (at, until, node, text, crc) SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS
         (SELECT 1 FROM annotation WHERE at = ?1 AND until IS ?2 AND node IS ?3 AND text = ?4)",
    )?
    .execute((a.at.millis(), a.until.map(Timestamp::millis), &a.nodes, &a.text, checksum(a)))?;
    Ok(())
}

/// Events that touch `range`, by start.
pub(crate) fn annotations(conn: &Connection, range: TimeRange) -> Result<Vec<Annotation>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT at, until, node, text, crc FROM annotation
         WHERE at < ?2 AND (at >= ?1 OR until > ?1) ORDER BY at, id",
    )?;
    let mut rows = select.query([range.from().millis(), range.to().millis()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let annotation = Annotation {
            at: Timestamp::from_millis(row.get(0)?),
            until: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis),
            nodes: row.get(2)?,
            text: row.get(3)?,
        };
        if row.get::<_, i64>(4)? != checksum(&annotation) {
            return Err(StoreError::damaged(format!(
                "the annotation at {} does not match its checksum",
                annotation.at
            )));
        }
        all.push(annotation);
    }
    Ok(all)
}
