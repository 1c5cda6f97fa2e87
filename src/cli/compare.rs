//! `nodebook compare`: what changed most between two ranges, or two databases.

use std::path::Path;

use chrono_tz::Tz;

use super::args::{CompareArgs, CompareFormat};
use super::artifact::options;
use super::context::Context;
use super::error::{CliError, Code};
use super::findings::stretch;
use super::output::{Align, plain, print_json, print_text, table};
use super::report_file::{expect_output, write_all};
use crate::model::range::parse_period;
use crate::model::{Selector, TimeRange};
use crate::query::{LocalSource, Source};
use crate::report::{Compare, Comparison, NONE, Period, Report, ReportOptions, SectionId, compare};

/// Rows of the table.
const ROWS_MAX: usize = 20;

/// Columns of the table.
const COLUMNS: &[(&str, Align)] = &[
    ("metric", Align::Left),
    ("node", Align::Left),
    ("mean A", Align::Right),
    ("mean B", Align::Right),
    ("change", Align::Right),
    ("p95 A", Align::Right),
    ("p95 B", Align::Right),
    ("steady", Align::Left),
];

/// What is compared: B with A.
struct Pair {
    now: Box<dyn Source>,
    range: TimeRange,
    /// Another database for A.
    other: Option<LocalSource>,
    before: TimeRange,
}

/// Compares, prints, and writes the reports.
pub fn run(args: &CompareArgs, context: &Context) -> Result<Code, CliError> {
    args.output.iter().try_for_each(|output| expect_output(output))?;
    let selector = args.select.selector()?;
    let pair = Pair::of(args, &selector, context)?;
    let mut options = ReportOptions {
        title: args.title.clone(),
        compare: Compare::Range(pair.before),
        ..options(pair.range, selector, context)
    };
    options.sections.subject = Some(SectionId::Compare);
    let other = pair.other.as_ref().map(|other| other as &dyn Source);
    let to_stdout = args.output.iter().any(|output| output == Path::new("-"));
    if !to_stdout {
        let found = compare(pair.now.as_ref(), other, &options)?;
        match args.format {
            CompareFormat::Json => print_json(&found)?,
            CompareFormat::Table => print_text(&text(&found, context.settings.timezone))?,
        }
    }
    if !args.output.is_empty() {
        let report = match other {
            Some(other) => Report::against(pair.now.as_ref(), other, &options)?,
            None => Report::of(pair.now.as_ref(), &options)?,
        };
        write_all(&report, &args.output, context)?;
    }
    Ok(context.ended(pair.now.as_ref(), Code::Done))
}

impl Pair {
    fn of(args: &CompareArgs, selector: &Selector, context: &Context) -> Result<Pair, CliError> {
        let is_file = |text: &str| Path::new(text).is_file();
        match (is_file(&args.a), is_file(&args.b)) {
            (true, true) => {
                let (other, before) = whole(Path::new(&args.a), context)?;
                let (now, range) = whole(Path::new(&args.b), context)?;
                Ok(Pair { now: Box::new(now), range, other: Some(other), before })
            }
            (false, false) => {
                let period = |text: &str| {
                    parse_period(text, context.now, context.settings.timezone).map_err(|error| {
                        CliError::Usage(format!("`{text}` is neither a database nor a period: {error}"))
                    })
                };
                let (before, range) = (period(&args.a)?, period(&args.b)?);
                Ok(Pair { now: context.asked()?.looking_at(range, Some(before), selector), range, other: None, before })
            }
            (a_is, _) => {
                let (file, text) = if a_is { (&args.a, &args.b) } else { (&args.b, &args.a) };
                Err(CliError::Usage(format!(
                    "{file} is a database and `{text}` is not: compare two databases, or two periods of one"
                )))
            }
        }
    }
}

/// A database and all of its time.
fn whole(path: &Path, context: &Context) -> Result<(LocalSource, TimeRange), CliError> {
    let source = context.source(path)?;
    let empty = || CliError::NoData(format!("{}: holds no samples", path.display()));
    let span = source.span()?.ok_or_else(empty)?;
    Ok((source, span))
}

fn text(found: &Comparison, zone: Tz) -> String {
    let side = |name: &str, period: &Period| {
        let complete = (period.coverage * 1000.0).floor() / 10.0;
        let nodes = period.nodes.len();
        let (from, to) = stretch(&period.from, &period.to, zone);
        let source = plain(&period.source);
        format!("{name}: {source}, {from} to {to} {zone}, nodes: {nodes}, {complete} % of the expected samples\n")
    };
    let mut text = side("A", &found.before) + &side("B", &found.now);
    if !found.nodes.is_empty() {
        text += &format!("{}\n", plain(&found.nodes));
    }
    text.push('\n');
    text += &table(COLUMNS, found.rows.iter().take(ROWS_MAX).cloned());
    let hidden = found.rows.len().saturating_sub(ROWS_MAX);
    if hidden > 0 {
        text += &format!("and {hidden} smaller changes (--format json has them)\n");
    }
    let told = match found.findings.len() {
        0 => "nothing changed much and steadily".to_owned(),
        n => format!("changed much and steadily: {n} of {}", found.rows.len()),
    };
    text.push('\n');
    if found.rows.iter().take(ROWS_MAX).any(|row| row.last().is_some_and(|steady| steady == NONE)) {
        text += &format!("steady {NONE}: the change is not large, or not steady\n");
    }
    text.extend(found.unsteady.iter().map(|line| format!("not steady: {}\n", plain(line))));
    text + &format!("{told}\n")
}
