//! `nodebook plot`: one figure.

use super::args::PlotArgs;
use super::artifact::{options, write};
use super::context::{Context, Question};
use super::error::{CliError, Code};
use crate::deliver::Artifact;
use crate::report::{ReportOptions, plot_html, plot_json, plot_png, plot_svg};

/// Writes the figure.
pub fn run(args: &PlotArgs, context: &Context) -> Result<Code, CliError> {
    let format = Format::of(args)?;
    let question = context.question(&args.range, &args.select)?;
    let Question { source, range, selector, .. } = &question;
    let options = options(*range, selector.clone(), context);
    let language = args.language.unwrap_or(options.language);
    let options = ReportOptions { title: args.title.clone(), language, ..options };
    let metrics = &args.metrics;
    let (media_type, bytes) = match format {
        Format::Html => {
            ("text/html; charset=utf-8", plot_html(source.as_ref(), metrics, &options).map(String::into_bytes))
        }
        Format::Json => ("application/json", plot_json(source.as_ref(), metrics, &options).map(String::into_bytes)),
        Format::Svg => ("image/svg+xml", plot_svg(source.as_ref(), metrics, &options).map(String::into_bytes)),
        Format::Png => ("image/png", plot_png(source.as_ref(), metrics, &options)),
    };
    let bytes = bytes.map_err(|error| question.failed(error, context))?;
    let name = args.output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    write(&args.output, &Artifact { name, media_type, bytes }, context)?;
    Ok(context.ended(source.as_ref(), Code::Done))
}

#[derive(Clone, Copy)]
enum Format {
    Html,
    Json,
    Svg,
    Png,
}

impl Format {
    /// By the ending; a figure on stdout is for a program.
    fn of(args: &PlotArgs) -> Result<Format, CliError> {
        match args.output.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
            Some("html" | "htm") => Ok(Format::Html),
            Some("json") => Ok(Format::Json),
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            None if args.output.as_os_str() == "-" => Ok(Format::Json),
            _ => Err(CliError::Usage(format!(
                "{}: a figure is written as .html, .png, .svg or .json",
                args.output.display()
            ))),
        }
    }
}
