use std::fmt;
use std::path::PathBuf;

use super::keys;

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A named file cannot be read.
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No such key.
    #[error("{place}: unknown key `{key}`; {}", way_out(key, *nearest))]
    UnknownKey {
        /// Where.
        place: Place,
        /// Its path.
        key: String,
        /// The known key most like it.
        nearest: Option<&'static str>,
    },
    /// A variable that looks like one of ours, and is none.
    #[error("${name}: no such setting{}", did_you_mean_variable(nearest.as_deref()))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The known variable most like it.
        nearest: Option<String>,
    },
    /// A key with a value that is none.
    #[error("{place}: {reason}")]
    Value {
        /// Where.
        place: Place,
        /// What is wrong, what was expected.
        reason: String,
    },
    /// A flag with a value that is none.
    #[error("--{flag}: {reason}")]
    Flag {
        /// Which.
        flag: &'static str,
        /// What is wrong, what was expected.
        reason: String,
    },
}

fn way_out(key: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known there: {}", keys::beside(key).join(", ")),
    }
}

fn did_you_mean_variable(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean ${name}?")).unwrap_or_default()
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// Which.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// In an environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Place::Variable(name) => write!(f, "${name}"),
        }
    }
}
