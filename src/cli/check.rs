//! `nodebook check`: every checksum and count; what is whole of a damaged file.

use std::path::Path;

use super::args::CheckArgs;
use super::context::Context;
use super::error::{CliError, Code, with_db};
use super::info::without_samples;
use super::output::{counted, plain, print_json, print_text};
use crate::store::{CheckReport, Problem, check, recover};

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
        let reader = context.reader()?;
        if reader.span()?.is_none() {
            context.terminal.warn(&without_samples(&reader.info()?));
        }
    } else {
        print_text(&for_eyes(&report).join("\n"))?;
        context.terminal.error(&format!(
            "{db}: is damaged: {}: `nodebook check{} --recover NEW.db` writes what can still be read into a new file",
            counted(report.total as u64, "problem"),
            with_db(context.db())
        ));
    }
    Ok(if report.ok { Code::Done } else { Code::Database })
}

/// The first problems of each cause, and how many more there are: one bad name is a problem of every chunk below it.
fn for_eyes(report: &CheckReport) -> Vec<String> {
    const LINES_MAX: usize = 20;
    const ALIKE_MAX: usize = 3;
    let line = |problem: &Problem| plain(&format!("{}: {}", problem.place, problem.what));
    if report.total <= LINES_MAX {
        return report.problems.iter().map(line).collect();
    }
    // Listed problems have a last one that counts those that are not.
    let listed = &report.problems[..report.problems.len() - usize::from(report.total > report.problems.len())];
    let mut causes: Vec<(String, Vec<&Problem>)> = Vec::new();
    for problem in listed {
        let cause = problem.what.split(':').next().unwrap_or_default().replace(|c: char| c.is_ascii_digit(), "");
        match causes.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, alike)) => alike.push(problem),
            None => causes.push((cause, vec![problem])),
        }
    }
    let mut lines = Vec::new();
    let mut told = 0;
    for (_, alike) in &causes {
        let shown = &alike[..alike.len().min(ALIKE_MAX)];
        if lines.len() + shown.len() > LINES_MAX {
            break;
        }
        lines.extend(shown.iter().map(|problem| line(problem)));
        told += alike.len();
        if alike.len() > shown.len() {
            lines.push(format!(
                "  and {} more like {}",
                alike.len() - shown.len(),
                if shown.len() == 1 { "it" } else { "these" }
            ));
        }
    }
    if report.total > told {
        lines.push(format!(
            "and {} of other causes or not looked at one by one",
            counted((report.total - told) as u64, "more problem")
        ));
    }
    lines.push(format!("--json lists {} one by one", counted(listed.len() as u64, "problem")));
    lines
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(problems: &[(&str, String)], total: usize) -> Vec<String> {
        let problem = |(place, what): &(&str, String)| Problem { place: (*place).to_owned(), what: what.clone() };
        for_eyes(&CheckReport { ok: false, problems: problems.iter().map(problem).collect(), total })
    }

    #[test]
    fn one_cause_is_told_once() {
        let mut problems = vec![("names", "row 1 of `node` does not match its checksum".to_owned())];
        problems.extend((0..17).map(|n| ("chunk", format!("a chunk of series {n}"))));
        assert_eq!(of(&problems, 18).len(), 18, "few are told as they are");
        problems.extend((17..900).map(|n| ("chunk", format!("a chunk of series {n}"))));
        problems.push(("chunk_time", "row 7 does not match its checksum".to_owned()));
        problems.push(("file", "99 more problems".to_owned()));
        insta::assert_snapshot!(of(&problems, 1001).join("\n"), @"
        names: row 1 of `node` does not match its checksum
        chunk: a chunk of series 0
        chunk: a chunk of series 1
        chunk: a chunk of series 2
          and 897 more like these
        chunk_time: row 7 does not match its checksum
        and 99 more problems of other causes or not looked at one by one
        --json lists 902 problems one by one
        ");
    }
}
