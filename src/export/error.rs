use crate::query::QueryError;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The data.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The output.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
    /// A file name whose ending says no format that is known.
    #[error(
        "`{name}` does not say a format by its ending: use .parquet, or .csv, .jsonl, .om or .lp, with .gz or .zst behind it or not"
    )]
    Format {
        /// The file name as given.
        name: String,
    },
    /// An aggregate that is not known.
    #[error(
        "`{text}` is not an aggregate: use avg, min, max, sum, count, first, last, increase, rate or a percentile such as p95"
    )]
    Agg {
        /// What was given.
        text: String,
    },
    /// A step that makes no buckets.
    #[error("a step of {step_ms} ms is too short: use 1 ms or more")]
    Step {
        /// What was given.
        step_ms: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_the_way_out() {
        let errors = [
            ExportError::Write(std::io::Error::other("disk full")),
            ExportError::Format { name: "x.foo".to_owned() },
            ExportError::Agg { text: "p101".to_owned() },
            ExportError::Step { step_ms: 0 },
        ];
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
        cannot write: disk full
        `x.foo` does not say a format by its ending: use .parquet, or .csv, .jsonl, .om or .lp, with .gz or .zst behind it or not
        `p101` is not an aggregate: use avg, min, max, sum, count, first, last, increase, rate or a percentile such as p95
        a step of 0 ms is too short: use 1 ms or more
        ");
    }
}
