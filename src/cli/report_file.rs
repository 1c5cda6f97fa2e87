//! Reports as files: which kind each output is, and all of them from one reading of the data.

use std::path::{Path, PathBuf};

use super::artifact::write;
use super::context::Context;
use super::error::CliError;
use super::mail::{EML, eml};
use crate::deliver::{Artifact, expect_writable};
use crate::report::{Report, html, json};

/// Media type of a report.
pub const HTML: &str = "text/html; charset=utf-8";

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    Json,
    Eml,
    #[cfg(feature = "pdf")]
    Pdf,
}

impl Kind {
    /// By the ending; stdout gets the page.
    fn of(output: &Path) -> Result<Kind, CliError> {
        let ending = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            _ if output == Path::new("-") => Ok(Kind::Html),
            "html" | "htm" => Ok(Kind::Html),
            "json" => Ok(Kind::Json),
            "eml" => Ok(Kind::Eml),
            #[cfg(feature = "pdf")]
            "pdf" => Ok(Kind::Pdf),
            #[cfg(not(feature = "pdf"))]
            "pdf" => Err(CliError::Usage(format!(
                "{}: this nodebook was built without pdf (cargo feature `pdf`); the .html prints well",
                output.display()
            ))),
            _ => {
                Err(CliError::Usage(format!("{}: a report is written as .html, .pdf, .json or .eml", output.display())))
            }
        }
    }

    fn artifact(self, report: &Report, name: String, context: &Context) -> Result<Artifact, CliError> {
        let (media_type, bytes) = match self {
            Kind::Html => (HTML, html(&report.view)?.into_bytes()),
            Kind::Json => ("application/json", json(&report.view)?.into_bytes()),
            Kind::Eml => (EML, eml(report, &name, context)?),
            #[cfg(feature = "pdf")]
            Kind::Pdf => ("application/pdf", pdf(report, context)?),
        };
        Ok(Artifact { name, media_type, bytes })
    }
}

#[cfg(feature = "pdf")]
fn pdf(report: &Report, context: &Context) -> Result<Vec<u8>, CliError> {
    Ok(report.pdf(context.settings.report.paper(&locale()))?)
}

/// The locale of what is printed, by the rules of POSIX.
#[cfg(feature = "pdf")]
fn locale() -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_PAPER", "LANG"].iter().find_map(set).unwrap_or_default()
}

/// Refuses, before hours of work, an output that could not be written after them.
pub fn expect_output(output: &Path) -> Result<(), CliError> {
    expect_kind(output)?;
    if output != Path::new("-") {
        expect_writable(output)?;
    }
    Ok(())
}

/// Refuses an output of no known kind.
pub fn expect_kind(output: &Path) -> Result<(), CliError> {
    Kind::of(output).map(|_| ())
}

/// Writes the report to every output.
pub fn write_all(report: &Report, outputs: &[PathBuf], context: &Context) -> Result<(), CliError> {
    let mut made: Vec<(Kind, Artifact)> = Vec::new();
    for output in outputs {
        let kind = Kind::of(output)?;
        let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let same = made.iter().position(|(other, _)| *other == kind);
        let place = match same {
            Some(place) => place,
            None => {
                made.push((kind, kind.artifact(report, name, context)?));
                made.len() - 1
            }
        };
        write(output, &made[place].1, context)?;
    }
    Ok(())
}
