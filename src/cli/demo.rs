//! `nodebook demo`: a simulated cluster, said to be one.

use super::args::DemoArgs;
use super::context::Context;
use super::error::{CliError, Code};
use crate::ingest::demo::{DemoOptions, batches};
use crate::model::{Annotation, SeriesId, SeriesKey, TimeRange};
use crate::store::{Durability, Reader, Store, StoreError};

/// Distance of simulated samples, ms.
const INTERVAL_MS: i64 = 60_000;

/// Fills the database.
pub fn run(args: &DemoArgs, context: &Context) -> Result<Code, CliError> {
    let until = context.now.floor_to(INTERVAL_MS);
    let options =
        DemoOptions { nodes: args.nodes as usize, days: args.days, seed: args.seed, until, interval_ms: INTERVAL_MS };
    refuse_other_data(context)?;
    let mut store = context.store(Durability::Normal)?;
    let samples = fill(&mut store, options)?;
    let from = until.plus_millis(-86_400_000 * i64::from(args.days));
    store.annotate(&Annotation {
        at: from,
        until: Some(until),
        nodes: None,
        text: Annotation::SIMULATED.to_owned(),
    })?;
    store.close()?;
    context.terminal.say(&format!(
        "simulated {} nodes for {} days: {samples} samples in {}",
        args.nodes,
        args.days,
        context.db().display()
    ));
    Ok(Code::Done)
}

/// Simulated data is never mixed into real data.
fn refuse_other_data(context: &Context) -> Result<(), CliError> {
    let reader = match Reader::open(context.db()) {
        Err(StoreError::Missing { .. }) => return Ok(()),
        reader => reader?,
    };
    let is_demo = || -> Result<bool, StoreError> {
        Ok(reader.annotations(TimeRange::ALL)?.iter().any(Annotation::marks_simulated_data))
    };
    if reader.span()?.is_some() && !is_demo()? {
        return Err(CliError::NotADemo { path: context.db().to_owned() });
    }
    Ok(())
}

fn fill(store: &mut Store, options: DemoOptions) -> Result<u64, CliError> {
    let mut bulk = store.bulk();
    let mut known: Vec<(SeriesKey, SeriesId)> = Vec::new();
    for batch in batches(options) {
        // Every scrape has the same series in the same order, but for a node that is down.
        let mut ids = Vec::with_capacity(batch.keys.len());
        for (i, (key, meta)) in batch.keys.iter().zip(&batch.meta).enumerate() {
            match known.get(i) {
                Some((same, id)) if same == key => ids.push(*id),
                _ => ids.push(bulk.series(key, meta.as_ref())?),
            }
        }
        if known.len() <= ids.len() {
            known = batch.keys.iter().cloned().zip(ids.iter().copied()).collect();
        }
        for (index, sample) in &batch.samples {
            bulk.push(ids[*index as usize], sample.ts, sample.value)?;
        }
    }
    let counts = bulk.finish()?;
    Ok(counts.stored + counts.duplicates + counts.replaced)
}
