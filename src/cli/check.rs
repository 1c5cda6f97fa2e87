//! `nodebook check`: every checksum and count; what is whole of a damaged file.

use std::path::Path;

use super::args::CheckArgs;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{plain, print_json, print_text};
use crate::store::{check, recover};

/// Checks, and names what is damaged.
pub fn run(args: &CheckArgs, context: &Context) -> Result<Code, CliError> {
    if let Some(out) = &args.recover {
        return keep_the_rest(args, context, out);
    }
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
        context.terminal.error(&format!(
            "{db}: is damaged: {} problem{plural}: `nodebook check --recover NEW.db` writes what can still be read into a \
             new file",
            report.total
        ));
    }
    Ok(if report.ok { Code::Done } else { Code::Database })
}

/// Done in part where something is lost.
fn keep_the_rest(args: &CheckArgs, context: &Context, out: &Path) -> Result<Code, CliError> {
    let report = recover(context.db(), out)?;
    if args.json {
        print_json(&report)?;
    } else {
        let lost = report.lost.iter().map(|l| format!("{} from {} to {}: {}", l.series, l.from, l.to, l.what));
        let more = (report.unlisted > 0).then(|| format!("{} more losses", report.unlisted));
        let kept = format!("{}: {} samples kept", out.display(), report.samples);
        let lines: Vec<String> = lost.chain(more).chain([kept]).map(|line| plain(&line)).collect();
        print_text(&lines.join("\n"))?;
    }
    Ok(if report.lost.is_empty() { Code::Done } else { Code::Partial })
}
