//! `nodebook report`: the HTML report of a range.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::args::{Analyse, Interactive, ReportArgs};
use super::artifact::options;
use super::context::{Context, Question};
use super::error::{CliError, Code};
use super::report_file::{expect_kind, write_all};
use crate::analyse::FindingKind;
use crate::model::range::parse_period;
use crate::model::{TimeRange, Timestamp};
use crate::report::{Compare, Report, ReportOptions};

/// Writes the report to every output.
pub fn run(args: &ReportArgs, context: &Context) -> Result<Code, CliError> {
    args.output.iter().try_for_each(|output| expect_kind(output))?;
    let Made { report, range, code } = make(args, context)?;
    let default = [PathBuf::from(default_name(range, context.settings.timezone))];
    write_all(&report, if args.output.is_empty() { &default } else { &args.output }, context)?;
    Ok(code)
}

/// A report.
pub struct Made {
    /// It.
    pub report: Report,
    /// What it is of.
    pub range: TimeRange,
    /// Whether it is of all there is.
    pub code: Code,
}

/// The report that these flags ask for.
pub fn make(args: &ReportArgs, context: &Context) -> Result<Made, CliError> {
    let compare = compare(args.compare.as_deref(), context)?;
    let other = match compare {
        Compare::Range(other) => Some(other),
        _ => None,
    };
    let question = context.question_beside(&args.range, &args.select, other)?;
    let Question { source, range, selector, .. } = &question;
    let options = options(*range, selector.clone(), context);
    let options = ReportOptions {
        language: args.language.unwrap_or(options.language),
        title: args.title.clone().or_else(|| context.settings.title.clone()),
        compare,
        interactive: args.interactive == Interactive::On,
        kinds: match args.analyse {
            Analyse::On => options.kinds,
            Analyse::Off => vec![FindingKind::Threshold],
        },
        max_bytes: args.max_size.map_or(options.max_bytes, |size| size.0),
        ..options
    };
    let report = Report::of(source.as_ref(), &options).map_err(|error| question.failed(error, context))?;
    Ok(Made { report, range: *range, code: context.ended(source.as_ref(), Code::Done) })
}

/// What `--compare` says.
fn compare(text: Option<&str>, context: &Context) -> Result<Compare, CliError> {
    Ok(match text {
        None => Compare::PreviousIfThere,
        Some("previous") => Compare::Previous,
        Some("none") => Compare::Nothing,
        Some(file) if Path::new(file).is_file() => {
            return Err(CliError::Usage(format!(
                "--compare takes a period, and {file} is a file: `nodebook compare {file} {} -o runs.html` makes the report \
                 of two databases",
                context.db().display()
            )));
        }
        Some(period) => Compare::Range(parse_period(period, context.now, context.settings.timezone)?),
    })
}

/// `nodebook-report-FROM-TO.html`: days where the range is of whole days, else with the time of day.
pub fn default_name(range: TimeRange, zone: Tz) -> String {
    let local = |t: Timestamp| t.to_utc().with_timezone(&zone);
    let (from, to) = (local(range.from()), local(range.to()));
    let is_midnight = |t: &chrono::DateTime<Tz>| t.time() == chrono::NaiveTime::MIN;
    let format = if is_midnight(&from) && is_midnight(&to) { "%Y%m%d" } else { "%Y%m%dT%H%M" };
    format!("nodebook-report-{}-{}.html", from.format(format), to.format(format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_range_in_the_zone_of_the_reader() {
        let day = TimeRange::new(Timestamp::from_millis(1_767_571_200_000), Timestamp::from_millis(1_767_657_600_000))
            .unwrap();
        assert_eq!(default_name(day, Tz::UTC), "nodebook-report-20260105-20260106.html");
        assert_eq!(default_name(day, Tz::Europe__Berlin), "nodebook-report-20260105T0100-20260106T0100.html");
    }
}
