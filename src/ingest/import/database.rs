//! Another nodebook database as an input: one file a node becomes one file a cluster.

use std::ops::ControlFlow;
use std::path::Path;

use super::sinks::ImportSink;
use super::{Reason, Stop};
use crate::model::{Labels, MetricMeta, NameError, NodeName, SeriesId, SeriesKey, TimeRange, Timestamp};
use crate::store::{Reader, StoreError};

/// First bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Whether a file begins as a database does.
pub(super) fn is_database(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    read.is_ok() && looks_like(&head) && path.is_file()
}

/// Whether a text begins as a database does.
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Hands all samples of the database at `path` to the sink, with their series' kinds, units and help, and its events. Under a `node` that
/// is asked for, the nodes in the file become the label `node`. What can be read is read: a damaged part ends the reading, and is named.
pub(super) fn copy(path: &Path, node: Option<&NodeName>, sink: &mut dyn ImportSink) {
    let refuse = |error: StoreError, sink: &mut dyn ImportSink| {
        let reason = Reason::Input(error.to_string());
        let _ = sink.as_sink().refuse(0, &reason);
    };
    let reader = match Reader::open(path) {
        Ok(reader) => reader,
        Err(error) => return refuse(error, sink),
    };
    match samples(&reader, node, sink) {
        Ok(()) => {}
        Err(error) => {
            let _ = sink.as_sink().refuse(0, &Reason::Cut(error.to_string()));
        }
    }
    if let Ok(Some(before)) = reader.raw_pruned_before() {
        sink.note(&format!("samples from before {before} were pruned there: what rollups tell of them is not taken"));
    }
    match reader.annotations(TimeRange::ALL) {
        Ok(annotations) => {
            // the sink knows why it takes no more
            let _ = annotations.into_iter().try_for_each(|annotation| sink.as_sink().event(annotation));
        }
        Err(error) => refuse(error, sink),
    }
}

fn samples(reader: &Reader, node: Option<&NodeName>, sink: &mut dyn ImportSink) -> Result<(), StoreError> {
    let mut ids: Vec<SeriesId> = Vec::new();
    // by their number in the file that is read
    let mut taken: Vec<Option<SeriesId>> = Vec::new();
    for series in reader.series()? {
        let meta = MetricMeta { kind: Some(series.kind), unit: series.unit, help: series.help };
        let key = match node.map(|node| under(node, &series.key)) {
            None => series.key,
            Some(Ok(key)) => key,
            Some(Err(source)) => {
                let Ok(()) = sink.as_sink().refuse(0, &Reason::Name { column: 1, source }) else { return Ok(()) };
                continue;
            }
        };
        let Ok(made) = sink.as_sink().series(&key, Some(&meta)) else { return Ok(()) };
        let place = series.id.0 as usize;
        taken.resize(taken.len().max(place + 1), None);
        taken[place] = Some(made);
        ids.push(series.id);
    }
    ids.sort_unstable();
    reader.scan(&ids, TimeRange::ALL, &mut |id, times, values| {
        let Some(series) = taken.get(id.0 as usize).copied().flatten() else { return ControlFlow::Continue(()) };
        let all = times.iter().zip(values);
        let done = all.map(|(ms, value)| sink.as_sink().sample(series, Timestamp::from_millis(*ms), *value));
        match done.collect::<Result<(), Stop>>() {
            Ok(()) => ControlFlow::Continue(()),
            Err(Stop) => ControlFlow::Break(()),
        }
    })
}

/// The same series under another node.
fn under(node: &NodeName, key: &SeriesKey) -> Result<SeriesKey, NameError> {
    let named = (!key.labels.iter().any(|(label, _)| label == "node")).then_some(("node", key.node.as_str()));
    let labels = Labels::new(key.labels.iter().chain(named))?;
    Ok(SeriesKey { node: node.clone(), metric: key.metric.clone(), labels })
}
