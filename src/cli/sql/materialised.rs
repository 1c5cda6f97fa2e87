//! An engine's samples in a temporary database, so that SQL can be asked of them.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::super::args::SqlArgs;
use super::super::context::{Context, Question};
use super::super::error::{CliError, Code};
use super::super::output::counted;
use crate::model::{MetricMeta, Timestamp};
use crate::store::{Durability, Store, StoreError, StoreOptions};

/// A database that is gone when this is dropped.
pub struct Materialised {
    /// Where it is, and its directory.
    pub path: PathBuf,
    _directory: tempfile::TempDir,
    /// Whether it has all that was asked for.
    pub code: Code,
}

/// Fetches the samples of RANGE and SELECT, at most `--limit`, and says so.
pub fn materialise(args: &SqlArgs, context: &Context) -> Result<Materialised, CliError> {
    let Question { source, range, selector } = context.question(&args.range, &args.select)?;
    let directory = tempfile::Builder::new().prefix("nodebook-").tempdir().map_err(CliError::Temporary)?;
    let path = directory.path().join("engine.db");
    let mut store = Store::open(&path, StoreOptions { durability: Durability::Normal })?;
    let mut bulk = store.bulk();
    let series = source.series(&selector)?;
    let mut numbers = std::collections::HashMap::with_capacity(series.len());
    for one in &series {
        let meta = MetricMeta { kind: Some(one.kind), unit: one.unit.clone(), help: one.help.clone() };
        numbers.insert(one.id, bulk.series(&one.key, Some(&meta))?);
    }
    let ids: Vec<_> = series.iter().map(|one| one.id).collect();
    let (mut taken, mut failed, mut cut): (u64, Option<StoreError>, bool) = (0, None, false);
    source.samples(&ids, range, &mut |id, times, values| {
        let Some(number) = numbers.get(&id) else { return ControlFlow::Continue(()) };
        for (ms, value) in times.iter().zip(values) {
            if taken == args.limit {
                cut = true;
                return ControlFlow::Break(());
            }
            if let Err(error) = bulk.push(*number, Timestamp::from_millis(*ms), *value) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            taken += 1;
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)?;
    bulk.finish()?;
    store.close()?;
    let name = source.origin().name;
    let code = context.ended(source.as_ref(), Code::Done);
    context.terminal.say(&format!(
        "asked of {} of {name} from {} to {}, which are in a temporary database (at most {}: --limit)",
        counted(taken, "sample"),
        range.from(),
        range.to(),
        args.limit
    ));
    let code = match cut {
        false => code,
        true => {
            context.terminal.error(&format!(
                "only the first {} are there, some series end early: take a shorter range, or a larger --limit",
                counted(taken, "sample")
            ));
            Code::Partial
        }
    };
    Ok(Materialised { path, _directory: directory, code })
}
