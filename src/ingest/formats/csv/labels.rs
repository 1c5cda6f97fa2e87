//! Columns of a wide file that hold text: labels of every metric of their row.

use super::super::{Follows, number};
use super::header::WideColumns;
use super::record::{self, Found, Record};
use crate::ingest::limits::READ_BYTES;

/// Rows that are looked at.
const ROWS: usize = 100;
/// Most bytes of them: less than what a parser is given at once.
const BYTES: usize = READ_BYTES / 2;
/// What JMeter says of an answer beside its metrics: no number, though a code looks like one and most messages are empty.
const OF_JMETER: [&str; 5] = ["responseCode", "responseMessage", "failureMessage", "dataType", "URL"];

/// How the rows are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) delimiter: u8,
    pub(super) lines_join: bool,
    /// Number of columns.
    pub(super) count: usize,
}

/// The columns that are labels: of those whose header names no labels itself, the ones that have no number in the first rows, and text in at least half of them.
/// Where no column of values would be left there are none: what is no number is refused by its line then. `None` where `bytes` do not tell yet.
pub(super) fn find(columns: &WideColumns, bytes: &[u8], follows: Follows, shape: Shape) -> Option<Vec<usize>> {
    let is_cut = bytes.len() > BYTES;
    let (bytes, follows) = if is_cut { (&bytes[..BYTES], Follows::More) } else { (bytes, follows) };
    let plain = columns.metrics.iter().filter(|column| column.labels.is_empty());
    // with the number of their rows that have text
    let mut texts: Vec<(usize, usize)> = plain.map(|column| (column.field, 0)).collect();
    let named = |name: &str| columns.metrics.iter().find(|column| column.metric.as_str() == name).map(|c| c.field);
    let (mut rows, mut at) = (0, 0);
    let mut fields = Vec::new();
    while rows < ROWS && !texts.is_empty() {
        if at == bytes.len() && follows == Follows::Nothing {
            break;
        }
        match record::next(&bytes[at..], shape.delimiter, follows, shape.lines_join, &mut fields) {
            Found::Record { length, .. } => {
                let record = Record { text: &bytes[at..], fields: &fields };
                if fields.len() == shape.count && !record.is_blank() {
                    texts.retain_mut(|(field, filled)| {
                        let text = record.bare(*field);
                        *filled += usize::from(!text.is_empty());
                        text.is_empty() || number::parse(text).is_none()
                    });
                    rows += 1;
                }
                at += length;
            }
            Found::Broken { length, .. } => at += length,
            Found::Unfinished if is_cut => break,
            Found::Unfinished => return None,
        }
    }
    if rows == 0 {
        return Some(Vec::new());
    }
    let mut texts: Vec<usize> =
        texts.into_iter().filter(|(_, filled)| 2 * filled >= rows).map(|(field, _)| field).collect();
    if named("elapsed").is_some() && named(OF_JMETER[0]).is_some() {
        texts.extend(OF_JMETER.into_iter().filter_map(named));
        texts.sort_unstable();
        texts.dedup();
    }
    Some(if texts.len() < columns.metrics.len() { texts } else { Vec::new() })
}
