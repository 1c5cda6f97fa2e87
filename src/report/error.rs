use crate::model::TimeRange;
use crate::query::QueryError;

/// Why no report was made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The data.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Nothing in range.
    #[error("no data of that selection between {} and {}", range.from(), range.to())]
    NoData {
        /// The range.
        range: TimeRange,
    },
    /// There is data, but none of it counts.
    #[error("the masks of [report] leave out all data between {} and {}", range.from(), range.to())]
    LeftOut {
        /// The range.
        range: TimeRange,
    },
    /// A period to compare with that holds nothing.
    #[error("nothing to compare with between {} and {}", range.from(), range.to())]
    NothingToCompare {
        /// The period.
        range: TimeRange,
    },
    /// There is data, but none of it is a metric that was asked for.
    #[error("no metric in range matches {}: there are {}", wanted.join(", "), some(near, *all))]
    NoSuchMetric {
        /// What was asked for.
        wanted: Vec<String>,
        /// A few that are there, those that may have been meant first.
        near: Vec<String>,
        /// How many there are.
        all: usize,
    },
    /// The template.
    #[error("cannot render the page: {0}")]
    Render(String),
    /// The image.
    #[error("cannot draw the image: {0}")]
    Image(String),
    /// A build without the Cargo feature `png`.
    #[error("this nodebook was built without png (cargo feature `png`); a .svg shows the same")]
    WithoutPng,
    /// The document.
    #[error("cannot write the PDF: {0}")]
    Pdf(String),
}

fn some(names: &[String], all: usize) -> String {
    match all.saturating_sub(names.len()) {
        _ if names.is_empty() => "none".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn errors_name_the_thing_and_the_way_out() {
        let range = TimeRange::new(Timestamp::from_millis(0), Timestamp::from_millis(1000)).unwrap();
        insta::assert_snapshot!(ReportError::NoData { range }, @"no data of that selection between 1970-01-01T00:00:00.000Z and 1970-01-01T00:00:01.000Z");
        insta::assert_snapshot!(ReportError::LeftOut { range }, @"the masks of [report] leave out all data between 1970-01-01T00:00:00.000Z and 1970-01-01T00:00:01.000Z");
        insta::assert_snapshot!(ReportError::NothingToCompare { range }, @"nothing to compare with between 1970-01-01T00:00:00.000Z and 1970-01-01T00:00:01.000Z");
        insta::assert_snapshot!(
            ReportError::NoSuchMetric { wanted: vec!["cpu".into(), "mem".into()], near: vec!["cpu_percent".into(), "load1".into()], all: 7 },
            @"no metric in range matches cpu, mem: there are cpu_percent, load1 and 5 more"
        );
        insta::assert_snapshot!(ReportError::Render("disk full".into()), @"cannot render the page: disk full");
        insta::assert_snapshot!(ReportError::Image("it is too large".into()), @"cannot draw the image: it is too large");
        insta::assert_snapshot!(ReportError::Pdf("not a font".into()), @"cannot write the PDF: not a font");
    }
}
