//! `nodebook export`: samples as CSV, streaming.

use std::io::Write;
use std::path::Path;

use super::args::{ExportArgs, ExportFormat, ExportShape, ExportTime};
use super::context::{Context, Question};
use super::error::{CliError, Code};
use super::output::to_stdout;
use crate::deliver::{DeliverError, FileWriter};
use crate::export::{Agg, ExportError, Format, Output, Shape, TimeFormat, csv, rollup_csv};
use crate::model::range::parse_duration;
use crate::query::Source;

/// What is written, as the flags say it.
struct Plan {
    format: Format,
    rows: Rows,
    time: TimeFormat,
}

enum Rows {
    Samples(Shape),
    Buckets { step_ms: i64, aggs: Vec<Agg> },
}

/// Writes the samples.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Code, CliError> {
    let plan = Plan::of(args)?;
    let question = context.question(&args.range, &args.select)?;
    if plan.has_quantiles() && question.source.has_sketches(question.range)? {
        context.terminal.say("some samples of this time are no longer kept: their quantiles are within 1 %");
    }
    if args.output == Path::new("-") {
        // The header is written even where there is nothing under it: a reader of CSV gets a table of no rows.
        let rows = to_stdout(|out| plan.write(&question, out))?;
        return if rows == 0 { Err(CliError::nothing_in(question.range)) } else { Ok(Code::Done) };
    }
    let mut file = FileWriter::create(&args.output)?;
    let rows = plan.write(&question, &mut file).map_err(|error| naming_the_file(error, &args.output))?;
    if rows == 0 {
        return Err(CliError::nothing_in(question.range));
    }
    file.commit()?;
    let what = if args.every.is_some() { "rows" } else { "samples" };
    context.terminal.say(&format!("wrote {rows} {what} to {}", args.output.display()));
    Ok(Code::Done)
}

impl Plan {
    fn of(args: &ExportArgs) -> Result<Plan, CliError> {
        let format = match args.format {
            Some(ExportFormat::Csv) => Format::Csv,
            Some(ExportFormat::CsvGz) => Format::CsvGz,
            None => Format::from_path(&args.output)?,
        };
        let rows = match &args.every {
            Some(every) => Rows::Buckets {
                step_ms: parse_duration(every)?,
                aggs: args.agg.iter().map(|text| text.parse()).collect::<Result<_, ExportError>>()?,
            },
            None => Rows::Samples(match args.shape {
                ExportShape::Long => Shape::Long,
                ExportShape::Wide => Shape::Wide,
            }),
        };
        let time = match args.time {
            ExportTime::Rfc3339 => TimeFormat::Rfc3339,
            ExportTime::Ms => TimeFormat::Millis,
            ExportTime::S => TimeFormat::Seconds,
        };
        Ok(Plan { format, rows, time })
    }

    fn has_quantiles(&self) -> bool {
        matches!(&self.rows, Rows::Buckets { aggs, .. } if aggs.iter().any(|agg| matches!(agg, Agg::Quantile(_))))
    }

    /// Returns how many samples (or rows of buckets) there were.
    fn write(&self, question: &Question, out: &mut dyn Write) -> Result<u64, CliError> {
        let Question { source, range, selector } = question;
        let mut out = Output::new(self.format, out);
        let written = match &self.rows {
            Rows::Samples(shape) => csv(source, selector, *range, *shape, self.time, &mut out)?,
            Rows::Buckets { step_ms, aggs } => {
                rollup_csv(source, selector, *range, *step_ms, aggs, self.time, &mut out)?
            }
        };
        out.finish().map_err(ExportError::Write)?;
        Ok(written)
    }
}

/// A failed write was one of this file.
fn naming_the_file(error: CliError, path: &Path) -> CliError {
    match error {
        CliError::Export(ExportError::Write(source)) => DeliverError::Write { path: path.to_owned(), source }.into(),
        other => other,
    }
}
