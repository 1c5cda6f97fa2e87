//! An engine's samples in a temporary database, so that SQL can be asked of them.

use super::super::args::SqlArgs;
use super::super::context::{Context, Question};
use super::super::error::{CliError, Code};
use super::super::output::counted;
use crate::query::Materialised;

/// Fetches the samples of RANGE and SELECT, at most `--limit`, and says so; with whether that is all that was asked for.
pub fn materialise(args: &SqlArgs, context: &Context) -> Result<(Materialised, Code), CliError> {
    let Question { source, range, selector, .. } = context.question(&args.range, &args.select)?;
    let found = Materialised::of(source.as_ref(), &selector, range, args.limit)?;
    let name = source.origin().name;
    let code = context.ended(source.as_ref(), Code::Done);
    context.terminal.say(&format!(
        "asked of {} of {name} from {} to {}, which are in a temporary database (at most {}: --limit)",
        counted(found.samples, "sample"),
        range.from(),
        range.to(),
        args.limit
    ));
    if !found.is_cut {
        return Ok((found, code));
    }
    context.terminal.error(&format!(
        "only the first {} are there, some series end early: take a shorter range, or a larger --limit",
        counted(found.samples, "sample")
    ));
    Ok((found, Code::Partial))
}
