//! `nodebook summary`: the numbers and findings of a range, for the terminal, programs and tickets.

use chrono_tz::Tz;
use indicatif::HumanBytes;

use super::args::{SummaryArgs, SummaryFormat};
use super::context::{Context, Question};
use super::error::{CliError, Code};
use super::findings;
use super::output::{Align, counted, markdown_table, print_json, print_text, table};
use crate::analyse;
use crate::model::{Annotation, TimeRange, Timestamp};
use crate::query::summary::{self, MetricSummary, Summary};

/// More rows than these nobody reads.
const SERIES_MAX: usize = 200;

/// Columns of the table of numbers.
const COLUMNS: &[(&str, Align)] = &[
    ("node", Align::Left),
    ("metric", Align::Left),
    ("avg", Align::Right),
    ("min", Align::Right),
    ("max", Align::Right),
    ("p50", Align::Right),
    ("p95", Align::Right),
    ("p99", Align::Right),
    ("last", Align::Right),
    ("unit", Align::Left),
];

/// Prints it.
pub fn run(args: &SummaryArgs, context: &Context) -> Result<Code, CliError> {
    let question = context.question(&args.range, &args.select)?;
    let Question { source, range, selector, .. } = &question;
    let range = *range;
    let zone = context.settings.timezone;
    let eyes = (args.format != SummaryFormat::Json).then_some(zone);
    let options = super::analyse::options(range, context);
    let (found, judged) = analyse::summarise(source.as_ref(), selector, range, &options, &findings::moments(eyes))?;
    if found.metrics.is_empty() {
        return Err(question.nothing_stored(context));
    }
    judged.notes.iter().for_each(|note| context.terminal.say(note));
    let mut heading = heading(&found, range, zone);
    if source.annotations(range)?.iter().any(Annotation::marks_simulated_data) {
        heading += &format!(", {}", Annotation::SIMULATED);
    }
    match args.format {
        SummaryFormat::Json => print_json(&found)?,
        SummaryFormat::Text => {
            let findings = findings::table(&found.findings, zone);
            let (rows, more) = for_eyes(&found, args, &question)?;
            print_text(&format!("{heading}\n\n{findings}\n{}{more}", table(COLUMNS, rows)))?;
        }
        SummaryFormat::Markdown => {
            let findings = findings::markdown(&found.findings, zone);
            let (rows, more) = for_eyes(&found, args, &question)?;
            print_text(&format!("**{heading}**\n\n{findings}\n{}{more}", markdown_table(COLUMNS, rows)))?;
        }
    }
    Ok(context.ended(source.as_ref(), Code::Done))
}

fn heading(found: &Summary, range: TimeRange, zone: Tz) -> String {
    let local = |t: Timestamp| t.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    let nodes = counted(found.nodes.len() as u64, "node");
    format!(
        "{} to {} {zone}, {nodes}, {} % of the expected samples",
        local(range.from()),
        local(range.to()),
        (found.coverage * 1_000.0).floor() / 10.0 // what is not complete is never rounded up to it
    )
}

/// The rows of the table, and what is said below it. A thousand series of exporters are nothing for eyes: the known metrics stand for them, unless
/// somebody has said which are wanted.
fn for_eyes(found: &Summary, args: &SummaryArgs, question: &Question) -> Result<(Vec<Vec<String>>, String), CliError> {
    let Question { source, range, selector, .. } = question;
    if found.metrics.len() <= SERIES_MAX || !args.select.metric.is_empty() {
        return Ok((rows(&found.metrics), String::new()));
    }
    let known = summary::known_metrics(source.as_ref(), selector, *range)?;
    if known.is_empty() {
        return Ok((rows(&found.metrics), String::new()));
    }
    let all = counted(found.metrics.len() as u64, "stored series");
    Ok((
        rows(&known),
        format!("\nof {all} what is known by name; --metric '*' or --format json has the numbers of each\n"),
    ))
}

fn rows(metrics: &[MetricSummary]) -> Vec<Vec<String>> {
    let row = |metric: &MetricSummary| {
        let MetricSummary { avg, min, max, p50, p95, p99, last, .. } = *metric;
        let labels: Vec<String> = metric.labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let numbers = [avg, min, max, p50, p95, p99, last].map(|value| number(value, &metric.unit));
        let name = [metric.node.clone(), format!("{}{labels}", metric.metric)];
        // Bytes carry their unit: KiB, MiB.
        let unit = metric.unit.strip_prefix("bytes").unwrap_or(&metric.unit).to_owned();
        name.into_iter().chain(numbers).chain([unit]).collect()
    };
    metrics.iter().map(row).collect()
}

/// Four digits for eyes; bytes in the unit that suits them.
fn number(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "-".to_owned() } else { value.to_string() };
    }
    if unit.starts_with("bytes") && value >= 0.0 {
        return HumanBytes(value.round() as u64).to_string();
    }
    if value.abs() >= 1e15 {
        return format!("{value:.3e}"); // not three hundred digits
    }
    let whole_digits = value.abs().max(1.0).log10().floor() as usize + 1;
    let text = format!("{value:.*}", 4_usize.saturating_sub(whole_digits));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_eyes() {
        let say = |value: f64, unit: &str| number(value, unit);
        assert_eq!(say(12.345_6, "percent"), "12.35");
        assert_eq!(say(0.25, ""), "0.25");
        assert_eq!(say(123_456.7, ""), "123457");
        assert_eq!(say(100.0, "percent"), "100");
        assert_eq!(say(f64::MAX, ""), "1.798e308");
        assert_eq!(say(f64::NAN, "percent"), "-");
        assert_eq!(say(3_145_728.0, "bytes/s"), "3.00 MiB");
    }
}
