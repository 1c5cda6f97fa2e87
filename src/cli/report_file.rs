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
            "pdf" => Err(without_pdf(&output.display().to_string())),
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
            Kind::Pdf => return pdf(report, name, context),
        };
        Ok(Artifact { name, media_type, bytes })
    }
}

/// The report on paper.
#[cfg(feature = "pdf")]
pub fn pdf(report: &Report, name: String, context: &Context) -> Result<Artifact, CliError> {
    let bytes = report.pdf(context.settings.report.paper(&locale()))?;
    Ok(Artifact { name, media_type: "application/pdf", bytes })
}

/// The same of a build that has no paper.
#[cfg(not(feature = "pdf"))]
pub fn pdf(_: &Report, name: String, _: &Context) -> Result<Artifact, CliError> {
    Err(without_pdf(&name))
}

#[cfg(not(feature = "pdf"))]
fn without_pdf(what: &str) -> CliError {
    CliError::Usage(format!("{what}: this nodebook was built without pdf (cargo feature `pdf`); the .html prints well"))
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

#[cfg(all(test, not(feature = "pdf")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_pdf_says_so_and_names_the_way_out() {
        let said = expect_kind(Path::new("weekly.pdf")).unwrap_err().to_string();
        insta::assert_snapshot!(said, @"weekly.pdf: this nodebook was built without pdf (cargo feature `pdf`); the .html prints well");
    }
}
