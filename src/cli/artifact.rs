//! What the commands that make something to look at have in common.

use std::path::Path;

use super::context::Context;
use super::error::CliError;
use super::output::to_stdout;
use crate::deliver::{Artifact, write_file};
use crate::model::{Selector, TimeRange, Timestamp};
use crate::report::ReportOptions;

/// Writes an artifact to a file, or to stdout for `-`, and says so.
pub fn write(output: &Path, artifact: &Artifact, context: &Context) -> Result<(), CliError> {
    if output == Path::new("-") {
        return to_stdout(|out| out.write_all(&artifact.bytes).map_err(CliError::Stdout));
    }
    write_file(output, artifact)?;
    let size = indicatif::HumanBytes(artifact.bytes.len() as u64);
    context.terminal.say(&format!("wrote {} ({size})", output.display()));
    Ok(())
}

/// What a report, a figure and a summary have in common.
pub fn options(range: TimeRange, selector: Selector, context: &Context) -> ReportOptions {
    ReportOptions {
        made_at: made_at(context.now),
        command: context.command_line.clone(),
        language: context.settings.report.language(),
        look: context.settings.report.look(|why| context.terminal.warn(&format!("no logo: {why}"))),
        metrics: context.settings.report.metrics(),
        plots: context.settings.report.plots(),
        masks: context.settings.report.masks(context.settings.timezone),
        sections: context.settings.report.sections(),
        analysis: super::analyse::options(range, context),
        ..ReportOptions::new(range, selector, context.settings.timezone)
    }
}

/// Now, or nothing where SOURCE_DATE_EPOCH asks for reproducible output.
pub fn made_at(now: Timestamp) -> Option<Timestamp> {
    std::env::var_os("SOURCE_DATE_EPOCH").is_none().then_some(now)
}
