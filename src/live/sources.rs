//! What questions are asked of: the database, or an engine in its place.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::answer::Refusal;
use super::api::of_query;
use super::face::clock;
use crate::model::catalogue::Catalogue;
use crate::query::remote::{EngineAccess, RemoteSource};
use crate::query::{Asked, LocalSource, QueryError};

/// Opens it for each question.
pub(super) struct Sources {
    db: PathBuf,
    catalogue: Catalogue,
    engine: Option<EngineAccess>,
    /// Ways to the engine that nobody uses just now: they have their connections, and know what it speaks.
    idle: Mutex<Vec<RemoteSource>>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources({})", if self.is_engine() { "an engine" } else { "a database" })
    }
}

impl Sources {
    pub(super) fn new(db: PathBuf, engine: Option<EngineAccess>, catalogue: Catalogue) -> Sources {
        Sources { db, catalogue, engine, idle: Mutex::default() }
    }

    /// Whether it is an engine.
    pub(super) fn is_engine(&self) -> bool {
        self.engine.is_some()
    }

    /// Asks. That blocks: it is not for the thread that answers.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Asked) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.try_ask(|opened| question(opened.map_err(|error| of_query(&error))?))
    }

    /// The same for who knows what to do where there is nothing to ask.
    pub(super) fn try_ask<T>(&self, question: impl FnOnce(Result<&Asked, QueryError>) -> T) -> T {
        match self.open() {
            Err(error) => question(Err(error)),
            Ok(asked) => {
                let answer = question(Ok(&asked));
                if let Asked::Engine(way) = asked {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(*way);
                }
                answer
            }
        }
    }

    fn open(&self) -> Result<Asked, QueryError> {
        let Some(access) = &self.engine else {
            return Ok(Asked::File(Box::new(LocalSource::open(&self.db)?.knowing(self.catalogue.clone()))));
        };
        let known = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Asked::Engine(match known {
            Some(way) => Box::new(way.at_later(clock())?),
            None => Box::new(RemoteSource::connect(access.clone(), clock())?.knowing(self.catalogue.clone())),
        }))
    }
}
