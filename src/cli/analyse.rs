//! `nodebook analyse`: the findings by themselves, or the score of every row.

use chrono::Offset;
use serde::Serialize;

use super::args::{AnalyseArgs, AnalyseFormat, What};
use super::context::{Context, Question};
use super::error::{CliError, Code};
use super::findings::{NOTHING, csv, moments, table};
use super::output::{print_json, print_text, to_stdout};
use crate::analyse::{self, Changes, FindingKind, Floors, Options, load};
use crate::export::push_csv_text;
use crate::model::TimeRange;
use crate::query::frame::coverage;
use crate::query::missing::coverage_findings;
use crate::query::summary::Finding;

/// Series whose rows are written together.
const DENSE_SERIES: usize = 64;

/// The object that programs read.
#[derive(Serialize)]
struct Answer {
    findings: Vec<Finding>,
}

/// Prints the findings, or with CSV of anomalies a row for every series and step.
pub fn run(args: &AnalyseArgs, context: &Context) -> Result<Code, CliError> {
    let question = context.question(&args.range, &args.select)?;
    if args.format == AnalyseFormat::Csv && matches!(args.what, What::All | What::Anomalies) {
        return dense(&question, context);
    }
    let (source, range, selector) = (question.source.as_ref(), &question.range, &question.selector);
    // Who asks for changes alone wants those of every series.
    let changes = if args.what == What::Changes { Changes::Each } else { Changes::Together };
    let options = Options { changes, ..options(*range, context) };
    let found = analyse::examine(source, selector, *range, kinds(args.what), &options)?;
    if found.judged.series == 0 {
        return Err(question.nothing(context));
    }
    let eyes = (args.format == AnalyseFormat::Table).then_some(context.settings.timezone);
    let complete = match args.what {
        What::All => coverage_findings(&coverage(source, &source.series(selector)?, *range)?, *range, &moments(eyes)),
        _ => Vec::new(),
    };
    let findings = analyse::ranked(complete, &found.all);
    found.judged.notes.iter().for_each(|note| context.terminal.say(note));
    // What could not be judged is another thing than what was judged and is nothing.
    let unjudged = found.judged.no_forecast().filter(|_| args.what == What::Forecast);
    let nothing = unjudged.as_deref().unwrap_or(NOTHING);
    match args.format {
        AnalyseFormat::Json => {
            if findings.is_empty() {
                context.terminal.say(nothing);
            }
            print_json(&Answer { findings })?;
        }
        AnalyseFormat::Csv => print_text(&csv(&findings))?,
        AnalyseFormat::Table if findings.is_empty() => print_text(&format!("{nothing}\n"))?,
        AnalyseFormat::Table => print_text(&table(&findings, context.settings.timezone))?,
    }
    Ok(context.ended(source, Code::Done))
}

/// How series are judged in `range` under these settings.
pub fn options(range: TimeRange, context: &Context) -> Options {
    let offset = range.from().to_utc().with_timezone(&context.settings.timezone).offset().fix();
    Options {
        utc_offset_ms: i64::from(offset.local_minus_utc()) * 1_000,
        sensitivity: context.settings.analysis.sensitivity.unwrap_or_default(),
        floors: Floors::default()
            .with(context.settings.analysis.floors.iter().map(|(unit, own)| (unit.as_str(), own.0))),
        masks: context.settings.report.masks(context.settings.timezone),
        mute: context.settings.analysis.mute(),
        thresholds: context.settings.thresholds.clone(),
        ..Options::default()
    }
}

fn kinds(what: What) -> &'static [FindingKind] {
    match what {
        What::Anomalies => &[FindingKind::Anomaly],
        What::Changes => &[FindingKind::Change],
        What::Correlation => &[FindingKind::Correlation],
        What::Forecast => &[FindingKind::Capacity],
        What::All => &analyse::KINDS,
    }
}

/// `series,timestamp,score,alarm`: series by series, in order of time.
fn dense(question: &Question, context: &Context) -> Result<Code, CliError> {
    let (source, range, selector) = (question.source.as_ref(), &question.range, &question.selector);
    let options = options(*range, context);
    let groups = load::groups(source, selector, *range)?;
    if groups.is_empty() {
        return Err(question.nothing(context));
    }
    to_stdout(|out| {
        writeln!(out, "series,timestamp,score,alarm").map_err(CliError::Stdout)?;
        let mut rows = Vec::new();
        for group in groups {
            let loaded = group.load(source, *range)?;
            let subjects = loaded.subjects();
            for from in (0..subjects.len()).step_by(DENSE_SERIES) {
                let some = from..(from + DENSE_SERIES).min(subjects.len());
                let stamps = loaded.stamps(source, *range, some.clone())?;
                let judged = analyse::dense(&subjects[some.clone()], loaded.grid, &options);
                for ((subject, stamps), judged) in subjects[some].iter().zip(&stamps).zip(&judged) {
                    let mut name = Vec::new();
                    push_csv_text(&mut name, &subject.key.to_string());
                    rows.clear();
                    for ((stamp, score), alarm) in stamps.iter().zip(&judged.score).zip(&judged.alarms) {
                        rows.extend_from_slice(&name);
                        rows.extend(format!(",{},{score:.4},{}\n", stamp.to_rfc3339(), alarm.level()).bytes());
                    }
                    out.write_all(&rows).map_err(CliError::Stdout)?;
                }
            }
        }
        Ok(context.ended(source, Code::Done))
    })
}
