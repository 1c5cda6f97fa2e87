//! `nodebook check`: every checksum and count.

use super::args::CheckArgs;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{plain, print_json, print_text};
use crate::store::check;

/// Checks, and names what is damaged.
pub fn run(args: &CheckArgs, context: &Context) -> Result<Code, CliError> {
    let report = check(context.db())?;
    let db = context.db().display().to_string();
    if args.json {
        print_json(&report)?;
    } else if report.ok {
        print_text(&format!("{}: every checksum and count is right", plain(&db)))?;
    } else {
        let lines: Vec<String> =
            report.problems.iter().map(|problem| plain(&format!("{}: {}", problem.place, problem.what))).collect();
        print_text(&lines.join("\n"))?;
        let plural = if report.total == 1 { "" } else { "s" };
        context.terminal.error(&format!("{db}: is damaged: {} problem{plural}", report.total));
    }
    Ok(if report.ok { Code::Done } else { Code::Database })
}
