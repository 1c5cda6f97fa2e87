use super::remote::RemoteSource;
use super::{LocalSource, Source};
use crate::model::{Selector, TimeRange};

/// What is asked.
pub enum Asked {
    /// A database.
    File(Box<LocalSource>),
    /// An engine.
    Engine(Box<RemoteSource>),
}

impl Asked {
    /// As who asks sees it.
    pub fn as_source(&self) -> &dyn Source {
        match self {
            Asked::File(file) => file.as_ref(),
            Asked::Engine(engine) => engine.as_ref(),
        }
    }

    /// The questions that follow are about `range`, the range before it and another one, and about the nodes of `selector`.
    pub fn look_at(&self, range: TimeRange, other: Option<TimeRange>, selector: &Selector) {
        if let Asked::Engine(engine) = self {
            engine.look_at(range, other, selector);
        }
    }

    /// What is known to lack in the answers so far. That a replica is away is none of it: another one has given what it would have.
    pub fn missing(&self) -> Vec<String> {
        match self {
            Asked::File(_) => Vec::new(),
            Asked::Engine(engine) => engine.missing(),
        }
    }

    /// For such questions only.
    pub fn looking_at(self, range: TimeRange, other: Option<TimeRange>, selector: &Selector) -> Box<dyn Source> {
        self.look_at(range, other, selector);
        match self {
            Asked::File(file) => file,
            Asked::Engine(engine) => engine,
        }
    }
}
