//! `nodebook export`: samples as CSV and for other programs, streaming.

use std::io::Write;
use std::path::Path;

use super::args::{ExportArgs, ExportFormat, ExportShape, ExportTime};
use super::context::{Context, Question};
use super::error::{CliError, Code};
use super::output::{counted, to_stdout};
use crate::deliver::{DeliverError, FileWriter};
use crate::export::{
    Agg, Encoding, ExportError, Format, Output, Packing, Shape, TimeFormat, Written, csv, influx, jsonl, openmetrics,
    parquet, rollup_csv, rollup_parquet,
};
use crate::model::range::parse_duration;

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
        let written = to_stdout(|out| plan.write(&question, out))?;
        return ended(written, &question, context);
    }
    let mut file = FileWriter::create(&args.output)?;
    let written = plan.write(&question, &mut file).map_err(|error| naming_the_file(error, &args.output))?;
    if written.samples > 0 {
        file.commit()?;
        let what = if args.every.is_some() { "rows" } else { "samples" };
        context.terminal.say(&format!("wrote {} {what} to {}", written.samples, args.output.display()));
    }
    ended(written, &question, context)
}

fn ended(written: Written, question: &Question, context: &Context) -> Result<Code, CliError> {
    if written.left_out > 0 {
        let left_out = counted(written.left_out, "sample");
        context.terminal.error(&format!("{left_out} left out: the format has no words for what is no finite number"));
    }
    match written {
        Written { samples: 0, .. } => Err(question.nothing_stored(context)),
        Written { left_out: 0, .. } => Ok(context.ended(question.source.as_ref(), Code::Done)),
        Written { .. } => Ok(Code::Partial),
    }
}

impl Plan {
    fn of(args: &ExportArgs) -> Result<Plan, CliError> {
        let format = match args.format {
            Some(asked) => format(asked),
            None => Format::from_path(&args.output)?,
        };
        let is_table = matches!(format.encoding, Encoding::Csv | Encoding::Parquet);
        if !is_table && (args.every.is_some() || args.shape == ExportShape::Wide) {
            return Err(CliError::Usage(
                "--every and --shape wide make tables: write them as .csv or .parquet".to_owned(),
            ));
        }
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
    fn write(&self, question: &Question, out: &mut dyn Write) -> Result<Written, CliError> {
        let (source, range, selector) = (question.source.as_ref(), &question.range, &question.selector);
        let mut out = Output::new(self.format.packing, out).map_err(ExportError::Write)?;
        let all = |samples| Written { samples, left_out: 0 };
        let written = match (self.format.encoding, &self.rows) {
            (Encoding::JsonLines, _) => all(jsonl(source, selector, *range, &mut out)?),
            (Encoding::OpenMetrics, _) => all(openmetrics(source, selector, *range, &mut out)?),
            (Encoding::Influx, _) => influx(source, selector, *range, &mut out)?,
            (Encoding::Parquet, Rows::Samples(shape)) => all(parquet(source, selector, *range, *shape, &mut out)?),
            (Encoding::Parquet, Rows::Buckets { step_ms, aggs }) => {
                all(rollup_parquet(source, selector, *range, *step_ms, aggs, &mut out)?)
            }
            (Encoding::Csv, Rows::Samples(shape)) => all(csv(source, selector, *range, *shape, self.time, &mut out)?),
            (Encoding::Csv, Rows::Buckets { step_ms, aggs }) => {
                all(rollup_csv(source, selector, *range, *step_ms, aggs, self.time, &mut out)?)
            }
        };
        out.finish().map_err(ExportError::Write)?;
        Ok(written)
    }
}

fn format(asked: ExportFormat) -> Format {
    let (encoding, packing) = match asked {
        ExportFormat::Csv => (Encoding::Csv, Packing::None),
        ExportFormat::CsvGz => (Encoding::Csv, Packing::Gz),
        ExportFormat::CsvZst => (Encoding::Csv, Packing::Zstd),
        ExportFormat::Jsonl => (Encoding::JsonLines, Packing::None),
        ExportFormat::Openmetrics => (Encoding::OpenMetrics, Packing::None),
        ExportFormat::Influx => (Encoding::Influx, Packing::None),
        ExportFormat::Parquet => (Encoding::Parquet, Packing::None),
    };
    Format { encoding, packing }
}

/// A failed write was one of this file.
fn naming_the_file(error: CliError, path: &Path) -> CliError {
    match error {
        CliError::Export(ExportError::Write(source)) => DeliverError::Write { path: path.to_owned(), source }.into(),
        other => other,
    }
}
